//! What an adversary, an accident or a bad day may bring, each with what becomes of it. What belongs to one instruction stands
//! in its file; docs/rules.md lists all of them.

use anchor_spl::token_2022::spl_token_2022::extension::ExtensionType;
use novate::events::{AuctionStarted, Liquidated};
use novate_client::instructions::{self as build, TradeSide};
use novate_client::{addresses, instrument, NovateError};
use novate_tests::feed::Quote;
use novate_tests::token::Extension;
use novate_tests::{
    checker, flat, future, Actor, AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH_PERP,
    GOLD, PRICE, USDC,
};
use solana_signer::Signer;

use crate::checking::raw;
use crate::distress::Distress;

const ALL: i64 = 1_000_000_000;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// A minute after a price has moved the guard's average is there too.
const MINUTE: i64 = 60;

#[track_caller]
fn holds(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

/// An account below maintenance margin for a minute, with an auction that has just begun.
fn put_up() -> Distress {
    let mut distress = Distress::fallen();
    distress.world.pass(MINUTE);
    distress.world.refresh();
    distress.world.start_auction(&distress.owner);
    distress
}

// Haircuts.

/// The default pool and in it silver at 50 USD, whose haircut is a tenth and rises with volatility, without a market.
fn with_silver() -> (World, u16) {
    let mut world = World::default();
    let listing = world.issue(AssetSpec::new("SILVER", 6, 50.0));
    let mut terms = listing.spec.terms(&listing.feed);
    terms.haircut_volatility_multiple = 5_000_000;
    let (governor, index) = (world.governor.insecure_clone(), world.listings.len() as u16);
    let add = build::add_asset(governor.pubkey(), world.pool, index, listing.token, terms);
    world.listings.push(listing);
    world.succeeds(&[add], &[&governor]);
    world.season(index);
    world.refresh();
    (world, index)
}

/// Silver swings by a third, hour after hour for a day, and comes back to where it was.
fn shake(world: &mut World, silver: u16) {
    for turn in 0..24 {
        world.pass(HOUR);
        world.listings[usize::from(silver)].usd = if turn % 2 == 0 { 66.0 } else { 50.0 };
        world.refresh();
    }
    assert_eq!(world.asset(silver).haircut.0, 1_000_000, "the haircut is all of it");
}

/// A haircut is margin, not loss: whoever raises it may have an account auctioned at its equity less the discount, and never
/// has insurance pay for it.
#[test]
fn haircuts_at_their_most_leave_a_solvent_account_solvent() {
    let (mut world, silver) = with_silver();
    let (owner, maker, taker) = (world.trader(100), world.trader(100_000), world.trader(100_000));
    world.insure(&maker, 1_000);
    world.deposit(&owner, silver, 100_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    let before = world.health(&owner);
    shake(&mut world, silver);
    let after = world.health(&owner);
    assert_eq!(after.equity, before.equity);
    assert!(after.maintenance > after.equity && after.equity > 5_000 * DOLLAR);

    world.pass(MINUTE);
    world.refresh();
    let event: AuctionStarted = world.start_auction(&owner).event();
    assert_eq!((event.insolvent, event.reserved), (false, 0));
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert!(event.price > 0 && event.from_capital == 0 && event.deficit == 0 && event.restored);
    // Of what was taken it lost the 2 % of the first second.
    let lost = before.equity - world.health(&owner).equity;
    assert!(lost > 0 && lost <= before.equity / 50, "{lost}");
    holds(&world);
}

#[test]
fn haircuts_at_their_most_take_nothing_from_who_owes_nothing() {
    let (mut world, silver) = with_silver();
    let owner = world.actor();
    world.deposit(&owner, silver, 100_000_000);
    shake(&mut world, silver);
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    world.withdraw(&owner, silver, 100_000_000);
}

// Dust.

/// A slice of 1e-9 costs a unit for each rounding: nobody empties an account by crumbs.
#[test]
fn bids_of_dust_gain_nothing() {
    let mut distress = put_up();
    let Distress { world, owner, taker, .. } = &mut distress;
    let equity = |w: &mut World, a: &Actor| w.health(a).equity;
    let before = [equity(world, owner), equity(world, taker)];
    for _ in 0..10 {
        let bid = world.liquidate_instruction(owner, taker.side(), 1, i64::MAX);
        let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
        assert_eq!((event.fraction, event.restored, event.price >= 1), (1, false, true));
    }
    assert!(equity(world, owner) >= before[0] && equity(world, taker) <= before[1]);
    holds(world);
}

/// A unit of everything beside a position keeps nothing from being judged or taken.
#[test]
fn balances_of_a_unit_are_no_shield() {
    let mut distress = Distress::before();
    for asset in [BTC, 2, 3, GOLD] {
        distress.world.deposit(&distress.owner, asset, 1);
    }
    let Distress { mut world, owner, taker, .. } = distress;
    world.price(BTC, 19_100.0);
    world.pass(MINUTE);
    world.refresh();
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert!(event.restored);
    holds(&world);
}

// Time.

#[test]
fn a_loan_for_no_time_costs_nothing() {
    let mut world = World::default();
    world.lender(USDC, 1_000 * DOLLAR as u64);
    let owner = world.trader(1_000);
    world.borrow(&owner, USDC, 100);
    let bank = world.asset(USDC).bank;
    for _ in 0..3 {
        world.refresh();
        assert_eq!(world.asset(USDC).bank, bank);
    }
    world.repay(&owner, USDC, u64::MAX);
    assert_eq!((world.portfolio(&owner.portfolio).cash, world.asset(USDC).bank.loans), (1_000 * DOLLAR, 0));
    holds(&world);
}

/// No discount beyond the first, no interest, no gain released, and no older price: time that comes again counts once.
#[test]
fn a_clock_that_goes_backwards_moves_no_money() {
    let mut world = World::default();
    world.lender(USDC, 1_000 * DOLLAR as u64);
    let (owner, maker, taker) = (world.trader(3_100), world.trader(100_000), world.trader(100_000));
    world.borrow(&maker, USDC, 500 * DOLLAR as u64);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 19_100.0);
    world.settle(&owner, BTC_PERP);
    world.settle(&maker, BTC_PERP);
    let pending = world.portfolio(&maker.portfolio).positions()[0].pending_new;
    world.pass(MINUTE);
    world.refresh();
    world.start_auction(&owner);
    world.pass(300);
    world.refresh();
    let (bank, published) = (world.asset(USDC).bank, world.asset(BTC).publish_time);

    world.pass(-600);
    let older = world.now();
    world.publish(BTC, Quote::new(10.0, older));
    let refresh = world.refresh_asset(&[BTC]);
    world.refuses(&[refresh], &[], NovateError::PriceOlder);
    world.publish(BTC, Quote::new(19_100.0, published));
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL / 100, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!(event.price, event.equity_before / 100 * 98 / 100);
    world.repay(&maker, USDC, 1);
    assert_eq!(world.asset(USDC).bank.loan_index, bank.loan_index);
    let _ = world.attempt(world.settle_instruction(&maker, BTC_PERP), &[]);
    assert!(world.portfolio(&maker.portfolio).positions()[0].pending_new >= pending);
    holds(&world);
}

/// Three days without any price of an expiry: who does not hold it goes on, who does deposits, and once the authority has
/// set the price all leave.
#[test]
fn a_settlement_price_that_is_never_fixed_waits_for_the_committee() {
    let mut world = World::default();
    let time = world.expiry_in(1);
    world.list_expiry(BTC_PERP, time, flat(0.5, time - world.now()));
    let [buyer, seller, other, another] = [(); 4].map(|()| world.trader(10_000));
    world.trade_legs(&buyer, &seller, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.pass_to(time + 3 * DAY);
    world.refresh();
    world.trade(&other, &another, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
    world.withdraw(&other, USDC, 1);
    world.deposit(&buyer, USDC, 1);
    let fix = world.fix_instruction(BTC_PERP, time);
    world.refuses(&[fix], &[], NovateError::NotFixed);
    let settle = world.settle_expiry_instruction(&buyer.portfolio, BTC_PERP, time);
    world.refuses(&[settle], &[], NovateError::SettlementPriceMissing);

    world.settle_at(BTC_PERP, time, 20_000 * PRICE);
    let id = instrument::future(BTC_PERP, novate_client::state::minutes_of(time));
    for side in [&buyer, &seller] {
        world.settle_expiry(side, BTC_PERP, time);
        let settle = build::settle_variation(&world.pool, side.portfolio, id, BTC);
        world.succeeds(&[settle], &[]);
        let cash = world.portfolio(&side.portfolio).cash;
        world.withdraw(side, USDC, cash as u64);
        world.succeeds(&[build::close_portfolio(side.address(), world.pool, 0)], &[&side.key]);
    }
    world.close_expiry(BTC_PERP, time);
    holds(&world);
}

// Takers.

/// Who has no use for the slice takes it and sells it on in the same transaction, and keeps the discount.
#[test]
fn a_taker_without_an_inventory_sells_the_slice_on_at_once() {
    let Distress { mut world, owner, taker, .. } = put_up();
    let (buyer, before) = (world.trader(100_000), world.health(&taker).equity);
    // A = 1.15 x 2,292 - 2,190 = 445.8; f = 445.8 / (445.8 + 2,190 x 0.98) of one BTC.
    let slice = 171_990_740;
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    let closing = world.trade_instruction(taker.side(), buyer.side(), &[(BTC_PERP, -slice, 19_100 * PRICE)]);
    world.refuses(std::slice::from_ref(&closing), &[&taker.key, &buyer.key], NovateError::InvalidQuantity);
    world.succeeds(&[bid, closing], &[&taker.key, &buyer.key]);
    assert_eq!(world.portfolio(&taker.portfolio).quantity_of(instrument::perpetual(BTC_PERP)), 0);
    // 2 % of 0.172 x 2,190, less the fee of 0.05 % of 3,285.
    let gained = world.health(&taker).equity - before;
    assert!((5_800_000..6_000_000).contains(&gained), "{gained}");
    holds(&world);
}

/// Opened, funded and bidding in one transaction: nobody needs to have been there before.
#[test]
fn a_fresh_sub_account_takes_a_slice() {
    let Distress { mut world, owner, taker, .. } = put_up();
    world.fund(&taker, USDC, 10_000 * DOLLAR as u64);
    let portfolio = addresses::portfolio(&world.pool, &taker.address(), 5);
    let fresh = Actor { portfolio, ..taker.clone() };
    let open = build::open_portfolio(fresh.address(), world.pool, 5);
    let deposit = world.deposit_instruction(&fresh, USDC, 10_000 * DOLLAR as u64);
    let holdings = world.holdings(&[owner.portfolio]);
    let bid = build::liquidate(world.keys(), owner.portfolio, fresh.side(), &holdings, ALL, i64::MAX);
    world.succeeds(&[open, deposit, bid], &[&fresh.key]);
    assert!(world.portfolio(&portfolio).quantity_of(instrument::perpetual(BTC_PERP)) > 0);
    assert!(!world.portfolio(&owner.portfolio).in_auction());
    holds(&world);
}

/// A fresh sub-account without the means takes nothing, and is not even opened.
#[test]
fn a_fresh_sub_account_without_means_leaves_no_trace() {
    let Distress { mut world, owner, taker, .. } = put_up();
    let portfolio = addresses::portfolio(&world.pool, &taker.address(), 5);
    let side = TradeSide { portfolio, signer: taker.address() };
    let open = build::open_portfolio(taker.address(), world.pool, 5);
    let holdings = world.holdings(&[owner.portfolio]);
    let bid = build::liquidate(world.keys(), owner.portfolio, side, &holdings, ALL, i64::MAX);
    world.refuses(&[open, bid], &[&taker.key], NovateError::BelowInitialMargin);
}

/// The market's cap on a position does not bind a taker; afterwards only what reduces it goes.
#[test]
fn a_taker_at_its_position_limit_takes_the_slice_and_no_more() {
    let assets = vec![AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("BTC", 8, 20_000.0)];
    let capped = MarketSpec::new("BTC-PERP", BTC).with(|t| t.position_cap = CONTRACT);
    let mut world = Builder::default().assets(assets).markets(vec![capped]).build();
    let (owner, maker, taker) = (world.trader(3_100), world.trader(100_000), world.trader(100_000));
    let sellers = [maker, world.trader(100_000)];
    world.trade(&owner, &sellers[0], &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.trade(&taker, &sellers[1], &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 19_100.0);
    world.pass(MINUTE);
    world.refresh();
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    assert!(world.portfolio(&taker.portfolio).positions()[0].quantity > CONTRACT);
    let third = world.trader(100_000);
    let more = world.trade_instruction(taker.side(), third.side(), &[(BTC_PERP, CONTRACT / 100, 19_100 * PRICE)]);
    world.refuses(&[more], &[&taker.key, &third.key], NovateError::PositionCap);
    world.trade(&third, &taker, &[(BTC_PERP, CONTRACT / 2, 19_100 * PRICE)]);
    holds(&world);
}

// Re-entrancy.

/// The only programs that are called are the system program, both token programs and, for events, the program itself; no
/// mint whose transfers call another one is listed, with or without a program in its hook.
#[test]
fn a_mint_that_calls_back_is_not_listed() {
    for hook in [vec![0; 64], vec![1; 64], [[0; 32], novate_client::ID.to_bytes()].concat()] {
        let mut world = World::default();
        let extension: Extension = (ExtensionType::TransferHook, hook);
        let listing = world.issue(AssetSpec::new("HOOK", 6, 1.0).token_2022(vec![extension]));
        world.listings.push(listing);
        let add = world.add_asset_instruction(world.listings.len() as u16 - 1);
        let governor = world.governor.insecure_clone();
        world.refuses(&[add], &[&governor], NovateError::MintExtension);
    }
}
