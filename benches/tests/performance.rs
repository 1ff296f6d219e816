//! The figures in `docs/performance.md` are those of the program as it is built now.

use novate_bench::{document_path, measure, parse, TOLERANCE};

#[test]
fn no_figure_grows_unnoticed() {
    let document = std::fs::read_to_string(document_path()).expect("docs/performance.md: run `make bench`");
    let (kept, measured) = (parse(&document), measure());
    let names = |figures: &[novate_bench::Figure]| -> Vec<_> {
        figures.iter().map(|f| (f.instruction.clone(), f.state.clone())).collect()
    };
    assert_eq!(names(&kept), names(&measured), "the rows differ: run `make bench`");
    let mut grown = vec![];
    for (old, new) in kept.iter().zip(&measured) {
        let most = |value: u64| value + value * TOLERANCE / 100;
        if new.units > most(old.units) || new.bytes as u64 > most(old.bytes as u64) {
            grown.push(format!("{} ({}): {} -> {} units", new.instruction, new.state, old.units, new.units));
        }
    }
    assert!(grown.is_empty(), "grown by more than {TOLERANCE} %, see `make bench`:\n{}", grown.join("\n"));
}

#[test]
fn goals_are_met() {
    let document = std::fs::read_to_string(document_path()).expect("docs/performance.md: run `make bench`");
    for figure in parse(&document) {
        if let Some(goal) = figure.goal {
            assert!(figure.units <= goal, "{} ({}): {} over {goal}", figure.instruction, figure.state, figure.units);
        }
    }
}
