//! Lookup tables that serve the pool: those that its authority has published, and those of the bot's own key. They are read again when
//! what the pool lists changes, and from time to time: whoever lists an expiry publishes its table afterwards.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use anyhow::{Context, Result};
use novate_client::rpc::{wanted_tables, AddressLookupTableAccount, Cluster, Mirror};
use novate_client::Pubkey;
use solana_keypair::Keypair;
use solana_signer::Signer;
use tokio::time::{sleep, Instant};

/// Between two looks at what the pool lists.
const LOOK: Duration = Duration::from_secs(2);
/// Between two readings: after a change, and twice as long each time up to the last.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(640);

type Held = RwLock<Arc<Vec<AddressLookupTableAccount>>>;

/// What tables are for: who is the pool's authority, and what they should hold.
type Wanted = (Pubkey, Vec<Vec<Pubkey>>);

/// Clones are the same tables. They are kept as long as there is one.
#[derive(Clone)]
pub struct Tables(Arc<Held>);

/// Where they are read from, and by whom.
struct Source {
    cluster: Cluster,
    mirror: Arc<Mirror>,
    key: Arc<Keypair>,
    /// Makes those that are missing.
    publish: bool,
}

impl Tables {
    /// Reads them, and keeps them.
    pub async fn start(cluster: &Cluster, mirror: Arc<Mirror>, key: Arc<Keypair>, publish: bool) -> Result<Self> {
        let source = Source { cluster: cluster.clone(), mirror, key, publish };
        let wanted = source.wanted();
        let held = Arc::new(RwLock::new(Arc::new(source.read(true).await?)));
        tokio::spawn(keep(source, wanted, Arc::downgrade(&held)));
        Ok(Self(held))
    }

    /// As they are now.
    pub fn get(&self) -> Arc<Vec<AddressLookupTableAccount>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Source {
    fn wanted(&self) -> Wanted {
        let mirrored = self.mirror.read();
        (mirrored.snapshot.pool.authority, wanted_tables(&mirrored.pool, &mirrored.snapshot))
    }

    /// `changed`: what they should hold has.
    async fn read(&self, changed: bool) -> Result<Vec<AddressLookupTableAccount>> {
        let view = self.mirror.read().view();
        if self.publish && changed {
            self.cluster.publish_tables(&view, &*self.key).await.context("making lookup tables")?;
        }
        let tables = self.cluster.pool_tables(&view.snapshot.pool, &self.key.pubkey()).await;
        tables.context("reading lookup tables")
    }
}

async fn keep(source: Source, mut known: Wanted, held: Weak<Held>) {
    let (mut pause, mut read) = (FIRST, Instant::now());
    let mut changed = false;
    loop {
        sleep(LOOK).await;
        if held.strong_count() == 0 {
            return;
        }
        let wanted = source.wanted();
        if wanted != known {
            (known, pause, changed) = (wanted, FIRST, true);
        } else if read.elapsed() < pause {
            continue;
        } else if !changed {
            pause = (2 * pause).min(LONGEST);
        }
        read = Instant::now();
        match source.read(changed).await {
            Ok(tables) => {
                changed = false;
                let Some(held) = held.upgrade() else { return };
                *held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tables);
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "lookup tables: trying again"),
        }
    }
}
