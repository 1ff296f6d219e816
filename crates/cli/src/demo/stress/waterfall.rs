//! Who paid for those who could not, tier by tier (CLR-32), as the program's events tell it and its accounts confirm. Amounts are
//! settlement asset, 1e-6.

use std::collections::BTreeMap;

use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::{AnchorDeserialize, Discriminator};
use anyhow::{ensure, Context, Result};
use litesvm::types::TransactionMetadata;
use novate_client::events::{
    ExpirySettled, HaircutBorne, HaircutClosed, Liquidated, PositionBorne, Traded, VariationSettled,
};
use novate_client::instrument::market_of;
use novate_client::state::{Asset, Borne, DepositsCharged, Insurance, Market};
use novate_client::Pubkey;

/// What all settlement deposits paid: cash, cash that was held back, and what lenders own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deposits {
    pub free: u64,
    pub held: u64,
    pub lent: u64,
}

impl Deposits {
    pub fn sum(&self) -> u64 {
        self.free + self.held + self.lent
    }

    fn add(&mut self, charged: &DepositsCharged) {
        self.free += charged.free;
        self.held += charged.held;
        self.lent += charged.lent;
    }
}

/// What the takers of an account were paid, or of all accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    pub capital: u64,
    pub stake: u64,
    /// Forgiven in costs: gains of the same market pay it, and deposits what these do not cover.
    pub forgiven: u64,
    pub deposits: Deposits,
}

impl Paid {
    pub fn sum(&self) -> u64 {
        self.capital + self.stake + self.forgiven + self.deposits.sum()
    }

    fn add(&mut self, (capital, stake, forgiven): (u64, u64, u64), deposits: &DepositsCharged) {
        self.capital += capital;
        self.stake += stake;
        self.forgiven += forgiven;
        self.deposits.add(deposits);
    }
}

/// The haircuts of gains of a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    pub coin: &'static str,
    /// Rounds that are closed.
    pub rounds: u32,
    pub forgiven: u64,
    /// Of it, in no round yet.
    pub carried: u64,
    /// The last round that was opened, or opened anew, and gains of those before it that are closed.
    pub number: u32,
    pub earlier: u64,
    /// Gains that were registered, and what was charged to them.
    pub registered: u64,
    pub charged: u64,
    /// What they did not cover, and what deposits paid of it.
    pub remainder: u64,
    pub deposits: Deposits,
}

impl Cut {
    /// What gains paid: what they were charged less what rounding took too much. Exact once every round is closed.
    pub fn gains(&self) -> u64 {
        self.forgiven - self.carried - self.remainder
    }

    /// What nobody has paid.
    pub fn left(&self) -> u64 {
        self.remainder - self.deposits.sum() + self.carried
    }

    /// A loss that is carried, where `round` is 0, or taken into that one. Where it is opened anew what was registered in it is void.
    fn forgive(&mut self, amount: u64, round: u32) {
        self.forgiven += amount;
        self.carried = if round == 0 { self.carried + amount } else { 0 };
        if round > self.number {
            (self.number, self.registered) = (round, self.earlier);
        }
    }
}

/// What was paid for a portfolio, and what it paid for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub paid: Paid,
    /// What its gains were charged, and what was taken from its cash and from what it lent.
    pub charged: u64,
    pub deposits: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waterfall {
    /// The fund at first: capital and stake.
    pub fund: (u64, u64),
    /// Equity below zero that takers took over, and what they were paid for it, their premium included.
    pub deficits: u64,
    pub payouts: u64,
    pub paid: Paid,
    /// By market.
    pub cuts: Vec<Cut>,
    pub parts: BTreeMap<Pubkey, Part>,
    /// Haircuts of deposits.
    pub haircuts: u64,
    /// When the last round was closed.
    pub closed: Option<i64>,
    /// The most that deposits had at stake, net of which cash leaves (CLR-35), and when that last became nothing; none while it
    /// is something, or where it never was.
    pub at_stake: u64,
    pub whole: Option<i64>,
}

impl Waterfall {
    /// With nothing in it yet. The coins are those of the markets.
    pub fn of(coins: impl Iterator<Item = &'static str>) -> Self {
        Self { cuts: coins.map(|coin| Cut { coin, ..Cut::default() }).collect(), ..Self::default() }
    }

    /// What each tier paid in the end: capital, stake, gains, deposits and nobody.
    pub fn tiers(&self) -> [u64; 5] {
        let sum = |of: fn(&Cut) -> u64| self.cuts.iter().map(of).sum::<u64>();
        let deposits = self.paid.deposits.sum() + sum(|cut| cut.deposits.sum());
        [self.paid.capital, self.paid.stake, sum(Cut::gains), deposits, sum(Cut::left)]
    }

    /// All that deposits paid, by kind.
    pub fn deposits(&self) -> Deposits {
        let all = self.cuts.iter().map(|cut| cut.deposits).chain([self.paid.deposits]);
        all.fold(Deposits::default(), |sum, d| Deposits {
            free: sum.free + d.free,
            held: sum.held + d.held,
            lent: sum.lent + d.lent,
        })
    }

    /// Takes in what a transaction did.
    pub fn read(&mut self, sent: &TransactionMetadata) -> Result<()> {
        let calls = sent.inner_instructions.iter().flatten().map(|i| &i.instruction.data);
        for event in calls.filter_map(|data| data.strip_prefix(EVENT_IX_TAG_LE)) {
            self.read_event(event)?;
        }
        Ok(())
    }

    fn read_event(&mut self, event: &[u8]) -> Result<()> {
        if let Some(event) = decode::<Liquidated>(event)? {
            self.deficits += event.deficit;
            self.payouts += u64::try_from(-event.price.min(0))?;
            for loss in &event.losses {
                self.cut(loss.instrument)?.forgive(u64::try_from(loss.amount)?, loss.round);
            }
            self.bear(event.portfolio, &event.borne)?;
            self.bear(event.taker, &event.taker_borne)?;
            let paid = (event.from_capital, event.from_stake, event.forgiven);
            self.pay(event.portfolio, paid, &event.from_deposits);
        } else if let Some(event) = decode::<HaircutClosed>(event)? {
            let cut = self.cuts.get_mut(usize::from(event.market)).context("a market")?;
            (cut.rounds, cut.earlier) = (cut.rounds + 1, cut.registered);
            cut.remainder += u64::try_from(event.remainder)?;
            cut.deposits.add(&event.from_deposits);
            self.haircuts += u64::from(event.from_deposits != DepositsCharged::default());
            self.closed = Some(event.time);
        } else if let Some(event) = decode::<HaircutBorne>(event)? {
            self.bear_one(event.portfolio, event.instrument, event.borne)?;
        } else if let Some(event) = decode::<VariationSettled>(event)? {
            self.bear_one(event.portfolio, event.instrument, event.borne)?;
        } else if let Some(event) = decode::<Traded>(event)? {
            self.bear(event.first, &event.first_borne)?;
            self.bear(event.second, &event.second_borne)?;
        } else if let Some(event) = decode::<ExpirySettled>(event)? {
            self.bear(event.portfolio, &event.borne)?;
        }
        Ok(())
    }

    fn pay(&mut self, portfolio: Pubkey, paid: (u64, u64, u64), deposits: &DepositsCharged) {
        self.paid.add(paid, deposits);
        self.parts.entry(portfolio).or_default().paid.add(paid, deposits);
        self.haircuts += u64::from(*deposits != DepositsCharged::default());
    }

    fn bear(&mut self, portfolio: Pubkey, borne: &[PositionBorne]) -> Result<()> {
        borne.iter().try_for_each(|PositionBorne { instrument, amount }| {
            let (registered, charged) = ((*amount).max(0), -(*amount).min(0));
            self.bear_one(portfolio, *instrument, Borne { registered, charged })
        })
    }

    fn bear_one(&mut self, portfolio: Pubkey, instrument: u64, borne: Borne) -> Result<()> {
        let (registered, charged) = (u64::try_from(borne.registered)?, u64::try_from(borne.charged)?);
        let cut = self.cut(instrument)?;
        cut.registered += registered;
        cut.charged += charged;
        if charged > 0 {
            self.parts.entry(portfolio).or_default().charged += charged;
        }
        Ok(())
    }

    fn cut(&mut self, instrument: u64) -> Result<&mut Cut> {
        self.cuts.get_mut(usize::from(market_of(instrument))).context("a market")
    }

    /// Notes what is at stake for deposits after a transaction.
    pub fn note(&mut self, settlement: &Asset, now: i64) {
        let at_stake = settlement.at_stake();
        self.at_stake = self.at_stake.max(at_stake);
        if at_stake > 0 {
            self.whole = None;
        } else if self.at_stake > 0 {
            self.whole = self.whole.or(Some(now));
        }
    }

    /// What events told is what accounts hold, to the unit: the fund, haircuts of gains of each market, haircuts of deposits.
    pub fn check(&self, insurance: &Insurance, markets: &[Market], settlement: &Asset) -> Result<()> {
        let drawn = (self.fund.0 - insurance.capital, self.fund.1 - insurance.staked);
        ensure!(
            drawn == (self.paid.capital, self.paid.stake),
            "CLR-32: the fund paid {drawn:?}, {:?} is told",
            self.paid
        );
        let paid_out = self.paid.capital + self.paid.stake;
        ensure!(
            (insurance.paid_out, insurance.deficits) == (paid_out, self.deficits),
            "CLR-32: paid out {} for {}, {paid_out} for {} is told",
            insurance.paid_out,
            insurance.deficits,
            self.deficits
        );
        ensure!(settlement.claims.haircuts == self.haircuts, "CLR-32: {} haircuts are told", self.haircuts);
        ensure!(self.payouts == self.paid.sum(), "CLR-32: {} of {} was paid", self.paid.sum(), self.payouts);
        let of_markets: u64 = self.cuts.iter().map(|cut| cut.forgiven).sum();
        ensure!(of_markets == self.paid.forgiven, "CLR-32: {of_markets} of {} was forgiven", self.paid.forgiven);
        for (market, cut) in markets.iter().zip(&self.cuts).filter(|(market, _)| !market.round.stands()) {
            let (left, number) = (u64::try_from(market.haircut.0)?, market.round.number);
            ensure!(
                number == cut.number,
                "CLR-32: {number} rounds of market {}, {} are told",
                market.index,
                cut.number
            );
            ensure!(left == cut.left(), "CLR-32: market {} lacks {left}, {} is told", market.index, cut.left());
            ensure!(
                cut.charged >= cut.gains() && cut.charged <= cut.registered,
                "CLR-32: gains of {} were charged {} for {}",
                cut.registered,
                cut.charged,
                cut.gains()
            );
        }
        Ok(())
    }
}

/// The event, where it is one of that kind.
fn decode<E: AnchorDeserialize + Discriminator>(event: &[u8]) -> Result<Option<E>> {
    let fields = event.strip_prefix(E::DISCRIMINATOR);
    fields.map(|mut fields| E::deserialize(&mut fields).context("an event has another layout")).transpose()
}

#[cfg(test)]
mod tests {
    use anchor_lang::AnchorSerialize;
    use bytemuck::Zeroable;

    use super::*;

    fn closed(remainder: i64, free: u64) -> Result<Vec<u8>> {
        let from_deposits = DepositsCharged { free, ..DepositsCharged::default() };
        let (pool, haircut) = (Pubkey::default(), remainder - i64::try_from(free)?);
        let event = HaircutClosed { version: 1, pool, market: 0, round: 1, time: 9, remainder, from_deposits, haircut };
        let mut data = HaircutClosed::DISCRIMINATOR.to_vec();
        event.serialize(&mut data)?;
        Ok(data)
    }

    #[test]
    fn what_was_forgiven_is_paid_by_gains_deposits_and_nobody() -> Result<()> {
        let mut waterfall = Waterfall::of(["BTC"].into_iter());
        (waterfall.payouts, waterfall.paid.forgiven) = (100, 100);
        waterfall.cuts[0].forgive(40, 0);
        waterfall.cuts[0].forgive(60, 1);
        (waterfall.cuts[0].registered, waterfall.cuts[0].charged) = (70, 70);
        waterfall.read_event(&closed(30, 20)?)?;
        assert_eq!((waterfall.tiers(), waterfall.closed), ([0, 0, 70, 20, 10], Some(9)));

        let (mut insurance, mut market, mut settlement) = (Insurance::zeroed(), Market::zeroed(), Asset::zeroed());
        (market.round.number, market.haircut.0, settlement.claims.haircuts) = (1, 10, 1);
        waterfall.check(&insurance, &[market], &settlement)?;
        settlement.claims.haircuts = 2;
        assert!(waterfall.check(&insurance, &[market], &settlement).is_err(), "a haircut that is not told");
        settlement.claims.haircuts = 1;
        market.haircut.0 = 9;
        assert!(waterfall.check(&insurance, &[market], &settlement).is_err(), "a unit that nobody lacks");
        market.haircut.0 = 10;
        insurance.paid_out = 1;
        assert!(waterfall.check(&insurance, &[market], &settlement).is_err(), "a unit that was not paid");
        Ok(())
    }

    #[test]
    fn deposits_are_whole_when_nothing_is_at_stake_any_more() {
        let (mut waterfall, mut settlement) = (Waterfall::default(), Asset::zeroed());
        let mut seen = Vec::new();
        for (shortage, now) in [(0, 1), (7, 2), (3, 3), (0, 4), (0, 5), (1, 6)] {
            settlement.shortage = shortage;
            waterfall.note(&settlement, now);
            seen.push((waterfall.at_stake, waterfall.whole));
        }
        assert_eq!(seen, [(0, None), (7, None), (7, None), (7, Some(4)), (7, Some(4)), (7, None)]);
    }
}
