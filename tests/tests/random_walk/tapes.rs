//! What a walk that failed leaves behind: the fewest of its entries that lead to the same, in a file that can be played again.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::Duration;

use novate_tests::ledger::{Books, Ledger};
use novate_tests::tape::{self, Entry};
use novate_tests::{checker, World};

use super::judge::name_in_log;
use super::{setting, Walk};
use crate::checking::raw;

/// Seconds that a tape is shrunk for at most; `NOVATE_SHRINK` chooses others.
const SHRINKING: u64 = 600;

/// A rule beside the others, for the tests of this file: what it finds wrong, in words.
pub(super) type Rule = fn(&Books) -> Option<String>;

/// What a tape must lead to.
#[derive(Clone, Debug, PartialEq)]
enum Flaw {
    /// A rule that does not hold, by what it finds in words, without figures.
    Rule(String),
    /// The last transaction succeeds, or fails with this error.
    Outcome(Result<(), String>),
    /// Something was not possible in a twin, which no tape tells of.
    Impossible,
}

/// What a violation begins with, up to its figures.
fn kind(violation: &str) -> String {
    let (head, rest) = violation.split_once(": ").unwrap_or((violation, ""));
    let words =
        |text: &str| text.split(|c: char| c.is_ascii_digit() || c == '[').next().unwrap_or_default().to_string();
    let head = if head.starts_with("CLR") { head.to_string() } else { words(head) };
    format!("{head}: {}", words(rest))
}

pub(super) fn wrong(world: &World, ledger: &Ledger, rule: Option<Rule>) -> Vec<String> {
    let accounts = raw(world);
    let mut wrong = checker::violations(&accounts, world.pool.to_bytes());
    wrong.extend(ledger.differences(&accounts));
    wrong.extend(rule.and_then(|rule| rule(&ledger.books)));
    wrong
}

impl Walk {
    /// From here on a tape is recorded.
    pub(super) fn begin_tape(&mut self) {
        self.keep_books();
        self.begun = Some((Box::new(self.world.unsigned_twin()), self.ledger.clone()));
        self.world.record();
    }

    /// What the entries lead to from the beginning on: what is wrong, and how the last transaction ended.
    fn played<'a>(&self, tape: impl IntoIterator<Item = &'a Entry>) -> (Vec<String>, Option<Result<(), String>>) {
        let (world, ledger) = self.begun.as_ref().expect("a beginning");
        let (mut world, mut ledger) = (world.twin(), ledger.clone());
        let mut last = None;
        for entry in tape {
            if let Some(outcome) = world.play(entry) {
                let name = |logs: Vec<String>| name_in_log(&logs.join("\n")).unwrap_or_default();
                last = Some(outcome.map(|_| ()).map_err(|failure| name(failure.logs)));
            }
            for told in std::mem::take(&mut world.told) {
                ledger.take(&told.event);
            }
        }
        (wrong(&world, &ledger, self.rule), last)
    }

    fn leads_to<'a>(&self, tape: impl IntoIterator<Item = &'a Entry>, flaw: &Flaw) -> bool {
        let (wrong, last) = self.played(tape);
        match flaw {
            Flaw::Rule(rule) => wrong.iter().any(|violation| kind(violation) == *rule),
            Flaw::Outcome(outcome) => last.as_ref() == Some(outcome),
            Flaw::Impossible => false,
        }
    }

    /// The fewest entries that lead to what is wrong now, or to the outcome of the last transaction where no rule is broken.
    fn shrunk(&self) -> (Flaw, Vec<&Entry>, bool) {
        let tape = self.world.tape.as_ref().expect("a tape");
        let last = tape.len().saturating_sub(1);
        let kept =
            tape.iter().enumerate().filter(|(at, e)| *at == last || !matches!(e, Entry::Sent { refused: true, .. }));
        let kept: Vec<&Entry> = kept.map(|(_, entry)| entry).collect();
        let flaw = match wrong(&self.world, &self.ledger, self.rule).first() {
            Some(violation) => Flaw::Rule(kind(violation)),
            None if self.tries => Flaw::Impossible,
            None => Flaw::Outcome(self.played(kept.iter().copied()).1.unwrap_or(Ok(()))),
        };
        let limit = Duration::from_secs(setting("NOVATE_SHRINK", SHRINKING));
        if !self.leads_to(kept.iter().copied(), &flaw) {
            return (flaw, kept, false);
        }
        let (left, minimal) = tape::shrink(&kept, limit, |some| self.leads_to(some.iter().copied(), &flaw));
        (flaw, left, minimal)
    }

    /// Writes the fewest entries into a file of a folder.
    pub(super) fn leave_tape(&mut self, folder: &Path) -> PathBuf {
        self.keep_books();
        let (flaw, left, minimal) = self.shrunk();
        let path = folder.join(format!("tape-{}-{}", self.seed, self.step));
        let length = if minimal { "none can be left out" } else { "not shrunk to the end" };
        let text = format!("seed {}\n# {flaw:?}; {length}\n{}", self.seed, tape::to_text(left.iter().copied()));
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .expect("a folder that can be written");
        println!("{} entries, {length}, lead to {flaw:?}: {}", left.len(), path.display());
        path
    }
}

/// Where tapes are left: `NOVATE_TAPES`, or where a soak keeps its sums.
pub(super) fn folder() -> PathBuf {
    let usual = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/soak"));
    std::env::var_os("NOVATE_TAPES").map_or_else(usual, PathBuf::from)
}

/// The walk that a file is of, at its beginning, and the entries.
fn read(path: &Path) -> (Walk, Vec<Entry>) {
    let text = std::fs::read_to_string(path).expect("a tape");
    let (seed, entries) = text.split_once('\n').expect("a first line");
    let seed = seed.strip_prefix("seed ").and_then(|seed| seed.parse().ok()).expect("the seed in the first line");
    (Walk::new(seed), tape::from_text(entries).expect("entries of a tape"))
}

/// Plays the tape in the file that `NOVATE_TAPE` names, and fails where it leads to something wrong.
#[test]
fn a_tape_is_played_again() {
    let Some(path) = std::env::var_os("NOVATE_TAPE") else { return };
    let (walk, entries) = read(Path::new(&path));
    for (at, entry) in entries.iter().enumerate() {
        let (wrong, last) = walk.played(&entries[..=at]);
        let what = match entry {
            Entry::Time(time) => format!("the clock is {time}"),
            Entry::Written(address, account) => format!("{address} is written, {} bytes", account.data.len()),
            Entry::Sent { name, .. } => format!("{name}: {last:?}"),
        };
        println!("{at}: {what}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn fails(walk: &mut Walk, steps: u64) {
    let failed = catch_unwind(AssertUnwindSafe(|| (0..steps).for_each(|_| walk.step())));
    assert!(failed.is_err(), "{steps} steps led to nothing wrong");
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("novate-{name}-{}", std::process::id()))
}

/// A false rule: no stake is ever asked back. Tokens, a stake and a request lead there, whatever else the walk did.
#[test]
fn a_walk_that_fails_is_shrunk_to_what_leads_there() {
    let mut walk = Walk::new(7);
    walk.rule = Some(|books| {
        let asked = books.stakes.values().any(|stake| stake.requested > 0);
        asked.then(|| "planted: somebody asks for stake".to_string())
    });
    fails(&mut walk, 2_000);
    assert!(walk.world.tape.as_ref().unwrap().len() > 20, "step {}", walk.step);
    let folder = scratch("rule");
    let path = walk.leave_tape(&folder);
    let text = std::fs::read_to_string(&path).unwrap();
    let (again, entries) = read(&path);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(text.contains("none can be left out"), "{text}");
    let names: Vec<&str> = entries
        .iter()
        .map(|entry| match entry {
            Entry::Time(_) => "time",
            Entry::Written(..) => "written",
            Entry::Sent { name, .. } => name,
        })
        .collect();
    assert_eq!(names, ["written", "Stake", "RequestUnstake"]);

    // What was read leads there from a beginning of its own; without any entry of it nothing does.
    let flaw = Flaw::Rule("planted: somebody asks for stake".into());
    let again = Walk { rule: walk.rule, ..again };
    assert!(again.leads_to(&entries, &flaw));
    for at in 0..entries.len() {
        let without = entries.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, entry)| entry);
        assert!(!again.leads_to(without, &flaw), "entry {at}");
    }
}

/// A unit more in a vault, from outside, in the middle of a walk.
#[test]
fn what_was_altered_is_all_that_is_left() {
    let mut walk = Walk::new(8);
    (0..40).for_each(|_| walk.step());
    let vault = novate_client::addresses::vault(&novate_client::addresses::asset(&walk.world.pool, 0));
    let mut account = walk.world.account(&vault);
    account.data[64] ^= 1;
    let altered = account.data.clone();
    walk.world.write(vault, account);
    fails(&mut walk, 1_000);
    let folder = scratch("byte");
    let (_, entries) = read(&walk.leave_tape(&folder));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(walk.world.tape.as_ref().unwrap().len() > 20);
    let [Entry::Written(address, left)] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((*address, &left.data), (vault, &altered));
}

/// Where no rule is broken, what lets the last transaction end alike is left: here a refusal, which needs the price to be old.
#[test]
fn an_outcome_is_shrunk_to_what_leads_there() {
    let mut walk = Walk::new(9);
    (0..30).for_each(|_| walk.step());
    walk.world.pass(super::MAX_AGE + 1);
    let refresh = novate_client::instructions::refresh_market(&walk.world.pool, &[(0, super::UNDERLYINGS[0])]);
    assert_eq!(walk.run("refresh_market", refresh, &[]).map(|_| ()), Err("PriceStale".into()));
    let (flaw, left, minimal) = walk.shrunk();
    assert_eq!((flaw, minimal), (Flaw::Outcome(Err("PriceStale".into())), true));
    let [Entry::Time(_), Entry::Sent { name, refused: true, .. }] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(name, "RefreshMarket");
}
