//! Who is in the pool: the same books in every window, in USD of its first prices.

use std::fmt;

use crate::demo::terminal::separated;

/// What a member does before anything happens. Amounts are whole USD at the first price, positive where it buys; a strike is
/// given as its place in [`STRIKES`].
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Deposits a coin.
    Deposit(&'static str, i64),
    /// Lends what it deposited of it.
    Lend(&'static str, i64),
    /// Borrows it and takes it out of the pool.
    Borrow(&'static str, i64),
    /// Stakes in the insurance fund.
    Stake(i64),
    Perpetual(&'static str, i64),
    Future(&'static str, i64),
    Call(&'static str, u8, i64),
    Put(&'static str, u8, i64),
}

impl Act {
    /// The coin that it is about.
    pub fn coin(&self) -> &'static str {
        match self {
            Self::Deposit(coin, _) | Self::Lend(coin, _) | Self::Borrow(coin, _) => coin,
            Self::Perpetual(coin, _) | Self::Future(coin, _) | Self::Call(coin, _, _) | Self::Put(coin, _, _) => coin,
            Self::Stake(_) => "USDC",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let k = |usd: i64| separated(i128::from(usd / 1_000));
        let signed = |usd: i64| format!("{}{}", if usd > 0 { "+" } else { "" }, k(usd));
        let share = |slot: u8| STRIKES.get(usize::from(slot)).copied().unwrap_or_default();
        match *self {
            Self::Deposit(coin, usd) => write!(f, "{}k of {coin}", k(usd)),
            Self::Lend(coin, usd) => write!(f, "lends {}k of {coin}", k(usd)),
            Self::Borrow(coin, usd) => write!(f, "owes {}k of {coin}", k(usd)),
            Self::Stake(usd) => write!(f, "stakes {}k", k(usd)),
            Self::Perpetual(coin, usd) => write!(f, "{}k of {coin} perpetuals", signed(usd)),
            Self::Future(coin, usd) => write!(f, "{}k of {coin} futures", signed(usd)),
            Self::Call(coin, slot, usd) => write!(f, "{}k of {coin} calls at {} %", signed(usd), share(slot)),
            Self::Put(coin, slot, usd) => write!(f, "{}k of {coin} puts at {} %", signed(usd), share(slot)),
        }
    }
}

/// A portfolio.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub name: &'static str,
    pub acts: &'static [Act],
}

/// Strikes of every expiry, as shares of the first price, 1e-2.
pub const STRIKES: [i64; 5] = [70, 80, 90, 100, 115];

/// Takes the other side of perpetuals, and of futures and options.
pub const MAKER: &str = "Market maker";
pub const DEALER: &str = "Options dealer";
/// Those that bid.
pub const BIDDERS: [&str; 2] = ["Liquidator A", "Liquidator B"];

const fn member(name: &'static str, acts: &'static [Act]) -> Member {
    Member { name, acts }
}

use Act::*;

/// In the order in which they act. Who needs a coin that a window has no prices of is not there.
pub const BOOK: &[Member] = &[
    member(MAKER, &[Deposit("USDC", 6_000_000)]),
    member(DEALER, &[Deposit("USDC", 4_000_000)]),
    member(BIDDERS[0], &[Deposit("USDC", 2_000_000)]),
    member(BIDDERS[1], &[Deposit("USDC", 1_000_000)]),
    member("Staker", &[Stake(100_000)]),
    member("Lender of USDC", &[Deposit("USDC", 4_000_000), Lend("USDC", 3_000_000)]),
    member("Lender of BTC", &[Deposit("BTC", 1_000_000), Lend("BTC", 1_000_000)]),
    member("BTC long, 3x", &[Deposit("USDC", 100_000), Perpetual("BTC", 300_000)]),
    member("BTC long, 5x", &[Deposit("USDC", 100_000), Perpetual("BTC", 500_000)]),
    member("ETH long, 4x", &[Deposit("USDC", 100_000), Perpetual("ETH", 400_000)]),
    member("ETH long on BTC", &[Deposit("BTC", 200_000), Perpetual("ETH", 200_000)]),
    member("SOL long, 2.5x", &[Deposit("USDC", 100_000), Perpetual("SOL", 250_000)]),
    member("SOL long on SOL", &[Deposit("SOL", 200_000), Perpetual("SOL", 200_000)]),
    member("BTC short, 5x", &[Deposit("USDC", 100_000), Perpetual("BTC", -500_000)]),
    member("ETH short, 3x", &[Deposit("USDC", 100_000), Perpetual("ETH", -300_000)]),
    member("BTC hedger", &[Deposit("BTC", 1_000_000), Perpetual("BTC", -1_000_000)]),
    member("Carry to expiry", &[Deposit("BTC", 500_000), Future("BTC", -500_000)]),
    member("BTC put seller", &[Deposit("USDC", 130_000), Put("BTC", 2, -500_000)]),
    member("ETH straddle seller", &[Deposit("USDC", 150_000), Put("ETH", 3, -300_000), Call("ETH", 3, -300_000)]),
    member("BTC put buyer", &[Deposit("USDC", 50_000), Put("BTC", 1, 500_000)]),
    member("Borrower on BTC", &[Deposit("BTC", 500_000), Borrow("USDC", 375_000)]),
    member("Borrower on ETH", &[Deposit("ETH", 500_000), Borrow("USDC", 350_000)]),
    member("Borrower of BTC", &[Deposit("USDC", 300_000), Borrow("BTC", 245_000)]),
];
