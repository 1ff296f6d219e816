//! The files of a folder: numbered, each a list of steps.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use novate_client::Pubkey;
use serde::Deserialize;
use serde_json::Value;

use crate::demo::rows::ScenarioRows;
use crate::govern::change::Wanted;
use crate::govern::text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    steps: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePool {
    pub id: u16,
    /// Name of the cluster, which signed orders say.
    pub cluster: String,
    #[serde(with = "text::key")]
    pub settlement_mint: Pubkey,
    /// Who holds the other two roles. Of a pool that is there they may have passed on.
    #[serde(with = "text::key")]
    pub guardian: Pubkey,
    #[serde(with = "text::key")]
    pub risk: Pubkey,
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

pub enum Step {
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

/// A step, and where it stands.
pub struct Placed {
    /// File and place in it.
    pub place: String,
    pub name: String,
    pub step: Step,
}

/// All steps of a folder, in order.
pub fn steps(folder: &Path, names: &[(String, Pubkey)]) -> Result<Vec<Placed>> {
    let mut steps = vec![];
    for path in &files(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        read(path, names, &mut steps).with_context(|| name)?;
    }
    Ok(steps)
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

/// Appends the steps of a file.
fn read(path: &Path, names: &[(String, Pubkey)], to: &mut Vec<Placed>) -> Result<()> {
    let file: File = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for (at, mut value) in file.steps.into_iter().enumerate() {
        fill(&mut value, names).with_context(|| format!("step {at}"))?;
        let (name, step) = Step::read(value, folder).with_context(|| format!("step {at}"))?;
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        to.push(Placed { place: format!("{file}, step {at}"), name, step });
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
