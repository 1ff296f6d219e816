use anchor_lang::prelude::*;
use anchor_lang::Discriminator;

use crate::error::NovateError;
use crate::events::{PortfolioClosed, EVENT_VERSION};
use crate::listed::{require_kind, write};
use crate::seeds;
use crate::state::{Asset, Pool, Portfolio, Tombstone, DISCRIMINATOR, VERSION};

/// The owner closes an empty portfolio.
#[event_cpi]
#[derive(Accounts)]
#[instruction(sub_account: u16)]
pub struct ClosePortfolio<'info> {
    pub pool: AccountLoader<'info, Pool>,
    /// CHECK: at the owner's address of this sub-account; must hold a portfolio.
    #[account(
        mut,
        seeds = [seeds::PORTFOLIO, pool.key().as_ref(), owner.key().as_ref(), &sub_account.to_le_bytes()],
        bump
    )]
    pub portfolio: UncheckedAccount<'info>,
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = settlement.load()?.is_settlement() @ NovateError::NotSettlementAsset
    )]
    pub settlement: AccountLoader<'info, Asset>,
}

/// 1. Cash bears its haircuts, which may leave nothing of it (CLR-32). Refuses a portfolio that holds anything, is in an auction,
///    which may hold a reserve of the insurance fund, or from which cash has left while deposits may have to bear a loss that
///    still lasts (CLR-35).
/// 2. Shrinks the account to a tombstone that keeps the generation (CLR-52) and the sequence.
/// 3. Returns the rent above the tombstone's to the owner and emits [`PortfolioClosed`].
pub(crate) fn close_portfolio(ctx: Context<ClosePortfolio>, _sub_account: u16) -> Result<()> {
    let accounts = &ctx.accounts;
    let info = &accounts.portfolio;
    require_kind::<Portfolio>(info).map_err(|_| NovateError::PortfolioClosed)?;
    let (generation, sequence) = {
        let mut portfolio = write::<Portfolio>(info)?;
        let settlement = &mut *accounts.settlement.load_mut()?;
        portfolio.bear(settlement)?;
        require!(portfolio.is_empty(), NovateError::PortfolioNotEmpty);
        require!(!portfolio.in_auction(), NovateError::InAuction);
        require!(portfolio.claim.left == 0, NovateError::ProvisionalHaircut);
        (portfolio.generation, portfolio.sequence.wrapping_add(1))
    };

    info.resize(Tombstone::SPACE)?;
    {
        let mut data = info.try_borrow_mut_data()?;
        data.fill(0);
        let (discriminator, body) = data.split_at_mut_checked(DISCRIMINATOR).ok_or(NovateError::UnexpectedAccount)?;
        discriminator.copy_from_slice(Tombstone::DISCRIMINATOR);
        let tombstone: &mut Tombstone =
            bytemuck::try_from_bytes_mut(body).map_err(|_| NovateError::UnexpectedAccount)?;
        tombstone.version = VERSION;
        tombstone.generation = generation;
        tombstone.sequence = sequence;
    }

    let kept = Rent::get()?.minimum_balance(Tombstone::SPACE);
    let returned = info.lamports().saturating_sub(kept);
    info.sub_lamports(returned)?;
    accounts.owner.add_lamports(returned)?;

    emit_cpi!(PortfolioClosed {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        portfolio: info.key(),
        sequence,
        time: Clock::get()?.unix_timestamp,
        generation,
    });
    Ok(())
}
