//! A pool by the migrations of the repository, and `novate` run by people with keys.

use novate_client::instructions::Token;
use novate_client::{addresses, tokens, Pubkey};
use novate_tests::feed::{Feed, Layout, Quote, RECEIVER};
use novate_tests::token;
use serde_json::Value;
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::Node;

/// Names, decimals and prices of what the migrations list, and the ids of their feeds.
const ASSETS: [(&str, u8, f64, &str); 4] = [
    ("usdc", 6, 1.0, "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a"),
    ("sol", 9, 20.0, "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d"),
    ("btc", 8, 20_000.0, "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"),
    ("eth", 8, 1_500.0, "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"),
];

/// A pool and three people.
pub struct Scene {
    pub node: Node,
    pub mints: Vec<Pubkey>,
    pub feeds: Vec<Pubkey>,
    pub governor: Keypair,
    pub keys: Vec<Keypair>,
}

impl Scene {
    /// A pool by the migrations of the repository, prices for it, and three people with lamports and tokens.
    pub fn new(name: &str) -> Scene {
        let node = Node::start(name);
        let mut mints: Vec<_> = ASSETS.map(|_| Keypair::new().pubkey()).to_vec();
        mints[1] = tokens::WRAPPED_SOL;
        let feeds = ASSETS.map(|_| Pubkey::new_unique()).to_vec();
        let keys: Vec<_> = (0..3).map(|_| Keypair::new()).collect();
        let scene = Scene { node, mints, feeds, governor: Keypair::new(), keys };
        for key in scene.keys.iter().chain([&scene.governor]) {
            scene.node.client.request_airdrop(&key.pubkey(), 100_000_000_000).unwrap();
        }
        for ((_, decimals, _, _), mint) in ASSETS.iter().zip(&scene.mints) {
            scene.node.write(mint, token::mint(*decimals, &scene.governor.pubkey()));
        }
        for at in [0, 2] {
            scene.keys.iter().for_each(|key| scene.give(key, at, 100_000 * 10u64.pow(ASSETS[at].1.into())));
        }
        scene.publish(1.0);
        let mut arguments =
            vec!["migrate".to_string(), concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations").into()];
        arguments.extend(["--keypair".into(), scene.file(&scene.governor)]);
        for (at, (name, _, _, _)) in ASSETS.iter().enumerate() {
            arguments.extend(["--set".into(), format!("{name}={}", scene.mints[at])]);
        }
        for name in ["guardian", "risk"] {
            arguments.extend(["--set".into(), format!("{name}={}", Pubkey::new_unique())]);
        }
        scene.node.says(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        scene
    }

    fn token(&self, at: usize) -> Token {
        Token { mint: self.mints[at], program: tokens::TOKEN_PROGRAM }
    }

    /// Tokens at the usual address of a key.
    fn give(&self, key: &Keypair, at: usize, amount: u64) {
        let (owner, token) = (key.pubkey(), self.token(at));
        let mint = token::mint(ASSETS[at].1, &self.governor.pubkey());
        self.node.write(&tokens::account(&owner, &token), token::account(&mint, &token.mint, &owner, amount));
    }

    pub fn holds(&self, key: &Keypair, at: usize) -> u64 {
        let address = tokens::account(&key.pubkey(), &self.token(at));
        self.node.client.get_account_data(&address).map(|data| tokens::amount(&data).unwrap()).unwrap_or_default()
    }

    /// Prices as of now.
    pub fn publish(&self, by: f64) {
        let now = self.node.now();
        for (at, (_, _, usd, id)) in ASSETS.iter().enumerate() {
            let feed = Feed { layout: Layout::Update, address: self.feeds[at], owner: RECEIVER, id: hash(id) };
            let data = Quote::new(if at == 0 { *usd } else { usd * by }, now).encode(&feed);
            let account = Account { lamports: 10_000_000, data, owner: RECEIVER, ..Account::default() };
            self.node.write(&feed.address, account);
        }
    }

    pub fn file(&self, key: &Keypair) -> String {
        self.node.key(&format!("{}.json", key.pubkey()), key)
    }

    pub fn pool(&self) -> Pubkey {
        addresses::pool(&self.governor.pubkey(), 0)
    }

    pub fn portfolio(&self, who: usize) -> Pubkey {
        addresses::portfolio(&self.pool(), &self.keys[who].pubkey(), 0)
    }

    /// What a command line prints; `$name` stands for a key file or an address.
    pub fn says(&self, line: &str) -> String {
        let words = self.words(line);
        self.node.says(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What it prints, or why it fails.
    pub fn tries(&self, line: &str) -> Result<String, String> {
        let words = self.words(line);
        self.node.tries(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn fails(&self, line: &str) -> String {
        let words = self.words(line);
        self.node.fails(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn json(&self, line: &str) -> Value {
        let said = self.says(&format!("{line} --json"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    fn words(&self, line: &str) -> Vec<String> {
        let word = |word: &str| match word {
            "$alice" => self.file(&self.keys[0]),
            "$bob" => self.file(&self.keys[1]),
            "$carol" => self.file(&self.keys[2]),
            "$alices" => self.portfolio(0).to_string(),
            "$carols" => self.portfolio(2).to_string(),
            "$bobs" => self.portfolio(1).to_string(),
            "$owner" => self.keys[0].pubkey().to_string(),
            "$ws" => self.node.ws.clone(),
            other => other.to_string(),
        };
        line.split_whitespace().map(word).collect()
    }
}

fn hash(text: &str) -> [u8; 32] {
    novate_cli::govern::text::hash_of(text).unwrap()
}
