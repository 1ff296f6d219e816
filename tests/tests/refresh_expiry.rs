use novate::events::ExpiryRefreshed;
use novate_client::instructions::{self as build, ExpirySlots};
use novate_client::{Forecast, Instruction, StrikeRange};
use novate_margin::chain::{Nodes, Reference, Strike};
use novate_margin::smile::Smile;
use novate_margin::{Params, Price, Ratio, Seconds, Tenor};
use novate_tests::{AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, ETH, ETH_PERP, PRICE};

const DAY: i64 = 86_400;

const TILTED: Forecast = Forecast { basis: 12_345, a: 50_000, b: 100_000, rho: -300_000, m: 20_000, sigma: 200_000 };

/// What the margin crate computes on the host for one strike of the BTC market.
fn on_host(world: &World, market: u16, time: i64, forecast: Forecast, strike: i64) -> Strike {
    let asset = world.asset(world.underlyings[usize::from(market)]);
    let [a, b, rho, m, sigma] = [forecast.a, forecast.b, forecast.rho, forecast.m, forecast.sigma].map(Ratio);
    let reference = Reference {
        price: asset.price,
        basis: Ratio(forecast.basis),
        decided: asset.decided(time, world.now()).unwrap(),
        scan_range: asset.scan_range,
        remaining: Tenor((time - world.now()) * 1_000_000_000),
        time: Seconds(world.now()),
    };
    let mut nodes: Nodes = bytemuck::Zeroable::zeroed();
    nodes.set(&reference, &Params::DEFAULT).unwrap();
    let smile = Smile { a, b, rho, m, sigma };
    let published = world.expiry(market, time).published;
    let stated = Tenor((time - published) * 1_000_000_000);
    let section = smile.at(nodes.forward()).unwrap().run_off(stated, reference.remaining);
    let deviation = nodes.deviation(&section, Price(strike)).unwrap();
    let mut computed: Strike = bytemuck::Zeroable::zeroed();
    computed.reprice(&nodes, Price(strike), deviation).unwrap();
    computed
}

/// Refreshes an expiry and compares every byte of every strike with the host.
#[track_caller]
fn agrees(world: &mut World, market: u16, time: i64, forecast: Forecast, strikes: &[i64]) {
    world.refresh_expiry(market, time);
    let expiry = world.expiry(market, time);
    assert_eq!(usize::from(expiry.strike_count), strikes.len());
    assert!(expiry.listed().iter().any(|slot| slot.mark.0 > 0 && slot.values.iter().any(|value| *value > 0)));
    for (slot, strike) in expiry.listed().iter().zip(strikes) {
        let expected = on_host(world, market, time, forecast, *strike);
        assert!(expected.reference.0 > 0 && expected.refreshed.0 == world.now());
        assert_eq!(bytemuck::bytes_of(slot), bytemuck::bytes_of(&expected), "{slot:?}\n{expected:?}");
    }
}

/// An expiry of the BTC market with strikes in whole USD, not priced.
fn listed(world: &mut World, days: i64, forecast: Forecast, strikes: &[i64]) -> i64 {
    let time = world.expiry_in(days);
    world.list_expiry(BTC_PERP, time, forecast);
    let strikes: Vec<i64> = strikes.iter().map(|usd| usd * PRICE).collect();
    world.list_strikes(BTC_PERP, time, &strikes);
    time
}

fn chain(strikes: &[i64]) -> (World, i64) {
    let mut world = World::default();
    let time = listed(&mut world, 30, TILTED, strikes);
    (world, time)
}

fn slots(time: i64, first: u8, count: u8) -> ExpirySlots {
    ExpirySlots { market: BTC_PERP, asset: BTC, time, range: StrikeRange { first, count } }
}

/// From a half to twice the price of BTC.
fn full() -> Vec<i64> {
    (0..24).map(|i| 10_000 + 1_300 * i).collect()
}

#[test]
fn a_range_of_strikes_is_priced_and_nothing_else_changes() {
    let (mut world, time) = chain(&[18_000, 20_000, 22_000, 24_000]);
    let before = world.expiry(BTC_PERP, time);
    let refresh = world.refresh_expiry_instruction(BTC_PERP, time, 1, 2);
    let sent = world.succeeds(&[refresh], &[]);

    let mut expected = before;
    for slot in [1, 2] {
        expected.strikes[slot] = on_host(&world, BTC_PERP, time, TILTED, before.strikes[slot].strike.0);
        assert_eq!(expected.strikes[slot].reference.0, 20_000 * PRICE);
        assert_eq!(expected.strikes[slot].refreshed.0, world.now());
    }
    assert_eq!(bytemuck::bytes_of(&world.expiry(BTC_PERP, time)), bytemuck::bytes_of(&expected));

    let [event] = sent.telemetry::<ExpiryRefreshed>().try_into().unwrap_or_else(|_| panic!("one event expected"));
    assert_eq!((event.version, event.pool, event.market), (1, world.pool, BTC_PERP));
    assert_eq!((event.expiry_time, event.first, event.count), (time, 1, 2));
    assert_eq!((event.price, event.forward), (20_000 * PRICE, 20_246_900_000_000));
    assert_eq!(sent.event_count(), 0);
}

#[test]
fn ranges_of_several_expiries() {
    let mut world = World::default();
    let first = listed(&mut world, 10, TILTED, &[18_000, 20_000]);
    let second = listed(&mut world, 30, TILTED, &[18_000, 20_000, 22_000]);
    let of_eth = world.expiry_in(20);
    world.list_expiry(ETH_PERP, of_eth, TILTED);
    world.list_strikes(ETH_PERP, of_eth, &[1_500 * PRICE]);

    let range = StrikeRange { first: 0, count: 1 };
    let of_eth_slots = ExpirySlots { market: ETH_PERP, asset: ETH, time: of_eth, range };
    let refresh = build::refresh_expiry(
        &world.pool,
        &[slots(second, 2, 1), of_eth_slots, slots(first, 0, 2), slots(second, 0, 1)],
    );
    let sent = world.succeeds(&[refresh], &[]);
    let events = sent.telemetry::<ExpiryRefreshed>();
    let told: Vec<_> = events.iter().map(|e| (e.market, e.expiry_time, e.first, e.count)).collect();
    assert_eq!(told, [(0, second, 2, 1), (1, of_eth, 0, 1), (0, first, 0, 2), (0, second, 0, 1)]);

    let priced = |market, time| world.expiry(market, time).listed().iter().map(|s| s.reference.0 / PRICE).collect();
    let [first, second, of_eth]: [Vec<i64>; 3] =
        [priced(BTC_PERP, first), priced(BTC_PERP, second), priced(ETH_PERP, of_eth)];
    assert_eq!((first, second, of_eth), (vec![20_000; 2], vec![20_000, 0, 20_000], vec![1_500]));
}

#[test]
fn the_same_expiry_twice_is_priced_twice_alike() {
    let (mut world, time) = chain(&[18_000, 20_000, 22_000]);
    let before = world.svm.clone();
    world.refresh_expiry(BTC_PERP, time);
    let once = world.expiry(BTC_PERP, time);
    world.svm = before;
    let refresh = build::refresh_expiry(&world.pool, &[slots(time, 0, 2), slots(time, 0, 2), slots(time, 1, 2)]);
    world.succeeds(&[refresh], &[]);
    assert_eq!(bytemuck::bytes_of(&world.expiry(BTC_PERP, time)), bytemuck::bytes_of(&once));
}

#[test]
fn values_are_those_of_the_margin_crate_at_every_time_to_expiry() {
    let mut world = World::default();
    let usd = [1_000, 5_000, 10_000, 15_000, 18_000, 20_000, 20_500, 25_000, 40_000, 100_000, 400_000];
    let time = listed(&mut world, 1_090, TILTED, &usd);
    let strikes = usd.map(|usd| usd * PRICE);
    let left = [1_090 * DAY, 365 * DAY, 90 * DAY + 1, 30 * DAY, 30 * DAY - 1, 7 * DAY, DAY, DAY - 1, 3_600, 60, 1];
    for (round, seconds) in left.into_iter().enumerate() {
        world.pass(time - seconds - world.now());
        // Another price and another scan range, while strikes are in and out of the money.
        world.price(BTC, 20_000.0 + 137.77 * round as f64 * if round % 2 == 0 { 1.0 } else { -1.0 });
        agrees(&mut world, BTC_PERP, time, TILTED, &strikes);
    }
}

#[test]
fn values_are_those_of_the_margin_crate_for_smiles_at_their_bounds() {
    let level = |a| Forecast { basis: 0, a, b: 0, rho: 0, m: 0, sigma: 100_000 };
    let smiles = [
        TILTED,
        Forecast { basis: 200_000, ..TILTED },
        Forecast { basis: -200_000, ..TILTED },
        level(1),
        level(64_000_000),
        Forecast { m: 4_000_000, ..level(40_000) },
        Forecast { sigma: 1, rho: -999_999, ..level(40_000) },
        Forecast { b: 1_999_999, sigma: 1_000_000, ..level(64_000_000) },
        Forecast { b: 1_000_000, rho: 999_999, sigma: 1_000_000, ..level(64_000_000) },
        Forecast { b: 1_000_000, rho: -999_999, m: -500_000, sigma: 4_000_000, ..level(64_000_000) },
    ];
    let usd = [1_000, 10_000, 19_000, 20_000, 21_000, 40_000, 400_000];
    for days in [1, 1_000] {
        let mut world = World::default();
        let before = world.svm.clone();
        for forecast in smiles {
            let time = listed(&mut world, days, forecast, &usd);
            agrees(&mut world, BTC_PERP, time, forecast, &usd.map(|usd| usd * PRICE));
            world.svm = before.clone();
        }
    }
}

#[test]
fn values_are_those_of_the_margin_crate_at_the_widest_scan_range() {
    let assets = vec![AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("BTC", 8, 20_000.0).base_range(500_000)];
    let markets = vec![MarketSpec::new("BTC-PERP", BTC)];
    let mut world = Builder::default().assets(assets).markets(markets).unstaged().build();
    let usd = [10_000, 40_000, 60_000, 120_000];
    let time = listed(&mut world, 30, TILTED, &usd);
    world.pass(3_600);
    world.price(BTC, 60_000.0);
    assert_eq!(world.asset(BTC).scan_range, Ratio::ONE);
    agrees(&mut world, BTC_PERP, time, TILTED, &usd.map(|usd| usd * PRICE));
}

/// A chain of the reference vectors.
struct Reported {
    underlying: usize,
    days: i64,
    forecast: Forecast,
    strikes: Vec<i64>,
    /// Vols by strike, of the legs that are held.
    vols: Vec<(i64, f64)>,
}

const NAMES: [&str; 3] = ["BTC", "ETH", "SOL"];

fn reported(case: &serde_json::Value) -> Vec<Reported> {
    let ratio = |value: &serde_json::Value| (value.as_f64().unwrap() * 1e6).round() as i64;
    let price = |value: &serde_json::Value| (value.as_f64().unwrap() * 1e9).round() as i64;
    let chains = case["chains"].as_array().unwrap().iter();
    let of_chain = |chain: &serde_json::Value| {
        let [a, b, rho, m, sigma] = ["a", "b", "rho", "m", "sigma"].map(|name| ratio(&chain["svi"][name]));
        let options = case["legs"].as_array().unwrap().iter().filter(|leg| {
            let option = leg["kind"] == "call" || leg["kind"] == "put";
            option && leg["underlying"] == chain["underlying"] && leg["days"].as_f64() == chain["days"].as_f64()
        });
        Reported {
            underlying: NAMES.iter().position(|name| chain["underlying"] == *name).unwrap(),
            days: chain["days"].as_i64().unwrap(),
            forecast: Forecast { basis: ratio(&chain["basis"]), a, b, rho, m, sigma },
            strikes: chain["strikes"].as_array().unwrap().iter().map(price).collect(),
            vols: options.map(|leg| (price(&leg["strike"]), leg["vol"].as_f64().unwrap())).collect(),
        }
    };
    chains.map(of_chain).collect()
}

/// Every chain of the vectors, each in a market of its own, for some of them cross.
#[test]
fn values_are_those_of_the_margin_crate_for_the_chains_of_the_vectors() {
    let vectors = include_str!("../../crates/margin/tests/data/smile.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let (mut compared, mut vols) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        let chains = reported(case);
        let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
        assets.extend(NAMES.map(|name| {
            let facts = |field| case["underlyings"][name][field].as_f64().unwrap();
            AssetSpec::new(name, 8, facts("price")).base_range((facts("scan_range") * 1e6).round() as i64)
        }));
        let markets = chains.iter().map(|c| MarketSpec::new("ANY-PERP", c.underlying as u16 + 1)).collect();
        let mut world = Builder::default().assets(assets).markets(markets).unstaged().unpriced().build();
        // At 08:00, so that whole days are left.
        world.pass(world.expiry_in(0) - world.now());
        world.refresh();
        for (market, chain) in (0..).zip(&chains) {
            let time = world.now() + chain.days * DAY;
            world.list_expiry(market, time, chain.forecast);
            world.list_strikes(market, time, &chain.strikes);
            agrees(&mut world, market, time, chain.forecast, &chain.strikes);
            compared += chain.strikes.len();

            let expiry = world.expiry(market, time);
            for (strike, vol) in &chain.vols {
                let slot = expiry.listed().iter().find(|slot| slot.strike.0 == *strike).unwrap();
                assert!((f64::from(slot.vol) / 1e6 - vol).abs() < 2e-6, "{} for {vol}", slot.vol);
                vols += 1;
            }
        }
    }
    println!("{compared} strikes, {vols} vols");
    assert!(compared > 400 && vols > 100, "{compared} strikes, {vols} vols");
}

#[test]
fn a_price_of_its_greatest_age_and_a_forecast_of_any() {
    let (mut world, time) = chain(&[20_000]);
    world.pass(20 * DAY);
    world.refresh();
    world.pass(60);
    agrees(&mut world, BTC_PERP, time, TILTED, &[20_000 * PRICE]);
}

#[test]
fn up_to_the_last_second() {
    let (mut world, time) = chain(&[19_000, 20_000, 21_000]);
    world.pass(time - 1 - world.now());
    world.refresh();
    agrees(&mut world, BTC_PERP, time, TILTED, &[19_000, 20_000, 21_000].map(|usd| usd * PRICE));
}

#[test]
fn sixty_four_strikes_in_one_instruction() {
    let (mut world, time) = chain(&full());
    let refresh = build::refresh_expiry(&world.pool, &[slots(time, 0, 24), slots(time, 0, 24), slots(time, 0, 16)]);
    let sent = world.succeeds(&[refresh], &[]);
    println!("refresh_expiry of 64 strikes: {} CU", sent.units);
}

/// The goal is 12,000 CU a strike.
const CEILING: u64 = 20_000;

#[test]
fn compute_units_of_twenty_four_and_of_forty_eight_strikes() {
    for days in [1, 30, 365, 1_000] {
        let mut world = World::default();
        let first = listed(&mut world, days, TILTED, &full());
        let second = listed(&mut world, days + 1, TILTED, &full());
        let units = |world: &mut World, slots: &[ExpirySlots]| {
            let refresh: Instruction = build::refresh_expiry(&world.pool, slots);
            world.succeeds(&[refresh], &[]).units
        };
        let one = units(&mut world, &[slots(first, 0, 1)]);
        let some = units(&mut world, &[slots(first, 0, 24)]);
        let all = units(&mut world, &[slots(first, 0, 24), slots(second, 0, 24)]);
        let (more, each) = ((some - one) / 23, all / 48);
        println!("refresh_expiry, {days} days: 1 strike {one} CU, 24 {some}, 48 {all}; {each} a strike, {more} a further one");
        assert!(some <= 24 * CEILING && all <= 48 * CEILING, "{some} CU, {all} CU");
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, AccountMeta, NovateError};
    use novate_tests::Altered;

    // Positions of the accounts.
    const POOL: usize = 0;
    const EXPIRY: usize = 1;
    const ASSET: usize = 2;

    fn refresh(world: &World, time: i64) -> Instruction {
        world.refresh_expiry_instruction(BTC_PERP, time, 0, 1)
    }

    #[test]
    fn ranges_beyond_the_listed_strikes() {
        let (mut world, time) = chain(&[19_000, 20_000]);
        for (first, count) in [(0, 3), (1, 2), (2, 1), (24, 1), (255, 1), (255, 64), (0, 0), (1, 0), (2, 0)] {
            let refresh = world.refresh_expiry_instruction(BTC_PERP, time, first, count);
            world.refuses(&[refresh], &[], NovateError::StrikeRange);
        }
        // Behind a good one.
        let refresh = build::refresh_expiry(&world.pool, &[slots(time, 0, 2), slots(time, 1, 2)]);
        world.refuses(&[refresh], &[], NovateError::StrikeRange);
        let empty = world.expiry_in(40);
        world.list_expiry(BTC_PERP, empty, TILTED);
        let refresh = world.refresh_expiry_instruction(BTC_PERP, empty, 0, 1);
        world.refuses(&[refresh], &[], NovateError::StrikeRange);
    }

    #[test]
    fn sixty_five_strikes() {
        let (mut world, time) = chain(&full());
        let too_many = [slots(time, 0, 24), slots(time, 0, 24), slots(time, 0, 17)];
        let refresh = build::refresh_expiry(&world.pool, &too_many);
        world.refuses(&[refresh], &[], NovateError::TooManyRefreshed);
        let refresh = build::refresh_expiry(&world.pool, &[slots(time, 0, 255), slots(time, 0, 255)]);
        world.refuses(&[refresh], &[], NovateError::TooManyRefreshed);
    }

    #[test]
    fn accounts_that_are_no_pairs() {
        let (mut world, time) = chain(&[20_000]);
        let refresh = refresh(&world, time);
        world.refuses(&[refresh.clone().without_account(ASSET)], &[], NovateError::UnpairedExpiries);
        let none = refresh.clone().without_account(ASSET).without_account(EXPIRY);
        world.refuses(&[none], &[], NovateError::UnpairedExpiries);
        let odd = refresh.clone().and_account(addresses::asset(&world.pool, BTC));
        world.refuses(&[odd], &[], NovateError::UnpairedExpiries);
        let mut two = refresh;
        two.accounts.extend_from_within(1..);
        world.refuses(&[two], &[], NovateError::UnpairedExpiries);
        let none = build::refresh_expiry(&world.pool, &[]);
        world.refuses(&[none], &[], NovateError::UnpairedExpiries);
    }

    #[test]
    fn the_price_must_be_fresh() {
        let (mut world, time) = chain(&[20_000]);
        world.pass(61);
        let refresh = refresh(&world, time);
        world.refuses(&[refresh], &[], NovateError::PriceStale);
    }

    #[test]
    fn there_must_be_a_price() {
        let mut world = Builder::default().unpriced().build();
        let time = world.chain(BTC_PERP, 30, 0.6, &[]);
        let refresh = refresh(&world, time);
        world.refuses(&[refresh], &[], NovateError::PriceMissing);
    }

    #[test]
    fn an_expiry_that_has_passed() {
        let (mut world, time) = chain(&[20_000]);
        for wait in [time - world.now(), DAY] {
            world.pass(wait);
            world.refresh();
            let refresh = refresh(&world, time);
            world.refuses(&[refresh], &[], NovateError::ExpiryPassed);
        }
    }

    #[test]
    fn one_refused_range_reverts_all() {
        let mut world = World::default();
        let first = listed(&mut world, 1, TILTED, &[20_000]);
        let second = listed(&mut world, 30, TILTED, &[20_000]);
        world.pass(first - world.now());
        world.refresh();
        let refresh = build::refresh_expiry(&world.pool, &[slots(second, 0, 1), slots(first, 0, 1)]);
        world.refuses(&[refresh], &[], NovateError::ExpiryPassed);
    }

    #[test]
    fn the_asset_must_be_the_underlying() {
        let (mut world, time) = chain(&[20_000]);
        let other = addresses::asset(&world.pool, ETH);
        let refresh = refresh(&world, time).with_account(ASSET, other);
        world.refuses(&[refresh], &[], NovateError::WrongUnderlying);
    }

    #[test]
    fn accounts_of_another_pool() {
        let (mut world, time) = chain(&[20_000]);
        let (home, other) = (world.pool, world.second_pool());
        world.pool = other;
        listed(&mut world, 30, TILTED, &[20_000]);
        let of_other = refresh(&world, time);
        world.pool = home;
        let refresh = refresh(&world, time);
        for at in [POOL, EXPIRY, ASSET] {
            let foreign = of_other.accounts[at].pubkey;
            world.refuses(&[refresh.clone().with_account(at, foreign)], &[], NovateError::WrongPool);
        }
    }

    #[test]
    fn an_expiry_that_is_not_writable() {
        let (mut world, time) = chain(&[20_000]);
        let refresh = refresh(&world, time).read_only(EXPIRY);
        world.refuses(&[refresh], &[], NovateError::NotWritable);
    }

    #[test]
    fn accounts_of_another_kind_or_program() {
        let (mut world, time) = chain(&[20_000]);
        let refresh = refresh(&world, time);
        let (market, mint) = (addresses::market(&world.pool, BTC_PERP), world.listing(BTC).token.mint);
        world.refuses(&[refresh.clone().swapped(EXPIRY, ASSET)], &[], NovateError::UnexpectedAccount);
        for at in [EXPIRY, ASSET] {
            world.refuses(&[refresh.clone().with_account(at, market)], &[], NovateError::UnexpectedAccount);
            world.refuses(&[refresh.clone().with_account(at, mint)], &[], NovateError::WrongOwner);
        }
        let expiry = refresh.accounts[EXPIRY].pubkey;
        let twice = refresh.clone().with_account(ASSET, expiry);
        world.refuses(&[twice], &[], NovateError::UnexpectedAccount);
        world.refuses(&[refresh.clone().with_account(POOL, market)], &[], ErrorCode::AccountDiscriminatorMismatch);
        world.refuses(&[refresh.with_account(POOL, mint)], &[], ErrorCode::AccountOwnedByWrongProgram);
    }

    /// An expiry that no instruction made, of the program's kind but not its own.
    #[test]
    fn an_account_that_only_looks_like_an_expiry() {
        let (mut world, time) = chain(&[20_000]);
        let refresh = refresh(&world, time);
        let mut account = world.account(&refresh.accounts[EXPIRY].pubkey);
        account.owner = world.listing(BTC).token.program;
        let forged = world.new_address();
        world.svm.set_account(forged, account).unwrap();
        world.refuses(&[refresh.with_account(EXPIRY, forged)], &[], NovateError::WrongOwner);
    }

    #[test]
    fn more_accounts_than_ranges_hide_nothing() {
        let (mut world, time) = chain(&[20_000]);
        let mut refresh = refresh(&world, time);
        let expiry = refresh.accounts[EXPIRY].pubkey;
        refresh.accounts.push(AccountMeta::new(expiry, false));
        refresh.accounts.push(AccountMeta::new_readonly(expiry, false));
        world.refuses(&[refresh], &[], NovateError::UnpairedExpiries);
    }
}
