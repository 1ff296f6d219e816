//! `novate margin`: the shapes of files, what is refused by name, and what is explained.

#![allow(clippy::unwrap_used)]

use anyhow::Result;
use novate_cli::margin::{self, evaluate, time};
use serde_json::{json, Value};

/// A portfolio with one leg of each kind.
fn portfolio() -> Value {
    json!({
        "name": "desk",
        "legs": [
            { "kind": "spot", "qty": 1.0, "underlying": "BTC" },
            { "kind": "perp", "qty": -0.5, "underlying": "BTC" },
            { "kind": "future", "qty": -1.0, "underlying": "ETH", "days": 30.0, "basis": 0.01 },
            { "kind": "call", "qty": -2.0, "underlying": "BTC", "strike": 110000.0, "days": 7.0, "vol": 0.55, "basis": 0.002 },
            { "kind": "put", "qty": 1.0, "underlying": "BTC", "strike": 90000.0, "days": 7.0, "vol": 0.6, "basis": 0.002 },
        ],
        "underlyings": {
            "BTC": { "price": 100000.0, "scan_range": 0.15, "confidence": 50.0, "depth": 5e6 },
            "ETH": { "price": 4000.0, "scan_range": 0.18, "confidence": 0.0, "depth": 0.0 },
        },
        "scenarios": [
            { "BTC": [0.5, -1.0], "ETH": [0.25, 0.0] },
            { "BTC": [-1.0, 1.0], "ETH": [-0.75, 1.0] },
        ],
        "settlement_price": 1.0,
        "outside": [{ "value": -1000.0, "haircut": 0.1 }],
    })
}

fn found(file: &Value) -> Value {
    evaluate(&file.to_string()).unwrap()
}

fn refusal(file: &Value) -> String {
    format!("{:#}", evaluate(&file.to_string()).unwrap_err())
}

#[test]
fn one_a_list_and_a_set_come_back_as_they_were() {
    let one = portfolio();
    let mut expected = one.clone();
    expected["expected"] = found(&one)["expected"].clone();
    assert!(expected["expected"]["initial"].as_f64().unwrap() > 0.0);
    assert_eq!(found(&one), expected);
    assert_eq!(found(&json!([one, one])), json!([expected, expected]));
    assert_eq!(found(&json!({ "cases": [one] })), json!({ "cases": [expected] }));
    assert_eq!(found(&json!([])), json!([]));
    // Parameters stand beside the legs of one, or beside the list of several.
    let params = json!({ "maintenance_ratio": 0.5 });
    let (mut single, set) = (one.clone(), json!({ "params": params, "cases": [one] }));
    single["params"] = params;
    let halved = &found(&single)["expected"];
    assert_eq!(halved, &found(&set)["cases"][0]["expected"]);
    let margin = |what: &str| halved[what].as_f64().unwrap();
    assert!((margin("maintenance") / margin("initial") - 0.5).abs() < 1e-6);
    // What was expected before does not matter.
    assert_eq!(found(&expected), expected);
}

#[test]
fn nothing_held_asks_for_nothing() {
    let mut empty = portfolio();
    empty["legs"] = json!([]);
    empty["outside"] = json!([]);
    let expected = &found(&empty)["expected"];
    assert_eq!((&expected["initial"], &expected["scan"]), (&json!(0.0), &json!({})));
}

#[test]
fn a_strike_at_two_vols_is_one_strike_where_shorts_are_charged() {
    let mut case = portfolio();
    let call = |qty: f64, vol: f64| json!({ "kind": "call", "qty": qty, "underlying": "ETH", "strike": 4000.0, "days": 30.0, "vol": vol, "basis": 0.01 });
    case["legs"] = json!([call(-3.0, 0.7), call(1.0, 0.5), call(1.0, 0.6)]);
    let charge = &found(&case)["expected"]["contingencies"]["ETH"]["naked_short"];
    // One contract net short, 0.5 % of 4,000 USD.
    assert_eq!(charge, &json!(20.0));
}

/// One value of the portfolio replaced, and the refusal that follows.
#[test]
fn what_the_model_does_not_hold_is_refused_by_name() {
    let table = [
        ("/legs/3/kind", json!("swap"), "legs[3] (BTC swap): unknown kind `swap`: spot, perp, future, call or put"),
        ("/legs/3/underlying", json!("DOGE"), "legs[3]: `DOGE` is not in `underlyings`"),
        ("/legs/3/strike", json!(-1.0), "legs[3] (BTC call): strike: not above 0"),
        ("/legs/3/strike", json!(1e12), "legs[3] (BTC call): strike: 1000000000000 does not fit: at most 9.22e9"),
        ("/legs/3/strike", Value::Null, "legs[3] (BTC call): missing field `strike`"),
        ("/legs/3/days", json!(0.0), "legs[3] (BTC call): days: 0 is no time to an expiry"),
        ("/legs/2/days", json!(-1.0), "legs[2] (ETH future): days: -1 is no time to an expiry"),
        ("/legs/2/days", json!(1e9), "legs[2] (ETH future): days: 1000000000 is no time to an expiry"),
        ("/legs/2/basis", json!(1.5), "the expiry of legs[2]: a basis must be between -0.5 and 1"),
        ("/legs/4/basis", json!(0.003), "legs[4] (BTC put): basis: not that of legs[3], which has the same expiry"),
        ("/legs/4/basis", json!(0.0000001), "legs[4] (BTC put): basis: 0.0000001 has more than 6 decimals"),
        ("/legs/4/vol", json!(-0.1), "legs[4] (BTC put): vol: -0.1 is below 0 or absurd"),
        ("/legs/4/vol", Value::Null, "legs[4] (BTC put): missing field `vol`"),
        ("/legs/0/qty", json!(1e10), "legs[0] (BTC spot): qty: 10000000000 does not fit: at most 9.22e9"),
        ("/legs/0/qty", json!("1"), "legs[0]: invalid type: string \"1\", expected f64"),
        ("/legs/0", json!({ "kind": "spot", "underlying": "BTC" }), "legs[0]: missing field `qty`"),
        ("/underlyings/ETH/price", json!(0.0), "the expiry of legs[2]: a price must be positive"),
        ("/underlyings/BTC/confidence", json!(-1.0), "underlyings.BTC: an oracle confidence must not be negative"),
        ("/underlyings/BTC/depth", json!(-1.0), "underlyings.BTC: a market depth must not be negative"),
        (
            "/underlyings/BTC/scan_range",
            json!(1.1),
            "the expiry of legs[3]: a scan range must be above 0 and at most 1",
        ),
        (
            "/underlyings/BTC/scan_range",
            json!(0.0),
            "the expiry of legs[3]: a scan range must be above 0 and at most 1",
        ),
        ("/scenarios/1/ETH/0", json!(-1.5), "scenarios[1]: ETH: -1.5 is not between -1 and 1"),
        ("/scenarios/1/ETH/1", json!(0.001), "scenarios[1]: ETH: 0.001 is no multiple of 1/127"),
        ("/scenarios/1", json!({ "BTC": [0.0, 0.0] }), "scenarios[1]: ETH: missing"),
        ("/settlement_price", json!(0.0), "set the price of the settlement asset first"),
        ("/settlement_price", Value::Null, "settlement_price: invalid type: null, expected f64"),
        ("/outside/0/haircut", json!(1.1), "outside[0]: a haircut must be between 0 and 1"),
        ("/outside/0/value", json!(1e10), "outside[0]: value: 10000000000 does not fit: at most 9.22e9"),
    ];
    for (place, value, message) in table {
        let mut case = portfolio();
        *case.pointer_mut(place).unwrap() = value;
        assert_eq!(refusal(&case), format!("desk: {message}"), "{place}");
        assert_eq!(refusal(&json!({ "cases": [portfolio(), case] })), format!("cases[1] (desk): {message}"));
    }
}

#[test]
fn what_is_too_much_is_refused_by_name() {
    let option = |underlying: &str, strike: usize, days: usize| {
        json!({
            "kind": "put", "qty": 1.0, "underlying": underlying, "strike": strike, "days": days, "vol": 0.5, "basis": 0.0
        })
    };
    let with = |legs: Vec<Value>| {
        let mut case = portfolio();
        case["legs"] = legs.into();
        case["scenarios"] = json!([]);
        for n in 0..30 {
            case["underlyings"][format!("U{n:02}")] = case["underlyings"]["ETH"].clone();
        }
        case
    };
    let strikes = |count: usize| with((0..count).map(|n| option("BTC", 90_000 + 1_000 * n, 7)).collect());
    found(&strikes(24));
    let refused = "desk: legs[24] (BTC put): more strikes (or vols of them) than the 24 of an expiry";
    assert_eq!(refusal(&strikes(25)), refused);
    let expiries = |count: usize| with((0..count).map(|n| option("BTC", 90_000, 7 + n)).collect());
    found(&expiries(12));
    assert_eq!(refusal(&expiries(13)), "desk: legs[12]: too many expiries in one book");
    let books = |count: usize| with((0..count).map(|n| option(&format!("U{n:02}"), 4_000, 7)).collect());
    found(&books(8));
    assert_eq!(refusal(&books(9)), "desk: options on 9 underlyings, a portfolio holds them on 8");
    let spot = |n: usize| json!({ "kind": "spot", "underlying": format!("U{n:02}"), "qty": 1.0 });
    let balances = |count: usize| with((0..count).map(spot).collect());
    found(&balances(24));
    assert_eq!(refusal(&balances(25)), "desk: underlyings.U24: too many underlyings in one book");
    let mut joint = balances(17);
    joint["scenarios"] = json!([{}]);
    assert_eq!(refusal(&joint), "desk: scenarios: 17 underlyings held, at most 16 have a column");
    joint = portfolio();
    joint["scenarios"] = vec![joint["scenarios"][0].clone(); 129].into();
    assert_eq!(refusal(&joint), "desk: scenarios: 129 rows, at most 128");
    // Each leg fits its type, their values do not.
    let mut large = option("BTC", 90_000, 7);
    large["qty"] = json!(9e9);
    assert_eq!(refusal(&with(vec![large])), "desk: options on BTC: a result does not fit its type");
}

#[test]
fn what_is_no_file_of_portfolios_is_refused_by_name() {
    let message = |text: &str| format!("{:#}", evaluate(text).unwrap_err());
    assert_eq!(message("5"), "neither a portfolio nor a list of them");
    assert_eq!(message("{}"), "neither a portfolio (no `legs`) nor a list of them (no `cases`)");
    assert_eq!(message("[[]]"), "cases[0]: no portfolio");
    assert!(message("{\"legs\": [NaN]}").ends_with("JSON has no NaN and no Infinity"));
    assert!(message("{").starts_with("not JSON: "));
    let with = |params: Value| json!({ "params": params, "cases": [] }).to_string();
    assert_eq!(message(&with(json!({ "es_tail_count": 4 }))), "params.es_tail_count: 4, the model averages 3");
    assert_eq!(message(&with(json!({ "vol_upp": 0.5 }))), "params.vol_upp: no parameter of the model");
    assert_eq!(message(&with(json!({ "es_credit": 1.5 }))), "params: parameter EsCredit is out of bounds");
    assert_eq!(
        message(&with(json!({ "es_credit": 0.1234567 }))),
        "params.es_credit: 0.1234567 has more than 6 decimals"
    );
}

const CANONICAL: &str = include_str!("../../margin/tests/data/canonical.json");

/// The figures of one line of a table: the one that begins so.
fn figures(text: &str, start: &str) -> Vec<f64> {
    let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no `{start}` in\n{text}"));
    let figure = |word: &str| if word == "-" { Some(0.0) } else { word.replace(',', "").parse().ok() };
    line[start.len()..].split_whitespace().filter_map(figure).collect()
}

/// As people read it.
fn explain(text: &str, choice: Option<&str>) -> Result<String> {
    Ok(margin::explain(text, choice)?.print(false))
}

#[test]
fn what_is_explained_is_json_too() {
    let file = portfolio();
    let said = margin::explain(&file.to_string(), None).unwrap().print(true);
    let said: Value = serde_json::from_str(&said).unwrap();
    let found = &found(&file)["expected"];
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    for (said, found) in [
        (&said["margins"]["initial"], &found["initial"]),
        (&said["margins"]["maintenance"], &found["maintenance"]),
        (&said["core"], &found["joint"]["core"]),
        (&said["by_underlying"][0]["scan_loss"], &found["scan"]["BTC"]["scan_loss"]),
    ] {
        assert_eq!(number(said), found.as_f64().unwrap());
    }
    assert_eq!((&said["portfolio"], &said["adds"][1]["held"]), (&json!("desk"), &json!("-0.5")));
    assert_eq!(said["adds"].as_array().unwrap().len(), 5);
    assert_eq!(said["greeks"][1]["underlying"], "ETH");
    assert_eq!(number(&said["greeks"][1]["gamma"]), 0.0);
}

#[test]
fn what_a_delta_hedged_straddle_requires() {
    let text = explain(CANONICAL, Some("3")).unwrap();
    assert!(text.starts_with("D  short 30d straddle, delta-hedged: what it requires"));
    assert_eq!(figures(&text, "requirement  "), [11_136.0]);
    assert_eq!(figures(&text, "net short options "), [1_000.0]);
    assert!(text.contains("spot +200.0 %, vol up"));
    // Option value, delta, gamma, vega, theta: with D = 0.14334, φ(d1) = 0.3979 and twice 100,000 USD, gamma is φ/D a unit of
    // spot, vega φ·√T a unit of vol, theta D²/2T of gamma.
    assert_eq!(figures(&text, "BTC 30 d  "), [-11_428.0, -5_714.0, -5_552.0, -228.0, 190.0]);
    assert_eq!(figures(&text, "BTC in all "), [-11_428.0, -4.0, -5_552.0, -228.0, 190.0]);
    // The specification's sum of the legs by themselves, and what the hedge saves.
    assert_eq!(figures(&text, "     in all "), [0.0, 205_710.0, 26_680.0, 0.0, 11_136.0]);
    assert_eq!(figures(&text, "2    BTC perp "), [0.0571, 5_710.0, 856.0, 11_829.0, -693.0]);
}

#[test]
fn a_leg_adds_what_the_others_need_less() {
    let mut case = portfolio();
    let whole = found(&case)["expected"]["initial"].as_f64().unwrap();
    let text = explain(&case.to_string(), None).unwrap();
    let count = case["legs"].as_array().unwrap().len();
    for at in 0..count {
        let leg = case["legs"].as_array_mut().unwrap().remove(at);
        let without = found(&case)["expected"]["initial"].as_f64().unwrap();
        case["legs"].as_array_mut().unwrap().insert(at, leg);
        let line = text.lines().find(|line| line.starts_with(&format!("{at}    "))).unwrap();
        let [others, adds] = figures(line, "")[..].last_chunk::<2>().copied().unwrap();
        assert!((others - without).abs() <= 0.5 && (adds - (whole - without)).abs() <= 0.5, "{line} {whole} {without}");
    }
}

#[test]
fn a_portfolio_is_chosen_by_name_or_place() {
    let title = |choice: Option<&str>| explain(CANONICAL, choice).map(|text| text.lines().next().unwrap().to_string());
    assert_eq!(title(Some("1")).unwrap(), "B  -1 perp: what it requires");
    assert_eq!(title(Some("B  -1 perp")).unwrap(), "B  -1 perp: what it requires");
    assert_eq!(title(Some("8")).unwrap_err().to_string(), "no portfolio `8` among 8");
    assert_eq!(
        title(None).unwrap_err().to_string(),
        "8 portfolios: choose one with --case, by name or by place from 0"
    );
    let mut case = portfolio();
    case["legs"][0]["kind"] = json!("swap");
    assert!(format!("{:#}", explain(&case.to_string(), None).unwrap_err()).starts_with("desk: legs[0]"));
}

#[test]
fn the_command_prints_a_file_or_an_error() {
    let novate = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_novate")).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../margin/tests/data/canonical.json");
    let (success, printed, _) = novate(&["margin", "evaluate", path]);
    assert!(success);
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), evaluate(CANONICAL).unwrap());
    let (success, printed, _) = novate(&["margin", "explain", path, "--case", "3"]);
    assert!(success && printed.trim_end() == explain(CANONICAL, Some("3")).unwrap().trim_end());
    let (success, printed, _) = novate(&["margin", "explain", path, "--case", "3", "--json"]);
    assert!(success && serde_json::from_str::<Value>(&printed).unwrap()["margins"]["initial"].is_string());
    let (success, printed, error) = novate(&["margin", "evaluate", "no-such-file"]);
    assert!(!success && printed.is_empty() && error.starts_with("error: cannot read no-such-file"), "{error}");
}

#[test]
fn the_model_is_timed_on_a_file() {
    let said = time(&portfolio().to_string()).unwrap().print(false);
    let (count, rest) = said.split_once(' ').unwrap();
    assert!(count.parse::<u64>().unwrap() > 100, "{said}");
    assert_eq!(rest, "evaluations a second of 1 portfolios with 5.0 legs on average, on one core");
    let json: Value = serde_json::from_str(&time(&portfolio().to_string()).unwrap().print(true)).unwrap();
    assert_eq!((&json["portfolios"], &json["legs"]), (&json!(1), &json!(5)));
    assert!(format!("{:#}", time("[]").err().unwrap()).contains("no portfolio"));
}
