//! An order as the book has it: what its signed text says, and what became of it.

use std::fmt;
use std::str::FromStr;

use novate_client::Pubkey;
use serde::{Deserialize, Serialize};

use crate::strategy::Strategy;

/// Which side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// 1 of a buyer, -1 of a seller.
    pub fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

/// SHA-256 of an order's text, or sixteen random bytes of a request, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        match digits && (text.len() == 64 || text.len() == 32) {
            true => Ok(Self(text.into())),
            false => Err(()),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key, in base58 where it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(pub Pubkey);

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text} is no key"))
    }
}

/// Conditions of an order, as they are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// It is cancelled rather than that it trades on its arrival.
    pub post_only: bool,
    /// What does not trade on its arrival is cancelled.
    pub ioc: bool,
    /// It trades whole against one other order, or not at all.
    pub fok: bool,
    /// It may only shrink positions.
    pub reduce_only: bool,
}

/// What settlement needs of an order: the bytes that were signed are made from it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub text: String,
    pub signer: Key,
    /// Base58.
    pub signature: String,
    /// Solana's off-chain message rather than the bare text.
    pub offchain: bool,
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: Id,
    pub portfolio: Key,
    /// The life of the portfolio that it is for.
    pub generation: u64,
    pub strategy: Strategy,
    pub side: Side,
    /// Strategies, 1e-9, above zero.
    pub quantity: i64,
    /// USD 1e-9 per strategy; may be negative.
    pub limit: i64,
    /// Unix time from which it no longer trades.
    pub until: i64,
    /// Microseconds of unix time.
    pub nonce: u64,
    pub flags: Flags,
    /// Least strategies, 1e-9, that a fill may have. What is left below is cancelled.
    pub minimum: i64,
    /// The request that it answers, or that it takes quotes of.
    pub request: Option<Id>,
    /// Gone once nothing of the order can be settled any more.
    pub signed: Option<Signed>,
}

/// Why an order is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", content = "error")]
pub enum Closed {
    /// It was filled whole.
    Filled,
    /// What was left is less than a fill may have.
    Remainder,
    /// Its owner or delegate asked.
    Cancelled,
    /// Its time is over.
    Expired,
    /// It would have traded on arrival, and is post-only.
    WouldCross,
    /// Immediate or cancel: nothing more to trade with.
    NothingLeft,
    /// Fill or kill: no one order to fill it whole.
    NotFillable,
    /// It would have traded with an older order of its own portfolio.
    SelfTrade,
    /// The request that it was a quote for is over.
    RequestOver,
    /// The chain refused a fill of it, by this error.
    Refused(String),
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Place in time: rises by one with each order. Priority at one price.
    pub number: u64,
    pub order: Order,
    /// Strategies, 1e-9, that are matched, settled ones included.
    pub filled: i64,
    /// Strategies, 1e-9, whose settlement is confirmed.
    pub settled: i64,
    /// None while it is open.
    pub closed: Option<Closed>,
}

impl Standing {
    /// Strategies, 1e-9, that are not matched.
    pub fn remaining(&self) -> i64 {
        self.order.quantity.saturating_sub(self.filled)
    }

    /// Matched and not yet settled.
    pub fn pending(&self) -> i64 {
        self.filled.saturating_sub(self.settled)
    }
}
