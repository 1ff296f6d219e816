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
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::session::Held;
use super::strategy::{self, Named};
use crate::amount::{decimal, CONTRACT};

/// Seconds that this machine's clock may be from the chain's to be signed by: a matcher and the program allow 60.
const APART: u64 = 30;

/// What an order is to say.
pub struct Terms {
    pub side: OrderSide,
    /// 1e-9 strategies, above zero.
    pub quantity: i64,
    pub legs: Named,
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

/// The moment of signing by this machine's clock; where the chain's is far from it, the chain's second and of this machine's what is below
/// it. Later where orders of then would be void.
fn nonce(portfolio: &Portfolio, signer: &Pubkey, now: i64) -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = now.max(0).unsigned_abs();
    let second = if now.abs_diff(since.as_secs()) <= APART { since.as_secs() } else { now };
    let second = second.saturating_mul(NONCES_PER_SECOND);
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
    /// Of a quote: the request that it answers, or takes of. It is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl Sheet {
    pub fn sign(text: String, key: &Keypair, offchain: bool) -> Result<Self> {
        let message = message(&text, &key.pubkey(), offchain).context("the order is too long for a hardware wallet")?;
        let signature = key.sign_message(&message).to_string();
        let envelope = if offchain { "offchain" } else { "raw" }.into();
        Ok(Self { text, signer: key.pubkey().to_string(), signature, envelope, request: None })
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
    control("cancel", "all", view, (held, key))
}

/// A text that asks makers for quotes of so many strategies, 1e-9.
pub fn request(view: &PoolView, (quantity, legs): (i64, &Named), seconds: i64, by: (&Held, &Keypair)) -> Result<Sheet> {
    let quantity = decimal(quantity, CONTRACT);
    control("request", &format!("{quantity} x {}; seconds {seconds}", strategy::text(legs)), view, by)
}

/// A text for a matcher alone (docs/matcher.md).
fn control(verb: &str, wish: &str, view: &PoolView, (held, key): (&Held, &Keypair)) -> Result<Sheet> {
    let (cluster, generation) = (cluster(view)?.name(), held.portfolio.generation);
    let time = nonce(&held.portfolio, &key.pubkey(), view.now);
    let portfolio = held.address;
    let text = format!("Novate {verb}: {cluster} portfolio {portfolio} generation {generation}; {wish}; time {time}");
    Sheet::sign(text, key, false)
}
