//! What a stale price stops, and what it does not (CLR-34, CLR-40): no holding shields the rest of an account from an auction,
//! and nothing but closing is possible at a price that is not known.

use novate_client::NovateError;
use novate_tests::feed::Quote;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, GOLD, PRICE, USDC};

/// The owner has cash, 20 of gold at 50 USD, and is long one BTC at 20,000; the feed of gold has stopped, BTC is at `usd`.
fn silent(cash: i64, usd: f64) -> (World, Actor, Actor) {
    let mut world = World::default();
    let (owner, maker) = (world.trader(cash), world.trader(100_000));
    world.deposit(&owner, GOLD, 20_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.pass(61);
    world.listings[usize::from(BTC)].usd = usd;
    refresh_but(&mut world, GOLD);
    (world, owner, maker)
}

/// Every price is published again but one.
pub fn refresh_but(world: &mut World, silent: u16) {
    let now = world.now();
    let others: Vec<u16> = (0..world.listings.len() as u16).filter(|asset| *asset != silent).collect();
    for asset in &others {
        world.publish(*asset, Quote::new(world.listing(*asset).usd, now));
    }
    let refresh = world.refresh_asset(&others);
    world.succeeds(&[refresh], &[]);
}

#[test]
fn a_stale_balance_counts_at_the_edge_that_favours_its_owner() {
    // 3,000 and gold at 50·1.15, at most; 1,010 lost; maintenance 0.80·(15 % of 19,000 + 1.25·10 % of the gold).
    // Equity 1,990 + 1,150 against 2,280 + 115.
    let (mut world, owner, _) = silent(3_000, 19_000.0);
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    // 1,190 + 1,150 against 2,184 + 115: at 1,150 it lives, at 1,000 it would not.
    world.listings[usize::from(BTC)].usd = 18_200.0;
    refresh_but(&mut world, GOLD);
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    // 1,090 + 1,150 against 2,172 + 115.
    world.listings[usize::from(BTC)].usd = 18_100.0;
    refresh_but(&mut world, GOLD);
    let sent = world.start_auction(&owner);
    let event: novate::events::AuctionStarted = sent.event();
    assert_eq!((event.equity, event.maintenance), (2_240 * DOLLAR, 2_287 * DOLLAR));
}

#[test]
fn the_auction_goes_on_and_the_taker_counts_it_at_the_other_edge() {
    let (mut world, owner, _) = silent(3_000, 18_000.0);
    world.start_auction(&owner);
    // Equity 990 + 1,150, maintenance 2,160 + 115; a third of it at 2 % off. The taker counts the gold at 850, not 1,150.
    let poor = world.trader(250);
    let bid = world.liquidate_instruction(&owner, poor.side(), CONTRACT, i64::MAX);
    world.refuses(&[bid], &[&poor.key], NovateError::BelowInitialMargin);
    let taker = world.trader(10_000);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    assert!(world.portfolio(&taker.portfolio).balance_of(GOLD).tokens > 0);
    // The taker cannot take anything out before the feed is back.
    let withdraw = world.withdraw_instruction(&taker, USDC, 1);
    world.refuses(&[withdraw], &[&taker.key], NovateError::PriceStale);
    let back = world.now();
    world.publish(GOLD, Quote::new(50.0, back));
    let refresh = world.refresh_asset(&[GOLD]);
    world.succeeds(&[refresh], &[]);
    world.withdraw(&taker, USDC, 1);
}

#[test]
fn a_unit_of_a_halted_market_is_no_shield() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(3_100), world.trader(100_000));
    world.trade(&owner, &maker, &[(ETH_PERP, CONTRACT / 100, 1_500 * PRICE)]);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.pass(61);
    world.listings[usize::from(BTC)].usd = 19_000.0;
    refresh_but(&mut world, ETH);
    world.start_auction(&owner);
    let taker = world.trader(100_000);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    // It is back, but no bid says so while a price is stale.
    assert!(world.portfolio(&owner.portfolio).in_auction());
    world.refresh();
    let end = world.end_auction_instruction(&owner);
    world.succeeds(&[end], &[]);
}

#[test]
fn a_short_and_a_loan_count_at_the_lower_edge() {
    let mut world = World::default();
    world.lender(GOLD, 200_000_000);
    let owner = world.trader(7_000);
    world.borrow(&owner, GOLD, 100_000_000);
    world.withdraw(&owner, GOLD, 100_000_000);
    world.pass(61);
    refresh_but(&mut world, GOLD);
    // A debt of 5,000 counts as 4,250; at the other edge it would be 5,750 and 1,250 against 0.80·718.75.
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    // Without the feed nobody takes anything out.
    let withdraw = world.withdraw_instruction(&owner, USDC, 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::PriceStale);
    world.deposit(&owner, GOLD, 100_001_000);
    world.repay(&owner, GOLD, u64::MAX);
    world.withdraw(&owner, USDC, 7_000 * DOLLAR as u64 - 10);
}

#[test]
fn closing_is_possible_and_nothing_else() {
    let (mut world, owner, maker) = silent(10_000, 20_000.0);
    let more = world.trade_instruction(owner.side(), maker.side(), &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
    world.refuses(&[more], &[&owner.key, &maker.key], NovateError::PriceStale);
    // A hedge elsewhere might reduce risk, and is not known to.
    let hedge = world.trade_instruction(owner.side(), maker.side(), &[(ETH_PERP, -CONTRACT, 1_500 * PRICE)]);
    world.refuses(&[hedge], &[&owner.key, &maker.key], NovateError::PriceStale);
    world.trade(&maker, &owner, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    world.trade(&maker, &owner, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    assert_eq!(world.market(BTC_PERP).long.0, 0);
}

#[test]
fn in_the_stale_market_itself_nothing_trades() {
    let (mut world, owner, maker) = silent(10_000, 20_000.0);
    world.pass(61);
    refresh_but(&mut world, BTC);
    let close = world.trade_instruction(maker.side(), owner.side(), &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.refuses(&[close], &[&owner.key, &maker.key], NovateError::PriceStale);
}

#[test]
fn a_price_that_could_be_chosen_starts_no_auction() {
    let (mut world, owner, _) = silent(3_000, 18_000.0);
    // Of six seconds BTC is neither stale nor young enough: it has to be refreshed.
    world.pass(6);
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::PriceStale);
    refresh_but(&mut world, GOLD);
    world.start_auction(&owner);
}

#[test]
fn without_a_price_of_the_settlement_asset_the_last_one_counts() {
    let (mut world, owner, _) = silent(3_000, 18_000.0);
    world.pass(61);
    refresh_but(&mut world, USDC);
    world.start_auction(&owner);
}
