//! A Solana machine with the program, tokens, feeds and a pool.

use std::path::PathBuf;

use anchor_lang::ZeroCopy;
use litesvm::LiteSVM;
use novate_client::instructions::{self as build, Holdings, PoolKeys, Token, TokenMove, TradeSide};
use novate_client::order::Cluster;
use novate_client::state::{Asset, Market, Pool, Portfolio, Scenarios};
use novate_client::{addresses, decode, instrument, Instruction, Leg, Pubkey, ScenarioRange, Snapshot, ID};
use solana_account::Account;
use solana_clock::Clock;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::chance::Chance;
use crate::feed::{Feed, Layout, Quote, PUSH_ORACLE, RECEIVER};
use crate::sending::{Failure, Sent, Told};
use crate::spec::{AssetSpec, MarketSpec};
use crate::tape::Entry;
use crate::{token, Actor, DOLLAR};

/// The clock of a new world.
pub const START: i64 = 1_700_000_000;
/// Lamports of everyone.
const WEALTH: u64 = 1_000_000_000_000;
/// Rows of the default scenarios.
pub const ROWS: u16 = 16;

/// An asset of the pool as tests need it.
#[derive(Clone, Debug)]
pub struct Listing {
    pub token: Token,
    pub feed: Feed,
    pub spec: AssetSpec,
    /// Price that [`World::refresh`] publishes again.
    pub usd: f64,
}

/// A machine with a pool. Everything is deterministic.
pub struct World {
    pub svm: LiteSVM,
    /// Pays fees and is no part of any test.
    pub payer: Keypair,
    /// Creator and authority of the pool.
    pub governor: Keypair,
    /// Its guardian and its risk role.
    pub guardian: Keypair,
    pub risk: Keypair,
    /// Members of the committees of its pools, ascending.
    pub members: Vec<Keypair>,
    pub pool: Pubkey,
    pub listings: Vec<Listing>,
    /// Underlying of each market.
    pub underlyings: Vec<u16>,
    /// Every event since the beginning, or since they were taken away.
    pub told: Vec<Told>,
    /// Everything that was done since [`World::record`].
    pub tape: Option<Vec<Entry>>,
    /// Instructions that wait are sent as they are; otherwise see [`World::enacted`].
    pub by_hand: bool,
    /// Changes that were written from outside.
    pub(crate) written: u64,
    keys: Chance,
}

/// What a world begins with.
pub struct Builder {
    assets: Vec<AssetSpec>,
    markets: Vec<MarketSpec>,
    rows: u16,
    staged: bool,
    priced: bool,
}

impl Default for Builder {
    /// USDC; BTC, ETH and SOL with a market each; gold without one. Two layouts of feeds, two token programs.
    fn default() -> Self {
        Self {
            assets: vec![
                AssetSpec::new("USDC", 6, 1.0),
                AssetSpec::new("BTC", 8, 20_000.0),
                AssetSpec::new("ETH", 8, 1_500.0).base_range(180_000).pushed(),
                AssetSpec::new("SOL", 9, 30.0).base_range(250_000).posted().token_2022(vec![]),
                AssetSpec::new("GOLD", 6, 50.0).pushed(),
            ],
            markets: vec![
                MarketSpec::new("BTC-PERP", crate::BTC),
                MarketSpec::new("ETH-PERP", crate::ETH),
                MarketSpec::new("SOL-PERP", crate::SOL),
            ],
            rows: ROWS,
            staged: true,
            priced: true,
        }
    }
}

impl Builder {
    pub fn assets(self, assets: Vec<AssetSpec>) -> Self {
        Self { assets, ..self }
    }

    /// Changes the terms of an asset.
    pub fn with_asset(mut self, asset: u16, change: impl FnOnce(&mut AssetSpec)) -> Self {
        change(&mut self.assets[usize::from(asset)]);
        self
    }

    pub fn and_asset(mut self, asset: AssetSpec) -> Self {
        self.assets.push(asset);
        self
    }

    pub fn markets(self, markets: Vec<MarketSpec>) -> Self {
        Self { markets, ..self }
    }

    pub fn rows(self, rows: u16) -> Self {
        Self { rows, ..self }
    }

    /// Leaves the pool without scenario rows.
    pub fn unstaged(self) -> Self {
        Self { staged: false, ..self }
    }

    /// Leaves the assets without prices.
    pub fn unpriced(self) -> Self {
        Self { priced: false, ..self }
    }

    pub fn build(self) -> World {
        let mut world = World::empty();
        world.found(0, &self.assets, &self.markets);
        if self.staged {
            world.stage(self.rows);
        }
        if self.priced {
            world.refresh();
        }
        world
    }
}

/// Where `make program` leaves the binary.
pub fn program_path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy/novate.so"))
}

impl Default for World {
    fn default() -> Self {
        Builder::default().build()
    }
}

impl World {
    /// A machine with the program and nothing else. Transactions may be sent twice; signatures are checked.
    fn empty() -> Self {
        let binary = std::fs::read(program_path())
            .expect("target/deploy/novate.so is missing: run `make program` in the root of the repository");
        let mut svm = LiteSVM::new().with_transaction_history(0);
        svm.add_program(ID, &binary).expect("target/deploy/novate.so does not load");
        let mut keys = Chance::new(1);
        let [payer, governor] = [0; 2].map(|_| Keypair::new_from_array(keys.bytes()));
        let [guardian, risk] = [0xA1, 0xA2].map(|byte| Keypair::new_from_array([byte; 32]));
        let members = crate::committee::members();
        for key in [&payer, &governor, &guardian, &risk].into_iter().chain(&members) {
            svm.airdrop(&key.pubkey(), WEALTH).unwrap();
        }
        let pool = addresses::pool(&governor.pubkey(), 0);
        let mut world = Self {
            svm,
            payer,
            governor,
            guardian,
            risk,
            members,
            pool,
            listings: vec![],
            underlyings: vec![],
            told: vec![],
            tape: None,
            by_hand: false,
            written: 0,
            keys,
        };
        world.set_time(START);
        world
    }

    /// Guardian and risk role, as a pool is created with them.
    pub fn roles(&self) -> [Pubkey; 2] {
        [self.guardian.pubkey(), self.risk.pubkey()]
    }

    /// Creates a pool with its assets and markets, without rows and prices.
    fn found(&mut self, id: u16, assets: &[AssetSpec], markets: &[MarketSpec]) {
        for spec in assets {
            let listing = self.issue(spec.clone());
            self.listings.push(listing);
        }
        let governor = self.governor.insecure_clone();
        let mint = self.listings[0].token.mint;
        let create = build::create_pool(governor.pubkey(), id, Cluster::Localnet, mint, self.roles());
        self.succeeds(&[create, self.set_committee_instruction()], &[&governor]);
        for index in 0..assets.len() {
            let add = self.add_asset_instruction(index as u16);
            self.succeeds(&[add], &[&governor]);
        }
        for (index, market) in markets.iter().enumerate() {
            self.underlyings.push(market.asset);
            let (asset, terms) = (market.asset, market.terms.clone());
            let add = build::add_market(governor.pubkey(), self.pool, asset, index as u16, terms);
            self.succeeds(&[add], &[&governor]);
        }
    }

    /// Writes the mint, of which there is more than any cap, and the feed of an asset that is not listed yet.
    pub fn issue(&mut self, spec: AssetSpec) -> Listing {
        let (mint, address) = (self.new_address(), self.new_address());
        let authority = self.governor.pubkey();
        let mut account = match &spec.token_2022 {
            None => token::mint(spec.decimals, &authority),
            Some(extensions) => token::mint_2022(spec.decimals, &authority, extensions),
        };
        token::set_supply(&mut account, u64::MAX);
        let program = account.owner;
        self.write(mint, account);
        let owner = match spec.layout {
            Layout::Update => RECEIVER,
            Layout::Push => PUSH_ORACLE,
        };
        let feed = Feed { layout: spec.layout, address, owner, id: address.to_bytes() };
        let listing = Listing { token: Token { mint, program }, feed, usd: spec.usd, spec };
        self.publish_at(&listing.feed, Quote::new(listing.usd, self.now()));
        listing
    }

    /// Lists asset `index` with the terms of its spec.
    pub fn add_asset_instruction(&self, index: u16) -> Instruction {
        let listing = self.listing(index);
        let terms = listing.spec.terms(&listing.feed);
        build::add_asset(self.governor.pubkey(), self.pool, index, listing.token, terms)
    }

    /// A second pool of the governor on the same mints and feeds, with rows and prices.
    pub fn second_pool(&mut self) -> Pubkey {
        let governor = self.governor.insecure_clone();
        let home = std::mem::replace(&mut self.pool, addresses::pool(&governor.pubkey(), 1));
        let mint = self.listings[0].token.mint;
        let create = build::create_pool(governor.pubkey(), 1, Cluster::Localnet, mint, self.roles());
        self.succeeds(&[create, self.set_committee_instruction()], &[&governor]);
        for index in 0..self.listings.len() as u16 {
            let add = self.add_asset_instruction(index);
            self.succeeds(&[add], &[&governor]);
        }
        for (index, asset) in self.underlyings.clone().into_iter().enumerate() {
            let terms = MarketSpec::new("ANY-PERP", asset).terms;
            let add = build::add_market(governor.pubkey(), self.pool, asset, index as u16, terms);
            self.succeeds(&[add], &[&governor]);
        }
        self.stage(ROWS);
        self.refresh();
        std::mem::replace(&mut self.pool, home)
    }

    /// Another world in the same state, which has told nothing yet.
    pub fn twin(&self) -> Self {
        Self {
            svm: self.svm.clone(),
            payer: self.payer.insecure_clone(),
            governor: self.governor.insecure_clone(),
            guardian: self.guardian.insecure_clone(),
            risk: self.risk.insecure_clone(),
            members: self.members.iter().map(Keypair::insecure_clone).collect(),
            pool: self.pool,
            listings: self.listings.clone(),
            underlyings: self.underlyings.clone(),
            told: vec![],
            tape: None,
            by_hand: self.by_hand,
            written: self.written,
            keys: self.keys.clone(),
        }
    }

    // Keys.

    pub fn new_key(&mut self) -> Keypair {
        Keypair::new_from_array(self.keys.bytes())
    }

    pub fn new_address(&mut self) -> Pubkey {
        self.new_key().pubkey()
    }

    /// A key with lamports.
    pub fn new_wallet(&mut self) -> Keypair {
        let key = self.new_key();
        self.svm.airdrop(&key.pubkey(), WEALTH).unwrap();
        let wealth = self.account(&key.pubkey());
        self.note(|| Entry::Written(key.pubkey(), wealth));
        key
    }

    // Time.

    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    fn set_time(&mut self, unix_timestamp: i64) {
        let clock = Clock { unix_timestamp, ..self.svm.get_sysvar::<Clock>() };
        self.svm.set_sysvar(&clock);
        self.note(|| Entry::Time(unix_timestamp));
    }

    /// Lets time pass; prices grow old.
    pub fn pass(&mut self, seconds: i64) {
        self.set_time(self.now() + seconds);
    }

    /// Enters a slot among the recent ones, as the runtime does.
    pub(crate) fn record_slot(&mut self, slot: u64) {
        let mut hashes = self.svm.get_sysvar::<solana_slot_hashes::SlotHashes>();
        hashes.add(slot, Default::default());
        self.svm.set_sysvar(&hashes);
    }

    // Prices.

    pub fn listing(&self, asset: u16) -> &Listing {
        &self.listings[usize::from(asset)]
    }

    /// Writes a quote into an asset's feed.
    pub fn publish(&mut self, asset: u16, quote: Quote) {
        let feed = self.listing(asset).feed;
        self.publish_at(&feed, quote);
    }

    /// Writes a quote into any feed.
    pub fn publish_at(&mut self, feed: &Feed, quote: Quote) {
        let data = quote.encode(feed);
        let account = Account { lamports: 10_000_000, data, owner: feed.owner, ..Account::default() };
        self.write(feed.address, account);
    }

    /// Publishes a new price and has the program read it.
    pub fn price(&mut self, asset: u16, usd: f64) {
        self.listings[usize::from(asset)].usd = usd;
        let now = self.now();
        self.publish(asset, Quote::new(usd, now));
        let refresh = self.refresh_asset(&[asset]);
        self.succeeds(&[refresh], &[]);
    }

    /// Publishes every price again, as of now, and has the program read it.
    pub fn refresh(&mut self) {
        let now = self.now();
        let all: Vec<u16> = (0..self.listings.len() as u16).collect();
        for asset in &all {
            self.publish(*asset, Quote::new(self.listing(*asset).usd, now));
        }
        for some in all.chunks(12) {
            let refresh = self.refresh_asset(some);
            self.succeeds(&[refresh], &[]);
        }
    }

    /// Lets every price that is not stale stand for a minute, so that it is the average of the last one too (CLR-42).
    pub fn hold(&mut self) {
        let all: Vec<Asset> = (0..self.listings.len() as u16).map(|index| self.asset(index)).collect();
        let now = self.now();
        self.pass(60);
        let live: Vec<Asset> = all.into_iter().filter(|a| a.require_fresh(now, a.max_age).is_ok()).collect();
        for asset in &live {
            // Feeds have eight decimals, prices nine of a contract.
            let token = 10 * 10i64.pow(asset.contract_exponent.into());
            let [price, average] = [asset.price, asset.average].map(|p| p.0 / token);
            let confidence = asset.confidence.0.unsigned_abs() / token.unsigned_abs();
            let quote = Quote { price, average, confidence, ..Quote::new(0.0, self.now()) };
            self.publish(asset.index, quote);
        }
        let live: Vec<u16> = live.iter().map(|a| a.index).collect();
        for some in live.chunks(12) {
            let refresh = self.refresh_asset(some);
            self.succeeds(&[refresh], &[]);
        }
    }

    pub fn refresh_asset(&self, assets: &[u16]) -> Instruction {
        let feeds: Vec<_> = assets.iter().map(|a| (*a, self.listing(*a).feed.address)).collect();
        build::refresh_asset(&self.pool, &feeds)
    }

    // Rows.

    /// Stages generation 1 whole: rows in which the columns move together, apart and alone.
    pub fn stage(&mut self, rows: u16) {
        let columns = u32::from(self.state::<Pool>(&self.pool).column_count);
        let present = ((1u32 << columns) - 1) as u16;
        let governor = self.governor.insecure_clone();
        let mut start = 0;
        while start < rows {
            let here = (rows - start).min(200 / columns.max(1) as u16);
            let range = Self::rows_of(rows, present, start, here);
            let stage = build::stage_scenarios(governor.pubkey(), self.pool, 1, range);
            self.succeeds(&[stage], &[&governor]);
            start += here;
        }
    }

    /// Rows `start` to `start + length` of the default generation.
    pub fn rows_of(count: u16, present: u16, start: u16, length: u16) -> ScenarioRange {
        let columns: Vec<u16> = (0..16).filter(|c| present & (1 << c) != 0).collect();
        let cell = |row: u16, column: u16| {
            let mut chance = Chance::new(u64::from(row) * 16 + u64::from(column));
            let together = if row.is_multiple_of(2) { 1 } else { -1 };
            (together * 2048 + chance.between(-2048, 2048)) as i16
        };
        let rows = start..start + length;
        let moves: Vec<i16> = rows.flat_map(|r| columns.iter().map(move |c| cell(r, *c))).collect();
        let vols = moves.iter().map(|m| (m / 64) as i8).collect();
        ScenarioRange { count, present, source: [7; 32], start, moves, vols }
    }

    // State.

    pub fn account(&self, address: &Pubkey) -> Account {
        self.svm.get_account(address).unwrap_or_default()
    }

    /// An account of the program, decoded.
    #[track_caller]
    pub fn state<T: ZeroCopy>(&self, address: &Pubkey) -> T {
        decode(&self.account(address).data).unwrap()
    }

    pub fn portfolio(&self, address: &Pubkey) -> Portfolio {
        self.state(address)
    }

    pub fn asset(&self, index: u16) -> Asset {
        self.state(&addresses::asset(&self.pool, index))
    }

    pub fn market(&self, index: u16) -> Market {
        self.state(&addresses::market(&self.pool, index))
    }

    pub fn tokens(&self, account: &Pubkey) -> u64 {
        token::amount(&self.account(account))
    }

    /// Tokens in an asset's vault.
    pub fn vault(&self, asset: u16) -> u64 {
        self.tokens(&addresses::vault(&addresses::asset(&self.pool, asset)))
    }

    pub fn keys(&self) -> PoolKeys {
        let live = decode::<Pool>(&self.account(&self.pool).data).ok().filter(Pool::is_live);
        let scenarios = live.map_or_else(|| addresses::scenarios(&self.pool, 1), |pool| pool.scenarios);
        PoolKeys { pool: self.pool, scenarios }
    }

    /// The pool as a client sees it.
    pub fn snapshot(&self) -> Snapshot {
        let pool: Pool = self.state(&self.pool);
        Snapshot {
            scenarios: Box::new(self.state::<Scenarios>(&pool.scenarios)),
            assets: (0..pool.asset_count).map(|i| (i, self.asset(i))).collect(),
            markets: (0..pool.market_count).map(|i| (i, self.market(i))).collect(),
            expiries: self.expiries(pool.market_count),
            pool,
        }
    }

    /// What the portfolios hold, as the list behind an instruction.
    pub fn holdings(&self, portfolios: &[Pubkey]) -> Holdings {
        let portfolios: Vec<Portfolio> = portfolios.iter().map(|p| self.portfolio(p)).collect();
        Holdings::of(&portfolios)
    }

    // Actors.

    /// An owner with lamports, empty token accounts and an open portfolio.
    pub fn actor(&mut self) -> Actor {
        let key = self.new_wallet();
        let tokens = (0..self.listings.len() as u16).map(|a| self.token_account(&key.pubkey(), a)).collect();
        let open = build::open_portfolio(key.pubkey(), self.pool, 0);
        self.succeeds(&[open], &[&key]);
        let portfolio = addresses::portfolio(&self.pool, &key.pubkey(), 0);
        Actor { key, portfolio, tokens }
    }

    /// An owner with this much settlement cash in the portfolio, in USD.
    pub fn trader(&mut self, usd: i64) -> Actor {
        let actor = self.actor();
        self.deposit(&actor, crate::USDC, (usd * DOLLAR) as u64);
        actor
    }

    /// The same owner's next sub-account.
    pub fn sub_account(&mut self, of: &Actor, sub_account: u16) -> Actor {
        let open = build::open_portfolio(of.address(), self.pool, sub_account);
        self.succeeds(&[open], &[&of.key]);
        Actor { portfolio: addresses::portfolio(&self.pool, &of.address(), sub_account), ..of.clone() }
    }

    /// An empty token account.
    pub fn token_account(&mut self, owner: &Pubkey, asset: u16) -> Pubkey {
        let mint = self.listing(asset).token.mint;
        let account = token::account(&self.account(&mint), &mint, owner, 0);
        let address = self.new_address();
        self.write(address, account);
        address
    }

    /// Mints tokens into an actor's token account.
    pub fn fund(&mut self, actor: &Actor, asset: u16, amount: u64) {
        let address = actor.tokens[usize::from(asset)];
        let mut account = self.account(&address);
        let funded = token::amount(&account) + amount;
        token::set_amount(&mut account, funded);
        self.write(address, account);
        let address = self.listing(asset).token.mint;
        let mut mint = self.account(&address);
        token::add_supply(&mut mint, amount);
        self.write(address, mint);
    }

    // Instructions as their senders build them.

    pub fn token_move(&self, actor: &Actor, asset: u16, amount: u64) -> TokenMove {
        let account = actor.tokens[usize::from(asset)];
        TokenMove { asset, token: self.listing(asset).token, account, amount }
    }

    pub fn deposit_instruction(&self, actor: &Actor, asset: u16, amount: u64) -> Instruction {
        let (owner, tokens) = (actor.address(), self.token_move(actor, asset, amount));
        match &self.listing(asset).spec.redemption {
            None => build::deposit(owner, self.pool, actor.portfolio, tokens),
            Some(r) => build::deposit_yield_bearing(owner, self.pool, actor.portfolio, tokens, r.underlying),
        }
    }

    /// Mints the tokens and deposits them.
    #[track_caller]
    pub fn deposit(&mut self, actor: &Actor, asset: u16, amount: u64) -> Sent {
        self.fund(actor, asset, amount);
        let deposit = self.deposit_instruction(actor, asset, amount);
        self.succeeds(&[deposit], &[&actor.key])
    }

    pub fn withdraw_instruction(&self, actor: &Actor, asset: u16, amount: u64) -> Instruction {
        let holdings = self.holdings(&[actor.portfolio]);
        let tokens = self.token_move(actor, asset, amount);
        build::withdraw(actor.address(), self.keys(), actor.portfolio, &holdings, tokens)
    }

    #[track_caller]
    pub fn withdraw(&mut self, actor: &Actor, asset: u16, amount: u64) -> Sent {
        let withdraw = self.withdraw_instruction(actor, asset, amount);
        self.succeeds(&[withdraw], &[&actor.key])
    }

    /// Takes out settlement tokens until equity is what initial margin asks for.
    #[track_caller]
    pub fn to_initial(&mut self, actor: &Actor) {
        let health = self.health(actor);
        self.withdraw(actor, crate::USDC, (health.equity - health.initial).unsigned_abs());
    }

    /// A trade of perpetuals: per leg market, contracts (1e-9, positive where the first buys) and price (1e-9 USD).
    pub fn trade_instruction(&self, first: TradeSide, second: TradeSide, legs: &[(u16, i64, i64)]) -> Instruction {
        let mut holdings = self.holdings(&[first.portfolio, second.portfolio]);
        for (market, _, _) in legs {
            if let Some(underlying) = self.underlyings.get(usize::from(*market)) {
                holdings = holdings.with_traded(instrument::perpetual(*market), *underlying);
            }
        }
        let legs = legs.iter().map(|(market, quantity, price)| leg(*market, *quantity, *price)).collect();
        build::trade(self.keys(), first, second, &holdings, legs)
    }

    #[track_caller]
    pub fn trade(&mut self, first: &Actor, second: &Actor, legs: &[(u16, i64, i64)]) -> Sent {
        let trade = self.trade_instruction(first.side(), second.side(), legs);
        self.succeeds(&[trade], &[&first.key, &second.key])
    }

    pub fn settle_instruction(&self, actor: &Actor, market: u16) -> Instruction {
        let underlying = self.underlyings[usize::from(market)];
        build::settle_variation(&self.pool, actor.portfolio, instrument::perpetual(market), underlying)
    }

    #[track_caller]
    pub fn settle(&mut self, actor: &Actor, market: u16) -> Sent {
        let settle = self.settle_instruction(actor, market);
        self.succeeds(&[settle], &[])
    }

    pub fn start_auction_instruction(&self, actor: &Actor) -> Instruction {
        build::start_auction(self.keys(), actor.portfolio, &self.holdings(&[actor.portfolio]))
    }

    /// Lets prices stand for a minute, then starts the auction.
    #[track_caller]
    pub fn start_auction(&mut self, actor: &Actor) -> Sent {
        self.hold();
        let start = self.start_auction_instruction(actor);
        self.succeeds(&[start], &[])
    }

    pub fn end_auction_instruction(&self, actor: &Actor) -> Instruction {
        build::end_auction(self.keys(), actor.portfolio, &self.holdings(&[actor.portfolio]))
    }

    pub fn liquidate_instruction(&self, actor: &Actor, taker: TradeSide, fraction: i64, limit: i64) -> Instruction {
        let holdings = self.holdings(&[actor.portfolio, taker.portfolio]);
        build::liquidate(self.keys(), actor.portfolio, taker, &holdings, fraction, limit)
    }

    /// Equity, initial and maintenance margin as the chain reports them.
    #[track_caller]
    pub fn health(&mut self, actor: &Actor) -> novate_client::HealthReport {
        let health = build::health(self.keys(), actor.portfolio, &self.holdings(&[actor.portfolio]));
        self.succeeds(&[health], &[]).returned()
    }

    /// Sends as [`World::send`] does, for operations that may fail.
    pub fn attempt(&mut self, instruction: Instruction, signers: &[&Keypair]) -> Result<Sent, Failure> {
        self.send(&[instruction], signers)
    }
}

/// A leg in a market's perpetual.
pub fn leg(market: u16, quantity: i64, price: i64) -> Leg {
    Leg { instrument: instrument::perpetual(market), quantity, price }
}
