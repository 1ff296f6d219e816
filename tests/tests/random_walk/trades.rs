//! Trades of perpetuals, futures and strategies of options, sound and flawed, each with its outcome foreseen; and variation.

use novate::events::{Traded, VariationSettled};
use novate_client::instructions::{self as build, TradeSide};
use novate_client::instrument::{self, market_of, Instrument};
use novate_client::state::{minutes_of, Market, Portfolio, Position};
use novate_client::{Leg, NovateError, Right};
use novate_tests::{CONTRACT, USDC};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::judge::{Foreseen, Judge, Refused};
use super::{Walk, FINE, UNDERLYINGS};
use Part::{Call, Future, Perpetual, Put};

/// What a leg of a strategy is in. Strikes count from the lowest one of the strategy.
#[derive(Clone, Copy)]
enum Part {
    Perpetual,
    Future,
    Call(usize),
    Put(usize),
}

/// Legs: what in, at the nearer or the further of two expiries, how many units; negative where the first side sells.
const STRATEGIES: [&[(Part, usize, i64)]; 18] = [
    &[(Future, 0, 1)],
    &[(Future, 0, 1), (Future, 1, -1)],
    &[(Perpetual, 0, 1), (Future, 1, -1)],
    &[(Call(0), 0, 1)],
    &[(Put(0), 0, 1)],
    &[(Call(0), 0, 1), (Call(1), 0, -1)],
    &[(Put(1), 0, 1), (Put(0), 0, -1)],
    &[(Call(0), 0, 1), (Put(0), 0, 1)],
    &[(Call(2), 1, 1), (Put(0), 1, 1)],
    &[(Call(1), 0, -1), (Call(1), 1, 1)],
    &[(Perpetual, 0, -1), (Call(1), 0, 2)],
    &[(Call(0), 0, 1), (Call(1), 0, -2), (Call(2), 0, 1)],
    &[(Future, 0, 1), (Put(1), 0, 1), (Call(1), 0, -1)],
    &[(Call(0), 0, 1), (Call(2), 0, -1), (Put(0), 0, -1), (Put(2), 0, 1)],
    &[(Put(0), 0, 1), (Put(1), 0, -1), (Call(2), 0, -1), (Call(3), 0, 1)],
    &[(Call(1), 0, 1), (Put(1), 0, -1), (Call(1), 1, -1), (Put(1), 1, 1), (Future, 1, 1)],
    &[(Put(0), 0, -1), (Call(1), 0, -1), (Put(0), 1, 1), (Call(1), 1, 1), (Perpetual, 0, 1), (Future, 0, -1)],
    &[
        (Put(0), 0, 1),
        (Put(1), 0, -1),
        (Call(2), 0, -1),
        (Call(3), 0, 1),
        (Put(0), 1, -1),
        (Put(1), 1, 1),
        (Call(2), 1, 1),
        (Call(3), 1, -1),
    ],
];

/// Positions above which a portfolio mostly closes.
pub(super) const CROWDED: u8 = 24;
/// Of a leg's rounding, in units: value, a put's strike and forward, premium; for both sides.
const UNITS: i128 = 8;

impl Walk {
    pub(super) fn trade(&mut self) {
        let seats = self.sides();
        let before = seats.map(|s| self.portfolio(s));
        let mut judge = self.judge();
        let mut legs = match self.chance.between(0, 9) {
            _ if before[0].in_auction() => self.closing(&judge, &before),
            _ if before[0].position_count > CROWDED && self.chance.percent(60) => self.closing(&judge, &before),
            0..=2 => self.perpetuals(&judge, &before),
            3..=6 => self.strategy(&judge, &before),
            7 => self.mixture(&judge, &before),
            _ => self.closing(&judge, &before),
        };
        let flaw = if self.chance.percent(12) { self.spoil(&judge, &mut legs) } else { Ok(()) };
        judge.accrue(legs.iter().map(|leg| leg.instrument));
        let keys = seats.map(|s| self.trader(s));
        let [one, other] =
            [0, 1].map(|i| TradeSide { portfolio: self.seats[seats[i]].actor.portfolio, signer: keys[i].pubkey() });
        let foreseen = match seats[0] == seats[1] {
            true => Err(NovateError::SamePortfolio.name()),
            false => self.foresee_trade(&judge, &before, &keys, &legs, flaw),
        };
        let trade = self.world.trade_of(one, other, &legs);
        let Some(sent) = self.expect("trade", trade, &[&keys[0], &keys[1]], &foreseen) else { return };
        let foreseen = foreseen.unwrap();
        for (seat, expected) in seats.into_iter().zip(&foreseen.after) {
            self.assert_is(seat, expected);
        }
        self.assert_zero_sum(&judge, &before, &foreseen, legs.len());
        self.assert_accrued(&judge, legs.iter().map(|leg| leg.instrument));
        self.assert_bystanders(&judge, &seats);
        self.note_trade(&sent.event());
    }

    /// Two sides, hardly ever the same; whoever holds much comes first, for the first side closes.
    pub(super) fn sides(&mut self) -> [usize; 2] {
        let [rich, others] = [3, 12].map(|count| self.chance.index(count));
        let second = if self.chance.percent(60) { rich } else { others };
        let mut first = match self.chance.between(1, 100) {
            1..=14 => self.seat_where(|_, p| p.in_auction()),
            15..=40 => self.chance.index(3),
            _ => self.seat(),
        };
        if first == second && self.chance.percent(90) {
            first = (first + 1) % 12;
        }
        let crowded = self.portfolio(second).position_count > CROWDED;
        if crowded && self.portfolio(first).position_count <= CROWDED {
            return [second, first];
        }
        [first, second]
    }

    /// The order in which the program finds what is wrong.
    fn foresee_trade(
        &self,
        judge: &Judge,
        before: &[Portfolio; 2],
        keys: &[Keypair; 2],
        legs: &[Leg],
        flaw: Refused<()>,
    ) -> Refused<Foreseen> {
        if legs.is_empty() || legs.len() > 8 {
            return Err(NovateError::LegCount.name());
        }
        for (side, key) in before.iter().zip(keys) {
            side.require_trader(&key.pubkey(), judge.now).map_err(super::judge::named)?;
        }
        flaw?;
        judge.trade(before, legs)
    }

    pub(super) fn note_trade(&mut self, traded: &Traded) {
        let (mut future, mut option) = (false, false);
        for leg in &traded.legs {
            match instrument::parse(leg.instrument) {
                Ok(Instrument::Future { .. }) => future = true,
                Ok(Instrument::Option { .. }) => option = true,
                _ => (),
            }
        }
        self.lived("a future was traded", future);
        self.lived("an option was traded", option);
        self.lived("five legs or more were traded", traded.legs.len() > 4);
        self.lived("funding was paid with a trade", traded.first_funding > 0 || traded.second_funding > 0);
        self.lived("a trade ended an auction", traded.first_restored || traded.second_restored);
    }

    /// What one side gains the other loses, and both pay fees.
    pub(super) fn assert_zero_sum(&self, judge: &Judge, before: &[Portfolio; 2], foreseen: &Foreseen, legs: usize) {
        let sum = |sides: &[Portfolio; 2]| -> Option<i128> {
            sides.iter().map(|p| judge.health(p).ok().map(|h| i128::from(h.equity.0))).sum()
        };
        let (Some(before), Some(after)) = (sum(before), sum(&foreseen.after)) else { return };
        let fees = foreseen.fees * i128::from(judge.snapshot.assets[&0].price.0) / i128::from(CONTRACT);
        let apart = after + fees - before;
        assert!(apart.abs() <= UNITS * legs as i128 + 4, "{}: {apart} from nowhere", self.place());
    }

    /// Who signs for a side: the owner, or a delegate, whose power may have ended.
    pub(super) fn trader(&mut self, seat: usize) -> Keypair {
        let portfolio = self.portfolio(seat);
        let percent = if portfolio.delegate_expiry > self.world.now() { 50 } else { 5 };
        match &self.seats[seat].delegate {
            Some(delegate) if self.chance.percent(percent) => delegate.insecure_clone(),
            _ => self.seats[seat].actor.key.insecure_clone(),
        }
    }

    // Legs.

    pub(super) fn perpetuals(&mut self, judge: &Judge, sides: &[Portfolio; 2]) -> Vec<Leg> {
        let count = *self.chance.pick(&[1, 1, 1, 2, 3]);
        (0..count)
            .map(|_| {
                let market = self.chance.between(0, 3) as u16;
                let quantity = self.unit(judge, market, sides, 5);
                let odd = if market == FINE { self.chance.between(0, 999_999) } else { 0 };
                let sign = *self.chance.pick(&[1, -1]);
                self.leg(judge, instrument::perpetual(market), sign * (quantity + odd))
            })
            .collect()
    }

    /// A strategy on one underlying, bought or sold.
    pub(super) fn strategy(&mut self, judge: &Judge, sides: &[Portfolio; 2]) -> Vec<Leg> {
        let parts = *self.chance.pick(&STRATEGIES);
        let market = self.dated_market();
        let mut times = [0; 2].map(|_| self.expiry_of(market));
        times.sort_unstable();
        let reach = parts.iter().map(|(part, ..)| if let Call(i) | Put(i) = part { *i } else { 0 }).max().unwrap_or(0);
        let lowest = self.chance.index(6 - reach);
        let unit = self.unit(judge, market, sides, 6) * *self.chance.pick(&[1, -1]);
        let slot = |above: usize, time: i64| self.world.slot_of(market, time, lowest + above);
        let legs: Vec<(u64, i64)> = parts
            .iter()
            .map(|(part, expiry, units)| {
                let (time, units) = (times[*expiry], unit * units);
                let option = |above, right| instrument::option(market, minutes_of(time), slot(above, time), right);
                match part {
                    Perpetual => (instrument::perpetual(market), units),
                    Future => (instrument::future(market, minutes_of(time)), units),
                    Call(above) => (option(*above, Right::Call), units),
                    Put(above) => (option(*above, Right::Put), units),
                }
            })
            .collect();
        legs.into_iter().map(|(instrument, quantity)| self.leg(judge, instrument, quantity)).collect()
    }

    /// Up to eight legs in anything, the same instrument twice too.
    fn mixture(&mut self, judge: &Judge, sides: &[Portfolio; 2]) -> Vec<Leg> {
        let count = self.chance.between(2, 8);
        (0..count)
            .map(|_| {
                let market = self.dated_market();
                let time = self.expiry_of(market);
                let minutes = minutes_of(time);
                let strike = self.chance.index(6);
                let slot = self.world.slot_of(market, time, strike);
                let instrument = match self.chance.between(0, 5) {
                    0 => instrument::perpetual(market),
                    1 => instrument::future(market, minutes),
                    n => instrument::option(market, minutes, slot, if n < 4 { Right::Call } else { Right::Put }),
                };
                let quantity = self.unit(judge, market, sides, 2) * *self.chance.pick(&[1, -1]);
                self.leg(judge, instrument, quantity)
            })
            .collect()
    }

    /// What the first side holds, closed whole or in part.
    pub(super) fn closing(&mut self, judge: &Judge, sides: &[Portfolio; 2]) -> Vec<Leg> {
        let held: Vec<(u64, i64)> =
            sides[0].positions().iter().map(|p| (p.instrument, p.quantity)).filter(|(_, q)| *q != 0).collect();
        if held.is_empty() {
            return self.strategy(judge, sides);
        }
        let most = held.len().min(8) as i64;
        let count = self.chance.between(1, most) as usize;
        let start = self.chance.index(held.len());
        let whole = self.chance.percent(70);
        let chosen: Vec<(u64, i64)> = held.iter().cycle().skip(start).take(count).copied().collect();
        // But for a lot, now and then: dust that nobody may leave.
        let dust = self.chance.percent(30);
        let closed = |(instrument, quantity): (u64, i64)| {
            let lot = judge.snapshot.markets[&market_of(instrument)].lot.0;
            let lots = quantity / lot;
            let part = if dust { lots - lots.signum() } else { lots / 2 };
            (instrument, if whole { -quantity } else { -part * lot })
        };
        chosen.into_iter().map(closed).map(|(instrument, quantity)| self.leg(judge, instrument, quantity)).collect()
    }

    /// Contracts, whole lots, for some hundred USD or as much as the poorer side's cash may carry.
    fn unit(&mut self, judge: &Judge, market: u16, sides: &[Portfolio; 2], times: i64) -> i64 {
        let mark = judge.snapshot.assets[&UNDERLYINGS[usize::from(market)]].price.0;
        let rich = sides[0].cash.min(sides[1].cash) / 1_000_000;
        let least = if market == FINE { 30 } else { 400 };
        let usd = self.chance.between(least, (rich * times).clamp(least + 1, 60_000));
        let lots = (i128::from(usd) * 1_000_000_000_000 / i128::from(mark)) as i64;
        lots.max(1) * 1_000_000
    }

    /// A leg within the band, mostly close to the mark or at it; where there is no mark, at a dollar.
    pub(super) fn leg(&mut self, judge: &Judge, instrument: u64, quantity: i64) -> Leg {
        let Ok(terms) = judge.terms(instrument) else { return Leg { instrument, quantity, price: CONTRACT } };
        let most = *self.chance.pick(&[0, 0, 30, 80, 80, 80, 80, 900]);
        let away = i128::from(self.chance.between(-most, most)) * i128::from(terms.width) / 1_000;
        let price = (terms.mark + away as i64).max(terms.tick) / terms.tick * terms.tick;
        Leg { instrument, quantity, price }
    }

    pub(super) fn dated_market(&mut self) -> u16 {
        *self.chance.pick(&super::DATED)
    }

    /// An expiry of a market, rarely one that has passed.
    fn expiry_of(&mut self, market: u16) -> i64 {
        let now = if self.chance.percent(4) { 0 } else { self.world.now() };
        let listed = self.world.market(market);
        let times = listed.listed_expiries().iter().map(|minutes| i64::from(*minutes) * 60);
        let live: Vec<i64> = times.filter(|time| *time > now).collect();
        *self.chance.pick(&live)
    }

    /// Breaks a rule of one leg, or of their number. An account that does not exist is no error of a leg's.
    fn spoil(&mut self, judge: &Judge, legs: &mut Vec<Leg>) -> Refused<()> {
        if legs.is_empty() {
            return Ok(());
        }
        let at = self.chance.index(legs.len());
        let leg = legs[at];
        let market = market_of(leg.instrument);
        let terms = judge.terms(leg.instrument);
        let spoilt = &mut legs[at];
        match self.chance.between(0, 11) {
            0 => legs.clear(),
            1 => legs.resize(9, leg),
            2 => spoilt.instrument = u64::from(market) << 48 | 5 << 40,
            3 => spoilt.price = 0,
            4 => spoilt.price += 1,
            5 => {
                if let Ok(terms) = terms {
                    spoilt.price += (2 * terms.width / terms.tick + 1) * terms.tick;
                }
            }
            6 => spoilt.quantity = 0,
            7 => spoilt.quantity += 1,
            8 => spoilt.quantity = judge.snapshot.markets[&market].lot.0,
            9 => spoilt.quantity = 2_000_000 * CONTRACT,
            10 => {
                let time = self.expiry_of(market.min(1));
                spoilt.instrument = instrument::option(market.min(1), minutes_of(time), 23, Right::Put);
            }
            _ => {
                let time = self.expiry_of(market.min(1)) + 600;
                spoilt.instrument = instrument::future(market.min(1), minutes_of(time));
                return Err(NovateError::WrongOwner.name());
            }
        }
        Ok(())
    }

    // Variation.

    pub(super) fn settle_variation(&mut self) {
        let dated = self.chance.percent(50);
        // Of an option once expiry has settled it.
        let wanted = |p: &Position| match instrument::parse(p.instrument) {
            Ok(Instrument::Perpetual) => !dated,
            Ok(Instrument::Future { .. }) => dated,
            _ => dated && p.quantity == 0,
        };
        let seat = self.seat_where(|_, p| p.positions().iter().any(wanted));
        let portfolio = self.portfolio(seat);
        let held: Vec<u64> = portfolio.positions().iter().map(|p| p.instrument).collect();
        let some: Vec<u64> = portfolio.positions().iter().filter(|p| wanted(p)).map(|p| p.instrument).collect();
        let instrument = match (some.is_empty(), held.is_empty() || self.chance.percent(3)) {
            (false, false) => *self.chance.pick(&some),
            (_, true) if !held.is_empty() => *self.chance.pick(&held),
            _ => instrument::perpetual(0),
        };
        let haircut = self.of_a_round();
        let (seat, instrument) = match haircut.is_empty() || self.chance.percent(70) {
            true => (seat, instrument),
            false => *self.chance.pick(&haircut),
        };
        let mut judge = self.judge();
        let before = self.portfolio(seat);
        let underlying = UNDERLYINGS[usize::from(market_of(instrument))];
        let settle =
            build::settle_variation(&self.world.pool, self.seats[seat].actor.portfolio, instrument, underlying);
        let Ok(sent) = self.run("settle_variation", settle, &[]) else { return };
        judge.accrue(
            before.positions().iter().filter(|p| p.quantity != 0).map(|p| p.instrument).filter(|i| *i == instrument),
        );
        self.assert_accrued(&judge, [instrument]);
        self.assert_worth(&judge, &before, &self.portfolio(seat));
        self.assert_bystanders(&judge, &[seat]);
        let event: VariationSettled = sent.event();
        self.lived("funding was settled", event.funding != 0);
        self.lived("a settlement registered or charged a gain", event.borne != Default::default());
        self.lived("a loss was paid", event.amount < 0);
        self.lived("a gain was received", event.amount > 0);
        self.lived("pending gains became cash", event.released > 0);
        let option = matches!(instrument::parse(instrument), Ok(Instrument::Option { .. }));
        self.lived("a future's variation was settled", dated && !option && event.amount != 0);
        self.lived("variation of an expired option was settled", option && event.amount != 0);
    }

    /// The markets of the instruments have accrued what was worked out.
    pub(super) fn assert_accrued(&self, judge: &Judge, instruments: impl IntoIterator<Item = u64>) {
        for market in instruments.into_iter().map(market_of) {
            let of =
                |m: &Market| [m.funding.0, m.funding_remainder, m.funding_time, m.premium_average, m.premium_exact];
            let (foreseen, is) = (&judge.snapshot.markets[&market], self.world.market(market));
            assert_eq!(of(&is), of(foreseen), "CLR-11: {}", self.place());
        }
    }

    /// Settlement moves money and neither makes nor takes any. Margin stays too, but where the cash that it moves covers a debt in
    /// the settlement asset (MRG-38).
    fn assert_worth(&self, judge: &Judge, before: &Portfolio, after: &Portfolio) {
        let indebted = before.balance_of(USDC).loan > 0;
        let (Ok(before), Ok(after)) = (judge.health(before), judge.health(after)) else { return };
        let margins = |h: &novate_margin::Health| (!indebted).then_some((h.initial, h.maintenance));
        let worth = |h: novate_margin::Health| (h.equity, h.option_value, margins(&h));
        assert_eq!(worth(before), worth(after), "{}", self.place());
    }
}
