use novate::events::PortfolioOpened;
use novate_client::state::Portfolio;
use novate_client::{addresses, instructions as build};
use novate_tests::{World, USDC};
use solana_signer::Signer;

#[test]
fn an_empty_portfolio_is_opened_and_its_rent_paid_by_the_owner() {
    let mut world = World::default();
    let owner = world.new_wallet();
    let before = world.account(&owner.pubkey()).lamports;
    let sent = world.succeeds(&[build::open_portfolio(owner.pubkey(), world.pool, 3)], &[&owner]);

    let address = addresses::portfolio(&world.pool, &owner.pubkey(), 3);
    let portfolio = world.portfolio(&address);
    assert_eq!((portfolio.version, portfolio.sub_account, portfolio.generation), (1, 3, 0));
    assert_eq!((portfolio.pool, portfolio.owner), (world.pool, owner.pubkey()));
    assert_eq!((portfolio.cash, portfolio.balance_count, portfolio.position_count), (0, 0, 0));
    assert_eq!((portfolio.sequence, portfolio.auction_start), (0, 0));
    assert_eq!((portfolio.delegate, portfolio.delegate_expiry), (Default::default(), 0));
    assert_eq!((portfolio.opened, portfolio.minimum_nonce), (world.now(), world.now() as u64 * 1_000_000));

    let rent = world.svm.minimum_balance_for_rent_exemption(Portfolio::SPACE);
    assert_eq!(world.account(&address).lamports, rent);
    assert_eq!(world.account(&owner.pubkey()).lamports, before - rent);

    let event: PortfolioOpened = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio, event.sequence), (1, world.pool, address, 0));
    assert_eq!((event.owner, event.sub_account, event.generation), (owner.pubkey(), 3, 0));
    assert_eq!(event.time, world.now());
}

#[test]
fn opening_an_open_portfolio_does_nothing() {
    let mut world = World::default();
    let owner = world.trader(100);
    let before = world.picture();
    let sent = world.succeeds(&[build::open_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
    assert_eq!(before.differences(&world.picture()), []);
    assert_eq!(sent.event_count(), 0);
}

#[test]
fn lamports_sent_beforehand_count_towards_the_rent() {
    let rent = World::default().svm.minimum_balance_for_rent_exemption(Portfolio::SPACE);
    for gift in [1_000_000, rent, rent + 5] {
        let mut world = World::default();
        let owner = world.new_wallet();
        let address = addresses::portfolio(&world.pool, &owner.pubkey(), 0);
        world.svm.airdrop(&address, gift).unwrap();
        let before = world.account(&owner.pubkey()).lamports;
        world.succeeds(&[build::open_portfolio(owner.pubkey(), world.pool, 0)], &[&owner]);
        assert_eq!(world.portfolio(&address).owner, owner.pubkey());
        assert_eq!(world.account(&address).lamports, rent.max(gift));
        assert_eq!(world.account(&owner.pubkey()).lamports, before - rent.saturating_sub(gift));
    }
}

#[test]
fn a_portfolio_opened_again_is_of_the_next_generation() {
    let mut world = World::default();
    let owner = world.actor();
    for generation in 1..=2 {
        world.deposit(&owner, USDC, 5);
        world.withdraw(&owner, USDC, 5);
        world.pass(10);
        world.succeeds(&[build::close_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
        let sent = world.succeeds(&[build::open_portfolio(owner.address(), world.pool, 0)], &[&owner.key]);
        let portfolio = world.portfolio(&owner.portfolio);
        // Two moves and the closing in every life.
        assert_eq!((portfolio.generation, portfolio.sequence), (generation, 3 * generation));
        assert_eq!((portfolio.opened, portfolio.minimum_nonce), (world.now(), world.now() as u64 * 1_000_000));
        assert_eq!(sent.event::<PortfolioOpened>().generation, generation);
        let rent = world.svm.minimum_balance_for_rent_exemption(Portfolio::SPACE);
        assert_eq!(world.account(&owner.portfolio).lamports, rent);
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn the_address_is_of_pool_owner_and_sub_account() {
        let mut world = World::default();
        let owner = world.new_wallet();
        let open = build::open_portfolio(owner.pubkey(), world.pool, 0);
        let other = addresses::portfolio(&world.pool, &owner.pubkey(), 1);
        world.refuses(&[open.with_account(1, other)], &[&owner], ErrorCode::ConstraintSeeds);
    }

    #[test]
    fn nobody_opens_for_another() {
        let mut world = World::default();
        let (owner, stranger) = (world.new_wallet(), world.new_wallet());
        let open = build::open_portfolio(owner.pubkey(), world.pool, 0);
        world.refuses(&[open.clone().unsigned(2)], &[], ErrorCode::AccountNotSigner);
        world.refuses(&[open.with_account(2, stranger.pubkey())], &[&stranger], ErrorCode::ConstraintSeeds);
    }

    #[test]
    fn the_pool_must_be_a_pool() {
        let mut world = World::default();
        let owner = world.new_wallet();
        let asset = addresses::asset(&world.pool, USDC);
        let open = build::open_portfolio(owner.pubkey(), asset, 0);
        world.refuses(&[open], &[&owner], ErrorCode::AccountDiscriminatorMismatch);
        let wallet = world.new_wallet().pubkey();
        let open = build::open_portfolio(owner.pubkey(), wallet, 0);
        world.refuses(&[open], &[&owner], ErrorCode::AccountOwnedByWrongProgram);
    }
}
