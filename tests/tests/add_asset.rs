use anchor_spl::token_2022::spl_token_2022::extension::ExtensionType;
use novate::events::AssetAdded;
use novate_client::order::Cluster;
use novate_client::state::{Asset, Pool, ASSET_LAYOUT};
use novate_client::{addresses, instructions as build, AssetTerms, Instruction};
use novate_margin::bank::Bank;
use novate_margin::{Ratio, NO_COLUMN};
use novate_tests::token::{self, transfer_fee, Extension};
use novate_tests::{AssetSpec, World, GOLD};
use solana_signer::Signer;

/// The instruction that lists one more asset.
fn list(world: &mut World, spec: AssetSpec) -> Instruction {
    let listing = world.issue(spec);
    world.listings.push(listing);
    world.add_asset_instruction(world.listings.len() as u16 - 1)
}

#[test]
fn lists_an_asset_without_price_at_full_haircut() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let spec = AssetSpec::new("WIF", 6, 2.0).pushed().outflow_limit(6_000_000_000).minimum_balance(3_000_000);
    let add = list(&mut world, spec);
    let index = GOLD + 1;
    let sent = world.succeeds(&[add], &[&governor]);

    let address = addresses::asset(&world.pool, index);
    let (asset, listing) = (world.asset(index), world.listing(index).clone());
    let terms = listing.spec.terms(&listing.feed);
    assert_eq!((asset.version, asset.index, asset.decimals, asset.column), (ASSET_LAYOUT, index, 6, NO_COLUMN));
    assert_eq!((asset.pool, asset.mint, asset.vault), (world.pool, listing.token.mint, addresses::vault(&address)));
    assert_eq!((asset.token_program, asset.feed), (listing.token.program, listing.feed.address));
    assert_eq!((asset.feed_owner, asset.feed_id, asset.oracle), (terms.feed_owner, terms.feed_id, terms.oracle));
    assert_eq!((asset.symbol, asset.max_age), (terms.symbol, terms.max_age));
    assert_eq!((asset.max_confidence.0, asset.base_range.0), (terms.max_confidence, terms.base_range));
    assert_eq!((asset.guard.band.0, asset.guard.average.0), (terms.band, 0));
    assert_eq!((asset.scan_range.0, asset.haircut), (terms.base_range, Ratio::ONE));
    assert_eq!((asset.price.0, asset.publish_time, asset.underlying), (0, 0, 0));
    assert_eq!((asset.deposits, asset.cash), (0, 0));
    assert_eq!(asset.bank, Bank::open());
    assert_eq!(asset.deposit_cap, terms.deposit_cap);
    assert_eq!((asset.outflow.limit, asset.minimum_balance), (6_000_000_000, 3_000_000));
    assert_eq!(world.state::<Pool>(&world.pool).asset_count, index + 1);

    let event: AssetAdded = sent.event();
    assert_eq!((event.version, event.pool, event.asset, event.index), (1, world.pool, address, index));
    assert_eq!((event.mint, event.feed), (asset.mint, asset.feed));
    assert_eq!((event.feed_owner, event.time), (asset.feed_owner, world.now()));
}

/// MRG-62: nothing of it counts at first, and all that its terms let in after two weeks.
#[test]
fn in_a_pool_that_trades_it_comes_to_its_terms_over_two_weeks() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let add = list(&mut world, AssetSpec { deposit_cap: 1_400, ..AssetSpec::new("WIF", 6, 2.0) });
    world.succeeds(&[add], &[&governor]);
    let (index, listed) = (GOLD + 1, world.now());
    let actor = world.actor();
    world.fund(&actor, index, 1_000_000);
    let mut held = 0;
    for (days, haircut) in [(0, 1_000_000), (1, 935_715), (7, 550_000), (14, 100_000), (15, 100_000)] {
        world.pass(listed + days * 86_400 - world.now());
        world.refresh();
        assert_eq!(world.asset(index).haircut.0, haircut, "after {days} days");
        let most = 100 * days.min(14) as u64;
        let more = world.deposit_instruction(&actor, index, most - held + 1);
        world.refuses(&[more], &[&actor.key], novate_client::NovateError::DepositCap);
        if most > held {
            let most = world.deposit_instruction(&actor, index, most - held);
            world.succeeds(&[most], &[&actor.key]);
        }
        held = most;
    }
    assert_eq!(world.asset(index).ramp.listed, 0);
}

#[test]
fn the_vault_is_an_empty_token_account_of_the_pool() {
    let world = World::default();
    let vault = world.account(&addresses::vault(&addresses::asset(&world.pool, GOLD)));
    assert_eq!(vault.owner, world.listing(GOLD).token.program);
    assert_eq!(vault.data[..32], world.listing(GOLD).token.mint.to_bytes());
    assert_eq!(vault.data[32..64], world.pool.to_bytes());
    assert_eq!(world.vault(GOLD), 0);
}

#[test]
fn mints_with_allowed_extensions_are_listed() {
    let metadata_pointer = (ExtensionType::MetadataPointer, vec![0; 64]);
    let group_pointer = (ExtensionType::GroupPointer, vec![0; 64]);
    for extension in [transfer_fee(100), metadata_pointer, group_pointer] {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let add = list(&mut world, AssetSpec::new("T22", 6, 1.0).token_2022(vec![extension]));
        world.succeeds(&[add], &[&governor]);
        assert_eq!(world.asset(GOLD + 1).index, GOLD + 1);
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{NovateError, Pubkey};
    use novate_tests::{Altered, USDC};
    use solana_instruction_error::InstructionError;

    #[test]
    fn only_the_authority_lists_assets() {
        let mut world = World::default();
        let stranger = world.new_wallet();
        let add = list(&mut world, AssetSpec::new("WIF", 6, 2.0)).with_account(4, stranger.pubkey());
        world.refuses(&[add], &[&stranger], NovateError::NotAuthority);
    }

    #[test]
    fn mints_with_other_extensions_are_refused() {
        let refused: [Extension; 7] = [
            (ExtensionType::PermanentDelegate, vec![1; 32]),
            (ExtensionType::TransferHook, vec![1; 64]),
            (ExtensionType::DefaultAccountState, vec![2]),
            (ExtensionType::NonTransferable, vec![]),
            (ExtensionType::ConfidentialTransferMint, vec![0; 65]),
            (ExtensionType::Pausable, vec![0; 33]),
            (ExtensionType::MintCloseAuthority, vec![1; 32]),
        ];
        for extension in refused {
            let name = format!("{:?}", extension.0);
            let mut world = World::default();
            let governor = world.governor.insecure_clone();
            let add = list(&mut world, AssetSpec::new("T22", 6, 1.0).token_2022(vec![extension]));
            println!("{name}");
            world.refuses(&[add], &[&governor], NovateError::MintExtension);
        }
    }

    #[test]
    fn a_refused_extension_is_found_behind_an_allowed_one() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let extensions = vec![transfer_fee(1), (ExtensionType::PermanentDelegate, vec![1; 32])];
        let add = list(&mut world, AssetSpec::new("T22", 6, 1.0).token_2022(extensions));
        world.refuses(&[add], &[&governor], NovateError::MintExtension);
    }

    #[test]
    fn the_settlement_asset_comes_first() {
        let mut world = World::default();
        let creator = world.new_wallet();
        let mint = world.listing(USDC).token.mint;
        world.succeeds(&[build::create_pool(creator.pubkey(), 0, Cluster::Localnet, mint, world.roles())], &[&creator]);
        let listing = world.listing(GOLD).clone();
        let pool = addresses::pool(&creator.pubkey(), 0);
        let terms = listing.spec.terms(&listing.feed);
        let add = build::add_asset(creator.pubkey(), pool, 0, listing.token, terms);
        world.refuses(&[add], &[&creator], NovateError::SettlementFirst);
    }

    #[test]
    fn the_settlement_mint_is_listed_once() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let listing = world.listing(USDC).clone();
        let terms = listing.spec.terms(&listing.feed);
        let add = build::add_asset(governor.pubkey(), world.pool, GOLD + 1, listing.token, terms);
        world.refuses(&[add], &[&governor], NovateError::SettlementFirst);
    }

    #[test]
    fn terms_beyond_their_bounds_are_refused() {
        let changes: [fn(&mut AssetTerms); 26] = [
            |t| t.contract_exponent = 10,
            |t| t.oracle = 0,
            |t| t.oracle = 3,
            |t| t.feed_id = [0; 32],
            |t| (t.oracle, t.feed) = (2, Pubkey::default()),
            |t| t.feed_owner = Pubkey::default(),
            |t| t.max_age = 0,
            |t| t.max_age = 3_601,
            |t| t.max_confidence = 0,
            |t| t.max_confidence = 100_001,
            |t| t.band = 9_999,
            |t| t.band = 1_000_001,
            |t| t.base_range = 9_999,
            |t| t.base_range = 500_001,
            |t| t.depth = -1,
            |t| t.depth = 999_999_999_999,
            |t| t.haircut_base = -1,
            |t| t.haircut_base = 1_000_001,
            |t| t.haircut_volatility_multiple = -1,
            |t| t.haircut_volatility_multiple = 10_000_001,
            |t| t.days_to_liquidate = 365_000_001,
            |t| t.haircut_size_add_on = -1,
            |t| t.haircut_size_add_on = 1_000_001,
            |t| (t.deposit_cap, t.outflow_limit) = (7_001, 1_000),
            |t| t.outflow_limit = u64::MAX / 7,
            |t| (t.deposit_cap, t.minimum_balance) = (7_999, 8),
        ];
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let listing = world.issue(AssetSpec::new("WIF", 6, 2.0));
        for (at, change) in changes.iter().enumerate() {
            println!("change {at}");
            let mut terms = listing.spec.terms(&listing.feed);
            change(&mut terms);
            let add = build::add_asset(governor.pubkey(), world.pool, GOLD + 1, listing.token, terms);
            world.refuses(&[add], &[&governor], NovateError::InvalidAssetTerms);
        }
    }

    /// In a pool that trades a fourteenth of a cap beyond the supply would let in all there is on the first day (MRG-62).
    #[test]
    fn a_cap_of_more_than_there_is() {
        for (supply, refused) in [(1_400, false), (1_399, true), (0, true)] {
            let mut world = World::default();
            let governor = world.governor.insecure_clone();
            let add = list(&mut world, AssetSpec { deposit_cap: 1_400, ..AssetSpec::new("WIF", 6, 2.0) });
            let mint = world.listing(GOLD + 1).token.mint;
            let mut account = world.account(&mint);
            token::set_supply(&mut account, supply);
            world.write(mint, account);
            match refused {
                true => world.refuses(&[add], &[&governor], NovateError::InvalidAssetTerms),
                false => drop(world.succeeds(&[add], &[&governor])),
            }
        }
    }

    #[test]
    fn a_mint_of_more_than_18_decimals() {
        for (decimals, refused) in [(18, false), (19, true), (255, true)] {
            let mut world = World::default();
            let governor = world.governor.insecure_clone();
            let add = list(&mut world, AssetSpec::new("FINE", decimals, 1.0));
            match refused {
                true => world.refuses(&[add], &[&governor], NovateError::InvalidAssetTerms),
                false => drop(world.succeeds(&[add], &[&governor])),
            }
        }
    }

    #[test]
    fn the_settlement_asset_has_contracts_of_one_and_no_least_balance() {
        let mut world = World::default();
        let creator = world.new_wallet();
        let listing = world.listing(USDC).clone();
        world.succeeds(
            &[build::create_pool(creator.pubkey(), 0, Cluster::Localnet, listing.token.mint, world.roles())],
            &[&creator],
        );
        let pool = addresses::pool(&creator.pubkey(), 0);
        let sound = listing.spec.terms(&listing.feed);
        let terms = AssetTerms { contract_exponent: 1, ..sound.clone() };
        for terms in [terms, AssetTerms { minimum_balance: 1, ..sound }] {
            let add = build::add_asset(creator.pubkey(), pool, 0, listing.token, terms);
            world.refuses(&[add], &[&creator], NovateError::InvalidAssetTerms);
        }
    }

    #[test]
    fn indices_are_given_in_order() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let listing = world.issue(AssetSpec::new("WIF", 6, 2.0));
        for index in [GOLD, GOLD + 2] {
            let terms = listing.spec.terms(&listing.feed);
            let add = build::add_asset(governor.pubkey(), world.pool, index, listing.token, terms);
            world.refuses(&[add], &[&governor], ErrorCode::ConstraintSeeds);
        }
    }

    #[test]
    fn the_vault_is_at_the_assets_address() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let add = list(&mut world, AssetSpec::new("WIF", 6, 2.0));
        let other = addresses::vault(&addresses::asset(&world.pool, GOLD));
        world.refuses(&[add.with_account(2, other)], &[&governor], ErrorCode::ConstraintSeeds);
    }

    #[test]
    fn the_token_program_must_be_the_mints() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let add = list(&mut world, AssetSpec::new("WIF", 6, 2.0));
        let token_2022 = anchor_spl::token_2022::ID;
        // The token program itself refuses to open the vault.
        world.refuses(&[add.with_account(5, token_2022)], &[&governor], InstructionError::IncorrectProgramId);
    }

    #[test]
    fn another_kind_of_account_is_no_pool() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let add = list(&mut world, AssetSpec::new("WIF", 6, 2.0));
        let asset: Pubkey = addresses::asset(&world.pool, GOLD);
        assert_eq!(world.state::<Asset>(&asset).index, GOLD);
        world.refuses(&[add.with_account(0, asset)], &[&governor], ErrorCode::AccountDiscriminatorMismatch);
    }
}
