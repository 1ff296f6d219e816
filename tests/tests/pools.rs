//! Two pools of one authority on the same mints and feeds, with the same owners in both, share nothing: no instruction takes
//! an account of the other pool, and one that fails beyond its fund leaves the other as it was, byte by byte.

use std::collections::{BTreeMap, BTreeSet};

use anchor_lang::error::ErrorCode;
use novate_client::instructions::{self as build, Behind, SettledSide, Transfer};
use novate_client::order::Cluster;
use novate_client::state::{minutes_of, Pool, Scenarios, COOLING_OFF, HAIRCUT_WINDOW};
use novate_client::{
    addresses, instrument, Action, AssetField, AssetForecast, AssetSetting, Delays, Instruction, Leg, MarketField,
    MarketSetting, NovateError, OracleSource, ParamSetting, Pubkey, Role,
};
use novate_tests::feed::Quote;
use novate_tests::world::{leg, ROWS};
use novate_tests::{
    checker, flat, future, Actor, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, GOLD, JITOSOL,
    LENDING, PRICE, ROLE_DELAY, USDC,
};
use solana_account::{AccountSharedData, ReadableAccount};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::checking::raw;

const ALL: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// A minute after a price has moved the guard's average is there too.
const MINUTE: i64 = 60;

/// The same owner's first portfolio in the pool that the world is at.
fn of(world: &World, actor: &Actor) -> Actor {
    Actor { portfolio: addresses::portfolio(&world.pool, &actor.address(), 0), ..actor.clone() }
}

/// Every account of a pool: the program's that name it, itself included, and its vaults.
fn accounts_of(world: &World, pool: &Pubkey) -> BTreeMap<Pubkey, AccountSharedData> {
    let names = |data: &[u8]| data.windows(32).any(|bytes| bytes == pool.as_ref());
    let accounts = world.svm.accounts_db().inner.iter();
    let held = accounts.filter(|(key, account)| {
        let ours = *account.owner() == novate_client::ID;
        ours && (*key == pool || names(account.data())) || account.data().get(32..64) == Some(pool.as_ref())
    });
    held.map(|(key, account)| (*key, account.clone())).collect()
}

/// Names of the program's instructions, from the source of its entry point.
fn instructions() -> BTreeSet<String> {
    let lines = include_str!("../../programs/novate/src/lib.rs").lines();
    let handlers = lines.filter_map(|line| line.strip_prefix("    pub fn "));
    handlers.filter_map(|line| line.split(['(', '<']).next()).map(String::from).collect()
}

/// Name of the instruction that a log begins with.
fn name(logs: &[String]) -> String {
    let line = logs.iter().find_map(|line| line.strip_prefix("Program log: Instruction: ")).expect("its name");
    let mut name = String::new();
    for c in line.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// Two pools that live the same life, step by step.
struct Twins {
    world: World,
    pools: [Pubkey; 2],
    /// Instructions that both have gone through.
    met: BTreeSet<String>,
    /// Accounts of the other pool that were refused, by instruction.
    refused: BTreeMap<String, usize>,
}

impl Twins {
    /// Both founded, with six assets, three markets and rows.
    fn founded() -> Self {
        let world = World::staking();
        let pools = [2, 3].map(|id| addresses::pool(&world.governor.pubkey(), id));
        let mut twins = Self { world, pools, met: BTreeSet::new(), refused: BTreeMap::new() };
        twins.governed(|w| {
            let id = if w.pool == pools[0] { 2 } else { 3 };
            build::create_pool(w.governor.pubkey(), id, Cluster::Localnet, w.listings[0].token.mint, w.roles())
        });
        for index in 0..twins.world.listings.len() as u16 {
            twins.governed(|w| w.add_asset_instruction(index));
        }
        for (index, asset) in twins.world.underlyings.clone().into_iter().enumerate() {
            let terms = MarketSpec::new("ANY-PERP", asset).terms;
            twins.governed(|w| build::add_market(w.governor.pubkey(), w.pool, asset, index as u16, terms.clone()));
        }
        let rows = World::rows_of(ROWS, 0b111, 0, ROWS);
        twins.governed(|w| build::stage_scenarios(w.governor.pubkey(), w.pool, 1, rows.clone()));
        twins.refresh();
        twins
    }

    fn built(&mut self, side: usize, build: impl Fn(&World) -> Instruction) -> Instruction {
        self.world.pool = self.pools[side];
        build(&self.world)
    }

    /// 1. Builds the instruction for both pools. Where their accounts differ they are bound to a pool.
    /// 2. Sends that of the first with each of those taken from the second: refused by name, and nothing changes.
    /// 3. Sends both as they are. That of the first changes nothing of the second.
    #[track_caller]
    fn step(&mut self, signers: &[&Keypair], build: impl Fn(&World) -> Instruction) {
        let both = [0, 1].map(|side| self.built(side, &build));
        let [ours, theirs] = both.map(|built| self.world.enacted(&[built]).remove(0));
        self.world.pool = self.pools[0];
        let mut refused = Vec::new();
        for (at, (here, there)) in ours.accounts.iter().zip(&theirs.accounts).enumerate() {
            let mut mixed = ours.clone();
            mixed.accounts[at].pubkey = there.pubkey;
            // With no other account of a pool it is the instruction of the second, and as good as the first.
            if here.pubkey != there.pubkey && mixed != theirs {
                refused.push((at, self.refuses(mixed, signers)));
            }
        }
        let before = accounts_of(&self.world, &self.pools[1]);
        let sent = self.world.succeeds(&[ours], signers);
        assert!(before == accounts_of(&self.world, &self.pools[1]), "the other pool was changed");
        self.world.succeeds(&[theirs], signers);
        let name = name(&sent.logs);
        for (at, code) in &refused {
            assert!(tells(*code), "{name} with account {at} of the other pool: error {code}");
        }
        *self.refused.entry(name.clone()).or_default() += refused.len();
        self.met.insert(name);
    }

    /// Number of the error that it fails with, changing nothing.
    #[track_caller]
    fn refuses(&mut self, mixed: Instruction, signers: &[&Keypair]) -> u32 {
        let before = self.world.picture();
        let Err(failure) = self.world.send(std::slice::from_ref(&mixed), signers) else {
            panic!("an account of the other pool was taken: {mixed:?}")
        };
        assert_eq!(before.differences(&self.world.picture()), [], "a refused transaction changed something");
        failure.code().unwrap_or_else(|| panic!("{:?} has no name", failure.error))
    }

    #[track_caller]
    fn governed(&mut self, build: impl Fn(&World) -> Instruction) {
        let signer = self.world.signer_of(&build(&self.world));
        self.step(&[&signer], build);
    }

    #[track_caller]
    fn by(&mut self, actor: &Actor, build: impl Fn(&World, &Actor) -> Instruction) {
        self.step(&[&actor.key], |w| build(w, &of(w, actor)));
    }

    /// What two members of the committee send, one after the other.
    #[track_caller]
    fn members(&mut self, build: impl Fn(&World, usize) -> Instruction) {
        for member in 0..2 {
            let key = self.world.members[member].insecure_clone();
            self.step(&[&key], |w| build(w, member));
        }
    }

    #[track_caller]
    fn forecast(&mut self, time: i64) {
        self.members(|w, member| w.submit_instruction(member, BTC_PERP, time, flat(0.5, time - w.now())));
        self.by_anyone(|w| w.apply_instruction(BTC_PERP, time));
    }

    /// What nobody signs.
    #[track_caller]
    fn by_anyone(&mut self, build: impl Fn(&World) -> Instruction) {
        self.step(&[], build);
    }

    /// An asset of both is one of the layout before.
    fn plain(&mut self, asset: u16) {
        for pool in self.pools {
            self.world.pool = pool;
            self.world.plain(asset);
        }
    }

    fn refresh(&mut self) {
        for pool in self.pools.into_iter().rev() {
            self.world.pool = pool;
            self.world.refresh();
        }
    }

    /// A price that has held for a minute.
    fn price(&mut self, asset: u16, usd: f64) {
        self.world.listings[usize::from(asset)].usd = usd;
        self.refresh();
        self.world.pass(MINUTE);
        self.refresh();
    }

    /// An owner with a portfolio in both pools.
    fn member(&mut self) -> Actor {
        let key = self.world.new_wallet();
        let assets = 0..self.world.listings.len() as u16;
        let tokens = assets.map(|asset| self.world.token_account(&key.pubkey(), asset)).collect();
        let actor = Actor { portfolio: addresses::portfolio(&self.pools[0], &key.pubkey(), 0), key, tokens };
        self.by(&actor, |w, a| build::open_portfolio(a.address(), w.pool, 0));
        actor
    }

    fn deposit(&mut self, actor: &Actor, asset: u16, amount: u64) {
        self.world.fund(actor, asset, 2 * amount);
        self.by(actor, |w, a| w.deposit_instruction(a, asset, amount));
    }

    fn trader(&mut self, usd: i64) -> Actor {
        let actor = self.member();
        self.deposit(&actor, USDC, (usd * DOLLAR) as u64);
        actor
    }

    fn trade(&mut self, first: &Actor, second: &Actor, legs: &[Leg]) {
        let sides = |w: &World| w.trade_of(of(w, first).side(), of(w, second).side(), legs);
        self.step(&[&first.key, &second.key], sides);
    }
}

/// Errors that name what is wrong with an account of another pool: the pool that it names, the address that it is not at, or
/// the account beside which it does not belong.
fn tells(code: u32) -> bool {
    let own = [NovateError::WrongPool, NovateError::WrongScenarios, NovateError::WrongVault];
    own.into_iter().any(|e| code == u32::from(e)) || code == u32::from(ErrorCode::ConstraintSeeds)
}

#[test]
fn every_instruction_refuses_an_account_of_the_other_pool() {
    let mut twins = Twins::founded();
    let venue = govern(&mut twins);
    let [sooner, later] = list(&mut twins);
    let staked = trade_and_fail(&mut twins, sooner, &venue);
    expire(&mut twins, &staked, [sooner, later]);
    forgive(&mut twins);
    assert_eq!(twins.met, instructions());
    // What has one account of a pool, or pairs that need not be of one, has nothing to mix up.
    let alone = [
        "accept_role",
        "cancel_orders",
        "cancel_role",
        "migrate_asset",
        "opt_out_venue",
        "pause",
        "propose_role",
        "refresh_asset",
        "refresh_redemption",
        "require_sequence",
        "revoke_delegate",
        "set_delays",
        "set_delegate",
        "unpause",
    ];
    for (name, refused) in &twins.refused {
        assert_eq!(*refused == 0, alone.contains(&name.as_str()), "{name}: {refused} refused");
    }
    assert!(twins.refused.values().sum::<usize>() >= 253);
    for pool in twins.pools {
        assert_eq!(checker::violations(&raw(&twins.world), pool.to_bytes()), Vec::<String>::new());
    }
}

/// Returns the venue that is left.
fn govern(twins: &mut Twins) -> Keypair {
    twins.governed(|w| w.set_committee_instruction());
    twins.governed(|w| {
        let waits = w.set_committee_instruction();
        build::schedule_change(w.governor.pubkey(), w.governor.pubkey(), 0, &waits)
    });
    twins.governed(|w| build::cancel_change(w.governor.pubkey(), &w.change(0)));
    let settings = |field, value| vec![AssetSetting { field, value }];
    twins.governed(|w| build::set_asset(w.governor.pubkey(), w.pool, GOLD, settings(AssetField::MaxAge, 50)));
    let markets = &[ETH_PERP];
    twins.governed(|w| {
        build::tighten_asset(w.risk.pubkey(), w.pool, ETH, settings(AssetField::BaseRange, 180_001), markets)
    });
    twins.governed(|w| build::restore_asset(w.governor.pubkey(), w.pool, ETH));
    twins.plain(ETH);
    twins.governed(|w| build::migrate_asset(w.governor.pubkey(), w.pool, ETH));
    let limit = |value| vec![MarketSetting { field: MarketField::SigmaLimit, value }];
    twins.governed(|w| build::set_market(w.governor.pubkey(), w.pool, ETH_PERP, limit(200_001)));
    twins.governed(|w| build::tighten_market(w.risk.pubkey(), w.pool, ETH_PERP, limit(200_000)));
    twins.governed(|w| {
        let state = w.asset(GOLD);
        let (oracle, feed) = (state.oracle, state.feed);
        let source = OracleSource { oracle, feed, feed_owner: state.feed_owner, feed_id: state.feed_id };
        build::set_oracle(w.governor.pubkey(), w.pool, GOLD, source)
    });
    let settings = vec![ParamSetting { parameter: 0, value: 750_000 }];
    twins.governed(|w| build::set_params(w.governor.pubkey(), w.pool, settings.clone()));
    twins.world.pass(novate_client::state::PARAM_RAMP);
    twins.refresh();
    let rows = World::rows_of(ROWS, 0b111, 0, ROWS);
    twins.governed(|w| build::stage_scenarios(w.governor.pubkey(), w.pool, 2, rows.clone()));
    twins.governed(|w| {
        let staged: Scenarios = w.state(&addresses::scenarios(&w.pool, 2));
        build::switch_scenarios(w.governor.pubkey(), w.pool, 2, staged.hash())
    });
    twins.governed(|w| {
        let delays = w.state::<Pool>(&w.pool).delays();
        build::set_delays(w.governor.pubkey(), w.pool, Delays { oracle: 8 * DAY, ..delays })
    });
    twins.governed(|w| build::pause(w.guardian.pubkey(), w.pool, Action::Stake, 60));
    twins.governed(|w| build::unpause(w.governor.pubkey(), w.pool, Action::Stake));
    let next = twins.world.new_wallet();
    twins.governed(|w| build::propose_role(w.governor.pubkey(), w.pool, Role::Guardian, next.pubkey()));
    twins.governed(|w| build::cancel_role(w.governor.pubkey(), w.pool, Role::Guardian));
    twins.governed(|w| w.set_lending_instruction(USDC, LENDING));
    let venues = [twins.world.new_wallet(), twins.world.new_wallet()];
    for venue in &venues {
        twins.governed(|w| w.register_instruction(&venue.pubkey()));
        twins.step(&[venue], |w| w.report_instruction(&venue.pubkey(), BTC_PERP, 20_010 * PRICE));
    }
    twins.governed(|w| build::remove_venue(w.governor.pubkey(), w.pool, venues[1].pubkey(), &[BTC_PERP]));
    twins.by_anyone(|w| w.refresh_asset(&[ETH]));
    let stake_pool = twins.world.sound_stake_pool(JITOSOL, 1_200_000_000);
    twins.world.write_stake_pool(JITOSOL, &stake_pool);
    twins.by_anyone(|w| w.refresh_redemption_instruction(&[JITOSOL]));
    twins.by_anyone(|w| build::refresh_market(&w.pool, &[(BTC_PERP, BTC)]));
    let [venue, _] = venues;
    venue
}

/// Two expiries, so that each has a neighbour; the first with a strike and a second forecast.
fn list(twins: &mut Twins) -> [i64; 2] {
    let times = [1, 3].map(|days| twins.world.expiry_in(days));
    for time in times {
        twins.governed(|w| w.list_expiry_instruction(BTC_PERP, time, flat(0.5, time - w.now())));
    }
    for time in times {
        twins.forecast(time);
    }
    twins.world.pass(10);
    twins.refresh();
    twins.forecast(times[0]);
    let forecast = AssetForecast { sigma: 50_000, depth: 1_000_000_000_000 };
    twins.members(|w, member| w.submit_asset_instruction(member, BTC, forecast));
    twins.by_anyone(|w| build::apply_asset_forecasts(&w.pool, BTC));
    twins.governed(|w| w.list_strikes_instruction(BTC_PERP, times[0], &[20_000 * PRICE]));
    twins.by_anyone(|w| w.refresh_expiry_instruction(BTC_PERP, times[0], 0, 1));
    times
}

/// Who held the future, and who asked for stake back, when.
struct Staked {
    holders: [Actor; 2],
    staker: Actor,
    requested: i64,
}

fn trade_and_fail(twins: &mut Twins, time: i64, venue: &Keypair) -> Staked {
    let [owner, maker, taker] = [3_100, 100_000, 100_000].map(|usd| twins.trader(usd));
    let lender = twins.trader(10_000);
    twins.by(&lender, |w, a| w.lend_instruction(a, USDC, 10_000 * DOLLAR as u64));
    twins.by(&lender, |w, a| w.unlend_instruction(a, USDC, 5));
    let spender = twins.member();
    twins.deposit(&spender, ETH, 20 * 100_000_000);

    twins.world.fund(&lender, USDC, 2_000);
    twins.by(&lender, |w, a| w.fund_instruction(a, 500));
    twins.by(&lender, |w, a| w.stake_instruction(a, 500));
    twins.by(&lender, |w, a| w.request_instruction(a, 500));
    let requested = twins.world.now();

    twins.by(&maker, |w, a| build::set_delegate(a.address(), a.portfolio, w.governor.pubkey(), i64::MAX));
    twins.by(&maker, |_, a| build::revoke_delegate(a.address(), a.portfolio));
    let perpetual = leg(BTC_PERP, CONTRACT, 20_000 * PRICE);
    twins.trade(&owner, &maker, &[perpetual]);
    twins.trade(&spender, &maker, &[perpetual]);
    twins.trade(&taker, &maker, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);

    settle(twins, &taker, &maker, venue);

    twins.by(&maker, |w, a| w.borrow_instruction(a, USDC, 100));
    twins.by(&maker, |w, a| w.repay_instruction(a, USDC, 50));
    twins.by(&maker, |w, a| w.withdraw_instruction(a, USDC, 10));
    twins.by(&maker, |w, a| build::open_portfolio(a.address(), w.pool, 1));
    for back in [false, true] {
        twins.by(&maker, |w, a| {
            let (main, sub) = (a.portfolio, addresses::portfolio(&w.pool, &a.address(), 1));
            let (from, to) = if back { (sub, main) } else { (main, sub) };
            build::transfer(a.address(), w.keys(), &w.holdings(&[from]), Transfer { from, to, asset: USDC, amount: 7 })
        });
    }
    twins.by(&maker, |w, a| build::close_portfolio(a.address(), w.pool, 1));
    let list = |w: &World| (of(w, &maker).portfolio, w.holdings(&[of(w, &maker).portfolio]));
    twins.by_anyone(|w| build::health(w.keys(), list(w).0, &list(w).1));
    twins.by_anyone(|w| build::require_health(w.keys(), list(w).0, &list(w).1, 1_000_000));
    twins.by_anyone(|w| build::require_sequence(list(w).0, w.portfolio(&list(w).0).sequence));

    twins.price(BTC, 18_000.0);
    twins.by_anyone(|w| w.borrow_for_loss_instruction(&of(w, &spender), BTC_PERP));
    twins.by_anyone(|w| w.settle_instruction(&of(w, &spender), BTC_PERP));
    let dated = instrument::future(BTC_PERP, minutes_of(time));
    twins.by_anyone(|w| build::settle_variation(&w.pool, of(w, &taker).portfolio, dated, BTC));
    twins.by_anyone(|w| build::collect_fees(w.pool, BTC_PERP));
    twins.by_anyone(|w| w.start_auction_instruction(&of(w, &owner)));
    twins.step(&[&taker.key], |w| w.liquidate_instruction(&of(w, &owner), of(w, &taker).side(), ALL / 100, i64::MAX));
    twins.deposit(&owner, USDC, 5_000 * DOLLAR as u64);
    twins.by_anyone(|w| w.end_auction_instruction(&of(w, &owner)));
    Staked { holders: [maker, taker], staker: lender, requested }
}

/// The other ways to trade: by authorities, and by a venue that both opted in to.
fn settle(twins: &mut Twins, first: &Actor, second: &Actor, venue: &Keypair) {
    let legs = vec![leg(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)];
    let holdings = |w: &World| {
        let sides = [first, second].map(|actor| of(w, actor).portfolio);
        w.holdings(&sides).with_traded(legs[0].instrument, BTC)
    };
    twins.step(&[&first.key, &second.key], |w| {
        let [one, two] = [first, second].map(|actor| {
            let actor = of(w, actor);
            SettledSide { portfolio: actor.portfolio, behind: Behind::Signer(actor.address()) }
        });
        build::settle_orders(w.keys(), [&one, &two], &holdings(w), legs.clone(), 0).unwrap().remove(0)
    });
    for actor in [first, second] {
        twins.by(actor, |w, a| build::opt_in_venue(a.address(), &w.pool, a.portfolio, &venue.pubkey()));
    }
    twins.step(&[venue], |w| {
        let sides = [first, second].map(|actor| of(w, actor).portfolio);
        build::clear(w.keys(), venue.pubkey(), sides, &holdings(w), legs.clone())
    });
    twins.by(first, |_, a| build::opt_out_venue(a.address(), a.portfolio, 0));
    twins.by(first, |w, a| build::cancel_orders(a.address(), a.portfolio, w.now() as u64 * 1_000_000 + 1, vec![]));
}

/// The first expiry is fixed by its window, the second by the committee, which loses a member; then the stake leaves.
fn expire(twins: &mut Twins, staked: &Staked, [sooner, later]: [i64; 2]) {
    for sampled in (sooner - novate_tests::expiring::WINDOW..=sooner).step_by(90) {
        twins.world.pass_to(sampled);
        twins.world.publish(BTC, Quote::new(18_000.0, sampled));
        for pool in twins.pools.into_iter().rev() {
            twins.world.pool = pool;
            let refresh = twins.world.refresh_asset(&[BTC]);
            twins.world.succeeds(&[refresh], &[]);
        }
    }
    twins.refresh();
    twins.by_anyone(|w| w.fix_instruction(BTC_PERP, sooner));
    for holder in &staked.holders {
        twins.by_anyone(|w| w.settle_expiry_instruction(&of(w, holder).portfolio, BTC_PERP, sooner));
    }
    twins.by_anyone(|w| w.close_expiry_instruction(BTC_PERP, sooner));
    twins.world.pass_to(later + DAY + 1);
    twins.members(|w, member| w.submit_price_instruction(member, BTC_PERP, later, 18_000 * PRICE));
    twins.by_anyone(|w| w.apply_price_instruction(BTC_PERP, later));
    let third = twins.world.members[2].pubkey();
    twins.governed(|w| build::remove_member(w.governor.pubkey(), w.pool, third));
    twins.world.pass_to(staked.requested + COOLING_OFF);
    twins.by(&staked.staker, |w, a| w.unstake_instruction(a));
    twins.by(&staked.staker, |w, a| w.close_stake_instruction(a));
    let next = twins.world.new_wallet();
    twins.governed(|w| build::propose_role(w.governor.pubkey(), w.pool, Role::Guardian, next.pubkey()));
    twins.world.pass(ROLE_DELAY);
    twins.step(&[&next], |w| build::accept_role(next.pubkey(), w.pool, Role::Guardian));
}

/// Two accounts in which nothing but losses is left: the gain of who won covers the one, nobody registers for the other.
fn forgive(twins: &mut Twins) {
    let [first, second, winner] = [6_310, 6_310, 100_000].map(|usd| twins.trader(usd));
    twins.price(BTC, 18_000.0);
    for debtor in [&first, &second] {
        twins.trade(debtor, &winner, &[leg(BTC_PERP, CONTRACT, 18_000 * PRICE)]);
    }
    twins.price(BTC, 11_500.0);
    for debtor in [&first, &second] {
        twins.trade(debtor, &winner, &[leg(BTC_PERP, -CONTRACT, 11_500 * PRICE)]);
        twins.by_anyone(|w| w.settle_instruction(&of(w, debtor), BTC_PERP));
    }
    let perpetual = instrument::perpetual(BTC_PERP);
    for debtor in [&first, &second] {
        twins.by_anyone(|w| w.start_auction_instruction(&of(w, debtor)));
        twins.by_anyone(|w| w.resolve_instruction(&of(w, debtor)));
        if twins.world.market(BTC_PERP).round.number == 1 {
            twins.by_anyone(|w| w.register_gain_instruction(&of(w, &winner), perpetual));
            twins.world.pass(HAIRCUT_WINDOW);
            twins.by_anyone(|w| w.charge_gain_instruction(&of(w, &winner), perpetual));
        } else {
            twins.world.pass(HAIRCUT_WINDOW);
        }
        twins.by_anyone(|w| w.close_haircut_instruction(BTC_PERP));
        twins.price(BTC, 11_500.0);
    }
}

/// What one pool does leaves the other as it is.
#[track_caller]
fn apart(world: &mut World, [acts, rests]: [Pubkey; 2], act: impl FnOnce(&mut World)) {
    let before = accounts_of(world, &rests);
    world.pool = acts;
    act(world);
    assert!(before == accounts_of(world, &rests), "the other pool was changed");
    assert_eq!(checker::violations(&raw(world), acts.to_bytes()), Vec::<String>::new());
}

#[test]
fn a_pool_that_fails_beyond_its_fund_leaves_the_other_as_it_is() {
    let mut world = World::default();
    let (owner, second, maker) = (world.trader(7_010), world.trader(7_010), world.trader(100_000));
    let (taker, backer) = (world.trader(100_000), world.actor());
    let [failing, sound] = [world.pool, world.second_pool()];
    let (first, other) = ([failing, sound], [sound, failing]);
    let long = |contracts: i64, usd: i64| [(BTC_PERP, contracts, usd * PRICE)];

    // The same owners in both, and one BTC each in the first, a tenth in the other.
    apart(&mut world, first, |w| {
        w.trade(&owner, &maker, &long(CONTRACT, 20_000));
        w.trade(&second, &maker, &long(CONTRACT, 20_000));
        w.insure(&backer, 100);
    });
    apart(&mut world, other, |w| {
        for actor in [&owner, &second, &maker] {
            w.succeeds(&[build::open_portfolio(actor.address(), sound, 0)], &[&actor.key]);
            w.deposit(&of(w, actor), USDC, 7_010 * DOLLAR as u64);
        }
        w.insure(&backer, 50);
        w.trade(&of(w, &owner), &of(w, &maker), &long(CONTRACT / 10, 20_000));
    });
    // In the first both are insolvent by 500; in the other the same owner goes on, of the same loss a tenth.
    apart(&mut world, first, |w| {
        w.price(BTC, 12_500.0);
        w.pass(MINUTE);
        w.refresh();
        w.start_auction(&owner);
        w.start_auction(&second);
    });
    apart(&mut world, other, |w| {
        w.refresh();
        w.trade(&of(w, &maker), &of(w, &second), &long(CONTRACT / 10, 12_500));
        w.settle(&of(w, &owner), BTC_PERP);
        w.withdraw(&of(w, &owner), USDC, 1_000 * DOLLAR as u64);
    });
    // The fund is emptied and lacks the rest; the second account is left to whoever wants it.
    apart(&mut world, first, |w| {
        let bid = w.liquidate_instruction(&owner, taker.side(), ALL, 0);
        w.succeeds(&[bid], &[&taker.key]);
        w.settle(&taker, BTC_PERP);
        w.settle(&second, BTC_PERP);
        let _ = w.attempt(w.settle_instruction(&maker, BTC_PERP), &[]);
        let insurance = w.insurance();
        assert_eq!((insurance.capital, insurance.staked), (0, 0));
        assert!(insurance.deficits > insurance.paid_out && w.portfolio(&second.portfolio).in_auction());
    });
    // Everyone of the other leaves with all that is owed to them.
    apart(&mut world, other, |w| {
        w.refresh();
        w.trade(&of(w, &maker), &of(w, &owner), &long(CONTRACT / 10, 12_500));
        w.trade(&of(w, &second), &of(w, &maker), &long(CONTRACT / 10, 12_500));
        let members = [&owner, &second, &maker];
        for actor in members {
            let _ = w.attempt(w.settle_instruction(&of(w, actor), BTC_PERP), &[]);
        }
        for _ in 0..2 {
            w.pass(2 * 3_600);
            w.refresh();
            for actor in members {
                let _ = w.attempt(w.settle_instruction(&of(w, actor), BTC_PERP), &[]);
            }
        }
        let mut left = 0;
        for actor in members {
            let portfolio = w.portfolio(&of(w, actor).portfolio);
            assert_eq!(portfolio.position_count, 0);
            left += portfolio.cash;
            w.withdraw(&of(w, actor), USDC, portfolio.cash as u64);
        }
        // Deposits less the 1,000 withdrawn and fees: nothing of the other pool's loss.
        let market = w.market(BTC_PERP);
        let fees = market.accrued_fees.0 + market.rounding.0;
        assert_eq!(left, (3 * 7_010 - 1_000) * DOLLAR - fees);
        assert_eq!(w.insurance().capital, 50 * DOLLAR as u64);
    });
}
