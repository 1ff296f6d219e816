//! What members send: what they come with, what they trade, and how bidders lay off.

use anyhow::{anyhow, Context, Result};
use novate_client::instructions::{self as ix, Token, TokenMove};
use novate_client::instrument::{self, market_of, Instrument};
use novate_client::state::minutes_of;
use novate_client::tokens::TOKEN_PROGRAM;
use novate_client::{Leg, Pubkey, Right};
use novate_margin::Price;
use solana_signer::Signer;

use super::book::{Act, DEALER, MAKER};
use super::pool::{unless, Pool};
use crate::demo::cast;
use crate::demo::products;
use crate::demo::tokens;

const USD: i128 = 1_000_000;
/// Quotes are this far from the mark, 1e-6: at first, and for a bidder's risk.
const SPREAD: [i128; 2] = [300, 1_500];
/// What may stand in the way of a trade.
const UNTRADED: &[&str] = &["BelowInitialMargin", "Restricted", "PriceStale", "ChainNotCurrent", "ForecastStale"];

impl Pool {
    /// Opens the portfolio, or none for a staker, and has the member act.
    pub(super) fn enter(&mut self, seat: usize) -> Result<()> {
        let (owner, pool) = (self.seats[seat].owner.pubkey(), self.keys.pool);
        self.chain.fund(owner)?;
        self.by_owner(seat, ix::open_portfolio(owner, pool, 0))?;
        let mut legs = [Vec::new(), Vec::new()];
        for act in self.seats[seat].member.acts {
            match *act {
                Act::Perpetual(..) => legs[0].push(self.leg(act, 0)?),
                Act::Future(..) | Act::Call(..) | Act::Put(..) => legs[1].push(self.leg(act, 0)?),
                _ => self.fetch(seat, act)?,
            }
        }
        for (legs, other) in legs.into_iter().zip([MAKER, DEALER]) {
            if !legs.is_empty() {
                self.trade(seat, self.seat(other)?, &legs)?;
            }
        }
        Ok(())
    }

    /// Deposits, lends, borrows or stakes.
    fn fetch(&mut self, seat: usize, act: &Act) -> Result<()> {
        let (owner, portfolio) = (self.seats[seat].owner.pubkey(), self.seats[seat].portfolio);
        let (keys, asset) = (self.keys, self.asset_of(act.coin())?);
        let account = token_account(&owner, asset);
        let of = |usd: i64| -> Result<TokenMove> {
            let unit = 10i128.pow(self.listed[usize::from(asset)].coin.decimals.into());
            let amount = i128::from(usd) * unit * i128::from(Price::ONE.0) / i128::from(self.asset(asset)?.price.0);
            Ok(TokenMove { asset, token: token(asset), account, amount: u64::try_from(amount)? })
        };
        match *act {
            Act::Deposit(_, usd) => {
                let tokens = of(usd)?;
                tokens::write_account(&mut self.chain, account, cast::mint(asset), owner, tokens.amount)?;
                self.by_owner(seat, ix::deposit(owner, keys.pool, portfolio, tokens))
            }
            Act::Stake(usd) => {
                let tokens = of(usd)?;
                tokens::write_account(&mut self.chain, account, cast::mint(asset), owner, tokens.amount)?;
                self.by_owner(seat, ix::stake(owner, keys.pool, tokens))
            }
            Act::Lend(_, usd) => {
                let amount = of(usd)?.amount;
                self.by_owner(seat, ix::lend(owner, &keys.pool, portfolio, asset, amount))
            }
            Act::Borrow(_, usd) => {
                let tokens = of(usd)?;
                tokens::write_account(&mut self.chain, account, cast::mint(asset), owner, 0)?;
                let holdings = self.holdings(&[seat])?;
                self.by_owner(seat, ix::borrow(owner, keys, portfolio, &holdings, (asset, tokens.amount)))?;
                let holdings = self.holdings(&[seat])?;
                self.by_owner(seat, ix::withdraw(owner, keys, portfolio, &holdings, tokens))
            }
            _ => Err(anyhow!("{act:?} is a trade")),
        }
    }

    /// A leg of so many USD at the quote of whoever takes the other side.
    fn leg(&self, act: &Act, haste: usize) -> Result<Leg> {
        let (asset, minutes) = (self.asset_of(act.coin())?, minutes_of(self.window.expiry()));
        let (instrument, usd) = match *act {
            Act::Perpetual(_, usd) => (instrument::perpetual(asset - 1), usd),
            Act::Future(_, usd) => (instrument::future(asset - 1, minutes), usd),
            Act::Call(_, slot, usd) => (instrument::option(asset - 1, minutes, slot, Right::Call), usd),
            Act::Put(_, slot, usd) => (instrument::option(asset - 1, minutes, slot, Right::Put), usd),
            _ => return Err(anyhow!("{act:?} is no trade")),
        };
        let market = self.market(asset - 1)?;
        let contracts = i128::from(usd) * i128::from(Price::ONE.0) * i128::from(Price::ONE.0)
            / i128::from(self.asset(asset)?.price.0);
        let quantity = i64::try_from(contracts)? / market.lot.0 * market.lot.0;
        Ok(Leg { instrument, quantity, price: self.quote(instrument, quantity > 0, haste)? })
    }

    /// The mark, and a spread in favour of whoever quotes.
    fn quote(&self, instrument: u64, taker_buys: bool, haste: usize) -> Result<i64> {
        let market = self.market(market_of(instrument))?;
        let (asset, now) = (self.asset(market.asset)?, self.chain.now());
        let dated = || self.expiry(market.index).context("no expiry");
        let (mark, tick) = match products::parse(instrument)? {
            Instrument::Perpetual => (market.mark_at(asset.price)?, market.tick),
            Instrument::Future { .. } => (dated()?.expected_at(&asset, now)?, market.tick),
            Instrument::Option { slot, right, .. } => {
                let expiry = dated()?;
                let strike = expiry.strike(slot)?;
                let put = strike.mark.0 - expiry.expected_at(&asset, now)?.0 + strike.strike.0;
                let mark = if right == Right::Call { strike.mark.0 } else { put.max(0) };
                (Price(mark), market.option_tick)
            }
        };
        let (mark, tick) = (i128::from(mark.0), i128::from(tick.0));
        let away = mark * SPREAD[haste] / USD;
        let price = if taker_buys { (mark + away + tick - 1) / tick * tick } else { (mark - away) / tick * tick };
        Ok(i64::try_from(price.max(tick))?)
    }

    fn trade(&mut self, first: usize, second: usize, legs: &[Leg]) -> Result<()> {
        let mut holdings = self.holdings(&[first, second])?;
        for leg in legs {
            holdings = holdings.with_traded(leg.instrument, market_of(leg.instrument) + 1);
        }
        let trade = ix::trade(self.keys, self.side(first), self.side(second), &holdings, legs.to_vec());
        let signers = [first, second].map(|s| self.seats[s].owner.insecure_clone());
        self.send(trade, &[&signers[0], &signers[1]])
    }

    /// A bidder closes its perpetuals with the market maker, as far as either has the means and the price is known.
    pub fn lay_off(&mut self, seat: usize) -> Result<()> {
        let maker = self.seat(MAKER)?;
        for position in self.portfolio(seat)?.positions() {
            let perpetual = products::parse(position.instrument)? == Instrument::Perpetual;
            if perpetual && position.quantity != 0 {
                let (instrument, quantity) = (position.instrument, -position.quantity);
                let price = self.quote(instrument, quantity > 0, 1)?;
                unless(self.trade(seat, maker, &[Leg { instrument, quantity, price }]), UNTRADED)?;
            }
        }
        Ok(())
    }
}

/// Mint and program of an asset.
pub(super) fn token(asset: u16) -> Token {
    Token { mint: cast::mint(asset), program: TOKEN_PROGRAM }
}

fn token_account(owner: &Pubkey, asset: u16) -> Pubkey {
    let mut bytes = owner.to_bytes();
    (bytes[30], bytes[31]) = (0x7a, asset as u8);
    Pubkey::new_from_array(bytes)
}
