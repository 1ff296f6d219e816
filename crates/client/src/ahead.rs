//! What a refresh would make of an account: the program's own steps on a copy, so that a bot knows before it sends.

use anchor_lang::prelude::AccountInfo;
use bytemuck::zeroed_box;
use novate::error::NovateError;
use novate::oracle;
use novate::state::{is_settling, Asset, Expiry};
use novate_margin::chain::Nodes;
use novate_margin::{Params, Seconds};

use crate::{HealthError, Pubkey};

/// A price account as it is now.
#[derive(Clone, Copy, Debug)]
pub struct FeedAccount<'a> {
    pub address: Pubkey,
    pub owner: Pubkey,
    pub data: &'a [u8],
}

/// The asset as `refresh_asset` would leave it at unix time `now`, and whether the reading became its price. Fails as the
/// instruction would (CLR-40).
pub fn refreshed_asset(asset: &Asset, feed: FeedAccount, now: i64) -> Result<(Asset, bool), HealthError> {
    let (mut lamports, mut data) = (0, feed.data.to_vec());
    let account = AccountInfo::new(&feed.address, false, false, &mut lamports, &mut data, &feed.owner, false);
    let mut refreshed = *asset;
    let accepted = oracle::read(asset, &account, now).and_then(|reading| refreshed.accept(reading, now));
    let accepted = accepted.map_err(HealthError::refused)?;
    refreshed.bank.accrue(Seconds(now));
    Ok((refreshed, accepted))
}

/// The asset as `refresh_redemption` would leave it at unix time `now` in an epoch. Fails as the instruction would (MRG-61).
pub fn refreshed_redemption(
    asset: &Asset,
    stake_pool: FeedAccount,
    epoch: u64,
    now: i64,
) -> Result<Asset, HealthError> {
    let (mut lamports, mut data) = (0, stake_pool.data.to_vec());
    let account =
        AccountInfo::new(&stake_pool.address, false, false, &mut lamports, &mut data, &stake_pool.owner, false);
    let mut refreshed = *asset;
    let rate = oracle::stake_pool::rate(asset, &account, epoch).map_err(HealthError::refused)?;
    refreshed.redemption.accept(rate, now).map_err(HealthError::refused)?;
    Ok(refreshed)
}

/// The expiry as `refresh_expiry` of all its strikes would leave it at unix time `now`. Fails as the instruction would (MRG-15).
pub fn refreshed_expiry(expiry: &Expiry, asset: &Asset, params: &Params, now: i64) -> Result<Box<Expiry>, HealthError> {
    let mut refreshed: Box<Expiry> = zeroed_box();
    *refreshed = *expiry;
    reprice(&mut refreshed, asset, params, now).map_err(HealthError::refused)?;
    Ok(refreshed)
}

fn reprice(expiry: &mut Expiry, asset: &Asset, params: &Params, now: i64) -> anchor_lang::Result<()> {
    asset.require_fresh(now, if is_settling(expiry.time, now) { i64::MAX } else { asset.max_age })?;
    let reference = expiry.reference(asset, now)?;
    expiry.require_published()?;
    let mut nodes: Box<Nodes> = zeroed_box();
    nodes.set(&reference, params).map_err(NovateError::from)?;
    let smile = expiry.smile;
    let section = smile.at(nodes.forward()).map_err(NovateError::from)?;
    let section = section.run_off(expiry.stated(), reference.remaining);
    let count = expiry.strike_count;
    for slot in expiry.slots_mut(0, count)? {
        let deviation = nodes.deviation(&section, slot.strike).map_err(NovateError::from)?;
        slot.reprice(&nodes, slot.strike, deviation).map_err(NovateError::from)?;
    }
    Ok(())
}
