//! `novate margin evaluate` against the vectors: portfolios with every intermediate value of the model, computed in double
//! precision from the same rules. Each value is within 2e-6 of the portfolio's gross notional, and the requirement never
//! below the reference by more than 1e-6 of it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use novate_cli::margin::evaluate;
use serde_json::Value;

const BOUND: f64 = 2e-6;
const BELOW: f64 = 1e-6;

/// The worst errors of each quantity, below and above, relative to the gross notional of its portfolio.
#[derive(Default)]
struct Errors {
    worst: BTreeMap<String, (f64, f64)>,
    values: usize,
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The gross notional of a portfolio: legs and balances outside the scan.
fn gross(case: &Value) -> f64 {
    let legs = case["legs"].as_array().unwrap().iter();
    let legs = legs.map(|leg| {
        let name = leg["underlying"].as_str().unwrap();
        number(&leg["qty"]).abs() * number(&case["underlyings"][name]["price"])
    });
    let outside = case["outside"].as_array().unwrap().iter().map(|balance| number(&balance["value"]).abs());
    legs.chain(outside).sum()
}

impl Errors {
    /// Compares two trees of the same form. `what` is the path to here without names of underlyings.
    fn compare(&mut self, case: &Value, what: &str, price: f64, got: &Value, want: &Value) {
        match want {
            Value::Object(want) => {
                let got = got.as_object().unwrap();
                assert!(want.keys().eq(got.keys()), "{} {what}: other fields", case["name"]);
                for (key, want) in want {
                    let facts = &case["underlyings"][key];
                    let (place, price) = if facts.is_object() {
                        (what.to_string(), number(&facts["price"]))
                    } else {
                        (format!("{what} {key}").trim_start().to_string(), price)
                    };
                    self.compare(case, &place, price, &got[key], want);
                }
            }
            Value::Array(want) => {
                let got = got.as_array().unwrap();
                assert_eq!(got.len(), want.len(), "{} {what}", case["name"]);
                got.iter().zip(want).for_each(|(got, want)| self.compare(case, what, price, got, want));
            }
            _ => self.see(case, what, price, number(got), number(want)),
        }
    }

    fn see(&mut self, case: &Value, what: &str, price: f64, got: f64, want: f64) {
        let unit = if what.ends_with("net_delta") { price } else { 1.0 };
        let error = (got - want) * unit / gross(case);
        let worst = self.worst.entry(what.into()).or_default();
        *worst = (worst.0.min(error), worst.1.max(error));
        self.values += 1;
        let name = &case["name"];
        assert!(error.abs() <= BOUND, "{name}: {what} is {got}, should be {want}: {error:e} of the gross notional");
        if matches!(what, "initial" | "maintenance") {
            assert!(error >= -BELOW, "{name}: {what} is {got}, below {want}: {error:e} of the gross notional");
        }
    }

    fn print(&self, cases: usize) {
        println!(
            "{} values in {cases} portfolios; worst errors in parts of gross notional (below, above):",
            self.values
        );
        for (what, (below, above)) in &self.worst {
            println!("  {what:28} {below:+.1e} {above:+.1e}");
        }
    }
}

/// Evaluates a file and compares every portfolio with what the file expects. Returns both.
fn check(text: &str) -> Vec<(Value, Value)> {
    let file: Value = serde_json::from_str(text).unwrap();
    let found = evaluate(text).unwrap();
    assert_eq!(found["params"], file["params"]);
    let (cases, found) = (file["cases"].as_array().unwrap(), found["cases"].as_array().unwrap());
    assert_eq!(cases.len(), found.len());
    let mut errors = Errors::default();
    for (case, found) in cases.iter().zip(found) {
        errors.compare(case, "", 1.0, &found["expected"], &case["expected"]);
    }
    errors.print(cases.len());
    // Each of the reference's quantities was compared: none fell out.
    assert_eq!(errors.worst.len(), 21);
    cases.iter().cloned().zip(found.iter().cloned()).collect()
}

/// Whether a charge is above zero in some portfolio.
fn occurs(cases: &[(Value, Value)], charge: &str) -> bool {
    let by_underlying = |case: &Value| case["expected"]["contingencies"].as_object().unwrap().clone();
    cases.iter().any(|(case, _)| by_underlying(case).values().any(|charges| number(&charges[charge]) > 0.0))
}

#[test]
fn options_futures_perpetuals_and_spot() {
    let cases = check(include_str!("../../margin/tests/data/margin.json"));
    assert!(cases.len() >= 48);
    for charge in ["basis", "naked_short", "option_value", "confidence", "concentration", "term_vega"] {
        assert!(occurs(&cases, charge), "no portfolio with {charge}");
    }
    let any = |seen: fn(&Value) -> bool| cases.iter().any(|(case, _)| seen(&case["expected"]));
    assert!(any(|e| number(&e["joint"]["core"]) < number(&e["joint"]["gross"])), "no credit");
    assert!(any(|e| number(&e["initial"]) * 0.8 > number(&e["maintenance"]) * 1.001), "no depeg");
    assert!(any(|e| number(&e["outside"]) > 0.0), "nothing outside the scan");
}

#[test]
fn without_options() {
    assert!(check(include_str!("../../margin/tests/data/linear.json")).len() >= 16);
}

#[test]
fn vols_from_smiles() {
    assert!(check(include_str!("../../margin/tests/data/smile.json")).len() >= 20);
}

#[test]
fn as_much_as_a_portfolio_holds() {
    let cases = check(include_str!("../../margin/tests/data/full.json"));
    assert_eq!(cases[0].0["legs"].as_array().unwrap().len(), 48);
}

#[test]
fn parameters_other_than_the_defaults() {
    let text = include_str!("../../margin/tests/data/params.json");
    assert!(check(text).len() >= 4);
    // They make a difference: with the defaults every portfolio asks for something else.
    let mut file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].take();
    let found = evaluate(&cases.to_string()).unwrap();
    for (found, case) in found.as_array().unwrap().iter().zip(cases.as_array().unwrap()) {
        assert!((number(&found["expected"]["initial"]) / number(&case["expected"]["initial"]) - 1.0).abs() > 1e-2);
    }
}

/// Initial and maintenance margin of the specification's eight portfolios, to the dollar.
#[test]
fn the_canonical_eight() {
    let table = [
        ("A", 1_000, 800),
        ("B", 15_000, 12_000),
        ("C", 1_233, 986),
        ("D", 11_136, 8_909),
        ("E", 300, 240),
        ("F", 9_005, 7_204),
        ("G", 16_931, 13_545),
        ("H", 10_551, 8_441),
    ];
    let cases = check(include_str!("../../margin/tests/data/canonical.json"));
    assert_eq!(cases.len(), table.len());
    for ((case, found), (name, initial, maintenance)) in cases.iter().zip(table) {
        assert!(case["name"].as_str().unwrap().starts_with(name));
        let margin = |what: &str| number(&found["expected"][what]);
        println!("{}: {:.2} {:.2}", case["name"], margin("initial"), margin("maintenance"));
        assert!((margin("initial") - f64::from(initial)).abs() < 1.0, "{name}");
        assert!((margin("maintenance") - f64::from(maintenance)).abs() < 1.0, "{name}");
    }
}

/// The parameters of the files are those that a file without any gets.
#[test]
fn the_defaults_are_those_of_the_vectors() {
    let text = include_str!("../../margin/tests/data/linear.json");
    let with = evaluate(text).unwrap();
    let mut file: Value = serde_json::from_str(text).unwrap();
    file.as_object_mut().unwrap().remove("params");
    assert_eq!(evaluate(&file.to_string()).unwrap()["cases"], with["cases"]);
}
