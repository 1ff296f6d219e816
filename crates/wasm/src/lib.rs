//! Health of portfolios in a browser or in Node: the Rust client, and with it the program's own code, as WebAssembly.
//!
//! An instance of the module is one snapshot of a pool and needs nothing from outside. The caller writes the bytes of an account where
//! [`input`] says and calls [`load`], for a portfolio [`health`]; what comes of it, or why nothing does, is at [`output`].

use std::cell::RefCell;

use anchor_lang::prelude::Pubkey;
use anchor_lang::{AnchorSerialize, Discriminator};
use bytemuck::{zeroed_box, Zeroable};
use novate_client::state::{Asset, Expiry, Market, Pool, Portfolio, Scenarios, DISCRIMINATOR};
use novate_client::{decode, DecodeError, HealthReport, Snapshot};

/// What a call did.
pub const DONE: u32 = 0;
/// The output is a sentence that says why nothing was done.
pub const FAILED: u32 = 1;

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::new(Instance::new());
}

/// Makes room for an account of `length` bytes and returns where it goes. Until the next call.
#[no_mangle]
pub extern "C" fn input(length: usize) -> *mut u8 {
    INSTANCE.with_borrow_mut(|instance| {
        instance.input.resize(length, 0);
        instance.input.as_mut_ptr()
    })
}

/// Takes the account in: the pool, its scenario rows, an asset, a market or an expiry, in any order; one that is there already is
/// replaced. Empty output.
#[no_mangle]
pub extern "C" fn load() -> u32 {
    INSTANCE.with_borrow_mut(|instance| {
        let input = std::mem::take(&mut instance.input);
        let loaded = instance.load(&input);
        instance.answer(loaded.map(|()| vec![]))
    })
}

/// Equity and margins of the portfolio in the input at unix time `now`: a [`HealthReport`] in borsh, with all of its underlyings.
#[no_mangle]
pub extern "C" fn health(now: i64) -> u32 {
    INSTANCE.with_borrow_mut(|instance| {
        let input = std::mem::take(&mut instance.input);
        let report = instance.health(&input, now).and_then(|report| {
            let mut bytes = vec![];
            report.serialize(&mut bytes).map_err(|e| e.to_string())?;
            Ok(bytes)
        });
        instance.answer(report)
    })
}

/// Where the output of the last call is.
#[no_mangle]
pub extern "C" fn output() -> *const u8 {
    INSTANCE.with_borrow(|instance| instance.output.as_ptr())
}

/// Bytes of the output.
#[no_mangle]
pub extern "C" fn output_length() -> usize {
    INSTANCE.with_borrow(|instance| instance.output.len())
}

struct Instance {
    snapshot: Snapshot,
    /// Of which pool the assets, markets, expiries and rows are: the first one's.
    of: Option<Pubkey>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Instance {
    fn new() -> Self {
        let snapshot = Snapshot {
            pool: Pool::zeroed(),
            scenarios: zeroed_box(),
            assets: Default::default(),
            markets: Default::default(),
            expiries: Default::default(),
        };
        Self { snapshot, of: None, input: vec![], output: vec![] }
    }

    fn answer(&mut self, result: Result<Vec<u8>, String>) -> u32 {
        let (status, output) = match result {
            Ok(output) => (DONE, output),
            Err(reason) => (FAILED, reason.into_bytes()),
        };
        self.output = output;
        status
    }

    fn load(&mut self, data: &[u8]) -> Result<(), String> {
        let refused = |e: DecodeError| e.to_string();
        match data.get(..DISCRIMINATOR) {
            Some(Pool::DISCRIMINATOR) => self.snapshot.pool = decode(data).map_err(refused)?,
            Some(Scenarios::DISCRIMINATOR) => {
                let scenarios: Scenarios = decode(data).map_err(refused)?;
                self.belong(&scenarios.pool)?;
                *self.snapshot.scenarios = scenarios;
            }
            Some(Asset::DISCRIMINATOR) => {
                let asset: Asset = decode(data).map_err(refused)?;
                self.belong(&asset.pool)?;
                self.snapshot.assets.insert(asset.index, asset);
            }
            Some(Market::DISCRIMINATOR) => {
                let market: Market = decode(data).map_err(refused)?;
                self.belong(&market.pool)?;
                self.snapshot.markets.insert(market.index, market);
            }
            Some(Expiry::DISCRIMINATOR) => {
                let expiry: Expiry = decode(data).map_err(refused)?;
                self.belong(&expiry.pool)?;
                self.snapshot.expiries.insert(expiry.id(), Box::new(expiry));
            }
            _ => return Err(DecodeError::WrongKind.to_string()),
        }
        Ok(())
    }

    /// Refuses an account of another pool than those that are there.
    fn belong(&mut self, pool: &Pubkey) -> Result<(), String> {
        match self.of.get_or_insert(*pool) == pool {
            true => Ok(()),
            false => Err("the account belongs to another pool".into()),
        }
    }

    fn health(&mut self, data: &[u8], now: i64) -> Result<HealthReport, String> {
        let portfolio: Portfolio = decode(data).map_err(|e| e.to_string())?;
        self.belong(&portfolio.pool)?;
        let Snapshot { pool, scenarios, .. } = &self.snapshot;
        if pool.version == 0 {
            return Err("the pool is not loaded".into());
        }
        if scenarios.version == 0 || scenarios.generation != pool.generation {
            return Err("the pool's live scenario rows are not loaded".into());
        }
        self.snapshot.report(&portfolio, now).map_err(|e| e.to_string())
    }
}
