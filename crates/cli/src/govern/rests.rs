//! Accounts that a change rests on and does not name to the program: price accounts, stake pools and the programs that own them. Nothing makes
//! them exist while it waits, so a reader is told whether they do, and what they are.

use std::fmt::Write;

use anyhow::Result;
use bytemuck::Zeroable;
use novate_client::state::Asset;
use novate_client::{OracleSource, Pubkey, RedemptionTerms};
use novate_margin::{Price, Ratio};

use super::change::{take_source, Wanted};
use super::text;
use super::view::View;
use crate::amount::figure;

/// What there is of them now, a line each; nothing where a change rests on none.
pub fn words(wanted: &Wanted, view: &View) -> Result<String> {
    let mut out = String::new();
    match wanted {
        Wanted::SetOracle { asset, source } => {
            let held = view.asset(*asset)?;
            let mut asset = *held;
            take_source(&mut asset, source);
            price_account(&mut out, &asset, view)?;
            writeln!(out, "  the last price is {}, of {}", usd(held.price), text::time(held.publish_time))?;
        }
        Wanted::AddAsset { terms, .. } => {
            let mut asset = Asset::zeroed();
            asset.index = view.pool().asset_count;
            asset.contract_exponent = terms.contract_exponent;
            (asset.max_age, asset.max_confidence) = (terms.max_age, Ratio(terms.max_confidence));
            let (feed, feed_owner, feed_id) = (terms.feed, terms.feed_owner, terms.feed_id);
            take_source(&mut asset, &OracleSource { oracle: terms.oracle, feed, feed_owner, feed_id });
            price_account(&mut out, &asset, view)?;
            if let Some(redemption) = &terms.redemption {
                stake_pool(&mut out, redemption, view)?;
            }
        }
        _ => {}
    }
    Ok(out)
}

/// What the program would read of the price account now, or why not.
fn price_account(out: &mut String, asset: &Asset, view: &View) -> Result<()> {
    program(out, &asset.feed_owner, view)?;
    let Some(feed) = view.feed(asset)? else {
        let whose = match asset.feed == Pubkey::default() {
            true => format!("no account of {} with this feed id has a price now", asset.feed_owner),
            false => format!("price account {}: there is none at this address", asset.feed),
        };
        writeln!(out, "{whose}: what it will be cannot be seen yet")?;
        return Ok(());
    };
    let (address, owner) = (feed.address, feed.account.owner);
    if owner != asset.feed_owner {
        writeln!(
            out,
            "price account {address}: owned by {owner} and not by {}, so that nothing of it is read",
            asset.feed_owner
        )?;
        return Ok(());
    }
    match feed.read(asset, view.now) {
        Ok(reading) => {
            let (price, time) = (usd(reading.price), text::time(reading.publish_time));
            writeln!(out, "price account {address}: says {price}, of {time}")?;
        }
        Err(error) => {
            writeln!(
                out,
                "price account {address}: the program would not take it now: {}",
                text::refusal(error.into())
            )?;
        }
    }
    Ok(())
}

fn stake_pool(out: &mut String, terms: &RedemptionTerms, view: &View) -> Result<()> {
    program(out, &terms.stake_program, view)?;
    let address = terms.stake_pool;
    match view.account(&address)? {
        None => {
            writeln!(out, "stake pool {address}: there is none at this address: what it will be cannot be seen yet")?
        }
        Some(account) if account.owner != terms.stake_program => {
            let (owner, wanted) = (account.owner, terms.stake_program);
            writeln!(out, "stake pool {address}: owned by {owner} and not by {wanted}, so that nothing of it is read")?;
        }
        Some(account) => writeln!(out, "stake pool {address}: {} bytes of {}", account.data.len(), account.owner)?,
    }
    Ok(())
}

/// Whoever can change the program of an account can have it say anything.
fn program(out: &mut String, address: &Pubkey, view: &View) -> Result<()> {
    match view.account(address)? {
        None => writeln!(out, "owner {address}: there is no such program here")?,
        Some(account) if !account.executable => {
            writeln!(out, "owner {address}: is no program, but an account of {}", account.owner)?
        }
        Some(account) => writeln!(out, "owner {address}: a program, loaded by {}", account.owner)?,
    }
    Ok(())
}

/// A price for a contract as `1,234.56 USD`.
fn usd(price: Price) -> String {
    format!("{} USD", figure(price.0, 9, 2))
}
