//! The journal: the same state after a restart, torn ends, broken disks, new files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use novate_matcher::engine::{Blame, Command, Engine};
use novate_matcher::journal::{Journal, Opened};
use novate_matcher::order::{Id, Side};

use crate::books::order;
use crate::process::folder;

const BOUND: u64 = 1 << 20;

/// Opens it once nobody has it: a process that another test starts holds every open file for a moment.
fn open(folder: &Path, bound: u64) -> Opened {
    for _ in 0..100 {
        match Journal::open(folder, "pool x", bound) {
            Err(error) if error.to_string().contains("in use") => thread::sleep(Duration::from_millis(20)),
            opened => return opened.unwrap(),
        }
    }
    panic!("{} stays in use", folder.display());
}

/// Why it cannot be opened.
fn refusal(folder: &Path) -> String {
    for _ in 0..100 {
        let error = Journal::open(folder, "pool x", BOUND).err().unwrap().to_string();
        if !error.contains("in use") {
            return error;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{} stays in use", folder.display());
}

fn file(folder: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("journal."));
    assert_eq!(files.len(), 1, "{files:?}");
    files.pop().unwrap()
}

fn commands() -> Vec<Command> {
    let place = |nonce, portfolio, side, quantity, limit| Command::Place {
        order: Box::new(order(nonce, portfolio, side, quantity, limit)),
    };
    vec![
        place(1, 1, Side::Sell, 5, 101),
        place(2, 2, Side::Sell, 7, 102),
        place(3, 3, Side::Buy, 6, 102),
        Command::Sent { fills: vec![0], signature: "s".into(), transaction: "t".into() },
        Command::Undo { fill: 1, blame: Blame::Taker, error: "x".into() },
        Command::Settled { fills: vec![0] },
        Command::Tick { now: 5 },
    ]
}

/// Writes each command by itself; the hash after each.
fn write(folder: &Path, bound: u64) -> Vec<Id> {
    let mut opened = open(folder, bound);
    let mut hashes = vec![opened.engine.hash()];
    for command in commands() {
        opened.journal.append(std::slice::from_ref(&command)).unwrap();
        opened.engine.apply(command);
        opened.journal.shorten(&opened.engine).unwrap();
        hashes.push(opened.engine.hash());
    }
    hashes
}

#[test]
fn a_restart_leads_to_the_same_state() {
    let folder = folder("journal_restart");
    let hashes = write(&folder, BOUND);
    let opened = open(&folder, BOUND);
    assert_eq!((opened.engine.hash(), opened.torn), (hashes.last().unwrap().clone(), 0));
}

#[test]
fn a_journal_is_begun_anew_and_means_the_same() {
    let folder = folder("journal_short");
    let hashes = write(&folder, 1);
    assert!(file(&folder).ends_with("journal.7"), "each command began a new one");
    let opened = open(&folder, 1);
    assert_eq!(opened.engine.hash(), *hashes.last().unwrap());
}

#[test]
fn wherever_the_end_is_torn_what_is_whole_before_it_counts() {
    let folder = folder("journal_torn");
    let hashes = write(&folder, BOUND);
    let path = file(&folder);
    let whole = fs::read(&path).unwrap();
    let starts: Vec<_> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"NVMJ")).chain([whole.len()]).collect();
    assert_eq!(starts.len(), hashes.len() + 1);
    for length in starts[1]..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let opened = open(&folder, BOUND);
        let frames = starts.iter().filter(|start| **start <= length).count();
        assert_eq!(opened.engine.hash(), hashes[frames - 2], "cut at {length}");
        assert_eq!(opened.torn as usize, length - starts[frames - 1]);
        drop(opened);
        assert_eq!(fs::read(&path).unwrap().len(), starts[frames - 1], "it is cut off");
    }
}

#[test]
fn a_torn_end_of_rubbish_is_cut_and_written_over() {
    let folder = folder("journal_rubbish");
    let hashes = write(&folder, BOUND);
    let path = file(&folder);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([b"NVMJ".as_slice(), &[7; 100]].concat());
    fs::write(&path, bytes).unwrap();
    let mut opened = open(&folder, BOUND);
    assert_eq!((opened.engine.hash(), opened.torn), (hashes.last().unwrap().clone(), 104));
    let more = Command::Tick { now: 6 };
    opened.journal.append(std::slice::from_ref(&more)).unwrap();
    opened.engine.apply(more);
    let hash = opened.engine.hash();
    drop(opened);
    assert_eq!(open(&folder, BOUND).engine.hash(), hash);
}

#[test]
fn a_break_before_the_end_is_no_torn_end() {
    let folder = folder("journal_broken");
    write(&folder, BOUND);
    let path = file(&folder);
    let whole = fs::read(&path).unwrap();
    let starts: Vec<_> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"NVMJ")).collect();
    for at in [starts[2], starts[2] + 5, starts[2] + 9, starts[2] + 40] {
        let mut broken = whole.clone();
        broken[at] ^= 1;
        fs::write(&path, &broken).unwrap();
        let error = refusal(&folder);
        assert!(error.contains("broken at byte") && error.contains("whole again"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), broken, "nothing is cut");
    }
}

#[test]
fn one_process_writes_it_and_for_one_pool() {
    let folder = folder("journal_taken");
    let opened = open(&folder, BOUND);
    let error = Journal::open(&folder, "pool x", BOUND).err().unwrap().to_string();
    assert!(error.contains("in use by another matcher"), "{error}");
    drop(opened);
    drop(open(&folder, BOUND));
    let mut error = String::from("in use");
    while error.contains("in use") {
        error = Journal::open(&folder, "pool y", BOUND).err().unwrap().to_string();
    }
    assert!(error.contains("is of pool x"), "{error}");
}

#[test]
fn a_draft_of_a_new_file_counts_for_nothing() {
    let folder = folder("journal_draft");
    let hashes = write(&folder, BOUND);
    fs::write(folder.join("draft"), b"half").unwrap();
    let opened = open(&folder, BOUND);
    assert_eq!(opened.engine.hash(), *hashes.last().unwrap());
    assert_ne!(opened.engine.hash(), Engine::default().hash());
}
