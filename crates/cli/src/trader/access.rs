//! Who else may act for a portfolio: a delegate, who trades in its name, and venues, which settle its fills.

use anyhow::{ensure, Context, Result};
use novate_client::state::Venue;
use novate_client::{addresses, instructions as build, Instruction, Pubkey};
use serde_json::json;
use solana_signer::Signer;

use super::session::{signed, Act, Held, Reads};
use super::{Printed, Run};
use crate::govern::text;

/// Who may trade in the name of a portfolio beside its owner; nobody else ever withdraws.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Name a delegate, who may trade and sign orders until a time; what one before signed is void.
    Delegate {
        /// Its key.
        key: Pubkey,
        /// From now on, as 30m, 4h or 2d.
        #[arg(long = "for", value_name = "TIME", value_parser = text::length)]
        seconds: i64,
        #[command(flatten)]
        act: Act,
    },
    /// End what the delegate may; by the owner or the delegate itself.
    Revoke {
        #[command(flatten)]
        act: Act,
    },
    /// Let a registered venue settle fills of the portfolio, within the band of the mark, until you opt out.
    OptIn {
        /// The key that the venue signs with.
        venue: Pubkey,
        #[command(flatten)]
        act: Act,
    },
    /// Let a venue settle nothing any more.
    OptOut {
        /// The key that the venue signs with.
        venue: Pubkey,
        #[command(flatten)]
        act: Act,
    },
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::Delegate { key, seconds, act } => delegate(key, *seconds, act),
            Self::Revoke { act } => revoke(act),
            Self::OptIn { venue, act } => opt_in(venue, act),
            Self::OptOut { venue, act } => opt_out(venue, act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::Delegate { act, .. } | Self::Revoke { act } | Self::OptIn { act, .. } | Self::OptOut { act, .. } => {
                act.look.json
            }
        }
    }
}

/// Sends what `build` makes of the portfolio, the key and the unix time.
fn done(act: &Act, words: &str, build: impl Fn(&Held, Pubkey, i64) -> Result<Instruction>) -> Result<Printed> {
    let (session, held, key) = act.held()?;
    let instruction = build(&held, key.pubkey(), session.view.now)?;
    let sent = session.send(vec![instruction], Reads::default(), act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "portfolio": held.address.to_string(), "signatures": signatures });
    Ok(Printed::new(format!("portfolio {}: {words}\n{line}", held.address), json))
}

fn delegate(delegate: &Pubkey, seconds: i64, act: &Act) -> Result<Printed> {
    done(act, &format!("{delegate} may trade"), |held, key, now| {
        ensure!(held.portfolio.owner == key, "only its owner, {}, names a delegate", held.portfolio.owner);
        Ok(build::set_delegate(key, held.address, *delegate, now.saturating_add(seconds)))
    })
}

fn revoke(act: &Act) -> Result<Printed> {
    done(act, "it has no delegate", |held, key, _| {
        ensure!(held.portfolio.delegate != Pubkey::default(), "portfolio {} has no delegate", held.address);
        Ok(build::revoke_delegate(key, held.address))
    })
}

fn opt_in(venue: &Pubkey, act: &Act) -> Result<Printed> {
    done(act, &format!("venue {venue} may settle its fills"), |held, key, _| {
        Ok(build::opt_in_venue(key, &held.portfolio.pool, held.address, venue))
    })
}

fn opt_out(venue: &Pubkey, act: &Act) -> Result<Printed> {
    let cluster = act.look.at.cluster()?;
    done(act, &format!("venue {venue} settles nothing"), |held, key, _| {
        let known: Option<Venue> = cluster.find(&addresses::venue(&held.portfolio.pool, venue))?;
        let known = known.with_context(|| format!("{venue} is no venue of pool {}", held.portfolio.pool))?;
        Ok(build::opt_out_venue(key, held.address, known.index))
    })
}
