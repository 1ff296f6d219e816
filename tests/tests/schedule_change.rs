use std::collections::BTreeSet;

use novate::events::{ChangeScheduled, CommitteeSet};
use novate_client::state::{Change, Governed, Pool, Scenarios, CHANGE_EXPIRY};
use novate_client::{
    addresses, instructions as build, AssetField, AssetSetting, Class, Delays, Instruction, MarketField, MarketSetting,
    NovateError, OracleSource, ParamSetting,
};
use novate_tests::feed::PUSH_ORACLE;
use novate_tests::ledger::format;
use novate_tests::{flat, AssetSpec, MarketSpec, World, BTC, BTC_PERP, CHANGE_DELAYS, DAY, GOLD, LENDING};
use solana_signer::Signer;

/// A world in which nothing is scheduled from outside.
fn by_hand() -> World {
    let mut world = World::default();
    world.by_hand = true;
    world
}

/// One of each instruction that waits, in the order of the table.
fn all(world: &mut World) -> Vec<Instruction> {
    // Rows to switch to; before the pool trades they would be the live ones.
    let mut hash = [0; 32];
    if world.state::<Pool>(&world.pool).is_live() {
        let governor = world.governor.insecure_clone();
        let rows = World::rows_of(16, 0b111, 0, 16);
        world.succeeds(&[build::stage_scenarios(governor.pubkey(), world.pool, 2, rows)], &[&governor]);
        hash = world.state::<Scenarios>(&addresses::scenarios(&world.pool, 2)).hash();
    }
    let listing = world.issue(AssetSpec::new("WIF", 6, 2.0));
    world.listings.push(listing);
    let (governor, pool) = (world.governor.pubkey(), world.pool);
    let time = world.expiry_in(30);
    let source = OracleSource { oracle: 2, feed: world.new_address(), feed_owner: PUSH_ORACLE, feed_id: [0; 32] };
    let age = AssetSetting { field: AssetField::MaxAge, value: 61 };
    let fee = MarketSetting { field: MarketField::Fee, value: 501 };
    vec![
        world.add_asset_instruction(GOLD + 1),
        build::add_market(governor, pool, GOLD, 3, MarketSpec::new("GOLD-PERP", GOLD).terms),
        build::register_venue(governor, pool, world.new_address()),
        world.list_expiry_instruction(BTC_PERP, time, flat(0.5, time - world.now())),
        world.set_lending_instruction(GOLD, LENDING),
        build::set_asset(governor, pool, BTC, vec![age]),
        build::set_market(governor, pool, BTC_PERP, vec![fee]),
        build::set_oracle(governor, pool, BTC, source),
        build::set_params(governor, pool, vec![ParamSetting { parameter: 0, value: 740_000 }]),
        build::switch_scenarios(governor, pool, 2, hash),
        build::set_committee(governor, pool, vec![world.new_address()], 1),
        build::set_delays(governor, pool, world.state::<Pool>(&pool).delays()),
    ]
}

#[test]
fn everyone_can_read_what_will_happen_and_when() {
    let mut world = by_hand();
    let governor = world.governor.pubkey();
    for (number, (governed, entry)) in all(&mut world).into_iter().zip(&novate_client::state::GOVERNED).enumerate() {
        let number = number as u64;
        let class = Governed::find(&governed.data).unwrap().class;
        assert_eq!(class, entry.class, "{}", entry.name);
        let schedule = build::schedule_change(governor, governor, number, &governed);
        let key = world.governor.insecure_clone();
        let event: ChangeScheduled = world.succeeds(&[schedule], &[&key]).event();
        let delay = CHANGE_DELAYS.iter().find(|(of, _)| *of == class).unwrap().1;

        let address = addresses::change(&world.pool, number);
        let change: Change = world.state(&address);
        assert_eq!((change.version, change.class, change.pool, change.number), (1, class as u8, world.pool, number));
        assert_eq!((change.proposer, change.payer, change.epoch), (governor, governor, 0));
        assert_eq!((change.scheduled, change.ready), (world.now(), world.now() + delay), "{}", entry.name);
        assert_eq!(change.expires, change.ready + CHANGE_EXPIRY);
        assert_eq!(change.data(), governed.data);
        assert_eq!(Some(change.targets().to_vec()), build::targets(&governed));
        assert_eq!((event.version, event.pool, event.change, event.number), (1, world.pool, address, number));
        assert_eq!((event.class, event.ready, event.expires), (class, change.ready, change.expires));
        assert_eq!((event.proposer, event.payer, event.time), (governor, governor, world.now()));
        assert_eq!((event.data, event.targets), (governed.data.clone(), change.targets().to_vec()));
    }
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.change_count, pool.open_changes), (12, 12));
}

#[test]
fn each_waits_for_its_delay_and_then_does_what_was_scheduled() {
    let mut world = by_hand();
    let governor = world.governor.insecure_clone();
    for governed in all(&mut world) {
        // The expiry is listed first in time, and delays that stay as they are need no change.
        let class = Governed::find(&governed.data).unwrap().class;
        if class == Class::Delays {
            continue;
        }
        world.refuses(std::slice::from_ref(&governed), &[&governor], NovateError::ChangeMissing);
        let number = world.schedule(&governed);
        let execute = build::execute_change(governed, number, governor.pubkey());
        world.pass(world.change(number).ready - world.now() - 1);
        world.refuses(std::slice::from_ref(&execute), &[&governor], NovateError::ChangeNotReady);
        world.pass(1);
        let before = world.svm.get_balance(&governor.pubkey()).unwrap();
        let rent = world.account(&addresses::change(&world.pool, number)).lamports;
        world.succeeds(std::slice::from_ref(&execute), &[&governor]);
        assert!(world.svm.get_account(&addresses::change(&world.pool, number)).is_none_or(|a| a.lamports == 0));
        if class == Class::Parameters || class == Class::Committee {
            assert_eq!(world.svm.get_balance(&governor.pubkey()).unwrap(), before + rent);
        }
    }
    assert_eq!(world.state::<Pool>(&world.pool).open_changes, 0);
}

#[test]
fn another_may_pay_and_gets_the_rent_back() {
    let mut world = by_hand();
    let (governor, payer, next) = (world.governor.insecure_clone(), world.new_wallet(), world.new_address());
    let set = build::set_committee(governor.pubkey(), world.pool, vec![next], 1);
    let schedule = build::schedule_change(governor.pubkey(), payer.pubkey(), 0, &set);
    let wealth = world.svm.get_balance(&payer.pubkey()).unwrap();
    world.succeeds(&[schedule], &[&governor, &payer]);
    assert!(world.svm.get_balance(&payer.pubkey()).unwrap() < wealth);
    world.pass(7 * DAY);
    let stolen = build::execute_change(set.clone(), 0, governor.pubkey());
    world.refuses(&[stolen], &[&governor], NovateError::WrongPayer);
    let event: CommitteeSet = world.succeeds(&[build::execute_change(set, 0, payer.pubkey())], &[&governor]).event();
    assert_eq!(event.members, [next]);
    assert_eq!(world.svm.get_balance(&payer.pubkey()).unwrap(), wealth);
}

#[test]
fn before_the_pool_trades_nothing_waits() {
    let mut world = novate_tests::Builder::default().unstaged().build();
    world.by_hand = true;
    let governor = world.governor.insecure_clone();
    for governed in all(&mut world) {
        let schedule = build::schedule_change(governor.pubkey(), governor.pubkey(), 0, &governed);
        world.refuses(&[schedule], &[&governor], NovateError::ChangeNeedless);
        if governed.accounts.iter().any(|meta| meta.pubkey == addresses::scenarios(&world.pool, 2)) {
            continue;
        }
        world.succeeds(&[governed], &[&governor]);
    }
}

#[test]
fn a_pools_own_delay_counts_where_it_is_longer() {
    let mut world = by_hand();
    let governor = world.governor.insecure_clone();
    let delays = Delays { committee: 14 * DAY, ..world.state::<Pool>(&world.pool).delays() };
    world.succeeds(&[build::set_delays(governor.pubkey(), world.pool, delays)], &[&governor]);
    let number = world.schedule(&world.set_committee_instruction());
    assert_eq!(world.change(number).ready, world.now() + 14 * DAY);
}

/// Every event of governance is read by the tables of `docs/events.md`, to its last byte.
#[test]
fn the_document_tells_their_events() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let all = all(&mut world);
    let number = world.schedule(&all[0]);
    world.succeeds(&[build::cancel_change(governor.pubkey(), &world.change(number))], &[&governor]);
    // All but the listings; delays that get no shorter last.
    world.succeeds(&all[5..9], &[&governor]);
    // What the parameters raise is over before rows raise more.
    world.pass(7 * DAY);
    world.succeeds(&all[9..10], &[&governor]);
    world.succeeds(&all[11..], &[&governor]);
    let told = world.told.iter().filter(|told| !told.telemetry);
    let names: BTreeSet<&str> = told.map(|told| format::decode(&told.event).unwrap().0).collect();
    for name in [
        "ChangeScheduled",
        "ChangeCancelled",
        "DelaysSet",
        "AssetSet",
        "MarketSet",
        "OracleSet",
        "ParamsSet",
        "ScenariosSwitched",
    ] {
        assert!(names.contains(name), "{name} is missing in {names:?}");
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::Pubkey;
    use novate_tests::Altered;

    fn set(world: &World) -> Instruction {
        build::set_committee(world.governor.pubkey(), world.pool, vec![Pubkey::new_from_array([9; 32])], 1)
    }

    fn schedule(world: &World, governed: &Instruction) -> Instruction {
        let number = world.state::<Pool>(&world.pool).change_count;
        build::schedule_change(world.governor.pubkey(), world.governor.pubkey(), number, governed)
    }

    #[test]
    fn only_the_authority_schedules() {
        let mut world = by_hand();
        let guardian = world.guardian.insecure_clone();
        let set = set(&world);
        let schedule = build::schedule_change(guardian.pubkey(), guardian.pubkey(), 0, &set);
        world.refuses(&[schedule], &[&guardian], NovateError::NotAuthority);
        let schedule = build::schedule_change(world.governor.pubkey(), guardian.pubkey(), 0, &set);
        world.refuses(&[schedule.unsigned(2)], &[&guardian], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn what_does_not_wait() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        let pause = build::pause(governor.pubkey(), world.pool, novate_client::Action::Trade, 60);
        let none = Instruction { data: vec![], ..pause.clone() };
        let short = Instruction { data: set(&world).data[..7].to_vec(), ..pause.clone() };
        for other in [pause, none, short] {
            let schedule = schedule(&world, &other);
            world.refuses(&[schedule], &[&governor], NovateError::NotGoverned);
        }
    }

    /// Of what does not exist yet nobody can see what it will be.
    #[test]
    fn what_rests_on_accounts_that_do_not_exist_or_are_not_shown() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        let rows = build::switch_scenarios(governor.pubkey(), world.pool, 2, [0; 32]);
        let nothing = schedule(&world, &rows);
        world.refuses(&[nothing], &[&governor], NovateError::TargetMissing);
        let terms = novate_client::MarketTerms { ..MarketSpec::new("GOLD-PERP", GOLD).terms };
        let market = schedule(&world, &build::add_market(governor.pubkey(), world.pool, GOLD, 3, terms));
        let at = market.accounts.len() - 1;
        let (mut fewer, mut more) = (market.clone(), market.clone());
        fewer.accounts.pop();
        more.accounts.push(market.accounts[at].clone());
        let other = market.clone().with_account(at, addresses::asset(&world.pool, BTC));
        for wrong in [fewer, more, other] {
            world.refuses(&[wrong], &[&governor], NovateError::TargetMissing);
        }
        world.succeeds(&[market], &[&governor]);
    }

    #[test]
    fn what_is_too_long() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        let mut long = set(&world);
        long.data.resize(513, 0);
        let schedule = schedule(&world, &long);
        world.refuses(&[schedule], &[&governor], NovateError::NotGoverned);
    }

    #[test]
    fn numbers_are_given_in_order() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        for number in [1, u64::MAX] {
            let schedule = build::schedule_change(governor.pubkey(), governor.pubkey(), number, &set(&world));
            world.refuses(&[schedule], &[&governor], ErrorCode::ConstraintSeeds);
        }
    }

    #[test]
    fn sixteen_are_open_at_most() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        for number in 0..16 {
            let mut set = set(&world);
            set.data[8] = number;
            world.schedule(&set);
        }
        let more = schedule(&world, &set(&world));
        world.refuses(std::slice::from_ref(&more), &[&governor], NovateError::TooManyChanges);
        let cancel = build::cancel_change(governor.pubkey(), &world.change(3));
        world.succeeds(&[cancel], &[&governor]);
        world.succeeds(&[more], &[&governor]);
    }

    #[test]
    fn another_account_than_the_runtimes_list_of_instructions() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        let fake = world.new_address();
        let schedule = schedule(&world, &set(&world)).with_account(5, fake);
        world.refuses(&[schedule], &[&governor], NovateError::NotInstructions);
        let number = world.schedule(&set(&world));
        world.pass(7 * DAY);
        let execute = build::execute_change(set(&world), number, governor.pubkey()).with_account(6, fake);
        world.refuses(&[execute], &[&governor], NovateError::NotInstructions);
    }

    #[test]
    fn an_account_of_another_kind_is_no_change() {
        let mut world = by_hand();
        let governor = world.governor.insecure_clone();
        let number = world.schedule(&set(&world));
        world.pass(7 * DAY);
        let execute = build::execute_change(set(&world), number, governor.pubkey());
        let asset = addresses::asset(&world.pool, BTC);
        let mismatch = ErrorCode::AccountDiscriminatorMismatch;
        world.refuses(&[execute.clone().with_account(4, asset)], &[&governor], mismatch);
        let mint = world.listing(BTC).token.mint;
        world.refuses(&[execute.clone().with_account(4, mint)], &[&governor], ErrorCode::AccountOwnedByWrongProgram);
        world.refuses(&[execute.read_only(4)], &[&governor], ErrorCode::ConstraintMut);
    }
}
