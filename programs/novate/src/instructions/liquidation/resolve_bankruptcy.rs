use anchor_lang::prelude::*;
use novate_margin::{Seconds, Usd};

use crate::error::NovateError;
use crate::events::{BankruptcyResolved, PaidLoss, EVENT_VERSION};
use crate::instrument::market_of;
use crate::listed::Listed;
use crate::state::{Asset, Balance, Insurance, Pool, Portfolio, SETTLEMENT_ASSET};

/// Anyone may resolve an insolvent account in which nothing of value is left. Behind the instruction stand the settlement asset and
/// the markets of its positions, all writable.
#[event_cpi]
#[derive(Accounts)]
pub struct ResolveBankruptcy<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
}

/// Nobody bids for an account that holds only what it owes: it has no margin, so that no premium is paid for it. Its losses are paid
/// as a taker would be (CLR-32), and no price is read.
///
/// 1. Refuses where no insolvent auction runs, and where there is anything but closed positions with losses and a loan of the
///    settlement asset: no cash, nothing pending, no other balance.
/// 2. Adds up the losses and the loan with interest up to now. Refuses beyond what is left of the reserve, and where all tiers
///    together have less.
/// 3. Raises exactly that: capital, stake, then all settlement deposits. Pays each loss into the variation pool of its market,
///    and the loan back to the bank.
/// 4. Frees the positions, ends the auction, gives the rest of the reserve back and records what the fund is short of (CLR-35).
/// 5. Emits [`BankruptcyResolved`].
pub(crate) fn resolve_bankruptcy<'info>(ctx: Context<'info, ResolveBankruptcy<'info>>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut portfolio = accounts.portfolio.load_mut()?;
    let mut insurance = accounts.insurance.load_mut()?;
    require!(portfolio.in_auction(), NovateError::NoAuction);
    require!(portfolio.auction_insolvent != 0, NovateError::NotBankrupt);
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let mut settlement = listed.settlement_mut()?;
    portfolio.bear(&mut settlement)?;
    require_bankrupt(&portfolio)?;

    settlement.bank.accrue(Seconds(now));
    let loan = portfolio.balance_of(SETTLEMENT_ASSET).loan;
    let owed = settlement.bank.owed_ceil(loan).map_err(NovateError::from)?;
    let losses: Vec<PaidLoss> = portfolio
        .positions()
        .iter()
        .map(|p| PaidLoss { instrument: p.instrument, amount: p.cost.unsigned_abs() })
        .collect();
    let deficit = losses.iter().try_fold(owed, |sum, loss| sum.checked_add(loss.amount));
    let deficit = deficit.ok_or(NovateError::MathOverflow)?;
    require!(deficit <= portfolio.payable(), NovateError::BeyondReserve);
    let all = insurance.fund().total().saturating_add(settlement.chargeable()?.into());
    require!(u128::from(deficit) <= all, NovateError::InsuranceExhausted);

    portfolio.auction_paid = portfolio.auction_paid.checked_add(deficit).ok_or(NovateError::MathOverflow)?;
    insurance.release(deficit)?;
    let covered = insurance.cover(&mut settlement, deficit, deficit)?;
    pay_losses(&mut portfolio, &listed)?;
    if loan > 0 {
        repay(&mut portfolio, &mut settlement, owed)?;
    }

    portfolio.free_empty_positions();
    portfolio.end_auction(&mut insurance)?;
    settlement.note_shortage(&insurance);
    portfolio.next_sequence();

    emit_cpi!(BankruptcyResolved {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        deficit,
        losses,
        repaid: owed,
        from_capital: covered.drawn.capital,
        from_stake: covered.drawn.staked,
        stake_ended: covered.drawn.ended,
        from_deposits: covered.deposits,
    });
    Ok(())
}

/// Nothing of value is left, and something is owed.
fn require_bankrupt(portfolio: &Portfolio) -> Result<()> {
    let owes = |b: &Balance| b.asset == SETTLEMENT_ASSET && b.lent == 0 && b.tokens == 0;
    let lost = |p: &crate::state::Position| p.quantity == 0 && p.cost > 0 && p.pending_old == 0 && p.pending_new == 0;
    let bankrupt =
        portfolio.cash == 0 && portfolio.balances().iter().all(owes) && portfolio.positions().iter().all(lost);
    require!(bankrupt && portfolio.owes(), NovateError::NotBankrupt);
    Ok(())
}

/// What each position lost goes to those who won in its market.
fn pay_losses(portfolio: &mut Portfolio, listed: &Listed) -> Result<()> {
    let count = usize::from(portfolio.position_count);
    for position in portfolio.positions.iter_mut().take(count) {
        let mut market = listed.market_mut(market_of(position.instrument))?;
        market.variation_pool = market.variation_pool.add(Usd(position.cost)).map_err(NovateError::from)?;
        position.cost = 0;
    }
    Ok(())
}

fn repay(portfolio: &mut Portfolio, settlement: &mut Asset, owed: u64) -> Result<()> {
    let loan = portfolio.balance_of(SETTLEMENT_ASSET).loan;
    settlement.bank.repay(owed).map_err(NovateError::from)?;
    portfolio.take_balance(&Balance { loan, ..Balance::of(settlement) })?;
    settlement.count_out(owed)
}
