//! The pool's assets and markets, and the portfolios that trade in it.

use novate_client::Pubkey;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Asset indices.
pub const USDC: u16 = 0;
pub const SOL: u16 = 1;
pub const BTC: u16 = 2;
pub const ETH: u16 = 3;

/// Market indices. The scenario columns are in the same order.
pub const BTC_PERP: u16 = 0;
pub const ETH_PERP: u16 = 1;
pub const SOL_PERP: u16 = 2;

/// An asset of the demo's pool.
#[derive(Clone, Copy, Debug)]
pub struct Coin {
    pub symbol: &'static str,
    pub decimals: u8,
    /// Base of the scan range (MRG-51), 1e-6.
    pub base_range: i64,
    /// Depth of the market in USD (MRG-35).
    pub depth: i64,
    /// Base haircut (MRG-60), 1e-6.
    pub haircut: i64,
    /// Days it takes to sell, 1e-6.
    pub days_to_liquidate: i64,
    /// Most that the pool takes, whole coins.
    pub cap: u64,
}

/// By asset index.
pub const COINS: [Coin; 4] = [
    Coin {
        symbol: "USDC",
        decimals: 6,
        base_range: 10_000,
        depth: 0,
        haircut: 0,
        days_to_liquidate: 0,
        cap: 500_000_000,
    },
    Coin {
        symbol: "SOL",
        decimals: 9,
        base_range: 250_000,
        depth: 20_000_000,
        haircut: 100_000,
        days_to_liquidate: 1_000_000,
        cap: 2_000_000,
    },
    Coin {
        symbol: "BTC",
        decimals: 8,
        base_range: 150_000,
        depth: 100_000_000,
        haircut: 50_000,
        days_to_liquidate: 500_000,
        cap: 5_000,
    },
    Coin {
        symbol: "ETH",
        decimals: 8,
        base_range: 180_000,
        depth: 60_000_000,
        haircut: 70_000,
        days_to_liquidate: 500_000,
        cap: 50_000,
    },
];

/// A perpetual of the demo's pool. Prices 1e-9 USD, quantities 1e-9 contracts of one coin.
#[derive(Clone, Copy, Debug)]
pub struct Perpetual {
    pub symbol: &'static str,
    pub asset: u16,
    pub tick: i64,
    pub lot: i64,
    pub minimum: i64,
    /// Most that all longs may hold together, whole contracts.
    pub cap: i64,
    /// Daily volatility above which initial margin rises (CLR-41), 1e-6.
    pub sigma_limit: i64,
}

/// By market index.
pub const PERPETUALS: [Perpetual; 3] = [
    Perpetual {
        symbol: "BTC-PERP",
        asset: BTC,
        tick: 100_000_000,
        lot: 1_000_000,
        minimum: 1_000_000,
        cap: 20_000,
        sigma_limit: 25_000,
    },
    Perpetual {
        symbol: "ETH-PERP",
        asset: ETH,
        tick: 10_000_000,
        lot: 10_000_000,
        minimum: 10_000_000,
        cap: 200_000,
        sigma_limit: 30_000,
    },
    Perpetual {
        symbol: "SOL-PERP",
        asset: SOL,
        tick: 1_000_000,
        lot: 100_000_000,
        minimum: 100_000_000,
        cap: 5_000_000,
        sigma_limit: 60_000,
    },
];

/// What a portfolio is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Owns coins and has sold the same amount of perpetuals.
    Hedger,
    /// The same as a business, in two coins, for the difference between spot and perpetual.
    BasisTrader,
    LeveredLong,
    LeveredShort,
    /// Long one coin, short another.
    PairTrader,
    /// Takes the other side of every trade.
    MarketMaker,
    /// Bids in auctions.
    Liquidator,
    /// Holds collateral and no positions.
    Saver,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hedger => "hedger",
            Self::BasisTrader => "basis trader",
            Self::LeveredLong => "levered long",
            Self::LeveredShort => "levered short",
            Self::PairTrader => "pair trader",
            Self::MarketMaker => "market maker",
            Self::Liquidator => "liquidator",
            Self::Saver => "saver",
        }
    }

    /// Books whose price risk is offset by something of the same coin.
    pub fn is_hedged(self) -> bool {
        matches!(self, Self::Hedger | Self::BasisTrader)
    }
}

/// A portfolio of the demo as it begins. Amounts are whole coins, positions whole contracts.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub name: &'static str,
    pub kind: Kind,
    /// Settlement cash.
    pub cash: u64,
    /// Other collateral.
    pub spot: &'static [(u16, u64)],
    /// What is bought (positive) or sold in perpetuals.
    pub positions: &'static [(u16, i64)],
    /// Sub-account of the owner.
    pub sub_account: u16,
    /// Index of the member that owns this sub-account too, where it is not the first.
    pub owned_by: Option<usize>,
}

const fn member(name: &'static str, kind: Kind, cash: u64) -> Member {
    Member { name, kind, cash, spot: &[], positions: &[], sub_account: 0, owned_by: None }
}

impl Member {
    const fn with(self, spot: &'static [(u16, u64)]) -> Self {
        Self { spot, ..self }
    }

    const fn trades(self, positions: &'static [(u16, i64)]) -> Self {
        Self { positions, ..self }
    }

    const fn second_account_of(self, owner: usize) -> Self {
        Self { sub_account: 1, owned_by: Some(owner), ..self }
    }
}

use Kind::*;

/// The member that answers a margin call from its reserve, and that reserve.
pub const CALLED: usize = 11;
pub const RESERVE: usize = 12;

/// Everyone, in the order of the tables.
pub const CAST: &[Member] = &[
    member("BTC miner", Hedger, 0).with(&[(BTC, 100)]).trades(&[(BTC_PERP, -100)]),
    member("ETH staker", Hedger, 0).with(&[(ETH, 1_000)]).trades(&[(ETH_PERP, -1_000)]),
    member("SOL validator", Hedger, 0).with(&[(SOL, 60_000)]).trades(&[(SOL_PERP, -60_000)]),
    member("Cash and carry", BasisTrader, 20_000)
        .with(&[(BTC, 60), (ETH, 500)])
        .trades(&[(BTC_PERP, -60), (ETH_PERP, -500)]),
    member("SOL bull, 3.5x", LeveredLong, 265_000).trades(&[(SOL_PERP, 30_000)]),
    member("SOL bull, 2x", LeveredLong, 308_000).trades(&[(SOL_PERP, 20_000)]),
    member("SOL bull, 1.2x", LeveredLong, 514_000).trades(&[(SOL_PERP, 20_000)]),
    member("SOL on SOL, 2x", LeveredLong, 0).with(&[(SOL, 30_000)]).trades(&[(SOL_PERP, 30_000)]),
    member("BTC bull, 6x", LeveredLong, 135_000).trades(&[(BTC_PERP, 40)]),
    member("BTC bull, 3x", LeveredLong, 337_000).trades(&[(BTC_PERP, 50)]),
    member("BTC on SOL, 1x", LeveredLong, 0).with(&[(SOL, 25_000)]).trades(&[(BTC_PERP, 40)]),
    member("ETH bull, reserve", LeveredLong, 153_000).trades(&[(ETH_PERP, 500)]),
    member("  the reserve", Saver, 250_000).second_account_of(CALLED),
    member("ETH bull, 5x", LeveredLong, 153_000).trades(&[(ETH_PERP, 500)]),
    member("ETH bull, 2.5x", LeveredLong, 245_000).trades(&[(ETH_PERP, 400)]),
    member("SOL bear, 3x", LeveredShort, 103_000).trades(&[(SOL_PERP, -10_000)]),
    member("BTC bear, 5x", LeveredShort, 101_000).trades(&[(BTC_PERP, -25)]),
    member("ETH bear, 3x", LeveredShort, 153_000).trades(&[(ETH_PERP, -300)]),
    member("BTC against ETH", PairTrader, 220_000).trades(&[(BTC_PERP, 50), (ETH_PERP, -660)]),
    member("ETH against SOL", PairTrader, 360_000).trades(&[(ETH_PERP, 500), (SOL_PERP, -24_800)]),
    member("SOL against BTC", PairTrader, 260_000).trades(&[(SOL_PERP, 25_000), (BTC_PERP, -38)]),
    member("USDC saver", Saver, 1_000_000),
    member("Market maker A", MarketMaker, 4_000_000),
    member("Market maker B", MarketMaker, 3_000_000),
    member("Liquidator A", Liquidator, 2_000_000),
    member("Liquidator B", Liquidator, 1_500_000),
];

/// Members of a kind, by index.
pub fn of_kind(kind: Kind) -> impl Iterator<Item = usize> {
    CAST.iter().enumerate().filter(move |(_, m)| m.kind == kind).map(|(i, _)| i)
}

/// The key that owns a member's portfolio: the same in every run.
pub fn owner(index: usize) -> Keypair {
    let index = CAST.get(index).and_then(|m| m.owned_by).unwrap_or(index);
    key(b'o', index)
}

/// The key that trades for a market maker.
pub fn delegate(index: usize) -> Keypair {
    key(b'd', index)
}

fn key(purpose: u8, index: usize) -> Keypair {
    let mut seed = [purpose; 32];
    seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
    Keypair::new_from_array(seed)
}

/// Address of a coin's mint, and of a member's token account of it.
pub fn mint(asset: u16) -> Pubkey {
    Pubkey::new_from_array([0xa0 | asset as u8; 32])
}

/// A member's token account.
pub fn token_account(member: usize, asset: u16) -> Pubkey {
    let mut bytes = owner(member).pubkey().to_bytes();
    bytes[31] = asset as u8;
    bytes[30] = 0x7a;
    Pubkey::new_from_array(bytes)
}
