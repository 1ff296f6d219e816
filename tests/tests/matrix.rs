//! The matrix of CLR-40, cell by cell on the built program: what each defect of one price does to each action of a portfolio that holds
//! the asset, and that it does nothing to one that does not.

use novate_client::instructions::{self as build, Transfer};
use novate_client::Instruction;
use novate_tests::feed::Quote;
use novate_tests::{
    Actor, AssetSpec, Builder, Failure, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, PRICE, USDC,
};
use solana_keypair::Keypair;

const SOL_PERP: u16 = 2;
const ALL: i64 = CONTRACT;

/// What the price of BTC lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    Nothing,
    /// Ten seconds old.
    Late,
    /// The last reading was beyond the band, a second ago.
    Restricted,
    /// The same ten seconds later.
    RestrictedLate,
    /// Older than its asset's limit.
    Stale,
}

const DEFECTS: [Defect; 5] = [Defect::Nothing, Defect::Late, Defect::Restricted, Defect::RestrictedLate, Defect::Stale];

/// A pool in which the price of BTC has a defect, and all others none.
struct Case {
    world: World,
    /// Holds a tenth of a BTC and ETH, both long, lends and owes USDC, and has closed SOL at a loss.
    owner: Actor,
    second: Actor,
    /// The other side, with as much as anybody asks for.
    maker: Actor,
    /// The same as the owner without BTC.
    other: Actor,
    other_second: Actor,
    taker: Actor,
}

impl Case {
    fn new(cash: i64) -> Self {
        let assets = vec![
            AssetSpec::new("USDC", 6, 1.0).max_age(3_600),
            AssetSpec::new("BTC", 8, 20_000.0).band(100_000),
            AssetSpec::new("ETH", 8, 1_500.0).max_age(3_600),
            AssetSpec::new("SOL", 9, 30.0).max_age(3_600),
        ];
        let mut world = Builder::default().assets(assets).build();
        world.lender(USDC, 100_000 * DOLLAR as u64);
        let (owner, maker, other) = (world.trader(cash), world.trader(1_000_000), world.trader(cash));
        let taker = world.trader(100_000);
        let (second, other_second) = (world.sub_account(&owner, 1), world.sub_account(&other, 1));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
        for trader in [&owner, &other] {
            world.trade(trader, &maker, &[(ETH_PERP, 5 * CONTRACT, 1_500 * PRICE), (SOL_PERP, CONTRACT, 30 * PRICE)]);
            world.trade(trader, &maker, &[(SOL_PERP, -CONTRACT, 29 * PRICE)]);
            world.lend(trader, USDC, 10 * DOLLAR as u64);
            world.borrow(trader, USDC, 10 * DOLLAR as u64);
        }
        Self { world, owner, second, maker, other, other_second, taker }
    }

    /// ETH has stood for a minute where both are below maintenance margin by 100 USD, less than the tenth of a BTC varies by.
    fn fallen() -> Self {
        let mut case = Self::new(3_000);
        case.world.price(ETH, 930.0);
        for trader in [case.owner.clone(), case.other.clone()] {
            let health = case.world.health(&trader);
            let missing = health.maintenance - health.equity - 100 * DOLLAR;
            case.world.deposit(&trader, USDC, missing as u64);
        }
        case.world.hold();
        case
    }

    /// The same with their auctions running.
    fn auctioned() -> Self {
        let mut case = Self::fallen();
        for trader in [case.owner.clone(), case.other.clone()] {
            let start = case.world.start_auction_instruction(&trader);
            case.world.succeeds(&[start], &[]);
        }
        case
    }

    /// The same with both back by 100 USD.
    fn restored() -> Self {
        let mut case = Self::auctioned();
        for trader in [case.owner.clone(), case.other.clone()] {
            case.world.deposit(&trader, USDC, 200 * DOLLAR as u64);
        }
        case
    }

    fn with(mut self, defect: Defect) -> Self {
        let restrict = |world: &mut World| {
            world.pass(1);
            let quote = Quote::new(23_000.0, world.now());
            world.publish(BTC, quote);
            let refresh = world.refresh_asset(&[BTC]);
            world.succeeds(&[refresh], &[]);
        };
        match defect {
            Defect::Nothing => {}
            Defect::Late => self.world.pass(10),
            Defect::Restricted => restrict(&mut self.world),
            Defect::RestrictedLate => {
                restrict(&mut self.world);
                self.world.pass(10);
            }
            Defect::Stale => self.world.pass(61),
        }
        let now = self.world.now();
        for asset in [USDC, ETH, 3] {
            let quote = Quote::new(self.world.listing(asset).usd, now);
            self.world.publish(asset, quote);
        }
        let refresh = self.world.refresh_asset(&[USDC, ETH, 3]);
        self.world.succeeds(&[refresh], &[]);
        self
    }

    /// Who acts, and where a transfer goes: the holder of BTC or the other.
    fn side(&self, holds: bool) -> (&Actor, &Actor) {
        if holds {
            (&self.owner, &self.second)
        } else {
            (&self.other, &self.other_second)
        }
    }

    fn trade(&self, who: &Actor, market: u16, quantity: i64, price: i64) -> (Instruction, Vec<Keypair>) {
        // Elsewhere against one that does not hold BTC.
        let against = if market == BTC_PERP { &self.maker } else { &self.taker };
        let trade = self.world.trade_instruction(who.side(), against.side(), &[(market, quantity, price)]);
        (trade, vec![who.key.insecure_clone(), against.key.insecure_clone()])
    }
}

/// An action: its name, the case it begins with, and its instruction.
type Action = (&'static str, fn() -> Case, fn(&mut Case, &Actor, &Actor) -> (Instruction, Vec<Keypair>));

fn signed(instruction: Instruction, who: &Actor) -> (Instruction, Vec<Keypair>) {
    (instruction, vec![who.key.insecure_clone()])
}

fn healthy() -> Case {
    Case::new(20_000)
}

const ACTIONS: [(Action, [&str; 5]); 18] = {
    const FINE: [&str; 5] = [""; 5];
    const NOTHING_LEAVES: [&str; 5] = ["", "", "Restricted", "Restricted", "PriceStale"];
    const ONLY_STALE: [&str; 5] = ["", "", "", "", "PriceStale"];
    [
        (
            ("deposit", healthy, |case, who, _| {
                case.world.fund(who, USDC, 1);
                signed(case.world.deposit_instruction(who, USDC, 1), who)
            }),
            FINE,
        ),
        (("lend", healthy, |case, who, _| signed(case.world.lend_instruction(who, USDC, 1_000), who)), FINE),
        (("unlend", healthy, |case, who, _| signed(case.world.unlend_instruction(who, USDC, 1), who)), FINE),
        (("repay", healthy, |case, who, _| signed(case.world.repay_instruction(who, USDC, 1), who)), FINE),
        (
            ("settle a closed position", healthy, |case, who, _| {
                (case.world.settle_instruction(who, SOL_PERP), vec![])
            }),
            FINE,
        ),
        (
            ("settle a position in the asset", healthy, |case, who, _| {
                (case.world.settle_instruction(who, BTC_PERP), vec![])
            }),
            ONLY_STALE,
        ),
        (
            ("open in the asset", healthy, |case, who, _| case.trade(who, BTC_PERP, CONTRACT / 10, 20_000 * PRICE)),
            NOTHING_LEAVES,
        ),
        (
            ("close in the asset", healthy, |case, who, _| case.trade(who, BTC_PERP, -CONTRACT / 20, 20_000 * PRICE)),
            ONLY_STALE,
        ),
        (
            ("open elsewhere", healthy, |case, who, _| case.trade(who, ETH_PERP, CONTRACT, 1_500 * PRICE)),
            NOTHING_LEAVES,
        ),
        (("close elsewhere", healthy, |case, who, _| case.trade(who, ETH_PERP, -CONTRACT, 1_500 * PRICE)), FINE),
        (
            ("withdraw", healthy, |case, who, _| signed(case.world.withdraw_instruction(who, USDC, 1), who)),
            NOTHING_LEAVES,
        ),
        (
            ("transfer", healthy, |case, who, to| {
                let transfer = Transfer { from: who.portfolio, to: to.portfolio, asset: USDC, amount: 1 };
                let holdings = case.world.holdings(&[who.portfolio]);
                signed(build::transfer(who.address(), case.world.keys(), &holdings, transfer), who)
            }),
            NOTHING_LEAVES,
        ),
        (("borrow", healthy, |case, who, _| signed(case.world.borrow_instruction(who, USDC, 1), who)), NOTHING_LEAVES),
        (
            ("health", healthy, |case, who, _| {
                let holdings = case.world.holdings(&[who.portfolio]);
                (build::health(case.world.keys(), who.portfolio, &holdings), vec![])
            }),
            ONLY_STALE,
        ),
        (
            ("require_health", healthy, |case, who, _| {
                let holdings = case.world.holdings(&[who.portfolio]);
                (build::require_health(case.world.keys(), who.portfolio, &holdings, 0), vec![])
            }),
            ONLY_STALE,
        ),
        (
            ("start an auction", Case::fallen, |case, who, _| (case.world.start_auction_instruction(who), vec![])),
            ["", "PriceStale", "", "NotLiquidatable", "NotLiquidatable"],
        ),
        (
            ("bid", Case::auctioned, |case, who, _| {
                let taker = case.taker.clone();
                signed(case.world.liquidate_instruction(who, taker.side(), ALL, i64::MAX), &taker)
            }),
            ["", "", "", "", "NotLiquidatable"],
        ),
        (
            ("end an auction", Case::restored, |case, who, _| (case.world.end_auction_instruction(who), vec![])),
            ["", "", "", "", "StillLiquidatable"],
        ),
    ]
};

fn outcome(sent: Result<novate_tests::Sent, Failure>) -> String {
    let Err(failure) = sent else { return String::new() };
    let line = failure.logs.iter().rev().find_map(|line| line.split("Error Code: ").nth(1));
    line.and_then(|rest| rest.split('.').next()).map_or_else(|| format!("{:?}", failure.error), String::from)
}

fn walk(holds: bool) {
    let mut wrong = vec![];
    for ((name, begin, action), expected) in ACTIONS {
        let in_btc = name.ends_with("the asset");
        if in_btc && !holds {
            continue;
        }
        for (defect, expected) in DEFECTS.into_iter().zip(expected) {
            let mut case = begin().with(defect);
            let (who, to) = case.side(holds);
            let (who, to) = (who.clone(), to.clone());
            let (instruction, signers) = action(&mut case, &who, &to);
            let found = outcome(case.world.attempt(instruction, &signers.iter().collect::<Vec<_>>()));
            if found != if holds { expected } else { "" } {
                wrong.push(format!("{name}, {defect:?}: `{found}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_a_holder() {
    walk(true);
}

#[test]
fn of_one_that_does_not_hold_the_asset() {
    walk(false);
}
