//! A signed order, and what a fill of it must keep to (CLR-52).

use anchor_lang::prelude::*;

use super::trade::Leg;
use crate::error::NovateError;
use crate::events::{FilledOrder, OrderId};
use crate::instrument::{self, expiry_id, market_of, Instrument};
use crate::introspection::signed_message;
use crate::listed::Listed;
use crate::order::{
    open, render_symbol, root_of, Cluster, Order, OrderSide, MAX_ORDER_SECONDS, NONCES_PER_SECOND, NONCE_AHEAD_SECONDS,
};
use crate::state::{nonce_at, Portfolio};

/// The symbol of each leg, from the accounts that are listed.
pub(super) fn symbols(legs: &[Leg], listed: &Listed) -> Result<Vec<String>> {
    let mut symbols = Vec::with_capacity(legs.len());
    for leg in legs {
        let market = listed.market(market_of(leg.instrument))?;
        let root = root_of(&market.symbol).ok_or(NovateError::OrderLegs)?;
        let traded = instrument::parse(leg.instrument)?;
        let strike = match traded {
            Instrument::Option { minutes, slot, .. } => {
                listed.expiry(expiry_id(market.index, minutes))?.strike(slot)?.strike
            }
            _ => novate_margin::Price::ZERO,
        };
        symbols.push(render_symbol(root, traded, strike));
    }
    Ok(symbols)
}

/// What is to be filled, from the side of the order's signer.
pub(super) struct Fill<'a> {
    pub legs: &'a [Leg],
    /// The signer is the second side: quantities are of the other sign.
    pub second: bool,
    pub symbols: &'a [String],
}

/// An order and the key whose signature of it the ed25519 program checked.
pub(super) struct SignedOrder<'a> {
    pub order: Order<'a>,
    signer: Pubkey,
}

impl<'a> SignedOrder<'a> {
    /// Out of an entry of an ed25519 instruction of this transaction.
    pub fn read(list: &'a [u8], instruction: u8, entry: u8) -> Result<Self> {
        let (signer, message) = signed_message(list, instruction, entry)?;
        let order = Order::parse(open(message, &crate::ID, &signer)?)?;
        Ok(Self { order, signer })
    }

    /// 1. It is for this cluster, portfolio and life of the portfolio; the address binds program and pool.
    /// 2. It has not expired, nor is it good for longer than 30 days from its signing; its nonce is between the portfolio's minimum and a
    ///    minute from now.
    /// 3. The key is the owner's, or the delegate's since it was named, before its expiry.
    pub fn require_live(&self, key: &Pubkey, portfolio: &Portfolio, cluster: u8, now: i64) -> Result<()> {
        let order = &self.order;
        require!(Cluster::from_code(cluster) == Some(order.cluster), NovateError::OrderCluster);
        require_keys_eq!(order.portfolio, *key, NovateError::OrderPortfolio);
        require!(order.generation == portfolio.generation, NovateError::OrderGeneration);
        require!(order.until > now, NovateError::OrderExpired);
        require_lifetime(order.nonce, order.until)?;
        require!(order.nonce >= portfolio.minimum_nonce, NovateError::NonceTooLow);
        require_not_ahead(order.nonce, now)?;
        portfolio.require_order_signer(&self.signer, order.nonce, now)
    }

    /// 1. The legs are the order's, in its order, each its ratio times one quantity of the strategy.
    /// 2. The prices are together within the limit, fees aside.
    /// 3. No more is filled than is left; of a fill-or-kill order all of it.
    /// 4. Notes in the portfolio how much is filled now, and returns it.
    pub fn fill(&self, fill: &Fill, portfolio: &mut Portfolio, now: i64) -> Result<FilledOrder> {
        let order = &self.order;
        let quantity = self.quantity(fill)?;
        self.require_limit(fill.legs)?;
        let before = portfolio.filled(order.nonce, order.until)?;
        let filled = before.checked_add(quantity).filter(|filled| *filled <= order.quantity);
        let filled = filled.ok_or(NovateError::OrderOverfilled)?;
        require!(!order.flags.fok || quantity == order.quantity, NovateError::FillOrKill);
        portfolio.note_filled(order.nonce, order.until, filled, now)?;
        Ok(FilledOrder { order: OrderId { nonce: order.nonce, until: order.until }, filled })
    }

    /// How much of the strategy the legs are, above zero.
    fn quantity(&self, fill: &Fill) -> Result<i64> {
        let order = &self.order;
        require!(order.legs.len() == fill.legs.len(), NovateError::OrderLegs);
        let turned = (order.side == OrderSide::Sell) != fill.second;
        let mut quantity = None;
        for ((named, leg), symbol) in order.legs.iter().zip(fill.legs).zip(fill.symbols) {
            let same = named.market == market_of(leg.instrument) && named.symbol == symbol;
            require!(same, NovateError::OrderLegs);
            let ratio = if turned { named.ratio.saturating_neg() } else { named.ratio };
            let one = *quantity.get_or_insert(leg.quantity.checked_div(ratio).unwrap_or_default());
            require!(one > 0 && one.checked_mul(ratio) == Some(leg.quantity), NovateError::OrderRatio);
        }
        Ok(quantity.ok_or(NovateError::OrderLegs)?)
    }

    /// What one strategy costs at the legs' prices, against the limit.
    fn require_limit(&self, legs: &[Leg]) -> Result<()> {
        let mut cost = 0i64;
        for (named, leg) in self.order.legs.iter().zip(legs) {
            let part = named.ratio.checked_mul(leg.price);
            cost = part.and_then(|part| cost.checked_add(part)).ok_or(NovateError::MathOverflow)?;
        }
        let within = match self.order.side {
            OrderSide::Buy => cost <= self.order.limit,
            OrderSide::Sell => cost >= self.order.limit,
        };
        require!(within, NovateError::OrderLimit);
        Ok(())
    }
}

/// An order is good for 30 days from when it was signed, by its nonce: what is refused as too long today does not come of age, and no slot
/// is taken for longer.
pub(super) fn require_lifetime(nonce: u64, until: i64) -> Result<()> {
    let signed = nonce.checked_div(NONCES_PER_SECOND).and_then(|second| i64::try_from(second).ok());
    let signed = signed.ok_or(NovateError::MathOverflow)?;
    require!(until.saturating_sub(signed) <= MAX_ORDER_SECONDS, NovateError::OrderTooLong);
    Ok(())
}

/// Nonces are times of signing: one far ahead would outlive any minimum that can be set.
pub(super) fn require_not_ahead(nonce: u64, now: i64) -> Result<()> {
    require!(nonce <= nonce_at(now.saturating_add(NONCE_AHEAD_SECONDS)), NovateError::NonceAhead);
    Ok(())
}
