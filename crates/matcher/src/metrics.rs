//! What the matcher counts, in Prometheus' text format. docs/matcher.md has every name.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::engine::{Event, Stage};

/// Labels with their values.
pub type Labels = Vec<(&'static str, String)>;

/// Seconds: from a fast disk to what nobody should wait for.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];

/// All of them.
pub struct Metrics {
    registry: Registry,
    pub requests: Family<Labels, Counter>,
    pub refused: Family<Labels, Counter>,
    pub orders: Counter,
    pub fills: Family<Labels, Counter>,
    pub commands: Counter,
    pub written: Histogram,
    pub journal: Gauge<i64, AtomicI64>,
    pub shortened: Counter,
    pub open: Gauge<i64, AtomicI64>,
    pub pending: Gauge<i64, AtomicI64>,
    pub streams: Gauge<i64, AtomicI64>,
    pub transactions: Family<Labels, Counter>,
    pub current: Gauge<i64, AtomicI64>,
    pub mids: Family<Labels, Counter>,
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("novate_matcher"),
            requests: Family::default(),
            refused: Family::default(),
            orders: Counter::default(),
            fills: Family::default(),
            commands: Counter::default(),
            written: Histogram::new(SECONDS),
            journal: Gauge::default(),
            shortened: Counter::default(),
            open: Gauge::default(),
            pending: Gauge::default(),
            streams: Gauge::default(),
            transactions: Family::default(),
            current: Gauge::default(),
            mids: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests by path", self.requests.clone());
        registry.register("refused", "Requests that were refused, by name", self.refused.clone());
        registry.register("orders", "Orders that were accepted", self.orders.clone());
        registry.register("fills", "Fills by how far they came", self.fills.clone());
        registry.register("commands", "Commands in the journal", self.commands.clone());
        registry.register("journal_seconds", "Writing to the disk", self.written.clone());
        registry.register("journal_bytes", "Length of the journal", self.journal.clone());
        registry.register("journal_shortened", "Times that the journal was begun anew", self.shortened.clone());
        registry.register("open_orders", "Orders in books", self.open.clone());
        registry.register("fills_pending", "Fills that are not settled", self.pending.clone());
        registry.register("streams", "Open websockets", self.streams.clone());
        registry.register("transactions", "Settlements by outcome", self.transactions.clone());
        registry.register("mirror_current", "1 while the chain is in sight", self.current.clone());
        registry.register("mids", "Mids reported, by outcome", self.mids.clone());
    }

    /// Counts what happened.
    pub fn count(&self, event: &Event) {
        match event {
            Event::Traded { .. } => self.stage("matched"),
            Event::Fill(fill) => match &fill.stage {
                Stage::Matched => self.stage("lapsed"),
                Stage::Sent { .. } => self.stage("sent"),
                Stage::Settled { .. } => self.stage("settled"),
                Stage::Undone { .. } => self.stage("undone"),
            },
            Event::Order(_) | Event::Level { .. } | Event::Request { .. } => {}
        }
    }

    fn stage(&self, stage: &str) {
        self.fills.get_or_create(&vec![("stage", stage.into())]).inc();
    }

    /// The text that is scraped.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
