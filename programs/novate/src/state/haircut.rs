//! The haircut of gains (CLR-32): what neither an account nor the insurance fund can pay is forgiven to whoever takes the
//! account, and charged to those who gained in the same market, each in proportion to its gain.
//!
//! What is forgiven opens a round of the market, or, where the price has moved since it opened, opens it anew. Until its window ends
//! anyone registers gains, each as of the prices of the last opening, and no gain of the market is paid out. Then each registered
//! gain bears its share. Whatever touches a position passes through [`Market::bear`] first, so that nobody changes what it bears by
//! acting before others.

use anchor_lang::prelude::*;
use novate_margin::chain::Decided;
use novate_margin::fixed::mul_div_ceil;
use novate_margin::{Contracts, Price, Usd};

use super::{is_settling, next_expiry, seconds, Asset, Expiry, Market, Position, DAY, PENDING_SECONDS};
use crate::error::NovateError;
use crate::events::PositionBorne;
use crate::instrument::{self, minutes_of, Instrument};

/// Seconds for which gains are registered: the longest that a gain is pending (CLR-10). One that was received right before the
/// opening waits no longer than it might have anyway, and there is time to register all.
pub const HAIRCUT_WINDOW: i64 = 2 * PENDING_SECONDS;

/// Seconds from the first opening of a round in which its last window ends, however often it is opened anew: so long a gain waits
/// at most.
pub const LONGEST_ROUND: i64 = DAY;

/// Settlement asset, 1e-6, 100 USD: no round is opened for less, where insurance is not short of as much. It is carried.
pub const LEAST_HAIRCUT: Usd = Usd(100_000_000);

/// Of a part in so many the price may differ from that of the opening where more is forgiven: beyond it gains are others.
const PARTS_NEAR: i64 = 100;

/// Seconds after which a price is not waited for: a round is opened at the last one.
const PRICE_GONE: i64 = 3600;

/// A round of haircuts of a market. Amounts are settlement asset, 1e-6.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Round {
    /// Rises by one with each round; 0 before the first.
    pub number: u32,
    pub padding: [u8; 4],
    /// Unix time at which the window of the last opening ends, 0 while no round stands.
    pub ends: i64,
    /// Forgiven in this round.
    pub forgiven: Usd,
    /// Sum of the gains registered since the last opening, and what of it is not charged yet.
    pub gains: Usd,
    pub uncharged: Usd,
    /// Charged in this round, what rounding took included.
    pub charged: Usd,
    /// Index price, the perpetual's mark and cumulative funding at the opening.
    pub index_price: Price,
    pub mark: Price,
    pub funding: Price,
}

/// What a position bore of haircuts: the gain that was registered, and what was charged for one registered before. Settlement
/// asset, 1e-6, each 0 or more.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Borne {
    pub registered: i64,
    pub charged: i64,
}

impl Borne {
    /// Notes what a position bore, if anything, at the end of a list. The first entry makes room for `most`.
    pub fn note(bore: Option<Self>, instrument: u64, most: usize, list: &mut Vec<PositionBorne>) {
        if let Some(Self { registered, charged }) = bore {
            let amount = if registered > 0 { registered } else { charged.saturating_neg() };
            list.reserve_exact(most.saturating_sub(list.len()));
            list.push(PositionBorne { instrument, amount });
        }
    }
}

impl Round {
    /// From its opening until it is closed.
    pub fn stands(&self) -> bool {
        self.ends != 0
    }

    /// Gains are registered and wait: until the window ends. A clock that goes backwards after the first charge opens nothing.
    pub fn is_open(&self, now: i64) -> bool {
        self.stands() && now < self.ends && self.uncharged == self.gains
    }

    /// Forgiven in this round and not charged.
    fn remainder(&self) -> Result<Usd> {
        Ok(self.forgiven.sub(self.charged).map_err(NovateError::from)?.or_zero())
    }

    fn opened(&self) -> i64 {
        self.ends.saturating_sub(HAIRCUT_WINDOW)
    }

    /// Gains are about those of the opening: the price is, and nothing has expired since.
    fn is_near(&self, price: Price, now: i64) -> bool {
        let apart = price.0.saturating_sub(self.index_price.0).saturating_abs();
        apart <= self.index_price.0.checked_div(PARTS_NEAR).unwrap_or_default()
            && next_expiry(self.opened()) == next_expiry(now)
    }
}

/// What becomes of a round with a loss that is forgiven now.
#[derive(PartialEq, Eq)]
enum Taking {
    /// It is charged to the gains as of the opening.
    Adds,
    /// To those of now.
    Opens,
    /// Nothing is forgiven, but for what is too little to open a round for: it is carried.
    Waits,
}

impl Market {
    /// Whether a loss may be forgiven at the price of the underlying; of none, whether a round may be opened for it.
    pub fn takes(&self, amount: Usd, underlying: &Asset, now: i64) -> Result<bool> {
        let carried = self.carried.add(amount).map_err(NovateError::from)?;
        let little = amount > Usd::ZERO && carried < LEAST_HAIRCUT;
        Ok(little || self.taking(underlying, now) != Taking::Waits)
    }

    /// A round takes no more once its window has ended. It opens, anew where the price has moved or something has expired, so that what is
    /// forgiven is charged to gains at about the price that it was lost at, as long as the window then ends within a day of the first opening; and at a
    /// fresh price, unless there has been none for an hour.
    fn taking(&self, underlying: &Asset, now: i64) -> Taking {
        let stands = self.round.stands();
        if stands && !self.round.is_open(now) {
            return Taking::Waits;
        }
        if stands && self.round.is_near(underlying.price, now) {
            return Taking::Adds;
        }
        let lasts = now.saturating_add(HAIRCUT_WINDOW).saturating_sub(self.round_first);
        let age = now.saturating_sub(underlying.publish_time);
        if stands && lasts > LONGEST_ROUND || age > underlying.max_age && age <= PRICE_GONE {
            return Taking::Waits;
        }
        Taking::Opens
    }

    /// Takes a loss that is forgiven, or none yet, into the round, with what was carried, and opens one, or opens it anew, at the price of
    /// the underlying where that is due. Returns what the round took in; none where it is carried, too little to open a round for
    /// unless that is `urgent`. Fails with [`NovateError::HaircutSettling`] where nothing may be forgiven now.
    pub fn forgive(&mut self, amount: Usd, urgent: bool, underlying: &Asset, now: i64) -> Result<Option<Usd>> {
        let taking = self.taking(underlying, now);
        require!(amount == Usd::ZERO || self.takes(amount, underlying, now)?, NovateError::HaircutSettling);
        let carried = self.carried.add(amount).map_err(NovateError::from)?;
        self.haircut = self.haircut.add(amount).map_err(NovateError::from)?;
        if taking == Taking::Waits || taking == Taking::Opens && carried < LEAST_HAIRCUT && !urgent {
            self.carried = carried;
            return Ok(None);
        }
        if taking == Taking::Opens {
            self.open_round(underlying, now)?;
        }
        self.round.forgiven = self.round.forgiven.add(carried).map_err(NovateError::from)?;
        self.carried = Usd::ZERO;
        Ok(Some(carried))
    }

    /// The gains as of now bear what was forgiven so far, too; those that were registered are void.
    fn open_round(&mut self, underlying: &Asset, now: i64) -> Result<()> {
        let (index, next) = (underlying.price, next_expiry(now));
        // Of what is decided, that of the last expiry may not be fixed until the samples for the next begin.
        let time = if is_settling(next, now) { next } else { next.saturating_sub(DAY) };
        let decided = underlying.decided(time, now)?;
        (self.round_expiry, self.round_decided, self.round_average) = (time, decided.share, decided.average);
        let forgiven = match self.round.stands() {
            true => self.round.forgiven,
            false => {
                self.round_first = now;
                Usd::ZERO
            }
        };
        self.round = Round {
            number: self.round.number.wrapping_add(1),
            ends: now.saturating_add(HAIRCUT_WINDOW),
            forgiven,
            index_price: index,
            mark: self.mark_at(index)?,
            funding: self.funding,
            ..Round::default()
        };
        Ok(())
    }

    /// Of an account without equity: its positions bear nothing in a round that is open, which this is, whatever each of them gained,
    /// for the account lost as much and more elsewhere; its taker takes over no charge with them.
    pub fn exempt(&mut self, position: &mut Position) -> Result<()> {
        if position.round == self.round.number {
            let gain = Usd(position.gain);
            self.round.gains = self.round.gains.sub(gain).map_err(NovateError::from)?;
            self.round.uncharged = self.round.uncharged.sub(gain).map_err(NovateError::from)?;
        }
        (position.round, position.gain) = (self.round.number, 0);
        Ok(())
    }

    /// What every instruction does with a position of the market before anything else: while the window is open registers its
    /// gain, once; after it charges what it registered. `expiry` is that of a future that is held, and of what expired before the
    /// round and is not settled. None where neither happened; a charge is 0 where nothing was forgiven in the end, and of a gain that
    /// is void.
    #[inline]
    pub fn bear(&mut self, position: &mut Position, expiry: Option<&Expiry>, now: i64) -> Result<Option<Borne>> {
        if self.round.stands() || position.gain != 0 {
            self.bear_round(position, expiry, now)
        } else {
            Ok(None)
        }
    }

    #[cold]
    #[inline(never)]
    fn bear_round(&mut self, position: &mut Position, expiry: Option<&Expiry>, now: i64) -> Result<Option<Borne>> {
        if self.round.is_open(now) {
            self.register(position, expiry)
        } else {
            self.charge_gain(position, now)
        }
    }

    fn register(&mut self, position: &mut Position, expiry: Option<&Expiry>) -> Result<Option<Borne>> {
        let Some(gain) = self.unregistered(position, expiry)? else { return Ok(None) };
        let was_void = position.gain != 0;
        (position.round, position.gain) = (self.round.number, gain.0);
        if gain == Usd::ZERO {
            return Ok(was_void.then(Borne::default));
        }
        self.round.gains = self.round.gains.add(gain).map_err(NovateError::from)?;
        self.round.uncharged = self.round.uncharged.add(gain).map_err(NovateError::from)?;
        Ok(Some(Borne { registered: gain.0, charged: 0 }))
    }

    /// The gain of a position that was not looked at since the opening; none of one that was.
    fn unregistered(&self, position: &Position, expiry: Option<&Expiry>) -> Result<Option<Usd>> {
        if position.round == self.round.number {
            return Ok(None);
        }
        self.gain_of(position, expiry).map(Some)
    }

    fn had_passed(&self, position: &Position) -> bool {
        let minutes = minutes_of(position.instrument);
        minutes != 0 && seconds(minutes) <= self.round.opened()
    }

    /// What a position has gained and not received as cash, as of the round's opening: value there less cost and funding, and
    /// what is pending; 0 where it lost. A held option's premium was paid in cash: it gains nothing before it is settled.
    fn gain_of(&self, position: &Position, expiry: Option<&Expiry>) -> Result<Usd> {
        let Some(value) = self.value_at_opening(position, expiry)? else { return Ok(Usd::ZERO) };
        let pending = Usd(position.pending_old).add(Usd(position.pending_new));
        let gain = value.sub(Usd(position.cost)).and_then(|gain| gain.add(pending?)).map_err(NovateError::from)?;
        Ok(gain.or_zero())
    }

    /// Settlement asset, rounded down, funding off. None for a held option that had not expired.
    fn value_at_opening(&self, position: &Position, expiry: Option<&Expiry>) -> Result<Option<Usd>> {
        if position.quantity == 0 {
            return Ok(Some(Usd::ZERO));
        }
        let of = |price: Price| Contracts(position.quantity).value_floor(price).map_err(NovateError::from);
        let held = instrument::parse(position.instrument)?;
        if held == Instrument::Perpetual {
            let owed = position.funding_owed(self.round.funding)?;
            return Ok(Some(of(self.round.mark)?.sub(owed).map_err(NovateError::from)?));
        }
        let passed = self.had_passed(position);
        if !passed && matches!(held, Instrument::Option { .. }) {
            return Ok(None);
        }
        let expiry = expiry.ok_or(NovateError::WrongExpiry)?;
        if passed && expiry.is_fixed() {
            return Ok(Some(expiry.value(position)?));
        }
        let decided = match expiry.time == self.round_expiry {
            true => Decided { share: self.round_decided, average: self.round_average },
            false => Decided::NOTHING,
        };
        let price = expiry.expected(decided)?.at(self.round.index_price).map_err(NovateError::from)?;
        // A future, or what had passed and has no price yet.
        Ok(Some(of(expiry.worth(held, price)?)?))
    }

    /// The most that a position may be charged once the window that is open ends: the gain that it registered, or would register
    /// now; 0 while no window is open.
    pub fn at_risk(&self, position: &Position, expiry: Option<&Expiry>, now: i64) -> Result<Usd> {
        if !self.round.is_open(now) {
            return Ok(Usd::ZERO);
        }
        if position.round == self.round.number {
            return Ok(Usd(position.gain));
        }
        Ok(self.unregistered(position, expiry)?.unwrap_or(Usd::ZERO))
    }

    /// What the gain that a position registered is charged now: nothing within the window, then its share of what was forgiven,
    /// rounded up, at most all of it. One that was registered before the last opening is void.
    pub fn charge_of(&self, position: &Position, now: i64) -> Result<Usd> {
        if position.gain == 0 || position.round != self.round.number || self.round.is_open(now) {
            return Ok(Usd::ZERO);
        }
        // The gain is one of those that are summed up, so the share is at most what was forgiven.
        let share = mul_div_ceil(position.gain, self.round.forgiven.0, self.round.gains.0);
        Ok(Usd(share.map_err(NovateError::from)?.min(position.gain)))
    }

    /// What rounding takes beyond the haircut is the market's rounding.
    fn charge_gain(&mut self, position: &mut Position, now: i64) -> Result<Option<Borne>> {
        if position.gain == 0 {
            return Ok(None);
        }
        if position.round != self.round.number {
            position.gain = 0;
            return Ok(Some(Borne::default()));
        }
        let charge = self.charge_of(position, now)?;
        let paid = charge.min(self.round.remainder()?);
        position.add_cost(charge.0)?;
        self.round.charged = self.round.charged.add(charge).map_err(NovateError::from)?;
        self.haircut = self.haircut.sub(paid).map_err(NovateError::from)?;
        let kept = charge.sub(paid).and_then(|kept| self.rounding.add(kept));
        self.rounding = kept.map_err(NovateError::from)?;
        self.round.uncharged = self.round.uncharged.sub(Usd(position.gain)).map_err(NovateError::from)?;
        position.gain = 0;
        Ok(Some(Borne { registered: 0, charged: charge.0 }))
    }

    /// How much of a position's pending gains stays pending: all while they wait for a haircut; else what the reserves of insolvent
    /// auctions exceed the insurance fund by, so that no winner leaves before a haircut (CLR-35).
    pub fn holds_back(&self, shortage: u64, now: i64) -> i64 {
        if self.round.is_open(now) {
            return i64::MAX;
        }
        held_back(shortage)
    }

    /// Ends a round whose window is over and whose gains are all charged, and returns what they did not cover.
    pub fn end_round(&mut self, now: i64) -> Result<Usd> {
        require!(self.round.stands(), NovateError::NoHaircut);
        require!(!self.round.is_open(now), NovateError::HaircutOpen);
        require!(self.round.uncharged == Usd::ZERO, NovateError::GainsUncharged);
        self.round.ends = 0;
        self.round.remainder()
    }
}

/// How much of a position's pending gains stays pending in a shortage of insurance, where no round of the market stands.
pub fn held_back(shortage: u64) -> i64 {
    i64::try_from(shortage).unwrap_or(i64::MAX)
}

const _: () = assert!(core::mem::size_of::<Round>() == 72);
