use anchor_lang::prelude::*;
use novate_margin::{reduces_risk, Contracts, Price, Usd};

use crate::error::NovateError;
use crate::events::{Traded, TradedLeg, EVENT_VERSION};
use crate::health::{Examiner, PriceAge};
use crate::instrument;
use crate::listed::Listed;
use crate::state::{Market, Pool, Portfolio, Scenarios};

/// Most legs of one trade.
pub const MAX_LEGS: usize = 8;

/// One leg, from the first portfolio's side.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub instrument: u64,
    /// 1e-9 contracts; positive where the first portfolio buys.
    pub quantity: i64,
    /// USD 1e-9 per contract.
    pub price: i64,
}

/// Two portfolios trade; the owner or delegate of each signs. Behind the instruction stand the assets and markets that
/// either holds afterwards, each once, the traded markets writable.
#[event_cpi]
#[derive(Accounts)]
pub struct Trade<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = first.key() != second.key() @ NovateError::SamePortfolio
    )]
    pub first: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub second: AccountLoader<'info, Portfolio>,
    pub first_signer: Signer<'info>,
    pub second_signer: Signer<'info>,
}

/// What one side needs for the check after the trade.
struct Side<'a> {
    portfolio: &'a mut Portfolio,
    before: Box<Portfolio>,
    fees: i64,
}

/// 1. Checks the number of legs and that each signer may trade for its side.
/// 2. For each leg: limits of the market and band around the mark (CLR-15), then both positions and the open interest
///    (CLR-01). Costs are rounded up for the buyer and down for the seller; both pay the fee, as part of cost.
/// 3. For each side: initial margin after the trade. A side that misses it, or is in an auction, must have reduced its
///    risk instead (MRG-42, MRG-43), its fees forgiven where every traded position shrank; one in an auction that is back above maintenance margin leaves it (CLR-30).
/// 4. Emits [`Traded`].
pub(crate) fn trade<'info>(ctx: Context<'info, Trade<'info>>, legs: Vec<Leg>) -> Result<()> {
    require!(!legs.is_empty() && legs.len() <= MAX_LEGS, NovateError::LegCount);
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut first = accounts.first.load_mut()?;
    let mut second = accounts.second.load_mut()?;
    first.require_trader(accounts.first_signer.key, now)?;
    second.require_trader(accounts.second_signer.key, now)?;

    let pool = accounts.pool.load()?;
    let scenarios = accounts.scenarios.load()?;
    let listed = Listed::new(&first.pool, ctx.remaining_accounts)?;
    let mut first = Side::new(&mut first);
    let mut second = Side::new(&mut second);
    let mut traded = Vec::with_capacity(legs.len());
    for leg in &legs {
        traded.push(execute(leg, &listed, &mut first, &mut second, now)?);
    }

    let settlement = listed.settlement()?.price;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    for side in [&mut first, &mut second] {
        side.portfolio.free_empty_positions();
        side.portfolio.next_sequence();
        let forgiven = side.forgiven(&legs, settlement)?;
        side.examine(&mut examiner, forgiven)?;
    }

    emit_cpi!(Traded {
        version: EVENT_VERSION,
        pool: first.portfolio.pool,
        first: accounts.first.key(),
        first_sequence: first.portfolio.sequence,
        second: accounts.second.key(),
        second_sequence: second.portfolio.sequence,
        time: now,
        legs: traded,
        first_restored: first.restored(),
        second_restored: second.restored(),
    });
    Ok(())
}

/// Executes one leg: checks, positions, open interest and the market's ledger.
fn execute<'a>(leg: &Leg, listed: &Listed, first: &mut Side<'a>, second: &mut Side<'a>, now: i64) -> Result<TradedLeg> {
    let index = instrument::require_perpetual(leg.instrument)?;
    let mut market = listed.market_mut(index)?;
    let asset = listed.asset(market.asset)?;
    asset.require_fresh(now, asset.max_age)?;
    require_price(&market, leg.price, market.mark_at(asset.price)?)?;
    require_quantity(&market, leg, first.portfolio, second.portfolio)?;

    let size = Contracts(leg.quantity.checked_abs().ok_or(NovateError::MathOverflow)?);
    let price = Price(leg.price);
    let bought = size.value_ceil(price).map_err(NovateError::from)?;
    let sold = size.value_floor(price).map_err(NovateError::from)?;
    let fee = bought.scale_ceil(market.fee).map_err(NovateError::from)?;
    let open_interest = market.long;
    let (buyer, seller) = if leg.quantity > 0 { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
    let buyer_cost = bought.add(fee).map_err(NovateError::from)?;
    let seller_cost = fee.sub(sold).map_err(NovateError::from)?;
    buyer.take(&mut market, leg.instrument, size.0, buyer_cost, fee, now)?;
    seller.take(&mut market, leg.instrument, size.0.saturating_neg(), seller_cost, fee, now)?;

    let rounding = bought.sub(sold).map_err(NovateError::from)?;
    market.rounding = market.rounding.add(rounding).map_err(NovateError::from)?;
    let fees = fee.add(fee).map_err(NovateError::from)?;
    market.accrued_fees = market.accrued_fees.add(fees).map_err(NovateError::from)?;
    let raised = market.long > open_interest;
    require!(!raised || market.long <= market.open_interest_cap, NovateError::OpenInterestCap);
    let costs = if leg.quantity > 0 { (buyer_cost.0, seller_cost.0) } else { (seller_cost.0, buyer_cost.0) };
    Ok(TradedLeg {
        instrument: leg.instrument,
        quantity: leg.quantity,
        price: leg.price,
        first_cost: costs.0,
        second_cost: costs.1,
    })
}

/// A positive multiple of the tick, within the band around the mark.
fn require_price(market: &Market, price: i64, mark: Price) -> Result<()> {
    require!(price > 0 && price.checked_rem(market.tick.0) == Some(0), NovateError::InvalidPrice);
    let width = mark.scale_floor(market.band).map_err(NovateError::from)?;
    require!(price.abs_diff(mark.0) <= width.0.unsigned_abs(), NovateError::OutsideBand);
    Ok(())
}

/// A multiple of the lot and at least the minimum, unless it takes a side's position to exactly zero: odd lots arise from
/// slices of liquidations and can only be closed.
fn require_quantity(market: &Market, leg: &Leg, first: &Portfolio, second: &Portfolio) -> Result<()> {
    require!(leg.quantity != 0, NovateError::ZeroAmount);
    let closes = first.quantity_of(leg.instrument).checked_add(leg.quantity) == Some(0)
        || second.quantity_of(leg.instrument) == leg.quantity;
    if closes {
        return Ok(());
    }
    require!(leg.quantity.checked_rem(market.lot.0) == Some(0), NovateError::InvalidQuantity);
    require!(leg.quantity.unsigned_abs() >= market.minimum.0.unsigned_abs(), NovateError::BelowMinimum);
    Ok(())
}

impl<'a> Side<'a> {
    fn new(portfolio: &'a mut Portfolio) -> Self {
        let mut before: Box<Portfolio> = bytemuck::zeroed_box();
        *before = *portfolio;
        Self { portfolio, before, fees: 0 }
    }

    /// Moves the position by a signed quantity and its cost, fee included.
    fn take(
        &mut self,
        market: &mut Market,
        instrument: u64,
        quantity: i64,
        cost: Usd,
        fee: Usd,
        now: i64,
    ) -> Result<()> {
        let position = self.portfolio.position_entry(instrument, market.asset, now)?;
        let from = position.quantity;
        position.quantity = from.checked_add(quantity).ok_or(NovateError::MathOverflow)?;
        position.cost = position.cost.checked_add(cost.0).ok_or(NovateError::MathOverflow)?;
        let raised = position.quantity.unsigned_abs() > from.unsigned_abs();
        let within = position.quantity.unsigned_abs() <= market.position_cap.0.unsigned_abs();
        require!(!raised || within, NovateError::PositionCap);
        market.move_open_interest(from, position.quantity)?;
        self.fees = self.fees.checked_add(fee.0).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// The trade ended this side's auction.
    fn restored(&self) -> bool {
        self.before.in_auction() && !self.portfolio.in_auction()
    }

    /// What equity may fall by although risk must not rise (MRG-43): the fees, where every traded position shrank, and the
    /// units that rounding may cost. Otherwise nothing, or trades that cancel each other could take an account below zero
    /// in fees.
    fn forgiven(&self, legs: &[Leg], settlement: Price) -> Result<Usd> {
        let shrank = |leg: &Leg| {
            let (from, to) = (self.before.quantity_of(leg.instrument), self.portfolio.quantity_of(leg.instrument));
            to.unsigned_abs() < from.unsigned_abs() && (to == 0 || to.signum() == from.signum())
        };
        if !legs.iter().all(shrank) {
            return Ok(Usd::ZERO);
        }
        let units = i64::try_from(legs.len()).map_err(|_| NovateError::LegCount)?.saturating_add(1);
        let fees = Usd(self.fees).at_price_ceil(settlement).map_err(NovateError::from)?;
        Ok(fees.add(Usd(units)).map_err(NovateError::from)?)
    }

    fn examine(&mut self, examiner: &mut Examiner, forgiven: Usd) -> Result<()> {
        let after = examiner.health(self.portfolio, PriceAge::OfAsset)?;
        if after.meets_initial() && !self.portfolio.in_auction() {
            return Ok(());
        }
        let before = examiner.health(&self.before, PriceAge::OfAsset)?;
        let reduced = reduces_risk(&before, &after, forgiven).map_err(NovateError::from)?;
        if self.portfolio.in_auction() {
            require!(reduced, NovateError::InAuction);
            self.portfolio.leave_auction_if(after.equity >= after.maintenance);
            return Ok(());
        }
        require!(reduced, NovateError::BelowInitialMargin);
        Ok(())
    }
}
