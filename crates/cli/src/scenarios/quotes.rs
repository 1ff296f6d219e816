//! What a book's legs are worth on a day, gathered by underlying.

use super::books::{perpetual, Book, Kind, Leg, EXPIRIES, STRIKES};
use super::history::Day;
use super::profile::{call, Profile, DAYS_PER_YEAR};
use super::requirement::{Expiry, Holding};

/// A call on one USD of spot.
#[derive(Clone, Debug)]
pub struct Call {
    days: f64,
    strike: f64,
    value: f64,
    delta: f64,
    profile: Profile,
}

impl Call {
    /// At a strike, spot 1, so many days before its expiry; a day later the vol is `vols[1]` instead of `vols[0]`.
    pub fn new(day: &Day, strike: f64, days: f64, vols: [f64; 2]) -> Self {
        let (value, delta) = call(0.0, strike, days, vols[0]);
        Self { days, strike, value, delta, profile: Profile::call(day, strike, days, vols) }
    }
}

/// One underlying on one day, ready to value legs.
pub struct Quote {
    range: f64,
    linear: Profile,
    /// By expiry, then by strike.
    calls: Vec<[Call; STRIKES.len()]>,
}

impl Quote {
    /// From the day's facts. Vols are the fast deviation of a year, times 1 + `premium`; every strike has the same.
    pub fn new(day: &Day, premium: f64) -> Self {
        let yearly = DAYS_PER_YEAR.sqrt() * (1.0 + premium);
        let vols = [day.sigma_before * yearly, day.sigma_after * yearly];
        let strike = |days: f64, deviations: f64| (deviations * vols[0] * (days / DAYS_PER_YEAR).sqrt()).exp();
        let calls = EXPIRIES.map(|days| STRIKES.map(|at| Call::new(day, strike(days, at), days, vols)));
        Self { calls: calls.into(), ..Self::linear(day) }
    }

    /// Without options.
    pub fn linear(day: &Day) -> Self {
        Self { range: day.range, linear: Profile::linear(day), calls: Vec::new() }
    }
}

/// A book's legs on a day, those that hedge it included.
pub fn legs(book: &Book, quotes: &[Quote]) -> Vec<Leg> {
    let mut legs = book.legs.clone();
    if book.hedged {
        legs.extend(holdings(&legs, quotes).iter().map(|h| perpetual(h.column, -h.net_delta())));
    }
    legs
}

/// What legs amount to by underlying.
pub fn holdings(legs: &[Leg], quotes: &[Quote]) -> Vec<Holding> {
    let mut out: Vec<Holding> = Vec::new();
    for leg in legs {
        let quote = &quotes[leg.column];
        let at = out.iter().position(|h| h.column == leg.column).unwrap_or_else(|| {
            out.push(Holding { column: leg.column, range: quote.range, ..Holding::default() });
            out.len() - 1
        });
        match leg.kind {
            Kind::Spot => out[at].add_spot(leg.quantity, &quote.linear),
            Kind::Perpetual => out[at].add_perpetual(leg.quantity, &quote.linear),
            Kind::Option { call, expiry, strike } => {
                out[at].add_option(leg.quantity, call, &quote.calls[expiry][strike], &quote.linear);
            }
        }
    }
    out
}

impl Holding {
    /// Adds so many USD of spot, whose profile is `linear`.
    pub fn add_spot(&mut self, quantity: f64, linear: &Profile) {
        self.spot += quantity;
        self.profile.add(quantity, linear);
    }

    /// The same for a perpetual.
    pub fn add_perpetual(&mut self, quantity: f64, linear: &Profile) {
        self.perpetual += quantity;
        self.profile.add(quantity, linear);
    }

    /// Adds options on so many USD: calls, or puts at the same strike, which are a call less a forward plus the
    /// strike (MRG-10).
    pub fn add_option(&mut self, quantity: f64, is_call: bool, call: &Call, linear: &Profile) {
        let at = self.expiries.iter().position(|e| e.days == call.days).unwrap_or_else(|| {
            self.expiries.push(Expiry { days: call.days, ..Expiry::default() });
            self.expiries.len() - 1
        });
        let forward = if is_call { 0.0 } else { -quantity };
        let expiry = &mut self.expiries[at];
        expiry.delta += quantity * call.delta + forward;
        expiry.value += quantity * call.value + forward * (1.0 - call.strike);
        expiry.intrinsic += quantity * (1.0 - call.strike).max(0.0) + forward * (1.0 - call.strike);
        match expiry.strikes.iter_mut().find(|(strike, _)| *strike == call.strike) {
            Some((_, net)) => *net += quantity,
            None => expiry.strikes.push((call.strike, quantity)),
        }
        for profile in [&mut expiry.profile, &mut self.profile] {
            profile.add(quantity, &call.profile);
            profile.add(forward, linear);
        }
    }
}
