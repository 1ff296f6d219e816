//! `novate-liquidator` as a process against a local validator.

#![allow(clippy::unwrap_used)]

mod scene;

use novate_client::state::Portfolio;
use novate_tests::{Actor, BTC, USDC};
use scene::{long_at_initial, within, Bot, Hook, Proxy, Scene, FALLEN};
use solana_signer::Signer;

struct Cast {
    long: Actor,
    takers: Vec<Actor>,
}

/// A long on the edge, and bidders.
fn scene(name: &str, bidders: usize) -> (Scene, Cast) {
    let (scene, cast) = Scene::new(name, 100, |mut world| {
        let (long, _) = long_at_initial(&mut world);
        let takers = (0..bidders).map(|_| world.trader(100_000)).collect();
        (world, Cast { long, takers })
    });
    scene.on_the_edge();
    (scene, cast)
}

const INVENTORY: [&str; 2] = ["--mode", "inventory"];

fn contracts(portfolio: &Portfolio) -> i64 {
    portfolio.positions().iter().map(|position| position.quantity).sum()
}

impl Cast {
    /// Somebody has taken a part of the account.
    fn is_taken(&self, scene: &Scene) -> bool {
        contracts(&scene.portfolio(&self.long)) < 2 * novate_tests::CONTRACT
    }
}

fn bids(bot: &Bot) -> f64 {
    bot.metric("novate_reaction_seconds_count")
}

#[test]
fn a_price_that_makes_an_account_short_leads_to_a_bid() {
    let (scene, cast) = scene("a_bid", 1);
    let mut bot = scene.liquidator(&cast.takers[0], &INVENTORY);
    assert_eq!(bot.metric("novate_candidates"), 2.0, "both sides of the trade");
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    within(20, || bids(&bot) == 1.0);
    assert!(contracts(&scene.portfolio(&cast.takers[0])) > 0);
    assert!(!scene.portfolio(&cast.long).in_auction(), "it is restored");
    assert!(bot.metric("novate_lamports_spent_total") >= 5_000.0 && bot.metric("novate_gain_usd") > 0.0);
    assert!(bot.stop().success());
}

#[test]
fn of_two_liquidators_one_takes_it_and_the_other_goes_on() {
    let (scene, cast) = scene("race", 2);
    let mut bots: Vec<_> = cast.takers.iter().map(|taker| scene.liquidator(taker, &INVENTORY)).collect();
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    within(20, || bots.iter().map(bids).sum::<f64>() >= 1.0);
    within(20, || !scene.portfolio(&cast.long).in_auction());
    let taken: Vec<_> = cast.takers.iter().map(|taker| contracts(&scene.portfolio(taker))).collect();
    assert_eq!(taken.iter().filter(|taken| **taken > 0).count(), 1, "{taken:?}");
    for bot in &mut bots {
        assert!(bot.ask("/health").starts_with("HTTP/1.1 200"));
        assert!(bot.stop().success());
    }
}

#[test]
fn a_dry_run_sends_nothing() {
    let (scene, cast) = scene("dry_run", 1);
    let bot = scene.liquidator(&cast.takers[0], &["--mode", "inventory", "--dry-run"]);
    let lamports = || scene.node.client.get_balance(&cast.takers[0].key.pubkey()).unwrap();
    let before = (lamports(), scene.portfolio(&cast.long).sequence);
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || bot.ask("/metrics").contains("outcome=\"dry_run\""));
    assert!(bot.metric("novate_transactions_total") >= 1.0);
    assert_eq!((lamports(), scene.portfolio(&cast.long).sequence), before);
    assert_eq!(bot.metric("novate_lamports_spent_total"), 0.0);
}

#[test]
fn without_inventory_it_waits_until_the_discount_pays() {
    let (scene, cast) = scene("no_inventory", 1);
    let bot = scene.liquidator(&cast.takers[0], &["--mode", "no-inventory"]);
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || scene.portfolio(&cast.long).in_auction());
    within(20, || bids(&bot) == 1.0);
    assert!(!cast.is_taken(&scene), "2 % of the equity are not 0.6 % of the notional");
    scene.node.pass(300);
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    assert!(contracts(&scene.portfolio(&cast.takers[0])) > 0);
}

#[test]
fn it_goes_on_when_the_node_is_back() {
    let (mut scene, cast) = scene("restart", 1);
    let mut bot = scene.liquidator(&cast.takers[0], &INVENTORY);
    scene.node.stop();
    within(30, || bot.ask("/health").starts_with("HTTP/1.1 503"));
    scene.node.back();
    scene.put();
    scene.rich(&cast.takers[0].key);
    within(40, || bot.metric("novate_reconnects_total") >= 1.0);
    within(20, || bot.ask("/health").starts_with("HTTP/1.1 200"));
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    assert!(bot.stop().success());
}

#[test]
fn it_goes_on_when_its_socket_drops() {
    let (scene, cast) = scene("socket", 1);
    let proxy = Proxy::start(scene.node.ws_address());
    let bot = scene.liquidator_at(&proxy.url(), &cast.takers[0], &INVENTORY);
    proxy.cut();
    within(20, || bot.metric("novate_reconnects_total") >= 1.0);
    within(20, || bot.metric("novate_mirror_current") == 1.0);
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
}

#[test]
fn a_margin_call_arrives_once() {
    let (scene, cast) = scene("margin_call", 1);
    let hook = Hook::start();
    let url = hook.url();
    let more = ["--no-bids", "--call", "1.2", "--call", "1.1", "--webhook", &url];
    let bot = scene.liquidator(&cast.takers[0], &more);
    assert_eq!(hook.taken(), Vec::<serde_json::Value>::new(), "it is at 1.25");
    scene.publish(USDC, 1.0);
    scene.publish(BTC, 19_800.0);
    within(20, || hook.taken().len() == 1);
    let call = &hook.taken()[0];
    assert_eq!((call["kind"].as_str(), call["level"].as_str()), (Some("margin_call"), Some("1.2000")));
    assert_eq!(call["portfolio"].as_str(), Some(cast.long.portfolio.to_string().as_str()));
    assert_eq!(call["owner"].as_str(), Some(cast.long.address().to_string().as_str()));
    // To and fro below the level says nothing new; the next level does.
    for usd in [19_790.0, 19_800.0, 19_780.0, 19_550.0] {
        scene.publish(BTC, usd);
        std::thread::sleep(std::time::Duration::from_millis(600));
    }
    within(20, || hook.taken().len() == 2);
    assert_eq!(hook.taken()[1]["level"].as_str(), Some("1.1000"));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!((hook.taken().len(), bot.metric("novate_margin_calls_total")), (2, 2.0));
}
