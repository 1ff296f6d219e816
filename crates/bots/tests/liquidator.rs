//! `novate-liquidator` as a process against a local validator.

#![allow(clippy::unwrap_used)]

mod scene;

use std::time::{Duration, Instant};

use novate_client::instructions::{self as ix, Holdings, PoolKeys, TradeSide};
use novate_client::rpc::Cluster;
use novate_client::state::Portfolio;
use novate_client::{Instruction, ID};
use novate_tests::{future, Actor, AssetSpec, Builder, BTC, BTC_PERP, CONTRACT, ETH_PERP, GOLD, PRICE, SOL_PERP, USDC};
use scene::{long_at_initial, within, Bot, Fate, Gate, Hook, Proxy, Scene, Ways, FALLEN, SPOT};
use solana_signer::Signer;

struct Cast {
    /// What the long holds in the beginning.
    contracts: i64,
    long: Actor,
    takers: Vec<Actor>,
}

/// A long on the edge, and bidders.
fn scene(name: &str, bidders: usize) -> (Scene, Cast) {
    let (scene, cast) = Scene::new(name, 100, |mut world| {
        let (long, _) = long_at_initial(&mut world);
        let takers = (0..bidders).map(|_| world.trader(100_000)).collect();
        let contracts = contracts(&world.portfolio(&long.portfolio));
        (world, Cast { contracts, long, takers })
    });
    scene.on_the_edge();
    (scene, cast)
}

/// The same with more holdings than one transaction has room for without tables.
fn wide(name: &str) -> (Scene, Cast) {
    let metals = ["TIN", "ZINC", "LEAD"].map(|symbol| AssetSpec::new(symbol, 6, 7.0));
    let world = metals.into_iter().fold(Builder::default(), Builder::and_asset).build();
    let (scene, cast) = Scene::of(name, 100, world, |mut world| {
        let times: Vec<_> = (1..=12).map(|at| world.chain(BTC_PERP, 8 * at, 0.6, &[])).collect();
        let (long, short) = (world.trader(20_000), world.trader(1_000_000));
        let [eth, sol] = [(ETH_PERP, CONTRACT, 1_500 * PRICE), (SOL_PERP, CONTRACT, 30 * PRICE)];
        world.trade(&long, &short, &[(BTC_PERP, CONTRACT, SPOT as i64 * PRICE), eth, sol]);
        for time in times {
            let future = future(BTC_PERP, time, CONTRACT / 10, SPOT as i64 * PRICE);
            let trade = world.trade_of(long.side(), short.side(), &[future]);
            world.succeeds_packed(&[trade], &[&long.key, &short.key]);
        }
        (GOLD..GOLD + 4).for_each(|metal| drop(world.deposit(&long, metal, 10_000_000)));
        let health = world.health(&long);
        let spare = (health.equity - health.initial).unsigned_abs();
        let withdraw = world.withdraw_instruction(&long, USDC, spare);
        world.succeeds_packed(&[withdraw], &[&long.key]);
        let takers = vec![world.trader(100_000)];
        let contracts = contracts(&world.portfolio(&long.portfolio));
        (world, Cast { contracts, long, takers })
    });
    scene.on_the_edge();
    (scene, cast)
}

/// By which transactions with a bid, or with the start of an auction, are known.
fn liquidate() -> Instruction {
    let keys = PoolKeys { pool: ID, scenarios: ID };
    ix::liquidate(keys, ID, TradeSide { portfolio: ID, signer: ID }, &Holdings::default(), 0, 0)
}

fn start_auction() -> Instruction {
    ix::start_auction(PoolKeys { pool: ID, scenarios: ID }, ID, &Holdings::default())
}

fn lamports(scene: &Scene, of: &Actor) -> u64 {
    scene.node.client.get_balance(&of.address()).unwrap()
}

const INVENTORY: [&str; 2] = ["--mode", "inventory"];

fn contracts(portfolio: &Portfolio) -> i64 {
    portfolio.positions().iter().map(|position| position.quantity).sum()
}

impl Cast {
    /// Somebody has taken a part of the account.
    fn is_taken(&self, scene: &Scene) -> bool {
        contracts(&scene.portfolio(&self.long)) < self.contracts
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

/// Both see the same price, and what both send is kept back until both have sent; each is first once.
#[test]
fn of_two_liquidators_one_takes_it_and_the_other_pays_nothing() {
    let (scene, cast) = scene("race", 2);
    let gates = [0, 1].map(|_| Gate::start(scene.node.address()));
    let takers = [&cast.takers[0], &cast.takers[1]];
    let by = |at: usize| Ways { url: gates[at].url(), ..scene.ways() };
    let mut bots: Vec<_> = (0..2).map(|at| scene.liquidator_by(&by(at), takers[at], &INVENTORY)).collect();
    for (round, [first, second]) in [[0, 1], [1, 0]].into_iter().enumerate() {
        gates.iter().for_each(|gate| gate.rule_sent(liquidate(), |_| Fate::Waits));
        let before = gates.each_ref().map(|gate| gate.signed(&liquidate()).len());
        scene.put_accounts();
        scene.on_the_edge();
        let tried = || gates.iter().zip(before).all(|(gate, before)| gate.signed(&liquidate()).len() > before);
        scene.publishing_until(FALLEN, tried);
        let had = takers.map(|taker| lamports(&scene, taker));
        let lost = bots[second].metric("novate_races_lost_total");
        gates[first].rule(|_| Fate::Passes);
        within(20, || cast.is_taken(&scene));
        gates[second].rule(|_| Fate::Passes);
        within(20, || bots[second].metric("novate_races_lost_total") > lost);
        within(20, || !scene.portfolio(&cast.long).in_auction());
        let taken = takers.map(|taker| contracts(&scene.portfolio(taker)));
        assert!(taken[first] > 0 && taken[second] == 0, "round {round}: {taken:?}");
        let has = takers.map(|taker| lamports(&scene, taker));
        assert!(has[first] < had[first] && has[second] == had[second], "round {round}: {had:?} {has:?}");
        assert_eq!(scene.violations(), Vec::<String>::new(), "round {round}");
    }
    for bot in &mut bots {
        assert!(bot.ask("/health").starts_with("HTTP/1.1 200"));
        assert!(bot.stop().success());
    }
}

/// Of a bid that a node took without saying so, nothing is known until its blockhash has expired: no second one is signed.
#[test]
fn a_bid_without_an_answer_is_followed_and_not_signed_again() {
    let (scene, cast) = scene("unanswered", 1);
    let gate = Gate::start(scene.node.address());
    let ways = Ways { url: gate.url(), ..scene.ways() };
    let bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
    scene.on_the_edge();
    gate.rule_sent(liquidate(), |_| Fate::IsLost);
    scene.publishing_until(FALLEN, || !gate.signed(&liquidate()).is_empty());
    let until = Instant::now() + Duration::from_secs(5);
    scene.publishing_until(FALLEN, || Instant::now() > until);
    assert_eq!(gate.signed(&liquidate()).len(), 1, "nobody knows whether the first one lands");
    // It lands now; by prices that are too old, perhaps, and then there may be a second one.
    gate.rule(|_| Fate::Passes);
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    within(20, || bids(&bot) == 1.0);
    assert_eq!(scene.violations(), Vec::<String>::new());
}

/// One that can no longer land is signed anew.
#[test]
fn a_bid_whose_blockhash_has_expired_is_signed_again() {
    let (scene, cast) = scene("expired", 1);
    let gate = Gate::start(scene.node.address());
    let ways = Ways { url: gate.url(), ..scene.ways() };
    let _bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
    scene.on_the_edge();
    let mut lost = None;
    gate.rule_sent(liquidate(), move |transaction| {
        match *lost.get_or_insert(transaction.signatures[0]) == transaction.signatures[0] {
            true => Fate::IsLost,
            false => Fate::Passes,
        }
    });
    let begun = Instant::now();
    scene.publishing_within(90, FALLEN, || cast.is_taken(&scene));
    assert!(begun.elapsed() > Duration::from_secs(10), "150 slots of 100 ms have passed");
    assert_eq!(gate.signed(&liquidate()).len(), 2);
}

/// Killed after it sent a bid, which has landed when it comes back, or is still on its way.
#[test]
fn killed_between_a_bid_and_its_confirmation_it_takes_nothing_twice() {
    for (name, landed) in [("killed_landed", true), ("killed_on_its_way", false)] {
        let (scene, cast) = scene(name, 1);
        let gate = Gate::start(scene.node.address());
        let ways = Ways { url: gate.url(), ..scene.ways() };
        let bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
        scene.on_the_edge();
        gate.rule_sent(liquidate(), move |_| if landed { Fate::IsUnanswered } else { Fate::Waits });
        scene.publishing_until(FALLEN, || !gate.signed(&liquidate()).is_empty());
        bot.kill();
        if landed {
            within(20, || cast.is_taken(&scene));
        }
        assert_eq!(scene.violations(), Vec::<String>::new());
        let bot = scene.liquidator(&cast.takers[0], &INVENTORY);
        scene.publishing_until(FALLEN, || cast.is_taken(&scene) && !scene.portfolio(&cast.long).in_auction());
        let taken = contracts(&scene.portfolio(&cast.takers[0]));
        // What was on its way arrives now.
        gate.rule(|_| Fate::Passes);
        let until = Instant::now() + Duration::from_secs(3);
        scene.publishing_until(FALLEN, || Instant::now() > until);
        assert_eq!(contracts(&scene.portfolio(&cast.takers[0])), taken, "{name}");
        assert_eq!(bids(&bot), if landed { 0.0 } else { 1.0 }, "{name}");
        assert_eq!(scene.violations(), Vec::<String>::new());
    }
}

/// Of an account that does not fit into one transaction, killed when the auction was started and before the bid was sent, and when the bid
/// was.
#[test]
fn killed_in_the_midst_of_several_transactions_it_goes_on() {
    let (scene, cast) = wide("killed_split");
    let gate = Gate::start(scene.node.address());
    let ways = Ways { url: gate.url(), ..scene.ways() };
    let bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
    scene.on_the_edge();
    gate.rule_sent(start_auction(), |_| Fate::IsUnanswered);
    scene.publishing_until(FALLEN, || scene.portfolio(&cast.long).in_auction());
    bot.kill();
    assert!(gate.signed(&liquidate()).is_empty(), "the bid comes in a transaction of its own");
    assert!(!cast.is_taken(&scene));

    gate.rule_sent(liquidate(), |_| Fate::IsUnanswered);
    let bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    bot.kill();
    assert_eq!((gate.signed(&start_auction()).len(), gate.signed(&liquidate()).len()), (1, 1));
    assert_eq!(scene.violations(), Vec::<String>::new());

    gate.rule(|_| Fate::Passes);
    let _bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
    scene.publishing_until(FALLEN, || !scene.portfolio(&cast.long).in_auction());
    assert_eq!(scene.violations(), Vec::<String>::new());
}

/// Tables that the pool's authority has published serve everyone.
#[test]
fn with_the_authoritys_tables_a_wide_account_is_taken_in_one_transaction() {
    let (scene, cast) = wide("authority_tables");
    let governor = scene.world.governor.insecure_clone();
    scene.rich(&governor);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::new(&scene.node.url(), &scene.node.ws());
    runtime.block_on(async {
        let view = cluster.view(&scene.world.pool).await.unwrap();
        assert_eq!(view.snapshot.pool.authority, governor.pubkey());
        cluster.publish_tables(&view, &governor).await.unwrap();
    });
    let gate = Gate::start(scene.node.address());
    let ways = Ways { url: gate.url(), ..scene.ways() };
    let bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    assert_eq!(gate.signed(&start_auction()), gate.signed(&liquidate()), "both in one");
    within(20, || bids(&bot) >= 1.0);
}

/// What the program refused is tried again as soon as it rests on something else, however long it would wait by itself.
#[test]
fn a_new_price_or_another_taker_ends_a_wait() {
    let (scene, cast) = scene("waits", 2);
    // The key may not bid for this portfolio.
    let other = cast.takers[1].portfolio;
    let portfolio = other.to_string();
    let bot = scene.liquidator(&cast.takers[0], &["--mode", "inventory", "--portfolio", &portfolio]);
    let tries = || bot.metric("novate_transactions_total");
    scene.on_the_edge();
    scene.publishing_until(FALLEN, || tries() >= 5.0);
    // 0.5 + 1 + 2 + 4 seconds have passed, the next ones are eight.
    let (before, at) = (tries(), Instant::now());
    scene.publishing_until(FALLEN - 100.0, || tries() > before);
    assert!(at.elapsed() < Duration::from_secs(4), "{:?}", at.elapsed());

    scene.publishing_until(FALLEN - 100.0, || tries() >= before + 5.0);
    let at = Instant::now();
    let mut taker: Portfolio = scene.portfolio(&cast.takers[1]);
    (taker.delegate, taker.delegate_expiry) = (cast.takers[0].address(), i64::MAX);
    taker.sequence += 1;
    scene.write_state(&other, &taker);
    scene.publishing_until(FALLEN - 100.0, || cast.is_taken(&scene));
    assert!(at.elapsed() < Duration::from_secs(4), "{:?}", at.elapsed());
}

/// The price is elsewhere by now than it was when the bot began.
#[test]
fn it_follows_an_asset_to_another_oracle() {
    let (mut scene, cast) = scene("oracle", 1);
    let bot = scene.liquidator(&cast.takers[0], &INVENTORY);
    scene.on_the_edge();
    scene.move_oracle(BTC);
    scene.publishing_until(FALLEN, || cast.is_taken(&scene));
    within(20, || bids(&bot) == 1.0);
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
    let ways = Ways { ws: proxy.url(), ..scene.ways() };
    let bot = scene.liquidator_by(&ways, &cast.takers[0], &INVENTORY);
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
