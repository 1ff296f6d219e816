use anchor_lang::prelude::*;
use novate_margin::bank::Bank;
use novate_margin::collateral::HaircutTerms;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{volatility, Contracts, Price, Ratio, Seconds, UnderlyingFacts, Usd, Variance};

use super::{
    AssetField, Balance, Claims, Guard, Outflow, Ramp, Redemption, StandingForecast, Window, DISCRIMINATOR,
    REDEMPTION_RATES,
};
use crate::error::NovateError;
use crate::oracle::Reading;

/// Discriminator of an asset: one of its own for each layout, so that no reader takes one for another.
pub const ASSET: [u8; 8] = [181, 217, 217, 80, 165, 78, 216, 208];
/// Layout of an asset, in its version.
pub const ASSET_LAYOUT: u8 = 2;
/// Discriminator and size of the layout before, which ends in front of [`Asset::agreed`].
pub const PLAIN_ASSET: [u8; 8] = [234, 180, 241, 252, 139, 224, 160, 8];
pub const PLAIN_ASSET_SPACE: usize = DISCRIMINATOR + core::mem::offset_of!(Asset, agreed);

/// Index of the settlement asset of every pool.
pub const SETTLEMENT_ASSET: u16 = 0;
/// Decimals of every settlement mint: amounts of it are [`Usd`] units.
pub const SETTLEMENT_DECIMALS: u8 = 6;
/// Greatest age, in seconds, of a price that starts an auction or samples a variance or a settlement price (CLR-42).
pub const SAMPLE_AGE: i64 = 5;
/// Seconds over which the average is taken that starts an auction (CLR-42).
pub const MEAN_SPAN: i64 = 60;

/// Which layout the price account has.
pub const ORACLE_PRICE_UPDATE: u8 = 1;
pub const ORACLE_PUSH: u8 = 2;

/// An asset that a pool accepts or has markets on: its price feed, its risk terms and its bank.
///
/// Address: `[ASSET, pool, index]`. A price is per contract, and a contract is 10^`contract_exponent` whole tokens: the
/// contract of every market on the asset, so that deltas of spot and markets add up.
#[account(zero_copy, discriminator = &ASSET)]
#[derive(Debug)]
#[repr(C)]
pub struct Asset {
    pub version: u8,
    pub bump: u8,
    pub vault_bump: u8,
    pub decimals: u8,
    pub index: u16,
    /// Column of the scenario rows, `NO_COLUMN` while the asset has none.
    pub column: u8,
    pub contract_exponent: u8,
    /// 1 from the first market on: balances enter the scan as spot (MRG-14).
    pub underlying: u8,
    /// [`ORACLE_PRICE_UPDATE`] or [`ORACLE_PUSH`].
    pub oracle: u8,
    pub padding: [u8; 6],
    pub pool: Pubkey,
    pub mint: Pubkey,
    pub vault: Pubkey,
    pub token_program: Pubkey,
    /// Price account; the default key accepts any account of `feed_owner` that carries `feed_id` (posted updates).
    pub feed: Pubkey,
    /// Program that must own the price account.
    pub feed_owner: Pubkey,
    /// Pyth's feed id, for [`ORACLE_PRICE_UPDATE`].
    pub feed_id: [u8; 32],
    /// As listed, zero padded, for instance `BTC`.
    pub symbol: [u8; 16],

    // The last accepted reading.
    pub price: Price,
    pub confidence: Price,
    /// Unix time of the reading, by its publisher.
    pub publish_time: i64,

    // Volatility (MRG-50) and what follows from it.
    pub variance_fast: Variance,
    pub variance_slow: Variance,
    pub sample_price: Price,
    pub sample_time: i64,
    /// Scan range in force (MRG-51).
    pub scan_range: Ratio,
    /// Haircut in force (MRG-60).
    pub haircut: Ratio,

    // Terms set by governance, as they are in force: [`Asset::ramp`] may move some of them.
    /// Oldest price, in seconds, that risk may be taken on.
    pub max_age: i64,
    /// Widest confidence interval, as a share of the price.
    pub max_confidence: Ratio,
    pub base_range: Ratio,
    /// Depth of the underlying's market (MRG-35), as it counts ([`Asset::governed_depth`]); 0 charges no concentration.
    pub depth: Usd,
    pub haircut_base: Ratio,
    pub haircut_volatility_multiple: Ratio,
    /// Days to liquidate, 1e-6.
    pub days_to_liquidate: Ratio,
    pub haircut_size_add_on: Ratio,
    /// Most that may be deposited, in the mint's units.
    pub deposit_cap: u64,

    /// In the mint's units, what balances hold and is not lent.
    pub deposits: u64,
    /// Settlement asset only: cash of all portfolios, pending gains, variation pools and dust together (CLR-02).
    pub cash: u64,
    /// Time-weighted price of the last accepted reading (MRG-44).
    pub average: Price,
    /// What a yield-bearing asset is redeemed for (MRG-61).
    pub redemption: Redemption,
    /// What owners lent and others borrowed (CLR-20).
    pub bank: Bank,
    pub guard: Guard,
    /// Fixes settlement prices of expiries (CLR-12); all zero while no market is on the asset.
    pub window: Window,
    /// Average price of the minute before the last accepted reading, in which each price counts until the next one is published
    /// (CLR-42); 0 before the first. [`Asset::mean_at`] goes on from it.
    pub mean: Price,
    /// How much may leave by withdrawals (CLR-41).
    pub outflow: Outflow,
    /// Most that a new loan may bring all loans to, the mint's units.
    pub borrow_cap: u64,
    /// Least that a new balance holds, a loan owes or a withdrawal leaves, the mint's units (CLR-34); 0 of the settlement asset.
    pub minimum_balance: u64,
    /// Settlement asset only: what the insurance fund lacks of what is reserved (CLR-35).
    pub shortage: u64,
    /// Settlement asset only: cash of the portfolios, and the haircuts that it bears (CLR-32).
    pub claims: Claims,
    /// Terms on their way to others (CLR-50).
    pub ramp: Ramp,
    /// Unix time at which the first market on it was listed in a pool that trades, where it was held: its balances enter the scan by [`SEASONING`] after it;
    /// 0 where they are in it whole.
    pub scanned: i64,
    /// Unix time of the last change of the terms of its bank; 0 where there was none in a pool that trades.
    pub lending_set: i64,
    /// Unix time until which no silence of its price account widens the guard's band ([`NEW_SOURCE`]).
    pub source_new_until: i64,
    /// What stands of the committee's forecasts (MRG-52).
    pub forecast: StandingForecast,
    /// What governance agreed to last of each of [`AssetField::RAMPED`], as far as it was ever in force or is on its way with nothing tightened
    /// since: what [`Asset::restore`] goes back to.
    pub agreed: [u64; AssetField::RAMPED.len()],
    /// Where [`AssetField::RAMPED`] go next, and unix time from which: a day after it was executed. Both zero where nothing waits.
    pub waiting: [u64; AssetField::RAMPED.len()],
    pub waiting_from: i64,
    pub reserve: [u8; 72],
}

impl Asset {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    pub fn is_settlement(&self) -> bool {
        self.index == SETTLEMENT_ASSET
    }

    pub fn is_underlying(&self) -> bool {
        self.underlying != 0
    }

    /// Governance opened its bank (CLR-20).
    pub fn is_lent(&self) -> bool {
        self.bank.terms.utilisation_cap.0 > 0
    }

    pub fn is_yield_bearing(&self) -> bool {
        self.redemption.underlying != SETTLEMENT_ASSET
    }

    /// Largest balance: of a yield-bearing asset what is at most [`MAX_QUANTITY`] of its underlying at any rate.
    pub fn max_balance(&self) -> Contracts {
        Contracts(if self.is_yield_bearing() { MAX_YIELD_BEARING } else { MAX_QUANTITY })
    }

    /// Takes in a checked reading, and says whether it became a price (CLR-40). With a price: variances when a sample is due,
    /// settlement window, scan range and haircut (MRG-50, 51, 60, CLR-12).
    pub fn accept(&mut self, reading: Reading, now: i64) -> Result<bool> {
        if !self.guard.admit(reading.price, reading.publish_time, now, now < self.source_new_until)? {
            return Ok(false);
        }
        // The first price is its own average.
        self.mean = if self.price.0 == 0 { reading.price } else { self.mean_at(reading.publish_time)? };
        self.price = reading.price;
        self.confidence = reading.confidence;
        self.average = reading.average;
        self.publish_time = reading.publish_time;
        if now.saturating_sub(reading.publish_time) <= SAMPLE_AGE {
            self.sample(reading)?;
            if self.is_underlying() {
                self.window.take(reading.price, reading.publish_time)?;
            }
        }
        self.derive(now);
        Ok(true)
    }

    /// The average price of the minute before `now` (CLR-42), rounded down. A price moves it by the share of a minute that it has
    /// stood, so a reading that is read after a silence moves nothing yet.
    pub fn mean_at(&self, now: i64) -> Result<Price> {
        let stood = now.saturating_sub(self.publish_time).clamp(0, MEAN_SPAN);
        let apart = self.price.sub(self.mean).map_err(NovateError::from)?;
        let step = mul_div_floor(apart.0, stood, MEAN_SPAN).map_err(NovateError::from)?;
        Ok(self.mean.add(Price(step)).map_err(NovateError::from)?)
    }

    fn sample(&mut self, reading: Reading) -> Result<()> {
        if self.sample_time == 0 {
            self.sample_price = reading.price;
            self.sample_time = reading.publish_time;
            return Ok(());
        }
        let elapsed = Seconds(reading.publish_time.saturating_sub(self.sample_time));
        if elapsed < volatility::MIN_SAMPLE {
            return Ok(());
        }
        for (variance, decay) in
            [(&mut self.variance_fast, volatility::Decay::Fast), (&mut self.variance_slow, volatility::Decay::Slow)]
        {
            *variance = volatility::ewma(*variance, self.sample_price, reading.price, elapsed, decay)
                .map_err(NovateError::from)?;
        }
        self.sample_price = reading.price;
        self.sample_time = reading.publish_time;
        Ok(())
    }

    pub(super) fn haircut_terms(&self) -> HaircutTerms {
        HaircutTerms {
            base: self.haircut_base,
            volatility_multiple: self.haircut_volatility_multiple,
            days_to_liquidate: self.days_to_liquidate,
            size_add_on: self.haircut_size_add_on,
        }
    }

    /// Refuses a price older than `limit` seconds (CLR-40). A publish time ahead of the clock counts as age 0.
    pub fn require_fresh(&self, now: i64, limit: i64) -> Result<()> {
        require!(self.price.0 > 0, NovateError::PriceMissing);
        require!(now.saturating_sub(self.publish_time) <= limit, NovateError::PriceStale);
        Ok(())
    }

    /// Refuses a settlement price that is not positive, or farther than the scan range from the last price, whatever its age (CLR-12).
    pub fn require_near(&self, price: Price) -> Result<()> {
        require!(self.price.0 > 0, NovateError::PriceMissing);
        let reach = self.price.scale_floor(self.scan_range).map_err(NovateError::from)?;
        let near = price.0.abs_diff(self.price.0) <= reach.0.unsigned_abs();
        require!(price.0 > 0 && near, NovateError::InvalidSettlementPrice);
        Ok(())
    }

    /// What the margin model needs to know of the asset as an underlying.
    pub fn facts(&self) -> UnderlyingFacts {
        UnderlyingFacts {
            price: self.price,
            confidence: self.confidence,
            depth: self.depth,
            scan_range: self.scan_range,
            column: self.column,
        }
    }

    /// What a new loan may come to at most, by utilisation and cap (CLR-20, CLR-41).
    pub fn borrowable(&self) -> Result<u64> {
        let room = self.borrow_cap.saturating_sub(self.bank.loans);
        Ok(self.bank.borrowable().map_err(NovateError::from)?.min(room))
    }

    /// Counts tokens that balances hold and that are not lent: of the settlement asset, cash.
    pub fn count_in(&mut self, tokens: u64) -> Result<()> {
        let counter = self.counter();
        *counter = counter.checked_add(tokens).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// Counts tokens out that balances no longer hold, or lent.
    pub fn count_out(&mut self, tokens: u64) -> Result<()> {
        let counter = self.counter();
        *counter = counter.checked_sub(tokens).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    fn counter(&mut self) -> &mut u64 {
        if self.is_settlement() {
            &mut self.cash
        } else {
            &mut self.deposits
        }
    }

    /// Tokens that the vault holds by the counters.
    pub fn vaulted(&self) -> Result<u64> {
        let liquid = self.bank.liquid().map_err(NovateError::from)?;
        let counted = self.cash.checked_add(self.deposits).and_then(|c| c.checked_add(liquid));
        Ok(counted.ok_or(NovateError::MathOverflow)?)
    }

    /// Somebody has a balance of it, or owes some.
    pub fn is_held(&self) -> Result<bool> {
        Ok(self.vaulted()? > 0 || self.bank.loans > 0)
    }

    /// What a balance's shares of the bank are worth, rounded down, and what its loan owes, rounded up.
    fn lent_and_owed(&self, balance: &Balance) -> Result<(u64, u64)> {
        let lent = self.bank.lent_floor(balance.lent).map_err(NovateError::from)?;
        Ok((lent, self.bank.owed_ceil(balance.loan).map_err(NovateError::from)?))
    }

    /// What a balance comes to in the mint's units, loans off, rounded down.
    pub fn tokens(&self, balance: &Balance) -> Result<i64> {
        let mut net = i128::from(balance.tokens);
        if balance.lent != 0 || balance.loan != 0 {
            let (owned, owed) = self.lent_and_owed(balance)?;
            net = net.wrapping_add(i128::from(owned)).wrapping_sub(i128::from(owed));
        }
        Ok(i64::try_from(net).map_err(|_| NovateError::MathOverflow)?)
    }

    /// Of a balance with a loan, how much of what is owed stands against tokens of the same portfolio, `cash` among them: in
    /// contracts, rounded down.
    pub fn covered(&self, balance: &Balance, cash: i64) -> Result<Contracts> {
        if balance.loan == 0 {
            return Ok(Contracts::ZERO);
        }
        let (owned, owed) = self.lent_and_owed(balance)?;
        let owned = owned.saturating_add(balance.tokens).saturating_add(cash.max(0).unsigned_abs());
        self.contracts(i64::try_from(owned.min(owed)).map_err(|_| NovateError::MathOverflow)?)
    }

    /// The same in contracts, rounded down: a debt away from zero.
    pub fn quantity(&self, balance: &Balance) -> Result<Contracts> {
        self.contracts(self.tokens(balance)?)
    }

    fn contracts(&self, tokens: i64) -> Result<Contracts> {
        let power = |places: u8| POWERS_OF_TEN.get(usize::from(places)).copied().ok_or(NovateError::MathOverflow);
        let places = self.decimals.saturating_add(self.contract_exponent);
        let units = match CONTRACT_DECIMALS.checked_sub(places) {
            Some(up) => tokens.checked_mul(power(up)?),
            None => tokens.checked_div_euclid(power(places.saturating_sub(CONTRACT_DECIMALS))?),
        };
        Ok(Contracts(units.ok_or(NovateError::MathOverflow)?))
    }

    /// What a unit of the mint is in contracts, at least one of their own units.
    pub fn unit(&self) -> Contracts {
        let up = CONTRACT_DECIMALS.checked_sub(self.decimals.saturating_add(self.contract_exponent));
        Contracts(up.and_then(|up| POWERS_OF_TEN.get(usize::from(up))).copied().unwrap_or(1))
    }

    /// Refuses a balance too large to count.
    pub fn require_countable(&self, balance: &Balance) -> Result<()> {
        let size = self.quantity(balance)?.abs().map_err(NovateError::from)?;
        require!(size <= self.max_balance(), NovateError::MathOverflow);
        Ok(())
    }
}

/// Largest balance and position, 1e-9 contracts: a balance and the positions of as many markets as a portfolio can name
/// add up within an i64.
pub const MAX_QUANTITY: i64 = 100_000_000_000_000_000;
const _: () = assert!(MAX_QUANTITY < i64::MAX / 41 && super::MAX_ACCOUNTS_HELD == 40);

const MAX_YIELD_BEARING: i64 = MAX_QUANTITY / 10;
const _: () = assert!(REDEMPTION_RATES.1 .0 == 10 * Contracts::ONE.0);

/// Decimals of a quantity in contracts.
pub const CONTRACT_DECIMALS: u8 = 9;

/// 10^0 to 10^18, all that an i64 holds.
const POWERS_OF_TEN: [i64; 19] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
    10_000_000_000_000_000,
    100_000_000_000_000_000,
    1_000_000_000_000_000_000,
];

const _: () = assert!(Asset::SPACE == 1344 && PLAIN_ASSET_SPACE == 1152);
const _: () = assert!(core::mem::offset_of!(Asset, price) == 256);
const _: () = assert!(core::mem::offset_of!(Asset, deposits) == 400);
const _: () = assert!(core::mem::offset_of!(Asset, redemption) == 424);
const _: () = assert!(core::mem::offset_of!(Asset, bank) == 520);
const _: () = assert!(core::mem::offset_of!(Asset, window) == 680);
const _: () = assert!(core::mem::offset_of!(Asset, outflow) == 760);
const _: () = assert!(core::mem::offset_of!(Asset, shortage) == 808);
const _: () = assert!(core::mem::offset_of!(Asset, ramp) == 920);
const _: () = assert!(core::mem::offset_of!(Asset, forecast) == 1_104);
const _: () = assert!(core::mem::offset_of!(Asset, agreed) == 1_144);
const _: () = assert!(core::mem::offset_of!(Asset, waiting) == 1_200);
