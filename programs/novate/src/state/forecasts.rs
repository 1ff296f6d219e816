//! What members of the committee forecast of an asset, and what of that stands (MRG-52).

use anchor_lang::prelude::*;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::{volatility, Ratio, Usd};

use super::{Asset, Committee, Stamp, DISCRIMINATOR, MAX_MEMBERS};
use crate::error::NovateError;
use crate::instructions::add_asset::MIN_DEPTH;

const DAY: i64 = 86_400;

/// Seconds between two raises, and over which each reaches maintenance margin.
pub const RAISING: i64 = DAY;
/// Seconds after the last application for which a forecast of an asset stands.
pub const STANDING: i64 = DAY;
/// Most that a raise multiplies a deviation by.
pub const SIGMA_RAISE: Ratio = Ratio(1_150_000);
/// Least that a raise leaves of the depth that counts. Both together ask for at most a quarter more: 1.15/sqrt(0.85) = 1.2474.
pub const DEPTH_LEFT: Ratio = Ratio(850_000);
/// Largest deviation of a day that a member can forecast.
pub const MAX_SIGMA: Ratio = Ratio::ONE;
/// Largest share by which forecasts lower a depth.
pub const MAX_CUT: u32 = 750_000;

const ONE: u32 = 1_000_000;

// 1.15^2 <= 1.25^2 * 0.85: the concentration charge rises with the root of the depth (MRG-35).
const _: () = assert!(SIGMA_RAISE.0 * SIGMA_RAISE.0 * 16 <= 25 * DEPTH_LEFT.0 * Ratio::ONE.0);

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

    /// A raise is on its way.
    pub(super) fn is_rising(&self) -> bool {
        self.sigma > self.sigma_from
    }

    /// A value on its way up.
    fn at(&self, from: u32, to: u32, now: i64) -> u32 {
        let passed = now.saturating_sub(self.raised).clamp(0, RAISING);
        let way = mul_div_floor(to.saturating_sub(from).into(), passed, RAISING).unwrap_or_default();
        from.saturating_add(u32::try_from(way).unwrap_or_default())
    }

    /// Ends what was not applied again for a day, and what is on its way.
    fn advance(&mut self, now: i64) {
        if now.saturating_sub(self.applied) > STANDING {
            *self = Self { sigma: 0, sigma_from: 0, cut: 0, cut_from: 0, ..*self };
        }
        if now.saturating_sub(self.raised) >= RAISING {
            (self.sigma_from, self.cut_from) = (self.sigma, self.cut);
        }
    }
}

impl Asset {
    /// The deviation in force of what was measured: never below it. Sets the depth that counts.
    pub(super) fn foreseen(&mut self, measured: Ratio, now: i64) -> Ratio {
        if !self.forecast.stands() {
            return measured;
        }
        self.forecast.advance(now);
        let forecast = self.forecast;
        self.count_depth(forecast.at(forecast.cut_from, forecast.cut, now));
        measured.max(Ratio(forecast.at(forecast.sigma_from, forecast.sigma, now).into()))
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

    /// Takes in the medians of what members submitted, at least a quorum: a raise at most once a day and by at most a step, which is in
    /// initial margin at once and in maintenance margin a day later; less at once. Forecasts below the measured deviation, or above
    /// the governed depth, change nothing.
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

        let due = now.saturating_sub(last.raised) >= RAISING;
        let from = self.raised_from(in_force);
        let most = if due {
            mul_div_floor(from.0, SIGMA_RAISE.0, Ratio::ONE.0).map_err(NovateError::from)?
        } else {
            last.sigma.into()
        };
        let sigma = if sigma > measured.0 { sigma.min(most) } else { 0 };
        let kept = ONE.saturating_sub(last.cut);
        let least = mul_div_ceil(kept.into(), DEPTH_LEFT.0, Ratio::ONE.0).map_err(NovateError::from)?;
        let deepest = if due { i64::from(ONE).saturating_sub(least) } else { last.cut.into() };
        let next = StandingForecast {
            sigma: u32::try_from(sigma).map_err(|_| NovateError::MathOverflow)?,
            cut: u32::try_from(cut.min(deepest)).map_err(|_| NovateError::MathOverflow)?,
            applied: now,
            ..last
        };
        let rises = next.sigma > last.sigma || next.cut > last.cut;
        let from = u32::try_from(from.0).unwrap_or(u32::MAX);
        self.forecast = match rises {
            true => StandingForecast {
                raised: now,
                sigma_from: from.min(next.sigma),
                cut_from: last.cut.min(next.cut),
                ..next
            },
            false => StandingForecast {
                sigma_from: last.sigma_from.min(next.sigma),
                cut_from: last.cut_from.min(next.cut),
                ..next
            },
        };
        self.count_depth(self.forecast.cut_from);
        self.derive(now);
        Ok(())
    }

    /// Where a raise comes from: of an underlying, whose balances know no haircut, the deviation that its scan range stands for where that
    /// is more than the one in force.
    fn raised_from(&self, in_force: Ratio) -> Ratio {
        let range = self.scan_range.0.checked_div(volatility::RANGE_DEVIATIONS).unwrap_or_default();
        if self.is_underlying() {
            in_force.max(Ratio(range))
        } else {
            in_force
        }
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
