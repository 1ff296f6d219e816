//! Who says what: signatures, keys and limits of whatever is sent, before it comes to the books.

use ed25519_dalek::{Signature, VerifyingKey};
use novate_client::order::{
    Order as Text, OrderSide, MAX_ORDER_SECONDS, MAX_SEALED_TEXT, NONCES_PER_SECOND, NONCE_AHEAD_SECONDS,
};
use novate_client::signing::message;
use novate_client::Pubkey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::control::{Control, WINDOW};
use crate::order::{Flags, Id, Key, Order, Side, Signed};
use crate::refusal::Refusal;
use crate::strategy::Strategy;
use crate::view::{Holder, Instruments, View};

/// A text, and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    pub text: String,
    /// Base58.
    pub signer: String,
    pub signature: String,
    /// `raw`, or `offchain` for Solana's off-chain message of version 0.
    pub envelope: String,
    /// Of an order: the request that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// The key that signed, and the 64 bytes.
struct Checked {
    signer: Pubkey,
    offchain: bool,
}

impl Submission {
    /// The signature is the signer's, of the text in its envelope.
    fn check(&self) -> Result<Checked, Refusal> {
        let offchain = match self.envelope.as_str() {
            "raw" => false,
            "offchain" => true,
            _ => return Err(Refusal::BadEnvelope),
        };
        let signer: Pubkey = self.signer.parse().map_err(|_| Refusal::BadEnvelope)?;
        let signature = signature_bytes(&self.signature).ok_or(Refusal::BadEnvelope)?;
        let message = message(&self.text, &signer, offchain).ok_or(Refusal::BadText)?;
        let key = VerifyingKey::from_bytes(&signer.to_bytes()).map_err(|_| Refusal::BadSignature)?;
        let valid = key.verify_strict(&message, &Signature::from_bytes(&signature));
        valid.map_err(|_| Refusal::BadSignature)?;
        Ok(Checked { signer, offchain })
    }
}

/// The bytes of a signature in base58.
pub fn signature_bytes(text: &str) -> Option<[u8; 64]> {
    let signature: novate_client::rpc::Signature = text.parse().ok()?;
    Some(signature.into())
}

/// Checks, and where a time does not fit the clock as it is known, checks again by a look at the chain's: that of a local cluster leaps,
/// and whoever signs may know of it first.
async fn by_the_clock<T>(view: &View, check: impl Fn() -> Result<T, Refusal>) -> Result<T, Refusal> {
    match check() {
        Err(Refusal::TimeTooOld | Refusal::NonceAhead) if view.look().await => check(),
        checked => checked,
    }
}

/// Reads and checks an order: grammar, cluster, portfolio, life, times, instruments, sizes, limit, and last the signature.
pub async fn admit(view: &View, sent: &Submission) -> Result<Order, Refusal> {
    by_the_clock(view, || check_order(view, sent)).await
}

/// Reads and checks a text for the matcher alone.
pub async fn admit_control(view: &View, sent: &Submission) -> Result<Control, Refusal> {
    by_the_clock(view, || check_control(view, sent)).await
}

fn check_order(view: &View, sent: &Submission) -> Result<Order, Refusal> {
    if sent.text.len() > MAX_SEALED_TEXT {
        return Err(Refusal::BadText);
    }
    let text = Text::parse(sent.text.as_bytes()).map_err(|_| Refusal::BadText)?;
    let holder = holder(view, text.cluster, &text.portfolio, text.generation)?;
    let now = view.now();
    check_times(&text, &holder, now)?;
    let instruments = view.instruments();
    let strategy = instruments.strategy(text.legs.iter().map(|leg| (leg.ratio, leg.symbol, leg.market)))?;
    let side = match text.side {
        OrderSide::Buy => Side::Buy,
        OrderSide::Sell => Side::Sell,
    };
    let minimum = check_sizes(&instruments, &strategy, text.quantity, text.limit)?;
    if text.flags.reduce_only {
        check_reduces(&holder, &strategy, side, text.quantity)?;
    }
    let request = sent.request.as_ref().map(|id| id.parse().map_err(|()| Refusal::NoRequest)).transpose()?;
    let checked = sent.check()?;
    check_trader(&holder, &checked.signer, text.nonce, now)?;
    Ok(Order {
        id: Id::of(&Sha256::digest(&sent.text)),
        portfolio: Key(text.portfolio),
        generation: text.generation,
        strategy,
        side,
        quantity: text.quantity,
        limit: text.limit,
        until: text.until,
        nonce: text.nonce,
        flags: Flags {
            post_only: text.flags.post_only,
            ioc: text.flags.ioc,
            fok: text.flags.fok,
            reduce_only: text.flags.reduce_only,
        },
        minimum,
        request,
        signed: Some(Signed {
            text: sent.text.clone(),
            signer: Key(checked.signer),
            signature: sent.signature.clone(),
            offchain: checked.offchain,
        }),
    })
}

fn check_control(view: &View, sent: &Submission) -> Result<Control, Refusal> {
    if sent.text.len() > MAX_SEALED_TEXT {
        return Err(Refusal::BadText);
    }
    let control = Control::parse(&sent.text)?;
    let holder = holder(view, control.cluster, &control.portfolio, control.generation)?;
    let now = view.now();
    let time = i64::try_from(control.time / NONCES_PER_SECOND).map_err(|_| Refusal::TimeTooOld)?;
    if now.abs_diff(time) > WINDOW.unsigned_abs() {
        return Err(Refusal::TimeTooOld);
    }
    let checked = sent.check()?;
    check_trader(&holder, &checked.signer, u64::MAX, now)?;
    Ok(control)
}

fn holder(
    view: &View,
    cluster: novate_client::order::Cluster,
    portfolio: &Pubkey,
    generation: u64,
) -> Result<Holder, Refusal> {
    if !view.is_current() {
        return Err(Refusal::ChainNotCurrent);
    }
    if cluster != view.cluster() {
        return Err(Refusal::WrongCluster);
    }
    let holder = view.holder(portfolio).ok_or(Refusal::NoPortfolio)?;
    match holder.generation == generation {
        true => Ok(holder),
        false => Err(Refusal::WrongGeneration),
    }
}

fn check_times(text: &Text, holder: &Holder, now: i64) -> Result<(), Refusal> {
    if text.until <= now {
        return Err(Refusal::Expired);
    }
    let signed = i64::try_from(text.nonce / NONCES_PER_SECOND).unwrap_or(i64::MAX);
    if text.until > signed.saturating_add(MAX_ORDER_SECONDS) {
        return Err(Refusal::TooFar);
    }
    if text.nonce < holder.minimum_nonce {
        return Err(Refusal::NonceTooLow);
    }
    let latest = now.saturating_add(NONCE_AHEAD_SECONDS).max(0).unsigned_abs().saturating_mul(NONCES_PER_SECOND);
    if text.nonce > latest {
        return Err(Refusal::NonceAhead);
    }
    let met = holder.fills.iter().find(|(nonce, until, _)| (*nonce, *until) == (text.nonce, text.until));
    match met.is_some_and(|(_, _, filled)| *filled > 0) {
        true => Err(Refusal::CancelledOnChain),
        false => Ok(()),
    }
}

/// The owner, or the delegate before its time is over, with a nonce that is its own.
pub fn check_trader(holder: &Holder, signer: &Pubkey, nonce: u64, now: i64) -> Result<(), Refusal> {
    if *signer == holder.owner {
        return Ok(());
    }
    if *signer != holder.delegate || now >= holder.delegate_expiry {
        return Err(Refusal::NotTrader);
    }
    match nonce >= holder.delegate_nonce {
        true => Ok(()),
        false => Err(Refusal::NonceTooLow),
    }
}

/// Every leg's quantity is of whole lots and at least its market's minimum; the limit is one that prices on ticks add up to. Returns the
/// least quantity of a fill, 1e-9 strategies.
fn check_sizes(instruments: &Instruments, strategy: &Strategy, quantity: i64, limit: i64) -> Result<i64, Refusal> {
    let (mut least, mut step) = (1, 0);
    for leg in strategy.legs() {
        let instrument = instruments.get(leg.instrument).ok_or(Refusal::UnknownInstrument)?;
        let ratio = i64::from(leg.ratio.unsigned_abs());
        let contracts = quantity.checked_mul(ratio).ok_or(Refusal::TooLarge)?;
        if contracts % instrument.lot.max(1) != 0 {
            return Err(Refusal::NotALot);
        }
        if contracts < instrument.minimum {
            return Err(Refusal::BelowMinimum);
        }
        least = least.max(instrument.minimum / ratio + i64::from(instrument.minimum % ratio != 0));
        step = gcd(step, instrument.tick.max(1).saturating_mul(ratio));
    }
    match limit % step.max(1) == 0 {
        true => Ok(least),
        false => Err(Refusal::NotATick),
    }
}

fn check_reduces(holder: &Holder, strategy: &Strategy, side: Side, quantity: i64) -> Result<(), Refusal> {
    for leg in strategy.legs() {
        let held = holder.positions.iter().find(|(instrument, _)| *instrument == leg.instrument);
        let held = held.map_or(0, |(_, contracts)| *contracts);
        let traded = quantity.saturating_mul(i64::from(leg.ratio)).saturating_mul(side.sign());
        let shrinks = held.signum() == -traded.signum() && traded.unsigned_abs() <= held.unsigned_abs();
        if !shrinks {
            return Err(Refusal::ReduceOnlyOpens);
        }
    }
    Ok(())
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        gcd(b, a % b)
    }
}
