//! `novate refresh`: prices and option values, which anyone may take in.

use anyhow::Result;
use novate_client::instrument;
use novate_client::rpc::Age;
use novate_client::Right;
use serde_json::json;

use super::session::{signed, Act, Reads};
use super::{Printed, Run};
use crate::symbol;
use novate_client::instructions::Holdings;

/// Take in prices that are published, and price every strike that is too old. Anyone may; the key pays the fees.
#[derive(Clone, Debug, clap::Args)]
pub struct Refresh {
    #[command(flatten)]
    act: Act,
}

impl Run for Refresh {
    fn run(&self) -> Result<Printed> {
        let (session, key) = (self.act.look.session()?, self.act.by.key()?);
        let snapshot = &session.view.snapshot;
        let holdings = snapshot.assets.keys().fold(Holdings::default(), |all, index| all.with_asset(*index));
        let mut traded = vec![];
        for expiry in snapshot.expiries.values() {
            let slots = 0..expiry.strike_count;
            traded.extend(slots.map(|slot| instrument::option(expiry.market, expiry.minutes(), slot, Right::Call)));
        }
        let reads = Reads { holdings, traded, age: Age::Sampled, ..Reads::default() };
        let (sent, stale) = session.refresh(reads, self.act.options(), &[&key])?;
        let names: Vec<_> = stale.iter().map(|index| symbol::of_asset(snapshot, *index)).collect();
        let (line, signatures) = signed(&sent);
        let mut out = match sent.len() {
            0 => "nothing is published that is younger than what the pool has".to_string(),
            count => format!("refreshed in {count} transactions\n{line}"),
        };
        if !names.is_empty() {
            out += &format!("\nno younger price is published of {}", names.join(", "));
        }
        Ok(Printed::new(out, json!({ "signatures": signatures, "without_younger_price": names })))
    }

    fn json(&self) -> bool {
        self.act.look.json
    }
}
