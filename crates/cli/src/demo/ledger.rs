//! The books of the clearing house, checked to the unit from account bytes: CLR-01 and CLR-02. A difference of one unit
//! anywhere ends the demo with an error.

use anyhow::{ensure, Context, Result};
use novate_client::instrument::{market_of, perpetual};
use novate_client::state::{Market, Portfolio};

use super::cast::{COINS, PERPETUALS, USDC};
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
    for asset in 1..COINS.len() as u16 {
        let symbol = COINS[usize::from(asset)].symbol;
        check_bank(world, asset, &portfolios).with_context(|| format!("the bank of {symbol} does not balance"))?;
    }
    check_settlement(world, &portfolios, &markets).context("the settlement vault does not balance")
}

/// CLR-01: quantities sum to zero and open interest is what positions say. CLR-02: costs and the variation pool sum to
/// fees and rounding.
fn check_market(market: &Market, portfolios: &[Portfolio]) -> Result<()> {
    let (mut long, mut short, mut costs) = (0i128, 0i128, 0i128);
    let positions = portfolios.iter().flat_map(|p| p.positions());
    for position in positions.filter(|p| p.instrument == perpetual(market.index)) {
        long += i128::from(position.quantity.max(0));
        short -= i128::from(position.quantity.min(0));
        costs += i128::from(position.cost);
    }
    ensure!(long == short, "CLR-01: longs hold {long}, shorts {short} (1e-9 contracts)");
    let (open_long, open_short) = (i128::from(market.long.0), i128::from(market.short.0));
    ensure!(
        open_long == long && open_short == short,
        "CLR-01: open interest {open_long}/{open_short}, held {long}/{short}"
    );
    let owed = i128::from(market.variation_pool.0) + costs;
    let claimed = i128::from(market.accrued_fees.0) + i128::from(market.rounding.0);
    ensure!(owed == claimed, "CLR-02: variation pool and costs {owed}, fees and rounding {claimed} (1e-6 USD)");
    Ok(())
}

/// CLR-02 for a collateral: the vault holds the deposits, and portfolios the shares.
fn check_bank(world: &World, index: u16, portfolios: &[Portfolio]) -> Result<()> {
    let asset = world.asset(index)?;
    let vault = i128::from(tokens::amount(&world.chain, &asset.vault)?);
    ensure!(vault == i128::from(asset.deposits), "CLR-02: vault {vault}, deposits {}", asset.deposits);
    let shares: i128 = portfolios.iter().map(|p| i128::from(p.shares_of(index))).sum();
    ensure!(shares == i128::from(asset.deposit_shares), "CLR-02: shares {shares}, bank {}", asset.deposit_shares);
    Ok(())
}

/// CLR-02 for the settlement asset: vault, counter and everyone's claims are one number.
fn check_settlement(world: &World, portfolios: &[Portfolio], markets: &[Market]) -> Result<Ledger> {
    let asset = world.asset(USDC)?;
    let positions = || portfolios.iter().flat_map(|p| p.positions());
    let stray = positions().find(|p| usize::from(market_of(p.instrument)) >= PERPETUALS.len());
    ensure!(stray.is_none(), "CLR-02: a position in a market that does not exist");
    let ledger = Ledger {
        vault: i128::from(tokens::amount(&world.chain, &asset.vault)?),
        cash: portfolios.iter().map(|p| i128::from(p.cash)).sum(),
        pending: positions().map(|p| i128::from(p.pending_old) + i128::from(p.pending_new)).sum(),
        variation_pools: markets.iter().map(|m| i128::from(m.variation_pool.0)).sum(),
        fees: markets.iter().map(|m| i128::from(m.accrued_fees.0)).sum(),
        rounding: markets.iter().map(|m| i128::from(m.rounding.0)).sum(),
    };
    let claims = ledger.cash + ledger.pending + ledger.variation_pools;
    ensure!(ledger.vault == i128::from(asset.cash), "CLR-02: vault {}, counter {}", ledger.vault, asset.cash);
    ensure!(claims == ledger.vault, "CLR-02: claims {claims}, vault {}", ledger.vault);
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

    #[test]
    fn one_unit_more_or_less_in_a_vault_is_noticed() -> Result<()> {
        let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/novate.so"));
        let program = std::env::var_os("NOVATE_PROGRAM").map_or_else(built, PathBuf::from);
        let mut world = setup::build(Chain::open(&program)?, &ScenarioRows::load()?)?;
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
