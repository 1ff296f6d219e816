//! The books of the clearing house, checked to the unit from account bytes: CLR-01 and CLR-02. A difference of one unit
//! anywhere ends the demo with an error.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use novate_client::instrument::{self, market_of, perpetual, Instrument};
use novate_client::state::{minutes_of, Market, Portfolio};
use novate_client::Right;
use novate_margin::Contracts;

use super::products::{self, COINS, EXPIRIES, PERPETUALS, USDC};
use super::tokens;
use super::world::World;

/// What the books said when they were last checked. Settlement asset in 1e-6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// In the settlement vault.
    pub vault: i128,
    /// Cash of all portfolios.
    pub cash: i128,
    /// Gains paid out and not yet released.
    pub pending: i128,
    /// Paid in by losers and not yet taken out by winners.
    pub variation_pools: i128,
    /// Capital and stake of the insurance fund.
    pub insurance: i128,
    /// Fees charged, a claim on the variation pools.
    pub fees: i128,
    /// Units that rounding kept.
    pub rounding: i128,
}

/// Checks every vault, every market and every instrument.
pub fn check(world: &World) -> Result<Ledger> {
    let portfolios: Vec<Portfolio> = world.chain.read_all();
    let markets: Vec<Market> = (0..PERPETUALS.len() as u16).map(|i| world.market(i)).collect::<Result<_>>()?;
    for (market, terms) in markets.iter().zip(PERPETUALS) {
        check_market(market, &portfolios)
            .with_context(|| format!("the ledger of {} does not balance", terms.symbol))?;
    }
    check_open_interest(world, &markets, &portfolios)?;
    for asset in 1..COINS.len() as u16 {
        let symbol = COINS[usize::from(asset)].symbol;
        check_bank(world, asset, &portfolios).with_context(|| format!("the bank of {symbol} does not balance"))?;
    }
    check_settlement(world, &portfolios, &markets).context("the settlement vault does not balance")
}

/// CLR-02: costs and the variation pool sum to fees, rounding and funding applied. Options are paid for in cash and cost nothing.
fn check_market(market: &Market, portfolios: &[Portfolio]) -> Result<()> {
    let positions = portfolios.iter().flat_map(|p| p.positions());
    let costs: i128 = positions.filter(|p| market_of(p.instrument) == market.index).map(|p| i128::from(p.cost)).sum();
    let owed = i128::from(market.variation_pool.0) + costs;
    let claimed =
        [market.accrued_fees, market.rounding, market.funding_applied].map(|usd| i128::from(usd.0)).iter().sum();
    ensure!(
        owed == claimed,
        "CLR-02: variation pool and costs {owed}, fees, rounding and funding {claimed} (1e-6 USD)"
    );
    Ok(())
}

/// CLR-01: of each instrument as much is held long as short, and its market or expiry knows how much. Of what nobody holds
/// the open interest is zero.
fn check_open_interest(world: &World, markets: &[Market], portfolios: &[Portfolio]) -> Result<()> {
    let mut held = BTreeMap::<u64, (i128, i128)>::new();
    for position in portfolios.iter().flat_map(|p| p.positions()) {
        let (long, short) = held.entry(position.instrument).or_default();
        *long += i128::from(position.quantity.max(0));
        *short -= i128::from(position.quantity.min(0));
        let option = matches!(products::parse(position.instrument)?, Instrument::Option { .. });
        let variation = [position.cost, position.pending_old, position.pending_new];
        ensure!(!option || variation == [0; 3], "CLR-02: an option has variation: {position:?}");
    }
    let mut open = BTreeMap::from_iter(markets.iter().map(|m| (perpetual(m.index), (m.long.0, m.short.0))));
    for dated in &EXPIRIES {
        let (expiry, minutes) = (world.expiry(dated)?, minutes_of(dated.time));
        let mut enter = |instrument: u64, both: Contracts| open.insert(instrument, (both.0, both.0));
        enter(instrument::future(dated.market, minutes), expiry.open_futures);
        for slot in 0..expiry.strike_count {
            let at = usize::from(slot);
            enter(instrument::option(dated.market, minutes, slot, Right::Call), expiry.open_calls[at]);
            enter(instrument::option(dated.market, minutes, slot, Right::Put), expiry.open_puts[at]);
        }
    }
    for (instrument, (long, short)) in open {
        let (held_long, held_short) = held.remove(&instrument).unwrap_or_default();
        let name = || products::parse(instrument);
        ensure!(held_long == held_short, "CLR-01: {:?}: longs hold {held_long}, shorts {held_short}", name());
        let counted = (i128::from(long), i128::from(short));
        ensure!(
            counted == (held_long, held_short),
            "CLR-01: {:?}: open interest {counted:?}, held {held_long}",
            name()
        );
    }
    ensure!(held.is_empty(), "CLR-01: positions in what does not exist: {held:?}");
    Ok(())
}

/// CLR-02 for a collateral: the vault holds the deposits, and portfolios the tokens.
fn check_bank(world: &World, index: u16, portfolios: &[Portfolio]) -> Result<()> {
    let asset = world.asset(index)?;
    let vault = i128::from(tokens::amount(&world.chain, &asset.vault)?);
    ensure!(vault == i128::from(asset.deposits), "CLR-02: vault {vault}, deposits {}", asset.deposits);
    let held: i128 = portfolios.iter().map(|p| i128::from(p.balance_of(index).tokens)).sum();
    ensure!(held == i128::from(asset.deposits), "CLR-02: balances {held}, deposits {}", asset.deposits);
    Ok(())
}

/// CLR-02 for the settlement asset: vault, counter and everyone's claims are one number.
fn check_settlement(world: &World, portfolios: &[Portfolio], markets: &[Market]) -> Result<Ledger> {
    let asset = world.asset(USDC)?;
    let positions = portfolios.iter().flat_map(|p| p.positions());
    let fund = world.insurance()?;
    let ledger = Ledger {
        vault: i128::from(tokens::amount(&world.chain, &asset.vault)?),
        cash: portfolios.iter().map(|p| i128::from(p.cash)).sum(),
        pending: positions.map(|p| i128::from(p.pending_old) + i128::from(p.pending_new)).sum(),
        variation_pools: markets.iter().map(|m| i128::from(m.variation_pool.0)).sum(),
        insurance: i128::from(fund.capital) + i128::from(fund.staked),
        fees: markets.iter().map(|m| i128::from(m.accrued_fees.0)).sum(),
        rounding: markets.iter().map(|m| i128::from(m.rounding.0)).sum(),
    };
    let claims = ledger.cash + ledger.pending + ledger.variation_pools;
    let counted = i128::from(asset.cash) + ledger.insurance;
    ensure!(ledger.vault == counted, "CLR-02: vault {}, counters {counted}", ledger.vault);
    ensure!(claims == i128::from(asset.cash), "CLR-02: claims {claims}, counter {}", asset.cash);
    let left: i128 = portfolios.iter().map(|p| i128::from(p.payable())).sum();
    ensure!(left == i128::from(fund.reserved), "CLR-35: auctions may be paid {left}, reserved {}", fund.reserved);
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use novate_client::addresses;

    use super::*;
    use crate::demo::chain::Chain;
    use crate::demo::rows::ScenarioRows;
    use crate::demo::{cast, setup};

    fn world() -> Result<World> {
        let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/novate.so"));
        let program = std::env::var_os("NOVATE_PROGRAM").map_or_else(built, PathBuf::from);
        setup::build(Chain::open(&program)?, &ScenarioRows::load()?)
    }

    #[test]
    fn a_contract_more_or_less_is_noticed() -> Result<()> {
        let world = world()?;
        let mut portfolios: Vec<Portfolio> = world.chain.read_all();
        let markets: Vec<Market> = (0..PERPETUALS.len() as u16).map(|i| world.market(i)).collect::<Result<_>>()?;
        let mut kinds = std::collections::BTreeSet::new();
        for holder in 0..portfolios.len() {
            for at in 0..portfolios[holder].positions().len() {
                check_open_interest(&world, &markets, &portfolios)?;
                let position = &mut portfolios[holder].positions[at];
                kinds.insert(position.instrument.to_be_bytes()[2]);
                position.quantity += 1;
                assert!(check_open_interest(&world, &markets, &portfolios).is_err(), "too many are held by {holder}");
                portfolios[holder].positions[at].quantity -= 1;
            }
        }
        assert_eq!(kinds.len(), 4, "perpetuals, futures, calls and puts are held");
        Ok(())
    }

    #[test]
    fn one_unit_more_or_less_in_a_vault_is_noticed() -> Result<()> {
        let mut world = world()?;
        for asset in 0..COINS.len() as u16 {
            check(&world)?;
            let vault = addresses::vault(&addresses::asset(&world.keys.pool, asset));
            let (amount, pool) = (tokens::amount(&world.chain, &vault)?, world.keys.pool);
            tokens::write_account(&mut world.chain, vault, cast::mint(asset), pool, amount + 1)?;
            assert!(check(&world).is_err(), "{} has a unit too many", COINS[usize::from(asset)].symbol);
            tokens::write_account(&mut world.chain, vault, cast::mint(asset), pool, amount)?;
        }
        Ok(())
    }
}
