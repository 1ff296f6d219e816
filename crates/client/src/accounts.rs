//! Account bytes to typed accounts. Bytes are copied, because buffers from a network need not be aligned.

use anchor_lang::ZeroCopy;
use novate::state::DISCRIMINATOR;

/// Why bytes are not the account that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the account is of another kind")]
    WrongKind,
    #[error("the account has {got} bytes instead of {expected}")]
    WrongSize { got: usize, expected: usize },
}

/// Decodes an account of the program: [`novate::state::Portfolio`], [`novate::state::Asset`] and so on.
pub fn decode<T: ZeroCopy>(data: &[u8]) -> Result<T, DecodeError> {
    let expected = DISCRIMINATOR + size_of::<T>();
    if data.get(..DISCRIMINATOR) != Some(T::DISCRIMINATOR) {
        return Err(DecodeError::WrongKind);
    }
    if data.len() != expected {
        return Err(DecodeError::WrongSize { got: data.len(), expected });
    }
    Ok(bytemuck::pod_read_unaligned(&data[DISCRIMINATOR..]))
}
