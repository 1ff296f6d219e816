use novate::events::{Traded, TradedLeg};
use novate_client::instructions::{self as build, TradeSide};
use novate_client::state::Position;
use novate_client::{addresses, instrument, Instruction, Leg};
use novate_tests::world::leg;
use novate_tests::{
    Actor, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, PRICE, SOL_PERP, USDC,
};
use solana_signer::Signer;

use crate::distress::Distress;

const HALF: i64 = CONTRACT / 2;

/// Two owners with 10,000 and 100,000 USD.
fn two() -> (World, Actor, Actor) {
    two_in(Builder::default().build())
}

fn two_in(mut world: World) -> (World, Actor, Actor) {
    let (first, second) = (world.trader(10_000), world.trader(100_000));
    (world, first, second)
}

/// A market of BTC with other terms.
fn with_terms(change: impl FnOnce(&mut novate_client::MarketTerms)) -> (World, Actor, Actor) {
    let market = MarketSpec::new("BTC-PERP", BTC).with(change);
    two_in(Builder::default().markets(vec![market]).build())
}

/// A trade of any legs, with the accounts that BTC's perpetual needs.
fn trade_of(world: &World, first: &Actor, second: &Actor, legs: Vec<Leg>) -> Instruction {
    let holdings =
        world.holdings(&[first.portfolio, second.portfolio]).with_traded(instrument::perpetual(BTC_PERP), BTC);
    build::trade(world.keys(), first.side(), second.side(), &holdings, legs)
}

#[test]
fn both_sides_take_their_position_and_pay_the_fee_as_cost() {
    let (mut world, first, second) = two();
    let sent = world.trade(&first, &second, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);

    let position = |quantity, cost| Position {
        instrument: instrument::perpetual(BTC_PERP),
        quantity,
        cost,
        pending_since: world.now(),
        underlying: BTC,
        ..Position::default()
    };
    let [a, b] = [&first, &second].map(|s| world.portfolio(&s.portfolio));
    assert_eq!(a.positions(), [position(CONTRACT, 20_010 * DOLLAR)]);
    assert_eq!(b.positions(), [position(-CONTRACT, -19_990 * DOLLAR)]);
    assert_eq!((a.cash, b.cash), (10_000 * DOLLAR, 100_000 * DOLLAR));
    assert_eq!((a.sequence, b.sequence), (2, 2));
    let market = world.market(BTC_PERP);
    assert_eq!((market.long.0, market.short.0), (CONTRACT, CONTRACT));
    assert_eq!((market.accrued_fees.0, market.rounding.0, market.variation_pool.0), (20 * DOLLAR, 0, 0));

    let event: Traded = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.first, event.first_sequence), (first.portfolio, 2));
    assert_eq!((event.second, event.second_sequence), (second.portfolio, 2));
    let expected = TradedLeg {
        instrument: instrument::perpetual(BTC_PERP),
        quantity: CONTRACT,
        price: 20_000 * PRICE,
        first_cost: 20_010 * DOLLAR,
        second_cost: -19_990 * DOLLAR,
    };
    assert_eq!(event.legs, [expected]);
}

#[test]
fn a_negative_quantity_is_a_sale_by_the_first() {
    let (mut world, first, second) = two();
    let sent = world.trade(&first, &second, &[(BTC_PERP, -CONTRACT, 20_000 * PRICE)]);
    let [a, b] = [&first, &second].map(|s| world.portfolio(&s.portfolio).positions()[0]);
    assert_eq!((a.quantity, a.cost), (-CONTRACT, -19_990 * DOLLAR));
    assert_eq!((b.quantity, b.cost), (CONTRACT, 20_010 * DOLLAR));
    let leg = sent.event::<Traded>().legs[0];
    assert_eq!((leg.quantity, leg.first_cost, leg.second_cost), (-CONTRACT, -19_990 * DOLLAR, 20_010 * DOLLAR));
}

#[test]
fn fractions_of_a_unit_go_to_the_market() {
    let (mut world, first, second) = with_terms(|t| (t.tick, t.lot, t.minimum, t.fee) = (1, 1, 1, 1));
    // 0.010000001 at 20,000.000000001: 200.00002000000001 dollars; the fee of 1e-6 is 200.00002 units, rounded up.
    world.trade(&first, &second, &[(BTC_PERP, 10_000_001, 20_000 * PRICE + 1)]);
    let [a, b] = [&first, &second].map(|s| world.portfolio(&s.portfolio).positions()[0]);
    assert_eq!((a.cost, b.cost), (200_000_021 + 201, -200_000_020 + 201));
    let market = world.market(BTC_PERP);
    assert_eq!((market.rounding.0, market.accrued_fees.0), (1, 402));
}

#[test]
fn eight_legs_are_one_trade() {
    let (mut world, first, second) = two();
    let legs: Vec<_> = (0..8)
        .map(|i| match i % 2 {
            0 => (BTC_PERP, -CONTRACT / 100, 20_000 * PRICE),
            _ => (ETH_PERP, CONTRACT / 10, (1_500 + i) * PRICE),
        })
        .collect();
    let sent = world.trade(&first, &second, &legs);
    assert_eq!(sent.event::<Traded>().legs.len(), 8);
    let quantities = world.portfolio(&first.portfolio).positions().iter().map(|p| p.quantity).collect::<Vec<_>>();
    assert_eq!(quantities, [-4 * CONTRACT / 100, 4 * CONTRACT / 10]);
}

#[test]
fn positions_stand_in_order_of_instruments() {
    let (mut world, first, second) = two();
    for market in [SOL_PERP, BTC_PERP, ETH_PERP] {
        let price = [20_000, 1_500, 30][usize::from(market)];
        world.trade(&first, &second, &[(market, CONTRACT / 10, price * PRICE)]);
    }
    let portfolio = world.portfolio(&first.portfolio);
    let markets: Vec<u16> = portfolio.positions().iter().map(|p| instrument::market_of(p.instrument)).collect();
    assert_eq!(markets, [BTC_PERP, ETH_PERP, SOL_PERP]);
}

#[test]
fn a_position_can_be_turned_around() {
    let (mut world, first, second) = two();
    world.trade(&first, &second, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
    world.trade(&first, &second, &[(BTC_PERP, -CONTRACT, 20_000 * PRICE)]);
    assert_eq!(world.portfolio(&first.portfolio).positions()[0].quantity, -HALF);
    assert_eq!(world.portfolio(&second.portfolio).positions()[0].quantity, HALF);
    let market = world.market(BTC_PERP);
    assert_eq!((market.long.0, market.short.0), (HALF, HALF));
}

#[test]
fn a_closed_position_stays_while_variation_is_owed() {
    let (mut world, first, second) = two();
    world.trade(&first, &second, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
    world.trade(&first, &second, &[(BTC_PERP, -HALF, 20_100 * PRICE)]);
    let position = world.portfolio(&first.portfolio).positions()[0];
    assert_eq!((position.quantity, position.cost), (0, -50 * DOLLAR + 10_025_000));
    assert_eq!((world.market(BTC_PERP).long.0, world.market(BTC_PERP).short.0), (0, 0));
}

#[test]
fn the_edges_of_the_band_are_inside() {
    for usd in [19_000, 21_000] {
        let (mut world, first, second) = two();
        world.trade(&first, &second, &[(BTC_PERP, CONTRACT / 10, usd * PRICE)]);
    }
}

#[test]
fn all_of_initial_margin_may_be_used() {
    let mut world = World::default();
    let (first, second) = (world.trader(3_010), world.trader(100_000));
    world.trade(&first, &second, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let health = world.health(&first);
    assert_eq!((health.equity, health.initial), (3_000 * DOLLAR, 3_000 * DOLLAR));
}

#[test]
fn two_sub_accounts_of_one_owner_may_trade() {
    let (mut world, first, _) = two();
    let second = world.sub_account(&first, 1);
    world.deposit(&second, 0, 10_000 * DOLLAR as u64);
    world.trade(&first, &second, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
    assert_eq!(world.portfolio(&second.portfolio).positions()[0].quantity, -HALF);
}

#[test]
fn below_initial_margin_a_position_may_be_reduced() {
    let Distress { mut world, owner, maker, .. } = Distress::fallen();
    world.trade(&owner, &maker, &[(BTC_PERP, -HALF, 19_100 * PRICE)]);
    assert_eq!(world.portfolio(&owner.portfolio).positions()[0].quantity, HALF);
}

#[test]
fn in_an_auction_the_owner_may_reduce_and_leaves_it_once_restored() {
    let Distress { mut world, owner, maker, .. } = Distress::in_auction();
    let event: Traded = world.trade(&owner, &maker, &[(BTC_PERP, -CONTRACT / 50, 19_100 * PRICE)]).event();
    assert_ne!(world.portfolio(&owner.portfolio).auction_start, 0);
    assert_eq!((event.first_restored, event.second_restored), (false, false));
    let event: Traded = world.trade(&maker, &owner, &[(BTC_PERP, HALF, 19_100 * PRICE)]).event();
    assert_eq!(world.portfolio(&owner.portfolio).auction_start, 0);
    assert_eq!((event.first_restored, event.second_restored), (false, true));
}

#[test]
fn a_delegate_signs_for_its_side_until_its_time() {
    let (mut world, first, second) = two();
    let delegate = world.new_wallet();
    let expiry = world.now() + 10;
    let set = build::set_delegate(second.address(), second.portfolio, delegate.pubkey(), expiry);
    world.succeeds(&[set], &[&second.key]);
    world.pass(9);
    let side = TradeSide { portfolio: second.portfolio, signer: delegate.pubkey() };
    let trade = world.trade_instruction(first.side(), side, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
    world.succeeds(&[trade], &[&first.key, &delegate]);
}

#[test]
fn the_position_of_an_odd_lot_can_be_closed() {
    let Distress { mut world, owner, taker, maker } = Distress::in_auction();
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    let odd = world.portfolio(&taker.portfolio).positions()[0].quantity;
    assert_ne!(odd % world.market(BTC_PERP).lot.0, 0);
    world.trade(&taker, &maker, &[(BTC_PERP, -odd, 19_100 * PRICE)]);
    assert_eq!(world.portfolio(&taker.portfolio).quantity_of(instrument::perpetual(BTC_PERP)), 0);
}

#[test]
fn an_insolvent_owner_may_close_at_the_mark_also_where_settlement_is_above_par() {
    let Distress { mut world, owner, taker, .. } = Distress::before();
    world.price(BTC, 15_000.0);
    world.price(USDC, 1.0003);
    assert!(world.health(&owner).equity < 0);
    world.trade(&owner, &taker, &[(BTC_PERP, -HALF, 15_000 * PRICE)]);
    world.trade(&owner, &taker, &[(BTC_PERP, -HALF, 15_000 * PRICE)]);
    assert_eq!(world.portfolio(&owner.portfolio).positions()[0].quantity, 0);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    /// Where the list behind the named accounts begins: settlement asset, BTC, market.
    const LIST: usize = 8;

    /// A trade of one leg in BTC between two healthy owners.
    #[track_caller]
    fn refused(quantity: i64, price: i64, error: NovateError) {
        let (mut world, first, second) = two();
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, quantity, price)]);
        world.refuses(&[trade], &[&first.key, &second.key], error);
    }

    /// Legs that cancel each other would charge fees to an account that has nothing to pay them with.
    #[test]
    fn a_wash_of_owners_without_a_deposit() {
        let mut world = World::default();
        let (first, second) = (world.actor(), world.actor());
        let legs = vec![leg(BTC_PERP, CONTRACT, 20_000 * PRICE), leg(BTC_PERP, -CONTRACT, 20_000 * PRICE)];
        let trade = trade_of(&world, &first, &second, legs);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn a_wash_below_initial_margin() {
        let Distress { mut world, owner, taker, .. } = Distress::fallen();
        let legs = vec![leg(BTC_PERP, HALF, 19_100 * PRICE), leg(BTC_PERP, -HALF, 19_100 * PRICE)];
        let trade = trade_of(&world, &owner, &taker, legs);
        world.refuses(&[trade], &[&owner.key, &taker.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn opposite_perpetuals_of_one_underlying_without_a_deposit() {
        let twice = [BTC_PERP, BTC_PERP + 1].map(|_| MarketSpec::new("BTC-PERP", BTC).with(|t| t.fee = 0));
        let mut world = Builder::default().markets(twice.to_vec()).build();
        let (first, second) = (world.actor(), world.actor());
        let legs = [(BTC_PERP, CONTRACT, 20_000 * PRICE), (BTC_PERP + 1, -CONTRACT, 20_000 * PRICE)];
        let trade = world.trade_instruction(first.side(), second.side(), &legs);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn a_flip_below_initial_margin() {
        let Distress { mut world, owner, taker, .. } = Distress::fallen();
        let trade = trade_of(&world, &owner, &taker, vec![leg(BTC_PERP, -2 * CONTRACT, 19_100 * PRICE)]);
        world.refuses(&[trade], &[&owner.key, &taker.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn no_legs_or_nine() {
        let (mut world, first, second) = two();
        for count in [0, 9] {
            let legs = vec![leg(BTC_PERP, CONTRACT / 100, 20_000 * PRICE); count];
            let trade = trade_of(&world, &first, &second, legs);
            world.refuses(&[trade], &[&first.key, &second.key], NovateError::LegCount);
        }
    }

    #[test]
    fn unknown_instruments() {
        let (mut world, first, second) = two();
        let perpetual = instrument::perpetual(BTC_PERP);
        let kinds = [0u64, 2, 3, 4, 5, 255].map(|k| (u64::from(BTC_PERP) << 48) | (k << 40));
        for instrument in kinds.into_iter().chain([perpetual + 1, perpetual | (1 << 32), perpetual | (1 << 39)]) {
            let legs = vec![Leg { instrument, ..leg(BTC_PERP, HALF, 20_000 * PRICE) }];
            let trade = trade_of(&world, &first, &second, legs);
            world.refuses(&[trade], &[&first.key, &second.key], NovateError::UnknownInstrument);
        }
    }

    #[test]
    fn a_market_that_does_not_exist() {
        let (mut world, first, second) = two();
        for market in [SOL_PERP + 1, u16::MAX] {
            let trade = trade_of(&world, &first, &second, vec![leg(market, HALF, 20_000 * PRICE)]);
            world.refuses(&[trade], &[&first.key, &second.key], NovateError::MarketMissing);
        }
    }

    #[test]
    fn a_quantity_of_nothing() {
        refused(0, 20_000 * PRICE, NovateError::ZeroAmount);
    }

    #[test]
    fn a_quantity_off_the_lot() {
        for quantity in [HALF + 1, -HALF - 1, HALF + 999_999, i64::MIN, i64::MAX] {
            refused(quantity, 20_000 * PRICE, NovateError::InvalidQuantity);
        }
    }

    #[test]
    fn a_quantity_below_the_minimum() {
        for quantity in [9_000_000, -9_000_000, 1_000_000] {
            refused(quantity, 20_000 * PRICE, NovateError::BelowMinimum);
        }
    }

    #[test]
    fn a_quantity_beyond_what_can_be_counted() {
        let (mut world, first, second) = with_terms(|t| (t.lot, t.minimum) = (1, 1));
        for quantity in [i64::MIN, i64::MIN + 1, i64::MAX] {
            let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, quantity, 20_000 * PRICE)]);
            world.refuses(&[trade], &[&first.key, &second.key], NovateError::MathOverflow);
        }
    }

    #[test]
    fn a_price_of_nothing_or_off_the_tick() {
        for price in [0, -20_000 * PRICE, i64::MIN, 20_000 * PRICE + 1, 20_000 * PRICE + 9_999_999] {
            refused(HALF, price, NovateError::InvalidPrice);
        }
    }

    #[test]
    fn a_price_outside_of_the_band() {
        for price in [21_000 * PRICE + 10_000_000, 19_000 * PRICE - 10_000_000, 10_000_000] {
            refused(HALF, price, NovateError::OutsideBand);
        }
        refused(HALF, i64::MAX / 10_000_000 * 10_000_000, NovateError::OutsideBand);
    }

    #[test]
    fn more_than_the_position_cap() {
        let (mut world, first, second) = with_terms(|t| t.position_cap = HALF);
        let legs = [(BTC_PERP, HALF + 1_000_000, 20_000 * PRICE)];
        let trade = world.trade_instruction(first.side(), second.side(), &legs);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::PositionCap);
        let third = world.trader(10_000);
        world.trade(&first, &second, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        let trade = world.trade_instruction(third.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&third.key, &second.key], NovateError::PositionCap);
    }

    #[test]
    fn more_than_the_open_interest_cap() {
        let (mut world, first, second) = with_terms(|t| t.open_interest_cap = HALF);
        let legs = [(BTC_PERP, HALF + 1_000_000, 20_000 * PRICE)];
        let trade = world.trade_instruction(first.side(), second.side(), &legs);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::OpenInterestCap);
    }

    #[test]
    fn a_portfolio_with_itself() {
        let (mut world, first, _) = two();
        let trade = world.trade_instruction(first.side(), first.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key], NovateError::SamePortfolio);
    }

    #[test]
    fn a_side_that_a_stranger_or_nobody_signs_for() {
        let (mut world, first, second) = two();
        let stranger = world.new_wallet();
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        for (at, kept) in [(4, &second), (5, &first)] {
            let by_stranger = trade.clone().with_account(at, stranger.pubkey());
            world.refuses(&[by_stranger], &[&kept.key, &stranger], NovateError::WrongAuthority);
            world.refuses(&[trade.clone().unsigned(at)], &[&kept.key], ErrorCode::AccountNotSigner);
        }
    }

    #[test]
    fn the_delegate_of_the_other_side() {
        let (mut world, first, second) = two();
        let set = build::set_delegate(first.address(), first.portfolio, second.address(), i64::MAX);
        world.succeeds(&[set], &[&first.key]);
        let other = TradeSide { portfolio: second.portfolio, signer: first.address() };
        let trade = world.trade_instruction(first.side(), other, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key], NovateError::WrongAuthority);
    }

    #[test]
    fn a_delegate_whose_time_has_passed() {
        let (mut world, first, second) = two();
        let delegate = world.new_wallet();
        let expiry = world.now() + 10;
        let set = build::set_delegate(first.address(), first.portfolio, delegate.pubkey(), expiry);
        world.succeeds(&[set], &[&first.key]);
        world.pass(10);
        let side = TradeSide { portfolio: first.portfolio, signer: delegate.pubkey() };
        let trade = world.trade_instruction(side, second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&delegate, &second.key], NovateError::DelegateExpired);
    }

    #[test]
    fn either_side_below_initial_margin() {
        let mut world = World::default();
        let (poor, rich) = (world.trader(3_009), world.trader(100_000));
        for quantity in [CONTRACT, -CONTRACT] {
            for (first, second) in [(&poor, &rich), (&rich, &poor)] {
                let legs = [(BTC_PERP, quantity, 20_000 * PRICE)];
                let trade = world.trade_instruction(first.side(), second.side(), &legs);
                world.refuses(&[trade], &[&first.key, &second.key], NovateError::BelowInitialMargin);
            }
        }
    }

    #[test]
    fn below_initial_margin_more_risk_or_a_reduction_at_a_bad_price() {
        let Distress { mut world, owner, maker, .. } = Distress::fallen();
        // Equity is 590: a tenth of the position may cost 59 to close, the fee aside.
        world.price(BTC, 17_500.0);
        for (quantity, usd) in [(CONTRACT / 100, 17_500), (-CONTRACT / 10, 16_900)] {
            let trade = world.trade_instruction(owner.side(), maker.side(), &[(BTC_PERP, quantity, usd * PRICE)]);
            world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::BelowInitialMargin);
        }
    }

    #[test]
    fn more_risk_in_an_auction() {
        let Distress { mut world, owner, maker, .. } = Distress::in_auction();
        for legs in [(BTC_PERP, CONTRACT / 100, 19_100 * PRICE), (ETH_PERP, CONTRACT / 10, 1_500 * PRICE)] {
            let trade = world.trade_instruction(owner.side(), maker.side(), &[legs]);
            world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::InAuction);
        }
    }

    #[test]
    fn more_risk_in_an_auction_that_price_has_overtaken() {
        let Distress { mut world, owner, maker, .. } = Distress::in_auction();
        world.price(BTC, 25_000.0);
        let legs = [(BTC_PERP, CONTRACT / 100, 25_000 * PRICE)];
        let trade = world.trade_instruction(owner.side(), maker.side(), &legs);
        world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::InAuction);
    }

    #[test]
    fn stale_and_missing_prices() {
        let (mut world, first, second) = two();
        world.pass(61);
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::PriceStale);
        let (mut world, first, second) = two_in(Builder::default().unpriced().build());
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::PriceMissing);
    }

    #[test]
    fn a_stale_price_of_something_else_that_a_side_holds() {
        let (mut world, first, second) = two();
        world.trade(&first, &second, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
        world.pass(61);
        for asset in [0, BTC] {
            let usd = world.listing(asset).usd;
            world.price(asset, usd);
        }
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::PriceStale);
        let third = world.trader(100_000);
        let fourth = world.trader(100_000);
        world.trade(&third, &fourth, &[(BTC_PERP, HALF, 20_000 * PRICE)]);
    }

    #[test]
    fn a_list_that_is_incomplete() {
        let (mut world, first, second) = two();
        world.trade(&first, &second, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        // Settlement asset, BTC, ETH, two markets.
        let missing = [
            NovateError::AssetMissing,
            NovateError::AssetMissing,
            NovateError::AssetMissing,
            NovateError::MarketMissing,
            NovateError::MarketMissing,
        ];
        for (at, error) in missing.into_iter().enumerate() {
            let trade = trade.clone().without_account(LIST + at);
            world.refuses(&[trade], &[&first.key, &second.key], error);
        }
    }

    #[test]
    fn a_list_out_of_order_or_with_an_account_twice() {
        let (mut world, first, second) = two();
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        for (one, other) in [(LIST, LIST + 1), (LIST + 1, LIST + 2)] {
            let trade = trade.clone().swapped(one, other);
            world.refuses(&[trade], &[&first.key, &second.key], NovateError::AccountsOutOfOrder);
        }
        let trade = trade.clone().and_account(trade.accounts[LIST + 2].pubkey);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::DuplicateAccount);
    }

    #[test]
    fn a_list_of_more_than_48() {
        let (mut world, first, second) = two();
        let mut trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        let asset = trade.accounts[LIST].clone();
        trade.accounts.extend(vec![asset; 46]);
        world.refuses(&[trade.clone()], &[&first.key, &second.key], NovateError::TooManyAccounts);
        trade.accounts.pop();
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::AccountsOutOfOrder);
    }

    #[test]
    fn a_traded_market_that_is_not_writable() {
        let (mut world, first, second) = two();
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        let trade = trade.read_only(LIST + 2);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::NotWritable);
    }

    #[test]
    fn foreign_accounts_in_the_list() {
        let (mut world, first, second) = two();
        let other = world.second_pool();
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        let keys = [first.key.insecure_clone(), second.key.insecure_clone()];
        let mut refused = |at, key, error| {
            let trade = trade.clone().with_account(at, key);
            world.refuses(&[trade], &[&keys[0], &keys[1]], error);
        };
        refused(LIST + 1, addresses::asset(&other, BTC), NovateError::WrongPool);
        refused(LIST + 2, addresses::market(&other, BTC_PERP), NovateError::WrongPool);
        refused(LIST + 1, first.tokens[0], NovateError::WrongOwner);
        refused(LIST + 1, addresses::pool(&keys[0].pubkey(), 0), NovateError::WrongOwner);
        refused(LIST + 2, addresses::insurance(&other), NovateError::UnexpectedAccount);
    }

    #[test]
    fn portfolios_pools_and_scenarios_that_do_not_belong_together() {
        let (mut world, first, second) = two();
        let other = world.second_pool();
        world.succeeds(&[build::open_portfolio(first.address(), other, 0)], &[&first.key]);
        let foreign = addresses::portfolio(&other, &first.address(), 0);
        let scenarios = addresses::scenarios(&other, 1);
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        for (wrong, error) in [
            (trade.clone().with_account(2, foreign), NovateError::WrongPool),
            (trade.clone().with_account(3, foreign), NovateError::WrongPool),
            (trade.clone().with_account(1, scenarios), NovateError::WrongScenarios),
            (trade.clone().with_account(0, other), NovateError::WrongScenarios),
            (trade.clone().with_account(0, other).with_account(1, scenarios), NovateError::WrongPool),
        ] {
            world.refuses(&[wrong], &[&first.key, &second.key], error);
        }
    }

    #[test]
    fn accounts_of_another_kind_in_the_named_places() {
        let (mut world, first, second) = two();
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, HALF, 20_000 * PRICE)]);
        let asset = addresses::asset(&world.pool, ETH);
        for at in 0..4 {
            let wrong = trade.clone().with_account(at, asset);
            world.refuses(&[wrong], &[&first.key, &second.key], ErrorCode::AccountDiscriminatorMismatch);
        }
    }

    #[test]
    fn a_second_leg_that_fails_takes_the_first_with_it() {
        let (mut world, first, second) = two();
        let legs = [(BTC_PERP, HALF, 20_000 * PRICE), (ETH_PERP, CONTRACT, 3_000 * PRICE)];
        let trade = world.trade_instruction(first.side(), second.side(), &legs);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::OutsideBand);
    }
}
