use novate::events::Moved;
use novate_client::state::Balance;
use novate_client::{addresses, instructions as build};
use novate_tests::token::transfer_fee;
use novate_tests::{AssetSpec, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, GOLD, PRICE, SOL, USDC};
use solana_signer::Signer;

#[test]
fn settlement_tokens_become_cash() {
    let mut world = World::default();
    let owner = world.actor();
    world.deposit(&owner, USDC, 1_000);
    let sent = world.deposit(&owner, USDC, 234);

    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_count, portfolio.sequence), (1_234, 0, 2));
    let asset = world.asset(USDC);
    assert_eq!((asset.cash, asset.deposits), (1_234, 0));
    assert_eq!((world.vault(USDC), world.tokens(&owner.tokens[0])), (1_234, 0));

    let event: Moved = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (2, world.now()));
    assert_eq!((event.asset, event.amount, event.balance), (USDC, 234, 1_234));
}

#[test]
fn other_tokens_become_balances_in_order_of_assets() {
    let mut world = World::default();
    let owner = world.actor();
    for (asset, amount) in [(GOLD, 5), (BTC, 70), (SOL, 9), (GOLD, 6)] {
        let sent = world.deposit(&owner, asset, amount);
        assert_eq!(sent.event::<Moved>().amount, amount as i64);
    }
    let balance = |asset, underlying, tokens| Balance { asset, underlying, tokens, ..Balance::default() };
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!(portfolio.balances(), [balance(BTC, 1, 70), balance(SOL, 1, 9), balance(GOLD, 0, 11)]);
    assert_eq!(portfolio.cash, 0);
    for (asset, amount) in [(BTC, 70), (SOL, 9), (GOLD, 11)] {
        let bank = world.asset(asset);
        assert_eq!((bank.deposits, bank.cash), (amount, 0));
        assert_eq!(world.vault(asset), amount);
    }
}

#[test]
fn what_the_vault_received_is_credited() {
    let taxed = AssetSpec::new("FEE", 6, 1.0).token_2022(vec![transfer_fee(100)]);
    let assets = vec![AssetSpec::new("USDC", 6, 1.0), taxed];
    let mut world = Builder::default().assets(assets).markets(vec![MarketSpec::new("FEE-PERP", 1)]).build();
    let owner = world.actor();
    let sent = world.deposit(&owner, 1, 10_000);
    assert_eq!((world.vault(1), world.asset(1).deposits), (9_900, 9_900));
    assert_eq!(world.portfolio(&owner.portfolio).balance_of(1).tokens, 9_900);
    assert_eq!(sent.event::<Moved>().amount, 9_900);
}

#[test]
fn beside_positions_no_price_is_needed_for_what_is_held_already() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.deposit(&owner, GOLD, 5);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
    world.pass(100_000);
    world.deposit(&owner, GOLD, 5);
    world.deposit(&owner, USDC, 5);
    assert_eq!(world.portfolio(&owner.portfolio).balance_of(GOLD).tokens, 10);
}

#[test]
fn no_price_is_needed() {
    let mut world = World::default();
    let owner = world.actor();
    world.pass(100_000);
    world.deposit(&owner, BTC, 1);
    assert_eq!(world.portfolio(&owner.portfolio).balance_of(BTC).tokens, 1);
}

#[test]
fn the_cap_itself_can_be_reached() {
    let mut world = capped();
    let owner = world.actor();
    world.deposit(&owner, USDC, 100);
    world.deposit(&owner, 1, 50);
    assert_eq!((world.vault(USDC), world.vault(1)), (100, 50));
}

fn capped() -> World {
    let assets =
        vec![AssetSpec::new("USDC", 6, 1.0).deposit_cap(100), AssetSpec::new("BTC", 8, 20_000.0).deposit_cap(50)];
    Builder::default().assets(assets).markets(vec![MarketSpec::new("BTC-PERP", 1)]).build()
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::state::MAX_QUANTITY;
    use novate_client::{NovateError, Pubkey};
    use novate_tests::{Actor, Altered};
    use solana_instruction_error::InstructionError;

    /// `InsufficientFunds` of the token programs.
    const INSUFFICIENT_FUNDS: InstructionError = InstructionError::Custom(1);

    fn funded() -> (World, Actor) {
        let mut world = World::default();
        let owner = world.actor();
        for asset in [USDC, BTC, GOLD] {
            world.fund(&owner, asset, 1_000);
        }
        (world, owner)
    }

    #[test]
    fn nothing() {
        let (mut world, owner) = funded();
        for asset in [USDC, BTC] {
            let deposit = world.deposit_instruction(&owner, asset, 0);
            world.refuses(&[deposit], &[&owner.key], NovateError::ZeroAmount);
        }
    }

    #[test]
    fn more_than_there_is() {
        let (mut world, owner) = funded();
        for amount in [1_001, u64::MAX] {
            let deposit = world.deposit_instruction(&owner, USDC, amount);
            world.refuses(&[deposit], &[&owner.key], INSUFFICIENT_FUNDS);
        }
    }

    #[test]
    fn more_than_an_amount_can_be() {
        let mut world = World::default();
        let owner = world.actor();
        for asset in [USDC, GOLD] {
            world.fund(&owner, asset, u64::MAX);
            for amount in [u64::MAX, 1 << 63] {
                let deposit = world.deposit_instruction(&owner, asset, amount);
                world.refuses(&[deposit], &[&owner.key], NovateError::MathOverflow);
            }
        }
    }

    #[test]
    fn more_than_the_cap() {
        let mut world = capped();
        let owner = world.actor();
        for (asset, cap) in [(USDC, 100), (1, 50)] {
            world.fund(&owner, asset, cap + 1);
            let deposit = world.deposit_instruction(&owner, asset, cap + 1);
            world.refuses(&[deposit], &[&owner.key], NovateError::DepositCap);
        }
    }

    #[test]
    fn beside_positions_new_collateral_without_a_fresh_price() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let listing = world.issue(AssetSpec::new("NEW", 6, 1.0));
        world.listings.push(listing);
        let add = world.add_asset_instruction(GOLD + 1);
        world.succeeds(&[add], &[&governor]);
        let (owner, maker) = (world.trader(10_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
        world.pass(61);
        for (asset, error) in [(GOLD, NovateError::PriceStale), (GOLD + 1, NovateError::PriceMissing)] {
            world.fund(&owner, asset, 5);
            let deposit = world.deposit_instruction(&owner, asset, 5);
            world.refuses(&[deposit], &[&owner.key], error);
        }
    }

    #[test]
    fn more_than_can_be_counted_in_contracts() {
        let assets = vec![AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("COARSE", 0, 1.0)];
        let mut world = Builder::default().assets(assets).markets(vec![MarketSpec::new("C-PERP", 1)]).build();
        let owner = world.actor();
        world.deposit(&owner, 1, (MAX_QUANTITY / CONTRACT) as u64);
        for amount in [1, (i64::MAX / CONTRACT) as u64] {
            world.fund(&owner, 1, amount);
            let deposit = world.deposit_instruction(&owner, 1, amount);
            world.refuses(&[deposit], &[&owner.key], NovateError::MathOverflow);
        }
    }

    #[test]
    fn into_the_portfolio_of_another() {
        let (mut world, owner) = funded();
        let other = world.actor();
        let deposit = world.deposit_instruction(&owner, USDC, 10).with_account(1, other.portfolio);
        world.refuses(&[deposit], &[&owner.key], NovateError::NotOwner);
    }

    #[test]
    fn out_of_the_tokens_of_another() {
        let (mut world, owner) = funded();
        let other = world.actor();
        world.fund(&other, USDC, 10);
        let deposit = world.deposit_instruction(&owner, USDC, 10).with_account(4, other.tokens[0]);
        world.refuses(&[deposit], &[&owner.key], NovateError::WrongTokenAccount);
    }

    #[test]
    fn out_of_the_vault_itself() {
        let (mut world, owner) = funded();
        world.deposit(&owner, USDC, 100);
        let vault = addresses::vault(&addresses::asset(&world.pool, USDC));
        let deposit = world.deposit_instruction(&owner, USDC, 10).with_account(4, vault);
        world.refuses(&[deposit], &[&owner.key], ErrorCode::ConstraintDuplicateMutableAccount);
    }

    #[test]
    fn tokens_of_another_mint() {
        let (mut world, owner) = funded();
        let deposit = world.deposit_instruction(&owner, USDC, 10);
        let other = owner.tokens[usize::from(BTC)];
        world.refuses(&[deposit.clone().with_account(4, other)], &[&owner.key], NovateError::WrongTokenAccount);
        let mint = world.listing(BTC).token.mint;
        let deposit = deposit.with_account(4, other).with_account(5, mint);
        world.refuses(&[deposit], &[&owner.key], NovateError::WrongMint);
    }

    #[test]
    fn into_another_vault() {
        let (mut world, owner) = funded();
        let deposit = world.deposit_instruction(&owner, USDC, 10);
        let own = world.token_account(&owner.address(), USDC);
        let btc = addresses::vault(&addresses::asset(&world.pool, BTC));
        for vault in [own, btc] {
            let deposit = deposit.clone().with_account(3, vault);
            world.refuses(&[deposit], &[&owner.key], NovateError::WrongVault);
        }
    }

    #[test]
    fn by_another_token_program() {
        let (mut world, owner) = funded();
        let deposit = world.deposit_instruction(&owner, USDC, 10).with_account(7, anchor_spl::token_2022::ID);
        world.refuses(&[deposit], &[&owner.key], NovateError::WrongTokenProgram);
        let deposit = world.deposit_instruction(&owner, USDC, 10).with_account(7, novate_client::ID);
        world.refuses(&[deposit], &[&owner.key], ErrorCode::InvalidProgramId);
    }

    #[test]
    fn an_asset_or_portfolio_of_another_pool() {
        let (mut world, owner) = funded();
        let other = world.second_pool();
        let deposit = world.deposit_instruction(&owner, USDC, 10);
        let asset = addresses::asset(&other, USDC);
        let foreign = deposit.clone().with_account(2, asset).with_account(3, addresses::vault(&asset));
        world.refuses(&[foreign], &[&owner.key], NovateError::WrongPool);
        world.refuses(&[deposit.with_account(0, other)], &[&owner.key], NovateError::WrongPool);
    }

    #[test]
    fn accounts_of_another_kind_or_program() {
        let (mut world, owner) = funded();
        let deposit = world.deposit_instruction(&owner, USDC, 10);
        let market: Pubkey = addresses::market(&world.pool, 0);
        for at in [0, 1, 2] {
            let wrong = deposit.clone().with_account(at, market);
            world.refuses(&[wrong], &[&owner.key], ErrorCode::AccountDiscriminatorMismatch);
            let wrong = deposit.clone().with_account(at, owner.tokens[0]);
            world.refuses(&[wrong], &[&owner.key], ErrorCode::AccountOwnedByWrongProgram);
        }
    }

    #[test]
    fn without_the_owners_signature() {
        let (mut world, owner) = funded();
        let deposit = world.deposit_instruction(&owner, USDC, 10).unsigned(6);
        world.refuses(&[deposit], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn before_the_pool_has_scenario_rows() {
        let mut world = Builder::default().unstaged().build();
        let owner = world.actor();
        world.fund(&owner, USDC, 10);
        let deposit = world.deposit_instruction(&owner, USDC, 10);
        world.refuses(&[deposit], &[&owner.key], NovateError::PoolNotLive);
    }

    #[test]
    fn a_delegate_deposits_nothing() {
        let (mut world, owner) = funded();
        let delegate = world.actor();
        let set = build::set_delegate(owner.address(), owner.portfolio, delegate.key.pubkey(), i64::MAX);
        world.succeeds(&[set], &[&owner.key]);
        world.fund(&delegate, USDC, 10);
        let deposit = world.deposit_instruction(&delegate, USDC, 10).with_account(1, owner.portfolio);
        world.refuses(&[deposit], &[&delegate.key], NovateError::NotOwner);
    }
}
