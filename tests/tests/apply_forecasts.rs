use novate::events::{ForecastsApplied, SeatForecast};
use novate_client::{Forecast, NovateError};
use novate_margin::smile::Smile;
use novate_margin::Ratio;
use novate_tests::{World, BTC_PERP, PRICE};

/// Seconds between two applications.
const INTERVAL: i64 = 10;

/// Total variance 0.1 at every strike, a vol of 110 % over 30 days.
const LEVEL: Forecast = Forecast { basis: 0, a: 100_000, b: 0, rho: 0, m: 0, sigma: 100_000 };
const TILTED: Forecast = Forecast { basis: 1_000, a: 50_000, b: 100_000, rho: -300_000, m: 20_000, sigma: 200_000 };

/// An expiry 30 days away with this forecast, two strikes and prices, ten seconds after it was listed.
fn listed(forecast: Forecast) -> (World, i64) {
    let mut world = World::default();
    let time = world.expiry_in(30);
    world.list_expiry(BTC_PERP, time, forecast);
    world.list_strikes(BTC_PERP, time, &[20_000 * PRICE, 22_000 * PRICE]);
    world.refresh_expiry(BTC_PERP, time);
    world.pass(INTERVAL);
    (world, time)
}

/// Applied and taken back.
#[track_caller]
fn accepted(world: &mut World, time: i64, forecast: Forecast) {
    let before = world.svm.clone();
    world.publish_forecast(BTC_PERP, time, forecast);
    assert_eq!(Forecast::from(&world.expiry(BTC_PERP, time)), forecast);
    world.svm = before;
}

#[test]
fn basis_and_smile_are_replaced_and_strikes_keep_their_values() {
    let (mut world, time) = listed(TILTED);
    let before = world.expiry(BTC_PERP, time);
    let next = Forecast { basis: -500, a: 51_000, b: 101_000, rho: -310_000, m: 21_000, sigma: 201_000 };
    let sent = world.publish_forecast(BTC_PERP, time, next);

    let [a, b, rho, m, sigma] = [51_000, 101_000, -310_000, 21_000, 201_000].map(Ratio);
    let mut expected = before;
    (expected.basis, expected.smile) = (Ratio(-500), Smile { a, b, rho, m, sigma });
    (expected.published, expected.applied) = (world.now(), world.now());
    expected.submitted = world.expiry(BTC_PERP, time).submitted;
    assert!(before.published < world.now() && before.strikes[1].mark.0 > 0);
    assert_eq!(bytemuck::bytes_of(&world.expiry(BTC_PERP, time)), bytemuck::bytes_of(&expected));

    let event: ForecastsApplied = sent.event();
    let address = world.expiry_address(BTC_PERP, time);
    assert_eq!((event.version, event.pool, event.expiry, event.market), (1, world.pool, address, BTC_PERP));
    assert_eq!((event.expiry_time, event.time), (time, world.now()));
    assert_eq!((event.old_basis, event.forecast), (1_000, next));
    assert_eq!((event.seat, event.stated), (0, world.now()));
    assert_eq!(event.submitted, [0, 1].map(|seat| SeatForecast { seat, forecast: next }));
    println!("two submissions and apply_forecasts without neighbours: {} CU", sent.units);
}

#[test]
fn the_next_refresh_uses_the_new_forecast() {
    let (mut world, time) = listed(TILTED);
    let before = world.expiry(BTC_PERP, time).strikes[0];
    world.publish_forecast(BTC_PERP, time, Forecast { basis: 3_000, a: 55_000, ..TILTED });
    world.refresh_expiry(BTC_PERP, time);
    let after = world.expiry(BTC_PERP, time).strikes[0];
    assert!(after.vol > before.vol && after.mark > before.mark, "{before:?}\n{after:?}");
}

#[test]
fn steps_at_their_bounds() {
    let (mut world, time) = listed(LEVEL);
    for basis in [5_000, -5_000] {
        accepted(&mut world, time, Forecast { basis, ..LEVEL });
    }
    for a in [80_000, 120_000] {
        accepted(&mut world, time, Forecast { a, ..LEVEL });
    }
    // What moves no total variance is no step.
    accepted(&mut world, time, Forecast { rho: 999_999, m: -4_000_000, sigma: 4_000_000, ..LEVEL });
    // Nothing at all.
    accepted(&mut world, time, LEVEL);
}

#[test]
fn a_basis_reaches_its_bounds_step_by_step() {
    for sign in [1, -1] {
        let (mut world, time) = listed(Forecast { basis: sign * 195_000, ..LEVEL });
        accepted(&mut world, time, Forecast { basis: sign * 200_000, ..LEVEL });
    }
}

#[test]
fn an_application_every_ten_seconds_until_expiry() {
    let (mut world, time) = listed(LEVEL);
    world.publish_forecast(BTC_PERP, time, Forecast { a: 90_000, ..LEVEL });
    world.pass(INTERVAL);
    world.publish_forecast(BTC_PERP, time, Forecast { a: 80_000, ..LEVEL });
    world.pass(time - world.now() - 1);
    world.publish_forecast(BTC_PERP, time, Forecast { a: 70_000, ..LEVEL });
}

#[test]
fn smiles_that_touch_do_not_cross() {
    let (mut world, time) = listed(LEVEL);
    let [earlier, later] = [10, 40].map(|days| world.expiry_in(days));
    world.list_expiry(BTC_PERP, earlier, Forecast { a: 90_000, ..LEVEL });
    world.list_expiry(BTC_PERP, later, Forecast { a: 110_000, ..LEVEL });
    for a in [90_000, 110_000] {
        accepted(&mut world, time, Forecast { a, ..LEVEL });
    }
    let sent = world.publish_forecast(BTC_PERP, time, Forecast { a: 105_000, ..LEVEL });
    println!("two submissions and apply_forecasts with two neighbours: {} CU", sent.units);
}

#[test]
fn an_expiry_that_has_passed_is_no_neighbour() {
    let (mut world, time) = listed(LEVEL);
    let earlier = world.expiry_in(1);
    world.list_expiry(BTC_PERP, earlier, LEVEL);
    world.pass(earlier - world.now() - 1);
    let lower = Forecast { a: 99_999, ..LEVEL };
    world.refuses_forecast(BTC_PERP, time, lower, NovateError::CrossedSmiles);
    world.pass(1);
    world.publish_forecast(BTC_PERP, time, lower);
}

/// Basis and smile that only some members see: the others' are near [`LEVEL`].
const FAR: Forecast = Forecast { basis: 150_000, a: 900_000, b: 0, rho: 0, m: 0, sigma: 100_000 };

fn smile(world: &World, time: i64) -> i64 {
    world.expiry(BTC_PERP, time).smile.a.0
}

fn basis(world: &World, time: i64) -> i64 {
    world.expiry(BTC_PERP, time).basis.0
}

#[test]
fn the_median_of_three_who_differ() {
    let (mut world, time) = listed(LEVEL);
    for (member, (basis, a)) in [(400, 104_000), (1_000, 98_000), (700, 101_000)].into_iter().enumerate() {
        world.submit_forecast(member, BTC_PERP, time, Forecast { basis, a, ..LEVEL });
    }
    let event: ForecastsApplied = world.apply(BTC_PERP, time).event();
    // Basis and smile need not be of the same member.
    assert_eq!((event.forecast.basis, event.forecast.a, event.seat), (700, 101_000, 2));
    assert_eq!(event.submitted.iter().map(|s| s.forecast.a).collect::<Vec<_>>(), [104_000, 98_000, 101_000]);
    assert_eq!((basis(&world, time), smile(&world, time)), (700, 101_000));
}

/// Medians of the parameters would be a = 60,000, b = 200,000, sigma = 205,000: a smile that nobody forecasts.
#[test]
fn a_smile_is_a_members_own() {
    let (mut world, time) = listed(Forecast { a: 60_000, b: 200_000, sigma: 200_000, ..LEVEL });
    world.pass(86_400);
    let all = [
        Forecast { a: 60_000, b: 205_000, sigma: 205_000, ..LEVEL },
        Forecast { a: 55_000, b: 200_000, sigma: 225_000, ..LEVEL },
        Forecast { a: 62_000, b: 190_000, sigma: 190_000, ..LEVEL },
    ];
    for (member, forecast) in all.into_iter().enumerate() {
        world.submit_forecast(member, BTC_PERP, time, forecast);
    }
    let event: ForecastsApplied = world.apply(BTC_PERP, time).event();
    assert!(all.contains(&event.forecast), "{:?}", event.forecast);
}

#[test]
fn who_is_silent_counts_for_what_stands() {
    let (mut world, time) = listed(LEVEL);
    world.submit_forecast(0, BTC_PERP, time, Forecast { basis: 2_000, a: 104_000, ..LEVEL });
    world.submit_forecast(1, BTC_PERP, time, Forecast { basis: 4_000, a: 108_000, ..LEVEL });
    world.apply(BTC_PERP, time);
    // Of 2,000, 4,000 and 0.
    assert_eq!((basis(&world, time), smile(&world, time)), (2_000, 104_000));
}

#[test]
fn before_the_first_application_only_what_was_submitted_counts() {
    let mut world = World::default();
    let time = world.expiry_in(30);
    world.list_unpublished(BTC_PERP, time, FAR);
    world.submit_forecast(0, BTC_PERP, time, Forecast { basis: 2_000, a: 104_000, ..LEVEL });
    world.submit_forecast(1, BTC_PERP, time, Forecast { basis: 4_000, a: 108_000, ..LEVEL });
    world.apply(BTC_PERP, time);
    assert_eq!((basis(&world, time), smile(&world, time)), (3_000, 104_000));
}

#[test]
fn a_smile_is_of_the_time_at_which_it_was_submitted() {
    let (mut world, time) = listed(LEVEL);
    let submitted = world.now();
    (0..2).for_each(|member| drop(world.submit_forecast(member, BTC_PERP, time, LEVEL)));
    world.pass(200);
    let event: ForecastsApplied = world.apply(BTC_PERP, time).event();
    let expiry = world.expiry(BTC_PERP, time);
    assert_eq!((event.stated, expiry.published, expiry.applied), (submitted, submitted, submitted + 200));
}

#[test]
fn a_basis_goes_step_by_step_and_no_farther_than_its_day() {
    for sign in [1, -1] {
        let (mut world, time) = listed(LEVEL);
        for step in 1..=8 {
            world.publish_forecast(BTC_PERP, time, Forecast { basis: sign * 150_000, ..LEVEL });
            assert_eq!(basis(&world, time), sign * (5_000 * step).min(30_000));
            world.pass(INTERVAL);
        }
        // The day began with the first application.
        let opened = world.expiry(BTC_PERP, time).day.opened;
        world.pass(opened + 86_399 - world.now());
        world.publish_forecast(BTC_PERP, time, Forecast { basis: sign * 150_000, ..LEVEL });
        assert_eq!(basis(&world, time), sign * 30_000);
        world.pass(INTERVAL);
        world.publish_forecast(BTC_PERP, time, Forecast { basis: sign * 150_000, ..LEVEL });
        assert_eq!((basis(&world, time), world.expiry(BTC_PERP, time).day.opened), (sign * 35_000, world.now()));
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, Instruction};
    use novate_tests::{Altered, Refusal, BTC, ETH_PERP};
    use solana_signer::Signer;

    // Positions of the accounts.
    const COMMITTEE: usize = 0;
    const MARKET: usize = 1;
    const EXPIRY: usize = 2;
    const NEIGHBOURS: usize = 5;

    #[track_caller]
    fn refused_forecast(world: &mut World, time: i64, forecast: Forecast, error: NovateError) {
        world.refuses_forecast(BTC_PERP, time, forecast, error);
    }

    /// An application on which two members agree, of what stands.
    fn agreed(world: &mut World, time: i64) -> Instruction {
        (0..2).for_each(|member| drop(world.submit_forecast(member, BTC_PERP, time, LEVEL)));
        world.apply_instruction(BTC_PERP, time)
    }

    #[track_caller]
    fn refused(world: &mut World, apply: Instruction, error: impl Into<Refusal>) {
        world.refuses(&[apply], &[], error);
    }

    /// An expiry between two others, total variances 0.09, 0.1 and 0.11.
    fn between() -> (World, i64) {
        let (mut world, time) = listed(LEVEL);
        for (days, a) in [(10, 90_000), (40, 110_000)] {
            let time = world.expiry_in(days);
            world.list_expiry(BTC_PERP, time, Forecast { a, ..LEVEL });
        }
        (world, time)
    }

    #[test]
    fn too_soon() {
        let mut world = World::default();
        let time = world.expiry_in(30);
        world.list_expiry(BTC_PERP, time, LEVEL);
        // The fixture publishes what it lists.
        refused_forecast(&mut world, time, LEVEL, NovateError::ForecastTooSoon);
        world.pass(INTERVAL - 1);
        refused_forecast(&mut world, time, LEVEL, NovateError::ForecastTooSoon);
        world.pass(1);
        world.publish_forecast(BTC_PERP, time, LEVEL);
        world.pass(INTERVAL - 1);
        refused_forecast(&mut world, time, LEVEL, NovateError::ForecastTooSoon);
    }

    #[test]
    fn too_wide_a_step_of_total_variance() {
        let (mut world, time) = listed(LEVEL);
        for a in [1, 79_999, 120_001, 64_000_000] {
            refused_forecast(&mut world, time, Forecast { a, ..LEVEL }, NovateError::ForecastStep);
        }
        // The least variance moves by a fifth of nothing.
        let (mut world, time) = listed(Forecast { a: 1, ..LEVEL });
        refused_forecast(&mut world, time, Forecast { a: 2, ..LEVEL }, NovateError::ForecastStep);
    }

    #[test]
    fn too_wide_a_step_in_one_wing_only() {
        let (mut world, time) = listed(TILTED);
        // The middle stays: the tilt turns around m, which is near the forward.
        let turned = Forecast { rho: 300_000, m: -20_000, ..TILTED };
        refused_forecast(&mut world, time, turned, NovateError::ForecastStep);
        let raised = Forecast { b: 150_000, a: 40_000, ..TILTED };
        refused_forecast(&mut world, time, raised, NovateError::ForecastStep);
    }

    #[test]
    fn a_smile_that_crosses_a_neighbours() {
        let (mut world, time) = between();
        for a in [89_999, 110_001] {
            refused_forecast(&mut world, time, Forecast { a, ..LEVEL }, NovateError::CrossedSmiles);
        }
        // Between them in the middle and above the later one in a wing, within the step.
        let wing = Forecast { a: 95_000, b: 10_000, rho: 500_000, ..LEVEL };
        refused_forecast(&mut world, time, wing, NovateError::CrossedSmiles);
    }

    /// It may be any distance from the listing's.
    #[test]
    fn a_first_forecast_across_a_neighbour_without_a_quorum_or_at_expiry() {
        let (mut world, _) = between();
        let time = world.expiry_in(20);
        world.list_unpublished(BTC_PERP, time, Forecast { a: 95_000, ..LEVEL });
        let apply = world.apply_instruction(BTC_PERP, time);
        refused(&mut world, apply, NovateError::QuorumMissing);
        for a in [89_999, 100_001] {
            refused_forecast(&mut world, time, Forecast { a, ..LEVEL }, NovateError::CrossedSmiles);
        }
        world.pass(time - world.now());
        let apply = world.apply_instruction(BTC_PERP, time);
        refused(&mut world, apply, NovateError::ExpiryPassed);
    }

    #[test]
    fn at_expiry() {
        let (mut world, time) = listed(LEVEL);
        world.pass(time - world.now() - 1);
        let apply = agreed(&mut world, time);
        for seconds in [1, 299, 86_400] {
            world.pass(seconds);
            refused(&mut world, apply.clone(), NovateError::ExpiryPassed);
        }
    }

    #[test]
    fn neighbours_are_passed_whole() {
        let (mut world, time) = between();
        let apply = agreed(&mut world, time);
        assert_eq!(apply.accounts.len(), NEIGHBOURS + 2);
        let without = |at| apply.clone().without_account(at);
        refused(&mut world, without(NEIGHBOURS), NovateError::MissingNeighbour);
        refused(&mut world, without(NEIGHBOURS + 1), NovateError::MissingNeighbour);
        let none = without(NEIGHBOURS + 1).without_account(NEIGHBOURS);
        refused(&mut world, none, NovateError::MissingNeighbour);
        let swapped = apply.clone().swapped(NEIGHBOURS, NEIGHBOURS + 1);
        refused(&mut world, swapped, NovateError::MissingNeighbour);
        let first = apply.accounts[NEIGHBOURS].pubkey;
        refused(&mut world, apply.and_account(first), NovateError::UnexpectedAccount);
    }

    #[test]
    fn neighbours_of_another_market_pool_kind_or_program() {
        let (mut world, time) = between();
        let (home, other) = (world.pool, world.second_pool());
        let first = world.expiry_in(10);
        world.list_expiry(ETH_PERP, first, LEVEL);
        world.pool = other;
        world.list_expiry(BTC_PERP, first, LEVEL);
        let of_pool = world.expiry_address(BTC_PERP, first);
        world.pool = home;

        let apply = agreed(&mut world, time);
        let of_market = world.expiry_address(ETH_PERP, first);
        let (own, asset) = (world.expiry_address(BTC_PERP, time), addresses::asset(&home, BTC));
        let mint = world.listing(BTC).token.mint;
        let cases = [
            (of_market, NovateError::MissingNeighbour),
            (own, NovateError::MissingNeighbour),
            (of_pool, NovateError::WrongPool),
            (asset, NovateError::UnexpectedAccount),
            (mint, NovateError::WrongOwner),
        ];
        for (key, error) in cases {
            refused(&mut world, apply.clone().with_account(NEIGHBOURS, key), error);
        }
    }

    #[test]
    fn an_expiry_of_another_market() {
        let (mut world, time) = listed(LEVEL);
        world.list_expiry(ETH_PERP, time, LEVEL);
        world.pass(INTERVAL);
        let apply = agreed(&mut world, time);
        let other = world.expiry_address(ETH_PERP, time);
        refused(&mut world, apply.clone().with_account(EXPIRY, other), NovateError::WrongMarket);
        let other = addresses::market(&world.pool, ETH_PERP);
        refused(&mut world, apply.with_account(MARKET, other), NovateError::WrongMarket);
    }

    #[test]
    fn accounts_of_another_pool() {
        let (mut world, time) = listed(LEVEL);
        let (home, other) = (world.pool, world.second_pool());
        world.pool = other;
        world.list_expiry(BTC_PERP, time, LEVEL);
        world.pass(INTERVAL);
        let of_other = agreed(&mut world, time);
        world.pool = home;
        let apply = agreed(&mut world, time);
        for at in [COMMITTEE, MARKET, EXPIRY] {
            let foreign = of_other.accounts[at].pubkey;
            refused(&mut world, apply.clone().with_account(at, foreign), NovateError::WrongPool);
        }
    }

    #[test]
    fn accounts_of_another_kind_or_program() {
        let (mut world, time) = listed(LEVEL);
        let apply = agreed(&mut world, time);
        let asset = addresses::asset(&world.pool, BTC);
        let mint = world.listing(BTC).token.mint;
        for at in [COMMITTEE, MARKET, EXPIRY] {
            let kind = apply.clone().with_account(at, asset);
            refused(&mut world, kind, ErrorCode::AccountDiscriminatorMismatch);
            let foreign = apply.clone().with_account(at, mint);
            refused(&mut world, foreign, ErrorCode::AccountOwnedByWrongProgram);
        }
        refused(&mut world, apply.read_only(EXPIRY), ErrorCode::ConstraintMut);
    }

    #[test]
    fn one_liar() {
        for far in [FAR, Forecast { basis: -150_000, a: 1, ..LEVEL }] {
            let (mut world, time) = listed(LEVEL);
            world.submit_forecast(0, BTC_PERP, time, far);
            world.submit_forecast(1, BTC_PERP, time, Forecast { basis: 1_000, a: 101_000, ..LEVEL });
            world.submit_forecast(2, BTC_PERP, time, Forecast { basis: 1_500, a: 103_000, ..LEVEL });
            let event: ForecastsApplied = world.apply(BTC_PERP, time).event();
            assert!((1_000..=1_500).contains(&basis(&world, time)), "{}", basis(&world, time));
            assert!([101_000, 103_000].contains(&smile(&world, time)), "{}", smile(&world, time));
            // Everyone sees it.
            assert_eq!((event.submitted[0].seat, event.submitted[0].forecast), (0, far));
        }
    }

    /// Four of nine collude, and but one other submits: with those who are silent they are outvoted still.
    #[test]
    fn a_colluding_minority_at_the_bounds() {
        for (basis_far, a, honest) in [(200_000, 119_999, (1_000, 102_000)), (-200_000, 80_001, (-1_000, 98_000))] {
            let (mut world, time) = listed(LEVEL);
            world.seat(9);
            for member in 0..4 {
                world.submit_forecast(member, BTC_PERP, time, Forecast { basis: basis_far, a, ..LEVEL });
            }
            let apply = world.apply_instruction(BTC_PERP, time);
            refused(&mut world, apply, NovateError::QuorumMissing);
            world.submit_forecast(8, BTC_PERP, time, Forecast { basis: honest.0, a: honest.1, ..LEVEL });
            world.apply(BTC_PERP, time);
            assert_eq!((basis(&world, time), smile(&world, time)), honest);
            // Step by step they get no farther.
            for _ in 0..5 {
                world.pass(INTERVAL);
                world.apply(BTC_PERP, time);
                assert_eq!((basis(&world, time), smile(&world, time)), honest);
            }
        }
    }

    #[test]
    fn a_quorum_is_missing() {
        let (mut world, time) = listed(LEVEL);
        world.pass(301);
        let apply = world.apply_instruction(BTC_PERP, time);
        refused(&mut world, apply.clone(), NovateError::QuorumMissing);
        world.submit_forecast(0, BTC_PERP, time, LEVEL);
        refused(&mut world, apply.clone(), NovateError::QuorumMissing);
        // The same member again is no other.
        world.submit_forecast(0, BTC_PERP, time, LEVEL);
        refused(&mut world, apply.clone(), NovateError::QuorumMissing);
        world.submit_forecast(2, BTC_PERP, time, LEVEL);
        world.apply(BTC_PERP, time);
    }

    #[test]
    fn a_submission_is_stale_after_five_minutes() {
        let (mut world, time) = listed(LEVEL);
        world.pass(301);
        world.submit_forecast(0, BTC_PERP, time, LEVEL);
        world.pass(1);
        world.submit_forecast(1, BTC_PERP, time, LEVEL);
        world.pass(300);
        let apply = world.apply_instruction(BTC_PERP, time);
        refused(&mut world, apply, NovateError::QuorumMissing);
        world.submit_forecast(0, BTC_PERP, time, LEVEL);
        world.apply(BTC_PERP, time);
    }

    #[test]
    fn what_a_removed_member_submitted() {
        let (mut world, time) = listed(LEVEL);
        world.pass(301);
        let apply = agreed(&mut world, time);
        let removed = world.members[1].insecure_clone();
        let remove = build::remove_member(removed.pubkey(), world.pool, removed.pubkey());
        world.succeeds(&[remove], &[&removed]);
        refused(&mut world, apply, NovateError::QuorumMissing);
        world.submit_forecast(2, BTC_PERP, time, LEVEL);
        world.apply(BTC_PERP, time);
    }

    #[test]
    fn what_was_submitted_to_another_committee() {
        let (mut world, time) = listed(LEVEL);
        world.pass(301);
        let apply = agreed(&mut world, time);
        let governor = world.governor.insecure_clone();
        // The same members, even.
        let set = world.set_committee_instruction();
        world.succeeds(&[set], &[&governor]);
        refused(&mut world, apply, NovateError::QuorumMissing);
        agreed(&mut world, time);
        world.apply(BTC_PERP, time);
    }

    /// Applied again and again it renews nothing, and goes no farther than what was submitted.
    #[test]
    fn the_same_submissions_once_more() {
        let (mut world, time) = listed(LEVEL);
        let submitted = world.now();
        world.publish_forecast(BTC_PERP, time, Forecast { basis: 7_000, ..LEVEL });
        for basis_then in [7_000, 7_000, 7_000] {
            world.pass(INTERVAL);
            world.apply(BTC_PERP, time);
            assert_eq!((basis(&world, time), world.expiry(BTC_PERP, time).published), (basis_then, submitted));
        }
    }

    #[test]
    fn many_small_steps_in_a_day() {
        for (share, bound) in [(119, 400_000), (81, 25_000)] {
            let (mut world, time) = listed(LEVEL);
            let mut steps = 0;
            let error = loop {
                let last = smile(&world, time);
                let (all, keys) = world.publication(BTC_PERP, time, Forecast { a: last * share / 100, ..LEVEL });
                match world.send(&all, &keys.iter().collect::<Vec<_>>()) {
                    Ok(_) => steps += 1,
                    Err(failure) => break failure,
                }
                world.pass(INTERVAL);
            };
            assert!(error.is(NovateError::ForecastDay), "{:?}", error.error);
            let (low, high) = (smile(&world, time).min(bound), smile(&world, time).max(bound));
            // Time has run off a little of the lower bound.
            assert!(
                steps >= 6 && high < low * 5 / 4 && (share > 100) == (smile(&world, time) <= bound),
                "{low} {high}"
            );
            // On the next day it goes on.
            let opened = world.expiry(BTC_PERP, time).day.opened;
            world.pass(opened + 86_400 - world.now());
            let next = Forecast { a: smile(&world, time) * share / 100, ..LEVEL };
            world.publish_forecast(BTC_PERP, time, next);
        }
    }

    /// Nearest to the medians, and above a neighbour in the wings: whose smile is next is taken, so that nobody holds all up.
    #[test]
    fn a_smile_that_crosses_is_passed_over() {
        let (mut world, time) = between();
        world.submit_forecast(0, BTC_PERP, time, Forecast { a: 90_500, ..LEVEL });
        world.submit_forecast(1, BTC_PERP, time, Forecast { a: 109_500, ..LEVEL });
        let crossing = Forecast { b: 8_000, ..LEVEL };
        world.submit_forecast(2, BTC_PERP, time, crossing);
        let event: ForecastsApplied = world.apply(BTC_PERP, time).event();
        assert_eq!((event.seat, event.forecast.a, event.forecast.b), (1, 109_500, 0));
        // It is the crossing that keeps it out: without neighbours it is taken.
        let (mut world, time) = listed(LEVEL);
        world.submit_forecast(0, BTC_PERP, time, Forecast { a: 90_500, ..LEVEL });
        world.submit_forecast(1, BTC_PERP, time, Forecast { a: 109_500, ..LEVEL });
        world.submit_forecast(2, BTC_PERP, time, crossing);
        let event: ForecastsApplied = world.apply(BTC_PERP, time).event();
        assert_eq!((event.seat, event.forecast), (2, crossing));
    }

    /// Eight are passed over, and the ninth is taken, within what one transaction has.
    #[test]
    fn the_last_of_nine_is_taken() {
        let (mut world, time) = between();
        world.seat(9);
        let crossing = Forecast { b: 8_000, ..LEVEL };
        (0..8).for_each(|member| drop(world.submit_forecast(member, BTC_PERP, time, crossing)));
        world.submit_forecast(8, BTC_PERP, time, LEVEL);
        let sent = world.apply(BTC_PERP, time);
        println!("apply_forecasts, eight of nine passed over: {} CU", sent.units);
        assert!(sent.units < 1_300_000, "{} CU", sent.units);
        let event: ForecastsApplied = sent.event();
        assert_eq!((event.seat, event.forecast), (8, LEVEL));
    }
}
