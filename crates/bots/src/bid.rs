//! A bid as the program would carry it out, on copies: what it costs or brings, and how the taker stands behind it (CLR-30,
//! CLR-31). The chain decides; this decides what is worth sending.

use novate_client::instrument::{self, market_of, Instrument};
use novate_client::state::{Balance, Portfolio, Position, SETTLEMENT_ASSET};
use novate_client::{HealthError, Prices, Snapshot, Terms};
use novate_margin::{auction, Fraction, Health, Price, Ratio, Seconds, Usd};

/// What a bidder wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It keeps nothing: what it takes it closes elsewhere, and that costs `reward` of the notional (1e-6), which the discount or
    /// premium has to pay.
    NoInventory { reward: Ratio },
    /// It keeps what it takes, as far as its own initial margin reaches with `buffer` (1e-6 of that margin) to spare, where discount
    /// or premium is at least `hurdle` (1e-6) of the initial margin that is needed more than before; what lowers it is
    /// always welcome.
    Inventory { hurdle: Ratio, buffer: Ratio },
}

/// A bid that is worth sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// Part of the account, 1e-9.
    pub fraction: Fraction,
    /// What the instruction takes as its limit, settlement asset 1e-6: most that is paid, or, below zero, minus the least that is
    /// accepted.
    pub limit: i64,
    /// What the bidder gains by the discount or the premium, USD 1e-6.
    pub gain: Usd,
    pub insolvent: bool,
}

/// What is bid for, and by whom.
#[derive(Clone, Copy)]
pub struct Sale<'a> {
    pub account: &'a Portfolio,
    /// Of the account, as it will be judged.
    pub health: Health,
    /// Since when its auction runs; none where it starts in the same transaction.
    pub started: Option<i64>,
    pub taker: &'a Portfolio,
    pub now: i64,
}

/// Price may turn out higher than reckoned by so much, 1e-6: between here and there prices move.
const SLIP: i128 = 5_000;

/// Shares of what the auction gives that are tried, one over.
const SHARES: [i64; 6] = [1, 2, 4, 8, 16, 32];

/// The largest bid that the policy wants and the taker can carry; none where there is none.
pub fn choose(snapshot: &Snapshot, sale: Sale, policy: Policy) -> Result<Option<Bid>, HealthError> {
    let insolvent = sale.health.equity <= Usd::ZERO;
    let elapsed = Seconds(sale.started.map_or(0, |started| sale.now - started));
    let most = match insolvent {
        true => Fraction::ONE,
        false => auction::max_fraction(sale.health.equity, sale.health.maintenance, auction::discount(elapsed))?,
    };
    let before = snapshot.judge(sale.taker, Terms { now: sale.now, prices: Prices::Adverse })?.1;
    for share in SHARES {
        let fraction = Fraction(most.0 / share);
        if fraction.0 == 0 {
            break;
        }
        let Some(bid) = size(snapshot, sale, policy, fraction, elapsed)? else { return Ok(None) };
        let after = carried(snapshot, sale, bid)?;
        if after.is_some_and(|after| wants(policy, &before, &after, bid)) {
            return Ok(Some(bid));
        }
    }
    Ok(None)
}

/// What a fraction costs or brings. None where it gains nothing, or less than a policy without inventory asks for.
fn size(
    snapshot: &Snapshot,
    sale: Sale,
    policy: Policy,
    fraction: Fraction,
    elapsed: Seconds,
) -> Result<Option<Bid>, HealthError> {
    let Health { equity, maintenance, gross_notional, .. } = sale.health;
    let settlement = snapshot.assets.get(&SETTLEMENT_ASSET).map_or(Price::ONE, |asset| asset.price);
    let in_tokens = |usd: i128| usd * i128::from(Price::ONE.0) / i128::from(settlement.0.max(1));
    let narrow = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
    let slice = |whole: i64| i128::from(whole) * i128::from(fraction.0) / i128::from(Fraction::ONE.0);
    let wanted = match policy {
        Policy::NoInventory { reward } => slice(gross_notional.0) * i128::from(reward.0) / 1_000_000,
        Policy::Inventory { .. } => 1,
    };
    let insolvent = equity <= Usd::ZERO;
    let (gain, limit) = if insolvent {
        let owed = auction::payout_floor(equity, maintenance, fraction, auction::premium(elapsed))?;
        let payable = sale.started.map_or(i128::MAX, |_| i128::from(sale.account.payable()));
        let owed = i128::from(owed.0).min(payable);
        // It takes no less than what makes it worth while.
        let least = in_tokens(wanted - slice(equity.0)).max(0);
        (owed + slice(equity.0), -least)
    } else {
        let price = auction::price_ceil(equity, fraction, auction::discount(elapsed))?;
        let price = i128::from(price.0);
        (slice(equity.0) - price, in_tokens(price + price * SLIP / 1_000_000 + 1))
    };
    let bid = Bid { fraction, limit: narrow(limit), gain: Usd(narrow(gain)), insolvent };
    Ok((gain >= wanted.max(1)).then_some(bid))
}

/// Health of the taker behind a bid, at the worst price that it allows; none where it could not pay that.
pub fn carried(snapshot: &Snapshot, sale: Sale, bid: Bid) -> Result<Option<Health>, HealthError> {
    let taker = taken(snapshot, sale, bid).map_err(HealthError::refused)?;
    if taker.cash < 0 {
        return Ok(None);
    }
    let terms = Terms { now: sale.now, prices: Prices::Adverse };
    Ok(Some(snapshot.judge(&taker, terms)?.1))
}

/// Whether the taker meets initial margin behind it, and the policy what it asks for.
fn wants(policy: Policy, before: &Health, after: &Health, bid: Bid) -> bool {
    match policy {
        Policy::NoInventory { .. } => after.meets_initial(),
        Policy::Inventory { hurdle, buffer } => {
            let spare = i128::from(after.initial.0) * i128::from(buffer.0) / 1_000_000;
            let covered = i128::from(after.counted_equity.0) >= i128::from(after.initial.0) + spare;
            let more = i128::from(after.initial.0) - i128::from(before.initial.0);
            let pays = i128::from(bid.gain.0) * 1_000_000 >= more * i128::from(hurdle.0);
            covered && pays
        }
    }
}

/// The taker with the slice: cash, balances, positions, pending gains and costs, funding applied; less the price, or with the
/// payout.
fn taken(snapshot: &Snapshot, sale: Sale, bid: Bid) -> anchor_lang::Result<Box<Portfolio>> {
    let mut account: Box<Portfolio> = bytemuck::zeroed_box();
    let mut taker: Box<Portfolio> = bytemuck::zeroed_box();
    (*account, *taker) = (*sale.account, *sale.taker);
    if let Some(settlement) = snapshot.assets.get(&SETTLEMENT_ASSET) {
        let mut settlement = *settlement;
        account.bear(&mut settlement)?;
        taker.bear(&mut settlement)?;
    }
    let part = bid.fraction;
    let cash = Usd(account.cash).slice_floor(part).unwrap_or_default().0;
    taker.cash = taker.cash.saturating_add(cash).saturating_sub(bid.limit);
    let balances: Vec<Balance> = account.balances().to_vec();
    for balance in balances {
        let slice = balance.slice(part)?;
        if !slice.is_empty() {
            taker.add_balance(&slice)?;
        }
    }
    let positions: Vec<Position> = account.positions().to_vec();
    for mut position in positions {
        apply_funding(snapshot, &mut position)?;
        let slice = position.cut(part)?;
        if slice.is_empty() {
            continue;
        }
        let held = taker.position_entry(slice.instrument, slice.underlying, sale.now)?;
        apply_funding(snapshot, held)?;
        held.funding = slice.funding;
        held.absorb(&slice)?;
    }
    taker.free_empty_positions();
    taker.require_within_limits()?;
    Ok(taker)
}

fn apply_funding(snapshot: &Snapshot, position: &mut Position) -> anchor_lang::Result<()> {
    let Some(market) = snapshot.markets.get(&market_of(position.instrument)) else { return Ok(()) };
    if matches!(instrument::parse(position.instrument), Ok(Instrument::Perpetual)) {
        let owed = position.funding_owed(market.funding)?;
        position.add_cost(owed.0)?;
        position.funding = market.funding.0;
    }
    Ok(())
}
