//! Terms of an asset on their way (CLR-50, MRG-62): what tightens reaches maintenance margin over three days, what loosens over a week,
//! and what is listed in a pool that trades counts for nothing at first.

use anchor_lang::prelude::*;
use novate_margin::collateral::HaircutTerms;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::{collateral, volatility, Contracts, Ratio};

use super::{Asset, AssetField};
use crate::error::NovateError;

const DAY: i64 = 86_400;

/// Seconds over which a tightening reaches maintenance margin: three days, for of a hedge whose other side stays margin grows by half as much
/// again as the scan range of one, and a quarter of it in a day would be more than lies between maintenance and initial margin.
pub const TIGHTENING: i64 = 3 * DAY;
/// Seconds over which terms loosen.
pub const LOOSENING: i64 = 7 * DAY;
/// Seconds from the listing of an asset in a pool that trades until it counts as its terms have it.
pub const SEASONING: i64 = 14 * DAY;

/// Greatest scan range of an asset that is collateral as its first market is listed, in haircuts. At an outside multiple of 1.25 a balance then
/// comes to ask for 3.2 times what it asked, over two weeks: in a day for a sixth of it more.
const SCAN_PER_HAIRCUT: i64 = 4;

/// Number of fields that move over time.
const COUNT: usize = AssetField::RAMPED.len();

/// Where terms come from and go to. What is in force stands in the asset, as of its last refresh.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Ramp {
    /// Unix times between which the terms move; both 0 while none does.
    pub begin: i64,
    pub end: i64,
    /// Of each field of [`AssetField::RAMPED`].
    pub from: [u64; COUNT],
    pub to: [u64; COUNT],
    /// Unix time at which the asset was listed in a pool that trades; 0 where it was there before, or [`SEASONING`] is over.
    pub listed: i64,
    /// Unix times of the last change by the authority, and of the last tightening.
    pub set: i64,
    pub tightened: i64,
    /// By how much the haircut will rise: initial margin has it already.
    pub haircut_ahead: Ratio,
}

impl Ramp {
    fn is_moving(&self) -> bool {
        self.end != 0
    }

    /// A value on its way, towards what it comes from.
    fn at(&self, from: u64, to: u64, now: i64) -> u64 {
        // Most do not move.
        if from == to {
            return to;
        }
        let [span, passed] = [self.end, now.min(self.end)].map(|t| t.saturating_sub(self.begin).max(0).unsigned_abs());
        let way = u128::from(from.abs_diff(to)).saturating_mul(passed.into()).checked_div(span.into());
        let way = way.and_then(|w| u64::try_from(w).ok()).unwrap_or_default();
        if to > from {
            from.saturating_add(way)
        } else {
            from.saturating_sub(way)
        }
    }
}

impl Asset {
    /// Where the terms are on their way to.
    pub fn goals(&self) -> [u64; COUNT] {
        match self.ramp.is_moving() {
            true => self.ramp.to,
            false => AssetField::RAMPED.map(|field| self.get(field)),
        }
    }

    /// Moves the terms to where they are now.
    pub fn advance(&mut self, now: i64) {
        if self.ramp.listed != 0 && now >= self.ramp.listed.saturating_add(SEASONING) {
            self.ramp.listed = 0;
        }
        if self.scanned != 0 && now >= self.scanned.saturating_add(SEASONING) {
            self.scanned = 0;
        }
        if !self.ramp.is_moving() {
            return;
        }
        let ramp = self.ramp;
        for (field, (from, to)) in AssetField::RAMPED.into_iter().zip(ramp.from.into_iter().zip(ramp.to)) {
            self.put(field, ramp.at(from, to, now));
        }
        if now >= ramp.end {
            (self.ramp.begin, self.ramp.end) = (0, 0);
        }
    }

    /// Sends the terms on their way, from where they are: over a week where any of them loosens, over three days otherwise. A lower cap is
    /// there at once: it takes nothing from anybody.
    pub(super) fn begin_ramp(&mut self, goals: [u64; COUNT], now: i64) {
        self.deposit_cap = self.deposit_cap.min(goals.last().copied().unwrap_or(u64::MAX));
        let from = AssetField::RAMPED.map(|field| self.get(field));
        let each = || AssetField::RAMPED.into_iter().zip(from.into_iter().zip(goals));
        // Either way of a depth takes the week.
        let loosens = each().any(|(field, (from, to))| field.rule().loosens(from, to));
        let moves = from != goals;
        let end = now.saturating_add(if loosens { LOOSENING } else { TIGHTENING });
        (self.ramp.begin, self.ramp.end) = if moves { (now, end) } else { (0, 0) };
        (self.ramp.from, self.ramp.to) = (from, goals);
        let sigma = self.foreseen(self.measured(), now);
        self.look_ahead(sigma);
    }

    /// Whether what is ahead asks for more maintenance margin than there is.
    pub(super) fn raises_margin(&self) -> bool {
        let mut ways = AssetField::RAMPED.into_iter().zip(self.ramp.from.into_iter().zip(self.ramp.to));
        self.ramp.is_moving()
            && ways.any(|(field, (from, to))| match field {
                AssetField::DepositCap => false,
                // Less of it charges more.
                AssetField::Depth => to < from,
                _ => to > from,
            })
    }

    /// The larger daily deviation that was measured.
    pub(super) fn measured(&self) -> Ratio {
        volatility::sigma_ceil(self.variance_fast.max(self.variance_slow))
    }

    /// Haircut and scan range that follow from the terms in force, and what initial margin asks for ahead of them.
    pub fn derive(&mut self, now: i64) {
        self.advance(now);
        self.scan_range = volatility::scan_range(self.variance_fast, self.variance_slow, self.base_range);
        let measured = self.measured();
        let sigma = self.foreseen(measured, now);
        if sigma > measured {
            self.scan_range = self.scan_range.max(volatility::range_of(sigma, self.base_range));
        }
        self.haircut = self.seasoned(collateral::haircut(self.haircut_terms(), sigma), now);
        self.look_ahead(sigma.max(Ratio(self.forecast.sigma.into())));
    }

    /// By how much the haircut will be higher, at a deviation: at most, of each of its terms the larger of what it is and what it will
    /// be, for terms that move against each other are more on their way than at either end. While the asset seasons its haircut is above
    /// what its terms ask for anyway.
    fn look_ahead(&mut self, sigma: Ratio) {
        self.ramp.haircut_ahead = Ratio::ZERO;
        if self.ramp.is_moving() || self.forecast.is_rising() {
            let [_, _, base, multiple, days, add_on, _] =
                self.goals().map(|v| Ratio(i64::try_from(v).unwrap_or(i64::MAX)));
            let terms = HaircutTerms {
                base: base.max(self.haircut_base),
                volatility_multiple: multiple.max(self.haircut_volatility_multiple),
                days_to_liquidate: days.max(self.days_to_liquidate),
                size_add_on: add_on.max(self.haircut_size_add_on),
            };
            let rise = collateral::haircut(terms, sigma).0.saturating_sub(self.haircut.0);
            self.ramp.haircut_ahead = Ratio(rise.max(0));
        }
    }

    /// How many times the scan range in force the one is that terms and forecast are on their way to, 1e-6, at least 1: what initial margin is
    /// multiplied by meanwhile, through the asset's markets (MRG-40).
    pub fn range_ahead(&self) -> Result<Ratio> {
        if !self.ramp.is_moving() && !self.forecast.is_rising() {
            return Ok(Ratio::ONE);
        }
        let base = Ratio(self.goals().first().and_then(|v| i64::try_from(*v).ok()).unwrap_or_default());
        let range = volatility::scan_range(self.variance_fast, self.variance_slow, base);
        // A forecast that falls holds until it has, where the terms rise meanwhile.
        let sigma = if base > self.base_range {
            self.forecast.sigma.max(self.forecast.sigma_from)
        } else {
            self.forecast.sigma
        };
        let range = range.max(volatility::range_of(Ratio(sigma.into()), base));
        let ratio = mul_div_ceil(range.0, Ratio::ONE.0, self.scan_range.0).map_err(NovateError::from)?;
        Ok(Ratio(ratio).max(Ratio::ONE))
    }

    /// A haircut on its way down from the whole, rounded up: linear over [`SEASONING`] from the listing in a pool that trades.
    fn seasoned(&self, haircut: Ratio, now: i64) -> Ratio {
        if self.ramp.listed == 0 {
            return haircut;
        }
        let counted = Ratio::ONE.0.saturating_sub(haircut.0);
        let part = mul_div_floor(counted, self.seasoning(now), SEASONING).unwrap_or_default();
        Ratio(Ratio::ONE.0.saturating_sub(part))
    }

    /// Most that may be deposited now, the mint's units: of an asset listed in a pool that trades nothing at first, and all that its
    /// cap lets in after [`SEASONING`] (MRG-62). What portfolios hold of it together counts for no more, in the scan as outside of it.
    pub fn deposit_limit(&self, now: i64) -> u64 {
        if self.ramp.listed == 0 {
            return self.deposit_cap;
        }
        let passed = u128::from(self.seasoning(now).unsigned_abs());
        let part = u128::from(self.deposit_cap).saturating_mul(passed);
        let part = part.checked_div(const { SEASONING.unsigned_abs() as u128 });
        part.and_then(|p| u64::try_from(p).ok()).unwrap_or_default()
    }

    /// Refuses an asset that was listed in a pool that trades less than [`SEASONING`] ago: balances of an underlying count in the scan, which
    /// knows no haircut.
    pub fn require_seasoned(&self, now: i64) -> Result<()> {
        let seasoned = self.ramp.listed == 0 || self.seasoning(now) == SEASONING;
        require!(seasoned, NovateError::AssetSeasoning);
        Ok(())
    }

    /// Refuses a first market where balances would ask for far more than now: a day of their way into the scan is to
    /// take less than the quarter that lies between maintenance and initial margin.
    pub fn require_scannable(&self) -> Result<()> {
        let most = self.haircut.0.saturating_mul(SCAN_PER_HAIRCUT);
        require!(self.scan_range.0 <= most, NovateError::ScanAboveHaircut);
        Ok(())
    }

    /// Seconds since the listing, as far as they count.
    fn seasoning(&self, now: i64) -> i64 {
        now.saturating_sub(self.ramp.listed).clamp(0, SEASONING)
    }
}

/// What of a quantity is in the scan, whose balances enter it over [`SEASONING`] since their first market.
pub fn entered(quantity: Contracts, since: i64, now: i64) -> Result<Contracts> {
    let passed = now.saturating_sub(since).clamp(0, SEASONING);
    Ok(Contracts(mul_div_floor(quantity.0, passed, SEASONING).map_err(NovateError::from)?))
}

const _: () = assert!(core::mem::size_of::<Ramp>() == 160);
const _: () = assert!(matches!(AssetField::RAMPED, [AssetField::BaseRange, .., AssetField::DepositCap]));
