use novate::events::PoolCreated;
use novate_client::order::Cluster;
use novate_client::state::{Insurance, Pool};
use novate_client::{addresses, instructions as build};
use novate_margin::Params;
use novate_tests::{token, World};
use solana_signer::Signer;

#[test]
fn creates_pool_with_default_parameters_and_an_empty_insurance_fund() {
    let mut world = World::default();
    let creator = world.new_wallet();
    let mint = world.listing(0).token.mint;
    let sent =
        world.succeeds(&[build::create_pool(creator.pubkey(), 7, Cluster::Localnet, mint, world.roles())], &[&creator]);

    let address = addresses::pool(&creator.pubkey(), 7);
    let pool: Pool = world.state(&address);
    assert_eq!((pool.version, pool.id, pool.generation), (1, 7, 0));
    assert_eq!((pool.asset_count, pool.market_count, pool.column_count), (0, 0, 0));
    assert_eq!([pool.creator, pool.authority], [creator.pubkey(); 2]);
    assert_eq!([pool.guardian, pool.risk], world.roles());
    assert_eq!(pool.settlement_mint, mint);
    assert_eq!(pool.params, Params::DEFAULT);

    let insurance: Insurance = world.state(&addresses::insurance(&address));
    assert_eq!((insurance.version, insurance.pool), (1, address));
    assert_eq!((insurance.capital, insurance.staked, insurance.reserved), (0, 0, 0));

    let event: PoolCreated = sent.event();
    assert_eq!((event.version, event.pool, event.creator), (1, address, creator.pubkey()));
    assert_eq!((event.settlement_mint, event.time), (mint, world.now()));
    assert_eq!([event.guardian, event.risk], world.roles());
}

#[test]
fn one_creator_may_have_several_pools() {
    let mut world = World::default();
    let creator = world.new_wallet();
    let mint = world.listing(0).token.mint;
    for id in [0, 1, u16::MAX] {
        world
            .succeeds(&[build::create_pool(creator.pubkey(), id, Cluster::Localnet, mint, world.roles())], &[&creator]);
        assert_eq!(world.state::<Pool>(&addresses::pool(&creator.pubkey(), id)).id, id);
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{NovateError, Pubkey};
    use novate_tests::Altered;
    use solana_instruction_error::InstructionError;

    /// `AccountAlreadyInUse` of the system program.
    const ALREADY_IN_USE: InstructionError = InstructionError::Custom(0);

    /// Nobody holds two roles, from the beginning.
    #[test]
    fn roles_that_are_not_apart_or_of_nobody() {
        let mut world = World::default();
        let creator = world.new_wallet();
        let ([guardian, risk], mint) = (world.roles(), world.listing(0).token.mint);
        let nobody = Pubkey::default();
        for roles in [
            [creator.pubkey(), risk],
            [guardian, creator.pubkey()],
            [guardian, guardian],
            [nobody, risk],
            [guardian, nobody],
            [nobody, nobody],
        ] {
            let create = build::create_pool(creator.pubkey(), 0, Cluster::Localnet, mint, roles);
            world.refuses(&[create], &[&creator], NovateError::InvalidRole);
        }
    }

    #[test]
    fn settlement_mint_must_have_six_decimals() {
        let mut world = World::default();
        let creator = world.new_wallet();
        for decimals in [0, 5, 7, 9] {
            let mint = world.new_address();
            world.svm.set_account(mint, token::mint(decimals, &creator.pubkey())).unwrap();
            let create = build::create_pool(creator.pubkey(), 0, Cluster::Localnet, mint, world.roles());
            world.refuses(&[create], &[&creator], NovateError::SettlementDecimals);
        }
    }

    #[test]
    fn a_pool_cannot_be_created_twice() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let create =
            build::create_pool(governor.pubkey(), 0, Cluster::Localnet, world.listing(0).token.mint, world.roles());
        world.refuses(&[create], &[&governor], ALREADY_IN_USE);
    }

    #[test]
    fn the_address_must_be_of_creator_and_id() {
        let mut world = World::default();
        let creator = world.new_wallet();
        let create =
            build::create_pool(creator.pubkey(), 1, Cluster::Localnet, world.listing(0).token.mint, world.roles());
        let other = addresses::pool(&creator.pubkey(), 2);
        world.refuses(&[create.with_account(0, other)], &[&creator], ErrorCode::ConstraintSeeds);
    }

    #[test]
    fn the_settlement_mint_must_be_a_mint() {
        let mut world = World::default();
        let creator = world.new_wallet();
        let create = build::create_pool(creator.pubkey(), 0, Cluster::Localnet, creator.pubkey(), world.roles());
        world.refuses(&[create], &[&creator], ErrorCode::AccountOwnedByWrongProgram);
        let wallet = world.token_account(&creator.pubkey(), 0);
        let create = build::create_pool(creator.pubkey(), 0, Cluster::Localnet, wallet, world.roles());
        world.refuses(&[create], &[&creator], InstructionError::InvalidAccountData);
    }

    #[test]
    fn events_are_signed_by_the_program_only() {
        let mut world = World::default();
        let creator = world.new_wallet();
        let create =
            build::create_pool(creator.pubkey(), 0, Cluster::Localnet, world.listing(0).token.mint, world.roles());
        let forged = world.new_address();
        world.refuses(&[create.with_account(5, forged)], &[&creator], ErrorCode::ConstraintAddress);
    }
}
