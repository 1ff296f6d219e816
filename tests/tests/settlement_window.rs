//! The window in which an underlying fixes a settlement price (CLR-12), as `refresh_asset` keeps it.

use novate_client::state::Window;
use novate_margin::Price;
use novate_tests::feed::Quote;
use novate_tests::{Chance, Sent, World, BTC, GOLD, PRICE};

const DAY: i64 = 86_400;

/// A world and the next 08:00, which is hours away.
fn world() -> (World, i64) {
    let world = World::default();
    let time = world.expiry_in(0);
    assert!(time - world.now() > 7_200);
    (world, time)
}

/// Has a price read that was published as of now.
fn sample(world: &mut World, time: i64, price: i64) -> Sent {
    world.pass_to(time);
    publish(world, time, price)
}

fn publish(world: &mut World, time: i64, price: i64) -> Sent {
    world.publish(BTC, Quote { price: price / 10, average: price / 10, ..Quote::new(1.0, time) });
    let refresh = world.refresh_asset(&[BTC]);
    world.succeeds(&[refresh], &[])
}

/// Samples at these times, each at a dollar more than the last, from 20,000 on.
fn run(world: &mut World, times: &[i64]) {
    for (price, time) in (20_000..).zip(times) {
        sample(world, *time, price * PRICE);
    }
}

fn window(world: &World) -> Window {
    world.asset(BTC).window
}

fn fixed(world: &World) -> (i64, i64) {
    let window = window(world);
    (window.fixed_time, window.fixed_price.0)
}

/// What the prices of [`run`] average to.
fn average(times: &[i64]) -> i64 {
    let weighed = |(price, pair): (i128, &[i64])| price * i128::from(PRICE) * i128::from(pair[1] - pair[0]);
    let sum: i128 = (20_000..).zip(times.windows(2)).map(weighed).sum();
    (sum / i128::from(times.last().unwrap() - times[0])) as i64
}

fn every(seconds: usize, from: i64, to: i64) -> Vec<i64> {
    (from..=to).step_by(seconds).collect()
}

#[test]
fn the_first_target_is_the_next_eight_o_clock() {
    let (mut world, time) = world();
    assert_eq!(window(&world), Window { target: time, ..Window::default() });
    assert_eq!(world.asset(GOLD).window, Window::default());
    sample(&mut world, time - 1_801, 20_000 * PRICE);
    assert_eq!(window(&world), Window { target: time, ..Window::default() });
    sample(&mut world, time - 1_800, 20_000 * PRICE);
    let begun = Window {
        target: time,
        start: time - 1_800,
        sample_time: time - 1_800,
        sample_price: world.asset(BTC).price,
        samples: 1,
        ..Window::default()
    };
    assert_eq!(window(&world), begun);
}

#[test]
fn twenty_samples_fix_the_average_of_the_time_between_them() {
    let (mut world, time) = world();
    let mut times = every(95, time - 1_800, time - 1);
    times.push(time);
    assert_eq!(times.len(), 20);
    run(&mut world, &times[..19]);
    assert_eq!(fixed(&world), (0, 0));
    let last = sample(&mut world, time, 39_000 * PRICE);
    // 20,000 to 20,018: each for 95 s, the last for 90 s; the price that ends the window has no weight.
    assert_eq!(fixed(&world), (time, 20_008_975_000_000));
    assert_eq!(average(&times), 20_008_975_000_000);
    let next = window(&world);
    assert_eq!((next.target, next.samples), (time + DAY, 0));

    let (mut world, _) = self::world();
    run(&mut world, &times[..18]);
    let within = sample(&mut world, times[18], 20_000 * PRICE);
    println!("refresh_asset: {} CU within the window, {} CU at its end", within.units, last.units);
    assert!(within.units < 10_000 && last.units < 10_000);
}

#[test]
fn an_average_is_rounded_down() {
    let (mut world, time) = world();
    for (at, sampled) in every(90, time - 1_800, time).into_iter().enumerate() {
        sample(&mut world, sampled, 20_000 * PRICE + if at == 0 { 10 } else { 0 });
    }
    // A twentieth of the time at 10 more.
    assert_eq!(fixed(&world), (time, 20_000 * PRICE));
}

#[test]
fn with_nineteen_samples_the_window_extends_to_the_twentieth() {
    let (mut world, time) = world();
    let times = every(100, time - 1_800, time + 100);
    run(&mut world, &times[..19]);
    assert_eq!((fixed(&world), window(&world).samples), ((0, 0), 19));
    sample(&mut world, times[19], PRICE);
    assert_eq!(fixed(&world), (time, average(&times)));
}

#[test]
fn the_window_may_begin_a_gap_late() {
    let (mut world, time) = world();
    run(&mut world, &every(60, time - 1_680, time));
    assert_eq!(fixed(&world).0, time);

    let (mut world, time) = self::world();
    let times = every(60, time - 1_679, time + 1);
    run(&mut world, &times[..28]);
    sample(&mut world, time, 20_028 * PRICE);
    assert_eq!(fixed(&world).0, 0);
    sample(&mut world, time + 1, PRICE);
    assert_eq!(fixed(&world).0, time);
}

#[test]
fn a_gap_of_two_minutes_is_borne() {
    let (mut world, time) = world();
    let mut times = every(60, time - 1_800, time - 120);
    times.push(time);
    run(&mut world, &times);
    assert_eq!(fixed(&world), (time, average(&times)));
}

#[test]
fn after_a_longer_gap_the_run_begins_anew() {
    let (mut world, time) = world();
    run(&mut world, &every(60, time - 1_800, time - 600));
    let begun = time - 600 + 121;
    let times = every(60, begun, begun + 1_680);
    run(&mut world, &times[..1]);
    let anew = window(&world);
    assert_eq!((anew.start, anew.samples, anew.sum.get()), (begun, 1, 0));
    run(&mut world, &times[1..28]);
    assert_eq!(fixed(&world), (0, 0));
    sample(&mut world, begun + 1_680, PRICE);
    let expected: i128 = std::iter::once(20_000).chain(20_000..20_027).map(|p| p * i128::from(PRICE) * 60).sum();
    assert_eq!(fixed(&world), (time, (expected / 1_680) as i64));
}

#[test]
fn what_is_older_than_five_seconds_is_no_sample() {
    let (mut world, time) = world();
    world.pass_to(time - 1_000);
    publish(&mut world, time - 1_006, 20_000 * PRICE);
    assert_eq!(window(&world).samples, 0);
    publish(&mut world, time - 1_005, 20_000 * PRICE);
    assert_eq!((window(&world).samples, window(&world).start), (1, time - 1_005));
}

#[test]
fn a_publish_time_counts_once() {
    let (mut world, time) = world();
    sample(&mut world, time - 1_000, 20_000 * PRICE);
    let before = window(&world);
    publish(&mut world, time - 1_000, 21_000 * PRICE);
    world.pass(3);
    publish(&mut world, time - 1_000, 22_000 * PRICE);
    assert_eq!(window(&world), before);
    publish(&mut world, time - 999, 23_000 * PRICE);
    assert_eq!((window(&world).samples, window(&world).sum.get()), (2, 20_000 * PRICE as u128));
}

#[test]
fn a_window_extends_until_the_next_begins() {
    const NEXT: i64 = DAY - 1_800;
    let (mut world, time) = world();
    let times = every(80, time + NEXT - 1_681, time + NEXT - 1);
    run(&mut world, &times);
    assert_eq!(fixed(&world), (time, average(&times)));
    assert_eq!(window(&world).target, time + DAY);

    let (mut world, time) = self::world();
    let times = every(80, time + NEXT - 1_680, time + NEXT);
    run(&mut world, &times);
    let next = window(&world);
    assert_eq!((next.fixed_time, next.target), (0, time + DAY));
    assert_eq!((next.start, next.samples), (time + NEXT, 1));
}

#[test]
fn after_days_without_a_sample_the_last_eight_o_clock_is_aimed_at() {
    let (mut world, time) = world();
    run(&mut world, &every(60, time - 1_800, time - 600));
    let begun = time + 3 * DAY + 40_000;
    let times = every(60, begun, begun + 1_680);
    run(&mut world, &times);
    assert_eq!(fixed(&world), (time + 3 * DAY, average(&times)));
    assert_eq!(window(&world).target, time + 4 * DAY);
}

/// The first sample for more than a day comes as the window begins: it is this window's, not that of the day before.
#[test]
fn a_day_without_a_sample_does_not_delay_the_next_price() {
    let (mut world, time) = world();
    world.sample_through(&[BTC], time + DAY);
    assert_eq!(fixed(&world).0, time + DAY);
}

#[test]
fn day_after_day() {
    let (mut world, time) = world();
    for day in 0..3 {
        let time = time + day * DAY;
        world.sample_through(&[BTC], time);
        assert_eq!(fixed(&world).0, time);
        sample(&mut world, time + 60, 20_000 * PRICE);
        assert_eq!((window(&world).target, window(&world).samples), (time + DAY, 0));
    }
}

/// The rule on a list of all samples of a target: what is fixed next, and what was fixed last, for when.
#[derive(Default)]
struct Rule {
    target: i64,
    kept: Vec<(i64, i64)>,
    fixed: (i64, i64),
}

impl Rule {
    fn take(&mut self, price: i64, time: i64) {
        if self.target == 0 {
            self.target = (time / DAY - 1) * DAY + 28_800;
            while self.target <= time {
                self.target += DAY;
            }
        }
        while time >= self.target + DAY - 1_800 {
            self.target += DAY;
            self.kept.clear();
        }
        if time < self.target - 1_800 || self.kept.last().is_some_and(|(last, _)| *last >= time) {
            return;
        }
        self.kept.push((time, price));
        let begins = self.kept.windows(2).rposition(|pair| pair[1].0 - pair[0].0 > 120).map_or(0, |at| at + 1);
        let run = &self.kept[begins..];
        let lasted = time - run[0].0;
        if time >= self.target && lasted >= 1_680 && run.len() >= 20 {
            let sum: i128 = run.windows(2).map(|p| i128::from(p[0].1) * i128::from(p[1].0 - p[0].0)).sum();
            self.fixed = (self.target, (sum / i128::from(lasted)) as i64);
            self.target += DAY;
            self.kept.clear();
        }
    }
}

/// The share that a run has decided of a price for `time`, samples at these times and now the last of them.
fn share(times: &[i64], time: i64) -> i64 {
    let mut window = Window::default();
    for sampled in times {
        window.take(Price(20_000 * PRICE), *sampled).unwrap();
    }
    window.decided(time, *times.last().unwrap()).unwrap().share.0
}

/// What a run may still become counts as not decided: the end is as late as the samples that it lacks may come.
#[test]
fn what_is_not_sure_is_not_decided() {
    let time = 1_700_006_400 + 28_800;
    assert_eq!(time % DAY, 28_800);
    // Dense enough: of the half hour.
    assert_eq!(share(&every(60, time - 1_800, time - 600), time), 666_666);
    assert_eq!(share(&every(60, time - 1_800, time - 60), time), 966_666);
    // The first may come a gap late.
    assert_eq!(share(&every(60, time - 1_740, time - 60), time), 965_517);
    // Every 110 s: 17 samples to 40 s before the end, and the last of three more is up to 320 s after it.
    assert_eq!(share(&every(110, time - 1_800, time - 40), time), 1_760 * 1_000_000 / 2_120);
    // One alone, and one after a gap, which begins anew.
    assert_eq!(share(&[time - 1_800], time), 0);
    assert_eq!(share(&[time - 1_800, time - 1_679], time), 0);
    // After the time a run of too few goes on: of nineteen the twentieth is 120 s away.
    let few = every(100, time - 1_800, time);
    assert_eq!((few.len(), share(&few, time)), (19, 1_800 * 1_000_000 / 1_920));
    let mut done = few;
    done.push(time + 1);
    assert_eq!(share(&done, time), 1_000_000);
}

#[test]
fn any_samples_are_taken_as_the_rule_says() {
    let mut fixes = 0;
    for seed in 0..400 {
        let mut chance = Chance::new(seed);
        let (mut window, mut rule) = (Window::default(), Rule::default());
        let mut time = 1_700_000_000 + chance.between(0, DAY);
        let most = *chance.pick(&[PRICE, 20_000 * PRICE, i64::MAX]);
        let [usual, longest] = *chance.pick(&[[90, 121], [119, 122], [40, 300]]);
        for _ in 0..400 {
            time += match chance.between(0, 199) {
                0 => chance.between(0, 3 * DAY),
                1 => (rule.target - time + chance.between(-3_600, 600)).max(0),
                2..=5 => chance.between(0, longest),
                6..=9 => -chance.between(0, 20),
                _ => chance.between(1, usual),
            };
            let price = chance.between(1, most - 1);
            window.take(Price(price), time).unwrap();
            let before = rule.fixed;
            rule.take(price, time);
            fixes += u32::from(rule.fixed != before);
            let is = (window.target, window.fixed_time, window.fixed_price.0);
            assert_eq!(is, (rule.target, rule.fixed.0, rule.fixed.1), "seed {seed}");
        }
    }
    assert!(fixes > 400, "only {fixes} prices were fixed");
}
