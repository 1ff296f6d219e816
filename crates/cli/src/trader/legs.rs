//! Legs of a trade as people write them: `BTC-PERP:0.5@20000` buys, `BTC-PERP:-0.5@20000` sells.

use anyhow::{bail, ensure, Context, Result};
use novate_client::instrument::{self, Instrument};
use novate_client::state::Portfolio;
use novate_client::{Leg, Snapshot};
use novate_margin::dated::option_at;
use novate_margin::{Contracts, Price};
use serde_json::{json, Value};

use crate::amount::{decimal, figure, parse, CONTRACT, PRICE};
use crate::symbol;

/// What is traded, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    symbol: String,
    quantity: String,
    price: Option<String>,
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?} is no leg; write SYMBOL:QUANTITY@PRICE, for instance BTC-PERP:-0.5@20000");
        let (symbol, rest) = text.split_once(':').ok_or_else(form)?;
        let (quantity, price) = match rest.split_once('@') {
            Some((quantity, price)) => (quantity, Some(price.to_string())),
            None => (rest, None),
        };
        if symbol.is_empty() || quantity.is_empty() || price.as_deref() == Some("") {
            return Err(form());
        }
        Ok(Self { symbol: symbol.into(), quantity: quantity.into(), price })
    }
}

impl Wanted {
    /// The leg in a pool; without a price at the mark of now, which a trade has to name.
    fn leg(&self, snapshot: &Snapshot, now: i64) -> Result<Leg> {
        let instrument = symbol::instrument(snapshot, &self.symbol)?;
        let quantity = parse(&self.quantity, CONTRACT).with_context(|| self.symbol.clone())?;
        ensure!(quantity != 0, "{}: the quantity is 0", self.symbol);
        let price = match &self.price {
            Some(price) => parse(price, PRICE).with_context(|| self.symbol.clone())?,
            None => mark(snapshot, instrument, now).with_context(|| {
                format!("{} has no mark now; give a price, {}:{}@PRICE", self.symbol, self.symbol, self.quantity)
            })?,
        };
        Ok(Leg { instrument, quantity, price })
    }
}

/// The legs that are wanted. Where `priced` each has to have a price.
pub fn legs(wanted: &[Wanted], snapshot: &Snapshot, now: i64, priced: bool) -> Result<Vec<Leg>> {
    if let Some(leg) = wanted.iter().find(|leg| priced && leg.price.is_none()) {
        bail!("{}:{} has no price; write {}:{}@PRICE", leg.symbol, leg.quantity, leg.symbol, leg.quantity);
    }
    wanted.iter().map(|leg| leg.leg(snapshot, now)).collect()
}

/// Index of an instrument's underlying.
pub fn underlying(snapshot: &Snapshot, instrument: u64) -> Result<u16> {
    let market = snapshot.markets.get(&instrument::market_of(instrument)).context("the pool has no such market")?;
    Ok(market.asset)
}

/// What an instrument is marked at, USD 1e-9; none where it cannot be.
pub fn mark(snapshot: &Snapshot, id: u64, now: i64) -> Option<i64> {
    let market = snapshot.markets.get(&instrument::market_of(id))?;
    let asset = snapshot.assets.get(&market.asset)?;
    let expiry = instrument::expiry_of(id).and_then(|id| snapshot.expiries.get(&id));
    match (instrument::parse(id).ok()?, expiry) {
        (Instrument::Perpetual, _) => Some(market.mark_at(asset.price).ok()?.0),
        (Instrument::Future { .. }, Some(expiry)) => Some(expiry.mark(asset, now).ok()?.0),
        (Instrument::Option { slot, right, .. }, Some(expiry)) => {
            let facts = expiry.facts(asset.decided(expiry.time, now).ok()?, now).ok()?;
            let at = option_at(expiry.strike(slot).ok()?, right, (asset.price, asset.scan_range), facts);
            Some(at.ok()?.mark.0)
        }
        _ => None,
    }
}

/// A leg in words, from one side: `buys 0.5 BTC-PERP at 20,000`.
pub fn words(snapshot: &Snapshot, leg: &Leg, first: bool) -> String {
    let quantity = if first { leg.quantity } else { -leg.quantity };
    let verb = if quantity > 0 { "buys" } else { "sells" };
    let size = figure(quantity.unsigned_abs(), CONTRACT, 0);
    format!("{verb} {size} {} at {} USD", symbol::of(snapshot, leg.instrument), figure(leg.price, PRICE, 0))
}

/// Legs from one side as JSON.
pub fn json(snapshot: &Snapshot, legs: &[Leg], first: bool) -> Value {
    let legs = legs.iter().map(|leg| {
        json!({
            "instrument": symbol::of(snapshot, leg.instrument),
            "quantity": decimal(if first { leg.quantity } else { -leg.quantity }, CONTRACT),
            "price": decimal(leg.price, PRICE),
        })
    });
    legs.collect()
}

/// A portfolio after it traded legs with somebody, fees paid, whatever its margin is then.
pub fn after(portfolio: &Portfolio, legs: &[Leg], snapshot: &Snapshot, now: i64) -> Result<Box<Portfolio>> {
    let mut after = Box::new(*portfolio);
    for leg in legs {
        let market = &snapshot.markets[&instrument::market_of(leg.instrument)];
        let asset = &snapshot.assets[&market.asset];
        let size = Contracts(leg.quantity.checked_abs().context("the quantity is too large")?);
        let (sold, bought) = size.value_bounds(Price(leg.price))?;
        let option = matches!(instrument::parse(leg.instrument), Ok(Instrument::Option { .. }));
        let notional = if option { size.value_ceil(asset.price)? } else { bought };
        let mut fee = notional.scale_ceil(market.fee)?;
        if option {
            fee = fee.min(bought.scale_ceil(market.option_fee_cap)?);
        }
        let pays = if leg.quantity > 0 { bought.add(fee)? } else { fee.sub(sold)? };
        let position = after.position_entry(leg.instrument, market.asset, now)?;
        if instrument::expiry_of(leg.instrument).is_none() {
            // What it owes so far is of the old quantity.
            let owed = position.funding_owed(market.funding)?;
            position.add_cost(owed.0)?;
            position.funding = market.funding.0;
        }
        position.quantity = position.quantity.checked_add(leg.quantity).context("the quantity is too large")?;
        if option {
            after.cash = after.cash.checked_sub(pays.0).context("the premium is too large")?;
            ensure!(after.cash >= 0, "premiums and fees are more than the portfolio's cash");
        } else {
            position.add_cost(pays.0)?;
        }
    }
    after.free_empty_positions();
    after.require_within_limits()?;
    Ok(after)
}
