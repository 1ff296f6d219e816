use novate::events::Liquidated;
use novate_client::instructions::{self as build, TradeSide};
use novate_client::{addresses, instrument};
use novate_margin::{auction, Fraction, Seconds, Usd};
use novate_tests::{
    Actor, AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, GOLD, PRICE, SOL,
    USDC,
};
use solana_signer::Signer;

use crate::distress::Distress;

const ALL: i64 = 1_000_000_000;

fn bid(distress: &Distress, fraction: i64, limit: i64) -> novate_client::Instruction {
    distress.world.liquidate_instruction(&distress.owner, distress.taker.side(), fraction, limit)
}

/// A book of several balances and positions that a fall of BTC brings below maintenance margin, in auction.
fn mixed() -> Distress {
    let mut world = World::default();
    let (owner, maker, taker) = (world.trader(500), world.trader(1_000_000), world.trader(100_000));
    world.deposit(&owner, GOLD, 50_000_000);
    world.deposit(&owner, SOL, 20_000_000_000);
    let legs = [(BTC_PERP, CONTRACT / 2, 20_000 * PRICE), (ETH_PERP, -CONTRACT, 1_500 * PRICE)];
    world.trade(&owner, &maker, &legs);
    world.trade(&taker, &maker, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
    world.price(BTC, 14_900.0);
    world.start_auction(&owner);
    Distress { world, owner, maker, taker }
}

#[test]
fn the_slice_that_restores_the_account_is_taken_at_its_price() {
    let mut distress = Distress::in_auction();
    let bid = bid(&distress, ALL, i64::MAX);
    let Distress { world, owner, taker, .. } = &mut distress;
    let before = [&*owner, &*taker].map(|a| world.portfolio(&a.portfolio));
    let sent = world.succeeds(&[bid], &[&taker.key]);

    // A = 1.15 x 2,292 - 2,190 = 445.8; f = 445.8 / (445.8 + 2,190 x 0.98), for f x 2,190 x 0.98.
    let (fraction, price) = (171_990_740, 369_126_527);
    let (slice_cash, slice_cost) = (533_171_294, 3_441_534_708);
    let [from, to] = [&*owner, &*taker].map(|a| world.portfolio(&a.portfolio));
    assert_eq!(from.cash, before[0].cash - slice_cash + price);
    assert_eq!(to.cash, before[1].cash + slice_cash - price);
    let [kept, taken] = [&from, &to].map(|p| p.positions()[0]);
    assert_eq!((kept.quantity, kept.cost), (CONTRACT - fraction, 20_010 * DOLLAR - slice_cost));
    assert_eq!((taken.quantity, taken.cost), (fraction, slice_cost));
    assert_eq!((taken.underlying, taken.pending_since), (BTC, world.now()));
    assert_eq!((from.auction_start, from.sequence), (0, before[0].sequence + 1));
    assert_eq!(to.sequence, before[1].sequence + 1);
    let market = world.market(BTC_PERP);
    assert_eq!((market.long.0, market.short.0), (CONTRACT, CONTRACT));

    let event: Liquidated = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.portfolio, event.sequence), (owner.portfolio, from.sequence));
    assert_eq!((event.taker, event.taker_sequence), (taker.portfolio, to.sequence));
    assert_eq!((event.fraction, event.price, event.restored), (fraction, price, true));
    assert_eq!((event.equity_before, event.maintenance_before), (2_190 * DOLLAR, 2_292 * DOLLAR));
    let health = world.health(owner);
    // One position: 16 units of 1e-9 contracts at 20,000 USD, and roundings.
    let grain = 16 * 20 + 1_001;
    let (more, less) = (health.equity - event.equity_after, event.maintenance_after - health.maintenance);
    assert!((0..=2 * grain).contains(&more) && (0..=2 * grain).contains(&less), "{more} {less}");
    assert!(health.equity >= health.maintenance * 115 / 100 - 2);
}

#[test]
fn a_smaller_bid_leaves_the_auction_and_its_clock() {
    let mut distress = Distress::in_auction();
    let began = distress.world.now();
    distress.world.pass(3);
    let bid = bid(&distress, ALL / 100, i64::MAX);
    let Distress { world, owner, taker, .. } = &mut distress;
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!((event.fraction, event.restored), (ALL / 100, false));
    assert_eq!(world.portfolio(&owner.portfolio).auction_start, began);
    assert_eq!(world.portfolio(&owner.portfolio).positions()[0].quantity, CONTRACT / 100 * 99);
}

#[test]
fn the_discount_rises_with_time() {
    for (seconds, discount) in [(0, 20_000_000), (450, 160_000_000), (900, 300_000_000), (2_250, 650_000_000)] {
        let mut distress = Distress::in_auction();
        distress.world.pass(seconds);
        distress.world.refresh();
        let bid = bid(&distress, ALL / 50, i64::MAX);
        let event: Liquidated = distress.world.succeeds(&[bid], &[&distress.taker.key]).event();
        assert_eq!(auction::discount(Seconds(seconds)), Fraction(discount));
        assert_eq!(event.price, 2_190 * DOLLAR / 50 * (ALL - discount) / ALL);
    }
}

#[test]
fn start_and_bid_may_share_a_transaction() {
    let mut distress = Distress::fallen();
    let bid = bid(&distress, ALL, i64::MAX);
    let start = distress.world.start_auction_instruction(&distress.owner);
    distress.world.succeeds(&[start, bid], &[&distress.taker.key]);
    assert_eq!(distress.world.portfolio(&distress.owner.portfolio).auction_start, 0);
}

#[test]
fn every_balance_and_position_is_cut_in_the_same_proportion() {
    let mut distress = mixed();
    let bid = bid(&distress, ALL, i64::MAX);
    let Distress { world, owner, taker, .. } = &mut distress;
    let before = world.portfolio(&owner.portfolio);
    let sent = world.succeeds(&[bid], &[&taker.key]);
    let event: Liquidated = sent.event();
    let (f, after) = (i128::from(event.fraction), world.portfolio(&owner.portfolio));
    assert!(event.restored && f > 0 && event.fraction < ALL);
    for (was, is) in before.balances().iter().zip(after.balances()) {
        let slice = i128::from(was.tokens) * f / i128::from(ALL);
        assert_eq!(i128::from(was.tokens - is.tokens), slice);
        assert_eq!(i128::from(world.portfolio(&taker.portfolio).balance_of(was.asset).tokens), slice);
    }
    for (was, is) in before.positions().iter().zip(after.positions()) {
        assert_eq!(
            i128::from((was.quantity - is.quantity).abs()),
            i128::from(was.quantity.abs()) * f / i128::from(ALL)
        );
    }
    // The taker was long one ETH and takes a slice of a short one.
    let eth = world.portfolio(&taker.portfolio).quantity_of(instrument::perpetual(ETH_PERP));
    assert!(eth > 0 && eth < CONTRACT);
}

/// What is owed beside a position that is all but closed goes with the slice, or a bid would take balances without debts.
#[test]
fn a_slice_takes_its_share_of_what_is_owed_beside_a_position_of_a_single_unit() {
    let assets = vec![AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("BTC", 8, 20_000.0)];
    let fine = MarketSpec::new("BTC-PERP", BTC).with(|t| (t.lot, t.minimum) = (1, 1));
    let mut world = Builder::default().assets(assets).markets(vec![fine]).build();
    let (owner, maker, taker) = (world.actor(), world.trader(100_000), world.trader(100_000));
    world.deposit(&owner, BTC, 10_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    world.price(BTC, 17_000.0);
    world.trade(&owner, &maker, &[(BTC_PERP, 1 - CONTRACT / 2, 17_000 * PRICE)]);
    let before = world.portfolio(&owner.portfolio).positions()[0];
    assert_eq!((before.quantity, before.cost > 1_500 * DOLLAR), (1, true));
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert!(event.restored && event.fraction < ALL / 2);
    // Up to the smallest unit of BTC.
    let health = world.health(&owner);
    assert!((health.equity - health.maintenance * 115 / 100).abs() < 1_000, "{}", health.equity);
    assert!(event.equity_after <= health.equity && event.maintenance_after >= health.maintenance);
    let [kept, taken] = [&owner, &taker].map(|a| world.portfolio(&a.portfolio).positions()[0]);
    assert_eq!((kept.quantity, taken.quantity, kept.cost + taken.cost), (1, 0, before.cost));
    assert_eq!(taken.cost, Usd(before.cost).slice_ceil(Fraction(event.fraction)).unwrap().0);
}

#[test]
fn pending_gains_go_with_the_slice_and_are_pending_anew() {
    let mut distress = Distress::before();
    let Distress { world, owner, maker, taker } = &mut distress;
    world.price(BTC, 21_000.0);
    world.settle(maker, BTC_PERP);
    world.settle(owner, BTC_PERP);
    assert_eq!(world.portfolio(&owner.portfolio).positions()[0].pending_new, 990 * DOLLAR);
    world.price(BTC, 19_000.0);
    world.start_auction(owner);
    let bid = world.liquidate_instruction(owner, taker.side(), ALL / 10, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    let [kept, taken] = [&*owner, &*taker].map(|a| world.portfolio(&a.portfolio).positions()[0]);
    assert_eq!((kept.pending_new, taken.pending_new), (891 * DOLLAR, 99 * DOLLAR));
    assert_eq!(taken.pending_since, world.now());
}

#[test]
fn below_a_hundred_dollars_of_margin_the_whole_account_goes() {
    let mut world = World::default();
    let (owner, maker, taker) = (world.trader(62), world.trader(100_000), world.trader(1_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 50, 20_000 * PRICE)]);
    world.price(BTC, 19_100.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!((event.fraction, event.restored), (ALL, true));
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.position_count, portfolio.cash, portfolio.auction_start), (0, event.price, 0));
    world.withdraw(&owner, USDC, event.price as u64);
    world.succeeds(&[build::close_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
}

#[test]
fn a_delegate_bids_for_the_taker() {
    let mut distress = Distress::in_auction();
    let Distress { world, owner, taker, .. } = &mut distress;
    let delegate = world.new_wallet();
    let set = build::set_delegate(taker.address(), taker.portfolio, delegate.pubkey(), i64::MAX);
    world.succeeds(&[set], &[&taker.key]);
    let side = TradeSide { portfolio: taker.portfolio, signer: delegate.pubkey() };
    let bid = world.liquidate_instruction(owner, side, ALL / 100, i64::MAX);
    world.succeeds(&[bid], &[&delegate]);
}

#[test]
fn the_size_and_price_are_the_margin_crates() {
    let mut distress = mixed();
    distress.world.pass(200);
    distress.world.refresh();
    let health = distress.world.health(&distress.owner);
    let bid = bid(&distress, ALL, i64::MAX);
    let event: Liquidated = distress.world.succeeds(&[bid], &[&distress.taker.key]).event();
    let (equity, maintenance) = (Usd(health.equity), Usd(health.maintenance));
    let discount = auction::discount(Seconds(200));
    let fraction = auction::max_fraction(equity, maintenance, discount).unwrap();
    assert_eq!(event.fraction, fraction.0);
    assert_eq!(event.price, auction::price_ceil(equity, fraction, discount).unwrap().0);
}

/// A clock that ran while the account was sound must not sell it for nothing.
#[test]
fn after_an_hour_an_auction_takes_no_bid_and_starts_anew() {
    let Distress { mut world, owner, taker, .. } = Distress::in_auction();
    world.pass(3_599);
    world.price(BTC, 19_100.0);
    world.refresh();
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], novate_client::NovateError::AuctionRunning);
    world.pass(1);
    world.refresh();
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    world.refuses(std::slice::from_ref(&bid), &[&taker.key], novate_client::NovateError::AuctionLapsed);
    world.start_auction(&owner);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert!(event.price > 0 && event.restored);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    /// Where the list behind the named accounts begins: settlement asset, BTC, market.
    const LIST: usize = 8;

    #[test]
    fn without_an_auction() {
        for mut distress in [Distress::before(), Distress::fallen()] {
            let bid = bid(&distress, ALL, i64::MAX);
            distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::NoAuction);
        }
    }

    #[test]
    fn a_late_bid_for_an_account_that_price_restored() {
        let mut distress = Distress::in_auction();
        distress.world.price(BTC, 19_500.0);
        let bid = bid(&distress, ALL, i64::MAX);
        distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::NotLiquidatable);
    }

    #[test]
    fn a_repeated_bid_and_a_lost_race() {
        let mut distress = Distress::in_auction();
        let late = distress.world.trader(100_000);
        let bid = bid(&distress, ALL, i64::MAX);
        let lost = distress.world.liquidate_instruction(&distress.owner, late.side(), ALL, i64::MAX);
        distress.world.succeeds(std::slice::from_ref(&bid), &[&distress.taker.key]);
        distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::NoAuction);
        distress.world.refuses(&[lost], &[&late.key], NovateError::NoAuction);
    }

    #[test]
    fn the_own_account() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let second = world.sub_account(&owner, 1);
        world.deposit(&second, USDC, 100_000 * DOLLAR as u64);
        let bid = world.liquidate_instruction(&owner, second.side(), ALL, i64::MAX);
        world.refuses(&[bid], &[&owner.key], NovateError::OwnLiquidation);
        let bid = world.liquidate_instruction(&owner, owner.side(), ALL, i64::MAX);
        world.refuses(&[bid], &[&owner.key], NovateError::SamePortfolio);
    }

    #[test]
    fn an_insolvent_account() {
        let mut distress = Distress::in_auction();
        for usd in [16_910.0, 16_000.0] {
            distress.world.price(BTC, usd);
            let bid = bid(&distress, ALL, i64::MAX);
            distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::Insolvent);
        }
    }

    #[test]
    fn an_account_that_was_insolvent_when_its_auction_began() {
        let mut distress = Distress::before();
        distress.world.price(BTC, 16_000.0);
        distress.world.start_auction(&distress.owner);
        distress.world.price(BTC, 18_000.0);
        let bid = bid(&distress, ALL, i64::MAX);
        let signer = [&distress.taker.key];
        distress.world.refuses(std::slice::from_ref(&bid), &signer, NovateError::Insolvent);
        distress.world.hold();
        let start = distress.world.start_auction_instruction(&distress.owner);
        distress.world.succeeds(&[start, bid], &signer);
    }

    #[test]
    fn a_fraction_that_is_none() {
        let mut distress = Distress::in_auction();
        for fraction in [0, -1, ALL + 1, i64::MIN, i64::MAX] {
            let bid = bid(&distress, fraction, i64::MAX);
            distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::InvalidFraction);
        }
    }

    #[test]
    fn a_slice_above_the_limit() {
        let mut distress = Distress::in_auction();
        for limit in [369_126_526, 0, -1, i64::MIN] {
            let bid = bid(&distress, ALL, limit);
            distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::PriceLimit);
        }
        let bid = bid(&distress, ALL, 369_126_527);
        distress.world.succeeds(&[bid], &[&distress.taker.key]);
    }

    #[test]
    fn a_taker_without_cash() {
        let Distress { mut world, owner, .. } = mixed();
        let taker = world.actor();
        world.deposit(&taker, ETH, 100 * 100_000_000);
        let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
        world.refuses(&[bid], &[&taker.key], NovateError::InsufficientCash);
    }

    #[test]
    fn a_taker_below_initial_margin_afterwards() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let taker = world.trader(400);
        let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
        world.refuses(&[bid], &[&taker.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn a_taker_in_an_auction() {
        let Distress { mut world, owner, maker, .. } = Distress::before();
        let taker = world.trader(3_100);
        world.trade(&taker, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        world.price(BTC, 19_100.0);
        for actor in [&owner, &taker] {
            world.start_auction(actor);
        }
        let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
        world.refuses(&[bid], &[&taker.key], NovateError::InAuction);
    }

    #[test]
    fn a_taker_for_whom_nobody_signs() {
        let mut distress = Distress::in_auction();
        let bid = bid(&distress, ALL, i64::MAX);
        let Distress { world, taker, .. } = &mut distress;
        let stranger = world.new_wallet();
        let wrong = bid.clone().with_account(4, stranger.pubkey());
        world.refuses(&[wrong], &[&stranger], NovateError::WrongAuthority);
        world.refuses(&[bid.clone().unsigned(4)], &[], ErrorCode::AccountNotSigner);
        let expiry = world.now() + 1;
        let set = build::set_delegate(taker.address(), taker.portfolio, stranger.pubkey(), expiry);
        world.succeeds(&[set], &[&taker.key]);
        world.pass(1);
        let late = bid.with_account(4, stranger.pubkey());
        world.refuses(&[late], &[&stranger], NovateError::DelegateExpired);
    }

    #[test]
    fn at_a_stale_price() {
        let mut distress = Distress::in_auction();
        distress.world.pass(61);
        let bid = bid(&distress, ALL, i64::MAX);
        // At the edge that favours the owner the account is sound; `stale.rs` has accounts that are not.
        distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::NotLiquidatable);
    }

    #[test]
    fn with_a_list_that_is_incomplete_or_out_of_order() {
        let mut distress = Distress::in_auction();
        let bid = bid(&distress, ALL, i64::MAX);
        let Distress { world, taker, .. } = &mut distress;
        let twice = bid.accounts[LIST + 2].pubkey;
        for (wrong, error) in [
            (bid.clone().without_account(LIST), NovateError::AssetMissing),
            (bid.clone().without_account(LIST + 1), NovateError::AssetMissing),
            (bid.clone().without_account(LIST + 2), NovateError::MarketMissing),
            (bid.clone().swapped(LIST, LIST + 1), NovateError::AccountsOutOfOrder),
            (bid.clone().and_account(twice), NovateError::DuplicateAccount),
            (bid.clone().read_only(LIST + 2), NovateError::NotWritable),
            (bid.clone().with_account(LIST + 1, taker.tokens[0]), NovateError::WrongOwner),
            (bid.clone().with_account(LIST + 1, world.pool), NovateError::UnexpectedAccount),
        ] {
            world.refuses(&[wrong], &[&taker.key], error);
        }
    }

    #[test]
    fn across_pools() {
        let mut distress = Distress::in_auction();
        let other = distress.world.second_pool();
        distress.world.price(BTC, 19_100.0);
        let bid = bid(&distress, ALL, i64::MAX);
        let Distress { world, taker, .. } = &mut distress;
        world.succeeds(&[build::open_portfolio(taker.address(), other, 0)], &[&taker.key]);
        let foreign = addresses::portfolio(&other, &taker.address(), 0);
        let scenarios = addresses::scenarios(&other, 1);
        for (wrong, error) in [
            (bid.clone().with_account(1, scenarios), NovateError::WrongScenarios),
            (bid.clone().with_account(0, other).with_account(1, scenarios), NovateError::WrongPool),
            (bid.clone().with_account(3, foreign), NovateError::WrongPool),
            (bid.clone().with_account(LIST + 1, addresses::asset(&other, BTC)), NovateError::WrongPool),
            (bid.clone().with_account(LIST + 2, addresses::market(&other, BTC_PERP)), NovateError::WrongPool),
        ] {
            world.refuses(&[wrong], &[&taker.key], error);
        }
    }

    #[test]
    fn the_taker_as_if_it_were_the_liquidated() {
        let mut distress = Distress::in_auction();
        let maker: Actor = distress.maker.clone();
        let bid = distress.world.liquidate_instruction(&maker, distress.taker.side(), ALL, i64::MAX);
        distress.world.refuses(&[bid], &[&distress.taker.key], NovateError::NoAuction);
    }
}
