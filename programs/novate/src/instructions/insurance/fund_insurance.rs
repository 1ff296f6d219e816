use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use super::vault::Vault;
use crate::error::NovateError;
use crate::events::{InsuranceFunded, EVENT_VERSION};
use crate::state::{Asset, Insurance, Pool};

/// Anyone gives settlement tokens from a token account of their own.
#[event_cpi]
#[derive(Accounts)]
pub struct FundInsurance<'info> {
    #[account(constraint = pool.load()?.is_live() @ NovateError::PoolNotLive)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = asset.load()?.is_settlement() @ NovateError::NotSettlementAsset,
        has_one = mint @ NovateError::WrongMint,
        has_one = vault @ NovateError::WrongVault,
        has_one = token_program @ NovateError::WrongTokenProgram
    )]
    pub asset: AccountLoader<'info, Asset>,
    #[account(mut)]
    pub vault: InterfaceAccount<'info, TokenAccount>,
    #[account(
        mut,
        constraint = source.mint == mint.key() && source.owner == funder.key() @ NovateError::WrongTokenAccount
    )]
    pub source: InterfaceAccount<'info, TokenAccount>,
    pub mint: InterfaceAccount<'info, Mint>,
    pub funder: Signer<'info>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Not before the pool has scenario rows: until then nothing waits (CLR-50).
///
/// 1. Moves the tokens and measures what the vault received.
/// 2. Adds that to the pool's own capital: a gift, on which no claim arises and which no share price counts.
/// 3. Records what the fund is short of (CLR-35). Emits [`InsuranceFunded`].
pub(crate) fn fund_insurance(ctx: Context<FundInsurance>, amount: u64) -> Result<()> {
    let FundInsurance { vault, source, mint, token_program, funder, .. } = &mut *ctx.accounts;
    let amount = Vault { vault, other: source, mint, token_program }.receive(funder, amount)?;
    let accounts = &ctx.accounts;
    let mut insurance = accounts.insurance.load_mut()?;
    insurance.add_capital(amount)?;
    accounts.asset.load_mut()?.note_shortage(&insurance);

    emit_cpi!(InsuranceFunded {
        version: EVENT_VERSION,
        pool: insurance.pool,
        funder: accounts.funder.key(),
        time: Clock::get()?.unix_timestamp,
        amount,
        capital: insurance.capital,
    });
    Ok(())
}
