//! The books of a clearing house, checked to the unit from account bytes: CLR-01 and CLR-02.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};
use bytemuck::NoUninit;
use novate_client::instrument::{self, market_of, perpetual, Instrument};
use novate_client::state::{minutes_of, Asset, Balance, Expiry, Insurance, Market, Portfolio, SETTLEMENT_ASSET};
use novate_client::{addresses, Pubkey, Right};

use crate::cluster::Cluster;

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

/// How often the accounts are read until none has changed meanwhile.
const READINGS: usize = 20;

/// Reads the accounts of a pool, again where one was written meanwhile.
pub fn read(cluster: &Cluster, pool: &Pubkey) -> Result<Books> {
    let mut before = read_once(cluster, pool)?;
    for _ in 1..READINGS {
        let after = read_once(cluster, pool)?;
        if before.is_as(&after) {
            return Ok(after);
        }
        before = after;
    }
    bail!("the pool does not stand still: {READINGS} readings differ")
}

fn read_once(cluster: &Cluster, pool: &Pubkey) -> Result<Books> {
    let snapshot = cluster.wait(cluster.rpc.snapshot(pool))?;
    let portfolios = cluster.wait(cluster.rpc.portfolios(pool))?;
    let assets: Vec<Asset> = snapshot.assets.into_values().collect();
    Ok(Books {
        vaults: assets.iter().map(|a| cluster.tokens(&a.vault)).collect::<Result<_>>()?,
        markets: snapshot.markets.into_values().collect(),
        expiries: snapshot.expiries.into_values().collect(),
        insurance: cluster.account(&addresses::insurance(pool))?,
        portfolios: portfolios.into_iter().map(|(_, portfolio)| *portfolio).collect(),
        assets,
    })
}

/// The accounts of a pool as they were at one time, assets and markets by index.
pub struct Books {
    pub assets: Vec<Asset>,
    /// What the vault of each asset holds, mint's units.
    pub vaults: Vec<u64>,
    pub markets: Vec<Market>,
    pub expiries: Vec<Box<Expiry>>,
    pub insurance: Insurance,
    pub portfolios: Vec<Portfolio>,
}

impl Books {
    /// Whether nothing differs.
    fn is_as(&self, other: &Self) -> bool {
        fn bytes<T: NoUninit>(list: &[T]) -> &[u8] {
            bytemuck::cast_slice(list)
        }
        let expiries =
            |books: &Self| books.expiries.iter().flat_map(|e| bytemuck::bytes_of(&**e).to_vec()).collect::<Vec<_>>();
        self.vaults == other.vaults
            && bytes(&self.assets) == bytes(&other.assets)
            && bytes(&self.markets) == bytes(&other.markets)
            && bytes(&self.portfolios) == bytes(&other.portfolios)
            && bytemuck::bytes_of(&self.insurance) == bytemuck::bytes_of(&other.insurance)
            && expiries(self) == expiries(other)
    }

    /// Checks every vault, every market and every instrument that the pool lists: a difference of one unit anywhere is an error.
    pub fn check(&self) -> Result<Ledger> {
        for market in &self.markets {
            check_market(market, &self.expiries, &self.portfolios)
                .with_context(|| format!("the ledger of market {} does not balance", market.index))?;
        }
        self.check_open_interest()?;
        for (asset, vault) in self.assets.iter().zip(&self.vaults) {
            self.check_bank(asset, *vault).with_context(|| format!("asset {} does not balance", asset.index))?;
        }
        self.check_settlement().context("the settlement vault does not balance")
    }

    /// CLR-02: the counter holds what portfolios hold, and the bank's shares are theirs.
    fn check_bank(&self, asset: &Asset, vault: u64) -> Result<()> {
        let balances = || self.portfolios.iter().map(|p| p.balance_of(asset.index));
        let sum = |of: fn(Balance) -> u64| -> i128 { balances().map(of).map(i128::from).sum() };
        let (tokens, lent, loans) = (sum(|b| b.tokens), sum(|b| b.lent), sum(|b| b.loan));
        ensure!(tokens == i128::from(asset.deposits), "CLR-02: balances {tokens}, deposits {}", asset.deposits);
        let shares = (i128::from(asset.bank.lent_shares), i128::from(asset.bank.loan_shares));
        ensure!((lent, loans) == shares, "CLR-02: shares {lent} lent and {loans} owed, the bank has {shares:?}");
        if asset.index != SETTLEMENT_ASSET {
            let counted = asset.vaulted()?;
            ensure!(i128::from(vault) == i128::from(counted), "CLR-02: vault {vault}, counters {counted}");
        }
        Ok(())
    }

    /// CLR-02 for the settlement asset: vault, counters and everyone's claims are one number.
    fn check_settlement(&self) -> Result<Ledger> {
        let (portfolios, markets, fund) = (&self.portfolios, &self.markets, &self.insurance);
        let asset = self.assets.first().context("there is no settlement asset")?;
        let vault = self.vaults.first().context("there is no settlement vault")?;
        let positions = portfolios.iter().flat_map(|p| p.positions());
        let ledger = Ledger {
            vault: i128::from(*vault),
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
        check_cash(asset, portfolios, markets)?;
        let left: i128 = portfolios.iter().map(|p| i128::from(p.payable())).sum();
        ensure!(left == i128::from(fund.reserved), "CLR-35: auctions may be paid {left}, reserved {}", fund.reserved);
        Ok(ledger)
    }

    /// CLR-01: of each instrument as much is held long as short, and its market or expiry knows how much. Of what nobody holds
    /// the open interest is zero. While an expiry is being settled each side is counted by itself.
    fn check_open_interest(&self) -> Result<()> {
        let mut held = BTreeMap::<u64, (i128, i128)>::new();
        for position in self.portfolios.iter().flat_map(|p| p.positions()).filter(|p| p.quantity != 0) {
            let (long, short) = held.entry(position.instrument).or_default();
            *long += i128::from(position.quantity.max(0));
            *short -= i128::from(position.quantity.min(0));
            let option = matches!(parse(position.instrument)?, Instrument::Option { .. });
            let variation = [position.cost, position.pending_old, position.pending_new];
            // A haircut leaves costs with options too.
            let market = self.markets.iter().find(|m| m.index == market_of(position.instrument));
            let cut = market.is_some_and(|m| m.round.number > 0 || m.haircut.0 > 0);
            ensure!(
                !option || cut || variation == [0; 3],
                "CLR-02: an option that is held has variation: {position:?}"
            );
        }
        for market in &self.markets {
            let held = held.remove(&perpetual(market.index)).unwrap_or_default();
            let counted = (i128::from(market.long.0), i128::from(market.short.0));
            ensure!(
                counted == held && held.0 == held.1,
                "CLR-01: market {}: open interest {counted:?}, held {held:?}",
                market.index
            );
        }
        for expiry in &self.expiries {
            let (minutes, mut open, mut short) = (minutes_of(expiry.time), BTreeMap::new(), 0);
            open.insert(instrument::future(expiry.market, minutes), expiry.open_futures);
            for slot in 0..expiry.strike_count {
                let at = usize::from(slot);
                open.insert(instrument::option(expiry.market, minutes, slot, Right::Call), expiry.open_calls[at]);
                open.insert(instrument::option(expiry.market, minutes, slot, Right::Put), expiry.open_puts[at]);
            }
            for (instrument, counted) in open {
                let (held_long, held_short) = held.remove(&instrument).unwrap_or_default();
                let name = parse(instrument)?;
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

/// An instrument by its id.
fn parse(instrument: u64) -> Result<Instrument> {
    Ok(instrument::parse(instrument).map_err(anchor_lang::error::Error::from)?)
}
