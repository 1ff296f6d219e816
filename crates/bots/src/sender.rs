//! From instructions to what became of them: simulated, signed, sent, confirmed, counted; or, in a dry run, only simulated.

use std::sync::Arc;

use novate_client::rpc::{Cluster, Error, Limit, Options, Prepared, VersionedTransaction};
use novate_client::{Instruction, Pubkey};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::metrics::Metrics;
use crate::tables::Tables;

/// Lamports of a signature.
const SIGNATURE: u64 = 5_000;

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Confirmed(String),
    /// A dry run: it would have gone through.
    Dry,
    /// The program refused, by the name of its error.
    Refused(String),
    /// Anything else: the node, the runtime, an expired blockhash.
    Failed(String),
}

impl Outcome {
    /// A word for logs and metrics.
    pub fn name(&self) -> &str {
        match self {
            Self::Confirmed(_) => "confirmed",
            Self::Dry => "dry_run",
            Self::Refused(name) => name,
            Self::Failed(_) => "failed",
        }
    }

    pub fn is_success(&self) -> bool {
        matches!(self, Self::Confirmed(_) | Self::Dry)
    }
}

/// Who pays and how.
#[derive(Clone)]
pub struct Sender {
    cluster: Cluster,
    key: Arc<Keypair>,
    tables: Tables,
    /// Price of a compute unit, 1e-6 lamports.
    unit_price: u64,
    dry_run: bool,
    metrics: Arc<Metrics>,
}

impl Sender {
    pub fn new(
        cluster: Cluster,
        key: Arc<Keypair>,
        tables: Tables,
        (unit_price, dry_run): (u64, bool),
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { cluster, key, tables, unit_price, dry_run, metrics }
    }

    pub fn address(&self) -> Pubkey {
        self.key.pubkey()
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Returns once it is known what became of it: confirmed, failed, or no longer able to land. Until then nothing else is to be signed
    /// for what it is for, which could land beside it.
    ///
    /// One transaction; where it would be too large, or take too many compute units, one after the other for each instruction, until
    /// one fails. `chore` is what it is counted as.
    pub async fn send(&self, chore: &str, instructions: &[Instruction]) -> Outcome {
        match self.try_send(instructions).await {
            Err(error) if instructions.len() > 1 && is_too_much(&error) => {
                let mut last = Outcome::Failed(error.to_string());
                for instruction in instructions {
                    last = self.counted(chore, self.try_send(std::slice::from_ref(instruction)).await);
                    if !last.is_success() {
                        break;
                    }
                }
                last
            }
            done => self.counted(chore, done),
        }
    }

    fn counted(&self, chore: &str, done: Result<Outcome, Error>) -> Outcome {
        let outcome = done.unwrap_or_else(|error| match error.refused() {
            Some(refused) => Outcome::Refused(refused.name.clone()),
            None => Outcome::Failed(error.to_string()),
        });
        let labels = vec![("chore", chore.to_string()), ("outcome", outcome.name().to_string())];
        self.metrics.transactions.get_or_create(&labels).inc();
        outcome
    }

    async fn try_send(&self, instructions: &[Instruction]) -> Result<Outcome, Error> {
        let options = Options { limit: Limit::Simulated, unit_price: self.unit_price };
        let message = self.cluster.message(instructions, &self.key.pubkey(), &self.tables.get(), &options).await?;
        if self.dry_run {
            return Ok(Outcome::Dry);
        }
        let prepared = Prepared { messages: vec![message], stale: vec![] };
        let signed = prepared.sign(&[&*self.key as &dyn Signer])?;
        let mut signature = String::new();
        for transaction in signed {
            signature = match self.cluster.send(&transaction).await {
                Err(error) if error.may_have_landed() => {
                    tracing::warn!(%error, signature = ?transaction.signatures.first(), "it may have landed: following it");
                    self.cluster.follow(&transaction).await?
                }
                done => done?,
            };
            self.metrics.lamports.inc_by(fee(&transaction, self.unit_price));
        }
        Ok(Outcome::Confirmed(signature))
    }
}

/// More than a packet or a block's share of compute units.
fn is_too_much(error: &Error) -> bool {
    match error {
        Error::TooLarge(_) => true,
        Error::Failed(why) => why.contains("exceeded"),
        _ => false,
    }
}

/// Lamports that a transaction costs: its signatures, and the price of its compute limit, which its first instruction sets.
fn fee(transaction: &VersionedTransaction, unit_price: u64) -> u64 {
    let signatures = SIGNATURE * transaction.signatures.len() as u64;
    let limit =
        transaction.message.instructions().first().and_then(|first| first.data.get(1..5)?.first_chunk().copied());
    let limit = u64::from(limit.map_or(0, u32::from_le_bytes));
    signatures + (limit * unit_price).div_ceil(1_000_000)
}
