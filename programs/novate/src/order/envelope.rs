//! What was signed: the text itself, or the text in Solana's off-chain message of version 0, which wallets sign. Of the latter every
//! field must be as [`seal`] writes it.
//!
//! | offset | bytes | field | here |
//! |---|---|---|---|
//! | 0 | 16 | signing domain | `\xffsolana offchain` |
//! | 16 | 1 | version of the header | 0 |
//! | 17 | 32 | application domain | the program's id |
//! | 49 | 1 | format of the message | 0, printable ASCII |
//! | 50 | 1 | count of signers | 1 |
//! | 51 | 32 | signer | the key that signed |
//! | 83 | 2 | length of the message, little-endian | |
//! | 85 | | the message | the text |

use anchor_lang::prelude::Pubkey;

use crate::error::NovateError;

/// The first byte begins no transaction, so that nothing signed is both.
const SIGNING_DOMAIN: &[u8; 16] = b"\xffsolana offchain";
const VERSION: u8 = 0;
const PRINTABLE_ASCII: u8 = 0;
const ONE_SIGNER: u8 = 1;
const HEADER: usize = 85;

/// Bytes of text that a hardware wallet signs at most: 1,232 with the rest of the message.
pub const MAX_SEALED_TEXT: usize = 1_232 - HEADER;

/// The text of a message that `signer` signed for `program`. Fails with [`NovateError::OrderEnvelope`] where it is an off-chain message
/// of another version, domain, format, signer or length.
pub fn open<'m>(message: &'m [u8], program: &Pubkey, signer: &Pubkey) -> Result<&'m [u8], NovateError> {
    if message.first() != SIGNING_DOMAIN.first() {
        return Ok(message);
    }
    unwrap(message, program, signer).ok_or(NovateError::OrderEnvelope)
}

/// A text as an off-chain message, to be signed by one key. `None` where it is longer than the length field can say.
pub fn seal(text: &str, program: &Pubkey, signer: &Pubkey) -> Option<Vec<u8>> {
    let length = u16::try_from(text.len()).ok()?;
    let mut message = Vec::with_capacity(HEADER.saturating_add(text.len()));
    message.extend_from_slice(SIGNING_DOMAIN);
    message.push(VERSION);
    message.extend_from_slice(program.as_ref());
    message.extend_from_slice(&[PRINTABLE_ASCII, ONE_SIGNER]);
    message.extend_from_slice(signer.as_ref());
    message.extend_from_slice(&length.to_le_bytes());
    message.extend_from_slice(text.as_bytes());
    Some(message)
}

fn unwrap<'m>(message: &'m [u8], program: &Pubkey, signer: &Pubkey) -> Option<&'m [u8]> {
    let rest = message.strip_prefix(SIGNING_DOMAIN)?.strip_prefix(&[VERSION])?;
    let rest = rest.strip_prefix(program.as_ref())?.strip_prefix(&[PRINTABLE_ASCII, ONE_SIGNER])?;
    let rest = rest.strip_prefix(signer.as_ref())?;
    let (length, text) = rest.split_first_chunk::<2>()?;
    (usize::from(u16::from_le_bytes(*length)) == text.len()).then_some(text)
}
