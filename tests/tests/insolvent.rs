//! CLR-31, CLR-32, CLR-35: insolvent accounts, and the fund that pays whoever takes them; what it lacks is told in
//! `haircut_of_gains.rs`.
//!
//! The owner deposits 7,010 USD and buys one BTC at 20,000 for a fee of 10; at 12,500 equity is -500 and maintenance margin
//! 0.80 x 15 % x 12,500 = 1,500.

use novate::events::{AuctionStarted, Liquidated};
use novate_client::state::{COOLING_OFF, HAIRCUT_WINDOW};
use novate_client::{addresses, instructions as build, instrument, Instruction, NovateError};
use novate_tests::{checker, Actor, Altered, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

use crate::checking::raw;

const ALL: i64 = 1_000_000_000;
const HALF_AN_HOUR: i64 = 1_800;
/// Where the list of `end_auction` begins.
const LIST_OF_END: usize = 6;

struct Ruin {
    world: World,
    owner: Actor,
    maker: Actor,
    taker: Actor,
    /// Gives to the fund.
    backer: Actor,
}

impl Ruin {
    fn before() -> Self {
        let mut world = World::default();
        let (owner, maker, taker) = (world.trader(7_010), world.trader(100_000), world.trader(100_000));
        let backer = world.actor();
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        Self { world, owner, maker, taker, backer }
    }

    /// In an insolvent auction that has just begun; the fund has this capital.
    fn insured(capital: i64) -> Self {
        let mut ruin = Self::before();
        if capital > 0 {
            ruin.world.insure(&ruin.backer, capital);
        }
        ruin.world.price(BTC, 12_500.0);
        ruin.world.start_auction(&ruin.owner);
        ruin
    }

    fn later(mut self, seconds: i64) -> Self {
        self.world.pass(seconds);
        self.world.refresh();
        self
    }

    fn bid(&self, fraction: i64, limit: i64) -> Instruction {
        self.world.liquidate_instruction(&self.owner, self.taker.side(), fraction, limit)
    }

    #[track_caller]
    fn takes(&mut self, fraction: i64, limit: i64) -> Liquidated {
        let bid = self.bid(fraction, limit);
        let event = self.world.succeeds(&[bid], &[&self.taker.key]).event();
        self.holds();
        event
    }

    #[track_caller]
    fn refused(&mut self, fraction: i64, limit: i64, error: NovateError) {
        let bid = self.bid(fraction, limit);
        self.world.refuses(&[bid], &[&self.taker.key], error);
    }

    #[track_caller]
    fn holds(&self) {
        assert_eq!(checker::violations(&raw(&self.world), self.world.pool.to_bytes()), Vec::<String>::new());
    }

    fn end(&self) -> Instruction {
        self.world.end_auction_instruction(&self.owner)
    }
}

#[test]
fn the_start_reserves_the_greatest_payout() {
    let Ruin { mut world, owner, .. } = Ruin::before();
    world.price(BTC, 12_500.0);
    let event: AuctionStarted = world.start_auction(&owner).event();
    assert_eq!((event.equity, event.maintenance, event.insolvent), (-500 * DOLLAR, 1_500 * DOLLAR, true));
    // 500 + 0.25 x 1,500, although the fund has nothing.
    assert_eq!((event.reserved, world.insurance().reserved), (875_000_000, 875_000_000));
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.auction_reserved, portfolio.auction_paid), (875_000_000, 0));
}

#[test]
fn after_half_an_hour_the_whole_account_goes_for_the_deficit_and_an_eighth_of_its_margin() {
    let mut ruin = Ruin::insured(10_000).later(HALF_AN_HOUR);
    let before = ruin.world.portfolio(&ruin.taker.portfolio);
    let event = ruin.takes(ALL, -687_500_000);
    assert_eq!((event.fraction, event.price, event.restored), (ALL, -687_500_000, true));
    assert_eq!((event.from_capital, event.from_stake, event.stake_ended), (687_500_000, 0, false));
    assert_eq!(
        (event.deficit, event.equity_before, event.maintenance_before),
        (500_000_000, -500 * DOLLAR, 1_500 * DOLLAR)
    );
    assert_eq!((event.equity_after, event.maintenance_after), (0, 0));

    let Ruin { mut world, owner, maker, taker, .. } = ruin;
    let gone = world.portfolio(&owner.portfolio);
    assert!(gone.is_empty() && !gone.in_auction());
    assert_eq!((gone.auction_insolvent, gone.auction_reserved, gone.auction_paid), (0, 0, 0));
    let taken = world.portfolio(&taker.portfolio);
    assert_eq!(taken.cash, before.cash + 7_010 * DOLLAR + 687_500_000);
    assert_eq!((taken.positions()[0].quantity, taken.positions()[0].cost), (CONTRACT, 20_010 * DOLLAR));
    let insurance = world.insurance();
    assert_eq!((insurance.capital, insurance.reserved), (9_312_500_000, 0));
    assert_eq!((insurance.paid_out, insurance.deficits), (687_500_000, 500_000_000));
    assert_eq!((world.vault(USDC), world.asset(USDC).cash), (217_010_000_000, 207_697_500_000));

    // The taker pays the loss, and the winner is paid in full.
    world.settle(&taker, BTC_PERP);
    world.settle(&maker, BTC_PERP);
    assert_eq!(world.portfolio(&maker.portfolio).positions()[0].pending_new, 7_490 * DOLLAR);
    world.succeeds(&[build::close_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
}

#[test]
fn the_payout_grows_with_time() {
    // Of a tenth: 50, and g of 150.
    for (seconds, payout) in [(0, 50_000_000), (900, 59_375_000), (1_800, 68_750_000), (3_456, 86_000_000)] {
        let mut ruin = Ruin::insured(10_000).later(seconds);
        let event = ruin.takes(ALL / 10, -payout);
        assert_eq!((event.price, event.restored, event.deficit), (-payout, false, 50_000_000), "after {seconds} s");
        let portfolio = ruin.world.portfolio(&ruin.owner.portfolio);
        assert_eq!((portfolio.auction_reserved, portfolio.auction_paid), (875_000_000, payout as u64));
        assert_eq!(ruin.world.insurance().reserved, 875_000_000 - payout as u64);
    }
}

#[test]
fn an_equity_of_zero_pays_the_premium_only() {
    let mut ruin = Ruin::before();
    ruin.world.insure(&ruin.backer, 1_000);
    ruin.world.price(BTC, 13_000.0);
    ruin.world.start_auction(&ruin.owner);
    assert_eq!(ruin.world.insurance().reserved, 390_000_000);
    let mut ruin = ruin.later(HALF_AN_HOUR);
    assert_eq!(ruin.takes(ALL, 0).price, -195_000_000);
}

/// All payouts together are the reserve of entry, however far equity falls afterwards.
#[test]
fn payouts_end_at_the_reserve_of_entry() {
    let mut ruin = Ruin::insured(10_000);
    ruin.world.price(BTC, 11_000.0);
    assert_eq!(ruin.takes(2 * ALL / 5, 0).price, -800_000_000);
    // What is left lacks 1,200 and is owed that; 75 are left of 875.
    ruin.refused(ALL, -75_000_001, NovateError::PriceLimit);
    let event = ruin.takes(ALL, -75_000_000);
    assert_eq!((event.price, event.deficit, event.restored), (-75_000_000, 1_200_000_000, true));
    let insurance = ruin.world.insurance();
    assert_eq!((insurance.capital, insurance.reserved, insurance.paid_out), (9_125_000_000, 0, 875_000_000));
    assert_eq!(insurance.deficits, 2_000_000_000);
}

/// What owes nothing is not judged: no holding that has no price keeps a reserve.
#[test]
fn a_reserve_is_given_back_whatever_is_held_beside_no_debt() {
    let mut ruin = Ruin::insured(10_000);
    ruin.world.price(BTC, 20_000.0);
    ruin.world.trade(&ruin.owner, &ruin.maker, &[(BTC_PERP, -CONTRACT, 20_000 * PRICE)]);
    ruin.world.settle(&ruin.owner, BTC_PERP);
    assert!(!ruin.world.portfolio(&ruin.owner.portfolio).owes());
    ruin.world.pass(100_000);
    assert!(ruin.world.insurance().reserved > 0);
    let mut end = ruin.end();
    end.accounts.truncate(LIST_OF_END + 1);
    ruin.world.succeeds(&[end], &[]);
    assert_eq!(ruin.world.insurance().reserved, 0);
    ruin.holds();
}

/// Equity fell further than the reserve of entry pays for: after an hour the auction is started anew.
#[test]
fn an_auction_that_nobody_took_for_an_hour_starts_anew() {
    let mut ruin = Ruin::insured(10_000);
    ruin.world.price(BTC, 10_000.0);
    // It lacks 3,000; the reserve is 500 + 375.
    let again = ruin.world.start_auction_instruction(&ruin.owner);
    ruin.world.refuses(&[again], &[], NovateError::AuctionRunning);
    let mut ruin = ruin.later(2 * HALF_AN_HOUR - 1);
    let again = ruin.world.start_auction_instruction(&ruin.owner);
    ruin.world.refuses(&[again], &[], NovateError::AuctionRunning);
    let mut ruin = ruin.later(1);
    let event: AuctionStarted = ruin.world.start_auction(&ruin.owner).event();
    ruin.holds();
    // A quarter of 0.80·30 %·10,000 beside it: the fall has widened the scan range.
    assert_eq!((event.insolvent, event.reserved, event.time), (true, 3_600 * DOLLAR as u64, ruin.world.now()));
    assert_eq!(ruin.world.insurance().reserved, 3_600 * DOLLAR as u64);
    let taken = ruin.takes(ALL, 0);
    assert_eq!((taken.price, taken.deficit), (-3_000 * DOLLAR, 3_000 * DOLLAR as u64));
    assert_eq!(ruin.world.insurance().reserved, 0);
}

#[test]
fn two_deficits_at_once_share_one_fund_and_deposits_pay_the_rest() {
    let mut ruin = Ruin::before();
    let second = ruin.world.trader(7_010);
    ruin.world.trade(&second, &ruin.maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    ruin.world.insure(&ruin.backer, 1_000);
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    let start = ruin.world.start_auction_instruction(&second);
    ruin.world.succeeds(&[start], &[]);
    assert_eq!(ruin.world.insurance().reserved, 1_750_000_000);
    let mut ruin = ruin.later(HALF_AN_HOUR);
    ruin.takes(ALL, -687_500_000);
    assert_eq!((ruin.world.insurance().reserved, ruin.world.insurance().capital), (875_000_000, 312_500_000));
    ruin.owner = second;
    assert_eq!(ruin.world.asset(USDC).shortage, 562_500_000);
    // A part of the account is owed no more than there is.
    let event = ruin.takes(ALL / 4, -171_875_000);
    assert_eq!((event.price, event.from_capital, event.forgiven), (-171_875_000, 171_875_000, 0));
    let event = ruin.takes(ALL, -515_625_000);
    assert_eq!((event.price, event.from_capital, event.forgiven), (-515_625_000, 140_625_000, 375_000_000));
    assert_eq!(event.from_deposits, Default::default());
    assert_eq!((ruin.world.insurance().capital, ruin.world.insurance().reserved), (0, 0));
    assert_eq!(ruin.world.asset(USDC).shortage, 0);
}

/// A loan made the deficit, and no market: nothing can be forgiven, and deposits pay.
#[test]
fn with_an_empty_fund_deposits_pay_what_no_market_lost() {
    let mut world = World::default();
    let [owner, lender, taker] = [(); 3].map(|()| world.trader(100_000));
    world.open_bank(BTC);
    world.deposit(&lender, BTC, 1_000_000_000);
    world.lend(&lender, BTC, 1_000_000_000);
    world.borrow(&owner, BTC, 380_000_000);
    world.withdraw(&owner, BTC, 380_000_000);
    world.price(BTC, 27_000.0);
    world.start_auction(&owner);
    let lacks = -world.health(&owner).equity;
    assert!(lacks > 0);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL / 10, 0);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!((event.from_capital, event.from_stake, event.forgiven), (0, 0, 0));
    assert!(event.price < 0 && event.from_deposits.free == event.price.unsigned_abs());
    assert_eq!((event.from_deposits.held, event.from_deposits.lent), (0, 0));
    assert_eq!((world.insurance().paid_out, world.insurance().deficits), (0, event.deficit));
}

#[test]
fn capital_pays_before_stake_and_stakers_lose_pro_rata() {
    let mut ruin = Ruin::before();
    let stakers = [300, 100].map(|usd| {
        let staker = ruin.world.actor();
        ruin.world.stake(&staker, usd * 1_000_000);
        staker
    });
    ruin.world.insure(&ruin.backer, 200);
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    let event = ruin.takes(ALL, -500_000_000);
    assert_eq!((event.from_capital, event.from_stake, event.stake_ended), (200_000_000, 300_000_000, false));
    let fund = ruin.world.insurance().fund();
    assert_eq!((fund.capital, fund.staked, fund.shares), (0, 100_000_000, 400_000_000));
    for (staker, claim) in stakers.iter().zip([75_000_000, 25_000_000]) {
        let shares = ruin.world.shares_of(staker);
        assert_eq!(fund.claim_floor(shares), Ok(claim));
        ruin.world.request_unstake(staker, shares);
    }
    // Who stakes now has lost nothing.
    let later = ruin.world.actor();
    ruin.world.stake(&later, 50_000_000);
    assert_eq!(ruin.world.shares_of(&later), 200_000_000);
    ruin.world.pass(COOLING_OFF);
    for (staker, claim) in stakers.iter().zip([75_000_000, 25_000_000]) {
        ruin.world.unstake(staker);
        assert_eq!(ruin.world.tokens(&staker.tokens[0]), claim);
        ruin.holds();
    }
    assert_eq!(ruin.world.insurance().staked, 50_000_000);
}

#[test]
fn a_request_for_a_part_stays_one_after_a_loss() {
    let mut ruin = Ruin::before();
    let staker = ruin.world.actor();
    ruin.world.stake(&staker, 1_000_000_000);
    ruin.world.request_unstake(&staker, 400_000_000);
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    ruin.takes(ALL, -500_000_000);
    ruin.world.pass(COOLING_OFF);
    ruin.world.unstake(&staker);
    ruin.holds();
    assert_eq!((ruin.world.tokens(&staker.tokens[0]), ruin.world.insurance().staked), (200_000_000, 300_000_000));
}

#[test]
fn stake_that_is_lost_ends_and_what_is_staked_afterwards_is_whole() {
    let mut ruin = Ruin::before();
    let (lost, idle, later) = (ruin.world.actor(), ruin.world.actor(), ruin.world.actor());
    ruin.world.stake(&lost, 60_000_000);
    ruin.world.stake(&idle, 40_000_000);
    ruin.world.request_unstake(&lost, 60_000_000);
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    let event = ruin.takes(ALL, -100_000_000);
    assert_eq!((event.from_stake, event.stake_ended), (100_000_000, true));
    let insurance = ruin.world.insurance();
    assert_eq!((insurance.era, insurance.staked, insurance.stake_shares.get()), (1, 0, 0));

    ruin.world.stake(&later, 5_000_000);
    ruin.holds();
    ruin.world.pass(COOLING_OFF);
    let unstake = ruin.world.unstake_instruction(&lost);
    ruin.world.refuses(&[unstake], &[&lost.key], NovateError::NoUnstakeRequest);
    let request = ruin.world.request_instruction(&idle, 1);
    ruin.world.refuses(&[request], &[&idle.key], NovateError::InsufficientShares);
    // Shares of the era that ended are cleared, not revived.
    ruin.world.stake(&lost, 1_000_000);
    assert_eq!((ruin.world.shares_of(&lost), ruin.world.stake_of(&lost).requested.get()), (1_000_000, 0));
    let close = ruin.world.close_stake_instruction(&idle);
    ruin.world.succeeds(&[close], &[&idle.key]);
    ruin.world.request_unstake(&later, 5_000_000);
    ruin.world.pass(COOLING_OFF);
    ruin.world.unstake(&later);
    assert_eq!(ruin.world.tokens(&later.tokens[0]), 5_000_000);
    ruin.holds();
}

/// Whoever asked before, may not leave during the auction, and bears the loss like one who asked during it.
#[test]
fn nobody_leaves_before_a_loss() {
    let mut ruin = Ruin::before();
    let (early, late) = (ruin.world.actor(), ruin.world.actor());
    for staker in [&early, &late] {
        ruin.world.stake(staker, 500_000_000);
    }
    ruin.world.request_unstake(&early, 500_000_000);
    ruin.world.pass(COOLING_OFF);
    ruin.world.refresh();
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    ruin.world.request_unstake(&late, 500_000_000);
    let unstake = ruin.world.unstake_instruction(&early);
    ruin.world.refuses(std::slice::from_ref(&unstake), &[&early.key], NovateError::ReserveStands);

    let event = ruin.takes(ALL, 0);
    ruin.world.unstake(&early);
    ruin.world.pass(COOLING_OFF);
    ruin.world.unstake(&late);
    ruin.holds();
    let left = (1_000_000_000 - event.from_stake) / 2;
    assert_eq!([&early, &late].map(|staker| ruin.world.tokens(&staker.tokens[0])), [left, left]);
}

/// Who leaves enough behind is not held up by a reserve, however small or large.
#[test]
fn whoever_leaves_the_reserve_behind_may_leave() {
    let mut ruin = Ruin::before();
    let staker = ruin.world.actor();
    ruin.world.stake(&staker, 1_000_000_000);
    ruin.world.request_unstake(&staker, 125_000_001);
    ruin.world.pass(COOLING_OFF);
    ruin.world.refresh();
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    let unstake = ruin.world.unstake_instruction(&staker);
    ruin.world.refuses(std::slice::from_ref(&unstake), &[&staker.key], NovateError::ReserveStands);
    ruin.world.insure_units(&ruin.backer, 1);
    ruin.world.succeeds(&[unstake], &[&staker.key]);
    assert_eq!(ruin.world.insurance().fund().total(), 875_000_000);
    ruin.holds();
}

/// A reserve that stands for the whole two days makes the request lapse.
#[test]
fn a_request_lapses_while_a_reserve_stands() {
    let mut ruin = Ruin::before();
    let staker = ruin.world.actor();
    ruin.world.stake(&staker, 500_000_000);
    ruin.world.request_unstake(&staker, 1);
    ruin.world.price(BTC, 12_500.0);
    ruin.world.start_auction(&ruin.owner);
    ruin.world.pass(COOLING_OFF);
    let unstake = ruin.world.unstake_instruction(&staker);
    ruin.world.refuses(std::slice::from_ref(&unstake), &[&staker.key], NovateError::ReserveStands);
    ruin.world.pass(2 * 86_400);
    ruin.world.refuses(&[unstake], &[&staker.key], NovateError::UnstakeLapsed);
}

/// Positions are closed and their cost is still owed: a taker with the payout settles them.
#[test]
fn a_bankrupt_remainder_is_taken_and_settled() {
    let mut ruin = Ruin::before();
    ruin.world.insure(&ruin.backer, 1_000);
    ruin.world.price(BTC, 12_500.0);
    ruin.world.trade(&ruin.owner, &ruin.maker, &[(BTC_PERP, -CONTRACT, 12_500 * PRICE)]);
    ruin.world.settle(&ruin.owner, BTC_PERP);
    let portfolio = ruin.world.portfolio(&ruin.owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.positions()[0].quantity, portfolio.positions()[0].cost), (0, 0, 506_250_000));
    ruin.world.start_auction(&ruin.owner);
    let mut ruin = ruin.later(HALF_AN_HOUR);
    ruin.taker = ruin.world.actor();
    let event = ruin.takes(ALL, -506_250_000);
    assert_eq!((event.price, event.maintenance_before, event.restored), (-506_250_000, 0, true));
    ruin.world.settle(&ruin.taker, BTC_PERP);
    assert!([&ruin.owner, &ruin.taker].map(|a| ruin.world.portfolio(&a.portfolio).is_empty()) == [true, true]);
    ruin.world.settle(&ruin.maker, BTC_PERP);
    assert_eq!(ruin.world.market(BTC_PERP).variation_pool.0, 32_500_000);
    ruin.holds();
}

/// Below one, a dollar of deficit takes more than one unit of the settlement asset.
#[test]
fn payouts_and_reserves_are_of_the_settlement_asset() {
    let mut ruin = Ruin::before();
    ruin.world.insure(&ruin.backer, 10_000);
    ruin.world.price(USDC, 0.8);
    ruin.world.price(BTC, 12_500.0);
    let event: AuctionStarted = ruin.world.start_auction(&ruin.owner).event();
    // Cash, costs and profits are of that asset too: E is 7,010 - 10 - 7,500 at 0.80.
    assert_eq!((event.equity, event.maintenance, event.reserved), (-400 * DOLLAR, 1_500 * DOLLAR, 968_750_000));
    let mut ruin = ruin.later(HALF_AN_HOUR);
    let event = ruin.takes(ALL, 0);
    assert_eq!((event.price, event.deficit), (-734_375_000, 500_000_000));
}

#[test]
fn neither_trade_nor_settlement_ends_an_insolvent_auction() {
    let Ruin { mut world, owner, maker, .. } = Ruin::insured(1_000);
    world.deposit(&owner, USDC, 5_000 * DOLLAR as u64);
    world.trade(&owner, &maker, &[(BTC_PERP, -CONTRACT, 12_500 * PRICE)]);
    world.settle(&owner, BTC_PERP);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.position_count, portfolio.in_auction()), (0, true));
    assert_eq!(world.insurance().reserved, 875_000_000);
    let withdraw = world.withdraw_instruction(&owner, USDC, 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::InAuction);
    let end = world.end_auction_instruction(&owner);
    world.succeeds(&[end], &[]);
    assert_eq!((world.portfolio(&owner.portfolio).in_auction(), world.insurance().reserved), (false, 0));
    world.withdraw(&owner, USDC, portfolio.cash as u64);
}

/// What is closed is gone: a reserve must not stand for it.
#[test]
fn an_empty_portfolio_in_an_auction_is_not_closed() {
    let mut ruin = Ruin::insured(1_000);
    ruin.world.trade(&ruin.owner, &ruin.maker, &[(BTC_PERP, -CONTRACT, 12_500 * PRICE)]);
    ruin.world.settle(&ruin.owner, BTC_PERP);
    ruin.world.deposit(&ruin.owner, USDC, 506_250_000);
    ruin.world.settle(&ruin.owner, BTC_PERP);
    assert!(ruin.world.portfolio(&ruin.owner.portfolio).is_empty());
    let close = build::close_portfolio(ruin.owner.address(), ruin.world.pool, 0);
    ruin.world.refuses(std::slice::from_ref(&close), &[&ruin.owner.key], NovateError::InAuction);
    ruin.refused(ALL, 0, NovateError::NotLiquidatable);
    let end = ruin.end();
    ruin.world.succeeds(&[end, close], &[&ruin.owner.key]);
    ruin.holds();
}

/// A week after the listing half of a tenth of the fund stands behind the market; beyond that the taker's costs are forgiven, and those who
/// gained in the market bear it, although the fund has more (CLR-32).
#[test]
fn of_a_market_listed_lately_the_fund_pays_its_share_and_no_more() {
    let mut ruin = Ruin::insured(10_000).later(HALF_AN_HOUR);
    ruin.world.listed_lately(BTC_PERP, 7 * 86_400);
    let event = ruin.takes(ALL / 2, -343_750_000);
    assert_eq!((event.price, event.from_capital, event.forgiven), (-343_750_000, 343_750_000, 0));
    assert_eq!(ruin.world.market(BTC_PERP).insured, 343_750_000);
    // Half of a tenth of what is left, 482.8125, less what was paid.
    let event = ruin.takes(ALL, -343_750_000);
    let (insured, forgiven) = (139_062_500, 204_687_500);
    assert_eq!((event.price, event.from_capital, event.forgiven), (-343_750_000, insured, forgiven));
    assert_eq!((event.from_deposits, event.losses.len()), (Default::default(), 1));
    assert_eq!(
        (event.losses[0].instrument, event.losses[0].amount),
        (instrument::perpetual(BTC_PERP), forgiven as i64)
    );
    let market = ruin.world.market(BTC_PERP);
    assert_eq!((market.insured, market.haircut.0, market.round.stands()), (482_812_500, forgiven as i64, true));
    assert_eq!(ruin.world.insurance().capital, 9_517_187_500);

    // The gain of whoever was on the other side, 7,500 less a fee, bears it whole.
    let Ruin { mut world, maker, .. } = ruin;
    world.register_gain(&maker, BTC_PERP);
    world.pass(HAIRCUT_WINDOW);
    assert_eq!(world.charge_gain(&maker, BTC_PERP).borne.charged, forgiven as i64);
    world.close_haircut(BTC_PERP);
    assert_eq!((world.market(BTC_PERP).haircut.0, world.insurance().capital), (0, 9_517_187_500));
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

/// On the day of the listing nothing, after two weeks everything.
#[test]
fn the_share_of_a_market_grows_with_its_days() {
    for (days, insured) in
        [(0, 0), (1, 71_428_571), (9, 642_857_142), (10, 687_500_000), (14, 687_500_000), (99, 687_500_000)]
    {
        let mut ruin = Ruin::insured(10_000).later(HALF_AN_HOUR);
        ruin.world.listed_lately(BTC_PERP, days * 86_400);
        let event = ruin.takes(ALL, -687_500_000);
        let forgiven = 687_500_000 - insured;
        assert_eq!((event.price, event.from_capital, event.forgiven), (-687_500_000, insured, forgiven), "{days} days");
    }
}

mod adversary {
    use super::*;

    /// Where the list behind the named accounts begins: settlement asset, BTC, market.
    const LIST: usize = 8;

    #[test]
    fn less_than_the_least_that_the_taker_accepts() {
        let mut ruin = Ruin::insured(10_000).later(HALF_AN_HOUR);
        for limit in [-687_500_001, i64::MIN] {
            ruin.refused(ALL, limit, NovateError::PriceLimit);
        }
        ruin.takes(ALL, -687_500_000);
    }

    /// A bid for a slice of a solvent account arrives when the account has become insolvent, and is not sold the whole of it.
    #[test]
    fn a_bid_that_was_meant_for_a_solvent_account() {
        for capital in [0, 10_000] {
            let mut ruin = Ruin::insured(capital);
            for limit in [1, 400 * DOLLAR, i64::MAX] {
                ruin.refused(ALL, limit, NovateError::LimitAboveZero);
            }
        }
    }

    #[test]
    fn a_repeated_bid_and_a_lost_race() {
        let mut ruin = Ruin::insured(10_000);
        let late = ruin.world.trader(100_000);
        let bid = ruin.bid(ALL, 0);
        let lost = ruin.world.liquidate_instruction(&ruin.owner, late.side(), ALL, 0);
        ruin.world.succeeds(std::slice::from_ref(&bid), &[&ruin.taker.key]);
        ruin.world.refuses(&[bid], &[&ruin.taker.key], NovateError::NoAuction);
        ruin.world.refuses(&[lost], &[&late.key], NovateError::NoAuction);
    }

    #[test]
    fn the_own_account() {
        let Ruin { mut world, owner, .. } = Ruin::insured(10_000);
        let second = world.sub_account(&owner, 1);
        world.deposit(&second, USDC, 100_000 * DOLLAR as u64);
        let bid = world.liquidate_instruction(&owner, second.side(), ALL, 0);
        world.refuses(&[bid], &[&owner.key], NovateError::OwnLiquidation);
    }

    #[test]
    fn a_taker_below_initial_margin_afterwards() {
        let mut ruin = Ruin::insured(10_000);
        // The payout makes up for the deficit; of the initial margin of 1,875 a unit is missing.
        ruin.taker = ruin.world.actor();
        ruin.world.deposit(&ruin.taker, USDC, 1_875 * DOLLAR as u64 - 1);
        ruin.refused(ALL, 0, NovateError::BelowInitialMargin);
        ruin.world.deposit(&ruin.taker, USDC, 1);
        ruin.takes(ALL, 0);
    }

    #[test]
    fn equity_that_has_crossed_zero() {
        let mut ruin = Ruin::insured(10_000);
        ruin.world.price(BTC, 13_100.0);
        ruin.refused(ALL, i64::MAX, NovateError::Insolvent);
        ruin.world.price(BTC, 16_000.0);
        ruin.refused(ALL, i64::MAX, NovateError::NotLiquidatable);
    }

    #[test]
    fn the_fund_of_another_pool_and_an_asset_that_is_read_only() {
        let mut ruin = Ruin::insured(10_000);
        let foreign = ruin.world.second_pool();
        ruin.world.price(BTC, 12_500.0);
        let fund = addresses::insurance(&foreign);
        let bid = ruin.bid(ALL, 0);
        let signer = [&ruin.taker.key];
        ruin.world.refuses(&[bid.clone().with_account(5, fund)], &signer, NovateError::WrongPool);
        ruin.world.refuses(&[bid.read_only(LIST)], &signer, NovateError::NotWritable);
        let end = ruin.end().with_account(3, fund);
        ruin.world.refuses(&[end], &[], NovateError::WrongPool);
        let start = ruin.world.start_auction_instruction(&ruin.maker).with_account(3, fund);
        ruin.world.refuses(&[start], &[], NovateError::WrongPool);
    }

    #[test]
    fn a_fraction_that_is_none() {
        let mut ruin = Ruin::insured(10_000);
        for fraction in [0, -1, ALL + 1] {
            ruin.refused(fraction, 0, NovateError::InvalidFraction);
        }
        // A part that is nothing moves nothing, and is paid nothing.
        assert_eq!(ruin.takes(1, 0).price, 0);
    }
}
