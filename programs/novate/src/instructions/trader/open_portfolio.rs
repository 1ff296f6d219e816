use anchor_lang::prelude::*;
use anchor_lang::system_program::{self, Allocate, Assign, CreateAccount, Transfer};
use anchor_lang::Discriminator;

use crate::error::NovateError;
use crate::events::{PortfolioOpened, EVENT_VERSION};
use crate::listed::{read, require_kind};
use crate::seeds;
use crate::state::{Pool, Portfolio, Tombstone, DISCRIMINATOR};

/// The owner opens a portfolio and pays its rent.
#[event_cpi]
#[derive(Accounts)]
#[instruction(sub_account: u16)]
pub struct OpenPortfolio<'info> {
    pub pool: AccountLoader<'info, Pool>,
    /// CHECK: at the portfolio's address; empty, a tombstone or a portfolio, told apart by owner and discriminator.
    #[account(
        mut,
        seeds = [seeds::PORTFOLIO, pool.key().as_ref(), owner.key().as_ref(), &sub_account.to_le_bytes()],
        bump
    )]
    pub portfolio: UncheckedAccount<'info>,
    #[account(mut)]
    pub owner: Signer<'info>,
    pub system_program: Program<'info, System>,
}

/// 1. Where the portfolio is open already, does nothing: wallets may put this in front of a first deposit.
/// 2. Where a tombstone stands, takes the next generation and grows the account; else creates it, generation 0.
/// 3. Fills it in and emits [`PortfolioOpened`].
pub(crate) fn open_portfolio(ctx: Context<OpenPortfolio>, sub_account: u16) -> Result<()> {
    let accounts = &ctx.accounts;
    let info = &accounts.portfolio;
    let (generation, sequence) = if *info.owner == crate::ID {
        if require_kind::<Portfolio>(info).is_ok() {
            return Ok(());
        }
        require_kind::<Tombstone>(info)?;
        let last = *read::<Tombstone>(info)?;
        grow(accounts)?;
        (last.generation.checked_add(1).ok_or(NovateError::MathOverflow)?, last.sequence)
    } else {
        create(accounts, sub_account, ctx.bumps.portfolio)?;
        (0, 0)
    };

    let now = Clock::get()?.unix_timestamp;
    let mut data = info.try_borrow_mut_data()?;
    data.fill(0);
    let (discriminator, body) = data.split_at_mut_checked(DISCRIMINATOR).ok_or(NovateError::UnexpectedAccount)?;
    discriminator.copy_from_slice(Portfolio::DISCRIMINATOR);
    let portfolio: &mut Portfolio = bytemuck::try_from_bytes_mut(body).map_err(|_| NovateError::UnexpectedAccount)?;
    portfolio.open(accounts.pool.key(), accounts.owner.key(), sub_account, ctx.bumps.portfolio, now);
    portfolio.generation = generation;
    portfolio.sequence = sequence;
    drop(data);

    emit_cpi!(PortfolioOpened {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        portfolio: info.key(),
        sequence,
        time: now,
        owner: accounts.owner.key(),
        sub_account,
        generation,
    });
    Ok(())
}

/// Brings the tombstone to full size and rent.
fn grow(accounts: &OpenPortfolio) -> Result<()> {
    pay_rent(accounts)?;
    Ok(accounts.portfolio.resize(Portfolio::SPACE)?)
}

/// Creates the account; one that was sent lamports beforehand is allocated and assigned instead.
fn create(accounts: &OpenPortfolio, sub_account: u16, bump: u8) -> Result<()> {
    let (pool, owner) = (accounts.pool.key(), accounts.owner.key());
    let (sub_account, bump) = (sub_account.to_le_bytes(), [bump]);
    let seeds: &[&[&[u8]]] = &[&[seeds::PORTFOLIO, pool.as_ref(), owner.as_ref(), &sub_account, &bump]];
    let space = Portfolio::SPACE as u64;
    let program = accounts.system_program.key();
    let account = accounts.portfolio.to_account_info();
    if account.lamports() == 0 {
        let from = accounts.owner.to_account_info();
        let lamports = Rent::get()?.minimum_balance(Portfolio::SPACE);
        let cpi = CpiContext::new_with_signer(program, CreateAccount { from, to: account }, seeds);
        return system_program::create_account(cpi, lamports, space, &crate::ID);
    }
    pay_rent(accounts)?;
    let allocate = Allocate { account_to_allocate: account.clone() };
    system_program::allocate(CpiContext::new_with_signer(program, allocate, seeds), space)?;
    let assign = Assign { account_to_assign: account };
    system_program::assign(CpiContext::new_with_signer(program, assign, seeds), &crate::ID)
}

/// The owner pays what is missing to the rent of a full portfolio.
fn pay_rent(accounts: &OpenPortfolio) -> Result<()> {
    let missing = Rent::get()?.minimum_balance(Portfolio::SPACE).saturating_sub(accounts.portfolio.lamports());
    if missing == 0 {
        return Ok(());
    }
    let transfer = Transfer { from: accounts.owner.to_account_info(), to: accounts.portfolio.to_account_info() };
    system_program::transfer(CpiContext::new(accounts.system_program.key(), transfer), missing)
}
