//! What both bots say of themselves: how much the key has, whether they see the chain, how old its prices are.

use std::sync::Arc;
use std::time::Duration;

use novate_client::rpc::Mirrored;

use crate::metrics::Metrics;
use crate::sender::Sender;
use crate::server::Pulse;

/// Least lamports of the key that pays, below which a bot says that it is not well: 200 signatures.
const LEAST_BALANCE: u64 = 1_000_000;
/// A mirror that has stood still for so long is not well.
const STANDSTILL: Duration = Duration::from_secs(10);

/// See the module.
pub struct Vitals {
    pulse: Arc<Pulse>,
    metrics: Arc<Metrics>,
    /// Of the key, as last seen.
    lamports: Option<u64>,
}

impl Vitals {
    pub fn new(pulse: Arc<Pulse>, metrics: Arc<Metrics>) -> Self {
        Self { pulse, metrics, lamports: None }
    }

    pub async fn look_at_balance(&mut self, sender: &Sender) {
        if let Ok(lamports) = sender.cluster().lamports(&sender.address()).await {
            self.lamports = Some(lamports);
            self.metrics.balance.set(i64::try_from(lamports).unwrap_or(i64::MAX));
        }
    }

    /// Says how it is, and counts what is mirrored.
    pub fn say(&self, mirrored: &Mirrored) {
        self.metrics.portfolios.set(i64::try_from(mirrored.portfolios.len()).unwrap_or(i64::MAX));
        self.metrics.current.set(mirrored.current.is_ok().into());
        self.metrics.slot.set(i64::try_from(mirrored.slot).unwrap_or(i64::MAX));
        for (index, asset) in &mirrored.snapshot.assets {
            let labels = vec![("asset", index.to_string())];
            self.metrics.price_age.get_or_create(&labels).set(mirrored.now() - asset.publish_time);
        }
        self.pulse.say(match (mirrored.current, self.lamports) {
            (Err(since), _) if since.elapsed() > STANDSTILL => {
                Err(format!("no subscription for {} s", since.elapsed().as_secs()))
            }
            (_, Some(lamports)) if lamports < LEAST_BALANCE => Err(format!("the key has {lamports} lamports")),
            _ => Ok(()),
        });
    }
}
