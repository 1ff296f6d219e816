//! The mirror of a pool behind an address with several nodes, of which one lags.

#![allow(clippy::unwrap_used)]

mod scene;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use novate_client::rpc::{Cluster, Mirror};
use novate_client::state::Portfolio;
use novate_tests::DOLLAR;
use scene::{Fate, Gate, Scene};
use serde_json::{json, Value};
use solana_rpc_client_api::request::RpcRequest;

/// Where `getMultipleAccounts` and `getProgramAccounts` say of which slot they have to be.
fn since(request: &Value) -> Option<u64> {
    request["params"][1]["minContextSlot"].as_u64()
}

/// A node that is behind shows a portfolio as it was: what has happened since was told before, and is not told again.
#[test]
fn what_a_node_that_lags_says_is_not_taken_for_the_latest() {
    let (scene, trader) = Scene::new("mirror_lags", 100, |mut world| {
        let trader = world.trader(1_000);
        (world, trader)
    });
    let address = trader.portfolio;
    let asked = json!([[address.to_string()], { "encoding": "base64", "commitment": "confirmed" }]);
    let before: Value = scene.node.client.send(RpcRequest::GetMultipleAccounts, asked).unwrap();
    let mut state: Portfolio = scene.portfolio(&trader);
    (state.cash, state.sequence) = (700 * DOLLAR, state.sequence + 1);
    scene.write_state(&address, &state);
    let slot = scene.node.client.get_slot().unwrap();
    scene::within(10, || scene.node.client.get_slot().unwrap() > slot + 2);

    let gate = Gate::start(scene.node.address());
    let mut behind = 0;
    gate.rule(move |request| {
        let lists = request["method"] == "getProgramAccounts";
        let reads = request["method"] == "getMultipleAccounts" && request["params"][0] == json!([address.to_string()]);
        match since(request) {
            None if lists => Fate::IsAnswered(json!([])),
            None if reads => Fate::IsAnswered(before.clone()),
            // At first it has not come so far.
            Some(_) if (lists || reads) && behind < 4 => {
                behind += 1;
                Fate::IsRefused(-32_016)
            }
            _ => Fate::Passes,
        }
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mirror, _changes) = runtime
        .block_on(async { Mirror::start(&Cluster::new(&gate.url(), &scene.node.ws()), scene.world.pool).await })
        .unwrap();
    let mirrored = mirror.read();
    assert_eq!(mirrored.portfolios.get(&address).map(|portfolio| portfolio.cash), Some(700 * DOLLAR));
}

/// A node that names the slot of the subscription in all that it tells: where the clock leapt between subscribing and reading, all of it
/// looks older than what was read.
#[test]
fn what_is_told_with_a_slot_of_before_is_asked_for() {
    let (scene, trader) = Scene::new("mirror_leaps", 100, |mut world| {
        let trader = world.trader(1_000);
        (world, trader)
    });
    let gate = Gate::start(scene.node.address());
    let leapt = Arc::new(AtomicBool::new(false));
    let seen = leapt.clone();
    gate.rule(move |_| if seen.load(Ordering::Relaxed) { Fate::Passes } else { Fate::Waits });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mirror, _changes) = thread::scope(|scope| {
        scope.spawn(|| {
            // It subscribes meanwhile.
            thread::sleep(Duration::from_secs(1));
            scene.node.pass(3_600);
            leapt.store(true, Ordering::Relaxed);
        });
        let cluster = Cluster::new(&gate.url(), &scene.node.ws());
        runtime.block_on(async { Mirror::start(&cluster, scene.world.pool).await }).unwrap()
    });
    let mut state: Portfolio = scene.portfolio(&trader);
    (state.cash, state.sequence) = (700 * DOLLAR, state.sequence + 1);
    scene.write_state(&trader.portfolio, &state);
    let shown = || mirror.read().portfolios.get(&trader.portfolio).map(|portfolio| portfolio.cash);
    scene::within(10, || shown() == Some(700 * DOLLAR));
}
