//! The cases of smile.json through the program as built: chains, smiles and positions are entered by instructions, and the
//! requirement that `health` reports is compared with that of the double-precision model. Spot that adds up to less than nothing
//! is borrowed and withdrawn.

use std::collections::BTreeMap;

use novate_client::instructions as build;
use novate_client::{Forecast, Leg, Right, ScenarioRange};
use novate_tests::dated::option_leg;
use novate_tests::world::leg;
use novate_tests::{checker, future, Actor, AssetSpec, Builder, MarketSpec, World, CONTRACT, DOLLAR};
use serde_json::Value;
use solana_signer::Signer;

use crate::checking::raw;

const CASES: &str = include_str!("../../crates/margin/tests/data/smile.json");
/// Assets behind the settlement asset, in the order of their indices and columns.
const UNDERLYINGS: [&str; 3] = ["BTC", "ETH", "SOL"];
/// Markets of an underlying: expiries whose smiles cross are listed in different ones.
const MARKETS: u16 = 3;
const DAY: i64 = 86_400;
/// Rows that one staging instruction carries in a packet.
const ROWS: usize = 60;

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} is no number"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is no list"))
}

/// A number with six decimals in 1e-6.
fn micro(number: f64) -> i64 {
    (number * 1e6).round() as i64
}

/// The same in 1e-9.
fn nano(number: f64) -> i64 {
    micro(number) * 1_000
}

fn asset_of(name: &str) -> u16 {
    1 + UNDERLYINGS.iter().position(|u| *u == name).unwrap() as u16
}

/// A case in a world of its own.
struct Stage {
    world: World,
    /// Market and time of each expiry, by underlying and days.
    expiries: BTreeMap<(u16, i64), (u16, i64)>,
}

impl Stage {
    fn new(case: &Value) -> Self {
        let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
        for name in UNDERLYINGS {
            let facts = &case["underlyings"][name];
            assert_eq!(number(facts, "confidence"), 0.0);
            let mut asset =
                AssetSpec::new(name, 9, number(facts, "price")).base_range(micro(number(facts, "scan_range")));
            asset.depth = micro(number(facts, "depth"));
            assets.push(asset);
        }
        let plain = |i: u16| {
            MarketSpec::new("M-PERP", 1 + i % 3).with(|t| {
                (t.tick, t.lot, t.minimum, t.option_tick, t.fee) = (1, 1, 1, 1, 0);
                (t.position_cap, t.open_interest_cap) = (100_000_000 * CONTRACT, i64::MAX);
            })
        };
        let markets = (0..MARKETS * 3).map(plain).collect();
        let world = Builder::default().assets(assets).markets(markets).unstaged().unpriced().build();
        let mut stage = Self { world, expiries: BTreeMap::new() };
        // Whole days from 08:00 UTC to each expiry.
        let eight = stage.world.expiry_in(1);
        stage.world.pass(eight - stage.world.now());
        stage.world.refresh();
        stage.stage_rows(list(case, "scenarios"));
        for chain in list(case, "chains") {
            stage.list(chain);
        }
        stage
    }

    fn stage_rows(&mut self, rows: &[Value]) {
        let governor = self.world.governor.insecure_clone();
        for (turn, some) in rows.chunks(ROWS).enumerate() {
            let cells = || some.iter().flat_map(|row| UNDERLYINGS.iter().map(move |u| &row[*u]));
            let range = ScenarioRange {
                count: rows.len() as u16,
                present: 0b111,
                source: [7; 32],
                start: (turn * ROWS) as u16,
                moves: cells().map(|c| (c[0].as_f64().unwrap() * 4096.0) as i16).collect(),
                vols: cells().map(|c| (c[1].as_f64().unwrap() * 127.0).round() as i8).collect(),
            };
            let stage = build::stage_scenarios(governor.pubkey(), self.world.pool, 1, range);
            self.world.succeeds(&[stage], &[&governor]);
        }
    }

    /// Lists a chain in the first market of its underlying in which no smile crosses it.
    fn list(&mut self, chain: &Value) {
        let (asset, days) = (asset_of(text(chain, "underlying")), number(chain, "days") as i64);
        let (time, svi) = (self.world.now() + days * DAY, &chain["svi"]);
        let [a, b, rho, m, sigma] = ["a", "b", "rho", "m", "sigma"].map(|p| micro(number(svi, p)));
        let forecast = Forecast { basis: micro(number(chain, "basis")), a, b, rho, m, sigma };
        let strikes: Vec<i64> = list(chain, "strikes").iter().map(|k| nano(k.as_f64().unwrap())).collect();
        let governor = self.world.governor.insecure_clone();
        for turn in 0..MARKETS {
            let market = asset - 1 + 3 * turn;
            let list = self.world.list_expiry_instruction(market, time, forecast);
            if self.world.attempt(list, &[&governor]).is_ok() {
                self.world.publish_forecast(market, time, forecast);
                self.world.list_strikes(market, time, &strikes);
                self.world.refresh_expiry(market, time);
                assert_eq!(self.expiries.insert((asset, days), (market, time)), None);
                return;
            }
        }
        panic!("{MARKETS} markets do not keep the smiles of {} apart", text(chain, "underlying"));
    }

    /// The instrument of a leg and a price that it may trade at: its mark. None for spot.
    fn leg(&self, of: &Value) -> Option<Leg> {
        let (asset, kind, quantity) = (asset_of(text(of, "underlying")), text(of, "kind"), nano(number(of, "qty")));
        let price = self.world.asset(asset).price;
        match kind {
            "spot" => None,
            "perp" => Some(leg(asset - 1, quantity, price.0)),
            _ => {
                let (market, time) = self.expiries[&(asset, number(of, "days") as i64)];
                let expiry = self.world.expiry(market, time);
                let forward = expiry.forward(price).unwrap().0;
                if kind == "future" {
                    return Some(future(market, time, quantity, forward));
                }
                let strike = nano(number(of, "strike"));
                let slot = expiry.listed().iter().position(|s| s.strike.0 == strike).unwrap();
                let call = expiry.strikes[slot].mark.0;
                let (right, mark) =
                    if kind == "call" { (Right::Call, call) } else { (Right::Put, call - forward + strike) };
                Some(option_leg(market, time, slot as u8, right, quantity, mark.max(1)))
            }
        }
    }

    /// Deposits or borrows the spot and trades the legs against a maker.
    fn enter(&mut self, case: &Value) -> Actor {
        let (owner, maker) = (self.world.trader(1_000_000_000), self.world.trader(1_000_000_000));
        for (asset, spot) in spots(case) {
            if spot > 0 {
                self.world.deposit(&owner, asset, spot.unsigned_abs());
            } else if spot < 0 {
                self.world.lender(asset, 2 * spot.unsigned_abs());
                self.world.borrow(&owner, asset, spot.unsigned_abs());
                self.world.withdraw(&owner, asset, spot.unsigned_abs());
            }
        }
        let legs: Vec<Leg> = list(case, "legs").iter().filter_map(|l| self.leg(l)).collect();
        for some in legs.chunks(4) {
            let trade = self.world.trade_of(owner.side(), maker.side(), some);
            let table = self.world.lookup_table(std::slice::from_ref(&trade));
            let sent = self.world.send_with_tables(&[trade], &[&owner.key, &maker.key], &[table]);
            sent.unwrap_or_else(|f| panic!("{:?}\n{}", f.error, f.logs.join("\n")));
        }
        owner
    }
}

/// Spot of each underlying that has some, summed, 1e-9.
fn spots(case: &Value) -> BTreeMap<u16, i64> {
    let mut spots = BTreeMap::new();
    for leg in list(case, "legs").iter().filter(|l| text(l, "kind") == "spot") {
        *spots.entry(asset_of(text(leg, "underlying"))).or_default() += nano(number(leg, "qty"));
    }
    spots
}

/// Notional of every leg, as MARGIN's accuracy is relative to.
fn gross(case: &Value) -> f64 {
    let notional = |l: &Value| number(l, "qty").abs() * number(&case["underlyings"][text(l, "underlying")], "price");
    list(case, "legs").iter().map(notional).sum()
}

#[test]
fn the_program_requires_what_the_model_requires() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let (mut entered, mut loans) = (0, 0);
    let (mut lowest, mut highest) = (0.0f64, 0.0f64);
    for case in list(&cases, "cases") {
        loans += usize::from(spots(case).values().any(|spot| *spot < 0));
        let mut stage = Stage::new(case);
        let owner = stage.enter(case);
        let report = stage.world.health(&owner);
        for (what, got) in [("initial", report.initial), ("maintenance", report.maintenance)] {
            let (got, want) = (got as f64 / DOLLAR as f64, number(&case["expected"], what));
            let error = (got - want) / gross(case);
            assert!((-1e-6..=2e-6).contains(&error), "{}: {what} is {got}, should be {want}", text(case, "name"));
            (lowest, highest) = (lowest.min(error), highest.max(error));
        }
        let rows = list(case, "scenarios").len();
        assert_eq!(rows, 128);
        assert_eq!(checker::violations(&raw(&stage.world), stage.world.pool.to_bytes()), Vec::<String>::new());
        entered += 1;
    }
    println!("{entered} cases, {loans} with a loan: from {lowest:.1e} to {highest:.1e} of the gross notional");
    assert_eq!((entered, loans), (20, 9));
}
