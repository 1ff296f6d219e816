//! What an ed25519 instruction proves: the key and the message of an entry that lies in it whole, and nothing else (CLR-52).

use novate_client::instructions as build;
use novate_client::order::Order;
use novate_client::signing::{ed25519, SignedMessage};
use novate_client::{Authority, Instruction, NovateError, Pubkey};
use novate_tests::orders::{by_order, by_signature, signed, signed_bytes, PLACE};
use novate_tests::world::leg;
use novate_tests::{BTC_PERP, CONTRACT};
use solana_keypair::Keypair;

use crate::settle_orders::{Desk, AT, LEGS};

const MEMO: Pubkey = anchor_lang::pubkey!("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
/// Each number of the first entry that names an instruction: of the signature, of the key, of the message.
const PLACES: [usize; 3] = [4, 8, 14];
/// Bytes of an entry, of a signature and of a key.
const ENTRY: usize = 14;
const SIGNATURE: usize = 64;
const KEY: usize = 32;

/// An entry of an ed25519 instruction whose ranges all lie in it.
#[derive(Clone, Copy)]
struct Entry {
    signature: usize,
    key: usize,
    message: usize,
    length: usize,
}

impl Entry {
    /// Of a message that stands whole at an offset: signature, key, text.
    fn at(offset: usize, length: usize) -> Self {
        Self { signature: offset, key: offset + SIGNATURE, message: offset + SIGNATURE + KEY, length }
    }
}

/// An ed25519 instruction of any making, in which a count, entries and bytes behind them need not fit each other.
fn made(count: u8, entries: &[Entry], behind: &[&[u8]]) -> Instruction {
    let mut data = vec![count, 0];
    for Entry { signature, key, message, length } in entries {
        let own = usize::from(u16::MAX);
        for number in [*signature, own, *key, own, *message, *length, own] {
            data.extend((number as u16).to_le_bytes());
        }
    }
    behind.iter().for_each(|bytes| data.extend(*bytes));
    Instruction { program_id: novate::introspection::ED25519, accounts: vec![], data }
}

/// Signature, key and message one behind the other.
fn bytes(signed: &SignedMessage) -> Vec<u8> {
    [&signed.signature, signed.signer.as_ref(), &signed.message].concat()
}

/// A desk whose seller signs transactions, and the bid, signed.
struct Proof {
    desk: Desk,
    seller: Keypair,
    bid: SignedMessage,
}

impl Proof {
    fn new() -> Self {
        let desk = Desk::new();
        let (seller, bid) = (desk.seller.key.insecure_clone(), signed(&desk.buyer.key, &desk.bid()));
        Self { desk, seller, bid }
    }

    /// A fill of half a contract of the bid, as an entry of this instruction proves it.
    fn by(&self, proof: &Instruction, entry: u8) -> [Instruction; 2] {
        let sides = [&by_order(&self.desk.buyer, &self.bid), &by_signature(&self.desk.seller)];
        let mut settle = self.desk.settling(sides, &[leg(BTC_PERP, CONTRACT / 2, AT)]).remove(1);
        let sides = [Authority::Order { instruction: PLACE, entry }, Authority::Signature];
        let legs = vec![leg(BTC_PERP, CONTRACT / 2, AT)];
        settle.data = anchor_lang::InstructionData::data(&novate_client::instruction::SettleOrders { legs, sides });
        [proof.clone(), settle]
    }

    #[track_caller]
    fn fills(&mut self, proof: &Instruction, entry: u8) {
        let settle = self.by(proof, entry);
        self.desk.world.succeeds_packed(&settle, &[&self.seller]);
        self.desk.is_sound();
    }

    #[track_caller]
    fn refuses(&mut self, proof: &Instruction, entry: u8, error: NovateError) {
        let settle = self.by(proof, entry);
        self.desk.world.refuses_packed(&settle, &[&self.seller], error);
    }

    /// The runtime does not even come to the settlement, and nothing changes.
    #[track_caller]
    fn is_no_proof(&mut self, proof: &Instruction) {
        let settle = self.by(proof, 0);
        let table = self.desk.world.lookup_table(&settle);
        let before = self.desk.world.picture();
        let sent = self.desk.world.send_with_tables(&settle, &[&self.seller], &[table]);
        let failure = sent.expect_err("the ed25519 program refuses it");
        assert_eq!(failure.code().filter(|code| *code >= 6_000), None, "{:?}", failure.error);
        assert_eq!(before.differences(&self.desk.world.picture()), []);
    }
}

/// Settlement of the bid and the ask, with changes to the ed25519 instruction and to what the settlement says of it.
fn crossed(desk: &Desk, change: impl FnOnce(&mut Instruction), places: [(u8, u8); 2]) -> Vec<Instruction> {
    let mut settle = desk.filling(&desk.bid(), &desk.ask(), CONTRACT);
    change(&mut settle[0]);
    let sides = places.map(|(instruction, entry)| Authority::Order { instruction, entry });
    let legs = vec![leg(BTC_PERP, CONTRACT, AT)];
    settle[1].data = anchor_lang::InstructionData::data(&novate_client::instruction::SettleOrders { legs, sides });
    settle
}

#[test]
fn an_entry_is_named_where_it_is() {
    let mut desk = Desk::new();
    for (places, error) in [
        ([(0, 0), (1, 1)], NovateError::NotEd25519),
        ([(2, 0), (1, 1)], NovateError::NotEd25519),
        ([(3, 0), (1, 1)], NovateError::NotEd25519),
        ([(255, 0), (1, 1)], NovateError::NotEd25519),
        ([(1, 2), (1, 1)], NovateError::SignatureEntry),
        ([(1, 255), (1, 1)], NovateError::SignatureEntry),
        ([(1, 1), (1, 0)], NovateError::OrderPortfolio),
        ([(1, 0), (1, 0)], NovateError::OrderPortfolio),
    ] {
        let settle = crossed(&desk, |_| (), places);
        desk.world.refuses(&settle, &[], error);
    }
    let settle = crossed(&desk, |_| (), [(1, 0), (1, 1)]);
    desk.world.succeeds(&settle, &[]);
}

#[test]
fn the_same_bytes_for_another_program_prove_nothing() {
    let mut desk = Desk::new();
    // A delegate whose key is a text, so that the memo program takes the bytes, with a signature that is none.
    let delegate = Pubkey::new_from_array([b'x'; 32]);
    let until = desk.world.now() + 100;
    let set = build::set_delegate(desk.buyer.address(), desk.buyer.portfolio, delegate, until);
    desk.world.succeeds(&[set], &[&desk.buyer.key]);
    let bid = Order { legs: vec![LEGS[0]; 8], ..desk.bid() };
    let forged = SignedMessage { signer: delegate, signature: [0; 64], message: bid.render().into_bytes() };
    let sides = [&by_order(&desk.buyer, &forged), &by_signature(&desk.seller)];
    let mut settle = desk.settling(sides, &[leg(BTC_PERP, CONTRACT, AT)]);
    for at in PLACES {
        settle[0].data[at..at + 2].copy_from_slice(&u16::from(PLACE).to_le_bytes());
    }
    let seller = desk.seller.key.insecure_clone();
    assert!(desk.world.send(&settle, &[&seller]).is_err(), "the ed25519 program refuses it");
    settle[0].program_id = MEMO;
    assert!(std::str::from_utf8(&settle[0].data).is_ok(), "a memo");
    desk.world.refuses(&settle, &[&seller], NovateError::NotEd25519);
    // Nor is there an entry where an ed25519 instruction says that it checked none.
    settle[0].program_id = novate::introspection::ED25519;
    settle[0].data = vec![0, 0];
    desk.world.refuses(&settle, &[&seller], NovateError::SignatureEntry);
}

#[test]
fn an_entry_that_reaches_into_another_instruction_is_refused() {
    let mut desk = Desk::new();
    let seller = desk.seller.key.insecure_clone();
    let bid = signed(&desk.buyer.key, &desk.bid());
    let settle =
        desk.settling([&by_order(&desk.buyer, &bid), &by_signature(&desk.seller)], &[leg(BTC_PERP, CONTRACT, AT)]);
    let good = ed25519(&[&bid]).expect("short");
    for at in PLACES {
        // The same bytes stand before it: what it points to is a true signature of the bid, only elsewhere.
        let mut crossed = good.clone();
        crossed.data[at..at + 2].copy_from_slice(&u16::from(PLACE).to_le_bytes());
        let mut second = settle[1].clone();
        let sides = [Authority::Order { instruction: PLACE + 1, entry: 0 }, Authority::Signature];
        let legs = vec![leg(BTC_PERP, CONTRACT, AT)];
        second.data = anchor_lang::InstructionData::data(&novate_client::instruction::SettleOrders { legs, sides });
        let all = [good.clone(), crossed, second];
        let table = desk.world.lookup_table(&all);
        let refused = desk.world.send_with_tables(&all, &[&seller], &[table]).expect_err("crossed");
        assert!(refused.is(NovateError::SignatureEntry), "{:?}", refused.error);
    }
    // Its own index is as good as none.
    let mut own = good;
    for at in PLACES {
        own.data[at..at + 2].copy_from_slice(&u16::from(PLACE).to_le_bytes());
    }
    desk.world.succeeds(&[own, settle[1].clone()], &[&seller]);
    desk.is_sound();
}

#[test]
fn an_entry_names_itself_by_either_number() {
    for mixed in [[true, false, false], [false, true, true]] {
        let mut proof = Proof::new();
        let mut made = ed25519(&[&proof.bid]).expect("short");
        for (at, own) in PLACES.into_iter().zip(mixed) {
            let number = if own { u16::from(PLACE) } else { u16::MAX };
            made.data[at..at + 2].copy_from_slice(&number.to_le_bytes());
        }
        proof.fills(&made, 0);
    }
}

#[test]
fn an_entry_of_an_instruction_or_of_bytes_that_are_not_there_is_no_proof() {
    let mut proof = Proof::new();
    let good = ed25519(&[&proof.bid]).expect("short");
    for (at, number) in PLACES.map(|at| (at, 9)).into_iter().chain([(2, 4_000), (6, 4_000), (10, 4_000), (12, 4_000)]) {
        let mut made = good.clone();
        made.data[at..at + 2].copy_from_slice(&u16::to_le_bytes(number));
        proof.is_no_proof(&made);
    }
    proof.fills(&good, 0);
}

#[test]
fn two_entries_of_the_same_bytes_are_one_order() {
    let mut proof = Proof::new();
    let entry = Entry::at(2 + 2 * ENTRY, proof.bid.message.len());
    let twice = made(2, &[entry; 2], &[&bytes(&proof.bid)]);
    proof.fills(&twice, 0);
    proof.fills(&twice, 1);
    proof.refuses(&twice, 0, NovateError::OrderOverfilled);
    proof.refuses(&twice, 1, NovateError::OrderOverfilled);
    assert_eq!(proof.desk.held(), [CONTRACT, -CONTRACT]);
}

#[test]
fn a_message_that_reaches_beyond_its_text_is_none() {
    let mut proof = Proof::new();
    let (key, text) = (proof.desk.buyer.key.insecure_clone(), proof.bid.message.clone());
    let first = 2 + ENTRY;
    // Over the key in front of it, truly signed.
    let over = [proof.bid.signer.as_ref(), &text].concat();
    let signature = signed_bytes(&key, over.clone()).signature;
    let entry = Entry { message: first + SIGNATURE, length: over.len(), ..Entry::at(first, 0) };
    proof.refuses(&made(1, &[entry], &[&signature, &over]), 0, NovateError::OrderText);
    // Over what stands behind it, and short of its end.
    for message in [[&text[..], b"\n"].concat(), [&text[..], b" "].concat(), text[..text.len() - 1].to_vec()] {
        let signed = signed_bytes(&key, message);
        // A nonce that lost a digit is of long before its time.
        let error = if signed.message.len() < text.len() { NovateError::OrderTooLong } else { NovateError::OrderText };
        proof.refuses(&ed25519(&[&signed]).expect("short"), 0, error);
    }
}

#[test]
fn bytes_behind_an_entry_prove_nothing_and_do_no_harm() {
    let mut proof = Proof::new();
    let entry = Entry::at(2 + ENTRY, proof.bid.message.len());
    let trailing = made(1, &[entry], &[&bytes(&proof.bid), b"; reduce-only"]);
    proof.fills(&trailing, 0);
    // A second entry with a signature that is none, which the count leaves out: nobody checked it.
    let forged = SignedMessage { signature: [7; SIGNATURE], ..signed(&proof.desk.buyer.key, &proof.desk.ask()) };
    let first = Entry::at(2 + 2 * ENTRY, proof.bid.message.len());
    let second = Entry::at(first.message + first.length, forged.message.len());
    let behind = [bytes(&proof.bid), bytes(&forged)];
    let hidden = made(1, &[first, second], &[&behind[0], &behind[1]]);
    proof.refuses(&hidden, 1, NovateError::SignatureEntry);
    proof.fills(&hidden, 0);
    // Counted, it is checked.
    proof.is_no_proof(&made(2, &[first, second], &[&behind[0], &behind[1]]));
}

#[test]
fn an_entry_that_is_not_counted_is_none() {
    let mut proof = Proof::new();
    let entry = Entry::at(2 + ENTRY, proof.bid.message.len());
    let bytes = bytes(&proof.bid);
    // Bytes without a count are refused as they are.
    proof.is_no_proof(&made(0, &[entry], &[&bytes]));
    proof.refuses(&made(0, &[], &[]), 0, NovateError::SignatureEntry);
    proof.is_no_proof(&made(2, &[entry], &[&bytes]));
    proof.fills(&made(1, &[entry], &[&bytes]), 0);
}
