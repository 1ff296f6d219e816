//! `novate migrate`: a folder of numbered files takes an empty cluster to a pool that trades. What is there already is left alone, so that
//! it can be run again: after a failure, after a file was added, after a change has waited.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use novate_client::state::{Change, Pool, Scenarios, PLAIN_ASSET};
use novate_client::{addresses, instructions as build, order, Pubkey};
use serde::Deserialize;
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::cluster::{At, By, Cluster};
use crate::demo::rows::ScenarioRows;
use crate::govern::change::Wanted;
use crate::govern::view::View;
use crate::govern::{announce, require_authority, text};
use crate::trader::Printed;

/// What is run, and where.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Folder of files named 0001-name.json and so on, see migrations/README.md.
    folder: PathBuf,
    /// Key in base 58 for a name that files leave open as "$name", such as usdc=EPjF...
    #[arg(long = "set", value_name = "NAME=KEY", value_parser = named)]
    names: Vec<(String, Pubkey)>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    steps: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreatePool {
    id: u16,
    /// Name of the cluster, which signed orders say.
    cluster: String,
    #[serde(with = "text::key")]
    settlement_mint: Pubkey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageScenarios {
    generation: u16,
    /// As `novate scenarios build` writes them, from the folder.
    rows: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MigrateAssets {}

enum Step {
    CreatePool(CreatePool),
    /// Brings assets of the layout before to the one of today.
    MigrateAssets,
    StageScenarios {
        generation: u16,
        rows: Box<ScenarioRows>,
    },
    /// What governance does to a pool, at once where it does not trade yet.
    Change(Box<Wanted>),
}

/// How a step ended.
enum Outcome {
    WasThere,
    Done,
    /// Scheduled as this change, executable from this unix time.
    Waits(Pubkey, i64),
}

/// Runs what is missing, in order, and returns a line for each step. Ends at the first that waits.
pub fn run(options: &Options) -> Result<String> {
    let files = files(&options.folder)?;
    let mut steps = vec![];
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        read(path, &options.names, &mut steps).with_context(|| name)?;
    }
    // Whatever is wrong with a file is said before anything is sent.
    let (cluster, key) = (options.at.cluster()?, options.by.key()?);
    let mut migration = Migration { cluster: &cluster, key: &key, pool: None };
    let mut out = String::new();
    let mut taken = vec![];
    for (place, name, step) in &steps {
        let outcome = migration.take(step).with_context(|| format!("{place}: {name}; what came before it is done"))?;
        match outcome {
            Outcome::WasThere => {
                writeln!(out, "{place}: {name} was there")?;
                taken.push(json!({ "step": place, "instruction": name, "outcome": "was_there" }));
            }
            Outcome::Done => {
                writeln!(out, "{place}: {name} done")?;
                taken.push(json!({ "step": place, "instruction": name, "outcome": "done" }));
            }
            Outcome::Waits(change, ready) => {
                let change = change.to_string();
                taken.push(
                    json!({ "step": place, "instruction": name, "outcome": "waits", "change": change, "ready": ready }),
                );
                let time = text::time(ready);
                writeln!(out, "{place}: {name} waits as change {change} until {time}; run this again then")?;
                break;
            }
        }
    }
    let pool = migration.pool.map(|pool| pool.to_string());
    write!(out, "pool {}", pool.as_deref().unwrap_or("none"))?;
    Ok(Printed::new(out, json!({ "pool": pool, "steps": taken })).print(options.json))
}

/// The files of a folder in the order of their numbers.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = vec![];
    for entry in listed {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let number = name.split_once('-').map(|(number, _)| number);
            let fits = number.is_some_and(|n| n.len() == 4 && n.bytes().all(|digit| digit.is_ascii_digit()));
            ensure!(fits, "{name}: a migration is named by four digits, a dash and what it does");
            found.push(path);
        }
    }
    found.sort();
    let numbers: Vec<_> = found.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy()).collect();
    for pair in numbers.windows(2) {
        ensure!(pair[0][..4] != pair[1][..4], "{} and {} have one number", pair[0], pair[1]);
    }
    ensure!(!found.is_empty(), "{} has no migrations", folder.display());
    Ok(found)
}

/// Appends the steps of a file, each with its place and its name.
fn read(path: &Path, names: &[(String, Pubkey)], to: &mut Vec<(String, String, Step)>) -> Result<()> {
    let file: File = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for (at, mut value) in file.steps.into_iter().enumerate() {
        fill(&mut value, names).with_context(|| format!("step {at}"))?;
        let (name, step) = Step::read(value, folder).with_context(|| format!("step {at}"))?;
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        to.push((format!("{file}, step {at}"), name, step));
    }
    Ok(())
}

/// Puts keys in the place of names.
fn fill(value: &mut Value, names: &[(String, Pubkey)]) -> Result<()> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix('$') {
                let key = names.iter().find(|(known, _)| known == name).map(|(_, key)| key.to_string());
                *text = key.with_context(|| format!("${name} is not set: give --set {name}=KEY"))?;
            }
            Ok(())
        }
        Value::Array(list) => list.iter_mut().try_for_each(|value| fill(value, names)),
        Value::Object(map) => map.values_mut().try_for_each(|value| fill(value, names)),
        _ => Ok(()),
    }
}

impl Step {
    fn read(value: Value, folder: &Path) -> Result<(String, Self)> {
        let name = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.keys().next()).cloned();
        let name = name.context("a step is an object with one name")?;
        let step = match name.as_str() {
            "create_pool" => Self::CreatePool(CreatePool::deserialize(&value[&name])?),
            "migrate_assets" => {
                MigrateAssets::deserialize(&value[&name])?;
                Self::MigrateAssets
            }
            "stage_scenarios" => {
                let StageScenarios { generation, rows } = StageScenarios::deserialize(&value[&name])?;
                let path = folder.join(rows);
                let written =
                    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let rows = ScenarioRows::parse(&written).with_context(|| path.display().to_string())?;
                Self::StageScenarios { generation, rows: Box::new(rows) }
            }
            _ => Self::Change(Box::new(Wanted::deserialize(&value)?)),
        };
        Ok((name, step))
    }
}

struct Migration<'c> {
    cluster: &'c Cluster,
    key: &'c Keypair,
    /// What the steps are about: set by the first, which creates it.
    pool: Option<Pubkey>,
}

impl<'c> Migration<'c> {
    fn take(&mut self, step: &Step) -> Result<Outcome> {
        match step {
            Step::CreatePool(create) => self.create(create),
            Step::MigrateAssets => self.migrate_assets(),
            Step::StageScenarios { generation, rows } => self.stage(*generation, rows),
            Step::Change(wanted) => self.change(wanted),
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
        let address = addresses::pool(&creator, create.id);
        self.pool = Some(address);
        if let Some(pool) = self.cluster.find::<Pool>(&address)? {
            let mint = pool.settlement_mint;
            ensure!(mint == create.settlement_mint, "pool {address} is there and settles in {mint}");
            ensure!(pool.cluster == cluster.code(), "pool {address} is there and is of another cluster");
            return Ok(Outcome::WasThere);
        }
        self.cluster.send(&[build::create_pool(creator, create.id, cluster, create.settlement_mint)], self.key)?;
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

    fn change(&self, wanted: &Wanted) -> Result<Outcome> {
        let view = View::read(self.cluster, self.pool()?)?;
        if wanted.is_in_force(&view)? {
            return Ok(Outcome::WasThere);
        }
        require_authority(&view, self.key)?;
        let instruction = wanted.instruction(&view)?;
        if !view.pool().is_live() {
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
