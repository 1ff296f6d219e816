//! `novate insurance`.

use anyhow::{ensure, Context, Result};
use novate_client::instructions::{self as build, TokenMove};
use novate_client::state::{Insurance, Stake, SETTLEMENT_ASSET};
use novate_client::{addresses, tokens, Pubkey};
use serde_json::json;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::session::{signed, Act, Look, Reads, Session};
use super::{Printed, Run};
use crate::amount::{decimal, figure, tokens as units, USD};
use crate::govern::text;

/// The insurance fund of a pool.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Show the fund, and the stake of an owner.
    Show {
        /// An owner of stake.
        #[arg(long, value_name = "KEY")]
        owner: Option<Pubkey>,
        #[command(flatten)]
        look: Look,
    },
    /// Give settlement tokens of the key to the fund's capital, for good: it pays for losses first.
    Fund {
        /// In tokens.
        amount: String,
        #[command(flatten)]
        act: Act,
    },
    /// Stake settlement tokens of the key: they pay for losses that the pool's own capital does not cover.
    Stake {
        /// In tokens.
        amount: String,
        #[command(flatten)]
        act: Act,
    },
    /// Ask all stake back, or, a week after that, take it out.
    Unstake {
        #[command(flatten)]
        act: Act,
    },
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::Show { owner, look } => show(&look.session()?, owner.as_ref()),
            Self::Fund { amount, act } => fund_capital(amount, act),
            Self::Stake { amount, act } => stake(amount, act),
            Self::Unstake { act } => unstake(act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::Show { look, .. } => look.json,
            Self::Fund { act, .. } | Self::Stake { act, .. } | Self::Unstake { act } => act.look.json,
        }
    }
}

fn fund(session: &Session) -> Result<Insurance> {
    session.cluster.account(&addresses::insurance(&session.view.address))
}

/// Stake of an owner, and what it is worth.
fn stake_of(session: &Session, fund: &Insurance, owner: &Pubkey) -> Result<Option<(Stake, u64)>> {
    let found: Option<Stake> = session.cluster.find(&addresses::stake(&session.view.address, owner))?;
    let Some(mut stake) = found else { return Ok(None) };
    stake.enter(fund.era);
    let worth = fund.fund().claim_floor(stake.shares.get())?;
    Ok(Some((stake, worth)))
}

fn show(session: &Session, owner: Option<&Pubkey>) -> Result<Printed> {
    let fund = fund(session)?;
    let symbol = session.symbol(session.settlement()?);
    let shown = |amount: u64| format!("{} {symbol}", figure(amount, USD, 2));
    let mut out = format!(
        "capital {}, staked {}, reserved {}, paid out so far {}\n",
        shown(fund.capital),
        shown(fund.staked),
        shown(fund.reserved),
        shown(fund.paid_out)
    );
    if fund.shortage() > 0 {
        out += &format!(
            "it lacks {} of what is reserved: cash leaves net of a provisional haircut\n",
            shown(fund.shortage())
        );
    }
    let mut json = json!({
        "pool": session.view.address.to_string(),
        "capital": decimal(fund.capital, USD),
        "staked": decimal(fund.staked, USD),
        "reserved": decimal(fund.reserved, USD),
        "paid_out": decimal(fund.paid_out, USD),
        "shortage": decimal(fund.shortage(), USD),
    });
    if let Some(owner) = owner {
        match stake_of(session, &fund, owner)? {
            Some((stake, worth)) => {
                out += &format!("{owner} has staked {}", shown(worth));
                if stake.requested_at > 0 {
                    out += &format!(", asked back, out from {} on", text::time(ready(&stake)));
                }
                json["stake"] = json!({
                    "owner": owner.to_string(),
                    "worth": decimal(worth, USD),
                    "shares": stake.shares.get().to_string(),
                    "requested": stake.requested.get().to_string(),
                    "requested_at": stake.requested_at,
                });
            }
            None => out += &format!("{owner} has staked nothing"),
        }
    }
    Ok(Printed::new(out, json))
}

/// Unix time from which a request can be taken out.
fn ready(stake: &Stake) -> i64 {
    stake.requested_at.saturating_add(novate_client::state::COOLING_OFF)
}

fn settlement_move(session: &Session, key: &Keypair, amount: u64) -> Result<TokenMove> {
    let token = session.token(session.settlement()?);
    Ok(TokenMove { asset: SETTLEMENT_ASSET, token, account: tokens::account(&key.pubkey(), &token), amount })
}

fn fund_capital(amount: &str, act: &Act) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    let moved = settlement_move(&session, &key, units(amount, USD)?)?;
    let fund = build::fund_insurance(key.pubkey(), session.view.address, moved);
    let sent = session.send(vec![fund], Reads::default(), act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "amount": decimal(moved.amount, USD), "signatures": signatures });
    Ok(Printed::new(format!("gave {} to the fund's capital\n{line}", figure(moved.amount, USD, 2)), json))
}

fn stake(amount: &str, act: &Act) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    let moved = settlement_move(&session, &key, units(amount, USD)?)?;
    let stake = build::stake(key.pubkey(), session.view.address, moved);
    let sent = session.send(vec![stake], Reads::default(), act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "amount": decimal(moved.amount, USD), "signatures": signatures });
    Ok(Printed::new(format!("staked {}\n{line}", figure(moved.amount, USD, 2)), json))
}

fn unstake(act: &Act) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    let (fund, owner, pool) = (fund(&session)?, key.pubkey(), session.view.address);
    let (stake, worth) = stake_of(&session, &fund, &owner)?.with_context(|| format!("{owner} has staked nothing"))?;
    let shares = stake.shares.get();
    ensure!(shares > 0, "{owner} has no shares of the fund");
    let (now, ready) = (session.view.now, ready(&stake));
    let lapsed = stake.requested_at > 0 && now >= ready.saturating_add(novate_client::state::UNSTAKE_WINDOW);
    if stake.requested_at == 0 || lapsed {
        let request = build::request_unstake(owner, pool, shares);
        let sent = session.send(vec![request], Reads::default(), act.options(), &[&key])?;
        let (line, signatures) = signed(&sent);
        let from = now.saturating_add(novate_client::state::COOLING_OFF);
        let json = json!({ "requested": shares.to_string(), "from": from, "signatures": signatures });
        let words = format!(
            "asked {} back: run this again within two days from {} on\n{line}",
            figure(worth, USD, 2),
            text::time(from)
        );
        return Ok(Printed::new(words, json));
    }
    ensure!(now >= ready, "the cooling-off ends {}: run this again then", text::time(ready));
    let moved = settlement_move(&session, &key, 0)?;
    let instructions =
        vec![tokens::create(owner, owner, &moved.token), build::unstake(owner, pool, moved.token, moved.account)];
    let sent = session.send(instructions, Reads::default(), act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "amount": decimal(worth, USD), "signatures": signatures });
    Ok(Printed::new(format!("took {} out\n{line}", figure(worth, USD, 2)), json))
}
