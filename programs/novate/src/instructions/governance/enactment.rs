//! What stands behind every instruction that waits: the change that was scheduled for it (CLR-50).

use anchor_lang::prelude::*;
use anchor_lang::InstructionData;

use crate::error::NovateError;
pub use crate::introspection::{refuse_durable_nonce, INSTRUCTIONS};
use crate::state::{Change, Pool};

/// The change that is executed.
#[derive(Accounts)]
pub struct Enactment<'info> {
    /// The program's own address where the pool does not trade yet.
    #[account(mut)]
    pub change: Option<AccountLoader<'info, Change>>,
    /// CHECK: paid the change's rent, and receives it; the program's own address where there is no change.
    #[account(mut)]
    pub payer: Option<UncheckedAccount<'info>>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

impl<'info> Enactment<'info> {
    /// Refuses a durable nonce. Before the pool has scenario rows nobody can deposit: no change is needed, nor allowed. From then on
    /// it must be one of this pool, scheduled by the authority of today, ready and not lapsed, for exactly this instruction on exactly
    /// these accounts; it is closed, so that nothing is executed twice, and the rent goes back to who paid it.
    pub fn enact(
        &self,
        pool: &AccountLoader<'info, Pool>,
        instruction: &impl InstructionData,
        targets: &[Pubkey],
    ) -> Result<()> {
        refuse_durable_nonce(&self.instructions)?;
        if !pool.load()?.is_live() {
            return self.require_none();
        }
        let loader = self.change.as_ref().ok_or(NovateError::ChangeMissing)?;
        let payer = self.payer.as_ref().ok_or(NovateError::WrongPayer)?;
        let change = loader.load()?;
        require_keys_eq!(change.pool, pool.key(), NovateError::WrongPool);
        let now = Clock::get()?.unix_timestamp;
        change.require_executable(&*pool.load()?, &instruction.data(), targets, now)?;
        require_keys_eq!(change.payer, payer.key(), NovateError::WrongPayer);
        drop(change);
        pool.load_mut()?.close_change();
        loader.close(payer.to_account_info())
    }

    /// When the change was scheduled, where there is one. Asked before it is executed.
    pub fn scheduled(&self) -> Result<Option<i64>> {
        self.change.as_ref().map(|change| Ok(change.load()?.scheduled)).transpose()
    }

    /// What needs no change takes none, so that none is used up by mistake.
    pub fn require_none(&self) -> Result<()> {
        require!(self.change.is_none(), NovateError::ChangeNeedless);
        Ok(())
    }
}
