//! Haircuts of gains: what anyone sends, an account that is broke while the insurance fund has little, and what a position bears
//! worked out a second time from the rules (CLR-32): nothing of the arithmetic here is the program's.

use novate::events::{HaircutBorne, HaircutClosed, Liquidated};
use novate_client::instructions as build;
use novate_client::instrument::{self, Instrument};
use novate_client::state::{Expiry, Market, Portfolio, Position};
use novate_client::{Instruction, Pubkey, Right};

use crate::{perpetual, Actor, World, BTC, BTC_PERP, CONTRACT, PRICE};

/// A quantity in 1e-9 contracts times a price in 1e-9 USD, over a settlement unit.
const UNIT: i128 = 1_000_000_000_000;
const WINDOW: i64 = 7_200;

/// Gains of the market are registered and wait.
pub fn is_open(market: &Market, now: i64) -> bool {
    let round = &market.round;
    round.ends != 0 && now < round.ends && round.uncharged == round.gains
}

/// What a position gained as of the opening.
pub fn gain(position: &Position, market: &Market, expiry: Option<&Expiry>) -> i64 {
    let of = |price: i64| (i128::from(position.quantity) * i128::from(price)).div_euclid(UNIT);
    let opened = market.round.ends - WINDOW;
    let passed = i64::from(instrument::minutes_of(position.instrument)) * 60 <= opened;
    let value = match instrument::parse(position.instrument).unwrap() {
        _ if position.quantity == 0 => 0,
        Instrument::Perpetual => {
            let then = Market { funding: market.round.funding, ..*market };
            of(market.round.mark.0) - i128::from(perpetual::owed(position, &then))
        }
        Instrument::Option { .. } if !passed => return 0,
        Instrument::Future { .. } => of(price(market, expiry.unwrap(), passed)),
        Instrument::Option { slot, right, .. } => {
            let expiry = expiry.unwrap();
            let above = price(market, expiry, passed) - expiry.strikes[usize::from(slot)].strike.0;
            of((if right == Right::Call { above } else { -above }).max(0))
        }
    };
    let pending = i128::from(position.pending_old) + i128::from(position.pending_new);
    (value - i128::from(position.cost) + pending).max(0) as i64
}

/// The settlement price of what had passed and has one; else what it was expected to be at the opening.
fn price(market: &Market, expiry: &Expiry, passed: bool) -> i64 {
    if passed && expiry.settlement_price.0 != 0 {
        return expiry.settlement_price.0;
    }
    let [mut growth, mut decided] = [1_000_000 + i128::from(expiry.basis.0), 0];
    // In its window, or after it: what samples had decided, and the rest of the forward.
    if expiry.time == market.round_expiry {
        let share = i128::from(market.round_decided.0);
        growth = (growth * (1_000_000 - share)).div_euclid(1_000_000);
        decided = (i128::from(market.round_average.0) * share).div_euclid(1_000_000);
    }
    (decided + (i128::from(market.round.index_price.0) * growth).div_euclid(1_000_000)) as i64
}

/// What happens to a position before anything else does: its gain is registered, or charged.
pub fn bear(position: &mut Position, market: &Market, expiry: Option<&Expiry>, now: i64) {
    let round = &market.round;
    if is_open(market, now) {
        if position.round != round.number {
            (position.gain, position.round) = (gain(position, market, expiry), round.number);
        }
    } else if position.gain > 0 {
        // Void where the round was opened anew.
        if position.round == round.number {
            let product = i128::from(position.gain) * i128::from(round.forgiven.0);
            let share = -(-product).div_euclid(i128::from(round.gains.0));
            position.cost += share.min(i128::from(position.gain)) as i64;
        }
        position.gain = 0;
    }
}

impl World {
    pub fn register_gain_instruction(&self, actor: &Actor, instrument: u64) -> Instruction {
        build::register_gain(&self.pool, actor.portfolio, instrument)
    }

    /// Registers the gain of an actor's perpetual.
    #[track_caller]
    pub fn register_gain(&mut self, actor: &Actor, market: u16) -> HaircutBorne {
        let register = self.register_gain_instruction(actor, instrument::perpetual(market));
        self.succeeds(&[register], &[]).event()
    }

    pub fn charge_gain_instruction(&self, actor: &Actor, instrument: u64) -> Instruction {
        build::charge_gain(&self.pool, actor.portfolio, instrument)
    }

    /// Charges the gain of an actor's perpetual.
    #[track_caller]
    pub fn charge_gain(&mut self, actor: &Actor, market: u16) -> HaircutBorne {
        let charge = self.charge_gain_instruction(actor, instrument::perpetual(market));
        self.succeeds(&[charge], &[]).event()
    }

    /// Portfolios of anyone in the pool and their positions with a gain that a market has to charge.
    pub fn gains_to_charge(&self, market: u16) -> Vec<(Pubkey, u64)> {
        let accounts = self.svm.get_program_accounts(&novate_client::ID).into_iter();
        let portfolios =
            accounts.filter(|(_, account)| account.data.len() == Portfolio::SPACE).map(|(address, _)| address);
        let ours = portfolios.map(|address| (address, self.portfolio(&address))).filter(|(_, p)| p.pool == self.pool);
        let of = |(address, portfolio): (Pubkey, Portfolio)| {
            let due = |p: &&Position| p.gain != 0 && instrument::market_of(p.instrument) == market;
            portfolio.positions().iter().filter(due).map(|p| (address, p.instrument)).collect::<Vec<_>>()
        };
        ours.flat_map(of).collect()
    }

    pub fn close_haircut_instruction(&self, market: u16) -> Instruction {
        build::close_haircut(&self.pool, market)
    }

    #[track_caller]
    pub fn close_haircut(&mut self, market: u16) -> HaircutClosed {
        let close = self.close_haircut_instruction(market);
        self.succeeds(&[close], &[]).event()
    }
}

/// The owner deposited 7,010 USD and bought one BTC at 20,000 for a fee of 10; at 12,500 equity is -500. Three winners sold it
/// to him: 0.5, 0.3 and 0.2 BTC, and gained 7,490 together.
pub struct Broke {
    pub world: World,
    pub owner: Actor,
    pub winners: Vec<Actor>,
    pub taker: Actor,
}

pub const SOLD: [i64; 3] = [CONTRACT / 2, CONTRACT * 3 / 10, CONTRACT / 5];

impl Broke {
    /// In an insolvent auction that has just begun, with a fund of this capital, in whole USD.
    pub fn new(capital: i64) -> Self {
        Self::in_world(World::default(), capital, SOLD)
    }

    pub fn in_world(world: World, capital: i64, sold: [i64; 3]) -> Self {
        let mut broke = Self::before(world, capital, sold);
        broke.world.price(BTC, 12_500.0);
        broke.world.start_auction(&broke.owner);
        broke
    }

    /// Before the price falls.
    pub fn before(mut world: World, capital: i64, sold: [i64; 3]) -> Self {
        let (owner, taker) = (world.trader(7_010), world.trader(100_000));
        let winners: Vec<Actor> = sold.iter().map(|_| world.trader(100_000)).collect();
        for (winner, sold) in winners.iter().zip(sold) {
            world.trade(&owner, winner, &[(BTC_PERP, sold, 20_000 * PRICE)]);
        }
        if capital > 0 {
            let backer = world.actor();
            world.insure(&backer, capital);
        }
        Self { world, owner, winners, taker }
    }

    pub fn bid(&self, fraction: i64, limit: i64) -> Instruction {
        self.world.liquidate_instruction(&self.owner, self.taker.side(), fraction, limit)
    }

    #[track_caller]
    pub fn takes(&mut self, fraction: i64, limit: i64) -> Liquidated {
        let bid = self.bid(fraction, limit);
        self.world.succeeds(&[bid], &[&self.taker.key]).event()
    }

    /// Everyone's equity, and the fund.
    pub fn worth(&mut self) -> i64 {
        let everyone: Vec<Actor> = [&self.owner, &self.taker].into_iter().chain(&self.winners).cloned().collect();
        let equity: i64 = everyone.iter().map(|actor| self.world.health(actor).equity).sum();
        equity + self.world.insurance().fund().total() as i64
    }
}
