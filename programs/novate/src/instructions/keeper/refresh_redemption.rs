use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{RedemptionRefreshed, EVENT_VERSION};
use crate::listed::{read, require_kind, write};
use crate::oracle::stake_pool;
use crate::state::Asset;

/// Anyone may refresh. Behind the instruction stand pairs: a yield-bearing asset, writable, and its stake pool.
#[derive(Accounts)]
pub struct RefreshRedemption {}

/// For each pair:
/// 1. Reads the stake pool's rate and refuses one that is not the asset's, is empty, out of date or out of range.
/// 2. Takes the rate in: a fall at once, a rise by at most 0.1 % a day (MRG-61).
/// 3. Logs [`RedemptionRefreshed`].
///
/// One refused stake pool fails the instruction.
pub(crate) fn refresh_redemption<'info>(ctx: Context<'info, RefreshRedemption>) -> Result<()> {
    let clock = Clock::get()?;
    let pairs = ctx.remaining_accounts.chunks_exact(2);
    require!(pairs.len() > 0 && pairs.remainder().is_empty(), NovateError::UnpairedStakePools);
    for pair in pairs {
        let [info, account] = pair else { return err!(NovateError::UnpairedStakePools) };
        require_kind::<Asset>(info)?;
        require!(read::<Asset>(info)?.is_yield_bearing(), NovateError::NotYieldBearing);
        let stake_pool_rate = stake_pool::rate(&*read::<Asset>(info)?, account, clock.epoch)?;
        let mut asset = write::<Asset>(info)?;
        asset.redemption.accept(stake_pool_rate, clock.unix_timestamp)?;
        emit!(RedemptionRefreshed {
            version: EVENT_VERSION,
            pool: asset.pool,
            asset: asset.index,
            rate: asset.redemption.rate.0,
            stake_pool_rate: stake_pool_rate.0,
        });
    }
    Ok(())
}
