//! Every address of the program, each with its bump left out: the program finds bumps itself.

use anchor_lang::prelude::Pubkey;
use novate::{seeds, ID};

fn find(parts: &[&[u8]]) -> Pubkey {
    Pubkey::find_program_address(parts, &ID).0
}

/// Pool `id` of a creator.
pub fn pool(creator: &Pubkey, id: u16) -> Pubkey {
    find(&[seeds::POOL, creator.as_ref(), &id.to_le_bytes()])
}

/// Insurance fund of a pool.
pub fn insurance(pool: &Pubkey) -> Pubkey {
    find(&[seeds::INSURANCE, pool.as_ref()])
}

/// Stake of an owner in the insurance fund of a pool.
pub fn stake(pool: &Pubkey, owner: &Pubkey) -> Pubkey {
    find(&[seeds::STAKE, pool.as_ref(), owner.as_ref()])
}

/// Asset of a pool by index; 0 is the settlement asset.
pub fn asset(pool: &Pubkey, index: u16) -> Pubkey {
    find(&[seeds::ASSET, pool.as_ref(), &index.to_le_bytes()])
}

/// Token account that holds an asset's deposits.
pub fn vault(asset: &Pubkey) -> Pubkey {
    find(&[seeds::VAULT, asset.as_ref()])
}

/// Market of a pool by index.
pub fn market(pool: &Pubkey, index: u16) -> Pubkey {
    find(&[seeds::MARKET, pool.as_ref(), &index.to_le_bytes()])
}

/// Expiry of a market by its unix time.
pub fn expiry(market: &Pubkey, time: i64) -> Pubkey {
    find(&[seeds::EXPIRY, market.as_ref(), &time.to_le_bytes()])
}

/// Expiry of a pool by its id (see [`novate::instrument::expiry_id`]).
pub fn expiry_by_id(pool: &Pubkey, id: u64) -> Pubkey {
    let [minutes, market] = [id & u64::from(u32::MAX), id >> 32];
    expiry(&self::market(pool, market as u16), minutes as i64 * 60)
}

/// Scenario rows of a pool by generation.
pub fn scenarios(pool: &Pubkey, generation: u16) -> Pubkey {
    find(&[seeds::SCENARIOS, pool.as_ref(), &generation.to_le_bytes()])
}

/// Portfolio of an owner by sub-account.
pub fn portfolio(pool: &Pubkey, owner: &Pubkey, sub_account: u16) -> Pubkey {
    find(&[seeds::PORTFOLIO, pool.as_ref(), owner.as_ref(), &sub_account.to_le_bytes()])
}

/// Change of a pool by its number.
pub fn change(pool: &Pubkey, number: u64) -> Pubkey {
    find(&[seeds::CHANGE, pool.as_ref(), &number.to_le_bytes()])
}

/// Committee of a pool.
pub fn committee(pool: &Pubkey) -> Pubkey {
    find(&[seeds::COMMITTEE, pool.as_ref()])
}

/// What members of the committee forecast of an asset.
pub fn forecasts(asset: &Pubkey) -> Pubkey {
    find(&[seeds::FORECASTS, asset.as_ref()])
}

/// Venue of a pool by the key that signs its reports.
pub fn venue(pool: &Pubkey, signer: &Pubkey) -> Pubkey {
    find(&[seeds::VENUE, pool.as_ref(), signer.as_ref()])
}

/// Account that the program signs its events with.
pub fn event_authority() -> Pubkey {
    find(&[b"__event_authority"])
}
