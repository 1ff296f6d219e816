//! Mints and token accounts of SPL Token, written in its layout.

use anyhow::{Context, Result};
use novate_client::tokens::{self, ACCOUNT_SIZE, TOKEN_PROGRAM};
use novate_client::Pubkey;

use super::chain::Chain;

const MINT_SIZE: usize = 82;

/// A mint whose supply is fixed: no authority is left.
pub fn write_mint(chain: &mut Chain, address: Pubkey, decimals: u8) -> Result<()> {
    chain.set_foreign_account(address, TOKEN_PROGRAM, mint(decimals))
}

/// Data of such a mint.
pub fn mint(decimals: u8) -> Vec<u8> {
    let mut data = vec![0; MINT_SIZE];
    data[36..44].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    data[44] = decimals;
    data[45] = 1; // initialised
    data
}

/// A token account that holds `amount`.
pub fn write_account(chain: &mut Chain, address: Pubkey, mint: Pubkey, owner: Pubkey, amount: u64) -> Result<()> {
    chain.set_foreign_account(address, TOKEN_PROGRAM, account(mint, owner, amount))
}

/// Data of such an account.
pub fn account(mint: Pubkey, owner: Pubkey, amount: u64) -> Vec<u8> {
    let mut data = vec![0; ACCOUNT_SIZE];
    data[..32].copy_from_slice(mint.as_ref());
    data[32..64].copy_from_slice(owner.as_ref());
    data[64..72].copy_from_slice(&amount.to_le_bytes());
    data[108] = 1; // initialised, not frozen
    data
}

/// What a token account holds.
pub fn amount(chain: &Chain, address: &Pubkey) -> Result<u64> {
    tokens::amount(&chain.data(address)?).with_context(|| format!("{address} is not a token account"))
}
