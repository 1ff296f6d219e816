//! Yield-bearing collateral from its listing to its liquidation (MRG-61). Prices are chosen so that every figure is exact: SOL
//! at 30 USD, JitoSOL redeemed for 1.2 SOL, 36 USD.

use novate::events::{AssetAdded, Liquidated};
use novate_client::instructions::{self as build, Transfer};
use novate_client::order::Cluster;
use novate_client::{addresses, state::REDEMPTION_AGE, Instruction, NovateError};
use novate_tests::stake_pool::STAKE_PROGRAM;
use novate_tests::{
    checker, Actor, Altered, AssetSpec, Builder, Chance, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH,
    ETH_PERP, JITOSOL, PRICE, SOL, SOL_PERP, USDC,
};

use crate::checking::raw;
use crate::health::local;

const RATE: u64 = 1_200_000_000;
/// One token, in the mint's units.
const TOKEN: u64 = 1_000_000_000;

fn redeemed() -> World {
    let mut world = World::staking();
    world.redeem_at(JITOSOL, RATE);
    world
}

/// An owner with so much cash and ten JitoSOL, and a maker.
fn staked(usd: i64) -> (World, Actor, Actor) {
    let mut world = redeemed();
    let (owner, maker) = (world.actor(), world.trader(1_000_000));
    if usd > 0 {
        world.deposit(&owner, USDC, (usd * DOLLAR) as u64);
    }
    world.deposit(&owner, JITOSOL, 10 * TOKEN);
    (world, owner, maker)
}

/// The same, with as much SOL sold as the JitoSOL is redeemed for.
fn hedged(usd: i64) -> (World, Actor, Actor) {
    let (mut world, owner, maker) = staked(usd);
    world.trade(&owner, &maker, &[(SOL_PERP, -12 * CONTRACT, 30 * PRICE)]);
    (world, owner, maker)
}

#[test]
fn it_is_listed_with_what_it_is_redeemed_for() {
    let mut world = World::staking();
    let governor = world.governor.insecure_clone();
    let stake_pool = world.new_address();
    let listing = world.issue(AssetSpec::new("MSOL", 9, 39.0).redeemed_for(SOL, stake_pool));
    world.listings.push(listing);
    let add = world.add_asset_instruction(JITOSOL + 1);
    let event: AssetAdded = world.succeeds(&[add], &[&governor]).event();
    assert_eq!((event.redemption_underlying, event.stake_pool), (SOL, stake_pool));

    let asset = world.asset(JITOSOL + 1);
    let redemption = asset.redemption;
    assert!(asset.is_yield_bearing() && !world.asset(SOL).is_yield_bearing());
    assert_eq!((redemption.underlying, redemption.stake_pool), (SOL, stake_pool));
    assert_eq!((redemption.stake_program, redemption.depeg_limit.0), (STAKE_PROGRAM, 50_000));
    assert_eq!((redemption.rate.0, redemption.time), (0, 0));
}

#[test]
fn a_balance_names_what_it_is_redeemed_for() {
    let (world, owner, _) = staked(1);
    let portfolio = world.portfolio(&owner.portfolio);
    let [balance] = <[_; 1]>::try_from(portfolio.balances()).unwrap();
    assert_eq!((balance.asset, balance.underlying, balance.redemption_underlying), (JITOSOL, 0, SOL));
    let holdings = world.holdings(&[owner.portfolio]);
    assert_eq!(holdings.assets().collect::<Vec<_>>(), [USDC, SOL, JITOSOL]);
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

#[test]
fn alone_it_needs_the_scan_range_of_its_underlying_and_its_basis() {
    let (mut world, owner, _) = staked(0);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.counted_equity, health.settled_equity), (360_000_000, 360_000_000, 360_000_000));
    // 25 % and 5 % of 360.
    assert_eq!((health.core, health.contingencies, health.outside), (90_000_000, 18_000_000, 0));
    let [sol] = <[_; 1]>::try_from(health.by_underlying).unwrap();
    assert_eq!((sol.asset, sol.net_delta, sol.basis), (SOL, 12 * CONTRACT, 18_000_000));
}

#[test]
fn a_short_perpetual_hedged_with_it_needs_its_charge_and_the_basis_only() {
    let (mut world, owner, _) = hedged(1_000);
    let health = world.health(&owner);
    // A fee of 0.05 % of 360.
    assert_eq!((health.equity, health.core, health.net_delta_floor), (1_359_820_000, 0, 0));
    // 5 % and 1 % of 360.
    assert_eq!((health.contingencies, health.by_underlying[0].basis), (21_600_000, 21_600_000));
    assert_eq!((health.initial, health.maintenance), (21_600_000, 17_280_000));
    assert_eq!(health, local(&world, &owner));
}

#[test]
fn it_adds_to_a_balance_of_its_underlying_and_to_others_like_it() {
    let mut world = redeemed();
    let (governor, stake_pool) = (world.governor.insecure_clone(), world.new_address());
    let listing = world.issue(AssetSpec::new("MSOL", 9, 39.0).redeemed_for(SOL, stake_pool));
    world.listings.push(listing);
    let add = world.add_asset_instruction(JITOSOL + 1);
    world.succeeds(&[add], &[&governor]);
    world.season(JITOSOL + 1);
    world.redeem_at(JITOSOL + 1, 1_300_000_000);
    world.refresh();
    let owner = world.actor();
    for asset in [SOL, JITOSOL, JITOSOL + 1] {
        world.deposit(&owner, asset, 10 * TOKEN);
    }
    let health = world.health(&owner);
    let [sol] = <[_; 1]>::try_from(health.by_underlying).unwrap();
    // 10 SOL, 12 and 13; 5 % of 25 SOL.
    assert_eq!((health.equity, sol.net_delta, sol.basis), (1_050 * DOLLAR, 35 * CONTRACT, 37_500_000));
}

#[test]
fn an_underlying_needs_no_market() {
    let assets = vec![
        AssetSpec::new("USDC", 6, 1.0),
        AssetSpec::new("BTC", 8, 20_000.0),
        AssetSpec::new("SOL", 9, 30.0).base_range(250_000),
        AssetSpec::new("JITOSOL", 9, 36.0).redeemed_for(2, STAKE_PROGRAM),
    ];
    let mut world = Builder::default().assets(assets).markets(vec![MarketSpec::new("BTC-PERP", 1)]).build();
    world.redeem_at(3, RATE);
    let owner = world.actor();
    world.deposit(&owner, 2, 10 * TOKEN);
    world.deposit(&owner, 3, 10 * TOKEN);
    let health = world.health(&owner);
    // A haircut of 10 %, times 1.25, on the SOL; scan range and charge on the JitoSOL.
    assert_eq!((health.equity, health.outside), (660 * DOLLAR, 37_500_000));
    assert_eq!((health.core, health.contingencies), (90 * DOLLAR, 18 * DOLLAR));
}

/// What ten JitoSOL are worth at a market price, and what of it counts.
#[track_caller]
fn worth(usd: f64, equity: i64, counted: i64) {
    let (mut world, owner, _) = staked(0);
    world.price(JITOSOL, usd);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.counted_equity, health.settled_equity), (equity, counted, counted), "at {usd}");
    assert_eq!(health, local(&world, &owner));
}

#[test]
fn it_is_worth_the_lower_of_redemption_and_market() {
    worth(35.7, 357 * DOLLAR, 357 * DOLLAR);
    worth(36.0, 360 * DOLLAR, 360 * DOLLAR);
    worth(36.3, 360 * DOLLAR, 360 * DOLLAR);
}

#[test]
fn beyond_its_depeg_limit_it_is_equity_but_does_not_count() {
    // 5 % of 36 is 1.80. What does not count is rounded up.
    worth(34.2, 342 * DOLLAR, 342 * DOLLAR);
    worth(34.199_999_99, 341_999_999, -1);
    worth(37.8, 360 * DOLLAR, 360 * DOLLAR);
    worth(37.800_000_01, 360 * DOLLAR, 0);
}

#[test]
fn with_a_rate_more_than_three_days_old_it_is_equity_but_does_not_count() {
    let (mut world, owner, _) = staked(0);
    world.pass(REDEMPTION_AGE);
    world.refresh();
    let health = world.health(&owner);
    assert_eq!((health.equity, health.counted_equity), (360 * DOLLAR, 360 * DOLLAR));
    world.pass(1);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.counted_equity, health.settled_equity), (360 * DOLLAR, 0, 0));
    assert_eq!(health, local(&world, &owner));
    world.redeem_at(JITOSOL, RATE);
    assert_eq!(world.health(&owner).counted_equity, 360 * DOLLAR);
}

#[test]
fn a_slashed_stake_pool_lowers_it_at_once() {
    let (mut world, owner, _) = staked(0);
    world.redeem_at(JITOSOL, 1_190_000_000);
    assert_eq!(world.health(&owner).equity, 357 * DOLLAR);
}

#[test]
fn what_does_not_count_still_keeps_from_liquidation() {
    let (mut world, owner, _) = hedged(5);
    world.price(JITOSOL, 33.0);
    let health = world.health(&owner);
    assert!(health.counted_equity < health.maintenance && health.equity > health.maintenance);
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
}

#[test]
fn it_is_withdrawn_against_initial_margin() {
    let (mut world, owner, _) = hedged(1_000);
    world.withdraw(&owner, USDC, 1_000 * DOLLAR as u64);
    // Without cash 9.4 JitoSOL are left: 338.40 of equity, less the fee, for 0.72 SOL short and both charges.
    world.withdraw(&owner, JITOSOL, 6 * TOKEN / 10);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.by_underlying[0].net_delta), (338_220_000, -720_000_000));
    assert_eq!(health.by_underlying[0].basis, 16_920_000 + 3_384_000);
    let all = world.withdraw_instruction(&owner, JITOSOL, 94 * TOKEN / 10);
    world.refuses(&[all], &[&owner.key], NovateError::BelowInitialMargin);
    assert_eq!(world.tokens(&owner.tokens[usize::from(JITOSOL)]), 6 * TOKEN / 10);
}

#[test]
fn without_positions_it_is_withdrawn_whatever_the_prices_and_the_rate() {
    let mut world = World::staking();
    let owner = world.actor();
    world.deposit(&owner, JITOSOL, TOKEN);
    world.pass(10_000_000);
    world.withdraw(&owner, JITOSOL, TOKEN);
    assert!(world.portfolio(&owner.portfolio).is_empty());
    assert_eq!(world.portfolio(&owner.portfolio).balances[0], Default::default());
}

#[test]
fn beside_positions_more_of_it_needs_no_price_and_no_list() {
    let (mut world, owner, _) = hedged(1_000);
    world.pass(10_000_000);
    world.fund(&owner, JITOSOL, 1);
    let deposit = world.deposit_instruction(&owner, JITOSOL, 1).without_account(10);
    world.succeeds(&[deposit], &[&owner.key]);
    assert_eq!(world.portfolio(&owner.portfolio).balance_of(JITOSOL).tokens, 10 * TOKEN + 1);
}

#[test]
fn beside_positions_it_is_deposited_with_what_it_is_redeemed_for() {
    let mut world = redeemed();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
    world.deposit(&owner, JITOSOL, TOKEN);
    assert_eq!(world.health(&owner).equity, 9_999 * DOLLAR + 36 * DOLLAR);
}

/// A sub-account with JitoSOL, another one with a position, and the transfer of one to the other.
fn transfer() -> (World, Actor, Instruction) {
    let (mut world, owner, maker) = staked(10_000);
    let second = world.sub_account(&owner, 1);
    world.deposit(&second, USDC, 1_000 * DOLLAR as u64);
    world.trade(&second, &maker, &[(BTC_PERP, CONTRACT / 100, 20_000 * PRICE)]);
    let transfer = Transfer { from: owner.portfolio, to: second.portfolio, asset: JITOSOL, amount: 4 * TOKEN };
    let holdings = world.holdings(&[owner.portfolio]);
    let instruction = build::transfer(owner.address(), world.keys(), &holdings, transfer);
    (world, owner, instruction)
}

#[test]
fn it_is_transferred_to_where_positions_are() {
    let (mut world, owner, transfer) = transfer();
    world.succeeds(&[transfer], &[&owner.key]);
    let second = world.portfolio(&addresses::portfolio(&world.pool, &owner.address(), 1));
    assert_eq!((second.balance_of(JITOSOL).tokens, second.balances()[0].redemption_underlying), (4 * TOKEN, SOL));
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

#[test]
fn a_liquidation_moves_its_share() {
    let mut world = redeemed();
    let (owner, maker, taker) = (world.trader(500), world.trader(1_000_000), world.trader(100_000));
    world.deposit(&owner, JITOSOL, 20 * TOKEN);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 5, 20_000 * PRICE)]);
    world.price(BTC, 15_800.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT / 10, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!(event.fraction, CONTRACT / 10);

    let [from, to] = [&owner, &taker].map(|a| world.portfolio(&a.portfolio));
    assert_eq!((from.balance_of(JITOSOL).tokens, to.balance_of(JITOSOL).tokens), (18 * TOKEN, 2 * TOKEN));
    assert_eq!((to.balances()[0].asset, to.balances()[0].redemption_underlying), (JITOSOL, SOL));
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
    for actor in [&owner, &taker] {
        assert_eq!(world.health(actor), local(&world, actor));
    }
}

#[test]
fn a_client_computes_the_same_to_the_unit() {
    let mut world = redeemed();
    let maker = world.trader(1_000_000_000);
    let mut chance = Chance::new(61);
    let (mut counted, mut uncounted) = (0, 0);
    for _ in 0..30 {
        let owner = world.trader(chance.between(20_000, 50_000));
        world.deposit(&owner, JITOSOL, chance.between(1, 300_000_000_000) as u64);
        if chance.percent(50) {
            world.deposit(&owner, SOL, chance.between(1, 100_000_000_000) as u64);
        }
        for (market, usd) in [(BTC_PERP, 20_000), (ETH_PERP, 1_500), (SOL_PERP, 30)] {
            if chance.percent(60) {
                let quantity = chance.between(10, 10_000_000 / usd) * 1_000_000 * *chance.pick(&[1, -1]);
                world.trade(&owner, &maker, &[(market, quantity, usd * PRICE)]);
            }
        }
        world.pass(100);
        world.redeem_at(JITOSOL, chance.between(1_100_000_000, 1_250_000_000) as u64);
        world.price(SOL, chance.between(27_000, 33_000) as f64 / 1_000.0);
        let fair = world.listing(SOL).usd * world.asset(JITOSOL).redemption.rate.0 as f64 / 1e9;
        world.price(JITOSOL, fair * chance.between(920, 1_080) as f64 / 1_000.0);
        for asset in [USDC, BTC, ETH] {
            let usd = world.listing(asset).usd;
            world.price(asset, usd);
        }
        let (chain, client) = (world.health(&owner), local(&world, &owner));
        assert_eq!(chain, client);
        match chain.counted_equity == chain.equity {
            true => counted += 1,
            false => uncounted += 1,
        }
        world.price(SOL, 30.0);
    }
    assert!(counted > 5 && uncounted > 5, "one of the two is missing: {counted}, {uncounted}");
}

mod adversary {
    use super::*;
    use novate_client::{AssetTerms, RedemptionTerms, ID};
    use novate_tests::GOLD;
    use solana_signer::Signer;

    /// The instruction that lists one more asset, and what lists it.
    fn list(world: &mut World, spec: AssetSpec) -> Instruction {
        let listing = world.issue(spec);
        world.listings.push(listing);
        world.add_asset_instruction(world.listings.len() as u16 - 1)
    }

    fn spec() -> AssetSpec {
        AssetSpec::new("MSOL", 9, 39.0).redeemed_for(SOL, STAKE_PROGRAM)
    }

    #[test]
    fn terms_beyond_their_bounds() {
        let terms = |stake_pool, stake_program, depeg_limit| {
            Some(RedemptionTerms { underlying: SOL, stake_pool, stake_program, depeg_limit })
        };
        let (some, none) = (STAKE_PROGRAM, Default::default());
        for (redemption, refused) in [
            (terms(none, some, 50_000), true),
            (terms(some, none, 50_000), true),
            (terms(some, some, 0), true),
            (terms(some, some, 200_001), true),
            (terms(some, some, 1), false),
            (terms(some, some, 200_000), false),
        ] {
            let mut world = World::staking();
            let governor = world.governor.insecure_clone();
            let add = list(&mut world, AssetSpec { redemption, ..spec() });
            match refused {
                true => world.refuses(&[add], &[&governor], NovateError::InvalidAssetTerms),
                false => drop(world.succeeds(&[add], &[&governor])),
            }
        }
    }

    #[test]
    fn redeemed_for_what_it_cannot_be() {
        let unfit = [
            AssetSpec::new("ON-USDC", 9, 1.0).redeemed_for(USDC, STAKE_PROGRAM),
            AssetSpec::new("ON-BTC", 9, 1.0).redeemed_for(BTC, STAKE_PROGRAM),
            AssetSpec::new("ON-JITOSOL", 9, 1.0).redeemed_for(JITOSOL, STAKE_PROGRAM),
            AssetSpec { decimals: 8, ..spec() },
            AssetSpec { decimals: 10, ..spec() },
            AssetSpec { contract_exponent: 1, ..spec() },
        ];
        for spec in unfit {
            let mut world = World::staking();
            let governor = world.governor.insecure_clone();
            let add = list(&mut world, spec);
            world.refuses(&[add], &[&governor], NovateError::UnfitUnderlying);
        }
    }

    #[test]
    fn listed_without_its_underlying_or_with_another_account() {
        let mut world = World::staking();
        let other = world.second_pool();
        let governor = world.governor.insecure_clone();
        let add = list(&mut world, spec());
        assert_eq!(add.accounts[7].pubkey, addresses::asset(&world.pool, SOL));
        for (account, error) in [
            (ID, NovateError::AssetMissing),
            (addresses::asset(&world.pool, GOLD), NovateError::UnfitUnderlying),
            (addresses::asset(&other, SOL), NovateError::WrongPool),
        ] {
            world.refuses(&[add.clone().with_account(7, account)], &[&governor], error);
        }
        // Not listed yet: the underlying would be the asset itself.
        let own = world.listings.len() as u16 - 1;
        world.listings[usize::from(own)].spec.redemption.as_mut().unwrap().underlying = own;
        let add = world.add_asset_instruction(own).with_account(7, ID);
        world.refuses(&[add], &[&governor], NovateError::AssetMissing);
    }

    #[test]
    fn the_settlement_asset_is_redeemed_for_nothing() {
        let mut world = World::staking();
        let creator = world.new_wallet();
        let listing = world.listing(USDC).clone();
        world.succeeds(
            &[build::create_pool(creator.pubkey(), 0, Cluster::Localnet, listing.token.mint, world.roles())],
            &[&creator],
        );
        let pool = addresses::pool(&creator.pubkey(), 0);
        let terms = AssetTerms { redemption: spec().redemption, ..listing.spec.terms(&listing.feed) };
        let add = build::add_asset(creator.pubkey(), pool, 0, listing.token, terms);
        world.refuses(&[add.clone().with_account(7, ID)], &[&creator], NovateError::AssetMissing);
        let foreign = add.with_account(7, addresses::asset(&world.pool, SOL));
        world.refuses(&[foreign], &[&creator], NovateError::WrongPool);
    }

    #[test]
    fn a_market_of_its_own() {
        let mut world = World::staking();
        let governor = world.governor.insecure_clone();
        let terms = MarketSpec::new("JITOSOL-PERP", JITOSOL).terms;
        let add = build::add_market(governor.pubkey(), world.pool, JITOSOL, SOL_PERP + 1, terms);
        world.refuses(&[add], &[&governor], NovateError::YieldBearingUnderlying);
    }

    #[test]
    fn new_risk_on_what_does_not_count() {
        let depegged = |world: &mut World| world.price(JITOSOL, 34.0);
        let stale = |world: &mut World| {
            world.pass(REDEMPTION_AGE + 1);
            world.refresh();
        };
        for spoil in [&depegged as &dyn Fn(&mut World), &stale] {
            let (mut world, owner, maker) = staked(5);
            spoil(&mut world);
            let long = [(BTC_PERP, CONTRACT / 100, 20_000 * PRICE)];
            let trade = world.trade_instruction(owner.side(), maker.side(), &long);
            world.refuses(std::slice::from_ref(&trade), &[&owner.key, &maker.key], NovateError::BelowInitialMargin);
            world.price(JITOSOL, 36.0);
            world.redeem_at(JITOSOL, RATE);
            world.succeeds(&[trade], &[&owner.key, &maker.key]);
        }
    }

    #[test]
    fn a_withdrawal_that_leaves_what_does_not_count() {
        let (mut world, owner, _) = hedged(1_000);
        world.price(JITOSOL, 34.0);
        // 34 for each JitoSOL is 11.33 SOL: 0.66 SOL short and both charges need some 25 USD.
        let health = world.health(&owner);
        assert_eq!(health.counted_equity, 999_820_000 - 1);
        let room = (health.settled_equity - health.initial) as u64;
        let more = world.withdraw_instruction(&owner, USDC, room + 1);
        world.refuses(&[more], &[&owner.key], NovateError::BelowInitialMargin);
        world.withdraw(&owner, USDC, room);
    }

    #[test]
    fn judged_without_what_it_is_redeemed_for() {
        let (mut world, owner, _) = staked(10);
        let health = build::health(world.keys(), owner.portfolio, &world.holdings(&[owner.portfolio]));
        world.refuses(&[health.clone().without_account(4)], &[], NovateError::AssetMissing);
        world.pass(61);
        for (fresh, missing) in [([USDC, JITOSOL], SOL), ([USDC, SOL], JITOSOL)] {
            world.pass(61);
            for asset in fresh {
                let usd = world.listing(asset).usd;
                world.price(asset, usd);
            }
            world.refuses(std::slice::from_ref(&health), &[], NovateError::PriceStale);
            let usd = world.listing(missing).usd;
            world.price(missing, usd);
            world.succeeds(std::slice::from_ref(&health), &[]);
        }
    }

    #[test]
    fn judged_before_its_first_rate() {
        let mut world = World::staking();
        let owner = world.trader(10);
        world.deposit(&owner, JITOSOL, TOKEN);
        let health = build::health(world.keys(), owner.portfolio, &world.holdings(&[owner.portfolio]));
        world.refuses(std::slice::from_ref(&health), &[], NovateError::RedemptionMissing);
        world.redeem_at(JITOSOL, RATE);
        world.succeeds(&[health], &[]);
    }

    /// Otherwise the deposit could shield its owner from liquidation.
    #[test]
    fn deposited_beside_positions_where_it_could_not_be_judged() {
        let mut world = World::staking();
        let other = world.second_pool();
        let (owner, maker) = (world.trader(10_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
        world.fund(&owner, JITOSOL, TOKEN);
        let deposit = world.deposit_instruction(&owner, JITOSOL, TOKEN);
        world.refuses(std::slice::from_ref(&deposit), &[&owner.key], NovateError::RedemptionMissing);

        world.redeem_at(JITOSOL, RATE);
        let at = deposit.accounts.len() - 1;
        let foreign = deposit.clone().with_account(at, addresses::asset(&other, SOL));
        for (wrong, error) in [
            (deposit.clone().without_account(at), NovateError::AssetMissing),
            (deposit.clone().with_account(at, addresses::asset(&world.pool, BTC)), NovateError::AssetMissing),
            (foreign, NovateError::WrongPool),
        ] {
            world.refuses(&[wrong], &[&owner.key], error);
        }
        world.pass(61);
        world.refuses(std::slice::from_ref(&deposit), &[&owner.key], NovateError::PriceStale);
        world.price(JITOSOL, 36.0);
        world.refuses(std::slice::from_ref(&deposit), &[&owner.key], NovateError::PriceStale);
        world.price(SOL, 30.0);
        world.succeeds(&[deposit], &[&owner.key]);
    }

    #[test]
    fn transferred_to_positions_without_what_it_is_redeemed_for() {
        let (mut world, owner, transfer) = transfer();
        assert_eq!(transfer.accounts[9].pubkey, addresses::asset(&world.pool, SOL));
        world.refuses(&[transfer.clone().without_account(9)], &[&owner.key], NovateError::AssetMissing);
        world.pass(61);
        world.price(JITOSOL, 36.0);
        world.refuses(&[transfer], &[&owner.key], NovateError::PriceStale);
    }

    #[test]
    fn more_than_can_be_counted_at_the_highest_rate() {
        let mut world = redeemed();
        let owner = world.actor();
        world.deposit(&owner, JITOSOL, 10_000_000 * TOKEN);
        world.fund(&owner, JITOSOL, 1);
        let deposit = world.deposit_instruction(&owner, JITOSOL, 1);
        world.refuses(&[deposit], &[&owner.key], NovateError::MathOverflow);
    }
}
