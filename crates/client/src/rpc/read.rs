//! Accounts, one by one, many at once, and by what they hold.

use std::future::Future;
use std::time::Duration;

use anchor_lang::prelude::{AnchorDeserialize, Pubkey};
use anchor_lang::ZeroCopy;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use novate::state::{Portfolio, Scenarios};
use novate::{HealthReport, ID};
use solana_account::Account;
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding, UiDataSliceConfig};
use solana_rpc_client_api::client_error;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use solana_rpc_client_api::custom_error::JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED;
use solana_rpc_client_api::filter::{Memcmp, RpcFilterType};
use solana_rpc_client_api::request::RpcError;

use super::{Cluster, Error, PoolView, Result, CONFIRMED};
use crate::accounts::decode;
use crate::instructions::{self, Holdings};

/// The sysvar that has the time of the chain.
pub(super) const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
/// Where it has the unix time.
const UNIX_TIME: usize = 32;

/// Where accounts have their pool, the discriminator included (docs/accounts.md): assets, and all others that have one.
pub(super) const ASSET_POOL: usize = 24;
pub(super) const POOL: usize = 16;
/// Where portfolios have their owner and their delegate.
const PORTFOLIO_OWNER: usize = 48;
const PORTFOLIO_DELEGATE: usize = 80;

/// Addresses that one request may name.
const PAGE: usize = 100;
/// Requests under way at once.
const AT_ONCE: usize = 8;
/// How often a node that lags is asked again, and between two questions: for some seconds.
const LAG: (usize, Duration) = (20, Duration::from_millis(200));

pub(super) fn encoded(min_context_slot: Option<u64>) -> RpcAccountInfoConfig {
    RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CONFIRMED),
        min_context_slot,
        data_slice: None,
    }
}

pub(super) fn holds(offset: usize, bytes: &[u8]) -> RpcFilterType {
    RpcFilterType::Memcmp(Memcmp::new_base58_encoded(offset, bytes))
}

pub(super) fn account_of(address: &Pubkey, account: &UiAccount) -> Result<Account> {
    account.to_account().ok_or_else(|| Error::Answer(format!("{address}: no bytes")))
}

pub(super) fn typed<T: ZeroCopy>(address: &Pubkey, account: &Account) -> Result<T> {
    if account.owner != ID {
        return Err(Error::ForeignAccount(*address));
    }
    decode(&account.data).map_err(|source| Error::Decode { address: *address, source })
}

pub(super) fn unix_time(clock: &Account) -> Result<i64> {
    let time = clock.data.get(UNIX_TIME..).and_then(|bytes| bytes.first_chunk());
    time.map(|time| i64::from_le_bytes(*time)).ok_or_else(|| Error::Answer("the clock has no time".into()))
}

/// Asks, and again where the node has not got to a slot yet that another one behind the same address has seen.
async fn once_reached<T, F: Future<Output = client_error::Result<T>>>(ask: impl Fn() -> F) -> client_error::Result<T> {
    for _ in 0..LAG.0 {
        match ask().await {
            Err(error) if is_behind(&error) => tokio::time::sleep(LAG.1).await,
            answer => return answer,
        }
    }
    ask().await
}

fn is_behind(error: &client_error::Error) -> bool {
    let client_error::ErrorKind::RpcError(RpcError::RpcResponseError { code, .. }) = error.kind() else { return false };
    *code == JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED
}

impl Cluster {
    /// An account of the program, of the kind that is asked for; none where there is no account.
    pub async fn find<T: ZeroCopy>(&self, address: &Pubkey) -> Result<Option<T>> {
        match self.find_raw(address).await? {
            Some(account) => typed(address, &account).map(Some),
            None => Ok(None),
        }
    }

    /// The same of an account that has to be there.
    pub async fn account<T: ZeroCopy>(&self, address: &Pubkey) -> Result<T> {
        self.find(address).await?.ok_or(Error::NoAccount(*address))
    }

    /// An account of any program; none where there is none.
    pub async fn find_raw(&self, address: &Pubkey) -> Result<Option<Account>> {
        Ok(self.read_page(&[*address], None).await?.1.pop().flatten())
    }

    /// Accounts of any program in the order asked for, and the slot of the last answer. None of what is read is older than
    /// `since`, a slot. As many as a request may name, 100, are as of one slot.
    pub async fn read(&self, addresses: &[Pubkey], since: Option<u64>) -> Result<(u64, Vec<Option<Account>>)> {
        let pages: Vec<_> = addresses.chunks(PAGE).map(|page| self.read_page(page, since)).collect();
        let pages: Vec<_> = stream::iter(pages).buffered(AT_ONCE).try_collect().await?;
        let slot = pages.iter().map(|(slot, _)| *slot).max().unwrap_or_default();
        Ok((slot, pages.into_iter().flat_map(|(_, accounts)| accounts).collect()))
    }

    async fn read_page(&self, page: &[Pubkey], since: Option<u64>) -> Result<(u64, Vec<Option<Account>>)> {
        let ask = || self.client.get_multiple_ui_accounts_with_config(page, encoded(since));
        let read = once_reached(ask).await.map_err(Error::node("reading accounts"))?;
        let accounts = page.iter().zip(&read.value);
        let accounts = accounts.map(|(address, found)| found.as_ref().map(|a| account_of(address, a)).transpose());
        Ok((read.context.slot, accounts.collect::<Result<_>>()?))
    }

    /// Every account of a kind, of all pools.
    pub async fn all<T: ZeroCopy>(&self) -> Result<Vec<(Pubkey, T)>> {
        self.list(&ID, vec![holds(0, T::DISCRIMINATOR)], false, None)
            .await?
            .iter()
            .map(|(a, d)| Ok((*a, typed(a, d)?)))
            .collect()
    }

    /// Accounts of a program that pass filters; without their bytes where only addresses are wanted. None of what is read is older than
    /// `since`.
    pub(super) async fn list(
        &self,
        program: &Pubkey,
        filters: Vec<RpcFilterType>,
        addresses_only: bool,
        since: Option<u64>,
    ) -> Result<Vec<(Pubkey, Account)>> {
        let data_slice = addresses_only.then_some(UiDataSliceConfig { offset: 0, length: 0 });
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: RpcAccountInfoConfig { data_slice, ..encoded(since) },
            ..Default::default()
        };
        let ask = || self.client.get_program_ui_accounts_with_config(program, config.clone());
        let found = once_reached(ask).await.map_err(Error::node("listing accounts"))?;
        found.iter().map(|(address, account)| Ok((*address, account_of(address, account)?))).collect()
    }

    /// Portfolios of an owner, in all pools, ascending by address.
    pub async fn portfolios_of(&self, owner: &Pubkey) -> Result<Vec<(Pubkey, Box<Portfolio>)>> {
        self.portfolios_with(PORTFOLIO_OWNER, owner, None).await
    }

    /// Portfolios that a delegate may trade for, or might until its time passed.
    pub async fn portfolios_of_delegate(&self, delegate: &Pubkey) -> Result<Vec<(Pubkey, Box<Portfolio>)>> {
        self.portfolios_with(PORTFOLIO_DELEGATE, delegate, None).await
    }

    /// All portfolios of a pool, ascending by address.
    pub async fn portfolios(&self, pool: &Pubkey) -> Result<Vec<(Pubkey, Box<Portfolio>)>> {
        self.portfolios_with(POOL, pool, None).await
    }

    /// The same, none of them older than a slot.
    pub(super) async fn portfolios_since(&self, pool: &Pubkey, slot: u64) -> Result<Vec<(Pubkey, Box<Portfolio>)>> {
        self.portfolios_with(POOL, pool, Some(slot)).await
    }

    /// By a key that they have at an offset. First the addresses, then the accounts in pages: no answer grows with the pool, but
    /// for 32 bytes an account.
    async fn portfolios_with(
        &self,
        offset: usize,
        key: &Pubkey,
        since: Option<u64>,
    ) -> Result<Vec<(Pubkey, Box<Portfolio>)>> {
        let kind = [holds(0, <Portfolio as anchor_lang::Discriminator>::DISCRIMINATOR), holds(offset, key.as_ref())];
        let filters = [RpcFilterType::DataSize(Portfolio::SPACE as u64)].into_iter().chain(kind).collect();
        let listed = self.list(&ID, filters, true, since).await?;
        let mut addresses: Vec<_> = listed.into_iter().map(|(address, _)| address).collect();
        addresses.sort();
        let (_, accounts) = self.read(&addresses, since).await?;
        // One that was closed in between is a tombstone.
        let open = addresses.iter().zip(accounts).filter_map(|(address, account)| Some((*address, account?)));
        Ok(open.filter_map(|(address, account)| Some((address, Box::new(typed(&address, &account).ok()?)))).collect())
    }

    /// Program that owns an account.
    pub async fn owner(&self, address: &Pubkey) -> Result<Pubkey> {
        Ok(self.find_raw(address).await?.ok_or(Error::NoAccount(*address))?.owner)
    }

    /// Scenario rows.
    pub async fn scenarios(&self, address: &Pubkey) -> Result<Box<Scenarios>> {
        self.account(address).await.map(Box::new)
    }

    /// Unix time of the chain.
    pub async fn now(&self) -> Result<i64> {
        unix_time(&self.find_raw(&CLOCK).await?.ok_or(Error::NoAccount(CLOCK))?)
    }

    /// The latest slot.
    pub async fn latest_slot(&self) -> Result<u64> {
        self.client.get_slot_with_commitment(CONFIRMED).await.map_err(Error::node("reading the slot"))
    }

    /// Lamports that an account of so many bytes has to keep.
    pub async fn rent(&self, bytes: usize) -> Result<u64> {
        let rent = self.client.get_minimum_balance_for_rent_exemption(bytes).await;
        rent.map_err(Error::node("reading the rent"))
    }

    /// Lamports of a key.
    pub async fn lamports(&self, address: &Pubkey) -> Result<u64> {
        let balance = self.client.get_balance_with_commitment(address, CONFIRMED).await;
        Ok(balance.map_err(Error::node(format!("reading the balance of {address}")))?.value)
    }

    /// Health of a portfolio as the chain computes it, by simulation of `health`. Its owner stands in for the payer.
    pub async fn chain_health(
        &self,
        view: &PoolView,
        address: &Pubkey,
        portfolio: &Portfolio,
    ) -> Result<(HealthReport, u64)> {
        let instruction = instructions::health(view.keys(), *address, &Holdings::of([portfolio]));
        let simulated = self.simulate(&[instruction], &portfolio.owner, &[]).await?;
        let simulated = simulated.succeeded()?;
        let report = HealthReport::try_from_slice(&simulated.returned);
        let report = report.map_err(|_| Error::Answer("health returned no report".into()))?;
        Ok((report, simulated.units))
    }
}
