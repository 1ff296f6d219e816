//! Futures and options: listing them, publishing their forecasts and keeping their values fresh.

use anyhow::{ensure, Context, Result};
use novate_client::instructions::{self as ix, ExpirySlots};
use novate_client::instrument::{expiry_id, minutes_of};
use novate_client::state::{self, Expiry};
use novate_client::{addresses, Forecast, Instruction, StrikeRange};
use novate_margin::{volatility, Price};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::committee;
use super::products::{Dated, COINS, EXPIRIES, PERPETUALS};
use super::smile::Level;
use super::world::World;

/// Seconds between two publications that follow each other, and after which a forecast is published anew.
const INTERVAL: i64 = 10;
const RENEWED: i64 = 1_800;
/// More publications than any move of the replay takes.
const MOST_ROUNDS: i32 = 40;
const YEAR: f64 = 365.0 * 86_400.0;

impl Dated {
    /// As accounts and instruments call it.
    pub fn id(&self) -> u64 {
        expiry_id(self.market, state::minutes_of(self.time))
    }

    fn years(&self, now: i64) -> f64 {
        (self.time - now) as f64 / YEAR
    }

    /// What the rule says now.
    fn target(&self, world: &World) -> Result<Level> {
        let asset = world.asset(PERPETUALS[usize::from(self.market)].asset)?;
        let daily = volatility::sigma_ceil(asset.variance_fast).0 as f64 / 1e6;
        Ok(Level::target(COINS[usize::from(asset.index)].calm_vol, daily, self.years(world.chain.now())))
    }

    /// Vol at the money, 1e-6 a year.
    pub fn vol(&self, expiry: &Expiry, now: i64) -> i64 {
        Level::of(&Forecast::from(expiry)).vol(self.years(now))
    }
}

/// The expiry of a dated instrument.
pub fn of(instrument: u64) -> Option<&'static Dated> {
    let market = novate_client::instrument::market_of(instrument);
    EXPIRIES.iter().find(|e| e.market == market && state::minutes_of(e.time) == minutes_of(instrument))
}

/// Lists every expiry with its strikes, publishes its first forecast, and prices them.
pub fn list(world: &mut World, governance: &Keypair) -> Result<()> {
    let (authority, now) = (governance.pubkey(), world.chain.now());
    world.chain.send(&[committee::set(authority, world.keys.pool)], &[governance])?;
    for expiry in EXPIRIES {
        let forecast = expiry.target(world)?.forecast();
        let list = ix::list_expiry(authority, &world.market(expiry.market)?, expiry.time, forecast, now);
        world.chain.send(&[list], &[governance])?;
        send(world, &expiry, forecast)?;
        let strikes = expiry.strikes.iter().map(|usd| usd * Price::ONE.0).collect();
        let strikes = ix::list_strikes(authority, &world.market(expiry.market)?, expiry.time, strikes);
        world.chain.send(&[strikes], &[governance])?;
    }
    refresh(world)
}

/// Publishes what the rule says, in as many steps as that takes, where the last publication is long enough ago. Says
/// whether the clock moved.
pub fn publish(world: &mut World) -> Result<bool> {
    let start = world.chain.now();
    let mut due = Vec::new();
    for expiry in &EXPIRIES {
        let account = world.expiry(expiry)?;
        if start - account.published >= RENEWED {
            let target = expiry.target(world)?.within(committee::day_of(&account, start));
            due.push((expiry, Level::of(&Forecast::from(&*account)), target));
        }
    }
    for round in 0.. {
        // What rises does so from the far end, what falls from the near one: so no smile crosses its neighbour.
        let (mut rising, falling): (Vec<_>, Vec<_>) =
            due.iter().partition(|(_, level, to)| to.variance > level.variance);
        rising.reverse();
        for (expiry, level, target) in rising.iter().chain(&falling) {
            let forecast = level.step(*target).forecast();
            send(world, expiry, forecast).with_context(|| format!("{} from {level:?}: {forecast:?}", expiry.day))?;
        }
        for (_, level, target) in &mut due {
            *level = level.step(*target);
        }
        due.retain(|(_, level, target)| level != target);
        if due.is_empty() {
            break;
        }
        ensure!(round < MOST_ROUNDS, "the forecasts do not arrive: {due:?}");
        let next = world.chain.now() + INTERVAL;
        world.chain.set_time(next);
    }
    Ok(world.chain.now() != start)
}

fn send(world: &mut World, expiry: &Dated, forecast: Forecast) -> Result<()> {
    let market = world.market(expiry.market)?;
    let (publish, members) = committee::publication(&market, expiry.time, forecast, world.chain.now());
    world.chain.send(&publish, &members.iter().collect::<Vec<_>>())?;
    Ok(())
}

/// Prices every strike at the price of now: 64 in one instruction, as many as it takes.
pub fn refresh(world: &mut World) -> Result<()> {
    let refresh = refresh_all(world)?;
    world.by_anyone(refresh)
}

fn refresh_all(world: &World) -> Result<Instruction> {
    let slots = EXPIRIES.iter().map(|expiry| {
        let asset = PERPETUALS[usize::from(expiry.market)].asset;
        let range = StrikeRange { first: 0, count: u8::try_from(expiry.strikes.len())? };
        Ok(ExpirySlots { market: expiry.market, asset, time: expiry.time, range })
    });
    Ok(ix::refresh_expiry(&world.keys.pool, &slots.collect::<Result<Vec<_>>>()?))
}

impl World {
    /// The account of an expiry.
    pub fn expiry(&self, expiry: &Dated) -> Result<Box<Expiry>> {
        let address = addresses::expiry_by_id(&self.keys.pool, expiry.id());
        Ok(Box::new(self.chain.read(&address)?))
    }
}
