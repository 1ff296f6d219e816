use anchor_lang::prelude::*;
use anchor_lang::system_program::{self, Transfer};
use anchor_lang::Discriminator;

use crate::error::NovateError;
use crate::events::{AssetMigrated, EVENT_VERSION};
use crate::listed::{require_kind, write};
use crate::state::{Asset, DISCRIMINATOR, PLAIN_ASSET, PLAIN_ASSET_SPACE};

/// Anyone, who pays for what the account grows by: whoever sends it, it does the same.
#[event_cpi]
#[derive(Accounts)]
pub struct MigrateAsset<'info> {
    /// CHECK: an asset of the layout before, by its owner, discriminator and size.
    #[account(mut, owner = crate::ID @ NovateError::WrongOwner)]
    pub asset: UncheckedAccount<'info>,
    #[account(mut)]
    pub payer: Signer<'info>,
    pub system_program: Program<'info, System>,
}

impl MigrateAsset<'_> {
    fn validate(&self) -> Result<()> {
        require!(require_kind::<Asset>(&self.asset).is_err(), NovateError::AssetCurrent);
        let data = self.asset.try_borrow_data()?;
        let plain = data.len() == PLAIN_ASSET_SPACE && data.starts_with(&PLAIN_ASSET);
        require!(plain, NovateError::UnexpectedAccount);
        Ok(())
    }
}

/// Brings an asset to the layout of today. Until then every instruction that needs it refuses it, by its discriminator.
///
/// 1. Refuses what is no asset of the layout before ([`PLAIN_ASSET`]).
/// 2. Grows the account; the payer pays what is missing to its rent.
/// 3. Fields that were there keep their places and values. What governance agreed to last is what terms are, or are on their way to
///    ([`Asset::agree`]).
/// 4. Emits [`AssetMigrated`].
pub(crate) fn migrate_asset(ctx: Context<MigrateAsset>) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.validate()?;
    let info = &accounts.asset;
    let missing = Rent::get()?.minimum_balance(Asset::SPACE).saturating_sub(info.lamports());
    if missing > 0 {
        let transfer = Transfer { from: accounts.payer.to_account_info(), to: info.to_account_info() };
        system_program::transfer(CpiContext::new(accounts.system_program.key(), transfer), missing)?;
    }
    info.resize(Asset::SPACE)?;
    let mut data = info.try_borrow_mut_data()?;
    let place = data.get_mut(..DISCRIMINATOR).ok_or(NovateError::UnexpectedAccount)?;
    place.copy_from_slice(Asset::DISCRIMINATOR);
    drop(data);
    let mut asset = write::<Asset>(info)?;
    asset.agree();
    let (pool, index, layout) = (asset.pool, asset.index, asset.version);
    drop(asset);

    let time = Clock::get()?.unix_timestamp;
    emit_cpi!(AssetMigrated { version: EVENT_VERSION, pool, asset: index, layout, time });
    Ok(())
}
