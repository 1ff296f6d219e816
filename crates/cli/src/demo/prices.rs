//! The price path that is replayed, and the price accounts it is written to.
//!
//! Of each day the close and the low are known. The path runs in a straight line from the previous close at 00:00 UTC
//! to the low at 12:00 and on to the close at 24:00.

use anchor_lang::AccountSerialize;
use anyhow::{bail, Context, Result};
use novate_client::Pubkey;
use pyth_solana_receiver_sdk::price_update::{PriceFeedMessage, PriceUpdateV2, VerificationLevel};

use super::chain::Chain;
use crate::govern::text::hash_of;

const CSV: &str = include_str!("../../data/ftx_2022-11.csv");

/// 2022-11-04 00:00 UTC, when the first close of the file is known.
pub const START: i64 = 1_667_520_000;
pub const DAY: i64 = 86_400;

/// Owner of price accounts: Pyth's receiver program.
pub const RECEIVER: Pubkey = Pubkey::from_str_const("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ");
/// Decimals of the prices as published.
const EXPONENT: i32 = -8;
pub const UNIT: i64 = 100_000_000;
/// Confidence interval as published: a 2,000th of the price.
const CONFIDENCE: i64 = 2_000;
/// Memory of the average price that is published beside the price, about that of Pyth's, and how often the path is looked
/// at for it, how many times; seconds.
const MEMORY: f64 = 3_600.0;
const LOOK: i64 = 300;
const LOOKS: i64 = 72;

/// Close and low of a day for one coin, in 1e-8 USD.
#[derive(Clone, Copy, Debug)]
struct Day {
    close: i64,
    low: i64,
}

/// Daily closes and lows of several coins.
pub struct PricePath {
    coins: Vec<String>,
    dates: Vec<String>,
    days: Vec<Vec<Day>>,
}

impl PricePath {
    /// The fortnight of November 2022.
    pub fn ftx() -> Result<Self> {
        Self::parse(CSV).context("data/ftx_2022-11.csv")
    }

    /// Reads a file of [`PricePath`]: a header `date,BTC_close,BTC_low,...`, then a day a line.
    pub fn parse(csv: &str) -> Result<Self> {
        let mut lines = csv.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
        let header: Vec<&str> = lines.next().context("the file is empty")?.split(',').skip(1).collect();
        let coins = header.chunks(2).filter_map(|pair| pair[0].strip_suffix("_close")).map(String::from).collect();
        let (mut dates, mut days) = (Vec::new(), Vec::new());
        for line in lines {
            let (date, rest) = line.split_once(',').with_context(|| format!("no date in `{line}`"))?;
            let values: Vec<i64> = rest.split(',').map(parse_price).collect::<Result<_>>()?;
            if values.len() != header.len() {
                bail!("{date}: {} values instead of {}", values.len(), header.len());
            }
            dates.push(date.into());
            days.push(values.chunks_exact(2).map(|p| Day { close: p[0], low: p[1] }).collect());
        }
        Ok(Self { coins, dates, days })
    }

    /// Coins with prices, in the order of the file.
    pub fn coins(&self) -> &[String] {
        &self.coins
    }

    /// Close and low of a coin on a day of the file, 1e-8 USD, and the day's date.
    pub fn day(&self, coin: &str, day: usize) -> Result<(i64, i64, &str)> {
        let column = self.coins.iter().position(|c| c == coin).with_context(|| format!("no prices of {coin}"))?;
        let Day { close, low } = self.days.get(day).context("no such day")?[column];
        Ok((close, low, self.dates.get(day).map_or("", String::as_str)))
    }

    /// Days that are replayed: all but the first, of which only the close is used.
    pub fn length(&self) -> i64 {
        self.days.len().saturating_sub(1) as i64
    }

    /// The date that a time falls on; the end of a day belongs to it.
    pub fn date(&self, time: i64) -> &str {
        let day = (time - START + DAY - 1).div_euclid(DAY).clamp(0, self.length()) as usize;
        self.dates.get(day).map_or("", String::as_str)
    }

    /// Exponential average of a coin's price up to a unix time, 1e-8 USD.
    pub fn average(&self, coin: &str, time: i64) -> Result<i64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for look in 0..LOOKS {
            let weight = libm::exp(-((look * LOOK) as f64) / MEMORY);
            sum += weight * self.at(coin, time - look * LOOK)? as f64;
            weights += weight;
        }
        Ok((sum / weights).round() as i64)
    }

    /// Price of a coin at a unix time in 1e-8 USD.
    pub fn at(&self, coin: &str, time: i64) -> Result<i64> {
        let column = self.coins.iter().position(|c| c == coin).with_context(|| format!("no prices of {coin}"))?;
        let elapsed = (time - START).max(0);
        let day = (elapsed / DAY) as usize;
        let before = self.days.get(day).or(self.days.last()).context("no days")?[column];
        let Some(today) = self.days.get(day + 1) else { return Ok(before.close) };
        let (today, into, half) = (today[column], elapsed % DAY, DAY / 2);
        let (from, to, part) =
            if into < half { (before.close, today.low, into) } else { (today.low, today.close, into - half) };
        Ok(from + ((to - from) as i128 * part as i128 / half as i128) as i64)
    }
}

fn parse_price(text: &str) -> Result<i64> {
    let value: f64 = text.parse().with_context(|| format!("`{text}` is not a price"))?;
    Ok((value * UNIT as f64).round() as i64)
}

/// A coin's price feed at Pyth.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    pub coin: &'static str,
    pub address: Pubkey,
    pub id: [u8; 32],
}

/// Feeds by asset index. The ids are Pyth's own; the price accounts are the demo's.
pub fn feeds() -> Result<Vec<Feed>> {
    let ids = [
        ("USDC", "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a"),
        ("SOL", "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d"),
        ("BTC", "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"),
        ("ETH", "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"),
    ];
    let feeds = ids.iter().enumerate().map(|(index, (coin, id))| {
        Ok(Feed { coin, address: Pubkey::new_from_array([0xf0 | index as u8; 32]), id: hash_of(id)? })
    });
    feeds.collect()
}

/// Publishes the prices of a moment. The file has no USDC; it is held at 1 USD.
pub fn publish(chain: &mut Chain, path: &PricePath, feeds: &[Feed], time: i64) -> Result<()> {
    for feed in feeds {
        let coin = feed.coin;
        let prices = if coin == "USDC" { [UNIT; 2] } else { [path.at(coin, time)?, path.average(coin, time)?] };
        write(chain, feed, prices, time)?;
    }
    Ok(())
}

/// Writes a price and its average, 1e-8 USD, into a feed's account.
pub fn write(chain: &mut Chain, feed: &Feed, prices: [i64; 2], time: i64) -> Result<()> {
    chain.set_foreign_account(feed.address, RECEIVER, update(feed, prices, time)?)
}

/// Data of a feed's account with a price and its average, 1e-8 USD, published at a unix time.
pub fn update(feed: &Feed, [price, average]: [i64; 2], time: i64) -> Result<Vec<u8>> {
    let update = PriceUpdateV2 {
        write_authority: Pubkey::default(),
        verification_level: VerificationLevel::Full,
        price_message: PriceFeedMessage {
            feed_id: feed.id,
            price,
            conf: (price / CONFIDENCE).unsigned_abs(),
            exponent: EXPONENT,
            publish_time: time,
            prev_publish_time: time - 1,
            ema_price: average,
            ema_conf: (average / CONFIDENCE).unsigned_abs(),
        },
        posted_slot: 0,
    };
    let mut data = Vec::with_capacity(PriceUpdateV2::LEN);
    update.try_serialize(&mut data)?;
    data.resize(PriceUpdateV2::LEN, 0);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_touches_closes_and_lows() -> Result<()> {
        let path = PricePath::ftx()?;
        assert_eq!(path.length(), 14);
        assert_eq!(path.at("BTC", START)?, 20_210 * UNIT);
        assert_eq!(path.at("BTC", START + DAY / 2)?, 20_188 * UNIT);
        assert_eq!(path.at("BTC", START + DAY)?, 2_114_720_000_000);
        assert_eq!(path.at("SOL", START + 14 * DAY)?, 1_363_870_000);
        assert_eq!(path.date(START + 6 * DAY), "2022-11-09");
        // Half an hour into a steady fall the average has seen little of it, and then lags by its memory.
        assert_eq!(path.average("SOL", START)?, path.at("SOL", START)?);
        let noon = START + 4 * DAY + DAY / 2;
        let lag = path.average("SOL", noon)? - path.at("SOL", noon)?;
        let hourly = (path.at("SOL", noon - 3_600)? - path.at("SOL", noon)?) as f64;
        assert!((lag as f64 / hourly - 1.0).abs() < 0.1, "{lag} behind a fall of {hourly} an hour");
        Ok(())
    }
}
