//! Drift, April 2026, step by step: signatures collected beforehand in durable-nonce transactions, the authority taken over, a
//! worthless token listed with the attacker's own price, the limits of what leaves lifted, and everything borrowed against it.

use novate_client::state::SEASONING;

use super::*;

#[test]
fn approvals_collected_beforehand() {
    let (mut world, governor) = by_hand();
    let next = world.new_wallet();
    let pool = world.pool;
    let propose = build::propose_role(governor.pubkey(), pool, Role::Authority, next.pubkey());
    refused_with_a_nonce(&mut world, &propose, &governor);
    world.succeeds(&[propose], &[&governor]);
    world.pass(ROLE_DELAY);
    let accept = build::accept_role(next.pubkey(), pool, Role::Authority);
    refused_with_a_nonce(&mut world, &accept, &next);

    let set = set_committee(&world, next.pubkey());
    let schedule = build::schedule_change(governor.pubkey(), governor.pubkey(), 0, &set);
    refused_with_a_nonce(&mut world, &schedule, &governor);
    let matured = world.matured(&set);
    refused_with_a_nonce(&mut world, &matured, &governor);
    let longer = Delays { listing: 9 * DAY, ..world.state::<Pool>(&pool).delays() };
    let longer = build::set_delays(governor.pubkey(), pool, longer);
    refused_with_a_nonce(&mut world, &longer, &governor);
}

#[test]
fn the_authority_taken_over_at_once() {
    let (mut world, governor) = by_hand();
    let (guardian, attacker) = (world.guardian.insecure_clone(), world.new_wallet());
    world.propose(Role::Authority, &attacker.pubkey());
    let take = build::accept_role(attacker.pubkey(), world.pool, Role::Authority);
    world.refuses(std::slice::from_ref(&take), &[&attacker], NovateError::ProposalTooYoung);
    let stop = build::cancel_role(guardian.pubkey(), world.pool, Role::Authority);
    world.succeeds(&[stop], &[&guardian]);
    world.pass(ROLE_DELAY);
    world.refuses(&[take], &[&attacker], NovateError::NotProposed);
    assert_eq!(world.state::<Pool>(&world.pool).authority, governor.pubkey());
}

/// A token that the attacker mints, at a price that the attacker publishes.
fn worthless(world: &mut World) -> (Instruction, Listing) {
    let spec = AssetSpec { deposit_cap: 1_000_000_000_000, ..AssetSpec::new("FAKE", 6, 1.0).pushed() };
    let listing = world.issue(spec);
    let (token, terms) = (listing.token, listing.spec.terms(&listing.feed));
    let list = build::add_asset(world.governor.pubkey(), world.pool, GOLD + 1, token, terms);
    (list, listing)
}

#[test]
fn a_worthless_token_listed_at_once() {
    let (mut world, governor) = by_hand();
    let guardian = world.guardian.insecure_clone();
    let (list, _) = worthless(&mut world);
    world.refuses(std::slice::from_ref(&list), &[&governor], NovateError::ChangeMissing);
    let number = world.schedule(&list);
    let early = execute(&world, &list, number);
    world.refuses(std::slice::from_ref(&early), &[&governor], NovateError::ChangeNotReady);
    world.succeeds(&[build::cancel_change(guardian.pubkey(), &world.change(number))], &[&guardian]);
    world.pass(3 * DAY);
    world.refuses(&[early], &[&governor], ErrorCode::AccountOwnedByWrongProgram);
}

/// Where the guardian sleeps too: the token counts for nothing on the first day, and what can be taken out against it grows with
/// its share of the cap and of its haircut. Cap 1,000,000 USD at the attacker's price, haircut 10 %: after d of 14 days at most
/// d/14 of the cap is in, and d/14 of 90 % of that counts: together less than 0.9 (d/14)² of the cap.
#[test]
fn what_it_lets_out_grows_from_nothing() {
    let (mut world, governor) = by_hand();
    let lender = world.trader(3_000_000);
    world.by_hand = false;
    world.open_bank(USDC);
    world.by_hand = true;
    world.lend(&lender, USDC, 2_900_000 * DOLLAR as u64);
    let (list, listing) = worthless(&mut world);
    let listed = world.matured(&list);
    world.succeeds(&[listed], &[&governor]);
    world.listings.push(listing);
    world.refresh();
    let attacker = world.actor();
    world.fund(&attacker, GOLD + 1, 1_000_000_000_000);
    let none = world.deposit_instruction(&attacker, GOLD + 1, 100_000);
    world.refuses(&[none], &[&attacker.key], NovateError::DepositCap);
    assert_eq!(world.asset(GOLD + 1).haircut.0, 1_000_000);

    let mut taken = 0;
    for day in [1i64, 2, 7] {
        world.pass(world.asset(GOLD + 1).ramp.listed + day * DAY - world.now());
        world.refresh();
        let limit = 1_000_000_000_000 * day as u64 / 14;
        let held = world.vault(GOLD + 1);
        let deposit = world.deposit_instruction(&attacker, GOLD + 1, limit - held);
        world.succeeds(&[deposit], &[&attacker.key]);
        let over = world.deposit_instruction(&attacker, GOLD + 1, 1_000_000);
        world.refuses(&[over], &[&attacker.key], NovateError::DepositCap);
        // At most what remains after the haircut, which is 1 - 0.9 d/14.
        let most = limit as i128 * (900_000 * i128::from(day) / 14) / 1_000_000;
        let mut step = 1u64 << 40;
        while step > DOLLAR as u64 {
            let borrow = world.borrow_instruction(&attacker, USDC, step);
            let withdraw = world.withdraw_instruction(&attacker, USDC, step);
            match world.send(&[borrow, withdraw], &[&attacker.key]) {
                Ok(_) => taken += step as i128,
                Err(_) => step /= 2,
            }
        }
        assert!(taken > 0 || day < 3, "day {day}");
        assert!(taken <= most, "day {day}: {taken} of at most {most}");
    }
    // After a week, a quarter of what the cap times its price pretends to be.
    assert!(taken < 230_000_000_000, "{taken}");
}

#[test]
fn the_limits_of_what_leaves_lifted() {
    const SILVER: u16 = GOLD + 1;
    let silver = AssetSpec::new("SILVER", 6, 50.0).deposit_cap(7_000_000_000);
    let mut world = Builder::default().and_asset(silver).build();
    world.by_hand = true;
    let governor = world.governor.insecure_clone();
    // Limited to begin with: a first limit tightens, and is the guardian's to set too.
    let limit = vec![setting(AssetField::OutflowLimit, 2_000_000_000)];
    let guardian = world.guardian.insecure_clone();
    let limit = build::tighten_asset(guardian.pubkey(), world.pool, SILVER, limit, &[]);
    world.succeeds(&[limit], &[&guardian]);
    for (value, error) in [
        (0, NovateError::SettingOutOfBounds),
        (u64::MAX, NovateError::SettingStep),
        (3_000_000_001, NovateError::SettingStep),
    ] {
        let lift = set_asset(&world, SILVER, AssetField::OutflowLimit, value);
        world.refuses(std::slice::from_ref(&lift), &[&governor], NovateError::ChangeMissing);
        let lift = world.matured(&lift);
        world.refuses(&[lift], &[&governor], error);
    }
}

/// The attacker's price of a token that is worth nothing, in USD, and how many of them come in.
const PRETENDED: f64 = 1_000_000.0;
const TOKENS: u64 = 100_000_000_000;
/// What may leave in a day, USD 1e-6.
const LIMIT: u64 = 500_000_000_000;
/// What is lent, and what lies there without being lent.
const LENT: u64 = 2_000_000_000_000;
const KEPT: u64 = 400_000_000_000;
/// Seconds from a listing until any of the asset counts for initial margin, whose haircut of then is less than the whole with an outside
/// multiple of 1.25: where the terms ask for none, a fifth of the two weeks, 2.8 days.
const COUNTS: i64 = SEASONING / 5;

/// A pool of which 500,000 USD leave in a day at most, one who lends 2,000,000 and one who keeps 400,000, and a guardian apart.
fn robbed() -> (World, Keypair, [Actor; 2]) {
    let mut world = Builder::default().with_asset(USDC, |usdc| *usdc = usdc.clone().outflow_limit(LIMIT)).build();
    let people = [LENT, KEPT].map(|amount| world.trader(amount as i64 / DOLLAR));
    world.open_bank(USDC);
    world.lend(&people[0], USDC, LENT);
    let guardian = world.guardian.insecure_clone();
    world.pass(7 * DAY);
    world.refresh();
    world.by_hand = true;
    (world, guardian, people)
}

/// A token of the attacker's, of which there is any number, without a haircut, and with a price account that the attacker's own program writes.
fn pretended(world: &mut World) -> (Instruction, Listing) {
    let spec = AssetSpec { deposit_cap: u64::MAX, haircut_base: 0, ..AssetSpec::new("FAKE", 6, PRETENDED).pushed() };
    let mut listing = world.issue(spec);
    listing.feed.owner = world.new_address();
    let (token, terms) = (listing.token, listing.spec.terms(&listing.feed));
    (build::add_asset(world.governor.pubkey(), world.pool, GOLD + 1, token, terms), listing)
}

/// Borrows and takes out.
fn take(world: &World, thief: &Actor, borrow: u64, withdraw: u64) -> [Instruction; 2] {
    [world.borrow_instruction(thief, USDC, borrow), world.withdraw_instruction(thief, USDC, withdraw)]
}

/// All of it in one world, in which the guardian sleeps; of each step a world is split off in which it, or the lender, wakes up just then.
///
/// Asleep for six days, three for the role and three for the listing, in which it is replaced: 2.8 days later, when the first of the token
/// counts, all that is lent is borrowed, for its price bounds no value. It leaves as the outflow limit lets it, here from day 8.8 to day
/// 11.8. What is not lent is there for whoever withdraws it before the account of the attacker is resolved.
#[test]
fn the_whole_sequence_in_one_world() {
    let (mut world, guardian, [lender, saver]) = robbed();
    let (governor, pool) = (world.governor.insecure_clone(), world.pool);
    let (attacker, puppet) = (world.new_wallet(), world.new_wallet());

    // Day 0. What was signed beforehand is refused; somebody signs now what they do not understand.
    let propose = build::propose_role(governor.pubkey(), pool, Role::Authority, attacker.pubkey());
    refused_with_a_nonce(&mut world, &propose, &governor);
    world.succeeds(&[propose], &[&governor]);
    let accept = build::accept_role(attacker.pubkey(), pool, Role::Authority);
    world.refuses(std::slice::from_ref(&accept), &[&attacker], NovateError::ProposalTooYoung);
    let mut awake = world.twin();
    awake.succeeds(&[build::cancel_role(guardian.pubkey(), pool, Role::Authority)], &[&guardian]);
    awake.pass(ROLE_DELAY);
    awake.refuses(std::slice::from_ref(&accept), &[&attacker], NovateError::NotProposed);

    // Day 3. The authority is the attacker's, who can do nothing at once with it.
    world.pass(ROLE_DELAY);
    world.refresh();
    refused_with_a_nonce(&mut world, &accept, &attacker);
    world.succeeds(&[accept], &[&attacker]);
    world.governor = attacker.insecure_clone();
    let (list, fake) = pretended(&mut world);
    let lend_all = world.set_lending_instruction(USDC, Lending { utilisation_cap: 1_000_000, ..LENDING });
    for instruction in [&list, &lend_all] {
        world.refuses(std::slice::from_ref(instruction), &[&attacker], NovateError::ChangeMissing);
    }
    let schedule = build::schedule_change(attacker.pubkey(), attacker.pubkey(), count(&world), &list);
    refused_with_a_nonce(&mut world, &schedule, &attacker);
    let numbers = [&list, &lend_all].map(|instruction| world.schedule(instruction));
    let [listed, lent] = [(&list, numbers[0]), (&lend_all, numbers[1])].map(|(i, number)| execute(&world, i, number));
    world.propose(Role::Guardian, &puppet.pubkey());
    world.refuses(std::slice::from_ref(&listed), &[&attacker], NovateError::ChangeNotReady);

    // Who wakes up at any time of the next three days: the guardian, or the lender, who reads the same.
    let mut awake = world.twin();
    awake.pass(3 * DAY - 1);
    awake.refuses(std::slice::from_ref(&listed), &[&attacker], NovateError::ChangeNotReady);
    for number in numbers {
        awake.succeeds(&[build::cancel_change(guardian.pubkey(), &awake.change(number))], &[&guardian]);
    }
    awake.pass(1);
    awake.refuses(std::slice::from_ref(&listed), &[&attacker], ErrorCode::AccountOwnedByWrongProgram);

    // Day 6.
    world.pass(3 * DAY);
    world.refresh();
    world.succeeds(&[listed, lent, build::accept_role(puppet.pubkey(), pool, Role::Guardian)], &[&attacker, &puppet]);
    let late = build::pause(guardian.pubkey(), pool, Action::Borrow, DAY);
    world.refuses(&[late], &[&guardian], NovateError::NotGuardian);
    world.listings.push(fake);
    world.refresh();
    let thief = world.actor();
    world.fund(&thief, GOLD + 1, TOKENS);
    let deposit = world.deposit_instruction(&thief, GOLD + 1, TOKENS);
    world.refuses(std::slice::from_ref(&deposit), &[&thief.key], NovateError::DepositCap);
    world.pass(60);
    world.refresh();
    world.succeeds(&[deposit], &[&thief.key]);

    // Day 8.8: until then none of it counts, whatever it is said to be worth. The lender can still leave.
    world.pass(COUNTS - 60);
    world.refresh();
    let little = world.borrow_instruction(&thief, USDC, DOLLAR as u64);
    world.refuses(&[little], &[&thief.key], NovateError::BelowInitialMargin);
    let mut left = world.twin();
    left.unlend(&lender, USDC, LENT);
    let none = left.borrow_instruction(&thief, USDC, 1);
    left.refuses(&[none], &[&thief.key], NovateError::UtilisationCap);
    world.pass(60);
    world.refresh();
    let more = take(&world, &thief, LENT, LIMIT + 1);
    world.refuses(&more, &[&thief.key], NovateError::OutflowLimit);
    world.borrow(&thief, USDC, LENT);
    let more = world.borrow_instruction(&thief, USDC, 1);
    world.refuses(&[more], &[&thief.key], NovateError::UtilisationCap);
    for day in 0..LENT / LIMIT {
        assert_eq!(world.vault(USDC), LENT + KEPT - day * LIMIT, "day {day}");
        world.withdraw(&thief, USDC, LIMIT);
        let last = (day + 1) * LIMIT == LENT;
        let error = if last { NovateError::InsufficientBalance } else { NovateError::OutflowLimit };
        let more = world.withdraw_instruction(&thief, USDC, 1);
        world.refuses(&[more], &[&thief.key], error);
        world.pass(DAY);
        world.refresh();
    }
    // What was not lent is there, and leaves.
    world.withdraw(&saver, USDC, KEPT);
    assert_eq!(world.vault(USDC), 0);
}

/// A guardian that wakes up once the listing was executed, while the attacker is the authority: it pauses borrowing, and the attacker lifts the
/// pause and borrows in one transaction. Only the limit of what leaves is left.
#[test]
fn a_guardian_that_wakes_up_after_the_listing() {
    let (mut world, guardian, _) = robbed();
    let (attacker, pool) = (world.governor.insecure_clone(), world.pool);
    let (list, fake) = pretended(&mut world);
    let listed = world.matured(&list);
    world.succeeds(&[listed], &[&attacker]);
    world.listings.push(fake);
    world.pass(COUNTS + 60);
    world.refresh();
    let thief = world.actor();
    world.deposit(&thief, GOLD + 1, TOKENS);
    let pause = build::pause(guardian.pubkey(), pool, Action::Borrow, 7 * DAY);
    world.succeeds(&[pause], &[&guardian]);
    let [borrow, withdraw] = take(&world, &thief, LENT / 10 * 9, LIMIT);
    world.refuses(std::slice::from_ref(&borrow), &[&thief.key], NovateError::Paused);
    let lift = build::unpause(attacker.pubkey(), pool, Action::Borrow);
    world.succeeds(&[lift, borrow, withdraw], &[&attacker, &thief.key]);
    let more = world.withdraw_instruction(&thief, USDC, 1);
    world.refuses(&[more], &[&thief.key], NovateError::OutflowLimit);
}
