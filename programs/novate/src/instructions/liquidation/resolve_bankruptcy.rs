use anchor_lang::prelude::*;
use novate_margin::{Seconds, Usd};

use super::losses::{forgive, Losses, NO_SHARES};
use crate::error::NovateError;
use crate::events::{BankruptLoss, BankruptcyResolved, ForgivenLoss, PositionBorne, EVENT_VERSION};
use crate::instrument::market_of;
use crate::listed::Listed;
use crate::state::{signed, Asset, Balance, Borne, Insurance, Pool, Portfolio, SETTLEMENT_ASSET};

/// Anyone may resolve an insolvent account in which nothing of value is left. Behind the instruction stand the settlement asset and
/// the markets of its positions, writable, and the underlying assets of these.
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
/// as a taker would be (CLR-32), and no price is asked for.
///
/// 1. Refuses where no insolvent auction runs. Cash and positions bear their parts in haircuts. Refuses where there is anything but
///    closed positions with losses and a loan of the settlement asset: no cash, nothing pending, no other balance.
/// 2. Adds up the losses and the loan with interest up to now. Refuses beyond what is left of the reserve.
/// 3. What the fund lacks, and of losses in markets listed in the last two weeks what goes beyond its part in them, is forgiven of the losses, in proportion to these, and opens a haircut of the gains of their markets at the
///    last prices; while one is not all charged it is refused. Beyond the losses it is taken from all settlement deposits, and
///    refused where these have less.
/// 4. Raises the rest: capital, stake, then deposits. Pays what is not forgiven of each loss into the variation pool of its market,
///    and the loan back to the bank.
/// 5. Frees the positions, ends the auction, gives the rest of the reserve back and records what the fund is short of (CLR-35).
/// 6. Emits [`BankruptcyResolved`].
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
    let borne = bear(&mut portfolio, &listed, now)?;
    require_bankrupt(&portfolio)?;

    settlement.bank.accrue(Seconds(now));
    let loan = portfolio.balance_of(SETTLEMENT_ASSET).loan;
    let owed = settlement.bank.owed_ceil(loan).map_err(NovateError::from)?;
    let mut losses = Losses::of_bankrupt(&portfolio)?;
    let deficit = owed.checked_add(losses.sum.unsigned_abs()).ok_or(NovateError::MathOverflow)?;
    require!(deficit <= portfolio.payable(), NovateError::BeyondReserve);
    let held = u64::try_from(insurance.fund().total()).unwrap_or(u64::MAX);
    let mut lacks = deficit.saturating_sub(held);
    if listed.has_young()? {
        let uninsured = losses.insure(&portfolio, signed(deficit)?, held, &listed, now)?;
        lacks = lacks.max(uninsured.unsigned_abs());
    }
    let forgiven = lacks.min(losses.sum.unsigned_abs());
    require!(lacks.saturating_sub(forgiven) <= settlement.chargeable()?, NovateError::InsuranceExhausted);

    let short = insurance.shortage().saturating_sub(portfolio.payable());
    portfolio.auction_paid = portfolio.auction_paid.checked_add(deficit).ok_or(NovateError::MathOverflow)?;
    insurance.release(deficit)?;
    let covered = insurance.cover(&mut settlement, deficit.saturating_sub(forgiven), deficit)?;
    let shares = losses.divide(signed(forgiven)?)?;
    drop(settlement);
    let taken = forgive((&portfolio, None), (&shares, &NO_SHARES), short, &listed, now)?;
    let losses = pay_losses(&mut portfolio, (&shares, &taken), &listed)?;
    let mut settlement = listed.settlement_mut()?;
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
        forgiven,
        from_capital: covered.drawn.capital,
        from_stake: covered.drawn.staked,
        stake_ended: covered.drawn.ended,
        from_deposits: covered.deposits,
        borne,
        interest: (&settlement.bank).into(),
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

/// Has each position bear its part in a haircut of its market. A registered gain whose charge is not known yet may be lost or not.
fn bear(portfolio: &mut Portfolio, listed: &Listed, now: i64) -> Result<Vec<PositionBorne>> {
    let (count, mut borne) = (usize::from(portfolio.position_count), Vec::new());
    for position in portfolio.positions.iter_mut().take(count).filter(|p| p.quantity == 0) {
        let bore = listed.market_mut(market_of(position.instrument))?.bear(position, None, now)?;
        Borne::note(bore, position.instrument, count, &mut borne);
        require!(position.gain == 0, NovateError::HaircutOpen);
    }
    Ok(borne)
}

/// What each position lost and is not forgiven goes to those who won in its market.
fn pay_losses(
    portfolio: &mut Portfolio,
    (shares, taken): (&[i64], &[ForgivenLoss]),
    listed: &Listed,
) -> Result<Vec<BankruptLoss>> {
    let count = usize::from(portfolio.position_count);
    let mut losses = Vec::with_capacity(count);
    for (position, share) in portfolio.positions.iter_mut().take(count).zip(shares) {
        let mut market = listed.market_mut(market_of(position.instrument))?;
        let paid = Usd(position.cost).sub(Usd(*share)).map_err(NovateError::from)?;
        market.variation_pool = market.variation_pool.add(paid).map_err(NovateError::from)?;
        let (amount, forgiven) = (position.cost.unsigned_abs(), share.unsigned_abs());
        let round = taken.iter().find(|loss| loss.instrument == position.instrument).map_or(0, |loss| loss.round);
        losses.push(BankruptLoss { instrument: position.instrument, amount, forgiven, round });
        position.cost = 0;
    }
    Ok(losses)
}

fn repay(portfolio: &mut Portfolio, settlement: &mut Asset, owed: u64) -> Result<()> {
    let loan = portfolio.balance_of(SETTLEMENT_ASSET).loan;
    settlement.bank.repay(owed).map_err(NovateError::from)?;
    portfolio.take_balance(&Balance { loan, ..Balance::of(settlement) })?;
    settlement.count_out(owed)
}
