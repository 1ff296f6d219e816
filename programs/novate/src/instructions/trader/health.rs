use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::health::{Examiner, Prices};
use crate::listed::Listed;
use crate::state::{Pool, Portfolio, Scenarios};

/// As many underlyings as fit the 1,024 bytes of return data. A portfolio holds at most 8, and more only where markets were
/// listed on its collateral afterwards.
pub const MAX_REPORTED: usize = 9;

/// What `health` returns, borsh-encoded. USD 1e-6; moves and ratios 1e-6.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct HealthReport {
    pub equity: i64,
    /// Equity that initial margin counts (MRG-44, MRG-61).
    pub counted_equity: i64,
    /// Equity without gains that are unsettled or pending and without net positive option value (MRG-45).
    pub settled_equity: i64,
    /// Net value of the options, part of equity.
    pub option_value: i64,
    pub initial: i64,
    pub maintenance: i64,
    /// The requirement's parts (MRG-22, MRG-31, MRG-30 to 35, MRG-38).
    pub gross: i64,
    pub es_alone: i64,
    pub es_joint: i64,
    pub core: i64,
    pub net_delta_floor: i64,
    pub contingencies: i64,
    pub outside: i64,
    /// The first [`MAX_REPORTED`] underlyings.
    pub by_underlying: Vec<UnderlyingReport>,
}

/// One underlying of a [`HealthReport`].
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct UnderlyingReport {
    pub asset: u16,
    /// 1e-9 contracts.
    pub net_delta: i64,
    pub scan_loss: i64,
    /// The worst node: its spot move, and its vol: -1, 0 or 1 for down, as it is, up.
    pub worst_move: i64,
    pub worst_vol: i8,
    pub es_alone: i64,
    pub basis: i64,
    pub naked_short: i64,
    pub option_charge: i64,
    pub confidence: i64,
    pub concentration: i64,
    pub term_vega: i64,
}

/// Anyone, without a signature.
#[derive(Accounts)]
pub struct ReadHealth<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
}

/// Returns equity, margins and what they are made of, underlying by underlying, as return data.
pub(crate) fn health<'info>(ctx: Context<'info, ReadHealth<'info>>) -> Result<HealthReport> {
    let now = Clock::get()?.unix_timestamp;
    let pool = ctx.accounts.pool.load()?;
    let scenarios = ctx.accounts.scenarios.load()?;
    let portfolio = ctx.accounts.portfolio.load()?;
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    let health = examiner.health(&portfolio, Prices::Fresh)?;
    let by_underlying = examiner.book().underlyings().iter().take(MAX_REPORTED).map(|u| UnderlyingReport {
        asset: u.asset,
        net_delta: u.net_delta.0,
        scan_loss: u.scan_loss.0,
        worst_move: u.worst_spot.0,
        worst_vol: u.worst_vol,
        es_alone: u.es_alone.0,
        basis: u.basis.0,
        naked_short: u.naked_short.0,
        option_charge: u.option_charge.0,
        confidence: u.confidence_charge.0,
        concentration: u.concentration.0,
        term_vega: u.term_vega.0,
    });
    Ok(HealthReport {
        equity: health.equity.0,
        counted_equity: health.counted_equity.0,
        settled_equity: health.settled_equity.0,
        option_value: health.option_value.0,
        initial: health.initial.0,
        maintenance: health.maintenance.0,
        gross: health.gross.0,
        es_alone: health.es_alone.0,
        es_joint: health.es_joint.0,
        core: health.core.0,
        net_delta_floor: health.net_delta_floor.0,
        contingencies: health.contingencies.0,
        outside: health.outside.0,
        by_underlying: by_underlying.collect(),
    })
}
