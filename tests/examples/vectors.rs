//! Writes accounts and random portfolios with what the Rust client finds of them, for tests of clients in other languages:
//! `vectors FILE`.

use anchor_lang::AnchorSerialize;
use base64::prelude::{Engine, BASE64_STANDARD};
use novate_client::instructions::Holdings;
use novate_client::state::{Balance, Portfolio, Position, MAX_POSITIONS};
use novate_client::{addresses, instrument, Pubkey, Right, Snapshot};
use novate_tests::feed::Quote;
use novate_tests::{call, future, put, Chance, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, JITOSOL};
use novate_tests::{AssetSpec, Builder, PRICE, SOL, USDC};
use serde_json::{json, Value};
use solana_signer::Signer;

/// Pools, and portfolios in each.
const POOLS: u64 = 4;
const PORTFOLIOS: usize = 100;
/// Seconds after which the portfolios are judged: prices of a minute count, older ones do not.
const AGES: [i64; 4] = [0, 17, 45, 61];

/// What the portfolios are drawn from.
struct Scene {
    world: World,
    chance: Chance,
    /// One that was opened, deposited into and traded, as any other begins.
    template: Portfolio,
    /// Every instrument, with the index of its underlying and about its price in whole USD.
    instruments: Vec<(u64, u16, i64)>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let (mut world, times) = market();
        let mut chance = Chance::new(seed);
        // The mark is away from the index, and prices from where the options were valued.
        let venue = world.venue();
        world.dwell(&[venue], BTC_PERP, chance.between(-3_000, 3_000), 600);
        world.refresh_chains();
        for (asset, usd) in [(BTC, 20_000), (ETH, 1_500), (SOL, 30)] {
            let usd = usd as f64 * chance.between(985, 1_015) as f64 / 1_000.0;
            world.publish(asset, Quote::new(usd, world.now()).with_confidence(0.004));
        }
        let refresh = world.refresh_asset(&[BTC, ETH, SOL]);
        world.succeeds(&[refresh], &[]);
        let (owner, maker) = (world.trader(50_000), world.trader(1_000_000));
        let [near, far] = times;
        let legs = [
            future(BTC_PERP, near, CONTRACT, 20_000 * PRICE),
            call(BTC_PERP, near, 0, CONTRACT / 10, 2_000 * PRICE),
            put(ETH_PERP, far, 1, -CONTRACT, 100 * PRICE),
        ];
        let _ = world.attempt(world.trade_of(owner.side(), maker.side(), &legs), &[&owner.key, &maker.key]);
        let template = world.portfolio(&owner.portfolio);
        let mut instruments = vec![];
        for (market, asset, usd) in [(BTC_PERP, BTC, 20_000), (ETH_PERP, ETH, 1_500)] {
            instruments.push((instrument::perpetual(market), asset, usd));
            for time in times {
                let minutes = novate_client::state::minutes_of(time);
                instruments.push((instrument::future(market, minutes), asset, usd));
                for slot in 0..world.expiry(market, time).strike_count {
                    for right in [Right::Call, Right::Put] {
                        instruments.push((instrument::option(market, minutes, slot, right), asset, usd));
                    }
                }
            }
        }
        instruments.push((instrument::perpetual(2), SOL, 30));
        instruments.sort_unstable();
        Self { world, chance, template, instruments }
    }

    fn balances(&mut self) -> Vec<Balance> {
        let mut balances = vec![];
        for index in USDC..=JITOSOL {
            if !self.chance.percent(35) {
                continue;
            }
            let asset = self.world.asset(index);
            let units = (1_000 * DOLLAR / self.world.listing(index).usd as i64).max(1);
            let mut some =
                |percent| if self.chance.percent(percent) { self.chance.between(0, units) as u64 } else { 0 };
            let mut balance = Balance::of(&asset);
            balance.tokens = if index == USDC { 0 } else { some(80) };
            if asset.bank.lent_shares > 0 {
                (balance.lent, balance.loan) = (some(30), some(30));
            }
            balances.push(balance);
        }
        balances
    }

    fn positions(&mut self) -> Vec<Position> {
        let most = *self.chance.pick(&[0, 1, 3, 8, MAX_POSITIONS]);
        let Self { world, chance, instruments, .. } = self;
        let share = (100 * most / instruments.len()).min(100) as i64;
        let mut positions = vec![];
        for (instrument, underlying, usd) in instruments.iter() {
            if !chance.percent(share.max(1)) || positions.len() == most {
                continue;
            }
            let market = world.market(instrument::market_of(*instrument));
            let size = *chance.pick(&[0, 3, 3, 3, 3, 3, 3, 300]) * CONTRACT;
            let quantity = chance.between(-size, size);
            let perpetual = instrument::expiry_of(*instrument).is_none();
            let value = quantity / 1_000_000 * (usd * DOLLAR) / 1_000;
            positions.push(Position {
                instrument: *instrument,
                quantity,
                cost: if perpetual { value * chance.between(90, 110) / 100 } else { chance.between(-DOLLAR, DOLLAR) },
                funding: if perpetual { market.funding.0 - chance.between(-PRICE, PRICE) } else { 0 },
                pending_old: chance.between(0, 1) * chance.between(0, 90 * DOLLAR),
                pending_new: chance.between(0, 1) * chance.between(0, 90 * DOLLAR),
                pending_since: world.now(),
                underlying: *underlying,
                ..Position::default()
            });
        }
        positions
    }

    fn portfolio(&mut self) -> Portfolio {
        let mut portfolio = self.template;
        portfolio.cash = self.chance.between(0, 200_000 * DOLLAR);
        let (balances, positions) = (self.balances(), self.positions());
        portfolio.balance_count = balances.len() as u8;
        portfolio.position_count = positions.len() as u8;
        portfolio.balances[..balances.len()].copy_from_slice(&balances);
        portfolio.positions[..positions.len()].copy_from_slice(&positions);
        portfolio
    }

    fn written(&mut self) -> Value {
        let snapshot = self.world.snapshot();
        let accounts: Vec<Value> = addresses_of(&self.world, &snapshot).iter().map(|a| self.account(a)).collect();
        let now = self.world.now();
        let drawn: Vec<Portfolio> = (0..PORTFOLIOS).map(|_| self.portfolio()).collect();
        let facts = facts(&self.world, drawn.iter().find(|p| p.position_count > 0).unwrap());
        let portfolios: Vec<Value> = drawn
            .iter()
            .enumerate()
            .map(|(at, portfolio)| {
                // Most of them are judged in time.
                let at = now + AGES[if at % 8 == 0 { 3 } else { at % 3 }];
                let said = match snapshot.report(portfolio, at) {
                    Ok(report) => {
                        let mut bytes = vec![];
                        report.serialize(&mut bytes).unwrap();
                        json!({ "report": encoded(&bytes) })
                    }
                    Err(error) => json!({ "error": error.to_string() }),
                };
                let behind = behind(portfolio, &self.world.pool);
                json!({ "data": encoded(&account_data(portfolio)), "now": at, "said": said, "behind": behind })
            })
            .collect();
        let addresses = derived(&self.world);
        json!({ "accounts": accounts, "portfolios": portfolios, "facts": facts, "addresses": addresses })
    }

    fn account(&self, address: &Pubkey) -> Value {
        json!({ "address": address.to_string(), "data": encoded(&self.world.account(address).data) })
    }
}

/// A pool with yield-bearing collateral, banks, a stake, a venue and two expiries of two markets.
fn market() -> (World, [i64; 2]) {
    let jitosol = AssetSpec::new("JITOSOL", 9, 36.0).redeemed_for(SOL, Pubkey::new_from_array([7; 32]));
    let shallow = |asset: &mut AssetSpec| asset.depth = 1_000_000 * DOLLAR;
    let mut world = Builder::default().and_asset(jitosol).with_asset(BTC, shallow).build();
    world.set_epoch(700);
    world.redeem_at(JITOSOL, 1_200_000_000);
    for asset in [USDC, BTC] {
        world.open_bank(asset);
    }
    let (lender, borrower) = (world.trader(300_000), world.trader(300_000));
    world.deposit(&lender, BTC, 500_000_000);
    world.lend(&lender, BTC, 400_000_000);
    world.lend(&lender, USDC, (100_000 * DOLLAR) as u64);
    world.borrow(&borrower, BTC, 100_000_000);
    world.fund(&lender, USDC, (1_000 * DOLLAR) as u64);
    world.stake(&lender, (1_000 * DOLLAR) as u64);
    let times = [10, 40].map(|days| {
        world.chain(BTC_PERP, days, 0.6, &[17_000, 20_000, 24_000]);
        world.chain(ETH_PERP, days, 0.8, &[1_200, 1_500, 1_900])
    });
    world.pass(86_400);
    world.refresh_chains();
    (world, times)
}

fn addresses_of(world: &World, snapshot: &Snapshot) -> Vec<Pubkey> {
    let pool = world.pool;
    let mut all = vec![pool, snapshot.pool.scenarios, addresses::insurance(&pool), addresses::committee(&pool)];
    all.extend(snapshot.assets.keys().map(|index| addresses::asset(&pool, *index)));
    all.extend(snapshot.markets.keys().map(|index| addresses::market(&pool, *index)));
    all.extend(snapshot.expiries.keys().map(|id| addresses::expiry_by_id(&pool, *id)));
    all
}

/// Fields as a client in another language must read them, by the kind of the account and in decimals.
fn facts(world: &World, portfolio: &Portfolio) -> Value {
    let (btc, market, pool) = (world.asset(BTC), world.market(BTC_PERP), world.snapshot().pool);
    let scenarios = world.snapshot().scenarios;
    json!({
        "creator": pool.creator.to_string(),
        "scenarios": pool.scenarios.to_string(),
        "cash": portfolio.cash.to_string(),
        "quantity": portfolio.positions[0].quantity.to_string(),
        "factor": portfolio.claim.free_factor.get().to_string(),
        "price": btc.price.0.to_string(),
        "lentShares": btc.bank.lent_shares.to_string(),
        "symbol": std::str::from_utf8(&market.symbol).unwrap().trim_end_matches('\0'),
        "expiries": market.listed_expiries(),
        "premium": market.premium.0.to_string(),
        "move": scenarios.moves[1][2],
        "vol": scenarios.vols[1][2],
    })
}

/// What stands behind a trade of ETH's perpetual by the portfolio, an option being traded too: addresses, and which are written.
fn behind(portfolio: &Portfolio, pool: &Pubkey) -> Vec<Value> {
    let traded = portfolio.positions().last().map_or(instrument::perpetual(ETH_PERP), |p| p.instrument);
    let underlying = portfolio.positions().last().map_or(ETH, |p| p.underlying);
    let holdings = Holdings::of([portfolio]).with_asset(SOL).with_traded(traded, underlying).with_cash_moved();
    holdings.metas(pool).iter().map(|meta| json!([meta.pubkey.to_string(), meta.is_writable])).collect()
}

/// An address of every kind, from the pool, index or number 7 and the governor's key.
fn derived(world: &World) -> Value {
    let (pool, key) = (&world.pool, &world.governor.pubkey());
    let asset = addresses::asset(pool, 7);
    let all = [
        ("pool", addresses::pool(key, 7)),
        ("insurance", addresses::insurance(pool)),
        ("stake", addresses::stake(pool, key)),
        ("asset", asset),
        ("vault", addresses::vault(&asset)),
        ("market", addresses::market(pool, 7)),
        ("expiry", addresses::expiry(&addresses::market(pool, 7), 1_700_006_400)),
        ("scenarios", addresses::scenarios(pool, 7)),
        ("portfolio", addresses::portfolio(pool, key, 7)),
        ("change", addresses::change(pool, 7)),
        ("committee", addresses::committee(pool)),
        ("forecasts", addresses::forecasts(&asset)),
        ("venue", addresses::venue(pool, key)),
    ];
    json!({ "creator": key.to_string(), "at": all.map(|(kind, address)| json!([kind, address.to_string()])) })
}

fn account_data(portfolio: &Portfolio) -> Vec<u8> {
    [<Portfolio as anchor_lang::Discriminator>::DISCRIMINATOR, bytemuck::bytes_of(portfolio)].concat()
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn main() {
    let path = std::env::args().nth(1).expect("vectors FILE");
    let pools: Vec<Value> = (0..POOLS).map(|seed| Scene::new(seed).written()).collect();
    let failed = |p: &&Value| p["said"].get("error").is_some();
    for pool in &pools {
        let portfolios = pool["portfolios"].as_array().unwrap();
        let failed = portfolios.iter().filter(failed).count();
        assert!((1..PORTFOLIOS / 3).contains(&failed), "{failed} of {PORTFOLIOS} portfolios are refused");
    }
    std::fs::write(path, serde_json::to_string(&pools).unwrap()).unwrap();
}
