use anchor_lang::prelude::*;

use super::add_asset::OracleSource;
use super::enactment::*;
use crate::error::NovateError;
use crate::events::{OracleSet, EVENT_VERSION};
use crate::instruction;
use crate::state::{Asset, Pool, NEW_SOURCE};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SetOracle<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the asset ([`Enactment::enact`]).
/// 2. Has the asset read another price account. Price, average and guard stay: the first reading of the new one has to be within
///    the band of what the old one said (CLR-40), and no older. For a day no silence widens that band.
/// 3. Emits [`OracleSet`].
pub(crate) fn set_oracle(ctx: Context<SetOracle>, source: OracleSource) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    accounts.enactment.enact(&accounts.pool, &instruction::SetOracle { source }, &[accounts.asset.key()])?;
    require!(source.is_sound(), NovateError::InvalidAssetTerms);
    let mut asset = accounts.asset.load_mut()?;
    asset.oracle = source.oracle;
    asset.feed = source.feed;
    asset.feed_owner = source.feed_owner;
    asset.feed_id = source.feed_id;
    asset.source_new_until = now.saturating_add(NEW_SOURCE);

    emit_cpi!(OracleSet { version: EVENT_VERSION, pool: asset.pool, asset: asset.index, source, time: now });
    Ok(())
}
