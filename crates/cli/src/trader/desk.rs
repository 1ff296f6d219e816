//! A matcher, as commands speak to it: over HTTP, call by call.

use std::time::Duration;

use anyhow::{bail, Context, Result};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::sheet::Sheet;

/// Before the matcher ends a connection that says nothing.
const IDLE: Duration = Duration::from_secs(5);

/// Where a matcher is.
#[derive(Clone, Debug, clap::Args)]
pub struct Desk {
    #[arg(long, env = "NOVATE_MATCHER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    matcher: String,
}

impl Desk {
    pub fn matcher(&self) -> Result<Matcher> {
        Matcher::new(&self.matcher)
    }
}

/// A matcher, with the connections to it.
pub struct Matcher {
    url: String,
    client: Client,
    runtime: Runtime,
}

impl Matcher {
    pub fn new(url: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().context("starting tokio")?;
        let client = Client::builder().pool_idle_timeout(IDLE).build().context("an HTTP client")?;
        Ok(Self { url: url.trim_end_matches('/').into(), client, runtime })
    }

    /// What is found at a path.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.ask(self.client.get(self.at(path)))
    }

    /// The same of what is shown only to who has a token.
    pub fn get_as(&self, path: &str, token: &str) -> Result<Value> {
        self.ask(self.client.get(self.at(path)).bearer_auth(token))
    }

    /// Sends what is signed.
    pub fn post(&self, path: &str, sheet: &Sheet) -> Result<Value> {
        let body = serde_json::to_string(sheet)?;
        self.ask(self.client.post(self.at(path)).header("content-type", "application/json").body(body))
    }

    /// Fills that it has settled on chain since it started.
    pub fn settled(&self) -> Result<u64> {
        let (_, said) = self.fetch(self.client.get(self.at("/metrics")))?;
        let count = said.lines().find_map(|line| line.strip_prefix("novate_matcher_fills_total{stage=\"settled\"} "));
        Ok(count.map_or(Ok(0), str::parse)?)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What the matcher answers; a refusal by its name.
    fn ask(&self, request: RequestBuilder) -> Result<Value> {
        let (status, body) = self.fetch(request)?;
        let url = &self.url;
        let value: Value =
            serde_json::from_str(&body).with_context(|| format!("{url} is no matcher: it says {body:?}"))?;
        if !status.is_success() {
            let field = |name: &str| value[name].as_str().unwrap_or_default().to_string();
            bail!("{} [{}]", field("message"), field("error"));
        }
        Ok(value)
    }

    fn fetch(&self, request: RequestBuilder) -> Result<(StatusCode, String)> {
        let answered = self.runtime.block_on(async {
            let answer = request.send().await?;
            Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
        });
        answered.with_context(|| format!("no matcher answers at {}", self.url))
    }
}
