use anchor_lang::prelude::*;
use novate_margin::{Contracts, Price, Usd};

use super::bear::bear;
use crate::error::NovateError;
use crate::events::{VariationSettled, EVENT_VERSION};
use crate::instrument::{self, market_of, Instrument};
use crate::listed::{read, require_kind};
use crate::state::{Asset, Expiry, Market, Portfolio, Position};

/// Anyone may settle anyone's variation.
#[event_cpi]
#[derive(Accounts)]
pub struct SettleVariation<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = market.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    #[account(
        constraint = asset.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == market.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
    /// Of a future that is held; of what is closed it is not read, and may be closed itself.
    /// CHECK: owner, kind, pool and instrument, where it is read.
    pub expiry: Option<UncheckedAccount<'info>>,
    #[account(
        mut,
        constraint = settlement.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool,
        constraint = settlement.load()?.is_settlement() @ NovateError::NotSettlementAsset
    )]
    pub settlement: AccountLoader<'info, Asset>,
}

/// The price that a position in the instrument is settled at.
fn mark(instrument: u64, market: &Market, asset: &Asset, expiry: Option<&AccountInfo>, now: i64) -> Result<Price> {
    match instrument::parse(instrument)? {
        Instrument::Perpetual => market.mark_at(asset.price),
        Instrument::Future { .. } => {
            let info = expiry.ok_or(NovateError::WrongExpiry)?;
            require_kind::<Expiry>(info)?;
            let expiry = read::<Expiry>(info)?;
            require_keys_eq!(expiry.pool, market.pool, NovateError::WrongPool);
            let held = instrument::future(expiry.market, expiry.minutes()) == instrument;
            require!(held, NovateError::WrongExpiry);
            expiry.mark(asset, now)
        }
        Instrument::Option { .. } => err!(NovateError::NoVariation),
    }
}

/// Unsettled profit of a position, rounded down. One that is closed needs no price.
pub(super) fn profit(
    position: &Position,
    market: &Market,
    asset: &Asset,
    expiry: Option<&AccountInfo>,
    now: i64,
) -> Result<i64> {
    let mut value = Usd::ZERO;
    if position.quantity != 0 {
        asset.require_fresh(now, asset.max_age)?;
        let mark = mark(position.instrument, market, asset, expiry, now)?;
        value = Contracts(position.quantity).value_floor(mark).map_err(NovateError::from)?;
    }
    Ok(value.sub(Usd(position.cost)).map_err(NovateError::from)?.0)
}

/// Settles a portfolio's perpetual, one of its futures, or an option that expiry settled, in a market (CLR-10). A position that
/// is closed needs no price.
///
/// 1. Cash bears the haircuts since it was last moved, the position its part in a haircut of the market (CLR-32). Gains whose time as
///    pending is over become cash, but for what is held back while reserves exceed the insurance fund (CLR-35). Funding accrues,
///    and what a perpetual owes is added to its cost (CLR-11).
/// 2. A loss is paid into the market's variation pool: first out of gains still pending here, then out of cash, as far
///    as they go; the rest stays an unsettled loss.
/// 3. A gain is taken from the variation pool as far as losers have paid in, and is pending for one to two hours. While the window
///    of a haircut is open no gain is paid, and none that is pending becomes cash.
/// 4. A position in which nothing is left is freed. A portfolio without positions and loans owes nothing: a solvent auction of
///    it ends.
/// 5. Emits [`VariationSettled`]. Where nothing moved at all the instruction fails.
pub(crate) fn settle_variation(ctx: Context<SettleVariation>, instrument: u64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let asset = accounts.asset.load()?;
    let mut market = accounts.market.load_mut()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(market_of(instrument) == market.index, NovateError::WrongMarket);

    let mut settlement = accounts.settlement.load_mut()?;
    portfolio.bear(&mut settlement)?;
    let cash = portfolio.cash;
    let position = portfolio.position_mut(instrument)?;
    let expiry = accounts.expiry.as_ref().map(AsRef::as_ref);
    let borne = bear(&mut market, position, expiry, now)?.unwrap_or_default();
    let waits = market.round.is_open(now);
    let shortage = settlement.shortage;
    let released = position.release_pending(now, market.holds_back(shortage, now));
    let mut funding = Usd::ZERO;
    if position.quantity != 0 && instrument::parse(instrument)? == Instrument::Perpetual {
        market.accrue(now);
        funding = market.apply_funding(position)?;
    }
    let profit = profit(position, &market, &asset, expiry, now)?;

    let available = cash.checked_add(released).ok_or(NovateError::MathOverflow)?;
    let amount = if profit > 0 {
        if waits {
            0
        } else {
            profit.min(market.variation_pool.0)
        }
    } else {
        let means = [position.pending_new, position.pending_old]
            .into_iter()
            .try_fold(available, i64::checked_add)
            .ok_or(NovateError::MathOverflow)?;
        profit.max(means.saturating_neg())
    };
    if amount == 0 && released == 0 && borne.charged == 0 {
        let pending = position.pending_old != 0 || position.pending_new != 0;
        require!(!waits || profit <= 0 && !pending, NovateError::HaircutOpen);
        require!(shortage == 0 || !pending, NovateError::GainsHeldBack);
        return err!(NovateError::NothingToSettle);
    }

    let from_cash = if amount > 0 { position.receive(amount)? } else { position.pay(amount)? };
    let funding_index = position.funding;
    portfolio.move_cash(&mut settlement, released.checked_sub(from_cash).ok_or(NovateError::MathOverflow)?)?;
    market.variation_pool = market.variation_pool.sub(Usd(amount)).map_err(NovateError::from)?;
    portfolio.free_empty_positions();
    let (owes_nothing, was_in_auction) = (!portfolio.owes(), portfolio.in_auction());
    portfolio.leave_auction_if(owes_nothing);
    portfolio.next_sequence();

    emit_cpi!(VariationSettled {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        instrument,
        amount,
        released,
        cash: portfolio.cash,
        variation_pool: market.variation_pool.0,
        funding: funding.0,
        funding_index,
        auction_ended: was_in_auction && !portfolio.in_auction(),
        borne,
    });
    Ok(())
}
