use novate::events::VenueRemoved;
use novate_client::state::{Mid, Venue};
use novate_client::{addresses, instructions as build, Instruction};
use novate_tests::{World, BTC_PERP, ETH_PERP};
use solana_keypair::Keypair;
use solana_signer::Signer;

fn remove(world: &World, venue: &Keypair, markets: &[u16]) -> Instruction {
    build::remove_venue(world.governor.pubkey(), world.pool, venue.pubkey(), markets)
}

#[test]
fn a_removed_venue_stays_and_is_not_active() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let venue = world.venue();
    let before: Venue = world.state(&world.venue_address(&venue));
    let removal = remove(&world, &venue, &[]);
    let event: VenueRemoved = world.succeeds(&[removal], &[&governor]).event();
    let after: Venue = world.state(&world.venue_address(&venue));
    assert_eq!((after.active, after.index, after.signer), (0, before.index, before.signer));
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.venue, event.index, event.signer), (world.venue_address(&venue), 0, venue.pubkey()));
}

#[test]
fn in_the_markets_that_are_passed_its_mid_counts_no_longer() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let venues = world.venues(4);
    for market in [BTC_PERP, ETH_PERP] {
        for (venue, premium) in venues.iter().zip([1_000, 2_000, 3_000, 4_000]) {
            world.report_at(&[venue.insecure_clone()], market, premium);
        }
        assert_eq!(world.market(market).premium_target, 2_500_000_000);
    }
    let removal = remove(&world, &venues[0], &[BTC_PERP]);
    world.succeeds(&[removal], &[&governor]);
    let [passed, left_out] = [BTC_PERP, ETH_PERP].map(|m| world.market(m));
    assert_eq!((passed.premium_target, passed.mids[0]), (3_000_000_000, Mid::default()));
    assert_eq!((left_out.premium_target, left_out.mids[0].premium), (2_500_000_000, 1_000_000_000));

    // Two are too few.
    for venue in &venues[1..3] {
        let removal = remove(&world, venue, &[BTC_PERP]);
        world.succeeds(&[removal], &[&governor]);
    }
    assert_eq!(world.market(BTC_PERP).premium_target, 0);

    // Where it was left out, the others' reports outlive it.
    world.pass(60);
    world.refresh();
    for venue in &venues[3..] {
        world.report_at(&[venue.insecure_clone()], ETH_PERP, 4_000);
    }
    world.pass(1);
    world.refresh();
    world.refresh_market(ETH_PERP);
    assert_eq!(world.market(ETH_PERP).premium_target, 0);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::{Altered, BTC};

    #[test]
    fn only_the_authority_removes() {
        let mut world = World::default();
        let (venue, stranger) = (world.venue(), world.new_wallet());
        for key in [&stranger, &venue] {
            let removal = build::remove_venue(key.pubkey(), world.pool, venue.pubkey(), &[]);
            world.refuses(&[removal], &[key], NovateError::NotAuthority);
        }
        let removal = remove(&world, &venue, &[]);
        world.refuses(&[removal.unsigned(2)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn twice() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let venue = world.venue();
        let removal = remove(&world, &venue, &[]);
        world.succeeds(std::slice::from_ref(&removal), &[&governor]);
        world.refuses(&[removal], &[&governor], NovateError::VenueInactive);
    }

    #[test]
    fn a_venue_or_a_market_of_another_pool() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let (venue, other) = (world.venue(), world.second_pool());
        let removal = remove(&world, &venue, &[BTC_PERP]);
        world.refuses(&[removal.clone().with_account(0, other)], &[&governor], NovateError::WrongPool);
        let foreign = removal.with_account(6, addresses::market(&other, BTC_PERP));
        world.refuses(&[foreign], &[&governor], NovateError::WrongPool);
    }

    #[test]
    fn accounts_of_another_kind_or_read_only() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let venue = world.venue();
        let removal = remove(&world, &venue, &[BTC_PERP]);
        let (asset, mint) = (addresses::asset(&world.pool, BTC), world.listing(BTC).token.mint);
        let wrong = removal.clone().with_account(1, asset);
        world.refuses(&[wrong], &[&governor], ErrorCode::AccountDiscriminatorMismatch);
        world.refuses(&[removal.clone().with_account(6, asset)], &[&governor], NovateError::UnexpectedAccount);
        world.refuses(&[removal.clone().with_account(6, mint)], &[&governor], NovateError::WrongOwner);
        world.refuses(&[removal.clone().read_only(6)], &[&governor], NovateError::NotWritable);
        world.refuses(&[removal.read_only(1)], &[&governor], ErrorCode::ConstraintMut);
    }
}
