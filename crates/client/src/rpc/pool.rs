//! A pool as it is on the cluster.

use anchor_lang::prelude::Pubkey;
use bytemuck::zeroed_box;
use novate::instrument::expiry_id;
use novate::state::{Asset, Expiry, Market, Pool};
use solana_account::Account;

use super::read::{typed, unix_time, CLOCK};
use super::{Cluster, Error, Result};
use crate::instructions::PoolKeys;
use crate::{addresses, Snapshot};

/// A pool, and when it was so.
#[derive(Clone)]
pub struct PoolView {
    pub address: Pubkey,
    pub snapshot: Snapshot,
    /// Unix time of the chain.
    pub now: i64,
    /// Nothing of it is older.
    pub slot: u64,
}

impl PoolView {
    /// What instructions that judge need.
    pub fn keys(&self) -> PoolKeys {
        PoolKeys { pool: self.address, scenarios: self.snapshot.pool.scenarios }
    }
}

/// The accounts of a pool that its own account, and its markets, name.
pub(super) struct Parts {
    assets: Vec<(u16, Pubkey)>,
    markets: Vec<(u16, Pubkey)>,
    scenarios: Option<Pubkey>,
}

impl Parts {
    fn of(address: &Pubkey, pool: &Pool) -> Self {
        Self {
            assets: (0..pool.asset_count).map(|index| (index, addresses::asset(address, index))).collect(),
            markets: (0..pool.market_count).map(|index| (index, addresses::market(address, index))).collect(),
            scenarios: (pool.generation != 0).then_some(pool.scenarios),
        }
    }
}

impl Cluster {
    /// A pool with all its accounts but the portfolios, as one reader saw it.
    pub async fn snapshot(&self, pool: &Pubkey) -> Result<Snapshot> {
        Ok(self.view(pool).await?.snapshot)
    }

    /// The same, and when. Three requests of which none sees less than the one before; a pool of up to 100 accounts is then as
    /// of one slot, but for its expiries.
    pub async fn view(&self, address: &Pubkey) -> Result<PoolView> {
        let (slot, first) = self.read(&[*address, CLOCK], None).await?;
        let [pool, clock] = &first[..] else { return Err(Error::Answer("accounts are missing".into())) };
        let pool: Pool = typed(address, pool.as_ref().ok_or(Error::NoAccount(*address))?)?;
        let now = unix_time(clock.as_ref().ok_or(Error::NoAccount(CLOCK))?)?;
        let parts = Parts::of(address, &pool);
        let keys = parts.assets.iter().chain(&parts.markets).map(|(_, key)| *key).chain(parts.scenarios);
        let keys: Vec<_> = keys.collect();
        let (_, accounts) = self.read(&keys, Some(slot)).await?;
        let mut accounts = keys.iter().zip(accounts).map(|(key, account)| Ok((*key, there(key, account)?)));
        let mut next = || accounts.next().unwrap_or_else(|| Err(Error::Answer("accounts are missing".into())));
        let mut snapshot = Snapshot {
            pool,
            scenarios: zeroed_box(),
            assets: Default::default(),
            markets: Default::default(),
            expiries: Default::default(),
        };
        for (index, _) in &parts.assets {
            let (key, account) = next()?;
            snapshot.assets.insert(*index, typed::<Asset>(&key, &account)?);
        }
        for (index, _) in &parts.markets {
            let (key, account) = next()?;
            snapshot.markets.insert(*index, typed::<Market>(&key, &account)?);
        }
        if parts.scenarios.is_some() {
            let (key, account) = next()?;
            *snapshot.scenarios = typed(&key, &account)?;
        }
        self.read_expiries(address, &mut snapshot, slot).await?;
        Ok(PoolView { address: *address, snapshot, now, slot })
    }

    async fn read_expiries(&self, pool: &Pubkey, snapshot: &mut Snapshot, since: u64) -> Result<()> {
        let ids = snapshot.markets.values().flat_map(|market| {
            let listed = market.listed_expiries().to_vec();
            let index = market.index;
            listed.into_iter().map(move |minutes| expiry_id(index, minutes))
        });
        let ids: Vec<u64> = ids.collect();
        let keys: Vec<_> = ids.iter().map(|id| addresses::expiry_by_id(pool, *id)).collect();
        let (_, accounts) = self.read(&keys, Some(since)).await?;
        for ((id, key), account) in ids.into_iter().zip(&keys).zip(accounts) {
            // One that was closed since its market was read.
            let Some(account) = account else { continue };
            snapshot.expiries.insert(id, Box::new(typed::<Expiry>(key, &account)?));
        }
        Ok(())
    }

    /// Pools that are there, ascending by address.
    pub async fn pools(&self) -> Result<Vec<(Pubkey, Pool)>> {
        let mut pools = self.all::<Pool>().await?;
        pools.sort_by_key(|(key, _)| *key);
        Ok(pools)
    }
}

fn there(key: &Pubkey, account: Option<Account>) -> Result<Account> {
    account.ok_or(Error::NoAccount(*key))
}
