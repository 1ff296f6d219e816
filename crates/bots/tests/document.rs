//! docs/bots.md names every option and every metric, and none that is not there.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use clap::{Args, Command};
use novate_bots::metrics::Metrics;
use novate_bots::{keeper, liquidator};

const DOCUMENT: &str = include_str!("../../../docs/bots.md");
/// Options of cargo, and that of the binaries.
const OTHERS: [&str; 2] = ["bin", "log"];

/// What follows a mark in the document, as long as it is of these characters.
fn named(mark: &str, of: fn(char) -> bool) -> BTreeSet<String> {
    let found = DOCUMENT.split(mark).skip(1).map(|rest| rest.chars().take_while(|c| of(*c)).collect::<String>());
    found.filter(|name| !name.is_empty() && !name.starts_with('-')).collect()
}

#[test]
fn every_option_is_in_the_manual() {
    let commands =
        [keeper::Options::augment_args(Command::new("")), liquidator::Options::augment_args(Command::new(""))];
    let there = commands.iter().flat_map(|command| command.get_arguments().filter_map(|a| a.get_long()));
    let there: BTreeSet<String> = there.chain(OTHERS).map(String::from).collect();
    assert_eq!(named("--", |c| c.is_ascii_lowercase() || c == '-'), there);
}

#[test]
fn every_metric_is_in_the_manual() {
    let metrics = Metrics::new();
    // One without values is not told.
    let none = vec![];
    drop(metrics.transactions.get_or_create(&none));
    drop(metrics.price_age.get_or_create(&none));
    drop(metrics.reaction.get_or_create(&none));
    drop(metrics.calls.get_or_create(&none));
    let text = metrics.text();
    let there = text.lines().filter_map(|line| line.strip_prefix("# TYPE novate_")?.split_once(' '));
    let there: BTreeSet<String> =
        there.map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.into() }).collect();
    assert_eq!(there.len(), 17);
    assert_eq!(named("`novate_", |c| c.is_ascii_lowercase() || c == '_'), there);
}
