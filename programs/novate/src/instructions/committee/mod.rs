//! What the members of the risk committee say, and what anyone makes of it: the median.

pub mod apply_asset_forecasts;
pub mod apply_forecasts;
pub mod apply_settlement_price;
pub mod submit_asset_forecast;
pub mod submit_forecast;
pub mod submit_settlement_price;

pub use apply_asset_forecasts::*;
pub use apply_forecasts::*;
pub use apply_settlement_price::*;
pub use submit_asset_forecast::*;
pub use submit_forecast::*;
pub use submit_settlement_price::*;

use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::state::{Committee, Pool};

/// The seat of a member who holds no role: a role may have been taken since the committee was set.
fn seat_of(pool: &Pool, committee: &Committee, member: &Pubkey) -> Result<(usize, u8)> {
    let seat = committee.seat_of(member)?;
    require!(!pool.is_held(member), NovateError::MemberHoldsRole);
    Ok((seat, u8::try_from(seat).map_err(|_| NovateError::MathOverflow)?))
}
