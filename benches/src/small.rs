//! Every instruction in the smallest state in which it succeeds.

use novate_client::order::Cluster;
use novate_client::{addresses, instructions as build, Action, Role};
use novate_tests::{Actor, AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, ETH, JITOSOL, PRICE, USDC};
use solana_signer::Signer;

use crate::figure::{measure, Figure};

/// All of them, by actor.
pub fn all() -> Vec<Figure> {
    let mut figures = governance();
    figures.extend(keeper());
    figures.extend(trader());
    figures.extend(liquidator());
    figures
}

fn governance() -> Vec<Figure> {
    let mut world = Builder::default().unstaged().unpriced().build();
    let governor = world.governor.insecure_clone();
    let (authority, pool) = (governor.pubkey(), world.pool);
    let (mint, roles) = (world.listing(USDC).token.mint, world.roles());
    let mut figures = vec![measure(
        &mut world,
        "create_pool",
        "",
        build::create_pool(authority, 9, Cluster::Localnet, mint, roles),
        &[&governor],
    )];
    let listing = world.issue(AssetSpec::new("NEW", 6, 1.0));
    world.listings.push(listing);
    let index = world.listings.len() as u16 - 1;
    let built = world.add_asset_instruction(index);
    figures.push(measure(&mut world, "add_asset", "SPL Token mint", built, &[&governor]));
    let terms = MarketSpec::new("NEW-PERP", index).terms;
    let built = build::add_market(authority, pool, index, world.underlyings.len() as u16, terms);
    figures.push(measure(&mut world, "add_market", "", built, &[&governor]));
    let next = world.new_wallet();
    for (role, state) in [(Role::Authority, "of an authority"), (Role::Guardian, "of a guardian")] {
        let built = build::propose_role(authority, pool, role, next.pubkey());
        figures.push(measure(&mut world, "propose_role", state, built, &[&governor]));
    }
    let built = build::cancel_role(authority, pool, Role::Authority);
    figures.push(measure(&mut world, "cancel_role", "", built, &[&governor]));
    let built = build::accept_role(next.pubkey(), pool, Role::Guardian);
    figures.push(measure(&mut world, "accept_role", "of a guardian", built, &[&next]));
    let built = build::pause(next.pubkey(), pool, Action::Trade, 60);
    figures.push(measure(&mut world, "pause", "", built, &[&next]));
    let built = build::unpause(authority, pool, Action::Trade);
    figures.push(measure(&mut world, "unpause", "", built, &[&governor]));
    let range = World::rows_of(6, 0b1, 0, 6);
    let built = build::stage_scenarios(authority, pool, 1, range);
    figures.push(measure(&mut world, "stage_scenarios", "6 rows of 1 column, completed", built, &[&governor]));

    let mut world = Builder::default().unstaged().build();
    for (start, rows) in [(0, 64), (64, 64)] {
        let range = World::rows_of(128, 0b111, start, rows);
        let built = build::stage_scenarios(authority, pool, 1, range);
        let state = if start == 0 { "64 rows of 3 columns, created" } else { "64 rows of 3 columns, completed" };
        figures.push(measure(&mut world, "stage_scenarios", state, built, &[&governor]));
    }
    figures
}

fn keeper() -> Vec<Figure> {
    let mut world = World::default();
    let pool = world.pool;
    let refresh = world.refresh_asset(&[BTC]);
    let mut figures =
        vec![measure(&mut world, "refresh_asset", "PriceUpdateV2, no sample due", refresh, &[]).within(10_000)];
    world.pass(4_000);
    world.publish(BTC, novate_tests::feed::Quote::new(20_100.0, world.now()));
    world.publish(ETH, novate_tests::feed::Quote::new(1_510.0, world.now()));
    let refresh = world.refresh_asset(&[BTC]);
    figures.push(measure(&mut world, "refresh_asset", "PriceUpdateV2, variance sampled", refresh, &[]).within(10_000));
    let refresh = world.refresh_asset(&[ETH]);
    figures.push(measure(&mut world, "refresh_asset", "push account, variance sampled", refresh, &[]).within(10_000));
    let refresh = build::refresh_market(&pool, &[(BTC_PERP, BTC)]);
    figures.push(measure(&mut world, "refresh_market", "", refresh, &[]));
    world.pass(4_000);
    world.refresh();
    let all: Vec<u16> = (0..world.listings.len() as u16).collect();
    world.pass(4_000);
    for asset in &all {
        world.publish(*asset, novate_tests::feed::Quote::new(world.listing(*asset).usd * 1.01, world.now()));
    }
    let refresh = world.refresh_asset(&all);
    figures.push(measure(&mut world, "refresh_asset", "5 assets, variances sampled", refresh, &[]));

    let mut staking = World::staking();
    staking.redeem_at(JITOSOL, 1_200_000_000);
    staking.pass(4_000);
    let refresh = staking.refresh_redemption_instruction(&[JITOSOL]);
    figures.push(measure(&mut staking, "refresh_redemption", "", refresh, &[]).within(10_000));

    let pair = [0, 1].map(|_| world.trader(10_000));
    world.refresh();
    world.trade(&pair[0], &pair[1], &[(BTC_PERP, CONTRACT, 20_100 * PRICE)]);
    world.price(BTC, 20_000.0);
    for (actor, state) in [(&pair[0], "a loss"), (&pair[1], "a gain")] {
        let settle = world.settle_instruction(actor, BTC_PERP);
        figures.push(measure(&mut world, "settle_variation", state, settle, &[]).within(18_000));
    }
    figures
}

fn trader() -> Vec<Figure> {
    let mut world = World::default();
    let pool = world.pool;
    let (one, two) = (world.trader(100_000), world.trader(100_000));
    let fresh = world.new_wallet();
    let key = fresh.pubkey();
    let mut figures =
        vec![measure(&mut world, "open_portfolio", "created", build::open_portfolio(key, pool, 0), &[&fresh])];
    figures.push(measure(&mut world, "close_portfolio", "", build::close_portfolio(key, pool, 0), &[&fresh]));
    let built = build::open_portfolio(key, pool, 0);
    figures.push(measure(&mut world, "open_portfolio", "opened again", built, &[&fresh]));
    let portfolio = addresses::portfolio(&pool, &key, 0);
    let built = build::set_delegate(key, portfolio, one.address(), world.now() + 1);
    figures.push(measure(&mut world, "set_delegate", "", built, &[&fresh]));
    figures.push(measure(&mut world, "revoke_delegate", "", build::revoke_delegate(key, portfolio), &[&fresh]));

    world.fund(&one, USDC, 1_000_000);
    let built = world.deposit_instruction(&one, USDC, 1_000_000);
    figures.push(measure(&mut world, "deposit", "settlement asset", built, &[&one.key]).within(25_000));
    let built = world.withdraw_instruction(&one, USDC, 1_000_000);
    figures.push(measure(&mut world, "withdraw", "settlement asset, no positions", built, &[&one.key]));
    let next = world.sub_account(&one, 1);
    let dollar = build::Transfer { from: one.portfolio, to: next.portfolio, asset: USDC, amount: 1 };
    let built = build::transfer(one.address(), world.keys(), &world.holdings(&[one.portfolio]), dollar);
    figures.push(measure(&mut world, "transfer", "settlement asset, no positions", built, &[&one.key]));

    let built = world.trade_instruction(one.side(), two.side(), &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    figures.push(measure(&mut world, "trade", "1 leg, both sides cash only", built, &[&one.key, &two.key]));
    figures.extend(guards(&mut world, &one));
    figures
}

fn guards(world: &mut World, actor: &Actor) -> Vec<Figure> {
    let (keys, holdings) = (world.keys(), world.holdings(&[actor.portfolio]));
    let sequence = world.portfolio(&actor.portfolio).sequence;
    let one = "cash and 1 perpetual";
    vec![
        measure(world, "health", one, build::health(keys, actor.portfolio, &holdings), &[]),
        measure(world, "require_health", one, build::require_health(keys, actor.portfolio, &holdings, 0), &[]),
        measure(world, "require_sequence", "", build::require_sequence(actor.portfolio, sequence), &[]),
    ]
}

fn liquidator() -> Vec<Figure> {
    let mut world = World::default();
    let (long, short, taker) = (world.trader(4_000), world.trader(100_000), world.trader(100_000));
    world.trade(&long, &short, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 18_000.0);
    world.refresh();
    let one = "cash and 1 perpetual";
    world.hold();
    let built = world.start_auction_instruction(&long);
    let mut figures = vec![measure(&mut world, "start_auction", one, built, &[])];
    let built = world.liquidate_instruction(&long, taker.side(), CONTRACT / 100, i64::MAX);
    figures.push(measure(&mut world, "liquidate", one, built, &[&taker.key]));
    world.price(BTC, 20_000.0);
    let built = world.end_auction_instruction(&long);
    figures.push(measure(&mut world, "end_auction", one, built, &[]));
    figures
}
