//! A pool and all its portfolios, kept current by subscriptions.
//!
//! First it subscribes, then it reads everything; what is older than what it has it leaves out. When the socket drops, or the node
//! stops answering, it begins anew, as often as it takes: [`Mirrored::current`] says since when it stands still.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

use anchor_lang::prelude::Pubkey;
use anchor_lang::{Discriminator, ZeroCopy};
use futures_util::StreamExt;
use novate::state::{Asset, Expiry, Market, Pool, Portfolio};
use novate::ID;
use solana_account::Account;
use solana_pubsub_client::nonblocking::pubsub_client::{PubsubClient, PubsubClientError};
use solana_rpc_client_api::config::RpcProgramAccountsConfig;
use solana_rpc_client_api::response::{Response, RpcKeyedAccount};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::read::{account_of, encoded, holds, ASSET_POOL, POOL};
use super::{Cluster, Error, PoolView, Result};
use crate::accounts::decode;
use crate::instructions::PoolKeys;
use crate::{addresses, Snapshot};

/// Between two looks at the clock of the chain, by which it is known too that the node answers.
const LOOK: Duration = Duration::from_secs(1);
/// Before it subscribes again, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Between two attempts to write what somebody reads.
const BRIEFLY: Duration = Duration::from_millis(1);
/// How long a node may take to accept subscriptions.
const PATIENCE: Duration = Duration::from_secs(10);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub address: Pubkey,
    pub kind: Kind,
    /// When it was so.
    pub slot: u64,
}

/// Of which kind it is, with its index or id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pool,
    Asset(u16),
    Market(u16),
    Expiry(u64),
    Portfolio,
    /// It was read anew: anything may have changed. The address is the pool's.
    Everything,
}

/// What changed, one after the other. Ends when the [`Mirror`] is dropped.
pub type Changes = mpsc::UnboundedReceiver<Change>;

/// What is mirrored.
#[derive(Clone)]
pub struct Mirrored {
    pub pool: Pubkey,
    pub snapshot: Snapshot,
    /// By address. One that was closed stays, empty, until everything is read anew.
    pub portfolios: BTreeMap<Pubkey, Arc<Portfolio>>,
    /// The latest slot that something is known of.
    pub slot: u64,
    /// Whether subscriptions stand; where not, since when they do not.
    pub current: std::result::Result<(), Instant>,
    /// Unix time of the chain, when it was last read, and when that reading began here.
    clock: (i64, Instant),
    /// Slots at which accounts were as they are here.
    slots: BTreeMap<Pubkey, u64>,
}

impl Mirrored {
    /// Unix time of the chain, carried on by the clock here for at most two seconds.
    pub fn now(&self) -> i64 {
        let (time, read) = self.clock;
        time.saturating_add(i64::try_from(read.elapsed().min(2 * LOOK).as_secs()).unwrap_or_default())
    }

    /// What instructions that judge need.
    pub fn keys(&self) -> PoolKeys {
        PoolKeys { pool: self.pool, scenarios: self.snapshot.pool.scenarios }
    }

    /// The pool without its portfolios, for [`Cluster::prepare`].
    pub fn view(&self) -> PoolView {
        PoolView { address: self.pool, snapshot: self.snapshot.clone(), now: self.now(), slot: self.slot }
    }

    /// Takes in a reading of the clock, unless one that began later is there.
    fn set_clock(&mut self, now: i64, begun: Instant) {
        if begun >= self.clock.1 {
            self.clock = (now, begun);
        }
    }

    /// Takes in an account as it was at a slot; none where it changed nothing.
    fn take(&mut self, address: Pubkey, account: &Account, slot: u64) -> Option<Change> {
        let known = self.slots.entry(address).or_default();
        if slot < *known {
            return None;
        }
        *known = slot;
        self.slot = self.slot.max(slot);
        let kind = self.put(address, &account.data)?;
        Some(Change { address, kind, slot })
    }

    fn put(&mut self, address: Pubkey, data: &[u8]) -> Option<Kind> {
        let is = |discriminator: &[u8]| data.starts_with(discriminator);
        if is(Portfolio::DISCRIMINATOR) {
            self.portfolios.insert(address, Arc::new(read(data)?));
            return Some(Kind::Portfolio);
        }
        if is(Asset::DISCRIMINATOR) {
            let asset: Asset = read(data)?;
            self.snapshot.assets.insert(asset.index, asset);
            return Some(Kind::Asset(asset.index));
        }
        if is(Market::DISCRIMINATOR) {
            let market: Market = read(data)?;
            self.snapshot.markets.insert(market.index, market);
            // One that was closed says nothing itself.
            let gone = |expiry: &Expiry| {
                expiry.market == market.index && !market.listed_expiries().contains(&expiry.minutes())
            };
            self.snapshot.expiries.retain(|_, expiry| !gone(expiry));
            return Some(Kind::Market(market.index));
        }
        if is(Expiry::DISCRIMINATOR) {
            let expiry: Expiry = read(data)?;
            let id = expiry.id();
            self.snapshot.expiries.insert(id, Box::new(expiry));
            return Some(Kind::Expiry(id));
        }
        if is(Pool::DISCRIMINATOR) && address == self.pool {
            self.snapshot.pool = read(data)?;
            return Some(Kind::Pool);
        }
        None
    }
}

fn read<T: ZeroCopy>(data: &[u8]) -> Option<T> {
    decode(data).ok()
}

/// A mirror of a pool. Ends when it is dropped.
pub struct Mirror {
    cluster: Cluster,
    mirrored: Arc<RwLock<Mirrored>>,
    task: JoinHandle<()>,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mirror {
    /// Subscribes to a pool and reads it; returns once it is all there. On a runtime of tokio.
    pub async fn start(cluster: &Cluster, pool: Pubkey) -> Result<(Self, Changes)> {
        let (changes, listener) = mpsc::unbounded_channel();
        let (ready, first) = oneshot::channel();
        let task = tokio::spawn(keep(cluster.clone(), pool, changes, ready));
        let mirrored = match first.await {
            Ok(mirrored) => mirrored?,
            Err(_) => return Err(Error::Answer("the mirror ended".into())),
        };
        Ok((Self { cluster: cluster.clone(), mirrored, task }, listener))
    }

    /// Looks at the chain's clock now, instead of at the next second: on a local cluster it leaps.
    pub async fn look(&self) -> Result<()> {
        let begun = Instant::now();
        let now = self.cluster.now().await?;
        with(&self.mirrored, |mirrored| mirrored.set_clock(now, begun)).await;
        Ok(())
    }

    /// What is there now. Hold it briefly: changes wait meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, Mirrored> {
        self.mirrored.read().unwrap_or_else(PoisonError::into_inner)
    }
}

type Shared = Arc<RwLock<Mirrored>>;
type Ready = oneshot::Sender<Result<Shared>>;

/// Begins anew whenever it has to. Only at first an error ends it: it is told to whoever started it.
async fn keep(cluster: Cluster, pool: Pubkey, changes: mpsc::UnboundedSender<Change>, ready: Ready) {
    let mut ready = Some(ready);
    let mut shared: Option<Shared> = None;
    let mut pause = BACK_OFF.0;
    while !changes.is_closed() {
        let begun = Instant::now();
        let error = follow(&cluster, pool, &changes, &mut shared, &mut ready).await;
        match (ready.take(), error) {
            (Some(ready), Err(error)) => {
                let _ = ready.send(Err(error));
                return;
            }
            (None, Err(_)) | (_, Ok(())) => {}
        }
        if let Some(shared) = &shared {
            let fallen = |mirrored: &mut Mirrored| mirrored.current = mirrored.current.and(Err(Instant::now()));
            with(shared, fallen).await;
        }
        if begun.elapsed() > BACK_OFF.1 {
            pause = BACK_OFF.0;
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(BACK_OFF.1);
    }
}

fn socket(cluster: &Cluster, error: PubsubClientError) -> Error {
    Error::Socket { url: cluster.ws_url().into(), reason: error.to_string() }
}

async fn in_time<T>(
    cluster: &Cluster,
    what: impl std::future::Future<Output = std::result::Result<T, PubsubClientError>>,
) -> Result<T> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(done) => done.map_err(|error| socket(cluster, error)),
        Err(_) => Err(Error::Socket { url: cluster.ws_url().into(), reason: "it does not answer".into() }),
    }
}

/// Subscribes, reads everything, and follows until the socket drops. A subscription is never taken back, which would wait for the
/// next message: the socket is dropped with it.
async fn follow(
    cluster: &Cluster,
    pool: Pubkey,
    changes: &mpsc::UnboundedSender<Change>,
    shared: &mut Option<Shared>,
    ready: &mut Option<Ready>,
) -> Result<()> {
    let client = in_time(cluster, PubsubClient::new(cluster.ws_url())).await?;
    let filtered = |offset: usize| RpcProgramAccountsConfig {
        filters: Some(vec![holds(offset, pool.as_ref())]),
        account_config: encoded(None),
        ..Default::default()
    };
    let (assets, _) = in_time(cluster, client.program_subscribe(&ID, Some(filtered(ASSET_POOL)))).await?;
    let (others, _) = in_time(cluster, client.program_subscribe(&ID, Some(filtered(POOL)))).await?;
    let (mut own, _) = in_time(cluster, client.account_subscribe(&pool, Some(encoded(None)))).await?;
    let mut told = futures_util::stream::select(assets, others);

    let shared = synchronise(cluster, pool, shared).await?;
    let everything =
        Change { address: pool, kind: Kind::Everything, slot: with(&shared, |mirrored| mirrored.slot).await };
    if let Some(ready) = ready.take() {
        let _ = ready.send(Ok(shared.clone()));
    } else {
        let _ = changes.send(everything);
    }
    let mut look = tokio::time::interval(LOOK);
    loop {
        let change = tokio::select! {
            told = told.next() => match told {
                Some(told) => notified(cluster, &shared, &told).await?,
                None => return Ok(()),
            },
            own = own.next() => match own {
                Some(told) => {
                    let account = account_of(&pool, &told.value)?;
                    let read = youngest(cluster, &shared, pool, account, told.context.slot).await?;
                    let Some((account, slot)) = read else { return Ok(()) };
                    let taken = with(&shared, |mirrored| {
                        let generation = mirrored.snapshot.pool.generation;
                        let change = mirrored.take(pool, &account, slot);
                        (mirrored.snapshot.pool.generation == generation).then_some(change)
                    });
                    // Other scenario rows: they are read with everything.
                    let Some(change) = taken.await else { return Ok(()) };
                    change
                }
                None => return Ok(()),
            },
            _ = look.tick() => {
                let begun = Instant::now();
                let now = cluster.now().await?;
                with(&shared, |mirrored| mirrored.set_clock(now, begun)).await;
                continue;
            }
        };
        let Some(change) = change else { continue };
        if changes.send(change).is_err() {
            return Ok(());
        }
    }
}

/// Changes what is mirrored. Whoever reads it may wait for the network meanwhile, which needs the thread that this runs on: so the lock is
/// tried and not waited for.
async fn with<R>(shared: &Shared, change: impl FnOnce(&mut Mirrored) -> R) -> R {
    loop {
        match shared.try_write() {
            Ok(mut mirrored) => return change(&mut mirrored),
            Err(TryLockError::Poisoned(poisoned)) => return change(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
        tokio::time::sleep(BRIEFLY).await;
    }
}

async fn notified(cluster: &Cluster, shared: &Shared, told: &Response<RpcKeyedAccount>) -> Result<Option<Change>> {
    let Ok(address) = told.value.pubkey.parse() else { return Ok(None) };
    let Ok(account) = account_of(&address, &told.value.account) else { return Ok(None) };
    let Some((account, slot)) = youngest(cluster, shared, address, account, told.context.slot).await? else {
        return Ok(None);
    };
    Ok(with(shared, |mirrored| mirrored.take(address, &account, slot)).await)
}

/// An account that was told of, or, where that is of an older slot than what is there, as it is now: it may have waited since before
/// everything was read, and there are nodes that name the slot of the subscription in all that they tell. None where it is gone.
async fn youngest(
    cluster: &Cluster,
    shared: &Shared,
    address: Pubkey,
    account: Account,
    slot: u64,
) -> Result<Option<(Account, u64)>> {
    let known = with(shared, |mirrored| mirrored.slots.get(&address).copied().unwrap_or_default()).await;
    if slot >= known {
        return Ok(Some((account, slot)));
    }
    let (slot, found) = cluster.read(&[address], Some(known)).await?;
    Ok(found.into_iter().flatten().next().map(|account| (account, slot)))
}

/// Reads everything, all of it at one slot or later, and puts it in the place of what was there. What was told meanwhile waits in the
/// subscriptions, and is left out as far as it is older than that slot.
async fn synchronise(cluster: &Cluster, pool: Pubkey, shared: &mut Option<Shared>) -> Result<Shared> {
    let begun = Instant::now();
    let view = cluster.view(&pool).await?;
    let portfolios = cluster.portfolios_since(&pool, view.slot).await?;
    let portfolios: BTreeMap<_, _> = portfolios.into_iter().map(|(key, portfolio)| (key, portfolio.into())).collect();
    let keys = portfolios.keys().copied().chain([pool]);
    let assets = view.snapshot.assets.keys().map(|index| addresses::asset(&pool, *index));
    let markets = view.snapshot.markets.keys().map(|index| addresses::market(&pool, *index));
    let expiries = view.snapshot.expiries.keys().map(|id| addresses::expiry_by_id(&pool, *id));
    let slots = keys.chain(assets).chain(markets).chain(expiries).map(|key| (key, view.slot)).collect();
    let mirrored = Mirrored {
        pool,
        snapshot: view.snapshot,
        portfolios,
        slot: view.slot,
        current: Ok(()),
        clock: (view.now, begun),
        slots,
    };
    match shared {
        Some(shared) => {
            with(shared, |held| *held = mirrored).await;
            Ok(shared.clone())
        }
        None => Ok(shared.insert(Arc::new(RwLock::new(mirrored))).clone()),
    }
}
