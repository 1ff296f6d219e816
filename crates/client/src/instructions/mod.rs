//! A builder for each instruction, named as the instruction, in a file per actor. Each takes what the sender knows and
//! finds the rest: the addresses, the list of assets and markets behind the named accounts, and which of those are
//! written.

mod governance;
mod keeper;
mod liquidation;
mod settlement;
mod trader;

use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use anchor_lang::{InstructionData, ToAccountMetas};
use novate::instrument::market_of;
use novate::state::{Portfolio, SETTLEMENT_ASSET};
use novate::ID;

use crate::addresses;

pub use governance::*;
pub use keeper::*;
pub use liquidation::*;
pub use settlement::*;
pub use trader::*;

/// The system program, which creates accounts.
pub const SYSTEM_PROGRAM: Pubkey = Pubkey::new_from_array([0; 32]);

fn build(accounts: impl ToAccountMetas, data: impl InstructionData) -> Instruction {
    Instruction { program_id: ID, accounts: accounts.to_account_metas(None), data: data.data() }
}

/// Where the clearing of a pool finds its model: the pool and its live scenario rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolKeys {
    pub pool: Pubkey,
    pub scenarios: Pubkey,
}

/// The mint of an asset and the program that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub mint: Pubkey,
    pub program: Pubkey,
}

/// Tokens on their way in or out: of which asset, from or to which token account, how much in the mint's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMove {
    pub asset: u16,
    pub token: Token,
    pub account: Pubkey,
    pub amount: u64,
}

/// Assets and markets that stand behind an instruction, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    assets: BTreeSet<u16>,
    markets: BTreeSet<u16>,
    written: BTreeSet<u16>,
}

impl Holdings {
    /// What the portfolios hold, together.
    pub fn of<'a>(portfolios: impl IntoIterator<Item = &'a Portfolio>) -> Self {
        let mut holdings = Self::default();
        holdings.assets.insert(SETTLEMENT_ASSET);
        for portfolio in portfolios {
            holdings.assets.extend(portfolio.balances().iter().map(|b| b.asset));
            for position in portfolio.positions() {
                holdings.assets.insert(position.underlying);
                holdings.markets.insert(market_of(position.instrument));
            }
        }
        holdings
    }

    /// Adds a market that is written, and its underlying.
    pub fn with_written(mut self, market: u16, underlying: u16) -> Self {
        self.assets.insert(underlying);
        self.markets.insert(market);
        self.written.insert(market);
        self
    }

    fn with_all_written(mut self) -> Self {
        self.written.clone_from(&self.markets);
        self
    }

    /// Accounts that the list has.
    pub fn len(&self) -> usize {
        self.assets.len() + self.markets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Indices of the assets.
    pub fn assets(&self) -> impl Iterator<Item = u16> + '_ {
        self.assets.iter().copied()
    }

    /// Indices of the markets.
    pub fn markets(&self) -> impl Iterator<Item = u16> + '_ {
        self.markets.iter().copied()
    }

    /// The list in the order that the program asks for.
    pub fn metas(&self, pool: &Pubkey) -> Vec<AccountMeta> {
        let assets = self.assets.iter().map(|i| AccountMeta::new_readonly(addresses::asset(pool, *i), false));
        let markets = self.markets.iter().map(|i| {
            let address = addresses::market(pool, *i);
            if self.written.contains(i) {
                AccountMeta::new(address, false)
            } else {
                AccountMeta::new_readonly(address, false)
            }
        });
        assets.chain(markets).collect()
    }
}

/// One side of a trade: the portfolio and who signs for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeSide {
    pub portfolio: Pubkey,
    pub signer: Pubkey,
}
