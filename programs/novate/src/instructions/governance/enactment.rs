//! What stands behind every instruction that waits: the change that was scheduled for it (CLR-50).

use anchor_lang::prelude::*;
use anchor_lang::InstructionData;

use crate::error::NovateError;
use crate::state::{Change, Pool};

/// The instructions of the transaction, as the runtime lists them.
pub const INSTRUCTIONS: Pubkey = pubkey!("Sysvar1nstructions1111111111111111111111111");
/// Number of the system program's instruction that a durable-nonce transaction begins with.
const ADVANCE_NONCE: [u8; 4] = 4u32.to_le_bytes();

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

/// A transaction with a durable nonce can be signed long before it is sent: it is none of those that govern. Whoever calls the
/// program, its first instruction tells.
pub fn refuse_durable_nonce(instructions: &AccountInfo) -> Result<()> {
    let data = instructions.try_borrow_data()?;
    require!(!begins_with_nonce(&data).unwrap_or(true), NovateError::DurableNonce);
    Ok(())
}

/// Whether the first instruction advances a nonce. The account holds how many instructions there are and where each begins; each is
/// its accounts, a byte of flags before each, the program, and the data, numbers being u16.
fn begins_with_nonce(data: &[u8]) -> Option<bool> {
    let number = |at: usize| Some(usize::from(u16::from_le_bytes(*data.get(at..)?.first_chunk()?)));
    let first = number(2)?;
    let accounts = number(first)?.checked_mul(33)?;
    let program = first.checked_add(2)?.checked_add(accounts)?;
    let length = program.checked_add(32)?;
    let begin = length.checked_add(2)?;
    let sent = data.get(begin..begin.checked_add(number(length)?)?)?;
    let system = data.get(program..length)? == anchor_lang::system_program::ID.as_ref();
    Some(system && sent.starts_with(&ADVANCE_NONCE))
}
