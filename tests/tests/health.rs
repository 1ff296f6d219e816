use novate_client::instructions as build;
use novate_client::HealthReport;
use novate_tests::feed::Quote;
use novate_tests::{
    Actor, Builder, Chance, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, GOLD, PRICE, SOL,
    SOL_PERP, USDC,
};

/// The report as a client computes it from the accounts.
pub fn local(world: &World, actor: &Actor) -> HealthReport {
    world.snapshot().report(&world.portfolio(&actor.portfolio), world.now()).unwrap()
}

#[test]
fn an_empty_portfolio_needs_and_has_nothing() {
    let mut world = World::default();
    let owner = world.actor();
    let health = world.health(&owner);
    assert_eq!((health.equity, health.settled_equity, health.initial, health.maintenance), (0, 0, 0, 0));
    assert!(health.by_underlying.is_empty());
}

#[test]
fn a_long_perpetual_needs_its_scan_range() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.picture();
    let health = world.health(&owner);
    assert_eq!(before.differences(&world.picture()), []);
    assert_eq!((health.equity, health.settled_equity), (9_990 * DOLLAR, 9_990 * DOLLAR));
    assert_eq!((health.initial, health.maintenance), (3_000 * DOLLAR, 2_400 * DOLLAR));
    assert_eq!((health.gross, health.core, health.net_delta_floor), (3_000 * DOLLAR, 3_000 * DOLLAR, 400 * DOLLAR));
    let [btc] = <[_; 1]>::try_from(health.by_underlying).unwrap();
    assert_eq!((btc.asset, btc.net_delta, btc.scan_loss), (BTC, CONTRACT, 3_000 * DOLLAR));
    assert_eq!(btc.worst_move, -150_000);
}

#[test]
fn collateral_offsets_a_short_perpetual_but_for_the_basis() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(1_000), world.trader(100_000));
    world.deposit(&owner, BTC, 100_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, -CONTRACT, 20_000 * PRICE)]);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.core), (20_990 * DOLLAR, 0));
    assert_eq!((health.initial, health.maintenance), (200 * DOLLAR, 160 * DOLLAR));
}

#[test]
fn a_balance_outside_of_the_scan_costs_its_haircut() {
    let mut world = World::default();
    let owner = world.actor();
    world.deposit(&owner, GOLD, 2_000_000);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.outside), (100 * DOLLAR, 12_500_000));
    assert_eq!((health.initial, health.maintenance), (12_500_000, 10 * DOLLAR));
}

#[test]
fn a_settlement_asset_below_its_peg_raises_initial_margin_only() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(USDC, 0.89);
    let health = world.health(&owner);
    assert_eq!((health.initial, health.maintenance), (4_200 * DOLLAR, 2_400 * DOLLAR));
    assert_eq!(health.equity, 8_891_100_000);
}

#[test]
fn confidence_of_the_price_is_charged() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let now = world.now();
    world.publish(BTC, Quote::new(20_000.0, now).with_confidence(0.005));
    let refresh = world.refresh_asset(&[BTC]);
    world.succeeds(&[refresh], &[]);
    let health = world.health(&owner);
    assert_eq!((health.by_underlying[0].confidence, health.initial), (212 * DOLLAR, 3_212 * DOLLAR));
}

#[test]
fn a_client_computes_the_same_to_the_unit() {
    let mut world = Builder::default()
        .markets(vec![
            MarketSpec::new("BTC-PERP", BTC),
            MarketSpec::new("ETH-PERP", ETH),
            MarketSpec::new("SOL-PERP", SOL),
            MarketSpec::new("BTC2-PERP", BTC).with(|t| (t.tick, t.lot, t.minimum, t.sigma_limit) = (1, 1, 1, 10_000)),
        ])
        .rows(128)
        .build();
    let maker = world.trader(1_000_000_000);
    let mut chance = Chance::new(11);
    let usd = [1.0, 20_000.0, 1_500.0, 30.0, 50.0];
    let (mut hedged, mut diversified) = (0, 0);
    for _ in 0..40 {
        let owner = world.trader(chance.between(50_000, 200_000));
        for asset in [BTC, ETH, SOL, GOLD] {
            if chance.percent(50) {
                let decimals = u32::from(world.listing(asset).spec.decimals);
                let most = (10_000.0 / usd[usize::from(asset)] * 10f64.powi(decimals as i32)) as i64;
                world.deposit(&owner, asset, chance.between(1, most) as u64);
            }
        }
        for (market, asset) in [(BTC_PERP, BTC), (ETH_PERP, ETH), (SOL_PERP, SOL), (3, BTC)] {
            if chance.percent(60) {
                let price = world.asset(asset).price.0 / 10_000_000 * 10_000_000;
                let most = 20_000 * CONTRACT as i128 * PRICE as i128 / price as i128 / 1_000_000;
                let quantity = chance.between(10, most as i64) * 1_000_000 + i64::from(market == 3);
                let sign = *chance.pick(&[1, -1]);
                world.trade(&owner, &maker, &[(market, sign * quantity, price)]);
            }
        }
        world.pass(3_600);
        for asset in 0..5 {
            let moved = 1.0 + chance.between(-40, 40) as f64 / 1_000.0;
            let moved = if asset == USDC { 1.0 - (moved - 1.0).abs() / 2.0 } else { moved };
            let now = world.now();
            let quote = Quote::new(usd[usize::from(asset)] * moved, now - chance.between(0, 5));
            world.publish(asset, quote.with_confidence(chance.between(0, 90) as f64 / 10_000.0));
        }
        let refresh = world.refresh_asset(&[0, 1, 2, 3, 4]);
        let marks = build::refresh_market(&world.pool, &[(0, BTC), (1, ETH), (2, SOL), (3, BTC)]);
        world.succeeds(&[refresh, marks], &[]);
        for market in 0..4 {
            let settle = world.settle_instruction(&owner, market);
            let _ = world.attempt(settle, &[]);
        }
        let (chain, client) = (world.health(&owner), local(&world, &owner));
        assert_eq!(chain, client);
        hedged += usize::from(chain.contingencies > 0);
        diversified += usize::from(chain.core < chain.gross);
    }
    assert!(hedged > 10 && diversified > 10, "the portfolios were too simple: {hedged}, {diversified}");
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    fn long() -> (World, novate_client::Instruction) {
        let mut world = World::default();
        let (owner, maker) = (world.trader(10_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        let health = build::health(world.keys(), owner.portfolio, &world.holdings(&[owner.portfolio]));
        (world, health)
    }

    #[test]
    fn a_list_without_what_is_held() {
        let (mut world, health) = long();
        let missing = [NovateError::AssetMissing, NovateError::AssetMissing, NovateError::MarketMissing];
        for (at, error) in missing.into_iter().enumerate() {
            world.refuses(&[health.clone().without_account(3 + at)], &[], error);
        }
    }

    #[test]
    fn a_list_out_of_order_twice_or_foreign() {
        let (mut world, health) = long();
        let twice = health.accounts[5].pubkey;
        let mint = world.listing(BTC).token.mint;
        for (wrong, error) in [
            (health.clone().swapped(4, 5), NovateError::AccountsOutOfOrder),
            (health.clone().and_account(twice), NovateError::DuplicateAccount),
            (health.clone().with_account(4, mint), NovateError::WrongOwner),
            (health.clone().with_account(4, world.pool), NovateError::UnexpectedAccount),
        ] {
            world.refuses(&[wrong], &[], error);
        }
    }

    #[test]
    fn a_stale_price() {
        let (mut world, health) = long();
        world.pass(61);
        world.refuses(&[health], &[], NovateError::PriceStale);
    }

    #[test]
    fn another_pool_or_other_rows() {
        let (mut world, health) = long();
        let other = world.second_pool();
        let scenarios = addresses::scenarios(&other, 1);
        world.refuses(&[health.clone().with_account(1, scenarios)], &[], NovateError::WrongScenarios);
        let foreign = health.clone().with_account(0, other).with_account(1, scenarios);
        world.refuses(&[foreign], &[], NovateError::WrongPool);
        let foreign = health.clone().with_account(4, addresses::asset(&other, BTC));
        world.refuses(&[foreign], &[], NovateError::WrongPool);
        let kind = addresses::asset(&world.pool, BTC);
        world.refuses(&[health.with_account(2, kind)], &[], ErrorCode::AccountDiscriminatorMismatch);
    }
}
