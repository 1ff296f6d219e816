//! A cluster over JSON-RPC and websocket: what is there, a mirror of it that stays current, and transactions.
//!
//! Everything is read at the commitment `confirmed`. A transaction is prepared ([`Cluster::prepare`]: refreshes, limits, lookup
//! tables), signed, and sent until it is confirmed or can no longer land ([`Cluster::send`]).

mod error;
mod mirror;
mod pool;
mod prepare;
mod read;
mod refresh;
mod send;
mod tables;
mod units;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anchor_lang::prelude::Pubkey;
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;

pub use crate::refused::Refused;
pub use error::Error;
pub use mirror::{Change, Changes, Kind, Mirror, Mirrored};
pub use pool::PoolView;
pub use prepare::{from_packet, sign, to_packet, Limit, Options, Prepared, Request};
pub use refresh::{Age, Feed};
pub use send::Simulated;
pub use solana_message::{AddressLookupTableAccount, VersionedMessage};
pub use solana_rpc_client::nonblocking::rpc_client;
pub use solana_signature::Signature;
pub use solana_transaction::versioned::VersionedTransaction;
pub use tables::wanted_tables;
pub use units::check_units;

/// What calls of this module return.
pub type Result<T> = std::result::Result<T, Error>;

/// How sure of an account or a transaction one is: most of the cluster has voted for it.
pub const CONFIRMED: CommitmentConfig = CommitmentConfig::confirmed();

/// Price accounts by owner and feed id.
type Feeds = BTreeMap<(Pubkey, [u8; 32]), Pubkey>;

/// A node, by its addresses. Clones share what they found out.
#[derive(Clone)]
pub struct Cluster {
    client: Arc<RpcClient>,
    ws_url: String,
    /// Price accounts, where assets leave open which they are.
    feeds: Arc<Mutex<Feeds>>,
}

impl Cluster {
    /// JSON-RPC over HTTP, and subscriptions over websocket, of one node.
    pub fn new(rpc_url: &str, ws_url: &str) -> Self {
        let client = RpcClient::new_with_commitment(rpc_url.to_string(), CONFIRMED);
        Self { client: Arc::new(client), ws_url: ws_url.into(), feeds: Arc::default() }
    }

    /// The client underneath.
    pub fn client(&self) -> &RpcClient {
        &self.client
    }

    /// Where subscriptions are taken.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }
}
