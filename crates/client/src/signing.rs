//! What is signed off chain, and the ed25519 instruction that has the runtime check it.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::introspection::ED25519;
use novate::order::seal;
use novate::ID;

/// Bytes in front of the entries, and of an entry.
const ENTRIES: usize = 2;
const ENTRY: usize = 14;
const SIGNATURE: usize = 64;
const KEY: usize = 32;
/// The instruction of an entry that names itself.
const SELF: u16 = u16::MAX;

/// A message and who signed it: an order's text, or the text in its envelope ([`novate::order::seal`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMessage {
    pub signer: Pubkey,
    pub signature: [u8; SIGNATURE],
    pub message: Vec<u8>,
}

/// What a key signs of a text: the text itself, or as hardware wallets do the off-chain message around it. `None` where that is too long.
pub fn message(text: &str, signer: &Pubkey, offchain: bool) -> Option<Vec<u8>> {
    if offchain {
        seal(text, &ID, signer)
    } else {
        Some(text.as_bytes().to_vec())
    }
}

/// The instruction that checks all of them; entries are in their order. `None` where there are more, or longer ones, than it can name.
pub fn ed25519(signed: &[&SignedMessage]) -> Option<Instruction> {
    let mut data = vec![u8::try_from(signed.len()).ok()?, 0];
    let mut offset = ENTRIES + ENTRY * signed.len();
    for one in signed {
        let (key, message) = (offset + SIGNATURE, offset + SIGNATURE + KEY);
        let entry = [offset, SELF.into(), key, SELF.into(), message, one.message.len(), SELF.into()];
        for number in entry {
            data.extend(u16::try_from(number).ok()?.to_le_bytes());
        }
        offset = message + one.message.len();
    }
    for one in signed {
        data.extend(one.signature);
        data.extend(one.signer.as_ref());
        data.extend(&one.message);
    }
    Some(Instruction { program_id: ED25519, accounts: vec![], data })
}
