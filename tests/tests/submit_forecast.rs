use novate::events::ForecastSubmitted;
use novate::forecast::PackedForecast;
use novate_client::state::{Stamp, Submission};
use novate_client::{Forecast, NovateError};
use novate_margin::Price;
use novate_tests::{World, BTC_PERP};
use solana_signer::Signer;

/// Total variance 0.1 at every strike.
const LEVEL: Forecast = Forecast { basis: 0, a: 100_000, b: 0, rho: 0, m: 0, sigma: 100_000 };

/// An expiry 30 days away, of whose forecasts nothing counts any more.
fn listed() -> (World, i64) {
    let mut world = World::default();
    let time = world.expiry_in(30);
    world.list_expiry(BTC_PERP, time, LEVEL);
    world.pass(301);
    (world, time)
}

#[test]
fn a_submission_is_kept_and_moves_nothing() {
    let (mut world, time) = listed();
    let before = world.expiry(BTC_PERP, time);
    let own = Forecast { basis: -199_999, a: 63_999_999, b: 1, rho: -999_999, m: -4_000_000, sigma: 3_999_999 };
    let sent = world.submit_forecast(2, BTC_PERP, time, own);
    let mut expected = before;
    expected.submitted[2] = Submission {
        stamp: Stamp { time: world.now() as u32, term: 1, padding: [0; 2] },
        price: Price::ZERO,
        forecast: PackedForecast::from(own),
    };
    assert_eq!(bytemuck::bytes_of(&world.expiry(BTC_PERP, time)), bytemuck::bytes_of(&expected));
    assert_eq!(Forecast::from(expected.submitted[2].forecast), own);

    let event: ForecastSubmitted = sent.telemetry().remove(0);
    assert_eq!((event.version, event.pool, event.market, event.expiry_time), (1, world.pool, BTC_PERP, time));
    assert_eq!((event.member, event.seat, event.forecast), (world.members[2].pubkey(), 2, own));
    println!("submit_forecast: {} CU", sent.units);
}

#[test]
fn the_last_one_takes_the_place_of_the_one_before() {
    let (mut world, time) = listed();
    world.submit_forecast(0, BTC_PERP, time, LEVEL);
    let next = Forecast { a: 90_000, ..LEVEL };
    world.submit_forecast(0, BTC_PERP, time, next);
    assert_eq!(Forecast::from(world.expiry(BTC_PERP, time).submitted[0].forecast), next);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build};
    use novate_tests::{Altered, BTC};

    // Positions of the accounts.
    const POOL: usize = 0;
    const COMMITTEE: usize = 1;
    const EXPIRY: usize = 2;
    const MEMBER: usize = 3;

    #[track_caller]
    fn refused(world: &mut World, time: i64, forecast: Forecast, error: NovateError) {
        let submit = world.submit_instruction(0, BTC_PERP, time, forecast);
        let member = world.members[0].insecure_clone();
        world.refuses(&[submit], &[&member], error);
    }

    #[test]
    fn who_is_no_member() {
        let (mut world, time) = listed();
        let stranger = world.new_wallet();
        let governor = world.governor.insecure_clone();
        for key in [&stranger, &governor] {
            let submit = build::submit_forecast(key.pubkey(), world.pool, BTC_PERP, time, LEVEL);
            world.refuses(&[submit], &[key], NovateError::NotMember);
        }
        let submit = world.submit_instruction(0, BTC_PERP, time, LEVEL);
        world.refuses(&[submit.unsigned(MEMBER)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn a_removed_member() {
        let (mut world, time) = listed();
        let (governor, member) = (world.governor.insecure_clone(), world.members[0].insecure_clone());
        let remove = build::remove_member(governor.pubkey(), world.pool, member.pubkey());
        world.succeeds(&[remove], &[&governor]);
        refused(&mut world, time, LEVEL, NovateError::NotMember);
    }

    #[test]
    fn at_expiry() {
        let (mut world, time) = listed();
        world.pass(time - world.now() - 1);
        world.submit_forecast(0, BTC_PERP, time, LEVEL);
        world.pass(1);
        refused(&mut world, time, LEVEL, NovateError::ExpiryPassed);
    }

    #[test]
    fn parameters_beyond_their_bounds() {
        let (mut world, time) = listed();
        let at = |basis| Forecast { basis, ..LEVEL };
        for basis in [200_001, -200_001, i64::MIN, i64::MAX] {
            refused(&mut world, time, at(basis), NovateError::InvalidBasis);
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
            refused(&mut world, time, out, NovateError::SmileOutOfBounds);
        }
    }

    #[test]
    fn a_smile_with_a_negative_density() {
        let (mut world, time) = listed();
        let arbitrageable = Forecast { a: 40_000, b: 900_000, rho: -900_000, m: 200_000, sigma: 50_000, ..LEVEL };
        refused(&mut world, time, arbitrageable, NovateError::ButterflyArbitrage);
    }

    #[test]
    fn accounts_of_another_pool_or_kind() {
        let (mut world, time) = listed();
        let (home, other) = (world.pool, world.second_pool());
        world.pool = other;
        world.list_expiry(BTC_PERP, time, LEVEL);
        let of_other = world.submit_instruction(0, BTC_PERP, time, LEVEL);
        world.pool = home;
        let submit = world.submit_instruction(0, BTC_PERP, time, LEVEL);
        let member = world.members[0].insecure_clone();
        for at in [POOL, COMMITTEE, EXPIRY] {
            let foreign = submit.clone().with_account(at, of_other.accounts[at].pubkey);
            world.refuses(&[foreign], &[&member], NovateError::WrongPool);
            let kind = submit.clone().with_account(at, addresses::asset(&world.pool, BTC));
            world.refuses(&[kind], &[&member], ErrorCode::AccountDiscriminatorMismatch);
        }
        world.refuses(&[submit.read_only(EXPIRY)], &[&member], ErrorCode::ConstraintMut);
    }
}
