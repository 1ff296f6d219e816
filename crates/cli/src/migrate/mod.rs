//! `novate migrate`: a folder of numbered files takes an empty cluster to a pool that trades. What is there already is left alone, so that
//! it can be run again: after a failure, after a file was added, after a change has waited.

mod fields;
mod file;

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};
use novate_client::state::{Change, Pool, Scenarios, PLAIN_ASSET};
use novate_client::{addresses, instructions as build, order, Pubkey};
use serde_json::json;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::cluster::{At, By, Cluster};
use crate::demo::rows::ScenarioRows;
use crate::govern::change::Wanted;
use crate::govern::view::View;
use crate::govern::{announce, require_authority, text};
use crate::trader::Printed;
use fields::{Due, Left};
use file::{CreatePool, Placed, Step};

/// What is run, and where.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Folder of files named 0001-name.json and so on, see migrations/README.md.
    folder: PathBuf,
    /// Key in base 58 for a name that files leave open as "$name", such as usdc=EPjF...
    #[arg(long = "set", value_name = "NAME=KEY", value_parser = named)]
    names: Vec<(String, Pubkey)>,
    /// A pool that is there already; without it the pool is the one that the key creates, or created.
    #[arg(long, env = "NOVATE_POOL", value_name = "KEY")]
    pool: Option<Pubkey>,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    by: By,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn named(text: &str) -> Result<(String, Pubkey), String> {
    let (name, key) = text.split_once('=').ok_or("NAME=KEY is asked for")?;
    Ok((name.into(), key.parse().map_err(|_| format!("{key:?} is no key"))?))
}

/// How a step ended.
enum Outcome {
    WasThere,
    Done,
    /// Scheduled as this change, executable from this unix time.
    Waits(Pubkey, i64),
    /// Something else is in force than any file says.
    Left,
}

/// Runs what is missing, in order, and returns a line for each step. Ends at the first that waits.
pub fn run(options: &Options) -> Result<String> {
    // Whatever is wrong with a file is said before anything is sent.
    let steps = file::steps(&options.folder, &options.names)?;
    let (cluster, key) = (options.at.cluster()?, options.by.key()?);
    let mut migration =
        Migration { cluster: &cluster, key: &key, steps: &steps, given: options.pool, pool: None, left: vec![] };
    let mut out = String::new();
    let mut taken = vec![];
    for (number, Placed { place, name, step }) in steps.iter().enumerate() {
        let outcome =
            migration.take(number, step).with_context(|| format!("{place}: {name}; what came before it is done"))?;
        let left = std::mem::take(&mut migration.left);
        let mut said = json!({ "step": place, "instruction": name });
        let (word, words) = match &outcome {
            Outcome::WasThere => ("was_there", "was there".into()),
            Outcome::Done => ("done", "done".into()),
            Outcome::Left => ("left", "is left".into()),
            Outcome::Waits(change, ready) => {
                (said["change"], said["ready"]) = (change.to_string().into(), (*ready).into());
                ("waits", format!("waits as change {change} until {}; run this again then", text::time(*ready)))
            }
        };
        said["outcome"] = word.into();
        if !left.is_empty() {
            said["left"] = left.iter().map(Left::json).collect();
        }
        taken.push(said);
        writeln!(out, "{place}: {name} {words}")?;
        left.iter().try_for_each(|left| writeln!(out, "  {left}"))?;
        if matches!(outcome, Outcome::Waits(..)) {
            break;
        }
    }
    let pool = migration.pool.map(|pool| pool.to_string());
    write!(out, "pool {}", pool.as_deref().unwrap_or("none"))?;
    Ok(Printed::new(out, json!({ "pool": pool, "steps": taken })).print(options.json))
}

struct Migration<'c> {
    cluster: &'c Cluster,
    key: &'c Keypair,
    steps: &'c [Placed],
    /// The pool that was named; otherwise it is the one of the key.
    given: Option<Pubkey>,
    /// What the steps are about: set by the first, which creates it.
    pool: Option<Pubkey>,
    /// What of the step at hand is left as it is.
    left: Vec<Left>,
}

impl<'c> Migration<'c> {
    fn take(&mut self, number: usize, step: &Step) -> Result<Outcome> {
        match step {
            Step::CreatePool(create) => self.create(create),
            Step::MigrateAssets => self.migrate_assets(),
            Step::StageScenarios { generation, rows } => self.stage(*generation, rows),
            Step::Change(wanted) => self.change(number, wanted),
        }
    }

    fn pool(&self) -> Result<Pubkey> {
        self.pool.context("no pool: the first step is create_pool")
    }

    fn create(&mut self, create: &CreatePool) -> Result<Outcome> {
        let creator = self.key.pubkey();
        let known = order::Cluster::ALL;
        let cluster = known.into_iter().find(|cluster| cluster.name() == create.cluster).with_context(|| {
            format!("{:?} is no cluster; there are {}", create.cluster, known.map(order::Cluster::name).join(", "))
        })?;
        let address = self.given.unwrap_or_else(|| addresses::pool(&creator, create.id));
        self.pool = Some(address);
        let found = self.cluster.find::<Pool>(&address)?;
        ensure!(
            found.is_some() || self.given.is_none(),
            "there is no pool {address}: its creator runs this without --pool"
        );
        if let Some(pool) = found {
            let mint = pool.settlement_mint;
            ensure!(
                pool.id == create.id,
                "pool {address} is number {} of its creator, the file says {}",
                pool.id,
                create.id
            );
            ensure!(mint == create.settlement_mint, "pool {address} is there and settles in {mint}");
            ensure!(pool.cluster == cluster.code(), "pool {address} is there and is of another cluster");
            return Ok(Outcome::WasThere);
        }
        let roles = [create.guardian, create.risk];
        self.cluster
            .send(&[build::create_pool(creator, create.id, cluster, create.settlement_mint, roles)], self.key)?;
        Ok(Outcome::Done)
    }

    /// One transaction for each asset that has the layout before: what was migrated stays so, whatever becomes of the next.
    fn migrate_assets(&self) -> Result<Outcome> {
        let (pool, payer) = (self.pool()?, self.key.pubkey());
        let mut outcome = Outcome::WasThere;
        for index in 0..self.cluster.account::<Pool>(&pool)?.asset_count {
            let address = addresses::asset(&pool, index);
            let found = self.cluster.wait(self.cluster.rpc.find_raw(&address))?;
            if found.with_context(|| format!("no asset {address}"))?.data.starts_with(&PLAIN_ASSET) {
                self.cluster.send(&[build::migrate_asset(payer, pool, index)], self.key)?;
                outcome = Outcome::Done;
            }
        }
        Ok(outcome)
    }

    fn stage(&self, generation: u16, rows: &ScenarioRows) -> Result<Outcome> {
        let address = addresses::scenarios(&self.pool()?, generation);
        let mut outcome = Outcome::WasThere;
        for range in rows.ranges()? {
            let staged = self.cluster.find::<Scenarios>(&address)?;
            if let Some(staged) = staged.as_ref().filter(|staged| staged.count != 0) {
                ensure!(staged.source == range.source, "{address} has rows of another source");
                if staged.complete != 0 || staged.staged.get() >> range.start & 1 == 1 {
                    continue;
                }
            }
            self.cluster
                .send(&[build::stage_scenarios(self.key.pubkey(), self.pool()?, generation, range)], self.key)?;
            outcome = Outcome::Done;
        }
        Ok(outcome)
    }

    fn change(&mut self, number: usize, wanted: &Wanted) -> Result<Outcome> {
        let view = View::read(self.cluster, self.pool()?)?;
        let Due { wanted, left } = fields::due(self.steps, number, wanted, &view)?;
        self.left = left;
        let Some(wanted) = wanted else {
            return Ok(if self.left.is_empty() { Outcome::WasThere } else { Outcome::Left });
        };
        require_authority(&view, self.key)?;
        let instruction = wanted.instruction(&view)?;
        if !wanted.waits(&view) {
            self.cluster.send(&[instruction], self.key)?;
            return Ok(Outcome::Done);
        }
        let targets = build::targets(&instruction).unwrap_or_default();
        let open = self.cluster.all::<Change>()?.into_iter().find(|(_, change)| {
            change.pool == view.address
                && !change.is_dead(view.pool(), view.now)
                && change.data() == instruction.data
                && change.targets() == targets
        });
        match open {
            Some((address, change)) if view.now < change.ready => Ok(Outcome::Waits(address, change.ready)),
            Some((_, change)) => {
                self.cluster.send(&[build::execute_change(instruction, change.number, change.payer)], self.key)?;
                Ok(Outcome::Done)
            }
            None => {
                let (address, change) = announce(&instruction, &view, self.cluster, self.key)?;
                Ok(Outcome::Waits(address, change.ready))
            }
        }
    }
}
