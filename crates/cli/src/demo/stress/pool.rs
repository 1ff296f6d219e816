//! A pool for one window: what is in it, where it is found, and who sends what to it.

use anyhow::{Context, Result};
use novate_client::instructions::{Holdings, PoolKeys, TradeSide};
use novate_client::state::{Asset, Expiry, Insurance, Market, Portfolio, Stake};
use novate_client::{addresses, Instruction, Pubkey, Refused, Snapshot};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::book::Member;
use super::waterfall::{Part, Waterfall};
use super::window::Window;
use crate::demo::chain::Chain;
use crate::demo::ledger::{Books, Ledger};
use crate::demo::prices::{Feed, PricePath};
use crate::demo::products::{Coin, Perpetual};
use crate::demo::tokens;

/// Coins with an expiry.
pub(super) const DATED: [&str; 2] = ["BTC", "ETH"];

/// A coin of the pool, and its market where it has one.
pub(super) struct Listed {
    pub(super) coin: Coin,
    pub(super) market: Option<Perpetual>,
    pub(super) feed: Feed,
}

/// A member with its key and portfolio.
pub struct Seat {
    pub member: &'static Member,
    pub(super) owner: Keypair,
    pub portfolio: Pubkey,
}

pub struct Pool {
    pub chain: Chain,
    pub window: Window,
    pub path: PricePath,
    pub(super) keys: PoolKeys,
    pub(super) governance: Keypair,
    pub(super) listed: Vec<Listed>,
    pub seats: Vec<Seat>,
    pub waterfall: Waterfall,
}

/// Whether it was done, or refused for one of these reasons; any other is an error.
pub fn unless<T>(sent: Result<T>, reasons: &[&str]) -> Result<bool> {
    let Err(error) = sent else { return Ok(true) };
    match error.downcast_ref::<Refused>() {
        Some(refused) if reasons.contains(&refused.name.as_str()) => Ok(false),
        _ => Err(error),
    }
}

impl Pool {
    pub(super) fn governed(&mut self, instruction: Instruction) -> Result<()> {
        let governance = self.governance.insecure_clone();
        self.send(instruction, &[&governance])
    }

    pub fn by_anyone(&mut self, instruction: Instruction) -> Result<()> {
        self.send(instruction, &[])
    }

    pub fn by_owner(&mut self, seat: usize, instruction: Instruction) -> Result<()> {
        let owner = self.seats[seat].owner.insecure_clone();
        self.send(instruction, &[&owner])
    }

    /// Does what may take a haircut from deposits, and notes what it took of whom. Cash of `spared` bears nothing.
    pub fn charging(&mut self, spared: Option<usize>, act: impl FnOnce(&mut Self) -> Result<bool>) -> Result<bool> {
        let portfolios: Vec<Portfolio> =
            (0..self.seats.len()).map(|seat| self.portfolio(seat)).collect::<Result<_>>()?;
        let (before, taken) = (self.asset(0)?, self.waterfall.deposits().lent);
        let done = act(self)?;
        let (after, lent) = (self.asset(0)?, self.waterfall.deposits().lent - taken);
        if after.claims.haircuts == before.claims.haircuts {
            return Ok(done);
        }
        for (seat, portfolio) in portfolios.iter().enumerate() {
            let worth = |asset: &Asset| asset.claims.worth(portfolio.cash, &portfolio.claim);
            let cash = if spared == Some(seat) { 0 } else { worth(&before)? - worth(&after)? };
            let shares = u128::from(portfolio.balance_of(0).lent);
            let of_lent = u128::from(lent) * shares / u128::from(before.bank.lent_shares.max(1));
            let lost = u64::try_from(cash)? + u64::try_from(of_lent)?;
            self.waterfall.parts.entry(self.seats[seat].portfolio).or_default().deposits += lost;
        }
        Ok(done)
    }

    /// Whatever is sent, its events and what is at stake afterwards go into the waterfall.
    pub(super) fn send(&mut self, instruction: Instruction, signers: &[&Keypair]) -> Result<()> {
        let sent = self.chain.send(&[instruction], signers)?;
        self.waterfall.read(&sent)?;
        if let Ok(settlement) = self.asset(0) {
            self.waterfall.note(&settlement, self.chain.now());
        }
        Ok(())
    }

    pub fn coins(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.listed.iter().map(|l| l.coin.symbol)
    }

    pub(super) fn asset_of(&self, coin: &str) -> Result<u16> {
        let at = self.listed.iter().position(|l| l.coin.symbol == coin);
        Ok(u16::try_from(at.with_context(|| format!("no {coin}"))?)?)
    }

    pub fn seat(&self, name: &str) -> Result<usize> {
        self.seats.iter().position(|s| s.member.name == name).with_context(|| format!("no {name}"))
    }

    pub fn asset(&self, index: u16) -> Result<Asset> {
        self.chain.read(&addresses::asset(&self.keys.pool, index))
    }

    pub(super) fn market(&self, index: u16) -> Result<Market> {
        self.chain.read(&addresses::market(&self.keys.pool, index))
    }

    pub(super) fn markets(&self) -> u16 {
        self.listed.len() as u16 - 1
    }

    pub fn insurance(&self) -> Result<Insurance> {
        self.chain.read(&addresses::insurance(&self.keys.pool))
    }

    pub fn portfolio(&self, seat: usize) -> Result<Portfolio> {
        self.chain.read(&self.seats[seat].portfolio)
    }

    pub(super) fn expiry_address(&self, market: u16) -> Pubkey {
        addresses::expiry(&addresses::market(&self.keys.pool, market), self.window.expiry())
    }

    /// The expiry of a market, while it is there.
    pub(super) fn expiry(&self, market: u16) -> Option<Box<Expiry>> {
        self.chain.read(&self.expiry_address(market)).ok().map(Box::new)
    }

    /// Tokens in each vault.
    pub fn vaults(&self) -> Result<Vec<u64>> {
        (0..self.listed.len() as u16).map(|i| tokens::amount(&self.chain, &self.asset(i)?.vault)).collect()
    }

    /// Checks the books, and what events told of losses against them.
    pub fn check(&self) -> Result<Ledger> {
        let markets: Vec<Market> = (0..self.markets()).map(|index| self.market(index)).collect::<Result<_>>()?;
        self.waterfall.check(&self.insurance()?, &markets, &self.asset(0)?)?;
        Books { chain: &self.chain, pool: self.keys.pool }.check()
    }

    pub fn snapshot(&self) -> Result<Snapshot> {
        let expiries = (0..self.markets()).filter_map(|m| self.expiry(m));
        Ok(Snapshot {
            pool: self.chain.read(&self.keys.pool)?,
            scenarios: Box::new(self.chain.read(&self.keys.scenarios)?),
            assets: (0..self.listed.len() as u16).map(|i| Ok((i, self.asset(i)?))).collect::<Result<_>>()?,
            markets: (0..self.markets()).map(|i| Ok((i, self.market(i)?))).collect::<Result<_>>()?,
            expiries: expiries.map(|e| (e.id(), e)).collect(),
        })
    }

    /// What a member's stake is worth, 1e-6 USD.
    pub fn staked(&self, seat: usize) -> Result<i64> {
        let stake: Stake = match self.chain.read(&addresses::stake(&self.keys.pool, &self.seats[seat].owner.pubkey())) {
            Ok(stake) => stake,
            Err(_) => return Ok(0),
        };
        let insurance = self.insurance()?;
        let shares = if stake.era == insurance.era { stake.shares.get() } else { 0 };
        Ok(if shares == 0 { 0 } else { i64::try_from(insurance.fund().claim_floor(shares)?)? })
    }

    /// What was paid for a member, and what it paid for others.
    pub fn part(&self, seat: usize) -> Part {
        self.waterfall.parts.get(&self.seats[seat].portfolio).copied().unwrap_or_default()
    }

    pub fn holdings(&self, seats: &[usize]) -> Result<Holdings> {
        let portfolios: Vec<Portfolio> = seats.iter().map(|s| self.portfolio(*s)).collect::<Result<_>>()?;
        Ok(Holdings::of(&portfolios))
    }

    pub fn side(&self, seat: usize) -> TradeSide {
        TradeSide { portfolio: self.seats[seat].portfolio, signer: self.seats[seat].owner.pubkey() }
    }

    pub fn keys(&self) -> PoolKeys {
        self.keys
    }
}
