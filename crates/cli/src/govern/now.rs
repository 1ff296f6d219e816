//! What governance does at once, without a change that waits: pauses, tightenings, roles, removals.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;
use novate_client::state::{Pool, Venue};
use novate_client::{addresses, instructions as build, Action, Instruction, Pubkey, Role};
use serde_json::json;
use solana_signer::Signer;

use super::change::{asset_settings, market_settings};
use super::text;
use crate::cluster::By;
use crate::symbol;
use crate::trader::{Look, Printed, Run, Session};

/// Where, and who signs.
#[derive(Clone, Debug, clap::Args)]
pub struct Sent {
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    by: By,
}

/// A kind of action that can be paused.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    Trade,
    Deposit,
    Withdraw,
    Borrow,
    Liquidate,
    Stake,
}

/// A role that passes from one key to another.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Seat {
    Authority,
    Guardian,
    Risk,
}

/// Stop a kind of action for a time, as guardian; what exits need stays open.
#[derive(Clone, Debug, clap::Args)]
pub struct Pause {
    #[arg(value_enum)]
    kind: Kind,
    /// From now on, as 30m, 4h or 2d.
    #[arg(long = "for", value_name = "TIME", value_parser = text::length)]
    seconds: i64,
    #[command(flatten)]
    sent: Sent,
}

/// End a pause, as authority.
#[derive(Clone, Debug, clap::Args)]
pub struct Unpause {
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    sent: Sent,
}

/// Tighten terms of an asset or a market at once, as risk role or guardian.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Tighten {
    /// Terms of an asset.
    Asset(Terms),
    /// Terms of a market.
    Market(Terms),
}

#[derive(Clone, Debug, clap::Args)]
pub struct Terms {
    /// Of the asset, or of the market's perpetual.
    symbol: String,
    /// Fields with the values they get, in the units of docs/governance.md: deposit_cap=1000000.
    #[arg(required = true, value_name = "FIELD=VALUE")]
    terms: Vec<String>,
    #[command(flatten)]
    sent: Sent,
}

/// Pass a role on, in two steps with days between them.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Roles {
    /// Name who may take it, as authority.
    Propose {
        #[arg(value_enum)]
        role: Seat,
        key: Pubkey,
        #[command(flatten)]
        sent: Sent,
    },
    /// Take it, as who was named.
    Accept {
        #[arg(value_enum)]
        role: Seat,
        #[command(flatten)]
        sent: Sent,
    },
    /// Take back who was named, as authority; of another role than its own as guardian too.
    Cancel {
        #[arg(value_enum)]
        role: Seat,
        #[command(flatten)]
        sent: Sent,
    },
}

/// Take a key out of the committee or the venues at once, as authority; a member of the committee itself too.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Remove {
    /// A member of the risk committee.
    Member {
        key: Pubkey,
        #[command(flatten)]
        sent: Sent,
    },
    /// A venue, by the key it signs with.
    Venue {
        key: Pubkey,
        #[command(flatten)]
        sent: Sent,
    },
}

impl From<Kind> for Action {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Trade => Self::Trade,
            Kind::Deposit => Self::Deposit,
            Kind::Withdraw => Self::Withdraw,
            Kind::Borrow => Self::Borrow,
            Kind::Liquidate => Self::Liquidate,
            Kind::Stake => Self::Stake,
        }
    }
}

impl From<Seat> for Role {
    fn from(seat: Seat) -> Self {
        match seat {
            Seat::Authority => Self::Authority,
            Seat::Guardian => Self::Guardian,
            Seat::Risk => Self::Risk,
        }
    }
}

/// Fields and values, each once.
fn named(terms: &[String]) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for term in terms {
        let (field, value) = term.split_once('=').with_context(|| format!("{term}: write FIELD=VALUE"))?;
        let value =
            value.parse().with_context(|| format!("{term}: the value is a whole number in the field's unit"))?;
        ensure!(found.insert(field.to_string(), value).is_none(), "{field} is given twice");
    }
    Ok(found)
}

impl Sent {
    /// Sends what is built for the signer, and returns the signature and the pool as it is then.
    fn send(&self, session: &Session, instruction: impl FnOnce(Pubkey) -> Instruction) -> Result<(String, Pool)> {
        let key = self.by.key()?;
        let signature = session.cluster.send(&[instruction(key.pubkey())], &key)?;
        Ok((signature, session.cluster.account(&session.view.address)?))
    }

    /// The same where nothing is to be said but that it is done.
    fn done(&self, said: &str, session: &Session, build: impl FnOnce(Pubkey) -> Instruction) -> Result<Printed> {
        let (signature, _) = self.send(session, build)?;
        let pool = session.view.address.to_string();
        Ok(Printed::new(format!("{said}\nsignature {signature}"), json!({ "pool": pool, "signatures": [signature] })))
    }
}

impl Run for Pause {
    fn run(&self) -> Result<Printed> {
        let session = self.sent.look.session()?;
        let (pool, action) = (session.view.address, Action::from(self.kind));
        let (signature, now) = self.sent.send(&session, |key| build::pause(key, pool, action, self.seconds))?;
        let (until, next) = (now.paused_until(action), now.pausable_from(action));
        let text = format!(
            "{action:?} is paused until {}, and can be paused again from {}\nsignature {signature}",
            text::time(until),
            text::time(next)
        );
        let json =
            json!({ "pool": pool.to_string(), "until": until, "pausable_from": next, "signatures": [signature] });
        Ok(Printed::new(text, json))
    }

    fn json(&self) -> bool {
        self.sent.look.json
    }
}

impl Run for Unpause {
    fn run(&self) -> Result<Printed> {
        let session = self.sent.look.session()?;
        let (pool, action) = (session.view.address, Action::from(self.kind));
        self.sent.done(&format!("{action:?} is not paused"), &session, |key| build::unpause(key, pool, action))
    }

    fn json(&self) -> bool {
        self.sent.look.json
    }
}

impl Run for Tighten {
    fn run(&self) -> Result<Printed> {
        let (Self::Asset(terms) | Self::Market(terms)) = self;
        let session = terms.sent.look.session()?;
        let (pool, snapshot) = (session.view.address, &session.view.snapshot);
        let (symbol, values) = (&terms.symbol, named(&terms.terms)?);
        let said = format!("{symbol} is tightened");
        match self {
            Self::Asset(_) => {
                let asset = symbol::asset(snapshot, symbol)?.index;
                let settings = asset_settings(&values)?;
                let on_it = snapshot.markets.values().filter(|market| market.asset == asset);
                let markets: Vec<u16> = on_it.map(|market| market.index).collect();
                terms.sent.done(&said, &session, |key| build::tighten_asset(key, pool, asset, settings, &markets))
            }
            Self::Market(_) => {
                let market = novate_client::instrument::market_of(symbol::instrument(snapshot, symbol)?);
                let settings = market_settings(&values)?;
                terms.sent.done(&said, &session, |key| build::tighten_market(key, pool, market, settings))
            }
        }
    }

    fn json(&self) -> bool {
        let (Self::Asset(terms) | Self::Market(terms)) = self;
        terms.sent.look.json
    }
}

impl Roles {
    fn sent(&self) -> &Sent {
        let (Self::Propose { sent, .. } | Self::Accept { sent, .. } | Self::Cancel { sent, .. }) = self;
        sent
    }
}

impl Run for Roles {
    fn run(&self) -> Result<Printed> {
        let session = self.sent().look.session()?;
        let pool = session.view.address;
        let said = match self {
            Self::Propose { role, key, .. } => format!(
                "{key} may become {:?}, in a pool that trades after three days and within two weeks",
                Role::from(*role)
            ),
            Self::Accept { role, .. } => format!("{:?} has passed on", Role::from(*role)),
            Self::Cancel { role, .. } => format!("nobody is named to become {:?}", Role::from(*role)),
        };
        self.sent().done(&said, &session, |signer| match self {
            Self::Propose { role, key, .. } => build::propose_role(signer, pool, (*role).into(), *key),
            Self::Accept { role, .. } => build::accept_role(signer, pool, (*role).into()),
            Self::Cancel { role, .. } => build::cancel_role(signer, pool, (*role).into()),
        })
    }

    fn json(&self) -> bool {
        self.sent().look.json
    }
}

impl Remove {
    fn sent(&self) -> &Sent {
        let (Self::Member { sent, .. } | Self::Venue { sent, .. }) = self;
        sent
    }
}

impl Run for Remove {
    fn run(&self) -> Result<Printed> {
        let session = self.sent().look.session()?;
        let pool = session.view.address;
        match self {
            Self::Member { key, sent } => {
                let said = format!("{key} is no member of the committee");
                sent.done(&said, &session, |signer| build::remove_member(signer, pool, *key))
            }
            Self::Venue { key, sent } => {
                let venue: Venue = session
                    .cluster
                    .find(&addresses::venue(&pool, key))?
                    .with_context(|| format!("{key} is no venue of pool {pool}"))?;
                let markets = session.view.snapshot.markets.values();
                let reported =
                    markets.filter(|market| market.mids.iter().any(|mid| mid.time != 0 && mid.venue == venue.index));
                let reported: Vec<u16> = reported.map(|market| market.index).collect();
                sent.done(&format!("{key} is no venue"), &session, |signer| {
                    build::remove_venue(signer, pool, *key, &reported)
                })
            }
        }
    }

    fn json(&self) -> bool {
        self.sent().look.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_given_twice_or_without_a_value_is_refused() {
        let refused = |terms: &[&str]| named(&terms.iter().map(|t| t.to_string()).collect::<Vec<_>>()).is_err();
        assert!(refused(&["deposit_cap=1", "deposit_cap=2"]));
        assert!(refused(&["deposit_cap"]));
        assert!(refused(&["deposit_cap=-1"]));
        assert!(!refused(&["deposit_cap=1"]));
    }
}
