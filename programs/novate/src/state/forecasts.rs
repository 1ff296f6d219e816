//! What members of the committee forecast of an asset, and what of that stands (MRG-52).

use anchor_lang::prelude::*;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::{volatility, Ratio, Usd};

use super::{Asset, Committee, Stamp, DISCRIMINATOR, LEAST_FLOOR, MAX_MEMBERS};
use crate::error::NovateError;
use crate::instructions::add_asset::MIN_DEPTH;

const DAY: i64 = 86_400;

/// Seconds between two steps, and over which each reaches maintenance margin.
pub const RAISING: i64 = DAY;
/// Seconds after the last application for which a forecast of an asset stands. From then on its deviation falls, a step a day.
pub const STANDING: i64 = DAY;
/// Most that a step multiplies a deviation by, or divides it by: a side of a hedge that asks for less breaks it as one that asks for more.
pub const SIGMA_STEP: Ratio = Ratio(1_125_000);
/// Least that a step leaves of the depth that counts, where the deviation stays. What share of its own step the deviation takes, the
/// depth does not ([`Step::depth_left`]).
pub const DEPTH_LEFT: Ratio = Ratio(850_000);
/// Largest deviation of a day that a member can forecast.
pub const MAX_SIGMA: Ratio = Ratio::ONE;
/// Largest share by which forecasts lower a depth.
pub const MAX_CUT: u32 = 750_000;

const ONE: u32 = 1_000_000;

// What a day of forecasts, of all assets at once, can add to the margin of linear holdings: a quarter, as long as the diversified floor f is
// no less than LEAST_FLOOR.
//
// Of a deviation: let all scan losses come to 1, and those of a share x rise by s - 1. What is saved does not fall by it, so the core
// rises by x(s - 1) at most. What is saved is at most twice what the other side has, 2(1 - x), so the core is at least 2x - 1, and f: the
// rise is the largest share of it at x = (1 + f)/2. A fall breaks no more of a hedge than a rise.
const _: () =
    assert!(4 * (SIGMA_STEP.0 - Ratio::ONE.0) * (Ratio::ONE.0 + LEAST_FLOOR.0) <= 2 * LEAST_FLOOR.0 * Ratio::ONE.0);
// Of a depth: the concentration charge of holdings that come to it is 0, and 1/sqrt(d) - 1 of all scan losses where a share d is left; the
// core is f of them at least.
const _: () = {
    let [one, left, floor] = [Ratio::ONE.0 / 1_000, DEPTH_LEFT.0 / 1_000, LEAST_FLOOR.0 / 1_000];
    assert!(16 * one * one * one <= left * (4 * one + floor) * (4 * one + floor));
};
// Of both: alone they come to 0.241 and 0.242; shares p and 1 - p of them to 0.242(1 + 0.125p(1 - p)) at most, 0.2495.

/// What a member forecasts of an asset.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetForecast {
    /// Deviation of a day's return, 1e-6: above 0, at most 1.
    pub sigma: i64,
    /// Depth of the underlying's market (MRG-35), USD 1e-6, above 0.
    pub depth: i64,
}

impl AssetForecast {
    pub fn require_valid(&self) -> Result<()> {
        let inside = (1..=MAX_SIGMA.0).contains(&self.sigma) && self.depth > 0;
        require!(inside, NovateError::InvalidAssetForecast);
        Ok(())
    }
}

/// What a member submitted of an asset last.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SubmittedTerms {
    pub stamp: Stamp,
    pub sigma: Ratio,
    pub depth: Usd,
}

/// What the members submitted of an asset, each its last.
///
/// Address: `[FORECASTS, asset]`. Created by the first submission.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct AssetForecasts {
    pub version: u8,
    pub bump: u8,
    /// Index of the asset.
    pub asset: u16,
    pub padding: [u8; 4],
    pub pool: Pubkey,
    /// By seat of the committee.
    pub submitted: [SubmittedTerms; MAX_MEMBERS],
    pub reserve: [u8; 56],
}

impl AssetForecasts {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();
}

/// What stands of the committee's forecasts of an asset. It only raises: the deviation above the measured one, the charge for
/// concentration above what the governed depth asks for.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct StandingForecast {
    /// Deviation of a day, 1e-6, that initial margin counts and maintenance margin comes to; 0 where the measured one counts.
    pub sigma: u32,
    /// Where that comes from.
    pub sigma_from: u32,
    /// Share of the governed depth that does not count, 1e-6, and where it comes from.
    pub cut: u32,
    pub cut_from: u32,
    /// Unix times of the last raise and of the last application.
    pub raised: i64,
    pub applied: i64,
    /// The governed depth, where less of it counts; else 0.
    pub depth: Usd,
}

impl StandingForecast {
    /// Something stands.
    fn stands(&self) -> bool {
        self.sigma | self.cut != 0
    }

    /// A rise is on its way.
    pub(super) fn is_rising(&self) -> bool {
        self.sigma > self.sigma_from
    }

    /// A value on its way.
    fn at(&self, from: u32, to: u32, now: i64) -> u32 {
        let passed = now.saturating_sub(self.raised).clamp(0, RAISING);
        let way = mul_div_floor(i64::from(to).saturating_sub(from.into()), passed, RAISING).unwrap_or_default();
        from.saturating_add_signed(i32::try_from(way).unwrap_or_default())
    }

    /// Ends a way that is over. What was not applied again for a day ends: of the depth at once, of the deviation by a step a day, from the
    /// greatest that scan ranges follow until it is no more than `idle`.
    fn advance(&mut self, idle: u32, greatest: u32, now: i64) {
        if now.saturating_sub(self.raised) >= RAISING {
            (self.sigma_from, self.cut_from) = (self.sigma, self.cut);
        }
        if now.saturating_sub(self.applied) <= STANDING {
            return;
        }
        (self.cut, self.cut_from) = (0, 0);
        (self.sigma, self.sigma_from) = (self.sigma.min(greatest), self.sigma_from.min(greatest));
        let mut due = self.raised.saturating_add(RAISING).max(self.applied.saturating_add(STANDING));
        // Each step is a ninth less: 117 of them end the greatest deviation.
        while now >= due && self.sigma_from != 0 {
            if self.sigma <= idle {
                (self.sigma, self.sigma_from) = (0, 0);
                return;
            }
            let to = u32::try_from(lowered(self.sigma.into())).unwrap_or_default();
            (self.sigma_from, self.sigma, self.raised) = (self.sigma, to, due);
            due = due.saturating_add(RAISING);
        }
    }

    /// Takes back some of a way that has begun: from where the deviation is now to a goal that is not beyond its own, by when it would have
    /// been there.
    fn turn(&mut self, value: u32, goal: u32, now: i64) {
        if goal == self.sigma {
            return;
        }
        let left = self.raised.saturating_add(RAISING).saturating_sub(now).max(1);
        let apart = i64::from(value).saturating_sub(goal.into());
        let from = mul_div_floor(apart, RAISING, left).unwrap_or_default().saturating_add(goal.into());
        (self.sigma, self.sigma_from) = (goal, u32::try_from(from).unwrap_or(value));
    }
}

/// A step of a deviation, a day long.
struct Step {
    from: i64,
    goal: i64,
    /// How much of the greatest step it is.
    share: Ratio,
}

impl Step {
    /// Least share of the depth that a step of the same day leaves.
    fn depth_left(&self) -> Ratio {
        let given = Ratio::ONE.0.saturating_sub(DEPTH_LEFT.0);
        let taken = mul_div_ceil(given, self.share.0, Ratio::ONE.0).unwrap_or(given);
        Ratio(DEPTH_LEFT.0.saturating_add(taken))
    }
}

/// The deviation that a scan range stands for.
fn deviation_of(range: i64) -> Ratio {
    Ratio(range.checked_div(volatility::RANGE_DEVIATIONS).unwrap_or_default())
}

/// A deviation a step lower.
fn lowered(sigma: i64) -> i64 {
    mul_div_floor(sigma, Ratio::ONE.0, SIGMA_STEP.0).unwrap_or_default()
}

impl Asset {
    /// The deviation in force of what was measured: never below it. Sets the depth that counts.
    pub(super) fn foreseen(&mut self, measured: Ratio, now: i64) -> Ratio {
        if !self.forecast.stands() {
            return measured;
        }
        let [idle, greatest] =
            [self.idle(measured), self.greatest(measured)].map(|r| u32::try_from(r.0).unwrap_or(u32::MAX));
        self.forecast.advance(idle, greatest, now);
        let forecast = self.forecast;
        self.count_depth(forecast.at(forecast.cut_from, forecast.cut, now));
        measured.max(Ratio(forecast.at(forecast.sigma_from, forecast.sigma, now).into()))
    }

    /// The greatest deviation that no scan range follows from: the measured one, or a third of the base range.
    fn idle(&self, measured: Ratio) -> Ratio {
        measured.max(deviation_of(self.base_range.0))
    }

    /// The greatest that one follows: the measured one, or a third of twice the base range.
    fn greatest(&self, measured: Ratio) -> Ratio {
        measured.max(deviation_of(self.base_range.0.saturating_mul(2)))
    }

    /// The depth as governance set it.
    pub fn governed_depth(&self) -> Usd {
        match self.forecast.depth {
            Usd::ZERO => self.depth,
            governed => governed,
        }
    }

    pub(super) fn govern_depth(&mut self, depth: Usd) {
        match self.forecast.depth {
            Usd::ZERO => self.depth = depth,
            _ => self.forecast.depth = depth,
        }
    }

    /// Leaves out a share of the governed depth.
    fn count_depth(&mut self, cut: u32) {
        let governed = self.governed_depth();
        if cut == 0 {
            (self.depth, self.forecast.depth) = (governed, Usd::ZERO);
            return;
        }
        let left = mul_div_floor(governed.0, ONE.saturating_sub(cut).into(), ONE.into()).unwrap_or(governed.0);
        (self.depth, self.forecast.depth) = (Usd(left.max(MIN_DEPTH.min(governed.0))), governed);
    }

    /// Takes in the medians of what members submitted, at least a quorum: at most a step a day, which maintenance margin follows over that
    /// day, initial margin, where it rises, at once. What a step has not come to yet can be taken back; more of the depth counts at
    /// once. Forecasts below the measured deviation, or above the governed depth, change nothing.
    pub fn forecast(&mut self, committee: &Committee, submitted: &[AssetForecast], now: i64) -> Result<()> {
        let measured = self.measured();
        let in_force = self.foreseen(measured, now);
        let last = self.forecast;
        let mut values = [0; MAX_MEMBERS];
        let mut middle = |standing: i64, of: &dyn Fn(&AssetForecast) -> i64| {
            values.iter_mut().zip(submitted).for_each(|(place, submitted)| *place = of(submitted));
            committee.median(values.get(..submitted.len()).unwrap_or_default(), standing)
        };
        let stands = if last.sigma > 0 { i64::from(last.sigma) } else { measured.0 };
        let sigma = middle(stands, &|s| s.sigma);
        let cut = middle(last.cut.into(), &|s| self.cut_of(s.depth).into());

        let mut next = StandingForecast { applied: now, ..last };
        if now.saturating_sub(last.raised) >= RAISING {
            let step = self.step(sigma, measured, in_force)?;
            let kept = i64::from(ONE.saturating_sub(last.cut));
            let least = mul_div_ceil(kept, step.depth_left().0, Ratio::ONE.0).map_err(NovateError::from)?;
            let deepest = i64::from(ONE).saturating_sub(least);
            let [from, goal, cut] = [step.from, step.goal, cut.min(deepest)].map(u32::try_from);
            let whole = |value: core::result::Result<u32, _>| value.map_err(|_| NovateError::MathOverflow);
            (next.sigma_from, next.sigma, next.cut) = (whole(from)?, whole(goal)?, whole(cut)?);
            next.cut_from = last.cut.min(next.cut);
            if next.sigma != last.sigma || next.cut > last.cut {
                next.raised = now;
            }
        } else {
            let value = last.at(last.sigma_from, last.sigma, now);
            let goal = u32::try_from(sigma).unwrap_or(u32::MAX);
            next.turn(value, goal.clamp(value.min(last.sigma), value.max(last.sigma)), now);
            next.cut = last.cut.min(u32::try_from(cut).unwrap_or(u32::MAX));
            next.cut_from = last.cut_from.min(next.cut);
        }
        self.forecast = next;
        self.count_depth(next.at(next.cut_from, next.cut, now));
        self.derive(now);
        Ok(())
    }

    /// The next step towards a forecast, from the deviation in force. A rise begins where scan ranges do: of an underlying, whose balances
    /// know no haircut, at the deviation that its range stands for where that is more. A fall begins at the greatest that ranges follow.
    fn step(&self, forecast: i64, measured: Ratio, in_force: Ratio) -> Result<Step> {
        // Balances that enter the scan still have a haircut.
        let ranged = self.is_underlying() && self.scanned == 0;
        let low = if ranged { in_force.max(deviation_of(self.scan_range.0)).0 } else { in_force.0 };
        let highest = mul_div_floor(low, SIGMA_STEP.0, Ratio::ONE.0).map_err(NovateError::from)?;
        let high = in_force.min(self.greatest(measured)).0;
        let lowest = lowered(high);
        let goal = forecast.clamp(lowest, highest);
        let to = goal.max(measured.0);
        let (from, moved, most) = if to > in_force.0 {
            (low.min(goal), goal.saturating_sub(low), highest.saturating_sub(low))
        } else if to < high {
            (high, high.saturating_sub(to), high.saturating_sub(lowest))
        } else if to > measured.0 {
            (goal, 0, 1)
        } else {
            return Ok(Step { from: 0, goal: 0, share: Ratio::ZERO });
        };
        let share = mul_div_ceil(moved.max(0), Ratio::ONE.0, most.max(1)).map_err(NovateError::from)?;
        Ok(Step { from, goal, share: Ratio(share.min(Ratio::ONE.0)) })
    }

    /// The share of the governed depth that a depth leaves out.
    fn cut_of(&self, depth: i64) -> u32 {
        let governed = self.governed_depth().0;
        if governed <= depth {
            return 0;
        }
        let left = mul_div_floor(depth, ONE.into(), governed).unwrap_or_default();
        ONE.saturating_sub(u32::try_from(left).unwrap_or(ONE)).min(MAX_CUT)
    }
}

const _: () = assert!(AssetForecasts::SPACE == 320);
const _: () = assert!(core::mem::size_of::<StandingForecast>() == 40);
