//! `novate margin explain`: what the margin of one portfolio is made of, as tables.

use anyhow::{ensure, Context, Result};
use novate_margin::dated::Right;
use novate_margin::pricing::DAY;
use novate_margin::units::{PRICE_DIGITS, USD_DIGITS};
use novate_margin::{Book, Health, Params, Underlying, Usd};
use serde_json::{json, Map, Value};

use super::file::{Case, File};
use super::greeks::Greeks;
use super::number::real;
use super::portfolio::{Kind, Leg, Portfolio};
use super::tables::{exact, figure, percent, table};
use crate::amount::{decimal, CONTRACT, USD};
use crate::trader::Printed;

/// Explains one portfolio of a file: the one chosen by name or place, or the only one.
pub fn explain(text: &str, choice: Option<&str>) -> Result<Printed> {
    let file = File::parse(text)?;
    let case = choose(&file.cases, choice)?;
    let explained = Explained::new(case, &file.params);
    let explained = if case.place.is_empty() { explained } else { explained.with_context(|| case.place.clone()) }?;
    Ok(Printed::new(explained.print(), explained.json()?))
}

fn choose<'a>(cases: &'a [Case], choice: Option<&str>) -> Result<&'a Case> {
    let Some(choice) = choice else {
        ensure!(cases.len() == 1, "{} portfolios: choose one with --case, by name or by place from 0", cases.len());
        return Ok(&cases[0]);
    };
    let named = cases.iter().find(|case| case.name() == Some(choice));
    let placed = || choice.parse::<usize>().ok().and_then(|at| cases.get(at));
    named.or_else(placed).with_context(|| format!("no portfolio `{choice}` among {}", cases.len()))
}

/// A portfolio with all that its tables say.
struct Explained {
    title: String,
    portfolio: Portfolio,
    health: Health,
    /// Results by underlying, in the order of the portfolio's.
    found: Vec<Underlying>,
    /// For each leg the requirement of the leg by itself, and of the others without it.
    by_leg: Vec<(Usd, Usd)>,
    /// Places of USD: cents where there are no thousands.
    places: usize,
}

fn usd(amount: Usd) -> f64 {
    real(amount.0, USD_DIGITS)
}

fn amount(amount: Usd) -> Value {
    decimal(amount.0, USD).into()
}

impl Explained {
    fn new(case: &Case, params: &Params) -> Result<Self> {
        let portfolio = Portfolio::read(case, params)?;
        let mut book = Box::<Book>::default();
        let mut by_leg = vec![];
        for at in 0..portfolio.legs.len() {
            let alone = portfolio.judge(&mut book, |leg| leg == at, params)?;
            let others = portfolio.judge(&mut book, |leg| leg != at, params)?;
            by_leg.push((alone.requirement.sub(alone.outside)?, others.requirement));
        }
        let health = portfolio.judge(&mut book, |_| true, params)?;
        let found = book.underlyings().to_vec();
        let title = case.name().unwrap_or("portfolio").into();
        let places = places(health.requirement);
        Ok(Self { title, portfolio, health, found, by_leg, places })
    }

    fn print(&self) -> String {
        let names = self.portfolio.underlyings.iter().map(|held| held.name.clone());
        let underlyings = underlyings(names.zip(&self.found), self.places);
        [parts(&self.title, &self.health, self.places), underlyings, self.greeks(), self.legs()].join("\n")
    }

    /// The same as JSON, by the names that a portfolio on the cluster has.
    fn json(&self) -> Result<Value> {
        let names = self.portfolio.underlyings.iter().map(|held| held.name.clone());
        let margins = [("initial", self.health.initial), ("maintenance", self.health.maintenance)];
        let margins = margins.into_iter().chain([("requirement", self.health.requirement)]);
        let mut adds = vec![];
        for (leg, (alone, others)) in self.portfolio.legs.iter().zip(&self.by_leg) {
            adds.push(json!({
                "name": self.label(leg),
                "held": decimal(leg.quantity.0, CONTRACT),
                "alone": amount(*alone),
                "requirement": amount(self.health.requirement.sub(*others)?),
            }));
        }
        let own = json!({
            "portfolio": self.title,
            "margins": margins.map(|(name, margin)| (name.to_string(), amount(margin))).collect::<Map<_, _>>(),
            "by_underlying": underlyings_json(names.zip(&self.found)),
            "greeks": self.greeks_json(),
            "adds": adds,
        });
        let mut json = parts_json(&self.health);
        json.extend(own.as_object().cloned().unwrap_or_default());
        Ok(json.into())
    }

    /// Greeks of each underlying, of all that is on it.
    fn greeks_json(&self) -> Value {
        let rounded = |x: f64| decimal((x * 1e6).round() as i128, USD);
        let of = |(at, name): (usize, &str)| {
            let legs = self.portfolio.legs.iter().filter(|leg| leg.underlying == at);
            let Greeks { value, delta, gamma, vega, theta } = legs.map(|leg| Greeks::of(&self.portfolio, leg)).sum();
            json!({
                "underlying": name,
                "value": rounded(value),
                "delta": rounded(delta),
                "gamma": rounded(gamma),
                "vega": rounded(vega),
                "theta": rounded(theta),
            })
        };
        self.portfolio.underlyings.iter().map(|held| held.name.as_str()).enumerate().map(of).collect()
    }

    fn usd(&self, amount: f64) -> String {
        figure(amount, self.places)
    }

    /// Greeks of what has no expiry, of each expiry and of all.
    fn greeks(&self) -> String {
        let legs = || self.portfolio.legs.iter();
        let row = |label: String, greeks: Greeks| {
            let Greeks { value, delta, gamma, vega, theta } = greeks;
            let figures = [value, delta, gamma, vega, theta].map(|x| self.usd(x));
            std::iter::once(label).chain(figures).collect::<Vec<_>>()
        };
        let of = |kept: &dyn Fn(&Leg) -> bool| {
            legs().filter(|leg| kept(leg)).map(|leg| Greeks::of(&self.portfolio, leg)).sum::<Greeks>()
        };
        let mut rows = vec![];
        for (at, held) in self.portfolio.underlyings.iter().enumerate() {
            let linear = |leg: &Leg| leg.underlying == at && leg.kind.expiry().is_none();
            let before = rows.len();
            if legs().any(linear) {
                rows.push(row(format!("{} spot, perp", held.name), of(&linear)));
            }
            let dated = self.portfolio.expiries.iter().enumerate().filter(|(_, expiry)| expiry.underlying == at);
            for (place, _) in dated {
                let label = format!("{} {}", held.name, self.days(place));
                rows.push(row(label, of(&|leg: &Leg| leg.kind.expiry() == Some(place))));
            }
            if rows.len() > before + 1 {
                rows.push(row(format!("{} in all", held.name), of(&|leg: &Leg| leg.underlying == at)));
            }
        }
        let header = ["", "option value", "delta", "gamma, 1 % of spot", "vega, a point", "theta, a day"];
        table("Greeks, USD", &header, 1, rows)
    }

    /// What each leg needs by itself, and what it adds to the others.
    fn legs(&self) -> String {
        let whole = usd(self.health.requirement);
        let row = |(at, (leg, (alone, others))): (usize, (&Leg, &(Usd, Usd)))| {
            vec![
                at.to_string(),
                self.label(leg),
                exact(real(leg.quantity.0, PRICE_DIGITS)),
                self.usd(self.notional(leg)),
                self.usd(usd(*alone)),
                self.usd(usd(*others)),
                self.usd(whole - usd(*others)),
            ]
        };
        let header = ["leg", "", "contracts", "notional", "alone", "without it", "it adds"];
        let legs = || self.portfolio.legs.iter().zip(&self.by_leg);
        let mut rows: Vec<_> = legs().enumerate().map(row).collect();
        let notionals: f64 = legs().map(|(leg, _)| self.notional(leg)).sum();
        let alone: f64 = legs().map(|(_, (alone, _))| usd(*alone)).sum();
        let [dash, none] = ["-", ""].map(String::from);
        rows.push(vec![
            none,
            "in all".into(),
            dash.clone(),
            self.usd(notionals),
            self.usd(alone),
            dash,
            self.usd(whole),
        ]);
        table("The requirement by leg, USD", &header, 2, rows)
    }

    /// The size of a leg at the index price, USD.
    fn notional(&self, leg: &Leg) -> f64 {
        let price = real(self.portfolio.underlyings[leg.underlying].facts.price.0, PRICE_DIGITS);
        real(leg.quantity.0, PRICE_DIGITS).abs() * price
    }

    /// A leg in words: `BTC 110,000 call 7 d`.
    fn label(&self, leg: &Leg) -> String {
        let name = &self.portfolio.underlyings[leg.underlying].name;
        match leg.kind {
            Kind::Spot => format!("{name} spot"),
            Kind::Perpetual => format!("{name} perp"),
            Kind::Future { expiry } => format!("{name} future {}", self.days(expiry)),
            Kind::Option { expiry, slot, right } => {
                let strike = exact(real(self.portfolio.expiries[expiry].strikes[slot].strike.0, PRICE_DIGITS));
                let right = if right == Right::Call { "call" } else { "put" };
                format!("{name} {strike} {right} {}", self.days(expiry))
            }
        }
    }

    fn days(&self, expiry: usize) -> String {
        let days = self.portfolio.expiries[expiry].facts.remaining.0 as f64 / DAY.0 as f64;
        format!("{} d", exact((days * 1e3).round() / 1e3))
    }
}

/// Places of USD in tables about so much: cents where there are no thousands.
pub(crate) fn places(requirement: Usd) -> usize {
    if requirement < Usd(1_000 * Usd::ONE.0) {
        2
    } else {
        0
    }
}

/// What the requirement is made of, and the two margins.
pub(crate) fn parts(title: &str, h: &Health, places: usize) -> String {
    let credit = usd(h.core) - usd(h.gross);
    let raised = (usd(h.net_delta_floor) - usd(h.core)).max(0.0);
    let rows = [
        ("scan losses, summed over underlyings", "MRG-14", usd(h.gross)),
        ("credit for diversification", "MRG-22", credit),
        ("raised to the floor on net delta", "MRG-31", raised),
        ("basis and roll", "MRG-30", usd(h.basis)),
        ("net short options", "MRG-32", usd(h.naked_short)),
        ("option value", "MRG-33", usd(h.option_charge)),
        ("oracle confidence", "MRG-34", usd(h.confidence)),
        ("concentration", "MRG-35", usd(h.concentration)),
        ("term structure of vol", "MRG-37", usd(h.term_vega)),
        ("balances outside the scan", "MRG-38", usd(h.outside)),
    ];
    let used = rows.into_iter().filter(|(_, _, amount)| *amount != 0.0);
    let row = |(part, rule, amount): (&str, &str, f64)| vec![part.into(), rule.into(), figure(amount, places)];
    let mut rows: Vec<_> = used.map(row).collect();
    rows.push(row(("requirement", "MRG-40", usd(h.requirement))));
    for (name, margin) in [("initial margin", h.initial), ("maintenance margin", h.maintenance)] {
        let share = usd(margin) / usd(h.requirement).max(f64::MIN_POSITIVE) * 100.0;
        rows.push(row((&format!("{name}, {share:.1} % of it"), "MRG-40", usd(margin))));
    }
    table(&format!("{title}: what it requires"), &["", "rule", "USD"], 2, rows)
}

/// Each underlying alone, with its name: where it loses most, and what is charged on top.
pub(crate) fn underlyings<'a>(found: impl Iterator<Item = (String, &'a Underlying)>, places: usize) -> String {
    let row = |(name, found): (String, &Underlying)| {
        let price = real(found.price.0, PRICE_DIGITS);
        let node = format!("spot {}, vol {}", percent(real(found.worst_spot.0, USD_DIGITS)), vol(found.worst_vol));
        let loses = found.scan_loss > Usd::ZERO;
        let range = format!("{:.1} %", real(found.scan_range.0, USD_DIGITS) * 100.0);
        let parts = [found.basis, found.naked_short, found.option_charge, found.confidence_charge];
        let parts = parts.into_iter().chain([found.concentration, found.term_vega]).map(usd);
        let shown = |amount| figure(amount, places);
        vec![
            name,
            if loses { node } else { "-".into() },
            exact(price),
            range,
            shown(real(found.net_delta.0, PRICE_DIGITS) * price),
            shown(usd(found.scan_loss)),
            shown(usd(found.es_alone)),
            shown(parts.sum()),
        ]
    };
    let header =
        ["", "worst node", "price", "scan range", "net delta", "scan loss", "shortfall alone", "contingencies"];
    table("By underlying, USD", &header, 2, found.map(row).collect())
}

/// What the requirement is made of, as JSON.
pub(crate) fn parts_json(h: &Health) -> Map<String, Value> {
    let parts = [
        ("gross", h.gross),
        ("es_alone", h.es_alone),
        ("es_joint", h.es_joint),
        ("core", h.core),
        ("net_delta_floor", h.net_delta_floor),
        ("contingencies", h.contingencies),
        ("outside", h.outside),
    ];
    parts.into_iter().map(|(name, part)| (name.to_string(), amount(part))).collect()
}

/// Each underlying alone, as JSON.
pub(crate) fn underlyings_json<'a>(found: impl Iterator<Item = (String, &'a Underlying)>) -> Value {
    let of = |(name, u): (String, &Underlying)| {
        json!({
            "underlying": name,
            "net_delta": decimal(u.net_delta.0, CONTRACT),
            "scan_loss": amount(u.scan_loss),
            "es_alone": amount(u.es_alone),
            "basis": amount(u.basis),
            "naked_short": amount(u.naked_short),
            "option_value": amount(u.option_charge),
            "confidence": amount(u.confidence_charge),
            "concentration": amount(u.concentration),
            "term_vega": amount(u.term_vega),
        })
    };
    found.map(of).collect()
}

fn vol(direction: i8) -> &'static str {
    match direction {
        0 => "as it is",
        1 => "up",
        _ => "down",
    }
}
