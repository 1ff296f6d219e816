//! What the demo writes down while it runs: a frame per moment, for the tables and the report.

use anyhow::Result;
use novate_client::Snapshot;
use novate_margin::health_factor;

use super::cast::CAST;
use super::legs;
use super::liquidator::unpaid_losses;
use super::products::{COINS, EXPIRIES};
use super::world::World;
use crate::books::Ledger;

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
    /// Implied vol at the money by expiry.
    pub vols: Vec<i64>,
    pub standings: Vec<Standing>,
    pub ledger: Ledger,
    pub unpaid_losses: i64,
    /// What the insurance fund holds, and what it has paid to the takers of insolvent accounts so far.
    pub insurance: i64,
    pub paid_out: i64,
    /// Sum of what insolvent members are short of at this moment.
    pub unfunded: i64,
}

/// Writes down a moment.
pub fn frame(world: &World, ledger: Ledger) -> Result<Frame> {
    let snapshot = world.snapshot()?;
    let standings: Vec<Standing> = (0..CAST.len()).map(|m| standing(world, &snapshot, m)).collect::<Result<_>>()?;
    let assets = (1..COINS.len() as u16).filter_map(|i| snapshot.assets.get(&i));
    let fund = world.insurance()?;
    Ok(Frame {
        time: world.chain.now(),
        prices: assets.clone().map(|a| a.price.0).collect(),
        scan_ranges: assets.clone().map(|a| a.scan_range.0).collect(),
        haircuts: assets.map(|a| a.haircut.0).collect(),
        multipliers: snapshot.markets.values().map(|m| m.initial_multiplier.0).collect(),
        vols: EXPIRIES.iter().map(|e| Ok(e.vol(&*world.expiry(e)?, world.chain.now()))).collect::<Result<_>>()?,
        unfunded: standings.iter().map(|s| (-s.equity).max(0)).sum(),
        standings,
        ledger,
        unpaid_losses: unpaid_losses(world)?,
        insurance: i64::try_from(fund.capital.saturating_add(fund.staked))?,
        paid_out: i64::try_from(fund.paid_out)?,
    })
}

fn standing(world: &World, snapshot: &Snapshot, member: usize) -> Result<Standing> {
    let portfolio = world.portfolio(member)?;
    let health = world.health(snapshot, member)?;
    Ok(Standing {
        equity: health.equity.0,
        initial: health.initial.0,
        maintenance: health.maintenance.0,
        leg_by_leg: legs::initial(snapshot, &portfolio, world.chain.now())?,
        health: health_factor(&health).0,
        in_auction: portfolio.in_auction(),
    })
}
