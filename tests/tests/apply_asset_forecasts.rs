use novate::events::{AssetForecastsApplied, SeatTerms};
use novate_client::state::StandingForecast;
use novate_client::{instructions as build, AssetField, AssetForecast, AssetSetting, NovateError, ScenarioRange};
use novate_tests::{
    AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DAY, DOLLAR, ETH, ETH_PERP, GOLD, PRICE,
};
use solana_signer::Signer;

/// A depth above any that is governed.
const DEEP: i64 = i64::MAX;

fn sigma(sigma: i64) -> AssetForecast {
    AssetForecast { sigma, depth: DEEP }
}

fn standing(world: &World, asset: u16) -> StandingForecast {
    world.asset(asset).forecast
}

/// A pool with BTC, whose market is so many millions of USD deep.
fn deep(millions: i64) -> World {
    let btc = AssetSpec { depth: millions * 1_000_000 * DOLLAR, ..AssetSpec::new("BTC", 8, 20_000.0) };
    let markets = vec![MarketSpec::new("BTC-PERP", BTC)];
    Builder::default().assets(vec![AssetSpec::new("USDC", 6, 1.0), btc]).markets(markets).build()
}

/// Prices of now, and the market's multiplier.
fn refresh(world: &mut World) {
    world.refresh();
    let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
    world.succeeds(&[refresh], &[]);
}

/// BTC and gold have moved by so much in a day, which is their measured deviation then.
fn moved(share: f64) -> World {
    let mut world = World::default();
    world.pass(DAY);
    for asset in [BTC, GOLD] {
        let usd = world.listing(asset).usd * (1.0 + share);
        world.price(asset, usd);
    }
    // Through the band of the guard.
    world.refresh();
    world
}

#[test]
fn a_raise_is_in_initial_margin_at_once_and_in_maintenance_margin_a_day_later() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.health(&owner);
    // Nothing is measured yet: a range of 15 % stands for a deviation of 5 %.
    let sent = world.foresee(BTC, sigma(100_000));
    let event: AssetForecastsApplied = sent.event();
    assert_eq!((event.version, event.pool, event.asset, event.time), (1, world.pool, BTC, world.now()));
    assert_eq!((event.sigma, event.cut, event.raised), (56_250, 0, world.now()));
    assert_eq!(event.submitted, [0, 1].map(|seat| SeatTerms { seat, forecast: sigma(100_000) }));
    refresh(&mut world);
    assert_eq!(world.asset(BTC).scan_range.0, 150_000);
    let after = world.health(&owner);
    assert_eq!(after.maintenance, before.maintenance);
    // 12.5 % more, but for rounding up.
    assert!((after.initial * 1000 / before.initial) >= 1_125 && after.initial * 1000 / before.initial < 1_126);

    for (hours, range) in [(6, 154_686), (12, 159_375), (18, 164_061), (24, 168_750)] {
        let now = world.now();
        world.pass(event.raised + hours * 3_600 - now);
        refresh(&mut world);
        assert_eq!(world.asset(BTC).scan_range.0, range, "after {hours} hours");
    }
    let there = world.health(&owner);
    assert_eq!(there.initial, after.initial);
    assert!(there.maintenance * 1000 / before.maintenance >= 1_125);
}

#[test]
fn a_raise_a_day_up_to_what_is_forecast() {
    let mut world = World::default();
    let mut ranges = vec![];
    for _ in 0..7 {
        world.foresee(BTC, sigma(90_000));
        world.pass(DAY);
        refresh(&mut world);
        ranges.push(world.asset(BTC).scan_range.0);
    }
    // 5 % times 1.125 and so on, four times over, and no more than what is forecast.
    assert_eq!(ranges, [168_750, 189_843, 213_573, 240_267, 270_000, 270_000, 270_000]);
    // Twice its base is the most, whatever is forecast.
    for _ in 0..3 {
        world.foresee(BTC, sigma(1_000_000));
        world.pass(DAY);
        refresh(&mut world);
    }
    assert_eq!(world.asset(BTC).scan_range.0, 300_000);
}

/// Of what is hedged a side that asks for less breaks the hedge: a range falls no faster than it rises.
#[test]
fn less_is_a_step_a_day_and_never_below_what_was_measured() {
    let mut world = moved(0.3);
    let measured = world.asset(BTC).scan_range.0;
    assert!(measured > 150_000, "{measured}");
    world.foresee(BTC, sigma(1));
    assert_eq!((standing(&world, BTC).sigma, world.asset(BTC).scan_range.0), (0, measured));
    for _ in 0..3 {
        world.foresee(BTC, sigma(200_000));
        world.pass(DAY);
        refresh(&mut world);
    }
    let high = world.asset(BTC).scan_range.0;
    assert!(high > measured);
    let mut last = high;
    for day in 0..12 {
        world.foresee(BTC, sigma(1));
        assert!(world.asset(BTC).scan_range.0 >= last - 1, "day {day}: nothing at once");
        world.pass(DAY / 2);
        refresh(&mut world);
        let half = world.asset(BTC).scan_range.0;
        world.pass(DAY / 2);
        refresh(&mut world);
        let whole = world.asset(BTC).scan_range.0;
        // A step of a ninth, but for rounding.
        assert!(whole <= half && half <= last && whole + 4 >= last - last / 9, "day {day}: {last}, {half}, {whole}");
        last = whole;
    }
    // Back to what is measured, which has fallen meanwhile.
    let asset = world.asset(BTC);
    assert_eq!((asset.forecast.sigma, asset.forecast.sigma_from), (0, 0));
    assert!(asset.scan_range.0 <= measured);
}

#[test]
fn it_lapses_by_steps_from_a_day_after_its_last_application() {
    let mut world = World::default();
    for _ in 0..2 {
        world.foresee(BTC, sigma(60_000));
        world.pass(DAY);
    }
    world.foresee(BTC, sigma(60_000));
    let applied = world.now();
    let falls = [(DAY, 180_000, 60_000), (DAY + DAY / 2, 169_998, 53_333), (2 * DAY, 159_999, 47_407)];
    // The next step comes to less than the base range stands for, and is the last.
    let ends = [(3 * DAY, 150_000, 0), (4 * DAY, 150_000, 0)];
    for (seconds, range, sigma) in falls.into_iter().chain(ends) {
        world.pass(applied + seconds - world.now());
        refresh(&mut world);
        let asset = world.asset(BTC);
        assert_eq!((asset.scan_range.0, asset.forecast.sigma), (range, sigma), "after {seconds} s");
    }
    // Whoever refreshes late finds the same.
    let mut late = World::default();
    late.foresee(BTC, sigma(56_250));
    late.pass(9 * DAY);
    refresh(&mut late);
    assert_eq!((late.asset(BTC).scan_range.0, standing(&late, BTC).sigma), (150_000, 0));
    late.foresee(BTC, sigma(56_250));
    assert_eq!(standing(&late, BTC).sigma, 56_250);
}

/// A step that has begun is taken back as far as it has not come, and goes on to less in the time that it has left.
#[test]
fn what_has_not_come_yet_is_taken_back() {
    let mut world = World::default();
    let began = world.now();
    world.foresee(BTC, sigma(100_000));
    world.pass(DAY / 4);
    world.foresee(BTC, sigma(54_000));
    refresh(&mut world);
    assert_eq!(standing(&world, BTC).sigma, 54_000);
    let range = world.asset(BTC).scan_range.0;
    assert!((154_680..=154_686).contains(&range), "{range}");
    let mut twin = world.twin();
    world.pass(began + DAY - world.now());
    refresh(&mut world);
    assert_eq!(world.asset(BTC).scan_range.0, 162_000);
    // All of it: what is there stays, for this day.
    twin.foresee(BTC, sigma(1));
    twin.pass(DAY / 4);
    refresh(&mut twin);
    let there = twin.asset(BTC).scan_range.0;
    assert!((range - 3..=range).contains(&there), "{there}");
}

/// What the deviation takes of its step, the depth does not.
#[test]
fn deviation_and_depth_share_a_day() {
    for (sigma, steps) in [(1, (1, 150_000)), (53_125, (53_125, 75_000)), (1_000_000, (56_250, 0))] {
        let mut world = deep(40);
        world.foresee(BTC, AssetForecast { sigma, depth: 1 });
        let forecast = standing(&world, BTC);
        assert_eq!((forecast.sigma, forecast.cut), steps);
    }
}

/// The worst that a majority can ask for in a day of perpetuals that hedge each other, of assets that always move together and are as deep as
/// what is held: in the model it comes to 1.242 times at most (`ramps.rs` of the margin crate).
#[test]
fn a_day_of_forecasts_asks_for_at_most_a_quarter_more_of_a_hedge() {
    let spec = |symbol, usd| AssetSpec { depth: 2_000_000 * DOLLAR, ..AssetSpec::new(symbol, 8, usd) };
    let assets = vec![AssetSpec::new("USDC", 6, 1.0), spec("BTC", 20_000.0), spec("ETH", 2_000.0)];
    let markets = vec![MarketSpec::new("BTC-PERP", BTC), MarketSpec::new("ETH-PERP", ETH)];
    let mut founded = Builder::default().assets(assets).markets(markets).unstaged().build();
    let moves = [1, 1, 1, -1, -1, -1].into_iter().flat_map(|way| [way * 4_096; 2]).collect();
    let rows = ScenarioRange { count: 6, present: 0b11, source: [7; 32], start: 0, moves, vols: vec![0; 12] };
    let governor = founded.governor.insecure_clone();
    founded.succeeds(&[build::stage_scenarios(governor.pubkey(), founded.pool, 1, rows)], &[&governor]);
    let (owner, maker) = (founded.trader(10_000_000), founded.trader(10_000_000));
    // 36 parts long, 64 short, the larger just as deep.
    let hedge = [(BTC_PERP, 56 * CONTRACT, 20_000 * PRICE), (ETH_PERP, -1_000 * CONTRACT, 2_000 * PRICE)];
    founded.trade(&owner, &maker, &hedge);
    let before = founded.health(&owner).maintenance;
    let mut most = 0.0f64;
    for (sigmas, depth) in
        [([1, 1], 1), ([1, 53_125], 1), ([1, 1_000_000], 1), ([53_125; 2], 1), ([1_000_000; 2], DEEP)]
    {
        let mut world = founded.twin();
        for (asset, sigma) in [BTC, ETH].into_iter().zip(sigmas) {
            world.foresee(asset, AssetForecast { sigma, depth });
        }
        world.pass(DAY);
        refresh(&mut world);
        let grown = world.health(&owner).maintenance as f64 / before as f64;
        println!("forecasts {sigmas:?}, depth {depth}: {grown:.3} times");
        most = most.max(grown);
    }
    assert!(most <= 1.25 && most > 1.2, "{most}");
}

#[test]
fn a_depth_is_lowered_over_a_day_and_never_raised() {
    let mut world = deep(40);
    let governed = world.asset(BTC).depth;
    let mut twin = world.twin();
    twin.foresee(BTC, AssetForecast { sigma: 1, depth: DEEP });
    assert_eq!((standing(&twin, BTC).cut, twin.asset(BTC).depth), (0, governed));
    world.foresee(BTC, AssetForecast { sigma: 1, depth: governed.0 / 10 * 9 });
    assert_eq!((standing(&world, BTC).cut, world.asset(BTC).depth), (100_000, governed));
    world.pass(DAY / 2);
    refresh(&mut world);
    assert_eq!(world.asset(BTC).depth.0, governed.0 / 100 * 95);
    world.pass(DAY / 2);
    let mut shares = vec![];
    for _ in 0..10 {
        world.foresee(BTC, AssetForecast { sigma: 1, depth: 1 });
        world.pass(DAY);
        refresh(&mut world);
        shares.push(world.asset(BTC).depth.0 * 1_000 / governed.0);
    }
    // By 15 % a day, to a quarter.
    assert_eq!(shares, [765, 650, 552, 469, 399, 339, 288, 250, 250, 250]);
    assert_eq!(world.asset(BTC).governed_depth(), governed);
    world.foresee(BTC, AssetForecast { sigma: 1, depth: DEEP });
    assert_eq!((standing(&world, BTC).cut, world.asset(BTC).depth), (0, governed));
}

/// What stands far above what ranges follow falls from there as soon as nobody applies it.
#[test]
fn a_forecast_that_was_left_falls_from_what_ranges_follow() {
    let mut world = World::default();
    for _ in 0..14 {
        world.foresee(BTC, sigma(1_000_000));
        world.pass(DAY);
        refresh(&mut world);
    }
    assert_eq!(world.asset(BTC).scan_range.0, 300_000);
    assert!(standing(&world, BTC).sigma > 200_000);
    for (hours, range) in [(1, 298_611), (24, 266_664)] {
        let due = standing(&world, BTC).applied + DAY;
        world.pass(due + hours * 3_600 - world.now());
        refresh(&mut world);
        assert_eq!(world.asset(BTC).scan_range.0, range, "after {hours} hours");
    }
}

/// What the model takes for a depth at least.
#[test]
fn a_depth_is_a_million_at_least() {
    let mut world = deep(2);
    for _ in 0..10 {
        world.foresee(BTC, AssetForecast { sigma: 1, depth: 1 });
        world.pass(DAY);
        refresh(&mut world);
    }
    assert_eq!(world.asset(BTC).depth.0, 1_000_000 * DOLLAR);
}

/// Outside the scan the haircut moves with the deviation.
#[test]
fn a_haircut_rises_with_the_deviation() {
    let mut world = moved(0.03);
    let governor = world.governor.insecure_clone();
    let half = vec![AssetSetting { field: AssetField::HaircutVolatilityMultiple, value: 500_000 }];
    let set = build::set_asset(governor.pubkey(), world.pool, GOLD, half);
    world.succeeds(&[set], &[&governor]);
    world.pass(3 * DAY);
    refresh(&mut world);
    let before = world.asset(GOLD);
    world.foresee(GOLD, sigma(1_000_000));
    let asset = world.asset(GOLD);
    assert!(asset.forecast.sigma > 0 && asset.haircut == before.haircut && asset.ramp.haircut_ahead.0 > 0);
    let ahead = asset.haircut.0 + asset.ramp.haircut_ahead.0;
    world.pass(DAY);
    refresh(&mut world);
    let asset = world.asset(GOLD);
    assert_eq!((asset.haircut.0, asset.ramp.haircut_ahead.0), (ahead, 0));
    assert!(ahead <= before.haircut.0 * 1_125 / 1_000 + 1, "{ahead} after {}", before.haircut.0);
}

mod adversary {
    use super::*;
    use novate_client::addresses;
    use novate_tests::Altered;

    #[test]
    fn many_small_steps_in_a_day() {
        let mut world = World::default();
        world.foresee(BTC, sigma(51_000));
        for step in 0..40 {
            world.pass(2_000);
            world.foresee(BTC, AssetForecast { sigma: 52_000 + step * 1_000, depth: 1 });
            assert_eq!((standing(&world, BTC).sigma, standing(&world, BTC).cut), (51_000, 0));
        }
        world.pass(DAY - 80_000 - 1);
        world.foresee(BTC, sigma(100_000));
        assert_eq!(standing(&world, BTC).sigma, 51_000);
        world.pass(1);
        world.foresee(BTC, sigma(100_000));
        assert_eq!(standing(&world, BTC).sigma, 57_375);
    }

    /// Two of five lie, two are silent: the median is of the one who is honest, or what stands.
    #[test]
    fn a_colluding_minority_moves_nothing() {
        let mut world = World::default();
        world.seat(5);
        for member in 0..2 {
            world.submit_asset(member, BTC, AssetForecast { sigma: 1_000_000, depth: 1 });
        }
        world.submit_asset(2, BTC, AssetForecast { sigma: 40_000, depth: DEEP });
        let apply = build::apply_asset_forecasts(&world.pool, BTC);
        world.succeeds(&[apply], &[]);
        refresh(&mut world);
        assert!(standing(&world, BTC).sigma <= 40_000 && standing(&world, BTC).cut == 0);
        assert_eq!(world.asset(BTC).scan_range.0, 150_000);
    }

    #[test]
    fn a_minority_cannot_end_a_raise() {
        let mut world = World::default();
        world.seat(5);
        world.foresee(BTC, sigma(55_000));
        world.pass(1_000);
        for member in 0..2 {
            world.submit_asset(member, BTC, sigma(1));
        }
        world.submit_asset(2, BTC, sigma(60_000));
        let apply = build::apply_asset_forecasts(&world.pool, BTC);
        world.succeeds(&[apply], &[]);
        assert_eq!(standing(&world, BTC).sigma, 55_000);
    }

    #[test]
    fn a_quorum_is_missing_or_stale() {
        let mut world = World::default();
        world.submit_asset(0, BTC, sigma(60_000));
        let apply = build::apply_asset_forecasts(&world.pool, BTC);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        world.pass(1);
        world.submit_asset(1, BTC, sigma(60_000));
        world.pass(300);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        world.submit_asset(0, BTC, sigma(60_000));
        world.succeeds(std::slice::from_ref(&apply), &[]);
        // Of a removed member.
        let removed = world.members[0].insecure_clone();
        let remove = build::remove_member(removed.pubkey(), world.pool, removed.pubkey());
        world.succeeds(&[remove], &[&removed]);
        world.refuses(&[apply], &[], NovateError::QuorumMissing);
    }

    #[test]
    fn accounts_of_another_pool_or_asset() {
        let mut world = World::default();
        let (home, other) = (world.pool, world.second_pool());
        world.pool = other;
        world.foresee(BTC, sigma(60_000));
        let of_other = build::apply_asset_forecasts(&world.pool, BTC);
        world.pool = home;
        world.foresee(BTC, sigma(60_000));
        world.foresee(ETH, sigma(60_000));
        let apply = build::apply_asset_forecasts(&world.pool, BTC);
        for at in 0..3 {
            let foreign = apply.clone().with_account(at, of_other.accounts[at].pubkey);
            world.refuses(&[foreign], &[], NovateError::WrongPool);
        }
        let eth = addresses::forecasts(&addresses::asset(&world.pool, ETH));
        world.refuses(&[apply.with_account(2, eth)], &[], NovateError::WrongForecasts);
    }
}

/// Balances that enter the scan still have a haircut, which a deviation that their range stands for would raise at once.
#[test]
fn while_balances_enter_the_scan_a_forecast_rises_from_what_their_haircut_follows() {
    let mut world = moved(0.02);
    let owner = world.trader(1_000);
    world.deposit(&owner, GOLD, 1_000_000_000);
    let governor = world.governor.insecure_clone();
    let terms = MarketSpec::new("GOLD-PERP", GOLD).terms;
    let next = world.underlyings.len() as u16;
    let add = build::add_market(governor.pubkey(), world.pool, GOLD, next, terms);
    world.succeeds(&[add], &[&governor]);
    let (haircut, range) = (world.asset(GOLD).haircut, world.asset(GOLD).scan_range.0);
    let event: AssetForecastsApplied = world.foresee(GOLD, sigma(100_000)).event();
    let from = i64::from(standing(&world, GOLD).sigma_from);
    assert!(from < range / 3 && i64::from(event.sigma) <= from * 9 / 8 + 1, "{from} to {}", event.sigma);
    assert_eq!(world.asset(GOLD).haircut, haircut);
}
