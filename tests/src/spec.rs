//! What a pool lists, with defaults.

use novate_client::{AssetTerms, MarketTerms, Pubkey, RedemptionTerms};

use crate::feed::{Feed, Layout};
use crate::stake_pool::STAKE_PROGRAM;
use crate::token::Extension;

/// An asset to list.
#[derive(Clone, Debug)]
pub struct AssetSpec {
    pub symbol: &'static str,
    pub decimals: u8,
    /// Of Token-2022 with these extensions; of SPL Token where there are none to speak of.
    pub token_2022: Option<Vec<Extension>>,
    pub layout: Layout,
    /// Any update of the feed is accepted, from whatever account (posted updates).
    pub posted: bool,
    pub usd: f64,
    pub contract_exponent: u8,
    pub max_age: i64,
    pub max_confidence: i64,
    pub band: i64,
    pub base_range: i64,
    pub depth: i64,
    pub haircut_base: i64,
    pub deposit_cap: u64,
    pub outflow_limit: u64,
    pub minimum_balance: u64,
    pub redemption: Option<RedemptionTerms>,
}

impl AssetSpec {
    pub fn new(symbol: &'static str, decimals: u8, usd: f64) -> Self {
        Self {
            symbol,
            decimals,
            token_2022: None,
            layout: Layout::Update,
            posted: false,
            usd,
            contract_exponent: 0,
            max_age: 60,
            max_confidence: 10_000,
            band: 1_000_000,
            base_range: 150_000,
            depth: 0,
            haircut_base: 100_000,
            deposit_cap: u64::MAX,
            outflow_limit: 0,
            minimum_balance: 0,
            redemption: None,
        }
    }

    pub fn pushed(self) -> Self {
        Self { layout: Layout::Push, ..self }
    }

    pub fn posted(self) -> Self {
        Self { posted: true, ..self }
    }

    pub fn token_2022(self, extensions: Vec<Extension>) -> Self {
        Self { token_2022: Some(extensions), ..self }
    }

    pub fn base_range(self, base_range: i64) -> Self {
        Self { base_range, ..self }
    }

    /// The guard's band; the default lets every price in.
    pub fn band(self, band: i64) -> Self {
        Self { band, ..self }
    }

    pub fn max_age(self, max_age: i64) -> Self {
        Self { max_age, ..self }
    }

    pub fn deposit_cap(self, deposit_cap: u64) -> Self {
        Self { deposit_cap, ..self }
    }

    /// Leaves in a day at most; the deposit cap is seven times as much.
    pub fn outflow_limit(self, limit: u64) -> Self {
        Self { outflow_limit: limit, deposit_cap: 7 * limit, ..self }
    }

    pub fn minimum_balance(self, minimum: u64) -> Self {
        Self { minimum_balance: minimum, ..self }
    }

    /// Yield-bearing: redeemed for an earlier asset at what a stake pool holds for each token, with a depeg limit of 5 %.
    pub fn redeemed_for(self, underlying: u16, stake_pool: Pubkey) -> Self {
        let terms = RedemptionTerms { underlying, stake_pool, stake_program: STAKE_PROGRAM, depeg_limit: 50_000 };
        Self { redemption: Some(terms), ..self }
    }

    /// The terms as `add_asset` takes them.
    pub fn terms(&self, feed: &Feed) -> AssetTerms {
        AssetTerms {
            symbol: symbol(self.symbol),
            contract_exponent: self.contract_exponent,
            oracle: match feed.layout {
                Layout::Update => novate_client::state::ORACLE_PRICE_UPDATE,
                Layout::Push => novate_client::state::ORACLE_PUSH,
            },
            feed: if self.posted { Default::default() } else { feed.address },
            feed_owner: feed.owner,
            feed_id: feed.id,
            max_age: self.max_age,
            max_confidence: self.max_confidence,
            band: self.band,
            base_range: self.base_range,
            depth: self.depth,
            haircut_base: self.haircut_base,
            haircut_volatility_multiple: 0,
            days_to_liquidate: 1_000_000,
            haircut_size_add_on: 0,
            deposit_cap: self.deposit_cap,
            outflow_limit: self.outflow_limit,
            minimum_balance: self.minimum_balance,
            redemption: self.redemption.clone(),
        }
    }
}

/// A market to list.
#[derive(Clone, Debug)]
pub struct MarketSpec {
    pub symbol: &'static str,
    pub asset: u16,
    pub terms: MarketTerms,
}

impl MarketSpec {
    /// Tick 0.01 USD, lot 0.001, minimum 0.01, wide caps, band 5 %, fee 0.05 %, of options at most 12.5 % of the premium.
    pub fn new(symbol: &'static str, asset: u16) -> Self {
        let terms = MarketTerms {
            symbol: self::symbol(symbol),
            tick: 10_000_000,
            lot: 1_000_000,
            minimum: 10_000_000,
            open_interest_cap: 1_000_000 * crate::CONTRACT,
            position_cap: 1_000_000 * crate::CONTRACT,
            band: 50_000,
            fee: 500,
            sigma_limit: 200_000,
            option_tick: 10_000_000,
            option_fee_cap: 125_000,
        };
        Self { symbol, asset, terms }
    }

    pub fn with(mut self, change: impl FnOnce(&mut MarketTerms)) -> Self {
        change(&mut self.terms);
        self
    }
}

/// A symbol, zero padded.
pub fn symbol(text: &str) -> [u8; 16] {
    let mut symbol = [0; 16];
    symbol[..text.len()].copy_from_slice(text.as_bytes());
    symbol
}
