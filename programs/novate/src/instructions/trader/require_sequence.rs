use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::state::Portfolio;

/// Anyone; a guard to put into a transaction.
#[derive(Accounts)]
pub struct RequireSequence<'info> {
    pub portfolio: AccountLoader<'info, Portfolio>,
}

/// Fails unless the portfolio is as the sender last saw it: same sequence.
pub(crate) fn require_sequence(ctx: Context<RequireSequence>, sequence: u64) -> Result<()> {
    require!(ctx.accounts.portfolio.load()?.sequence == sequence, NovateError::SequenceMoved);
    Ok(())
}
