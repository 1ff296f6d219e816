//! Nobody falls below maintenance margin before a price has reached an edge of theirs.

#![allow(clippy::unwrap_used)]

mod crowd;

use std::collections::BTreeSet;
use std::sync::Arc;

use novate_bots::candidates::Candidates;
use novate_bots::judge::{rests_on, Judge, Verdict};
use novate_bots::scan::scan;
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Snapshot, Terms};
use novate_margin::{Price, Ratio};
use novate_tests::{Builder, Chance, World, BTC, ETH, GOLD};

use crowd::crowd;

struct Watch {
    snapshot: Snapshot,
    portfolios: Vec<(Pubkey, Arc<Portfolio>)>,
    candidates: Candidates,
    judge: Judge,
    short: BTreeSet<Pubkey>,
    /// Their option values do not reach as far as the price has moved.
    unjudged: BTreeSet<Pubkey>,
    now: i64,
    looks: usize,
}

impl Watch {
    fn look(&mut self, address: Pubkey) {
        let portfolio = self.portfolios.iter().find(|(key, _)| *key == address).unwrap().1.clone();
        let terms = Terms { now: self.now, prices: Prices::Last };
        self.looks += 1;
        let Ok(verdict) = self.judge.look(&self.snapshot, &portfolio, terms) else {
            self.unjudged.insert(address);
            self.candidates.forget(&address);
            return;
        };
        let verdict: Verdict = verdict.unwrap();
        self.unjudged.remove(&address);
        if verdict.is_short() {
            self.short.insert(address);
            self.candidates.forget(&address);
        } else {
            self.short.remove(&address);
            self.candidates.keep(address, rests_on(&portfolio), &self.snapshot, verdict.reach);
        }
    }
}

#[test]
fn whoever_is_short_was_looked_at() {
    let (world, actors) = crowd(Builder::default());
    let (mut fallen, mut walks, mut looks) = (0, 0, 0);
    for seed in 0..20 {
        let mut chance = Chance::new(seed);
        let portfolios: Vec<_> =
            actors.iter().map(|actor| (actor.portfolio, Arc::new(world.portfolio(&actor.portfolio)))).collect();
        let mut watch = Watch {
            snapshot: world.snapshot(),
            portfolios: portfolios.clone(),
            candidates: Candidates::default(),
            judge: Judge::new(&[]),
            short: BTreeSet::new(),
            unjudged: BTreeSet::new(),
            now: world.now(),
            looks: 0,
        };
        for step in 0..60 {
            if step % 20 == 0 {
                for (address, _) in &portfolios {
                    watch.look(*address);
                }
                watch.candidates.turn_ended();
                watch.candidates.tidy();
            }
            for asset in [BTC, ETH, GOLD] {
                let held = watch.snapshot.assets.get_mut(&asset).unwrap();
                let way = chance.between(-12_000, 12_000 - i64::try_from(seed).unwrap() * 300);
                held.price = Price(held.price.0 + held.price.0 / 1_000_000 * way);
                // Volatility widens what is asked for, now and then.
                if chance.between(0, 20) == 0 {
                    held.scan_range = Ratio(held.scan_range.0 + 2_000);
                }
                let asset = *held;
                for address in watch.candidates.reached(&asset) {
                    watch.look(address);
                }
            }
            for address in watch.short.union(&watch.unjudged).copied().collect::<Vec<_>>() {
                watch.look(address);
            }
            let terms = Terms { now: watch.now, prices: Prices::Last };
            let found = scan(&watch.snapshot, &portfolios, terms, &[]);
            walks += 1;
            for ((address, _), verdict) in portfolios.iter().zip(found) {
                // Option values reach so far and no farther: who cannot be judged is looked at all the time.
                let Ok(Some(verdict)) = verdict else { continue };
                assert_eq!(verdict.is_short(), watch.short.contains(address), "seed {seed}: {verdict:?}");
                fallen += usize::from(verdict.is_short());
            }
        }
        looks += watch.looks;
    }
    println!("{looks} looks in {walks} steps of {} portfolios, {fallen} times short", actors.len());
    assert!(fallen > 1_000, "{fallen}");
    assert!(looks < walks * actors.len() * 6 / 10, "{looks} looks: as many as without candidates");
}

#[test]
fn an_edge_yields_once_and_the_nearest_come_first() {
    let world = World::default();
    let snapshot = world.snapshot();
    let mut candidates = Candidates::default();
    let names: Vec<_> = (0..5).map(|_| Pubkey::new_unique()).collect();
    for (name, reach) in names.iter().zip([10_000, 40_000, 20_000, 50_000, 30_000]) {
        candidates.keep(*name, [BTC], &snapshot, Ratio(reach));
    }
    let mut asset = snapshot.assets[&BTC];
    let nearest: Vec<_> = candidates.nearest(&asset, 3).into_iter().map(|(name, share)| (name, share.0)).collect();
    assert_eq!(nearest, [(names[0], 10_000), (names[2], 20_000), (names[4], 30_000)]);
    asset.price = Price(asset.price.0 / 100 * 98);
    assert_eq!(candidates.reached(&asset), [names[0], names[2]]);
    assert_eq!(candidates.reached(&asset), []);
    candidates.forget(&names[4]);
    asset.price = Price(asset.price.0 / 98 * 105);
    assert_eq!(candidates.reached(&asset), [names[0], names[2], names[1], names[3]], "above, whoever is still there");
    assert_eq!(candidates.len(), 4);
}
