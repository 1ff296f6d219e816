use anchor_lang::prelude::*;
use novate_margin::Seconds;

use crate::error::NovateError;
use crate::events::{AssetRefreshed, EVENT_VERSION};
use crate::listed::{read, require_kind, write};
use crate::oracle;
use crate::state::Asset;

/// Anyone may refresh. Behind the instruction stand pairs: an asset, writable, and its price account.
#[derive(Accounts)]
pub struct RefreshAsset {}

/// For each pair:
/// 1. Reads the price account and refuses whatever CLR-40 refuses.
/// 2. Takes the reading in: within the band of the guard it becomes the price, and variances when a sample is due, scan range
///    and haircut follow (MRG-50, 51, 60); outside it restricts the asset (CLR-41).
/// 3. Charges interest up to now (CLR-20).
/// 4. Logs [`AssetRefreshed`].
///
/// One refused reading fails the instruction: refresh assets apart where one feed may be down.
pub(crate) fn refresh_asset<'info>(ctx: Context<'info, RefreshAsset>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let pairs = ctx.remaining_accounts.chunks_exact(2);
    require!(pairs.len() > 0 && pairs.remainder().is_empty(), NovateError::UnpairedFeeds);
    for pair in pairs {
        let [info, feed] = pair else { return err!(NovateError::UnpairedFeeds) };
        require_kind::<Asset>(info)?;
        let reading = oracle::read(&*read::<Asset>(info)?, feed, now)?;
        let mut asset = write::<Asset>(info)?;
        let accepted = asset.accept(reading, now)?;
        asset.bank.accrue(Seconds(now));
        emit!(AssetRefreshed {
            version: EVENT_VERSION,
            pool: asset.pool,
            asset: asset.index,
            price: asset.price.0,
            confidence: asset.confidence.0,
            publish_time: asset.publish_time,
            scan_range: asset.scan_range.0,
            haircut: asset.haircut.0,
            lent: asset.bank.lent,
            loans: asset.bank.loans,
            accepted,
            average: asset.guard.average.0,
            interest: (&asset.bank).into(),
        });
    }
    Ok(())
}
