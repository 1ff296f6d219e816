//! docs/matcher.md names every path, refusal, option and metric, and none that is not there; and every path of the OpenAPI document answers.

use std::collections::BTreeSet;

use clap::{Args, Command};
use novate_matcher::api::{document, ROUTES, STREAM};
use novate_matcher::metrics::Metrics;
use novate_matcher::options::Options;
use novate_matcher::refusal::Refusal;
use serde_json::Value;

use crate::process::{folder, request, Matcher};
use crate::signing::Trader;

const DOCUMENT: &str = include_str!("../../../../docs/matcher.md");

/// Cells of the rows of the table under a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split_once(heading).unwrap().1;
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).collect()
}

fn ticked(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_default()
}

#[test]
fn every_path_is_in_the_manual_and_in_openapi() {
    let manual: BTreeSet<_> = rows("## Interface").iter().map(|row| format!("{} {}", row[1], ticked(row[2]))).collect();
    let routes: BTreeSet<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let all: BTreeSet<_> = routes.iter().cloned().chain([format!("GET {STREAM}")]).collect();
    assert_eq!(manual, all);
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let described = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), routes);
    // What is referred to is there.
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document["components"]["schemas"].get(name).is_some(), "no schema {name}");
    }
}

#[test]
fn every_path_of_openapi_answers() {
    let trader = Trader::new(1);
    let matcher = Matcher::start(&folder("document"), &[&trader], &[]);
    let (_, document) = matcher.get("/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", &"0".repeat(32)).replace("{strategy}", "1%20BTC-PERP%230");
            let body = (method == "post").then_some("{}");
            let (status, answer) = request(&matcher.url, &method.to_uppercase(), &path, body, &[]);
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(status != 0 && !["NoSuchPath", "MethodNotAllowed"].contains(&error), "{method} {path}: {answer}");
        }
    }
}

/// Answers are as their schemas say: every field that is required is there, and no other.
#[test]
fn answers_are_as_openapi_says() {
    let trader = Trader::new(1);
    let matcher = Matcher::start(&folder("document_answers"), &[&trader], &[]);
    let order = matcher.sends("/orders", &trader.order(&crate::signing::sell(1, 60_000)));
    let schemas = &document()["components"]["schemas"];
    let same = |name: &str, answer: &Value| {
        let fields: BTreeSet<_> = answer.as_object().unwrap().keys().cloned().collect();
        let named: BTreeSet<_> = schemas[name]["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, named, "{name}");
    };
    same("Order", &order);
    same("Book", &matcher.get("/books/1%20BTC-PERP%230").1);
    same("Books", &matcher.get("/books").1);
    same("Instruments", &matcher.get("/instruments").1);
    same("Health", &matcher.get("/health").1);
    same("Requests", &matcher.get("/rfq").1);
    same("Refused", &matcher.get("/nothing").1);
    let wish = novate_matcher::control::Wish::Request { strategy: "1 x 1 BTC-PERP#0".into(), seconds: 30 };
    let asked = matcher.sends("/rfq", &trader.control(wish));
    same("Asked", &asked);
    let token = format!("Bearer {}", asked["token"].as_str().unwrap());
    let path = format!("/rfq/{}", asked["id"].as_str().unwrap());
    same("Quotes", &matcher.get_with(&path, ("Authorization", &token)).1);
    let wish = novate_matcher::control::Wish::Cancel(novate_matcher::engine::Which::All);
    same("Cancelled", &matcher.sends("/cancels", &trader.control(wish)));
}

#[test]
fn every_refusal_is_in_the_manual_with_its_status() {
    let manual: BTreeSet<(u16, String)> = rows("### Refusals")
        .iter()
        .flat_map(|row| {
            let status = row[1].parse().unwrap();
            row[2].split('`').skip(1).step_by(2).map(move |name| (status, name.to_string()))
        })
        .collect();
    let there: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| (refusal.status(), refusal.name())).collect();
    assert_eq!(manual, there);
}

#[test]
fn every_option_is_in_the_manual() {
    let manual: BTreeSet<_> = rows("cargo run -p novate-matcher")
        .iter()
        .flat_map(|row| row[1].split('`').skip(1).step_by(2).map(|option| option.trim_start_matches('-').to_string()))
        .collect();
    let command = Options::augment_args(Command::new(""));
    let there = command.get_arguments().filter_map(|argument| argument.get_long()).chain(["log"]);
    assert_eq!(manual, there.map(String::from).collect());
}

#[test]
fn every_metric_is_in_the_manual() {
    let metrics = Metrics::new();
    // One without values is not told.
    for family in [&metrics.requests, &metrics.refused, &metrics.fills, &metrics.transactions, &metrics.mids] {
        drop(family.get_or_create(&vec![]));
    }
    let text = metrics.text();
    let there = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let there: BTreeSet<String> =
        there.map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.into() }).collect();
    let manual: BTreeSet<_> = rows("## Metrics").iter().map(|row| ticked(row[1]).to_string()).collect();
    assert_eq!(manual, there);
}
