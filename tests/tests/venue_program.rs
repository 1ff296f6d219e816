//! A venue that is a program: an address that no key signs for clears fills and reports mids by cross-program call (CLR-52).

use anchor_lang::error::ErrorCode;
use novate::events::{MidReported, Traded};
use novate_client::instructions as build;
use novate_client::{addresses, instrument, Instruction, NovateError, Pubkey};
use novate_tests::books::Book;
use novate_tests::world::leg;
use novate_tests::{Actor, Refusal, World, BTC, BTC_PERP, CONTRACT, PRICE};
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// What the program in between may add to the compute units of the same instruction sent by a key: its own, two derivations of the book
/// at 1,500, and the call. It was 6,170.
const CALL_UNITS: u64 = 6_500;
/// Calls above one another of a transaction: the program, Novate, and Novate's own for the event. The chain grants five.
const DEPTH: usize = 3;

/// Two traders, and a book that both opted in to.
struct Desk {
    world: World,
    traders: [Actor; 2],
    book: Book,
}

impl Desk {
    fn new() -> Self {
        let mut world = World::default();
        let traders = [0, 1].map(|_| world.trader(100_000));
        let book = world.registered_book();
        for trader in &traders {
            let opt_in = build::opt_in_venue(trader.address(), &world.pool, trader.portfolio, &book.address);
            world.succeeds(&[opt_in], &[&trader.key]);
        }
        Self { world, traders, book }
    }

    /// One contract at the mark, settled by a venue's signer.
    fn clearing(&self, signer: &Pubkey) -> Instruction {
        let sides = self.traders.each_ref().map(|trader| trader.portfolio);
        let holdings = self.world.holdings(&sides).with_traded(instrument::perpetual(BTC_PERP), BTC);
        build::clear(self.world.keys(), *signer, sides, &holdings, vec![leg(BTC_PERP, CONTRACT, 20_000 * PRICE)])
    }

    fn reporting(&self) -> Instruction {
        self.world.report_instruction(&self.book.address, BTC_PERP, 20_030 * PRICE)
    }

    fn operator(&self) -> Keypair {
        self.book.operator.insecure_clone()
    }

    /// The book's operator has the program call it, in vain.
    #[track_caller]
    fn refuses(&mut self, called: &Instruction, refusal: impl Into<Refusal>) {
        let call = self.book.calls(called);
        let operator = self.operator();
        self.world.refuses(&[call], &[&operator], refusal);
    }

    fn remove(&mut self) {
        let governor = self.world.governor.insecure_clone();
        let remove = build::remove_venue(governor.pubkey(), self.world.pool, self.book.address, &[]);
        self.world.succeeds(&[remove], &[&governor]);
    }
}

/// How deep the calls of a transaction went.
fn depth(logs: &[String]) -> usize {
    let calls = logs.iter().filter_map(|line| line.split_once(" invoke [")?.1.strip_suffix(']'));
    calls.map(|depth| depth.parse().unwrap()).max().unwrap()
}

#[test]
fn a_book_settles_between_portfolios_that_opted_in() {
    let mut desk = Desk::new();
    let (call, operator) = (desk.book.calls(&desk.clearing(&desk.book.address)), desk.operator());
    let sent = desk.world.succeeds(&[call], &[&operator]);
    let event: Traded = sent.event();
    assert_eq!((event.first_order, event.second_order, event.venue), (None, None, Some(0)));
    assert_eq!(depth(&sent.logs), DEPTH);
    let quantities = desk
        .traders
        .each_ref()
        .map(|trader| desk.world.portfolio(&trader.portfolio).quantity_of(instrument::perpetual(BTC_PERP)));
    assert_eq!(quantities, [CONTRACT, -CONTRACT]);
}

#[test]
fn a_book_reports_a_mid() {
    let mut desk = Desk::new();
    let (call, operator) = (desk.book.calls(&desk.reporting()), desk.operator());
    let sent = desk.world.succeeds(&[call], &[&operator]);
    let events = sent.telemetry::<MidReported>();
    assert_eq!((events.len(), events[0].venue, events[0].mid), (1, 0, 20_030 * PRICE));
    let mid = desk.world.market(BTC_PERP).mids[0];
    assert_eq!((mid.time, mid.venue), (desk.world.now(), 0));
    assert_eq!(depth(&sent.logs), DEPTH - 1);
}

#[test]
fn the_call_costs_little_more_than_a_key() {
    let mut desk = Desk::new();
    let key = desk.world.venue();
    for trader in desk.traders.clone() {
        let opt_in = build::opt_in_venue(trader.address(), &desk.world.pool, trader.portfolio, &key.pubkey());
        desk.world.succeeds(&[opt_in], &[&trader.key]);
    }
    let mut twin = desk.world.twin();
    let by_key = twin.succeeds(&[desk.clearing(&key.pubkey())], &[&key]).units;
    let (call, operator) = (desk.book.calls(&desk.clearing(&desk.book.address)), desk.operator());
    let by_call = desk.world.succeeds(&[call], &[&operator]).units;
    assert!((by_key..by_key + CALL_UNITS).contains(&by_call), "{by_key} units by a key, {by_call} by a call");
}

mod adversary {
    use super::*;

    #[test]
    fn a_stranger_has_no_other_book_sign() {
        let mut desk = Desk::new();
        let stranger = desk.world.book();
        let called = desk.clearing(&desk.book.address);
        // By the program that derives the stranger's own book.
        let call = stranger.calls(&called);
        desk.world.refuses(&[call], &[&stranger.operator], InstructionError::InvalidSeeds);
        // And in the operator's name, without a signature.
        let mut call = desk.book.calls(&called);
        call.accounts[0].is_signer = false;
        desk.world.refuses(&[call], &[], InstructionError::MissingRequiredSignature);
    }

    #[test]
    fn a_book_that_is_not_registered_clears_and_reports_nothing() {
        let mut desk = Desk::new();
        let stranger = desk.world.book();
        let venue = addresses::venue(&desk.world.pool, &desk.book.address);
        for (mut called, place) in [
            (desk.clearing(&stranger.address), 2),
            (desk.world.report_instruction(&stranger.address, BTC_PERP, 20_030 * PRICE), 0),
        ] {
            let call = stranger.calls(&called);
            desk.world.refuses(&[call], &[&stranger.operator], ErrorCode::AccountOwnedByWrongProgram);
            // In the registered one's name.
            called.accounts[place].pubkey = venue;
            let call = stranger.calls(&called);
            desk.world.refuses(&[call], &[&stranger.operator], NovateError::WrongVenueSigner);
        }
    }

    #[test]
    fn a_book_signs_within_the_program_only() {
        let mut desk = Desk::new();
        for mut called in [desk.clearing(&desk.book.address), desk.reporting()] {
            called.accounts.iter_mut().for_each(|meta| meta.is_signer = false);
            desk.world.refuses(&[called], &[], ErrorCode::AccountNotSigner);
        }
    }

    #[test]
    fn both_sides_have_to_opt_in_to_the_book() {
        let mut desk = Desk::new();
        let second = desk.traders[1].clone();
        let out = build::opt_out_venue(second.address(), second.portfolio, 0);
        desk.world.succeeds(&[out], &[&second.key]);
        let called = desk.clearing(&desk.book.address);
        desk.refuses(&called, NovateError::VenueNotOptedIn);
    }

    #[test]
    fn a_book_that_was_removed_clears_and_reports_nothing() {
        let mut desk = Desk::new();
        desk.remove();
        for called in [desk.clearing(&desk.book.address), desk.reporting()] {
            desk.refuses(&called, NovateError::VenueInactive);
        }
    }

    #[test]
    fn a_book_calls_nothing_but_novate() {
        let mut desk = Desk::new();
        let operator = desk.operator();
        let mut call = desk.book.calls(&desk.reporting());
        call.accounts[1].pubkey = build::SYSTEM_PROGRAM;
        desk.world.refuses(&[call], &[&operator], InstructionError::IncorrectProgramId);
        let mut call = desk.book.calls(&desk.reporting());
        call.data[1] = 2;
        desk.world.refuses(&[call], &[&operator], InstructionError::InvalidInstructionData);
    }
}
