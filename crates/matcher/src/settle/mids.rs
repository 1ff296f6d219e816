//! The mids of the perpetuals' books, reported as a registered venue (CLR-15): at a fixed pace, of books with both sides.

use std::sync::Arc;

use novate_client::instructions::report_mid;
use novate_client::rpc::{sign, Error, Limit, Options as Sending};
use novate_client::{instrument, Instruction};
use solana_keypair::Keypair;
use solana_signer::Signer;
use tokio::task::JoinSet;
use tokio::time::{interval, MissedTickBehavior};

use super::Chain;
use crate::desk::Desk;
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::view::View;

/// Compute units of a report: more than docs/performance.md has for one.
const UNITS: u32 = 60_000;

impl Chain {
    /// Reports where there is a venue's key.
    pub fn spawn_mids(self: &Arc<Self>, tasks: &mut JoinSet<()>, desk: Desk, view: Arc<View>, metrics: Arc<Metrics>) {
        if self.venue.is_some() {
            let chain = self.clone();
            tasks.spawn(async move { chain.report(desk, view, metrics).await });
        }
    }

    async fn report(&self, desk: Desk, view: Arc<View>, metrics: Arc<Metrics>) {
        let Some((venue, every)) = &self.venue else { return };
        let mut pace = interval(*every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let (Ok(mids), Some(mirror)) = (desk.look(mids).await, view.mirror()) else { continue };
            let (pool, instruments) = (mirror.read().pool, view.instruments());
            for (id, mid) in mids {
                let Some(instrument) = instruments.get(id) else { continue };
                let report = report_mid(&pool, venue.pubkey(), instrument.market, instrument.underlying, mid);
                let sent = self.send_report(report, venue).await;
                let outcome = match &sent {
                    Ok(_) => "reported".to_string(),
                    Err(error) => error.refused().map_or("failed".into(), |refused| refused.name.clone()),
                };
                if let Err(error) = sent {
                    tracing::warn!(market = instrument.market, %error, "a mid was not reported");
                }
                metrics.mids.get_or_create(&vec![("outcome", outcome)]).inc();
            }
        }
    }
}

impl Chain {
    async fn send_report(&self, report: Instruction, venue: &Keypair) -> Result<String, Error> {
        let sending = Sending { limit: Limit::Units(UNITS), ..self.sending };
        let message = self.cluster.message(&[report], &self.key.pubkey(), &self.tables, &sending).await?;
        let transaction = sign(message, &[&self.key, venue])?;
        self.cluster.send(&transaction).await
    }
}

/// Perpetuals whose book has both sides, with the mid, USD 1e-9, rounded down.
fn mids(engine: &Engine) -> Vec<(u64, i64)> {
    let mid = |(strategy, book): (&crate::strategy::Strategy, &crate::book::Book)| {
        let [leg] = strategy.legs() else { return None };
        let perpetual = leg.instrument == instrument::perpetual(instrument::market_of(leg.instrument));
        let (Some(buy), Some(sell)) = book.best() else { return None };
        let mid = i64::try_from((i128::from(buy) + i128::from(sell)).div_euclid(2)).ok()?;
        (perpetual && mid > 0).then_some((leg.instrument, mid))
    };
    engine.books().filter_map(mid).collect()
}
