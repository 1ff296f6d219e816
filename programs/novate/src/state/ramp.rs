//! Terms of an asset on their way (CLR-50, MRG-62): for a day they leave maintenance margin as it is; then what tightens reaches it in two
//! days, what loosens in six. What is listed in a pool that trades counts for nothing at first.

use anchor_lang::prelude::*;
use novate_margin::collateral::HaircutTerms;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::{collateral, volatility, Contracts, Ratio, MAX_COLUMNS};

use super::{Asset, AssetField, Pool};
use crate::error::NovateError;

const DAY: i64 = 86_400;

/// Seconds for which whatever governance executes leaves maintenance margin as it is: no bound of a step holds for every book, for of options
/// that cover each other the least step can ask for a multiple.
pub const HOLD: i64 = DAY;
/// Seconds until a tightening has reached maintenance margin, linearly from [`HOLD`] on: two days, for of a hedge whose other side stays margin
/// grows by up to 1.8 times as much as the scan range of one, and a quarter of that in a day would be more than lies between maintenance
/// and initial margin.
pub const TIGHTENING: i64 = HOLD + 2 * DAY;
/// Seconds until terms have loosened, linearly from [`HOLD`] on.
pub const LOOSENING: i64 = HOLD + 6 * DAY;
/// Seconds from the listing of an asset in a pool that trades until it counts as its terms have it, and from a first market until balances
/// are in the scan.
pub const SEASONING: i64 = 14 * DAY;

/// Greatest scan range of an asset that is collateral as its first market is listed, in haircuts. At an outside multiple of 1.25 a balance then
/// comes to ask for 3.2 times what it asked, over two weeks: in a day for 17 % of it more.
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
    /// By how much the haircut will rise at most: initial margin has it already.
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
        let apart = from.abs_diff(to);
        let way = match apart.checked_mul(passed) {
            Some(product) => product.checked_div(span),
            // Depths and caps, seldom.
            None => u128::from(apart)
                .saturating_mul(passed.into())
                .checked_div(span.into())
                .and_then(|w| u64::try_from(w).ok()),
        };
        let way = way.unwrap_or_default();
        if to > from {
            from.saturating_add(way)
        } else {
            from.saturating_sub(way)
        }
    }

    /// Leaves a field where it is.
    fn stop(&mut self, place: usize, value: u64) {
        if let (Some(from), Some(to)) = (self.from.get_mut(place), self.to.get_mut(place)) {
            (*from, *to) = (value, value);
        }
        if self.from == self.to {
            (self.begin, self.end) = (0, 0);
        }
    }
}

/// Seconds that terms take on their way: more where any of them loosens. Either way of a depth does.
fn span(from: [u64; COUNT], to: [u64; COUNT]) -> i64 {
    let mut each = AssetField::RAMPED.into_iter().zip(from.into_iter().zip(to));
    let loosens = each.any(|(field, (from, to))| field.rule().loosens(from, to));
    (if loosens { LOOSENING } else { TIGHTENING }).saturating_sub(HOLD)
}

impl Asset {
    /// Where the terms are to come to in the end.
    pub fn goals(&self) -> [u64; COUNT] {
        match (self.waits(), self.ramp.is_moving()) {
            (true, _) => self.waiting,
            (_, true) => self.ramp.to,
            _ => self.in_force(),
        }
    }

    fn in_force(&self) -> [u64; COUNT] {
        AssetField::RAMPED.map(|field| self.get(field))
    }

    /// Goals wait for their day to be over.
    fn waits(&self) -> bool {
        self.waiting_from != 0
    }

    /// Unix time at which the terms have come to their goals; 0 where none moves.
    pub fn until(&self) -> i64 {
        if !self.waits() {
            return self.ramp.end;
        }
        let mut from = self.in_force();
        if self.ramp.is_moving() {
            let each = self.ramp.from.into_iter().zip(self.ramp.to);
            let there = each.map(|(from, to)| self.ramp.at(from, to, self.waiting_from));
            from.iter_mut().zip(there).for_each(|(value, there)| *value = there);
        }
        self.waiting_from.saturating_add(span(from, self.waiting))
    }

    /// Moves the terms to where they are now. What waits begins when its day was over, however late it is looked at.
    pub fn advance(&mut self, now: i64) {
        if self.ramp.listed != 0 && now >= self.ramp.listed.saturating_add(SEASONING) {
            self.ramp.listed = 0;
        }
        if self.scanned != 0 && now >= self.scanned.saturating_add(SEASONING) {
            self.scanned = 0;
        }
        if self.waits() && now >= self.waiting_from {
            self.travel(self.waiting_from);
            self.begin_ramp();
        }
        self.travel(now);
    }

    fn travel(&mut self, now: i64) {
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

    /// Sends the terms on their way to what waited, from where they are as its day is over.
    fn begin_ramp(&mut self) {
        let (begin, goals, from) = (self.waiting_from, self.waiting, self.in_force());
        let end = begin.saturating_add(span(from, goals));
        (self.ramp.begin, self.ramp.end) = if from == goals { (0, 0) } else { (begin, end) };
        (self.ramp.from, self.ramp.to) = (from, goals);
        (self.waiting_from, self.waiting) = (0, [0; COUNT]);
    }

    /// Puts other goals aside for [`HOLD`], in place of what waited, whose day begins anew unless all that is new is to stay where it is; what is
    /// on its way goes on meanwhile. A lower cap is there at once: it takes nothing from anybody.
    pub(super) fn set_aside(&mut self, goals: [u64; COUNT], now: i64) {
        if goals != self.goals() {
            let ([.., cap], [.., on_its_way]) = (goals, self.ramp.to);
            self.deposit_cap = self.deposit_cap.min(cap);
            if self.ramp.is_moving() && on_its_way > cap {
                self.ramp.stop(const { COUNT - 1 }, self.deposit_cap);
            }
            let mut each = goals.into_iter().zip(self.goals()).zip(self.in_force());
            let moves = each.any(|((goal, before), value)| goal != before && goal != value);
            if moves || !self.waits() {
                self.waiting_from = now.saturating_add(HOLD);
            }
            self.waiting = goals;
            if !self.ramp.is_moving() && goals == self.in_force() {
                (self.waiting_from, self.waiting) = (0, [0; COUNT]);
            }
        }
        let sigma = self.foreseen(self.measured(), now);
        self.look_ahead(sigma);
    }

    /// Leaves a term that is on its way where it has come to, if it loosens or if it tightens.
    pub(super) fn halt(&mut self, field: AssetField, loosens: bool) {
        let (rule, value) = (field.rule(), self.get(field));
        for (place, (ramped, to)) in AssetField::RAMPED.into_iter().zip(self.ramp.to).enumerate() {
            let ends = if loosens { rule.loosens(value, to) } else { rule.loosens(to, value) };
            if ramped == field && ends && self.ramp.is_moving() {
                self.ramp.stop(place, value);
            }
        }
    }

    /// Leaves a term that is on its way where it has come to, if a new goal is not where it is going, or further that way.
    pub(super) fn halt_unless_towards(&mut self, field: AssetField, goal: u64) {
        let value = self.get(field);
        for (place, (ramped, to)) in AssetField::RAMPED.into_iter().zip(self.ramp.to).enumerate() {
            let towards = value.min(goal) <= to && to <= value.max(goal);
            if ramped == field && !towards && self.ramp.is_moving() {
                self.ramp.stop(place, value);
            }
        }
    }

    /// Ends what loosens, on its way or waiting, and returns the goals that are left. Governance agreed to no more of it than was reached.
    pub(super) fn end_loosening(&mut self) -> [u64; COUNT] {
        let (mut goals, mut agreed) = (self.goals(), self.agreed);
        for ((goal, agreed), field) in goals.iter_mut().zip(&mut agreed).zip(AssetField::RAMPED) {
            self.halt(field, true);
            let value = self.get(field);
            if field.rule().loosens(value, *goal) {
                (*goal, *agreed) = (value, value);
            }
        }
        self.agreed = agreed;
        goals
    }

    /// Whether terms that margin follows from are on their way, or wait for it.
    pub(super) fn moves_margin(&self) -> bool {
        let goals = self.goals().into_iter().zip(self.ramp.to);
        let moving = self.ramp.is_moving();
        AssetField::RAMPED.into_iter().zip(goals).any(|(field, (goal, to))| {
            let value = self.get(field);
            field != AssetField::DepositCap && (goal != value || moving && to != value)
        })
    }

    /// Of each term the largest of what it is, is on its way to and waits for; none where nothing moves.
    fn ahead(&self) -> Option<[u64; COUNT]> {
        let mut most = None;
        for (moves, goals) in [(self.ramp.is_moving(), self.ramp.to), (self.waits(), self.waiting)] {
            if moves {
                let values = most.get_or_insert_with(|| self.in_force());
                values.iter_mut().zip(goals).for_each(|(value, goal)| *value = goal.max(*value));
            }
        }
        most
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

    /// By how much the haircut will be higher, at a deviation: at most, of each of its terms the largest of what it is and what it will
    /// be, for terms that move against each other are more on their way than at either end. While the asset seasons its haircut is above
    /// what its terms ask for anyway.
    fn look_ahead(&mut self, sigma: Ratio) {
        self.ramp.haircut_ahead = Ratio::ZERO;
        let ahead = self.ahead();
        if ahead.is_some() || self.forecast.is_rising() {
            let [_, _, base, volatility_multiple, days_to_liquidate, size_add_on, _] =
                ahead.unwrap_or_else(|| self.in_force()).map(|v| Ratio(i64::try_from(v).unwrap_or(i64::MAX)));
            let terms = HaircutTerms { base, volatility_multiple, days_to_liquidate, size_add_on };
            let rise = collateral::haircut(terms, sigma).0.saturating_sub(self.haircut.0);
            self.ramp.haircut_ahead = Ratio(rise.max(0));
        }
    }

    /// How many times the scan range in force the one is that terms and forecast are on their way to, 1e-6, at least 1: what initial margin is
    /// multiplied by meanwhile, through the asset's markets (MRG-40).
    pub fn range_ahead(&self) -> Result<Ratio> {
        let ahead = self.ahead();
        if ahead.is_none() && !self.forecast.is_rising() {
            return Ok(Ratio::ONE);
        }
        let [base, ..] = ahead.unwrap_or_else(|| self.in_force());
        let base = Ratio(i64::try_from(base).unwrap_or(i64::MAX));
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

    /// Gets its first market: balances enter the scan (MRG-14), over [`SEASONING`] where it is held in a pool that trades, and it takes the
    /// next column of the scenario rows while there is one (MRG-23). What it refuses is what would come on top of another change that raises
    /// margin, and a scan range too wide for its haircut.
    pub fn become_underlying(&mut self, pool: &mut Pool, now: i64) -> Result<()> {
        self.underlying = 1;
        if pool.is_live() && self.is_held()? {
            self.require_scannable()?;
            pool.require_model_still(now)?;
            pool.require_terms_still(now)?;
            self.scanned = now;
            pool.model_until = now.saturating_add(SEASONING);
        }
        if usize::from(pool.column_count) < MAX_COLUMNS {
            self.column = pool.column_count;
            pool.column_count = pool.column_count.saturating_add(1);
        }
        Ok(())
    }

    /// Refuses a first market where balances would ask for far more than now: a day of their way into the scan is to
    /// take less than the quarter that lies between maintenance and initial margin.
    fn require_scannable(&self) -> Result<()> {
        let most = self.haircut.0.saturating_mul(SCAN_PER_HAIRCUT);
        require!(self.scan_range.0 <= most, NovateError::ScanAboveHaircut);
        Ok(())
    }

    /// Seconds since the listing, as far as they count.
    fn seasoning(&self, now: i64) -> i64 {
        now.saturating_sub(self.ramp.listed).clamp(0, SEASONING)
    }
}

/// What of a quantity is in the scan, whose balances enter it from [`HOLD`] to [`SEASONING`] after their first market.
pub fn entered(quantity: Contracts, since: i64, now: i64) -> Result<Contracts> {
    let passed = now.saturating_sub(since).saturating_sub(HOLD).clamp(0, ENTRY);
    Ok(Contracts(mul_div_floor(quantity.0, passed, ENTRY).map_err(NovateError::from)?))
}

/// Seconds over which they do.
const ENTRY: i64 = SEASONING - HOLD;

const _: () = assert!(core::mem::size_of::<Ramp>() == 160);
const _: () = assert!(matches!(AssetField::RAMPED, [AssetField::BaseRange, .., AssetField::DepositCap]));
