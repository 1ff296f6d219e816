//! What is signed off chain, and the matcher that it is sent to.

use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use novate_client::instructions::{Behind, SettledSide};
use novate_client::instrument::perpetual;
use novate_client::order::{self, Order, OrderFlags, OrderLeg, OrderSide, NONCES_PER_SECOND};
use novate_client::rpc::{PoolView, Signature};
use novate_client::signing::{message, SignedMessage};
use novate_client::state::{Market, Portfolio};
use novate_client::{symbol, Pubkey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::session::Held;

/// A matcher.
#[derive(Clone, Debug, clap::Args)]
pub struct Matcher {
    #[arg(long, env = "NOVATE_MATCHER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub matcher: String,
}

/// What an order is to say.
pub struct Terms {
    pub side: OrderSide,
    /// 1e-9 strategies, above zero.
    pub quantity: i64,
    /// Ratio, symbol and index of the market.
    pub legs: Vec<(i64, String, u16)>,
    /// USD 1e-9 for one strategy.
    pub limit: i64,
    /// How long it is good.
    pub seconds: i64,
    pub flags: OrderFlags,
}

impl Terms {
    /// Of a market's perpetual, for so much USD, 1e-6, in whole lots and at least the minimum. Fails where the market's name cannot stand
    /// in an order.
    pub fn perpetual(
        view: &PoolView,
        (market, mark): (&Market, i64),
        (side, usd, limit): (OrderSide, i128, i128),
        seconds: i64,
        flags: OrderFlags,
    ) -> Result<Self> {
        let lot = i128::from(market.lot.0);
        // USD 1e-6 over USD 1e-9 a contract, in 1e-9 contracts.
        let quantity = (usd * 1_000_000_000_000 / i128::from(mark) / lot * lot).max(i128::from(market.minimum.0));
        let symbol = symbol::of(&view.snapshot, perpetual(market.index)).context("a market without a name")?;
        let legs = vec![(1, symbol, market.index)];
        Ok(Self { side, quantity: i64::try_from(quantity)?, legs, limit: i64::try_from(limit)?, seconds, flags })
    }

    pub fn sign(&self, view: &PoolView, held: &Held, key: &Keypair, offchain: bool) -> Result<Sheet> {
        let cluster = cluster(view)?;
        ensure!(self.seconds <= order::MAX_ORDER_SECONDS, "an order is good for 30 days at most");
        let legs = self.legs.iter().map(|(ratio, symbol, market)| OrderLeg { ratio: *ratio, symbol, market: *market });
        let text = Order {
            cluster,
            portfolio: held.address,
            generation: held.portfolio.generation,
            side: self.side,
            quantity: self.quantity,
            legs: legs.collect(),
            limit: self.limit,
            until: view.now.saturating_add(self.seconds),
            nonce: nonce(&held.portfolio, &key.pubkey(), view.now),
            flags: self.flags,
        }
        .render();
        Order::parse(text.as_bytes()).ok().with_context(|| format!("{text:?} is more than an order can say"))?;
        Sheet::sign(text, key, offchain)
    }
}

/// The chain that a pool was told it is on.
fn cluster(view: &PoolView) -> Result<order::Cluster> {
    order::Cluster::from_code(view.snapshot.pool.cluster).context("the pool does not know its cluster")
}

/// The moment of signing: the chain's second, and of this machine's clock what is below it; later where orders of then would be void.
fn nonce(portfolio: &Portfolio, signer: &Pubkey, now: i64) -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let second = now.max(0).unsigned_abs().saturating_mul(NONCES_PER_SECOND);
    let least = if *signer == portfolio.owner { 0 } else { portfolio.delegate_nonce };
    second.max(portfolio.minimum_nonce).max(least).saturating_add(since.subsec_micros().into())
}

/// An order as it is handed on: what matchers take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    pub text: String,
    pub signer: String,
    pub signature: String,
    envelope: String,
}

impl Sheet {
    pub fn sign(text: String, key: &Keypair, offchain: bool) -> Result<Self> {
        let message = message(&text, &key.pubkey(), offchain).context("the order is too long for a hardware wallet")?;
        let signature = key.sign_message(&message).to_string();
        let envelope = if offchain { "offchain" } else { "raw" }.into();
        Ok(Self { text, signer: key.pubkey().to_string(), signature, envelope })
    }

    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} is no order of `novate orders sign --out`"))
    }

    pub fn order(&self) -> Result<Order<'_>> {
        Order::parse(self.text.as_bytes()).ok().with_context(|| format!("{:?} is no order", self.text))
    }

    /// As a side of a settlement.
    pub fn side(&self) -> Result<SettledSide> {
        let signer: Pubkey = self.signer.parse().context("the signer is no key")?;
        let signature: Signature = self.signature.parse().context("the signature is none")?;
        let offchain = match self.envelope.as_str() {
            "raw" => false,
            "offchain" => true,
            other => bail!("{other:?} is no envelope: raw or offchain"),
        };
        let message = message(&self.text, &signer, offchain).context("the text is too long")?;
        let behind = Behind::Order(SignedMessage { signer, signature: signature.into(), message });
        Ok(SettledSide { portfolio: self.order()?.portfolio, behind })
    }
}

/// A text that takes all orders of a portfolio out of a matcher's books; on chain they stay good.
pub fn withdrawal(view: &PoolView, held: &Held, key: &Keypair) -> Result<Sheet> {
    let (cluster, generation) = (cluster(view)?.name(), held.portfolio.generation);
    let time = nonce(&held.portfolio, &key.pubkey(), view.now);
    let text = format!("Novate cancel: {cluster} portfolio {} generation {generation}; all; time {time}", held.address);
    Sheet::sign(text, key, false)
}

impl Matcher {
    /// What is found at a path.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.ask(|client, url| client.get(format!("{url}{path}")))
    }

    /// Sends what is signed.
    pub fn post(&self, path: &str, sheet: &Sheet) -> Result<Value> {
        let body = serde_json::to_string(sheet)?;
        self.ask(|client, url| {
            client.post(format!("{url}{path}")).header("content-type", "application/json").body(body)
        })
    }

    /// Fills that it has settled on chain since it started.
    pub fn settled(&self) -> Result<u64> {
        let (_, said) = self.fetch(|client, url| client.get(format!("{url}/metrics")))?;
        let count = said.lines().find_map(|line| line.strip_prefix("novate_matcher_fills_total{stage=\"settled\"} "));
        Ok(count.map_or(Ok(0), str::parse)?)
    }

    /// What the matcher answers; a refusal by its name.
    fn ask(&self, request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder) -> Result<Value> {
        let (status, body) = self.fetch(request)?;
        let url = &self.matcher;
        let value: Value =
            serde_json::from_str(&body).with_context(|| format!("{url} is no matcher: it says {body:?}"))?;
        if !status.is_success() {
            let field = |name: &str| value[name].as_str().unwrap_or_default().to_string();
            bail!("{} [{}]", field("message"), field("error"));
        }
        Ok(value)
    }

    fn fetch(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<(reqwest::StatusCode, String)> {
        let url = self.matcher.trim_end_matches('/');
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answered = runtime.block_on(async {
            let answer = request(&reqwest::Client::new(), url).send().await?;
            Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
        });
        answered.with_context(|| format!("no matcher answers at {url}"))
    }
}
