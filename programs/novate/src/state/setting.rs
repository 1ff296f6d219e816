//! What can be changed of an asset and of a market after it was listed (CLR-50): one table each, of which way loosens, how far it
//! can go, and how far at once. The program reads the direction of every change from them, and so can anyone else.

use anchor_lang::prelude::*;

use novate_margin::bank::LendingTerms;
use novate_margin::{Asks, Contracts, Params, Ratio, Usd};

use super::{Asset, Market, Outflow, Pool, ASSET_LAYOUT, HOLD, MAX_QUANTITY};
use crate::error::NovateError;

const DAY: i64 = 86_400;

/// Least seconds between two changes by the authority of the same asset, market, or parameters of the model: a week, so that a
/// greatest step is one.
pub const SETTING_INTERVAL: i64 = 7 * DAY;
/// Least seconds between two tightenings of the same asset or market: a day.
pub const TIGHTENING_INTERVAL: i64 = DAY;

/// What a haircut may rise by at once, 1e-6, where a quarter of it is less. A quarter is what lies between maintenance and initial
/// margin at a maintenance ratio of 0.80: who meets initial margin is not liquidatable for a step of a linear charge.
const HAIRCUT_STEP: i64 = 2_500;

/// Which way a field loosens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loosens {
    Up,
    Down,
    /// Whichever way it moves.
    Either,
}

impl Loosens {
    /// Whether going from one value to another loosens.
    pub fn is<T: Ord>(self, from: T, to: T) -> bool {
        match self {
            Self::Up => to > from,
            Self::Down => to < from,
            Self::Either => to != from,
        }
    }
}

/// What holds for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: &'static str,
    pub loosens: Loosens,
    /// Least and greatest value.
    pub low: u64,
    pub high: u64,
    /// Greatest step: this share of the value before, 1e-6, or `least` where that is more.
    pub share: u64,
    pub least: u64,
}

impl Rule {
    /// Refuses a value beyond the bounds, or farther from the one before than a step.
    pub fn check(&self, from: u64, to: u64) -> Result<()> {
        if !(self.low..=self.high).contains(&to) {
            msg!("{}", self.name);
            return err!(NovateError::SettingOutOfBounds);
        }
        if from.abs_diff(to) > self.step(from) {
            msg!("{}", self.name);
            return err!(NovateError::SettingStep);
        }
        Ok(())
    }

    /// The greatest step from a value.
    fn step(&self, from: u64) -> u64 {
        let step = u128::from(from).saturating_mul(self.share.into()).checked_div(1_000_000).unwrap_or_default();
        u64::try_from(step).unwrap_or(u64::MAX).max(self.least)
    }

    /// A value at most a step from another.
    fn within_step(&self, from: u64, to: u64) -> u64 {
        let step = self.step(from);
        to.clamp(from.saturating_sub(step), from.saturating_add(step))
    }

    /// Refuses what does not tighten, by name.
    pub fn require_tighter(&self, from: u64, to: u64) -> Result<()> {
        if from == to || self.loosens(from, to) {
            msg!("{}", self.name);
            return err!(NovateError::SettingLoosens);
        }
        Ok(())
    }

    /// Whether going from one value to another loosens.
    pub fn loosens(&self, from: u64, to: u64) -> bool {
        self.loosens.is(from, to)
    }
}

macro_rules! fields {
    ($(#[$doc:meta])* $name:ident, $setting:ident, $count:literal;
        $($(#[$of:meta])* $field:ident $text:literal $loosens:ident $low:literal $high:expr, $share:literal $least:literal;)*) => {
        $(#[$doc])*
        #[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$of])* $field,)* }

        impl $name {
            pub const ALL: [Self; $count] = [$(Self::$field,)*];

            pub const fn rule(self) -> Rule {
                match self { $(Self::$field => Rule {
                    name: $text,
                    loosens: Loosens::$loosens,
                    low: $low,
                    high: $high,
                    share: $share,
                    least: $least,
                },)* }
            }
        }

        /// A field and its value to be.
        #[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $setting {
            pub field: $name,
            /// In the unit of the field.
            pub value: u64,
        }
    };
}

fields! {
    /// What can be changed of an asset; units as of its terms. Name, which way loosens, least, greatest, and the greatest step: a share
    /// of the value before (1e-6), and what it may be in any case.
    AssetField, AssetSetting, 13;
    /// Less of either lets fewer readings be prices: who means harm makes an asset stale with it.
    MaxAge "max_age" Either 10 3_600, 500_000 10;
    MaxConfidence "max_confidence" Either 1_000 100_000, 500_000 1_000;
    /// A wider one lets more readings be prices; a narrower one restricts the asset sooner.
    Band "band" Either 10_000 1_000_000, 500_000 10_000;
    BaseRange "base_range" Down 10_000 500_000, 250_000 0;
    /// Its charge rises faster than it falls, and no multiplier stands for it: both ways wait. None (0) is for good.
    Depth "depth" Either 1_000_000_000_000 1_000_000_000_000_000_000, 250_000 0;
    HaircutBase "haircut_base" Down 0 1_000_000, 250_000 2_500;
    HaircutVolatilityMultiple "haircut_volatility_multiple" Down 0 10_000_000, 250_000 500_000;
    DaysToLiquidate "days_to_liquidate" Down 0 365_000_000, 250_000 1_000_000;
    HaircutSizeAddOn "haircut_size_add_on" Down 0 1_000_000, 250_000 2_500;
    /// That of the settlement asset is the authority's alone: whoever may be liquidated adds to it.
    DepositCap "deposit_cap" Up 1 u64::MAX, 500_000 0;
    /// It can be lowered to a seventh of the cap and of what the vault holds, and not be lifted: none (0) is for an asset listed so.
    OutflowLimit "outflow_limit" Up 1 u64::MAX, 500_000 0;
    MinimumBalance "minimum_balance" Down 0 u64::MAX, 1_000_000 1_000;
    /// Of a yield-bearing asset.
    DepegLimit "depeg_limit" Up 1 200_000, 500_000 1_000;
}

fields! {
    /// What can be changed of a market; units as of its terms, columns as of [`AssetField`].
    MarketField, MarketSetting, 7;
    /// A wider one lets trades be farther from the mark; a narrower one stops closing sooner.
    Band "band" Either 1_000 200_000, 500_000 1_000;
    /// A lower one takes from the insurance fund.
    Fee "fee" Either 0 10_000, 1_000_000 100;
    OpenInterestCap "open_interest_cap" Up 1 9_223_372_036_854_775_807, 500_000 0;
    PositionCap "position_cap" Up 1 MAX_QUANTITY.unsigned_abs(), 500_000 0;
    SigmaLimit "sigma_limit" Up 1_000 1_000_000, 250_000 1_000;
    OptionFeeCap "option_fee_cap" Up 1 500_000, 500_000 1_000;
    Minimum "minimum" Down 1 MAX_QUANTITY.unsigned_abs(), 1_000_000 0;
}

impl AssetField {
    /// Those that move over time: what a position must hold, or how much comes in, follows from them.
    pub const RAMPED: [Self; 7] = [
        Self::BaseRange,
        Self::Depth,
        Self::HaircutBase,
        Self::HaircutVolatilityMultiple,
        Self::DaysToLiquidate,
        Self::HaircutSizeAddOn,
        Self::DepositCap,
    ];
}

/// A value that is bounded by a table.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Named in ascending order, so that none is named twice; at least one.
fn require_ascending<T: Ord>(mut fields: impl Iterator<Item = T>) -> Result<()> {
    let mut last = fields.next().ok_or(NovateError::SettingsUnordered)?;
    for field in fields {
        require!(field > last, NovateError::SettingsUnordered);
        last = field;
    }
    Ok(())
}

impl Asset {
    /// The value in force of a field.
    pub fn get(&self, field: AssetField) -> u64 {
        match field {
            AssetField::MaxAge => self.max_age.unsigned_abs(),
            AssetField::MaxConfidence => self.max_confidence.0.unsigned_abs(),
            AssetField::Band => self.guard.band.0.unsigned_abs(),
            AssetField::BaseRange => self.base_range.0.unsigned_abs(),
            AssetField::Depth => self.governed_depth().0.unsigned_abs(),
            AssetField::HaircutBase => self.haircut_base.0.unsigned_abs(),
            AssetField::HaircutVolatilityMultiple => self.haircut_volatility_multiple.0.unsigned_abs(),
            AssetField::DaysToLiquidate => self.days_to_liquidate.0.unsigned_abs(),
            AssetField::HaircutSizeAddOn => self.haircut_size_add_on.0.unsigned_abs(),
            AssetField::DepositCap => self.deposit_cap,
            AssetField::OutflowLimit => self.outflow.limit,
            AssetField::MinimumBalance => self.minimum_balance,
            AssetField::DepegLimit => self.redemption.depeg_limit.0.unsigned_abs(),
        }
    }

    pub(super) fn put(&mut self, field: AssetField, value: u64) {
        let ratio = Ratio(signed(value));
        match field {
            AssetField::MaxAge => self.max_age = signed(value),
            AssetField::MaxConfidence => self.max_confidence = ratio,
            AssetField::Band => self.guard.band = ratio,
            AssetField::BaseRange => self.base_range = ratio,
            AssetField::Depth => self.govern_depth(Usd(signed(value))),
            AssetField::HaircutBase => self.haircut_base = ratio,
            AssetField::HaircutVolatilityMultiple => self.haircut_volatility_multiple = ratio,
            AssetField::DaysToLiquidate => self.days_to_liquidate = ratio,
            AssetField::HaircutSizeAddOn => self.haircut_size_add_on = ratio,
            AssetField::DepositCap => self.deposit_cap = value,
            AssetField::OutflowLimit => self.outflow.limit = value,
            AssetField::MinimumBalance => self.minimum_balance = value,
            AssetField::DepegLimit => self.redemption.depeg_limit = ratio,
        }
    }

    /// Sets fields, loosening ones among them, at most once in [`SETTING_INTERVAL`]. Returns whether some margin is on its way.
    pub fn set(&mut self, settings: &[AssetSetting], now: i64) -> Result<bool> {
        require!(now >= self.ramp.set.saturating_add(SETTING_INTERVAL), NovateError::SettingTooSoon);
        self.derive(now);
        let goals = self.goals();
        self.apply(settings, goals, now, false)?;
        for (agreed, field) in self.agreed.iter_mut().zip(AssetField::RAMPED) {
            if let Some(setting) = settings.iter().find(|setting| setting.field == field) {
                *agreed = setting.value;
            }
        }
        self.ramp.set = now;
        Ok(self.moves_margin())
    }

    /// Sets fields that only tighten, at most once in [`TIGHTENING_INTERVAL`]. What was being loosened stays where it has come to.
    pub fn tighten(&mut self, settings: &[AssetSetting], now: i64) -> Result<()> {
        require!(now >= self.ramp.tightened.saturating_add(TIGHTENING_INTERVAL), NovateError::SettingTooSoon);
        self.derive(now);
        let goals = self.end_loosening();
        self.apply(settings, goals, now, true)?;
        self.ramp.tightened = now;
        Ok(())
    }

    fn apply(
        &mut self,
        settings: &[AssetSetting],
        mut goals: [u64; AssetField::RAMPED.len()],
        now: i64,
        tighten: bool,
    ) -> Result<()> {
        require_ascending(settings.iter().map(|s| s.field))?;
        for AssetSetting { field, value } in settings.iter().copied() {
            let (rule, from) = (field.rule(), self.get(field));
            require!(field != AssetField::DepegLimit || self.is_yield_bearing(), NovateError::NotYieldBearing);
            // The first limit of what leaves is any: it is at least a seventh of the cap.
            let first = field == AssetField::OutflowLimit && from == 0;
            rule.check(if first { value } else { from }, value)?;
            let goal = AssetField::RAMPED.iter().position(|f| *f == field).and_then(|at| goals.get_mut(at));
            if tighten && !first {
                // Who may be liquidated adds settlement tokens: their cap is the authority's alone.
                let closed = field == AssetField::DepositCap && self.is_settlement();
                rule.require_tighter(goal.as_deref().copied().unwrap_or(from), if closed { from } else { value })?;
            }
            match goal {
                Some(goal) => {
                    *goal = value;
                    self.halt_unless_towards(field, value);
                }
                None => self.put(field, value),
            }
        }
        self.set_aside(goals, now);
        // Several terms make one haircut: it rises by a step, whatever each of them does.
        let most = self.haircut.0.checked_div(4).unwrap_or_default().max(HAIRCUT_STEP);
        require!(self.ramp.haircut_ahead.0 <= most, NovateError::SettingStep);
        // With what a forecast raises too.
        self.derive(now);
        self.require_fit()
    }

    /// Enters what terms are, or are on their way to, as what governance agreed to, and that the account is of the layout that says so.
    pub fn agree(&mut self) {
        self.version = ASSET_LAYOUT;
        self.agreed = self.goals();
    }

    /// Sends terms that were tightened back towards what governance agreed to, at most a step from where they are and as slowly as all that
    /// loosens, and returns those; what is being tightened of them ends where it has come to. Depths are not tightened, and stay; so does a cap that what leaves in a day is too little for.
    pub fn restore(&mut self, now: i64) -> Result<Vec<AssetSetting>> {
        self.derive(now);
        let mut goals = self.goals();
        let mut back = vec![];
        for ((goal, agreed), field) in goals.iter_mut().zip(self.agreed).zip(AssetField::RAMPED) {
            let rule = field.rule();
            let value = rule.within_step(self.get(field), agreed);
            let fits = field != AssetField::DepositCap || self.is_left_within_a_week(value)?;
            if rule.loosens != Loosens::Either && rule.loosens(*goal, value) && fits {
                self.halt(field, false);
                *goal = value;
                back.push(AssetSetting { field, value });
            }
        }
        require!(!back.is_empty(), NovateError::NothingTightened);
        self.set_aside(goals, now);
        self.derive(now);
        Ok(back)
    }

    /// Whoever is in leaves within seven days, whatever the cap is from now on.
    fn is_left_within_a_week(&self, cap: u64) -> Result<bool> {
        Ok(Outflow::is_sound(self.outflow.limit, cap.max(self.deposit_cap).max(self.vaulted()?)))
    }

    /// Refuses terms that do not fit together.
    fn require_fit(&self) -> Result<()> {
        let least = self.minimum_balance;
        let fit = self.is_left_within_a_week(self.goals().last().copied().unwrap_or_default())?
            && least <= self.deposit_cap.checked_div(1_000).unwrap_or_default()
            && (least == 0 || !self.is_settlement());
        require!(fit, NovateError::InvalidAssetTerms);
        Ok(())
    }
}

/// What holds for the terms of a bank, in the order of what `set_lending` takes. Utilisation may be capped at any lower value at once, which
/// ends new loans and touches no other; a bank that was opened with a borrow cap of 0 gets its first one in any size.
pub const LENDING: [Rule; 7] = [
    rate("rate_zero"),
    rate("rate_kink"),
    rate("rate_full"),
    Rule { name: "kink", loosens: Loosens::Either, low: 1, high: 999_999, share: 250_000, least: 50_000 },
    Rule { name: "reserve_share", loosens: Loosens::Either, low: 0, high: 999_999, share: 250_000, least: 50_000 },
    Rule { name: "utilisation_cap", loosens: Loosens::Up, low: 0, high: 1_000_000, share: 250_000, least: 100_000 },
    Rule { name: "borrow_cap", loosens: Loosens::Either, low: 0, high: u64::MAX, share: 500_000, least: 0 },
];

const fn rate(name: &'static str) -> Rule {
    Rule { name, loosens: Loosens::Either, low: 0, high: 3_000_000, share: 250_000, least: 20_000 }
}

impl Asset {
    /// Sets the terms of its bank. In a pool that trades, those that somebody may have lent or borrowed at change once in
    /// [`SETTING_INTERVAL`], each by at most a step of [`LENDING`].
    pub fn set_lending(&mut self, terms: LendingTerms, borrow_cap: u64, live: bool, now: i64) -> Result<()> {
        if live {
            if self.lending_set != 0 || self.is_lent() {
                require!(now >= self.lending_set.saturating_add(SETTING_INTERVAL), NovateError::SettingTooSoon);
                let (from, to) = (self.lending(), lending(terms, borrow_cap));
                for (rule, (from, to)) in LENDING.iter().zip(from.into_iter().zip(to)) {
                    let free = rule.loosens == Loosens::Up && to < from || rule.least == 0 && from == 0;
                    rule.check(if free { to } else { from }, to)?;
                }
            }
            self.lending_set = now;
        }
        self.bank.terms = terms;
        self.borrow_cap = borrow_cap;
        Ok(())
    }

    /// The terms of its bank in force, in the order of [`LENDING`].
    pub fn lending(&self) -> [u64; LENDING.len()] {
        lending(self.bank.terms, self.borrow_cap)
    }
}

/// Terms of a bank in the order of [`LENDING`].
pub fn lending(terms: LendingTerms, borrow_cap: u64) -> [u64; LENDING.len()] {
    let of = |ratio: Ratio| ratio.0.unsigned_abs();
    [
        of(terms.rate_zero),
        of(terms.rate_kink),
        of(terms.rate_full),
        of(terms.kink),
        of(terms.reserve_share),
        of(terms.utilisation_cap),
        borrow_cap,
    ]
}

/// A parameter of the model, by its place among [`novate_margin::Params`], and its value to be.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSetting {
    pub parameter: u8,
    /// 1e-6.
    pub value: i64,
}

impl ParamSetting {
    /// Which way its parameter loosens; none where there is no such parameter. Either way waits: this is for who reads a change.
    pub fn loosens(&self) -> Option<Loosens> {
        Params::ASKS.get(usize::from(self.parameter)).map(|asks| match asks {
            Asks::More => Loosens::Down,
            Asks::Less => Loosens::Up,
            Asks::Either => Loosens::Either,
        })
    }
}

const PARAM_COUNT: usize = core::mem::size_of::<Params>() / core::mem::size_of::<Ratio>();
/// Greatest step of a parameter: a quarter of the value before, 1e-6, or half a percent point where that is more.
const PARAM_STEP: (u64, u64) = (250_000, 5_000);
/// Seconds until parameters have reached their values, linearly from [`HOLD`] on: in a day margin grows by at most a sixth of what a change
/// comes to, and a change is over before the next.
pub const PARAM_RAMP: i64 = SETTING_INTERVAL;
const PARAM_WAY: i64 = PARAM_RAMP - HOLD;
/// Greatest ratio of maintenance to initial margin, 1e-6: every step of a quarter rests on what lies between.
const MAINTENANCE_MOST: Ratio = Ratio(800_000);

/// Least diversified floor (MRG-22), 1e-6, the one that pools begin with: a step of one side of a hedge is the larger a share of what its sides
/// need together the lower it is, and every pace of terms, forecasts and rows is of hedges at this one.
pub const LEAST_FLOOR: Ratio = Params::DEFAULT.diversified_floor;

/// Whether parameters that are each within their bounds fit together: who meets initial margin has a quarter left, maintenance
/// margin holds the haircut of what is outside the scan (MRG-38), and what is hedged needs a least share of what its sides do, or no less
/// than before.
fn fit(params: &Params, before: &Params) -> bool {
    let held = params.outside_multiple.0.saturating_mul(params.maintenance_ratio.0);
    params.maintenance_ratio <= MAINTENANCE_MOST
        && params.diversified_floor >= LEAST_FLOOR.min(before.diversified_floor)
        && held >= const { Ratio::ONE.0 * Ratio::ONE.0 }
}

impl Pool {
    /// The parameters in force, where they are not those of the pool: on their way there, rounded up.
    #[inline]
    pub fn params_moving(&self, now: i64) -> Option<Params> {
        match now < self.params_set.saturating_add(PARAM_RAMP) {
            true => Some(self.interpolated(now)),
            false => None,
        }
    }

    /// The parameters in force.
    pub fn params_at(&self, now: i64) -> Params {
        self.params_moving(now).unwrap_or(self.params)
    }

    #[cold]
    #[inline(never)]
    fn interpolated(&self, now: i64) -> Params {
        let left = self.params_set.saturating_add(PARAM_RAMP).saturating_sub(now).clamp(0, PARAM_WAY);
        let from: &[Ratio; PARAM_COUNT] = bytemuck::cast_ref(&self.params_from);
        let mut params = self.params;
        let values: &mut [Ratio; PARAM_COUNT] = bytemuck::cast_mut(&mut params);
        for (value, from) in values.iter_mut().zip(from).filter(|(value, from)| value != from) {
            // Both are below 2^25, the product below 2^45.
            let way = value.0.wrapping_sub(from.0).wrapping_mul(left).checked_div_euclid(PARAM_WAY);
            value.0 = value.0.wrapping_sub(way.unwrap_or_default());
        }
        params
    }

    /// Refuses what can raise maintenance margin while a change of the model is under way: each takes what lies between maintenance and
    /// initial margin, and none what another took already.
    pub fn require_model_still(&self, now: i64) -> Result<()> {
        require!(now >= self.model_until, NovateError::MarginMoving);
        Ok(())
    }

    /// The same of terms of assets that the authority changed.
    pub fn require_terms_still(&self, now: i64) -> Result<()> {
        require!(now >= self.terms_until, NovateError::MarginMoving);
        Ok(())
    }

    /// Sets parameters of the model, at most once in [`SETTING_INTERVAL`], each within its bounds and by at most a step, together as
    /// [`fit`] has it. In a pool that trades they reach their values by [`PARAM_RAMP`]. Returns when they do.
    pub fn set_params(&mut self, settings: &[ParamSetting], now: i64) -> Result<i64> {
        require!(now >= self.params_set.saturating_add(SETTING_INTERVAL), NovateError::SettingTooSoon);
        self.require_model_still(now)?;
        self.require_terms_still(now)?;
        require_ascending(settings.iter().map(|s| s.parameter))?;
        self.params_from = self.params;
        let values: &mut [Ratio; PARAM_COUNT] = bytemuck::cast_mut(&mut self.params);
        for setting in settings {
            let place = values.get_mut(usize::from(setting.parameter)).ok_or(NovateError::SettingOutOfBounds)?;
            let step = place.0.unsigned_abs().saturating_mul(PARAM_STEP.0).checked_div(1_000_000).unwrap_or_default();
            require!(place.0.abs_diff(setting.value) <= step.max(PARAM_STEP.1), NovateError::SettingStep);
            place.0 = setting.value;
        }
        let fit = fit(&self.params, &self.params_from);
        require!(self.params.validate().is_ok() && fit, NovateError::SettingOutOfBounds);
        self.params_set = now;
        if !self.is_live() {
            self.params_from = self.params;
            return Ok(now);
        }
        self.model_until = now.saturating_add(PARAM_RAMP);
        Ok(self.model_until)
    }
}

impl Market {
    pub fn get(&self, field: MarketField) -> u64 {
        let value = match field {
            MarketField::Band => self.band.0,
            MarketField::Fee => self.fee.0,
            MarketField::OpenInterestCap => self.open_interest_cap.0,
            MarketField::PositionCap => self.position_cap.0,
            MarketField::SigmaLimit => self.sigma_limit.0,
            MarketField::OptionFeeCap => self.option_fee_cap.0,
            MarketField::Minimum => self.minimum.0,
        };
        value.unsigned_abs()
    }

    fn put(&mut self, field: MarketField, value: u64) {
        let value = signed(value);
        match field {
            MarketField::Band => self.band = Ratio(value),
            MarketField::Fee => self.fee = Ratio(value),
            MarketField::OpenInterestCap => self.open_interest_cap = Contracts(value),
            MarketField::PositionCap => self.position_cap = Contracts(value),
            MarketField::SigmaLimit => self.sigma_limit = Ratio(value),
            MarketField::OptionFeeCap => self.option_fee_cap = Ratio(value),
            MarketField::Minimum => self.minimum = Contracts(value),
        }
    }

    /// Sets fields, loosening ones among them, at most once in [`SETTING_INTERVAL`].
    pub fn set(&mut self, settings: &[MarketSetting], now: i64) -> Result<()> {
        require!(now >= self.set.saturating_add(SETTING_INTERVAL), NovateError::SettingTooSoon);
        self.set = now;
        self.apply(settings, false)
    }

    /// Sets fields that only tighten, at most once in [`TIGHTENING_INTERVAL`]. None of them is in maintenance margin.
    pub fn tighten(&mut self, settings: &[MarketSetting], now: i64) -> Result<()> {
        require!(now >= self.tightened.saturating_add(TIGHTENING_INTERVAL), NovateError::SettingTooSoon);
        self.tightened = now;
        self.apply(settings, true)
    }

    fn apply(&mut self, settings: &[MarketSetting], tighten: bool) -> Result<()> {
        require_ascending(settings.iter().map(|s| s.field))?;
        for MarketSetting { field, value } in settings.iter().copied() {
            let (rule, from) = (field.rule(), self.get(field));
            rule.check(from, value)?;
            if tighten {
                rule.require_tighter(from, value)?;
            }
            self.put(field, value);
        }
        let fit = self.minimum.0.checked_rem(self.lot.0) == Some(0)
            && self.position_cap >= self.minimum
            && self.open_interest_cap >= self.minimum;
        require!(fit, NovateError::InvalidMarketTerms);
        Ok(())
    }
}
