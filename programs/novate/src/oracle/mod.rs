//! Prices: one reading type, a file per source, and the checks that hold for every source (CLR-40). Beside them the rate of a
//! stake pool, which is no price.

mod price_update;
mod push;
pub mod stake_pool;

use anchor_lang::prelude::*;
use novate_margin::Price;

use crate::error::NovateError;
use crate::state::{Asset, CONTRACT_DECIMALS, ORACLE_PRICE_UPDATE, ORACLE_PUSH};

/// A publish time up to this many seconds ahead of the clock counts as age 0; beyond it the reading is refused.
pub const FUTURE_TOLERANCE: i64 = 10;

/// A price as it is used here: USD 1e-9 per contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub price: Price,
    pub confidence: Price,
    /// Pyth's moving average of about an hour (MRG-44).
    pub average: Price,
    pub publish_time: i64,
}

/// A price as Pyth publishes it: `price x 10^exponent` USD per whole token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quote {
    price: i64,
    confidence: u64,
    average: i64,
    exponent: i32,
    publish_time: i64,
}

/// Reads an asset's price account and refuses whatever must not become a price.
pub fn read(asset: &Asset, account: &AccountInfo, now: i64) -> Result<Reading> {
    if asset.feed != Pubkey::default() {
        require_keys_eq!(*account.key, asset.feed, NovateError::WrongFeed);
    }
    require_keys_eq!(*account.owner, asset.feed_owner, NovateError::WrongFeedOwner);
    let data = account.try_borrow_data()?;
    let quote = match asset.oracle {
        ORACLE_PRICE_UPDATE => price_update::quote(&data, &asset.feed_id)?,
        ORACLE_PUSH => push::quote(&data)?,
        _ => return err!(NovateError::MalformedFeed),
    };
    let reading = normalise(quote, asset.contract_exponent)?;
    require!(reading.publish_time <= now.saturating_add(FUTURE_TOLERANCE), NovateError::PriceFromFuture);
    require!(now.saturating_sub(reading.publish_time) <= asset.max_age, NovateError::PriceStale);
    require!(reading.publish_time >= asset.guard.time, NovateError::PriceOlder);
    let widest = reading.price.scale_floor(asset.max_confidence).map_err(NovateError::from)?;
    require!(reading.confidence <= widest, NovateError::ConfidenceTooWide);
    Ok(reading)
}

/// Brings a quote to USD 1e-9 per contract: price and average rounded down, the confidence up.
fn normalise(quote: Quote, contract_exponent: u8) -> Result<Reading> {
    require!(quote.price > 0 && quote.average > 0, NovateError::PriceNotPositive);
    let places =
        quote.exponent.saturating_add(i32::from(CONTRACT_DECIMALS)).saturating_add(i32::from(contract_exponent));
    let power = 10i128.checked_pow(places.unsigned_abs()).ok_or(NovateError::PriceNotPositive)?;
    let [price, average, confidence] = [quote.price.into(), quote.average.into(), i128::from(quote.confidence)];
    let [price, average, confidence] = if places >= 0 {
        [price, average, confidence].map(|v| v.checked_mul(power))
    } else {
        let up = confidence.checked_add(power.saturating_sub(1)).and_then(|c| c.checked_div(power));
        [price.checked_div(power), average.checked_div(power), up]
    };
    let fit = |v: Option<i128>| v.and_then(|v| i64::try_from(v).ok()).ok_or(NovateError::PriceNotPositive);
    let reading = Reading {
        price: Price(fit(price)?),
        confidence: Price(fit(confidence)?),
        average: Price(fit(average)?),
        publish_time: quote.publish_time,
    };
    require!(reading.price.0 > 0 && reading.average.0 > 0, NovateError::PriceNotPositive);
    Ok(reading)
}
