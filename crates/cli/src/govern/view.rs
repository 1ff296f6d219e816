//! A pool as it is on the cluster now, with all portfolios in it.

use anyhow::{bail, Context, Result};
use bytemuck::zeroed_box;
use novate_client::rpc::Feed;
use novate_client::state::{Asset, Committee, Expiry, Market, Pool, Portfolio, Scenarios, Venue};
use novate_client::{addresses, HealthError, Prices, Pubkey, Snapshot, Terms};
use novate_margin::{Health, Ratio};
use solana_account::Account;

use crate::cluster::Cluster;

/// What a change is judged by.
pub struct View<'c> {
    cluster: &'c Cluster,
    pub address: Pubkey,
    pub snapshot: Snapshot,
    /// By address, in the order of their addresses.
    pub portfolios: Vec<(Pubkey, Portfolio)>,
    /// Unix time of the chain.
    pub now: i64,
}

impl<'c> View<'c> {
    pub fn read(cluster: &'c Cluster, address: Pubkey) -> Result<Self> {
        let pool: Pool = cluster.account(&address)?;
        let scenarios = match pool.generation {
            0 => zeroed_box(),
            generation => Box::new(cluster.account(&addresses::scenarios(&address, generation))?),
        };
        let assets = cluster.all::<Asset>()?.into_iter().filter(|(_, asset)| asset.pool == address);
        let markets = cluster.all::<Market>()?.into_iter().filter(|(_, market)| market.pool == address);
        let expiries = cluster.all::<Expiry>()?.into_iter().filter(|(_, expiry)| expiry.pool == address);
        let portfolios = cluster.all::<Portfolio>()?.into_iter().filter(|(_, portfolio)| portfolio.pool == address);
        let mut portfolios: Vec<_> = portfolios.collect();
        portfolios.sort_by_key(|(key, _)| *key);
        let snapshot = Snapshot {
            pool,
            scenarios,
            assets: assets.map(|(_, asset)| (asset.index, asset)).collect(),
            markets: markets.map(|(_, market)| (market.index, market)).collect(),
            expiries: expiries.map(|(_, expiry)| (expiry.id(), Box::new(expiry))).collect(),
        };
        Ok(Self { cluster, address, snapshot, portfolios, now: cluster.now()? })
    }

    pub fn pool(&self) -> &Pool {
        &self.snapshot.pool
    }

    /// The parameters as last set, in the order of `Params::NAMES`.
    pub fn params(&self) -> &[Ratio] {
        bytemuck::cast_slice(bytemuck::bytes_of(&self.pool().params))
    }

    pub fn asset(&self, index: u16) -> Result<&Asset> {
        self.snapshot.assets.get(&index).with_context(|| format!("the pool has no asset {index}"))
    }

    pub fn market(&self, index: u16) -> Result<&Market> {
        self.snapshot.markets.get(&index).with_context(|| format!("the pool has no market {index}"))
    }

    /// Index of the asset whose account this is.
    pub fn asset_at(&self, target: &Pubkey) -> Result<u16> {
        let found = self.snapshot.assets.keys().find(|index| addresses::asset(&self.address, **index) == *target);
        found.copied().with_context(|| format!("{target} is no asset of the pool"))
    }

    /// Index of the market whose account this is.
    pub fn market_at(&self, target: &Pubkey) -> Result<u16> {
        let found = self.snapshot.markets.keys().find(|index| addresses::market(&self.address, **index) == *target);
        found.copied().with_context(|| format!("{target} is no market of the pool"))
    }

    /// Generation of the scenario rows whose account this is.
    pub fn generation_at(&self, target: &Pubkey) -> Result<u16> {
        Ok(self.rows(target)?.generation)
    }

    /// Scenario rows of the pool, live or not.
    pub fn rows(&self, address: &Pubkey) -> Result<Box<Scenarios>> {
        let rows: Box<Scenarios> = Box::new(self.cluster.account(address)?);
        if rows.pool != self.address {
            bail!("{address} has scenario rows of another pool");
        }
        Ok(rows)
    }

    /// The committee's seats, of which one whose member was removed has the zero key, and its quorum; none before the first is seated.
    pub fn committee(&self) -> Result<Option<(Vec<Pubkey>, u8)>> {
        let committee: Option<Committee> = self.cluster.find(&addresses::committee(&self.address))?;
        Ok(committee.map(|held| {
            let seats = held.members.iter().take(usize::from(held.seats));
            (seats.copied().collect(), held.quorum)
        }))
    }

    /// The venue that a key signs for, or signed for until it was removed.
    pub fn venue(&self, signer: &Pubkey) -> Result<Option<Venue>> {
        self.cluster.find(&addresses::venue(&self.address, signer))
    }

    /// An account of any program.
    pub fn account(&self, address: &Pubkey) -> Result<Option<Account>> {
        Ok(self.cluster.wait(self.cluster.rpc.find_raw(address))?)
    }

    /// The price account of an asset: the one it names, or the youngest of its feed. None where there is none.
    pub fn feed(&self, asset: &Asset) -> Result<Option<Feed>> {
        Ok(self.cluster.wait(self.cluster.rpc.feeds([asset], self.now))?.remove(&asset.index))
    }

    /// Program that owns an account.
    pub fn owner_of(&self, address: &Pubkey) -> Result<Pubkey> {
        self.cluster.owner(address)
    }

    /// Health of a portfolio as the pool is now.
    pub fn health(&self, portfolio: &Portfolio) -> Result<Health, HealthError> {
        Self::judge(&self.snapshot, portfolio, self.now)
    }

    /// By last prices, stale ones too: a question about a pool that nobody refreshes has an answer as well.
    pub fn judge(snapshot: &Snapshot, portfolio: &Portfolio, now: i64) -> Result<Health, HealthError> {
        Ok(snapshot.judge(portfolio, Terms { now, prices: Prices::Last })?.1)
    }
}
