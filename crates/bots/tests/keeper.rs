//! `novate-keeper` as a process against a local validator.

#![allow(clippy::unwrap_used)]

mod scene;

use novate_client::state::{Asset, Market, HAIRCUT_WINDOW};
use novate_client::{addresses, ID};
use novate_tests::haircut::Broke;
use novate_tests::stake_pool::{StakePool, STAKE_PROGRAM};
use novate_tests::{future, World, BTC, BTC_PERP, CONTRACT, JITOSOL, PRICE};
use scene::{long_at_initial, within, Scene};
use solana_account::Account;

/// Everything as soon as it is there.
const EAGER: [&str; 6] = ["--settle-every", "1", "--least-variation", "1", "--least-fees", "1"];

fn market(scene: &Scene) -> Market {
    scene.node.state(&addresses::market(&scene.world.pool, BTC_PERP))
}

#[test]
fn prices_are_read_when_they_move_or_grow_old() {
    let (scene, ()) = Scene::new("keeper_prices", 100, |world| (world, ()));
    let bot = scene.keeper(&["--heartbeat", "15"]);
    let asset = || scene.node.state::<Asset>(&addresses::asset(&scene.world.pool, BTC));
    scene.publish(BTC, 20_100.0);
    within(10, || asset().price.0 == 20_100 * PRICE);
    let read = asset().publish_time;
    // 0.01 % is not worth a transaction before it is old.
    scene.publish(BTC, 20_102.0);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!((asset().price.0, asset().publish_time), (20_100 * PRICE, read));
    scene.publishing_until(20_102.0, || asset().price.0 == 20_102 * PRICE);
    assert!(asset().publish_time - read >= 10, "half of what the asset allows, or the heartbeat");
    assert!(bot.metric("novate_lamports_spent_total") >= 10_000.0);
}

#[test]
fn losers_pay_before_winners_are_paid_and_fees_are_collected() {
    let (scene, (long, short)) = Scene::new("keeper_variation", 100, |mut world| {
        let sides = long_at_initial(&mut world);
        (world, sides)
    });
    let mut bot = scene.keeper(&EAGER);
    let cash = scene.portfolio(&long).cash;
    scene.publishing_until(19_900.0, || scene.portfolio(&short).positions()[0].pending_new > 0);
    assert!(scene.portfolio(&long).cash < cash);
    // Both fees were in the costs: what the loser paid went to the fund and to the winner.
    scene.publishing_until(19_900.0, || market(&scene).accrued_fees.0 == 0);
    assert!(bot.stop().success());
}

#[test]
fn an_expiry_is_fixed_settled_and_closed() {
    let (scene, (time, sides)) = Scene::new("keeper_expiry", 100, |mut world| {
        let time = world.chain(BTC_PERP, 1, 0.5, &[20_000]);
        let sides = [world.trader(100_000), world.trader(100_000)];
        world.trade_legs(&sides[0], &sides[1], &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
        world.sample_through(&[BTC], time);
        (world, (time, sides))
    });
    let address = scene.world.expiry_address(BTC_PERP, time);
    assert!(scene.node.client.get_account(&address).is_ok_and(|account| account.owner == ID));
    let bot = scene.keeper(&EAGER);
    scene.publishing_until(20_000.0, || market(&scene).listed_expiries().is_empty());
    within(20, || sides.iter().all(|side| scene.portfolio(side).positions().iter().all(|p| p.quantity == 0)));
    for chore in ["fix_expiry", "settle_expiry", "close_expiry"] {
        let counted = format!("chore=\"{chore}\",outcome=\"confirmed\"");
        within(10, || bot.ask("/metrics").contains(&counted));
    }
}

#[test]
fn gains_are_registered_charged_and_the_haircut_closed() {
    let (scene, winners) = Scene::new("keeper_haircut", 100, |world| {
        let mut broke = Broke::in_world(world, 0, novate_tests::haircut::SOLD);
        broke.takes(1_000_000_000, 0);
        let Broke { world, winners, .. } = broke;
        (world, winners)
    });
    assert!(market(&scene).round.stands());
    let bot = scene.keeper(&["--settle-every", "3600"]);
    let gains = || winners.iter().map(|winner| scene.portfolio(winner).positions()[0].gain).collect::<Vec<_>>();
    within(20, || gains().iter().all(|gain| *gain > 0));
    scene.node.pass(HAIRCUT_WINDOW);
    within(30, || !market(&scene).round.stands());
    assert_eq!((gains(), market(&scene).haircut.0), (vec![0; 3], 0));
    assert!(bot.ask("/metrics").contains("chore=\"charge_gain\",outcome=\"confirmed\""));
}

#[test]
fn a_rate_is_read_from_its_stake_pool() {
    let (scene, ()) = Scene::of("keeper_redemption", 100, World::staking(), |world| (world, ()));
    let epoch = scene.node.client.get_epoch_info().unwrap().epoch;
    let pool = StakePool { last_update_epoch: epoch, ..scene.world.sound_stake_pool(JITOSOL, 1_200_000_000) };
    let account = Account { lamports: 10_000_000, data: pool.encode(), owner: STAKE_PROGRAM, ..Account::default() };
    scene.node.write(&scene.world.stake_pool(JITOSOL), &account);
    let rate = || scene.node.state::<Asset>(&addresses::asset(&scene.world.pool, JITOSOL)).redemption.rate.0;
    assert_eq!(rate(), 0);
    let _bot = scene.keeper(&[]);
    within(20, || rate() == 1_200_000_000);
}
