//! What the owner of a portfolio, or a delegate, sends; and the guards that anyone may add.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use novate::state::SETTLEMENT_ASSET;
use novate::{accounts, instruction, Leg, ID};

use super::{build, Holdings, PoolKeys, TokenMove, TradeSide, SYSTEM_PROGRAM};
use crate::addresses;

/// Owner.
pub fn open_portfolio(owner: Pubkey, pool: Pubkey, sub_account: u16) -> Instruction {
    build(
        accounts::OpenPortfolio {
            pool,
            portfolio: addresses::portfolio(&pool, &owner, sub_account),
            owner,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::OpenPortfolio { sub_account },
    )
}

/// Owner: the portfolio must be empty.
pub fn close_portfolio(owner: Pubkey, pool: Pubkey, sub_account: u16) -> Instruction {
    build(
        accounts::ClosePortfolio {
            pool,
            portfolio: addresses::portfolio(&pool, &owner, sub_account),
            owner,
            settlement: addresses::asset(&pool, SETTLEMENT_ASSET),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ClosePortfolio { sub_account },
    )
}

/// Owner: `delegate` may trade until `expiry`, unix time.
pub fn set_delegate(owner: Pubkey, portfolio: Pubkey, delegate: Pubkey, expiry: i64) -> Instruction {
    build(
        accounts::SetDelegate { portfolio, owner, event_authority: addresses::event_authority(), program: ID },
        instruction::SetDelegate { delegate, expiry },
    )
}

/// Owner or delegate.
pub fn revoke_delegate(signer: Pubkey, portfolio: Pubkey) -> Instruction {
    build(
        accounts::RevokeDelegate { portfolio, signer, event_authority: addresses::event_authority(), program: ID },
        instruction::RevokeDelegate {},
    )
}

/// Owner: from a token account of the owner.
pub fn deposit(owner: Pubkey, pool: Pubkey, portfolio: Pubkey, tokens: TokenMove) -> Instruction {
    let asset = addresses::asset(&pool, tokens.asset);
    build(
        accounts::Deposit {
            pool,
            portfolio,
            asset,
            vault: addresses::vault(&asset),
            source: tokens.account,
            mint: tokens.token.mint,
            owner,
            token_program: tokens.token.program,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Deposit { amount: tokens.amount },
    )
}

/// Owner: as [`deposit`], of an asset that is redeemed for `underlying`. Needed where the balance is opened beside positions.
pub fn deposit_yield_bearing(
    owner: Pubkey,
    pool: Pubkey,
    portfolio: Pubkey,
    tokens: TokenMove,
    underlying: u16,
) -> Instruction {
    let mut instruction = deposit(owner, pool, portfolio, tokens);
    instruction.accounts.push(AccountMeta::new_readonly(addresses::asset(&pool, underlying), false));
    instruction
}

/// Owner: to any token account of the mint. `holdings` are the portfolio's, needed where it has positions.
pub fn withdraw(
    owner: Pubkey,
    keys: PoolKeys,
    portfolio: Pubkey,
    holdings: &Holdings,
    tokens: TokenMove,
) -> Instruction {
    let asset = addresses::asset(&keys.pool, tokens.asset);
    let mut instruction = build(
        accounts::Withdraw {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            asset,
            vault: addresses::vault(&asset),
            destination: tokens.account,
            mint: tokens.token.mint,
            owner,
            token_program: tokens.token.program,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Withdraw { amount: tokens.amount },
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Collateral on its way between two sub-accounts of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub from: Pubkey,
    pub to: Pubkey,
    pub asset: u16,
    /// In the mint's units.
    pub amount: u64,
}

/// Owner. `holdings` are those of the first portfolio.
pub fn transfer(owner: Pubkey, keys: PoolKeys, holdings: &Holdings, transfer: Transfer) -> Instruction {
    let mut instruction = build(
        accounts::TransferBetween {
            pool: keys.pool,
            scenarios: keys.scenarios,
            from: transfer.from,
            to: transfer.to,
            asset: addresses::asset(&keys.pool, transfer.asset),
            owner,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Transfer { amount: transfer.amount },
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Owner: lends cash or tokens of a balance, in the mint's units.
pub fn lend(owner: Pubkey, pool: &Pubkey, portfolio: Pubkey, asset: u16, amount: u64) -> Instruction {
    let asset = addresses::asset(pool, asset);
    build(
        accounts::Lend { portfolio, asset, owner, event_authority: addresses::event_authority(), program: ID },
        instruction::Lend { amount },
    )
}

/// Owner: takes back what was lent.
pub fn unlend(owner: Pubkey, pool: &Pubkey, portfolio: Pubkey, asset: u16, amount: u64) -> Instruction {
    let asset = addresses::asset(pool, asset);
    build(
        accounts::Unlend { portfolio, asset, owner, event_authority: addresses::event_authority(), program: ID },
        instruction::Unlend { amount },
    )
}

/// Owner: adds a loan and its tokens to the portfolio. `holdings` are the portfolio's.
pub fn borrow(
    owner: Pubkey,
    keys: PoolKeys,
    portfolio: Pubkey,
    holdings: &Holdings,
    (asset, amount): (u16, u64),
) -> Instruction {
    let mut instruction = build(
        accounts::Borrow {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            asset: addresses::asset(&keys.pool, asset),
            owner,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Borrow { amount },
    );
    instruction.accounts.extend(holdings.clone().with_asset(asset).metas(&keys.pool));
    instruction
}

/// Owner or delegate: pays a loan back out of the portfolio, at most what is owed.
pub fn repay(signer: Pubkey, pool: &Pubkey, portfolio: Pubkey, asset: u16, amount: u64) -> Instruction {
    let asset = addresses::asset(pool, asset);
    build(
        accounts::Repay { portfolio, asset, signer, event_authority: addresses::event_authority(), program: ID },
        instruction::Repay { amount },
    )
}

/// Both sides sign. `holdings` are those of both portfolios, with each traded market added by
/// [`Holdings::with_traded`].
pub fn trade(keys: PoolKeys, first: TradeSide, second: TradeSide, holdings: &Holdings, legs: Vec<Leg>) -> Instruction {
    let mut instruction = build(
        accounts::Trade {
            pool: keys.pool,
            scenarios: keys.scenarios,
            first: first.portfolio,
            second: second.portfolio,
            first_signer: first.signer,
            second_signer: second.signer,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Trade { legs },
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Anyone: returns a [`novate::HealthReport`] as return data.
pub fn health(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings) -> Instruction {
    let mut instruction =
        build(accounts::ReadHealth { pool: keys.pool, scenarios: keys.scenarios, portfolio }, instruction::Health {});
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Anyone, as a guard: initial margin is met and the health factor (1e-6) at least `minimum`.
pub fn require_health(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings, minimum: i64) -> Instruction {
    let mut instruction = build(
        accounts::RequireHealth { pool: keys.pool, scenarios: keys.scenarios, portfolio },
        instruction::RequireHealth { minimum },
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Anyone, as a guard: the portfolio is as last seen.
pub fn require_sequence(portfolio: Pubkey, sequence: u64) -> Instruction {
    build(accounts::RequireSequence { portfolio }, instruction::RequireSequence { sequence })
}
