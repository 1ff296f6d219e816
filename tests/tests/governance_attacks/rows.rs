//! Scenario rows for who holds options: nothing moves before they are switched to, and then all of it at once.

use novate_client::state::Scenarios;
use novate_client::Right;

use super::*;

/// What a cell may move by, of 4,096.
const STEP: i16 = 179;

/// Rows in which both assets go a quarter of their scan range up and down together, the cells of the second moved.
fn rows(moved: i16) -> ScenarioRange {
    let row = |way: i16| [way * 1_024, way * 1_024 + moved, way * 1_024];
    let moves: Vec<i16> = (0..16).flat_map(|at| row(if at % 2 == 0 { 1 } else { -1 })).collect();
    ScenarioRange { count: 16, present: 0b111, source: [moved as u8; 32], start: 0, vols: vec![0; moves.len()], moves }
}

/// A sold spread on one asset beside a bought one on another that moves with it, a day before they expire, at initial margin. It knows for
/// seven days. Its margin grows by more than lies between initial and maintenance margin in the second of the switch: it is liquidatable.
#[test]
fn options_that_hedge_each_other_when_rows_are_switched() {
    let wide = |asset: &mut AssetSpec| asset.base_range = 500_000;
    let mut world = Builder::default().with_asset(BTC, wide).with_asset(ETH, wide).unstaged().build();
    let (governor, pool) = (world.governor.insecure_clone(), world.pool);
    world.succeeds(&[build::stage_scenarios(governor.pubkey(), pool, 1, rows(0))], &[&governor]);
    let guardian = world.guardian.insecure_clone();
    let time = world.expiry_in(9);
    world.pass(time - 8 * DAY - world.now());
    world.refresh();
    assert_eq!(world.chain(BTC_PERP, 8, 0.6, &[17_000, 19_000]), time);
    assert_eq!(world.chain(ETH_PERP, 8, 0.6, &[1_275, 1_425]), time);
    let (owner, maker) = (world.trader(500_000), world.trader(5_000_000));
    let legs = [(BTC_PERP, 1, -15_000), (BTC_PERP, 0, 15_000), (ETH_PERP, 1, 200_000), (ETH_PERP, 0, -200_000)];
    let legs =
        legs.map(|(market, slot, lots)| world.at_mark(market, time, (slot, Right::Put), lots * CONTRACT / 1_000));
    world.trade_legs(&owner, &maker, &legs);
    world.by_hand = true;

    let mut grown = vec![];
    for moved in [STEP, -STEP] {
        let (mut with, mut without) = (world.twin(), world.twin());
        with.succeeds(&[build::stage_scenarios(governor.pubkey(), pool, 2, rows(moved))], &[&governor]);
        let hash = with.state::<Scenarios>(&addresses::scenarios(&pool, 2)).hash();
        let switch = build::switch_scenarios(governor.pubkey(), pool, 2, hash);
        let number = with.schedule(&switch);
        let switch = execute(&with, &switch, number);
        let began = with.now();
        for second in (1..=7).flat_map(|day| [day * DAY - 1, day * DAY]) {
            if second < 7 * DAY {
                with.refuses(std::slice::from_ref(&switch), &[&governor], NovateError::ChangeNotReady);
            }
            for world in [&mut with, &mut without] {
                world.pass(began + second - world.now());
                world.refresh_chains();
            }
            assert_eq!(held(&mut with, &owner), held(&mut without, &owner), "{second} s after the notice");
        }
        let mut cancelled = with.twin();
        cancelled.succeeds(&[build::cancel_change(guardian.pubkey(), &with.change(number))], &[&guardian]);
        cancelled.refuses(std::slice::from_ref(&switch), &[&governor], ErrorCode::AccountOwnedByWrongProgram);

        let health = with.health(&owner);
        with.lose(&owner, health.equity - health.initial);
        let before = with.health(&owner);
        with.succeeds(&[switch], &[&governor]);
        let after = with.health(&owner);
        grown.push(after.maintenance as f64 / before.maintenance as f64);
        assert_eq!(after.equity, before.equity);
        // Of the cells that move the other way it notices nothing.
        assert_eq!(after.equity < after.maintenance, moved == STEP);
    }
    println!("a switch of rows asked for {grown:.3?} times as much");
    assert!((grown[0] - 1.368).abs() < 1e-3 && grown[1] == 1.0, "{grown:?}");
}

fn held(world: &mut World, owner: &Actor) -> (i64, i64, i64) {
    let health = world.health(owner);
    (health.equity, health.initial, health.maintenance)
}
