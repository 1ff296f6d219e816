//! Chores as few transactions as they fit in.

use std::collections::BTreeMap;

use novate_client::instructions as ix;
use novate_client::{Instruction, Pubkey};

use super::chores::{Chore, Subject};

/// What one transaction carries: assets or markets with their companions, strikes, other instructions.
pub(super) const PAIRS: usize = 8;
const STRIKES: usize = 48;
pub(super) const OTHERS: usize = 6;

/// One transaction, and for whom it is.
pub(super) struct Batch {
    pub name: &'static str,
    pub subjects: Vec<Subject>,
    pub instructions: Vec<Instruction>,
}

/// Chores of a kind together, in their order.
pub(super) fn pack(pool: &Pubkey, chores: Vec<(Subject, Chore)>) -> Vec<Batch> {
    let (mut assets, mut markets, mut batches) = (vec![], vec![], vec![]);
    let mut values: Vec<(Subject, Vec<_>)> = vec![];
    let mut others: BTreeMap<&'static str, Vec<(Subject, Instruction)>> = BTreeMap::new();
    for (subject, chore) in chores {
        match chore {
            Chore::RefreshAsset { asset, feed } => assets.push((subject, (asset, feed))),
            Chore::RefreshMarket { market, asset } => markets.push((subject, (market, asset))),
            Chore::RefreshExpiry(slots) => values.push((subject, slots)),
            Chore::Other(name, instruction) => others.entry(name).or_default().push((subject, instruction)),
        }
    }
    for some in assets.chunks(PAIRS) {
        let (subjects, pairs): (Vec<_>, Vec<_>) = some.iter().copied().unzip();
        batches.push(Batch { name: "refresh_asset", subjects, instructions: vec![ix::refresh_asset(pool, &pairs)] });
    }
    for some in markets.chunks(PAIRS) {
        let (subjects, pairs): (Vec<_>, Vec<_>) = some.iter().copied().unzip();
        batches.push(Batch { name: "refresh_market", subjects, instructions: vec![ix::refresh_market(pool, &pairs)] });
    }
    for (subject, slots) in values {
        let strikes: usize = slots.iter().map(|slots| usize::from(slots.range.count)).sum();
        debug_assert!(strikes <= STRIKES, "an expiry has 24");
        let instructions = vec![ix::refresh_expiry(pool, &slots)];
        batches.push(Batch { name: "refresh_expiry", subjects: vec![subject], instructions });
    }
    for (name, of) in others {
        for some in of.chunks(OTHERS) {
            let (subjects, instructions): (Vec<_>, Vec<_>) = some.iter().cloned().unzip();
            batches.push(Batch { name, subjects, instructions });
        }
    }
    batches
}
