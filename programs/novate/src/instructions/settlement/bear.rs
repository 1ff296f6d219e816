//! A position's part in a haircut (CLR-32), where its expiry stands among the named accounts.

use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::instrument::expiry_of;
use crate::listed::{read, require_kind};
use crate::state::{Borne, Expiry, Market, Position};

/// [`Market::bear`] with the account of the expiry, which is read where a round stands and the position is held.
pub(super) fn bear(
    market: &mut Market,
    position: &mut Position,
    expiry: Option<&AccountInfo>,
    now: i64,
) -> Result<Option<Borne>> {
    let held = expiry_of(position.instrument).filter(|_| position.quantity != 0 && market.round.stands());
    match (held, expiry) {
        (Some(id), Some(info)) => {
            require_kind::<Expiry>(info)?;
            let expiry = read::<Expiry>(info)?;
            require_keys_eq!(expiry.pool, market.pool, NovateError::WrongPool);
            require!(expiry.id() == id, NovateError::WrongExpiry);
            market.bear(position, Some(&expiry), now)
        }
        _ => market.bear(position, None, now),
    }
}
