//! A builder for each instruction, named as the instruction, in a file per actor. Each takes what the sender knows and
//! finds the rest: the addresses, the list of assets and markets behind the named accounts, and which of those are
//! written.

mod change;
mod committee;
mod governance;
mod insurance;
mod keeper;
mod liquidation;
mod orders;
mod settlement;
mod trader;
mod venue;

use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use anchor_lang::{InstructionData, ToAccountMetas};
use novate::instrument::{expiry_id, expiry_of, market_of};
use novate::state::{minutes_of, Market, Portfolio, SETTLEMENT_ASSET};
use novate::ID;

use crate::addresses;

pub use change::{cancel_change, execute_change, schedule_change, targets};
pub use committee::*;
pub use governance::*;
pub use insurance::*;
pub use keeper::*;
pub use liquidation::*;
pub use orders::*;
pub use settlement::*;
pub use trader::*;
pub use venue::*;

/// The system program, which creates accounts.
pub const SYSTEM_PROGRAM: Pubkey = Pubkey::new_from_array([0; 32]);

fn build(accounts: impl ToAccountMetas, data: impl InstructionData) -> Instruction {
    Instruction { program_id: ID, accounts: accounts.to_account_metas(None), data: data.data() }
}

/// The expiries of a market next to a time, the earlier one first: those that have not passed.
fn neighbours(market: &Market, time: i64, now: i64) -> impl Iterator<Item = AccountMeta> {
    let (earlier, later) = market.neighbours(minutes_of(time), now);
    let (pool, index) = (market.pool, market.index);
    let expiry = move |minutes: u32| addresses::expiry_by_id(&pool, expiry_id(index, minutes));
    earlier.into_iter().chain(later).map(move |minutes| AccountMeta::new_readonly(expiry(minutes), false))
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

/// Assets, markets and expiries that stand behind an instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    assets: BTreeSet<u16>,
    markets: BTreeSet<u16>,
    /// By [`expiry_id`].
    expiries: BTreeSet<u64>,
    written: BTreeSet<u16>,
    written_expiries: BTreeSet<u64>,
    /// The settlement asset is written.
    cash_moved: bool,
}

impl Holdings {
    /// What the portfolios hold, together.
    pub fn of<'a>(portfolios: impl IntoIterator<Item = &'a Portfolio>) -> Self {
        let mut holdings = Self::default();
        holdings.assets.insert(SETTLEMENT_ASSET);
        for portfolio in portfolios {
            // The underlying of a balance that is not yield-bearing reads as the settlement asset, which is there already.
            holdings.assets.extend(portfolio.balances().iter().flat_map(|b| [b.asset, b.redemption_underlying]));
            for position in portfolio.positions() {
                holdings.assets.insert(position.underlying);
                holdings.markets.insert(market_of(position.instrument));
                if position.quantity != 0 {
                    holdings.expiries.extend(expiry_of(position.instrument));
                }
            }
        }
        holdings
    }

    /// Adds an asset that the portfolio is about to hold.
    pub fn with_asset(mut self, asset: u16) -> Self {
        self.assets.insert(asset);
        self
    }

    /// Adds an instrument that is traded: its market and expiry are written, and its underlying is read.
    pub fn with_traded(mut self, instrument: u64, underlying: u16) -> Self {
        let market = market_of(instrument);
        self.assets.insert(underlying);
        self.markets.insert(market);
        self.written.insert(market);
        if let Some(expiry) = expiry_of(instrument) {
            self.expiries.insert(expiry);
            self.written_expiries.insert(expiry);
        }
        self
    }

    /// Cash moves, or what insurance is short of. For a trade of options where a side or the market has a haircut to bear
    /// ([`Portfolio::is_behind`], [`Market::is_behind`]) or cash of a side is held back.
    pub fn with_cash_moved(mut self) -> Self {
        self.cash_moved = true;
        self
    }

    fn with_all_written(mut self) -> Self {
        self.written.clone_from(&self.markets);
        self.written_expiries.clone_from(&self.expiries);
        self
    }

    /// Accounts that the list has.
    pub fn len(&self) -> usize {
        self.assets.len() + self.markets.len() + self.expiries.len()
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

    /// Expiries, by [`expiry_id`].
    pub fn expiries(&self) -> impl Iterator<Item = u64> + '_ {
        self.expiries.iter().copied()
    }

    /// The list in the order that the program asks for.
    pub fn metas(&self, pool: &Pubkey) -> Vec<AccountMeta> {
        let meta = |pubkey, is_writable| AccountMeta { pubkey, is_signer: false, is_writable };
        let written = |index: u16| self.cash_moved && index == SETTLEMENT_ASSET;
        let assets = self.assets.iter().map(|i| meta(addresses::asset(pool, *i), written(*i)));
        let markets = self.markets.iter().map(|i| meta(addresses::market(pool, *i), self.written.contains(i)));
        let expiries = self.expiries.iter().map(|id| {
            let address = addresses::expiry_by_id(pool, *id);
            meta(address, self.written_expiries.contains(id))
        });
        assets.chain(markets).chain(expiries).collect()
    }
}

/// One side of a trade: the portfolio and who signs for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeSide {
    pub portfolio: Pubkey,
    pub signer: Pubkey,
}
