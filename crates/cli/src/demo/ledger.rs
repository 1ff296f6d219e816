//! The books of the clearing house, checked to the unit from account bytes: CLR-01 and CLR-02. A difference of one unit
//! anywhere ends the demo with an error.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use novate_client::instrument::{self, expiry_id, market_of, perpetual, Instrument};
use novate_client::state::{minutes_of, Asset, Balance, Expiry, Insurance, Market, Pool, Portfolio, SETTLEMENT_ASSET};
use novate_client::{addresses, Pubkey, Right};

use super::chain::Chain;
use super::products;
use super::tokens;
use super::world::World;

/// What the books said when they were last checked. Settlement asset in 1e-6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// In the settlement vault.
    pub vault: i128,
    /// Cash of all portfolios, what options left in markets, and units that haircuts rounded off.
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

/// Checks every vault, every market and every instrument of the demo's pool.
pub fn check(world: &World) -> Result<Ledger> {
    Books { chain: &world.chain, pool: world.keys.pool }.check()
}

/// The accounts of a pool, the only one on its chain.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    pub chain: &'a Chain,
    pub pool: Pubkey,
}

impl Books<'_> {
    /// Checks every vault, every market and every instrument that the pool lists.
    pub fn check(&self) -> Result<Ledger> {
        let pool: Pool = self.chain.read(&self.pool)?;
        let portfolios: Vec<Portfolio> = self.chain.read_all();
        let markets = self.markets()?;
        let expiries = self.expiries(&markets)?;
        for market in &markets {
            check_market(market, &expiries, &portfolios)
                .with_context(|| format!("the ledger of market {} does not balance", market.index))?;
        }
        check_open_interest(&markets, &expiries, &portfolios)?;
        for index in 0..pool.asset_count {
            self.check_bank(index, &portfolios).with_context(|| format!("asset {index} does not balance"))?;
        }
        self.check_settlement(&portfolios, &markets).context("the settlement vault does not balance")
    }

    fn markets(&self) -> Result<Vec<Market>> {
        let pool: Pool = self.chain.read(&self.pool)?;
        (0..pool.market_count).map(|i| self.chain.read(&addresses::market(&self.pool, i))).collect()
    }

    fn expiries(&self, markets: &[Market]) -> Result<Vec<Box<Expiry>>> {
        let listed =
            markets.iter().flat_map(|m| m.listed_expiries().iter().map(|minutes| expiry_id(m.index, *minutes)));
        listed.map(|id| Ok(Box::new(self.chain.read(&addresses::expiry_by_id(&self.pool, id))?))).collect()
    }

    fn asset(&self, index: u16) -> Result<Asset> {
        self.chain.read(&addresses::asset(&self.pool, index))
    }

    /// CLR-02: the counter holds what portfolios hold, and the bank's shares are theirs.
    fn check_bank(&self, index: u16, portfolios: &[Portfolio]) -> Result<()> {
        let asset = self.asset(index)?;
        let sum =
            |of: fn(&Balance) -> u64| -> i128 { portfolios.iter().map(|p| i128::from(of(&p.balance_of(index)))).sum() };
        let (tokens, lent, loans) = (sum(|b| b.tokens), sum(|b| b.lent), sum(|b| b.loan));
        ensure!(tokens == i128::from(asset.deposits), "CLR-02: balances {tokens}, deposits {}", asset.deposits);
        let shares = (i128::from(asset.bank.lent_shares), i128::from(asset.bank.loan_shares));
        ensure!((lent, loans) == shares, "CLR-02: shares {lent} lent and {loans} owed, the bank has {shares:?}");
        if index != SETTLEMENT_ASSET {
            let vault = i128::from(tokens::amount(self.chain, &asset.vault)?);
            let counted = i128::from(asset.vaulted()?);
            ensure!(vault == counted, "CLR-02: vault {vault}, counters {counted}");
        }
        Ok(())
    }

    /// CLR-02 for the settlement asset: vault, counters and everyone's claims are one number.
    fn check_settlement(&self, portfolios: &[Portfolio], markets: &[Market]) -> Result<Ledger> {
        let asset = self.asset(SETTLEMENT_ASSET)?;
        let positions = portfolios.iter().flat_map(|p| p.positions());
        let fund: Insurance = self.chain.read(&addresses::insurance(&self.pool))?;
        let ledger = Ledger {
            vault: i128::from(tokens::amount(self.chain, &asset.vault)?),
            cash: [asset.claims.free.sum, asset.claims.held.sum, asset.claims.dust].into_iter().map(i128::from).sum(),
            pending: positions.map(|p| i128::from(p.pending_old) + i128::from(p.pending_new)).sum(),
            variation_pools: markets.iter().map(|m| i128::from(m.variation_pool.0)).sum(),
            insurance: i128::from(fund.capital) + i128::from(fund.staked),
            fees: markets.iter().map(|m| i128::from(m.accrued_fees.0)).sum(),
            rounding: markets.iter().map(|m| i128::from(m.rounding.0)).sum(),
        };
        let claims = ledger.cash + ledger.pending + ledger.variation_pools;
        let counted = i128::from(asset.vaulted()?) + ledger.insurance;
        ensure!(ledger.vault == counted, "CLR-02: vault {}, counters {counted}", ledger.vault);
        ensure!(claims == i128::from(asset.cash), "CLR-02: claims {claims}, counter {}", asset.cash);
        check_cash(&asset, portfolios, markets)?;
        let left: i128 = portfolios.iter().map(|p| i128::from(p.payable())).sum();
        ensure!(left == i128::from(fund.reserved), "CLR-35: auctions may be paid {left}, reserved {}", fund.reserved);
        Ok(ledger)
    }
}

/// CLR-32: what cash of all is worth after the haircuts that each has to bear is what the settlement asset counts, but for less than a
/// unit for each of them.
fn check_cash(asset: &Asset, portfolios: &[Portfolio], markets: &[Market]) -> Result<()> {
    let claims = &asset.claims;
    let mut cash = 0;
    for portfolio in portfolios {
        cash += i128::from(claims.worth(portfolio.cash, &portfolio.claim)?);
    }
    for market in markets {
        let mut swept = *market;
        swept.sweep(&mut asset.clone())?;
        cash += i128::from(swept.variation_pool.0) - i128::from(market.variation_pool.0);
    }
    let counted = i128::from(claims.free.sum) + i128::from(claims.held.sum);
    let most = if claims.haircuts == 0 { 0 } else { portfolios.len() + markets.len() + 2 };
    ensure!((cash..=cash + most as i128).contains(&counted), "CLR-32: cash is worth {cash}, counted {counted}");
    Ok(())
}

/// CLR-02: costs, the variation pool, cash of options, what expiries were settled to and what is forgiven sum to fees, rounding and funding applied. Options are
/// paid for in cash and cost nothing.
fn check_market(market: &Market, expiries: &[Box<Expiry>], portfolios: &[Portfolio]) -> Result<()> {
    let positions = portfolios.iter().flat_map(|p| p.positions());
    let costs: i128 = positions.filter(|p| market_of(p.instrument) == market.index).map(|p| i128::from(p.cost)).sum();
    let settled: i128 = expiries.iter().filter(|e| e.market == market.index).map(|e| i128::from(e.settled.0)).sum();
    let kept = i128::from(market.option_cash.0) + i128::from(market.haircut.0);
    let owed = i128::from(market.variation_pool.0) + kept + costs + settled;
    let claimed =
        [market.accrued_fees, market.rounding, market.funding_applied].map(|usd| i128::from(usd.0)).iter().sum();
    ensure!(
        owed == claimed,
        "CLR-02: variation pool, costs and settled {owed}, fees, rounding and funding {claimed} (1e-6 USD)"
    );
    Ok(())
}

/// CLR-01: of each instrument as much is held long as short, and its market or expiry knows how much. Of what nobody holds
/// the open interest is zero. While an expiry is being settled each side is counted by itself.
fn check_open_interest(markets: &[Market], expiries: &[Box<Expiry>], portfolios: &[Portfolio]) -> Result<()> {
    let mut held = BTreeMap::<u64, (i128, i128)>::new();
    for position in portfolios.iter().flat_map(|p| p.positions()).filter(|p| p.quantity != 0) {
        let (long, short) = held.entry(position.instrument).or_default();
        *long += i128::from(position.quantity.max(0));
        *short -= i128::from(position.quantity.min(0));
        let option = matches!(products::parse(position.instrument)?, Instrument::Option { .. });
        let variation = [position.cost, position.pending_old, position.pending_new];
        // A haircut leaves costs with options too.
        let market = markets.iter().find(|m| m.index == market_of(position.instrument));
        let cut = market.is_some_and(|m| m.round.number > 0 || m.haircut.0 > 0);
        ensure!(!option || cut || variation == [0; 3], "CLR-02: an option that is held has variation: {position:?}");
    }
    for market in markets {
        let held = held.remove(&perpetual(market.index)).unwrap_or_default();
        let counted = (i128::from(market.long.0), i128::from(market.short.0));
        ensure!(
            counted == held && held.0 == held.1,
            "CLR-01: market {}: open interest {counted:?}, held {held:?}",
            market.index
        );
    }
    for expiry in expiries {
        let (minutes, mut open, mut short) = (minutes_of(expiry.time), BTreeMap::new(), 0);
        open.insert(instrument::future(expiry.market, minutes), expiry.open_futures);
        for slot in 0..expiry.strike_count {
            let at = usize::from(slot);
            open.insert(instrument::option(expiry.market, minutes, slot, Right::Call), expiry.open_calls[at]);
            open.insert(instrument::option(expiry.market, minutes, slot, Right::Put), expiry.open_puts[at]);
        }
        for (instrument, counted) in open {
            let (held_long, held_short) = held.remove(&instrument).unwrap_or_default();
            let name = products::parse(instrument)?;
            let counted = i128::from(counted.0);
            ensure!(counted == held_long, "CLR-01: {name:?}: open interest {counted}, held {held_long}");
            ensure!(
                expiry.is_fixed() || held_long == held_short,
                "CLR-01: {name:?}: longs hold {held_long}, shorts {held_short}"
            );
            short += held_short;
        }
        let counted = if expiry.is_fixed() { i128::try_from(expiry.open_short.get())? } else { short };
        ensure!(counted == short, "CLR-01: {counted} short are not settled, {short} are held");
    }
    ensure!(held.is_empty(), "CLR-01: positions in what does not exist: {held:?}");
    Ok(())
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
        let mut portfolios: Vec<Portfolio> = world.chain.read_all();
        let books = Books { chain: &world.chain, pool: world.keys.pool };
        let markets = books.markets()?;
        let expiries = books.expiries(&markets)?;
        let mut kinds = std::collections::BTreeSet::new();
        for holder in 0..portfolios.len() {
            for at in 0..portfolios[holder].positions().len() {
                check_open_interest(&markets, &expiries, &portfolios)?;
                let position = &mut portfolios[holder].positions[at];
                kinds.insert(position.instrument.to_be_bytes()[2]);
                position.quantity += 1;
                assert!(
                    check_open_interest(&markets, &expiries, &portfolios).is_err(),
                    "too many are held by {holder}"
                );
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
