//! Changes: scheduling what waits, executing it, and taking it back (CLR-50).

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use anchor_lang::Discriminator;
use novate::state::{Change, Governed};
use novate::{accounts, instruction, ID, INSTRUCTIONS};

use super::{build, SYSTEM_PROGRAM};
use crate::addresses;

/// What stands behind an instruction that executes no change.
pub(super) fn at_once() -> accounts::Enactment {
    accounts::Enactment { change: None, payer: None, instructions: INSTRUCTIONS }
}

/// The accounts that a change names for an instruction; `None` where the instruction does not wait.
pub fn targets(governed: &Instruction) -> Option<Vec<Pubkey>> {
    Governed::find(&governed.data).ok()?;
    let is = |discriminator: &[u8]| governed.data.starts_with(discriminator);
    let named: &[usize] = match () {
        () if is(instruction::AddAsset::DISCRIMINATOR) => &[3],
        () if is(instruction::RegisterVenue::DISCRIMINATOR)
            || is(instruction::SetCommittee::DISCRIMINATOR)
            || is(instruction::SetParams::DISCRIMINATOR)
            || is(instruction::SetDelays::DISCRIMINATOR) =>
        {
            &[]
        }
        () => &[1],
    };
    named.iter().map(|at| governed.accounts.get(*at).map(|meta| meta.pubkey)).collect()
}

/// Governance: an instruction that waits is scheduled as the change `number`, the pool's change count. `payer` pays the rent, and
/// signs. An instruction that does not wait is refused by the program.
pub fn schedule_change(authority: Pubkey, payer: Pubkey, number: u64, governed: &Instruction) -> Instruction {
    let pool = governed.accounts.first().map(|meta| meta.pubkey).unwrap_or_default();
    let targets = targets(governed).unwrap_or_default();
    let named = targets.iter().map(|target| AccountMeta::new_readonly(*target, false)).collect::<Vec<_>>();
    let mut schedule = build(
        accounts::ScheduleChange {
            pool,
            change: addresses::change(&pool, number),
            authority,
            payer,
            system_program: SYSTEM_PROGRAM,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ScheduleChange { data: governed.data.clone(), targets },
    );
    schedule.accounts.extend(named);
    schedule
}

/// The same instruction as the execution of a change, whose rent `payer` has paid.
pub fn execute_change(mut governed: Instruction, number: u64, payer: Pubkey) -> Instruction {
    let pool = governed.accounts.first().map(|meta| meta.pubkey).unwrap_or_default();
    let place = governed.accounts.iter().position(|meta| meta.pubkey == INSTRUCTIONS);
    if let Some([change, to]) = place.and_then(|at| governed.accounts.get_mut(at.checked_sub(2)?..at)) {
        *change = AccountMeta::new(addresses::change(&pool, number), false);
        *to = AccountMeta::new(payer, false);
    }
    governed
}

/// Governance and guardian: a change is taken back. Of one that can no longer be executed, anyone.
pub fn cancel_change(signer: Pubkey, change: &Change) -> Instruction {
    build(
        accounts::CancelChange {
            pool: change.pool,
            change: addresses::change(&change.pool, change.number),
            signer,
            payer: change.payer,
            instructions: INSTRUCTIONS,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CancelChange {},
    )
}
