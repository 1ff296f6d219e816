//! Who trades on a local cluster from the start, each with a book that the crash of a replay treats differently.

use crate::demo::products::{BTC, BTC_PERP, ETH, ETH_PERP, SOL, SOL_PERP};

/// Name of the one who sells to everybody, and of the one who bids for slices of accounts.
pub const MAKER: &str = "maker";
pub const LIQUIDATOR: &str = "liquidator";

/// A portfolio, in whole USD at the prices of the start.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub name: &'static str,
    pub cash: u64,
    /// Collateral: assets and their worth.
    pub spot: &'static [(u16, i64)],
    /// Perpetuals by market, and their notional; negative where it is short.
    pub trades: &'static [(u16, i64)],
}

/// Everyone, makers of markets first.
pub const CAST: &[Member] = &[
    Member { name: MAKER, cash: 20_000_000, spot: &[], trades: &[] },
    Member { name: LIQUIDATOR, cash: 5_000_000, spot: &[], trades: &[] },
    Member { name: "miner", cash: 0, spot: &[(BTC, 2_000_000)], trades: &[(BTC_PERP, -2_000_000)] },
    Member { name: "staker", cash: 0, spot: &[(ETH, 1_500_000)], trades: &[(ETH_PERP, -1_500_000)] },
    Member { name: "btc-bull", cash: 200_000, spot: &[], trades: &[(BTC_PERP, 1_000_000)] },
    Member { name: "eth-bull", cash: 200_000, spot: &[], trades: &[(ETH_PERP, 800_000)] },
    Member { name: "sol-bull", cash: 200_000, spot: &[], trades: &[(SOL_PERP, 600_000)] },
    Member { name: "sol-on-sol", cash: 0, spot: &[(SOL, 1_000_000)], trades: &[(SOL_PERP, 700_000)] },
    Member { name: "pair", cash: 250_000, spot: &[], trades: &[(BTC_PERP, 1_000_000), (ETH_PERP, -1_000_000)] },
    Member { name: "bear", cash: 200_000, spot: &[], trades: &[(BTC_PERP, -500_000)] },
];
