use novate::events::{Traded, VenueOptedIn, VenueOptedOut};
use novate_client::instructions as build;
use novate_client::{instrument, Instruction, NovateError};
use novate_tests::world::leg;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Two traders and two venues.
struct Desk {
    world: World,
    first: Actor,
    second: Actor,
    venues: Vec<Keypair>,
}

impl Desk {
    /// Both opted in to the second venue, whose index is 1.
    fn opted() -> Self {
        let mut desk = Self::new();
        for actor in [desk.first.clone(), desk.second.clone()] {
            let sent = desk.opt_in(&actor, 1);
            let event: VenueOptedIn = sent.event();
            assert_eq!((event.portfolio, event.venue, event.sequence), (actor.portfolio, 1, 2));
        }
        desk
    }

    fn new() -> Self {
        let mut world = World::default();
        let (first, second) = (world.trader(100_000), world.trader(100_000));
        let venues = world.venues(2);
        Self { world, first, second, venues }
    }

    fn opting_in(&self, actor: &Actor, venue: usize) -> Instruction {
        build::opt_in_venue(actor.address(), &self.world.pool, actor.portfolio, &self.venues[venue].pubkey())
    }

    #[track_caller]
    fn opt_in(&mut self, actor: &Actor, venue: usize) -> novate_tests::Sent {
        let opt_in = self.opting_in(actor, venue);
        self.world.succeeds(&[opt_in], &[&actor.key])
    }

    fn clearing(&self, signer: &Keypair) -> Instruction {
        let sides = [self.first.portfolio, self.second.portfolio];
        let holdings = self.world.holdings(&sides).with_traded(instrument::perpetual(BTC_PERP), BTC);
        let legs = vec![leg(BTC_PERP, CONTRACT, 20_000 * PRICE)];
        build::clear(self.world.keys(), signer.pubkey(), sides, &holdings, legs)
    }

    #[track_caller]
    fn refuses(&mut self, signer: &Keypair, error: NovateError) {
        let clear = self.clearing(signer);
        self.world.refuses(&[clear], &[signer], error);
    }
}

#[test]
fn a_venue_settles_between_portfolios_that_opted_in() {
    let mut desk = Desk::opted();
    let venue = desk.venues[1].insecure_clone();
    let clear = desk.clearing(&venue);
    let event: Traded = desk.world.succeeds(&[clear], &[&venue]).event();
    assert_eq!((event.first_order, event.second_order, event.venue), (None, None, Some(1)));
    let quantity = |actor: &Actor| desk.world.portfolio(&actor.portfolio).quantity_of(instrument::perpetual(BTC_PERP));
    assert_eq!((quantity(&desk.first), quantity(&desk.second)), (CONTRACT, -CONTRACT));
}

#[test]
fn an_owner_opts_out_again() {
    let mut desk = Desk::opted();
    let (venue, first) = (desk.venues[1].insecure_clone(), desk.first.clone());
    desk.opt_in(&first, 0);
    let out = build::opt_out_venue(first.address(), first.portfolio, 1);
    let event: VenueOptedOut = desk.world.succeeds(std::slice::from_ref(&out), &[&first.key]).event();
    assert_eq!((event.portfolio, event.venue), (first.portfolio, 1));
    assert_eq!(desk.world.portfolio(&first.portfolio).venues(), [0]);
    desk.refuses(&venue, NovateError::VenueNotOptedIn);
    desk.world.refuses(&[out], &[&first.key], NovateError::VenueNotOptedIn);
}

#[test]
fn a_portfolio_that_is_opened_again_has_opted_in_to_nothing() {
    let mut desk = Desk::opted();
    let first = desk.first.clone();
    desk.world.withdraw(&first, 0, 100_000_000_000);
    let close = build::close_portfolio(first.address(), desk.world.pool, 0);
    let open = build::open_portfolio(first.address(), desk.world.pool, 0);
    desk.world.succeeds(&[close], &[&first.key]);
    desk.world.succeeds(&[open], &[&first.key]);
    assert_eq!(desk.world.portfolio(&first.portfolio).venues(), [0u16; 0]);
}

mod adversary {
    use super::*;

    #[test]
    fn both_sides_have_to_opt_in_to_that_venue() {
        let mut desk = Desk::new();
        let (first, second) = (desk.first.clone(), desk.second.clone());
        let [one, two] = [0, 1].map(|at: usize| desk.venues[at].insecure_clone());
        desk.refuses(&one, NovateError::VenueNotOptedIn);
        desk.opt_in(&first, 0);
        desk.refuses(&one, NovateError::VenueNotOptedIn);
        desk.opt_in(&second, 1);
        desk.refuses(&one, NovateError::VenueNotOptedIn);
        desk.refuses(&two, NovateError::VenueNotOptedIn);
    }

    #[test]
    fn only_the_owner_opts_in_and_out() {
        let mut desk = Desk::new();
        let delegate = desk.world.new_wallet();
        let first = desk.first.clone();
        let until = desk.world.now() + 10;
        let set = build::set_delegate(first.address(), first.portfolio, delegate.pubkey(), until);
        desk.world.succeeds(&[set], &[&first.key]);
        let pool = desk.world.pool;
        let opt_in = build::opt_in_venue(delegate.pubkey(), &pool, first.portfolio, &desk.venues[0].pubkey());
        desk.world.refuses(&[opt_in], &[&delegate], NovateError::NotOwner);
        let out = build::opt_out_venue(delegate.pubkey(), first.portfolio, 0);
        desk.world.refuses(&[out], &[&delegate], NovateError::NotOwner);
    }

    #[test]
    fn a_venue_is_taken_in_once_and_eight_are_the_most() {
        let mut desk = Desk::new();
        desk.venues.extend(desk.world.venues(7));
        let first = desk.first.clone();
        for venue in 0..8 {
            desk.opt_in(&first, venue);
            let again = desk.opting_in(&first, venue);
            desk.world.pass(1);
            desk.world.refuses(&[again], &[&first.key], NovateError::VenueOptedIn);
        }
        let ninth = desk.opting_in(&first, 8);
        desk.world.refuses(&[ninth], &[&first.key], NovateError::TooManyVenues);
    }

    #[test]
    fn the_signer_is_that_of_an_active_venue_of_the_pool() {
        let mut desk = Desk::opted();
        let [one, two] = [0, 1].map(|at: usize| desk.venues[at].insecure_clone());
        let mut clear = desk.clearing(&two);
        clear.accounts[3].pubkey = one.pubkey();
        desk.world.refuses(&[clear], &[&one], NovateError::WrongVenueSigner);
        let removed = build::remove_venue(desk.world.governor.pubkey(), desk.world.pool, two.pubkey(), &[]);
        let governor = desk.world.governor.insecure_clone();
        desk.world.succeeds(&[removed], &[&governor]);
        desk.refuses(&two, NovateError::VenueInactive);
        let first = desk.first.clone();
        let opt_in = desk.opting_in(&first, 1);
        desk.world.refuses(&[opt_in], &[&first.key], NovateError::VenueInactive);
        // It can be left all the same.
        let out = build::opt_out_venue(first.address(), first.portfolio, 1);
        desk.world.succeeds(&[out], &[&first.key]);
    }

    #[test]
    fn a_portfolio_is_not_both_sides() {
        let mut desk = Desk::opted();
        let venue = desk.venues[1].insecure_clone();
        let mut clear = desk.clearing(&venue);
        clear.accounts[5].pubkey = desk.first.portfolio;
        desk.world.refuses(&[clear], &[&venue], NovateError::SamePortfolio);
    }
}
