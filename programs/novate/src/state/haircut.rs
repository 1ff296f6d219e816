//! The haircut of gains (CLR-32): what neither an account nor the insurance fund can pay is forgiven to whoever takes the
//! account, and charged to those who gained in the same market, each in proportion to its gain.
//!
//! The first unit that is forgiven opens a round of the market. Until its window ends anyone registers gains, each as of the
//! prices at which the round opened, and no gain of the market is paid out. Then each registered gain bears its share. Whatever
//! touches a position passes through [`Market::bear`] first, so that nobody changes what it bears by acting before others.

use anchor_lang::prelude::*;
use novate_margin::chain::Decided;
use novate_margin::fixed::mul_div_ceil;
use novate_margin::{Contracts, Price, Usd};

use super::{next_expiry, seconds, Asset, Expiry, Market, Position, PENDING_SECONDS};
use crate::error::NovateError;
use crate::events::PositionBorne;
use crate::instrument::{self, minutes_of, Instrument};

/// Seconds for which gains are registered: the longest that a gain is pending (CLR-10). One that was received right before the
/// opening waits no longer than it might have anyway, and there is time to register all.
pub const HAIRCUT_WINDOW: i64 = 2 * PENDING_SECONDS;

/// A round of haircuts of a market. Amounts are settlement asset, 1e-6.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Round {
    /// Rises by one with each round; 0 before the first.
    pub number: u32,
    pub padding: [u8; 4],
    /// Unix time at which the window ends, 0 while no round stands.
    pub ends: i64,
    /// Forgiven in this round.
    pub forgiven: Usd,
    /// Sum of the gains registered, and what of it is not charged yet.
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
    /// From the first unit forgiven until it is closed.
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
}

impl Market {
    /// Takes a loss that is forgiven, or none yet, into the round, and opens one at the price of the underlying where none stands. Fails with
    /// [`NovateError::HaircutSettling`] while the gains of a round that is over are not all charged.
    pub fn forgive(&mut self, amount: Usd, underlying: &Asset, now: i64) -> Result<()> {
        if !self.round.stands() {
            let (index, time) = (underlying.price, next_expiry(now));
            let decided = underlying.decided(time, now)?;
            (self.round_expiry, self.round_decided, self.round_average) = (time, decided.share, decided.average);
            self.round = Round {
                number: self.round.number.wrapping_add(1),
                ends: now.saturating_add(HAIRCUT_WINDOW),
                index_price: index,
                mark: self.mark_at(index)?,
                funding: self.funding,
                ..Round::default()
            };
        }
        require!(self.round.is_open(now), NovateError::HaircutSettling);
        self.round.forgiven = self.round.forgiven.add(amount).map_err(NovateError::from)?;
        self.haircut = self.haircut.add(amount).map_err(NovateError::from)?;
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
    /// round and is not settled. None where neither happened; a charge is 0 where nothing was forgiven in the end.
    #[inline]
    pub fn bear(&mut self, position: &mut Position, expiry: Option<&Expiry>, now: i64) -> Result<Option<Borne>> {
        if self.round.stands() {
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
        let Some(gain) = self.gain_to_register(position, expiry)? else { return Ok(None) };
        position.round = self.round.number;
        if gain == Usd::ZERO {
            return Ok(None);
        }
        position.gain = gain.0;
        self.round.gains = self.round.gains.add(gain).map_err(NovateError::from)?;
        self.round.uncharged = self.round.uncharged.add(gain).map_err(NovateError::from)?;
        Ok(Some(Borne { registered: gain.0, charged: 0 }))
    }

    /// The gain of a position that was not looked at yet; none of one that was, or that waits for its price.
    fn gain_to_register(&self, position: &Position, expiry: Option<&Expiry>) -> Result<Option<Usd>> {
        if position.round == self.round.number || self.waits_for_price(position, expiry) {
            return Ok(None);
        }
        self.gain_of(position, expiry).map(Some)
    }

    /// What had expired before the round and has no settlement price yet: its gain is registered once it has one.
    fn waits_for_price(&self, position: &Position, expiry: Option<&Expiry>) -> bool {
        position.quantity != 0 && self.had_passed(position) && expiry.is_some_and(|expiry| !expiry.is_fixed())
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
        if passed {
            return Ok(Some(expiry.value(position)?));
        }
        let decided = match expiry.time == self.round_expiry {
            true => Decided { share: self.round_decided, average: self.round_average },
            false => Decided::NOTHING,
        };
        let price = expiry.expected(decided)?.at(self.round.index_price).map_err(NovateError::from)?;
        Ok(Some(of(price)?))
    }

    /// The most that a position may be charged once the window that is open ends: the gain that it registered, or would register
    /// now; 0 while no window is open, and of what waits for its price.
    pub fn at_risk(&self, position: &Position, expiry: Option<&Expiry>, now: i64) -> Result<Usd> {
        if !self.round.is_open(now) {
            return Ok(Usd::ZERO);
        }
        if position.round == self.round.number {
            return Ok(Usd(position.gain));
        }
        Ok(self.gain_to_register(position, expiry)?.unwrap_or(Usd::ZERO))
    }

    /// What the gain that a position registered is charged now: nothing within the window, then its share of what was forgiven,
    /// rounded up, at most all of it.
    pub fn charge_of(&self, position: &Position, now: i64) -> Result<Usd> {
        if position.gain == 0 || self.round.is_open(now) {
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
