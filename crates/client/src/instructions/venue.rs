//! What registered venues send.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::{accounts, instruction, Leg, ID};

use super::{build, Holdings, PoolKeys};
use crate::addresses;

/// A venue: the mid of its book of a market's perpetual on `underlying`, USD 1e-9 per contract.
pub fn report_mid(pool: &Pubkey, signer: Pubkey, market: u16, underlying: u16, mid: i64) -> Instruction {
    build(
        accounts::ReportMid {
            venue: addresses::venue(pool, &signer),
            signer,
            market: addresses::market(pool, market),
            asset: addresses::asset(pool, underlying),
        },
        instruction::ReportMid { mid },
    )
}

/// A venue: settles a fill between two portfolios that opted in. `holdings` and `legs` are those of [`trade`](super::trade).
pub fn clear(
    keys: PoolKeys,
    signer: Pubkey,
    [first, second]: [Pubkey; 2],
    holdings: &Holdings,
    legs: Vec<Leg>,
) -> Instruction {
    let mut instruction = build(
        accounts::Clear {
            pool: keys.pool,
            scenarios: keys.scenarios,
            venue: addresses::venue(&keys.pool, &signer),
            signer,
            first,
            second,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Clear { legs },
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Owner: lets the venue of a signer settle fills of the portfolio.
pub fn opt_in_venue(owner: Pubkey, pool: &Pubkey, portfolio: Pubkey, signer: &Pubkey) -> Instruction {
    build(
        accounts::OptInVenue {
            portfolio,
            venue: addresses::venue(pool, signer),
            owner,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::OptInVenue {},
    )
}

/// Owner: no longer lets a venue, by its index, settle fills of the portfolio.
pub fn opt_out_venue(owner: Pubkey, portfolio: Pubkey, venue: u16) -> Instruction {
    build(
        accounts::OptOutVenue { portfolio, owner, event_authority: addresses::event_authority(), program: ID },
        instruction::OptOutVenue { venue },
    )
}
