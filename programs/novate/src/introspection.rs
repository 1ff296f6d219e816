//! The other instructions of the transaction, as the runtime lists them.
//!
//! The account holds how many instructions there are and where each begins; each is its accounts, a byte of flags before each, the
//! program, and the data, numbers being u16.

use anchor_lang::prelude::*;

use crate::error::NovateError;

/// Where the runtime lists the instructions of the transaction.
pub const INSTRUCTIONS: Pubkey = pubkey!("Sysvar1nstructions1111111111111111111111111");
/// The program that checks ed25519 signatures: a transaction with a false one fails.
pub const ED25519: Pubkey = pubkey!("Ed25519SigVerify111111111111111111111111111");
/// Number of the system program's instruction that a durable-nonce transaction begins with.
const ADVANCE_NONCE: [u8; 4] = 4u32.to_le_bytes();
/// Bytes before the entries of an ed25519 instruction: their count and one without meaning.
const ENTRIES: usize = 2;
/// Bytes of an entry: offset and instruction of the signature, of the key and, with the size in between, of the message.
const ENTRY: usize = 14;
const SIGNATURE: usize = 64;
/// The instruction of an entry that names itself.
const SELF: u16 = u16::MAX;

/// A transaction with a durable nonce can be signed long before it is sent: it is none of those that govern. Whoever calls the
/// program, its first instruction tells.
pub fn refuse_durable_nonce(instructions: &AccountInfo) -> Result<()> {
    let data = instructions.try_borrow_data()?;
    let first = instruction_at(&data, 0);
    let nonce = first.is_none_or(|(program, data)| {
        program == anchor_lang::system_program::ID.as_ref() && data.starts_with(&ADVANCE_NONCE)
    });
    require!(!nonce, NovateError::DurableNonce);
    Ok(())
}

/// Key and message of an entry of an ed25519 instruction. All that it speaks of must lie in that instruction itself, so that what was
/// checked is what is read here.
pub fn signed_message(list: &[u8], instruction: u8, entry: u8) -> Result<(Pubkey, &[u8])> {
    let found = instruction_at(list, instruction.into()).filter(|(program, _)| *program == ED25519.as_ref());
    let (_, data) = found.ok_or(NovateError::NotEd25519)?;
    Ok(signed_entry(data, instruction.into(), entry).ok_or(NovateError::SignatureEntry)?)
}

fn signed_entry(data: &[u8], own: u16, entry: u8) -> Option<(Pubkey, &[u8])> {
    let count = *data.first()?;
    if entry >= count {
        return None;
    }
    let at = ENTRIES.checked_add(usize::from(entry).checked_mul(ENTRY)?)?;
    let numbers: &[u8; ENTRY] = data.get(at..)?.first_chunk()?;
    let number = |at: usize| Some(u16::from_le_bytes(*numbers.get(at..)?.first_chunk()?));
    for instruction in [number(2)?, number(6)?, number(12)?] {
        if instruction != SELF && instruction != own {
            return None;
        }
    }
    let slice = |offset: u16, size: usize| {
        let offset = usize::from(offset);
        data.get(offset..offset.checked_add(size)?)
    };
    slice(number(0)?, SIGNATURE)?;
    let key = Pubkey::try_from(slice(number(4)?, 32)?).ok()?;
    Some((key, slice(number(8)?, number(10)?.into())?))
}

/// Program and data of an instruction.
fn instruction_at(list: &[u8], index: u16) -> Option<(&[u8], &[u8])> {
    let number = |at: usize| Some(usize::from(u16::from_le_bytes(*list.get(at..)?.first_chunk()?)));
    let index = usize::from(index);
    if index >= number(0)? {
        return None;
    }
    let begin = number(index.checked_mul(2)?.checked_add(2)?)?;
    let accounts = number(begin)?.checked_mul(33)?;
    let program = begin.checked_add(2)?.checked_add(accounts)?;
    let length = program.checked_add(32)?;
    let data = length.checked_add(2)?;
    Some((list.get(program..length)?, list.get(data..data.checked_add(number(length)?)?)?))
}
