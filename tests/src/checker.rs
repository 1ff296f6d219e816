//! Verifies what must hold after every instruction, from account bytes alone.
//!
//! Nothing here is shared with the program, its client or the margin crate: kinds are told by the first eight bytes and
//! fields are read at the offsets below, written down by hand from the layout that the program promises never to move.
//!
//! - CLR-01: of every instrument, quantities over all portfolios sum to zero, and its open interest, in the market or the
//!   expiry, is the sum of the long ones. The market's ledger is closed: variation pool and costs are fees and rounding.
//!   Options have no cost and no pending gains.
//! - CLR-02: (a) vaults hold exactly what the counters say; (b) shares of all portfolios are the bank's shares; (c) the
//!   floored claims fall short of the deposits by less than one unit a holder.
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
mod kind {
    pub const ASSET: [u8; 8] = [0xea, 0xb4, 0xf1, 0xfc, 0x8b, 0xe0, 0xa0, 0x08];
    pub const MARKET: [u8; 8] = [0xdb, 0xbe, 0xd5, 0x37, 0x00, 0xe3, 0xc6, 0x9a];
    pub const EXPIRY: [u8; 8] = [0x07, 0x65, 0x53, 0xd2, 0xec, 0xb9, 0x25, 0x54];
    pub const INSURANCE: [u8; 8] = [0xec, 0x7e, 0x78, 0x9b, 0xb2, 0xfd, 0x91, 0x96];
    pub const STAKE: [u8; 8] = [0x96, 0xc5, 0xb0, 0x1d, 0x37, 0x84, 0x70, 0x95];
    pub const PORTFOLIO: [u8; 8] = [0x5e, 0x9e, 0x47, 0xf5, 0x7a, 0x66, 0x6e, 0xe1];
}

/// Offsets in an asset account of 1,024 bytes.
mod asset {
    /// u16.
    pub const INDEX: usize = 12;
    /// Address of the pool.
    pub const POOL: usize = 24;
    /// Address of the token account that holds the deposits.
    pub const VAULT: usize = 88;
    /// u64, the mint's units: deposits of all balances.
    pub const DEPOSITS: usize = 408;
    /// u64: shares that the deposits are divided into.
    pub const DEPOSIT_SHARES: usize = 416;
    /// Two u64, low word first: what a share is worth, in 2^-64 units.
    pub const INDEX_LOW: usize = 424;
    pub const INDEX_HIGH: usize = 432;
    /// u64, settlement asset only: cash, pending gains and variation pools of the pool.
    pub const CASH: usize = 440;
    /// u16: index of what a yield-bearing asset is redeemed for, else 0.
    pub const REDEMPTION_UNDERLYING: usize = 544;
}

/// Offsets in a market account of 2,048 bytes.
mod market {
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
}

/// Offsets in an expiry account of 10,240 bytes.
mod expiry {
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
}

/// Offsets in an insurance account of 512 bytes.
mod insurance {
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
mod stake {
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
mod portfolio {
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
}

/// Offsets in a balance.
mod balance {
    /// u16: index of the asset.
    pub const ASSET: usize = 0;
    /// u8: 1 where the asset had a market when the balance was opened.
    pub const UNDERLYING: usize = 3;
    /// u16: index of what a yield-bearing asset is redeemed for, else 0.
    pub const REDEMPTION_UNDERLYING: usize = 4;
    /// i64.
    pub const SHARES: usize = 8;
}

/// Offsets in a position.
mod position {
    /// u64: the market's index in the highest 16 bits.
    pub const INSTRUMENT: usize = 0;
    /// i64, 1e-9 contracts, long positive.
    pub const QUANTITY: usize = 8;
    /// i64, settlement units.
    pub const COST: usize = 16;
    /// i64, settlement units: gains paid out less than an hour or so ago.
    pub const PENDING_OLD: usize = 40;
    pub const PENDING_NEW: usize = 48;
    /// u16: index of the underlying asset.
    pub const UNDERLYING: usize = 64;
}

/// u64 in a token account of either token program.
const TOKEN_AMOUNT: usize = 64;
/// Index of the settlement asset.
const SETTLEMENT: u16 = 0;
/// CLR-36.
const MOST_UNDERLYINGS: usize = 8;
const MOST_ACCOUNTS: usize = 40;
const MOST_EXPIRIES: usize = 12;

/// What an account is named by: its kind, then its index, or an expiry's market and minute.
type Name = (u8, u64);
const ASSETS: u8 = 0;
const MARKETS: u8 = 1;
const EXPIRIES: u8 = 2;

/// Kinds of instrument, the byte below the market's index.
const PERPETUAL: u64 = 1;
const FUTURE: u64 = 2;
const CALL: u64 = 3;
const PUT: u64 = 4;

fn market_of(instrument: u64) -> u16 {
    (instrument >> 48) as u16
}

fn kind_of(instrument: u64) -> u64 {
    (instrument >> 40) & 0xff
}

/// Market and minute of a dated instrument as one number.
fn expiry_of(instrument: u64) -> u64 {
    (u64::from(market_of(instrument)) << 32) | (instrument & 0xffff_ffff)
}

fn bytes<const N: usize>(data: &[u8], at: usize) -> [u8; N] {
    data[at..at + N].try_into().expect("a slice of this length")
}

fn u16_at(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(data, at))
}

fn u64_at(data: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(data, at))
}

/// Signed, widened so that sums cannot wrap.
fn i64_at(data: &[u8], at: usize) -> i128 {
    i128::from(i64::from_le_bytes(bytes(data, at)))
}

fn u128_at(data: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(bytes(data, at))
}

/// What portfolios hold together.
#[derive(Default)]
struct Totals {
    /// Cash and pending gains.
    money: i128,
    /// What insolvent auctions may still be paid.
    reserved: i128,
    /// Shares by asset, one entry a holder.
    shares: BTreeMap<u16, Vec<i128>>,
    /// Quantity, positive quantity and cost by instrument.
    instruments: BTreeMap<u64, [i128; 3]>,
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
    for data in &portfolios {
        check_portfolio(data, &underlyings, &redeemed, &mut totals, &mut found);
    }
    let mut variation_pools = 0;
    for data in &markets {
        variation_pools += i64_at(data, market::VARIATION_POOL);
        check_market(data, &totals, &mut found);
    }
    let insured = of_kind(kind::INSURANCE, insurance::POOL);
    let stakes = of_kind(kind::STAKE, stake::POOL);
    let mut fund = 0;
    match insured.as_slice() {
        [data] => {
            fund = i128::from(u64_at(data, insurance::CAPITAL)) + i128::from(u64_at(data, insurance::STAKED));
            check_insurance(data, &stakes, totals.reserved, &mut found);
        }
        _ => found.push(format!("CLR-32: {} insurance funds", insured.len())),
    }
    for data in &assets {
        let vault: Key = bytes(data, asset::VAULT);
        let vault = accounts.iter().find(|a| a.address == vault).map(|a| u64_at(&a.data, TOKEN_AMOUNT));
        check_asset(data, vault, (totals.money + variation_pools, fund), &totals, &mut found);
    }
    let mut known = BTreeSet::new();
    for data in &expiries {
        check_expiry(data, &underlyings, &totals, &mut known, &mut found);
    }
    for instrument in totals.instruments.keys() {
        let listed = match kind_of(*instrument) {
            PERPETUAL => *instrument & 0xff_ffff_ffff == 0 && underlyings.contains_key(&market_of(*instrument)),
            _ => known.contains(instrument),
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

fn check_portfolio(
    data: &[u8],
    underlyings: &BTreeMap<u16, u16>,
    redeemed: &BTreeMap<u16, u16>,
    totals: &mut Totals,
    found: &mut Vec<String>,
) {
    let cash = i64_at(data, portfolio::CASH);
    totals.money += cash;
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
        let (asset, shares) = (u16_at(entry, balance::ASSET), i64_at(entry, balance::SHARES));
        if last >= Some(asset) || asset == SETTLEMENT {
            found.push(format!("balance of asset {asset} is out of order"));
        }
        last = Some(asset);
        if shares <= 0 {
            found.push(format!("balance of asset {asset} has {shares} shares"));
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
        totals.shares.entry(asset).or_default().push(shares);
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
        if quantity == 0 && cost == 0 && pending == [0, 0] {
            found.push(format!("position in {instrument:#x} is empty"));
        }
        if pending.iter().any(|p| *p < 0) {
            found.push(format!("pending gains in {instrument:#x} are negative: {pending:?}"));
        }
        if [CALL, PUT].contains(&kind_of(instrument)) && (cost, pending) != (0, [0, 0]) {
            found.push(format!("option {instrument:#x} has cost {cost} and pending gains {pending:?}"));
        }
        let (market, underlying) = (market_of(instrument), u16_at(entry, position::UNDERLYING));
        if underlyings.get(&market) != Some(&underlying) {
            found.push(format!("position in market {market} names underlying {underlying}"));
        }
        named.extend([(MARKETS, u64::from(market)), (ASSETS, u64::from(underlying))]);
        if kind_of(instrument) != PERPETUAL {
            named.insert((EXPIRIES, expiry_of(instrument)));
        }
        held.insert(underlying);
        totals.money += pending[0] + pending[1];
        let total = totals.instruments.entry(instrument).or_default();
        *total = [total[0] + quantity, total[1] + quantity.max(0), total[2] + cost];
    }
    let expiries = named.iter().filter(|(kind, _)| *kind == EXPIRIES).count();
    if held.len() > MOST_UNDERLYINGS || named.len() > MOST_ACCOUNTS || expiries > MOST_EXPIRIES {
        found.push(format!("CLR-36: {} underlyings, {} accounts, {expiries} expiries", held.len(), named.len()));
    }
}

fn check_market(data: &[u8], totals: &Totals, found: &mut Vec<String>) {
    let index = u16_at(data, market::INDEX);
    let (mut net, mut positive, mut costs) = (0, 0, 0);
    for (instrument, [n, p, c]) in totals.instruments.iter().filter(|(i, _)| market_of(**i) == index) {
        if *n != 0 {
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
    let kept = i64_at(data, market::ACCRUED_FEES) + i64_at(data, market::ROUNDING);
    if pool < 0 {
        found.push(format!("market {index} has a variation pool of {pool}"));
    }
    if pool + costs != kept {
        found.push(format!("CLR-01: market {index}: pool {pool} + costs {costs} is not fees and rounding {kept}"));
    }
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
    let mut check = |kind: u64, slot: usize, at: usize| {
        let instrument = (u64::from(market) << 48) | (kind << 40) | ((slot as u64) << 32) | (time / 60);
        let open = i64_at(data, at);
        let held = totals.instruments.get(&instrument).map_or(0, |[_, positive, _]| *positive);
        if open != held {
            found.push(format!("CLR-01: instrument {instrument:#x} counts {open} open, holders {held}"));
        }
        known.insert(instrument);
    };
    check(FUTURE, 0, expiry::FUTURES);
    for slot in 0..listed.min(expiry::STRIKE_ROOM) {
        check(CALL, slot, expiry::CALLS + 8 * slot);
        check(PUT, slot, expiry::PUTS + 8 * slot);
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

/// `money` are the claims on the settlement vault: of portfolios and markets, and of insurance.
fn check_asset(data: &[u8], vault: Option<u64>, money: (i128, i128), totals: &Totals, found: &mut Vec<String>) {
    let index = u16_at(data, asset::INDEX);
    let Some(vault) = vault.map(i128::from) else {
        found.push(format!("CLR-02: asset {index} has no vault"));
        return;
    };
    let none = vec![];
    let holders = totals.shares.get(&index).unwrap_or(&none);
    let deposits = i128::from(u64_at(data, asset::DEPOSITS));
    let cash = i128::from(u64_at(data, asset::CASH));
    if index == SETTLEMENT {
        let (money, fund) = money;
        if vault != cash + fund || cash != money {
            found.push(format!("CLR-02a: vault {vault}, counter {cash}, claims {money}, insurance {fund}"));
        }
        if deposits != 0 || !holders.is_empty() {
            found.push(format!("CLR-02: settlement asset has deposits of {deposits}"));
        }
        return;
    }
    if vault != deposits || cash != 0 {
        found.push(format!("CLR-02a: asset {index}: vault {vault}, deposits {deposits}, cash {cash}"));
    }
    let shares: i128 = holders.iter().sum();
    let bank = i128::from(u64_at(data, asset::DEPOSIT_SHARES));
    if shares != bank {
        found.push(format!("CLR-02b: asset {index}: holders have {shares} shares, the bank {bank}"));
    }
    let [low, high] = [asset::INDEX_LOW, asset::INDEX_HIGH].map(|at| i128::from(u64_at(data, at)));
    let claims: i128 = holders.iter().map(|s| high * s + ((low * s) >> 64)).sum();
    let short = deposits - claims;
    if short < 0 || short > 0 && short >= holders.len() as i128 {
        found.push(format!("CLR-02c: asset {index}: deposits {deposits}, claims {claims}, {} holders", holders.len()));
    }
}
