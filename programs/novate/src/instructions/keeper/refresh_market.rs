use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{MarketRefreshed, EVENT_VERSION};
use crate::listed::{read, require_kind, write};
use crate::state::{Asset, Market};

/// Anyone may refresh. Behind the instruction stand pairs: a market, writable, and its underlying asset.
#[derive(Accounts)]
pub struct RefreshMarket {}

/// For each pair:
/// 1. Checks that the asset is the market's underlying and its price fresh.
/// 2. Accrues funding (CLR-11), moves the premium (CLR-15), and records index and mark.
/// 3. Sets the initial multiplier by the variance breaker (CLR-41, MRG-40).
/// 4. Logs [`MarketRefreshed`].
pub(crate) fn refresh_market<'info>(ctx: Context<'info, RefreshMarket>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let pairs = ctx.remaining_accounts.chunks_exact(2);
    require!(pairs.len() > 0 && pairs.remainder().is_empty(), NovateError::UnpairedMarkets);
    for pair in pairs {
        let [market, asset] = pair else { return err!(NovateError::UnpairedMarkets) };
        require_kind::<Market>(market)?;
        require_kind::<Asset>(asset)?;
        let asset = read::<Asset>(asset)?;
        let mut market = write::<Market>(market)?;
        require_keys_eq!(asset.pool, market.pool, NovateError::WrongPool);
        require!(asset.index == market.asset, NovateError::WrongUnderlying);
        asset.require_fresh(now, asset.max_age)?;
        market.refresh(&asset, now)?;
        emit!(MarketRefreshed {
            version: EVENT_VERSION,
            pool: market.pool,
            market: market.index,
            mark: market.mark.0,
            initial_multiplier: market.initial_multiplier.0,
            premium: market.premium.0,
            funding: market.funding.0,
        });
    }
    Ok(())
}
