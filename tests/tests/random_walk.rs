//! A random walk over all instructions: whatever is tried, in whatever order, the rules of [`novate_tests::checker`] hold after
//! it, the ledger that is kept from its event is what the accounts are, what fails changes nothing, and what can be foreseen comes
//! to pass: what a trade or a withdrawal leaves to the byte, refusals by name.
//!
//! `NOVATE_SEED` chooses another walk, `NOVATE_STEPS` a longer one. One that fails leaves a tape, see `tapes`.

mod expiring;
mod fills;
mod governance;
mod haircuts;
mod insurance;
mod judge;
mod keepers;
mod lenders;
mod liquidation;
mod liveness;
mod orders;
mod roles;
mod tapes;
mod traders;
mod trades;

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

use novate_client::instructions::{self as build};
use novate_client::state::Portfolio;
use novate_client::{instrument, Instruction};
use novate_tests::ledger::{format, Ledger, Sensitivity, QUIET};
use novate_tests::{Actor, AssetSpec, Builder, Chance, MarketSpec, Sent, World, BTC, ETH, JITOSOL, SOL, USDC};
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_message::AddressLookupTableAccount;
use solana_transaction_error::TransactionError;

use crate::checking::raw;
use judge::{Judge, Refused};

const SEED: u64 = 20_221_111;
const STEPS: u64 = 10_000;
/// Fewest successes of each instruction, and of a hundred operations.
const LEAST: u64 = 40;
const LEAST_SHARE: u64 = 60;
/// What needs a day without samples, a loss beyond cash, a deficit beyond the fund, gains below it, two that opted in to one venue, a venue that stands,
/// happens more rarely.
const RARE: [(&str, u64); 9] = [
    ("clear", 20),
    ("remove_venue", 30),
    ("submit_settlement_price", 20),
    ("apply_settlement_price", 10),
    ("borrow_for_loss", 15),
    ("register_gain", 20),
    ("charge_gain", 20),
    ("close_haircut", 2),
    ("resolve_bankruptcy", 5),
];
/// Steps after which the fund is short, or no longer.
const LEAN: u64 = 500;
/// Fewest times that each of what the rules are about happens.
const LEAST_LIVED: u64 = 5;

/// Prices where they begin, by asset.
const USD: [f64; 6] = [1.0, 20_000.0, 1_500.0, 30.0, 50.0, 36.0];
const ASSETS: u16 = USD.len() as u16;
/// Underlying of each market; two are on BTC.
const UNDERLYINGS: [u16; 4] = [BTC, ETH, SOL, BTC];
/// The market with the finest lot and tick.
const FINE: u16 = 3;
/// Markets with expiries.
const DATED: [u16; 2] = [0, 1];
const MAX_AGE: i64 = 600;
/// Steps, of a hundred, that go to an expiry that has passed and is not closed.
const WINDS_UP: i64 = 50;
/// Steps, of a hundred, that somebody withdraws in while insurance is short.
const RUNS: i64 = 10;

const INSTRUCTIONS: [(&str, i64); 65] = [
    ("create_pool", 3),
    ("set_committee", 3),
    ("remove_member", 4),
    ("add_asset", 3),
    ("add_market", 3),
    ("propose_role", 3),
    ("cancel_role", 6),
    ("accept_role", 7),
    ("pause", 5),
    ("unpause", 7),
    ("register_venue", 3),
    ("remove_venue", 3),
    ("list_expiry", 3),
    ("list_strikes", 4),
    ("submit_settlement_price", 3),
    ("apply_settlement_price", 3),
    ("stage_scenarios", 3),
    ("refresh_asset", 7),
    ("refresh_market", 3),
    ("report_mid", 6),
    ("refresh_redemption", 4),
    ("submit_forecast", 3),
    ("apply_forecasts", 3),
    ("submit_asset_forecast", 3),
    ("apply_asset_forecasts", 3),
    ("refresh_expiry", 5),
    ("open_portfolio", 3),
    ("close_portfolio", 7),
    ("set_delegate", 3),
    ("revoke_delegate", 3),
    ("cancel_orders", 4),
    ("opt_in_venue", 6),
    ("opt_out_venue", 3),
    ("clear", 16),
    ("settle_orders", 26),
    ("deposit", 7),
    ("withdraw", 9),
    ("transfer", 8),
    ("trade", 36),
    ("settle_variation", 24),
    ("fix_expiry", 6),
    ("settle_expiry", 3),
    ("close_expiry", 3),
    ("register_gain", 9),
    ("charge_gain", 6),
    ("close_haircut", 9),
    ("start_auction", 20),
    ("liquidate", 24),
    ("end_auction", 14),
    ("resolve_bankruptcy", 5),
    ("fund_insurance", 3),
    ("collect_fees", 4),
    ("stake", 7),
    ("request_unstake", 3),
    ("unstake", 4),
    ("close_stake", 5),
    ("health", 5),
    ("require_health", 4),
    ("require_sequence", 3),
    ("set_lending", 5),
    ("lend", 6),
    ("unlend", 5),
    ("borrow", 14),
    ("repay", 6),
    ("borrow_for_loss", 18),
];
/// Errors of senders that name the wrong accounts, and of amounts that leave their range: neither can be here.
const NEVER: [&str; 9] = [
    "MathOverflow",
    "ModelRefused",
    "AssetMissing",
    "MarketMissing",
    "ExpiryMissing",
    "AccountsOutOfOrder",
    "DuplicateAccount",
    "TooManyAccounts",
    "NotWritable",
];
/// What must really happen.
const LIVED: [&str; 77] = [
    "a slice of what waits for its price changed hands",
    "the outflow limit held tokens back",
    "a balance below the minimum was refused",
    "a position below the minimum was refused",
    "an average kept a portfolio from its auction",
    "a premium was in force",
    "three mids made a premium",
    "funding was settled",
    "funding was paid with a trade",
    "a slice was cut from what owed funding",
    "a loss was paid",
    "a gain was received",
    "pending gains became cash",
    "a future's variation was settled",
    "a future was traded",
    "an option was traded",
    "five legs or more were traded",
    "a trade ended an auction",
    "a bid restored the account",
    "a bid left the auction",
    "an insolvent auction began",
    "insurance paid for a slice",
    "an insolvent account was taken whole",
    "stake was slashed",
    "a loss was forgiven",
    "losses were forgiven in two markets",
    "a second deficit came into an open window",
    "a bid had either side bear its part",
    "who gained kept the charge in a slice",
    "a loss was carried",
    "a round was opened anew",
    "a settlement registered or charged a gain",
    "a gain of what is dated was registered",
    "a charge was the last of a round",
    "a charge was rounded up beyond the haircut",
    "gains covered a haircut",
    "gains did not cover a haircut",
    "deposits paid what gains did not cover",
    "deposits paid for a slice",
    "lenders paid",
    "what was held back paid",
    "a bankrupt account's losses were forgiven",
    "cash left during a shortage",
    "a shortage held cash back",
    "an insolvent auction gave its reserve back",
    "an auction of options began",
    "a slice of options changed hands",
    "health of options was compared",
    "yield-bearing collateral was deposited",
    "a loan was taken",
    "a loan was paid back whole",
    "a loss was paid out of a loan",
    "a loan changed hands in a liquidation",
    "a window was extended",
    "a price was set for those who hold",
    "a future was settled at expiry",
    "an option expired in the money",
    "an option expired worthless",
    "an account in an auction was settled at expiry",
    "a slice of what had expired changed hands",
    "variation of an expired option was settled",
    "roundings of a settlement were kept",
    "a portfolio without debts left",
    "a solvent account was taken by a stranger",
    "an insolvent account was taken by a stranger",
    "a withdrawal beside a stale feed",
    "a trade beside a stale feed",
    "two orders filled each other",
    "an order was filled against a signature",
    "an order was filled again",
    "a delegate's order was filled",
    "an order with a limit below zero was filled",
    "a reduce-only order was filled",
    "more than an order was refused",
    "a cancelled order was refused",
    "a price beyond an order's limit was refused",
    "what a reduce-only order would open was refused",
];

/// Fields, of an event or of any, that tell something and move nothing.
const TELLS: [(&str, &[&str]); 17] = [
    ("", &["time", "equity", "maintenance", "payer", "funder"]),
    ("AssetAdded", &["asset", "mint", "feed", "feed_owner", "redemption_underlying", "stake_pool"]),
    ("AssetRefreshed", &["price", "confidence", "publish_time", "scan_range", "haircut", "accepted", "average"]),
    ("AuctionStarted", &["average_equity", "average_maintenance"]),
    ("DelegateSet", &["delegate", "expiry"]),
    ("ExpiryClosed", &["expiry"]),
    ("ExpiryListed", &["expiry", "basis", "a", "b", "rho", "m", "sigma"]),
    ("ExpirySettled", &["price"]),
    ("LendingSet", &["rate_zero", "rate_kink", "rate_full", "kink", "reserve_share", "utilisation_cap", "borrow_cap"]),
    ("Liquidated", &["equity_before", "maintenance_before", "equity_after", "maintenance_after"]),
    ("LossBorrowed", &["instrument"]),
    ("MarketAdded", &["market", "asset"]),
    ("PortfolioOpened", &["owner", "sub_account"]),
    // A unit of the price is noticed only where it changes the rounding.
    ("Traded", &["price", "venue"]),
    ("UnstakeRequested", &["from", "before"]),
    ("VenueOptedIn", &["venue"]),
    ("VenueOptedOut", &["venue"]),
];

/// Fields of which an alteration may come to the same. Of two losses of one market in one event a round takes in the first by itself, or,
/// where it is carried, with the second. An order that was void already is cancelled without a trace.
const MOSTLY: [(&str, &str); 3] =
    [("Liquidated", "losses.round"), ("OrdersCancelled", "orders.nonce"), ("OrdersCancelled", "orders.until")];

/// Parts of haircuts, and fills of strategies below zero, that need more than one thing to come together: at least once.
const LIVED_RARELY: [&str; 11] = [
    "an order with a limit below zero was filled",
    "the outflow limit held tokens back",
    "a slice of what waits for its price changed hands",
    "a second deficit came into an open window",
    "who gained kept the charge in a slice",
    "a loss was carried",
    "a round was opened anew",
    "a charge was rounded up beyond the haircut",
    "gains did not cover a haircut",
    "an account in an auction was settled at expiry",
    "losses were forgiven in two markets",
];

/// What has a walk of its own, and the borrowers in it.
const DIRECTED: [&str; 1] = ["deposits paid for a slice"];
const BORROWERS: u64 = 40;

/// A portfolio and who may sign for it.
struct Seat {
    actor: Actor,
    sub_account: u16,
    delegate: Option<Keypair>,
    /// Opened and closed again; the others stay.
    passing: bool,
}

/// Who reports mids.
struct Venue {
    key: Keypair,
    index: u16,
    active: bool,
}

struct Walk {
    world: World,
    chance: Chance,
    /// Owners, the first three rich; then sub-accounts of some of them; then those that pass.
    seats: Vec<Seat>,
    /// By index, the removed ones too.
    venues: Vec<Venue>,
    placed: fills::Placed,
    /// Where transactions find the accounts of the pool.
    tables: Vec<AddressLookupTableAccount>,
    /// Pools beside the one that trades, by id, in which the governor lists.
    pools: Vec<u16>,
    /// The roles of all pools beside the one that trades.
    offices: Vec<roles::Offices>,
    /// Of each instruction: tried, succeeded.
    tally: BTreeMap<&'static str, [u64; 2]>,
    /// Why instructions were refused.
    refusals: BTreeMap<(&'static str, String), u64>,
    /// How often what the rules are about really happened.
    lived: BTreeMap<&'static str, u64>,
    /// Kept from every event; and from those alone that no log limit can drop.
    ledger: Ledger,
    plain: Ledger,
    sensitivity: Sensitivity,
    /// The world and the ledger where the tape begins.
    begun: Option<(Box<World>, Ledger)>,
    /// Something that must be possible is tried in a twin.
    tries: bool,
    /// A planted one.
    rule: Option<tapes::Rule>,
    seed: u64,
    step: u64,
}

/// Cash of the owners, in USD, and of each sub-account, in units.
const CASH: [i64; 8] = [2_000_000, 1_500_000, 1_000_000, 9_000, 8_000, 7_000, 6_000, 5_000];
const SUB_CASH: u64 = 4_000_000_000;
/// Units of USDC that leave in a day at most, and the least balance of ETH.
const USDC_A_DAY: u64 = 700_000_000_000;
const ETH_LEAST: u64 = 1_000_000;
/// The first owner with a sub-account, and how many have one.
const WITH_SUB: usize = 2;
const SUBS: usize = 4;

impl Walk {
    fn new(seed: u64) -> Self {
        let asset = |symbol, decimals, at: usize| AssetSpec::new(symbol, decimals, USD[at]).max_age(MAX_AGE);
        let stake_pool = novate_client::Pubkey::new_from_array([1; 32]);
        let assets = vec![
            asset("USDC", 6, 0).outflow_limit(USDC_A_DAY),
            asset("BTC", 8, 1),
            asset("ETH", 8, 2).base_range(180_000).pushed().minimum_balance(ETH_LEAST),
            asset("SOL", 9, 3).base_range(250_000).posted().token_2022(vec![]),
            asset("GOLD", 6, 4).pushed(),
            asset("JITOSOL", 9, 5).redeemed_for(SOL, stake_pool),
        ];
        let fine = |t: &mut novate_client::MarketTerms| (t.tick, t.lot, t.minimum) = (1, 1, 1_000_000);
        let markets = vec![
            MarketSpec::new("BTC-PERP", BTC),
            MarketSpec::new("ETH-PERP", ETH).with(|t| t.option_tick = 1),
            MarketSpec::new("SOL-PERP", SOL),
            MarketSpec::new("BTC2-PERP", BTC).with(fine),
        ];
        // So low that the capital made of fees is spent now and then, and stake has to pay.
        let markets = markets.into_iter().map(|market| market.with(|t| t.fee = 10)).collect();
        let mut world = Builder::default().assets(assets).markets(markets).rows(64).build();
        world.set_epoch(700);
        world.redeem_at(JITOSOL, 1_200_000_000);
        let [ledger, plain] = [0; 2].map(|_| Ledger::new(world.pool.to_bytes()));
        let mut walk = Self {
            world,
            chance: Chance::new(seed),
            seats: vec![],
            venues: vec![],
            placed: fills::Placed::default(),
            tables: vec![],
            pools: vec![],
            offices: vec![],
            tally: INSTRUCTIONS.iter().map(|(name, _)| (*name, [0, 0])).collect(),
            refusals: BTreeMap::new(),
            lived: LIVED.iter().map(|what| (*what, 0)).collect(),
            ledger,
            plain,
            sensitivity: Sensitivity::default(),
            begun: None,
            tries: false,
            rule: None,
            seed,
            step: 0,
        };
        for usd in CASH {
            let actor = walk.world.trader(usd);
            walk.seats.push(Seat { actor, sub_account: 0, delegate: None, passing: false });
        }
        for at in 0..SUBS {
            let seat = walk.sub_account(at + WITH_SUB);
            walk.seats.push(seat);
        }
        walk.list_chains();
        walk.open_banks();
        walk.begin_tape();
        walk
    }

    fn sub_account(&mut self, owner: usize) -> Seat {
        let actor = self.world.sub_account(&self.actor(owner), 1);
        self.world.deposit(&actor, USDC, SUB_CASH);
        Seat { actor, sub_account: 1, delegate: None, passing: false }
    }

    /// Transactions find the accounts of the pool in a table, as those with many must.
    fn make_tables(&mut self) {
        let every: Vec<u16> = (0..ASSETS).collect();
        let markets: Vec<(u16, u16)> = (0..).zip(UNDERLYINGS).collect();
        let pool = self.world.pool;
        let lists = [
            build::health(self.world.keys(), pool, &Default::default()),
            build::settle_variation(&pool, pool, instrument::perpetual(0), BTC),
            build::collect_fees(pool, 0),
            self.world.refresh_asset(&every),
            build::refresh_market(&pool, &markets),
            build::refresh_expiry(&pool, &self.world.chains()),
        ];
        self.tables = vec![self.world.lookup_table(&lists)];
    }

    fn place(&self) -> String {
        format!("seed {}, step {}", self.seed, self.step)
    }

    /// Sends one instruction, counts it, and checks: no failure changes a byte or comes from anything but a named error,
    /// and the rules hold. Returns the error's name.
    fn run(&mut self, name: &'static str, instruction: Instruction, signers: &[&Keypair]) -> Refused<Sent> {
        self.run_all(name, &[instruction], signers)
    }

    /// The same of one behind others that cannot fail by themselves.
    fn run_all(&mut self, name: &'static str, instructions: &[Instruction], signers: &[&Keypair]) -> Refused<Sent> {
        let instructions = self.world.enacted(instructions);
        let before = self.world.picture();
        let result = self.world.send_with_tables(&instructions, signers, &self.tables);
        let count = self.tally.get_mut(name).unwrap();
        count[0] += 1;
        let place = format!("{}, {name}", self.place());
        let sent = match result {
            Ok((sent, _)) => {
                self.tally.get_mut(name).unwrap()[1] += 1;
                Ok(sent)
            }
            Err(failure) => {
                let logs = failure.logs.join("\n");
                let code = failure.code().unwrap_or(0);
                // Behind the compute limit.
                let at = instructions.len() as u8;
                let named = TransactionError::InstructionError(at, InstructionError::Custom(code));
                assert_eq!(failure.error, named, "{place}\n{logs}");
                assert_eq!(before.differences(&self.world.picture()), [], "{place} failed and changed something");
                let error = judge::name_in_log(&logs).unwrap_or_else(|| format!("error {code} of another program"));
                assert!(!NEVER.contains(&error.as_str()), "{place}\n{logs}");
                *self.refusals.entry((name, error.clone())).or_default() += 1;
                self.lived("the outflow limit held tokens back", error == "OutflowLimit");
                self.lived("a balance below the minimum was refused", error == "DustBalance");
                self.lived("a position below the minimum was refused", error == "LeavesDust");
                Err(error)
            }
        };
        self.keep_books();
        let wrong = tapes::wrong(&self.world, &self.ledger, self.rule);
        assert!(wrong.is_empty(), "{place}\n{}", wrong.join("\n"));
        sent
    }

    /// Enters what was told since the last time.
    fn keep_books(&mut self) {
        for told in std::mem::take(&mut self.world.told) {
            self.sensitivity.take(&mut self.ledger, &told.event);
            if !told.telemetry {
                self.plain.take(&told.event);
            }
        }
    }

    /// A ledger that knew no telemetry but the last of each asset is what the accounts are.
    fn check_plain(&mut self) {
        self.keep_books();
        self.world.refresh();
        std::mem::take(&mut self.world.told).iter().for_each(|told| {
            self.plain.take(&told.event);
        });
        let wrong = self.plain.differences(&raw(&self.world));
        assert!(wrong.is_empty(), "{}\n{}", self.place(), wrong.join("\n"));
    }

    /// A unit too much or too little in any field of an event that moves money is noticed.
    fn assert_sensitive(&self) {
        for ((event, field), [tried, noticed]) in &self.sensitivity.0 {
            let name = field.rsplit('.').next().unwrap_or_default();
            let tells = TELLS.iter().any(|(of, told)| [*event, ""].contains(of) && told.contains(&name));
            let mostly = MOSTLY.contains(&(*event, field.as_str())) && *noticed > 0;
            assert!(tells || mostly || noticed == tried, "{event}, {field}: {noticed} of {tried} were noticed");
        }
        for event in format::events().filter(|event| !QUIET.contains(event)) {
            assert!(self.sensitivity.0.keys().any(|(of, _)| *of == event), "no {event} was altered");
        }
    }

    /// Sends one instruction with an outcome that is foreseen.
    fn expect<T>(
        &mut self,
        name: &'static str,
        instruction: Instruction,
        signers: &[&Keypair],
        foreseen: &Refused<T>,
    ) -> Option<Sent> {
        self.expect_all(name, &[instruction], signers, foreseen)
    }

    fn expect_all<T>(
        &mut self,
        name: &'static str,
        instructions: &[Instruction],
        signers: &[&Keypair],
        foreseen: &Refused<T>,
    ) -> Option<Sent> {
        match (self.run_all(name, instructions, signers), foreseen) {
            (Ok(sent), Ok(_)) => Some(sent),
            (Err(error), Err(expected)) if error == *expected => None,
            (outcome, foreseen) => {
                let (outcome, foreseen) = (outcome.map(|_| ()), foreseen.as_ref().map(|_| ()));
                panic!("{}, {name}: {outcome:?}, {foreseen:?} was foreseen", self.place())
            }
        }
    }

    fn lived(&mut self, what: &'static str, happened: bool) {
        *self.lived.get_mut(what).unwrap() += u64::from(happened);
    }

    /// Half of the time little is staked, so that the fund is short.
    fn is_lean(&self) -> bool {
        self.step / LEAN % 2 == 1
    }

    fn go(&mut self, steps: u64) {
        for step in 1..=steps {
            self.step();
            if step % liveness::EVERY == 0 {
                self.check_liveness();
            }
        }
    }

    fn step(&mut self) {
        self.step += 1;
        let seconds = if self.chance.percent(4) { self.chance.between(600, 4_000) } else { self.chance.between(0, 30) };
        self.world.pass(seconds);
        if self.has_passed() && self.chance.percent(WINDS_UP) {
            return self.wind_up();
        }
        if self.is_stale() && self.chance.percent(85) {
            return self.refresh_all();
        }
        if self.chance.percent(3) {
            self.jump();
        }
        if self.world.asset(USDC).at_stake() > 0 && self.chance.percent(RUNS) {
            return self.run_for_it();
        }
        if !self.is_current() && self.chance.percent(60) {
            self.refresh_chains();
        }
        let total: i64 = INSTRUCTIONS.iter().map(|(_, weight)| weight).sum();
        let mut draw = self.chance.between(1, total);
        for (name, weight) in INSTRUCTIONS {
            draw -= weight;
            if draw <= 0 {
                return self.operate(name);
            }
        }
    }

    fn operate(&mut self, name: &'static str) {
        match name {
            "create_pool" => self.create_pool(),
            "set_committee" => self.set_committee(),
            "remove_member" => self.remove_member(),
            "add_asset" => self.add_asset(),
            "add_market" => self.add_market(),
            "propose_role" => self.propose_role(),
            "cancel_role" => self.cancel_role(),
            "accept_role" => self.accept_role(),
            "pause" => self.pause(),
            "unpause" => self.unpause(),
            "register_venue" => self.register_venue(),
            "remove_venue" => self.remove_venue(),
            "list_expiry" => self.list_expiry(),
            "list_strikes" => self.list_strikes(),
            "stage_scenarios" => self.stage_scenarios(),
            "refresh_asset" => self.refresh_asset(),
            "refresh_market" => self.refresh_market(),
            "report_mid" => self.report_mid(),
            "refresh_redemption" => self.refresh_redemption(),
            "submit_forecast" => self.submit_forecast(),
            "apply_forecasts" => self.apply_forecasts(),
            "submit_asset_forecast" | "apply_asset_forecasts" => self.forecast_asset(),
            "refresh_expiry" => self.refresh_expiry(),
            "open_portfolio" => self.open_portfolio(),
            "close_portfolio" => self.close_portfolio(),
            "set_delegate" => self.set_delegate(),
            "revoke_delegate" => self.revoke_delegate(),
            "cancel_orders" => self.cancel_orders(),
            "opt_in_venue" => self.opt_in_venue(),
            "opt_out_venue" => self.opt_out_venue(),
            "clear" => self.clear(),
            "settle_orders" => self.settle_orders(),
            "deposit" => self.deposit(),
            "withdraw" => self.withdraw(),
            "transfer" => self.transfer(),
            "trade" => self.trade(),
            "settle_variation" => self.settle_variation(),
            "submit_settlement_price" | "apply_settlement_price" => self.settlement_price(),
            "fix_expiry" => self.fix_expiry(),
            "settle_expiry" => self.settle_expiry(),
            "close_expiry" => self.close_expiry(),
            "register_gain" => self.register_gain(),
            "charge_gain" => self.charge_gain(),
            "close_haircut" => self.close_haircut(),
            "start_auction" => self.start_auction(),
            "liquidate" => self.liquidate(),
            "end_auction" => self.end_auction(),
            "resolve_bankruptcy" => self.resolve_bankruptcy(),
            "fund_insurance" => self.fund_insurance(),
            "collect_fees" => self.collect_fees(),
            "stake" => self.stake(),
            "request_unstake" => self.request_unstake(),
            "unstake" => self.unstake(),
            "close_stake" => self.close_stake(),
            "health" => self.health(),
            "require_health" => self.require_health(),
            "require_sequence" => self.require_sequence(),
            "set_lending" => self.set_lending(),
            "lend" => self.lend(),
            "unlend" => self.unlend(),
            "borrow" => self.borrow(),
            "repay" => self.repay(),
            "borrow_for_loss" => self.borrow_for_loss(),
            other => panic!("{other} is not played"),
        }
    }

    // What is drawn.

    fn seat(&mut self) -> usize {
        self.chance.index(self.seats.len())
    }

    /// A seat for which something holds, or any where none does.
    fn seat_where(&mut self, holds: impl Fn(&Self, &Portfolio) -> bool) -> usize {
        let fits: Vec<usize> = (0..self.seats.len()).filter(|s| holds(self, &self.portfolio(*s))).collect();
        match fits.is_empty() {
            true => self.seat(),
            false => *self.chance.pick(&fits),
        }
    }

    fn actor(&self, seat: usize) -> Actor {
        self.seats[seat].actor.clone()
    }

    fn portfolio(&self, seat: usize) -> Portfolio {
        self.world.portfolio(&self.seats[seat].actor.portfolio)
    }

    fn judge(&self) -> Judge {
        Judge { snapshot: self.world.snapshot(), now: self.world.now() }
    }

    /// A portfolio is what was foreseen, to the byte.
    fn assert_is(&self, seat: usize, foreseen: &Portfolio) {
        let portfolio = self.portfolio(seat);
        let same = bytemuck::bytes_of(&portfolio) == bytemuck::bytes_of(foreseen);
        assert!(same, "{}: {portfolio:?}\n{foreseen:?} was foreseen", self.place());
    }

    /// What anyone else is worth and must hold is as it was; what counts of it too, but for gains that a haircut may take.
    fn assert_bystanders(&self, before: &Judge, but: &[usize]) {
        let after = self.judge();
        for seat in (0..self.seats.len()).filter(|seat| !but.contains(seat)) {
            let portfolio = self.portfolio(seat);
            let [after, before] = [&after, before].map(|judge| judge.health_less_risk(&portfolio));
            assert_eq!(after, before, "{}: seat {seat}", self.place());
        }
    }

    fn is_stale(&self) -> bool {
        (0..ASSETS).any(|a| self.world.now() - self.world.asset(a).publish_time > MAX_AGE)
    }

    /// Past the test harness, which hides what a passing test prints.
    fn print(&self) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "\nrandom walk, seed {}: {} steps", self.seed, self.step);
        let _ = writeln!(out, "| instruction | tried | succeeded | refused |\n|---|---:|---:|---|");
        for (name, [tried, succeeded]) in &self.tally {
            let refusals = self.refusals.iter().filter(|((of, _), _)| of == name);
            let refusals: Vec<String> = refusals.map(|((_, error), times)| format!("{error} {times}")).collect();
            let _ = writeln!(out, "| {name} | {tried} | {succeeded} | {} |", refusals.join(", "));
        }
        let [tried, succeeded] = self.total();
        let _ = writeln!(out, "| all | {tried} | {succeeded} | |");
        for (what, times) in &self.lived {
            let _ = writeln!(out, "{what} {times} times");
        }
    }

    fn total(&self) -> [u64; 2] {
        self.tally.values().fold([0, 0], |[t, s], [tried, succeeded]| [t + tried, s + succeeded])
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

#[test]
fn the_rules_hold_after_every_operation() {
    let (seed, steps) = (setting("NOVATE_SEED", SEED), setting("NOVATE_STEPS", STEPS));
    let mut walk = Walk::new(seed);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| walk.go(steps))) {
        walk.leave_tape(&tapes::folder());
        resume_unwind(panic);
    }
    walk.print();
    walk.check_side_pools();
    walk.check_plain();
    if steps >= STEPS {
        let [tried, succeeded] = walk.total();
        assert!(tried >= 2_000 && succeeded * 100 >= tried * LEAST_SHARE, "{succeeded} of {tried} succeeded");
        for (name, [_, succeeded]) in &walk.tally {
            let least = RARE.iter().find(|(rare, _)| rare == name).map_or(LEAST, |(_, least)| *least);
            assert!(*succeeded >= least, "{name} succeeded only {succeeded} times");
        }
        walk.assert_sensitive();
        let least = |what: &str| match what {
            directed if DIRECTED.contains(&directed) => 0,
            rare if LIVED_RARELY.contains(&rare) => 1,
            _ => LEAST_LIVED,
        };
        assert!(walk.lived.iter().all(|(what, times)| *times >= least(what)), "{:?}", walk.lived);
    }
}

/// Borrowers break one after the other, where the fund has nothing.
#[test]
fn deposits_pay_for_slices() {
    let mut walk = Walk::new(setting("NOVATE_SEED", SEED));
    for _ in 0..BORROWERS {
        // Prices come back by a tenth each time.
        for _ in 0..8 {
            walk.world.pass(60);
            walk.refresh_all();
        }
        walk.break_a_borrower();
    }
    let paid = walk.lived[DIRECTED[0]];
    assert!(paid >= LEAST_LIVED, "{paid} of {BORROWERS}");
    walk.check_plain();
}
