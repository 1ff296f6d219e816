//! Nobody falls below maintenance margin before a price has reached an edge of theirs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use novate_bots::candidates::Candidates;
use novate_bots::judge::{rests_on, Judge, Verdict};
use novate_bots::scan::scan;
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Snapshot, Terms};
use novate_margin::{Price, Ratio};
use novate_tests::world::leg;
use novate_tests::{call, future, put, Actor, Chance, World, BTC, BTC_PERP, CONTRACT, ETH, ETH_PERP, GOLD, PRICE};

/// Portfolios of one to three legs, perpetuals, futures and options on two coins, some with gold or coins besides, each at its
/// initial margin or somewhat above.
fn crowd() -> (World, Vec<Actor>) {
    let mut world = World::default();
    let strikes = [16_000, 18_000, 20_000, 22_000, 24_000];
    let time = world.chain(BTC_PERP, 20, 0.6, &strikes);
    let maker = world.trader(1_000_000_000);
    let mut chance = Chance::new(7);
    let mut actors = vec![];
    for at in 0..24 {
        let actor = world.trader(400_000);
        if at % 4 == 0 {
            world.deposit(&actor, GOLD, 50_000_000);
        }
        if at % 5 == 0 {
            world.deposit(&actor, BTC, 100_000_000);
        }
        let mut size = || chance.between(1, 5) * if chance.between(0, 1) == 0 { CONTRACT } else { -CONTRACT };
        let legs = match at % 6 {
            0 => vec![leg(BTC_PERP, size(), 20_000 * PRICE)],
            1 => vec![leg(BTC_PERP, size(), 20_000 * PRICE), leg(ETH_PERP, 10 * size(), 1_500 * PRICE)],
            2 => vec![future(BTC_PERP, time, size(), 20_000 * PRICE), leg(BTC_PERP, size(), 20_000 * PRICE)],
            _ => {
                let expiry = world.expiry(BTC_PERP, time);
                let slot = (at % strikes.len()) as u8;
                let mark = expiry.strikes[usize::from(slot)].mark.0;
                let tick = |price: i64| (price / 10_000_000 * 10_000_000).max(10_000_000);
                let strike = strikes[usize::from(slot)] * PRICE;
                let other = mark - 20_000 * PRICE + strike;
                let option = if at % 2 == 0 { call(BTC_PERP, time, slot, size(), tick(mark)) } else { put(BTC_PERP, time, slot, size(), tick(other)) };
                vec![option, leg(ETH_PERP, size(), 1_500 * PRICE)]
            }
        };
        world.trade_legs(&actor, &maker, &legs);
        let health = world.health(&actor);
        let spare = (health.equity - health.initial) * (100 - chance.between(1, 30)) / 100;
        let cash = world.portfolio(&actor.portfolio).cash;
        let spare = spare.min(cash).max(0) as u64;
        if spare > 0 {
            let withdraw = world.withdraw_instruction(&actor, novate_tests::USDC, spare);
            let _ = world.attempt(withdraw, &[&actor.key]);
        }
        actors.push(actor);
    }
    (world, actors)
}

struct Watch {
    snapshot: Snapshot,
    portfolios: Vec<(Pubkey, Arc<Portfolio>)>,
    candidates: Candidates,
    judge: Judge,
    short: BTreeSet<Pubkey>,
    now: i64,
    looks: usize,
}

impl Watch {
    fn look(&mut self, address: Pubkey) {
        let portfolio = self.portfolios.iter().find(|(key, _)| *key == address).unwrap().1.clone();
        let terms = Terms { now: self.now, prices: Prices::Last };
        let verdict: Verdict = self.judge.look(&self.snapshot, &portfolio, terms).unwrap().unwrap();
        self.looks += 1;
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
    let (world, actors) = crowd();
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
            now: world.now(),
            looks: 0,
        };
        for (address, _) in &portfolios {
            watch.look(*address);
        }
        watch.looks = 0;
        for _ in 0..60 {
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
            for address in watch.short.clone() {
                watch.look(address);
            }
            let terms = Terms { now: watch.now, prices: Prices::Last };
            let found = scan(&watch.snapshot, &portfolios, terms, &[]);
            walks += 1;
            for ((address, _), verdict) in portfolios.iter().zip(found) {
                // Option values reach so far and no farther; who cannot be judged is looked at all the time.
                let Ok(Some(verdict)) = verdict else { continue };
                assert_eq!(verdict.is_short(), watch.short.contains(address), "seed {seed}: {verdict:?}");
                fallen += usize::from(verdict.is_short());
            }
        }
        looks += watch.looks;
    }
    println!("{looks} looks in {walks} steps of {} portfolios, {fallen} times short", actors.len());
    assert!(fallen > 500, "{fallen}");
    assert!(looks < walks * actors.len() / 2, "{looks} looks: as many as without candidates");
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
    let mut expected = vec![names[0], names[2]];
    expected.sort_unstable();
    assert_eq!(candidates.reached(&asset), expected);
    assert_eq!(candidates.reached(&asset), []);
    candidates.forget(&names[4]);
    asset.price = Price(asset.price.0 / 98 * 105);
    let mut expected = vec![names[0], names[1], names[2], names[3]];
    expected.sort_unstable();
    assert_eq!(candidates.reached(&asset), expected, "above, whoever is still there");
    assert_eq!(candidates.len(), 4);
}
