use novate::events::VenueRegistered;
use novate_client::state::{Pool, Venue};
use novate_client::{addresses, instructions as build};
use novate_tests::{World, BTC_PERP, PRICE};
use solana_signer::Signer;

#[test]
fn a_venue_is_registered_under_the_next_index() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    for index in 0..3 {
        let signer = world.new_address();
        let register = world.register_instruction(&signer);
        let sent = world.succeeds(&[register], &[&governor]);
        let address = addresses::venue(&world.pool, &signer);
        let venue: Venue = world.state(&address);
        assert_eq!((venue.version, venue.index, venue.active), (1, index, 1));
        assert_eq!((venue.pool, venue.signer, venue.reserve), (world.pool, signer, [0; 48]));
        assert_eq!(world.state::<Pool>(&world.pool).venue_count, index + 1);
        let event: VenueRegistered = sent.event();
        assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
        assert_eq!((event.venue, event.index, event.signer), (address, index, signer));
    }
}

#[test]
fn a_removed_venue_is_registered_again_with_its_index() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let venues = world.venues(2);
    let remove = build::remove_venue(governor.pubkey(), world.pool, venues[0].pubkey(), &[]);
    world.succeeds(&[remove], &[&governor]);
    let register = world.register_instruction(&venues[0].pubkey());
    let event: VenueRegistered = world.succeeds(&[register], &[&governor]).event();
    assert_eq!((event.index, world.state::<Pool>(&world.pool).venue_count), (0, 2));
    world.report(&venues[0], BTC_PERP, 20_000 * PRICE);
    assert_eq!(world.market(BTC_PERP).mids[0].time, world.now());
}

#[test]
fn an_address_that_was_sent_lamports_beforehand() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let signer = world.new_address();
    world.svm.airdrop(&addresses::venue(&world.pool, &signer), 890_880).unwrap();
    let register = world.register_instruction(&signer);
    world.succeeds(&[register], &[&governor]);
    assert!(world.state::<Venue>(&addresses::venue(&world.pool, &signer)).is_active());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{NovateError, Pubkey};
    use novate_tests::Altered;

    #[test]
    fn only_the_authority_registers() {
        let mut world = World::default();
        let (stranger, governor) = (world.new_wallet(), world.governor.pubkey());
        let register = build::register_venue(stranger.pubkey(), world.pool, stranger.pubkey());
        world.refuses(&[register], &[&stranger], NovateError::NotAuthority);
        let register = build::register_venue(governor, world.pool, stranger.pubkey());
        world.refuses(&[register.unsigned(2)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn a_venue_twice() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let venue = world.venue();
        let register = world.register_instruction(&venue.pubkey());
        world.refuses(&[register], &[&governor], NovateError::VenueActive);
    }

    #[test]
    fn the_zero_key_or_who_holds_a_role() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let [guardian, risk] = world.roles();
        for key in [Pubkey::default(), governor.pubkey(), guardian, risk] {
            let register = world.register_instruction(&key);
            world.refuses(&[register], &[&governor], NovateError::InvalidVenue);
        }
    }

    #[test]
    fn another_address_than_the_signers() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let (signer, other) = (world.new_address(), world.new_address());
        let register = world.register_instruction(&signer);
        let wrong = register.with_account(1, addresses::venue(&world.pool, &other));
        world.refuses(&[wrong], &[&governor], ErrorCode::ConstraintSeeds);
    }

    #[test]
    fn a_pool_that_is_none_or_read_only() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let signer = world.new_address();
        let register = world.register_instruction(&signer);
        let market = addresses::market(&world.pool, BTC_PERP);
        world.refuses(
            &[register.clone().with_account(0, market)],
            &[&governor],
            ErrorCode::AccountDiscriminatorMismatch,
        );
        world.refuses(&[register.read_only(0)], &[&governor], ErrorCode::ConstraintMut);
    }
}
