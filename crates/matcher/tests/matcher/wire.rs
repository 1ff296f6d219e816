//! With a local validator: signed orders over HTTP become positions on the chain.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use novate_client::instructions::cancel_orders;
use novate_client::state::{Market, Portfolio};
use novate_client::{addresses, instrument, Instruction, Pubkey, Right, ID};
use novate_matcher::admission::Submission;
use novate_matcher::control::Wish;
use novate_matcher::engine::Which;
use novate_tests::feed::Quote;
use novate_tests::world::program_path;
use novate_tests::{Actor, World, BTC_PERP, CONTRACT, PRICE};
use serde_json::{json, Value};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::process::{folder, Matcher};
use crate::signing::{buy, sell, Trader, Wanted};

use node::{hex, Node};

#[path = "../../../bots/tests/scene/node.rs"]
#[allow(dead_code)]
mod node;

/// Waits until it holds.
#[track_caller]
pub fn within(seconds: u64, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "not within {seconds} s");
        thread::sleep(Duration::from_millis(50));
    }
}

struct Scene {
    node: Node,
    world: World,
    folder: PathBuf,
    payer: Keypair,
}

impl Scene {
    fn new<T>(name: &str, make: impl FnOnce(&mut World) -> T) -> (Scene, T) {
        let (node, mut world) = (Node::start(100), World::default());
        world.pass(node.now() - world.now());
        world.refresh();
        let made = make(&mut world);
        if world.now() > node.now() {
            node.pass(world.now() - node.now());
        }
        let scene = Scene { node, world, folder: folder(name), payer: Keypair::new() };
        scene.put();
        (scene, made)
    }

    fn put(&self) {
        let program = fs::read(program_path()).unwrap();
        self.node.cheat("surfnet_writeProgram", json!([ID.to_string(), hex(&program), 0]));
        let own = self.world.svm.get_program_accounts(&ID).into_iter().map(|(address, _)| address);
        let listed = self.world.listings.iter().flat_map(|listing| [listing.token.mint, listing.feed.address]);
        for address in own.chain(listed) {
            self.node.write(&address, &self.world.account(&address));
        }
        self.rich(&self.payer.pubkey());
        self.publish();
    }

    fn rich(&self, key: &Pubkey) {
        self.node.write(key, &Account { lamports: 10_000_000_000, ..Account::default() });
    }

    /// Every price as of now.
    fn publish(&self) {
        for asset in 0..self.world.listings.len() as u16 {
            let listing = self.world.listing(asset);
            let data = Quote::new(listing.usd, self.node.now()).encode(&listing.feed);
            let account = Account { lamports: 10_000_000, data, owner: listing.feed.owner, ..Account::default() };
            self.node.write(&listing.feed.address, &account);
        }
    }

    fn file(&self, key: &Keypair) -> String {
        let path = self.folder.join(format!("{}.json", key.pubkey()));
        fs::write(&path, format!("{:?}", key.to_bytes())).unwrap();
        path.display().to_string()
    }

    fn matcher(&self, more: &[&str]) -> Matcher {
        let (key, pool) = (self.file(&self.payer), self.world.pool.to_string());
        let (url, ws) = (self.node.url(), self.node.ws());
        let own = ["--url", &url, "--ws", &ws, "--pool", &pool, "--keypair", &key, "--log", "info"];
        Matcher::run(&self.folder, &[&own, more].concat())
    }

    fn position(&self, of: &Actor) -> i64 {
        let portfolio: Portfolio = self.node.state(&of.portfolio);
        portfolio.quantity_of(instrument::perpetual(BTC_PERP))
    }

    /// Publishes prices until it holds.
    #[track_caller]
    fn until(&self, mut holds: impl FnMut() -> bool) {
        let mut published: Option<Instant> = None;
        within(40, || {
            if published.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
                self.publish();
                published = Some(Instant::now());
            }
            holds()
        });
    }

    /// A transaction of whoever pays and signs.
    fn run(&self, instruction: Instruction, signers: &[&Keypair]) {
        let cluster = novate_client::rpc::Cluster::new(&self.node.url(), &self.node.ws());
        let all: Vec<&dyn Signer> = [&self.payer].into_iter().chain(signers.iter().copied()).map(|s| s as _).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cluster.run(&[instruction], &[], &Default::default(), &all)).unwrap();
    }
}

fn trader(scene: &Scene, actor: &Actor) -> Trader {
    let portfolio: Portfolio = scene.node.state(&actor.portfolio);
    Trader { key: actor.key.insecure_clone(), portfolio: actor.portfolio, generation: portfolio.generation }
}

/// By the chain's clock, which may be apart from this machine's.
fn at(scene: &Scene, wanted: Wanted) -> Wanted {
    let now = scene.node.now();
    let nonce = now as u64 * 1_000_000 + wanted.nonce % 1_000_000;
    Wanted { until: now + 3_600, nonce, ..wanted }
}

fn order(matcher: &Matcher, answer: &Value) -> Value {
    matcher.get(&format!("/orders/{}", answer["id"].as_str().unwrap())).1
}

#[test]
fn signed_orders_become_positions() {
    let (scene, actors) = Scene::new("wire", |world| [100_000, 100_000, 100].map(|usd| world.trader(usd)));
    let mut matcher = scene.matcher(&["--publish-tables"]);
    let [first, second, poor] = actors.each_ref().map(|actor| trader(&scene, actor));
    let resting = matcher.sends("/orders", &first.sign_offchain(first.text(&at(&scene, sell(2, 20_010)))));
    let taker = matcher.sends("/orders", &second.order(&at(&scene, buy(3, 20_020))));
    assert_eq!((taker["filled"].clone(), taker["settled"].clone()), (json!("2"), json!("0")));
    scene.until(|| scene.position(&actors[1]) == 2 * CONTRACT);
    assert_eq!(scene.position(&actors[0]), -2 * CONTRACT);
    within(10, || order(&matcher, &taker)["settled"] == "2" && order(&matcher, &resting)["settled"] == "2");

    // Who has no margin is closed by the program's error, and the other waits again.
    let bid = order(&matcher, &taker);
    assert_eq!(bid["remaining"], "1");
    let short = matcher.sends("/orders", &poor.order(&at(&scene, sell(1, 20_020))));
    assert_eq!(short["filled"], "1");
    scene.until(|| order(&matcher, &short)["error"] == "BelowInitialMargin");
    assert_eq!(order(&matcher, &short)["filled"], "0");
    let bid = order(&matcher, &taker);
    assert_eq!((bid["status"].clone(), bid["remaining"].clone()), (json!("open"), json!("1")));

    // A spread: two legs at prices of their own, each within its band.
    let spread = |mut wanted: Wanted| {
        wanted.legs = vec![(1, "BTC-PERP".into(), 0), (-2, "ETH-PERP".into(), 1)];
        wanted
    };
    matcher.sends("/orders", &first.order(&at(&scene, spread(buy(1, 17_005)))));
    let sold = matcher.sends("/orders", &second.order(&at(&scene, spread(sell(1, 17_000)))));
    scene.until(|| order(&matcher, &sold)["settled"] == "1");
    assert_eq!(scene.position(&actors[0]), -CONTRACT);
    let portfolio: Portfolio = scene.node.state(&actors[0].portfolio);
    assert_eq!(portfolio.quantity_of(instrument::perpetual(1)), -2 * CONTRACT);

    // What is cancelled on the chain leaves the book.
    let wanted = at(&scene, sell(1, 20_500));
    let gone = matcher.sends("/orders", &first.order(&wanted));
    scene.rich(&first.key.pubkey());
    let minimum = wanted.nonce + 1;
    scene.run(cancel_orders(first.key.pubkey(), first.portfolio, minimum, vec![]), &[&first.key]);
    within(20, || order(&matcher, &gone)["error"] == "NonceTooLow");
    matcher.refuses("/orders", &first.order(&wanted_again(&wanted)), "NonceTooLow");
    assert!(matcher.stop().success());
}

/// Another order that was signed before.
fn wanted_again(wanted: &Wanted) -> Wanted {
    Wanted { nonce: wanted.nonce - 1, ..wanted.clone() }
}

/// Strikes that were listed and never priced have no mark until somebody trades them: the matcher prices them first.
#[test]
fn a_quoted_spread_of_new_options_is_settled() {
    let (scene, (actors, time)) = Scene::new("wire_options", |world| {
        let actors = [500_000, 50_000].map(|usd| world.trader(usd));
        let time = world.chain(BTC_PERP, 20, 0.6, &[18_000, 20_000, 22_000]);
        world.list_strikes(BTC_PERP, time, &[19_000 * PRICE, 21_000 * PRICE]);
        (actors, time)
    });
    let expiry = scene.world.expiry(BTC_PERP, time);
    let mark = |usd: i64| expiry.listed().iter().find(|strike| strike.strike.0 == usd * PRICE).unwrap().mark.0;
    assert_eq!((mark(19_000), mark(21_000)), (0, 0), "they are priced already");
    // Between neighbours, half of what lies between the outer ones.
    let fair = (mark(18_000) - mark(22_000)) / 2 / PRICE / 10 * 10;

    let matcher = scene.matcher(&["--publish-tables"]);
    let [maker, taker] = actors.each_ref().map(|actor| trader(&scene, actor));
    let listed = matcher.get("/instruments").1["instruments"].clone();
    let call = |usd: i64| {
        let found =
            listed.as_array().unwrap().iter().find(|of| of["symbol"].as_str().unwrap().ends_with(&format!("-{usd}-C")));
        found.unwrap()["symbol"].as_str().unwrap().to_string()
    };
    let legs = vec![(1, call(19_000), 0), (-1, call(21_000), 0)];
    let strategy = format!("2 x 1 {}#0, -1 {}#0", legs[0].1, legs[1].1);
    let asks = Wish::Request { strategy, seconds: 60 };
    let request = matcher.sends("/rfq", &taker.control_at(asks, scene.node.now() as u64 * 1_000_000));
    let of = |trader: &Trader, wanted: Wanted| {
        let order = trader.order(&Wanted { legs: legs.clone(), ..at(&scene, wanted) });
        Submission { request: Some(request["id"].as_str().unwrap().into()), ..order }
    };
    let quote = matcher.sends("/orders", &of(&maker, sell(2, fair + 10)));
    let mut takes = buy(2, fair + 20);
    takes.flags.ioc = true;
    let taken = matcher.sends("/orders", &of(&taker, takes));
    assert_eq!((&taken["filled"], &taken["why"]), (&json!("2"), &json!("Filled")));
    scene.until(|| {
        let quote = order(&matcher, &quote);
        assert_eq!(quote["error"], Value::Null, "{quote}");
        quote["settled"] == "2"
    });
    for (slot, sign) in [(3, 1), (4, -1)] {
        let id = instrument::option(BTC_PERP, expiry.minutes(), slot, Right::Call);
        let held = [0, 1].map(|who| scene.node.state::<Portfolio>(&actors[who].portfolio).quantity_of(id));
        assert_eq!(held, [-2 * sign * CONTRACT, 2 * sign * CONTRACT]);
    }
    let taker: Portfolio = scene.node.state(&actors[1].portfolio);
    let paid = 50_000_000_000 - taker.cash;
    let premium = 2 * (fair + 10) * 1_000_000;
    assert!((premium..premium + 100_000_000).contains(&paid), "{paid} paid for {premium}, fees included");
}

#[test]
fn killed_while_it_settles_every_fill_lands_once() {
    let (scene, actors) = Scene::new("wire_kill", |world| [1_000_000, 1_000_000].map(|usd| world.trader(usd)));
    let [first, second] = actors.each_ref().map(|actor| trader(&scene, actor));
    let (mut expected, mut orders) = (0, vec![]);
    for (round, moment) in [0u64, 60, 140, 300, 500].into_iter().enumerate() {
        let mut matcher = scene.matcher(if round == 0 { &["--publish-tables"] } else { &[] });
        scene.publish();
        for _ in 0..3 {
            matcher.sends("/orders", &first.order(&at(&scene, sell(1, 20_010))));
            orders.push(matcher.sends("/orders", &second.order(&at(&scene, buy(1, 20_010)))));
            expected += CONTRACT;
        }
        thread::sleep(Duration::from_millis(moment));
        matcher.kill();
    }
    let matcher = scene.matcher(&[]);
    scene.until(|| orders.iter().all(|placed| order(&matcher, placed)["settled"] == "1"));
    assert_eq!(scene.position(&actors[1]), expected, "each fill once");
    assert_eq!(scene.position(&actors[0]), -expected);
}

#[test]
fn who_signs_right_after_the_clock_leapt_is_taken() {
    let (scene, actor) = Scene::new("wire_leap", |world| world.trader(100_000));
    let (matcher, trader) = (scene.matcher(&[]), trader(&scene, &actor));
    for _ in 0..3 {
        scene.node.pass(1_800);
        let time = scene.node.now() as u64 * 1_000_000;
        matcher.sends("/cancels", &trader.control_at(Wish::Cancel(Which::All), time));
        scene.node.pass(1_800);
        matcher.sends("/orders", &trader.order(&at(&scene, sell(1, 20_010))));
    }
    // A time that no clock shows is refused as before.
    let time = (scene.node.now() as u64 + 90) * 1_000_000;
    matcher.refuses("/cancels", &trader.control_at(Wish::Cancel(Which::All), time), "TimeTooOld");
}

#[test]
fn a_registered_venue_reports_its_mids() {
    let (scene, (venue, actors)) =
        Scene::new("wire_mids", |world| (world.venue(), [100_000, 100_000].map(|usd| world.trader(usd))));
    scene.rich(&venue.pubkey());
    let [first, second] = actors.each_ref().map(|actor| trader(&scene, actor));
    let key = scene.file(&venue);
    let matcher = scene.matcher(&["--venue-key", &key, "--mid-every", "1"]);
    matcher.sends("/orders", &first.order(&at(&scene, sell(1, 20_030))));
    matcher.sends("/orders", &second.order(&at(&scene, buy(1, 20_010))));
    scene.until(|| matcher.get("/metrics").1.as_str().unwrap().contains(r#"mids_total{outcome="reported"}"#));
    let market: Market = scene.node.state(&addresses::market(&scene.world.pool, BTC_PERP));
    assert!(market.mids.iter().any(|mid| mid.time > 0 && mid.premium == 1_000_000_000), "20,020 on 20,000 is 0.1 %");
}
