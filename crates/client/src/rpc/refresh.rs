//! Which prices and option values are too old for what a transaction does, and the instructions that make them young.

use std::collections::{BTreeMap, BTreeSet};

use anchor_lang::prelude::{AccountInfo, Pubkey};
use anchor_lang::solana_program::instruction::Instruction;
use novate::health::CHAIN_AGE;
use novate::instrument::{self, Instrument};
use novate::oracle;
use novate::state::{Asset, Expiry, Portfolio, SAMPLE_AGE};
use novate::StrikeRange;
use novate_margin::Price;
use solana_account::Account;

use super::read::holds;
use super::units::{asset_units, strike_units};
use super::{Cluster, PoolView, Result};
use crate::instructions::{self, ExpirySlots, Holdings};

/// Seconds that a transaction may take to land: what would be too old by then is refreshed.
const LANDING: i64 = 15;
/// Part of the distance at which option values no longer serve, 1e-6, from which on they are made anew.
const NEAR: i64 = 600_000;
/// Where a verified `PriceUpdateV2` has its feed id.
const FEED_ID: usize = 41;
/// Assets of one refresh, and strikes: what a transaction has room and compute units for.
pub(super) const ASSETS_AT_ONCE: usize = 12;
pub(super) const STRIKES_AT_ONCE: usize = 48;

/// How old what an action rests on may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Age {
    /// Nothing is read, or last prices serve.
    Any,
    /// As the asset allows, and option values that risk may rise on: trades, withdrawals, loans, reading health.
    #[default]
    Fresh,
    /// Five seconds: what starts an auction.
    Sampled,
}

/// A price account, as it was read.
#[derive(Clone, Debug)]
pub struct Feed {
    pub address: Pubkey,
    pub account: Account,
}

impl Feed {
    /// What the program would read of it now; fails as it would.
    pub fn read(&self, asset: &Asset, now: i64) -> anchor_lang::Result<oracle::Reading> {
        let Account { mut lamports, mut data, owner, .. } = self.account.clone();
        let info = AccountInfo::new(&self.address, false, false, &mut lamports, &mut data, &owner, false);
        oracle::read(asset, &info, now)
    }

    /// The same; none where it would refuse.
    pub fn reading(&self, asset: &Asset, now: i64) -> Option<oracle::Reading> {
        self.read(asset, now).ok()
    }
}

/// Instructions that refresh, each with the compute units that it takes at most, and of what no younger price is to be had.
#[derive(Clone, Debug, Default)]
pub(super) struct Refreshes {
    pub instructions: Vec<(Instruction, u32)>,
    pub stale: Vec<u16>,
}

impl Cluster {
    /// The youngest price accounts of assets, by their index: where an asset leaves open which one, any of its feed. None of an
    /// asset whose feed nobody publishes here.
    pub async fn feeds<'a>(
        &self,
        assets: impl IntoIterator<Item = &'a Asset>,
        now: i64,
    ) -> Result<BTreeMap<u16, Feed>> {
        let assets: Vec<_> = assets.into_iter().collect();
        let known: Vec<_> = assets.iter().map(|asset| self.known_feed(asset)).collect();
        let addresses: Vec<_> = known.iter().flatten().copied().collect();
        let (_, read) = self.read(&addresses, None).await?;
        let mut read = addresses.into_iter().zip(read);
        let mut feeds = BTreeMap::new();
        for (asset, known) in assets.into_iter().zip(known) {
            let found = known
                .and_then(|_| read.next())
                .and_then(|(address, account)| Some(Feed { address, account: account? }));
            let serves = |feed: &Feed| asset.feed != Pubkey::default() || feed.reading(asset, now).is_some();
            let feed = match found.filter(serves) {
                Some(feed) => Some(feed),
                None => self.search_feed(asset, now).await?,
            };
            feeds.extend(feed.map(|feed| (asset.index, feed)));
        }
        Ok(feeds)
    }

    fn known_feed(&self, asset: &Asset) -> Option<Pubkey> {
        if asset.feed != Pubkey::default() {
            return Some(asset.feed);
        }
        let known = self.feeds.lock().ok()?;
        known.get(&(asset.feed_owner, asset.feed_id)).copied()
    }

    /// The account of an asset's feed with the latest price that the program would read.
    async fn search_feed(&self, asset: &Asset, now: i64) -> Result<Option<Feed>> {
        if asset.feed != Pubkey::default() {
            return Ok(None);
        }
        let found = self.list(&asset.feed_owner, vec![holds(FEED_ID, &asset.feed_id)], false, None).await?;
        let feeds = found.into_iter().map(|(address, account)| Feed { address, account });
        let read = feeds.filter_map(|feed| Some((feed.reading(asset, now)?.publish_time, feed)));
        let best = read.max_by_key(|(time, _)| *time).map(|(_, feed)| feed);
        if let (Some(feed), Ok(mut known)) = (&best, self.feeds.lock()) {
            known.insert((asset.feed_owner, asset.feed_id), feed.address);
        }
        Ok(best)
    }

    /// What has to be refreshed before what stands in `holdings` is judged, at ages that `age` says: assets, then the strikes that
    /// `portfolios` hold and `traded` names, on the prices that will stand then.
    pub(super) async fn refreshes(
        &self,
        view: &PoolView,
        holdings: &Holdings,
        portfolios: &[&Portfolio],
        traded: &[u64],
        age: Age,
    ) -> Result<Refreshes> {
        let mut refreshes = Refreshes::default();
        if age == Age::Any {
            return Ok(refreshes);
        }
        let snapshot = &view.snapshot;
        let held = holdings.assets().filter_map(|index| snapshot.assets.get(&index));
        let old: Vec<_> = held.filter(|asset| is_old(asset, view.now, age)).collect();
        let mut prices: BTreeMap<u16, Price> = snapshot.assets.iter().map(|(i, asset)| (*i, asset.price)).collect();
        if !old.is_empty() {
            let feeds = self.feeds(old.iter().copied(), view.now).await?;
            let mut pairs = vec![];
            for asset in old {
                let younger = feeds.get(&asset.index).and_then(|feed| {
                    let reading = feed.reading(asset, view.now)?;
                    // Within a second of time there may be another price.
                    let other = (reading.publish_time, reading.price) != (asset.publish_time, asset.price);
                    other.then_some((feed.address, reading.price))
                });
                match younger {
                    Some((feed, price)) => {
                        pairs.push((asset.index, feed));
                        prices.insert(asset.index, price);
                    }
                    None if is_stale(asset, view.now, age) => refreshes.stale.push(asset.index),
                    None => {}
                }
            }
            let chunks = pairs.chunks(ASSETS_AT_ONCE);
            let refresh = |pairs: &[_]| (instructions::refresh_asset(&view.address, pairs), asset_units(pairs.len()));
            refreshes.instructions.extend(chunks.map(refresh));
        }
        let slots = old_slots(view, portfolios, traded, &prices);
        refreshes.instructions.extend(at_once(&slots).map(|slots| {
            let strikes = slots.iter().map(|slots| usize::from(slots.range.count)).sum();
            (instructions::refresh_expiry(&view.address, slots), strike_units(slots.len(), strikes))
        }));
        Ok(refreshes)
    }
}

/// Whether a price would be too old when a transaction lands.
fn is_old(asset: &Asset, now: i64, age: Age) -> bool {
    let oldest = match age {
        Age::Any => return false,
        Age::Fresh => (asset.max_age - LANDING).max(asset.max_age / 2),
        // Five seconds are soon over: whatever is younger is taken.
        Age::Sampled => -1,
    };
    asset.price.0 == 0 || now.saturating_sub(asset.publish_time) > oldest
}

/// Whether a price is too old already.
fn is_stale(asset: &Asset, now: i64, age: Age) -> bool {
    let oldest = if age == Age::Sampled { SAMPLE_AGE } else { asset.max_age };
    asset.price.0 == 0 || now.saturating_sub(asset.publish_time) > oldest
}

/// Strikes that are held or traded and whose values are too old or too far from the price, as ranges of neighbours.
fn old_slots(
    view: &PoolView,
    portfolios: &[&Portfolio],
    traded: &[u64],
    prices: &BTreeMap<u16, Price>,
) -> Vec<ExpirySlots> {
    let held = portfolios.iter().flat_map(|p| p.positions()).filter(|p| p.quantity != 0).map(|p| p.instrument);
    let mut needed: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
    for id in held.chain(traded.iter().copied()) {
        if let (Ok(Instrument::Option { slot, .. }), Some(expiry)) = (instrument::parse(id), instrument::expiry_of(id))
        {
            needed.entry(expiry).or_default().insert(slot);
        }
    }
    let mut slots = vec![];
    for (id, wanted) in needed {
        let Some(expiry) = view.snapshot.expiries.get(&id).filter(|e| e.time > view.now && e.is_published()) else {
            continue;
        };
        let Some(price) = prices.get(&expiry.asset) else { continue };
        let old: Vec<_> = wanted.into_iter().filter(|slot| is_slot_old(expiry, *slot, *price, view.now)).collect();
        for first in old {
            match slots.last_mut() {
                Some(ExpirySlots { market, time, range, .. })
                    if (*market, *time) == (expiry.market, expiry.time) && range.first + range.count == first =>
                {
                    range.count += 1;
                }
                _ => slots.push(ExpirySlots {
                    market: expiry.market,
                    asset: expiry.asset,
                    time: expiry.time,
                    range: StrikeRange { first, count: 1 },
                }),
            }
        }
    }
    slots
}

fn is_slot_old(expiry: &Expiry, slot: u8, price: Price, now: i64) -> bool {
    let Ok(strike) = expiry.strike(slot) else { return false };
    // Risk may rise within an eighth of the scan range of where values were made.
    let reach =
        i128::from(strike.reference.0) * i128::from(strike.scan_range) / 8 * i128::from(NEAR) / 1_000_000_000_000;
    let moved = (i128::from(price.0) - i128::from(strike.reference.0)).abs();
    strike.reference.0 == 0 || now.saturating_sub(strike.refreshed.0) > CHAIN_AGE.0 - 2 * LANDING || moved > reach
}

/// Runs of ranges that one instruction takes.
fn at_once(slots: &[ExpirySlots]) -> impl Iterator<Item = &[ExpirySlots]> {
    let mut rest = slots;
    std::iter::from_fn(move || {
        let mut strikes = 0usize;
        let fit = rest.iter().take_while(|slots| {
            strikes += usize::from(slots.range.count);
            strikes <= STRIKES_AT_ONCE
        });
        let count = fit.count().max(1).min(rest.len());
        let (run, left) = rest.split_at(count);
        rest = left;
        (!run.is_empty()).then_some(run)
    })
}
