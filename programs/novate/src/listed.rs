//! The list of assets, markets and expiries behind an instruction's named accounts: checked once, read many times.
//!
//! Every entry is owned by the program, of a known kind and of the instruction's pool; assets come first, then markets,
//! each strictly ascending by index, then expiries strictly ascending by market and time, so that no account can stand
//! there twice.

use std::cell::{Ref, RefMut};
use std::marker::PhantomData;
use std::ops::Deref;

use anchor_lang::prelude::*;
use anchor_lang::{Discriminator, ZeroCopy};

use crate::error::NovateError;
use crate::health::Source;
use crate::instrument::expiry_id;
use crate::state::{Asset, Expiry, Insurance, Market, DISCRIMINATOR, PLAIN_ASSET, SETTLEMENT_ASSET};

/// Most assets, markets and expiries of both sides of a trade or a liquidation together (CLR-36).
pub const MAX_LISTED: usize = 48;

/// The checked list.
pub struct Listed<'a, 'info> {
    list: &'a [AccountInfo<'info>],
    /// What the list ascends by, account by account.
    keys: Vec<u64>,
    /// In one of the markets a round of haircuts stands, or it was listed lately (CLR-32).
    has_rounds: bool,
}

impl<'a, 'info> Listed<'a, 'info> {
    /// Checks owner, kind, pool and order of every account.
    pub fn new(pool: &Pubkey, list: &'a [AccountInfo<'info>]) -> Result<Self> {
        require!(list.len() <= MAX_LISTED, NovateError::TooManyAccounts);
        let mut keys = Vec::with_capacity(list.len());
        let (mut last, mut has_rounds): (Option<u64>, bool) = (None, false);
        for info in list {
            let (key, has_round) = key_of(pool, info)?;
            has_rounds |= has_round;
            if let Some(last) = last {
                require!(last != key, NovateError::DuplicateAccount);
                require!(last < key, NovateError::AccountsOutOfOrder);
            }
            last = Some(key);
            keys.push(key);
        }
        Ok(Self { list, keys, has_rounds })
    }

    /// Whether a round of haircuts may have stood in one of the markets as the list was made: where it is false none did.
    pub fn has_rounds(&self) -> bool {
        self.has_rounds
    }

    /// Whether one of the markets may be so young that the fund does not stand behind it whole (CLR-32).
    pub fn has_young(&self) -> Result<bool> {
        if !self.has_rounds {
            return Ok(false);
        }
        let mut young = false;
        let markets = self.keys.iter().zip(self.list).filter(|(key, _)| (MARKETS..EXPIRIES).contains(*key));
        for (_, info) in markets {
            young |= read::<Market>(info)?.listed != 0;
        }
        Ok(young)
    }

    /// The settlement asset, which every list begins with.
    pub fn settlement(&self) -> Result<Ref<'a, Asset>> {
        let first = self.keys.first().filter(|key| **key == asset_key(SETTLEMENT_ASSET));
        read(first.and(self.list.first()).ok_or(NovateError::AssetMissing)?)
    }

    /// The settlement asset, to be written.
    pub fn settlement_mut(&self) -> Result<RefMut<'a, Asset>> {
        write(self.search(asset_key(SETTLEMENT_ASSET)).ok_or(NovateError::AssetMissing)?)
    }

    /// Records in the settlement asset what insurance is short of, where that has changed (CLR-35).
    pub fn note_shortage(&self, insurance: &Insurance) -> Result<()> {
        if self.settlement()?.shortage != insurance.shortage() {
            self.settlement_mut()?.note_shortage(insurance);
        }
        Ok(())
    }

    /// The asset of an index.
    pub fn asset(&self, index: u16) -> Result<Ref<'a, Asset>> {
        read(self.search(asset_key(index)).ok_or(NovateError::AssetMissing)?)
    }

    /// The market of an index.
    pub fn market(&self, index: u16) -> Result<Ref<'a, Market>> {
        read(self.search(market_key(index)).ok_or(NovateError::MarketMissing)?)
    }

    /// The market of an index, to be written.
    pub fn market_mut(&self, index: u16) -> Result<RefMut<'a, Market>> {
        write(self.search(market_key(index)).ok_or(NovateError::MarketMissing)?)
    }

    /// An expiry by its id.
    pub fn expiry(&self, id: u64) -> Result<Ref<'a, Expiry>> {
        read(self.search(expiry_key(id)).ok_or(NovateError::ExpiryMissing)?)
    }

    /// An expiry by its id, as it was passed.
    pub fn expiry_info(&self, id: u64) -> Option<&'a AccountInfo<'info>> {
        self.search(expiry_key(id))
    }

    /// An expiry by market and minute, to be written.
    pub fn expiry_mut(&self, market: u16, minutes: u32) -> Result<RefMut<'a, Expiry>> {
        write(self.search(expiry_key(expiry_id(market, minutes))).ok_or(NovateError::ExpiryMissing)?)
    }

    fn search(&self, key: u64) -> Option<&'a AccountInfo<'info>> {
        self.list.get(self.keys.binary_search(&key).ok()?)
    }

    /// The account of a key, looked for from `at` onwards first. Leaves its place there.
    fn find(&self, key: u64, at: &mut usize) -> Option<&'a AccountInfo<'info>> {
        while let Some(found) = self.keys.get(*at).filter(|found| **found <= key) {
            if *found == key {
                return self.list.get(*at);
            }
            *at = at.saturating_add(1);
        }
        *at = self.keys.binary_search(&key).ok()?;
        self.list.get(*at)
    }
}

/// The list as it is read for one portfolio, which holds assets, markets and expiries mostly in the order of the list.
pub struct Walk<'a, 'b, 'info> {
    listed: &'b Listed<'a, 'info>,
    asset_at: usize,
    market_at: usize,
    expiry_at: usize,
}

impl<'a, 'b, 'info> Walk<'a, 'b, 'info> {
    pub fn new(listed: &'b Listed<'a, 'info>) -> Self {
        Self { listed, asset_at: 0, market_at: 0, expiry_at: 0 }
    }
}

impl<'a> Source for Walk<'a, '_, '_> {
    type Market = Ref<'a, Market>;

    fn asset(&mut self, index: u16) -> Result<impl Deref<Target = Asset>> {
        let found = self.listed.find(asset_key(index), &mut self.asset_at);
        read::<Asset>(found.ok_or(NovateError::AssetMissing)?)
    }

    fn market(&mut self, index: u16) -> Result<Self::Market> {
        let found = self.listed.find(market_key(index), &mut self.market_at);
        read::<Market>(found.ok_or(NovateError::MarketMissing)?)
    }

    fn expiry(&mut self, id: u64) -> Result<impl Deref<Target = Expiry>> {
        let found = self.listed.find(expiry_key(id), &mut self.expiry_at);
        read::<Expiry>(found.ok_or(NovateError::ExpiryMissing)?)
    }
}

/// What the list ascends by: the kind of an account in the highest bits, then its index or id. And whether it is a market with a round of
/// haircuts, or one that was listed lately.
fn key_of(pool: &Pubkey, info: &AccountInfo) -> Result<(u64, bool)> {
    require_keys_eq!(*info.owner, crate::ID, NovateError::WrongOwner);
    let data = info.try_borrow_data()?;
    let (word, body) = data.split_first_chunk::<DISCRIMINATOR>().ok_or(NovateError::UnexpectedAccount)?;
    let (of, key, has_round) = match u64::from_le_bytes(*word) {
        Kind::<Asset>::WORD => {
            let asset: &Asset = bytemuck::try_from_bytes(body).map_err(|_| NovateError::UnexpectedAccount)?;
            (&asset.pool, asset_key(asset.index), false)
        }
        Kind::<Market>::WORD => {
            let market: &Market = bytemuck::try_from_bytes(body).map_err(|_| NovateError::UnexpectedAccount)?;
            (&market.pool, market_key(market.index), market.round.stands() || market.listed != 0)
        }
        Kind::<Expiry>::WORD => {
            let expiry: &Expiry = bytemuck::try_from_bytes(body).map_err(|_| NovateError::UnexpectedAccount)?;
            (&expiry.pool, expiry_key(expiry.id()), false)
        }
        _ if *word == PLAIN_ASSET => return err!(NovateError::AssetOutdated),
        _ => return err!(NovateError::UnexpectedAccount),
    };
    require_keys_eq!(*of, *pool, NovateError::WrongPool);
    Ok((key, has_round))
}

/// Above the index of any asset and market, and above the id of any expiry.
const MARKETS: u64 = 1 << 62;
const EXPIRIES: u64 = 1 << 63;

fn asset_key(index: u16) -> u64 {
    index.into()
}

fn market_key(index: u16) -> u64 {
    MARKETS | u64::from(index)
}

fn expiry_key(id: u64) -> u64 {
    EXPIRIES | id
}

/// An account of the program and of kind `T`.
pub fn require_kind<T: Discriminator>(info: &AccountInfo) -> Result<()> {
    require_keys_eq!(*info.owner, crate::ID, NovateError::WrongOwner);
    // What is being written stands elsewhere in the instruction as another kind.
    let data = info.try_borrow_data().map_err(|_| NovateError::UnexpectedAccount)?;
    let word = data.first_chunk().map(|word| u64::from_le_bytes(*word));
    require!(word != Some(const { u64::from_le_bytes(PLAIN_ASSET) }), NovateError::AssetOutdated);
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
