//! The pool as it would be once the prices that are published were read: what a transaction that begins with refreshes meets.

use std::collections::BTreeSet;

use novate_client::rpc::{Kind, Mirrored};
use novate_client::state::Asset;
use novate_client::Snapshot;

use crate::feeds::Feeds;

/// A snapshot with the assets as refreshes of now would leave them.
pub struct Ahead {
    pub snapshot: Snapshot,
    /// Assets whose published price the program has not read yet.
    pub unread: BTreeSet<u16>,
}

impl Ahead {
    pub fn new(mirrored: &Mirrored, feeds: &Feeds) -> Self {
        let mut ahead = Self { snapshot: mirrored.snapshot.clone(), unread: BTreeSet::new() };
        for asset in mirrored.snapshot.assets.values() {
            ahead.price(asset, feeds, mirrored.now());
        }
        ahead
    }

    /// Takes in what changed on the chain.
    pub fn follow(&mut self, kind: Kind, mirrored: &Mirrored, feeds: &Feeds) {
        let snapshot = &mirrored.snapshot;
        match kind {
            Kind::Asset(index) => {
                if let Some(asset) = snapshot.assets.get(&index) {
                    self.price(asset, feeds, mirrored.now());
                }
            }
            Kind::Market(index) => {
                if let Some(market) = snapshot.markets.get(&index) {
                    self.snapshot.markets.insert(index, *market);
                }
                self.snapshot.expiries.retain(|id, _| snapshot.expiries.contains_key(id));
            }
            Kind::Expiry(id) => {
                if let Some(expiry) = snapshot.expiries.get(&id) {
                    self.snapshot.expiries.insert(id, expiry.clone());
                }
            }
            Kind::Pool => self.snapshot.pool = snapshot.pool,
            Kind::Portfolio => {}
            Kind::Everything => *self = Self::new(mirrored, feeds),
        }
    }

    /// Looks again at prices that are not read yet: they grow too old for it.
    pub fn renew(&mut self, mirrored: &Mirrored, feeds: &Feeds) {
        for index in self.unread.clone() {
            if let Some(asset) = mirrored.snapshot.assets.get(&index) {
                self.price(asset, feeds, mirrored.now());
            }
        }
    }

    /// An asset with the price that is published.
    pub fn price(&mut self, asset: &Asset, feeds: &Feeds, now: i64) {
        let (index, read) = (asset.index, feeds.ahead(asset, now));
        match read {
            Some((refreshed, true)) => {
                self.unread.insert(index);
                self.snapshot.assets.insert(index, refreshed);
            }
            _ => {
                self.unread.remove(&index);
                self.snapshot.assets.insert(index, *asset);
            }
        }
    }
}
