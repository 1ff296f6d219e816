//! The risk committee of a local cluster: three members of one mind, who forecast by the rule of the demonstration.

use anyhow::Result;
use novate_client::instructions as build;
use novate_client::instrument::expiry_id;
use novate_client::state::{minutes_of, Asset, Expiry, Market};
use novate_client::{addresses, Forecast, Pubkey};
use novate_margin::volatility;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::node::Node;
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

/// Members, ascending, as a committee seats them; any two are a quorum.
pub struct Committee {
    pub members: Vec<Keypair>,
    pub expiries: Vec<Listed>,
}

impl Committee {
    pub fn new(expiries: Vec<Listed>) -> Self {
        let mut members: Vec<Keypair> = (0..3).map(|_| Keypair::new()).collect();
        members.sort_by_key(Keypair::pubkey);
        Self { members, expiries }
    }

    /// Submits and applies a step of every forecast that is not what the rule says, or is old. One that is refused, beside its
    /// neighbour or within its day, is tried again at the next call.
    pub fn forecast(&self, node: &Node, pool: &Pubkey) -> Result<()> {
        let now = node.cluster.now()?;
        for listed in &self.expiries {
            // The last minutes before an expiry are the window's, not the smile's.
            if now + INTERVAL >= listed.time {
                continue;
            }
            let expiry: Box<Expiry> = Box::new(node.cluster.account(&listed.address(pool))?);
            let since = now - expiry.published;
            let market: Market = node.cluster.account(&addresses::market(pool, listed.market))?;
            let asset: Asset = node.cluster.account(&addresses::asset(pool, market.asset))?;
            let daily = volatility::sigma_ceil(asset.variance_fast).0 as f64 / 1e6;
            let level = Level::of(&Forecast::from(&*expiry));
            let (day, left) = (expiry.day_of(now), listed.years(now));
            let stated = (listed.time - day.stated) as f64 / YEAR;
            let within = (Level::of(&day.forecast.into()), (left / stated).min(1.0));
            let target = Level::target(listed.calm_vol(), daily, left).within(within);
            let moved = (target.variance / level.variance - 1.0).abs() > 0.01;
            if since < INTERVAL || since < RENEWED && !moved {
                continue;
            }
            let forecast = level.step(target).forecast();
            let quorum = &self.members[..2];
            let submit =
                |member: &Keypair| build::submit_forecast(member.pubkey(), *pool, listed.market, listed.time, forecast);
            let mut instructions: Vec<_> = quorum.iter().map(submit).collect();
            instructions.push(build::apply_forecasts(&market, listed.time, now));
            if let Err(error) = node.cluster.send_by(&instructions, &quorum.iter().collect::<Vec<_>>()) {
                eprintln!("committee: {:?}: {error:#}", listed);
            }
        }
        Ok(())
    }
}
