//! Verifies what must hold after every instruction, from account bytes alone.
//!
//! Nothing here is shared with the program, its client or the margin crate: kinds are told by the first eight bytes and
//! fields are read at the offsets below, written down by hand from the layout that the program promises never to move.
//!
//! - CLR-01: of every instrument, quantities over all portfolios sum to zero, and its open interest, in the market or the
//!   expiry, is the sum of the long ones. The market's ledger is closed: variation pool, costs and what its expiries were
//!   settled to, with what was forgiven and is not charged, are fees, rounding and funding applied. Options that are held have no
//!   cost and no pending gains where the market never had a haircut.
//! - CLR-32: gains that are registered and not charged are those of the market's last round of haircuts, and as much as it counts.
//! - CLR-11: funding applied and funding pending, exactly, sum to the dust that rounding left, which is below a unit.
//! - CLR-12: a market lists exactly the expiries that there are. Nothing is settled without a settlement price; with one, the
//!   two sides are settled each on its own, and what was settled and what is still held sum to zero, less roundings.
//! - CLR-15: a premium is within 0.5 %, and the recorded mark is the index with it.
//! - CLR-02: (a) vaults hold exactly what the counters say; (b) tokens and shares of all portfolios are the asset's and its
//!   bank's; (c) what lenders own, rounded down, falls short of the bank's counter by less than one unit a holder, and what
//!   borrowers owe, rounded up, exceeds it by less.
//! - CLR-32: what cash of all portfolios is worth after the haircuts that each has not borne yet, computed here a second time and
//!   rounded down, is what the settlement asset counts: exactly, and after a haircut but for less than a unit for each portfolio
//!   that has one to bear, and one.
//! - CLR-35: what insurance is short of is recorded; what left during the shortage, and what is held back for it, are the sums over
//!   portfolios, and nothing counts as left where insurance is not short.
//! - CLR-31, CLR-35: what is reserved out of insurance is what insolvent auctions may still be paid, and none was paid more than
//!   its reserve; shares of all stakes are the fund's, each worth at most a unit and at least 2^-32 of one, and the floored
//!   claims are within the stake.
//! - Portfolios are in order: balances and positions ascending and without empty slots, cash and pending gains at or above
//!   zero, within the limits of CLR-36.

use std::collections::{BTreeMap, BTreeSet};

/// An address.
pub type Key = [u8; 32];

/// An account as it lies on chain.
#[derive(Clone, Debug)]
pub struct Raw {
    pub address: Key,
    pub data: Vec<u8>,
}

/// The first eight bytes of the hash of `account:` and the name of the kind.
pub(crate) mod kind {
    pub const ASSET: [u8; 8] = [0xb5, 0xd9, 0xd9, 0x50, 0xa5, 0x4e, 0xd8, 0xd0];
    pub const MARKET: [u8; 8] = [0xdb, 0xbe, 0xd5, 0x37, 0x00, 0xe3, 0xc6, 0x9a];
    pub const EXPIRY: [u8; 8] = [0x07, 0x65, 0x53, 0xd2, 0xec, 0xb9, 0x25, 0x54];
    pub const INSURANCE: [u8; 8] = [0xec, 0x7e, 0x78, 0x9b, 0xb2, 0xfd, 0x91, 0x96];
    pub const STAKE: [u8; 8] = [0x96, 0xc5, 0xb0, 0x1d, 0x37, 0x84, 0x70, 0x95];
    pub const PORTFOLIO: [u8; 8] = [0x5e, 0x9e, 0x47, 0xf5, 0x7a, 0x66, 0x6e, 0xe1];
}

/// Offsets in an asset account of 1,344 bytes.
pub(crate) mod asset {
    /// u16.
    pub const INDEX: usize = 12;
    /// Address of the pool.
    pub const POOL: usize = 24;
    /// Address of the token account that holds the deposits.
    pub const VAULT: usize = 88;
    /// u64, the mint's units: tokens of all balances that are not lent.
    pub const DEPOSITS: usize = 408;
    /// u64, settlement asset only: cash, pending gains, variation pools and dust of the pool.
    pub const CASH: usize = 416;
    /// Settlement asset only. u64: what insurance is short of.
    pub const SHORTAGE: usize = 816;
    /// Cash that is free, and cash that is held back: u64, settlement units; two u64, low word first, what a unit is still worth,
    /// the low 96 bits over 2^95, moved right by as many places as the high 32 bits say, zero for 1; u64, 2^-32 of a unit.
    pub const FREE: usize = 824;
    pub const HELD: usize = 856;
    pub const FACTOR: usize = 8;
    pub const FRACTION: usize = 24;
    /// u64: what left during the shortage; shortages that have ended; haircuts; units that rounding cut off.
    pub const LEFT: usize = 888;
    pub const SHORTAGE_ERA: usize = 896;
    pub const HAIRCUTS: usize = 904;
    pub const DUST: usize = 912;
    /// u64, settlement units: forgiven in rounds of markets that stand.
    pub const FORGIVEN: usize = 920;
    /// u16: index of what a yield-bearing asset is redeemed for, else 0.
    pub const REDEMPTION_UNDERLYING: usize = 520;
    /// Of what is lent and of loans: u64, the mint's units; u64, shares that it is divided into; two u64, low word first, what
    /// a share is worth, in 2^-64 units.
    pub const LENT: usize = 528;
    pub const LOANS: usize = 560;
    pub const SHARES: usize = 8;
    pub const INDEX_LOW: usize = 16;
    pub const INDEX_HIGH: usize = 24;
    /// u64, the mint's units: what the bank keeps.
    pub const RESERVE: usize = 592;
}

/// Offsets in a market account of 2,048 bytes.
pub(crate) mod market {
    /// u16.
    pub const INDEX: usize = 10;
    /// u16: index of the underlying asset.
    pub const ASSET: usize = 12;
    /// Address of the pool.
    pub const POOL: usize = 16;
    /// i64, 1e-9 contracts: sums of the long and of the short positions, both positive.
    pub const LONG: usize = 168;
    pub const SHORT: usize = 176;
    /// i64, settlement units: variation paid in and not yet out.
    pub const VARIATION_POOL: usize = 184;
    /// i64, settlement units.
    pub const ACCRUED_FEES: usize = 192;
    /// i64, settlement units.
    pub const ROUNDING: usize = 200;
    /// i64, 1e-6; then i64s, 1e-9 USD: what the last refresh recorded.
    pub const PREMIUM: usize = 120;
    pub const MARK: usize = 128;
    pub const INDEX_PRICE: usize = 136;
    /// i64, 1e-9 USD a contract: cumulative funding.
    pub const FUNDING: usize = 208;
    /// i64, settlement units, and i64, 1e-18 USD.
    pub const FUNDING_APPLIED: usize = 376;
    pub const FUNDING_DUST: usize = 384;
    /// i64, settlement units: cash that trades of options left; u64, haircuts that it has borne; two u64, low word first, what a unit
    /// was worth then.
    pub const OPTION_CASH: usize = 688;
    pub const OPTION_HAIRCUTS: usize = 696;
    pub const OPTION_FACTOR: usize = 704;
    /// 32 u32, minutes of unix time: the expiries, zero where free.
    pub const EXPIRIES: usize = 232;
    pub const EXPIRY_ROOM: usize = 32;
    /// i64, settlement units: forgiven and not charged.
    pub const HAIRCUT: usize = 608;
    /// u32: rounds of haircuts so far; i64, unix time, 0 while none stands.
    pub const ROUND: usize = 616;
    pub const ROUND_ENDS: usize = 624;
    /// i64 each, settlement units: of the last round, what was forgiven, gains registered, and of them not charged.
    pub const FORGIVEN: usize = 632;
    pub const GAINS: usize = 640;
    pub const UNCHARGED: usize = 648;
    /// i64, settlement units: charged in it.
    pub const CHARGED: usize = 656;
    /// i64, unix time: its first opening; i64, settlement units: forgiven and in no round yet.
    pub const ROUND_FIRST: usize = 760;
    pub const CARRIED: usize = 768;
}

/// Offsets in an expiry account of 10,240 bytes.
pub(crate) mod expiry {
    /// u16: index of the market.
    pub const MARKET: usize = 10;
    /// u16: index of the underlying asset.
    pub const ASSET: usize = 12;
    /// u8: strikes listed.
    pub const STRIKE_COUNT: usize = 14;
    /// Address of the pool.
    pub const POOL: usize = 16;
    /// i64, unix time.
    pub const TIME: usize = 48;
    /// i64, 1e-9 contracts: sums of the long positions in the future, then in calls and in puts by strike slot.
    pub const FUTURES: usize = 112;
    pub const CALLS: usize = 120;
    pub const PUTS: usize = 312;
    pub const STRIKE_ROOM: usize = 24;
    /// 24 strikes of 384 bytes, each beginning with its price, i64, 1e-9 USD.
    pub const STRIKES: usize = 504;
    pub const STRIKE_SIZE: usize = 384;
    /// i64, 1e-9 USD: what its positions are settled at, 0 while there is none.
    pub const SETTLEMENT_PRICE: usize = 9_720;
    /// i64, settlement units: sum of the values that positions were settled to.
    pub const SETTLED: usize = 9_728;
    /// Two u64, low word first, 1e-9 contracts: held short and not settled, all instruments together.
    pub const SHORT_LOW: usize = 9_736;
    pub const SHORT_HIGH: usize = 9_744;
}

/// Offsets in an insurance account of 512 bytes.
pub(crate) mod insurance {
    /// Address of the pool.
    pub const POOL: usize = 16;
    /// u64, settlement units.
    pub const CAPITAL: usize = 48;
    pub const STAKED: usize = 56;
    /// Two u64, low word first: shares of all stakes.
    pub const SHARES: usize = 64;
    /// u64, settlement units: what insolvent auctions may still be paid.
    pub const RESERVED: usize = 80;
    /// u64: shares of an earlier era are worth nothing.
    pub const ERA: usize = 104;
}

/// Offsets in a stake account of 256 bytes.
pub(crate) mod stake {
    /// Address of the pool.
    pub const POOL: usize = 16;
    /// u64.
    pub const ERA: usize = 80;
    /// Two u64, low word first.
    pub const SHARES: usize = 88;
    pub const REQUESTED: usize = 104;
    /// i64, unix time, 0 without a request.
    pub const REQUESTED_AT: usize = 120;
}

/// Offsets in a portfolio account of 5,376 bytes.
pub(crate) mod portfolio {
    /// u8: how many of the slots are in use.
    pub const BALANCE_COUNT: usize = 12;
    pub const POSITION_COUNT: usize = 13;
    /// Address of the pool.
    pub const POOL: usize = 16;
    /// i64, settlement units.
    pub const CASH: usize = 152;
    /// i64, unix time, 0 while no auction runs.
    pub const AUCTION_START: usize = 160;
    /// u8: 1 where the auction began insolvent.
    pub const AUCTION_INSOLVENT: usize = 168;
    /// u64, settlement units: the auction's greatest payout, and what was paid of it.
    pub const AUCTION_RESERVED: usize = 176;
    pub const AUCTION_PAID: usize = 184;
    /// 16 balances of 32 bytes.
    pub const BALANCES: usize = 208;
    pub const BALANCE_SIZE: usize = 32;
    pub const BALANCE_ROOM: usize = 16;
    /// 48 positions of 72 bytes.
    pub const POSITIONS: usize = 720;
    pub const POSITION_SIZE: usize = 72;
    pub const POSITION_ROOM: usize = 48;
    /// u64, settlement units: part of the cash that is held back; what left during the shortage of the era behind it.
    pub const HELD: usize = 4_944;
    pub const LEFT: usize = 4_952;
    pub const SHORTAGE_ERA: usize = 4_960;
    /// u64: haircuts that the cash has borne; two u64 each, the factors then of what is free and what is held back.
    pub const HAIRCUTS: usize = 4_968;
    pub const FREE_FACTOR: usize = 4_976;
    pub const HELD_FACTOR: usize = 4_992;
}

/// Offsets in a balance.
pub(crate) mod balance {
    /// u16: index of the asset.
    pub const ASSET: usize = 0;
    /// u8: 1 where the asset had a market when the balance was opened.
    pub const UNDERLYING: usize = 2;
    /// u16: index of what a yield-bearing asset is redeemed for, else 0.
    pub const REDEMPTION_UNDERLYING: usize = 4;
    /// u64 each: tokens that are not lent; shares of what is lent; shares of loans.
    pub const AMOUNTS: [usize; 3] = [8, 16, 24];
}

/// Offsets in a position.
pub(crate) mod position {
    /// u64: the market's index in the highest 16 bits.
    pub const INSTRUMENT: usize = 0;
    /// i64, 1e-9 contracts, long positive.
    pub const QUANTITY: usize = 8;
    /// i64, settlement units.
    pub const COST: usize = 16;
    /// i64, 1e-9 USD a contract: cumulative funding that the cost has. Of a perpetual only.
    pub const FUNDING: usize = 24;
    /// i64, settlement units: registered for a haircut and not charged.
    pub const GAIN: usize = 32;
    /// i64, settlement units: gains paid out less than an hour or so ago.
    pub const PENDING_OLD: usize = 40;
    pub const PENDING_NEW: usize = 48;
    /// u16: index of the underlying asset.
    pub const UNDERLYING: usize = 64;
    /// u32: the last round of haircuts that it was looked at in.
    pub const ROUND: usize = 68;
}

/// u64 in a token account of either token program.
pub(crate) const TOKEN_AMOUNT: usize = 64;
/// Index of the settlement asset.
const SETTLEMENT: u16 = 0;
/// CLR-36.
const MOST_UNDERLYINGS: usize = 8;
const MOST_ACCOUNTS: usize = 40;
const MOST_EXPIRIES: usize = 12;
/// CLR-15, 1e-6.
const MOST_PREMIUM: i128 = 5_000;
/// A settlement unit in units of a quantity times a price, 1e-18 USD.
const UNIT: i128 = 1_000_000_000_000;
/// More positions than any test settles in one expiry.
const MOST_ROUNDED: i128 = 1_000;

/// What an account is named by: its kind, then its index, or an expiry's market and minute.
type Name = (u8, u64);
const ASSETS: u8 = 0;
const MARKETS: u8 = 1;
const EXPIRIES: u8 = 2;

/// Kinds of instrument, the byte below the market's index.
pub(crate) const PERPETUAL: u64 = 1;
const FUTURE: u64 = 2;
pub(crate) const CALL: u64 = 3;
pub(crate) const PUT: u64 = 4;

pub(crate) fn market_of(instrument: u64) -> u16 {
    (instrument >> 48) as u16
}

pub(crate) fn kind_of(instrument: u64) -> u64 {
    (instrument >> 40) & 0xff
}

/// Market and minute of a dated instrument as one number.
fn expiry_of(instrument: u64) -> u64 {
    (u64::from(market_of(instrument)) << 32) | (instrument & 0xffff_ffff)
}

pub(crate) fn bytes<const N: usize>(data: &[u8], at: usize) -> [u8; N] {
    data[at..at + N].try_into().expect("a slice of this length")
}

pub(crate) fn u16_at(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(data, at))
}

pub(crate) fn u64_at(data: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(data, at))
}

/// Signed, widened so that sums cannot wrap.
pub(crate) fn i64_at(data: &[u8], at: usize) -> i128 {
    i128::from(i64::from_le_bytes(bytes(data, at)))
}

pub(crate) fn u128_at(data: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(bytes(data, at))
}

/// floor(amount·what a unit is worth now / what it was worth then).
fn worth(amount: u64, then: u128, now: u128) -> u128 {
    let parts = |factor: u128| if factor == 0 { (1 << 95, 0) } else { (factor & ((1 << 96) - 1), factor >> 96) };
    let ((then, earlier), (now, later)) = (parts(then), parts(now));
    // Bit by bit, the highest first.
    let (mut quotient, mut rest) = (0u128, 0u128);
    for bit in (0..64).rev() {
        rest = 2 * rest + ((amount >> bit) & 1) as u128 * now;
        quotient = 2 * quotient + rest / then;
        rest %= then;
    }
    let places = later.checked_sub(earlier).expect("what a unit is worth never rises");
    if places > 127 {
        0
    } else {
        quotient >> places
    }
}

/// Of the settlement asset, what its haircuts have left of free cash and of what is held back.
#[derive(Default)]
struct Haircuts {
    count: u64,
    era: u64,
    factors: [u128; 2],
}

impl Haircuts {
    fn of(settlement: &[u8]) -> Self {
        Self {
            count: u64_at(settlement, asset::HAIRCUTS),
            era: u64_at(settlement, asset::SHORTAGE_ERA),
            factors: [asset::FREE, asset::HELD].map(|at| u128_at(settlement, at + asset::FACTOR)),
        }
    }
}

/// What portfolios hold together.
#[derive(Default)]
struct Totals {
    /// Pending gains.
    pending: i128,
    /// Cash after all haircuts, rounded down: what is free, and what is held back.
    cash: [i128; 2],
    /// What left during the shortage that lasts.
    left: i128,
    /// Portfolios that have haircuts to bear.
    behind: i128,
    /// What was forgiven in rounds of markets that stand.
    forgiven: i128,
    /// What insolvent auctions may still be paid.
    reserved: i128,
    /// Tokens, shares of what is lent and of loans by asset, one entry a holder.
    balances: BTreeMap<u16, Vec<[i128; 3]>>,
    /// Quantity, positive quantity and cost by instrument.
    instruments: BTreeMap<u64, [i128; 3]>,
    /// Of perpetuals by market, quantities times the cumulative funding that their costs have.
    funded: BTreeMap<u16, i128>,
    /// Of each position by market: the round of haircuts, and the gain to charge.
    gains: BTreeMap<u16, Vec<(u32, i128)>>,
    /// Held options with a cost or pending gains, by market.
    priced: Vec<(u16, String)>,
}

/// Everything that does not hold in the pool, in words. Empty where all is well.
pub fn violations(accounts: &[Raw], pool: Key) -> Vec<String> {
    let of_kind = |kind: [u8; 8], pool_at: usize| {
        let of_kind = accounts.iter().filter(move |a| a.data.starts_with(&kind));
        of_kind.filter(move |a| bytes::<32>(&a.data, pool_at) == pool).map(|a| a.data.as_slice()).collect::<Vec<_>>()
    };
    let assets = of_kind(kind::ASSET, asset::POOL);
    let markets = of_kind(kind::MARKET, market::POOL);
    let expiries = of_kind(kind::EXPIRY, expiry::POOL);
    let portfolios = of_kind(kind::PORTFOLIO, portfolio::POOL);
    let underlyings: BTreeMap<u16, u16> =
        markets.iter().map(|m| (u16_at(m, market::INDEX), u16_at(m, market::ASSET))).collect();

    let redeemed: BTreeMap<u16, u16> =
        assets.iter().map(|a| (u16_at(a, asset::INDEX), u16_at(a, asset::REDEMPTION_UNDERLYING))).collect();

    let mut found = vec![];
    let mut totals = Totals::default();
    let settlement = assets.iter().find(|a| u16_at(a, asset::INDEX) == SETTLEMENT);
    let haircuts = settlement.map_or_else(Haircuts::default, |a| Haircuts::of(a));
    for data in &portfolios {
        check_cash(data, &haircuts, &mut totals, &mut found);
        check_portfolio(data, &underlyings, &redeemed, &mut totals, &mut found);
    }
    let mut variation_pools = 0;
    for data in &markets {
        variation_pools += i64_at(data, market::VARIATION_POOL);
        let index = u16_at(data, market::INDEX);
        let of_market: Vec<&[u8]> = expiries.iter().copied().filter(|e| u16_at(e, expiry::MARKET) == index).collect();
        check_market(data, &of_market, &totals, &mut found);
        keep_cash(data, &haircuts, &mut totals);
    }
    let insured = of_kind(kind::INSURANCE, insurance::POOL);
    let stakes = of_kind(kind::STAKE, stake::POOL);
    let (mut fund, mut short) = (0, 0);
    match insured.as_slice() {
        [data] => {
            fund = i128::from(u64_at(data, insurance::CAPITAL)) + i128::from(u64_at(data, insurance::STAKED));
            short = (i128::from(u64_at(data, insurance::RESERVED)) - fund).max(0);
            check_insurance(data, &stakes, totals.reserved, &mut found);
        }
        _ => found.push(format!("CLR-32: {} insurance funds", insured.len())),
    }
    for data in &assets {
        let vault: Key = bytes(data, asset::VAULT);
        let vault = accounts.iter().find(|a| a.address == vault).map(|a| u64_at(&a.data, TOKEN_AMOUNT));
        check_asset(data, vault, (totals.pending + variation_pools, fund), &totals, &mut found);
    }
    if let Some(data) = settlement {
        check_claims(data, short, &totals, &mut found);
    }
    let mut known = BTreeSet::new();
    for data in &expiries {
        check_expiry(data, &underlyings, &totals, &mut known, &mut found);
    }
    for (instrument, [net, positive, _]) in &totals.instruments {
        let listed = match kind_of(*instrument) {
            PERPETUAL => *instrument & 0xff_ffff_ffff == 0 && underlyings.contains_key(&market_of(*instrument)),
            // What was settled may outlive its expiry.
            _ => known.contains(instrument) || (*net, *positive) == (0, 0),
        };
        if !listed {
            found.push(format!("CLR-01: instrument {instrument:#x} is not listed"));
        }
    }
    found
}

/// How many assets, markets and portfolios of a pool there are to check.
pub fn counts(accounts: &[Raw], pool: Key) -> [usize; 3] {
    let kinds = [(kind::ASSET, asset::POOL), (kind::MARKET, market::POOL), (kind::PORTFOLIO, portfolio::POOL)];
    kinds.map(|(kind, at)| {
        accounts.iter().filter(|a| a.data.starts_with(&kind) && bytes::<32>(&a.data, at) == pool).count()
    })
}

/// What cash is worth, and what is held back of it.
fn check_cash(data: &[u8], haircuts: &Haircuts, totals: &mut Totals, found: &mut Vec<String>) {
    let (cash, held) = (i64_at(data, portfolio::CASH), i128::from(u64_at(data, portfolio::HELD)));
    let (borne, era) = (u64_at(data, portfolio::HAIRCUTS), u64_at(data, portfolio::SHORTAGE_ERA));
    if cash < held || borne > haircuts.count || era > haircuts.era {
        found.push(format!("CLR-35: {held} of {cash} is held back, haircut {borne}, era {era}"));
        return;
    }
    let then = [portfolio::FREE_FACTOR, portfolio::HELD_FACTOR].map(|at| u128_at(data, at));
    if borne == haircuts.count && cash != 0 && then != haircuts.factors {
        found.push(format!("CLR-32: all {borne} haircuts were borne, to {then:?} and not to {:?}", haircuts.factors));
    }
    let amounts = [(cash - held) as u64, held as u64];
    for kind in [0, 1] {
        let worth = if borne == haircuts.count {
            amounts[kind].into()
        } else {
            worth(amounts[kind], then[kind], haircuts.factors[kind])
        };
        totals.cash[kind] += worth as i128;
    }
    totals.behind += i128::from(borne != haircuts.count);
    if era == haircuts.era {
        totals.left += i128::from(u64_at(data, portfolio::LEFT));
    }
}

/// What trades of options left in a market is cash like that of a portfolio; what was forgiven there, deposits may have to pay.
fn keep_cash(data: &[u8], haircuts: &Haircuts, totals: &mut Totals) {
    let cash = u64_at(data, market::OPTION_CASH);
    let behind = cash != 0 && u64_at(data, market::OPTION_HAIRCUTS) != haircuts.count;
    let then = u128_at(data, market::OPTION_FACTOR);
    totals.cash[0] += if behind { worth(cash, then, haircuts.factors[0]) as i128 } else { cash.into() };
    totals.behind += i128::from(behind);
    if i64_at(data, market::ROUND_ENDS) != 0 {
        totals.forgiven += i64_at(data, market::FORGIVEN);
    }
}

/// The counters of all cash, against what portfolios and markets claim of it.
fn check_claims(data: &[u8], short: i128, totals: &Totals, found: &mut Vec<String>) {
    let field = |at: usize| i128::from(u64_at(data, at));
    let haircuts = field(asset::HAIRCUTS);
    for (kind, at, claims) in [("free", asset::FREE, totals.cash[0]), ("held", asset::HELD, totals.cash[1])] {
        let (sum, fraction) = (field(at), field(at + asset::FRACTION));
        // The factor itself is rounded: by less than a unit over all.
        let most = if haircuts == 0 { claims } else { claims + totals.behind + 1 };
        if !(claims..=most).contains(&sum) || fraction >> 32 != 0 || haircuts == 0 && fraction != 0 {
            found.push(format!(
                "CLR-32: {kind} cash counts {sum} and {fraction}/2^32, {} claim {claims}",
                totals.behind
            ));
        }
    }
    let (shortage, left, forgiven) = (field(asset::SHORTAGE), field(asset::LEFT), field(asset::FORGIVEN));
    if shortage != short || left != totals.left || shortage + forgiven == 0 && left != 0 {
        found.push(format!("CLR-35: short of {shortage}, is {short}; {left} left, of portfolios {}", totals.left));
    }
    if forgiven != totals.forgiven {
        found.push(format!("CLR-35: {forgiven} forgiven in rounds that stand, of markets {}", totals.forgiven));
    }
    if haircuts == 0 && field(asset::DUST) != 0 {
        found.push("CLR-32: dust without a haircut".to_string());
    }
}

fn check_portfolio(
    data: &[u8],
    underlyings: &BTreeMap<u16, u16>,
    redeemed: &BTreeMap<u16, u16>,
    totals: &mut Totals,
    found: &mut Vec<String>,
) {
    let cash = i64_at(data, portfolio::CASH);
    if cash < 0 {
        found.push(format!("cash is negative: {cash}"));
    }

    let [reserved, paid] =
        [portfolio::AUCTION_RESERVED, portfolio::AUCTION_PAID].map(|at| i128::from(u64_at(data, at)));
    totals.reserved += reserved - paid;
    let insolvent = data[portfolio::AUCTION_INSOLVENT] != 0;
    if paid > reserved || !insolvent && reserved != 0 || insolvent && i64_at(data, portfolio::AUCTION_START) == 0 {
        found.push(format!("CLR-31: {paid} was paid of a reserve of {reserved}, insolvent {insolvent}"));
    }

    let mut named: BTreeSet<Name> = BTreeSet::from([(ASSETS, u64::from(SETTLEMENT))]);
    let mut held: BTreeSet<u16> = BTreeSet::new();
    let count = usize::from(data[portfolio::BALANCE_COUNT]);
    let mut last = None;
    for slot in 0..portfolio::BALANCE_ROOM {
        let at = portfolio::BALANCES + slot * portfolio::BALANCE_SIZE;
        let entry = &data[at..at + portfolio::BALANCE_SIZE];
        if slot >= count {
            if entry.iter().any(|b| *b != 0) {
                found.push(format!("balance slot {slot} beyond the count {count} is not zero"));
            }
            continue;
        }
        let amounts = balance::AMOUNTS.map(|at| i128::from(u64_at(entry, at)));
        let asset = u16_at(entry, balance::ASSET);
        if last >= Some(asset) {
            found.push(format!("balance of asset {asset} is out of order"));
        }
        last = Some(asset);
        if amounts == [0; 3] || asset == SETTLEMENT && amounts[0] != 0 {
            found.push(format!("balance of asset {asset} holds {amounts:?}"));
        }
        named.insert((ASSETS, u64::from(asset)));
        if entry[balance::UNDERLYING] != 0 {
            held.insert(asset);
        }
        let underlying = u16_at(entry, balance::REDEMPTION_UNDERLYING);
        if redeemed.get(&asset) != Some(&underlying) {
            found.push(format!("balance of asset {asset} names {underlying} as what it is redeemed for"));
        }
        if underlying != SETTLEMENT {
            named.insert((ASSETS, u64::from(underlying)));
            held.insert(underlying);
        }
        totals.balances.entry(asset).or_default().push(amounts);
    }

    let count = usize::from(data[portfolio::POSITION_COUNT]);
    let mut last = None;
    for slot in 0..portfolio::POSITION_ROOM {
        let at = portfolio::POSITIONS + slot * portfolio::POSITION_SIZE;
        let entry = &data[at..at + portfolio::POSITION_SIZE];
        if slot >= count {
            if entry.iter().any(|b| *b != 0) {
                found.push(format!("position slot {slot} beyond the count {count} is not zero"));
            }
            continue;
        }
        let instrument = u64_at(entry, position::INSTRUMENT);
        let (quantity, cost) = (i64_at(entry, position::QUANTITY), i64_at(entry, position::COST));
        let pending = [position::PENDING_OLD, position::PENDING_NEW].map(|at| i64_at(entry, at));
        if last >= Some(instrument) {
            found.push(format!("position in {instrument:#x} is out of order"));
        }
        last = Some(instrument);
        let gain = i64_at(entry, position::GAIN);
        if quantity == 0 && cost == 0 && pending == [0, 0] && gain == 0 {
            found.push(format!("position in {instrument:#x} is empty"));
        }
        if pending.iter().any(|p| *p < 0) {
            found.push(format!("pending gains in {instrument:#x} are negative: {pending:?}"));
        }
        if [CALL, PUT].contains(&kind_of(instrument)) && quantity != 0 && (cost, pending) != (0, [0, 0]) {
            let text = format!("option {instrument:#x} has cost {cost} and pending gains {pending:?}");
            totals.priced.push((market_of(instrument), text));
        }
        let (market, underlying) = (market_of(instrument), u16_at(entry, position::UNDERLYING));
        if underlyings.get(&market) != Some(&underlying) {
            found.push(format!("position in market {market} names underlying {underlying}"));
        }
        named.extend([(MARKETS, u64::from(market)), (ASSETS, u64::from(underlying))]);
        if kind_of(instrument) != PERPETUAL && quantity != 0 {
            named.insert((EXPIRIES, expiry_of(instrument)));
        }
        held.insert(underlying);
        let funding = i64_at(entry, position::FUNDING);
        if kind_of(instrument) == PERPETUAL {
            *totals.funded.entry(market).or_default() += quantity * funding;
        }
        if kind_of(instrument) != PERPETUAL && funding != 0 {
            found.push(format!("position in {instrument:#x} has funding {funding}"));
        }
        let round = u32::from_le_bytes(bytes(entry, position::ROUND));
        totals.gains.entry(market).or_default().push((round, gain));
        totals.pending += pending[0] + pending[1];
        let total = totals.instruments.entry(instrument).or_default();
        *total = [total[0] + quantity, total[1] + quantity.max(0), total[2] + cost];
    }
    let expiries = named.iter().filter(|(kind, _)| *kind == EXPIRIES).count();
    if held.len() > MOST_UNDERLYINGS || named.len() > MOST_ACCOUNTS || expiries > MOST_EXPIRIES {
        found.push(format!("CLR-36: {} underlyings, {} accounts, {expiries} expiries", held.len(), named.len()));
    }
}

fn check_market(data: &[u8], expiries: &[&[u8]], totals: &Totals, found: &mut Vec<String>) {
    let index = u16_at(data, market::INDEX);
    let fixed = expiries.iter().filter(|e| i64_at(e, expiry::SETTLEMENT_PRICE) != 0);
    let fixed: BTreeSet<u64> = fixed.map(|e| u64_at(e, expiry::TIME) / 60).collect();
    let (mut net, mut positive, mut costs) = (0, 0, 0);
    for (instrument, [n, p, c]) in totals.instruments.iter().filter(|(i, _)| market_of(**i) == index) {
        if *n != 0 && !fixed.contains(&(*instrument & 0xffff_ffff)) {
            found.push(format!("CLR-01: instrument {instrument:#x} is {n} out of balance"));
        }
        if kind_of(*instrument) == PERPETUAL {
            (net, positive) = (net + n, positive + p);
        }
        costs += c;
    }
    let (long, short) = (i64_at(data, market::LONG), i64_at(data, market::SHORT));
    if long != positive || short != positive || net != 0 {
        found.push(format!("CLR-01: market {index} counts {long} long, {short} short, holders {positive}"));
    }
    let pool = i64_at(data, market::VARIATION_POOL);
    let applied = i64_at(data, market::FUNDING_APPLIED);
    let kept = i64_at(data, market::ACCRUED_FEES) + i64_at(data, market::ROUNDING) + applied;
    if pool < 0 {
        found.push(format!("market {index} has a variation pool of {pool}"));
    }
    let settled: i128 = expiries.iter().map(|e| i64_at(e, expiry::SETTLED)).sum();
    let (haircut, cash) = (i64_at(data, market::HAIRCUT), i64_at(data, market::OPTION_CASH));
    if pool + cash + costs + settled + haircut != kept || cash < 0 {
        let parts =
            format!("pool {pool} + cash of options {cash} + costs {costs} + settled {settled} + haircut {haircut}");
        found.push(format!("CLR-01: market {index}: {parts} is not fees, rounding and funding {kept}"));
    }
    check_haircut(data, totals, found);
    let owed = net * i64_at(data, market::FUNDING) - totals.funded.get(&index).unwrap_or(&0);
    let dust = i64_at(data, market::FUNDING_DUST);
    if applied * UNIT + owed != dust || !(0..UNIT).contains(&dust) {
        found.push(format!("CLR-11: market {index}: funding applied {applied} and pending {owed} leave {dust}"));
    }
    let [premium, mark, price] = [market::PREMIUM, market::MARK, market::INDEX_PRICE].map(|at| i64_at(data, at));
    if premium.abs() > MOST_PREMIUM || mark != (price * (1_000_000 + premium)).div_euclid(1_000_000) {
        found.push(format!("CLR-15: market {index}: premium {premium}, mark {mark} of {price}"));
    }
    let slots = (0..market::EXPIRY_ROOM).map(|slot| market::EXPIRIES + 4 * slot);
    let listed: Vec<u32> = slots.map(|at| u32::from_le_bytes(bytes(data, at))).collect();
    let mut there: Vec<u32> = expiries.iter().map(|e| (u64_at(e, expiry::TIME) / 60) as u32).collect();
    there.sort_unstable();
    there.resize(market::EXPIRY_ROOM.max(there.len()), 0);
    if listed != there {
        found.push(format!("CLR-12: market {index} lists {listed:?}, there are {there:?}"));
    }
}

/// Seconds of the window of a round, and of all of them together; settlement units that no round is opened for.
const ROUND_WINDOW: i128 = 7_200;
const LONGEST_ROUND: i128 = 86_400;
const LEAST_HAIRCUT: i128 = 100_000_000;

/// The round of haircuts of a market, and the gains that are registered in it.
fn check_haircut(data: &[u8], totals: &Totals, found: &mut Vec<String>) {
    let index = u16_at(data, market::INDEX);
    let round = u32::from_le_bytes(bytes(data, market::ROUND));
    let stands = i64_at(data, market::ROUND_ENDS) != 0;
    let [haircut, forgiven, gains] = [market::HAIRCUT, market::FORGIVEN, market::GAINS].map(|at| i64_at(data, at));
    let [uncharged, charged] = [market::UNCHARGED, market::CHARGED].map(|at| i64_at(data, at));
    let none = vec![];
    let held = totals.gains.get(&index).unwrap_or(&none);
    // Those of an earlier round, or of an earlier opening of this one, are void.
    let of_round = held.iter().all(|(of, gain)| *of <= round && *gain >= 0);
    let sum: i128 = held.iter().filter(|(of, _)| *of == round).map(|(_, gain)| gain).sum();
    if !of_round || sum != uncharged || uncharged > gains || !stands && uncharged != 0 {
        found.push(format!("CLR-32: market {index}: gains of {sum} in round {round}, {uncharged} of {gains} counted"));
    }
    // Each gain is charged its share, less than a unit beyond it, and never beyond itself.
    let done = gains - uncharged;
    let share = (forgiven * done).div_euclid(gains.max(1)).min(done);
    if !(share..=done.min(share + MOST_ROUNDED)).contains(&charged) {
        found.push(format!("CLR-32: market {index}: {charged} of {forgiven} charged for {done} of {gains}"));
    }
    let [carried, ends, first] = [market::CARRIED, market::ROUND_ENDS, market::ROUND_FIRST].map(|at| i64_at(data, at));
    let least = carried + if stands { (forgiven - charged).max(0) } else { 0 };
    if haircut < least || !(0..LEAST_HAIRCUT).contains(&carried) || stands && (round == 0 || forgiven < 0) {
        let text = format!("{haircut} left of {forgiven} and {carried} in round {round}, stands {stands}");
        found.push(format!("CLR-32: market {index}: {text}"));
    }
    if stands && !(first + ROUND_WINDOW..=first + LONGEST_ROUND).contains(&ends) {
        found.push(format!("CLR-32: market {index}: round {round} of {first} ends at {ends}"));
    }
    let priced = totals.priced.iter().filter(|(of, _)| *of == index && round == 0 && haircut == 0);
    found.extend(priced.map(|(_, text)| text.clone()));
}

/// Open interest of an expiry's future and options, and that no other instrument of it is held. `known` takes its instruments.
fn check_expiry(
    data: &[u8],
    underlyings: &BTreeMap<u16, u16>,
    totals: &Totals,
    known: &mut BTreeSet<u64>,
    found: &mut Vec<String>,
) {
    let (market, time) = (u16_at(data, expiry::MARKET), u64_at(data, expiry::TIME));
    if underlyings.get(&market) != Some(&u16_at(data, expiry::ASSET)) || time % 60 != 0 {
        found.push(format!("expiry {time} of market {market} names another underlying, or no minute"));
    }
    let listed = usize::from(data[expiry::STRIKE_COUNT]);
    let (price, settled) = (i64_at(data, expiry::SETTLEMENT_PRICE), i64_at(data, expiry::SETTLED));
    let strike = |slot: usize| i64_at(data, expiry::STRIKES + slot * expiry::STRIKE_SIZE);
    let (mut short, mut held_worth) = (0, 0);
    let mut check = |kind: u64, slot: usize, at: usize| {
        let instrument = (u64::from(market) << 48) | (kind << 40) | ((slot as u64) << 32) | (time / 60);
        let open = i64_at(data, at);
        let [net, held, _] = totals.instruments.get(&instrument).copied().unwrap_or_default();
        if open != held {
            found.push(format!("CLR-01: instrument {instrument:#x} counts {open} open, holders {held}"));
        }
        short += held - net;
        held_worth += net
            * match kind {
                FUTURE => price,
                CALL => (price - strike(slot)).max(0),
                _ => (strike(slot) - price).max(0),
            };
        known.insert(instrument);
    };
    check(FUTURE, 0, expiry::FUTURES);
    for slot in 0..listed.min(expiry::STRIKE_ROOM) {
        check(CALL, slot, expiry::CALLS + 8 * slot);
        check(PUT, slot, expiry::PUTS + 8 * slot);
    }
    let counted = (i64_at(data, expiry::SHORT_HIGH) << 64) + i128::from(u64_at(data, expiry::SHORT_LOW));
    if counted != if price == 0 { 0 } else { short } {
        found.push(format!("CLR-12: expiry {time} of market {market} counts {counted} short, holders {short}"));
    }
    // In 1e-18 USD; each of the settled positions lost less than a unit.
    let sum = settled * UNIT + held_worth;
    if price < 0 || price == 0 && settled != 0 || price > 0 && !(-MOST_ROUNDED * UNIT..=0).contains(&sum) {
        found
            .push(format!("CLR-12: expiry {time} of market {market}: {settled} settled at {price}, {held_worth} held"));
    }
}

/// Reserves, and the shares of stakers.
fn check_insurance(data: &[u8], stakes: &[&[u8]], reserved: i128, found: &mut Vec<String>) {
    let counted = i128::from(u64_at(data, insurance::RESERVED));
    if counted != reserved {
        found.push(format!("CLR-35: {counted} is reserved, auctions may be paid {reserved}"));
    }
    let (staked, shares) = (u128::from(u64_at(data, insurance::STAKED)), u128_at(data, insurance::SHARES));
    if staked > shares || shares > staked << 32 {
        found.push(format!("CLR-35: {shares} shares of a stake of {staked}"));
    }
    let (mut held, mut claims) = (0, 0);
    for stake in stakes {
        let (own, requested) = (u128_at(stake, stake::SHARES), u128_at(stake, stake::REQUESTED));
        let none = u64_at(stake, stake::REQUESTED_AT) == 0;
        if requested > own || (requested == 0) != none {
            found.push(format!("CLR-35: {requested} of {own} shares are requested, or no time is named"));
        }
        if u64_at(stake, stake::ERA) == u64_at(data, insurance::ERA) {
            held += own;
            claims += own.checked_mul(staked).map_or(0, |product| product / shares.max(1));
        }
    }
    if held != shares || claims > staked {
        found.push(format!("CLR-35: stakers hold {held} of {shares} shares and claim {claims} of {staked}"));
    }
}

/// `money` are pending gains and variation pools, and what insurance holds: with cash, the claims on the settlement vault.
fn check_asset(data: &[u8], vault: Option<u64>, money: (i128, i128), totals: &Totals, found: &mut Vec<String>) {
    let index = u16_at(data, asset::INDEX);
    let Some(vault) = vault.map(i128::from) else {
        found.push(format!("CLR-02: asset {index} has no vault"));
        return;
    };
    let none = vec![];
    let holders = totals.balances.get(&index).unwrap_or(&none);
    let [tokens, lent_shares, loan_shares] = [0, 1, 2].map(|at| holders.iter().map(|h| h[at]).sum::<i128>());
    let field = |at: usize| i128::from(u64_at(data, at));
    let (deposits, cash) = (field(asset::DEPOSITS), field(asset::CASH));
    let (lent, loans, reserve) = (field(asset::LENT), field(asset::LOANS), field(asset::RESERVE));
    let (mut claims, fund) = if index == SETTLEMENT { money } else { (0, 0) };
    claims += field(asset::FREE) + field(asset::HELD) + field(asset::DUST);
    if vault != deposits + cash + fund + lent + reserve - loans || cash != claims || deposits != tokens {
        let bank = format!("bank {lent} + {reserve} - {loans}");
        found.push(format!(
            "CLR-02a: asset {index}: vault {vault}, deposits {deposits} of {tokens}, cash {cash} of {claims}, insurance {fund}, {bank}"
        ));
    }
    for (what, at, held, shares) in
        [("lent", asset::LENT, lent, lent_shares), ("loans", asset::LOANS, loans, loan_shares)]
    {
        let bank = field(at + asset::SHARES);
        if shares != bank {
            found.push(format!("CLR-02b: asset {index}, {what}: holders have {shares} shares, the bank {bank}"));
        }
        let [low, high] = [asset::INDEX_LOW, asset::INDEX_HIGH].map(|word| field(at + word));
        // Rounded down what is owned, rounded up what is owed.
        let up = if what == "loans" { (1i128 << 64) - 1 } else { 0 };
        let of = |h: &[i128; 3]| if what == "loans" { h[2] } else { h[1] };
        let claims: i128 = holders.iter().map(|h| high * of(h) + ((low * of(h) + up) >> 64)).sum();
        let dust = if what == "loans" { claims - held } else { held - claims };
        if dust < 0 || dust > 0 && dust >= holders.len() as i128 {
            found.push(format!("CLR-02c: asset {index}, {what}: counter {held}, claims {claims}"));
        }
    }
}
