use novate::events::DelegateSet;
use novate_client::instructions::{self as build, TradeSide};
use novate_client::Pubkey;
use novate_tests::{Actor, World, BTC_PERP, CONTRACT, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

fn with_delegate(world: &mut World) -> (Actor, Keypair) {
    let (owner, delegate) = (world.trader(10_000), world.new_wallet());
    let expiry = world.now() + 1_000;
    let set = build::set_delegate(owner.address(), owner.portfolio, delegate.pubkey(), expiry);
    world.succeeds(&[set], &[&owner.key]);
    (owner, delegate)
}

#[test]
fn the_owner_ends_the_delegates_power() {
    let mut world = World::default();
    let (owner, _) = with_delegate(&mut world);
    let sequence = world.portfolio(&owner.portfolio).sequence;
    let sent = world.succeeds(&[build::revoke_delegate(owner.address(), owner.portfolio)], &[&owner.key]);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.delegate, portfolio.delegate_expiry), (Pubkey::default(), 0));
    assert_eq!(portfolio.sequence, sequence + 1);

    let event: DelegateSet = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (sequence + 1, world.now()));
    assert_eq!((event.delegate, event.expiry), (Pubkey::default(), 0));
}

#[test]
fn the_delegate_may_resign() {
    let mut world = World::default();
    let (owner, delegate) = with_delegate(&mut world);
    world.succeeds(&[build::revoke_delegate(delegate.pubkey(), owner.portfolio)], &[&delegate]);
    assert_eq!(world.portfolio(&owner.portfolio).delegate, Pubkey::default());
}

#[test]
fn revoking_nobody_succeeds() {
    let mut world = World::default();
    let owner = world.actor();
    world.succeeds(&[build::revoke_delegate(owner.address(), owner.portfolio)], &[&owner.key]);
    assert_eq!(world.portfolio(&owner.portfolio).delegate, Pubkey::default());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    #[test]
    fn a_stranger_revokes_nothing() {
        let mut world = World::default();
        let (owner, _) = with_delegate(&mut world);
        let stranger = world.new_wallet();
        let revoke = build::revoke_delegate(stranger.pubkey(), owner.portfolio);
        world.refuses(&[revoke], &[&stranger], NovateError::WrongAuthority);
        let revoke = build::revoke_delegate(owner.address(), owner.portfolio).unsigned(1);
        world.refuses(&[revoke], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn a_revoked_delegate_does_not_trade() {
        let mut world = World::default();
        let (owner, delegate) = with_delegate(&mut world);
        let maker = world.trader(100_000);
        world.succeeds(&[build::revoke_delegate(owner.address(), owner.portfolio)], &[&owner.key]);
        let side = TradeSide { portfolio: owner.portfolio, signer: delegate.pubkey() };
        let trade = world.trade_instruction(side, maker.side(), &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&delegate, &maker.key], NovateError::WrongAuthority);
    }

    #[test]
    fn a_replaced_delegate_does_not_trade() {
        let mut world = World::default();
        let (owner, delegate) = with_delegate(&mut world);
        let (maker, next) = (world.trader(100_000), world.new_address());
        let set = build::set_delegate(owner.address(), owner.portfolio, next, i64::MAX);
        world.succeeds(&[set], &[&owner.key]);
        let side = TradeSide { portfolio: owner.portfolio, signer: delegate.pubkey() };
        let trade = world.trade_instruction(side, maker.side(), &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&delegate, &maker.key], NovateError::WrongAuthority);
    }
}
