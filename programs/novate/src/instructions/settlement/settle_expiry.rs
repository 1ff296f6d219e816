use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{ExpirySettled, SettledPosition, EVENT_VERSION};
use crate::instrument::expiry_of;
use crate::state::{Borne, Expiry, Market, Portfolio};

/// Anyone may settle anyone's positions in an expiry.
#[event_cpi]
#[derive(Accounts)]
pub struct SettleExpiry<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = expiry.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(
        mut,
        constraint = market.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool,
        constraint = market.load()?.index == expiry.load()?.market @ NovateError::WrongMarket
    )]
    pub market: AccountLoader<'info, Market>,
}

/// Settles a portfolio's future and options of one expiry (CLR-12). Neither prices nor margin are asked for, and an auction
/// does not stand in the way.
///
/// 1. Refuses an expiry without settlement price.
/// 2. Each position first bears its part in a haircut of the market (CLR-32). Turns each position into its value at that price, rounded down: a future the price, a call what it is above the strike, a
///    put what it is below. The value leaves the cost, the quantity becomes zero. What is then owed is variation.
/// 3. Frees positions in which nothing is left. A portfolio without positions and loans owes nothing: its
///    auction ends.
/// 4. Emits [`ExpirySettled`]. Where the portfolio held nothing in the expiry, the instruction fails.
pub(crate) fn settle_expiry(ctx: Context<SettleExpiry>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut expiry = accounts.expiry.load_mut()?;
    let mut market = accounts.market.load_mut()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(expiry.is_fixed(), NovateError::SettlementPriceMissing);

    let (id, count) = (Some(expiry.id()), usize::from(portfolio.position_count));
    let (mut settled, mut borne) = (Vec::with_capacity(count), Vec::new());
    for position in portfolio.positions.iter_mut().take(count) {
        if position.quantity != 0 && expiry_of(position.instrument) == id {
            let bore = market.bear(position, Some(&expiry), now)?;
            Borne::note(bore, position.instrument, count, &mut borne);
            let quantity = position.quantity;
            let value = expiry.settle(position)?.0;
            settled.push(SettledPosition { instrument: position.instrument, quantity, value });
        }
    }
    require!(!settled.is_empty(), NovateError::NothingExpired);
    portfolio.free_empty_positions();
    let (owes_nothing, was_in_auction) = (!portfolio.owes(), portfolio.in_auction());
    portfolio.leave_auction_if(owes_nothing);
    portfolio.next_sequence();

    emit_cpi!(ExpirySettled {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        market: expiry.market,
        expiry_time: expiry.time,
        price: expiry.settlement_price.0,
        positions: settled,
        auction_ended: was_in_auction && !portfolio.in_auction(),
        borne,
    });
    Ok(())
}
