//! What a book holds at one expiry: futures and options (MRG-10, MRG-15).
//!
//! Options are netted by strike as calls: a put is a call less a forward plus the strike. Each strike held then weighs its
//! stored values once, and the sum is shifted once to the spot of now.

use bytemuck::{Pod, Zeroable};

use crate::book::MAX_GRIDS;
use crate::chain::{Decided, Expected, Strike, MAX_STRIKES, VALUE_ERROR, VALUE_ONE};
use crate::error::{MarginError, Result};
use crate::fixed::product_over_ten_pow_floor;
use crate::pricing::DAY;
use crate::scan::Grid;
use crate::shift::{Group, Run};
use crate::units::{Contracts, Price, Ratio, Seconds, Tenor, Usd, PRICE_DIGITS, USD_DIGITS};

pub use crate::shift::NODE_ONE;

/// Expiries in one book (CLR-36).
pub const MAX_EXPIRIES: usize = 12;

/// Most that the options on one underlying may be at the spot their values were made at, sizes summed: 2.8e11 USD. A call is
/// worth less than eight spots, so no node's profit or loss leaves 2^62.
pub(crate) const MAX_OPTIONS: Usd = Usd(1 << 58);
/// 2^27: values off by VALUE_ERROR at each end of a difference are off by 2^-27 of the weight.
const ERROR_BITS: u32 = 27;
const _: () = assert!(VALUE_ERROR * 2 * (1 << ERROR_BITS) == VALUE_ONE as i64);

/// What the book must know of an expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryFacts {
    /// The forward over the spot, less one.
    pub basis: Ratio,
    /// Time that is left, above zero.
    pub remaining: Tenor,
    /// What samples have decided of the settlement price (CLR-12).
    pub decided: Decided,
}

/// Call or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The right to the forward at the strike.
    Call,
    /// The right to the strike for the forward.
    Put,
}

/// Which of two values an option takes where its mark has to be carried to another spot (MRG-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// The mark with delta and gamma, within the bounds below.
    Central,
    /// In favour of who holds it: what convexity allows at most for a long option, at least for a short one. For
    /// liquidations.
    Owner,
}

/// One expiry of a book: what is held, and after [`Book::add_chain`](crate::Book::add_chain) what the options are worth.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct HeldExpiry {
    /// Identity of the expiry, as the caller counts them.
    pub id: u64,
    /// The price expected at expiry: the forward, as far as samples have not decided it (CLR-12).
    pub expected: Expected,
    /// Time that is left.
    pub remaining: Tenor,
    /// That price at the price of the underlying, rounded down.
    pub forward: Price,
    /// The futures.
    pub future: Contracts,
    /// Puts of all strikes, summed.
    pub puts: Contracts,
    /// Calls and puts of each strike slot, netted.
    pub net: [Contracts; MAX_STRIKES],
    /// Of them the puts.
    pub put: [Contracts; MAX_STRIKES],
    /// Result: delta of futures and options in contracts of spot.
    pub delta: Contracts,
    /// Result: value of the options, settlement units, rounded down.
    pub value: Usd,
    /// Result: that less what they are worth at once (MRG-33).
    pub time_value: Usd,
    /// Result: profit of the options with vol up and no move (MRG-37).
    pub vega: Usd,
    /// Result: contracts net short, over strikes (MRG-32).
    pub naked: Contracts,
    /// Slot of the underlying in the book.
    pub underlying: u16,
    /// 1 where the chain was added after the last option.
    pub(crate) valued: u8,
    padding: u8,
    /// A bit for each slot that options were added to.
    slots: u32,
}

impl HeldExpiry {
    /// Makes it an empty one, of an underlying in a slot and at a price.
    pub(crate) fn set(&mut self, id: u64, (underlying, spot): (u16, Price), facts: ExpiryFacts) -> Result<()> {
        let ExpiryFacts { basis, remaining, decided } = facts;
        let expected = Expected::of(basis, decided)?;
        if remaining <= Tenor::ZERO {
            return Err(MarginError::Expired);
        }
        let forward = expected.at(spot)?;
        *self = Self { id, expected, remaining, forward, underlying, ..Self::zeroed() };
        Ok(())
    }

    /// Adds options of one slot.
    pub(crate) fn add(&mut self, slot: usize, right: Right, quantity: Contracts) -> Result<()> {
        let net = self.net.get_mut(slot).ok_or(MarginError::UnknownStrike)?;
        *net = net.add(quantity)?;
        if right == Right::Put {
            let put = self.put.get_mut(slot).ok_or(MarginError::UnknownStrike)?;
            *put = put.add(quantity)?;
            self.puts = self.puts.add(quantity)?;
        }
        self.slots |= set_of(slot);
        self.valued = 0;
        Ok(())
    }

    /// Options were added that no chain has valued yet.
    pub fn needs_chain(&self) -> bool {
        self.slots != 0 && self.valued == 0
    }

    /// A quantity of forwards in contracts of spot.
    fn in_spot(&self, forwards: Contracts) -> Result<Contracts> {
        product_over_ten_pow_floor::<USD_DIGITS>(forwards.0, self.expected.growth.0).map(Contracts)
    }

    /// Futures less puts, in contracts of spot: what is linear here.
    pub(crate) fn linear(&self) -> Result<Contracts> {
        self.in_spot(self.future.sub(self.puts)?)
    }
}

/// How far the values that a book rests on lie from now: the worst of all strikes held.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Drift {
    /// Distance of spot from where values were made, in nodes of their grid, [`NODE_ONE`] to one (an eighth of the scan range).
    pub nodes: i64,
    /// Unix time of the oldest values; `i64::MAX` without options.
    pub oldest: Seconds,
}

/// Of the options of one expiry: what a node may be off by, rounded up, and their sizes at the spot their values were made at,
/// summed.
#[derive(Default)]
pub(crate) struct Valued {
    pub error: Usd,
    pub held: Usd,
}

/// The slots of a set of them, ascending.
fn slots(mut set: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let slot = usize::try_from(set.trailing_zeros()).ok().filter(|_| set != 0);
        set &= set.wrapping_sub(1);
        slot
    })
}

/// The set of one slot, which is below 24.
fn set_of(slot: usize) -> u32 {
    1u32.wrapping_shl(u32::try_from(slot).unwrap_or_default())
}

/// Contracts net short over strikes that ascend (MRG-32). Slots next to each other with the same strike count as one.
#[derive(Default)]
struct Naked {
    all: Contracts,
    run: Contracts,
    last: Price,
}

impl Naked {
    fn add(&mut self, strike: Price, net: Contracts) -> Result<()> {
        if strike == self.last {
            self.run = self.run.add(net)?;
            return Ok(());
        }
        self.all = self.total()?;
        (self.run, self.last) = (net, strike);
        Ok(())
    }

    fn total(&self) -> Result<Contracts> {
        self.all.add(self.run.neg()?.or_zero())
    }
}

/// What the valuing of options works with, beside the expiry itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(crate) struct Work {
    /// Values that are not yet part of the nodes.
    pub run: Run,
    /// By strike slot, the net size at the spot that the values were made at.
    weights: [i64; MAX_STRIKES],
    pub drift: Drift,
    /// Highest price of anything held, per contract.
    pub dearest: Price,
}

/// Values one expiry at `spot`: its results, and the profit and loss of its options on their way to the nodes `grid`, which have
/// the scan range `range`.
pub(crate) fn value_options(
    held: &mut HeldExpiry,
    strikes: &[Strike; MAX_STRIKES],
    (spot, range): (Price, Ratio),
    carry: Carry,
    Work { run, weights, drift, dearest }: &mut Work,
    (grid, grids): (u8, &mut [Grid; MAX_GRIDS]),
) -> Result<Valued> {
    let (forward, expected) = (held.forward, held.expected);
    let soon = held.remaining < DAY;
    let mut delta = held.linear()?;
    let mut value = held.puts.value_ceil(forward)?.neg()?;
    let (mut time_value, mut vega, mut valued) = (Usd::ZERO, Usd::ZERO, Valued::default());
    let (mut naked, mut open) = (Naked::default(), 0u32);
    for slot in slots(held.slots) {
        let (Some(strike), Some(net), Some(put)) = (strikes.get(slot), held.net.get(slot), held.put.get(slot)) else {
            break;
        };
        if strike.strike <= Price::ZERO {
            return Err(MarginError::UnknownStrike);
        }
        if put.0 != 0 {
            value = value.add(put.value_floor(strike.strike)?)?;
            *dearest = strike.strike.max(*dearest);
        }
        if net.0 != 0 {
            naked.add(strike.strike, *net)?;
            open |= set_of(slot);
        }
    }
    while open != 0 {
        let lead = slots(open).next().and_then(|slot| strikes.get(slot)).ok_or(MarginError::UnknownStrike)?;
        run.turn_to(lead, (spot, expected), range, grid, grids)?;
        let group = &run.group;
        drift.nodes = drift.nodes.max(group.start.saturating_abs());
        let (mut ours, mut count, mut total, mut sum) = (0u32, 0i64, 0i64, Contracts::ZERO);
        for slot in slots(open) {
            let (Some(strike), Some(net)) = (strikes.get(slot), held.net.get(slot)) else { break };
            if !group.has(strike) {
                continue;
            }
            drift.oldest = drift.oldest.min(strike.refreshed);
            let (price, unit_delta) = group.carry(strike, *net, carry)?;
            value = value.add(net.value_floor(price)?)?;
            sum = sum.add(Contracts(product_over_ten_pow_floor::<PRICE_DIGITS>(net.0, unit_delta)?))?;
            if soon {
                let rest = price.sub(forward.sub(strike.strike)?.or_zero())?;
                time_value = time_value.add(net.value_ceil(rest)?)?;
            }
            let weight = net.value_floor(group.reference)?.0;
            total = total.checked_add(weight.abs()).ok_or(MarginError::Overflow)?;
            if let Some(place) = weights.get_mut(slot) {
                *place = weight;
            }
            count = count.wrapping_add(1);
            ours |= set_of(slot);
        }
        open &= !ours;
        delta = delta.add(Contracts(group.delta_now(sum.0, expected)?))?;
        let weighted = slots(ours).filter_map(|slot| Some((*weights.get(slot)?, &strikes.get(slot)?.values)));
        let (up, unit) = run.add(total, weighted);
        vega = vega.add(up)?;
        // Values, weights that were cut, and what the steps of a run cut: each below a unit of a weight per strike and node.
        let cut = count.wrapping_add(4).checked_mul(unit).ok_or(MarginError::Overflow)?;
        valued.error = valued.error.add(Usd(total >> ERROR_BITS))?.add(Usd(cut))?;
        valued.held = valued.held.add(Usd(total))?;
    }
    held.naked = naked.total()?;
    (held.delta, held.value, held.time_value, held.vega) = (delta, value, time_value, vega);
    held.valued = 1;
    Ok(valued)
}

/// One option at the spot of now, carried as the book carries it (MRG-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Value per contract, 0 or more.
    pub mark: Price,
    /// Size of its delta in contracts of spot.
    pub delta: Contracts,
    /// How far its values lie from now.
    pub drift: Drift,
}

/// Marks one option of an expiry at `spot`, of an underlying with the scan range `range`.
pub fn option_at(strike: &Strike, right: Right, (spot, range): (Price, Ratio), facts: ExpiryFacts) -> Result<Carried> {
    let mut held = HeldExpiry::zeroed();
    held.set(0, (0, spot), facts)?;
    let expected = held.expected;
    let group = Group::new(strike, (spot, expected), range)?;
    // A growth is at most 2.
    let limit = expected.growth.0.wrapping_mul(RATIO_TO_CONTRACTS);
    let (call, delta) = group.carry(strike, Contracts::ZERO, Carry::Central)?;
    let delta = group.delta_now(delta, expected)?;
    let (mark, delta) = match right {
        Right::Call => (call, delta),
        Right::Put => (call.sub(held.forward)?.add(strike.strike)?.or_zero(), limit.saturating_sub(delta)),
    };
    let drift = Drift { nodes: group.start.saturating_abs(), oldest: strike.refreshed };
    Ok(Carried { mark, delta: Contracts(delta), drift })
}

/// 1e-9 in 1e-6: from the digits of a ratio to those of a quantity.
pub const RATIO_TO_CONTRACTS: i64 = 1_000;
