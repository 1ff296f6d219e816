//! The liquidator bot: starts auctions, bids when the discount pays for the risk, or insurance does where an account is
//! insolvent, lays the risk off and ends what is restored (CLR-30, CLR-31).

use anyhow::Result;
use novate_client::instructions::{self as ix, TradeSide};
use novate_client::state::Portfolio;
use novate_margin::{auction, is_liquidatable, Fraction, Health, Seconds};
use solana_signer::Signer;

use super::cast::{self, Kind, CAST};
use super::desk::{self, accepted};
use super::keeper;
use super::ledger;
use super::quotes::Haste;
use super::world::World;

/// What a bidder wants for taking over a dollar of notional, 1e-6.
pub const REWARD: i128 = 6_000;
/// Seconds between two looks at an auction, and how long the bot stays at it: until the discount is everything.
const LOOK: i64 = 60;
const WAIT: i64 = auction::FAST_END.0;

/// What happened to a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    pub auctions: u32,
    /// Auctions that ended because the account was back at maintenance margin by itself.
    pub recovered: u32,
    pub bids: u32,
    /// Part of the account that bidders have taken in all, 1e-9.
    pub taken: i64,
    /// Equity that the discount cost, 1e-6 USD.
    pub discount_paid: i64,
    /// What insurance paid those who took the account when it was insolvent, settlement asset 1e-6.
    pub insured: i64,
    /// Slices that the member bought, and the discount or premium it earned.
    pub bought: u32,
    pub earned: i64,
}

/// One auction's bid, for the report.
#[derive(Clone, Copy, Debug)]
pub struct Sale {
    pub time: i64,
    pub member: usize,
}

#[derive(Default)]
pub struct Liquidator {
    pub fates: Vec<Fate>,
    pub sales: Vec<Sale>,
}

impl Liquidator {
    pub fn new() -> Self {
        Self { fates: vec![Fate::default(); CAST.len()], sales: Vec::new() }
    }

    /// Starts what must be auctioned and follows the auctions for up to an hour. Says whether anything happened.
    pub fn work(&mut self, world: &mut World) -> Result<bool> {
        let start = world.chain.now();
        if self.anyone_short(world)? {
            // An auction starts where the average of the last minute is too low as well (CLR-42).
            world.advance(start + LOOK)?;
        }
        let mut acted = self.open_and_end(world)?;
        while self.anything_for_sale(world)? && world.chain.now() < start + WAIT {
            acted |= self.bid_round(world)?;
            let next = world.chain.now() + LOOK;
            world.advance(next)?;
            acted |= self.open_and_end(world)?;
        }
        Ok(acted)
    }

    /// Starts an auction for whoever is below maintenance margin, anew for whoever became insolvent or ceased to be, and
    /// ends the auctions of those that are back.
    pub fn open_and_end(&mut self, world: &mut World) -> Result<bool> {
        let snapshot = world.snapshot()?;
        let mut acted = false;
        for member in 0..CAST.len() {
            let (portfolio, health) = (world.portfolio(member)?, world.health(&snapshot, member)?);
            let (key, short) = (world.addresses[member], is_liquidatable(&health));
            let running = portfolio.in_auction().then_some(portfolio.auction_insolvent != 0);
            let needed = if short { snapshot.auction(&portfolio, world.chain.now())? } else { None };
            if running == needed || short && needed.is_none() {
                continue;
            }
            let holdings = world.holdings(&[member])?;
            if short {
                world.by_anyone(ix::start_auction(world.keys, key, &holdings))?;
                self.fates[member].auctions += u32::from(!portfolio.in_auction());
            } else {
                world.by_anyone(ix::end_auction(world.keys, key, &holdings))?;
                self.fates[member].recovered += 1;
            }
            acted = true;
        }
        Ok(acted)
    }

    fn anyone_short(&self, world: &World) -> Result<bool> {
        let snapshot = world.snapshot()?;
        for member in 0..CAST.len() {
            if !world.portfolio(member)?.in_auction() && is_liquidatable(&world.health(&snapshot, member)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An auction in which something is worth something, or in which insurance can pay.
    fn anything_for_sale(&self, world: &World) -> Result<bool> {
        let (snapshot, insured) = (world.snapshot()?, world.insurance()?.fund().total() > 0);
        for member in 0..CAST.len() {
            if world.portfolio(member)?.in_auction() && (insured || world.health(&snapshot, member)?.equity.0 > 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn bid_round(&mut self, world: &mut World) -> Result<bool> {
        let mut acted = false;
        for member in 0..CAST.len() {
            let portfolio = world.portfolio(member)?;
            if !portfolio.in_auction() {
                continue;
            }
            let health = world.health(&world.snapshot()?, member)?;
            let elapsed = Seconds(world.chain.now() - portfolio.auction_start);
            if portfolio.auction_insolvent != 0 {
                acted |= self.bid_insured(world, member, &portfolio, &health, elapsed)?;
            } else if worthwhile(&health, auction::discount(elapsed)) {
                acted |= self.bid(world, member, &health, auction::discount(elapsed))?;
            }
        }
        Ok(acted)
    }

    /// Liquidators, the one that has bought least first.
    fn bidders(&self) -> Vec<usize> {
        let mut bidders: Vec<usize> = cast::of_kind(Kind::Liquidator).collect();
        bidders.sort_by_key(|m| self.fates[*m].bought);
        bidders
    }

    /// A bidder tries all that the auction gives, then less; then it is the next one's turn.
    fn bid(&mut self, world: &mut World, member: usize, health: &Health, discount: Fraction) -> Result<bool> {
        let most = auction::max_fraction(health.equity, health.maintenance, discount)?;
        for taker in self.bidders() {
            for share in [1, 2, 4] {
                let fraction = Fraction(most.0 / share);
                if fraction.0 > 0 && accepted(take(world, member, taker, fraction, world.portfolio(taker)?.cash))? {
                    let paid = auction::price_ceil(health.equity, fraction, discount)?;
                    self.record(world, member, taker, fraction, health.equity.slice_floor(fraction)?.0 - paid.0);
                    ledger::check(world)?;
                    lay_off(world, taker)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// A bid for the whole of an insolvent account, once insurance pays its deficit and the reward for the notional.
    fn bid_insured(
        &mut self,
        world: &mut World,
        member: usize,
        portfolio: &Portfolio,
        health: &Health,
        elapsed: Seconds,
    ) -> Result<bool> {
        if health.equity.0 > 0 || !is_liquidatable(health) {
            return Ok(false);
        }
        let (all, premium) = (Fraction::ONE, auction::premium(elapsed));
        let owed = auction::payout_floor(health.equity, health.maintenance, all, premium)?.0;
        let held = i64::try_from(world.insurance()?.fund().total())?;
        let payout = owed.min(portfolio.payable().try_into()?).min(held);
        let gain = payout + health.equity.0;
        if i128::from(gain) * 1_000_000 < i128::from(health.gross_notional.0) * REWARD {
            return Ok(false);
        }
        for taker in self.bidders() {
            // One USDC is one USD here.
            if accepted(take(world, member, taker, all, -payout))? {
                self.record(world, member, taker, all, gain);
                self.fates[member].insured += payout;
                ledger::check(world)?;
                lay_off(world, taker)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn record(&mut self, world: &World, member: usize, taker: usize, fraction: Fraction, discount: i64) {
        let loser = &mut self.fates[member];
        loser.bids += 1;
        let left = i128::from(Fraction::ONE.0 - loser.taken) * i128::from(Fraction::ONE.0 - fraction.0);
        loser.taken = Fraction::ONE.0 - (left / i128::from(Fraction::ONE.0)) as i64;
        loser.discount_paid += discount;
        self.fates[taker].bought += 1;
        self.fates[taker].earned += discount;
        self.sales.push(Sale { time: world.chain.now(), member });
    }
}

/// The discount on a slice is at least the reward for the notional that comes with it.
pub fn worthwhile(health: &Health, discount: Fraction) -> bool {
    let gain = i128::from(health.equity.0) * i128::from(discount.0) * 1_000_000;
    let wanted = i128::from(health.gross_notional.0) * REWARD * i128::from(Fraction::ONE.0);
    health.equity.0 > 0 && is_liquidatable(health) && gain >= wanted
}

fn take(world: &mut World, member: usize, taker: usize, fraction: Fraction, limit: i64) -> Result<()> {
    let side = TradeSide { portfolio: world.addresses[taker], signer: world.owner(taker).pubkey() };
    let holdings = world.holdings(&[member, taker])?;
    let bid = ix::liquidate(world.keys, world.addresses[member], side, &holdings, fraction.0, limit);
    world.by_owner(taker, bid)
}

/// Closes with the options dealer what has an expiry, then sells to a market maker what moves with a coin's price: spot
/// that came with the slice is hedged, not sold.
fn lay_off(world: &mut World, taker: usize) -> Result<()> {
    desk::close_dated(world, taker)?;
    desk::hedge(world, taker, 0, Haste::Urgent)
}

/// What losers owe and have not been able to pay, 1e-6 USD.
pub fn unpaid_losses(world: &World) -> Result<i64> {
    let mut total = 0;
    for member in 0..CAST.len() {
        for (_, profit) in keeper::unsettled(world, member)? {
            total += profit.min(0);
        }
    }
    Ok(-total)
}
