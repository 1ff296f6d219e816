//! Signed orders: a line of text that a person can read in the wallet, and that the program reads out of the ed25519 instruction
//! which checked its signature (CLR-52).
//!
//! ```text
//! Novate order: localnet portfolio 9xQe…VFin generation 1; buy 0.5 x 1 BTC-PERP#0; limit 60000.5; until 2026-11-23 08:00:00 UTC; nonce 1764000000000000; reduce-only
//! ```
//!
//! Only printable ASCII, and one spelling for each order: [`Order::parse`] refuses every text that [`Order::render`] would not have
//! written. Neither touches an account, so that clients and venues read orders with the code of the program. `docs/orders.md` has the
//! grammar.

mod calendar;
mod envelope;
mod reader;
mod symbol;
mod writer;

use anchor_lang::prelude::Pubkey;

pub use envelope::{open, seal, MAX_SEALED_TEXT};
pub use symbol::{is_perpetual_symbol, render_symbol, root_of, MAX_SYMBOL};

use crate::error::NovateError;
use reader::Reader;
use writer::Writer;

/// Legs of one order at most: those of one trade.
pub const MAX_ORDER_LEGS: usize = crate::instructions::trade::MAX_LEGS;
/// Units of quantities in one strategy. A leg trades its ratio times the quantity of the strategy, in 1e-9 contracts.
pub const STRATEGY_UNIT: i64 = 1_000_000_000;
/// Greatest ratio of a leg, either way.
pub const MAX_RATIO: i64 = 1_000;
/// Seconds from a fill that an order may live at most: so long a fill slot can be taken.
pub const MAX_ORDER_SECONDS: i64 = 30 * 24 * 3_600;
/// Units of nonces in one second: an order's nonce is the unix time at which it was signed, in microseconds.
pub const NONCES_PER_SECOND: u64 = 1_000_000;
/// Seconds that a nonce may be ahead of the chain's clock.
pub const NONCE_AHEAD_SECONDS: i64 = 60;

/// The chain that an order is for. The program cannot ask which one it runs on: the pool is told at its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cluster {
    Mainnet = 1,
    Testnet = 2,
    Devnet = 3,
    Localnet = 4,
}

impl Cluster {
    pub const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet, Self::Devnet, Self::Localnet];

    /// As [`crate::state::Pool::cluster`] holds it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Mainnet => 1,
            Self::Testnet => 2,
            Self::Devnet => 3,
            Self::Localnet => 4,
        }
    }

    /// `None` for a code of no cluster.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cluster| cluster.code() == code)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Devnet => "devnet",
            Self::Localnet => "localnet",
        }
    }
}

/// What the signer does with the strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSide {
    Buy,
    Sell,
}

/// One leg: so many contracts of an instrument for each unit of the strategy, negative where it is sold when the strategy is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderLeg<'a> {
    /// Not zero, at most [`MAX_RATIO`] either way; of the first leg above zero, so that who sells does not buy.
    pub ratio: i64,
    /// As [`render_symbol`] writes it: upper-case letters, digits, `-` and `.`, at most [`MAX_SYMBOL`] of them.
    pub symbol: &'a str,
    /// Index of the market in its pool: two markets may carry one name.
    pub market: u16,
}

/// How an order may be filled. The program holds a fill to `fok` and `reduce_only`; `post_only` and `ioc` speak of a book that it does
/// not see, and bind the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFlags {
    /// Adds to the book and never takes from it. Not with `ioc`.
    pub post_only: bool,
    /// What is not filled at once is void. Not with `post_only` or `fok`.
    pub ioc: bool,
    /// Filled whole by one settlement, or not at all. Not with `ioc`.
    pub fok: bool,
    /// Every traded position only shrinks.
    pub reduce_only: bool,
}

impl OrderFlags {
    /// In the order in which a text has them.
    fn named(self) -> [(bool, &'static str); 4] {
        [(self.post_only, "post-only"), (self.ioc, "ioc"), (self.fok, "fok"), (self.reduce_only, "reduce-only")]
    }

    fn are_sound(self) -> bool {
        !(self.ioc && (self.post_only || self.fok))
    }
}

/// An order as its text says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    pub cluster: Cluster,
    /// Derived from program, pool, owner and sub-account: it stands for all of them.
    pub portfolio: Pubkey,
    /// The life of the portfolio that it is for.
    pub generation: u64,
    pub side: OrderSide,
    /// Of the strategy, [`STRATEGY_UNIT`], above zero.
    pub quantity: i64,
    /// 1 to [`MAX_ORDER_LEGS`].
    pub legs: Vec<OrderLeg<'a>>,
    /// USD 1e-9 for one strategy, above `i64::MIN`: a buyer pays at most, a seller receives at least so much. Negative where the
    /// buyer is paid.
    pub limit: i64,
    /// Unix time from which it is void: 0 to the end of the year 9999.
    pub until: i64,
    /// Unix time of signing in microseconds. With `until` it tells orders of a portfolio apart.
    pub nonce: u64,
    pub flags: OrderFlags,
}

const OPENING: &str = "Novate order: ";
const PORTFOLIO: &str = " portfolio ";
const GENERATION: &str = " generation ";
const NEXT: &str = "; ";
const TIMES: &str = " x ";
const AND: &str = ", ";
const LIMIT: &str = "; limit ";
const UNTIL: &str = "; until ";
const ZONE: &str = " UTC";
const NONCE: &str = "; nonce ";

impl<'a> Order<'a> {
    /// Reads a text. Fails with [`NovateError::OrderText`] where it is not the one spelling of an order.
    pub fn parse(text: &'a [u8]) -> Result<Self, NovateError> {
        Self::read(&mut Reader::new(text)).ok_or(NovateError::OrderText)
    }

    /// The text, which [`Order::parse`] reads back where all fields are in their ranges.
    pub fn render(&self) -> String {
        let mut out = Writer::default();
        out.text(OPENING).text(self.cluster.name());
        out.text(PORTFOLIO).text(&self.portfolio.to_string());
        out.text(GENERATION).unsigned(self.generation);
        out.text(NEXT).text(if self.side == OrderSide::Buy { "buy " } else { "sell " }).decimal(self.quantity);
        out.text(TIMES);
        for (at, leg) in self.legs.iter().enumerate() {
            out.text(if at == 0 { "" } else { AND }).signed(leg.ratio);
            out.text(" ").text(leg.symbol).text("#").unsigned(leg.market.into());
        }
        out.text(LIMIT).decimal(self.limit).text(UNTIL).time(self.until).text(ZONE);
        out.text(NONCE).unsigned(self.nonce);
        for (_, name) in self.flags.named().into_iter().filter(|(set, _)| *set) {
            out.text(NEXT).text(name);
        }
        out.finish()
    }

    fn read(text: &mut Reader<'a>) -> Option<Self> {
        text.literal(OPENING)?;
        let cluster = Cluster::ALL.into_iter().find(|cluster| text.takes(cluster.name()))?;
        text.literal(PORTFOLIO)?;
        let portfolio = text.key()?;
        text.literal(GENERATION)?;
        let generation = text.unsigned()?;
        text.literal(NEXT)?;
        let side = if text.takes("buy ") { OrderSide::Buy } else { text.literal("sell ").map(|()| OrderSide::Sell)? };
        let quantity = text.decimal().filter(|quantity| *quantity > 0)?;
        text.literal(TIMES)?;
        let mut legs = Vec::with_capacity(MAX_ORDER_LEGS);
        loop {
            legs.push(OrderLeg::read(text).filter(|leg| leg.ratio > 0 || !legs.is_empty())?);
            if !text.takes(AND) {
                break;
            }
            if legs.len() >= MAX_ORDER_LEGS {
                return None;
            }
        }
        text.literal(LIMIT)?;
        let limit = text.decimal()?;
        text.literal(UNTIL)?;
        let until = text.time()?;
        text.literal(ZONE)?;
        text.literal(NONCE)?;
        let nonce = text.unsigned()?;
        let mut flag = |name: &str| text.takes_both(NEXT, name);
        let flags = OrderFlags {
            post_only: flag("post-only"),
            ioc: flag("ioc"),
            fok: flag("fok"),
            reduce_only: flag("reduce-only"),
        };
        let whole = text.is_done() && flags.are_sound();
        whole.then_some(Self { cluster, portfolio, generation, side, quantity, legs, limit, until, nonce, flags })
    }
}

impl<'a> OrderLeg<'a> {
    fn read(text: &mut Reader<'a>) -> Option<Self> {
        let ratio = text.signed().filter(|ratio| *ratio != 0 && ratio.unsigned_abs() <= MAX_RATIO.unsigned_abs())?;
        text.literal(" ")?;
        let symbol = text.symbol()?;
        text.literal("#")?;
        let market = u16::try_from(text.unsigned()?).ok()?;
        Some(Self { ratio, symbol, market })
    }
}
