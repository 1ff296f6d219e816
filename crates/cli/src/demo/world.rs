//! The demo's pool as a client sees it: who holds what, and the actions of its members.

use anyhow::{Context, Result};
use novate_client::instructions::{self as ix, Holdings, PoolKeys, Token, TokenMove, TradeSide};
use novate_client::state::{Asset, Insurance, Market, Pool, Portfolio, Scenarios};
use novate_client::tokens::TOKEN_PROGRAM;
use novate_client::{addresses, Instruction, Leg, Pubkey, Snapshot};
use novate_margin::Health;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::cast::{self, CAST};
use super::chain::Chain;
use super::expiries;
use super::prices::{self, Feed, PricePath};
use super::products::{underlying, COINS, EXPIRIES, PERPETUALS};
use super::quotes::Haste;

pub struct World {
    pub chain: Chain,
    pub path: PricePath,
    pub feeds: Vec<Feed>,
    pub keys: PoolKeys,
    /// Portfolio addresses by member.
    pub addresses: Vec<Pubkey>,
    owners: Vec<Keypair>,
    delegates: Vec<Option<Keypair>>,
}

impl World {
    pub fn new(chain: Chain, path: PricePath, feeds: Vec<Feed>, keys: PoolKeys) -> Self {
        let owners: Vec<Keypair> = (0..CAST.len()).map(cast::owner).collect();
        let addresses =
            owners.iter().zip(CAST).map(|(o, m)| addresses::portfolio(&keys.pool, &o.pubkey(), m.sub_account));
        let delegates = CAST.iter().enumerate().map(|(i, m)| m.kind.delegates().then(|| cast::delegate(i)));
        Self { addresses: addresses.collect(), delegates: delegates.collect(), chain, path, feeds, keys, owners }
    }

    pub fn token(asset: u16) -> Token {
        Token { mint: cast::mint(asset), program: TOKEN_PROGRAM }
    }

    /// An amount that a member moves from or to its token account.
    pub fn tokens(member: usize, asset: u16, amount: u64) -> TokenMove {
        TokenMove { asset, token: Self::token(asset), account: cast::token_account(member, asset), amount }
    }

    pub fn owner(&self, member: usize) -> &Keypair {
        &self.owners[member]
    }

    /// Who signs trades for a member: the delegate where there is one.
    pub fn trader(&self, member: usize) -> &Keypair {
        self.delegates[member].as_ref().unwrap_or(&self.owners[member])
    }

    pub fn delegate(&self, member: usize) -> Option<&Keypair> {
        self.delegates[member].as_ref()
    }

    pub fn portfolio(&self, member: usize) -> Result<Portfolio> {
        self.chain.read(&self.addresses[member]).with_context(|| CAST[member].name)
    }

    pub fn asset(&self, index: u16) -> Result<Asset> {
        self.chain.read(&addresses::asset(&self.keys.pool, index))
    }

    pub fn market(&self, index: u16) -> Result<Market> {
        self.chain.read(&addresses::market(&self.keys.pool, index))
    }

    pub fn insurance(&self) -> Result<Insurance> {
        self.chain.read(&addresses::insurance(&self.keys.pool))
    }

    /// The pool as it stands now.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let assets = (0..COINS.len() as u16).map(|i| Ok((i, self.asset(i)?)));
        let markets = (0..PERPETUALS.len() as u16).map(|i| Ok((i, self.market(i)?)));
        Ok(Snapshot {
            pool: self.chain.read::<Pool>(&self.keys.pool)?,
            scenarios: Box::new(self.chain.read::<Scenarios>(&self.keys.scenarios)?),
            assets: assets.collect::<Result<_>>()?,
            markets: markets.collect::<Result<_>>()?,
            expiries: EXPIRIES.iter().map(|e| Ok((e.id(), self.expiry(e)?))).collect::<Result<_>>()?,
        })
    }

    /// Health of a member, computed off chain.
    pub fn health(&self, snapshot: &Snapshot, member: usize) -> Result<Health> {
        let portfolio = self.portfolio(member)?;
        snapshot.health(&portfolio, self.chain.now()).with_context(|| format!("health of {}", CAST[member].name))
    }

    pub fn holdings(&self, members: &[usize]) -> Result<Holdings> {
        let portfolios: Vec<Portfolio> = members.iter().map(|m| self.portfolio(*m)).collect::<Result<_>>()?;
        Ok(Holdings::of(&portfolios))
    }

    /// Moves the clock and has everything follow: prices, marks and multipliers, forecasts, values of options. Where
    /// forecasts move far it takes some seconds more.
    pub fn advance(&mut self, time: i64) -> Result<()> {
        self.advance_prices(time)?;
        if expiries::publish(self)? {
            let now = self.chain.now();
            self.advance_prices(now)?;
        }
        expiries::refresh(self)
    }

    /// Moves the clock and has every price, mark and multiplier follow.
    pub fn advance_prices(&mut self, time: i64) -> Result<()> {
        self.chain.set_time(time);
        prices::publish(&mut self.chain, &self.path, &self.feeds, time)?;
        let pairs: Vec<(u16, Pubkey)> = self.feeds.iter().enumerate().map(|(i, f)| (i as u16, f.address)).collect();
        let markets: Vec<(u16, u16)> = PERPETUALS.iter().enumerate().map(|(i, p)| (i as u16, p.asset)).collect();
        self.chain.send(&[ix::refresh_asset(&self.keys.pool, &pairs)], &[])?;
        self.chain.send(&[ix::refresh_market(&self.keys.pool, &markets)], &[])?;
        Ok(())
    }

    /// `taker` buys (positive) or sells from `maker` at the maker's quotes, instruments by id and contracts in 1e-9. `guard`
    /// is appended.
    pub fn trade(
        &mut self,
        taker: usize,
        maker: usize,
        legs: &[(u64, i64)],
        haste: Haste,
        guard: Option<Instruction>,
    ) -> Result<()> {
        let mut holdings = self.holdings(&[taker, maker])?;
        let mut quoted = Vec::new();
        for (instrument, quantity) in legs.iter().copied() {
            holdings = holdings.with_traded(instrument, underlying(instrument));
            quoted.push(Leg { instrument, quantity, price: self.quote(instrument, quantity > 0, haste)? });
        }
        let side = |m: usize| TradeSide { portfolio: self.addresses[m], signer: self.trader(m).pubkey() };
        let trade = ix::trade(self.keys, side(taker), side(maker), &holdings, quoted);
        let instructions: Vec<Instruction> = [Some(trade), guard].into_iter().flatten().collect();
        let signers = [self.trader(taker).insecure_clone(), self.trader(maker).insecure_clone()];
        self.chain.send(&instructions, &[&signers[0], &signers[1]])?;
        Ok(())
    }

    /// Sends an instruction that a member's owner signs.
    pub fn by_owner(&mut self, member: usize, instruction: Instruction) -> Result<()> {
        let owner = self.owners[member].insecure_clone();
        self.chain.send(&[instruction], &[&owner]).with_context(|| CAST[member].name)?;
        Ok(())
    }

    /// Sends an instruction that needs no signature but the fee payer's.
    pub fn by_anyone(&mut self, instruction: Instruction) -> Result<()> {
        self.chain.send(&[instruction], &[])?;
        Ok(())
    }
}
