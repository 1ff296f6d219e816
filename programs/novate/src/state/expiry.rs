use anchor_lang::prelude::*;
use novate_margin::chain::{Decided, Expected, Reference, Strike, MAX_STRIKES};
use novate_margin::dated::{ExpiryFacts, Right};
use novate_margin::smile::Smile;
use novate_margin::{Contracts, Price, Ratio, Seconds, Tenor, Usd};

use super::{Asset, Committee, Market, Position, Stamp, Wide, DISCRIMINATOR, MAX_MEMBERS};
use crate::error::NovateError;
use crate::events::SeatPrice;
use crate::forecast::PackedForecast;
use crate::instrument::{self, expiry_id, Instrument};

/// One expiry of a market: its dated future, its forecast and up to 24 strikes with their marks and risk arrays.
///
/// Address: `[EXPIRY, market, unix time i64 LE]`. Only calls are priced; a put is a call less a forward plus the strike
/// (MRG-10).
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Expiry {
    pub version: u8,
    pub bump: u8,
    /// Index of the market.
    pub market: u16,
    /// Index of the underlying asset.
    pub asset: u16,
    /// Strikes listed; their slots are never used again while the account lives.
    pub strike_count: u8,
    pub padding: u8,
    pub pool: Pubkey,
    /// Unix time of expiry, 08:00:00 UTC.
    pub time: i64,

    /// The forward over the index, less one.
    pub basis: Ratio,
    pub smile: Smile,
    /// Unix time at which the smile was stated: when the member submitted it whose it is; 0 where basis and smile are those of the
    /// listing.
    pub published: i64,

    /// Contracts held long: the future, then calls and puts by strike slot. As many are held short until there is a settlement
    /// price (CLR-01); then each side is settled on its own.
    pub open_futures: Contracts,
    pub open_calls: [Contracts; MAX_STRIKES],
    pub open_puts: [Contracts; MAX_STRIKES],

    pub strikes: [Strike; MAX_STRIKES],
    /// What every position of it is settled at (CLR-12); 0 while there is none.
    pub settlement_price: Price,
    /// Sum of the values that its positions were settled to, settlement asset 1e-6: part of the market's ledger while the
    /// account lives.
    pub settled: Usd,
    /// Contracts that are held short and not settled, of all instruments together; 0 while there is no settlement price.
    pub open_short: Wide,
    /// Paid the rent, and gets it back.
    pub payer: Pubkey,
    /// What members of the committee submitted last, by seat.
    pub submitted: [Submission; MAX_MEMBERS],
    /// What a day's forecasts are held against.
    pub day: ForecastDay,
    /// Unix time of the last application of forecasts; 0 before the first.
    pub applied: i64,
    pub reserve: [u8; 48],
}

impl Expiry {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// Market and time as one number, see [`expiry_id`].
    pub fn id(&self) -> u64 {
        expiry_id(self.market, self.minutes())
    }

    /// Minutes of unix time, as instrument ids hold them.
    pub fn minutes(&self) -> u32 {
        minutes_of(self.time)
    }

    /// Time that is left. Fails at expiry.
    pub fn remaining(&self, now: i64) -> Result<Tenor> {
        let seconds = self.time.saturating_sub(now);
        require!(seconds > 0, NovateError::ExpiryPassed);
        Ok(tenor(seconds))
    }

    /// The listed strikes.
    pub fn listed(&self) -> &[Strike] {
        self.strikes.get(..usize::from(self.strike_count)).unwrap_or(&self.strikes)
    }

    /// Appends a strike that is not listed yet.
    pub fn append_strike(&mut self, strike: Price) -> Result<()> {
        require!(self.listed().iter().all(|slot| slot.strike != strike), NovateError::StrikeListed);
        let free = self.strikes.get_mut(usize::from(self.strike_count)).ok_or(NovateError::TooManyStrikes)?;
        free.strike = strike;
        self.strike_count = self.strike_count.saturating_add(1);
        Ok(())
    }

    /// Listed strikes from `first` on, `count` of them, at least one.
    pub fn slots_mut(&mut self, first: u8, count: u8) -> Result<&mut [Strike]> {
        let end = usize::from(first).saturating_add(usize::from(count));
        require!(count > 0 && end <= usize::from(self.strike_count), NovateError::StrikeRange);
        Ok(self.strikes.get_mut(usize::from(first)..end).ok_or(NovateError::StrikeRange)?)
    }

    /// Takes in a forecast that was checked, with the time at which its smile was stated.
    pub fn publish(&mut self, basis: Ratio, smile: Smile, stated: i64) {
        self.basis = basis;
        self.smile = smile;
        self.published = stated;
    }

    /// Forecasts that count now, each with its seat.
    pub fn forecasts(&self, committee: &Committee, now: i64) -> Vec<(u8, Submission)> {
        let submitted = (0u8..).zip(self.submitted);
        let counts = |(seat, s): &(u8, Submission)| committee.counts((*seat).into(), &s.stamp, now) && s.price.0 == 0;
        submitted.filter(counts).collect()
    }

    /// Settlement prices that count now.
    pub fn prices(&self, committee: &Committee, now: i64) -> Vec<SeatPrice> {
        let submitted = (0u8..).zip(&self.submitted);
        let counts = submitted.filter(|(seat, s)| committee.counts((*seat).into(), &s.stamp, now) && s.price.0 > 0);
        counts.map(|(seat, s)| SeatPrice { seat, price: s.price.0 }).collect()
    }

    /// What forecasts of now are held against: what stood when the day began, a day that begins with the first application after the
    /// last one's end.
    pub fn day_of(&self, now: i64) -> ForecastDay {
        match now.saturating_sub(self.day.opened) < DAY {
            true => self.day,
            false => ForecastDay { opened: now, stated: self.published, forecast: self.into() },
        }
    }

    /// The time that was left at a unix time, of which more or less is left now.
    pub fn left_at(&self, time: i64) -> Tenor {
        tenor(self.time.saturating_sub(time))
    }

    /// The committee has stood for a forecast of it.
    pub fn is_published(&self) -> bool {
        self.published != 0
    }

    /// Refuses what rests on the forecast of the listing, which is the authority's: until the committee's first one nothing is priced
    /// or opened.
    pub fn require_published(&self) -> Result<()> {
        require!(self.is_published(), NovateError::ForecastStale);
        Ok(())
    }

    /// The forward at an index price, rounded down.
    pub fn forward(&self, index: Price) -> Result<Price> {
        Ok(self.expected(Decided::NOTHING)?.at(index).map_err(NovateError::from)?)
    }

    /// The time that the smile was stated for.
    pub fn stated(&self) -> Tenor {
        self.left_at(self.published)
    }

    /// The price that it is expected to settle at, by what is decided of it (CLR-12).
    pub fn expected(&self, decided: Decided) -> Result<Expected> {
        Ok(Expected::of(self.basis, decided).map_err(NovateError::from)?)
    }

    /// What the margin model needs to know of the expiry, of which so much is decided. Fails at expiry.
    pub fn facts(&self, decided: Decided, now: i64) -> Result<ExpiryFacts> {
        Ok(ExpiryFacts { basis: self.basis, remaining: self.remaining(now)?, decided })
    }

    /// The listed strike of a slot.
    pub fn strike(&self, slot: u8) -> Result<&Strike> {
        Ok(self.listed().get(usize::from(slot)).ok_or(NovateError::UnknownStrike)?)
    }

    /// Contracts held long of a future or an option.
    fn open_mut(&mut self, instrument: Instrument) -> Option<&mut Contracts> {
        match instrument {
            Instrument::Perpetual => None,
            Instrument::Future { .. } => Some(&mut self.open_futures),
            Instrument::Option { slot, right: Right::Call, .. } => self.open_calls.get_mut(usize::from(slot)),
            Instrument::Option { slot, right: Right::Put, .. } => self.open_puts.get_mut(usize::from(slot)),
        }
    }

    /// Carries a position from one quantity to another into the open interest of its instrument, and returns that.
    pub fn move_open_interest(&mut self, instrument: Instrument, from: i64, to: i64) -> Result<Contracts> {
        let open = self.open_mut(instrument).ok_or(NovateError::UnknownInstrument)?;
        let moved = open.0.checked_sub(from.max(0)).and_then(|o| o.checked_add(to.max(0)));
        open.0 = moved.ok_or(NovateError::MathOverflow)?;
        Ok(*open)
    }

    /// What it is expected to settle at, at the price of its underlying.
    pub fn expected_at(&self, asset: &Asset, now: i64) -> Result<Price> {
        let expected = self.expected(asset.decided(self.time, now)?)?;
        Ok(expected.at(asset.price).map_err(NovateError::from)?)
    }

    /// The mark of its future: that. Fails at expiry.
    pub fn mark(&self, asset: &Asset, now: i64) -> Result<Price> {
        self.remaining(now)?;
        self.expected_at(asset, now)
    }

    /// Refuses an expiry that has not passed.
    pub fn require_passed(&self, now: i64) -> Result<()> {
        require!(now >= self.time, NovateError::ExpiryLive);
        Ok(())
    }

    pub fn is_fixed(&self) -> bool {
        self.settlement_price.0 != 0
    }

    /// Takes in the settlement price, once.
    pub fn fix(&mut self, price: Price) -> Result<()> {
        require!(!self.is_fixed(), NovateError::AlreadyFixed);
        self.settlement_price = price;
        self.open_short = Wide::new(self.open_long());
        Ok(())
    }

    /// What a contract of its future or an option is worth at a settlement price, 0 or more.
    pub fn worth(&self, instrument: Instrument, price: Price) -> Result<Price> {
        let intrinsic = match instrument {
            Instrument::Perpetual => return err!(NovateError::UnknownInstrument),
            Instrument::Future { .. } => return Ok(price),
            Instrument::Option { slot, right: Right::Call, .. } => price.sub(self.strike(slot)?.strike),
            Instrument::Option { slot, right: Right::Put, .. } => self.strike(slot)?.strike.sub(price),
        };
        Ok(intrinsic.map_err(NovateError::from)?.or_zero())
    }

    /// What a position is worth at the settlement price, rounded down. Fails where there is none.
    pub fn value(&self, position: &Position) -> Result<Usd> {
        require!(self.is_fixed(), NovateError::SettlementPriceMissing);
        let worth = self.worth(instrument::parse(position.instrument)?, self.settlement_price)?;
        Ok(Contracts(position.quantity).value_floor(worth).map_err(NovateError::from)?)
    }

    /// Turns a position into its value at the settlement price, rounded down: the position is closed, its cost falls by the
    /// value, which is returned, and the open interest of its side by its quantity (CLR-12).
    pub fn settle(&mut self, position: &mut Position) -> Result<Usd> {
        let held = instrument::parse(position.instrument)?;
        let value = Contracts(position.quantity)
            .value_floor(self.worth(held, self.settlement_price)?)
            .map_err(NovateError::from)?;
        position.add_cost(value.neg().map_err(NovateError::from)?.0)?;
        self.move_open_interest(held, position.quantity, 0)?;
        let short = u128::from(position.quantity.min(0).unsigned_abs());
        self.open_short = Wide::new(self.open_short.get().checked_sub(short).ok_or(NovateError::MathOverflow)?);
        self.settled = self.settled.add(value).map_err(NovateError::from)?;
        position.quantity = 0;
        Ok(value)
    }

    /// Contracts held long, of all instruments together.
    fn open_long(&self) -> u128 {
        let options = self.open_calls.iter().chain(&self.open_puts);
        options.chain([&self.open_futures]).map(|open| u128::from(open.0.unsigned_abs())).sum()
    }

    /// Nobody holds a position in it. Without a settlement price nobody is short where nobody is long.
    pub fn is_unheld(&self) -> bool {
        self.open_long() == 0 && self.open_short.get() == 0
    }

    /// What strikes are priced from now. Fails at expiry.
    pub fn reference(&self, asset: &Asset, now: i64) -> Result<Reference> {
        let remaining = self.remaining(now)?;
        Ok(Reference {
            price: asset.price,
            basis: self.basis,
            decided: asset.decided(self.time, now)?,
            scan_range: asset.scan_range,
            remaining,
            time: Seconds(now),
        })
    }
}

/// What a member submitted of an expiry last.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Submission {
    pub stamp: Stamp,
    /// After expiry what it should be settled at (CLR-12); 0 of a forecast.
    pub price: Price,
    pub forecast: PackedForecast,
}

/// Basis and smile as they stood when a day of forecasts began.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ForecastDay {
    /// Unix time at which it began; 0 before the first application.
    pub opened: i64,
    /// Unix time at which the smile was stated.
    pub stated: i64,
    pub forecast: PackedForecast,
}

/// What a market knows of its expiries.
impl Market {
    /// Those listed, in minutes of unix time, ascending.
    pub fn listed_expiries(&self) -> &[u32] {
        let listed = self.expiries.iter().take_while(|minutes| **minutes != 0).count();
        self.expiries.get(..listed).unwrap_or(&self.expiries)
    }

    /// Gives the time back where no expiry of it is listed.
    pub fn unlisted(&self, time: i64) -> Result<i64> {
        let listed = self.listed_expiries().iter().any(|minutes| seconds(*minutes) == time);
        require!(!listed, NovateError::ExpiryListed);
        Ok(time)
    }

    /// Enters an expiry where it belongs.
    pub fn insert_expiry(&mut self, minutes: u32) -> Result<()> {
        let listed = self.listed_expiries();
        let (at, end) = (listed.partition_point(|other| *other < minutes), listed.len());
        let tail = self.expiries.get_mut(at..=end).ok_or(NovateError::MarketExpiriesFull)?;
        tail.rotate_right(1);
        tail.iter_mut().take(1).for_each(|free| *free = minutes);
        Ok(())
    }

    /// Takes an expiry out of the list, and what its positions were settled to into the rounding: as every value was rounded
    /// down, their sum is zero or less.
    pub fn remove_expiry(&mut self, expiry: &Expiry) -> Result<()> {
        let minutes = expiry.minutes();
        let at = self.listed_expiries().iter().position(|listed| *listed == minutes);
        let tail = at.and_then(|at| self.expiries.get_mut(at..)).ok_or(NovateError::WrongMarket)?;
        tail.rotate_left(1);
        tail.iter_mut().next_back().into_iter().for_each(|free| *free = 0);
        self.rounding = self.rounding.sub(expiry.settled).map_err(NovateError::from)?;
        Ok(())
    }

    /// Listed expiries next to a time that have not passed: the last one before it and the first one after it.
    pub fn neighbours(&self, minutes: u32, now: i64) -> (Option<u32>, Option<u32>) {
        let live = || self.listed_expiries().iter().copied().filter(|other| seconds(*other) > now);
        (live().rfind(|other| *other < minutes), live().find(|other| *other > minutes))
    }
}

/// Minutes of a unix time in seconds.
pub fn minutes_of(time: i64) -> u32 {
    u32::try_from(time / MINUTE).unwrap_or(u32::MAX)
}

/// Unix time in seconds, of minutes as instrument ids hold them.
pub fn seconds(minutes: u32) -> i64 {
    // Below 2^32·2^6.
    i64::from(minutes).wrapping_mul(MINUTE)
}

/// A time to an expiry, in whole seconds; no longer than 290 years.
fn tenor(seconds: i64) -> Tenor {
    Tenor(seconds.clamp(0, i64::MAX / NANOSECONDS).wrapping_mul(NANOSECONDS))
}

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const NANOSECONDS: i64 = 1_000_000_000;

const _: () = assert!(Expiry::SPACE == 10_240);
const _: () = assert!(core::mem::offset_of!(Expiry, pool) == 8);
const _: () = assert!(core::mem::offset_of!(Expiry, strikes) == 496);
const _: () = assert!(core::mem::offset_of!(Expiry, settlement_price) == 9_712);
const _: () = assert!(core::mem::offset_of!(Expiry, submitted) == 9_776);
const _: () = assert!(core::mem::offset_of!(Expiry, day) == 10_136);
