use novate::events::PortfolioClosed;
use novate_client::state::Tombstone;
use novate_client::{addresses, instructions as build};
use novate_tests::{World, BTC_PERP, CONTRACT, GOLD, PRICE, USDC};
use solana_signer::Signer;

#[test]
fn an_empty_portfolio_leaves_a_tombstone_and_returns_the_rent() {
    let mut world = World::default();
    let owner = world.actor();
    world.deposit(&owner, USDC, 7);
    world.withdraw(&owner, USDC, 7);
    let (rent, before) = (world.account(&owner.portfolio).lamports, world.account(&owner.address()).lamports);
    let sent = world.succeeds(&[build::close_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);

    let tombstone: Tombstone = world.state(&owner.portfolio);
    assert_eq!((tombstone.version, tombstone.generation, tombstone.sequence), (1, 0, 3));
    let account = world.account(&owner.portfolio);
    assert_eq!(account.lamports, world.svm.minimum_balance_for_rent_exemption(Tombstone::SPACE));
    assert_eq!(account.data.len(), Tombstone::SPACE);
    assert_eq!(world.account(&owner.address()).lamports, before + rent - account.lamports);

    let event: PortfolioClosed = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time, event.generation), (3, world.now(), 0));
}

#[test]
fn the_tombstone_keeps_the_generation() {
    let mut world = World::default();
    let owner = world.actor();
    let close = build::close_portfolio(owner.address(), world.pool, 0);
    let open = build::open_portfolio(owner.address(), world.pool, 0);
    world.succeeds(&[close.clone(), open, close], &[&owner.key]);
    assert_eq!(world.state::<Tombstone>(&owner.portfolio).generation, 1);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use std::mem::offset_of;

    use novate_client::state::{Claim, Portfolio, DISCRIMINATOR};
    use novate_client::NovateError;
    use novate_tests::{Altered, BTC};

    #[test]
    fn a_portfolio_with_cash_is_not_closed() {
        let mut world = World::default();
        let owner = world.actor();
        world.deposit(&owner, USDC, 1);
        let close = build::close_portfolio(owner.address(), world.pool, 0);
        world.refuses(&[close], &[&owner.key], NovateError::PortfolioNotEmpty);
    }

    #[test]
    fn a_portfolio_with_a_balance_is_not_closed() {
        let mut world = World::default();
        let owner = world.actor();
        world.deposit(&owner, GOLD, 1);
        let close = build::close_portfolio(owner.address(), world.pool, 0);
        world.refuses(&[close], &[&owner.key], NovateError::PortfolioNotEmpty);
    }

    #[test]
    fn a_portfolio_with_a_position_is_not_closed() {
        let mut world = World::default();
        let (owner, maker) = (world.trader(10_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        let close = build::close_portfolio(owner.address(), world.pool, 0);
        world.refuses(&[close], &[&owner.key], NovateError::PortfolioNotEmpty);
    }

    #[test]
    fn a_closed_portfolio_is_not_closed_again() {
        let mut world = World::default();
        let owner = world.actor();
        let close = build::close_portfolio(owner.address(), world.pool, 0);
        world.succeeds(std::slice::from_ref(&close), &[&owner.key]);
        world.refuses(&[close], &[&owner.key], NovateError::PortfolioClosed);
    }

    #[test]
    fn what_was_never_opened_cannot_be_closed() {
        let mut world = World::default();
        let owner = world.actor();
        let close = build::close_portfolio(owner.address(), world.pool, 1);
        world.refuses(&[close], &[&owner.key], NovateError::PortfolioClosed);
    }

    /// CLR-35: it would take what left out of the base that a haircut is divided by.
    #[test]
    fn what_left_while_deposits_may_bear_a_loss_keeps_it_open() {
        let mut world = World::default();
        let owner = world.actor();
        let mut account = world.account(&owner.portfolio);
        let left = DISCRIMINATOR + offset_of!(Portfolio, claim) + offset_of!(Claim, left);
        account.data[left] = 1;
        world.svm.set_account(owner.portfolio, account).unwrap();
        let close = build::close_portfolio(owner.address(), world.pool, 0);
        world.refuses(std::slice::from_ref(&close), &[&owner.key], NovateError::ProvisionalHaircut);
        // Once that is over it is forgotten.
        let mut account = world.account(&owner.portfolio);
        account.data[left + offset_of!(Claim, shortage_era) - offset_of!(Claim, left)] = 1;
        world.svm.set_account(owner.portfolio, account).unwrap();
        world.succeeds(&[close], &[&owner.key]);
    }

    #[test]
    fn another_asset_or_pool() {
        let mut world = World::default();
        let owner = world.actor();
        let close = build::close_portfolio(owner.address(), world.pool, 0);
        let btc = addresses::asset(&world.pool, BTC);
        world.refuses(&[close.clone().with_account(3, btc)], &[&owner.key], NovateError::NotSettlementAsset);
        let usdc = addresses::asset(&world.second_pool(), USDC);
        world.refuses(&[close.with_account(3, usdc)], &[&owner.key], NovateError::WrongPool);
    }

    #[test]
    fn only_the_owner_closes() {
        let mut world = World::default();
        let (owner, stranger) = (world.actor(), world.actor());
        let close = build::close_portfolio(stranger.address(), world.pool, 0).with_account(1, owner.portfolio);
        world.refuses(&[close], &[&stranger.key], ErrorCode::ConstraintSeeds);
        let close = build::close_portfolio(owner.address(), world.pool, 0).unsigned(2);
        world.refuses(&[close], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn a_delegate_does_not_close() {
        let mut world = World::default();
        let (owner, delegate) = (world.actor(), world.new_wallet());
        let expiry = world.now() + 100;
        let set = build::set_delegate(owner.address(), owner.portfolio, delegate.pubkey(), expiry);
        world.succeeds(&[set], &[&owner.key]);
        let close = build::close_portfolio(owner.address(), world.pool, 0).with_account(2, delegate.pubkey());
        world.refuses(&[close], &[&delegate], ErrorCode::ConstraintSeeds);
    }

    #[test]
    fn a_closed_portfolio_takes_no_deposit() {
        let mut world = World::default();
        let owner = world.actor();
        world.succeeds(&[build::close_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
        world.fund(&owner, USDC, 5);
        let deposit = world.deposit_instruction(&owner, USDC, 5);
        world.refuses(&[deposit], &[&owner.key], ErrorCode::AccountDiscriminatorMismatch);
    }

    #[test]
    fn of_another_pool_is_another_portfolio() {
        let mut world = World::default();
        let owner = world.actor();
        let other = world.second_pool();
        let close = build::close_portfolio(owner.address(), other, 0);
        assert_eq!(close.accounts[1].pubkey, addresses::portfolio(&other, &owner.address(), 0));
        let close = close.with_account(1, owner.portfolio);
        world.refuses(&[close], &[&owner.key], ErrorCode::ConstraintSeeds);
    }
}
