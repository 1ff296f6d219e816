use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{AssetSet, EVENT_VERSION};
use crate::instruction;
use crate::state::{Asset, AssetSetting, Pool};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SetAsset<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the asset ([`Enactment::enact`]).
/// 2. Refuses a second one within a week, one that moves margin while a change of the model does, and whatever is beyond the bounds or the
///    step of its field ([`crate::state::AssetField`]).
/// 3. What margin follows from stays for a day, and moves to its new value by the end of a week, or of three days where everything tightens;
///    the rest is set. Until then no change of the model begins.
/// 4. Emits [`AssetSet`].
pub(crate) fn set_asset(ctx: Context<SetAsset>, settings: Vec<AssetSetting>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let change = instruction::SetAsset { settings };
    accounts.enactment.enact(&accounts.pool, &change, &[accounts.asset.key()])?;
    let mut pool = accounts.pool.load_mut()?;
    let mut asset = accounts.asset.load_mut()?;
    if asset.set(&change.settings, now)? && pool.is_live() {
        pool.require_model_still(now)?;
        pool.terms_until = pool.terms_until.max(asset.until());
    }

    emit_cpi!(AssetSet {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: asset.index,
        signer: accounts.authority.key(),
        settings: change.settings,
        until: asset.until(),
        time: now,
    });
    Ok(())
}
