use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use super::vault::Vault;
use crate::error::NovateError;
use crate::events::{Staked, EVENT_VERSION};
use crate::seeds;
use crate::state::{Action, Asset, Insurance, Pool, Stake, Wide, VERSION};

/// Anyone stakes settlement tokens from a token account of their own, and pays the rent of the stake.
#[event_cpi]
#[derive(Accounts)]
pub struct AddStake<'info> {
    #[account(constraint = pool.load()?.is_live() @ NovateError::PoolNotLive)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(
        init_if_needed,
        payer = owner,
        space = Stake::SPACE,
        seeds = [seeds::STAKE, pool.key().as_ref(), owner.key().as_ref()],
        bump
    )]
    pub stake: AccountLoader<'info, Stake>,
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
    pub vault: Box<InterfaceAccount<'info, TokenAccount>>,
    #[account(
        mut,
        constraint = source.mint == mint.key() && source.owner == owner.key() @ NovateError::WrongTokenAccount
    )]
    pub source: Box<InterfaceAccount<'info, TokenAccount>>,
    pub mint: Box<InterfaceAccount<'info, Mint>>,
    #[account(mut)]
    pub owner: Signer<'info>,
    pub token_program: Interface<'info, TokenInterface>,
    pub system_program: Program<'info, System>,
}

/// Not before the pool has scenario rows: until then nothing waits (CLR-50).
///
/// 1. Moves the tokens and measures what the vault received.
/// 2. Opens the stake where there is none. Shares of an era that has ended are cleared.
/// 3. Credits shares at what a share is worth, rounded down; the first stake of an era is 1:1. Tokens become stake in no other
///    way, so nobody can raise what a share is worth.
/// 4. Records what the fund is short of (CLR-35). Emits [`Staked`].
pub(crate) fn stake(ctx: Context<AddStake>, amount: u64) -> Result<()> {
    let AddStake { vault, source, mint, token_program, owner, .. } = &mut *ctx.accounts;
    let amount = Vault { vault, other: source, mint, token_program }.receive(owner, amount)?;
    let accounts = &ctx.accounts;
    let now = Clock::get()?.unix_timestamp;
    accounts.pool.load()?.require_running(Action::Stake, now)?;
    let mut insurance = accounts.insurance.load_mut()?;
    let mut stake = match accounts.stake.load_mut() {
        Ok(stake) => stake,
        Err(_) => accounts.stake.load_init()?,
    };
    if stake.version == 0 {
        stake.version = VERSION;
        stake.bump = ctx.bumps.stake;
        stake.pool = insurance.pool;
        stake.owner = accounts.owner.key();
    }
    stake.enter(insurance.era);
    let mut fund = insurance.fund();
    let shares = fund.stake(amount).map_err(NovateError::from)?;
    let owner_shares = stake.shares.get().checked_add(shares).ok_or(NovateError::MathOverflow)?;
    stake.shares = Wide::new(owner_shares);
    insurance.keep(fund);
    accounts.asset.load_mut()?.note_shortage(&insurance);

    emit_cpi!(Staked {
        version: EVENT_VERSION,
        pool: stake.pool,
        owner: stake.owner,
        time: now,
        era: stake.era,
        amount,
        shares,
        owner_shares,
        staked: fund.staked,
        total_shares: fund.shares,
    });
    Ok(())
}
