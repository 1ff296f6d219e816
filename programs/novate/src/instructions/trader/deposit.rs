use anchor_lang::prelude::*;
use anchor_spl::token_interface::{transfer_checked, Mint, TokenAccount, TokenInterface, TransferChecked};

use crate::error::NovateError;
use crate::events::{Moved, EVENT_VERSION};
use crate::listed::Listed;
use crate::state::{signed, Action, Asset, Pool, Portfolio};

/// The owner deposits from a token account of their own. Where a balance of a yield-bearing asset is opened beside positions,
/// what the asset is redeemed for stands behind the instruction.
#[event_cpi]
#[derive(Accounts)]
pub struct Deposit<'info> {
    #[account(constraint = pool.load()?.generation != 0 @ NovateError::PoolNotLive)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        has_one = mint @ NovateError::WrongMint,
        has_one = vault @ NovateError::WrongVault,
        has_one = token_program @ NovateError::WrongTokenProgram
    )]
    pub asset: AccountLoader<'info, Asset>,
    #[account(mut)]
    pub vault: InterfaceAccount<'info, TokenAccount>,
    #[account(
        mut,
        constraint = source.mint == mint.key() && source.owner == owner.key() @ NovateError::WrongTokenAccount
    )]
    pub source: InterfaceAccount<'info, TokenAccount>,
    pub mint: InterfaceAccount<'info, Mint>,
    pub owner: Signer<'info>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// No feed blocks adding to what the portfolio holds (CLR-40). Only a new kind of collateral beside open positions needs a
/// fresh price: without one the portfolio could not be judged, nor liquidated.
///
/// 1. Moves the tokens and measures what the vault received (CLR-60).
/// 2. Refuses what would exceed the asset's cap, of one listed lately as far as it counts (MRG-62), and a new balance below its minimum (CLR-34).
/// 3. Credits cash for the settlement asset, a balance for any other. Cash that had left during a shortage of insurance is back:
///    nothing is held back for it any more (CLR-35).
/// 4. Emits [`Moved`].
pub(crate) fn deposit<'info>(ctx: Context<'info, Deposit<'info>>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let received = receive_tokens(ctx.accounts, amount)?;
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut asset = accounts.asset.load_mut()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    asset.count_in(received)?;
    require!(asset.vaulted()? <= asset.deposit_limit(now), NovateError::DepositCap);
    asset.outflow.put_back(received, now);
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    if !portfolio.owes() {
        accounts.pool.load()?.require_running(Action::Deposit, now)?;
    }
    portfolio.receive_tokens(&mut asset, &listed, received, now)?;
    if asset.is_settlement() {
        portfolio.come_back(&mut asset, received)?;
    }
    portfolio.next_sequence();

    emit_cpi!(Moved {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        asset: asset.index,
        amount: signed(received)?,
        balance: portfolio.tokens_of(&asset),
        held: portfolio.claim.held,
    });
    Ok(())
}

fn receive_tokens(accounts: &mut Deposit, amount: u64) -> Result<u64> {
    let before = accounts.vault.amount;
    let transfer = TransferChecked {
        from: accounts.source.to_account_info(),
        mint: accounts.mint.to_account_info(),
        to: accounts.vault.to_account_info(),
        authority: accounts.owner.to_account_info(),
    };
    let cpi = CpiContext::new(accounts.token_program.key(), transfer);
    transfer_checked(cpi, amount, accounts.mint.decimals)?;
    accounts.vault.reload()?;
    let received = accounts.vault.amount.checked_sub(before).ok_or(NovateError::MathOverflow)?;
    require!(received > 0, NovateError::ZeroAmount);
    Ok(received)
}
