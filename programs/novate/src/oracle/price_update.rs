//! Pyth's `PriceUpdateV2`: an update posted by anyone or kept up to date by a sponsor, verified by the receiver program.

use anchor_lang::prelude::*;
use pyth_solana_receiver_sdk::price_update::{PriceUpdateV2, VerificationLevel};

use super::Quote;
use crate::error::NovateError;

pub(super) fn quote(data: &[u8], feed_id: &[u8; 32]) -> Result<Quote> {
    let update = PriceUpdateV2::try_deserialize(&mut &data[..]).map_err(|_| error!(NovateError::MalformedFeed))?;
    require!(update.verification_level == VerificationLevel::Full, NovateError::NotFullyVerified);
    let message = update.price_message;
    require!(message.feed_id == *feed_id, NovateError::WrongFeedId);
    Ok(Quote {
        price: message.price,
        confidence: message.conf,
        average: message.ema_price,
        exponent: message.exponent,
        publish_time: message.publish_time,
    })
}
