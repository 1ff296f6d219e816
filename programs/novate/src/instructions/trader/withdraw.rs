use anchor_lang::prelude::*;
use anchor_spl::token_interface::{transfer_checked, Mint, TokenAccount, TokenInterface, TransferChecked};

use crate::error::NovateError;
use crate::events::{Moved, EVENT_VERSION};
use crate::health::require_settled_margin;
use crate::listed::Listed;
use crate::seeds;
use crate::state::{signed, Action, Asset, Pool, Portfolio, Scenarios};

/// The owner withdraws to any token account of the mint. With positions or loans, what the portfolio holds stands behind the
/// instruction.
#[event_cpi]
#[derive(Accounts)]
pub struct Withdraw<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
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
        constraint = destination.mint == mint.key() @ NovateError::WrongTokenAccount
    )]
    pub destination: InterfaceAccount<'info, TokenAccount>,
    pub mint: InterfaceAccount<'info, Mint>,
    pub owner: Signer<'info>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// 1. Refuses while an auction runs.
/// 2. Debits cash, or tokens that are not lent. Gains still pending are not cash (CLR-10). While insurance is short of what is
///    reserved, cash leaves net of the provisional haircut, which stays behind (CLR-35). Refuses what leaves a balance below the
///    asset's minimum, and what its outflow limit does not let go yet (CLR-34, CLR-41).
/// 3. With positions or loans: initial margin must be covered without gains that are unsettled or pending (MRG-45). Without any,
///    no price is needed: nothing but the outflow limit, by days, can keep the owner from leaving (CLR-51).
/// 4. Moves the tokens and emits [`Moved`].
pub(crate) fn withdraw<'info>(ctx: Context<'info, Withdraw<'info>>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (index, balance) = debit(accounts, amount, now)?;
    {
        let pool = accounts.pool.load()?;
        pool.require_running(Action::Withdraw, now)?;
        let scenarios = accounts.scenarios.load()?;
        let portfolio = accounts.portfolio.load()?;
        let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
        require_settled_margin(&portfolio, &listed, &pool, &scenarios, now)?;
    }
    send_tokens(accounts, amount)?;

    let portfolio = accounts.portfolio.load()?;
    emit_cpi!(Moved {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        asset: index,
        amount: signed(amount)?.saturating_neg(),
        balance,
        held: portfolio.claim.held,
    });
    Ok(())
}

/// Returns the asset's index and the balance after.
fn debit(accounts: &Withdraw, amount: u64, now: i64) -> Result<(u16, i64)> {
    let mut asset = accounts.asset.load_mut()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(!portfolio.in_auction(), NovateError::InAuction);
    portfolio.next_sequence();
    portfolio.take_tokens(&mut asset, amount)?;
    portfolio.require_no_dust(&asset)?;
    if asset.is_settlement() {
        portfolio.leave(&mut asset, amount)?;
    }
    asset.count_out(amount)?;
    asset.outflow.draw(amount, now)?;
    Ok((asset.index, portfolio.tokens_of(&asset)))
}

fn send_tokens(accounts: &Withdraw, amount: u64) -> Result<()> {
    let (creator, id, bump) = {
        let pool = accounts.pool.load()?;
        (pool.creator, pool.id.to_le_bytes(), [pool.bump])
    };
    let signer: &[&[&[u8]]] = &[&[seeds::POOL, creator.as_ref(), &id, &bump]];
    let transfer = TransferChecked {
        from: accounts.vault.to_account_info(),
        mint: accounts.mint.to_account_info(),
        to: accounts.destination.to_account_info(),
        authority: accounts.pool.to_account_info(),
    };
    let cpi = CpiContext::new_with_signer(accounts.token_program.key(), transfer, signer);
    transfer_checked(cpi, amount, accounts.mint.decimals)
}
