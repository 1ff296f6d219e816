//! A transaction with a durable nonce can be signed today and sent in a year: none governs (CLR-50). What waits, its execution and the
//! passing on of roles are in `governance_attacks.rs`.

use novate_client::{
    instructions as build, Action, AssetField, AssetSetting, Instruction, MarketField, MarketSetting, NovateError, Role,
};
use novate_tests::{World, BTC, BTC_PERP, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Refused behind a durable nonce and with another account in place of the list of instructions; goes through without.
#[track_caller]
fn needs_a_recent_blockhash(world: &mut World, instruction: Instruction, signer: &Keypair) {
    let advance = world.durable_nonce(&signer.pubkey());
    let failure = world.twin().send_bare(&[advance, instruction.clone()], &[signer]).expect_err("a nonce was taken");
    assert!(failure.is(NovateError::DurableNonce), "{:?}\n{}", failure.error, failure.logs.join("\n"));
    let mut blind = instruction.clone();
    let list = blind.accounts.iter().position(|meta| meta.pubkey == novate::INSTRUCTIONS).expect("no list");
    blind.accounts[list].pubkey = signer.pubkey();
    let failure = world.twin().send_bare(&[blind], &[signer]).expect_err("another list was taken");
    assert!(failure.is(NovateError::NotInstructions), "{:?}", failure.error);
    world.succeeds(&[instruction], &[signer]);
}

#[test]
fn of_the_guardian() {
    let mut world = World::default();
    let (guardian, pool, next) = (world.guardian.insecure_clone(), world.pool, world.new_address());
    let key = guardian.pubkey();
    needs_a_recent_blockhash(&mut world, build::pause(key, pool, Action::Trade, 60), &guardian);
    world.by_hand = true;
    let number = world.schedule(&world.set_committee_instruction());
    let cancel = build::cancel_change(key, &world.change(number));
    needs_a_recent_blockhash(&mut world, cancel, &guardian);
    world.propose(Role::Authority, &next);
    needs_a_recent_blockhash(&mut world, build::cancel_role(key, pool, Role::Authority), &guardian);
}

#[test]
fn of_the_risk_role() {
    let mut world = World::default();
    let (risk, pool) = (world.risk.insecure_clone(), world.pool);
    let settings = vec![AssetSetting { field: AssetField::BaseRange, value: 160_000 }];
    let tighten = build::tighten_asset(risk.pubkey(), pool, BTC, settings, &[BTC_PERP]);
    needs_a_recent_blockhash(&mut world, tighten, &risk);
    let settings = vec![MarketSetting { field: MarketField::SigmaLimit, value: 190_000 }];
    needs_a_recent_blockhash(&mut world, build::tighten_market(risk.pubkey(), pool, BTC_PERP, settings), &risk);
}

#[test]
fn of_the_authority() {
    let mut world = World::default();
    let (governor, pool, venue) = (world.governor.insecure_clone(), world.pool, world.venue());
    let key = governor.pubkey();
    world.pause(Action::Trade, 60);
    needs_a_recent_blockhash(&mut world, build::unpause(key, pool, Action::Trade), &governor);
    let range = World::rows_of(6, 0b1, 0, 6);
    needs_a_recent_blockhash(&mut world, build::stage_scenarios(key, pool, 2, range), &governor);
    needs_a_recent_blockhash(&mut world, build::remove_venue(key, pool, venue.pubkey(), &[]), &governor);
    let time = world.chain(BTC_PERP, 50, 0.6, &[19_600]);
    let strikes = build::list_strikes(key, &world.market(BTC_PERP), time, vec![20_400 * PRICE]);
    needs_a_recent_blockhash(&mut world, strikes, &governor);
    let member = world.members[0].pubkey();
    needs_a_recent_blockhash(&mut world, build::remove_member(key, pool, member), &governor);
}
