//! `novate migrate` as a process: from a local validator without a pool to one that trades.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::Path;

use common::Node;
use novate_client::state::{Asset, Market, Pool, PLAIN_ASSET, PLAIN_ASSET_SPACE};
use novate_client::{addresses, decode, Pubkey};
use novate_tests::token;
use solana_keypair::Keypair;
use solana_signer::Signer;

const DAY: i64 = 86_400;
const MINTS: [(&str, u8); 4] = [("usdc", 6), ("sol", 9), ("btc", 8), ("eth", 8)];

struct Scene {
    node: Node,
    governor: Keypair,
    /// Guardian and risk role.
    roles: [Keypair; 2],
    mints: Vec<Pubkey>,
}

impl Scene {
    /// A node with mints and a key with lamports.
    fn new(name: &str) -> Scene {
        let node = Node::start(name);
        let governor = Keypair::new();
        node.client.request_airdrop(&governor.pubkey(), 100_000_000_000).unwrap();
        let mints = MINTS.map(|_| Keypair::new().pubkey()).to_vec();
        let roles = [(); 2].map(|()| Keypair::new());
        let scene = Scene { node, governor, roles, mints };
        (0..4).for_each(|at| scene.mint(at));
        scene
    }

    fn mint(&self, at: usize) {
        self.node.write(&self.mints[at], token::mint(MINTS[at].1, &self.governor.pubkey()));
    }

    fn pool(&self) -> Pubkey {
        addresses::pool(&self.governor.pubkey(), 0)
    }

    fn arguments(&self, folder: &str) -> Vec<String> {
        self.arguments_of(&self.governor, folder)
    }

    fn arguments_of(&self, key: &Keypair, folder: &str) -> Vec<String> {
        let key = self.node.key(&format!("{}.json", key.pubkey()), key);
        let mut arguments = vec!["migrate".into(), folder.into(), "--keypair".into(), key];
        for ((name, _), mint) in MINTS.iter().zip(&self.mints) {
            arguments.extend(["--set".into(), format!("{name}={mint}")]);
        }
        for (name, key) in ["guardian", "risk"].iter().zip(&self.roles) {
            arguments.extend(["--set".into(), format!("{name}={}", key.pubkey())]);
        }
        arguments
    }

    fn says(&self, folder: &str) -> String {
        self.node.says(&self.arguments(folder).iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn fails(&self, folder: &str) -> String {
        self.node.fails(&self.arguments(folder).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// By somebody without a role, of a pool that is named.
    fn tries_as(&self, key: &Keypair, folder: &str, pool: &Pubkey) -> Result<String, String> {
        let mut arguments = self.arguments_of(key, folder);
        arguments.extend(["--pool".into(), pool.to_string()]);
        self.node.tries(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A file behind those of the repository.
    fn add(&self, name: &str, step: &str) {
        self.node.file(&format!("migrations/{name}"), &format!(r#"{{ "steps": [ {step} ] }}"#));
    }

    fn changes(&self) -> u64 {
        self.state::<Pool>(&self.pool()).change_count
    }

    fn govern(&self, key: &Keypair, arguments: &[&str]) -> String {
        let key = self.node.key(&format!("{}.json", key.pubkey()), key);
        self.node.says(&[&["govern"], arguments, &["--keypair", &key]].concat())
    }

    fn lamports(&self) -> u64 {
        self.node.client.get_balance(&self.governor.pubkey()).unwrap()
    }

    fn state<T: anchor_lang::ZeroCopy>(&self, address: &Pubkey) -> T {
        decode(&self.node.client.get_account_data(address).unwrap()).unwrap()
    }

    /// The migrations of the repository in a folder of the test's.
    fn copied(&self) -> String {
        let rows = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/scenarios.json");
        let mut path = String::new();
        for entry in fs::read_dir(folder()).unwrap() {
            let entry = entry.unwrap().path();
            if entry.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read_to_string(&entry).unwrap();
                let text = text.replace("../crates/cli/data/scenarios.json", &rows.display().to_string());
                let name = entry.file_name().unwrap().to_string_lossy().into_owned();
                path = self.node.file(&format!("migrations/{name}"), &text);
            }
        }
        Path::new(&path).parent().unwrap().display().to_string()
    }
}

fn folder() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations").into()
}

#[test]
fn an_empty_cluster_gets_a_pool_that_trades_and_nothing_twice() {
    let scene = Scene::new("empty");
    let said = scene.says(&folder());
    assert!(said.ends_with(&format!("pool {}\n", scene.pool())), "{said}");
    assert_eq!((said.matches(" done\n").count(), said.lines().count()), (10, 12), "{said}");
    let pool: Pool = scene.state(&scene.pool());
    assert!(pool.is_live());
    assert_eq!((pool.asset_count, pool.market_count, pool.authority), (4, 3, scene.governor.pubkey()));
    for (index, mint) in (0..4).zip(&scene.mints) {
        assert_eq!(scene.state::<Asset>(&addresses::asset(&scene.pool(), index)).mint, *mint);
    }
    let market: Market = scene.state(&addresses::market(&scene.pool(), 0));
    assert_eq!((market.asset, &market.symbol[..8]), (2, &b"BTC-PERP"[..]));

    let lamports = scene.lamports();
    let again = scene.says(&folder());
    assert_eq!((again.matches(" was there\n").count(), again.lines().count()), (11, 12), "{again}");
    assert_eq!(scene.lamports(), lamports, "something was sent");
}

#[test]
fn it_goes_on_where_it_failed() {
    let scene = Scene::new("failed");
    let gone = solana_account::Account::default();
    scene.node.write(&scene.mints[3], gone);
    let said = scene.fails(&folder());
    assert!(said.contains("0002-assets, step 3: add_asset; what came before it is done"), "{said}");
    assert_eq!(scene.state::<Pool>(&scene.pool()).asset_count, 3);
    scene.mint(3);
    let said = scene.says(&folder());
    assert_eq!((said.matches(" was there\n").count(), said.matches(" done\n").count()), (5, 6), "{said}");
    assert!(scene.state::<Pool>(&scene.pool()).is_live());
}

#[test]
fn once_the_pool_trades_a_step_waits() {
    let scene = Scene::new("waits");
    let folder = scene.copied();
    scene.says(&folder);
    let later = r#"{ "steps": [ { "set_asset": { "asset": 2, "terms": { "max_age": 90 } } },
        { "set_asset": { "asset": 3, "terms": { "max_age": 90 } } } ] }"#;
    scene.node.file("migrations/0007-ages.json", later);
    let first = scene.says(&folder);
    let change = addresses::change(&scene.pool(), 0).to_string();
    assert!(first.contains(&format!("0007-ages, step 0: set_asset waits as change {change} until")), "{first}");
    assert!(!first.contains("step 1: set_asset"), "{first}");
    assert_eq!(scene.says(&folder), first, "the same change, not another");
    assert_eq!(scene.state::<Pool>(&scene.pool()).change_count, 1);

    scene.node.pass(2 * DAY);
    let second = scene.says(&folder);
    assert!(second.contains("0007-ages, step 0: set_asset done\n0007-ages, step 1: set_asset waits"), "{second}");
    assert_eq!(scene.state::<Asset>(&addresses::asset(&scene.pool(), 2)).max_age, 90);
    scene.node.pass(2 * DAY);
    assert!(scene.says(&folder).contains("0007-ages, step 1: set_asset done"));
    assert_eq!(scene.says(&folder).matches(" was there\n").count(), 13);
}

/// Assets of the layout before, as a cluster has them after the program was upgraded: a run that ends in between is gone on with, by a
/// stranger who names the pool, and the pool goes on.
#[test]
fn assets_of_the_layout_before_are_brought_to_the_one_of_today() {
    let scene = Scene::new("layout");
    scene.says(&folder());
    let assets: Vec<Pubkey> = (0..4).map(|index| addresses::asset(&scene.pool(), index)).collect();
    let before: Vec<Vec<u8>> = assets.iter().map(|a| scene.node.client.get_account_data(a).unwrap()).collect();
    for address in &assets {
        let mut account = scene.node.client.get_account(address).unwrap();
        account.data.truncate(PLAIN_ASSET_SPACE);
        account.data[..8].copy_from_slice(&PLAIN_ASSET);
        account.data[8] = 1;
        scene.node.write(address, account);
    }
    // The third is missing for now.
    let third = scene.node.client.get_account(&assets[2]).unwrap();
    scene.node.write(&assets[2], solana_account::Account::default());
    let only =
        scene.node.file("layout/0001-pool.json", &fs::read_to_string(format!("{}/0001-pool.json", folder())).unwrap());
    let upgrade = fs::read_to_string(format!("{}/0006-asset-layout.json", folder())).unwrap();
    scene.node.file("layout/0006-asset-layout.json", &upgrade);
    let layout = Path::new(&only).parent().unwrap().display().to_string();
    let stranger = Keypair::new();
    scene.node.client.request_airdrop(&stranger.pubkey(), 1_000_000_000).unwrap();
    let upgrades = || scene.tries_as(&stranger, &layout, &scene.pool());
    assert!(upgrades().unwrap_err().contains("0006-asset-layout, step 0: migrate_assets; what came before it is done"));
    let data = |at: usize| scene.node.client.get_account_data(&assets[at]).unwrap();
    assert_eq!((data(0), data(1), data(3).len()), (before[0].clone(), before[1].clone(), PLAIN_ASSET_SPACE));

    scene.node.write(&assets[2], third);
    let said = upgrades().unwrap();
    let own = addresses::pool(&stranger.pubkey(), 0);
    assert!(said.contains("create_pool was there") && scene.node.client.get_account(&own).is_err(), "{said}");
    assert!(said.contains("0006-asset-layout, step 0: migrate_assets done"), "{said}");
    assert_eq!((0..4).map(data).collect::<Vec<_>>(), before);
    let lamports = scene.lamports();
    assert!(scene.says(&folder()).contains("migrate_assets was there"));
    assert_eq!(scene.lamports(), lamports, "something was sent");
}

#[test]
fn what_is_wrong_with_a_folder_is_said_before_anything_is_sent() {
    let scene = Scene::new("folder");
    let lamports = scene.lamports();
    for (name, text, words) in [
        (
            "0007-open.json",
            r#"{ "steps": [ { "set_committee": { "members": ["$who"], "quorum": 1 } } ] }"#,
            "--set who=KEY",
        ),
        ("0007-odd.json", r#"{ "steps": [ { "set_everything": {} } ] }"#, "unknown variant `set_everything`"),
        ("0007-two.json", r#"{ "steps": [ { "a": 1, "b": 2 } ] }"#, "a step is an object with one name"),
        ("0007-text.json", "steps", "0007-text.json: expected value"),
        ("0005-twice.json", r#"{ "steps": [] }"#, "have one number"),
        ("six.json", r#"{ "steps": [] }"#, "four digits"),
        (
            "0007-rows.json",
            r#"{ "steps": [ { "stage_scenarios": { "generation": 1, "rows": "no" } } ] }"#,
            "cannot read",
        ),
    ] {
        let folder = scene.copied();
        let path = scene.node.file(&format!("migrations/{name}"), text);
        let said = scene.fails(&folder);
        assert!(said.contains(words), "{name}: {said}");
        fs::remove_file(path).unwrap();
    }
    assert_eq!(scene.lamports(), lamports);
    let nowhere = scene.fails("nowhere");
    assert!(nowhere.contains("cannot read nowhere"), "{nowhere}");
}

#[test]
fn a_pool_that_settles_in_something_else_is_not_taken() {
    let mut scene = Scene::new("other");
    scene.says(&folder());
    scene.mints.swap(0, 3);
    assert!(scene.fails(&folder()).contains("is there and settles in"));
}

#[test]
fn a_stranger_names_the_pool_and_does_nothing_that_governance_does() {
    let scene = Scene::new("stranger");
    let folder = scene.copied();
    scene.says(&folder);
    let stranger = Keypair::new();
    scene.node.client.request_airdrop(&stranger.pubkey(), 1_000_000_000).unwrap();
    let said = scene.tries_as(&stranger, &folder, &scene.pool()).unwrap();
    assert_eq!((said.matches(" was there\n").count(), said.lines().count()), (11, 12), "{said}");
    scene.add("0007-age.json", r#"{ "set_asset": { "asset": 2, "terms": { "max_age": 90 } } }"#);
    let refused = scene.tries_as(&stranger, &folder, &scene.pool()).unwrap_err();
    assert!(refused.contains("the pool's authority is"), "{refused}");
    let nowhere = scene.tries_as(&scene.governor, &folder, &Pubkey::new_unique()).unwrap_err();
    assert!(nowhere.contains("there is no pool") && nowhere.contains("without --pool"), "{nowhere}");
}

/// The second puts right what the first did, by the value that the asset was listed with.
#[test]
fn of_two_files_on_one_field_the_last_is_what_counts() {
    let scene = Scene::new("two");
    let folder = scene.copied();
    scene.says(&folder);
    let age = || scene.state::<Asset>(&addresses::asset(&scene.pool(), 2)).max_age;
    scene.add("0007-age.json", r#"{ "set_asset": { "asset": 2, "terms": { "max_age": 90 } } }"#);
    scene.says(&folder);
    scene.node.pass(2 * DAY);
    scene.says(&folder);
    assert_eq!(age(), 90);
    scene.add("0008-age.json", r#"{ "set_asset": { "asset": 2, "terms": { "max_age": 60 } } }"#);
    let second = scene.says(&folder);
    assert!(second.contains("0007-age, step 0: set_asset was there\n0008-age, step 0: set_asset waits"), "{second}");
    // The authority changes an asset once a week.
    scene.node.pass(7 * DAY);
    assert!(scene.says(&folder).contains("0008-age, step 0: set_asset done"));
    assert_eq!((age(), scene.changes()), (60, 2));
    let lamports = scene.lamports();
    for _ in 0..2 {
        assert_eq!(scene.says(&folder).matches(" was there\n").count(), 13);
    }
    assert_eq!((scene.changes(), scene.lamports()), (2, lamports), "something was sent");
}

/// What the risk role tightened since is shown and left; a file that says what is in force goes on from there.
#[test]
fn what_was_tightened_since_is_left() {
    let scene = Scene::new("tightened");
    let folder = scene.copied();
    scene.says(&folder);
    let range = |value: u64| {
        format!(r#"{{ "set_asset": {{ "asset": 2, "terms": {{ "base_range": {value}, "max_age": 90 }} }} }}"#)
    };
    scene.add("0007-range.json", &range(170_000));
    scene.says(&folder);
    scene.node.pass(2 * DAY);
    assert!(scene.says(&folder).contains("0007-range, step 0: set_asset done"));
    let pool = scene.pool().to_string();
    scene.node.client.request_airdrop(&scene.roles[1].pubkey(), 1_000_000_000).unwrap();
    scene.govern(&scene.roles[1], &["tighten", "asset", "BTC", "base_range=180000", "--pool", &pool]);
    let lamports = scene.lamports();
    let again = scene.says(&folder);
    let left = "0007-range, step 0: set_asset is left\n  base_range of asset 2 is 180000, which no file says; this one says 170000: left";
    assert!(again.contains(left) && !again.contains("waits"), "{again}");
    assert_eq!((scene.changes(), scene.lamports()), (1, lamports), "something was sent");
    let json = scene.arguments(&folder).into_iter().chain(["--json".into()]).collect::<Vec<_>>();
    let json = scene.node.says(&json.iter().map(String::as_str).collect::<Vec<_>>());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let step = &json["steps"][11];
    assert_eq!((&step["outcome"], &step["left"][0]["in_force"]), (&"left".into(), &180_000.into()), "{json}");

    scene.add("0008-tightened.json", r#"{ "set_asset": { "asset": 2, "terms": { "base_range": 180000 } } }"#);
    scene.add("0009-range.json", r#"{ "set_asset": { "asset": 2, "terms": { "base_range": 190000 } } }"#);
    let said = scene.says(&folder);
    assert!(
        said.contains("0007-range, step 0: set_asset was there\n0008-tightened, step 0: set_asset was there\n"),
        "{said}"
    );
    assert!(said.contains("0009-range, step 0: set_asset waits"), "{said}");
}

/// What governance sets by hand is left where no file says it. Where it goes back to what the listing says, that is as if the file had not been
/// run: it is scheduled again, in public.
#[test]
fn what_governance_sets_by_hand() {
    let scene = Scene::new("hand");
    let folder = scene.copied();
    scene.says(&folder);
    scene.add("0007-age.json", r#"{ "set_asset": { "asset": 2, "terms": { "max_age": 75 } } }"#);
    scene.says(&folder);
    scene.node.pass(2 * DAY);
    assert!(scene.says(&folder).contains("0007-age, step 0: set_asset done"));
    let sets = |age: i64| {
        let change = format!(r#"{{ "set_asset": {{ "asset": 2, "terms": {{ "max_age": {age} }} }} }}"#);
        let file = scene.node.file("change.json", &format!(r#"{{ "pool": "{}", "change": {change} }}"#, scene.pool()));
        let said = scene.govern(&scene.governor, &["schedule", &file]);
        scene.node.pass(7 * DAY);
        scene.govern(&scene.governor, &["execute", said.lines().next().unwrap()]);
    };
    sets(90);
    let said = scene.says(&folder);
    assert!(
        said.contains("0007-age, step 0: set_asset is left\n  max_age of asset 2 is 90, which no file says"),
        "{said}"
    );
    sets(60);
    assert!(scene.says(&folder).contains("0007-age, step 0: set_asset waits"));
    scene.add("0008-age.json", r#"{ "set_asset": { "asset": 2, "terms": { "max_age": 60 } } }"#);
    assert_eq!(scene.says(&folder).matches(" was there\n").count(), 13);
}

/// A venue and a member of the committee: what governance took out at once a run does not put back.
#[test]
fn who_was_removed_is_not_put_back() {
    let scene = Scene::new("removed");
    let folder = scene.copied();
    scene.says(&folder);
    let [venue, member, other] = [0; 3].map(|_| Pubkey::new_unique());
    scene.add("0007-venue.json", &format!(r#"{{ "register_venue": {{ "signer": "{venue}" }} }}"#));
    let committee = format!(r#"{{ "set_committee": {{ "members": ["{member}", "{other}"], "quorum": 2 }} }}"#);
    scene.add("0008-committee.json", &committee);
    assert!(scene.says(&folder).contains("register_venue waits"));
    scene.node.pass(3 * DAY);
    assert!(scene.says(&folder).contains("register_venue done\n0008-committee, step 0: set_committee waits"));
    scene.node.pass(7 * DAY);
    assert!(scene.says(&folder).contains("set_committee done"));
    assert_eq!(scene.says(&folder).matches(" was there\n").count(), 13);
    let pool = scene.pool().to_string();
    scene.govern(&scene.governor, &["remove", "venue", &venue.to_string(), "--pool", &pool]);
    scene.govern(&scene.governor, &["remove", "member", &member.to_string(), "--pool", &pool]);
    let said = scene.says(&folder);
    assert!(said.contains(&format!("register_venue is left\n  venue {venue} is \"removed\"")), "{said}");
    assert!(said.contains("set_committee is left\n  the committee is "), "{said}");
    assert_eq!(scene.changes(), 2);
}

/// Longer delays take no change, and nothing waits for them.
#[test]
fn delays_are_lengthened_at_once() {
    let scene = Scene::new("lengthened");
    let folder = scene.copied();
    scene.says(&folder);
    let delays = |listing: i64| {
        format!(
            r#"{{ "set_delays": {{ "delays": {{ "listing": {listing}, "expiry": 86400, "parameters": 172800, "oracle": 604800,
            "model": 604800, "committee": 604800 }} }} }}"#
        )
    };
    scene.add("0007-delays.json", &delays(432_000));
    assert!(scene.says(&folder).contains("0007-delays, step 0: set_delays done"));
    let pool: Pool = scene.state(&scene.pool());
    assert_eq!((pool.delays().listing, pool.change_count), (432_000, 0));
    assert!(scene.says(&folder).contains("0007-delays, step 0: set_delays was there"));
    scene.add("0008-delays.json", &delays(345_600));
    assert!(scene.says(&folder).contains("0008-delays, step 0: set_delays waits"));
}
