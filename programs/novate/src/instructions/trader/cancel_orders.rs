use anchor_lang::prelude::*;

use super::signed_order::{require_lifetime, require_not_ahead};
use crate::error::NovateError;
use crate::events::{OrderId, OrdersCancelled, EVENT_VERSION};
use crate::state::{Fill, Portfolio, MAX_FILLS};

/// The owner or the delegate makes signed orders void.
#[event_cpi]
#[derive(Accounts)]
pub struct CancelOrders<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    pub signer: Signer<'info>,
}

/// Possible at any time, also in auctions and pauses.
///
/// 1. Checks that the signer may trade, that at most 32 orders are named, and that something is cancelled.
/// 2. Raises the minimum nonce, at most to a minute from now: all orders with a lower one are void. A lower minimum changes nothing.
/// 3. Each named order that could still be filled takes its fill slot until it expires. One with a nonce more than a minute ahead, or that
///    is good for longer than an order may be, is refused: raising the minimum frees every slot, whoever has filled them.
/// 4. Emits [`OrdersCancelled`].
pub(crate) fn cancel_orders(ctx: Context<CancelOrders>, minimum_nonce: u64, orders: Vec<OrderId>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    portfolio.require_trader(ctx.accounts.signer.key, now)?;
    let rises = minimum_nonce > portfolio.minimum_nonce;
    require!((rises || !orders.is_empty()) && orders.len() <= MAX_FILLS, NovateError::NothingCancelled);
    if rises {
        require_not_ahead(minimum_nonce, now)?;
        portfolio.minimum_nonce = minimum_nonce;
    }
    for order in &orders {
        require_not_ahead(order.nonce, now)?;
        require_lifetime(order.nonce, order.until)?;
        if order.nonce >= portfolio.minimum_nonce && order.until > now {
            portfolio.note_filled(order.nonce, order.until, Fill::CANCELLED, now)?;
        }
    }
    portfolio.next_sequence();

    emit_cpi!(OrdersCancelled {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        minimum_nonce: portfolio.minimum_nonce,
        orders,
    });
    Ok(())
}
