//! The books of the demo's pool, read from its chain. A difference of one unit anywhere ends the demo with an error.

use anyhow::Result;
use novate_client::instrument::expiry_id;
use novate_client::state::{Asset, Market, Pool};
use novate_client::{addresses, Pubkey};

use super::chain::Chain;
use super::tokens;
use super::world::World;
use crate::books::{Books, Ledger};

/// Checks every vault, every market and every instrument of the demo's pool.
pub fn check(world: &World) -> Result<Ledger> {
    read(&world.chain, &world.keys.pool)?.check()
}

/// The accounts of a pool, the only one on its chain.
pub fn read(chain: &Chain, address: &Pubkey) -> Result<Books> {
    let pool: Pool = chain.read(address)?;
    let assets = (0..pool.asset_count).map(|i| chain.read(&addresses::asset(address, i)));
    let assets = assets.collect::<Result<Vec<Asset>>>()?;
    let markets = (0..pool.market_count).map(|i| chain.read(&addresses::market(address, i)));
    let markets = markets.collect::<Result<Vec<Market>>>()?;
    let listed = markets.iter().flat_map(|m| m.listed_expiries().iter().map(|minutes| expiry_id(m.index, *minutes)));
    let expiries = listed.map(|id| Ok(Box::new(chain.read(&addresses::expiry_by_id(address, id))?)));
    Ok(Books {
        vaults: assets.iter().map(|a| tokens::amount(chain, &a.vault)).collect::<Result<_>>()?,
        expiries: expiries.collect::<Result<_>>()?,
        insurance: chain.read(&addresses::insurance(address))?,
        portfolios: chain.read_all(),
        assets,
        markets,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::demo::products::COINS;
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
        let mut books = read(&world.chain, &world.keys.pool)?;
        let mut kinds = std::collections::BTreeSet::new();
        for holder in 0..books.portfolios.len() {
            for at in 0..books.portfolios[holder].positions().len() {
                books.check()?;
                let position = &mut books.portfolios[holder].positions[at];
                kinds.insert(position.instrument.to_be_bytes()[2]);
                position.quantity += 1;
                let noticed = books.check().is_err_and(|error| format!("{error:#}").contains("CLR-01"));
                assert!(noticed, "too many are held by {holder}");
                books.portfolios[holder].positions[at].quantity -= 1;
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
