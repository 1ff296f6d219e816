use novate::events::Staked;
use novate_client::addresses;
use novate_client::state::Stake;
use novate_tests::token::{self, transfer_fee};
use novate_tests::{checker, AssetSpec, Builder, MarketSpec, World, BTC, USDC};

use crate::checking::raw;

#[test]
fn the_first_stake_is_one_to_one_and_opens_an_account() {
    let mut world = World::default();
    let owner = world.actor();
    let sent = world.stake(&owner, 500);
    let stake = world.stake_of(&owner);
    assert_eq!((stake.version, stake.pool, stake.owner), (1, world.pool, owner.address()));
    assert_eq!((stake.shares.get(), stake.requested.get(), stake.requested_at, stake.era), (500, 0, 0, 0));
    let insurance = world.insurance();
    assert_eq!((insurance.capital, insurance.staked, insurance.stake_shares.get()), (0, 500, 500));
    assert_eq!((world.vault(USDC), world.asset(USDC).cash), (500, 0));
    let account = world.account(&addresses::stake(&world.pool, &owner.address()));
    assert_eq!(account.lamports, world.svm.minimum_balance_for_rent_exemption(Stake::SPACE));

    let event: Staked = sent.event();
    assert_eq!((event.version, event.pool, event.owner, event.time), (1, world.pool, owner.address(), world.now()));
    assert_eq!((event.era, event.amount, event.shares, event.owner_shares), (0, 500, 500, 500));
    assert_eq!((event.staked, event.total_shares), (500, 500));
}

#[test]
fn more_stake_adds_shares() {
    let mut world = World::default();
    let (owner, other) = (world.actor(), world.actor());
    world.stake(&owner, 500);
    world.stake(&other, 300);
    world.stake(&owner, 1);
    assert_eq!((world.shares_of(&owner), world.shares_of(&other)), (501, 300));
    assert_eq!(world.insurance().staked, 801);
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

#[test]
fn what_the_vault_received_is_staked() {
    let assets = vec![AssetSpec::new("FEE", 6, 1.0).token_2022(vec![transfer_fee(100)]), AssetSpec::new("BTC", 8, 2e4)];
    let mut world = Builder::default().assets(assets).markets(vec![MarketSpec::new("BTC-PERP", BTC)]).build();
    let owner = world.actor();
    let event: Staked = world.stake(&owner, 10_000).event();
    assert_eq!((event.amount, event.shares, world.vault(USDC)), (9_900, 9_900, 9_900));
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::instructions as build;
    use novate_client::NovateError;
    use novate_tests::Altered;

    /// The first staker cannot raise what a share is worth, whatever is sent to the vault or given to the fund: the next one
    /// has all of what was staked.
    #[test]
    fn the_first_staker_inflates_nothing() {
        let mut world = World::default();
        let (first, victim) = (world.actor(), world.actor());
        world.stake(&first, 1);
        world.insure(&first, 1_000_000);
        let vault = addresses::vault(&addresses::asset(&world.pool, USDC));
        let mut account = world.account(&vault);
        let more = token::amount(&account) + 1_000_000_000_000;
        token::set_amount(&mut account, more);
        world.svm.set_account(vault, account).unwrap();
        let event: Staked = world.stake(&victim, 1_500_000).event();
        assert_eq!((event.shares, event.staked, event.total_shares), (1_500_000, 1_500_001, 1_500_001));
        assert_eq!(world.insurance().fund().claim_floor(event.shares), Ok(1_500_000));
    }

    #[test]
    fn nothing() {
        let mut world = World::default();
        let owner = world.actor();
        let stake = world.stake_instruction(&owner, 0);
        world.refuses(&[stake], &[&owner.key], NovateError::ZeroAmount);
    }

    /// Until the pool trades nothing waits that governance does.
    #[test]
    fn a_pool_without_rows() {
        let mut world = Builder::default().unstaged().build();
        let actor = world.actor();
        world.fund(&actor, USDC, 10);
        let early = world.stake_instruction(&actor, 10);
        world.refuses(&[early], &[&actor.key], NovateError::PoolNotLive);
    }

    #[test]
    fn another_asset_than_the_settlement_asset() {
        let mut world = World::default();
        let owner = world.actor();
        world.fund(&owner, BTC, 10);
        let stake = build::stake(owner.address(), world.pool, world.token_move(&owner, BTC, 10));
        world.refuses(&[stake], &[&owner.key], NovateError::NotSettlementAsset);
    }

    #[test]
    fn accounts_that_do_not_belong_together() {
        let mut world = World::default();
        let (owner, other) = (world.actor(), world.actor());
        let foreign = world.second_pool();
        world.fund(&owner, USDC, 10);
        world.stake(&other, 10);
        world.fund(&other, USDC, 10);
        let stake = world.stake_instruction(&owner, 10);
        let own = world.token_account(&owner.address(), USDC);
        let mint = world.listing(BTC).token.mint;
        for (at, account, error) in [
            (1, addresses::insurance(&foreign), NovateError::WrongPool),
            (3, addresses::asset(&foreign, USDC), NovateError::WrongPool),
            (4, own, NovateError::WrongVault),
            (5, other.tokens[0], NovateError::WrongTokenAccount),
            (6, mint, NovateError::WrongMint),
            (8, anchor_spl::token_2022::ID, NovateError::WrongTokenProgram),
        ] {
            world.refuses(&[stake.clone().with_account(at, account)], &[&owner.key], error);
        }
        let theirs = addresses::stake(&world.pool, &other.address());
        world.refuses(&[stake.clone().with_account(2, theirs)], &[&owner.key], ErrorCode::ConstraintSeeds);
        world.refuses(&[stake.clone().with_account(0, foreign)], &[&owner.key], ErrorCode::ConstraintSeeds);
        world.refuses(&[stake.unsigned(7)], &[], ErrorCode::AccountNotSigner);
    }
}
