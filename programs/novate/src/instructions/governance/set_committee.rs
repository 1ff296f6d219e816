use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{CommitteeSet, EVENT_VERSION};
use crate::instruction;
use crate::seeds;
use crate::state::{Committee, Pool};

#[event_cpi]
#[derive(Accounts)]
pub struct SetCommittee<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        init_if_needed,
        payer = authority,
        space = Committee::SPACE,
        seeds = [seeds::COMMITTEE, pool.key().as_ref()],
        bump
    )]
    pub committee: AccountLoader<'info, Committee>,
    #[account(mut)]
    pub authority: Signer<'info>,
    pub system_program: Program<'info, System>,
    pub enactment: Enactment<'info>,
}

/// Nobody forecasts who sets terms, pauses or names the committee: what a hostile key of one role can do does not add up with
/// what one of the other can.
fn validate(pool: &Pool, members: &[Pubkey]) -> Result<()> {
    require!(!members.iter().any(|member| pool.is_held(member)), NovateError::MemberHoldsRole);
    Ok(())
}

/// 1. Executes the change that was scheduled for it ([`Enactment::enact`]).
/// 2. Refuses a member who holds a role of the pool.
/// 3. Seats the members, ascending, with their quorum, which is more than half of them; creates the committee with the first ones. What
///    was submitted before counts no longer; what was applied stands.
/// 4. Emits [`CommitteeSet`].
pub(crate) fn set_committee(ctx: Context<SetCommittee>, members: Vec<Pubkey>, quorum: u8) -> Result<()> {
    let accounts = &ctx.accounts;
    let instruction = instruction::SetCommittee { members, quorum };
    accounts.enactment.enact(&accounts.pool, &instruction, &[])?;
    let instruction::SetCommittee { members, quorum } = instruction;
    validate(&*accounts.pool.load()?, &members)?;
    let mut committee = match accounts.committee.load_mut() {
        Ok(committee) => committee,
        Err(_) => {
            let mut committee = accounts.committee.load_init()?;
            committee.open(accounts.pool.key(), ctx.bumps.committee);
            committee
        }
    };
    committee.seat(&members, quorum)?;

    emit_cpi!(CommitteeSet {
        version: EVENT_VERSION,
        pool: committee.pool,
        members,
        quorum,
        term: committee.term,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
