//! Alerts to a webhook, one JSON object each, tried again while it does not take them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;

/// Attempts, and the wait behind the first, which doubles.
const ATTEMPTS: u32 = 6;
const WAIT: Duration = Duration::from_millis(500);
/// What one attempt may take, and all that are left when the bot ends.
const PATIENCE: Duration = Duration::from_secs(5);
const LAST: Duration = Duration::from_secs(3);

/// A queue of alerts; without an address they are only logged.
pub struct Webhook {
    queue: Option<(mpsc::UnboundedSender<Value>, JoinHandle<()>)>,
}

impl Webhook {
    pub fn start(url: Option<String>, metrics: Arc<Metrics>) -> Result<Self> {
        let Some(url) = url else { return Ok(Self { queue: None }) };
        let client = reqwest::Client::builder().timeout(PATIENCE).build().context("the webhook's client")?;
        let (sender, mut alerts) = mpsc::unbounded_channel::<Value>();
        let task = tokio::spawn(async move {
            while let Some(alert) = alerts.recv().await {
                deliver(&client, &url, &alert, &metrics).await;
            }
        });
        Ok(Self { queue: Some((sender, task)) })
    }

    /// Logs an alert and sends it when it is its turn.
    pub fn alert(&self, alert: Value) {
        tracing::warn!(%alert, "alert");
        if let Some((sender, _)) = &self.queue {
            let _ = sender.send(alert);
        }
    }

    /// Waits a little for what is still in the queue.
    pub async fn end(self) {
        if let Some((sender, task)) = self.queue {
            drop(sender);
            let _ = timeout(LAST, task).await;
        }
    }
}

async fn deliver(client: &reqwest::Client, url: &str, alert: &Value, metrics: &Metrics) {
    let mut wait = WAIT;
    for attempt in 1..=ATTEMPTS {
        let sent = client.post(url).header(CONTENT_TYPE, "application/json").body(alert.to_string()).send().await;
        match sent.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return,
            Err(error) if attempt == ATTEMPTS => {
                tracing::error!(%error, "the webhook does not take an alert");
                metrics.alerts_failed.inc();
            }
            Err(error) => {
                tracing::debug!(%error, attempt, "the webhook does not take an alert yet");
                sleep(wait).await;
                wait *= 2;
            }
        }
    }
}
