//! What the demo writes down while it runs: a frame per moment, for the tables and the report.

use anyhow::Result;
use novate_client::state::{Asset, Insurance, Market, Portfolio};
use novate_client::{addresses, Snapshot};
use novate_margin::fixed::mul_div_ceil;
use novate_margin::{health_factor, Book, Contracts, Health, Usd};

use super::cast::{CAST, COINS};
use super::ledger::Ledger;
use super::liquidator::unpaid_losses;
use super::world::World;

/// Margins of one member at one moment, 1e-6 USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub equity: i64,
    pub initial: i64,
    pub maintenance: i64,
    /// Initial margin of each leg alone, added up.
    pub leg_by_leg: i64,
    /// Equity over maintenance margin, 1e-6; saturates where there is no requirement.
    pub health: i64,
    pub in_auction: bool,
}

/// The pool at one moment. Per coin without the settlement asset; amounts 1e-6 USD, ratios 1e-6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub time: i64,
    /// 1e-9 USD.
    pub prices: Vec<i64>,
    pub scan_ranges: Vec<i64>,
    pub haircuts: Vec<i64>,
    /// By market.
    pub multipliers: Vec<i64>,
    pub standings: Vec<Standing>,
    pub ledger: Ledger,
    pub unpaid_losses: i64,
    pub insurance: i64,
    /// Sum of what insolvent members are short of.
    pub unfunded: i64,
}

/// Writes down a moment.
pub fn frame(world: &World, ledger: Ledger) -> Result<Frame> {
    let snapshot = world.snapshot()?;
    let standings: Vec<Standing> = (0..CAST.len()).map(|m| standing(world, &snapshot, m)).collect::<Result<_>>()?;
    let assets = (1..COINS.len() as u16).filter_map(|i| snapshot.assets.get(&i));
    let fund: Insurance = world.chain.read(&addresses::insurance(&world.keys.pool))?;
    Ok(Frame {
        time: world.chain.now(),
        prices: assets.clone().map(|a| a.price.0).collect(),
        scan_ranges: assets.clone().map(|a| a.scan_range.0).collect(),
        haircuts: assets.map(|a| a.haircut.0).collect(),
        multipliers: snapshot.markets.values().map(|m| m.initial_multiplier.0).collect(),
        unfunded: standings.iter().map(|s| (-s.equity).max(0)).sum(),
        standings,
        ledger,
        unpaid_losses: unpaid_losses(world)?,
        insurance: i64::try_from(fund.capital.saturating_add(fund.staked))?,
    })
}

fn standing(world: &World, snapshot: &Snapshot, member: usize) -> Result<Standing> {
    let portfolio = world.portfolio(member)?;
    let health = world.health(snapshot, member)?;
    Ok(Standing {
        equity: health.equity.0,
        initial: health.initial.0,
        maintenance: health.maintenance.0,
        leg_by_leg: scaled(leg_by_leg(snapshot, &portfolio)?, health.initial, health.requirement)?,
        health: health_factor(&health).0,
        in_auction: portfolio.in_auction(),
    })
}

/// `amount` raised as initial margin is above the requirement: by the multiplier of the book's markets (MRG-40).
fn scaled(amount: Usd, initial: Usd, requirement: Usd) -> Result<i64> {
    if requirement.0 == 0 {
        return Ok(amount.0);
    }
    Ok(mul_div_ceil(amount.0, initial.0, requirement.0)?)
}

/// What the same holdings would require if each leg were margined by itself: no offset between spot and perpetual, none
/// between coins.
fn leg_by_leg(snapshot: &Snapshot, portfolio: &Portfolio) -> Result<Usd> {
    let mut total = Usd::ZERO;
    for balance in portfolio.balances() {
        let Some(asset) = snapshot.assets.get(&balance.asset) else { continue };
        total = total.add(spot_alone(snapshot, asset, balance.shares)?.requirement)?;
    }
    for position in portfolio.positions() {
        let (asset, market) = (snapshot.assets.get(&position.underlying), market(snapshot, position.instrument));
        let (Some(asset), Some(market)) = (asset, market) else { continue };
        total = total.add(perpetual_alone(snapshot, asset, market, position.quantity)?.requirement)?;
    }
    Ok(total)
}

fn spot_alone(snapshot: &Snapshot, asset: &Asset, shares: i64) -> Result<Health> {
    let mut book = empty_book(snapshot);
    let quantity = asset.quantity(shares)?;
    if asset.is_underlying() {
        let slot = book.add_underlying(asset.index, asset.facts())?;
        book.add_spot(slot, quantity)?;
    } else {
        book.add_outside(quantity, asset.price, asset.average, asset.haircut)?;
    }
    Ok(book.health(None, &snapshot.pool.params)?)
}

fn perpetual_alone(snapshot: &Snapshot, asset: &Asset, market: &Market, quantity: i64) -> Result<Health> {
    let mut book = empty_book(snapshot);
    let slot = book.add_underlying(asset.index, asset.facts())?;
    book.add_perpetual(slot, Contracts(quantity), market.mark_at(asset.price)?, Usd::ZERO, market.initial_multiplier)?;
    Ok(book.health(None, &snapshot.pool.params)?)
}

fn empty_book(snapshot: &Snapshot) -> Box<Book> {
    let mut book = Box::<Book>::default();
    book.set_settlement_price(snapshot.assets.get(&0).map_or_else(Default::default, |a| a.price));
    book
}

fn market(snapshot: &Snapshot, instrument: u64) -> Option<&Market> {
    snapshot.markets.get(&novate_client::instrument::market_of(instrument))
}
