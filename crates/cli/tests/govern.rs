//! `novate govern` as a process, against a local validator with a pool on it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{Engine, BASE64_STANDARD};
use novate_client::state::{Asset, Pool};
use novate_client::{addresses, decode, instructions as build, AssetField, AssetSetting, Pubkey, ID};
use novate_tests::{Actor, World, BTC, BTC_PERP, ONE};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_rpc_client::rpc_client::RpcClient;
use solana_rpc_client_api::request::RpcRequest;
use solana_signer::Signer;

const DAY: i64 = 86_400;

/// A validator with everything on it that a world has: two traders with a position each.
struct Node {
    process: Child,
    url: String,
    client: RpcClient,
    world: World,
    winner: Actor,
    folder: PathBuf,
}

impl Node {
    fn start(name: &str) -> Node {
        let mut world = World::default();
        // Barely above initial margin at a scan range of 15 %: 20,000 USD of BTC, 3,000 USD of requirement.
        let (winner, loser) = (world.trader(4_000), world.trader(40_000));
        world.trade(&winner, &loser, &[(BTC_PERP, ONE, 20_000 * ONE)]);

        let mut process = Command::new(validator())
            .args(["--rpc-port", "0", "--ws-port", "0", "--slot-ms", "50"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().nth(1).unwrap().to_string();
        let client = RpcClient::new_with_commitment(url.clone(), novate_cli::cluster::confirmed());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let node = Node { process, url, client, world, winner, folder };
        node.copy();
        node
    }

    /// Program and accounts of the world onto the node.
    fn copy(&self) {
        let program = fs::read(novate_tests::program_path()).unwrap();
        self.cheat("surfnet_writeProgram", json!([ID.to_string(), hex(&program), 0]));
        for (address, account) in &self.world.svm.accounts_db().inner {
            let owned = solana_account::ReadableAccount::owner(account);
            let kept = *owned == ID || self.world.listings.iter().any(|listing| *owned == listing.token.program);
            if kept && *address != ID {
                self.write(address, solana_account::Account::from(account.clone()));
            }
        }
        let governor = self.world.governor.pubkey();
        self.write(&governor, self.world.account(&governor));
    }

    fn write(&self, address: &Pubkey, account: solana_account::Account) {
        let written = json!({
            "lamports": account.lamports,
            "data": hex(&account.data),
            "owner": account.owner.to_string(),
            "executable": account.executable,
        });
        self.cheat("surfnet_setAccount", json!([address.to_string(), written]));
    }

    fn cheat(&self, method: &'static str, parameters: Value) {
        self.client.send::<Value>(RpcRequest::Custom { method }, parameters).unwrap();
    }

    fn now(&self) -> i64 {
        self.client.get_block_time(self.client.get_slot().unwrap()).unwrap()
    }

    fn pass(&self, seconds: i64) {
        let then = self.now() + seconds;
        self.cheat("surfnet_timeTravel", json!([{ "absoluteTimestamp": then * 1_000 }]));
        let end = Instant::now() + Duration::from_secs(10);
        while self.now() < then {
            assert!(Instant::now() < end, "time does not move");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn key(&self, name: &str, key: &Keypair) -> PathBuf {
        self.file(name, &format!("{:?}", key.to_bytes()))
    }

    /// A file with a change of the pool.
    fn change(&self, change: Value) -> String {
        let text = json!({ "pool": self.world.pool.to_string(), "change": change }).to_string();
        self.file("change.json", &text).display().to_string()
    }

    fn novate(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_novate"));
        command.arg("govern").args(arguments).args(["--url", &self.url]).output().unwrap()
    }

    /// What it prints.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.novate(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Why it fails.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.novate(arguments);
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }

    fn asset(&self, index: u16) -> Asset {
        decode(&self.client.get_account_data(&addresses::asset(&self.world.pool, index)).unwrap()).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Where `make localnet` builds it: beside the folder of this test's profile.
fn validator() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let built = here.ancestors().nth(3).unwrap().join("localnet/debug/novate-localnet");
    assert!(built.exists(), "{} is not built: run make localnet-build", built.display());
    built
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wider(range: u64) -> Value {
    json!({ "set_asset": { "asset": BTC, "terms": { "base_range": range, "max_age": 90 } } })
}

#[test]
fn a_change_waits_is_shown_and_executed_once() {
    let node = Node::start("whole");
    let governor = node.key("governor.json", &node.world.governor).display().to_string();
    let file = node.change(wider(180_000));
    let said = node.says(&["schedule", &file, "--keypair", &governor]);
    let change = said.lines().next().unwrap();
    assert_eq!(change, addresses::change(&node.world.pool, 0).to_string());
    assert!(said.contains("waits"), "{said}");

    let listed = node.says(&["list", &node.world.pool.to_string()]);
    assert!(listed.contains(change) && listed.contains("set_asset"), "{listed}");
    let shown = node.says(&["show", change]);
    for words in ["base_range: 150000 -> 180000, tightens", "max_age: 60 -> 90, loosens", "waits"] {
        assert!(shown.contains(words), "{shown}");
    }
    let early = node.fails(&["execute", change, "--keypair", &governor]);
    assert!(early.contains("ChangeNotReady"), "{early}");

    node.pass(2 * DAY);
    assert!(node.says(&["show", change]).contains("can be executed"));
    assert_eq!(node.says(&["execute", change, "--keypair", &governor]).trim(), "set_asset is executed");
    assert_eq!(node.asset(BTC).max_age, 90);
    let again = node.fails(&["execute", change, "--keypair", &governor]);
    assert!(again.contains("there is no account"), "{again}");
    assert!(node.says(&["list", &node.world.pool.to_string()]).contains("no change is open"));
}

#[test]
fn a_change_is_cancelled() {
    let node = Node::start("cancelled");
    let governor = node.key("governor.json", &node.world.governor).display().to_string();
    let file = node.change(wider(180_000));
    let said = node.says(&["schedule", &file, "--keypair", &governor]);
    let change = said.lines().next().unwrap();
    assert_eq!(node.says(&["cancel", change, "--keypair", &governor]).trim(), "change 0 is cancelled");
    assert!(node.fails(&["show", change]).contains("there is no account"));
}

#[test]
fn who_would_be_short_is_named() {
    let node = Node::start("short");
    // 20,000 USD at 15 % are 3,000 USD; at 18.75 % 3,750; the winner has 4,000 less fees.
    let sound = node.says(&["show", &node.change(wider(160_000))]);
    assert!(!sound.contains(&node.winner.portfolio.to_string()), "{sound}");
    let market = json!({ "set_market": { "market": BTC_PERP, "terms": { "fee": 0 } } });
    assert!(node.says(&["show", &node.change(market)]).contains("fee"));
    let outside = node.says(&["show", &node.change(wider(400_000))]);
    assert!(outside.contains("refuse it as things are") && outside.contains("step"), "{outside}");
    let most = node.says(&["show", &node.change(wider(187_500))]);
    let pattern = format!("{} of {}", node.winner.portfolio, node.winner.key.pubkey());
    assert!(most.contains(&pattern), "{most}");
}

#[test]
fn a_multisig_is_given_the_instructions() {
    let node = Node::start("multisig");
    let file = node.change(wider(180_000));
    let stranger = node.key("stranger.json", &Keypair::new()).display().to_string();
    let refused = node.fails(&["schedule", &file, "--keypair", &stranger]);
    assert!(refused.contains("the pool's authority is") && refused.contains("novate govern draft"), "{refused}");

    let drafted: Value = serde_json::from_str(&node.says(&["draft", &file])).unwrap();
    let (governor, pool) = (node.world.governor.pubkey(), node.world.pool);
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
    let node = Node::start("wrong");
    let pool: Pool = decode(&node.client.get_account_data(&node.world.pool).unwrap()).unwrap();
    assert!(pool.is_live());
    for (change, words) in [
        (json!({ "set_asset": { "asset": BTC, "terms": { "bend": 1 } } }), "bend cannot be set; there are max_age"),
        (json!({ "set_asset": { "asset": BTC, "terms": {} } }), "nothing is to be set"),
        (json!({ "set_asset": { "asset": 77, "terms": { "max_age": 90 } } }), "the pool has no asset 77"),
        (json!({ "set_everything": {} }), "unknown variant `set_everything`"),
        (json!({ "set_publisher": { "publisher": "me" } }), "\"me\" is no key"),
        (json!({ "switch_scenarios": { "generation": 2, "hash": "00" } }), "not 32 bytes in hexadecimal"),
        (json!({ "set_delays": { "delays": { "listing": 1 } } }), "missing field"),
    ] {
        let said = node.fails(&["show", &node.change(change)]);
        assert!(said.contains(words), "{said}");
    }
    let text = json!({ "pool": Pubkey::new_unique().to_string(), "change": wider(180_000) }).to_string();
    let elsewhere = node.file("elsewhere.json", &text).display().to_string();
    assert!(node.fails(&["draft", &elsewhere]).contains("there is no account"));
    assert!(node.fails(&["draft", "nowhere.json"]).contains("cannot read nowhere.json"));
    let file = node.change(wider(180_000));
    let governor = node.key("governor.json", &node.world.governor).display().to_string();
    assert!(node.fails(&["execute", &file, "--keypair", &governor]).contains("the pool trades"));
    assert!(node.fails(&["schedule", &file, "--keypair", "nowhere.json"]).contains("nowhere.json"));
}
