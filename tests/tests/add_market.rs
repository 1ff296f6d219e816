use novate::events::MarketAdded;
use novate_client::state::Pool;
use novate_client::{addresses, instructions as build, MarketTerms, NovateError, ParamSetting};
use novate_margin::{Ratio, NO_COLUMN};
use novate_tests::{
    flat, AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DAY, DOLLAR, GOLD, PRICE, SOL_PERP,
};
use solana_signer::Signer;

const NEXT: u16 = SOL_PERP + 1;

fn terms() -> MarketTerms {
    MarketSpec::new("NEW-PERP", GOLD).terms
}

#[test]
fn the_first_market_makes_its_asset_an_underlying_with_a_column() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    assert_eq!((world.asset(GOLD).underlying, world.asset(GOLD).column), (0, NO_COLUMN));
    let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms());
    let sent = world.succeeds(&[add], &[&governor]);

    let (market, terms) = (world.market(NEXT), terms());
    assert_eq!((market.version, market.index, market.asset, market.pool), (1, NEXT, GOLD, world.pool));
    assert_eq!((market.symbol, market.tick.0, market.lot.0), (terms.symbol, terms.tick, terms.lot));
    assert_eq!((market.minimum.0, market.band.0, market.fee.0), (terms.minimum, terms.band, terms.fee));
    assert_eq!((market.open_interest_cap.0, market.position_cap.0), (terms.open_interest_cap, terms.position_cap));
    assert_eq!((market.sigma_limit.0, market.initial_multiplier), (terms.sigma_limit, Ratio::ONE));
    assert_eq!((market.option_tick.0, market.option_fee_cap.0), (terms.option_tick, terms.option_fee_cap));
    assert_eq!((market.listed_expiries(), market.expiries), (&[][..], [0; 32]));
    assert_eq!((market.long.0, market.short.0, market.variation_pool.0), (0, 0, 0));
    assert_eq!((market.accrued_fees.0, market.rounding.0, market.premium.0), (0, 0, 0));
    assert_eq!((world.asset(GOLD).underlying, world.asset(GOLD).column), (1, 3));
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.market_count, pool.column_count), (NEXT + 1, 4));

    let event: MarketAdded = sent.event();
    assert_eq!((event.version, event.pool, event.index, event.asset), (1, world.pool, NEXT, GOLD));
    assert_eq!((event.market, event.time), (addresses::market(&world.pool, NEXT), world.now()));
}

#[test]
fn a_second_market_on_an_asset_takes_no_column() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let before = world.asset(BTC);
    let add = build::add_market(governor.pubkey(), world.pool, BTC, NEXT, terms());
    world.succeeds(&[add], &[&governor]);
    assert_eq!((world.asset(BTC).column, world.asset(BTC).underlying), (before.column, 1));
    assert_eq!(world.state::<Pool>(&world.pool).column_count, 3);
}

#[test]
fn the_seventeenth_underlying_has_no_column() {
    let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
    assets.extend((0..17).map(|_| AssetSpec::new("A", 6, 1.0)));
    let markets = (1..=17).map(|asset| MarketSpec::new("A-PERP", asset)).collect();
    let world = Builder::default().assets(assets).markets(markets).unstaged().unpriced().build();
    assert_eq!((world.asset(16).column, world.asset(16).underlying), (15, 1));
    assert_eq!((world.asset(17).column, world.asset(17).underlying), (NO_COLUMN, 1));
    assert_eq!(world.state::<Pool>(&world.pool).column_count, 16);
}

/// Balances of an underlying count in the scan, which no haircut bounds (MRG-62).
#[test]
fn an_asset_listed_in_a_pool_that_trades_waits_two_weeks() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let listing = world.issue(AssetSpec::new("WIF", 6, 2.0));
    world.listings.push(listing);
    let add = world.add_asset_instruction(GOLD + 1);
    world.succeeds(&[add], &[&governor]);
    let market = build::add_market(governor.pubkey(), world.pool, GOLD + 1, NEXT, terms());
    for seconds in [0, 14 * 86_400 - 1] {
        world.pass(seconds);
        world.refuses(std::slice::from_ref(&market), &[&governor], novate_client::NovateError::AssetSeasoning);
    }
    // By the clock: nobody has to refresh the asset before.
    world.pass(1);
    world.succeeds(&[market], &[&governor]);
    assert_eq!(world.asset(GOLD + 1).underlying, 1);
}

/// Open interest may grow from nothing, and the cap is there after two weeks.
#[test]
fn in_a_pool_that_trades_the_cap_opens_over_two_weeks() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let terms = MarketTerms { open_interest_cap: 14 * CONTRACT, ..MarketSpec::new("BTC2-PERP", BTC).terms };
    let add = build::add_market(governor.pubkey(), world.pool, BTC, NEXT, terms);
    world.succeeds(&[add], &[&governor]);
    world.underlyings.push(BTC);
    let (first, second) = (world.trader(1_000_000), world.trader(1_000_000));
    let refused = |world: &mut World, size| {
        let trade = world.trade_instruction(first.side(), second.side(), &[(NEXT, size, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::OpenInterestCap);
    };
    refused(&mut world, CONTRACT / 100);
    for day in 1..=14 {
        world.pass(DAY);
        world.refresh();
        world.succeeds(&[build::refresh_market(&world.pool, &[(NEXT, BTC)])], &[]);
        refused(&mut world, CONTRACT + CONTRACT / 100);
        world.trade(&first, &second, &[(NEXT, CONTRACT, 20_000 * PRICE)]);
        let (market, whole) = (world.market(NEXT), day == 14);
        assert_eq!(market.open_interest_limit(world.now()).0, day * CONTRACT);
        assert_eq!((market.long.0, market.listed == 0, market.is_young(world.now())), (day * CONTRACT, whole, !whole));
    }
    assert_eq!(world.market(BTC_PERP).listed, 0, "that was there before");
}

/// What an option's writer lost nobody has gained yet: a loss that only the fund could pay (CLR-32).
#[test]
fn a_market_of_the_last_two_weeks_lists_no_expiry() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let add = build::add_market(governor.pubkey(), world.pool, BTC, NEXT, MarketSpec::new("BTC2-PERP", BTC).terms);
    world.succeeds(&[add], &[&governor]);
    let time = world.expiry_in(30);
    world.pass(14 * DAY - 1);
    let list = world.list_expiry_instruction(NEXT, time, flat(0.5, time - world.now()));
    world.refuses(&[list], &[&governor], NovateError::MarketSeasoning);
    world.pass(1);
    let list = world.list_expiry_instruction(NEXT, time, flat(0.5, time - world.now()));
    world.succeeds(&[list], &[&governor]);
}

/// Its balances leave their haircut by the days, so that nobody is liquidatable who met initial margin a day before.
#[test]
fn balances_of_its_asset_enter_the_scan_over_two_weeks() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    // Gold at 10 % outside the scan asks for 12.5 %, in it for 15 %.
    let (owner, maker) = (world.trader(20_000), world.trader(1_000_000));
    world.deposit(&owner, GOLD, 1_000_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, 15 * CONTRACT, 20_000 * PRICE)]);
    world.to_initial(&owner);
    let before = world.health(&owner);
    let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms());
    world.succeeds(&[add], &[&governor]);
    let now = world.health(&owner);
    assert_eq!((now.equity, now.maintenance, now.initial), (before.equity, before.maintenance, before.initial));
    let (maintenance, mut last) = (before.maintenance, before);
    for day in 1..=15 {
        world.pass(DAY);
        world.refresh();
        let health = world.health(&owner);
        assert!(health.maintenance <= last.initial, "day {day}");
        assert_eq!(health.maintenance == last.maintenance, day == 1 || day == 15, "day {day}");
        assert_eq!(world.asset(GOLD).scanned == 0, day >= 14);
        last = health;
    }
    println!("maintenance margin: {} to {} USD", maintenance / DOLLAR, last.maintenance / DOLLAR);
}

/// Nor does anything else raise margin meanwhile.
#[test]
fn for_those_two_weeks_the_authority_raises_nothing_else() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let owner = world.actor();
    world.deposit(&owner, GOLD, 1_000_000);
    let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms());
    let params = build::set_params(governor.pubkey(), world.pool, vec![ParamSetting { parameter: 6, value: 12_000 }]);
    let mut other = world.twin();
    other.succeeds(std::slice::from_ref(&params), &[&governor]);
    novate_tests::refused(&mut other, add.clone(), NovateError::MarginMoving);
    world.succeeds(&[add], &[&governor]);
    world.pass(14 * DAY - 1);
    novate_tests::refused(&mut world, params.clone(), NovateError::MarginMoving);
    world.pass(1);
    world.succeeds(&[params], &[&governor]);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::state::MAX_QUANTITY;
    use novate_tests::{Altered, USDC};

    #[test]
    fn only_the_authority_lists_markets() {
        let mut world = World::default();
        let stranger = world.new_wallet();
        let add = build::add_market(stranger.pubkey(), world.pool, GOLD, NEXT, terms());
        world.refuses(&[add], &[&stranger], NovateError::NotAuthority);
    }

    #[test]
    fn the_settlement_asset_is_no_underlying() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let add = build::add_market(governor.pubkey(), world.pool, USDC, NEXT, terms());
        world.refuses(&[add], &[&governor], NovateError::SettlementUnderlying);
    }

    #[test]
    fn the_asset_must_be_of_the_pool() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let other = world.second_pool();
        let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms());
        let foreign = addresses::asset(&other, GOLD);
        world.refuses(&[add.with_account(1, foreign)], &[&governor], NovateError::WrongPool);
    }

    #[test]
    fn terms_beyond_their_bounds_are_refused() {
        let changes: [fn(&mut MarketTerms); 17] = [
            |t| t.tick = 0,
            |t| t.lot = 0,
            |t| t.lot = -1,
            |t| t.minimum = t.lot - 1,
            |t| t.minimum = t.lot * 3 / 2,
            |t| t.position_cap = t.minimum - 1,
            |t| t.position_cap = MAX_QUANTITY + 1,
            |t| t.open_interest_cap = t.minimum - 1,
            |t| t.band = 0,
            |t| t.band = 200_001,
            |t| t.fee = -1,
            |t| t.fee = 10_001,
            |t| t.sigma_limit = 0,
            |t| t.sigma_limit = 1_000_001,
            |t| t.option_tick = 0,
            |t| t.option_fee_cap = 0,
            |t| t.option_fee_cap = 500_001,
        ];
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        for (at, change) in changes.iter().enumerate() {
            println!("change {at}");
            let mut terms = terms();
            change(&mut terms);
            let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms);
            world.refuses(&[add], &[&governor], NovateError::InvalidMarketTerms);
        }
    }

    /// In the scan it would ask for far more than outside of it: within a day for more than lies between maintenance and initial margin.
    #[test]
    fn a_first_market_on_collateral_with_a_small_haircut() {
        for (haircut, sound) in [(37_500, true), (37_499, false), (0, false)] {
            let mut world = Builder::default().with_asset(GOLD, |gold| gold.haircut_base = haircut).build();
            let governor = world.governor.insecure_clone();
            let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms());
            // What nobody holds asks nobody for more.
            world.twin().succeeds(std::slice::from_ref(&add), &[&governor]);
            let owner = world.actor();
            world.deposit(&owner, GOLD, 1);
            match sound {
                true => drop(world.succeeds(&[add], &[&governor])),
                false => world.refuses(&[add], &[&governor], NovateError::ScanAboveHaircut),
            }
        }
    }

    #[test]
    fn indices_are_given_in_order() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        for index in [SOL_PERP, NEXT + 1] {
            let add = build::add_market(governor.pubkey(), world.pool, GOLD, index, terms());
            world.refuses(&[add], &[&governor], ErrorCode::ConstraintSeeds);
        }
    }

    #[test]
    fn another_kind_of_account_is_no_asset() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let add = build::add_market(governor.pubkey(), world.pool, GOLD, NEXT, terms());
        let market = addresses::market(&world.pool, SOL_PERP);
        world.refuses(&[add.with_account(1, market)], &[&governor], ErrorCode::AccountDiscriminatorMismatch);
    }
}
