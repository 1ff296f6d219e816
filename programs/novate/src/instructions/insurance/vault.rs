//! Tokens of the fund on their way into the vault of the settlement asset and out of it.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{transfer_checked, Mint, TokenAccount, TokenInterface, TransferChecked};

use crate::error::NovateError;
use crate::seeds;
use crate::state::Pool;

/// The vault, a token account of somebody, and what moves tokens between them.
pub(super) struct Vault<'a, 'info> {
    pub vault: &'a mut InterfaceAccount<'info, TokenAccount>,
    pub other: &'a InterfaceAccount<'info, TokenAccount>,
    pub mint: &'a InterfaceAccount<'info, Mint>,
    pub token_program: &'a Interface<'info, TokenInterface>,
}

impl<'info> Vault<'_, 'info> {
    /// Moves tokens in and returns what the vault received (CLR-60).
    pub fn receive(self, owner: &Signer<'info>, amount: u64) -> Result<u64> {
        require!(amount > 0, NovateError::ZeroAmount);
        let before = self.vault.amount;
        let transfer = TransferChecked {
            from: self.other.to_account_info(),
            mint: self.mint.to_account_info(),
            to: self.vault.to_account_info(),
            authority: owner.to_account_info(),
        };
        transfer_checked(CpiContext::new(self.token_program.key(), transfer), amount, self.mint.decimals)?;
        self.vault.reload()?;
        let received = self.vault.amount.checked_sub(before).ok_or(NovateError::MathOverflow)?;
        require!(received > 0, NovateError::ZeroAmount);
        Ok(received)
    }

    /// Moves tokens out, signed by the pool.
    pub fn send(self, pool: &AccountLoader<'info, Pool>, amount: u64) -> Result<()> {
        let (creator, id, bump) = {
            let pool = pool.load()?;
            (pool.creator, pool.id.to_le_bytes(), [pool.bump])
        };
        let signer: &[&[&[u8]]] = &[&[seeds::POOL, creator.as_ref(), &id, &bump]];
        let transfer = TransferChecked {
            from: self.vault.to_account_info(),
            mint: self.mint.to_account_info(),
            to: self.other.to_account_info(),
            authority: pool.to_account_info(),
        };
        let cpi = CpiContext::new_with_signer(self.token_program.key(), transfer, signer);
        transfer_checked(cpi, amount, self.mint.decimals)
    }
}
