//! Joint scenario rows (MRG-23): the days of largest moves among those on which every underlying traded, as whole
//! numbers for `stage_scenarios`.

use novate_margin::{MOVE_ONE, VOL_ONE};

use super::history::JointDay;
use super::table::Date;

/// Which days are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// Of largest norm: the root of the sum of squared moves (MRG-23).
    Norm,
    /// Of the largest single move.
    Largest,
    /// In turns, the worst remaining day of each direction: every underlying long and short, every pair long, short,
    /// and one against the other.
    Directions,
}

impl Choice {
    /// As in the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Norm => "norm",
            Self::Largest => "largest",
            Self::Directions => "directions",
        }
    }
}

/// A row by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The day that it was.
    pub date: Date,
    /// Spot moves in 1/4096 of the scan range.
    pub moves: Vec<i16>,
    /// Vol moves in 1/127 of the vol shock.
    pub vols: Vec<i8>,
}

impl Row {
    fn of(day: &JointDay) -> Self {
        // Both fit: a move lies in [-1, 1]. Ties go to the even neighbour.
        let moves: Vec<i16> = day.days.iter().map(|d| (d.z() * f64::from(MOVE_ONE)).round_ties_even() as i16).collect();
        Self { date: day.date, vols: moves.iter().map(|z| vol_move(*z)).collect(), moves }
    }
}

/// The vol move of a row. The table has no implied vols; this is an assumption and not a measurement: a fall of z scan
/// ranges raises vol by |z| of the vol shock, a rise leaves it where it is.
fn vol_move(z: i16) -> i8 {
    let fall = -f64::from(z.min(0)) / f64::from(MOVE_ONE);
    (fall * f64::from(VOL_ONE)).round_ties_even() as i8
}

/// At most `count` of the days as rows, in order of date.
pub fn rows(days: &[JointDay], count: usize, choice: Choice) -> Vec<Row> {
    let scores: Vec<Vec<f64>> = match choice {
        Choice::Norm => vec![score(days, |z| z.iter().map(|z| z * z).sum())],
        Choice::Largest => vec![score(days, |z| z.iter().map(|z| z.abs()).fold(0.0, f64::max))],
        Choice::Directions => directions(days),
    };
    let orders: Vec<Vec<usize>> = scores.iter().map(|score| descending(score)).collect();
    let mut kept = vec![false; days.len()];
    let mut left = count.min(days.len());
    let mut turns: Vec<_> = orders.iter().map(|order| order.iter()).collect();
    while left > 0 {
        for turn in &mut turns {
            if let Some(day) = turn.find(|day| !kept[**day]).filter(|_| left > 0) {
                kept[*day] = true;
                left -= 1;
            }
        }
    }
    days.iter().zip(kept).filter(|(_, kept)| *kept).map(|(day, _)| Row::of(day)).collect()
}

fn score(days: &[JointDay], of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    days.iter().map(|day| of(&day.days.iter().map(|d| d.z()).collect::<Vec<_>>())).collect()
}

/// A score per direction: the loss of a portfolio with a scan range of each underlying named.
fn directions(days: &[JointDay]) -> Vec<Vec<f64>> {
    let columns = days.first().map_or(0, |day| day.days.len());
    let mut out = Vec::new();
    for a in 0..columns {
        out.extend([-1.0, 1.0].map(|s| score(days, |z| s * z[a])));
        for b in a + 1..columns {
            let signs = [(-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)];
            out.extend(signs.map(|(s, t)| score(days, |z| s * z[a] + t * z[b])));
        }
    }
    out
}

/// Positions by descending score, the earlier day first where two are equal.
fn descending(score: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|a, b| score[*b].total_cmp(&score[*a]));
    order
}
