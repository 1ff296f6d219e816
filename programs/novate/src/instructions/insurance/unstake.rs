use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use super::vault::Vault;
use crate::error::NovateError;
use crate::events::{Unstaked, EVENT_VERSION};
use crate::state::{Asset, Insurance, Pool, Stake, Wide, COOLING_OFF, UNSTAKE_WINDOW};

/// The owner takes out what was requested, to any token account of the mint.
#[event_cpi]
#[derive(Accounts)]
pub struct Unstake<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(mut, has_one = pool @ NovateError::WrongPool, has_one = owner @ NovateError::NotStaker)]
    pub stake: AccountLoader<'info, Stake>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        constraint = asset.load()?.is_settlement() @ NovateError::NotSettlementAsset,
        has_one = mint @ NovateError::WrongMint,
        has_one = vault @ NovateError::WrongVault,
        has_one = token_program @ NovateError::WrongTokenProgram
    )]
    pub asset: AccountLoader<'info, Asset>,
    #[account(mut)]
    pub vault: InterfaceAccount<'info, TokenAccount>,
    #[account(mut, constraint = destination.mint == mint.key() @ NovateError::WrongTokenAccount)]
    pub destination: InterfaceAccount<'info, TokenAccount>,
    pub mint: InterfaceAccount<'info, Mint>,
    pub owner: Signer<'info>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// 1. Refuses before the cooling-off is over, from two days after it on, and what would leave the fund with less than is reserved
///    for insolvent auctions (CLR-35). Shares and request of an era that has ended are cleared.
/// 2. Burns the requested shares for what they are worth now, rounded down.
/// 3. Moves the tokens and emits [`Unstaked`].
pub(crate) fn unstake(ctx: Context<Unstake>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let (amount, shares) = burn(ctx.accounts, now)?;
    let Unstake { vault, destination, mint, token_program, pool, .. } = &mut *ctx.accounts;
    Vault { vault, other: destination, mint, token_program }.send(pool, amount)?;

    let accounts = &ctx.accounts;
    let (stake, insurance) = (accounts.stake.load()?, accounts.insurance.load()?);
    emit_cpi!(Unstaked {
        version: EVENT_VERSION,
        pool: stake.pool,
        owner: stake.owner,
        time: now,
        era: stake.era,
        amount,
        shares,
        owner_shares: stake.shares.get(),
        staked: insurance.staked,
        total_shares: insurance.stake_shares.get(),
    });
    Ok(())
}

/// Returns the amount due and the shares that it was worth.
fn burn(accounts: &Unstake, now: i64) -> Result<(u64, u128)> {
    let mut insurance = accounts.insurance.load_mut()?;
    let mut stake = accounts.stake.load_mut()?;
    stake.enter(insurance.era);
    let shares = stake.requested.get();
    require!(shares > 0, NovateError::NoUnstakeRequest);
    let cooled = now.saturating_sub(stake.requested_at).saturating_sub(COOLING_OFF);
    require!(cooled >= 0, NovateError::CoolingOff);
    require!(cooled < UNSTAKE_WINDOW, NovateError::UnstakeLapsed);

    let mut fund = insurance.fund();
    let amount = fund.unstake(shares).map_err(NovateError::from)?;
    require!(amount == 0 || fund.total() >= u128::from(insurance.reserved), NovateError::ReserveStands);
    insurance.keep(fund);
    stake.shares = Wide::new(stake.shares.get().checked_sub(shares).ok_or(NovateError::InsufficientShares)?);
    stake.request(0, 0);
    Ok((amount, shares))
}
