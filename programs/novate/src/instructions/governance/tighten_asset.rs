use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{AssetSet, EVENT_VERSION};
use crate::listed::{require_kind, write};
use crate::state::{Asset, AssetSetting, Market, Pool};

/// The pool's risk role or its guardian. Behind the instruction stand markets on the asset, writable, whose initial margin rises at
/// once; that of others does at their next refresh.
#[event_cpi]
#[derive(Accounts)]
pub struct TightenAsset<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub signer: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Refuses a durable nonce, a second one within a day, what does not tighten, and whatever is beyond the bounds or the step of its field
///    ([`crate::state::AssetField`]): tightening must not be a way to confiscate.
/// 2. What margin follows from leaves maintenance margin as it is for a day, and reaches it over the two after it; initial margin is raised
///    at once, through the multiplier of the markets that are passed and the haircut of balances outside the scan. What was being loosened
///    stays where it has come to. What waited for its day begins it anew.
/// 3. Emits [`AssetSet`].
pub(crate) fn tighten_asset<'info>(
    ctx: Context<'info, TightenAsset<'info>>,
    settings: Vec<AssetSetting>,
) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let signer = accounts.signer.key();
    accounts.pool.load()?.require_tightener(&signer)?;
    let mut asset = accounts.asset.load_mut()?;
    asset.tighten(&settings, now)?;
    for info in ctx.remaining_accounts {
        require_kind::<Market>(info)?;
        let mut market = write::<Market>(info)?;
        require_keys_eq!(market.pool, asset.pool, NovateError::WrongPool);
        require!(market.asset == asset.index, NovateError::WrongUnderlying);
        market.bind(&asset)?;
    }

    emit_cpi!(AssetSet {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: asset.index,
        signer,
        settings,
        until: asset.until(),
        time: now,
    });
    Ok(())
}
