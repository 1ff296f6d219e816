//! Days of unix time and dates of the Gregorian calendar, from 1970 on. Years are counted from March, so that a leap day is the last
//! of its year, in eras of 400 years, which all have the same number of days.

const DAYS_OF_ERA: u64 = 146_097;
/// Days from 1 March of the year 0 to 1 January 1970.
const EPOCH: u64 = 719_468;

/// Year, month and day.
pub(super) fn date_of(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(EPOCH);
    let (era, of_era) = (shifted / DAYS_OF_ERA, shifted % DAYS_OF_ERA);
    let common = of_era.saturating_sub(of_era / 1_460).saturating_add(of_era / 36_524).saturating_sub(of_era / 146_096);
    let year_of_era = common / 365;
    let day_of_year = of_era.saturating_sub(days_before(year_of_era));
    let shifted_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = day_of_year.saturating_sub(days_before_month(shifted_month)).saturating_add(1);
    let (month, turn) =
        if shifted_month < 10 { (shifted_month.saturating_add(3), 0) } else { (shifted_month.saturating_sub(9), 1) };
    (era.saturating_mul(400).saturating_add(year_of_era).saturating_add(turn), month, day)
}

/// Days of unix time; `None` where there is no such day, or it lies before 1970.
pub(super) fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    let (shifted_year, shifted_month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let of_era = days_before(shifted_year % 400)
        .checked_add(days_before_month(shifted_month))?
        .checked_add(day)?
        .checked_sub(1)?;
    let days = (shifted_year / 400).checked_mul(DAYS_OF_ERA)?.checked_add(of_era)?.checked_sub(EPOCH)?;
    // A month or a day that does not exist comes back as another.
    (date_of(days) == (year, month, day)).then_some(days)
}

/// Days of an era before a year of it.
fn days_before(year_of_era: u64) -> u64 {
    year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100)
}

/// Days of a year before a month of it, March being 0: 31, 30, 31, 30, 31 and again.
fn days_before_month(shifted_month: u64) -> u64 {
    shifted_month.saturating_mul(153).saturating_add(2) / 5
}
