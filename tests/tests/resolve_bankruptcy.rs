//! CLR-32: accounts in which nothing but losses is left, which no taker has a reason to bid for.
//!
//! The owner deposits 7,010 USD and buys one BTC at 20,000 for a fee of 10; it is sold at 12,500 for a fee of 6.25. Cash pays 7,010
//! of the loss of 7,516.25; 506.25 are left.

use novate::events::{AuctionStarted, BankruptcyResolved};
use novate_client::state::HAIRCUT_WINDOW;
use novate_client::{addresses, instructions as build, NovateError};
use novate_tests::{checker, Actor, Altered, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, GOLD, PRICE, USDC};

use crate::checking::raw;

const LOST: u64 = 506_250_000;
/// Where the list behind the named accounts begins: settlement asset, BTC, market.
const LIST: usize = 5;

struct Bankrupt {
    world: World,
    owner: Actor,
    maker: Actor,
}

impl Bankrupt {
    /// Positions are closed, cash is zero, and the auction has begun.
    fn insured(capital: i64) -> Self {
        Self::with(capital, |_, _| {})
    }

    fn with(capital: i64, before: impl Fn(&mut World, &Actor)) -> Self {
        let mut world = World::default();
        let (owner, maker) = (world.trader(7_010), world.trader(100_000));
        before(&mut world, &owner);
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        if capital > 0 {
            world.insure(&maker, capital);
        }
        world.price(BTC, 12_500.0);
        world.trade(&owner, &maker, &[(BTC_PERP, -CONTRACT, 12_500 * PRICE)]);
        world.settle(&owner, BTC_PERP);
        world.start_auction(&owner);
        Self { world, owner, maker }
    }

    #[track_caller]
    fn resolves(&mut self) -> BankruptcyResolved {
        let resolve = self.world.resolve_instruction(&self.owner);
        let event = self.world.succeeds(&[resolve], &[]).event();
        assert_eq!(checker::violations(&raw(&self.world), self.world.pool.to_bytes()), Vec::<String>::new());
        event
    }

    #[track_caller]
    fn refused(&mut self, error: NovateError) {
        let resolve = self.world.resolve_instruction(&self.owner);
        self.world.refuses(&[resolve], &[], error);
    }
}

#[test]
fn the_fund_pays_the_losses_and_the_winner_is_paid() {
    let mut bankrupt = Bankrupt::insured(1_000);
    let event = bankrupt.resolves();
    assert_eq!((event.deficit, event.from_capital, event.from_stake, event.repaid), (LOST, LOST, 0, 0));
    assert_eq!((event.losses[0].amount, event.losses.len()), (LOST, 1));
    assert_eq!(event.from_deposits, Default::default());
    let Bankrupt { mut world, owner, maker } = bankrupt;
    let (portfolio, insurance) = (world.portfolio(&owner.portfolio), world.insurance());
    assert!(portfolio.is_empty() && !portfolio.in_auction());
    assert_eq!((insurance.capital, insurance.reserved, insurance.paid_out), (1_000_000_000 - LOST, 0, LOST));
    assert_eq!((insurance.deficits, world.asset(USDC).shortage), (LOST, 0));
    // 7,500 less two fees, and the owner's two stay with the market.
    world.settle(&maker, BTC_PERP);
    assert_eq!(world.market(BTC_PERP).variation_pool.0, 32_500_000);
    world.succeeds(&[build::close_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
}

/// The round that opens takes it from the winner.
#[test]
fn what_the_fund_lacks_is_forgiven_exactly() {
    for capital in [100, 0] {
        let mut bankrupt = Bankrupt::insured(capital);
        let before = bankrupt.world.asset(USDC);
        let event = bankrupt.resolves();
        let (paid, forgiven) = ((capital * DOLLAR) as u64, LOST - (capital * DOLLAR) as u64);
        assert_eq!((event.deficit, event.from_capital, event.forgiven), (LOST, paid, forgiven));
        assert_eq!((event.losses[0].amount, event.losses[0].forgiven), (LOST, forgiven));
        assert_eq!(event.from_deposits, Default::default());
        let Bankrupt { mut world, maker, .. } = bankrupt;
        let after = world.asset(USDC);
        assert_eq!((after.claims.free.sum, after.cash), (before.claims.free.sum, before.cash + paid));
        let market = world.market(BTC_PERP);
        assert_eq!(market.variation_pool.0, (7_010 * DOLLAR) + paid as i64);
        assert_eq!((market.haircut.0, market.round.forgiven.0), (forgiven as i64, forgiven as i64));
        assert_eq!(market.round.ends, world.now() + HAIRCUT_WINDOW);

        world.register_gain(&maker, BTC_PERP);
        world.pass(HAIRCUT_WINDOW);
        assert_eq!(world.charge_gain(&maker, BTC_PERP).borne.charged, forgiven as i64);
        assert_eq!(world.market(BTC_PERP).haircut.0, 0);
        // All that was paid in is the winner's but for fees.
        world.settle(&maker, BTC_PERP);
        assert_eq!(world.market(BTC_PERP).variation_pool.0, 32_500_000);
    }
}

/// Half of a tenth of the fund stands behind a market listed a week ago, however much more there is.
#[test]
fn of_a_market_listed_lately_the_fund_pays_its_share() {
    for (capital, paid) in [(10_000, 500_000_000), (1_000, 50_000_000), (100, 5_000_000)] {
        let mut bankrupt = Bankrupt::insured(capital);
        bankrupt.world.listed_lately(BTC_PERP, 7 * 86_400);
        let event = bankrupt.resolves();
        assert_eq!((event.deficit, event.from_capital, event.forgiven), (LOST, paid, LOST - paid));
        assert_eq!((event.losses[0].forgiven, event.from_deposits), (LOST - paid, Default::default()));
        let market = bankrupt.world.market(BTC_PERP);
        assert_eq!((market.insured, market.haircut.0), (paid, (LOST - paid) as i64));
    }
}

#[test]
fn a_loan_of_the_settlement_asset_is_paid_back() {
    let mut bankrupt = Bankrupt::with(1_000, |world, owner| {
        world.lender(USDC, 5_000_000_000);
        world.lend_for_nothing();
        world.borrow(owner, USDC, 500_000_000);
    });
    let portfolio = bankrupt.world.portfolio(&bankrupt.owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.positions()[0].cost), (0, 6_250_000));
    let event = bankrupt.resolves();
    assert_eq!((event.deficit, event.repaid, event.losses[0].amount), (LOST, 500_000_000, 6_250_000));
    assert!(bankrupt.world.portfolio(&bankrupt.owner.portfolio).is_empty());
    let bank = bankrupt.world.asset(USDC).bank;
    assert_eq!((bank.loans, bank.lent), (0, 5_000_000_000));
}

/// The loan is no loss of a market. Lenders bear it too, by what is not lent out.
#[test]
fn lenders_and_depositors_pay_together() {
    let mut bankrupt = Bankrupt::with(0, |world, owner| {
        world.lender(USDC, 100_000_000_000);
        world.lend_for_nothing();
        world.borrow(owner, USDC, 500_000_000);
    });
    let before = bankrupt.world.asset(USDC);
    let event = bankrupt.resolves();
    let after = bankrupt.world.asset(USDC);
    // 99,500 are not lent out, beside 100,000 of the maker's.
    let (loan, lost) = (500_000_000, LOST - 500_000_000);
    let lent = loan * 99_500 / 199_500;
    assert_eq!((event.from_deposits.lent, event.from_deposits.free), (lent, loan - lent));
    assert_eq!((event.forgiven, event.losses[0].forgiven), (lost, lost));
    // The index is rounded down, to the bank's gain.
    assert!(before.bank.lent - after.bank.lent - lent <= 1);
}

mod adversary {
    use super::*;

    #[test]
    fn while_anything_is_left() {
        // Cash; a balance; gains that are not settled.
        let mut bankrupt = Bankrupt::insured(1_000);
        bankrupt.world.deposit(&bankrupt.owner.clone(), USDC, 1);
        bankrupt.refused(NovateError::NotBankrupt);
        let mut bankrupt = Bankrupt::insured(1_000);
        bankrupt.world.deposit(&bankrupt.owner.clone(), GOLD, 1);
        bankrupt.refused(NovateError::NotBankrupt);
        let mut bankrupt = Bankrupt::with(1_000, |world, owner| {
            let other = world.trader(100_000);
            world.trade(owner, &other, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
            world.price(ETH, 1_510.0);
            world.trade(owner, &other, &[(ETH_PERP, -CONTRACT, 1_510 * PRICE)]);
        });
        assert!(bankrupt.world.portfolio(&bankrupt.owner.portfolio).positions()[1].cost < 0);
        bankrupt.refused(NovateError::NotBankrupt);
    }

    #[test]
    fn while_a_position_is_open() {
        let mut world = World::default();
        let (owner, maker) = (world.trader(7_010), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        let mut bankrupt = Bankrupt { world, owner, maker };
        bankrupt.refused(NovateError::NoAuction);
        bankrupt.world.price(BTC, 13_500.0);
        bankrupt.world.start_auction(&bankrupt.owner.clone());
        bankrupt.refused(NovateError::NotBankrupt);
        bankrupt.world.price(BTC, 12_500.0);
        bankrupt.world.start_auction(&bankrupt.owner.clone());
        bankrupt.world.settle(&bankrupt.owner.clone(), BTC_PERP);
        bankrupt.refused(NovateError::NotBankrupt);
    }

    /// A loan of another asset stays for a taker: its lenders are owed tokens that nobody here has.
    #[test]
    fn with_a_loan_of_another_asset() {
        let mut bankrupt = Bankrupt::with(1_000, |world, owner| {
            world.lender(GOLD, 5_000_000);
            world.borrow(owner, GOLD, 1_000);
            let holdings = world.holdings(&[owner.portfolio]);
            let tokens = world.token_move(owner, GOLD, 1_000);
            let withdraw = build::withdraw(owner.address(), world.keys(), owner.portfolio, &holdings, tokens);
            world.succeeds(&[withdraw], &[&owner.key]);
        });
        bankrupt.refused(NovateError::NotBankrupt);
    }

    /// An earlier haircut of the market is not all charged.
    #[test]
    fn while_a_haircut_is_settled() {
        let mut bankrupt = Bankrupt::insured(0);
        let other = bankrupt.world.trader(7_010);
        bankrupt.world.price(BTC, 20_000.0);
        bankrupt.world.trade(&other, &bankrupt.maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        bankrupt.world.price(BTC, 12_500.0);
        bankrupt.world.trade(&other, &bankrupt.maker, &[(BTC_PERP, -CONTRACT, 12_500 * PRICE)]);
        bankrupt.world.settle(&other, BTC_PERP);
        bankrupt.resolves();
        bankrupt.world.register_gain(&bankrupt.maker.clone(), BTC_PERP);
        bankrupt.world.pass(HAIRCUT_WINDOW);
        bankrupt.world.refresh();
        bankrupt.world.start_auction(&other);
        bankrupt.owner = other;
        bankrupt.refused(NovateError::HaircutSettling);
        bankrupt.world.charge_gain(&bankrupt.maker.clone(), BTC_PERP);
        bankrupt.world.close_haircut(BTC_PERP);
        assert_eq!(bankrupt.resolves().forgiven, LOST);
        assert_eq!(bankrupt.world.market(BTC_PERP).round.number, 2);
    }

    #[test]
    fn twice() {
        let mut bankrupt = Bankrupt::insured(1_000);
        bankrupt.resolves();
        bankrupt.refused(NovateError::NoAuction);
    }

    /// Interest has made the deficit larger than what was reserved for it.
    #[test]
    fn beyond_the_reserve() {
        let mut bankrupt = Bankrupt::with(1_000, |world, owner| {
            world.lender(USDC, 600_000_000);
            world.borrow(owner, USDC, 500_000_000);
        });
        bankrupt.world.pass(30 * 86_400);
        bankrupt.refused(NovateError::BeyondReserve);
        bankrupt.world.refresh();
        let event: AuctionStarted = bankrupt.world.start_auction(&bankrupt.owner.clone()).event();
        assert!(event.reserved > LOST);
        let deficit = bankrupt.resolves().deficit;
        assert!(deficit > LOST + 10_000_000 && deficit <= event.reserved);
    }

    #[test]
    fn accounts_of_another_pool_missing_or_read_only() {
        let mut bankrupt = Bankrupt::insured(1_000);
        let other = bankrupt.world.second_pool();
        let world = &mut bankrupt.world;
        let resolve = world.resolve_instruction(&bankrupt.owner);
        let foreign = addresses::market(&other, BTC_PERP);
        for (wrong, error) in [
            (resolve.clone().with_account(2, addresses::insurance(&other)), NovateError::WrongPool),
            (resolve.clone().with_account(0, other), NovateError::WrongPool),
            (resolve.clone().with_account(LIST + 2, foreign), NovateError::WrongPool),
            (resolve.clone().without_account(LIST + 2), NovateError::MarketMissing),
            (resolve.clone().without_account(LIST), NovateError::AssetMissing),
            (resolve.clone().read_only(LIST), NovateError::NotWritable),
            (resolve.clone().read_only(LIST + 2), NovateError::NotWritable),
        ] {
            world.refuses(&[wrong], &[], error);
        }
        let foreign = resolve.with_account(1, bankrupt.maker.portfolio);
        world.refuses(&[foreign], &[], NovateError::NoAuction);
    }
}
