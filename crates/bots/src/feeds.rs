//! The price accounts of a pool's assets, by subscription, and by polling for what a subscription misses: an asset that was listed or has
//! another oracle, a feed that may be posted to any account, and a socket that dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::stream::{SelectAll, StreamExt};
use novate_client::ahead::{refreshed_asset, FeedAccount};
use novate_client::rpc::{Cluster, Feed, Mirror, CONFIRMED};
use novate_client::state::Asset;
use novate_client::Pubkey;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client_api::config::RpcAccountInfoConfig;
use tokio::sync::{mpsc, Notify};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Between two readings of all price accounts.
const POLL: Duration = Duration::from_secs(2);
/// Before it subscribes again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a node may take to accept a subscription.
const PATIENCE: Duration = Duration::from_secs(10);

type Accounts = Arc<RwLock<BTreeMap<u16, Feed>>>;

/// Ends when it is dropped.
pub struct Feeds {
    accounts: Accounts,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Feeds {
    /// Reads the price accounts of a pool's assets, and follows them. The receiver has the index of an asset each time its account
    /// changes.
    pub async fn start(cluster: &Cluster, mirror: Arc<Mirror>) -> Result<(Self, mpsc::UnboundedReceiver<u16>)> {
        let assets = listed(&mirror);
        let now = cluster.now().await.context("reading the time")?;
        let found = cluster.feeds(&assets, now).await.context("reading price accounts")?;
        let accounts: Accounts = Arc::new(RwLock::new(found));
        let (changes, listener) = mpsc::unbounded_channel();
        let others = Arc::new(Notify::new());
        let told = Told { accounts: accounts.clone(), changes, others };
        let poll = tokio::spawn(poll(cluster.clone(), mirror, told.clone()));
        let follow = tokio::spawn(follow(cluster.clone(), told));
        Ok((Self { accounts, tasks: [poll, follow] }, listener))
    }

    /// Where an asset's price is.
    pub fn address(&self, asset: u16) -> Option<Pubkey> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&asset).map(|feed| feed.address)
    }

    /// An asset as a refresh would leave it now, and whether that has another price or a younger one. None where the program would
    /// refuse the reading.
    pub fn ahead(&self, asset: &Asset, now: i64) -> Option<(Asset, bool)> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let feed = accounts.get(&asset.index)?;
        let account = FeedAccount { address: feed.address, owner: feed.account.owner, data: &feed.account.data };
        let (refreshed, accepted) = refreshed_asset(asset, account, now).ok()?;
        // Two readings may be of one second.
        let other = refreshed.publish_time > asset.publish_time || refreshed.price != asset.price;
        Some((refreshed, accepted && other))
    }
}

fn listed(mirror: &Mirror) -> Vec<Asset> {
    mirror.read().snapshot.assets.values().copied().collect()
}

/// What is known, and who is told of changes.
#[derive(Clone)]
struct Told {
    accounts: Accounts,
    changes: mpsc::UnboundedSender<u16>,
    /// The addresses are others: who subscribes to them does so anew.
    others: Arc<Notify>,
}

impl Told {
    /// Puts in what was read: an asset's price account.
    fn put(&self, index: u16, feed: Feed) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.get(&index);
        let (same, moved) = match known {
            Some(known) if known.address == feed.address => (known.account.data == feed.account.data, false),
            _ => (false, true),
        };
        if !same {
            accounts.insert(index, feed);
            let _ = self.changes.send(index);
        }
        if moved {
            self.others.notify_one();
        }
    }

    /// Puts in what a subscription tells of an account, unless the asset's price is elsewhere by now.
    fn hear(&self, index: u16, feed: Feed) {
        if self.addresses().contains(&(index, feed.address)) {
            self.put(index, feed);
        }
    }

    fn addresses(&self) -> Vec<(u16, Pubkey)> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|(index, feed)| (*index, feed.address)).collect()
    }
}

async fn poll(cluster: Cluster, mirror: Arc<Mirror>, told: Told) {
    while !told.changes.is_closed() {
        sleep(POLL).await;
        let Ok(now) = cluster.now().await else { continue };
        let Ok(found) = cluster.feeds(&listed(&mirror), now).await else { continue };
        for (index, feed) in found {
            told.put(index, feed);
        }
    }
}

async fn follow(cluster: Cluster, told: Told) {
    while !told.changes.is_closed() {
        if let Err(error) = follow_once(&cluster, &told).await {
            tracing::debug!(%error, "price accounts: subscribing again");
        }
        sleep(PAUSE).await;
    }
}

/// Until the socket drops, or prices are elsewhere.
async fn follow_once(cluster: &Cluster, told: &Told) -> Result<()> {
    let client = timeout(PATIENCE, PubsubClient::new(cluster.ws_url())).await??;
    let config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CONFIRMED),
        ..Default::default()
    };
    let mut notices = SelectAll::new();
    for (index, address) in told.addresses() {
        let subscribed = client.account_subscribe(&address, Some(config.clone()));
        let (stream, _) = timeout(PATIENCE, subscribed).await??;
        notices.push(stream.map(move |notice| (index, address, notice)).boxed());
    }
    loop {
        tokio::select! {
            notice = notices.next() => {
                let Some((index, address, notice)) = notice else { return Ok(()) };
                if let Some(account) = notice.value.to_account() {
                    told.hear(index, Feed { address, account });
                }
            }
            () = told.others.notified() => return Ok(()),
        }
    }
}
