//! Pyth's older push account, which its oracle program keeps up to date in place.

use anchor_lang::prelude::*;
use pyth_sdk_solana::state::{load_price_account, PriceStatus};

use super::Quote;
use crate::error::NovateError;

pub(super) fn quote(data: &[u8]) -> Result<Quote> {
    let account = load_price_account::<32, ()>(data).map_err(|_| error!(NovateError::MalformedFeed))?;
    require!(account.agg.status == PriceStatus::Trading, NovateError::FeedNotTrading);
    Ok(Quote {
        price: account.agg.price,
        confidence: account.agg.conf,
        average: account.ema_price.val,
        exponent: account.expo,
        publish_time: account.timestamp,
    })
}
