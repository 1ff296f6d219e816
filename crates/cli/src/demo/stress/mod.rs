//! Four windows in which markets broke, each replayed twice on the built program: with liquidators awake, and with liquidators
//! asleep for a day or more from its worst low on. Who lost what, what each tier paid (CLR-32), and when all was back.

mod bidders;
mod book;
mod founding;
mod keepers;
mod members;
mod pool;
pub mod tell;
mod waterfall;
pub(crate) mod window;

use std::path::Path;

use anyhow::{ensure, Context, Result};
use indicatif::ProgressBar;

use super::chain::Chain;
use super::prices::DAY;
use super::rows::ScenarioRows;
use pool::Pool;

pub use bidders::Fate;
pub use founding::CAPITAL;
pub use tell::{lines, story};
pub use waterfall::{Cut, Deposits, Paid, Part, Waterfall};
pub use window::{Window, WINDOWS};

/// Seconds between two readings while prices gap, and readings after which the replay gives up.
const READING: i64 = 10;
const MOST_READINGS: i64 = 360;
/// Hours of the day at which keepers look, beside noon.
const LOOKS: [i64; 3] = [8, 18, 24];

/// What one window came to.
#[derive(Clone, Debug)]
pub struct Replay {
    pub window: Window,
    /// First price, lowest price and its date of each coin of the window's file, prices 1e-8 USD.
    pub lows: Vec<(String, i64, i64, String)>,
    /// With liquidators awake, and asleep.
    pub runs: [Run; 2],
}

/// One of the two.
#[derive(Clone, Debug)]
pub struct Run {
    pub frames: Vec<Frame>,
    pub members: Vec<End>,
    /// The fund before and after, 1e-6 USD: capital, stake.
    pub fund: [(u64, u64); 2],
    pub waterfall: Waterfall,
    /// Seconds from the worst low until the last round of haircuts of gains was closed; none where there was none.
    pub closed: Option<i64>,
    /// Seconds from the worst low until deposits had nothing at stake any more; none while they have, or where they never had.
    pub whole: Option<i64>,
    /// Seconds from the worst low until nobody was below maintenance margin any more; none where that never was.
    pub back: Option<i64>,
    /// Seconds for which a gap was no price of a coin yet, the longest.
    pub refused: Vec<(&'static str, i64)>,
    /// Tokens in each vault, in units of the mint: the same at every check, since nobody deposits or withdraws in between.
    pub vaults: Vec<u64>,
    /// Times all vaults, markets and open interests balanced to the unit.
    pub checks: usize,
    pub transactions: usize,
}

/// A moment. Amounts 1e-6 USD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub time: i64,
    /// Of each coin of the pool, USDC first, 1e-9 USD as the pool knows them.
    pub prices: Vec<i64>,
    /// What insolvent accounts lack.
    pub lacking: i64,
    /// What the insurance fund holds, in its own units.
    pub fund: u64,
}

/// A member at the end. Amounts 1e-6 USD; a stake is counted at 1 USD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub name: &'static str,
    /// What it came with and did, in words.
    pub book: String,
    pub before: i64,
    pub after: i64,
    /// Gains that nobody has paid yet, or that are not cash yet.
    pub unsettled: i64,
    /// What it lacks of maintenance margin.
    pub short: i64,
    /// Its stake before and after, in the asset's own units.
    pub staked: [i64; 2],
    pub fate: Fate,
    pub part: Part,
}

impl Run {
    /// What the fund has paid, out of capital and out of stake.
    pub fn drawn(&self) -> (u64, u64) {
        let [before, after] = self.fund;
        (before.0.saturating_sub(after.0), before.1.saturating_sub(after.1))
    }

    /// Who was taken over with equity below zero, or lacks some at the end.
    pub fn insolvent(&self) -> impl Iterator<Item = &End> {
        self.members.iter().filter(|m| m.part.paid.sum() > 0 || m.after < 0)
    }

    /// What these had of their own, the first tier: all that is gone of it, 1e-6 USD.
    pub fn margin(&self) -> i64 {
        self.insolvent().map(|m| m.before - m.after.max(0)).sum()
    }

    pub fn auctions(&self) -> u32 {
        self.members.iter().map(|m| m.fate.auctions).sum()
    }

    pub fn slices(&self) -> u32 {
        self.members.iter().map(|m| m.fate.slices).sum()
    }

    /// What insolvent accounts lacked at the worst moment, and at the end.
    pub fn lacking(&self) -> (i64, i64) {
        let all = self.frames.iter().map(|f| f.lacking);
        (all.max().unwrap_or_default(), self.frames.last().map_or(0, |f| f.lacking))
    }
}

/// Replays every window. Fails where the books do not balance.
pub fn run(program: &Path, bar: &ProgressBar) -> Result<Vec<Replay>> {
    let rows = ScenarioRows::load()?;
    WINDOWS.iter().map(|window| replay(program, window, &rows, bar).context(window.name)).collect()
}

fn replay(program: &Path, window: &Window, rows: &ScenarioRows, bar: &ProgressBar) -> Result<Replay> {
    let one = |asleep: bool| -> Result<Run> {
        bar.set_message(window.name);
        let pool = Pool::open(Chain::open(program)?, *window, rows)?;
        let run = Story::new(pool, asleep)?.tell().context(if asleep { "asleep" } else { "awake" })?;
        bar.inc(1);
        Ok(run)
    };
    let (path, mut lows) = (window.prices()?, Vec::new());
    for coin in path.coins() {
        let days = (1..=path.length() as usize).map(|day| path.day(coin, day)).collect::<Result<Vec<_>>>()?;
        let (_, low, date) = days.iter().min_by_key(|(_, low, _)| *low).context("no days")?;
        lows.push((coin.clone(), path.day(coin, 0)?.0, *low, (*date).into()));
    }
    Ok(Replay { window: *window, lows, runs: [one(false)?, one(true)?] })
}

/// What a member has. Amounts 1e-6 USD.
struct Worth {
    /// Its stake included.
    equity: i64,
    unsettled: i64,
    short: i64,
    staked: i64,
}

/// A run as it goes on.
struct Story {
    pool: Pool,
    asleep: bool,
    fates: Vec<Fate>,
    run: Run,
}

impl Story {
    fn new(pool: Pool, asleep: bool) -> Result<Self> {
        let run = Run {
            frames: Vec::new(),
            members: Vec::new(),
            fund: [pool.waterfall.fund; 2],
            waterfall: Waterfall::default(),
            closed: None,
            whole: None,
            back: None,
            refused: pool.coins().map(|coin| (coin, 0)).collect(),
            vaults: pool.vaults()?,
            checks: 0,
            transactions: 0,
        };
        let mut story = Self { fates: vec![Fate::default(); pool.seats.len()], pool, asleep, run };
        story.look()?;
        let worth = story.worth()?;
        let seats = story.pool.seats.iter().zip(&worth);
        let end = |(seat, worth): (&pool::Seat, &Worth)| End {
            name: seat.member.name,
            book: seat.member.acts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            before: worth.equity,
            after: 0,
            unsettled: 0,
            short: 0,
            staked: [worth.staked; 2],
            fate: Fate::default(),
            part: Part::default(),
        };
        story.run.members = seats.map(end).collect();
        Ok(story)
    }

    /// Day by day: at the times of [`LOOKS`] keepers refresh and settle and liquidators look; at noon prices gap.
    fn tell(mut self) -> Result<Run> {
        for day in 0..self.pool.path.length() {
            let midnight = self.pool.window.start + day * DAY;
            self.keep(midnight + LOOKS[0] * 3_600)?;
            self.gap(midnight + DAY / 2)?;
            for hour in &LOOKS[1..] {
                self.keep(midnight + hour * 3_600)?;
            }
        }
        self.leave()
    }

    /// A look of keepers and, where they are awake, liquidators. An expiry that is due is settled first.
    fn keep(&mut self, time: i64) -> Result<()> {
        if time == self.pool.window.expiry() {
            self.pool.expire()?;
        } else if time > self.pool.chain.now() {
            self.pool.advance(time)?;
        }
        self.work()
    }

    fn work(&mut self) -> Result<()> {
        self.pool.settle_all()?;
        self.look()?;
        if !self.sleeping() && bidders::work(&mut self.pool, &mut self.fates)? {
            self.pool.settle_all()?;
            self.look()?;
        }
        Ok(())
    }

    fn sleeping(&self) -> bool {
        let window = self.pool.window;
        self.asleep && (window.low()..window.wake()).contains(&self.pool.chain.now())
    }

    /// Prices fall in one step; readings go on until the guard takes them for prices.
    fn gap(&mut self, noon: i64) -> Result<()> {
        self.pool.advance(noon - READING)?;
        for reading in 0..MOST_READINGS {
            self.pool.advance(noon + reading * READING)?;
            let refused = self.pool.refused()?;
            for (coin, longest) in &mut self.run.refused {
                if refused.contains(coin) {
                    *longest = (*longest).max((reading + 1) * READING);
                }
            }
            if refused.is_empty() {
                break;
            }
        }
        // A minute in which the average follows.
        for _ in 0..6 {
            let next = self.pool.chain.now() + READING;
            self.pool.advance(next)?;
        }
        self.work()
    }

    fn worth(&self) -> Result<Vec<Worth>> {
        let (snapshot, now) = (self.pool.snapshot()?, self.pool.chain.now());
        let worth = (0..self.pool.seats.len()).map(|seat| {
            let health = snapshot.health(&self.pool.portfolio(seat)?, now)?;
            let (equity, staked) = (health.equity.0, self.pool.staked(seat)?);
            Ok(Worth {
                equity: equity + staked,
                staked,
                unsettled: equity - health.settled_equity.0,
                short: (health.maintenance.0 - equity).max(0),
            })
        });
        worth.collect()
    }

    /// Checks the books and writes a moment down.
    fn look(&mut self) -> Result<()> {
        self.pool.check()?;
        ensure!(self.pool.vaults()? == self.run.vaults, "tokens came or went: {:?}", self.run.vaults);
        self.run.checks += 1;
        let (mut snapshot, now) = (self.pool.snapshot()?, self.pool.chain.now());
        // What a silent feed or a gap leaves without a price counts at its last one here.
        snapshot.assets.values_mut().for_each(|asset| asset.publish_time = now);
        let (mut lacking, mut short, mut known) = (0, false, true);
        for seat in 0..self.pool.seats.len() {
            match snapshot.health(&self.pool.portfolio(seat)?, now) {
                Ok(health) => {
                    lacking += (-health.equity.0).max(0);
                    short |= health.equity < health.maintenance;
                }
                // Options whose values a silent feed has left too far behind.
                Err(_) => known = false,
            }
        }
        let since = now - self.pool.window.low();
        if known && since > 0 {
            self.run.back = if short { None } else { self.run.back.or(Some(since)) };
        }
        if known {
            let prices = snapshot.assets.values().map(|a| a.price.0).collect();
            let fund = u64::try_from(self.pool.insurance()?.fund().total())?;
            self.run.frames.push(Frame { time: now, prices, lacking, fund });
        }
        Ok(())
    }

    /// Gains that are pending become cash within two hours; then everyone is counted.
    fn leave(mut self) -> Result<Run> {
        for _ in 0..2 {
            let later = self.pool.chain.now() + 2 * 3_600;
            self.pool.advance(later)?;
            self.pool.settle_all()?;
        }
        self.look()?;
        let worth = self.worth()?;
        for ((member, worth), (seat, fate)) in self.run.members.iter_mut().zip(worth).zip(self.fates.iter().enumerate())
        {
            (member.after, member.unsettled, member.short) = (worth.equity, worth.unsettled, worth.short);
            (member.staked[1], member.fate, member.part) = (worth.staked, *fate, self.pool.part(seat));
        }
        let (insurance, low) = (self.pool.insurance()?, self.pool.window.low());
        self.run.fund[1] = (insurance.capital, insurance.staked);
        self.run.waterfall = self.pool.waterfall.clone();
        self.run.closed = self.run.waterfall.closed.map(|time| time - low);
        self.run.whole = self.run.waterfall.whole.map(|time| time - low);
        self.run.transactions = self.pool.chain.transactions;
        Ok(self.run)
    }
}
