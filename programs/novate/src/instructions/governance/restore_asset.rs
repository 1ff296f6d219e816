use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{AssetSet, EVENT_VERSION};
use crate::state::{Asset, Pool};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct RestoreAsset<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub authority: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// Takes back what the risk role or the guardian tightened, without a change that waits: it was agreed to when it was set (CLR-50).
///
/// 1. Refuses a durable nonce.
/// 2. Of the terms that move over time, those that are on their way to less loose values than governance agreed to last go back towards those,
///    at most a step from what is in force, by the end of a week as all that loosens; where there are none, it is refused. Others stay,
///    and a cap that what leaves in a day is too little for ([`Asset::restore`]).
/// 3. Until then no change of the model begins: of a hedge less on one side asks for more.
/// 4. Emits [`AssetSet`].
pub(crate) fn restore_asset(ctx: Context<RestoreAsset>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let mut asset = accounts.asset.load_mut()?;
    let settings = asset.restore(now)?;
    let mut pool = accounts.pool.load_mut()?;
    if pool.is_live() {
        pool.terms_until = pool.terms_until.max(asset.until());
    }

    emit_cpi!(AssetSet {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: asset.index,
        signer: accounts.authority.key(),
        settings,
        until: asset.until(),
        time: now,
    });
    Ok(())
}
