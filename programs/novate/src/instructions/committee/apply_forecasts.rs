use anchor_lang::prelude::*;
use novate_margin::fixed::mul_div_floor;
use novate_margin::smile::{apart, median, Smile};
use novate_margin::{Ratio, Tenor};

use crate::error::NovateError;
use crate::events::{ForecastsApplied, SeatForecast, EVENT_VERSION};
use crate::forecast::{
    require_between, Forecast, BASIS_DAY, BASIS_STEP, FORECAST_INTERVAL, VARIANCE_DAY, VARIANCE_STEP,
};
use crate::state::{Committee, Expiry, ForecastDay, Market, Submission};

/// Anyone may apply. Behind the named accounts stand the expiries of the market next to this one, as [`require_between`] asks for
/// them.
#[event_cpi]
#[derive(Accounts)]
pub struct ApplyForecasts<'info> {
    #[account(constraint = committee.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    #[account(
        constraint = market.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool,
        constraint = market.load()?.index == expiry.load()?.market @ NovateError::WrongMarket
    )]
    pub market: AccountLoader<'info, Market>,
    #[account(mut)]
    pub expiry: AccountLoader<'info, Expiry>,
}

/// Not after expiry, nor within ten seconds of the last application.
fn validate(expiry: &Expiry, now: i64) -> Result<Tenor> {
    let left = expiry.remaining(now)?;
    require!(now.saturating_sub(expiry.applied) >= FORECAST_INTERVAL, NovateError::ForecastTooSoon);
    Ok(left)
}

/// What members forecast of an expiry now, a quorum of them.
struct Counted<'a> {
    committee: &'a Committee,
    expiry: &'a Expiry,
    day: ForecastDay,
    fresh: &'a [(u8, Submission)],
    left: Tenor,
}

impl Counted<'_> {
    /// The median of what was submitted. Whoever is silent counts for what stands, where something does.
    fn median(&self, of: impl Fn(&Submission) -> i64, standing: i64) -> i64 {
        let mut values: Vec<i64> = self.fresh.iter().map(|(_, submission)| of(submission)).collect();
        match self.expiry.is_published() {
            true => self.committee.median(&values, standing),
            false => median(&mut values),
        }
    }

    /// The median basis, as far as a step and the day let it move.
    fn basis(&self) -> Ratio {
        let last = self.expiry.basis.0;
        let basis = self.median(|submission| submission.forecast.basis.into(), last);
        if !self.expiry.is_published() {
            return Ratio(basis);
        }
        let within =
            |value: i64, from: i64, most: Ratio| value.clamp(from.saturating_sub(most.0), from.saturating_add(most.0));
        let day = within(basis, self.day.forecast.basis.into(), BASIS_DAY);
        Ratio(within(day, last, BASIS_STEP))
    }

    /// Submissions, from the one whose smile is nearest to the medians of total variance on.
    fn nearest(&self) -> Vec<(u8, Submission)> {
        let standing = &self.expiry.smile;
        let reach = self.median(|submission| submission.forecast.smile().reach(), standing.reach());
        let of = |smile: &Smile, stated: Tenor| smile.variances(reach, stated, self.left);
        let each: Vec<_> = self.fresh.iter().map(|(_, s)| of(&s.forecast.smile(), self.stated(s))).collect();
        let mut middle = of(standing, self.expiry.stated());
        let mut column = Vec::with_capacity(each.len());
        for (at, place) in middle.iter_mut().enumerate() {
            column.clear();
            column.extend(each.iter().filter_map(|variances| variances.get(at)));
            *place = match self.expiry.is_published() {
                true => self.committee.median(&column, *place),
                false => median(&mut column),
            };
        }
        let mut order: Vec<(i64, (u8, Submission))> =
            each.iter().map(|variances| apart(&middle, variances)).zip(self.fresh.iter().copied()).collect();
        order.sort_by_key(|(apart, (seat, _))| (*apart, *seat));
        order.into_iter().map(|(_, submission)| submission).collect()
    }

    fn stated(&self, submission: &Submission) -> Tenor {
        self.expiry.left_at(submission.stamp.time())
    }

    /// Refuses a smile that is farther than a step from the last one, or than a day's moves from where the day began. Before the
    /// first application anything goes: nobody holds anything of it.
    fn require_step(&self, smile: &Smile) -> Result<()> {
        if !self.expiry.is_published() {
            return Ok(());
        }
        require!(self.expiry.smile.is_near(smile, VARIANCE_STEP), NovateError::ForecastStep);
        let whole = self.expiry.left_at(self.day.stated);
        let low = mul_div_floor(VARIANCE_DAY.0 .0, self.left.0.min(whole.0), whole.0).map_err(NovateError::from)?;
        let within = self.day.forecast.smile().is_within(smile, Ratio(low), VARIANCE_DAY.1);
        require!(within, NovateError::ForecastDay);
        Ok(())
    }
}

/// 1. Refuses what comes after expiry, or less than ten seconds after the last application.
/// 2. Takes what members submitted in the last five minutes, at least a quorum. Who is silent counts for what stands, where something
///    does; so no minority of the committee moves a value beyond where the others see it or where it stands.
/// 3. The basis goes to the median, by at most a step, and within a day's bound.
/// 4. The smile is that of the member who is nearest to the median of total variance, at nine points: medians of parameters may be no
///    smile at all, or one that nobody forecasts. Whose smile is too far from the last one, or crosses those of the expiries next to
///    this one (MRG-10), is passed over; where all are, the refusal is that of the nearest. The first forecast of an expiry
///    may be anywhere.
/// 5. Records both, with the time at which the smile was stated; strikes keep their values until they are refreshed.
/// 6. Emits [`ForecastsApplied`].
pub(crate) fn apply_forecasts<'info>(ctx: Context<'info, ApplyForecasts<'info>>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (committee, market, last) = (accounts.committee.load()?, accounts.market.load()?, accounts.expiry.load()?);
    let left = validate(&last, now)?;
    let fresh = last.forecasts(&committee, now);
    committee.require_quorum(fresh.len())?;
    let day = last.day_of(now);
    let counted = Counted { committee: &committee, expiry: &last, day, fresh: &fresh, left };

    let basis = counted.basis();
    let mut refused = None;
    let mut fits = |submission: &Submission| {
        let smile = submission.forecast.smile();
        let fit = counted
            .require_step(&smile)
            .and_then(|()| require_between(&market, last.minutes(), &smile, ctx.remaining_accounts, now));
        fit.map_err(|error| refused.get_or_insert(error)).is_ok()
    };
    let chosen = counted.nearest().into_iter().find(|(_, submission)| fits(submission));
    let (seat, submission) = match (chosen, refused) {
        (Some(chosen), _) => chosen,
        (None, Some(error)) => return Err(error),
        (None, None) => return err!(NovateError::QuorumMissing),
    };
    let (old_basis, first, stated) = (last.basis, !last.is_published(), submission.stamp.time());
    drop(last);

    let mut expiry = accounts.expiry.load_mut()?;
    expiry.publish(basis, submission.forecast.smile(), stated);
    expiry.applied = now;
    // The first day begins with what was applied first.
    expiry.day = if first { ForecastDay { opened: now, stated, forecast: (&*expiry).into() } } else { day };

    emit_cpi!(ForecastsApplied {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        old_basis: old_basis.0,
        forecast: Forecast::from(&*expiry),
        seat,
        stated,
        submitted: fresh.iter().map(|(seat, s)| SeatForecast { seat: *seat, forecast: s.forecast.into() }).collect(),
        time: now,
    });
    Ok(())
}
