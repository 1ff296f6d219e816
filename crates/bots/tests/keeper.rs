//! `novate-keeper` as a process against a local validator.

#![allow(clippy::unwrap_used)]

mod scene;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use novate_client::instructions as ix;
use novate_client::rpc::Cluster;
use novate_client::state::{Asset, Market, HAIRCUT_WINDOW};
use novate_client::{addresses, ID};
use novate_tests::haircut::Broke;
use novate_tests::stake_pool::{StakePool, STAKE_PROGRAM};
use novate_tests::{future, Actor, AssetSpec, World, BTC, BTC_PERP, CONTRACT, JITOSOL, PRICE};
use scene::{long_at_initial, within, Fate, Gate, Proxy, Scene, Ways};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

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

/// Each time a price is elsewhere than it was when the keeper began: another oracle, and an asset more.
#[test]
fn prices_are_read_wherever_they_come_to_be() {
    let (mut scene, ()) = Scene::new("keeper_oracle", 100, |world| (world, ()));
    let _bot = scene.keeper(&[]);
    let price =
        |scene: &Scene, index: u16| scene.node.state::<Asset>(&addresses::asset(&scene.world.pool, index)).price;
    scene.publishing_until(20_100.0, || price(&scene, BTC).0 == 20_100 * PRICE);
    scene.move_oracle(BTC);
    scene.publishing_until(20_300.0, || price(&scene, BTC).0 == 20_300 * PRICE);

    let listing = scene.world.issue(AssetSpec::new("TIN", 6, 7.0));
    scene.world.listings.push(listing);
    let (index, governor) = (scene.world.listings.len() as u16 - 1, scene.world.governor.insecure_clone());
    let add = scene.world.add_asset_instruction(index);
    let enacted = scene.world.enacted(&[add]);
    scene.world.succeeds(&enacted, &[&governor]);
    scene.put_accounts();
    assert_eq!(price(&scene, index).0, 0);
    scene.publishing_until(20_300.0, || price(&scene, index).0 == 7 * PRICE);
}

/// Killed when losers have paid and winners are not paid yet, and when winners' payment is on its way.
#[test]
fn killed_in_the_midst_of_a_settlement_it_ends_it() {
    let (scene, (losers, winner)) = Scene::new("keeper_killed", 100, |mut world| {
        // As many as one transaction takes: the winner is in the next one.
        let losers: Vec<_> = (0..6).map(|_| world.trader(100_000)).collect();
        let winner = world.trader(1_000_000);
        for loser in &losers {
            world.trade(loser, &winner, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        }
        (world, (losers, winner))
    });
    let gate = Gate::start(scene.node.address());
    let (ways, key) = (Ways { url: gate.url(), ..scene.ways() }, Keypair::new());
    let settle = || ix::settle_variation(&ID, ID, 0, 0);
    // More than the fees in the costs, and less than what each loses.
    let more = ["--settle-every", "1", "--least-variation", "90", "--least-fees", "1000000"];
    let received = || scene.portfolio(&winner).positions()[0].pending_new;
    let cash = |of: &Actor| scene.portfolio(of).cash;
    let begun: Vec<_> = losers.iter().map(cash).collect();
    let paid = || losers.iter().zip(&begun).filter(|(loser, begun)| cash(loser) < **begun).count();

    // What pays the winner is known by its portfolio.
    let (pays, tried) = (winner.portfolio, Arc::new(AtomicUsize::new(0)));
    let paying = |fate: fn() -> Fate| {
        let tried = tried.clone();
        gate.rule_sent(settle(), move |transaction| match transaction.message.static_account_keys().contains(&pays) {
            true => {
                tried.fetch_add(1, Ordering::SeqCst);
                fate()
            }
            false => Fate::Passes,
        });
    };
    paying(|| Fate::IsLost);
    let bot = scene.keeper_by(&ways, &key, &more);
    scene.publishing_until(19_900.0, || tried.load(Ordering::SeqCst) > 0);
    bot.kill();
    assert_eq!((paid(), received()), (6, 0));
    assert!(market(&scene).variation_pool.0 > 500_000_000, "what they paid is nobody's yet");
    assert_eq!(scene.violations(), Vec::<String>::new());

    // It comes back, and ends when the winner's payment has been sent: which arrives.
    paying(|| Fate::IsUnanswered);
    let before = tried.load(Ordering::SeqCst);
    let bot = scene.keeper_by(&ways, &key, &more);
    scene.publishing_until(19_900.0, || tried.load(Ordering::SeqCst) > before);
    bot.kill();
    within(20, || received() > 0);
    let had = received();
    assert_eq!(scene.violations(), Vec::<String>::new());

    gate.rule(|_| Fate::Passes);
    let mut bot = scene.keeper_by(&ways, &key, &more);
    let until = Instant::now() + Duration::from_secs(4);
    scene.publishing_until(19_900.0, || Instant::now() > until);
    assert_eq!((paid(), received()), (6, had), "nothing is settled twice");
    assert_eq!(scene.violations(), Vec::<String>::new());
    assert!(bot.stop().success());
}

#[test]
fn it_goes_on_when_the_node_is_back() {
    let (mut scene, ()) = Scene::new("keeper_node", 100, |world| (world, ()));
    let key = Keypair::new();
    let mut bot = scene.keeper_by(&scene.ways(), &key, &[]);
    let price = |scene: &Scene| scene.node.state::<Asset>(&addresses::asset(&scene.world.pool, BTC)).price.0;
    scene.publishing_until(20_100.0, || price(&scene) == 20_100 * PRICE);
    scene.node.stop();
    within(30, || bot.ask("/health").starts_with("HTTP/1.1 503"));
    scene.node.back();
    scene.put();
    scene.rich(&key);
    within(40, || bot.metric("novate_reconnects_total") >= 1.0);
    within(40, || bot.ask("/health").starts_with("HTTP/1.1 200"));
    scene.publishing_until(20_200.0, || price(&scene) == 20_200 * PRICE);
    assert!(bot.stop().success());
}

#[test]
fn it_goes_on_when_its_socket_drops() {
    let (scene, ()) = Scene::new("keeper_socket", 100, |world| (world, ()));
    let proxy = Proxy::start(scene.node.ws_address());
    let bot = scene.keeper_by(&Ways { ws: proxy.url(), ..scene.ways() }, &Keypair::new(), &[]);
    proxy.cut();
    within(20, || bot.metric("novate_reconnects_total") >= 1.0);
    within(20, || bot.metric("novate_mirror_current") == 1.0);
    scene.publishing_until(20_100.0, || {
        scene.node.state::<Asset>(&addresses::asset(&scene.world.pool, BTC)).price.0 == 20_100 * PRICE
    });
}

/// Of what is listed later the tables are made as well, without a restart.
#[test]
fn tables_grow_with_what_is_listed() {
    let (mut scene, ()) = Scene::new("keeper_tables", 100, |world| (world, ()));
    let key = Keypair::new();
    let _bot = scene.keeper_by(&scene.ways(), &key, &["--publish-tables"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::new(&scene.node.url(), &scene.node.ws());
    let tables = || runtime.block_on(cluster.tables(&key.pubkey())).unwrap();
    assert_eq!(tables().len(), 1, "the pool's own");
    let time = scene.world.chain(BTC_PERP, 20, 0.6, &[20_000]);
    scene.put_accounts();
    let expiry = scene.world.expiry_address(BTC_PERP, time);
    within(20, || tables().iter().any(|table| table.addresses.contains(&expiry)));
}
