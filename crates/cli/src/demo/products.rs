//! What the pool takes and trades: assets, perpetuals, and the expiries of futures and options.

use anyhow::{Context, Result};
use novate_client::instrument::Instrument;
use novate_client::state::minutes_of;
use novate_client::{instrument, Right};

use super::prices::{DAY, START};
use super::terminal::separated;

/// Asset indices.
pub const USDC: u16 = 0;
pub const SOL: u16 = 1;
pub const BTC: u16 = 2;
pub const ETH: u16 = 3;

/// Market indices. The scenario columns are in the same order.
pub const BTC_PERP: u16 = 0;
pub const ETH_PERP: u16 = 1;
pub const SOL_PERP: u16 = 2;

/// An asset of the demo's pool.
#[derive(Clone, Copy, Debug)]
pub struct Coin {
    pub symbol: &'static str,
    pub decimals: u8,
    /// Base of the scan range (MRG-51), 1e-6.
    pub base_range: i64,
    /// Depth of the market in USD (MRG-35).
    pub depth: i64,
    /// Base haircut (MRG-60), 1e-6.
    pub haircut: i64,
    /// Days it takes to sell, 1e-6.
    pub days_to_liquidate: i64,
    /// Most that the pool takes, whole coins.
    pub cap: u64,
    /// Implied vol a year while nothing happens; 0 where there are no options.
    pub calm_vol: f64,
}

/// By asset index.
pub const COINS: [Coin; 4] = [
    Coin {
        symbol: "USDC",
        decimals: 6,
        base_range: 10_000,
        depth: 0,
        haircut: 0,
        days_to_liquidate: 0,
        cap: 500_000_000,
        calm_vol: 0.0,
    },
    Coin {
        symbol: "SOL",
        decimals: 9,
        base_range: 250_000,
        depth: 20_000_000,
        haircut: 100_000,
        days_to_liquidate: 1_000_000,
        cap: 2_000_000,
        calm_vol: 0.0,
    },
    Coin {
        symbol: "BTC",
        decimals: 8,
        base_range: 150_000,
        depth: 100_000_000,
        haircut: 50_000,
        days_to_liquidate: 500_000,
        cap: 5_000,
        calm_vol: 0.6,
    },
    Coin {
        symbol: "ETH",
        decimals: 8,
        base_range: 180_000,
        depth: 60_000_000,
        haircut: 70_000,
        days_to_liquidate: 500_000,
        cap: 50_000,
        calm_vol: 0.8,
    },
];

/// A perpetual of the demo's pool. Prices 1e-9 USD, quantities 1e-9 contracts of one coin.
#[derive(Clone, Copy, Debug)]
pub struct Perpetual {
    pub symbol: &'static str,
    pub asset: u16,
    pub tick: i64,
    pub lot: i64,
    pub minimum: i64,
    /// Most that all longs may hold together, whole contracts.
    pub cap: i64,
    /// Daily volatility above which initial margin rises (CLR-41), 1e-6.
    pub sigma_limit: i64,
}

/// By market index.
pub const PERPETUALS: [Perpetual; 3] = [
    Perpetual {
        symbol: "BTC-PERP",
        asset: BTC,
        tick: 100_000_000,
        lot: 1_000_000,
        minimum: 1_000_000,
        cap: 20_000,
        sigma_limit: 25_000,
    },
    Perpetual {
        symbol: "ETH-PERP",
        asset: ETH,
        tick: 10_000_000,
        lot: 10_000_000,
        minimum: 10_000_000,
        cap: 200_000,
        sigma_limit: 30_000,
    },
    Perpetual {
        symbol: "SOL-PERP",
        asset: SOL,
        tick: 1_000_000,
        lot: 100_000_000,
        minimum: 100_000_000,
        cap: 5_000_000,
        sigma_limit: 60_000,
    },
];

/// Indices of [`EXPIRIES`].
pub const BTC_NOV: usize = 0;
pub const BTC_DEC: usize = 1;
pub const ETH_NOV: usize = 2;
pub const ETH_DEC: usize = 3;

/// Seconds from midnight UTC to an expiry.
const TIME_OF_DAY: i64 = 8 * 3_600;
const BTC_STRIKES: &[i64] = &[
    10_000, 12_000, 14_000, 15_000, 16_000, 17_000, 18_000, 19_000, 20_000, 21_000, 22_000, 23_000, 24_000, 26_000,
    30_000, 34_000,
];
const ETH_STRIKES: &[i64] =
    &[750, 900, 1_050, 1_150, 1_250, 1_300, 1_400, 1_450, 1_550, 1_600, 1_700, 1_750, 1_850, 2_000, 2_300, 2_600];

/// An expiry with its dated future and its options.
#[derive(Clone, Copy, Debug)]
pub struct Dated {
    pub market: u16,
    /// As people say it.
    pub day: &'static str,
    /// Unix time, after the end of the replay.
    pub time: i64,
    /// Whole USD, from half of the first price to 170 % of it. A strike's place is its slot.
    pub strikes: &'static [i64],
}

/// Sorted by market and time, as lists of accounts are.
pub const EXPIRIES: [Dated; 4] = [
    Dated { market: BTC_PERP, day: "25 Nov", time: START + 21 * DAY + TIME_OF_DAY, strikes: BTC_STRIKES },
    Dated { market: BTC_PERP, day: "30 Dec", time: START + 56 * DAY + TIME_OF_DAY, strikes: BTC_STRIKES },
    Dated { market: ETH_PERP, day: "25 Nov", time: START + 21 * DAY + TIME_OF_DAY, strikes: ETH_STRIKES },
    Dated { market: ETH_PERP, day: "30 Dec", time: START + 56 * DAY + TIME_OF_DAY, strikes: ETH_STRIKES },
];

/// What can be traded, as members name it: by market, by index of [`EXPIRIES`], and by strike in whole USD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Perpetual(u16),
    Future(usize),
    Call(usize, i64),
    Put(usize, i64),
}

impl Product {
    /// Its id. Fails where the strike is not listed.
    pub fn instrument(self) -> Result<u64> {
        Ok(match self {
            Self::Perpetual(market) => instrument::perpetual(market),
            Self::Future(at) => instrument::future(EXPIRIES[at].market, minutes_of(EXPIRIES[at].time)),
            Self::Call(at, strike) => option(at, strike, Right::Call)?,
            Self::Put(at, strike) => option(at, strike, Right::Put)?,
        })
    }

    /// For instance `BTC 22,000 call 25 Nov`.
    pub fn name(self) -> String {
        let coin = |market: u16| COINS[usize::from(PERPETUALS[usize::from(market)].asset)].symbol;
        let dated = |at: usize| (coin(EXPIRIES[at].market), EXPIRIES[at].day);
        match self {
            Self::Perpetual(market) => format!("{} perpetual", coin(market)),
            Self::Future(at) => format!("{} future {}", dated(at).0, dated(at).1),
            Self::Call(at, strike) => format!("{} {} call {}", dated(at).0, separated(strike.into()), dated(at).1),
            Self::Put(at, strike) => format!("{} {} put {}", dated(at).0, separated(strike.into()), dated(at).1),
        }
    }
}

fn option(at: usize, strike: i64, right: Right) -> Result<u64> {
    let Dated { market, time, strikes, day } = EXPIRIES[at];
    let slot = strikes.iter().position(|s| *s == strike).with_context(|| format!("{day} has no strike {strike}"))?;
    Ok(instrument::option(market, minutes_of(time), u8::try_from(slot)?, right))
}

/// What an id stands for.
pub fn parse(instrument: u64) -> Result<Instrument> {
    Ok(instrument::parse(instrument).map_err(anchor_lang::error::Error::from)?)
}

/// The asset that an instrument is on.
pub fn underlying(instrument: u64) -> u16 {
    PERPETUALS[usize::from(instrument::market_of(instrument))].asset
}
