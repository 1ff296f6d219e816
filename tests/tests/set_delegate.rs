use novate::events::DelegateSet;
use novate_client::instructions::{self as build, TradeSide};
use novate_tests::{World, BTC_PERP, CONTRACT, PRICE};
use solana_signer::Signer;

#[test]
fn the_delegate_is_named_until_a_time() {
    let mut world = World::default();
    let (owner, delegate) = (world.actor(), world.new_address());
    let expiry = world.now() + 1;
    let set = build::set_delegate(owner.address(), owner.portfolio, delegate, expiry);
    let sent = world.succeeds(&[set], &[&owner.key]);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.delegate, portfolio.delegate_expiry, portfolio.sequence), (delegate, expiry, 1));

    let event: DelegateSet = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (1, world.now()));
    assert_eq!((event.delegate, event.expiry), (delegate, expiry));
}

#[test]
fn a_delegate_trades_for_the_owner() {
    let mut world = World::default();
    let (owner, maker, delegate) = (world.trader(10_000), world.trader(100_000), world.new_wallet());
    let expiry = world.now() + 1;
    let set = build::set_delegate(owner.address(), owner.portfolio, delegate.pubkey(), expiry);
    world.succeeds(&[set], &[&owner.key]);
    let side = TradeSide { portfolio: owner.portfolio, signer: delegate.pubkey() };
    let trade = world.trade_instruction(side, maker.side(), &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
    world.succeeds(&[trade], &[&delegate, &maker.key]);
    assert_eq!(world.portfolio(&owner.portfolio).positions()[0].quantity, CONTRACT / 10);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{NovateError, Pubkey};
    use novate_tests::Altered;

    #[test]
    fn only_the_owner_names_a_delegate() {
        let mut world = World::default();
        let (owner, delegate) = (world.actor(), world.new_wallet());
        let expiry = world.now() + 100;
        let set = build::set_delegate(owner.address(), owner.portfolio, delegate.pubkey(), expiry);
        world.refuses(&[set.clone().unsigned(1)], &[], ErrorCode::AccountNotSigner);
        world.succeeds(&[set], &[&owner.key]);
        let set = build::set_delegate(delegate.pubkey(), owner.portfolio, delegate.pubkey(), expiry + 1);
        world.refuses(&[set], &[&delegate], NovateError::NotOwner);
    }

    #[test]
    fn neither_nobody_nor_the_owner_is_a_delegate() {
        let mut world = World::default();
        let owner = world.actor();
        let expiry = world.now() + 100;
        for delegate in [Pubkey::default(), owner.address()] {
            let set = build::set_delegate(owner.address(), owner.portfolio, delegate, expiry);
            world.refuses(&[set], &[&owner.key], NovateError::InvalidDelegate);
        }
    }

    #[test]
    fn the_time_is_in_the_future() {
        let mut world = World::default();
        let (owner, delegate) = (world.actor(), world.new_address());
        for expiry in [world.now(), 0, i64::MIN] {
            let set = build::set_delegate(owner.address(), owner.portfolio, delegate, expiry);
            world.refuses(&[set], &[&owner.key], NovateError::InvalidDelegate);
        }
    }

    #[test]
    fn another_kind_of_account_is_no_portfolio() {
        let mut world = World::default();
        let (owner, delegate) = (world.actor(), world.new_address());
        let set = build::set_delegate(owner.address(), world.pool, delegate, i64::MAX);
        world.refuses(&[set], &[&owner.key], ErrorCode::AccountDiscriminatorMismatch);
        let set = build::set_delegate(owner.address(), owner.tokens[0], delegate, i64::MAX);
        world.refuses(&[set], &[&owner.key], ErrorCode::AccountOwnedByWrongProgram);
    }
}
