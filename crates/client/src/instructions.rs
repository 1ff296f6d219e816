//! A builder for each instruction, named as the instruction. Each takes what the sender knows and finds the rest: the
//! addresses, the list of assets and markets behind the named accounts, and which of those are written.

use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use anchor_lang::{InstructionData, ToAccountMetas};
use novate::instrument::market_of;
use novate::state::{Portfolio, SETTLEMENT_ASSET};
use novate::{accounts, instruction, AssetTerms, Leg, MarketTerms, ScenarioRange, ID};

use crate::addresses;

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

/// Governance: anyone creates a pool and becomes its authority.
pub fn create_pool(creator: Pubkey, id: u16, settlement_mint: Pubkey) -> Instruction {
    let pool = addresses::pool(&creator, id);
    build(
        accounts::CreatePool {
            pool,
            insurance: addresses::insurance(&pool),
            settlement_mint,
            creator,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CreatePool { id },
    )
}

/// Governance: `index` is the pool's asset count.
pub fn add_asset(authority: Pubkey, pool: Pubkey, index: u16, token: Token, terms: AssetTerms) -> Instruction {
    let asset = addresses::asset(&pool, index);
    build(
        accounts::AddAsset {
            pool,
            asset,
            vault: addresses::vault(&asset),
            mint: token.mint,
            authority,
            token_program: token.program,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AddAsset { terms },
    )
}

/// Governance: `index` is the pool's market count.
pub fn add_market(authority: Pubkey, pool: Pubkey, asset: u16, index: u16, terms: MarketTerms) -> Instruction {
    build(
        accounts::AddMarket {
            pool,
            asset: addresses::asset(&pool, asset),
            market: addresses::market(&pool, index),
            authority,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AddMarket { terms },
    )
}

/// Governance: one range of the rows of a generation.
pub fn stage_scenarios(authority: Pubkey, pool: Pubkey, generation: u16, range: ScenarioRange) -> Instruction {
    build(
        accounts::StageScenarios {
            pool,
            scenarios: addresses::scenarios(&pool, generation),
            authority,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::StageScenarios { generation, range },
    )
}

/// Anyone: assets by index, each with its price account.
pub fn refresh_asset(pool: &Pubkey, feeds: &[(u16, Pubkey)]) -> Instruction {
    let mut instruction = build(accounts::RefreshAsset {}, instruction::RefreshAsset {});
    for (index, feed) in feeds {
        instruction.accounts.push(AccountMeta::new(addresses::asset(pool, *index), false));
        instruction.accounts.push(AccountMeta::new_readonly(*feed, false));
    }
    instruction
}

/// Anyone: markets by index, each with the index of its underlying.
pub fn refresh_market(pool: &Pubkey, markets: &[(u16, u16)]) -> Instruction {
    let mut instruction = build(accounts::RefreshMarket {}, instruction::RefreshMarket {});
    for (market, asset) in markets {
        instruction.accounts.push(AccountMeta::new(addresses::market(pool, *market), false));
        instruction.accounts.push(AccountMeta::new_readonly(addresses::asset(pool, *asset), false));
    }
    instruction
}

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

/// One side of a trade: the portfolio and who signs for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeSide {
    pub portfolio: Pubkey,
    pub signer: Pubkey,
}

/// Both sides sign. `holdings` are those of both portfolios, with each traded market added by
/// [`Holdings::with_written`].
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

/// Anyone: settles a portfolio's perpetual in a market on `underlying`.
pub fn settle_variation(pool: &Pubkey, portfolio: Pubkey, market: u16, underlying: u16) -> Instruction {
    build(
        accounts::SettleVariation {
            portfolio,
            market: addresses::market(pool, market),
            asset: addresses::asset(pool, underlying),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SettleVariation {},
    )
}

/// Anyone, for a portfolio below maintenance margin.
pub fn start_auction(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings) -> Instruction {
    let mut instruction = build(
        accounts::StartAuction {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::StartAuction {},
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}

/// Owner or delegate of the taker: at most `fraction` (1e-9) of the account for at most `limit` of settlement asset (1e-6).
/// `holdings` are those of both portfolios.
pub fn liquidate(
    keys: PoolKeys,
    portfolio: Pubkey,
    taker: TradeSide,
    holdings: &Holdings,
    fraction: i64,
    limit: i64,
) -> Instruction {
    let mut instruction = build(
        accounts::Liquidate {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            taker: taker.portfolio,
            signer: taker.signer,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Liquidate { fraction, limit },
    );
    instruction.accounts.extend(holdings.clone().with_all_written().metas(&keys.pool));
    instruction
}

/// Anyone, for a portfolio that is back at maintenance margin.
pub fn end_auction(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings) -> Instruction {
    let mut instruction = build(
        accounts::EndAuction {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::EndAuction {},
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
