use novate_client::instructions::{self as build, SettledSide};
use novate_client::order::{seal, Cluster, Order, OrderFlags, OrderLeg, OrderSide};
use novate_client::state::Fill;
use novate_client::{events, instrument, Instruction, Leg, NovateError, OrderId, Right, ID};
use novate_tests::checker;
use novate_tests::orders::{by_order, by_signature, signed, signed_bytes, signed_in};
use novate_tests::world::leg;
use novate_tests::{Actor, Builder, World, BTC_PERP, CONTRACT, DAY, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

pub const LEGS: [OrderLeg; 1] = [OrderLeg { ratio: 1, symbol: "BTC-PERP", market: BTC_PERP }];
pub const AT: i64 = 20_000 * PRICE;

/// Two traders and a pool.
pub struct Desk {
    pub world: World,
    pub buyer: Actor,
    pub seller: Actor,
}

impl Desk {
    pub fn new() -> Self {
        Self::of(Builder::default().build())
    }

    pub fn of(mut world: World) -> Self {
        let (buyer, seller) = (world.trader(100_000), world.trader(100_000));
        world.pass(1);
        Self { world, buyer, seller }
    }

    /// An order of one contract of BTC's perpetual at 20,000, for a day, signed now.
    pub fn order(&self, actor: &Actor, side: OrderSide) -> Order<'static> {
        let now = self.world.now();
        Order {
            cluster: Cluster::Localnet,
            portfolio: actor.portfolio,
            generation: self.world.portfolio(&actor.portfolio).generation,
            side,
            quantity: CONTRACT,
            legs: LEGS.to_vec(),
            limit: AT,
            until: now + DAY,
            nonce: now as u64 * 1_000_000,
            flags: OrderFlags::default(),
        }
    }

    pub fn bid(&self) -> Order<'static> {
        self.order(&self.buyer, OrderSide::Buy)
    }

    pub fn ask(&self) -> Order<'static> {
        self.order(&self.seller, OrderSide::Sell)
    }

    /// Both orders, signed by the owners.
    pub fn both(&self, bid: &Order, ask: &Order) -> [SettledSide; 2] {
        [by_order(&self.buyer, &signed(&self.buyer.key, bid)), by_order(&self.seller, &signed(&self.seller.key, ask))]
    }

    pub fn settling(&self, sides: [&SettledSide; 2], legs: &[Leg]) -> Vec<Instruction> {
        self.world.settling(sides, legs)
    }

    /// Both orders filled by so much of the perpetual at 20,000.
    pub fn filling(&self, bid: &Order, ask: &Order, quantity: i64) -> Vec<Instruction> {
        let [first, second] = self.both(bid, ask);
        self.settling([&first, &second], &[leg(BTC_PERP, quantity, AT)])
    }

    #[track_caller]
    pub fn fills(&mut self, bid: &Order, ask: &Order, quantity: i64) -> novate_tests::Sent {
        let instructions = self.filling(bid, ask, quantity);
        let sent = self.world.succeeds(&instructions, &[]);
        self.is_sound();
        sent
    }

    #[track_caller]
    pub fn refuses(&mut self, bid: &Order, ask: &Order, error: NovateError) {
        let instructions = self.filling(bid, ask, CONTRACT);
        self.world.refuses(&instructions, &[], error);
    }

    /// The bid is refused, and the ask is as it should be.
    #[track_caller]
    fn refuses_bid(&mut self, change: impl FnOnce(&mut Order), error: NovateError) {
        let (mut bid, ask) = (self.bid(), self.ask());
        change(&mut bid);
        self.refuses(&bid, &ask, error);
    }

    pub fn held(&self) -> [i64; 2] {
        [&self.buyer, &self.seller]
            .map(|side| self.world.portfolio(&side.portfolio).quantity_of(instrument::perpetual(BTC_PERP)))
    }

    /// CLR-01 and CLR-02.
    #[track_caller]
    pub fn is_sound(&self) {
        let accounts = crate::checking::raw(&self.world);
        assert_eq!(checker::violations(&accounts, self.world.pool.to_bytes()), Vec::<String>::new());
    }
}

#[test]
fn two_orders_are_settled_by_anyone() {
    let mut desk = Desk::new();
    let (bid, ask) = (desk.bid(), desk.ask());
    let sent = desk.fills(&bid, &ask, CONTRACT);
    assert_eq!(desk.held(), [CONTRACT, -CONTRACT]);
    let portfolio = desk.world.portfolio(&desk.buyer.portfolio);
    assert_eq!(portfolio.fills[0], Fill { nonce: bid.nonce, filled: CONTRACT, expiry: bid.until });
    assert_eq!(portfolio.fills[1], Fill::default());
    let event: events::Traded = sent.event();
    let filled = |order: &Order| {
        Some(events::FilledOrder { order: OrderId { nonce: order.nonce, until: order.until }, filled: CONTRACT })
    };
    assert_eq!((event.first_order, event.second_order, event.venue), (filled(&bid), filled(&ask), None));
    assert_eq!((event.first_sequence, event.second_sequence), (2, 2));
}

#[test]
fn an_order_trades_with_a_side_that_signs() {
    let mut desk = Desk::new();
    let ask = by_order(&desk.seller, &signed(&desk.seller.key, &desk.ask()));
    let bid = by_signature(&desk.buyer);
    let key = desk.buyer.key.insecure_clone();
    let settle = desk.settling([&bid, &ask], &[leg(BTC_PERP, CONTRACT / 2, AT)]);
    let event: events::Traded = desk.world.succeeds(&settle, &[&key]).event();
    assert_eq!((event.first_order, event.second_order.map(|o| o.filled)), (None, Some(CONTRACT / 2)));
    // And the other way round, as the first side.
    let settle = desk.settling([&ask, &bid], &[leg(BTC_PERP, -CONTRACT / 2, AT)]);
    desk.world.succeeds(&settle, &[&key]);
    desk.is_sound();
    assert_eq!(desk.held(), [CONTRACT, -CONTRACT]);
}

#[test]
fn a_wallet_signs_the_text_in_its_envelope() {
    let mut desk = Desk::new();
    let bid = by_order(&desk.buyer, &signed_in(&desk.buyer.key, &desk.bid(), true));
    let ask = by_signature(&desk.seller);
    let settle = desk.settling([&bid, &ask], &[leg(BTC_PERP, CONTRACT, AT)]);
    let key = desk.seller.key.insecure_clone();
    desk.world.succeeds(&settle, &[&key]);
    desk.is_sound();
}

#[test]
fn an_order_is_filled_in_parts_until_it_is_full() {
    let mut desk = Desk::new();
    let (bid, ask) = (desk.bid(), desk.ask());
    for part in 1..=4 {
        desk.fills(&bid, &ask, CONTRACT / 4);
        let fills = desk.world.portfolio(&desk.seller.portfolio).fills;
        assert_eq!((fills[0].filled, fills[1]), (part * CONTRACT / 4, Fill::default()));
        if part == 3 {
            desk.refuses(&bid, &ask, NovateError::OrderOverfilled);
        }
    }
    // The same transaction once more.
    let again = desk.filling(&bid, &ask, CONTRACT / 4);
    desk.world.refuses(&again, &[], NovateError::OrderOverfilled);
    // The other side signs a new one; the old one stays full.
    let ask = Order { nonce: ask.nonce + 1, ..ask };
    desk.refuses(&bid, &ask, NovateError::OrderOverfilled);
}

#[test]
fn prices_better_than_the_limits_are_within_them() {
    let mut desk = Desk::new();
    let bid = Order { limit: AT + 100 * PRICE, ..desk.bid() };
    let ask = Order { limit: AT - 100 * PRICE, ..desk.ask() };
    desk.fills(&bid, &ask, CONTRACT);
    let bid = Order { limit: AT - PRICE, nonce: bid.nonce + 1, ..bid };
    let ask = Order { nonce: ask.nonce + 1, ..ask };
    desk.refuses(&bid, &ask, NovateError::OrderLimit);
    let bid = Order { limit: AT, ..bid };
    let ask = Order { limit: AT + PRICE, ..ask };
    desk.refuses(&bid, &ask, NovateError::OrderLimit);
}

#[test]
fn a_strategy_is_filled_by_its_ratios() {
    let mut desk = Desk::new();
    let time = desk.world.chain(BTC_PERP, 30, 0.6, &[20_000, 22_000]);
    let minutes = (time / 60) as u32;
    let call = |slot| instrument::option(BTC_PERP, minutes, slot, Right::Call);
    let snapshot = desk.world.snapshot();
    let symbols = [call(0), call(1)].map(|id| novate_client::symbol::of(&snapshot, id).expect("listed"));
    let view = desk.world.expiry(BTC_PERP, time);
    let prices = [0, 1].map(|slot: usize| view.strikes[slot].mark.0 / PRICE * PRICE);
    let legs: Vec<OrderLeg> = vec![
        OrderLeg { ratio: 1, symbol: &symbols[0], market: BTC_PERP },
        OrderLeg { ratio: -2, symbol: &symbols[1], market: BTC_PERP },
    ];
    let limit = prices[0] - 2 * prices[1];
    let bid = Order { legs, limit, ..desk.bid() };
    let filled = |quantity: i64| {
        vec![
            Leg { instrument: call(0), quantity, price: prices[0] },
            Leg { instrument: call(1), quantity: -2 * quantity, price: prices[1] },
        ]
    };
    let (first, second) = (by_order(&desk.buyer, &signed(&desk.buyer.key, &bid)), by_signature(&desk.seller));
    let key = desk.seller.key.insecure_clone();
    let mut refuses = |legs: &[Leg], error| {
        let settle = desk.settling([&first, &second], legs);
        desk.world.refuses(&settle, &[&key], error);
    };
    let mut wrong = filled(CONTRACT / 2);
    wrong[1].quantity += CONTRACT / 10;
    refuses(&wrong, NovateError::OrderRatio);
    let mut wrong = filled(CONTRACT / 2);
    wrong[1].instrument = instrument::option(BTC_PERP, minutes, 1, Right::Put);
    refuses(&wrong, NovateError::OrderLegs);
    // Of another strike.
    let mut wrong = filled(CONTRACT / 2);
    wrong[1].instrument = call(0);
    refuses(&wrong, NovateError::OrderLegs);
    refuses(&filled(CONTRACT / 2)[..1], NovateError::OrderLegs);
    let mut turned = filled(CONTRACT / 2);
    turned.reverse();
    refuses(&turned, NovateError::OrderLegs);
    let mut dear = filled(CONTRACT / 2);
    dear[0].price += PRICE;
    refuses(&dear, NovateError::OrderLimit);
    let settle = desk.settling([&first, &second], &filled(CONTRACT / 2));
    desk.world.succeeds(&settle, &[&key]);
    desk.is_sound();
    let held = desk.world.portfolio(&desk.buyer.portfolio);
    assert_eq!((held.quantity_of(call(0)), held.quantity_of(call(1))), (CONTRACT / 2, -CONTRACT));
    assert_eq!(held.fills[0].filled, CONTRACT / 2);
}

#[test]
fn two_sub_accounts_of_one_owner_may_settle() {
    let mut desk = Desk::new();
    let second = desk.world.sub_account(&desk.buyer, 1);
    desk.world.deposit(&second, 0, 50_000_000_000);
    desk.seller = second;
    desk.world.pass(1);
    let (bid, ask) = (desk.bid(), desk.ask());
    desk.fills(&bid, &ask, CONTRACT);
}

#[test]
fn a_delegate_signs_orders_until_its_time() {
    let mut desk = Desk::new();
    let delegate = desk.world.new_wallet();
    let until = desk.world.now() + 100;
    name(&mut desk, &delegate, until);
    desk.world.pass(1);
    let nonce = desk.world.portfolio(&desk.buyer.portfolio).delegate_nonce;
    let bid = Order { nonce, ..desk.bid() };
    let settle = delegated(&desk, &delegate, &bid, CONTRACT / 2);
    desk.world.succeeds(&settle, &[]);
    desk.is_sound();
    desk.world.pass(100);
    let settle = delegated(&desk, &delegate, &bid, CONTRACT / 2);
    desk.world.refuses(&settle, &[], NovateError::DelegateExpired);
}

/// The buyer names a delegate.
pub fn name(desk: &mut Desk, delegate: &Keypair, until: i64) {
    let set = build::set_delegate(desk.buyer.address(), desk.buyer.portfolio, delegate.pubkey(), until);
    desk.world.succeeds(&[set], &[&desk.buyer.key]);
}

/// The bid is the delegate's.
pub fn delegated(desk: &Desk, delegate: &Keypair, bid: &Order, quantity: i64) -> Vec<Instruction> {
    let first = by_order(&desk.buyer, &signed(delegate, bid));
    let second = by_order(&desk.seller, &signed(&desk.seller.key, &desk.ask()));
    desk.settling([&first, &second], &[leg(BTC_PERP, quantity, AT)])
}

#[test]
fn fill_or_kill_is_filled_whole() {
    let mut desk = Desk::new();
    let flags = OrderFlags { fok: true, ..OrderFlags::default() };
    let (bid, ask) = (Order { flags, ..desk.bid() }, desk.ask());
    let part = desk.filling(&bid, &ask, CONTRACT / 2);
    desk.world.refuses(&part, &[], NovateError::FillOrKill);
    desk.fills(&bid, &ask, CONTRACT);
}

#[test]
fn reduce_only_closes_and_does_not_open() {
    let mut desk = Desk::new();
    let flags = OrderFlags { reduce_only: true, ..OrderFlags::default() };
    let (bid, ask) = (desk.bid(), desk.ask());
    desk.refuses(&Order { flags, ..bid.clone() }, &ask, NovateError::ReduceOnly);
    desk.refuses(&bid, &Order { flags, ..ask.clone() }, NovateError::ReduceOnly);
    desk.fills(&bid, &ask, CONTRACT);
    desk.world.pass(1);
    // The buyer sells what it has, and not more.
    let sell = Order { flags, quantity: 2 * CONTRACT, ..desk.order(&desk.buyer, OrderSide::Sell) };
    let buy = Order { quantity: 2 * CONTRACT, ..desk.order(&desk.seller, OrderSide::Buy) };
    let beyond = desk.filling(&sell, &buy, -2 * CONTRACT);
    desk.world.refuses(&beyond, &[], NovateError::ReduceOnly);
    desk.fills(&sell, &buy, -CONTRACT / 2);
    desk.fills(&sell, &buy, -CONTRACT / 2);
    assert_eq!(desk.held(), [0, 0]);
}

#[test]
fn a_slot_is_free_once_its_order_has_expired_or_is_below_the_minimum() {
    let mut desk = Desk::new();
    let (bid, ask) = (desk.bid(), desk.ask());
    let of = |order: &Order<'static>, at: i64| Order { nonce: order.nonce + at as u64, ..order.clone() };
    for at in 0..32 {
        desk.fills(&Order { until: bid.until + at, ..of(&bid, at) }, &of(&ask, at % 2 + at / 2 * 2), CONTRACT / 100);
    }
    let one_more = of(&bid, 32);
    desk.refuses(&one_more, &of(&ask, 31), NovateError::FillsFull);
    // What has a slot goes on.
    desk.fills(&Order { until: bid.until + 3, ..of(&bid, 3) }, &of(&ask, 3), CONTRACT / 100);
    // The first expires.
    desk.world.pass(bid.until - desk.world.now());
    desk.world.refresh();
    let late = |order: &Order<'static>| Order { until: bid.until + DAY, ..order.clone() };
    desk.fills(&late(&one_more), &late(&of(&ask, 40)), CONTRACT / 100);
    desk.refuses(&late(&of(&bid, 33)), &late(&of(&ask, 41)), NovateError::FillsFull);
    // The owner raises the minimum: every slot is free, and no order that had one is alive.
    let now = desk.world.now() as u64 * 1_000_000;
    let raise = build::cancel_orders(desk.buyer.address(), desk.buyer.portfolio, now, vec![]);
    desk.world.succeeds(&[raise], &[&desk.buyer.key]);
    desk.refuses(&late(&one_more), &late(&of(&ask, 42)), NovateError::NonceTooLow);
    let fresh = desk.bid();
    desk.fills(&fresh, &late(&of(&ask, 43)), CONTRACT / 100);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::addresses;

    #[test]
    fn an_order_is_for_its_cluster_portfolio_and_life() {
        let mut desk = Desk::new();
        for cluster in [Cluster::Mainnet, Cluster::Testnet, Cluster::Devnet] {
            desk.refuses_bid(|bid| bid.cluster = cluster, NovateError::OrderCluster);
        }
        let other = desk.seller.portfolio;
        desk.refuses_bid(|bid| bid.portfolio = other, NovateError::OrderPortfolio);
        // Another pool of the same owner has another portfolio.
        let (pool, owner) = (addresses::pool(&desk.world.governor.pubkey(), 9), desk.buyer.address());
        desk.refuses_bid(|bid| bid.portfolio = addresses::portfolio(&pool, &owner, 0), NovateError::OrderPortfolio);
        desk.refuses_bid(|bid| bid.generation = 1, NovateError::OrderGeneration);
    }

    #[test]
    fn a_portfolio_that_is_opened_again_has_no_orders() {
        let mut desk = Desk::new();
        let (bid, ask) = (desk.bid(), desk.ask());
        let owner = desk.buyer.clone();
        desk.world.withdraw(&owner, 0, 100_000_000_000);
        let close = build::close_portfolio(owner.address(), desk.world.pool, 0);
        desk.world.succeeds(&[close], &[&owner.key]);
        let open = build::open_portfolio(owner.address(), desk.world.pool, 0);
        desk.world.succeeds(&[open], &[&owner.key]);
        desk.world.deposit(&owner, 0, 100_000_000_000);
        desk.refuses(&bid, &ask, NovateError::OrderGeneration);
        // A minute before it, too, nothing was signed for this life.
        let early = Order { generation: 1, nonce: bid.nonce - 1, ..bid.clone() };
        desk.refuses(&early, &ask, NovateError::NonceTooLow);
        desk.fills(&Order { generation: 1, ..bid }, &ask, CONTRACT);
    }

    #[test]
    fn a_pool_without_a_cluster_settles_no_order() {
        let mut desk = Desk::new();
        let pool = desk.world.pool;
        let mut account = desk.world.account(&pool);
        account.data[8 + core::mem::offset_of!(novate_client::state::Pool, cluster)] = 0;
        desk.world.write(pool, account);
        desk.refuses_bid(|_| (), NovateError::OrderCluster);
    }

    #[test]
    fn times_have_their_bounds() {
        let mut desk = Desk::new();
        let now = desk.world.now();
        desk.refuses_bid(|bid| bid.until = now, NovateError::OrderExpired);
        desk.refuses_bid(|bid| bid.until = now + 30 * DAY + 1, NovateError::OrderTooLong);
        // What is too long today does not come of age.
        let long = Order { until: now + 31 * DAY, ..desk.bid() };
        let ahead = (now as u64 + 60) * 1_000_000;
        desk.refuses_bid(|bid| bid.nonce = ahead + 1, NovateError::NonceAhead);
        let opened = desk.world.portfolio(&desk.buyer.portfolio).opened as u64;
        desk.refuses_bid(|bid| bid.nonce = opened * 1_000_000 - 1, NovateError::NonceTooLow);
        let (bid, ask) = (desk.bid(), desk.ask());
        desk.fills(&Order { nonce: opened * 1_000_000, until: now + 1, ..bid.clone() }, &ask, CONTRACT / 4);
        desk.fills(&Order { nonce: ahead, until: now + 60 + 30 * DAY, ..bid }, &ask, CONTRACT / 4);
        desk.world.pass(2 * DAY);
        desk.world.refresh();
        desk.refuses(&long, &desk.ask(), NovateError::OrderTooLong);
    }

    #[test]
    fn legs_are_those_that_were_signed() {
        let mut desk = Desk::new();
        for symbol in ["ETH-PERP", "BTC-PERPX", "BTC", "BTC-25DEC26"] {
            desk.refuses_bid(|bid| bid.legs = vec![OrderLeg { symbol, ..LEGS[0] }], NovateError::OrderLegs);
        }
        desk.refuses_bid(|bid| bid.legs = vec![OrderLeg { market: 1, ..LEGS[0] }], NovateError::OrderLegs);
        desk.refuses_bid(|bid| bid.legs = vec![LEGS[0], LEGS[0]], NovateError::OrderLegs);
        desk.refuses_bid(|bid| bid.legs = vec![OrderLeg { ratio: -1, ..LEGS[0] }], NovateError::OrderText);
        desk.refuses_bid(|bid| bid.legs = vec![OrderLeg { ratio: 3, ..LEGS[0] }], NovateError::OrderRatio);
        desk.refuses_bid(|bid| bid.side = OrderSide::Sell, NovateError::OrderRatio);
        desk.refuses_bid(|bid| bid.quantity = CONTRACT - 1, NovateError::OrderOverfilled);
        let (bid, ask) = (desk.bid(), desk.ask());
        let none = desk.filling(&bid, &ask, 0);
        desk.world.refuses(&none, &[], NovateError::OrderRatio);
    }

    #[test]
    fn a_delegate_that_was_replaced_signed_for_nothing() {
        let mut desk = Desk::new();
        let (delegate, other) = (desk.world.new_wallet(), desk.world.new_wallet());
        let until = desk.world.now() + 1_000;
        name(&mut desk, &delegate, until);
        let first = |desk: &Desk| desk.world.portfolio(&desk.buyer.portfolio).delegate_nonce;
        let bid = desk.bid();
        desk.world.refuses(&delegated(&desk, &delegate, &bid, CONTRACT / 4), &[], NovateError::OrderBeforeDelegate);
        desk.world.pass(1);
        let bid = Order { nonce: first(&desk), ..bid };
        let old = |desk: &Desk| delegated(desk, &delegate, &bid, CONTRACT / 4);
        desk.world.succeeds(&old(&desk), &[]);
        name(&mut desk, &other, until);
        desk.world.refuses(&old(&desk), &[], NovateError::WrongAuthority);
        // Named again: what it signed before stays void.
        name(&mut desk, &delegate, until);
        desk.world.refuses(&old(&desk), &[], NovateError::OrderBeforeDelegate);
        desk.world.pass(1);
        let fresh = Order { nonce: first(&desk), ..desk.bid() };
        desk.world.succeeds(&delegated(&desk, &delegate, &fresh, CONTRACT / 4), &[]);
        // Revoked, and named again.
        let revoke = build::revoke_delegate(desk.buyer.address(), desk.buyer.portfolio);
        desk.world.succeeds(&[revoke], &[&desk.buyer.key]);
        desk.world.refuses(&delegated(&desk, &delegate, &fresh, CONTRACT / 4), &[], NovateError::WrongAuthority);
        name(&mut desk, &delegate, until);
        desk.world.refuses(&delegated(&desk, &delegate, &fresh, CONTRACT / 4), &[], NovateError::OrderBeforeDelegate);
        // The owner's own are not touched.
        let (bid, ask) = (desk.bid(), desk.ask());
        desk.fills(&bid, &ask, CONTRACT / 4);
    }

    #[test]
    fn a_stranger_signs_for_nobody() {
        let mut desk = Desk::new();
        let stranger = desk.world.new_wallet();
        let bid = desk.bid();
        let settle = delegated(&desk, &stranger, &bid, CONTRACT);
        desk.world.refuses(&settle, &[], NovateError::WrongAuthority);
        // Nor does the other side.
        let settle = delegated(&desk, &desk.seller.key, &bid, CONTRACT);
        desk.world.refuses(&settle, &[], NovateError::WrongAuthority);
    }

    #[test]
    fn a_side_that_signs_is_to_sign() {
        let mut desk = Desk::new();
        let ask = by_order(&desk.seller, &signed(&desk.seller.key, &desk.ask()));
        let bid = by_signature(&desk.buyer);
        let mut settle = desk.settling([&bid, &ask], &[leg(BTC_PERP, CONTRACT, AT)]);
        settle[1].accounts[4].pubkey = ID;
        settle[1].accounts[4].is_signer = false;
        desk.world.refuses(&settle, &[], NovateError::SignerMissing);
        settle[1].accounts[4].pubkey = desk.buyer.address();
        desk.world.refuses(&settle, &[], ErrorCode::AccountNotSigner);
        let stranger = desk.world.new_wallet();
        settle[1].accounts[4].pubkey = stranger.pubkey();
        settle[1].accounts[4].is_signer = true;
        desk.world.refuses(&settle, &[&stranger], NovateError::WrongAuthority);
    }

    #[test]
    fn an_envelope_of_another_making_is_refused() {
        let mut desk = Desk::new();
        let good = seal(&desk.bid().render(), &ID, &desk.buyer.address()).expect("short");
        let key = desk.buyer.key.insecure_clone();
        let mut refused = |message: Vec<u8>, error| {
            let bid = by_order(&desk.buyer, &signed_bytes(&key, message));
            let settle = desk.settling([&bid, &by_signature(&desk.seller)], &[leg(BTC_PERP, CONTRACT, AT)]);
            let seller = desk.seller.key.insecure_clone();
            desk.world.refuses(&settle, &[&seller], error);
        };
        // Domain, version, program, format, count, signer, length.
        for at in [1, 16, 17, 49, 50, 51, 83] {
            let mut other = good.clone();
            other[at] ^= 1;
            refused(other, NovateError::OrderEnvelope);
        }
        refused(good[1..].to_vec(), NovateError::OrderText);
        refused(vec![], NovateError::OrderText);
        refused(b"Novate order: ".to_vec(), NovateError::OrderText);
    }

    #[test]
    fn another_text_has_another_signature() {
        let mut desk = Desk::new();
        let mut bid = signed(&desk.buyer.key, &desk.bid());
        let at = bid.message.windows(6).position(|w| w == b"20000;").expect("the limit");
        bid.message[at] = b'3';
        let bid = by_order(&desk.buyer, &bid);
        let ask = by_order(&desk.seller, &signed(&desk.seller.key, &desk.ask()));
        let settle = desk.settling([&bid, &ask], &[leg(BTC_PERP, CONTRACT, AT)]);
        assert!(desk.world.send(&settle, &[]).is_err(), "the ed25519 program refuses it");
        assert_eq!(desk.held(), [0, 0]);
    }

    #[test]
    fn the_list_of_instructions_is_the_runtimes() {
        let mut desk = Desk::new();
        let mut settle = desk.filling(&desk.bid(), &desk.ask(), CONTRACT);
        settle[1].accounts[6].pubkey = desk.buyer.portfolio;
        desk.world.refuses(&settle, &[], NovateError::NotInstructions);
    }

    #[test]
    fn a_portfolio_is_not_both_sides() {
        let mut desk = Desk::new();
        let bid = by_order(&desk.buyer, &signed(&desk.buyer.key, &desk.bid()));
        let ask = by_order(&desk.buyer, &signed(&desk.buyer.key, &desk.order(&desk.buyer, OrderSide::Sell)));
        let settle = desk.settling([&bid, &ask], &[leg(BTC_PERP, CONTRACT, AT)]);
        desk.world.refuses(&settle, &[], NovateError::SamePortfolio);
    }

    #[test]
    fn a_trade_has_legs() {
        let mut desk = Desk::new();
        let [first, second] = desk.both(&desk.bid(), &desk.ask());
        let settle = desk.settling([&first, &second], &[]);
        desk.world.refuses(&settle, &[], NovateError::LegCount);
    }
}
