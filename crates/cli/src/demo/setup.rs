//! Builds the pool and everyone's portfolio. What belongs to the program is made by its instructions; mints and token
//! accounts are written as the token program would have left them.

use anyhow::{Context, Result};
use novate_client::instructions::{self as ix, PoolKeys, TokenMove};
use novate_client::order::Cluster;
use novate_client::{addresses, instrument, AssetTerms, MarketTerms, Pubkey};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::cast::{self, Kind, CAST};
use super::chain::Chain;
use super::desk;
use super::expiries;
use super::prices::{self, PricePath, RECEIVER, START};
use super::products::{underlying, COINS, PERPETUALS, USDC};
use super::quotes::Haste;
use super::rows::ScenarioRows;
use super::tokens;
use super::world::World;

const POOL_ID: u16 = 1;
const ONE: i64 = 1_000_000;
/// Seconds that a price may be old.
const MAX_AGE: i64 = 60;
/// What the pool's founders pay into its insurance fund, 1e-6 USD.
pub const CAPITAL: u64 = 500_000_000_000;
/// Contracts in 1e-9.
pub const CONTRACT: i64 = 1_000_000_000;

/// Creates the pool with its assets, markets and scenario rows, then everyone's portfolio, and has them trade.
pub fn build(chain: Chain, rows: &ScenarioRows) -> Result<World> {
    let governance = Keypair::new_from_array([2; 32]);
    let pool = addresses::pool(&governance.pubkey(), POOL_ID);
    let keys = PoolKeys { pool, scenarios: addresses::scenarios(&pool, 1) };
    let mut world = World::new(chain, PricePath::ftx()?, prices::feeds()?, keys);
    world.chain.set_time(START);
    world.chain.fund(governance.pubkey())?;
    create_pool(&mut world, &governance).context("creating the pool")?;
    world.advance_prices(START)?;
    expiries::list(&mut world, &governance).context("listing the expiries")?;
    // With its rows the pool opens: what is listed later waits (CLR-50).
    stage_rows(&mut world, &governance, rows).context("staging the scenario rows")?;
    insure(&mut world, &governance).context("paying into the insurance fund")?;
    for (member, who) in CAST.iter().enumerate() {
        open(&mut world, member).with_context(|| format!("opening the portfolio of {}", who.name))?;
    }
    for (member, who) in CAST.iter().enumerate() {
        enter(&mut world, member).with_context(|| format!("first trade of {}", who.name))?;
    }
    desk::open(&mut world)?;
    Ok(world)
}

fn create_pool(world: &mut World, governance: &Keypair) -> Result<()> {
    let (pool, authority) = (world.keys.pool, governance.pubkey());
    for (asset, coin) in COINS.iter().enumerate() {
        tokens::write_mint(&mut world.chain, cast::mint(asset as u16), coin.decimals)?;
    }
    let mint = cast::mint(USDC);
    world.chain.send(&[ix::create_pool(authority, POOL_ID, Cluster::Localnet, mint, cast::roles())], &[governance])?;
    for index in 0..COINS.len() as u16 {
        let terms = asset_terms(world, index);
        let add = ix::add_asset(authority, pool, index, World::token(index), terms);
        world.chain.send(&[add], &[governance])?;
    }
    for (index, market) in PERPETUALS.iter().enumerate() {
        let terms = MarketTerms {
            symbol: padded(market.symbol),
            tick: market.tick,
            lot: market.lot,
            minimum: market.minimum,
            open_interest_cap: market.cap * CONTRACT,
            position_cap: market.cap * CONTRACT / 4,
            band: ONE / 50,
            fee: ONE / 5_000,
            sigma_limit: market.sigma_limit,
            option_tick: market.tick,
            option_fee_cap: ONE / 8,
        };
        world.chain.send(&[ix::add_market(authority, pool, market.asset, index as u16, terms)], &[governance])?;
    }
    Ok(())
}

/// The pool's own capital. Nobody stakes in the demo.
fn insure(world: &mut World, governance: &Keypair) -> Result<()> {
    let (founder, account) = (governance.pubkey(), Pubkey::new_from_array([4; 32]));
    tokens::write_account(&mut world.chain, account, cast::mint(USDC), founder, CAPITAL)?;
    let capital = TokenMove { asset: USDC, token: World::token(USDC), account, amount: CAPITAL };
    world.chain.send(&[ix::fund_insurance(founder, world.keys.pool, capital)], &[governance])?;
    Ok(())
}

fn asset_terms(world: &World, index: u16) -> AssetTerms {
    let (coin, feed) = (COINS[usize::from(index)], world.feeds[usize::from(index)]);
    let unit = 10u64.pow(u32::from(coin.decimals));
    AssetTerms {
        symbol: padded(coin.symbol),
        contract_exponent: 0,
        oracle: novate_client::state::ORACLE_PRICE_UPDATE,
        feed: feed.address,
        feed_owner: RECEIVER,
        feed_id: feed.id,
        max_age: MAX_AGE,
        max_confidence: ONE / 100,
        band: coin.base_range,
        base_range: coin.base_range,
        depth: coin.depth * ONE,
        haircut_base: coin.haircut,
        haircut_volatility_multiple: 2 * ONE,
        days_to_liquidate: coin.days_to_liquidate,
        haircut_size_add_on: 0,
        deposit_cap: coin.cap * unit,
        outflow_limit: coin.cap * unit / 4,
        minimum_balance: if index == USDC { 0 } else { unit / 1_000 },
        redemption: None,
    }
}

fn stage_rows(world: &mut World, governance: &Keypair, rows: &ScenarioRows) -> Result<()> {
    for range in rows.ranges()? {
        let stage = ix::stage_scenarios(governance.pubkey(), world.keys.pool, 1, range);
        world.chain.send(&[stage], &[governance])?;
    }
    Ok(())
}

/// Opens a member's portfolio and deposits its collateral.
fn open(world: &mut World, member: usize) -> Result<()> {
    let (pool, owner, who) = (world.keys.pool, world.owner(member).pubkey(), CAST[member]);
    world.chain.fund(owner)?;
    world.by_owner(member, ix::open_portfolio(owner, pool, who.sub_account))?;
    let cash = (who.cash > 0).then_some((USDC, who.cash));
    for (asset, whole) in cash.into_iter().chain(who.spot.iter().copied()) {
        let amount = whole * 10u64.pow(u32::from(COINS[usize::from(asset)].decimals));
        let source = cast::token_account(member, asset);
        tokens::write_account(&mut world.chain, source, cast::mint(asset), owner, amount)?;
        let portfolio = world.addresses[member];
        let deposit = ix::deposit(owner, pool, portfolio, World::tokens(member, asset, amount));
        world.by_owner(member, deposit)?;
    }
    if let Some(delegate) = world.delegate(member).map(Signer::pubkey) {
        let until = START + 30 * prices::DAY;
        world.by_owner(member, ix::set_delegate(owner, world.addresses[member], delegate, until))?;
    }
    Ok(())
}

/// A member buys and sells what it came for, half of it from each market maker, in one trade each. The guard behind the
/// second makes the transaction fail if the portfolio were left with less than its initial margin.
fn enter(world: &mut World, member: usize) -> Result<()> {
    let positions = CAST[member].positions;
    if positions.is_empty() {
        return Ok(());
    }
    let makers: Vec<usize> = cast::of_kind(Kind::MarketMaker).collect();
    for (turn, maker) in makers.iter().enumerate() {
        let part = |whole: i64| whole * CONTRACT / makers.len() as i64;
        let legs: Vec<(u64, i64)> =
            positions.iter().map(|(market, whole)| (instrument::perpetual(*market), part(*whole))).collect();
        let mut holdings = world.holdings(&[member])?;
        for (instrument, _) in &legs {
            holdings = holdings.with_traded(*instrument, underlying(*instrument));
        }
        let portfolio = world.addresses[member];
        let guard = if turn == 0 {
            let sequence = world.portfolio(member)?.sequence + 1;
            ix::require_sequence(portfolio, sequence)
        } else {
            ix::require_health(world.keys, portfolio, &holdings, ONE)
        };
        world.trade(member, *maker, &legs, Haste::Patient, Some(guard))?;
    }
    Ok(())
}

/// Text as accounts store it.
fn padded(text: &str) -> [u8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    out
}
