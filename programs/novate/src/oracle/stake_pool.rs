//! An SPL stake pool, by the offsets of its borsh layout: what a token of it is redeemed for (MRG-61).

use anchor_lang::prelude::*;
use novate_margin::Contracts;

use crate::error::NovateError;
use crate::state::{Asset, REDEMPTION_RATES};

/// Account type of a stake pool; 0 is an account not initialised, 2 a list of validators.
const STAKE_POOL: u8 = 1;
/// After the account type come manager, staker and deposit authority, a bump, validator list and reserve.
const POOL_MINT: usize = 1 + 3 * KEY + 1 + 2 * KEY;
/// After the mint come the manager's fee account and the token program.
const TOTAL_LAMPORTS: usize = POOL_MINT + 3 * KEY;
const POOL_TOKEN_SUPPLY: usize = TOTAL_LAMPORTS + 8;
const LAST_UPDATE_EPOCH: usize = POOL_TOKEN_SUPPLY + 8;
const KEY: usize = 32;

/// Decimals of the mint of every stake pool and of the SOL it is redeemed for: a rate is lamports for units of the token.
pub const STAKE_POOL_DECIMALS: u8 = 9;

/// Reads the stake pool of a yield-bearing asset: of the underlying, what a contract is redeemed for, rounded down. Refuses an
/// account that is not the asset's stake pool, one that is empty or was not updated in this epoch or the one before, and a rate
/// outside of [`REDEMPTION_RATES`].
pub fn rate(asset: &Asset, account: &AccountInfo, epoch: u64) -> Result<Contracts> {
    require_keys_eq!(*account.key, asset.redemption.stake_pool, NovateError::WrongStakePool);
    require_keys_eq!(*account.owner, asset.redemption.stake_program, NovateError::WrongStakePoolOwner);
    let data = account.try_borrow_data()?;
    require!(data.first() == Some(&STAKE_POOL), NovateError::MalformedStakePool);
    require!(field(&data, POOL_MINT)? == asset.mint.to_bytes(), NovateError::WrongStakePoolMint);
    let updated = u64::from_le_bytes(field(&data, LAST_UPDATE_EPOCH)?);
    require!(updated <= epoch && epoch.saturating_sub(updated) <= 1, NovateError::StakePoolEpoch);
    let lamports = u64::from_le_bytes(field(&data, TOTAL_LAMPORTS)?);
    let supply = u64::from_le_bytes(field(&data, POOL_TOKEN_SUPPLY)?);
    // A u64 times 1e9 fits.
    let scaled = u128::from(lamports).wrapping_mul(u128::from(Contracts::ONE.0.unsigned_abs()));
    let rate = scaled.checked_div(u128::from(supply)).ok_or(NovateError::StakePoolEmpty)?;
    let rate = Contracts(i64::try_from(rate).map_err(|_| NovateError::RedemptionRate)?);
    require!(rate >= REDEMPTION_RATES.0 && rate <= REDEMPTION_RATES.1, NovateError::RedemptionRate);
    Ok(rate)
}

fn field<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N]> {
    let found = data.get(at..).and_then(|rest| rest.first_chunk());
    Ok(*found.ok_or(NovateError::MalformedStakePool)?)
}

const _: () = assert!(POOL_MINT == 162 && TOTAL_LAMPORTS == 258 && LAST_UPDATE_EPOCH == 274);
