use novate::events::ForecastPublished;
use novate_client::{instructions as build, Forecast};
use novate_margin::smile::Smile;
use novate_margin::Ratio;
use novate_tests::{World, BTC_PERP, PRICE};
use solana_signer::Signer;

/// Seconds between two publications.
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

/// Publishes and takes it back.
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
    expected.published = world.now();
    assert!(before.published < world.now() && before.strikes[1].mark.0 > 0);
    assert_eq!(bytemuck::bytes_of(&world.expiry(BTC_PERP, time)), bytemuck::bytes_of(&expected));

    let event: ForecastPublished = sent.event();
    let address = world.expiry_address(BTC_PERP, time);
    assert_eq!((event.version, event.pool, event.expiry, event.market), (1, world.pool, address, BTC_PERP));
    assert_eq!((event.expiry_time, event.time), (time, world.now()));
    assert_eq!((event.old_basis, event.forecast), (1_000, next));
    println!("publish_forecast without neighbours: {} CU", sent.units);
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
fn a_publication_every_ten_seconds_until_expiry() {
    let (mut world, time) = listed(LEVEL);
    world.publish_forecast(BTC_PERP, time, Forecast { a: 90_000, ..LEVEL });
    world.pass(INTERVAL);
    world.publish_forecast(BTC_PERP, time, Forecast { a: 80_000, ..LEVEL });
    world.pass(time - world.now() - 1);
    world.publish_forecast(BTC_PERP, time, Forecast { a: 70_000, ..LEVEL });
}

#[test]
fn only_the_new_publisher_publishes() {
    let (mut world, time) = listed(LEVEL);
    let governor = world.governor.insecure_clone();
    let publisher = world.new_wallet();
    let set = build::set_publisher(governor.pubkey(), world.pool, publisher.pubkey());
    world.succeeds(&[set], &[&governor]);

    let old = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
    world.refuses(&[old], &[&governor], novate_client::NovateError::NotPublisher);
    let market = world.market(BTC_PERP);
    let new = build::publish_forecast(publisher.pubkey(), &market, time, LEVEL, world.now());
    world.succeeds(&[new], &[&publisher]);
    assert_eq!(world.expiry(BTC_PERP, time).published, world.now());
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
    println!("publish_forecast with two neighbours: {} CU", sent.units);
    assert!(sent.units < 300_000, "{} CU", sent.units);
}

#[test]
fn an_expiry_that_has_passed_is_no_neighbour() {
    let (mut world, time) = listed(LEVEL);
    let earlier = world.expiry_in(1);
    world.list_expiry(BTC_PERP, earlier, LEVEL);
    world.pass(earlier - world.now() - 1);
    let lower = Forecast { a: 99_999, ..LEVEL };
    let publish = world.publish_forecast_instruction(BTC_PERP, time, lower);
    let governor = world.governor.insecure_clone();
    world.refuses(&[publish], &[&governor], novate_client::NovateError::CrossedSmiles);
    world.pass(1);
    world.publish_forecast(BTC_PERP, time, lower);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::dated::refused;
    use novate_tests::{Altered, BTC, ETH_PERP};

    // Positions of the accounts.
    const POOL: usize = 0;
    const MARKET: usize = 1;
    const EXPIRY: usize = 2;
    const PUBLISHER: usize = 3;
    const NEIGHBOURS: usize = 6;

    #[track_caller]
    fn refused_forecast(world: &mut World, time: i64, forecast: Forecast, error: NovateError) {
        let publish = world.publish_forecast_instruction(BTC_PERP, time, forecast);
        refused(world, publish, error);
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
    fn only_the_publisher_publishes() {
        let (mut world, time) = listed(LEVEL);
        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        let stranger = world.new_wallet();
        let instruction = publish.clone().with_account(PUBLISHER, stranger.pubkey());
        world.refuses(&[instruction], &[&stranger], NovateError::NotPublisher);
        world.refuses(&[publish.unsigned(PUBLISHER)], &[], ErrorCode::AccountNotSigner);
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
    fn too_wide_a_step_of_the_basis() {
        let (mut world, time) = listed(LEVEL);
        for basis in [5_001, -5_001, 200_000, -200_000] {
            refused_forecast(&mut world, time, Forecast { basis, ..LEVEL }, NovateError::ForecastStep);
        }
        let (mut world, time) = listed(Forecast { basis: 5_000, ..LEVEL });
        refused_forecast(&mut world, time, Forecast { basis: -1, ..LEVEL }, NovateError::ForecastStep);
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
    fn parameters_beyond_their_bounds() {
        let (mut world, time) = listed(Forecast { basis: 200_000, ..LEVEL });
        let at = |basis| Forecast { basis, ..LEVEL };
        for basis in [200_001, -200_001, i64::MIN, i64::MAX] {
            refused_forecast(&mut world, time, at(basis), NovateError::InvalidBasis);
        }
        let level = at(200_000);
        for out in [
            Forecast { a: 0, ..level },
            Forecast { a: 64_000_001, ..level },
            Forecast { b: -1, ..level },
            Forecast { b: 2_000_000, ..level },
            Forecast { rho: 1_000_000, ..level },
            Forecast { m: 4_000_001, ..level },
            Forecast { sigma: 0, ..level },
            Forecast { sigma: 4_000_001, ..level },
        ] {
            refused_forecast(&mut world, time, out, NovateError::SmileOutOfBounds);
        }
    }

    #[test]
    fn a_smile_with_a_negative_density() {
        let (mut world, time) = listed(LEVEL);
        let arbitrageable = Forecast { a: 40_000, b: 900_000, rho: -900_000, m: 200_000, sigma: 50_000, ..LEVEL };
        refused_forecast(&mut world, time, arbitrageable, NovateError::ButterflyArbitrage);
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

    /// It may be any step from the listing's, and no more than that.
    #[test]
    fn a_first_forecast_by_another_beyond_bounds_across_a_neighbour_or_at_expiry() {
        let (mut world, _) = between();
        let time = world.expiry_in(20);
        world.list_unpublished(BTC_PERP, time, Forecast { a: 95_000, ..LEVEL });
        let stranger = world.new_wallet();
        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        let publish = publish.with_account(PUBLISHER, stranger.pubkey());
        world.refuses(&[publish], &[&stranger], NovateError::NotPublisher);
        refused_forecast(&mut world, time, Forecast { basis: 200_001, a: 95_000, ..LEVEL }, NovateError::InvalidBasis);
        for a in [89_999, 100_001] {
            refused_forecast(&mut world, time, Forecast { a, ..LEVEL }, NovateError::CrossedSmiles);
        }
        world.pass(time - world.now());
        refused_forecast(&mut world, time, Forecast { a: 95_000, ..LEVEL }, NovateError::ExpiryPassed);
    }

    #[test]
    fn at_expiry() {
        let (mut world, time) = listed(LEVEL);
        world.pass(time - world.now());
        refused_forecast(&mut world, time, LEVEL, NovateError::ExpiryPassed);
        world.pass(86_400);
        refused_forecast(&mut world, time, LEVEL, NovateError::ExpiryPassed);
    }

    #[test]
    fn neighbours_are_passed_whole() {
        let (mut world, time) = between();
        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        assert_eq!(publish.accounts.len(), NEIGHBOURS + 2);
        let without = |at| publish.clone().without_account(at);
        refused(&mut world, without(NEIGHBOURS), NovateError::MissingNeighbour);
        refused(&mut world, without(NEIGHBOURS + 1), NovateError::MissingNeighbour);
        let none = without(NEIGHBOURS + 1).without_account(NEIGHBOURS);
        refused(&mut world, none, NovateError::MissingNeighbour);
        let swapped = publish.clone().swapped(NEIGHBOURS, NEIGHBOURS + 1);
        refused(&mut world, swapped, NovateError::MissingNeighbour);
        let first = publish.accounts[NEIGHBOURS].pubkey;
        refused(&mut world, publish.and_account(first), NovateError::UnexpectedAccount);
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

        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
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
            refused(&mut world, publish.clone().with_account(NEIGHBOURS, key), error);
        }
    }

    #[test]
    fn an_expiry_of_another_market() {
        let (mut world, time) = listed(LEVEL);
        world.list_expiry(ETH_PERP, time, LEVEL);
        world.pass(INTERVAL);
        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        let other = world.expiry_address(ETH_PERP, time);
        refused(&mut world, publish.clone().with_account(EXPIRY, other), NovateError::WrongMarket);
        let other = addresses::market(&world.pool, ETH_PERP);
        refused(&mut world, publish.with_account(MARKET, other), NovateError::WrongMarket);
    }

    #[test]
    fn accounts_of_another_pool() {
        let (mut world, time) = listed(LEVEL);
        let (home, other) = (world.pool, world.second_pool());
        world.pool = other;
        world.list_expiry(BTC_PERP, time, LEVEL);
        world.pass(INTERVAL);
        let of_other = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        world.pool = home;
        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        for at in [MARKET, EXPIRY] {
            let foreign = of_other.accounts[at].pubkey;
            refused(&mut world, publish.clone().with_account(at, foreign), NovateError::WrongPool);
        }
        refused(&mut world, of_other.with_account(POOL, home), NovateError::WrongPool);
    }

    #[test]
    fn accounts_of_another_kind_or_program() {
        let (mut world, time) = listed(LEVEL);
        let publish = world.publish_forecast_instruction(BTC_PERP, time, LEVEL);
        let asset = addresses::asset(&world.pool, BTC);
        let mint = world.listing(BTC).token.mint;
        for at in [POOL, MARKET, EXPIRY] {
            let kind = publish.clone().with_account(at, asset);
            refused(&mut world, kind, ErrorCode::AccountDiscriminatorMismatch);
            let foreign = publish.clone().with_account(at, mint);
            refused(&mut world, foreign, ErrorCode::AccountOwnedByWrongProgram);
        }
        refused(&mut world, publish.read_only(EXPIRY), ErrorCode::ConstraintMut);
    }
}
