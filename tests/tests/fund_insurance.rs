use novate::events::InsuranceFunded;
use novate_tests::token::transfer_fee;
use novate_tests::{checker, AssetSpec, Builder, MarketSpec, World, BTC, USDC};

use crate::checking::raw;

#[test]
fn a_gift_is_capital() {
    let mut world = World::default();
    let (giver, trader) = (world.actor(), world.trader(100));
    world.insure(&giver, 3);
    let sent = world.insure(&giver, 4);
    let insurance = world.insurance();
    assert_eq!((insurance.capital, insurance.staked, insurance.stake_shares.get()), (7_000_000, 0, 0));
    assert_eq!((world.vault(USDC), world.asset(USDC).cash), (107_000_000, 100_000_000));
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
    let event: InsuranceFunded = sent.event();
    assert_eq!((event.version, event.pool, event.funder), (1, world.pool, giver.address()));
    assert_eq!((event.time, event.amount, event.capital), (world.now(), 4_000_000, 7_000_000));
    // Cash is still all there.
    world.withdraw(&trader, USDC, 100_000_000);
    assert_eq!(world.vault(USDC), 7_000_000);
}

#[test]
fn what_the_vault_received_is_counted() {
    let assets = vec![AssetSpec::new("FEE", 6, 1.0).token_2022(vec![transfer_fee(100)]), AssetSpec::new("BTC", 8, 2e4)];
    let mut world = Builder::default().assets(assets).markets(vec![MarketSpec::new("BTC-PERP", BTC)]).build();
    let giver = world.actor();
    world.insure(&giver, 1);
    assert_eq!((world.insurance().capital, world.vault(USDC)), (990_000, 990_000));
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::instructions as build;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    #[test]
    fn nothing() {
        let mut world = World::default();
        let giver = world.actor();
        let fund = world.fund_instruction(&giver, 0);
        world.refuses(&[fund], &[&giver.key], NovateError::ZeroAmount);
    }

    /// Until the pool trades nothing waits that governance does.
    #[test]
    fn a_pool_without_rows() {
        let mut world = Builder::default().unstaged().build();
        let actor = world.actor();
        world.fund(&actor, USDC, 10);
        let early = world.fund_instruction(&actor, 10);
        world.refuses(&[early], &[&actor.key], NovateError::PoolNotLive);
    }

    #[test]
    fn another_asset_than_the_settlement_asset() {
        let mut world = World::default();
        let giver = world.actor();
        world.fund(&giver, BTC, 10);
        let fund = build::fund_insurance(giver.address(), world.pool, world.token_move(&giver, BTC, 10));
        world.refuses(&[fund], &[&giver.key], NovateError::NotSettlementAsset);
    }

    #[test]
    fn accounts_that_do_not_belong_together() {
        let mut world = World::default();
        let (giver, other) = (world.actor(), world.actor());
        let foreign = world.second_pool();
        world.fund(&giver, USDC, 10);
        world.fund(&other, USDC, 10);
        let fund = world.fund_instruction(&giver, 10);
        let own = world.token_account(&giver.address(), USDC);
        let mint = world.listing(BTC).token.mint;
        for (at, account, error) in [
            (0, foreign, NovateError::WrongPool),
            (1, addresses::insurance(&foreign), NovateError::WrongPool),
            (2, addresses::asset(&foreign, USDC), NovateError::WrongPool),
            (3, own, NovateError::WrongVault),
            (4, other.tokens[0], NovateError::WrongTokenAccount),
            (5, mint, NovateError::WrongMint),
            (7, anchor_spl::token_2022::ID, NovateError::WrongTokenProgram),
        ] {
            world.refuses(&[fund.clone().with_account(at, account)], &[&giver.key], error);
        }
        world.refuses(&[fund.unsigned(6)], &[], ErrorCode::AccountNotSigner);
    }
}
