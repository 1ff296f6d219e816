//! `docs/rules.md`: every rule is there, and everything that it names is there too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rules of clearing, then those of margin.
const CLEARING: [u32; 22] = [1, 2, 3, 10, 11, 12, 15, 20, 30, 31, 32, 33, 34, 35, 36, 40, 41, 42, 50, 51, 52, 60];
const MARGIN: [u32; 31] = [
    10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 50, 51, 52, 60,
    61, 62,
];

/// Where code speaks of rules.
const SPEAKING: [&str; 6] = ["programs", "crates", "tests", "benches", "docs", "README.md"];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The page's table rows, cell by cell.
fn rows() -> Vec<Vec<String>> {
    let page = read(&root().join("docs/rules.md"));
    let lines =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| rule") && !line.contains("| input"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_string()).collect()).collect()
}

/// Rows by rule.
fn rules() -> BTreeMap<String, Vec<String>> {
    let rows: Vec<_> = rows().into_iter().filter(|row| is_rule(&row[0])).collect();
    let rules: BTreeMap<_, _> = rows.iter().map(|row| (row[0].clone(), row.clone())).collect();
    assert_eq!(rules.len(), rows.len(), "a rule stands there twice");
    rules
}

fn is_rule(text: &str) -> bool {
    ids(text).first().is_some_and(|id| id == text)
}

/// Every `CLR-01` and `MRG-10` of a text.
fn ids(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for prefix in ["CLR-", "MRG-"] {
        for (at, _) in text.match_indices(prefix) {
            let digits: String = text[at + prefix.len()..].chars().take_while(char::is_ascii_digit).collect();
            // A single digit is a family, as in `MRG-3x`.
            if digits.len() == 2 {
                out.push(format!("{prefix}{digits}"));
            }
        }
    }
    out
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Targets of a cell's links.
fn links(cell: &str) -> Vec<&str> {
    cell.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// `path::name` must be a file with a function of that name.
fn require_function(entry: &str, folders: [(&str, &str); 3]) {
    let (path, name) = entry.split_once("::").unwrap_or_else(|| panic!("`{entry}` names no function"));
    let (prefix, folder) = folders.into_iter().find(|(prefix, _)| path.starts_with(prefix)).expect("the last is empty");
    let source = read(&root().join(folder).join(&path[prefix.len()..]));
    let opens = |end: &str| source.contains(&format!("fn {name}{end}"));
    assert!(opens("(") || opens("<"), "`{entry}`: there is no such function");
}

fn require_code(entry: &str) {
    require_function(
        entry,
        [("margin/", "crates/margin/src"), ("cli/", "crates/cli/src"), ("", "programs/novate/src")],
    );
}

fn require_test(entry: &str) {
    require_function(entry, [("margin/", "crates/margin/tests"), ("cli/", "crates/cli/tests"), ("", "tests/tests")]);
}

/// A heading as links spell it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The text of a section of a page, down to the next heading.
fn section(link: &str) -> String {
    let (page, fragment) = link.split_once('#').unwrap_or_else(|| panic!("{link} names no section"));
    let text = read(&root().join("docs").join(page));
    let mut out: Option<String> = None;
    for line in text.lines() {
        if line.starts_with('#') {
            if out.is_some() {
                break;
            }
            out = (anchor(line.trim_start_matches('#')) == fragment).then(String::new);
        } else if let Some(out) = &mut out {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.unwrap_or_else(|| panic!("{link}: there is no such section"))
}

#[test]
fn every_rule_of_the_list_is_there_and_no_other() {
    let clearing = CLEARING.iter().map(|number| format!("CLR-{number:02}"));
    let listed: BTreeSet<String> = clearing.chain(MARGIN.iter().map(|number| format!("MRG-{number}"))).collect();
    assert_eq!(rules().into_keys().collect::<BTreeSet<_>>(), listed);
}

#[test]
fn what_a_rule_names_is_there() {
    for (rule, row) in rules() {
        let [_, statement, code, test, place] = row.as_slice() else { panic!("{rule}: five cells expected: {row:?}") };
        assert!(statement.len() > 20, "{rule} says nothing");
        let places: Vec<&str> = links(place).into_iter().chain(links(statement)).collect();
        assert!(!links(place).is_empty(), "{rule} is explained nowhere");
        for place in &places {
            let text = section(place);
            assert!(!place.ends_with("#not-in-force-yet") || text.contains(&rule), "{rule} is not in {place}");
        }
        if code == "-" {
            assert!(
                test == "-" && place.contains("#not-in-force-yet"),
                "{rule} has no code, and is not said to be missing"
            );
            continue;
        }
        assert!(!quoted(code).is_empty() && !quoted(test).is_empty(), "{rule} names no code or no test");
        quoted(code).into_iter().for_each(require_code);
        quoted(test).into_iter().for_each(require_test);
    }
}

/// What the tables of rules not in force have, this page points to.
#[test]
fn what_is_not_in_force_is_said_here_too() {
    let rules = rules();
    for page in ["clearing.md#not-in-force-yet", "margin.md#not-in-force-yet"] {
        let text = section(page);
        let first =
            text.lines().filter_map(|line| line.strip_prefix("| ")).flat_map(|line| ids(line).into_iter().next());
        for rule in first {
            let row = &rules[&rule];
            assert!(
                row.iter().any(|cell| cell.contains(page)),
                "{rule} is not in force in part, and its row does not say so"
            );
        }
    }
}

#[test]
fn what_bad_input_names_is_there() {
    let rows: Vec<_> = rows().into_iter().filter(|row| !is_rule(&row[0])).collect();
    assert!(rows.len() >= 18, "{} rows", rows.len());
    for row in rows {
        let [input, outcome, test] = row.as_slice() else { panic!("three cells expected: {row:?}") };
        assert!(!outcome.is_empty() && !quoted(test).is_empty(), "{input} has no outcome or no test");
        quoted(test).into_iter().for_each(require_test);
    }
}

/// `docs/threat-model.md` names code and tests as the rules' page does; each is one or the other.
#[test]
fn what_the_threat_model_names_is_there() {
    let page = read(&root().join("docs/threat-model.md"));
    let named: Vec<&str> = page.lines().flat_map(quoted).filter(|entry| entry.contains(".rs::")).collect();
    assert!(named.len() > 80, "{} names", named.len());
    for entry in named {
        let (path, name) = entry.split_once("::").unwrap();
        let found = ["tests/tests", "programs/novate/src"].iter().any(|folder| {
            let source = fs::read_to_string(root().join(folder).join(path)).unwrap_or_default();
            source.contains(&format!("fn {name}(")) || source.contains(&format!("fn {name}<"))
        });
        assert!(found, "`{entry}`: there is no such function");
    }
    for link in links(&page).into_iter().filter(|link| link.contains(".md#") && !link.starts_with("..")) {
        section(link);
    }
}

/// Files below a path that people write.
fn sources(path: &Path, out: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|entry| !entry.ends_with("target")).for_each(|entry| sources(&entry, out));
    } else if path.extension().is_some_and(|end| ["rs", "md", "toml"].iter().any(|known| end == *known)) {
        out.push(path.to_path_buf());
    }
}

#[test]
fn every_rule_that_code_or_documents_speak_of_is_there() {
    let (rules, mut files) = (rules(), Vec::new());
    SPEAKING.iter().for_each(|path| sources(&root().join(path), &mut files));
    assert!(files.len() > 200, "{} files", files.len());
    for file in files {
        for rule in ids(&read(&file)) {
            assert!(rules.contains_key(&rule), "{}: {rule} is no rule", file.display());
        }
    }
}

#[test]
fn the_reader_of_the_page_reads() {
    assert_eq!(ids("MRG-3x, CLR-02 and (MRG-45)"), ["CLR-02", "MRG-45"]);
    assert_eq!(quoted("`a.rs::b`, `c.rs::d`"), ["a.rs::b", "c.rs::d"]);
    assert_eq!(links("x; in part: [y](p.md#q-r)"), ["p.md#q-r"]);
    assert_eq!(anchor(" CLR-31, CLR-35: what is reserved"), "clr-31-clr-35-what-is-reserved");
    let named = |entry: &'static str| std::panic::catch_unwind(move || require_test(entry)).is_ok();
    assert!(named("rules.rs::the_reader_of_the_page_reads") && !named("rules.rs::no_such_test") && !named("no.rs::x"));
    assert!(std::panic::catch_unwind(|| section("margin.md#no-such-section")).is_err());
}
