use anchor_lang::prelude::*;
use novate_margin::chain::Nodes;

use crate::error::NovateError;
use crate::events::{ExpiryRefreshed, EVENT_VERSION};
use crate::listed::{read, require_kind, write};
use crate::state::{is_settling, Asset, Expiry, Pool};

/// Most strikes of one instruction, over all its ranges.
pub const MAX_REFRESHED: usize = 64;

/// Slots of an expiry's strikes.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrikeRange {
    pub first: u8,
    /// Above 0.
    pub count: u8,
}

/// Anyone may refresh. Behind the instruction stand pairs, one for each range: an expiry, writable, and its underlying
/// asset.
#[derive(Accounts)]
pub struct RefreshExpiry<'info> {
    pub pool: AccountLoader<'info, Pool>,
}

/// For each range and its pair:
/// 1. Checks that both accounts are of the pool and the asset is the expiry's underlying, its price fresh. Inside the settlement
///    window the last price does: what samples have decided may fall with silence, and values follow (CLR-12, CLR-34).
/// 2. Refuses an expiry that has passed, or that the committee has not forecast. The age of the forecast does not matter here: what
///    raises risk asks for it.
/// 3. Prices the range's strikes at every node of the scan (MRG-10 to MRG-13), at the vols that the smile had for the time that
///    was left when it was stated: total variance runs off with time. What samples have decided of the settlement price no
///    node moves (CLR-12).
/// 4. Logs [`ExpiryRefreshed`].
pub(crate) fn refresh_expiry<'info>(ctx: Context<'info, RefreshExpiry<'info>>, ranges: Vec<StrikeRange>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let (key, pool) = (ctx.accounts.pool.key(), ctx.accounts.pool.load()?);
    let pairs = ctx.remaining_accounts.chunks_exact(2);
    let paired = pairs.remainder().is_empty() && pairs.len() == ranges.len();
    require!(paired && !ranges.is_empty(), NovateError::UnpairedExpiries);
    let strikes: usize = ranges.iter().map(|range| usize::from(range.count)).sum();
    require!(strikes <= MAX_REFRESHED, NovateError::TooManyRefreshed);

    let params = pool.params_at(now);
    let mut nodes: Box<Nodes> = bytemuck::zeroed_box();
    for (pair, range) in pairs.zip(&ranges) {
        let [expiry, asset] = pair else { return err!(NovateError::UnpairedExpiries) };
        require_kind::<Expiry>(expiry)?;
        require_kind::<Asset>(asset)?;
        let asset = read::<Asset>(asset)?;
        let mut expiry = write::<Expiry>(expiry)?;
        require_keys_eq!(expiry.pool, key, NovateError::WrongPool);
        require_keys_eq!(asset.pool, key, NovateError::WrongPool);
        require!(asset.index == expiry.asset, NovateError::WrongUnderlying);
        asset.require_fresh(now, if is_settling(expiry.time, now) { i64::MAX } else { asset.max_age })?;

        let reference = expiry.reference(&asset, now)?;
        expiry.require_published()?;
        nodes.set(&reference, &params).map_err(NovateError::from)?;
        let (smile, forward) = (expiry.smile, nodes.expected().map_err(NovateError::from)?);
        let section = smile.at(nodes.forward()).map_err(NovateError::from)?;
        let section = section.run_off(expiry.stated(), reference.remaining);
        for slot in expiry.slots_mut(range.first, range.count)? {
            let deviation = nodes.deviation(&section, slot.strike).map_err(NovateError::from)?;
            slot.reprice(&nodes, slot.strike, deviation).map_err(NovateError::from)?;
        }
        emit!(ExpiryRefreshed {
            version: EVENT_VERSION,
            pool: key,
            market: expiry.market,
            expiry_time: expiry.time,
            first: range.first,
            count: range.count,
            price: asset.price.0,
            forward: forward.0,
        });
    }
    Ok(())
}
