//! The list of assets and markets behind an instruction's named accounts: checked once, read many times.
//!
//! Every entry is owned by the program, of a known kind and of the instruction's pool; assets come first, then markets,
//! each strictly ascending by index, so that no account can stand there twice.

use std::cell::{Ref, RefMut};

use anchor_lang::prelude::*;
use anchor_lang::{Discriminator, ZeroCopy};

use crate::error::NovateError;
use crate::state::{Asset, Market, DISCRIMINATOR, SETTLEMENT_ASSET};

/// Most assets, markets and expiries of both sides of a trade or a liquidation together (CLR-36).
pub const MAX_LISTED: usize = 48;

/// The checked list.
pub struct Listed<'a, 'info> {
    pub assets: &'a [AccountInfo<'info>],
    pub markets: &'a [AccountInfo<'info>],
}

impl<'a, 'info> Listed<'a, 'info> {
    /// Checks owner, kind, pool and order of every account.
    pub fn new(pool: &Pubkey, list: &'a [AccountInfo<'info>]) -> Result<Self> {
        require!(list.len() <= MAX_LISTED, NovateError::TooManyAccounts);
        let mut assets = 0usize;
        let mut last: Option<(bool, u16)> = None;
        for info in list {
            let key = kind_and_index(pool, info)?;
            if let Some(last) = last {
                require!(last != key, NovateError::DuplicateAccount);
                require!(last < key, NovateError::AccountsOutOfOrder);
            }
            last = Some(key);
            if !key.0 {
                assets = assets.saturating_add(1);
            }
        }
        let (assets, markets) = list.split_at_checked(assets).ok_or(NovateError::TooManyAccounts)?;
        Ok(Self { assets, markets })
    }

    /// The settlement asset, which every list begins with.
    pub fn settlement(&self) -> Result<Ref<'a, Asset>> {
        let asset = read::<Asset>(self.assets.first().ok_or(NovateError::AssetMissing)?)?;
        require!(asset.index == SETTLEMENT_ASSET, NovateError::AssetMissing);
        Ok(asset)
    }

    /// The asset of an index.
    pub fn asset(&self, index: u16) -> Result<Ref<'a, Asset>> {
        for info in self.assets {
            let asset = read::<Asset>(info)?;
            if asset.index == index {
                return Ok(asset);
            }
        }
        err!(NovateError::AssetMissing)
    }

    /// The market of an index, to be written.
    pub fn market_mut(&self, index: u16) -> Result<RefMut<'a, Market>> {
        for info in self.markets {
            if read::<Market>(info)?.index == index {
                return write::<Market>(info);
            }
        }
        err!(NovateError::MarketMissing)
    }
}

/// Whether an account is a market, and its index.
fn kind_and_index(pool: &Pubkey, info: &AccountInfo) -> Result<(bool, u16)> {
    require_keys_eq!(*info.owner, crate::ID, NovateError::WrongOwner);
    if is::<Asset>(info)? {
        let asset = read::<Asset>(info)?;
        require_keys_eq!(asset.pool, *pool, NovateError::WrongPool);
        Ok((false, asset.index))
    } else if is::<Market>(info)? {
        let market = read::<Market>(info)?;
        require_keys_eq!(market.pool, *pool, NovateError::WrongPool);
        Ok((true, market.index))
    } else {
        err!(NovateError::UnexpectedAccount)
    }
}

/// An account of the program and of kind `T`.
pub fn require_kind<T: Discriminator>(info: &AccountInfo) -> Result<()> {
    require_keys_eq!(*info.owner, crate::ID, NovateError::WrongOwner);
    require!(is::<T>(info)?, NovateError::UnexpectedAccount);
    Ok(())
}

fn is<T: Discriminator>(info: &AccountInfo) -> Result<bool> {
    Ok(info.try_borrow_data()?.get(..DISCRIMINATOR) == Some(T::DISCRIMINATOR))
}

/// Reads an account that is known to be of the program and of kind `T`.
pub fn read<'a, T: ZeroCopy>(info: &'a AccountInfo) -> Result<Ref<'a, T>> {
    let data = info.try_borrow_data()?;
    Ref::filter_map(data, |d| d.get(DISCRIMINATOR..).and_then(|d| bytemuck::try_from_bytes(d).ok()))
        .map_err(|_| NovateError::UnexpectedAccount.into())
}

/// Writes an account that is known to be of the program and of kind `T`.
pub fn write<'a, T: ZeroCopy>(info: &'a AccountInfo) -> Result<RefMut<'a, T>> {
    require!(info.is_writable, NovateError::NotWritable);
    let data = info.try_borrow_mut_data()?;
    RefMut::filter_map(data, |d| d.get_mut(DISCRIMINATOR..).and_then(|d| bytemuck::try_from_bytes_mut(d).ok()))
        .map_err(|_| NovateError::UnexpectedAccount.into())
}
