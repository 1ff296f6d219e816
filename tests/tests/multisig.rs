//! A pool whose authority is the vault of a multisig: Squads v4, the program itself, proposes, votes and calls (CLR-50). Two of three
//! members govern; the guardian is a key apart.

use anchor_lang::error::ErrorCode;
use novate_client::events::{ChangeScheduled, RoleAccepted};
use novate_client::state::Pool;
use novate_client::{
    addresses, instructions as build, AssetField, AssetSetting, Instruction, NovateError, OracleSource, Role,
};
use novate_tests::feed::PUSH_ORACLE;
use novate_tests::squads::{Multisig, SquadsError};
use novate_tests::{AssetSpec, Sent, World, BTC, BTC_PERP, CONTRACT, DAY, GOLD, PRICE, ROLE_DELAY};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A pool with its roles apart, the authority a multisig's.
struct Seat {
    world: World,
    multisig: Multisig,
    guardian: Keypair,
    /// Transactions of the multisig so far.
    count: u64,
}

impl Seat {
    /// The vault is proposed, and three days are over.
    fn proposed() -> Self {
        let mut world = World::default();
        world.by_hand = true;
        let guardian = world.guardian.insecure_clone();
        let multisig = world.multisig(3, 2);
        world.propose(Role::Authority, &multisig.vault);
        world.pass(ROLE_DELAY);
        world.refresh();
        Self { world, multisig, guardian, count: 0 }
    }

    fn taken() -> Self {
        let mut seat = Self::proposed();
        let accept = seat.accept();
        seat.sends(&[accept]);
        seat
    }

    fn accept(&self) -> Instruction {
        build::accept_role(self.multisig.vault, self.world.pool, Role::Authority)
    }

    fn pool(&self) -> Pool {
        self.world.state(&self.world.pool)
    }

    /// Approved, and not yet sent.
    #[track_caller]
    fn approved(&mut self, instructions: &[Instruction]) -> Instruction {
        self.count += 1;
        self.world.approved(&self.multisig, self.count, instructions)
    }

    #[track_caller]
    fn send(&mut self, execution: &Instruction) -> Sent {
        self.world.succeeds(std::slice::from_ref(execution), &[&self.multisig.members[0]])
    }

    #[track_caller]
    fn sends(&mut self, instructions: &[Instruction]) -> Sent {
        let execution = self.approved(instructions);
        self.send(&execution)
    }

    #[track_caller]
    fn refuses(&mut self, executions: &[Instruction], refusal: impl Into<novate_tests::Refusal>) {
        self.world.refuses(executions, &[&self.multisig.members[0]], refusal);
    }

    /// Some instruction that waits for seven days.
    fn governed(&self) -> Instruction {
        let source = OracleSource { oracle: 2, feed: self.multisig.vault, feed_owner: PUSH_ORACLE, feed_id: [0; 32] };
        build::set_oracle(self.multisig.vault, self.world.pool, BTC, source)
    }

    /// It is scheduled as this change; the vault pays its rent.
    fn schedule(&self, number: u64, governed: &Instruction) -> Instruction {
        build::schedule_change(self.multisig.vault, self.multisig.vault, number, governed)
    }

    fn execution(&self, number: u64, governed: &Instruction) -> Instruction {
        build::execute_change(governed.clone(), number, self.multisig.vault)
    }

    fn cancel(&self, number: u64) -> Instruction {
        build::cancel_change(self.guardian.pubkey(), &self.world.change(number))
    }
}

/// Compute units as docs/governance.md has them, within a tenth.
#[track_caller]
fn costs(what: &str, sent: &Sent) {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/governance.md")).unwrap();
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| `{what}` | "))).unwrap_or("0");
    let figure: u64 = row.trim_end_matches(" |").replace(',', "").parse().unwrap();
    println!("{what}: {} compute units, {figure} in the document", sent.units);
    assert!(sent.units.abs_diff(figure) * 10 <= figure, "{what}: {} compute units, not {figure}", sent.units);
}

/// From the first vote to the last call: the vault takes the authority, schedules, and executes a week later.
#[test]
fn proposed_approved_and_executed_by_a_multisig() {
    let mut seat = Seat::proposed();
    let accept = seat.accept();
    seat.world.put_to_vote(&seat.multisig, 1, std::slice::from_ref(&accept));
    let execution = seat.multisig.execute(1, &[accept], 0);
    let vote = seat.multisig.approve(1, 0);
    seat.world.succeeds(&[vote], &[&seat.multisig.members[0]]);
    seat.refuses(std::slice::from_ref(&execution), SquadsError::InvalidProposalStatus);
    let vote = seat.multisig.approve(1, 1);
    seat.world.succeeds(&[vote], &[&seat.multisig.members[1]]);
    let taken = seat.send(&execution);
    let event: RoleAccepted = taken.event();
    assert_eq!((event.role, event.key), (Role::Authority, seat.multisig.vault));
    assert_eq!((seat.pool().authority, seat.pool().authority_epoch), (seat.multisig.vault, 1));
    costs("accept_role", &taken);

    let governed = seat.governed();
    let schedule = [seat.schedule(0, &governed)];
    let [created, proposed] = seat.world.put_to_vote(&seat.multisig, 2, &schedule);
    costs("vault_transaction_create", &created);
    costs("proposal_create", &proposed);
    for approved in seat.world.approve(&seat.multisig, 2) {
        costs("proposal_approve", &approved);
    }
    let scheduled = seat.send(&seat.multisig.execute(2, &schedule, 0));
    costs("schedule_change", &scheduled);
    let event: ChangeScheduled = scheduled.event();
    let vault = seat.multisig.vault;
    assert_eq!((event.proposer, event.payer, event.ready), (vault, vault, seat.world.now() + 7 * DAY));
    // Squads calls Novate, which calls the system program, and itself for the event. The runtime allows five.
    let deepest = |sent: &Sent, depth: &str| sent.logs.iter().any(|line| line.ends_with(depth));
    assert!(deepest(&scheduled, "invoke [3]") && !deepest(&scheduled, "invoke [4]"));

    let execution = [seat.execution(0, &governed)];
    let execution = {
        seat.world.put_to_vote(&seat.multisig, 3, &execution);
        seat.world.approve(&seat.multisig, 3);
        seat.multisig.execute(3, &execution, 2)
    };
    seat.world.pass(7 * DAY);
    // Whoever of the members sends it.
    let rent = seat.world.account(&vault).lamports;
    let executed = seat.world.succeeds(&[execution], &[&seat.multisig.members[2]]);
    costs("set_oracle, executed", &executed);
    assert_eq!(seat.world.asset(BTC).feed, vault);
    assert!(seat.world.account(&vault).lamports > rent, "the rent came back");
}

/// Neither as the transaction that was executed, nor as another one that says the same.
#[test]
fn a_change_executed_twice() {
    let mut seat = Seat::taken();
    let governed = seat.governed();
    let schedule = seat.schedule(0, &governed);
    seat.sends(std::slice::from_ref(&schedule));
    let execution = seat.execution(0, &governed);
    let first = seat.approved(std::slice::from_ref(&execution));
    let second = seat.approved(&[execution]);
    seat.world.pass(7 * DAY);
    seat.send(&first);
    seat.refuses(&[first], SquadsError::InvalidProposalStatus);
    seat.refuses(&[second], ErrorCode::AccountOwnedByWrongProgram);
    let again = seat.approved(&[schedule]);
    seat.refuses(&[again], ErrorCode::ConstraintSeeds);
}

/// All votes of months ago do not shorten the delay: it is counted from when the change is scheduled, in public, and the guardian has
/// all of it.
#[test]
fn approvals_collected_beforehand() {
    let mut seat = Seat::taken();
    let governed = seat.governed();
    let pair = [seat.schedule(0, &governed), seat.execution(0, &governed)];
    let apart = [seat.approved(&pair[..1]), seat.approved(&pair[1..])];
    let together = seat.approved(&pair);
    seat.world.pass(60 * DAY);
    seat.refuses(&apart, NovateError::ChangeNotReady);
    seat.refuses(&[together], NovateError::ChangeNotReady);

    seat.send(&apart[0]);
    assert_eq!(seat.world.change(0).ready, seat.world.now() + 7 * DAY);
    seat.world.pass(7 * DAY - 1);
    seat.refuses(&apart[1..], NovateError::ChangeNotReady);
    let cancel = seat.cancel(0);
    seat.world.succeeds(&[cancel], &[&seat.guardian]);
    seat.world.pass(1);
    seat.refuses(&apart[1..], ErrorCode::AccountOwnedByWrongProgram);
}

/// Squads lets what was approved be executed after who approved it has left; its change still waits, and whoever is left takes it
/// back. What lacked a vote gets none any more.
#[test]
fn approved_by_a_member_who_has_left() {
    let mut seat = Seat::taken();
    let governed = seat.governed();
    let schedule = [seat.schedule(0, &governed)];
    let [approved, lacking, removal] = [2, 3, 4];
    for index in [approved, lacking] {
        seat.world.put_to_vote(&seat.multisig, index, &schedule);
    }
    for (index, member) in [(approved, 0), (approved, 2), (lacking, 2)] {
        let vote = seat.multisig.approve(index, member);
        seat.world.succeeds(&[vote], &[&seat.multisig.members[member]]);
    }
    seat.world.vote_out(&seat.multisig, removal, 2);
    seat.count = removal;

    let vote = seat.multisig.approve(lacking, 0);
    seat.refuses(&[vote], SquadsError::StaleProposal);
    let left = seat.multisig.execute(approved, &schedule, 2);
    seat.world.refuses(&[left], &[&seat.multisig.members[2]], SquadsError::NotAMember);
    let execution = seat.multisig.execute(approved, &schedule, 0);
    seat.send(&execution);
    assert_eq!(seat.world.change(0).ready, seat.world.now() + 7 * DAY);

    let cancel = build::cancel_change(seat.multisig.vault, &seat.world.change(0));
    seat.sends(&[cancel]);
    let execution = [seat.execution(0, &governed)];
    let execution = seat.approved(&execution);
    seat.world.pass(7 * DAY);
    seat.refuses(&[execution], ErrorCode::AccountOwnedByWrongProgram);
}

/// Not only where Novate is called first: the transaction's first instruction tells, whoever calls.
#[test]
fn a_durable_nonce_around_the_multisig() {
    #[track_caller]
    fn refused_then_sent(seat: &mut Seat, execution: &Instruction) {
        let member = seat.multisig.members[0].insecure_clone();
        let advance = seat.world.durable_nonce(&member.pubkey());
        let with = [advance, execution.clone()];
        let failure = seat.world.twin().send_bare(&with, &[&member]).expect_err("a durable nonce was taken");
        assert!(failure.is(NovateError::DurableNonce), "{:?}\n{}", failure.error, failure.logs.join("\n"));
        seat.send(execution);
    }
    let mut seat = Seat::proposed();
    let accept = [seat.accept()];
    let accept = seat.approved(&accept);
    refused_then_sent(&mut seat, &accept);
    let governed = seat.governed();
    let schedule = [seat.schedule(0, &governed)];
    let schedule = seat.approved(&schedule);
    refused_then_sent(&mut seat, &schedule);
    seat.world.pass(7 * DAY);
    let execution = [seat.execution(0, &governed)];
    let execution = seat.approved(&execution);
    refused_then_sent(&mut seat, &execution);
    let somebody = seat.world.new_address();
    let propose = [build::propose_role(seat.multisig.vault, seat.world.pool, Role::Risk, somebody)];
    let propose = seat.approved(&propose);
    refused_then_sent(&mut seat, &propose);
}

/// A member alone, and the vault of another multisig.
#[test]
fn nobody_else_governs() {
    let mut seat = Seat::taken();
    let pool = seat.world.pool;
    let member = seat.multisig.members[0].insecure_clone();
    let alone = build::propose_role(member.pubkey(), pool, Role::Risk, member.pubkey());
    seat.world.refuses(&[alone], &[&member], NovateError::NotAuthority);

    let other = seat.world.multisig(1, 1);
    let propose = [build::propose_role(other.vault, pool, Role::Risk, member.pubkey())];
    let execution = seat.world.approved(&other, 1, &propose);
    seat.world.refuses(&[execution], &[&other.members[0]], NovateError::NotAuthority);
    // Nor does it sign for a vault that is not its own.
    let propose = [build::propose_role(seat.multisig.vault, pool, Role::Risk, member.pubkey())];
    let borrowed = Multisig { vault: seat.multisig.vault, ..other };
    let execution = seat.world.approved(&borrowed, 2, &propose);
    seat.world.refuses(&[execution], &[&borrowed.members[0]], SquadsError::InvalidAccount);
}

/// Drift, April 2026, through the multisig: two of three members have approved everything that the attacker needs, without knowing
/// what it was. On the day it is all sent at once.
#[test]
fn everything_that_an_attacker_needs_was_approved() {
    let mut seat = Seat::taken();
    let (owner, maker) = (seat.world.trader(3_100), seat.world.trader(100_000));
    seat.world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = [seat.world.health(&owner), seat.world.health(&maker)];
    let (vault, pool) = (seat.multisig.vault, seat.world.pool);
    let attacker = seat.world.new_wallet();

    let fake = seat.world.issue(AssetSpec::new("FAKE", 6, 1.0).pushed());
    let scan = AssetSetting { field: AssetField::BaseRange, value: 112_500 };
    let needs = [
        build::add_asset(vault, pool, GOLD + 1, fake.token, fake.spec.terms(&fake.feed)),
        build::set_oracle(
            vault,
            pool,
            BTC,
            OracleSource { oracle: 2, feed: fake.feed.address, feed_owner: PUSH_ORACLE, feed_id: [0; 32] },
        ),
        build::set_asset(vault, pool, BTC, vec![scan]),
    ];
    let propose = build::propose_role(vault, pool, Role::Authority, attacker.pubkey());
    let take = build::accept_role(attacker.pubkey(), pool, Role::Authority);
    let handing_over = seat.approved(&[propose]);
    let (mut schedules, mut executions) = (vec![], vec![]);
    for (number, need) in (0..).zip(&needs) {
        let (schedule, execution) = (seat.schedule(number, need), seat.execution(number, need));
        schedules.push(seat.approved(&[schedule]));
        executions.push(seat.approved(&[execution]));
    }
    seat.world.refresh();

    // The day.
    seat.send(&handing_over);
    seat.world.refuses(std::slice::from_ref(&take), &[&attacker], NovateError::ProposalTooYoung);
    for (schedule, execution) in schedules.iter().zip(&executions) {
        seat.send(schedule);
        seat.refuses(std::slice::from_ref(execution), NovateError::ChangeNotReady);
    }
    assert_eq!([seat.world.health(&owner), seat.world.health(&maker)], before);

    // The guardian wakes up within two days, the shortest of those delays.
    seat.world.pass(2 * DAY - 1);
    let stop = build::cancel_role(seat.guardian.pubkey(), pool, Role::Authority);
    let stops: Vec<Instruction> = (0..3).map(|number| seat.cancel(number)).chain([stop]).collect();
    seat.world.succeeds(&stops, &[&seat.guardian]);
    seat.world.pass(7 * DAY);
    seat.world.refresh();
    seat.world.refuses(&[take], &[&attacker], NovateError::NotProposed);
    for execution in executions {
        seat.refuses(&[execution], ErrorCode::AccountOwnedByWrongProgram);
    }
    assert_eq!((seat.pool().authority, seat.pool().asset_count), (vault, GOLD + 1));
    assert_eq!(seat.world.account(&addresses::asset(&pool, GOLD + 1)).data.len(), 0);
    assert_eq!([seat.world.health(&owner), seat.world.health(&maker)], before);
}
