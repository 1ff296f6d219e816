//! The chain that is settled on: a node, the key that pays, lookup tables.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, Context, Result};
use novate_client::rpc::{AddressLookupTableAccount, Cluster, Limit, Mirror, Options as Sending};
use solana_keypair::{read_keypair_file, Keypair};
use solana_signer::Signer;

use crate::options::Options;
use crate::view::View;

/// What settlements are made with.
pub struct Chain {
    pub(super) cluster: Cluster,
    pub(super) key: Keypair,
    pub(super) tables: Vec<AddressLookupTableAccount>,
    pub(super) sending: Sending,
    /// Settlements under way at once.
    pub(super) at_once: usize,
    /// Of a registered venue, and how often it reports.
    pub(super) venue: Option<(Keypair, Duration)>,
}

impl Chain {
    /// Reads the keys, finds lookup tables and mirrors the pool.
    pub async fn start(options: &Options) -> Result<(Arc<View>, Arc<Self>)> {
        let cluster = Cluster::new(&options.url, &options.ws);
        let pool = options.pool.context("--pool is missing")?;
        let key = key(options.keypair.as_deref().context("--keypair is missing")?)?;
        let venue = options.venue_key.as_deref().map(self::key).transpose()?;
        let view = cluster.view(&pool).await.context("reading the pool")?;
        if options.publish_tables {
            cluster.publish_tables(&view, &key).await.context("making lookup tables")?;
        }
        let tables = cluster.pool_tables(&view.snapshot.pool, &key.pubkey()).await.context("reading lookup tables")?;
        // What changes is looked up when it is needed: whoever is told of each change is not listening.
        let (mirror, mut changes) = Mirror::start(&cluster, pool).await.context("reading the pool")?;
        tokio::spawn(async move { while changes.recv().await.is_some() {} });
        tracing::info!(key = %key.pubkey(), %pool, tables = tables.len(), "the pool is in sight");
        let chain = Self {
            cluster,
            key,
            tables,
            sending: Sending { limit: Limit::Simulated, unit_price: options.unit_price },
            at_once: options.at_once.max(1),
            venue: venue.map(|venue| (venue, Duration::from_secs(options.mid_every.max(1)))),
        };
        Ok((Arc::new(View::of_chain(mirror)?), Arc::new(chain)))
    }
}

fn key(path: &Path) -> Result<Keypair> {
    read_keypair_file(path).map_err(|error| anyhow!("{}: {error}", path.display()))
}
