use novate::events::PublisherSet;
use novate_client::state::Pool;
use novate_client::{instructions as build, Pubkey};
use novate_tests::World;
use solana_signer::Signer;

/// Where the publisher stands in a pool account.
const PUBLISHER: usize = 456;

#[test]
fn the_authority_is_the_first_publisher() {
    let world = World::default();
    assert_eq!(world.state::<Pool>(&world.pool).publisher, world.governor.pubkey());
}

#[test]
fn the_publisher_is_replaced_and_nothing_else() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let publisher = world.new_address();
    let before = world.account(&world.pool).data;
    let set = build::set_publisher(governor.pubkey(), world.pool, publisher);
    let sent = world.succeeds(std::slice::from_ref(&set), &[&governor]);

    let mut expected = before;
    expected[PUBLISHER..PUBLISHER + 32].copy_from_slice(publisher.as_ref());
    assert_eq!(world.account(&world.pool).data, expected);
    assert_eq!(world.state::<Pool>(&world.pool).publisher, publisher);

    let event: PublisherSet = sent.event();
    assert_eq!((event.version, event.pool, event.publisher, event.time), (1, world.pool, publisher, world.now()));

    // The same key again.
    world.succeeds(&[set], &[&governor]);
    assert_eq!(world.account(&world.pool).data, expected);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::{Altered, BTC};

    #[test]
    fn only_the_authority_sets_it() {
        let mut world = World::default();
        let stranger = world.new_wallet();
        let set = build::set_publisher(stranger.pubkey(), world.pool, stranger.pubkey());
        world.refuses(&[set], &[&stranger], NovateError::NotAuthority);
        let set = build::set_publisher(world.governor.pubkey(), world.pool, stranger.pubkey());
        world.refuses(&[set.unsigned(1)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn the_publisher_does_not_name_a_successor() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let (publisher, next) = (world.new_wallet(), world.new_address());
        let set = build::set_publisher(governor.pubkey(), world.pool, publisher.pubkey());
        world.succeeds(&[set], &[&governor]);
        let set = build::set_publisher(publisher.pubkey(), world.pool, next);
        world.refuses(&[set], &[&publisher], NovateError::NotAuthority);
    }

    #[test]
    fn the_authority_of_another_pool() {
        let mut world = World::default();
        let other = world.new_wallet();
        let create = build::create_pool(other.pubkey(), 0, world.listings[0].token.mint);
        world.succeeds(&[create], &[&other]);
        let set = build::set_publisher(other.pubkey(), world.pool, other.pubkey());
        world.refuses(&[set], &[&other], NovateError::NotAuthority);
    }

    #[test]
    fn the_zero_key() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let set = build::set_publisher(governor.pubkey(), world.pool, Pubkey::default());
        world.refuses(&[set], &[&governor], NovateError::InvalidPublisher);
    }

    #[test]
    fn a_pool_that_is_none_or_read_only() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let publisher = world.new_address();
        let set = build::set_publisher(governor.pubkey(), world.pool, publisher);
        let asset = addresses::asset(&world.pool, BTC);
        world.refuses(&[set.clone().with_account(0, asset)], &[&governor], ErrorCode::AccountDiscriminatorMismatch);
        let mint = world.listing(BTC).token.mint;
        world.refuses(&[set.clone().with_account(0, mint)], &[&governor], ErrorCode::AccountOwnedByWrongProgram);
        world.refuses(&[set.read_only(0)], &[&governor], ErrorCode::ConstraintMut);
    }
}
