//! `novate govern` as a process, against a local validator with a pool on it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use base64::prelude::{Engine, BASE64_STANDARD};
use common::Node;
use novate_cli::govern::text;
use novate_client::state::{Asset, Pool, SEASONING};
use novate_client::{addresses, decode, instructions as build, AssetField, AssetSetting, Class, Delays, Pubkey, ID};
use novate_margin::Usd;
use novate_tests::feed::{Feed, Layout, Quote, RECEIVER};
use novate_tests::{Actor, MarketSpec, World, BTC, BTC_PERP, CONTRACT, GOLD, PRICE, USDC};
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
        Scene::on(name, world, tight)
    }

    /// A node with everything on it that this world has.
    fn on(name: &str, world: World, tight: Actor) -> Scene {
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

    /// What is shown of a change.
    fn shows(&self, change: Value) -> String {
        self.says(&["show", &self.change(change)])
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

/// Delays in force, one of them longer by so many days.
fn delays(listing: i64) -> Value {
    let of = |class: Class| class.floor();
    json!({ "set_delays": { "delays": {
        "listing": of(Class::Listing) + listing * DAY, "expiry": of(Class::Expiry), "parameters": of(Class::Parameters),
        "oracle": of(Class::Oracle), "model": of(Class::Model), "committee": of(Class::Committee),
    } } })
}

#[test]
fn longer_delays_are_set_at_once_and_shorter_ones_wait() {
    let scene = Scene::new("delays");
    let (governor, pool) = (scene.governor(), scene.world.pool);
    let longer = scene.change(delays(2));
    let shown = scene.says(&["show", &longer]);
    let lines =
        ["at once: no delay gets shorter", "listing: 259200 -> 432000, tightens", "expiry: 86400 -> 86400, as it is"];
    assert!(lines.iter().all(|line| shown.contains(line)), "{shown}");
    let drafted: Value = serde_json::from_str(&scene.says(&["draft", &longer])).unwrap();
    assert!(drafted.get("schedule").is_none() && drafted.get("execute").is_some(), "{drafted}");
    let refused = scene.fails(&["schedule", &longer, "--keypair", &governor]);
    assert!(refused.contains("at once: no delay gets shorter: `novate govern execute FILE` does it"), "{refused}");

    // One that was scheduled all the same is of no use: the program takes no change for it.
    let wanted = Delays { listing: 5 * DAY, ..scene.world.state::<Pool>(&pool).delays() };
    let authority = scene.world.governor.pubkey();
    let instruction = build::set_delays(authority, pool, wanted);
    let schedule = build::schedule_change(authority, authority, 0, &instruction);
    scene.node.cluster().send(&[schedule], &scene.world.governor).unwrap();
    let change = addresses::change(&pool, 0).to_string();
    let refused = scene.fails(&["execute", &change, "--keypair", &governor]);
    assert!(refused.contains("cancel it, and execute the same as a file"), "{refused}");

    assert_eq!(scene.says(&["execute", &longer, "--keypair", &governor]).trim(), "set_delays is executed");
    let live = || decode::<Pool>(&scene.node.client.get_account_data(&pool).unwrap()).unwrap();
    assert_eq!(live().delays(), wanted);
    let shorter = scene.change(delays(1));
    let shown = scene.says(&["show", &shorter]);
    assert!(shown.contains("listing: 432000 -> 345600, loosens") && shown.contains("as of class Delays"), "{shown}");
    assert!(scene.fails(&["execute", &shorter, "--keypair", &governor]).contains("the pool trades"));
    assert!(scene.says(&["schedule", &shorter, "--keypair", &governor]).contains("waits"));
}

#[test]
fn who_would_be_liquidatable_is_named() {
    let mut scene = Scene::new("liquidatable");
    // At 19,400 USD it has 2,890; of a range of 18.75 % four fifths are 2,910.
    scene.world.price(BTC, 19_400.0);
    let address = addresses::asset(&scene.world.pool, BTC);
    scene.node.write(&address, scene.world.account(&address));
    let named = format!("{} of {}", scene.tight.portfolio, scene.tight.key.pubkey());
    let sound = scene.shows(wider(180_000));
    assert!(
        !sound.contains("liquidatable; ") && sound.contains("liquidatable                     0         0"),
        "{sound}"
    );
    let most = scene.shows(wider(187_500));
    let margin = "liquidatable; equity 2,890.00 USD, maintenance margin 2,328.00 USD -> 2,910.00 USD";
    assert!(most.contains(&format!("{named}: {margin}")), "{most}");
    assert!(most.contains("liquidatable                     0         1"), "{most}");
    assert!(most.contains("asked for more: 2, for less: 0"), "{most}");
}

/// What is said of a first market is what the program asks for two weeks after it.
#[test]
fn a_first_market_is_simulated() {
    let mut world = World::default();
    let (saver, wide) = (world.actor(), world.trader(40_000));
    // 3,500 USD of gold, at a haircut of 10 % and a scan range of 15 %.
    world.deposit(&saver, GOLD, 70_000_000);
    world.trade(&saver, &wide, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 19_200.0);
    let before = world.health(&saver).maintenance;
    let mut scene = Scene::on("first", world, saver);
    let terms = MarketSpec::new("GOLD-PERP", GOLD).terms;
    let listing = |asset: u16| {
        json!({ "add_market": { "asset": asset, "terms": {
            "symbol": "GOLD-PERP", "tick": terms.tick, "lot": terms.lot, "minimum": terms.minimum,
            "open_interest_cap": terms.open_interest_cap, "position_cap": terms.position_cap, "band": terms.band, "fee": terms.fee,
            "sigma_limit": terms.sigma_limit, "option_tick": terms.option_tick, "option_fee_cap": terms.option_fee_cap,
        } } })
    };
    let shown = scene.shows(listing(GOLD));
    assert!(shown.contains("add_market 3 (GOLD-PERP) on asset 4 (GOLD), its first market\n  band: 50000\n"), "{shown}");
    assert!(scene.shows(listing(BTC)).contains("has a market already"));
    assert!(scene.shows(listing(USDC)).contains("SettlementUnderlying"));
    assert!(scene.fails(&["show", &scene.change(listing(77))]).contains("the pool has no asset 77"));

    let (world, saver) = (&mut scene.world, scene.tight.clone());
    let governor = world.governor.insecure_clone();
    let listed = world.now();
    world.succeeds(&[build::add_market(governor.pubkey(), world.pool, GOLD, 3, terms)], &[&governor]);
    world.pass(listed + SEASONING - world.now());
    world.refresh();
    let after = world.health(&saver);
    assert!(after.equity < after.maintenance);
    let [from, to] = [before, after.maintenance].map(|margin| text::usd(Usd(margin)));
    let named = format!("{} of {}: liquidatable", saver.portfolio, saver.key.pubkey());
    assert!(
        shown.contains(&format!("{named}; equity 2,690.00 USD, maintenance margin {from} -> {to}")),
        "{from} {to} {shown}"
    );
}

#[test]
fn every_change_is_said_in_words_with_its_direction() {
    let scene = Scene::new("words");
    let key = Pubkey::new_unique().to_string();
    let member = scene.world.members[0].pubkey().to_string();
    let forecast = json!({ "basis": 0, "a": 1, "b": 2, "rho": 3, "m": 4, "sigma": 5 });
    let lending = json!({ "rate_zero": 10_000, "rate_kink": 60_000, "rate_full": 600_000, "kink": 800_000,
        "reserve_share": 100_000, "utilisation_cap": 900_000, "borrow_cap": 5 });
    for (change, words) in [
        (
            json!({ "set_params": { "params": { "basis_rate": 12_000, "es_credit": 950_000, "vol_up": 400_000, "vol_down": 300_000 } } }),
            &[
                "basis_rate: 10000 -> 12000, tightens",
                "es_credit: 900000 -> 950000, loosens\n",
                "vol_up: 500000 -> 400000, loosens, as either way does",
                "vol_down: 300000 -> 300000, as it is",
            ][..],
        ),
        (
            json!({ "set_market": { "market": BTC_PERP, "terms": { "open_interest_cap": 600_000_000_000_000i64, "minimum": 20_000_000 } } }),
            &[
                "open_interest_cap: 1000000000000000 -> 600000000000000, tightens",
                "minimum: 10000000 -> 20000000, tightens",
            ],
        ),
        (
            json!({ "set_lending": { "asset": USDC, "terms": lending } }),
            &[
                "set_lending of asset 0 (USDC)",
                "rate_kink: 0 -> 60000, loosens, as either way does",
                "utilisation_cap: 0 -> 900000, loosens\n",
                "0 % of what is lent is on loan, to 0 portfolios, at a yearly rate of 1 %. Not computed",
            ],
        ),
        (
            json!({ "set_committee": { "members": [member, key], "quorum": 2 } }),
            &[
                "quorum: 2 -> 2, as it is",
                "seats: 3 -> 2, loosens, as either way does",
                &format!("{key} joins"),
                " stays\n",
                " leaves\n",
            ],
        ),
        (
            json!({ "list_expiry": { "market": BTC_PERP, "time": 1_800_000_000, "forecast": forecast } }),
            &[
                "list_expiry of market 0 (BTC-PERP) on 2027-01-15T08:00:00Z",
                "  rho: 3\n",
                "Nobody has a position in it yet",
            ],
        ),
        (json!({ "register_venue": { "signer": key } }), &["register_venue 0:", "Not computed: what it reports"]),
    ] {
        let shown = scene.shows(change);
        for words in words {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(!shown.contains('{'), "{shown}");
    }
    let refused = scene.shows(json!({ "set_params": { "params": { "basis_rate": 20_000 } } }));
    assert!(refused.contains("refuse it as things are") && refused.contains("(SettingStep)"), "{refused}");
}

#[test]
fn what_a_change_rests_on_is_looked_at() {
    let scene = Scene::new("rests");
    let feed = Feed { layout: Layout::Update, address: Pubkey::new_unique(), owner: RECEIVER, id: [9; 32] };
    let source = |feed: &Feed| {
        let id: String = feed.id.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "oracle": 1, "feed": feed.address.to_string(), "feed_owner": feed.owner.to_string(), "feed_id": id })
    };
    let change = json!({ "set_oracle": { "asset": BTC, "source": source(&feed) } });
    let missing = format!("price account {}: there is none at this address", feed.address);
    let shown = scene.shows(change.clone());
    assert!(shown.contains(&missing) && shown.contains("there is no account of it now"), "{shown}");
    assert!(shown.contains(&format!("-> {}, loosens, as either way does", feed.address)), "{shown}");
    let drafted: Value = serde_json::from_str(&scene.says(&["draft", &scene.change(change.clone())])).unwrap();
    assert!(drafted["rests_on"].to_string().contains(&missing), "{drafted}");
    let scheduled = scene.says(&["schedule", &scene.change(change.clone()), "--keypair", &scene.governor(), "--json"]);
    let scheduled: Value = serde_json::from_str(&scheduled).unwrap();
    assert!(scheduled["rests_on"].to_string().contains(&missing), "{scheduled}");

    let publish = |usd: f64, owner: Pubkey| {
        let data = Quote::new(usd, scene.node.now()).encode(&feed);
        scene.node.write(&feed.address, Account { lamports: 10_000_000, data, owner, ..Account::default() });
    };
    publish(19_000.0, RECEIVER);
    let shown = scene.shows(change.clone());
    assert!(shown.contains(&format!("price account {}: says 19,000.00 USD, of ", feed.address)), "{shown}");
    assert!(
        shown.contains("the last price is 20,000.00 USD") && shown.contains("there is no such program here"),
        "{shown}"
    );
    // It lost 1,000 of 3,490 USD, and is below 2,850.
    assert!(
        shown.contains(&format!("{} of ", scene.tight.portfolio)) && shown.contains("equity 2,490.00 USD"),
        "{shown}"
    );
    assert!(shown.contains("what it says then nobody knows"), "{shown}");
    publish(50_000.0, RECEIVER);
    assert!(scene.shows(change.clone()).contains("beyond the band"));
    publish(19_000.0, Pubkey::new_unique());
    let shown = scene.shows(change);
    assert!(shown.contains("and not by") && shown.contains("(WrongFeedOwner)"), "{shown}");

    let mint = scene.world.listing(GOLD).token.mint.to_string();
    let pool = Pubkey::new_unique();
    let terms = |redemption: Value| {
        let mut terms = json!({ "symbol": "NEW", "contract_exponent": 0, "max_age": 60, "max_confidence": 10_000, "band": 10_000,
            "base_range": 150_000, "depth": 0, "haircut_base": 0, "haircut_volatility_multiple": 0, "days_to_liquidate": 0,
            "haircut_size_add_on": 0, "deposit_cap": 1, "outflow_limit": 0, "minimum_balance": 0, "redemption": redemption });
        let Value::Object(source) = source(&Feed { address: pool, ..feed }) else { panic!() };
        terms.as_object_mut().unwrap().extend(source);
        json!({ "add_asset": { "mint": mint, "terms": terms } })
    };
    let redemption = json!({ "underlying": 3, "stake_pool": pool.to_string(), "stake_program": ID.to_string(), "depeg_limit": 50_000 });
    let shown = scene.shows(terms(redemption));
    for words in [
        format!("stake pool {pool}: there is none at this address"),
        format!("price account {pool}: there is none at this address"),
        format!("owner {ID}: a program"),
        "  redemption.depeg_limit: 50000\n".into(),
        "No portfolio holds it yet".into(),
    ] {
        assert!(shown.contains(&words), "{words}: {shown}");
    }
    assert!(!scene.shows(terms(Value::Null)).contains("stake pool"));
}
