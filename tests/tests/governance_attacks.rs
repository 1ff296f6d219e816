//! What somebody who holds a key of governance, or was handed a signature, can try (CLR-50): each ends in a named refusal, or in a
//! loss that is bounded and stated.

mod days;
mod drift;
mod feed;
mod rows;

use anchor_lang::error::ErrorCode;
use novate_client::state::{Pool, CHANGE_EXPIRY, LOOSENING, ROLE_EXPIRY};
use novate_client::{
    addresses, instructions as build, Action, AssetField, AssetSetting, Delays, Forecast, Instruction, Lending,
    NovateError, OracleSource, Pubkey, Role, ScenarioRange,
};
use novate_tests::feed::{Quote, PUSH_ORACLE};
use novate_tests::world::Listing;
use novate_tests::{
    future, Actor, Altered, AssetSpec, Builder, World, BTC, BTC_PERP, CHANGE_DELAYS, CONTRACT, DAY, DOLLAR, ETH,
    ETH_PERP, GOLD, LENDING, LONGEST_PAUSES, PRICE, ROLE_DELAY, USDC,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A world in which nothing is scheduled from outside, and its authority.
fn by_hand() -> (World, Keypair) {
    let mut world = World::default();
    world.by_hand = true;
    let governor = world.governor.insecure_clone();
    (world, governor)
}

fn setting(field: AssetField, value: u64) -> AssetSetting {
    AssetSetting { field, value }
}

fn set_asset(world: &World, asset: u16, field: AssetField, value: u64) -> Instruction {
    build::set_asset(world.governor.pubkey(), world.pool, asset, vec![setting(field, value)])
}

fn set_committee(world: &World, member: Pubkey) -> Instruction {
    build::set_committee(world.governor.pubkey(), world.pool, vec![member], 1)
}

/// What waits for a week.
fn same_committee(world: &World) -> Instruction {
    world.set_committee_instruction()
}

fn count(world: &World) -> u64 {
    world.state::<Pool>(&world.pool).change_count
}

/// Executes a change that was scheduled, at whatever time it is.
fn execute(world: &World, governed: &Instruction, number: u64) -> Instruction {
    build::execute_change(governed.clone(), number, world.governor.pubkey())
}

/// Refused in a transaction that begins with a durable nonce, and not without.
#[track_caller]
fn refused_with_a_nonce(world: &mut World, instruction: &Instruction, signer: &Keypair) {
    let advance = world.durable_nonce(&signer.pubkey());
    let with = [advance, instruction.clone()];
    let failure = world.twin().send_bare(&with, &[signer]).expect_err("a durable nonce was taken");
    assert!(failure.is(NovateError::DurableNonce), "{:?}\n{}", failure.error, failure.logs.join("\n"));
    world.twin().succeeds(std::slice::from_ref(instruction), &[signer]);
}

#[test]
fn a_stale_change_after_the_authority_passed() {
    let (mut world, governor) = by_hand();
    let next = world.new_wallet();
    let set = same_committee(&world);
    let number = world.schedule(&set);
    world.propose(Role::Authority, &next.pubkey());
    world.pass(7 * DAY);
    world.succeeds(&[build::accept_role(next.pubkey(), world.pool, Role::Authority)], &[&next]);
    // Who left cannot execute it, nor can who came.
    let execute = execute(&world, &set, number);
    world.refuses(std::slice::from_ref(&execute), &[&governor], NovateError::NotAuthority);
    let by_next = execute.with_account(2, next.pubkey());
    world.refuses(&[by_next], &[&next], NovateError::ChangeStale);
}

#[test]
fn a_change_replayed() {
    let (mut world, governor) = by_hand();
    let set = same_committee(&world);
    let execute = world.matured(&set);
    world.succeeds(std::slice::from_ref(&execute), &[&governor]);
    world.refuses(&[execute], &[&governor], ErrorCode::AccountOwnedByWrongProgram);
    // Nor under its number: that is never used again.
    let again = build::schedule_change(governor.pubkey(), governor.pubkey(), 0, &set);
    world.refuses(&[again], &[&governor], ErrorCode::ConstraintSeeds);
    assert_eq!(count(&world), 1);
}

#[test]
fn a_change_executed_early_or_after_it_lapsed() {
    let (mut world, governor) = by_hand();
    let set = same_committee(&world);
    let number = world.schedule(&set);
    let execute = execute(&world, &set, number);
    for (seconds, error) in [(0, NovateError::ChangeNotReady), (7 * DAY - 1, NovateError::ChangeNotReady)] {
        world.pass(seconds);
        world.refuses(std::slice::from_ref(&execute), &[&governor], error);
    }
    world.pass(1 + CHANGE_EXPIRY);
    world.refuses(&[execute], &[&governor], NovateError::ChangeLapsed);
}

#[test]
fn a_change_with_other_arguments_accounts_or_of_another_instruction() {
    let (mut world, governor) = by_hand();
    let set = world.set_lending_instruction(BTC, LENDING);
    let number = world.schedule(&set);
    world.pass(2 * DAY);
    let others = [
        world.set_lending_instruction(BTC, novate_client::Lending { borrow_cap: 1, ..LENDING }),
        world.set_lending_instruction(ETH, LENDING),
        set_asset(&world, BTC, AssetField::MaxAge, 61),
    ];
    for other in others {
        let execute = execute(&world, &other, number);
        world.refuses(&[execute], &[&governor], NovateError::ChangeDiffers);
    }
    // A listing rests on its mint.
    let (first, second) = (world.issue(AssetSpec::new("ONE", 6, 1.0)), world.issue(AssetSpec::new("TWO", 6, 1.0)));
    let terms = first.spec.terms(&first.feed);
    let list = build::add_asset(governor.pubkey(), world.pool, GOLD + 1, first.token, terms);
    let swapped = world.matured(&list).with_account(3, second.token.mint);
    world.refuses(&[swapped], &[&governor], NovateError::ChangeDiffers);
}

#[test]
fn a_change_of_another_pool() {
    let mut world = World::default();
    let other = world.second_pool();
    world.by_hand = true;
    let governor = world.governor.insecure_clone();
    let set = same_committee(&world);
    let number = world.schedule(&set);
    world.pass(7 * DAY);
    let elsewhere = execute(&world, &set, number).with_account(0, other).with_account(1, addresses::committee(&other));
    world.refuses(&[elsewhere], &[&governor], NovateError::WrongPool);
}

#[test]
fn bounds_crossed_by_many_small_steps() {
    let (mut world, governor) = by_hand();
    // Four steps scheduled together, each within a step of the one before.
    let steps = [130_000, 112_500, 90_000, 70_000].map(|v| set_asset(&world, BTC, AssetField::BaseRange, v));
    let numbers: Vec<u64> = steps.iter().map(|step| world.schedule(step)).collect();
    world.pass(2 * DAY);
    let all: Vec<Instruction> =
        steps.iter().zip(&numbers).map(|(step, number)| execute(&world, step, *number)).collect();
    world.succeeds(&[all[0].clone()], &[&governor]);
    world.refuses(&[all[1].clone()], &[&governor], NovateError::SettingTooSoon);
    world.pass(LOOSENING - 1);
    world.refuses(&[all[1].clone()], &[&governor], NovateError::SettingTooSoon);
    world.pass(1);
    // By now the others have lapsed: a step a week has to be scheduled week by week.
    world.refuses(&[all[1].clone()], &[&governor], NovateError::ChangeLapsed);
    // Whatever the steps, the bounds stand.
    let below = set_asset(&world, USDC, AssetField::BaseRange, 9_999);
    let below = world.matured(&below);
    world.refuses(&[below], &[&governor], NovateError::SettingOutOfBounds);
}

/// Who may pause, cancel and tighten, and means harm: every change is cancelled, exits stand still for a day, and margin rises by a
/// step a day, reaching maintenance over three days. Nothing is loosened and nothing taken.
#[test]
fn the_guardian_gone_rogue() {
    let (mut world, _) = by_hand();
    let guardian = world.guardian.insecure_clone();
    let pool = world.pool;
    let (owner, maker) = (world.trader(3_100), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let number = world.schedule(&same_committee(&world));
    world.succeeds(&[build::cancel_change(guardian.pubkey(), &world.change(number))], &[&guardian]);

    let key = guardian.pubkey();
    let loosening = vec![setting(AssetField::BaseRange, 140_000)];
    let authoritys: Vec<Instruction> = vec![
        build::set_committee(key, pool, vec![key], 1),
        build::set_lending(key, pool, BTC, LENDING),
        build::set_asset(key, pool, BTC, loosening.clone()),
        build::set_delays(key, pool, world.state::<Pool>(&pool).delays()),
        build::propose_role(key, pool, Role::Authority, key),
        build::cancel_role(key, pool, Role::Guardian),
        build::unpause(key, pool, Action::Trade),
        build::schedule_change(key, key, count(&world), &set_committee(&world, key)),
    ];
    for instruction in authoritys {
        world.refuses(&[instruction], &[&guardian], NovateError::NotAuthority);
    }
    let loosen = build::tighten_asset(key, pool, BTC, loosening, &[]);
    world.refuses(&[loosen], &[&guardian], NovateError::SettingLoosens);

    let tighten = vec![setting(AssetField::BaseRange, 187_500)];
    let tighten = build::tighten_asset(key, pool, BTC, tighten, &[BTC_PERP]);
    let before = world.health(&owner);
    world.succeeds(&[tighten], &[&guardian]);
    let after = world.health(&owner);
    assert_eq!((after.equity, after.maintenance), (before.equity, before.maintenance));
    let start = world.start_auction_instruction(&owner);
    world.hold();
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    // Whoever wants out within the day is not refused for margin.
    world.trade(&maker, &owner, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    assert_eq!(world.portfolio(&owner.portfolio).positions().first().map_or(0, |p| p.quantity), 0);
}

/// A key that nobody has takes nothing, nor does one that has another role, comes early or late, or was named by mistake; until one that was
/// meant has signed, the authority is who it was.
#[test]
fn the_authority_handed_to_a_wrong_key() {
    let (mut world, governor) = by_hand();
    let guardian = world.guardian.insecure_clone();
    let (nobody, wrong, right) = (Pubkey::new_from_array([1; 32]), world.new_wallet(), world.new_wallet());
    let pool = world.pool;
    let accept = |key: &Keypair, role| build::accept_role(key.pubkey(), pool, role);
    let propose = |key| build::propose_role(governor.pubkey(), pool, Role::Authority, key);
    let holds = |world: &World, key: &Keypair| assert_eq!(world.state::<Pool>(&pool).authority, key.pubkey());

    for key in [Pubkey::default(), guardian.pubkey(), governor.pubkey()] {
        world.refuses(&[propose(key)], &[&governor], NovateError::InvalidRole);
    }
    world.propose(Role::Authority, &nobody);
    world.pass(ROLE_DELAY);
    for key in [&wrong, &guardian, &governor] {
        world.refuses(&[accept(key, Role::Authority)], &[key], NovateError::NotProposed);
    }
    let unsigned = build::accept_role(nobody, pool, Role::Authority).unsigned(1);
    world.refuses(&[unsigned], &[], ErrorCode::AccountNotSigner);
    holds(&world, &governor);

    // A slip: the one who was named first can take it for as long as nobody looks, and from three days on.
    world.propose(Role::Authority, &wrong.pubkey());
    world.pass(ROLE_DELAY - 1);
    world.refuses(&[accept(&wrong, Role::Authority)], &[&wrong], NovateError::ProposalTooYoung);
    for role in [Role::Guardian, Role::Risk] {
        world.refuses(&[accept(&wrong, role)], &[&wrong], NovateError::NotProposed);
    }
    world.refuses(&[accept(&right, Role::Authority)], &[&right], NovateError::NotProposed);
    let mut unseen = world.twin();
    unseen.pass(1);
    unseen.succeeds(&[accept(&wrong, Role::Authority)], &[&wrong]);
    unseen.refuses(&[propose(right.pubkey())], &[&governor], NovateError::NotAuthority);
    let mut late = world.twin();
    late.pass(ROLE_EXPIRY);
    late.refuses(&[accept(&wrong, Role::Authority)], &[&wrong], NovateError::ProposalLapsed);
    holds(&late, &governor);
    // Taken back, by the guardian too, or another named in its place.
    let cancel = build::cancel_role(guardian.pubkey(), pool, Role::Authority);
    let mut cancelled = world.twin();
    cancelled.succeeds(&[cancel], &[&guardian]);
    cancelled.pass(1);
    cancelled.refuses(&[accept(&wrong, Role::Authority)], &[&wrong], NovateError::NotProposed);
    world.propose(Role::Authority, &right.pubkey());
    world.pass(ROLE_DELAY);
    world.refuses(&[accept(&wrong, Role::Authority)], &[&wrong], NovateError::NotProposed);
    world.succeeds(&[accept(&right, Role::Authority)], &[&right]);
    holds(&world, &right);
    world.refuses(&[propose(wrong.pubkey())], &[&governor], NovateError::NotAuthority);
}

#[test]
fn scenario_rows_all_zero_or_put_in_place_of_those_announced() {
    let (mut world, governor) = by_hand();
    let pool = world.pool;
    let stage = |range: ScenarioRange| build::stage_scenarios(governor.pubkey(), pool, 2, range);
    let rows = World::rows_of(16, 0b111, 0, 16);
    let zero = ScenarioRange { moves: vec![0; 48], vols: vec![0; 48], ..rows.clone() };
    world.refuses(&[stage(zero)], &[&governor], NovateError::ScenarioColumnFlat);

    // Announced before they are complete, and changed then.
    world.succeeds(&[stage(World::rows_of(16, 0b111, 0, 15))], &[&governor]);
    let address = addresses::scenarios(&pool, 2);
    let mut announced = world.twin();
    announced.succeeds(&[stage(World::rows_of(16, 0b111, 15, 1))], &[&governor]);
    let hash = announced.state::<novate_client::state::Scenarios>(&address).hash();
    let switch = build::switch_scenarios(governor.pubkey(), pool, 2, hash);
    let number = world.schedule(&switch);
    let other = ScenarioRange { moves: vec![-4_096, 4_096, -4_096], ..World::rows_of(16, 0b111, 15, 1) };
    world.succeeds(&[stage(other)], &[&governor]);
    world.pass(7 * DAY);
    let early = execute(&world, &switch, number);
    world.refuses(&[early], &[&governor], NovateError::ScenariosDiffer);

    // Announced complete, and begun anew with another header in the same second.
    let hash = world.state::<novate_client::state::Scenarios>(&address).hash();
    let switch = build::switch_scenarios(governor.pubkey(), pool, 2, hash);
    let number = world.schedule(&switch);
    world.succeeds(&[stage(ScenarioRange { source: [8; 32], ..rows })], &[&governor]);
    let rows: novate_client::state::Scenarios = world.state(&address);
    assert!(rows.complete == 1 && rows.sealed_at == world.change(number).scheduled);
    world.pass(7 * DAY);
    let other = execute(&world, &switch, number);
    world.refuses(&[other], &[&governor], NovateError::ScenariosDiffer);
    assert_eq!(world.state::<Pool>(&pool).generation, 1);
}

/// The hash of rows that nobody can read yet, as they will be in a week: the guardian could not know what it would cancel.
#[test]
fn scenario_rows_announced_before_they_can_be_read() {
    let (mut world, governor) = by_hand();
    let pool = world.pool;
    let stage =
        |start, rows| build::stage_scenarios(governor.pubkey(), pool, 2, World::rows_of(16, 0b111, start, rows));
    world.succeeds(&[stage(0, 15)], &[&governor]);
    let mut ahead = world.twin();
    ahead.pass(7 * DAY);
    ahead.succeeds(&[stage(15, 1)], &[&governor]);
    let hash = ahead.state::<novate_client::state::Scenarios>(&addresses::scenarios(&pool, 2)).hash();
    let switch = build::switch_scenarios(governor.pubkey(), pool, 2, hash);
    let number = world.schedule(&switch);
    world.pass(7 * DAY);
    world.succeeds(&[stage(15, 1)], &[&governor]);
    assert_eq!(world.state::<novate_client::state::Scenarios>(&addresses::scenarios(&pool, 2)).hash(), hash);
    let early = execute(&world, &switch, number);
    world.refuses(&[early], &[&governor], NovateError::ScenariosDiffer);
    // Announced again, now that it can be read.
    let matured = world.matured(&switch);
    world.succeeds(&[matured], &[&governor]);
    assert_eq!(world.state::<Pool>(&pool).generation, 2);
}

#[test]
fn a_haircut_below_zero_or_of_nothing_at_once() {
    let (mut world, governor) = by_hand();
    for (value, error) in [
        (u64::MAX, NovateError::SettingOutOfBounds),
        (1_000_001, NovateError::SettingOutOfBounds),
        (0, NovateError::SettingStep),
    ] {
        let set = set_asset(&world, GOLD, AssetField::HaircutBase, value);
        let set = world.matured(&set);
        world.refuses(&[set], &[&governor], error);
    }
}

#[test]
fn a_timelock_shortened_and_then_used() {
    let (mut world, governor) = by_hand();
    let pool = world.pool;
    let floors = world.state::<Pool>(&pool).delays();
    let long = Delays { oracle: 14 * DAY, ..floors };
    world.succeeds(&[build::set_delays(governor.pubkey(), pool, long)], &[&governor]);
    let shorter = build::set_delays(governor.pubkey(), pool, floors);
    world.refuses(std::slice::from_ref(&shorter), &[&governor], NovateError::ChangeMissing);
    // It waits as long as what it would shorten, and never below the floors.
    let number = world.schedule(&shorter);
    assert_eq!(world.change(number).ready - world.now(), 14 * DAY);
    for (class, floor) in CHANGE_DELAYS.into_iter().take(6) {
        let mut delays = floors;
        let place = match class {
            novate_client::Class::Listing => &mut delays.listing,
            novate_client::Class::Expiry => &mut delays.expiry,
            novate_client::Class::Parameters => &mut delays.parameters,
            novate_client::Class::Oracle => &mut delays.oracle,
            novate_client::Class::Model => &mut delays.model,
            _ => &mut delays.committee,
        };
        *place = floor - 1;
        let below = build::set_delays(governor.pubkey(), pool, delays);
        let below = world.matured(&below);
        world.refuses(&[below], &[&governor], NovateError::InvalidDelays);
    }
}

#[test]
fn a_pause_held_forever() {
    let (mut world, _) = by_hand();
    let guardian = world.guardian.insecure_clone();
    for (action, longest) in LONGEST_PAUSES {
        let pause = |seconds| build::pause(guardian.pubkey(), world.pool, action, seconds);
        let (all, more) = (pause(longest), pause(longest + 1));
        world.refuses(&[more], &[&guardian], NovateError::PauseTooLong);
        let began = world.now();
        world.succeeds(std::slice::from_ref(&all), &[&guardian]);
        world.pass(longest);
        world.refuses(std::slice::from_ref(&all), &[&guardian], NovateError::PausedLately);
        world.pass(longest - 1);
        world.refuses(&[all], &[&guardian], NovateError::PausedLately);
        assert_eq!(world.state::<Pool>(&world.pool).paused_until(action), began + longest);
    }
}

/// A committee that is named at once could write forecasts at once.
#[test]
fn a_committee_put_in_place_to_move_smiles() {
    let (mut world, governor) = by_hand();
    let attacker = world.new_wallet();
    let set = set_committee(&world, attacker.pubkey());
    world.refuses(std::slice::from_ref(&set), &[&governor], NovateError::ChangeMissing);
    let number = world.schedule(&set);
    assert_eq!(world.change(number).ready - world.now(), 7 * DAY);
}

/// An expiry waits a day, with the smile that everybody can read.
#[test]
fn an_expiry_listed_with_a_smile_of_its_own() {
    let (mut world, governor) = by_hand();
    let time = world.expiry_in(30);
    let forecast = Forecast { basis: 0, a: 64_000_000, b: 0, rho: 0, m: 0, sigma: 100_000 };
    let list = world.list_expiry_instruction(BTC_PERP, time, forecast);
    world.refuses(std::slice::from_ref(&list), &[&governor], NovateError::ChangeMissing);
    let number = world.schedule(&list);
    assert_eq!(world.change(number).ready - world.now(), DAY);
    let other = world.list_expiry_instruction(ETH_PERP, time, forecast);
    world.pass(DAY);
    let other = execute(&world, &other, number);
    world.refuses(&[other], &[&governor], NovateError::ChangeDiffers);
}

/// An expiry listed with a forward of its own 31 minutes before its end, to buy a future from oneself far above the price and leave a debt.
#[test]
fn an_expiry_listed_to_trade_on_its_own_forecast() {
    let (mut world, governor) = by_hand();
    let (owner, maker) = (world.trader(3_100), world.trader(100_000));
    let time = world.expiry_in(2);
    let forecast = Forecast { basis: 200_000, a: 1_000, b: 0, rho: 0, m: 0, sigma: 100_000 };
    let list = world.list_expiry_instruction(BTC_PERP, time, forecast);
    let number = world.schedule(&list);
    world.pass(time - 1_860 - world.now());
    world.refresh();
    let list = execute(&world, &list, number);
    world.succeeds(&[list], &[&governor]);
    let far = [future(BTC_PERP, time, CONTRACT, 24_000 * PRICE)];
    let trade = world.trade_of(owner.side(), maker.side(), &far);
    world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::ForecastStale);
    // Nor on the committee's, which is near the price.
    world.publish_forecast(BTC_PERP, time, Forecast { basis: 0, ..forecast });
    let trade = world.trade_of(owner.side(), maker.side(), &far);
    world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::OutsideBand);
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
}

/// The delay protects nobody if whoever likes can send what the authority scheduled and then thought better of.
#[test]
fn a_matured_change_executed_by_a_stranger() {
    let (mut world, _) = by_hand();
    let stranger = world.new_wallet();
    let set = set_asset(&world, BTC, AssetField::BaseRange, 140_000);
    let execute = world.matured(&set).with_account(2, stranger.pubkey());
    world.refuses(&[execute], &[&stranger], NovateError::NotAuthority);
}

/// What may be deposited rises by a step, and that over a week.
#[test]
fn a_deposit_cap_raised_and_filled_at_once() {
    const SILVER: u16 = GOLD + 1;
    let silver = AssetSpec::new("SILVER", 6, 50.0).deposit_cap(7_000_000_000);
    let mut world = Builder::default().and_asset(silver).build();
    world.by_hand = true;
    let governor = world.governor.insecure_clone();
    let owner = world.actor();
    world.deposit(&owner, SILVER, 7_000_000_000);
    world.fund(&owner, SILVER, 3_500_000_000);
    for value in [10_500_000_001, u64::MAX] {
        let raise = set_asset(&world, SILVER, AssetField::DepositCap, value);
        let raise = world.matured(&raise);
        world.refuses(&[raise], &[&governor], NovateError::SettingStep);
    }
    let raise = set_asset(&world, SILVER, AssetField::DepositCap, 10_500_000_000);
    let raise = world.matured(&raise);
    world.succeeds(&[raise], &[&governor]);
    let more = |world: &World, amount| world.deposit_instruction(&owner, SILVER, amount);
    let any = more(&world, 1_000_000);
    world.refuses(std::slice::from_ref(&any), &[&owner.key], NovateError::DepositCap);
    world.pass(DAY);
    world.refresh();
    world.refuses(&[any], &[&owner.key], NovateError::DepositCap);
    world.pass(DAY);
    world.refresh();
    let beyond = more(&world, 583_333_334);
    world.refuses(&[beyond], &[&owner.key], NovateError::DepositCap);
    let sixth = more(&world, 583_333_333);
    world.succeeds(&[sixth], &[&owner.key]);
}

/// Who may only tighten does a step a day to each asset, and nobody who met initial margin is auctioned for a day after it.
#[test]
fn the_risk_role_gone_rogue() {
    let (mut world, _) = by_hand();
    let pool = world.pool;
    let risk = world.risk.insecure_clone();
    // Initial margin is 3,000 USD, the fee 10.
    let (owner, maker) = (world.trader(3_012), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let key = risk.pubkey();
    let number = world.schedule(&set_asset(&world, BTC, AssetField::BaseRange, 140_000));
    for instruction in [
        build::cancel_change(key, &world.change(number)),
        build::set_delays(key, pool, world.state::<Pool>(&pool).delays()),
        build::propose_role(key, pool, Role::Guardian, key),
        build::schedule_change(key, key, count(&world), &same_committee(&world)),
    ] {
        world.refuses(&[instruction], &[&risk], NovateError::NotAuthority);
    }
    let pause = build::pause(key, pool, Action::Withdraw, 1);
    world.refuses(&[pause], &[&risk], NovateError::NotGuardian);

    let tighten =
        |value| build::tighten_asset(key, pool, BTC, vec![setting(AssetField::BaseRange, value)], &[BTC_PERP]);
    for (value, error) in [(187_501, NovateError::SettingStep), (149_999, NovateError::SettingLoosens)] {
        world.refuses(&[tighten(value)], &[&risk], error);
    }
    world.succeeds(&[tighten(187_500)], &[&risk]);
    world.refuses(&[tighten(200_000)], &[&risk], NovateError::SettingTooSoon);
    world.pass(DAY - 61);
    world.refresh();
    world.hold();
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    // Three days, and it is nobody's.
    let next = world.new_wallet();
    world.propose(Role::Risk, &next.pubkey());
    world.pass(ROLE_DELAY);
    world.succeeds(&[build::accept_role(next.pubkey(), pool, Role::Risk)], &[&next]);
    world.refuses(&[tighten(234_375)], &[&risk], NovateError::NotRisk);
}

/// Both roles in one hand, with a loosening that waits as short as any can that touches who is there already: whenever withdrawals are
/// paused, of the two days one is left to leave in.
#[test]
fn authority_and_guardian_in_one_hand() {
    for first in [true, false] {
        let (mut world, _) = by_hand();
        let owner = world.trader(1_000);
        let number = world.schedule(&set_asset(&world, BTC, AssetField::BaseRange, 112_500));
        let guardian = world.guardian.insecure_clone();
        let pause = build::pause(guardian.pubkey(), world.pool, Action::Withdraw, DAY);
        let withdraw = world.withdraw_instruction(&owner, USDC, 1_000 * DOLLAR as u64);
        if first {
            world.succeeds(std::slice::from_ref(&pause), &[&guardian]);
            world.refuses(std::slice::from_ref(&withdraw), &[&owner.key], NovateError::Paused);
        }
        world.pass(DAY);
        if first {
            world.refuses(&[pause], &[&guardian], NovateError::PausedLately);
        }
        world.succeeds(&[withdraw], &[&owner.key]);
        assert_eq!(world.change(number).ready - world.now(), DAY);
    }
}

/// The authority replaces a guardian that would cancel, who cannot help that, and has three days to cancel all that is open.
#[test]
fn a_guardian_replaced_to_end_its_veto() {
    let (mut world, governor) = by_hand();
    let (guardian, puppet) = (world.guardian.insecure_clone(), world.new_wallet());
    let pool = world.pool;
    let swap = OracleSource { oracle: 2, feed: puppet.pubkey(), feed_owner: PUSH_ORACLE, feed_id: [0; 32] };
    let swap = build::set_oracle(governor.pubkey(), pool, BTC, swap);
    let number = world.schedule(&swap);
    world.propose(Role::Guardian, &puppet.pubkey());
    let stop = build::cancel_role(guardian.pubkey(), pool, Role::Guardian);
    world.refuses(&[stop], &[&guardian], NovateError::NotAuthority);
    world.pass(ROLE_DELAY - 1);
    let take = build::accept_role(puppet.pubkey(), pool, Role::Guardian);
    world.refuses(std::slice::from_ref(&take), &[&puppet], NovateError::ProposalTooYoung);
    let early = execute(&world, &swap, number);
    world.refuses(&[early], &[&governor], NovateError::ChangeNotReady);
    world.succeeds(&[build::cancel_change(guardian.pubkey(), &world.change(number))], &[&guardian]);
    world.pass(1);
    world.succeeds(&[take], &[&puppet]);
    // What is scheduled from now on nobody else cancels: its delay is all there is.
    let number = world.schedule(&swap);
    let cancel = build::cancel_change(guardian.pubkey(), &world.change(number));
    world.refuses(&[cancel], &[&guardian], NovateError::NotAuthority);
    assert_eq!(world.change(number).ready - world.now(), 7 * DAY);
}

/// Two venues of three say what they like for eight hours. The mark is off by 0.5 %, half of that after twenty minutes, and whoever
/// loses by the mark is paid for it: by longs, at most 0.5 % in eight hours.
#[test]
fn most_venues_lie() {
    const PREMIUM: i64 = 5_000;
    let mut world = World::default();
    let venues = world.venues(3);
    let (owner, maker) = (world.trader(3_100), world.trader(100_000));
    world.trade(&maker, &owner, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.health(&owner);
    let (liars, honest) = venues.split_at(2);
    let mut lost = vec![];
    for minute in 1..=480 {
        world.report_at(honest, BTC_PERP, 0);
        world.report_at(liars, BTC_PERP, 900_000);
        world.pass(60);
        world.refresh();
        let premium = world.market(BTC_PERP).premium.0;
        assert!(premium <= PREMIUM && (minute >= 20 || premium < PREMIUM / 2), "{minute}: {premium}");
        if minute % 60 == 0 {
            world.refresh_market(BTC_PERP);
            let now = world.health(&owner);
            assert!(now.equity >= now.maintenance);
            lost.push(before.equity - now.equity);
        }
    }
    // 0.5 % of 20,000 USD, less the funding of the first hour, and in the end of all eight.
    assert!((75 * DOLLAR..100 * DOLLAR).contains(&lost[0]), "{lost:?}");
    assert!((0..40 * DOLLAR).contains(&lost[7]), "{lost:?}");
}
