//! CLR-32, CLR-35: what insurance lacks is taken from all settlement deposits pro rata, and nobody runs from it.
//!
//! The owner deposits 7,010 USD, borrows 1,500 and buys one BTC at 20,000 for a fee of 10. At 12,500 cash pays all that was lost, 1,000
//! are left of it, and equity is -500: of the loan, so that no loss can be forgiven. Maintenance margin is 1,530: 882.50 are reserved. A
//! taker is paid 500 at once. Beside them four deposit 220,000 USD.

use anchor_lang::error::ErrorCode;
use novate::events::{Liquidated, Moved};
use novate_client::instructions::{self as build, Transfer};
use novate_client::state::{Asset, Portfolio, Pot, Wide};
use novate_client::{addresses, Instruction, NovateError, Pubkey};
use novate_tests::{call, checker, Actor, Altered, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, GOLD, PRICE, USDC};

use crate::checking::raw;

const ALL: i64 = 1_000_000_000;
const RESERVED: u64 = 882_500_000;
const PAYOUT: u64 = 500_000_000;
/// Deposits of all, the owner of the account in auction included, and without.
const BASE: u64 = 221_000_000_000;
const OTHERS: u64 = 220_000_000_000;
/// Of each who stays, and each who leaves.
const DEPOSIT: u64 = 10_000_000_000;
const LOAN: u64 = 1_500_000_000;

struct Pool {
    world: World,
    owner: Actor,
    maker: Actor,
    taker: Actor,
    stays: Actor,
    leaves: Actor,
}

impl Pool {
    fn before() -> Self {
        let mut world = World::default();
        world.lend_for_nothing();
        let (maker, taker) = (world.trader(100_000), world.trader(100_000));
        let (stays, leaves) = (world.trader(10_000), world.trader(10_000));
        let owner = debtor(&mut world, &maker);
        Self { world, owner, maker, taker, stays, leaves }
    }

    /// The price falls, and the owner's cash pays the loss.
    fn falls(&mut self) {
        self.world.price(BTC, 12_500.0);
        self.world.settle(&self.owner, BTC_PERP);
        self.world.start_auction(&self.owner);
    }

    /// In an insolvent auction that has just begun; the fund has this capital.
    fn insured(capital: i64) -> Self {
        let mut pool = Self::before();
        if capital > 0 {
            pool.world.insure(&pool.maker, capital);
        }
        pool.falls();
        pool.holds();
        pool
    }

    #[track_caller]
    fn holds(&self) {
        assert_eq!(checker::violations(&raw(&self.world), self.world.pool.to_bytes()), Vec::<String>::new());
    }

    #[track_caller]
    fn takes(&mut self, fraction: i64) -> Liquidated {
        let bid = self.world.liquidate_instruction(&self.owner, self.taker.side(), fraction, 0);
        let event = self.world.succeeds(&[bid], &[&self.taker.key]).event();
        self.holds();
        event
    }

    /// Cash after a deposit of a unit, without it.
    #[track_caller]
    fn cash(&mut self, actor: &Actor) -> u64 {
        let event: Moved = self.world.deposit(actor, USDC, 1).event();
        self.holds();
        event.balance as u64 - 1
    }

    /// Withdraws in ever smaller pieces until not a unit more may leave; returns what stays.
    fn drain(&mut self, actor: &Actor) -> u64 {
        let mut piece = self.world.portfolio(&actor.portfolio).cash as u64 / 3;
        while piece > 0 {
            let withdraw = self.world.withdraw_instruction(actor, USDC, piece);
            if self.world.attempt(withdraw, &[&actor.key]).is_err() {
                piece /= 2;
            }
        }
        self.holds();
        let withdraw = self.world.withdraw_instruction(actor, USDC, 1);
        let left = self.world.portfolio(&actor.portfolio).cash as u64;
        let error = if left > 0 { NovateError::ProvisionalHaircut } else { NovateError::InsufficientBalance };
        self.world.refuses(&[withdraw], &[&actor.key], error);
        left
    }

    fn shortage(&self) -> u64 {
        self.world.asset(USDC).shortage
    }

    fn transfer(&self, from: &Actor, to: &Actor, amount: u64) -> Instruction {
        let transfer = Transfer { from: from.portfolio, to: to.portfolio, asset: USDC, amount };
        build::transfer(from.address(), self.world.keys(), &self.world.holdings(&[from.portfolio]), transfer)
    }

    /// The price of before, and the auction ends; nothing was lacking in the end.
    fn recovers(&mut self) {
        self.world.price(BTC, 20_000.0);
        let end = self.world.end_auction_instruction(&self.owner);
        self.world.succeeds(&[end], &[]);
        self.holds();
    }
}

/// Nothing of what is lent for the loan is left.
fn debtor(world: &mut World, maker: &Actor) -> Actor {
    let (owner, lender) = (world.trader(7_010), world.trader(50_000));
    world.lend(&lender, USDC, 50_000_000_000);
    world.borrow(&owner, USDC, LOAN);
    world.unlend(&lender, USDC, 50_000_000_000 - LOAN);
    world.withdraw(&lender, USDC, 50_000_000_000 - LOAN);
    world.trade(&owner, maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    owner
}

fn share(of: u64, amount: u64, base: u64) -> u64 {
    (u128::from(of) * u128::from(amount)).div_ceil(base.into()) as u64
}

#[test]
fn deposits_pay_pro_rata_exactly_what_the_fund_lacks() {
    let mut pool = Pool::insured(100);
    assert_eq!(pool.shortage(), RESERVED - 100_000_000);
    let before = pool.world.asset(USDC);
    let event = pool.takes(ALL);
    assert_eq!((event.price, event.from_capital), (-(PAYOUT as i64), 100_000_000));
    let lacked = PAYOUT - 100_000_000;
    assert_eq!((event.from_deposits.free, event.from_deposits.held, event.from_deposits.lent), (lacked, 0, 0));
    let after = pool.world.asset(USDC);
    // The payout is cash of the taker's; what the fund paid is new.
    assert_eq!((after.cash, after.claims.free.sum), (before.cash + 100_000_000, before.claims.free.sum + 100_000_000));
    assert_eq!((after.claims.haircuts, after.shortage), (1, 0));

    // The account's own cash goes to the taker whole; the taker's own bears.
    let taker = pool.taker.clone();
    let own = 100_000_000_000 - share(100_000_000_000, lacked, OTHERS);
    assert!(pool.cash(&taker).abs_diff(own + 1_000_000_000 + PAYOUT) <= 1);
    for actor in [pool.stays.clone(), pool.leaves.clone()] {
        assert!(pool.cash(&actor).abs_diff(DEPOSIT - share(DEPOSIT, lacked, OTHERS)) <= 1);
    }
    // What is no longer a shortage holds nobody: everything leaves, to the last unit.
    for actor in [pool.stays.clone(), pool.leaves.clone()] {
        assert_eq!(pool.drain(&actor), 0);
    }
}

#[test]
fn health_counts_a_haircut_before_it_is_borne() {
    let mut pool = Pool::insured(0);
    let stays = pool.stays.clone();
    pool.takes(ALL);
    let counted = pool.world.health(&stays).equity;
    let local = pool.world.snapshot().health(&pool.world.portfolio(&stays.portfolio), pool.world.now()).unwrap();
    assert_eq!((local.equity.0, pool.world.portfolio(&stays.portfolio).cash), (counted, DEPOSIT as i64));
    assert_eq!(pool.cash(&stays) as i64, counted);
}

/// Whoever runs first, in many pieces, bears as much as who stays.
#[test]
fn who_runs_first_bears_the_same() {
    let mut pool = Pool::insured(0);
    let (stays, leaves) = (pool.stays.clone(), pool.leaves.clone());
    let withdraw = pool.world.withdraw_instruction(&leaves, USDC, DEPOSIT);
    pool.world.refuses(&[withdraw], &[&leaves.key], NovateError::ProvisionalHaircut);
    let kept = pool.drain(&leaves);
    assert_eq!(kept, share(DEPOSIT, RESERVED, BASE));
    let event = pool.takes(ALL);
    assert!(event.from_deposits.held > 0);
    let (stayed, left) = (DEPOSIT - pool.cash(&stays), kept - pool.cash(&leaves));
    assert!(stayed.abs_diff(share(DEPOSIT, PAYOUT, OTHERS)) <= 1, "{stayed}");
    assert!(left.abs_diff(stayed) <= 2, "{left} of who left, {stayed} of who stayed");
    // The shortage is over, and the rest is refunded.
    assert_eq!(pool.drain(&leaves), 0);
}

#[test]
fn all_at_once_leaves_as_much_as_in_pieces() {
    let mut pool = Pool::insured(0);
    let (one, many) = (pool.stays.clone(), pool.leaves.clone());
    let kept = pool.drain(&many);
    let withdraw = pool.world.withdraw_instruction(&one, USDC, DEPOSIT - kept + 1);
    pool.world.refuses(&[withdraw], &[&one.key], NovateError::ProvisionalHaircut);
    pool.world.withdraw(&one, USDC, DEPOSIT - kept);
    pool.holds();
}

#[test]
fn nothing_was_lacking_and_what_was_held_back_is_free() {
    let mut pool = Pool::insured(0);
    let leaves = pool.leaves.clone();
    let kept = pool.drain(&leaves);
    assert!(kept > 0);
    pool.recovers();
    assert_eq!((pool.shortage(), pool.world.asset(USDC).claims.shortage_era), (0, 1));
    pool.world.withdraw(&leaves, USDC, kept);
    assert!(pool.world.portfolio(&leaves.portfolio).is_empty());
    let close = build::close_portfolio(leaves.address(), pool.world.pool, 0);
    pool.world.succeeds(&[close], &[&leaves.key]);
    pool.holds();
}

/// Cash that is held back does not move; what is moved bears where it is, and leaves from there at the same price.
#[test]
fn through_a_transfer() {
    let mut pool = Pool::insured(0);
    let leaves = pool.leaves.clone();
    let second = pool.world.sub_account(&leaves, 1);
    pool.world.withdraw(&leaves, USDC, DEPOSIT / 2);
    let held = pool.world.portfolio(&leaves.portfolio).claim.held;
    assert_eq!(held, share(DEPOSIT / 2, RESERVED, BASE - RESERVED));
    let transfer = pool.transfer(&leaves, &second, DEPOSIT / 2 - held + 1);
    pool.world.refuses(&[transfer], &[&leaves.key], NovateError::ProvisionalHaircut);
    let transfer = pool.transfer(&leaves, &second, DEPOSIT / 2 - held);
    pool.world.succeeds(&[transfer], &[&leaves.key]);
    pool.holds();
    let kept = pool.drain(&second) + pool.world.portfolio(&leaves.portfolio).cash as u64;
    assert!(kept.abs_diff(share(DEPOSIT, RESERVED, BASE)) <= 1);
    let close = build::close_portfolio(leaves.address(), pool.world.pool, 0);
    pool.world.refuses(&[close], &[&leaves.key], NovateError::PortfolioNotEmpty);
}

/// Who lent before bears with all others; who would lend now may not.
#[test]
fn through_lending() {
    let mut pool = Pool::before();
    let (stays, leaves) = (pool.stays.clone(), pool.leaves.clone());
    pool.world.open_bank(GOLD);
    pool.world.lend(&leaves, USDC, DEPOSIT);
    pool.falls();
    let lend = pool.world.lend_instruction(&stays, USDC, 1);
    pool.world.refuses(&[lend], &[&stays.key], NovateError::LendingDuringShortage);
    pool.world.deposit(&stays, GOLD, 100);
    pool.world.lend(&stays, GOLD, 100);

    let event = pool.takes(ALL);
    // What is lent out does not bear; all lenders do.
    let lent = share(DEPOSIT, PAYOUT, OTHERS);
    assert!(lent - event.from_deposits.lent <= 1);
    let bank = pool.world.asset(USDC).bank;
    let worth = bank.lent_floor(pool.world.portfolio(&leaves.portfolio).balance_of(USDC).lent).unwrap();
    assert!((DEPOSIT - worth).abs_diff(share(lent, DEPOSIT, DEPOSIT + LOAN)) <= 2);
    assert!((DEPOSIT - pool.cash(&stays)).abs_diff(lent) <= 2);
    pool.world.lend(&stays, USDC, 1_000_000);
    pool.world.unlend(&leaves, USDC, DEPOSIT - lent);
    pool.holds();
}

/// What is staked comes from outside, and only makes the fund larger.
#[test]
fn through_staking() {
    let mut pool = Pool::insured(0);
    let leaves = pool.leaves.clone();
    let kept = pool.drain(&leaves);
    pool.world.stake(&leaves, RESERVED - 1);
    pool.holds();
    assert_eq!(pool.shortage(), 1);
    // It is the shortage of now that counts: a unit of it holds hardly anything back.
    pool.world.withdraw(&leaves, USDC, kept - 1);
    pool.world.stake(&leaves, 1);
    pool.holds();
    assert_eq!((pool.shortage(), pool.world.asset(USDC).claims.left), (0, 0));
    pool.world.withdraw(&leaves, USDC, 1);
    assert_eq!(pool.takes(ALL).from_stake, PAYOUT);
    // Who staked has paid.
    assert_eq!(pool.world.insurance().staked, RESERVED - PAYOUT);
}

#[test]
fn gifts_and_fees_end_a_shortage() {
    let mut pool = Pool::insured(800);
    assert_eq!(pool.shortage(), 82_500_000);
    pool.world.insure(&pool.maker, 70);
    assert_eq!(pool.shortage(), 12_500_000);
    // The two fees of the trade.
    let collect = build::collect_fees(pool.world.pool, BTC_PERP);
    pool.world.succeeds(&[collect], &[]);
    assert_eq!(pool.shortage(), 0);
    pool.holds();
}

/// What comes back is no longer gone.
#[test]
fn what_comes_back_is_as_if_it_had_not_left() {
    let mut pool = Pool::insured(0);
    let leaves = pool.leaves.clone();
    let kept = pool.drain(&leaves);
    pool.world.deposit(&leaves, USDC, DEPOSIT - kept);
    let claim = pool.world.portfolio(&leaves.portfolio).claim;
    assert_eq!((claim.left, claim.held, pool.world.asset(USDC).claims.left), (0, 0, 0));
    assert_eq!(pool.drain(&leaves), kept);
    // More than had left is a deposit like any other.
    pool.world.deposit(&leaves, USDC, 2 * DEPOSIT);
    assert_eq!(pool.world.portfolio(&leaves.portfolio).claim.left, 0);
    pool.holds();
}

#[test]
fn premiums_are_not_paid_of_what_is_held_back() {
    let mut pool = Pool::before();
    let time = pool.world.chain(BTC_PERP, 1, 0.5, &[18_000]);
    pool.falls();
    pool.world.price(BTC, 20_000.0);
    pool.world.refresh_expiry(BTC_PERP, time);
    let leaves = pool.leaves.clone();
    pool.drain(&leaves);
    let legs = [call(BTC_PERP, time, 0, CONTRACT / 100, 2_000 * PRICE)];
    let trade = pool.world.trade_of(leaves.side(), pool.maker.side(), &legs);
    let keys = [&leaves.key, &pool.maker.key];
    pool.world.refuses(std::slice::from_ref(&trade), &keys, NovateError::ProvisionalHaircut);
    pool.world.deposit(&leaves, USDC, 25_000_000);
    pool.world.succeeds(&[trade], &keys);
    pool.holds();
}

/// What trades of options leave in a market bears as cash does, and until then they write no asset.
#[test]
fn what_options_paid_to_the_market_bears_too() {
    let mut pool = Pool::before();
    let (leaves, maker) = (pool.leaves.clone(), pool.maker.clone());
    let time = pool.world.chain(BTC_PERP, 1, 0.5, &[18_000]);
    let legs = [call(BTC_PERP, time, 0, CONTRACT / 100, 2_000 * PRICE)];
    let asset = pool.world.account(&addresses::asset(&pool.world.pool, USDC)).data;
    let trade = pool.world.trade_of(leaves.side(), maker.side(), &legs);
    pool.world.succeeds(std::slice::from_ref(&trade), &[&leaves.key, &maker.key]);
    assert_eq!(pool.world.account(&addresses::asset(&pool.world.pool, USDC)).data, asset);
    let kept = pool.world.market(BTC_PERP).option_cash.0;
    // 0.05 % of a hundredth of a BTC, of each.
    assert_eq!(kept, DOLLAR / 5);
    pool.holds();

    let (fees, paid) = (pool.world.market(BTC_PERP).accrued_fees.0, 7_510 * DOLLAR);
    pool.falls();
    pool.takes(ALL);
    pool.world.price(BTC, 20_000.0);
    pool.world.refresh_expiry(BTC_PERP, time);
    pool.world.refuses(&[trade], &[&leaves.key, &maker.key], NovateError::NotWritable);
    pool.world.trade_legs(&leaves, &maker, &legs);
    pool.holds();
    let market = pool.world.market(BTC_PERP);
    let borne = share(kept as u64, PAYOUT, OTHERS) as i64;
    assert_eq!((market.variation_pool.0, market.option_cash.0), (paid + kept - borne, kept));
    assert_eq!(market.accrued_fees.0, fees + kept - borne);
    let collect = build::collect_fees(pool.world.pool, BTC_PERP);
    pool.world.succeeds(&[collect], &[]);
    assert_eq!(pool.world.market(BTC_PERP).option_cash.0, 0);
    pool.holds();
}

/// What is held back in a slice is held back with the taker, who answers for it.
#[test]
fn a_slice_carries_what_is_held_back() {
    let mut pool = Pool::insured(0);
    let leaves = pool.leaves.clone();
    pool.world.trade(&leaves, &pool.maker, &[(BTC_PERP, CONTRACT, 12_500 * PRICE)]);
    pool.world.withdraw(&leaves, USDC, 6_000_000_000);
    let claims = pool.world.asset(USDC).claims;
    pool.world.price(BTC, 9_500.0);
    pool.world.start_auction(&leaves);
    let bid = pool.world.liquidate_instruction(&leaves, pool.taker.side(), ALL, i64::MAX);
    let event: Liquidated = pool.world.succeeds(&[bid], &[&pool.taker.key]).event();
    assert!(event.fraction < ALL && event.price > 0);
    pool.holds();
    let [given, taken] = [&leaves, &pool.taker].map(|a| pool.world.portfolio(&a.portfolio).claim);
    assert!(taken.held > 0 && taken.left > 0);
    assert_eq!((given.held + taken.held, given.left + taken.left), (claims.held.sum, 6_000_000_000));
}

#[test]
fn two_deficits_at_once() {
    let mut pool = Pool::before();
    let second = debtor(&mut pool.world, &pool.maker);
    pool.world.insure(&pool.maker, 600);
    pool.falls();
    assert_eq!(pool.shortage(), RESERVED - 600_000_000);
    pool.world.settle(&second, BTC_PERP);
    let start = pool.world.start_auction_instruction(&second);
    pool.world.succeeds(&[start], &[]);
    assert_eq!(pool.shortage(), 2 * RESERVED - 600_000_000);
    let event = pool.takes(ALL);
    assert_eq!((event.from_capital, event.from_deposits), (PAYOUT, Default::default()));
    assert_eq!(pool.shortage(), RESERVED - 100_000_000);
    let first = std::mem::replace(&mut pool.owner, second);
    let event = pool.takes(ALL);
    assert_eq!((event.from_capital, event.from_deposits.free), (100_000_000, PAYOUT - 100_000_000));
    assert_eq!(pool.shortage(), 0);
    assert_eq!(pool.cash(&first), 0);
}

/// A portfolio that is opened, or opened again, after a haircut bears nothing of it.
#[test]
fn who_comes_afterwards_bears_nothing() {
    let mut pool = Pool::insured(0);
    let again = pool.stays.clone();
    pool.world.price(BTC, 20_000.0);
    let end = pool.world.end_auction_instruction(&pool.owner);
    pool.world.succeeds(&[end], &[]);
    pool.world.withdraw(&again, USDC, DEPOSIT);
    let close = build::close_portfolio(again.address(), pool.world.pool, 0);
    pool.world.succeeds(&[close], &[&again.key]);
    pool.world.price(BTC, 12_500.0);
    pool.world.start_auction(&pool.owner);
    pool.takes(ALL);
    let open = build::open_portfolio(again.address(), pool.world.pool, 0);
    pool.world.succeeds(&[open], &[&again.key]);
    pool.world.deposit(&again, USDC, DEPOSIT);
    let fresh = pool.world.trader(10_000);
    for actor in [&again, &fresh] {
        assert_eq!(pool.cash(actor), DEPOSIT);
        assert_eq!(pool.drain(actor), 0);
    }
}

/// One is brought up to date after each haircut, the other after the last.
#[test]
fn many_haircuts_are_borne_at_once_or_one_by_one() {
    const ROUNDS: u64 = 8;
    let mut pool = Pool::insured(0);
    let (late, prompt) = (pool.stays.clone(), pool.leaves.clone());
    let mut lost = 0;
    for round in 0..ROUNDS {
        if round > 0 {
            pool.world.price(BTC, 20_000.0);
            pool.owner = debtor(&mut pool.world, &pool.maker);
            pool.falls();
        }
        lost += pool.takes(ALL).from_deposits.free;
        pool.cash(&prompt);
    }
    assert_eq!(pool.world.asset(USDC).claims.haircuts, ROUNDS);
    assert_eq!(pool.world.portfolio(&late.portfolio).cash as u64, DEPOSIT);
    let (late, prompt) = (pool.cash(&late), pool.cash(&prompt) - ROUNDS);
    assert!(late.abs_diff(prompt) <= ROUNDS, "{late} and {prompt}");
    assert!(lost > PAYOUT * ROUNDS / 2 && DEPOSIT - late > DEPOSIT / 100);
}

/// Whoever is brought up to date first, everyone is left with the same.
#[test]
fn the_order_makes_no_difference() {
    let left = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]].map(|order| {
        let mut pool = Pool::insured(33);
        let leaves = pool.leaves.clone();
        pool.drain(&leaves);
        pool.takes(ALL / 3);
        pool.takes(ALL);
        let actors = [&pool.maker, &pool.taker, &pool.stays, &pool.leaves].map(Clone::clone);
        let mut cash = [0; 4];
        for at in order {
            cash[at] = pool.cash(&actors[at]);
        }
        cash
    });
    assert!(left[0] == left[1] && left[1] == left[2], "{left:?}");
}

mod adversary {
    use super::*;

    /// A shortage that changes must be recorded.
    #[test]
    fn a_settlement_asset_that_is_read_only() {
        let mut pool = Pool::before();
        pool.world.price(BTC, 12_500.0);
        pool.world.hold();
        let start = pool.world.start_auction_instruction(&pool.owner);
        pool.world.refuses(&[start.read_only(6)], &[], NovateError::NotWritable);
        pool.world.start_auction(&pool.owner);
        pool.world.price(BTC, 20_000.0);
        let end = pool.world.end_auction_instruction(&pool.owner);
        pool.world.refuses(&[end.clone().read_only(6)], &[], NovateError::NotWritable);
        pool.world.refuses(&[end.without_account(6)], &[], NovateError::AssetMissing);
        let leaves = pool.leaves.clone();
        let second = pool.world.sub_account(&leaves, 1);
        let transfer = pool.transfer(&leaves, &second, 1);
        let [fund, stake] = [pool.world.fund_instruction(&leaves, 1), pool.world.stake_instruction(&leaves, 1)];
        let settle = pool.world.settle_instruction(&pool.owner, BTC_PERP);
        for (instruction, at) in [(transfer, 4), (fund, 2), (stake, 3), (settle, 4)] {
            let signers: &[_] =
                if at == 4 && instruction.accounts[5].pubkey != leaves.address() { &[] } else { &[&leaves.key] };
            pool.world.refuses(&[instruction.read_only(at)], signers, ErrorCode::ConstraintMut);
        }
    }

    #[test]
    fn another_asset_in_its_place() {
        let mut pool = Pool::before();
        let foreign = pool.world.second_pool();
        pool.world.price(BTC, 19_000.0);
        let settle = pool.world.settle_instruction(&pool.owner, BTC_PERP);
        let eth = addresses::asset(&pool.world.pool, ETH);
        pool.world.refuses(&[settle.clone().with_account(4, eth)], &[], NovateError::NotSettlementAsset);
        let theirs = addresses::asset(&foreign, USDC);
        pool.world.refuses(&[settle.with_account(4, theirs)], &[], NovateError::WrongPool);
    }

    /// With a shortage of everything nothing leaves.
    #[test]
    fn a_shortage_beyond_all_deposits() {
        let mut world = World::default();
        let (owner, maker) = (world.trader(7_010), world.trader(20_000));
        let leaves = world.trader(10);
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        world.price(BTC, 12_500.0);
        world.settle(&owner, BTC_PERP);
        world.settle(&maker, BTC_PERP);
        let holdings = world.holdings(&[maker.portfolio]);
        let tokens = world.token_move(&maker, USDC, 19_000 * DOLLAR as u64);
        let withdraw = build::withdraw(maker.address(), world.keys(), maker.portfolio, &holdings, tokens);
        let sent = world.attempt(withdraw, &[&maker.key]);
        let free = world.asset(USDC).claims.free.sum;
        world.start_auction(&owner);
        assert!(sent.is_err() || free < RESERVED * 2, "{free}");
        let withdraw = world.withdraw_instruction(&leaves, USDC, 10 * DOLLAR as u64);
        world.refuses(&[withdraw], &[&leaves.key], NovateError::ProvisionalHaircut);
    }
}

/// Where all deposits of others go, what rounding cuts off the account's own cash must not be counted on: the bid would fail for ever.
#[test]
fn a_unit_of_dust_does_not_fail_a_bid_that_takes_everything() {
    let mut pool = Pool::insured(0);
    pool.world.deposit(&pool.taker.clone(), GOLD, 1_000_000_000);
    // A haircut of a half, which all but the account have borne; of others 100 units are left, and three quarters of one of dust.
    let half = Wide::new((1 << 96) | (1 << 95));
    let own = 1_000_000_001;
    for (actor, cash) in [(&pool.owner, own), (&pool.maker, 0), (&pool.taker, 0), (&pool.stays, 100), (&pool.leaves, 0)]
    {
        let borne = u64::from(cash != own);
        alter(&mut pool.world, actor.portfolio, |portfolio: &mut Portfolio| {
            portfolio.cash = cash;
            portfolio.claim.haircuts = borne;
            portfolio.claim.free_factor = if borne == 1 { half } else { Wide::default() };
        });
    }
    let usdc = addresses::asset(&pool.world.pool, USDC);
    alter(&mut pool.world, usdc, |asset: &mut Asset| {
        asset.claims.haircuts = 1;
        asset.claims.free = Pot { sum: 500_000_000 + 100 + 1, factor: half, fraction: 3 << 30 };
    });
    let bid = pool.world.liquidate_instruction(&pool.owner, pool.taker.side(), ALL, 0);
    let event: Liquidated = pool.world.succeeds(&[bid], &[&pool.taker.key]).event();
    assert_eq!((event.price, event.forgiven, event.from_deposits.free), (-100, 0, 100));
    let claims = pool.world.asset(USDC).claims;
    assert_eq!((claims.free.sum, claims.dust, claims.free.fraction), (500_000_100, 1, 0));
}

fn alter<T: bytemuck::Pod>(world: &mut World, address: Pubkey, change: impl FnOnce(&mut T)) {
    let mut account = world.account(&address);
    change(bytemuck::from_bytes_mut(&mut account.data[8..]));
    world.write(address, account);
}
