//! The risk committee of a local cluster is the demonstration's, and forecasts by its rule.

use anyhow::Result;
use novate_client::instrument::expiry_id;
use novate_client::state::{minutes_of, Asset, Expiry, Market};
use novate_client::{addresses, Forecast, Pubkey};
use novate_margin::volatility;
use solana_keypair::Keypair;

use super::node::Node;
use super::setup::Place;
use crate::demo::committee;
use crate::demo::products::{COINS, PERPETUALS};
use crate::demo::smile::Level;

/// Seconds between two applications that follow each other, and after which a forecast is submitted anew.
const INTERVAL: i64 = 10;
const RENEWED: i64 = 1_200;
const YEAR: f64 = 365.0 * 86_400.0;

/// An expiry that the pool lists.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    pub market: u16,
    /// Unix time.
    pub time: i64,
}

impl Listed {
    fn years(self, now: i64) -> f64 {
        (self.time - now) as f64 / YEAR
    }

    fn calm_vol(self) -> f64 {
        COINS[usize::from(PERPETUALS[usize::from(self.market)].asset)].calm_vol
    }

    /// What is forecast while nothing happens.
    pub fn calm(self, now: i64) -> Forecast {
        Level::target(self.calm_vol(), 0.0, self.years(now)).forecast()
    }

    pub fn address(self, pool: &Pubkey) -> Pubkey {
        addresses::expiry_by_id(pool, expiry_id(self.market, minutes_of(self.time)))
    }
}

/// Submits and applies a step of every forecast that is not what the rule says, or is old. One that is refused, beside its
/// neighbour or within its day, is tried again at the next call.
pub fn forecast(node: &Node, place: &Place) -> Result<()> {
    let (pool, now) = (place.keys.pool, node.cluster.now()?);
    for listed in &place.expiries {
        // The last minutes before an expiry are the window's, not the smile's.
        if now + INTERVAL >= listed.time {
            continue;
        }
        let expiry: Box<Expiry> = Box::new(node.cluster.account(&listed.address(&pool))?);
        let since = now - expiry.published;
        let market: Market = node.cluster.account(&addresses::market(&pool, listed.market))?;
        let asset: Asset = node.cluster.account(&addresses::asset(&pool, market.asset))?;
        let daily = volatility::sigma_ceil(asset.variance_fast).0 as f64 / 1e6;
        let level = Level::of(&Forecast::from(&*expiry));
        let target = Level::target(listed.calm_vol(), daily, listed.years(now));
        let target = target.within(committee::day_of(&expiry, now));
        let moved = (target.variance / level.variance - 1.0).abs() > 0.01;
        if since < INTERVAL || since < RENEWED && !moved {
            continue;
        }
        let (publish, members) = committee::publication(&market, listed.time, level.step(target).forecast(), now);
        let signers: Vec<&Keypair> = [&place.governor].into_iter().chain(&members).collect();
        if let Err(error) = node.cluster.send_by(&publish, &signers) {
            eprintln!("committee: {listed:?}: {error:#}");
        }
    }
    Ok(())
}
