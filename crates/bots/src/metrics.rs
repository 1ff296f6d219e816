//! What a bot counts, in Prometheus' text format. docs/bots.md has every name.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels with their values.
pub type Labels = Vec<(&'static str, String)>;

/// Seconds: from one slot to what nobody should wait for.
const SECONDS: [f64; 10] = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0, 15.0];

/// Makes histograms of seconds.
#[derive(Clone)]
pub struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

/// All of them; a bot leaves those of the other at zero.
pub struct Metrics {
    registry: Registry,
    pub transactions: Family<Labels, Counter>,
    pub lamports: Counter,
    pub balance: Gauge<i64, AtomicI64>,
    pub reconnects: Counter,
    pub current: Gauge<i64, AtomicI64>,
    pub slot: Gauge<i64, AtomicI64>,
    pub price_age: Family<Labels, Gauge<i64, AtomicI64>>,
    pub portfolios: Gauge<i64, AtomicI64>,
    pub candidates: Gauge<i64, AtomicI64>,
    pub urgent: Gauge<i64, AtomicI64>,
    pub looks: Counter,
    pub scan: Gauge<f64, AtomicU64>,
    pub lost: Counter,
    pub reaction: Family<Labels, Histogram, Latency>,
    pub gain: Gauge<f64, AtomicU64>,
    pub calls: Family<Labels, Counter>,
    pub alerts_failed: Counter,
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("novate"),
            transactions: Family::default(),
            lamports: Counter::default(),
            balance: Gauge::default(),
            reconnects: Counter::default(),
            current: Gauge::default(),
            slot: Gauge::default(),
            price_age: Family::default(),
            portfolios: Gauge::default(),
            candidates: Gauge::default(),
            urgent: Gauge::default(),
            looks: Counter::default(),
            scan: Gauge::default(),
            lost: Counter::default(),
            reaction: Family::new_with_constructor(Latency),
            gain: Gauge::default(),
            calls: Family::default(),
            alerts_failed: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("transactions", "Transactions by chore and outcome", self.transactions.clone());
        registry.register("lamports_spent", "Fees of transactions that landed", self.lamports.clone());
        registry.register("balance_lamports", "Lamports of the key that pays", self.balance.clone());
        registry.register("reconnects", "Times that everything was read anew", self.reconnects.clone());
        registry.register("mirror_current", "1 while subscriptions stand", self.current.clone());
        registry.register("slot", "Latest slot that something is known of", self.slot.clone());
        registry.register("price_age_seconds", "Age of the program's price, by asset", self.price_age.clone());
        registry.register("portfolios", "Portfolios of the pool", self.portfolios.clone());
        registry.register("candidates", "Portfolios that owe something and have edges", self.candidates.clone());
        registry.register(
            "urgent",
            "Portfolios that are short, in an auction or cannot be judged",
            self.urgent.clone(),
        );
        registry.register("looks", "Judgements of portfolios", self.looks.clone());
        registry.register("scan_seconds", "Last look at everyone at once", self.scan.clone());
        registry.register("races_lost", "Transactions that somebody else was faster than", self.lost.clone());
        registry.register(
            "reaction_seconds",
            "From a price to the confirmation of what it led to",
            self.reaction.clone(),
        );
        registry.register("gain_usd", "Discounts and premiums of bids that landed, as reckoned", self.gain.clone());
        registry.register("margin_calls", "Margin calls by level", self.calls.clone());
        registry.register("alerts_failed", "Alerts that the webhook did not take", self.alerts_failed.clone());
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
