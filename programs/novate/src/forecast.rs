//! A forecast: the forward of an expiry, as a basis over the index, and its smile (MRG-10). Here are its bounds, the most
//! that one application and one day of them may move it, and the neighbours that its smile may not cross.

use anchor_lang::prelude::*;
use novate_margin::smile::Smile;
use novate_margin::Ratio;

use crate::error::NovateError;
use crate::listed::{read, require_kind};
use crate::state::{Expiry, Market};

/// Furthest that a forward may stand from the index, as a share of it.
pub const MAX_BASIS: Ratio = Ratio(200_000);
/// Shortest time, in seconds, between two applications of forecasts to an expiry.
pub const FORECAST_INTERVAL: i64 = 10;
/// Most that one application moves the basis.
pub const BASIS_STEP: Ratio = Ratio(5_000);
/// Most that one application moves total variance at the points of [`Smile::is_near`], as a share of the last one.
pub const VARIANCE_STEP: Ratio = Ratio(200_000);
/// Most that the basis moves from where it stood when the day began.
pub const BASIS_DAY: Ratio = Ratio(30_000);
/// Between which shares of what they were when the day began total variances stay, of the lower one what time has left: vols halve
/// or double at most.
pub const VARIANCE_DAY: (Ratio, Ratio) = (Ratio(250_000), Ratio(4_000_000));

/// Basis and smile of an expiry, ratios 1e-6.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The forward over the index, less one: -20 % to 20 %.
    pub basis: i64,
    /// The smile's total variance is `a + b(rho(k - m) + sqrt((k - m)^2 + sigma^2))`, k the log of strike over forward.
    pub a: i64,
    pub b: i64,
    pub rho: i64,
    pub m: i64,
    pub sigma: i64,
}

impl Forecast {
    /// Basis and smile, each within its bounds.
    pub fn checked(&self) -> Result<(Ratio, Smile)> {
        let limit = MAX_BASIS.0;
        require!((limit.saturating_neg()..=limit).contains(&self.basis), NovateError::InvalidBasis);
        let smile = self.smile();
        smile.validate().map_err(NovateError::from)?;
        Ok((Ratio(self.basis), smile))
    }

    fn smile(&self) -> Smile {
        let [a, b, rho, m, sigma] = [self.a, self.b, self.rho, self.m, self.sigma].map(Ratio);
        Smile { a, b, rho, m, sigma }
    }
}

impl From<&Expiry> for Forecast {
    fn from(expiry: &Expiry) -> Self {
        let Smile { a, b, rho, m, sigma } = expiry.smile;
        Self { basis: expiry.basis.0, a: a.0, b: b.0, rho: rho.0, m: m.0, sigma: sigma.0 }
    }
}

/// A forecast within its bounds, as accounts keep it.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PackedForecast {
    pub basis: i32,
    pub a: i32,
    pub b: i32,
    pub rho: i32,
    pub m: i32,
    pub sigma: i32,
}

impl From<Forecast> for PackedForecast {
    fn from(forecast: Forecast) -> Self {
        // Every bound is below 2^27.
        let Forecast { basis, a, b, rho, m, sigma } = forecast;
        let [basis, a, b, rho, m, sigma] = [basis, a, b, rho, m, sigma].map(|v| i32::try_from(v).unwrap_or_default());
        Self { basis, a, b, rho, m, sigma }
    }
}

impl From<&Expiry> for PackedForecast {
    fn from(expiry: &Expiry) -> Self {
        Forecast::from(expiry).into()
    }
}

impl From<PackedForecast> for Forecast {
    fn from(packed: PackedForecast) -> Self {
        let PackedForecast { basis, a, b, rho, m, sigma } = packed;
        let [basis, a, b, rho, m, sigma] = [basis, a, b, rho, m, sigma].map(i64::from);
        Self { basis, a, b, rho, m, sigma }
    }
}

impl PackedForecast {
    pub fn smile(self) -> Smile {
        Forecast::from(self).smile()
    }
}

/// Refuses a smile whose total variance is anywhere below that of the expiry before it, or above that of the one after it:
/// a calendar spread would cost less than nothing. `list` holds those of the two that the market lists and that have not
/// passed, the earlier one first, and nothing else.
pub fn require_between(market: &Market, minutes: u32, smile: &Smile, list: &[AccountInfo], now: i64) -> Result<()> {
    let (earlier, later) = market.neighbours(minutes, now);
    let mut list = list.iter();
    if let Some(minutes) = earlier {
        let earlier = neighbour(market, minutes, list.next())?;
        earlier.require_not_above(smile).map_err(NovateError::from)?;
    }
    if let Some(minutes) = later {
        let later = neighbour(market, minutes, list.next())?;
        smile.require_not_above(&later).map_err(NovateError::from)?;
    }
    require!(list.next().is_none(), NovateError::UnexpectedAccount);
    Ok(())
}

fn neighbour(market: &Market, minutes: u32, info: Option<&AccountInfo>) -> Result<Smile> {
    let info = info.ok_or(NovateError::MissingNeighbour)?;
    require_kind::<Expiry>(info)?;
    let expiry = read::<Expiry>(info)?;
    require_keys_eq!(expiry.pool, market.pool, NovateError::WrongPool);
    require!(expiry.market == market.index && expiry.minutes() == minutes, NovateError::MissingNeighbour);
    Ok(expiry.smile)
}
