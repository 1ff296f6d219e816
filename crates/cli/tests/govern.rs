//! `novate govern` as a process, against a local validator with a pool on it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use base64::prelude::{Engine, BASE64_STANDARD};
use common::Node;
use novate_client::state::{Asset, Pool};
use novate_client::{addresses, decode, instructions as build, AssetField, AssetSetting, Pubkey, ID};
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE};
use serde_json::{json, Value};
use solana_account::{Account, ReadableAccount};
use solana_keypair::Keypair;
use solana_signer::Signer;

const DAY: i64 = 86_400;

/// A node with everything on it that a world has: two traders with a position each.
struct Scene {
    node: Node,
    world: World,
    tight: Actor,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let mut world = World::default();
        // Little above initial margin at a scan range of 15 %: 20,000 USD of BTC ask for 3,000 USD and some.
        let (tight, wide) = (world.trader(3_500), world.trader(40_000));
        world.trade(&tight, &wide, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        let node = Node::start(name);
        for (address, account) in &world.svm.accounts_db().inner {
            let owner = *account.owner();
            let token = world.listings.iter().any(|listing| owner == listing.token.program);
            if owner == ID || token {
                node.write(address, Account::from(account.clone()));
            }
        }
        let governor = world.governor.pubkey();
        node.write(&governor, world.account(&governor));
        Scene { node, world, tight }
    }

    /// A file with a change of the pool.
    fn change(&self, change: Value) -> String {
        let text = json!({ "pool": self.world.pool.to_string(), "change": change }).to_string();
        self.node.file("change.json", &text)
    }

    fn governor(&self) -> String {
        self.node.key("governor.json", &self.world.governor)
    }

    fn says(&self, arguments: &[&str]) -> String {
        self.node.says(&[&["govern"], arguments].concat())
    }

    fn fails(&self, arguments: &[&str]) -> String {
        self.node.fails(&[&["govern"], arguments].concat())
    }

    fn asset(&self, index: u16) -> Asset {
        let address = addresses::asset(&self.world.pool, index);
        decode(&self.node.client.get_account_data(&address).unwrap()).unwrap()
    }
}

fn wider(range: u64) -> Value {
    json!({ "set_asset": { "asset": BTC, "terms": { "base_range": range, "max_age": 90 } } })
}

#[test]
fn a_change_waits_is_shown_and_executed_once() {
    let scene = Scene::new("whole");
    let governor = scene.governor();
    let file = scene.change(wider(180_000));
    let said = scene.says(&["schedule", &file, "--keypair", &governor]);
    let change = said.lines().next().unwrap();
    assert_eq!(change, addresses::change(&scene.world.pool, 0).to_string());
    assert!(said.contains("waits"), "{said}");

    let listed = scene.says(&["list", &scene.world.pool.to_string()]);
    assert!(listed.contains(change) && listed.contains("set_asset"), "{listed}");
    let shown = scene.says(&["show", change]);
    for words in ["base_range: 150000 -> 180000, tightens", "max_age: 60 -> 90, loosens", "waits"] {
        assert!(shown.contains(words), "{shown}");
    }
    let early = scene.fails(&["execute", change, "--keypair", &governor]);
    assert!(early.contains("ChangeNotReady"), "{early}");

    scene.node.pass(2 * DAY);
    assert!(scene.says(&["show", change]).contains("can be executed"));
    assert_eq!(scene.says(&["execute", change, "--keypair", &governor]).trim(), "set_asset is executed");
    assert_eq!(scene.asset(BTC).max_age, 90);
    let again = scene.fails(&["execute", change, "--keypair", &governor]);
    assert!(again.contains("there is no account"), "{again}");
    assert!(scene.says(&["list", &scene.world.pool.to_string()]).contains("no change is open"));
}

#[test]
fn a_change_is_cancelled() {
    let scene = Scene::new("cancelled");
    let governor = scene.governor();
    let file = scene.change(wider(180_000));
    let said = scene.says(&["schedule", &file, "--keypair", &governor]);
    let change = said.lines().next().unwrap();
    assert_eq!(scene.says(&["cancel", change, "--keypair", &governor]).trim(), "change 0 is cancelled");
    assert!(scene.fails(&["show", change]).contains("there is no account"));
}

#[test]
fn who_would_be_short_is_named() {
    let scene = Scene::new("short");
    // At 16 % 3,200 USD, at 18.75 % 3,750; it has 3,500 less a fee of 10.
    let sound = scene.says(&["show", &scene.change(wider(160_000))]);
    assert!(!sound.contains(&scene.tight.portfolio.to_string()), "{sound}");
    let market = json!({ "set_market": { "market": BTC_PERP, "terms": { "fee": 0 } } });
    assert!(scene.says(&["show", &scene.change(market)]).contains("fee"));
    let outside = scene.says(&["show", &scene.change(wider(400_000))]);
    assert!(outside.contains("refuse it as things are") && outside.contains("step"), "{outside}");
    let most = scene.says(&["show", &scene.change(wider(187_500))]);
    let pattern = format!("{} of {}", scene.tight.portfolio, scene.tight.key.pubkey());
    assert!(most.contains(&format!("{pattern}: below initial margin; equity 3,490.00 USD")), "{most}");
}

#[test]
fn a_multisig_is_given_the_instructions() {
    let scene = Scene::new("multisig");
    let file = scene.change(wider(180_000));
    let stranger = scene.node.key("stranger.json", &Keypair::new());
    let refused = scene.fails(&["schedule", &file, "--keypair", &stranger]);
    assert!(refused.contains("the pool's authority is") && refused.contains("novate govern draft"), "{refused}");

    let drafted: Value = serde_json::from_str(&scene.says(&["draft", &file])).unwrap();
    let (governor, pool) = (scene.world.governor.pubkey(), scene.world.pool);
    let settings = [(AssetField::MaxAge, 90), (AssetField::BaseRange, 180_000)];
    let settings = settings.map(|(field, value)| AssetSetting { field, value }).to_vec();
    let wanted = build::set_asset(governor, pool, BTC, settings);
    let schedule = build::schedule_change(governor, governor, 0, &wanted);
    let execute = build::execute_change(wanted, 0, governor);
    for (name, instruction) in [("schedule", schedule), ("execute", execute)] {
        let written = &drafted[name];
        assert_eq!(written["data"], json!(BASE64_STANDARD.encode(&instruction.data)), "{name}");
        let keys: Vec<_> = instruction.accounts.iter().map(|meta| meta.pubkey.to_string()).collect();
        let accounts = written["accounts"].as_array().unwrap();
        assert_eq!(accounts.iter().map(|a| a["key"].as_str().unwrap()).collect::<Vec<_>>(), keys, "{name}");
    }
    assert_eq!((drafted["class"].clone(), drafted["delay"].clone()), (json!("Parameters"), json!(2 * DAY)));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let scene = Scene::new("wrong");
    let pool: Pool = decode(&scene.node.client.get_account_data(&scene.world.pool).unwrap()).unwrap();
    assert!(pool.is_live());
    for (change, words) in [
        (json!({ "set_asset": { "asset": BTC, "terms": { "bend": 1 } } }), "bend cannot be set; there are max_age"),
        (json!({ "set_asset": { "asset": BTC, "terms": {} } }), "nothing is to be set"),
        (json!({ "set_asset": { "asset": 77, "terms": { "max_age": 90 } } }), "the pool has no asset 77"),
        (json!({ "set_everything": {} }), "unknown variant `set_everything`"),
        (json!({ "set_committee": { "members": ["me"], "quorum": 1 } }), "\"me\" is no key"),
        (json!({ "switch_scenarios": { "generation": 2, "hash": "00" } }), "not 32 bytes in hexadecimal"),
        (json!({ "set_delays": { "delays": { "listing": 1 } } }), "missing field"),
    ] {
        let said = scene.fails(&["show", &scene.change(change)]);
        assert!(said.contains(words), "{said}");
    }
    let text = json!({ "pool": Pubkey::new_unique().to_string(), "change": wider(180_000) }).to_string();
    let elsewhere = scene.node.file("elsewhere.json", &text);
    assert!(scene.fails(&["draft", &elsewhere]).contains("there is no account"));
    assert!(scene.fails(&["draft", "nowhere.json"]).contains("cannot read nowhere.json"));
    let file = scene.change(wider(180_000));
    let governor = scene.governor();
    assert!(scene.fails(&["execute", &file, "--keypair", &governor]).contains("the pool trades"));
    assert!(scene.fails(&["schedule", &file, "--keypair", "nowhere.json"]).contains("nowhere.json"));
}
