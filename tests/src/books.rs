//! A venue that is a program (`tests/venue`): its book, an address that no key signs for, is the signer of a registered venue.

use std::path::PathBuf;

use anchor_lang::Discriminator;
use novate::instruction::{Clear, ReportMid};
use novate_client::{AccountMeta, Instruction, Pubkey, ID};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::World;

/// Where tests have the program.
pub const VENUE: Pubkey = Pubkey::new_from_array([77; 32]);
/// As `tests/venue` counts its calls.
const CLEAR: u8 = 0;
const REPORT_MID: u8 = 1;

/// A book, and who speaks for it.
pub struct Book {
    pub operator: Keypair,
    /// Signs within the program's calls.
    pub address: Pubkey,
    bump: u8,
}

impl Book {
    /// The program's call of an instruction that was built with the book as the venue's signer.
    pub fn calls(&self, instruction: &Instruction) -> Instruction {
        let (number, arguments) = match instruction.data.split_at(8) {
            (Clear::DISCRIMINATOR, arguments) => (CLEAR, arguments),
            (ReportMid::DISCRIMINATOR, arguments) => (REPORT_MID, arguments),
            _ => panic!("a book signs nothing else"),
        };
        let mut accounts =
            vec![AccountMeta::new_readonly(self.operator.pubkey(), true), AccountMeta::new_readonly(ID, false)];
        // The book signs within, not without.
        accounts.extend(instruction.accounts.iter().map(|meta| AccountMeta { is_signer: false, ..meta.clone() }));
        Instruction { program_id: VENUE, accounts, data: [&[self.bump, number], arguments].concat() }
    }
}

/// Where `make venue` leaves the binary.
fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy/venue.so"))
}

impl World {
    /// A book of a new operator, not registered.
    pub fn book(&mut self) -> Book {
        let binary = std::fs::read(path()).expect("target/deploy/venue.so is missing: run `make venue`");
        self.svm.add_program(VENUE, &binary).expect("target/deploy/venue.so does not load");
        let operator = self.new_wallet();
        let (address, bump) = Pubkey::find_program_address(&[b"book", operator.pubkey().as_ref()], &VENUE);
        Book { operator, address, bump }
    }

    /// The same, the signer of a registered venue.
    pub fn registered_book(&mut self) -> Book {
        let (book, governor) = (self.book(), self.governor.insecure_clone());
        let register = self.register_instruction(&book.address);
        self.succeeds(&[register], &[&governor]);
        book
    }
}
