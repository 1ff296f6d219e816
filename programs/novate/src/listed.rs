//! The list of assets, markets and expiries behind an instruction's named accounts: checked once, read many times.
//!
//! Every entry is owned by the program, of a known kind and of the instruction's pool; assets come first, then markets,
//! each strictly ascending by index, then expiries strictly ascending by market and time, so that no account can stand
//! there twice.

use std::cell::{Ref, RefMut};
use std::marker::PhantomData;

use anchor_lang::prelude::*;
use anchor_lang::{Discriminator, ZeroCopy};

use crate::error::NovateError;
use crate::instrument::expiry_id;
use crate::state::{Asset, Expiry, Market, DISCRIMINATOR, SETTLEMENT_ASSET};

/// Most assets, markets and expiries of both sides of a trade or a liquidation together (CLR-36).
pub const MAX_LISTED: usize = 48;

/// The checked list.
pub struct Listed<'a, 'info> {
    pub assets: &'a [AccountInfo<'info>],
    pub markets: &'a [AccountInfo<'info>],
    pub expiries: &'a [AccountInfo<'info>],
}

impl<'a, 'info> Listed<'a, 'info> {
    /// Checks owner, kind, pool and order of every account.
    pub fn new(pool: &Pubkey, list: &'a [AccountInfo<'info>]) -> Result<Self> {
        require!(list.len() <= MAX_LISTED, NovateError::TooManyAccounts);
        let mut ends = [0usize; 2];
        let mut last: Option<u64> = None;
        for (at, info) in (1usize..).zip(list) {
            let (kind, key) = kind_and_key(pool, info)?;
            if let Some(last) = last {
                require!(last != key, NovateError::DuplicateAccount);
                require!(last < key, NovateError::AccountsOutOfOrder);
            }
            last = Some(key);
            ends.iter_mut().skip(kind).for_each(|end| *end = at);
        }
        let [assets, markets] = ends;
        let (front, expiries) = list.split_at_checked(markets).ok_or(NovateError::TooManyAccounts)?;
        let (assets, markets) = front.split_at_checked(assets).ok_or(NovateError::TooManyAccounts)?;
        Ok(Self { assets, markets, expiries })
    }

    /// The settlement asset, which every list begins with.
    pub fn settlement(&self) -> Result<Ref<'a, Asset>> {
        let asset = read::<Asset>(self.assets.first().ok_or(NovateError::AssetMissing)?)?;
        require!(asset.index == SETTLEMENT_ASSET, NovateError::AssetMissing);
        Ok(asset)
    }

    /// The settlement asset, to be written.
    pub fn settlement_mut(&self) -> Result<RefMut<'a, Asset>> {
        let asset = write::<Asset>(self.assets.first().ok_or(NovateError::AssetMissing)?)?;
        require!(asset.index == SETTLEMENT_ASSET, NovateError::AssetMissing);
        Ok(asset)
    }

    /// The asset of an index.
    pub fn asset(&self, index: u16) -> Result<Ref<'a, Asset>> {
        let at = position(self.assets, index, |a: &Asset| a.index).ok_or(NovateError::AssetMissing)?;
        read(self.assets.get(at).ok_or(NovateError::AssetMissing)?)
    }

    /// The market of an index.
    pub fn market(&self, index: u16) -> Result<Ref<'a, Market>> {
        let at = position(self.markets, index, |m: &Market| m.index).ok_or(NovateError::MarketMissing)?;
        read(self.markets.get(at).ok_or(NovateError::MarketMissing)?)
    }

    /// The market of an index, to be written.
    pub fn market_mut(&self, index: u16) -> Result<RefMut<'a, Market>> {
        let at = position(self.markets, index, |m: &Market| m.index).ok_or(NovateError::MarketMissing)?;
        write(self.markets.get(at).ok_or(NovateError::MarketMissing)?)
    }

    /// An expiry by market and minute, to be written.
    pub fn expiry_mut(&self, market: u16, minutes: u32) -> Result<RefMut<'a, Expiry>> {
        let at = expiry_position(self.expiries, expiry_id(market, minutes)).ok_or(NovateError::ExpiryMissing)?;
        write(self.expiries.get(at).ok_or(NovateError::ExpiryMissing)?)
    }
}

/// Where an expiry stands in a part of the list, which ascends by its id.
pub fn expiry_position(list: &[AccountInfo], id: u64) -> Option<usize> {
    list.binary_search_by_key(&id, |info| read::<Expiry>(info).map_or(u64::MAX, |expiry| expiry.id())).ok()
}

/// Where the account of an index stands in a part of the list, which ascends by index.
pub fn position<T: ZeroCopy>(list: &[AccountInfo], index: u16, index_of: fn(&T) -> u16) -> Option<usize> {
    let index_at = |info: &AccountInfo| read::<T>(info).map_or(u16::MAX, |account| index_of(&account));
    list.binary_search_by_key(&index, index_at).ok()
}

/// The kind of an account, 0 to 2, and a number that the list ascends by: the kind, then what orders its accounts.
fn kind_and_key(pool: &Pubkey, info: &AccountInfo) -> Result<(usize, u64)> {
    require_keys_eq!(*info.owner, crate::ID, NovateError::WrongOwner);
    let data = info.try_borrow_data()?;
    let (word, body) = data.split_first_chunk::<DISCRIMINATOR>().ok_or(NovateError::UnexpectedAccount)?;
    let (kind, of, key) = match u64::from_le_bytes(*word) {
        Kind::<Asset>::WORD => {
            let asset: &Asset = bytemuck::try_from_bytes(body).map_err(|_| NovateError::UnexpectedAccount)?;
            (0, &asset.pool, u64::from(asset.index))
        }
        Kind::<Market>::WORD => {
            let market: &Market = bytemuck::try_from_bytes(body).map_err(|_| NovateError::UnexpectedAccount)?;
            (1, &market.pool, MARKETS | u64::from(market.index))
        }
        Kind::<Expiry>::WORD => {
            let expiry: &Expiry = bytemuck::try_from_bytes(body).map_err(|_| NovateError::UnexpectedAccount)?;
            (2, &expiry.pool, EXPIRIES | expiry.id())
        }
        _ => return err!(NovateError::UnexpectedAccount),
    };
    require_keys_eq!(*of, *pool, NovateError::WrongPool);
    Ok((kind, key))
}

/// Above the index of any market, and above the id of any expiry.
const MARKETS: u64 = 1 << 62;
const EXPIRIES: u64 = 1 << 63;

/// An account of the program and of kind `T`.
pub fn require_kind<T: Discriminator>(info: &AccountInfo) -> Result<()> {
    require_keys_eq!(*info.owner, crate::ID, NovateError::WrongOwner);
    // What is being written stands elsewhere in the instruction as another kind.
    let data = info.try_borrow_data().map_err(|_| NovateError::UnexpectedAccount)?;
    let word = data.first_chunk().map(|word| u64::from_le_bytes(*word));
    require!(word == Some(Kind::<T>::WORD), NovateError::UnexpectedAccount);
    Ok(())
}

/// A discriminator as a number, which compares in one step.
struct Kind<T>(PhantomData<T>);

impl<T: Discriminator> Kind<T> {
    const WORD: u64 = match T::DISCRIMINATOR.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    };
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
