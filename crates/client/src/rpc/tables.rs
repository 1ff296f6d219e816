//! Lookup tables: a static one of a pool, and one for each market and quarter of a year.
//!
//! A table begins with what it is of, the pool or the market, and is found by that among the tables of an authority. Its addresses only grow.

use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::state::{Market, Pool};
use novate::ID;
use solana_address_lookup_table_interface::instruction::{create_lookup_table, extend_lookup_table};
use solana_address_lookup_table_interface::program;
use solana_address_lookup_table_interface::state::AddressLookupTable;
use solana_message::{AddressLookupTableAccount, VersionedMessage};
use solana_signer::Signer;

use super::read::holds;
use super::{sign, Cluster, Error, Options, PoolView, Result};
use crate::instructions::SYSTEM_PROGRAM;
use crate::tokens::{ASSOCIATED_TOKEN_PROGRAM, TOKEN_PROGRAM};
use crate::{addresses, Snapshot};

/// Where a table has its authority.
const AUTHORITY: usize = 22;
/// Addresses of a table, and of one extension.
const MOST: usize = 256;
const CHUNK: usize = 20;
/// A quarter, near enough, in seconds: what is listed at once lies in few of them.
const QUARTER: i64 = 7_889_400;

/// What tables of a pool should hold: each begins with what it is of. Of a pool with more than fits one table, what comes first.
pub fn wanted_tables(pool: &Pubkey, snapshot: &Snapshot) -> Vec<Vec<Pubkey>> {
    let mut of_pool =
        vec![*pool, snapshot.pool.scenarios, addresses::insurance(pool), addresses::event_authority(), ID];
    of_pool.extend([SYSTEM_PROGRAM, TOKEN_PROGRAM, ASSOCIATED_TOKEN_PROGRAM]);
    of_pool.extend(snapshot.assets.keys().map(|index| addresses::asset(pool, *index)));
    of_pool.extend(snapshot.markets.keys().map(|index| addresses::market(pool, *index)));
    of_pool.extend(snapshot.assets.values().flat_map(|asset| [asset.vault, asset.mint]));
    let feeds = snapshot.assets.values().map(|asset| asset.feed);
    of_pool.extend(feeds.filter(|feed| *feed != Pubkey::default()));
    let mut tables = vec![of_pool];
    for market in snapshot.markets.values() {
        tables.extend(of_market(pool, market));
    }
    for table in &mut tables {
        let mut seen = std::collections::BTreeSet::new();
        table.retain(|key| seen.insert(*key));
        table.truncate(MOST);
    }
    tables
}

fn of_market(pool: &Pubkey, market: &Market) -> Vec<Vec<Pubkey>> {
    let mut quarters: BTreeMap<i64, Vec<Pubkey>> = BTreeMap::new();
    for minutes in market.listed_expiries() {
        let time = i64::from(*minutes) * 60;
        let of = quarters.entry(time.div_euclid(QUARTER));
        let expiry = addresses::expiry(&addresses::market(pool, market.index), time);
        of.or_insert_with(|| vec![addresses::market(pool, market.index)]).push(expiry);
    }
    quarters.into_values().collect()
}

impl Cluster {
    /// Tables of an authority that are in use.
    pub async fn tables(&self, authority: &Pubkey) -> Result<Vec<AddressLookupTableAccount>> {
        let found = self.list(&program::ID, vec![holds(AUTHORITY, authority.as_ref())], false, None).await?;
        let mut tables = vec![];
        for (key, account) in found {
            // Its header is 56 bytes: the addresses behind it are aligned in a buffer of their own.
            let table = AddressLookupTable::deserialize(&account.data);
            let table = table.map_err(|_| Error::Answer(format!("{key} is no lookup table")))?;
            if table.meta.deactivation_slot == u64::MAX {
                tables.push(AddressLookupTableAccount { key, addresses: table.addresses.to_vec() });
            }
        }
        tables.sort_by_key(|table| table.key);
        Ok(tables)
    }

    /// Tables that serve a pool: those of its authority, and those of a key that may have made some itself.
    pub async fn pool_tables(&self, pool: &Pool, key: &Pubkey) -> Result<Vec<AddressLookupTableAccount>> {
        let mut tables = self.tables(&pool.authority).await?;
        if *key != pool.authority {
            tables.extend(self.tables(key).await?);
        }
        Ok(tables)
    }

    /// Every account of a message in the order of its indices, those of lookup tables read from the tables.
    pub async fn resolve(&self, message: &VersionedMessage) -> Result<Vec<Pubkey>> {
        let mut keys = message.static_account_keys().to_vec();
        let lookups = message.address_table_lookups().unwrap_or_default();
        let mut tables = vec![];
        for lookup in lookups {
            let account = self.find_raw(&lookup.account_key).await?.ok_or(Error::NoAccount(lookup.account_key))?;
            let table = AddressLookupTable::deserialize(&account.data).map(|table| table.addresses.to_vec());
            tables.push(table.map_err(|_| Error::Answer(format!("{} is no lookup table", lookup.account_key)))?);
        }
        // First all that are written, then all that are read.
        let written = lookups.iter().zip(&tables).map(|(lookup, table)| (&lookup.writable_indexes, table));
        let read = lookups.iter().zip(&tables).map(|(lookup, table)| (&lookup.readonly_indexes, table));
        for (indices, table) in written.chain(read) {
            let found = indices.iter().map(|at| table.get(usize::from(*at)).copied());
            keys.extend(
                found
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| Error::Answer("a lookup table ends too soon".into()))?,
            );
        }
        Ok(keys)
    }

    /// Makes the tables of a pool, or adds to them what is missing. They are usable a slot later. Returns them as they will be.
    pub async fn publish_tables<S: Signer + Sync>(
        &self,
        view: &PoolView,
        authority: &S,
    ) -> Result<Vec<AddressLookupTableAccount>> {
        let key = authority.pubkey();
        let mut there = self.tables(&key).await?;
        let mut tables = vec![];
        for wanted in wanted_tables(&view.address, &view.snapshot) {
            let at = there.iter().position(|table| is_of(&table.addresses, &wanted));
            let mut table = match at {
                Some(at) => there.remove(at),
                None => AddressLookupTableAccount { key: self.create_table(authority).await?, addresses: vec![] },
            };
            let missing = wanted.iter().filter(|address| !table.addresses.contains(address)).copied();
            let missing: Vec<_> = missing.take(MOST - table.addresses.len().min(MOST)).collect();
            for chunk in missing.chunks(CHUNK) {
                let extend = extend_lookup_table(table.key, key, Some(key), chunk.to_vec());
                self.run_alone(extend, authority).await?;
            }
            table.addresses.extend(missing);
            tables.push(table);
        }
        Ok(tables)
    }

    async fn create_table<S: Signer + Sync>(&self, authority: &S) -> Result<Pubkey> {
        // The slot has to have passed, and no other table may come from it.
        let slot = self.latest_slot().await?.saturating_sub(1);
        let (create, key): (Instruction, Pubkey) = create_lookup_table(authority.pubkey(), authority.pubkey(), slot);
        self.run_alone(create, authority).await?;
        Ok(key)
    }

    /// One instruction. No signer of unknown kind is held while it is sent: the task may move to another thread.
    async fn run_alone<S: Signer + Sync>(&self, instruction: Instruction, authority: &S) -> Result<String> {
        let message = self.message(&[instruction], &authority.pubkey(), &[], &Options::default()).await?;
        let signed = sign(message, &[authority as &dyn Signer])?;
        self.send(&signed).await
    }
}

/// The same subject, and of a market the same quarter: an expiry in common, or nothing but the market yet.
fn is_of(held: &[Pubkey], wanted: &[Pubkey]) -> bool {
    let rest = || wanted.iter().skip(1);
    held.first() == wanted.first() && (held.len() == 1 || rest().any(|key| held.contains(key)))
}
