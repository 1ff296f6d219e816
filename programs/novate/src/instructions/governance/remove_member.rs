use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{MemberRemoved, EVENT_VERSION};
use crate::state::{Committee, Pool};

#[event_cpi]
#[derive(Accounts)]
pub struct RemoveMember<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    /// The authority, or the member itself.
    pub signer: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Refuses a durable nonce, and whoever is neither the authority nor the member.
/// 2. Silences the member at once. Its seat and the quorum stay until a committee is set, a week after that was scheduled: removals
///    can end forecasts, and leave no minority of the seats in charge of them.
/// 3. Emits [`MemberRemoved`].
pub(crate) fn remove_member(ctx: Context<RemoveMember>, member: Pubkey) -> Result<()> {
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let signer = accounts.signer.key();
    let allowed = signer == member || signer == accounts.pool.load()?.authority;
    require!(allowed, NovateError::NotAuthority);
    let mut committee = accounts.committee.load_mut()?;
    let seat = committee.remove(&member)?;

    emit_cpi!(MemberRemoved {
        version: EVENT_VERSION,
        pool: committee.pool,
        member,
        seat: u8::try_from(seat).map_err(|_| NovateError::MathOverflow)?,
        signer,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
