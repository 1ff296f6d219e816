//! A whole life over the wire: deposits, a trade by signed orders, falling prices, a margin call, a liquidation, settlement, withdrawals.
//! Keeper and liquidator run as processes; they have to be built, as `cargo test --workspace` does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use common::scene::Scene;
use serde_json::Value;

/// A process that ends with the test.
struct Bot(Child);

impl Bot {
    fn start(scene: &Scene, program: &str, key: &str, more: &[&str]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_novate")).with_file_name(program);
        let pool = scene.pool().to_string();
        let process = Command::new(&program)
            .args(["--url", &scene.node.url, "--ws", &scene.node.ws, "--pool", &pool])
            .args(["--keypair", key, "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::null())
            .spawn();
        Self(process.unwrap_or_else(|error| panic!("{}: {error}", program.display())))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was posted, one body after the other, and where to.
fn webhook() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let posted: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = posted.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let (mut bytes, mut part) = (vec![], [0; 4_096]);
            while let Ok(read @ 1..) = stream.read(&mut part) {
                bytes.extend(&part[..read]);
                if bytes.ends_with(b"}") {
                    break;
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            kept.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
        }
    });
    (url, posted)
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// What a portfolio holds of the perpetual.
fn held(scene: &Scene, portfolio: &str) -> f64 {
    let shown = scene.json(&format!("portfolio show {portfolio}"));
    shown["positions"].as_array().unwrap().first().map_or(0.0, |position| number(&position["quantity"]))
}

/// Both sign, somebody else settles.
fn settle(scene: &Scene, buyer: &str, seller: &str, quantity: &str, price: &str) {
    let [buy, sell] = ["buy.json", "sell.json"].map(|name| scene.node.file(name, ""));
    scene.says(&format!("orders sign buy {quantity} BTC-PERP --limit {price} --keypair {buyer} --out {buy}"));
    scene.says(&format!("orders sign sell {quantity} BTC-PERP --limit {price} --keypair {seller} --out {sell}"));
    scene.says(&format!("orders settle {buy} {sell} --keypair $carol"));
    let again = scene.fails(&format!("orders settle {buy} {sell} --keypair $carol"));
    assert!(again.contains("0 are left of both orders"), "{again}");
}

#[test]
fn from_a_deposit_to_a_withdrawal() {
    let scene = Scene::new("whole-life");
    for (who, usd) in [("$alice", 2_000), ("$bob", 90_000), ("$carol", 50_000)] {
        scene.says(&format!("portfolio open --keypair {who}"));
        scene.says(&format!("deposit USDC {usd} --keypair {who}"));
    }
    scene.publish(1.0);
    settle(&scene, "$alice", "$bob", "0.5", "20000");
    assert_eq!((held(&scene, "$alices"), held(&scene, "$bobs")), (0.5, -0.5));

    let (url, posted) = webhook();
    let carol = scene.file(&scene.keys[2]);
    let keeper = scene.file(&scene.governor);
    let _keeper = Bot::start(&scene, "novate-keeper", &keeper, &["--settle-every", "2", "--least-variation", "1"]);
    let liquidator = ["--mode", "inventory", "--call", "1.3", "--webhook", &url];
    let _liquidator = Bot::start(&scene, "novate-liquidator", &carol, &liquidator);

    // A percent at a time, until the account is called, and on until it is taken over. The average of a minute follows (CLR-42).
    let mut called = None;
    let mut price = 1.0;
    while held(&scene, "$alices") > 0.499 {
        assert!(price > 0.82, "nobody took the account over");
        price -= 0.01;
        for _ in 0..4 {
            scene.node.pass(20);
            scene.publish(price);
            sleep(Duration::from_millis(400));
        }
        if called.is_none() && !posted.lock().unwrap().is_empty() {
            called = Some(price);
        }
    }
    let called = called.expect("it was taken over without a margin call");
    assert!(called > price, "the call at {called} came no earlier than the liquidation at {price}");
    let first = posted.lock().unwrap().first().cloned().unwrap();
    assert!(first.contains("margin_call") && first.contains(&scene.portfolio(0).to_string()), "{first}");
    assert!(held(&scene, "$carols") > 0.0, "the bidder holds nothing");

    // What is left is closed by a signed order, the loss settled by the keeper, and what remains withdrawn.
    let left = scene.json("portfolio show $alices")["positions"][0]["quantity"].as_str().unwrap().to_string();
    scene.publish(price);
    settle(&scene, "$bob", "$alice", &left, &format!("{}", (20_000.0 * price).round()));
    assert_eq!(held(&scene, "$alices"), 0.0);
    let before = scene.holds(&scene.keys[0], 0);
    let mut tries = 0;
    while scene.tries("withdraw USDC all --keypair $alice").is_err() {
        tries += 1;
        assert!(tries < 30, "the keeper settles nothing: {:?}", scene.tries("withdraw USDC all --keypair $alice"));
        scene.node.pass(5);
        scene.publish(price);
        sleep(Duration::from_millis(500));
    }
    let returned = scene.holds(&scene.keys[0], 0) - before;
    assert!((1..2_000_000_000).contains(&returned), "{returned}");
    scene.publish(price);
    scene.says("withdraw USDC 50000 --keypair $bob");

    let books = novate_cli::books::read(&scene.node.cluster(), &scene.pool()).unwrap();
    books.check().unwrap();
}
