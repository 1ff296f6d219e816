//! What a pool owes and holds, entry by entry; and the same as accounts have it, read at the checker's offsets.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::checker::{
    self, asset, balance, bytes, expiry, i64_at, insurance, kind, market, portfolio, position, stake,
};
use crate::checker::{u128_at, u16_at, u64_at, Key, Raw};

/// Offsets that the checker has no use for.
mod more {
    /// In a portfolio, u64.
    pub const GENERATION: usize = 120;
    pub const SEQUENCE: usize = 128;
    /// In a portfolio, u64, and where its 32 slots of 24 bytes begin: nonce u64, filled i64, expiry i64.
    pub const MINIMUM_NONCE: usize = 144;
    pub const FILLS: usize = 4_176;
    /// In a position, i64, unix time.
    pub const PENDING_SINCE: usize = 56;
    /// In the insurance account, u64.
    pub const PAID_OUT: usize = 88;
    pub const DEFICITS: usize = 96;
    /// In a stake, address of the owner.
    pub const OWNER: usize = 48;
}

/// Of one side of a bank: tokens, shares, and what a share is worth in 2^-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub tokens: i128,
    pub shares: i128,
    pub index: i128,
}

/// Cash of one kind, of all portfolios; what a unit of the beginning is still worth; dust, in 2^-32 of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pot {
    pub sum: i128,
    pub factor: u128,
    pub fraction: i128,
}

/// Of the settlement asset: cash of all portfolios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    pub free: Pot,
    pub held: Pot,
    /// What insurance is short of, and what left while it is.
    pub shortage: i128,
    pub left: i128,
    /// Shortages that have ended.
    pub era: i128,
    pub haircuts: i128,
    pub dust: i128,
    /// What was forgiven in rounds that stand.
    pub forgiven: i128,
}

/// Tokens of an asset, in the mint's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    pub vault: i128,
    pub deposits: i128,
    pub cash: i128,
    pub lent: Side,
    pub loans: Side,
    pub reserve: i128,
    pub claims: Claims,
}

/// The last round of haircuts of a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub number: i128,
    /// Zero while none stands.
    pub ends: i128,
    pub forgiven: i128,
    pub gains: i128,
    pub uncharged: i128,
    pub charged: i128,
    /// When it was first opened.
    pub first: i128,
}

/// Settlement units; dust in 1e-18 USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Market {
    pub variation_pool: i128,
    pub accrued_fees: i128,
    pub rounding: i128,
    pub funding_applied: i128,
    pub funding_dust: i128,
    /// Cash that options left, the haircuts that it has borne, and what a unit was worth then.
    pub option_cash: i128,
    pub option_haircuts: i128,
    pub option_factor: u128,
    /// Forgiven and not charged.
    pub haircut: i128,
    /// Of it, in no round yet.
    pub carried: i128,
    pub round: Round,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub quantity: i128,
    pub cost: i128,
    /// Cumulative funding that the cost has.
    pub funding: i128,
    pub pending_old: i128,
    pub pending_new: i128,
    pub pending_since: i128,
    /// Registered and not charged, and the round's number then; 0 where there is none.
    pub gain: i128,
    pub round: i128,
}

/// What cash has borne, and what is held back of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    pub held: i128,
    pub left: i128,
    pub era: i128,
    pub haircuts: i128,
    pub factors: [u128; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Auction {
    pub start: i128,
    pub insolvent: bool,
    pub reserved: i128,
    pub paid: i128,
}

/// How much of a signed order is filled: of the strategy, 1e-9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    pub nonce: i128,
    pub filled: i128,
    pub until: i128,
}

/// What was signed off chain: orders below the minimum nonce are void, of others what is filled stands in a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    pub minimum_nonce: i128,
    pub fills: [Fill; 32],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portfolio {
    pub sequence: i128,
    pub generation: i128,
    pub orders: Orders,
    pub cash: i128,
    pub claim: Claim,
    pub auction: Auction,
    /// By asset: tokens that are not lent, shares of what is lent, shares of loans.
    pub balances: BTreeMap<u16, [i128; 3]>,
    /// By instrument.
    pub positions: BTreeMap<u64, Position>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Insurance {
    pub capital: i128,
    pub staked: i128,
    pub shares: i128,
    pub reserved: i128,
    pub paid_out: i128,
    pub deficits: i128,
    pub era: i128,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stake {
    pub era: i128,
    pub shares: i128,
    pub requested: i128,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub assets: BTreeMap<u16, Asset>,
    pub markets: BTreeMap<u16, Market>,
    /// By market and time: what positions were settled to.
    pub expiries: BTreeMap<(u16, i128), i128>,
    pub portfolios: BTreeMap<Key, Portfolio>,
    pub insurance: Insurance,
    /// By owner.
    pub stakes: BTreeMap<Key, Stake>,
}

impl Books {
    /// As the accounts of a pool have them.
    pub fn of(accounts: &[Raw], pool: Key) -> Self {
        let of_kind = |kind: [u8; 8], pool_at: usize| {
            let of_kind = accounts.iter().filter(move |a| a.data.starts_with(&kind));
            of_kind.filter(move |a| bytes::<32>(&a.data, pool_at) == pool)
        };
        let vaults: BTreeMap<Key, i128> = accounts
            .iter()
            .filter(|a| (165..300).contains(&a.data.len()))
            .map(|a| (a.address, u64_at(&a.data, checker::TOKEN_AMOUNT).into()))
            .collect();
        let assets = of_kind(kind::ASSET, asset::POOL).map(|a| (u16_at(&a.data, asset::INDEX), read_asset(a, &vaults)));
        let markets =
            of_kind(kind::MARKET, market::POOL).map(|m| (u16_at(&m.data, market::INDEX), read_market(&m.data)));
        let expiries = of_kind(kind::EXPIRY, expiry::POOL).map(|e| {
            ((u16_at(&e.data, expiry::MARKET), i64_at(&e.data, expiry::TIME)), i64_at(&e.data, expiry::SETTLED))
        });
        let stakes = of_kind(kind::STAKE, stake::POOL).map(|s| (bytes(&s.data, more::OWNER), read_stake(&s.data)));
        Self {
            assets: assets.collect(),
            markets: markets.collect(),
            expiries: expiries.collect(),
            portfolios: of_kind(kind::PORTFOLIO, portfolio::POOL)
                .map(|p| (p.address, read_portfolio(&p.data)))
                .collect(),
            insurance: of_kind(kind::INSURANCE, insurance::POOL)
                .map(|i| read_insurance(&i.data))
                .next()
                .unwrap_or_default(),
            stakes: stakes.collect(),
        }
    }

    /// Where other books have something else, in words.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = vec![];
        compare("asset", &self.assets, &other.assets, &mut found);
        compare("market", &self.markets, &other.markets, &mut found);
        compare("expiry", &self.expiries, &other.expiries, &mut found);
        compare("portfolio", &self.portfolios, &other.portfolios, &mut found);
        compare("stake", &self.stakes, &other.stakes, &mut found);
        if self.insurance != other.insurance {
            found.push(format!("ledger: insurance: {:?} by the events, {:?}", self.insurance, other.insurance));
        }
        found
    }
}

fn compare<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    ours: &BTreeMap<K, V>,
    others: &BTreeMap<K, V>,
    found: &mut Vec<String>,
) {
    if ours == others {
        return;
    }
    for (key, own) in ours {
        match others.get(key) {
            Some(other) if other == own => (),
            other => found.push(format!("ledger: {what} {key:x?}: {own:?} by the events, {other:?}")),
        }
    }
    for key in others.keys().filter(|key| !ours.contains_key(key)) {
        found.push(format!("ledger: {what} {key:x?} is not in the events"));
    }
}

fn read_asset(raw: &Raw, vaults: &BTreeMap<Key, i128>) -> Asset {
    let field = |at: usize| i128::from(u64_at(&raw.data, at));
    let side = |at: usize| Side {
        tokens: field(at),
        shares: field(at + asset::SHARES),
        index: (field(at + asset::INDEX_HIGH) << 64) + field(at + asset::INDEX_LOW),
    };
    Asset {
        vault: vaults.get(&bytes::<32>(&raw.data, asset::VAULT)).copied().unwrap_or_default(),
        deposits: field(asset::DEPOSITS),
        cash: field(asset::CASH),
        lent: side(asset::LENT),
        loans: side(asset::LOANS),
        reserve: field(asset::RESERVE),
        claims: Claims {
            free: read_pot(&raw.data, asset::FREE),
            held: read_pot(&raw.data, asset::HELD),
            shortage: field(asset::SHORTAGE),
            left: field(asset::LEFT),
            era: field(asset::SHORTAGE_ERA),
            haircuts: field(asset::HAIRCUTS),
            dust: field(asset::DUST),
            forgiven: field(asset::FORGIVEN),
        },
    }
}

fn read_pot(data: &[u8], at: usize) -> Pot {
    Pot {
        sum: u64_at(data, at).into(),
        factor: u128_at(data, at + asset::FACTOR),
        fraction: u64_at(data, at + asset::FRACTION).into(),
    }
}

fn read_market(data: &[u8]) -> Market {
    let round = Round {
        number: u32::from_le_bytes(bytes(data, market::ROUND)).into(),
        ends: i64_at(data, market::ROUND_ENDS),
        forgiven: i64_at(data, market::FORGIVEN),
        gains: i64_at(data, market::GAINS),
        uncharged: i64_at(data, market::UNCHARGED),
        charged: i64_at(data, market::CHARGED),
        first: i64_at(data, market::ROUND_FIRST),
    };
    Market {
        variation_pool: i64_at(data, market::VARIATION_POOL),
        accrued_fees: i64_at(data, market::ACCRUED_FEES),
        rounding: i64_at(data, market::ROUNDING),
        funding_applied: i64_at(data, market::FUNDING_APPLIED),
        funding_dust: i64_at(data, market::FUNDING_DUST),
        option_cash: i64_at(data, market::OPTION_CASH),
        option_haircuts: u64_at(data, market::OPTION_HAIRCUTS).into(),
        option_factor: u128_at(data, market::OPTION_FACTOR),
        haircut: i64_at(data, market::HAIRCUT),
        carried: i64_at(data, market::CARRIED),
        round,
    }
}

fn read_portfolio(data: &[u8]) -> Portfolio {
    let auction = Auction {
        start: i64_at(data, portfolio::AUCTION_START),
        insolvent: data[portfolio::AUCTION_INSOLVENT] != 0,
        reserved: u64_at(data, portfolio::AUCTION_RESERVED).into(),
        paid: u64_at(data, portfolio::AUCTION_PAID).into(),
    };
    let slots = |first: usize, size: usize, count: usize| {
        let count = usize::from(data[count]);
        (0..count).map(move |slot| &data[first + slot * size..first + (slot + 1) * size])
    };
    let balances = slots(portfolio::BALANCES, portfolio::BALANCE_SIZE, portfolio::BALANCE_COUNT);
    let positions = slots(portfolio::POSITIONS, portfolio::POSITION_SIZE, portfolio::POSITION_COUNT);
    let position = |entry: &[u8]| Position {
        quantity: i64_at(entry, position::QUANTITY),
        cost: i64_at(entry, position::COST),
        funding: i64_at(entry, position::FUNDING),
        pending_old: i64_at(entry, position::PENDING_OLD),
        pending_new: i64_at(entry, position::PENDING_NEW),
        pending_since: i64_at(entry, more::PENDING_SINCE),
        gain: i64_at(entry, position::GAIN),
        round: match i64_at(entry, position::GAIN) {
            0 => 0,
            _ => u32::from_le_bytes(bytes(entry, position::ROUND)).into(),
        },
    };
    let fill = |slot: usize| {
        let at = more::FILLS + 24 * slot;
        Fill { nonce: u64_at(data, at).into(), filled: i64_at(data, at + 8), until: i64_at(data, at + 16) }
    };
    let claim = Claim {
        held: u64_at(data, portfolio::HELD).into(),
        left: u64_at(data, portfolio::LEFT).into(),
        era: u64_at(data, portfolio::SHORTAGE_ERA).into(),
        haircuts: u64_at(data, portfolio::HAIRCUTS).into(),
        factors: [portfolio::FREE_FACTOR, portfolio::HELD_FACTOR].map(|at| u128_at(data, at)),
    };
    Portfolio {
        sequence: u64_at(data, more::SEQUENCE).into(),
        generation: u64_at(data, more::GENERATION).into(),
        orders: Orders { minimum_nonce: u64_at(data, more::MINIMUM_NONCE).into(), fills: std::array::from_fn(fill) },
        cash: i64_at(data, portfolio::CASH),
        claim,
        auction,
        balances: balances
            .map(|b| (u16_at(b, balance::ASSET), balance::AMOUNTS.map(|at| i128::from(u64_at(b, at)))))
            .collect(),
        positions: positions.map(|p| (u64_at(p, position::INSTRUMENT), position(p))).collect(),
    }
}

fn read_insurance(data: &[u8]) -> Insurance {
    let field = |at: usize| i128::from(u64_at(data, at));
    Insurance {
        capital: field(insurance::CAPITAL),
        staked: field(insurance::STAKED),
        shares: u128_at(data, insurance::SHARES) as i128,
        reserved: field(insurance::RESERVED),
        paid_out: field(more::PAID_OUT),
        deficits: field(more::DEFICITS),
        era: field(insurance::ERA),
    }
}

fn read_stake(data: &[u8]) -> Stake {
    Stake {
        era: u64_at(data, stake::ERA).into(),
        shares: u128_at(data, stake::SHARES) as i128,
        requested: u128_at(data, stake::REQUESTED) as i128,
    }
}
