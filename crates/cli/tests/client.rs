//! The client against a local validator: health, a mirror, transactions and lookup tables.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, Instant};

use common::Node;
use novate_cli::cluster::Cluster;
use novate_client::instructions::{self as build, Holdings};
use novate_client::rpc::{self, check_units, Age, Error, Kind, Limit, Mirror, Options, Request};
use novate_client::state::Portfolio;
use novate_client::{Leg, NovateError, Pubkey, ID};
use novate_tests::feed::Quote;
use novate_tests::world::leg;
use novate_tests::{
    call, future, put, Actor, Chance, World, BTC, BTC_PERP, CONTRACT, ETH, ETH_PERP, GOLD, PRICE, SOL, SOL_PERP, USDC,
};
use solana_account::{Account, ReadableAccount};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A node with everything on it that a world has, at the same time.
struct Scene {
    node: Node,
    world: World,
    cluster: Cluster,
}

impl Scene {
    fn new(name: &str, make: impl FnOnce(&mut World)) -> Scene {
        let node = Node::start(name);
        let mut world = World::default();
        world.pass(node.now() - world.now());
        world.refresh();
        make(&mut world);
        let cluster = node.cluster();
        let scene = Scene { node, world, cluster };
        for (address, account) in &scene.world.svm.accounts_db().inner {
            let owner = *account.owner();
            let of_world = |l: &novate_tests::world::Listing| owner == l.token.program || owner == l.feed.owner;
            if owner == ID || scene.world.listings.iter().any(of_world) {
                scene.node.write(address, Account::from(account.clone()));
            }
        }
        scene
    }

    /// A key of the world with its lamports.
    fn rich(&self, key: &Keypair) {
        self.node.write(&key.pubkey(), self.world.account(&key.pubkey()));
    }

    /// Writes a price on the node, as of now.
    fn publish(&self, asset: u16, usd: f64) {
        let feed = self.world.listing(asset).feed;
        let data = Quote::new(usd, self.node.now()).encode(&feed);
        let account = Account { lamports: 10_000_000, data, owner: feed.owner, ..Account::default() };
        self.node.write(&feed.address, account);
    }

    fn publish_all(&self, by: f64) {
        for (asset, listing) in (0u16..).zip(&self.world.listings) {
            self.publish(asset, if asset == USDC { 1.0 } else { listing.usd * by });
        }
    }

    fn portfolio(&self, address: &Pubkey) -> Portfolio {
        self.cluster.account(address).unwrap()
    }
}

/// Dozens of legs of all kinds, between random portfolios and one that takes the other side.
fn busy(world: &mut World, count: usize) -> Vec<Actor> {
    let mut chance = Chance::new(6);
    let strikes: &[i64] = &[16_000, 18_000, 20_000, 22_000, 25_000];
    let chains = [
        (BTC_PERP, world.chain(BTC_PERP, 20, 0.6, strikes)),
        (BTC_PERP, world.chain(BTC_PERP, 60, 0.6, strikes)),
        (ETH_PERP, world.chain(ETH_PERP, 30, 0.7, &[1_200, 1_500, 1_800])),
    ];
    let maker = world.trader(40_000_000);
    let mut actors = vec![maker.clone()];
    for _ in 0..count {
        let actor = world.trader(chance.between(50_000, 400_000));
        for (asset, most) in [(BTC, 500_000_000), (ETH, 5_000_000_000), (SOL, 1_000_000_000_000), (GOLD, 9_000_000_000)]
        {
            if chance.percent(50) {
                world.deposit(&actor, asset, chance.between(most / 10, most) as u64);
            }
        }
        for _ in 0..chance.between(0, 8) {
            let leg = some_leg(world, &mut chance, &chains);
            world.trade_legs(&actor, &maker, &[leg]);
        }
        actors.push(actor);
    }
    actors
}

fn some_leg(world: &World, chance: &mut Chance, chains: &[(u16, i64)]) -> Leg {
    let side = if chance.percent(50) { 1 } else { -1 };
    let quantity = side * chance.between(1, 30) * CONTRACT / 10;
    if chance.percent(40) {
        let (market, usd) = *chance.pick(&[(BTC_PERP, 20_000), (ETH_PERP, 1_500), (SOL_PERP, 30)]);
        return leg(market, quantity, usd * PRICE);
    }
    let (market, time) = *chance.pick(chains);
    let (expiry, asset) = (world.expiry(market, time), world.asset(world.underlyings[usize::from(market)]));
    let forward = expiry.forward(asset.price).unwrap().0;
    let round = |price: i64, tick: i64| (price / tick).max(1) * tick;
    let (tick, option_tick) = (world.market(market).tick.0, world.market(market).option_tick.0);
    if chance.percent(30) {
        return future(market, time, quantity, round(forward, tick));
    }
    let slot = chance.index(expiry.listed().len());
    let strike = expiry.listed()[slot];
    let slot = slot as u8;
    if chance.percent(50) {
        return call(market, time, slot, quantity, round(strike.mark.0, option_tick));
    }
    put(market, time, slot, quantity, round(strike.mark.0 - forward + strike.strike.0, option_tick))
}

#[test]
fn health_is_the_chains_to_the_unit() {
    let mut actors = vec![];
    let scene = Scene::new("client-health", |world| actors = busy(world, 24));
    let payer = scene.world.payer.insecure_clone();
    scene.rich(&payer);
    let (cluster, pool) = (&scene.cluster, scene.world.pool);
    actors.iter().for_each(|actor| scene.rich(&actor.key));
    let (mut compared, mut positions, mut options) = (0, 0, 0);
    for by in [1.0, 1.015, 0.98] {
        scene.publish_all(by);
        cluster.wait(async {
            let view = cluster.rpc.view(&pool).await.unwrap();
            let portfolios = cluster.rpc.portfolios(&pool).await.unwrap();
            assert_eq!(portfolios.len(), actors.len());
            // What is too old of all that they hold is made young by the client's own plan.
            let all: Vec<_> = portfolios.iter().map(|(_, portfolio)| &**portfolio).collect();
            let mut most =
                Request { payer: payer.pubkey(), age: Age::Sampled, portfolios: all.clone(), ..Request::default() };
            most.holdings = Holdings::of(all.iter().copied());
            let prepared = cluster.rpc.prepare(&view, &most).await.unwrap();
            assert!(prepared.stale.is_empty());
            cluster.rpc.run_prepared(&prepared, &[&payer as &dyn Signer]).await.unwrap();
            for (address, portfolio) in &portfolios {
                let (view, report, units) = loop {
                    let view = cluster.rpc.view(&pool).await.unwrap();
                    let (report, units) = cluster.rpc.chain_health(&view, address, portfolio).await.unwrap();
                    // A second of the chain may have begun in between.
                    if cluster.rpc.now().await.unwrap() == view.now {
                        break (view, report, units);
                    }
                };
                let (book, health) = view.snapshot.book(portfolio, view.now).unwrap();
                let local = [
                    health.equity,
                    health.counted_equity,
                    health.settled_equity,
                    health.option_value,
                    health.initial,
                    health.maintenance,
                    health.gross,
                    health.es_alone,
                    health.es_joint,
                    health.core,
                    health.net_delta_floor,
                    health.contingencies,
                    health.outside,
                ];
                let chain = [
                    report.equity,
                    report.counted_equity,
                    report.settled_equity,
                    report.option_value,
                    report.initial,
                    report.maintenance,
                    report.gross,
                    report.es_alone,
                    report.es_joint,
                    report.core,
                    report.net_delta_floor,
                    report.contingencies,
                    report.outside,
                ];
                assert_eq!(local.map(|usd| usd.0), chain, "{address}");
                for (here, there) in book.underlyings().iter().zip(&report.by_underlying) {
                    assert_eq!((here.scan_loss.0, here.net_delta.0), (there.scan_loss, there.net_delta));
                }
                let most = check_units(portfolio, view.snapshot.scenarios.count);
                assert!(units <= u64::from(most), "{units} units of {most}: {portfolio:?}");
                compared += 1;
                positions += portfolio.positions().len();
                options += portfolio.positions().iter().filter(|p| (p.instrument >> 40) & 0xff > 2).count();
            }
        });
    }
    println!("{compared} portfolios, {positions} positions, {options} of them options");
    assert!(compared == 75 && options > 60 && positions > 150, "{compared} {positions} {options}");
}

#[test]
fn a_mirror_follows_and_comes_back_after_the_socket_dropped() {
    let mut actors = vec![];
    let scene = Scene::new("client-mirror", |world| actors = vec![world.trader(50_000), world.trader(50_000)]);
    let (cluster, pool) = (&scene.cluster, scene.world.pool);
    let [first, second] = [&actors[0], &actors[1]];
    [first, second].iter().for_each(|actor| scene.rich(&actor.key));
    // A door between the mirror and the node, which can be shut.
    let door = common::Door::open(&scene.node.ws);
    let behind = rpc::Cluster::new(&scene.node.url, &door.url());
    let (mirror, mut changes) = cluster.wait(Mirror::start(&behind, pool)).unwrap();
    assert_eq!(mirror.read().portfolios.len(), 2);
    let trade = |price: i64| {
        let view = cluster.wait(cluster.rpc.view(&pool)).unwrap();
        let sides = [first, second].map(|actor| scene.portfolio(&actor.portfolio));
        let holdings = Holdings::of(&sides).with_traded(novate_client::instrument::perpetual(BTC_PERP), BTC);
        let legs = vec![leg(BTC_PERP, CONTRACT / 10, price * PRICE)];
        let trade = build::trade(view.keys(), first.side(), second.side(), &holdings, legs);
        let request = Request {
            instructions: vec![trade],
            payer: first.address(),
            holdings,
            portfolios: sides.iter().collect(),
            ..Request::default()
        };
        let prepared = cluster.wait(cluster.rpc.prepare(&view, &request)).unwrap();
        let keys = [&first.key as &dyn Signer, &second.key as &dyn Signer];
        cluster.wait(cluster.rpc.run_prepared(&prepared, &keys)).unwrap();
    };
    let mut until = |wanted: &[Kind]| {
        let (end, mut wanted) = (Instant::now() + Duration::from_secs(20), wanted.to_vec());
        while !wanted.is_empty() {
            let next = cluster.wait(async { tokio::time::timeout(end - Instant::now(), changes.recv()).await });
            let change = next.unwrap_or_else(|_| panic!("nothing is told of {wanted:?}")).expect("the mirror ended");
            wanted.retain(|kind| *kind != change.kind);
        }
    };
    let same = |what: &str| {
        let end = Instant::now() + Duration::from_secs(10);
        while bytemuck::bytes_of(&*mirror.read().portfolios[&first.portfolio])
            != bytemuck::bytes_of(&scene.portfolio(&first.portfolio))
        {
            assert!(Instant::now() < end, "{what}: the mirror stays behind");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    scene.publish_all(1.0);
    trade(20_000);
    until(&[Kind::Portfolio, Kind::Market(BTC_PERP)]);
    same("a trade");
    let now = cluster.now().unwrap();
    assert!((now - mirror.read().now()).abs() <= 2);

    door.shut();
    trade(20_010);
    let end = Instant::now() + Duration::from_secs(10);
    while mirror.read().current.is_ok() {
        assert!(Instant::now() < end, "the mirror does not notice");
        std::thread::sleep(Duration::from_millis(20));
    }
    door.reopen();
    until(&[Kind::Everything]);
    assert!(mirror.read().current.is_ok());
    same("a dropped socket");
    trade(20_020);
    until(&[Kind::Portfolio]);
    same("a trade after that");
}

#[test]
fn refusals_have_names_and_nothing_is_sent_twice() {
    let mut actors = vec![];
    let scene = Scene::new("client-send", |world| actors = vec![world.trader(1_000), world.trader(50_000)]);
    let (cluster, actor) = (&scene.cluster, &actors[0]);
    scene.rich(&actor.key);
    let signers = [&actor.key as &dyn Signer];
    let options = Options::default();
    let refused = [build::require_sequence(actor.portfolio, 77)];
    // By the simulation, by the preflight's log, and by the number of what landed.
    let simulated = cluster.wait(cluster.rpc.run(&refused, &[], &options, &signers)).unwrap_err();
    assert_eq!(simulated.refused().unwrap().name, NovateError::SequenceMoved.name());
    let blind = Options { limit: Limit::Units(50_000), ..options };
    let preflight = cluster.wait(cluster.rpc.run(&refused, &[], &blind, &signers)).unwrap_err();
    assert_eq!(preflight.refused(), simulated.refused());
    let message = cluster.wait(cluster.rpc.message(&refused, &actor.address(), &[], &blind)).unwrap();
    let transaction = rpc::sign(message, &signers).unwrap();
    cluster.wait(cluster.rpc.push(&transaction)).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let landed = cluster.wait(cluster.rpc.send(&transaction)).unwrap_err();
    assert_eq!(landed.refused(), simulated.refused());

    // The same transaction sent again is the same transaction.
    let to = Pubkey::new_unique();
    let transfer = novate_client::tokens::transfer(actor.address(), to, 5_000_000);
    let message = cluster.wait(cluster.rpc.message(&[transfer], &actor.address(), &[], &options)).unwrap();
    let transaction = rpc::sign(message, &signers).unwrap();
    let signature = cluster.wait(cluster.rpc.send(&transaction)).unwrap();
    assert_eq!(cluster.wait(cluster.rpc.send(&transaction)).unwrap(), signature);
    assert_eq!(cluster.wait(cluster.rpc.lamports(&to)).unwrap(), 5_000_000);
    // Also one that was executed and is not confirmed yet.
    for lamports in 1..=5 {
        let transfer = novate_client::tokens::transfer(actor.address(), to, lamports);
        let message = cluster.wait(cluster.rpc.message(&[transfer], &actor.address(), &[], &options)).unwrap();
        let transaction = rpc::sign(message, &signers).unwrap();
        cluster.wait(cluster.rpc.push(&transaction)).unwrap();
        cluster.wait(cluster.rpc.send(&transaction)).unwrap();
    }
    assert_eq!(cluster.wait(cluster.rpc.lamports(&to)).unwrap(), 5_000_015);
    let nobody = rpc::Cluster::new("http://127.0.0.1:1", "ws://127.0.0.1:1");
    let error = cluster.wait(nobody.now()).unwrap_err();
    assert!(matches!(error, Error::Node { .. }) && error.to_string().contains("no node answers at"), "{error}");
}

#[test]
fn tables_are_made_once_and_a_wide_trade_fits() {
    let mut actors = vec![];
    let scene = Scene::new("client-tables", |world| actors = busy(world, 3));
    let (cluster, pool) = (&scene.cluster, scene.world.pool);
    let [maker, taker] = [&actors[0], &actors[3]];
    [maker, taker].iter().for_each(|actor| scene.rich(&actor.key));
    scene.publish_all(1.0);
    let view = cluster.wait(cluster.rpc.view(&pool)).unwrap();
    let tables = cluster.wait(cluster.rpc.publish_tables(&view, &maker.key)).unwrap();
    assert!(tables.len() >= 3 && tables[0].addresses[0] == pool, "{tables:?}");
    let lamports = cluster.wait(cluster.rpc.lamports(&maker.address())).unwrap();
    let again = cluster.wait(cluster.rpc.publish_tables(&view, &maker.key)).unwrap();
    assert_eq!((&again, lamports), (&tables, cluster.wait(cluster.rpc.lamports(&maker.address())).unwrap()));
    let mut found = cluster.wait(cluster.rpc.tables(&maker.address())).unwrap();
    found.sort_by_key(|table| tables.iter().position(|t| t.key == table.key));
    assert_eq!(found, tables);

    let sides = [maker, taker].map(|actor| scene.portfolio(&actor.portfolio));
    let mut holdings = Holdings::of(&sides);
    let mut legs = vec![];
    for (market, asset, usd) in [(BTC_PERP, BTC, 20_000), (ETH_PERP, ETH, 1_500), (SOL_PERP, SOL, 30)] {
        holdings = holdings.with_traded(novate_client::instrument::perpetual(market), asset);
        legs.push(leg(market, CONTRACT / 10, usd * PRICE));
    }
    let trade = build::trade(view.keys(), maker.side(), taker.side(), &holdings, legs);
    let request = |tables, times| Request {
        instructions: vec![trade.clone(); times],
        payer: maker.address(),
        holdings: holdings.clone(),
        portfolios: sides.iter().collect(),
        age: Age::Sampled,
        tables,
        options: Options { unit_price: 1_000, ..Options::default() },
        ..Request::default()
    };
    let bare = cluster.wait(cluster.rpc.prepare(&view, &request(&[], 1))).unwrap();
    let prepared = cluster.wait(cluster.rpc.prepare(&view, &request(&tables, 1))).unwrap();
    let size = |message: &rpc::VersionedMessage| message.serialize().len() + 129;
    let [with, without] = [&prepared, &bare].map(|p| size(p.messages.last().unwrap()));
    println!("{with} bytes with tables, {without} without, in {} and {}", prepared.messages.len(), bare.messages.len());
    assert!(with < without);
    let keys = [&maker.key as &dyn Signer, &taker.key as &dyn Signer];
    cluster.wait(cluster.rpc.run_prepared(&prepared, &keys)).unwrap();
    assert_eq!(scene.portfolio(&maker.portfolio).sequence, sides[0].sequence + 1);
    // What is sent in several cannot be simulated: its limits are those of its shape, and they suffice.
    scene.publish_all(1.001);
    let view = cluster.wait(cluster.rpc.view(&pool)).unwrap();
    let several = cluster.wait(cluster.rpc.prepare(&view, &request(&[], 3))).unwrap();
    let limits: Vec<_> = several.messages.iter().map(limit).collect();
    assert!(limits.len() > 1 && limits[0] < 100_000, "{limits:?}");
    cluster.wait(cluster.rpc.run_prepared(&several, &keys)).unwrap();
    assert_eq!(scene.portfolio(&maker.portfolio).sequence, sides[0].sequence + 4);
}

/// Compute units that a message asks for, in its first instruction.
fn limit(message: &rpc::VersionedMessage) -> u32 {
    u32::from_le_bytes(*message.instructions()[0].data[1..].first_chunk().unwrap())
}
