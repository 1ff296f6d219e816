//! The portfolios that trade in the demo's pool.

use novate_client::Pubkey;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::products::{Product, BTC, BTC_DEC, BTC_NOV, BTC_PERP, ETH, ETH_DEC, ETH_NOV, ETH_PERP, SOL, SOL_PERP};

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
    /// Owns coins and has sold calls on them.
    CallWriter,
    /// Owns coins, has bought puts and paid for them with calls.
    Collar,
    /// Has sold straddles or strangles, and hedges their delta with perpetuals once a day.
    VolSeller,
    /// Holds options against options of the same expiry.
    Spread,
    /// Holds one expiry against another.
    Calendar,
    /// Has bought puts, alone or beneath a long.
    PutBuyer,
    /// Takes the other side of the option desk's trades, and hedges delta after every move.
    OptionsDealer,
    /// Takes the other side of every trade in perpetuals.
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
            Self::CallWriter => "call writer",
            Self::Collar => "collar",
            Self::VolSeller => "vol seller",
            Self::Spread => "spread",
            Self::Calendar => "calendar",
            Self::PutBuyer => "put buyer",
            Self::OptionsDealer => "options dealer",
            Self::MarketMaker => "market maker",
            Self::Liquidator => "liquidator",
            Self::Saver => "saver",
        }
    }

    /// Books whose price risk is offset by something of the same coin.
    pub fn is_hedged(self) -> bool {
        matches!(self, Self::Hedger | Self::BasisTrader)
    }

    /// Members of the option desk.
    pub fn is_option_book(self) -> bool {
        use Kind::*;
        matches!(self, CallWriter | Collar | VolSeller | Spread | Calendar | PutBuyer | OptionsDealer)
    }

    /// Whose trades another key signs.
    pub fn delegates(self) -> bool {
        matches!(self, Self::MarketMaker | Self::OptionsDealer)
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
    /// What is bought (positive) or sold in perpetuals, half from each market maker.
    pub positions: &'static [(u16, i64)],
    /// What is bought or sold from the options dealer, in one trade.
    pub strategy: &'static [(Product, i64)],
    /// Sub-account of the owner.
    pub sub_account: u16,
    /// Index of the member that owns this sub-account too, where it is not the first.
    pub owned_by: Option<usize>,
}

const fn member(name: &'static str, kind: Kind, cash: u64) -> Member {
    Member { name, kind, cash, spot: &[], positions: &[], strategy: &[], sub_account: 0, owned_by: None }
}

impl Member {
    const fn with(self, spot: &'static [(u16, u64)]) -> Self {
        Self { spot, ..self }
    }

    const fn trades(self, positions: &'static [(u16, i64)]) -> Self {
        Self { positions, ..self }
    }

    const fn deals(self, strategy: &'static [(Product, i64)]) -> Self {
        Self { strategy, ..self }
    }

    const fn second_account_of(self, owner: usize) -> Self {
        Self { sub_account: 1, owned_by: Some(owner), ..self }
    }
}

use Kind::*;
use Product::{Call, Future, Perpetual, Put};

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
    member("BTC call writer", CallWriter, 0).with(&[(BTC, 100)]).deals(&[(Call(BTC_NOV, 22_000), -100)]),
    member("ETH collar", Collar, 60_000)
        .with(&[(ETH, 1_000)])
        .deals(&[(Put(ETH_DEC, 1_400), 1_000), (Call(ETH_DEC, 1_850), -1_000)]),
    member("BTC strangle, levered", VolSeller, 180_000)
        .deals(&[(Put(BTC_NOV, 18_000), -60), (Call(BTC_NOV, 22_000), -60)]),
    member("ETH straddle", VolSeller, 400_000).deals(&[(Put(ETH_DEC, 1_550), -500), (Call(ETH_DEC, 1_550), -500)]),
    member("BTC iron condor", Spread, 110_000).deals(&[
        (Put(BTC_NOV, 16_000), 50),
        (Put(BTC_NOV, 18_000), -50),
        (Call(BTC_NOV, 22_000), -50),
        (Call(BTC_NOV, 24_000), 50),
    ]),
    member("BTC box", Spread, 225_000).deals(&[
        (Call(BTC_DEC, 18_000), 50),
        (Put(BTC_DEC, 18_000), -50),
        (Call(BTC_DEC, 22_000), -50),
        (Put(BTC_DEC, 22_000), 50),
    ]),
    member("ETH roll", Calendar, 40_000).deals(&[(Future(ETH_NOV), -800), (Future(ETH_DEC), 800)]),
    member("BTC vol calendar", Calendar, 250_000).deals(&[
        (Put(BTC_NOV, 20_000), -60),
        (Call(BTC_NOV, 20_000), -60),
        (Put(BTC_DEC, 20_000), 60),
        (Call(BTC_DEC, 20_000), 60),
    ]),
    member("BTC bull, 6x, puts", PutBuyer, 170_000).deals(&[(Perpetual(BTC_PERP), 40), (Put(BTC_NOV, 19_000), 40)]),
    member("Tail fund", PutBuyer, 200_000).deals(&[(Put(BTC_DEC, 15_000), 150)]),
    member("Options dealer", OptionsDealer, 4_000_000),
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

/// The key that trades for a market maker or dealer.
pub fn delegate(index: usize) -> Keypair {
    key(b'd', index)
}

fn key(purpose: u8, index: usize) -> Keypair {
    let mut seed = [purpose; 32];
    seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
    Keypair::new_from_array(seed)
}

/// Guardian and risk role of the pools, who do nothing here.
pub fn roles() -> [Pubkey; 2] {
    [[0xc1; 32], [0xc2; 32]].map(Pubkey::new_from_array)
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
