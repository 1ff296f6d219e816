//! Signed orders: settling and cancelling them.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::{accounts, instruction, Authority, Leg, OrderId, ID, INSTRUCTIONS};

use super::{build, Holdings, PoolKeys};
use crate::addresses;
use crate::signing::{ed25519, SignedMessage};

/// What stands behind a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// The owner or the delegate, who signs the transaction.
    Signer(Pubkey),
    /// An order that one of them signed before.
    Order(SignedMessage),
}

/// One side of a fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledSide {
    pub portfolio: Pubkey,
    pub behind: Behind,
}

/// Anyone: the ed25519 instruction, where a side has an order, then `settle_orders`. They are to stand next to each other in the
/// transaction, the first of them at index `at`. `holdings` and `legs` are those of [`trade`](super::trade). `None` where the messages are
/// too long for any transaction.
pub fn settle_orders(
    keys: PoolKeys,
    [first, second]: [&SettledSide; 2],
    holdings: &Holdings,
    legs: Vec<Leg>,
    at: u8,
) -> Option<Vec<Instruction>> {
    let authority = |side: &SettledSide, entry| match side.behind {
        Behind::Signer(_) => Authority::Signature,
        Behind::Order(_) => Authority::Order { instruction: at, entry },
    };
    let sides = [authority(first, 0), authority(second, u8::from(first.order().is_some()))];
    let signer = |side: &SettledSide| match side.behind {
        Behind::Signer(key) => Some(key),
        Behind::Order(_) => None,
    };
    let mut settle = build(
        accounts::SettleOrders {
            pool: keys.pool,
            scenarios: keys.scenarios,
            first: first.portfolio,
            second: second.portfolio,
            first_signer: signer(first),
            second_signer: signer(second),
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SettleOrders { legs, sides },
    );
    settle.accounts.extend(holdings.metas(&keys.pool));
    let orders: Vec<_> = [first, second].into_iter().filter_map(SettledSide::order).collect();
    if orders.is_empty() {
        return Some(vec![settle]);
    }
    Some(vec![ed25519(&orders)?, settle])
}

impl SettledSide {
    fn order(&self) -> Option<&SignedMessage> {
        match &self.behind {
            Behind::Signer(_) => None,
            Behind::Order(order) => Some(order),
        }
    }
}

/// Owner or delegate: makes orders void, all with a nonce below the minimum and those that are named.
pub fn cancel_orders(signer: Pubkey, portfolio: Pubkey, minimum_nonce: u64, orders: Vec<OrderId>) -> Instruction {
    build(
        accounts::CancelOrders { portfolio, signer, event_authority: addresses::event_authority(), program: ID },
        instruction::CancelOrders { minimum_nonce, orders },
    )
}
