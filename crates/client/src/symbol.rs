//! Symbols of what a pool trades: `BTC-PERP`, `BTC-25DEC26`, `BTC-25DEC26-100000-C`, as signed orders name them.

use novate::instrument::{self, expiry_of, market_of, Instrument};
use novate::order::{render_symbol, root_of};
use novate_margin::Price;

use crate::Snapshot;

/// The symbol of an instrument; `None` where its market or strike is not in the snapshot, or the market has another name than a
/// market can be given.
pub fn of(snapshot: &Snapshot, id: u64) -> Option<String> {
    let root = root_of(&snapshot.markets.get(&market_of(id))?.symbol)?;
    let traded = instrument::parse(id).ok()?;
    let strike = match traded {
        Instrument::Option { slot, .. } => {
            snapshot.expiries.get(&expiry_of(id)?)?.listed().get(usize::from(slot))?.strike
        }
        _ => Price::ZERO,
    };
    Some(render_symbol(root, traded, strike))
}
