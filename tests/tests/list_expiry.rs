use novate::events::ExpiryListed;
use novate_client::state::{minutes_of, Expiry, ForecastDay, Submission, MAX_MEMBERS};
use novate_client::{addresses, Forecast, Pubkey, ID};
use novate_margin::chain::Strike;
use novate_margin::smile::Smile;
use novate_margin::Ratio;
use novate_tests::{flat, World, BTC, BTC_PERP};
use solana_signer::Signer;

const DAY: i64 = 86_400;
/// Seconds from midnight UTC to an expiry.
const TIME_OF_DAY: i64 = 28_800;
/// Three years of 365 days.
const FURTHEST: i64 = 94_608_000;

/// A tilted smile at some level of total variance.
fn tilted(level: i64) -> Forecast {
    Forecast { basis: 12_345, a: level, b: 100_000, rho: -300_000, m: 20_000, sigma: 200_000 }
}

/// The same vol at every strike, of some total variance.
fn level(a: i64) -> Forecast {
    Forecast { basis: 0, a, b: 0, rho: 0, m: 0, sigma: 100_000 }
}

/// Sets the clock to a number of seconds after the next 08:00 UTC.
fn wait_until(world: &mut World, after: i64) {
    let today = (TIME_OF_DAY - world.now()).rem_euclid(DAY);
    world.pass(today + after);
}

#[test]
fn an_expiry_begins_with_its_forecast_and_nothing_else() {
    let mut world = World::default();
    let time = world.expiry_in(30);
    let sent = world.list_unpublished(BTC_PERP, time, tilted(50_000));

    let address = world.expiry_address(BTC_PERP, time);
    let market = addresses::market(&world.pool, BTC_PERP);
    let (derived, bump) = Pubkey::find_program_address(&[b"expiry", market.as_ref(), &time.to_le_bytes()], &ID);
    assert_eq!(address, derived);
    let account = world.account(&address);
    assert_eq!((account.owner, account.data.len()), (ID, 10_240));
    let expiry: Expiry = world.state(&address);
    assert_eq!((expiry.version, expiry.bump, expiry.market, expiry.asset), (1, bump, BTC_PERP, BTC));
    assert_eq!((expiry.strike_count, expiry.padding, expiry.pool, expiry.time), (0, 0, world.pool, time));
    let [a, b, rho, m, sigma] = [50_000, 100_000, -300_000, 20_000, 200_000].map(Ratio);
    assert_eq!((expiry.basis, expiry.smile), (Ratio(12_345), Smile { a, b, rho, m, sigma }));
    assert_eq!(expiry.published, 0);
    assert_eq!(expiry.open_futures.0, 0);
    assert!(expiry.open_calls.iter().chain(&expiry.open_puts).all(|open| open.0 == 0));
    assert_eq!(expiry.strikes, [<Strike as bytemuck::Zeroable>::zeroed(); 24]);
    assert_eq!((expiry.settlement_price.0, expiry.settled.0, expiry.payer), (0, 0, world.governor.pubkey()));
    assert_eq!((expiry.submitted, expiry.applied), ([Submission::default(); MAX_MEMBERS], 0));
    assert_eq!((expiry.day, expiry.reserve), (ForecastDay::default(), [0; 48]));
    assert_eq!(world.market(BTC_PERP).listed_expiries(), [(time / 60) as u32]);

    let event: ExpiryListed = sent.event();
    assert_eq!((event.version, event.pool, event.expiry, event.market), (1, world.pool, address, BTC_PERP));
    assert_eq!((event.expiry_time, event.forecast, event.time), (time, tilted(50_000), world.now()));
    println!("list_expiry without neighbours: {} CU", sent.units);
}

#[test]
fn expiries_are_listed_in_any_order_and_stand_in_the_order_of_time() {
    let mut world = World::default();
    let mut units = vec![];
    for days in [30, 90, 10, 60, 20] {
        let time = world.expiry_in(days);
        units.push(world.list_expiry(BTC_PERP, time, tilted(days * 1_000)).units);
    }
    let times = [10, 20, 30, 60, 90].map(|days| minutes_of(world.expiry_in(days)));
    assert_eq!(world.market(BTC_PERP).listed_expiries(), times);
    assert!(world.market(1).listed_expiries().is_empty());
    let most = units.iter().max().unwrap();
    println!("list_expiry with two neighbours: {most} CU");
    assert!(*most < 300_000, "{most} CU");
}

#[test]
fn from_the_next_second_to_three_years_ahead() {
    let mut world = World::default();
    wait_until(&mut world, -1);
    let time = world.now() + 1;
    world.list_expiry(BTC_PERP, time, level(1));
    world.pass(1);
    let furthest = world.now() + FURTHEST;
    world.list_expiry(BTC_PERP, furthest, level(1_000_000));
    assert_eq!(world.market(BTC_PERP).listed_expiries(), [minutes_of(time), minutes_of(furthest)]);
}

#[test]
fn parameters_at_their_bounds() {
    let accepted = [
        Forecast { basis: 200_000, ..level(40_000) },
        Forecast { basis: -200_000, ..level(40_000) },
        level(1),
        level(64_000_000),
        Forecast { m: 4_000_000, ..level(40_000) },
        Forecast { m: -4_000_000, ..level(40_000) },
        Forecast { sigma: 1, ..level(40_000) },
        Forecast { sigma: 4_000_000, ..level(40_000) },
        Forecast { rho: 999_999, ..level(40_000) },
        Forecast { rho: -999_999, ..level(40_000) },
        Forecast { b: 1_999_999, sigma: 1_000_000, ..level(64_000_000) },
        Forecast { b: 1_000_000, rho: 999_999, sigma: 1_000_000, ..level(64_000_000) },
        Forecast { b: 1_000_000, rho: -999_999, sigma: 1_000_000, ..level(64_000_000) },
    ];
    let mut world = World::default();
    let time = world.expiry_in(30);
    let before = world.svm.clone();
    for forecast in accepted {
        world.list_expiry(BTC_PERP, time, forecast);
        assert_eq!(Forecast::from(&world.expiry(BTC_PERP, time)), forecast);
        world.svm = before.clone();
    }
}

#[test]
fn smiles_that_touch_do_not_cross() {
    let mut world = World::default();
    let [first, middle, last] = [10, 20, 30].map(|days| world.expiry_in(days));
    world.list_expiry(BTC_PERP, first, tilted(50_000));
    world.list_expiry(BTC_PERP, last, tilted(50_000));
    world.list_expiry(BTC_PERP, middle, tilted(50_000));
    assert_eq!(world.market(BTC_PERP).listed_expiries(), [first, middle, last].map(minutes_of));
}

#[test]
fn an_expiry_that_has_passed_is_no_neighbour() {
    let mut world = World::default();
    let [first, middle, last] = [1, 10, 20].map(|days| world.expiry_in(days));
    world.list_expiry(BTC_PERP, first, level(10_000));
    world.list_expiry(BTC_PERP, last, level(30_000));
    world.pass(first - world.now());
    // Below that of the first one.
    world.list_expiry(BTC_PERP, middle, level(9_999));
    assert_eq!(world.market(BTC_PERP).listed_expiries(), [first, middle, last].map(minutes_of));
}

#[test]
fn lamports_sent_beforehand_do_not_block_an_address() {
    let mut world = World::default();
    let time = world.expiry_in(30);
    let address = world.expiry_address(BTC_PERP, time);
    world.svm.airdrop(&address, 1_000_000).unwrap();
    world.list_expiry(BTC_PERP, time, tilted(50_000));
    assert_eq!(world.expiry(BTC_PERP, time).time, time);
}

#[test]
fn thirty_two_expiries() {
    let mut world = World::default();
    for days in 1..=32 {
        let time = world.expiry_in(days);
        world.list_expiry(BTC_PERP, time, flat(0.6, time - world.now()));
    }
    let times: Vec<u32> = (1..=32).map(|days| minutes_of(world.expiry_in(days))).collect();
    assert_eq!(world.market(BTC_PERP).listed_expiries(), times);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::dated::refused;
    use novate_tests::{future, Altered, CONTRACT, ETH_PERP, PRICE};

    // Positions of the accounts.
    const POOL: usize = 0;
    const MARKET: usize = 1;
    const EXPIRY: usize = 2;
    const AUTHORITY: usize = 3;
    const NEIGHBOURS: usize = 10;

    #[track_caller]
    fn refused_forecast(world: &mut World, time: i64, forecast: Forecast, error: NovateError) {
        let list = world.list_expiry_instruction(BTC_PERP, time, forecast);
        refused(world, list, error);
    }

    /// Two expiries of the market, 10 and 30 days away, of total variances 0.03 and 0.06, and the time between them.
    fn between() -> (World, i64) {
        let mut world = World::default();
        for (days, a) in [(10, 30_000), (30, 60_000)] {
            let time = world.expiry_in(days);
            world.list_expiry(BTC_PERP, time, level(a));
        }
        let time = world.expiry_in(20);
        (world, time)
    }

    #[test]
    fn only_the_authority_lists_expiries() {
        let mut world = World::default();
        let time = world.expiry_in(30);
        let list = world.list_expiry_instruction(BTC_PERP, time, level(50_000));
        let stranger = world.new_wallet();
        let instruction = list.clone().with_account(AUTHORITY, stranger.pubkey());
        world.refuses(&[instruction], &[&stranger], NovateError::NotAuthority);
        world.refuses(&[list.unsigned(AUTHORITY)], &[], ErrorCode::AccountNotSigner);
    }

    /// The forecast of a listing is the authority's: nothing is opened on it, not even what would reduce risk, and no option is valued.
    #[test]
    fn before_the_first_forecast_nothing_is_opened_or_priced() {
        let mut world = World::default();
        let (owner, maker) = (world.trader(3_100), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, -CONTRACT, 20_000 * PRICE)]);
        let time = world.expiry_in(30);
        world.list_unpublished(BTC_PERP, time, Forecast { basis: 200_000, ..level(50_000) });
        world.list_strikes(BTC_PERP, time, &[20_000 * PRICE]);
        for usd in [20_000, 20_200] {
            // Below initial margin at the second price: a future bought against the perpetual would reduce risk.
            world.price(BTC, usd as f64);
            let legs = [future(BTC_PERP, time, CONTRACT, usd * PRICE / 10 * 12)];
            let trade = world.trade_of(owner.side(), maker.side(), &legs);
            world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::ForecastStale);
        }
        let refresh = world.refresh_expiry_instruction(BTC_PERP, time, 0, 1);
        world.refuses(&[refresh], &[], NovateError::ForecastStale);

        // The first one may be anywhere, and the next is a step from it.
        world.publish_forecast(BTC_PERP, time, level(100_000));
        world.refresh_expiry(BTC_PERP, time);
        world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, CONTRACT, 20_200 * PRICE)]);
        world.pass(10);
        world.refuses_forecast(BTC_PERP, time, level(120_001), NovateError::ForecastStep);
    }

    #[test]
    fn a_member_does_not_list_expiries() {
        let mut world = World::default();
        let member = world.members[0].insecure_clone();
        let time = world.expiry_in(30);
        let list = world.list_expiry_instruction(BTC_PERP, time, level(50_000));
        let instruction = list.with_account(AUTHORITY, member.pubkey());
        world.refuses(&[instruction], &[&member], NovateError::NotAuthority);
    }

    #[test]
    fn the_market_is_of_the_pool() {
        let mut world = World::default();
        let other = world.second_pool();
        let time = world.expiry_in(30);
        let list = world.list_expiry_instruction(BTC_PERP, time, level(50_000));
        refused(&mut world, list.with_account(POOL, other), NovateError::WrongPool);
    }

    #[test]
    fn the_market_is_a_market_and_writable() {
        let mut world = World::default();
        let time = world.expiry_in(30);
        let list = world.list_expiry_instruction(BTC_PERP, time, level(50_000));
        let asset = addresses::asset(&world.pool, BTC);
        let mismatch = ErrorCode::AccountDiscriminatorMismatch;
        refused(&mut world, list.clone().with_account(MARKET, asset), mismatch);
        refused(&mut world, list.clone().with_account(POOL, asset), mismatch);
        let foreign = world.listing(BTC).token.mint;
        refused(&mut world, list.clone().with_account(MARKET, foreign), ErrorCode::AccountOwnedByWrongProgram);
        refused(&mut world, list.read_only(MARKET), ErrorCode::ConstraintMut);
    }

    #[test]
    fn the_address_is_that_of_market_and_time() {
        let mut world = World::default();
        let time = world.expiry_in(30);
        let list = world.list_expiry_instruction(BTC_PERP, time, level(50_000));
        let others = [world.expiry_address(BTC_PERP, time + DAY), world.expiry_address(ETH_PERP, time)];
        for other in others {
            refused(&mut world, list.clone().with_account(EXPIRY, other), ErrorCode::ConstraintSeeds);
        }
    }

    #[test]
    fn expiries_are_at_eight_utc() {
        let mut world = World::default();
        let eight = world.expiry_in(30);
        for off in [-TIME_OF_DAY, -3_600, -60, -1, 1, 60, 3_600] {
            refused_forecast(&mut world, eight + off, level(50_000), NovateError::InvalidExpiryTime);
        }
        for time in [i64::MIN, -1, 0, i64::MAX] {
            refused_forecast(&mut world, time, level(50_000), NovateError::InvalidExpiryTime);
        }
    }

    #[test]
    fn expiries_lie_ahead() {
        let mut world = World::default();
        wait_until(&mut world, 0);
        let now = world.now();
        for time in [now, now - DAY, TIME_OF_DAY, TIME_OF_DAY - DAY] {
            refused_forecast(&mut world, time, level(50_000), NovateError::ExpiryPassed);
        }
    }

    #[test]
    fn expiries_lie_at_most_three_years_ahead() {
        let mut world = World::default();
        wait_until(&mut world, 0);
        for time in [world.now() + FURTHEST + DAY, i64::MAX - (i64::MAX - TIME_OF_DAY) % DAY] {
            refused_forecast(&mut world, time, level(50_000), NovateError::InvalidExpiryTime);
        }
        // Less than a day, and a second, too far.
        wait_until(&mut world, -1);
        let time = world.now() + FURTHEST + 1;
        refused_forecast(&mut world, time, level(50_000), NovateError::InvalidExpiryTime);
    }

    #[test]
    fn an_expiry_is_listed_once() {
        let mut world = World::default();
        let time = world.expiry_in(1);
        world.list_expiry(BTC_PERP, time, level(50_000));
        refused_forecast(&mut world, time, level(50_000), NovateError::ExpiryListed);
        world.pass(time - world.now());
        refused_forecast(&mut world, time, level(50_000), NovateError::ExpiryListed);
    }

    #[test]
    fn the_thirty_third_expiry() {
        let mut world = World::default();
        let listed = [1..=10, 12..=33].into_iter().flatten();
        for days in listed {
            let time = world.expiry_in(days);
            world.list_expiry(BTC_PERP, time, flat(0.6, time - world.now()));
        }
        for days in [0, 11, 34] {
            let time = world.expiry_in(days);
            let forecast = flat(0.6, time - world.now());
            refused_forecast(&mut world, time, forecast, NovateError::MarketExpiriesFull);
        }
    }

    #[test]
    fn parameters_beyond_their_bounds() {
        let (mut world, _) = between();
        let time = world.expiry_in(40);
        for basis in [200_001, -200_001, i64::MAX, i64::MIN] {
            refused_forecast(&mut world, time, Forecast { basis, ..level(70_000) }, NovateError::InvalidBasis);
        }
        let steep = Forecast { sigma: 1_000_000, ..level(64_000_000) };
        let out = [
            level(0),
            level(-1),
            level(64_000_001),
            level(i64::MAX),
            level(i64::MIN),
            Forecast { b: -1, ..level(70_000) },
            Forecast { b: 2_000_000, ..steep },
            Forecast { b: 1_000_001, rho: 999_999, ..steep },
            Forecast { b: 1_000_001, rho: -999_999, ..steep },
            Forecast { b: i64::MAX, ..level(70_000) },
            Forecast { b: i64::MIN, ..level(70_000) },
            Forecast { rho: 1_000_000, ..level(70_000) },
            Forecast { rho: -1_000_000, ..level(70_000) },
            Forecast { rho: i64::MIN, ..level(70_000) },
            Forecast { m: 4_000_001, ..level(70_000) },
            Forecast { m: -4_000_001, ..level(70_000) },
            Forecast { m: i64::MIN, ..level(70_000) },
            Forecast { sigma: 0, ..level(70_000) },
            Forecast { sigma: -1, ..level(70_000) },
            Forecast { sigma: 4_000_001, ..level(70_000) },
            Forecast { sigma: i64::MIN, ..level(70_000) },
        ];
        for forecast in out {
            println!("{forecast:?}");
            refused_forecast(&mut world, time, forecast, NovateError::SmileOutOfBounds);
        }
    }

    #[test]
    fn smiles_with_a_negative_density() {
        let mut world = World::default();
        let time = world.expiry_in(30);
        let arbitrageable = [
            Forecast { basis: 0, a: 100, b: 1_000_000, rho: 0, m: 0, sigma: 10_000 },
            Forecast { basis: 0, a: 10_000, b: 800_000, rho: -700_000, m: 300_000, sigma: 10_000 },
            Forecast { basis: 0, a: 40_000, b: 900_000, rho: -900_000, m: 200_000, sigma: 50_000 },
        ];
        for forecast in arbitrageable {
            refused_forecast(&mut world, time, forecast, NovateError::ButterflyArbitrage);
        }
    }

    #[test]
    fn a_smile_that_crosses_a_neighbours() {
        let (mut world, time) = between();
        for out in [29_999, 60_001] {
            refused_forecast(&mut world, time, level(out), NovateError::CrossedSmiles);
        }
        // Between both at the forward, above the later and below the earlier one where the wings are.
        let wings = Forecast { b: 100_000, ..level(30_000) };
        refused_forecast(&mut world, time, wings, NovateError::CrossedSmiles);
        for inside in [30_000, 60_000] {
            let before = world.svm.clone();
            world.list_expiry(BTC_PERP, time, level(inside));
            world.svm = before;
        }
    }

    #[test]
    fn a_smile_below_an_earlier_one_in_one_wing() {
        let mut world = World::default();
        let [first, last] = [10, 20].map(|days| world.expiry_in(days));
        world.list_expiry(BTC_PERP, first, Forecast { rho: 300_000, ..tilted(50_000) });
        let later = Forecast { rho: -300_000, ..tilted(52_000) };
        refused_forecast(&mut world, last, later, NovateError::CrossedSmiles);
    }

    #[test]
    fn neighbours_are_passed_whole() {
        let (mut world, time) = between();
        let list = world.list_expiry_instruction(BTC_PERP, time, level(40_000));
        let without = |at| list.clone().without_account(at);
        refused(&mut world, without(NEIGHBOURS), NovateError::MissingNeighbour);
        refused(&mut world, without(NEIGHBOURS + 1), NovateError::MissingNeighbour);
        let none = without(NEIGHBOURS + 1).without_account(NEIGHBOURS);
        refused(&mut world, none, NovateError::MissingNeighbour);
        let swapped = list.clone().swapped(NEIGHBOURS, NEIGHBOURS + 1);
        refused(&mut world, swapped, NovateError::MissingNeighbour);
        let first = list.accounts[NEIGHBOURS].pubkey;
        let twice = list.clone().with_account(NEIGHBOURS + 1, first);
        refused(&mut world, twice, NovateError::MissingNeighbour);
        refused(&mut world, list.and_account(first), NovateError::UnexpectedAccount);
    }

    #[test]
    fn only_the_nearest_expiries_are_neighbours() {
        let (mut world, time) = between();
        let [nearer_first, nearer_last] = [15, 25].map(|days| world.expiry_in(days));
        let [first, last] = [10, 30].map(|days| world.expiry_address(BTC_PERP, world.expiry_in(days)));
        world.list_expiry(BTC_PERP, nearer_first, level(35_000));
        world.list_expiry(BTC_PERP, nearer_last, level(45_000));
        let list = world.list_expiry_instruction(BTC_PERP, time, level(40_000));
        for (at, further) in [(NEIGHBOURS, first), (NEIGHBOURS + 1, last)] {
            refused(&mut world, list.clone().with_account(at, further), NovateError::MissingNeighbour);
        }
    }

    #[test]
    fn neighbours_of_another_market_pool_kind_or_program() {
        let (mut world, time) = between();
        let other = world.second_pool();
        let (home, first) = (world.pool, world.expiry_in(10));
        world.list_expiry(ETH_PERP, first, level(30_000));
        world.pool = other;
        world.list_expiry(BTC_PERP, first, level(30_000));
        let of_pool = world.expiry_address(BTC_PERP, first);
        world.pool = home;

        let list = world.list_expiry_instruction(BTC_PERP, time, level(40_000));
        let of_market = world.expiry_address(ETH_PERP, first);
        let (asset, mint) = (addresses::asset(&home, BTC), world.listing(BTC).token.mint);
        let created = world.expiry_address(BTC_PERP, time);
        let cases = [
            (of_market, NovateError::MissingNeighbour),
            (of_pool, NovateError::WrongPool),
            (asset, NovateError::UnexpectedAccount),
            (created, NovateError::UnexpectedAccount),
            (mint, NovateError::WrongOwner),
        ];
        for (key, error) in cases {
            refused(&mut world, list.clone().with_account(NEIGHBOURS, key), error);
        }
    }

    #[test]
    fn an_expiry_that_has_passed_is_refused_as_a_neighbour() {
        let (mut world, time) = between();
        let first = world.expiry_in(10);
        let list = world.list_expiry_instruction(BTC_PERP, time, level(40_000));
        world.pass(first - world.now());
        refused(&mut world, list.clone(), NovateError::MissingNeighbour);
        let second = list.without_account(NEIGHBOURS);
        let governor = world.governor.insecure_clone();
        world.succeeds(&[second], &[&governor]);
    }
}
