//! `novate demo`: a clearing pool in this process, some forty portfolios, and the two weeks of November 2022 in which
//! FTX failed; then four windows that broke markets, with a smaller book ([`stress`]).
//!
//! The built program runs in LiteSVM. Everything that belongs to the program is done by its instructions; prices, clock
//! and token balances are written from outside, as the world would. After every step the books are checked to the unit.

mod cast;
mod chain;
pub(crate) mod committee;
mod desk;
mod expiries;
pub mod figures;
mod keeper;
mod ledger;
mod legs;
mod liquidator;
pub(crate) mod prices;
pub(crate) mod products;
mod quotes;
mod record;
mod report;
pub(crate) mod rows;
mod scenes;
mod setup;
pub(crate) mod smile;
pub mod stress;
pub mod terminal;
pub(crate) mod tokens;
mod world;

use std::path::PathBuf;

use anchor_lang::AnchorDeserialize;
use anyhow::{ensure, Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use novate_client::instructions as ix;
use novate_client::HealthReport;

pub use crate::books::Ledger;
pub use cast::{Kind, Member, CAST};
pub use chain::ComputeUnits;
pub use liquidator::{Fate, Sale};
pub use prices::{DAY, START};
pub use record::{Frame, Standing};

use chain::Chain;
use liquidator::Liquidator;
use world::World;

/// Members whose health is compared with the chain's in each step.
const COMPARED: usize = 3;

/// Steps a day that fall on each day's low and close.
const STEPS: [u32; 6] = [2, 4, 6, 8, 12, 24];

/// How to run the demo.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The built program.
    #[arg(long, value_name = "PATH", default_value = "target/deploy/novate.so")]
    pub program: PathBuf,
    /// Where the report goes.
    #[arg(long, value_name = "PATH", default_value = "target/demo/report.html")]
    pub report: PathBuf,
    /// Steps a day: 2, 4, 6, 8, 12 or 24.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub steps: u32,
    /// Leave the four stress windows out.
    #[arg(long)]
    pub no_stress: bool,
    /// No progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What the demo found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first is the state after everyone's first trade, the last the end of the replay.
    pub frames: Vec<Frame>,
    pub fates: Vec<Fate>,
    pub sales: Vec<Sale>,
    /// Times the books were checked after a step.
    pub checks: usize,
    /// Health checks in which chain and client agreed to the unit.
    pub compared: usize,
    pub transactions: usize,
    pub compute: ComputeUnits,
    /// The scenario rows in words.
    pub rows: String,
    pub steps: u32,
    /// What members did besides trading, in order.
    pub notes: Vec<String>,
    /// The stress windows; none where they were left out.
    pub stress: Vec<stress::Replay>,
    pub report: PathBuf,
}

impl Outcome {
    /// The state that the tables show.
    pub fn last(&self) -> Result<&Frame> {
        self.frames.last().context("the replay has no frames")
    }

    /// The largest unfunded deficit of any moment, 1e-6 USD.
    pub fn worst_deficit(&self) -> i64 {
        self.frames.iter().map(|f| f.unfunded).max().unwrap_or_default()
    }

    /// Slices sold in auctions.
    pub fn liquidations(&self) -> u32 {
        self.fates.iter().map(|f| f.bids).sum()
    }

    /// Members with what happened to them.
    pub fn fates_by_kind(&self, kind: Kind) -> impl Iterator<Item = (&'static str, &Fate)> {
        CAST.iter().zip(&self.fates).filter(move |(m, _)| m.kind == kind).map(|(m, f)| (m.name, f))
    }
}

/// Runs the demo and writes its report. Fails where the books do not balance or chain and client disagree.
pub fn run(options: &Options) -> Result<Outcome> {
    ensure!(
        STEPS.contains(&options.steps),
        "--steps must be one of {STEPS:?}, so that the path touches each day's low"
    );
    let rows = rows::ScenarioRows::load()?;
    let mut world = setup::build(Chain::open(&options.program)?, &rows)?;
    let mut outcome = Outcome {
        frames: vec![record::frame(&world, ledger::check(&world)?)?],
        fates: Vec::new(),
        sales: Vec::new(),
        checks: 1,
        compared: compare_health(&mut world, 0..CAST.len())?,
        transactions: 0,
        compute: ComputeUnits::new(),
        rows: rows.describe(),
        steps: options.steps,
        notes: Vec::new(),
        stress: Vec::new(),
        report: options.report.clone(),
    };
    replay(&mut world, options, &mut outcome)?;
    outcome.notes.extend(scenes::leave(&mut world)?);
    ledger::check(&world)?;
    outcome.checks += 1;
    outcome.compute = world.chain.take_compute();
    outcome.transactions = world.chain.transactions;
    if !options.no_stress {
        let bar = progress(2 * stress::WINDOWS.len() as u64, options.quiet)?;
        outcome.stress = stress::run(&options.program, &bar).context("the stress windows")?;
        bar.finish_and_clear();
    }
    report::write(&outcome)?;
    Ok(outcome)
}

/// Step by step through the price path.
fn replay(world: &mut World, options: &Options, outcome: &mut Outcome) -> Result<()> {
    let steps = i64::from(options.steps) * world.path.length();
    let bar = progress(steps.unsigned_abs(), options.quiet)?;
    let mut bot = Liquidator::new();
    for step in 1..=steps {
        let time = START + step * (DAY / i64::from(options.steps));
        bar.set_message(world.path.date(time).to_string());
        one_step(world, &mut bot, step as usize, time, outcome)
            .with_context(|| format!("step {step} of {steps}, {}", world.path.date(time)))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    outcome.fates = bot.fates;
    outcome.sales = bot.sales;
    Ok(())
}

/// 1. The clock moves on and every price follows.
/// 2. Losers pay variation, winners take it.
/// 3. The option desk does what it planned for the hour, and trades its delta away.
/// 4. Auctions start for those below maintenance margin.
/// 5. Whoever has a reserve answers its margin call.
/// 6. The liquidator bot bids.
/// 7. The books are checked, and health is compared between chain and client.
fn one_step(world: &mut World, bot: &mut Liquidator, step: usize, time: i64, outcome: &mut Outcome) -> Result<()> {
    world.advance(time)?;
    keeper::settle_all(world, step)?;
    outcome.notes.extend(desk::deal_later(world, time)?);
    desk::hedge_all(world)?;
    outcome.frames.push(record::frame(world, ledger::check(world)?)?);
    outcome.checks += 1;
    let started = bot.open_and_end(world)?;
    outcome.notes.extend(scenes::answer_margin_call(world)?);
    if bot.work(world)? || started {
        outcome.frames.push(record::frame(world, ledger::check(world)?)?);
        outcome.checks += 1;
    }
    let first = step * COMPARED;
    outcome.compared += compare_health(world, first..first + COMPARED)?;
    Ok(())
}

/// Asks the chain for health and compares every figure with what the client computes from the same accounts.
fn compare_health(world: &mut World, members: std::ops::Range<usize>) -> Result<usize> {
    let snapshot = world.snapshot()?;
    let count = members.len();
    for member in members.map(|m| m % CAST.len()) {
        let holdings = world.holdings(&[member])?;
        let answer = world.chain.ask(ix::health(world.keys, world.addresses[member], &holdings))?;
        let chain = HealthReport::try_from_slice(&answer).context("the health report has another layout")?;
        let local = world.health(&snapshot, member)?;
        let on_chain = [chain.equity, chain.initial, chain.maintenance, chain.core, chain.es_joint];
        let here = [local.equity.0, local.initial.0, local.maintenance.0, local.core.0, local.es_joint.0];
        ensure!(on_chain == here, "health of {}: the chain says {on_chain:?}, the client {here:?}", CAST[member].name);
    }
    Ok(count)
}

fn progress(steps: u64, quiet: bool) -> Result<ProgressBar> {
    if quiet {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{msg}  {bar:40}  {pos}/{len}  {elapsed}")?;
    Ok(ProgressBar::new(steps).with_style(style))
}
