//! `novate trade`: both sides sign one transaction, at once or one after the other.

use std::path::PathBuf;

use anchor_lang::{AnchorDeserialize, Discriminator};
use anyhow::{bail, ensure, Context, Result};
use base64::prelude::{Engine, BASE64_STANDARD};
use novate_client::instructions::{self as build, Holdings, TradeSide};
use novate_client::rpc::{self, Age, Signature, VersionedMessage, VersionedTransaction};
use novate_client::state::Portfolio;
use novate_client::{instruction, instrument, Instruction, Leg, Pubkey, ID};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::legs::{self, Wanted};
use super::session::{signed, Act, Look, Reads, Session};
use super::{Printed, Run};
use crate::cluster;

const COMPUTE_BUDGET: Pubkey = Pubkey::from_str_const("ComputeBudget111111111111111111111111111111");

/// Trade with another portfolio: legs are SYMBOL:QUANTITY@PRICE, in contracts and USD, a minus sells.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Trade at once, with the key of the other side at hand.
    Now {
        /// For instance BTC-PERP:-0.5@20000.
        #[arg(required = true, value_name = "LEG")]
        legs: Vec<Wanted>,
        /// Key file of the other side.
        #[arg(long, value_name = "FILE")]
        counter: PathBuf,
        /// Which portfolio of the other side.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        counter_sub: u16,
        #[command(flatten)]
        act: Act,
    },
    /// Sign one side, and print the transaction for the other side to accept within a minute.
    Propose {
        /// For instance BTC-PERP:-0.5@20000, from the side of who proposes.
        #[arg(required = true, value_name = "LEG")]
        legs: Vec<Wanted>,
        /// Portfolio of the other side.
        #[arg(long, value_name = "KEY")]
        with: Pubkey,
        #[command(flatten)]
        act: Act,
    },
    /// Say what accepting a proposal would do, from the side of who accepts.
    Show {
        /// What `trade propose` printed.
        proposal: String,
        #[command(flatten)]
        look: Look,
    },
    /// Sign the other side of a proposal and send it.
    Accept {
        /// What `trade propose` printed.
        proposal: String,
        #[command(flatten)]
        act: Act,
    },
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::Now { legs, counter, counter_sub, act } => now(legs, &cluster::key(counter)?, *counter_sub, act),
            Self::Propose { legs, with, act } => propose(legs, *with, act),
            Self::Show { proposal, look } => show(proposal, look),
            Self::Accept { proposal, act } => accept(proposal, act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::Now { act, .. } | Self::Propose { act, .. } | Self::Accept { act, .. } => act.look.json,
            Self::Show { look, .. } => look.json,
        }
    }
}

/// A trade of two portfolios, and what it reads.
fn build(session: &Session, sides: [(TradeSide, &Portfolio); 2], legs: &[Leg]) -> Result<(Instruction, Holdings)> {
    let snapshot = &session.view.snapshot;
    let [first, second] = sides;
    ensure!(first.0.portfolio != second.0.portfolio, "a portfolio cannot trade with itself");
    let mut holdings = Holdings::of([first.1, second.1]);
    let mut options = false;
    for leg in legs {
        holdings = holdings.with_traded(leg.instrument, legs::underlying(snapshot, leg.instrument)?);
        options |= matches!(instrument::parse(leg.instrument), Ok(instrument::Instrument::Option { .. }));
    }
    // Who has a haircut to bear, or cash held back, writes the settlement asset.
    let claims = &session.settlement()?.claims;
    let side_behind = |side: &Portfolio| side.is_behind(claims) || side.claim.held > 0;
    let market_behind = |leg: &Leg| {
        let market = snapshot.markets.get(&instrument::market_of(leg.instrument));
        market.is_some_and(|market| market.is_behind(claims))
    };
    if options && ([first.1, second.1].into_iter().any(side_behind) || legs.iter().any(market_behind)) {
        holdings = holdings.with_cash_moved();
    }
    Ok((build::trade(session.view.keys(), first.0, second.0, &holdings, legs.to_vec()), holdings))
}

fn said(session: &Session, legs: &[Leg], first: bool) -> String {
    let words: Vec<_> = legs.iter().map(|leg| legs::words(&session.view.snapshot, leg, first)).collect();
    words.join(", ")
}

fn now(wanted: &[Wanted], counter: &Keypair, counter_sub: u16, act: &Act) -> Result<Printed> {
    let (session, held, key) = act.held()?;
    let snapshot = &session.view.snapshot;
    let legs = legs::legs(wanted, snapshot, session.view.now, true)?;
    let address = novate_client::addresses::portfolio(&session.view.address, &counter.pubkey(), counter_sub);
    let other = session.find(&address)?;
    let other = other.with_context(|| format!("{} has no portfolio {counter_sub} in this pool", counter.pubkey()))?;
    let sides = [(held.side(&key), &*held.portfolio), (other.side(counter), &*other.portfolio)];
    let (trade, holdings) = build(&session, sides, &legs)?;
    let traded = legs.iter().map(|leg| leg.instrument).collect();
    let reads = Reads { holdings, portfolios: vec![&held.portfolio, &other.portfolio], traded, age: Age::Fresh };
    let sent = session.send(vec![trade], reads, act.options(), &[&key, counter])?;
    let (line, signatures) = signed(&sent);
    let json = json!({
        "portfolio": held.address.to_string(),
        "counter_portfolio": other.address.to_string(),
        "legs": legs::json(snapshot, &legs, true),
        "signatures": signatures,
    });
    Ok(Printed::new(format!("{} {} with {}\n{line}", held.address, said(&session, &legs, true), other.address), json))
}

fn propose(wanted: &[Wanted], with: Pubkey, act: &Act) -> Result<Printed> {
    let (session, held, key) = act.held()?;
    let snapshot = &session.view.snapshot;
    let legs = legs::legs(wanted, snapshot, session.view.now, true)?;
    let other = session.find(&with)?.with_context(|| format!("there is no portfolio {with}"))?;
    let signer = other.portfolio.owner;
    ensure!(signer != key.pubkey(), "both portfolios are of this key: `novate trade now` trades at once");
    let counter = TradeSide { portfolio: with, signer };
    let (trade, holdings) = build(&session, [(held.side(&key), &held.portfolio), (counter, &other.portfolio)], &legs)?;
    let tables = if holdings.len() > 8 { session.tables()? } else { vec![] };
    let request = rpc::Request {
        instructions: vec![trade],
        payer: key.pubkey(),
        holdings,
        portfolios: vec![&held.portfolio, &other.portfolio],
        traded: legs.iter().map(|leg| leg.instrument).collect(),
        age: Age::Fresh,
        tables: &tables,
        options: act.options(),
    };
    let node = &session.cluster.rpc;
    let prepared = session.cluster.wait(node.prepare(&session.view, &request)).map_err(cluster::plain)?;
    let (last, first) = prepared.messages.split_last().context("nothing to sign")?;
    for message in first {
        // What has to be refreshed first, and did not fit.
        let transaction = rpc::sign(message.clone(), &[&key])?;
        session.cluster.wait(node.send(&transaction)).map_err(cluster::plain)?;
    }
    let text = BASE64_STANDARD.encode(rpc::to_packet(&half_signed(last.clone(), &key)?)?);
    let json = json!({
        "proposal": text,
        "portfolio": held.address.to_string(),
        "counter_portfolio": with.to_string(),
        "signer": signer.to_string(),
        "legs": legs::json(snapshot, &legs, true),
    });
    Ok(Printed::new(text, json))
}

/// A transaction with one signature of those that it asks for.
fn half_signed(message: VersionedMessage, key: &Keypair) -> Result<VersionedTransaction> {
    let mut signatures = vec![Default::default(); usize::from(message.header().num_required_signatures)];
    sign_place(&message, &mut signatures, key)?;
    Ok(VersionedTransaction { signatures, message })
}

/// Puts the signature of a key into its place.
fn sign_place(message: &VersionedMessage, signatures: &mut [Signature], key: &Keypair) -> Result<()> {
    let at = message.static_account_keys().iter().position(|k| *k == key.pubkey());
    let place = at.and_then(|at| signatures.get_mut(at));
    *place.context("it has no place for the signature of this key")? = key.sign_message(&message.serialize());
    Ok(())
}

/// A proposal, as it was read and checked: nothing but refreshes and one trade.
struct Proposal {
    transaction: VersionedTransaction,
    side: TradeSide,
    proposer: Pubkey,
    legs: Vec<Leg>,
}

impl Proposal {
    fn read(text: &str, session: &cluster::Cluster) -> Result<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok();
        let transaction = bytes.and_then(|bytes| rpc::from_packet(&bytes));
        let transaction =
            transaction.context("this is no proposal: give what `novate trade propose` printed, whole")?;
        let keys = session.wait(session.rpc.resolve(&transaction.message))?;
        let key = |at: u8| keys.get(usize::from(at)).copied().unwrap_or_default();
        let mut found = None;
        for instruction in transaction.message.instructions() {
            let (program, data) = (key(instruction.program_id_index), instruction.data.as_slice());
            let is = |discriminator: &[u8]| program == ID && data.starts_with(discriminator);
            let refreshes = [instruction::RefreshAsset::DISCRIMINATOR, instruction::RefreshExpiry::DISCRIMINATOR];
            if program == COMPUTE_BUDGET || refreshes.into_iter().any(is) {
                continue;
            }
            ensure!(
                is(instruction::Trade::DISCRIMINATOR) && found.is_none(),
                "it does more than one trade: do not sign it"
            );
            let legs = Vec::<Leg>::try_from_slice(&data[instruction::Trade::DISCRIMINATOR.len()..]);
            let named = |at: usize| instruction.accounts.get(at).map(|at| key(*at)).unwrap_or_default();
            found = Some((
                named(2),
                TradeSide { portfolio: named(3), signer: named(5) },
                legs.context("its legs cannot be read")?,
            ));
        }
        let Some((proposer, side, legs)) = found else { bail!("it holds no trade") };
        Ok(Self { transaction, side, proposer, legs })
    }

    fn pool(&self, cluster: &cluster::Cluster) -> Result<Pubkey> {
        Ok(cluster.account::<Portfolio>(&self.side.portfolio)?.pool)
    }

    fn json(&self, session: &Session) -> Value {
        json!({
            "portfolio": self.side.portfolio.to_string(),
            "signer": self.side.signer.to_string(),
            "counter_portfolio": self.proposer.to_string(),
            "legs": legs::json(&session.view.snapshot, &self.legs, false),
        })
    }
}

fn show(text: &str, look: &Look) -> Result<Printed> {
    let cluster = look.at.cluster()?;
    let proposal = Proposal::read(text, &cluster)?;
    let pool = proposal.pool(&cluster)?;
    let session = Session::of(cluster, pool)?;
    let words = said(&session, &proposal.legs, false);
    let text =
        format!("{} {words} with {}; {} signs", proposal.side.portfolio, proposal.proposer, proposal.side.signer);
    Ok(Printed::new(text, proposal.json(&session)))
}

fn accept(text: &str, act: &Act) -> Result<Printed> {
    let (cluster, key) = (act.look.at.cluster()?, act.by.key()?);
    let mut proposal = Proposal::read(text, &cluster)?;
    let signer = proposal.side.signer;
    ensure!(signer == key.pubkey(), "it is proposed to {signer}, the key is {}", key.pubkey());
    let pool = proposal.pool(&cluster)?;
    let session = Session::of(cluster, pool)?;
    let VersionedTransaction { signatures, message } = &mut proposal.transaction;
    sign_place(message, signatures, &key)?;
    let sent = session.cluster.wait(session.cluster.rpc.send(&proposal.transaction));
    let sent = sent
        .map_err(cluster::plain)
        .context("proposals are good for about a minute; ask for another one where it lapsed")?;
    let (line, signatures) = signed(&[sent]);
    let mut json = proposal.json(&session);
    json["signatures"] = signatures;
    let words = said(&session, &proposal.legs, false);
    Ok(Printed::new(format!("{} {words} with {}\n{line}", proposal.side.portfolio, proposal.proposer), json))
}
