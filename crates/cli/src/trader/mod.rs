//! What a trader does with a pool: look, open, deposit, trade, ask for health, watch.

mod access;
mod desk;
mod explain;
mod insurance;
mod legs;
mod liquidations;
mod maker;
mod money;
mod orders;
mod pool;
mod portfolio;
mod quote;
mod refresh;
mod session;
mod sheet;
mod strategy;
mod trade;
mod watch;

use anyhow::Result;
use serde_json::Value;

pub use access::Command as Access;
pub use desk::Matcher;
pub use explain::{Margin, WhatIf};
pub use insurance::Command as Insurance;
pub use legs::mark;
pub use liquidations::Command as Liquidations;
pub use maker::Maker;
pub use money::{Borrow, Deposit, Lend, Repay, Unlend, Withdraw};
pub use orders::Command as Orders;
pub use pool::Command as Pool;
pub use portfolio::{Command as Portfolio, Health};
pub use quote::Command as Quote;
pub use refresh::Refresh;
pub use session::{Held, Look, Session};
pub use sheet::Terms;
pub use trade::Command as Trade;
pub use watch::Watch;

/// What a command found or did, for people and for programs.
pub struct Printed {
    text: String,
    json: Value,
}

impl Printed {
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }

    /// As it is printed.
    pub fn print(self, json: bool) -> String {
        if json {
            format!("{:#}", self.json)
        } else {
            self.text.trim_end().to_string()
        }
    }
}

/// A command of a trader.
pub trait Run {
    fn run(&self) -> Result<Printed>;
    /// Whether JSON is asked for.
    fn json(&self) -> bool;
}

/// Runs a command and returns what it prints.
pub fn run(command: &impl Run) -> Result<String> {
    Ok(command.run()?.print(command.json()))
}
