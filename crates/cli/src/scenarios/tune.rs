//! The search for the setting of lowest margin whose breaches stay rare, on some days, and what it does on others.

use std::ops::Range;

use serde::Serialize;

use super::coverage::TARGET;
use super::replay::{Samples, Source};
use super::requirement::{Setting, MOST_TAILS};
use super::rows::Choice;

/// Rows kept.
const COUNTS: [usize; 3] = [64, 96, 128];
const CHOICES: [Choice; 3] = [Choice::Norm, Choice::Largest, Choice::Directions];

/// Every way to make rows that is tried.
pub fn sources() -> impl Iterator<Item = Source> {
    CHOICES.into_iter().flat_map(|choice| COUNTS.map(|count| Source { choice, count }))
}

/// From careful to bold, so that of two settings with the same margin the careful one is found first: k 1 to 6, credit
/// 0.50 to 1.00 and floor 0.60 to 0.10, in steps of 0.05. Parameters allow no higher credit and no lower floor.
fn settings() -> impl Iterator<Item = Setting> {
    let hundredths = |h: u32| f64::from(h) / 100.0;
    let pairs = move || (50..=100).step_by(5).flat_map(|c| (10..=60).rev().step_by(5).map(move |f| (c, f)));
    (1..=MOST_TAILS).flat_map(move |tail_count| {
        pairs().map(move |(c, f)| Setting { credit: hundredths(c), floor: hundredths(f), tail_count })
    })
}

/// Books on some days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Initial over summed margin, averaged over books.
    pub share: f64,
    /// The largest breach rate of a book.
    pub worst: f64,
    /// Books with a rate above [`TARGET`].
    pub above: usize,
}

impl Judged {
    /// All of the books in `samples`.
    pub fn of(samples: &Samples, days: &Range<usize>, setting: &Setting) -> Self {
        let mut out = Self { share: 0.0, worst: 0.0, above: 0 };
        let count = samples.len() as f64;
        for samples in samples {
            let (mut margin, mut summed, mut breaches) = (0.0, 0.0, 0_usize);
            for sample in &samples[days.clone()] {
                let required = sample.measure.requirement(setting);
                margin += required;
                summed += sample.summed;
                breaches += usize::from(sample.loss > required);
            }
            let rate = breaches as f64 / days.len() as f64;
            out.share += margin / summed / count;
            out.worst = out.worst.max(rate);
            out.above += usize::from(rate > TARGET);
        }
        out
    }
}

/// A setting, what it did on the days that it was found by and on the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The setting.
    pub setting: Setting,
    /// How its rows are made.
    pub source: Source,
    /// On the days that it was found by.
    pub inside: Judged,
    /// On the others.
    pub outside: Judged,
}

impl Found {
    /// Of a setting that is given.
    pub fn of(samples: &Samples, source: Source, parts: &[Range<usize>; 2], setting: Setting) -> Self {
        let [inside, outside] = parts.each_ref().map(|days| Judged::of(samples, days, &setting));
        Self { setting, source, inside, outside }
    }

    /// The setting of lowest mean margin under which every book stays within [`TARGET`] on the days of `parts[0]`;
    /// those of `parts[1]` have no part in the choice.
    pub fn best(samples: &Samples, source: Source, parts: &[Range<usize>; 2]) -> Option<Self> {
        let mut best: Option<(Setting, f64)> = None;
        for setting in settings() {
            let judged = Judged::of(samples, &parts[0], &setting);
            if judged.above == 0 && best.is_none_or(|(_, share)| judged.share < share - 1e-9) {
                best = Some((setting, judged.share));
            }
        }
        best.map(|(setting, _)| Self::of(samples, source, parts, setting))
    }
}
