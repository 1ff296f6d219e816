use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{ChangeScheduled, EVENT_VERSION};
use crate::seeds;
use crate::state::{Change, Governed, Pool, CHANGE_EXPIRY};

/// The pool's authority; anyone may pay. Behind the instruction stand the accounts that the change names.
#[event_cpi]
#[derive(Accounts)]
pub struct ScheduleChange<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        init,
        payer = payer,
        space = Change::SPACE,
        seeds = [seeds::CHANGE, pool.key().as_ref(), &pool.load()?.change_count.to_le_bytes()],
        bump
    )]
    pub change: AccountLoader<'info, Change>,
    pub authority: Signer<'info>,
    #[account(mut)]
    pub payer: Signer<'info>,
    pub system_program: Program<'info, System>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Refuses a durable nonce, a pool that does not trade yet, and more open changes than a pool may have.
/// 2. Finds the instruction that the data begin with, and its class; refuses what does not wait (CLR-50).
///    Refuses accounts that do not exist yet: nobody could see what it is that the change rests on.
/// 3. Enters instruction and accounts into a change, executable once the delay of its class is over, for a week from then.
/// 4. Emits [`ChangeScheduled`].
pub(crate) fn schedule_change(ctx: Context<ScheduleChange>, data: Vec<u8>, targets: Vec<Pubkey>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let mut pool = accounts.pool.load_mut()?;
    require!(pool.is_live(), NovateError::ChangeNeedless);
    let class = Governed::find(&data)?.class;
    let exists = |(account, target): (&AccountInfo, &Pubkey)| account.key == target && !account.data_is_empty();
    let named = ctx.remaining_accounts.len() == targets.len();
    require!(named && ctx.remaining_accounts.iter().zip(&targets).all(exists), NovateError::TargetMissing);
    let number = pool.open_change()?;
    let mut change = accounts.change.load_init()?;
    change.hold(&data, &targets)?;
    change.bump = ctx.bumps.change;
    change.class = class as u8;
    change.pool = accounts.pool.key();
    change.number = number;
    change.epoch = pool.authority_epoch;
    change.proposer = accounts.authority.key();
    change.payer = accounts.payer.key();
    change.scheduled = now;
    change.ready = now.saturating_add(pool.delay(class));
    change.expires = change.ready.saturating_add(CHANGE_EXPIRY);

    emit_cpi!(ChangeScheduled {
        version: EVENT_VERSION,
        pool: change.pool,
        change: accounts.change.key(),
        number,
        class,
        proposer: change.proposer,
        payer: change.payer,
        ready: change.ready,
        expires: change.expires,
        targets,
        data,
        time: now,
    });
    Ok(())
}
