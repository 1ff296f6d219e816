//! `novate margin evaluate`: every intermediate value of the model, in the structure of the files.

use anyhow::{Context, Result};
use novate_margin::scan::{linear_node_floor, linear_tail_floor, Grid, NODE_STEPS, TAIL_NODES};
use novate_margin::units::{PRICE_DIGITS, USD_DIGITS};
use novate_margin::{Book, Health, Params, Underlying, Usd};
use serde_json::{json, Map, Value};

use super::file::File;
use super::number::real;
use super::portfolio::Portfolio;

/// A file of portfolios with what the model finds as `expected` of each: what was there under that name is replaced. Fails at
/// the first portfolio that the model does not hold, and says which and why.
pub fn evaluate(text: &str) -> Result<Value> {
    let mut file = File::parse(text)?;
    let mut book = Box::<Book>::default();
    for case in &mut file.cases {
        let found = Portfolio::read(case, &file.params).and_then(|portfolio| {
            let health = portfolio.judge(&mut book, |_| true, &file.params)?;
            values(&portfolio, &book, &health, &file.params)
        });
        let found = if case.place.is_empty() { found } else { found.with_context(|| case.place.clone()) };
        case.fields.insert("expected".into(), found?);
    }
    Ok(file.into_tree())
}

fn usd(amount: Usd) -> f64 {
    real(amount.0, USD_DIGITS)
}

/// The intermediate values of one portfolio.
fn values(portfolio: &Portfolio, book: &Book, health: &Health, params: &Params) -> Result<Value> {
    let (mut scan, mut alone, mut contingencies) = (Map::new(), Map::new(), Map::new());
    for (held, found) in portfolio.underlyings.iter().zip(book.underlyings()) {
        scan.insert(held.name.clone(), nodes(found, book.grid(found), params)?);
        alone.insert(held.name.clone(), usd(found.es_alone).into());
        contingencies.insert(held.name.clone(), charges(found)?);
    }
    Ok(json!({
        "scan": scan,
        "joint": {
            "gross": usd(health.gross),
            "es_alone": alone,
            "es_joint": usd(health.es_joint),
            "core": usd(health.core),
        },
        "contingencies": contingencies,
        "net_delta_floor": usd(health.net_delta_floor),
        "outside": usd(health.outside),
        "initial": usd(health.initial),
        "maintenance": usd(health.maintenance),
    }))
}

/// Scan loss and every node of one underlying (MRG-11 to MRG-14).
fn nodes(found: &Underlying, grid: Option<&Grid>, params: &Params) -> Result<Value> {
    let (range, factor) = (found.scan_range, params.tail_factor);
    let mut tails = vec![];
    let [flat, up, down] = if let Some(grid) = grid {
        for i in 0..TAIL_NODES {
            tails.push(usd(grid.tail(range, factor, i)?));
        }
        [&grid.flat, &grid.up, &grid.down].map(|row| row.map(|profit| usd(Usd(profit))).to_vec())
    } else {
        let notional = if found.net_delta.0 < 0 { found.notional.neg()? } else { found.notional };
        let mut row = vec![];
        for step in -NODE_STEPS..=NODE_STEPS {
            row.push(usd(linear_node_floor(notional, range, i8::try_from(step)?)?));
        }
        for i in 0..TAIL_NODES {
            tails.extend(linear_tail_floor(notional, range, factor, i).transpose()?.map(usd));
        }
        [row.clone(), row.clone(), row]
    };
    Ok(json!({ "scan_loss": usd(found.scan_loss), "flat": flat, "up": up, "down": down, "tails": tails }))
}

/// Net delta and contingencies of one underlying (MRG-30, MRG-32 to MRG-35, MRG-37).
fn charges(found: &Underlying) -> Result<Value> {
    let parts = [
        ("basis", found.basis),
        ("naked_short", found.naked_short),
        ("option_value", found.option_charge),
        ("confidence", found.confidence_charge),
        ("concentration", found.concentration),
        ("term_vega", found.term_vega),
    ];
    let mut total = Usd::ZERO;
    let mut charges = Map::new();
    charges.insert("net_delta".into(), real(found.net_delta.0, PRICE_DIGITS).into());
    for (name, charge) in parts {
        total = total.add(charge)?;
        charges.insert(name.into(), usd(charge).into());
    }
    charges.insert("total".into(), usd(total).into());
    Ok(charges.into())
}
