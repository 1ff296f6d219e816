//! The smallest venue: a book is an address of this program, which an operator speaks for. Registered as a venue's signer, it clears
//! fills and reports mids by calling Novate.
//!
//! An instruction is the book's bump, the number of a [`call`], and the arguments of that call as Novate reads them. Its accounts are the
//! operator, who signs; Novate; and those of the call, in its order.

use solana_account_info::AccountInfo;
use solana_cpi::invoke_signed_unchecked;
use solana_instruction::{AccountMeta, Instruction};
use solana_program_entrypoint::{entrypoint, ProgramResult};
use solana_program_error::ProgramError;
use solana_pubkey::Pubkey;

/// The program that clears.
const NOVATE: Pubkey = Pubkey::from_str_const("76GnU7ZPVzyCnvVHhxw1FcsFFrfUFWFK9tgjjXJ5ezaQ");
/// Before the operator's address in the seeds of a book.
const BOOK: &[u8] = b"book";
/// Discriminators: the first eight bytes of sha256("global:clear") and sha256("global:report_mid").
const CLEAR: [u8; 8] = [250, 39, 28, 213, 123, 163, 133, 5];
const REPORT_MID: [u8; 8] = [123, 227, 157, 91, 210, 135, 35, 80];

entrypoint!(process);

/// 1. Checks that the operator signs, and that it is Novate which is called.
/// 2. Derives the book from the operator: nobody else's can be named.
/// 3. Calls Novate with the accounts and arguments as they came; the book signs.
fn process(program: &Pubkey, accounts: &[AccountInfo], data: &[u8]) -> ProgramResult {
    let [operator, novate, called @ ..] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    let [bump, number, arguments @ ..] = data else { return Err(ProgramError::InvalidInstructionData) };
    if !operator.is_signer {
        return Err(ProgramError::MissingRequiredSignature);
    }
    if *novate.key != NOVATE {
        return Err(ProgramError::IncorrectProgramId);
    }

    let seeds = [BOOK, operator.key.as_ref(), &[*bump]];
    let book = Pubkey::create_program_address(&seeds, program).map_err(|_| ProgramError::InvalidSeeds)?;
    if called.iter().all(|account| *account.key != book) {
        return Err(ProgramError::InvalidSeeds);
    }

    let meta = |account: &AccountInfo| AccountMeta {
        pubkey: *account.key,
        is_signer: *account.key == book,
        is_writable: account.is_writable,
    };
    let instruction = Instruction {
        program_id: NOVATE,
        accounts: called.iter().map(meta).collect(),
        data: [&call(*number)?, arguments].concat(),
    };
    // Nothing of the accounts is borrowed here.
    invoke_signed_unchecked(&instruction, accounts, &[&seeds])
}

/// What a book signs: `clear`, 0, and `report_mid`, 1.
fn call(number: u8) -> Result<[u8; 8], ProgramError> {
    match number {
        0 => Ok(CLEAR),
        1 => Ok(REPORT_MID),
        _ => Err(ProgramError::InvalidInstructionData),
    }
}
