//! `novate govern`: what waits (CLR-50), from a file to its execution.

pub mod change;
mod effect;
mod now;
mod rests;
pub mod text;
pub mod view;
mod words;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use base64::prelude::{Engine, BASE64_STANDARD};
use novate_client::state::{Change, Governed, Pool};
use novate_client::{addresses, instructions as build, Instruction, Pubkey};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::cluster::{At, By, Cluster};
use crate::trader::{self, Printed};
use change::{Draft, Wanted};
use view::View;

/// Where, and whether what is printed is JSON.
#[derive(Clone, Debug, clap::Args)]
pub struct Output {
    #[command(flatten)]
    at: At,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What to do with a change, or at once.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Print the instructions that schedule and execute a change, for a multisig to sign.
    Draft {
        /// The change as JSON, see docs/governance.md.
        file: PathBuf,
        #[command(flatten)]
        at: At,
        /// What is printed is JSON without it too.
        #[arg(long)]
        json: bool,
    },
    /// Say in words what a change does, when it can be executed, and which portfolios it would leave short of margin.
    Show {
        /// A file, or the address of a change that was scheduled.
        change: String,
        #[command(flatten)]
        output: Output,
    },
    /// List the changes that are open in a pool.
    List {
        pool: Pubkey,
        #[command(flatten)]
        output: Output,
    },
    /// Schedule a change.
    Schedule {
        file: PathBuf,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        by: By,
    },
    /// Execute a change that has waited, or what a file holds where nothing waits: in a pool that does not trade yet, and of delays none
    /// of which gets shorter.
    Execute {
        /// The address of a change, or a file.
        change: String,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        by: By,
    },
    /// Take a change back, as authority or guardian; one that can no longer be executed, as anybody.
    Cancel {
        /// Its address.
        change: Pubkey,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        by: By,
    },
    Pause(now::Pause),
    Unpause(now::Unpause),
    #[command(subcommand)]
    Tighten(now::Tighten),
    #[command(subcommand)]
    Role(now::Roles),
    #[command(subcommand)]
    Remove(now::Remove),
}

/// Runs a command and returns what it prints.
pub fn run(command: &Command) -> Result<String> {
    let (printed, json) = match command {
        Command::Draft { file, at, .. } => return draft(file, &at.cluster()?),
        Command::Show { change, output } => (show(change, &output.at.cluster()?)?, output.json),
        Command::List { pool, output } => (list(*pool, &output.at.cluster()?)?, output.json),
        Command::Schedule { file, output, by } => (schedule(file, &output.at.cluster()?, &by.key()?)?, output.json),
        Command::Execute { change, output, by } => (execute(change, &output.at.cluster()?, &by.key()?)?, output.json),
        Command::Cancel { change, output, by } => (cancel(change, &output.at.cluster()?, &by.key()?)?, output.json),
        Command::Pause(command) => return trader::run(command),
        Command::Unpause(command) => return trader::run(command),
        Command::Tighten(command) => return trader::run(command),
        Command::Role(command) => return trader::run(command),
        Command::Remove(command) => return trader::run(command),
    };
    Ok(printed.print(json))
}

fn read(file: &Path) -> Result<Draft> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    Draft::parse(&text).with_context(|| name.to_string())
}

/// A change on chain, and the pool that it is of.
fn scheduled<'c>(address: &Pubkey, cluster: &'c Cluster) -> Result<(Change, View<'c>)> {
    let change: Change = cluster.account(address)?;
    let view = View::read(cluster, change.pool)?;
    Ok((change, view))
}

fn governed(instruction: &Instruction) -> Result<&'static Governed> {
    Ok(Governed::find(&instruction.data)?)
}

fn draft(file: &Path, cluster: &Cluster) -> Result<String> {
    let draft = read(file)?;
    let view = View::read(cluster, draft.pool)?;
    let instruction = draft.change.instruction(&view)?;
    let (authority, pool) = (view.pool().authority, view.pool());
    let class = governed(&instruction)?.class;
    let rests = lines(&rests::words(&draft.change, &view)?);
    let printed = if draft.change.waits(&view) {
        let number = pool.change_count;
        json!({
            "rests_on": rests,
            "change": addresses::change(&draft.pool, number).to_string(),
            "class": format!("{class:?}"),
            "delay": pool.delay(class),
            "schedule": written(&build::schedule_change(authority, authority, number, &instruction)),
            "execute": written(&build::execute_change(instruction, number, authority)),
        })
    } else {
        json!({ "rests_on": rests, "execute": written(&instruction) })
    };
    Ok(format!("{printed:#}"))
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(String::from).collect()
}

/// An instruction as multisigs take it.
fn written(instruction: &Instruction) -> Value {
    let accounts = instruction
        .accounts
        .iter()
        .map(|meta| json!({ "key": meta.pubkey.to_string(), "signer": meta.is_signer, "writable": meta.is_writable }));
    json!({
        "program": instruction.program_id.to_string(),
        "accounts": accounts.collect::<Vec<_>>(),
        "data": BASE64_STANDARD.encode(&instruction.data),
    })
}

fn show(what: &str, cluster: &Cluster) -> Result<Printed> {
    let mut out = String::new();
    let (wanted, view, at) = match what.parse::<Pubkey>() {
        Ok(address) => {
            let (change, view) = scheduled(&address, cluster)?;
            out.push_str(&words::standing(&change, &view));
            let at = change.ready.max(view.now);
            (Wanted::of(&change, &view)?, view, at)
        }
        Err(_) => {
            let draft = read(Path::new(what))?;
            let view = View::read(cluster, draft.pool)?;
            let class = governed(&draft.change.instruction(&view)?)?.class;
            let at = if draft.change.waits(&view) {
                let delay = view.pool().delay(class);
                let at = view.now + delay;
                writeln!(out, "waits {delay} s once it is scheduled, as of class {class:?}: until {}", text::time(at))?;
                at
            } else {
                writeln!(out, "{}", at_once(&view))?;
                view.now
            };
            (draft.change, view, at)
        }
    };
    let (content, rests) = (words::content(&wanted, &view)?, rests::words(&wanted, &view)?);
    let effect = effect::words(&wanted, &view, at)?;
    let json = json!({
        "pool": view.address.to_string(),
        "from": at,
        "standing": lines(&out),
        "content": lines(&content),
        "rests_on": lines(&rests),
        "effect": lines(&effect),
    });
    Ok(Printed::new(format!("{out}{content}{rests}{effect}"), json))
}

fn list(pool: Pubkey, cluster: &Cluster) -> Result<Printed> {
    let view = View::read(cluster, pool)?;
    let mut open: Vec<_> = cluster.all::<Change>()?.into_iter().filter(|(_, change)| change.pool == pool).collect();
    open.sort_by_key(|(_, change)| change.number);
    let mut out = String::new();
    let mut listed = vec![];
    for (address, change) in &open {
        let name = Governed::find(change.data()).map_or("unknown", |governed| governed.name);
        writeln!(out, "{address} {name}\n{}", words::standing(change, &view))?;
        listed.push(described(address, change));
    }
    if open.is_empty() {
        out.push_str("no change is open");
    }
    Ok(Printed::new(out, listed.into()))
}

/// A change as JSON.
fn described(address: &Pubkey, change: &Change) -> Value {
    json!({
        "change": address.to_string(),
        "number": change.number,
        "instruction": Governed::find(change.data()).map_or("unknown", |governed| governed.name),
        "ready": change.ready,
        "expires": change.expires,
    })
}

/// Refuses a key that is not the pool's authority.
pub fn require_authority(view: &View, key: &Keypair) -> Result<()> {
    require_authority_of(view.pool(), key)
}

/// The same of a pool alone.
pub fn require_authority_of(pool: &Pool, key: &Keypair) -> Result<()> {
    let authority = pool.authority;
    ensure!(
        key.pubkey() == authority,
        "the pool's authority is {authority}, the key is {}: where a multisig is the authority, give it what `novate govern draft` prints",
        key.pubkey()
    );
    Ok(())
}

fn schedule(file: &Path, cluster: &Cluster, key: &Keypair) -> Result<Printed> {
    let draft = read(file)?;
    let view = View::read(cluster, draft.pool)?;
    require_authority(&view, key)?;
    ensure!(draft.change.waits(&view), "{}: `novate govern execute FILE` does it", at_once(&view));
    let rests = rests::words(&draft.change, &view)?;
    let (address, change) = announce(&draft.change.instruction(&view)?, &view, cluster, key)?;
    let mut json = described(&address, &change);
    json["rests_on"] = lines(&rests).into();
    Ok(Printed::new(format!("{address}\n{}{rests}", words::standing(&change, &view)), json))
}

/// Why a change does not wait.
fn at_once(view: &View) -> &'static str {
    match view.pool().is_live() {
        true => "at once: no delay gets shorter",
        false => "at once: the pool does not trade yet",
    }
}

/// Schedules an instruction as the next change of a pool, and returns it as it stands then.
pub fn announce(instruction: &Instruction, view: &View, cluster: &Cluster, key: &Keypair) -> Result<(Pubkey, Change)> {
    let (number, signer) = (view.pool().change_count, key.pubkey());
    cluster.send(&[build::schedule_change(signer, signer, number, instruction)], key)?;
    let address = addresses::change(&view.address, number);
    Ok((address, cluster.account(&address)?))
}

fn execute(what: &str, cluster: &Cluster, key: &Keypair) -> Result<Printed> {
    let (instruction, view) = match what.parse::<Pubkey>() {
        Ok(address) => {
            let (change, view) = scheduled(&address, cluster)?;
            let wanted = Wanted::of(&change, &view)?;
            ensure!(
                wanted.waits(&view),
                "no delay gets shorter by it any more: cancel it, and execute the same as a file"
            );
            let instruction = wanted.instruction(&view)?;
            // What is read and written again has to be what was scheduled, or the program would refuse it by less of a reason.
            ensure!(instruction.data == change.data(), "this version of novate writes the instruction in another way");
            (build::execute_change(instruction, change.number, change.payer), view)
        }
        Err(_) => {
            let draft = read(Path::new(what))?;
            let view = View::read(cluster, draft.pool)?;
            if draft.change.waits(&view) {
                bail!("the pool trades: schedule the change, and execute it by its address once it has waited");
            }
            (draft.change.instruction(&view)?, view)
        }
    };
    require_authority(&view, key)?;
    let name = governed(&instruction)?.name;
    let signature = cluster.send(&[instruction], key)?;
    let json = json!({ "pool": view.address.to_string(), "instruction": name, "signatures": [signature] });
    Ok(Printed::new(format!("{name} is executed"), json))
}

fn cancel(address: &Pubkey, cluster: &Cluster, key: &Keypair) -> Result<Printed> {
    let change: Change = cluster.account(address)?;
    let signature = cluster.send(&[build::cancel_change(key.pubkey(), &change)], key)?;
    let json = json!({ "change": address.to_string(), "number": change.number, "signatures": [signature] });
    Ok(Printed::new(format!("change {} is cancelled", change.number), json))
}
