//! What a pool has one value of at a time, and what the files of a folder say of it one after the other.
//!
//! A field has the value it begins with, as its asset or market was listed or as pools begin, and then those of the steps that set it. The last
//! of these that is in force says how far it has come: the steps behind it are due, the others are over. Where none is in force,
//! somebody else has set it since, or the risk role tightened it: it is left as it is.

use std::fmt;

use anyhow::{Context, Result};
use novate_client::state::{AssetField, Class, MarketField};
use novate_client::{Delays, Lending};
use novate_margin::Params;
use serde_json::{json, Map, Value};

use super::file::{Placed, Step};
use crate::govern::change::{asset_settings, lending_of, market_settings, param_settings, source_of, Wanted};
use crate::govern::view::View;

/// Assets and markets by their index, parameters by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Asset(u16, AssetField),
    Market(u16, MarketField),
    Parameter(u8),
    Lending(u16),
    Source(u16),
    Committee,
    Delays,
}

/// What a step is about that is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    what: String,
    in_force: Value,
    wanted: Value,
}

/// What of a step is still to be done, and what of it is left.
pub struct Due {
    pub wanted: Option<Wanted>,
    pub left: Vec<Left>,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, in_force, wanted } = self;
        write!(f, "{what} is {in_force}, which no file says; this one says {wanted}: left as it is")
    }
}

impl Left {
    pub fn json(&self) -> Value {
        json!({ "field": self.what, "in_force": self.in_force, "wanted": self.wanted })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asset(asset, field) => write!(f, "{} of asset {asset}", field.rule().name),
            Self::Market(market, field) => write!(f, "{} of market {market}", field.rule().name),
            Self::Parameter(place) => f.write_str(Params::NAMES.get(usize::from(*place)).unwrap_or(&"a parameter")),
            Self::Lending(asset) => write!(f, "lending of asset {asset}"),
            Self::Source(asset) => write!(f, "price source of asset {asset}"),
            Self::Committee => f.write_str("the committee"),
            Self::Delays => f.write_str("delays"),
        }
    }
}

/// What of a step is due, as the pool is.
pub fn due(steps: &[Placed], number: usize, wanted: &Wanted, view: &View) -> Result<Due> {
    let fields = said(wanted)?;
    if fields.is_empty() {
        return listed(wanted, view);
    }
    let (mut due, mut left) = (vec![], vec![]);
    for (field, value) in fields {
        let in_force = field.in_force(view)?;
        match come_to(steps, field, &in_force, view)? {
            None => left.push(Left { what: field.to_string(), in_force, wanted: value }),
            Some(Some(last)) if last >= number => {}
            Some(_) => due.push(field),
        }
    }
    Ok(Due { wanted: only(wanted, &due)?, left })
}

/// Number of the last step whose value is in force, none inside where it is what the field began with; none where it is no file's.
fn come_to(steps: &[Placed], field: Field, in_force: &Value, view: &View) -> Result<Option<Option<usize>>> {
    let mut last = None;
    if field.beginning(steps, view)?.as_ref() == Some(in_force) {
        last = Some(None);
    }
    for (number, wanted) in changes(steps) {
        if said(wanted)?.iter().any(|(other, value)| *other == field && value == in_force) {
            last = Some(Some(number));
        }
    }
    Ok(last)
}

fn changes(steps: &[Placed]) -> impl Iterator<Item = (usize, &Wanted)> {
    steps.iter().enumerate().filter_map(|(number, placed)| match &placed.step {
        Step::Change(wanted) => Some((number, wanted.as_ref())),
        _ => None,
    })
}

/// The fields that a step sets, and to what; none where it lists.
fn said(wanted: &Wanted) -> Result<Vec<(Field, Value)>> {
    Ok(match wanted {
        Wanted::SetAsset { asset, terms } => {
            asset_settings(terms)?.iter().map(|s| (Field::Asset(*asset, s.field), s.value.into())).collect()
        }
        Wanted::SetMarket { market, terms } => {
            market_settings(terms)?.iter().map(|s| (Field::Market(*market, s.field), s.value.into())).collect()
        }
        Wanted::SetParams { params } => {
            param_settings(params)?.iter().map(|s| (Field::Parameter(s.parameter), s.value.into())).collect()
        }
        Wanted::SetLending { asset, .. } => vec![(Field::Lending(*asset), part(wanted, "terms")?)],
        Wanted::SetOracle { asset, .. } => vec![(Field::Source(*asset), part(wanted, "source")?)],
        Wanted::SetCommittee { members, quorum } => {
            let mut members = members.clone();
            members.sort();
            let sorted = Wanted::SetCommittee { members, quorum: *quorum };
            vec![(Field::Committee, sorted.written()?.1.into())]
        }
        Wanted::SetDelays { .. } => vec![(Field::Delays, part(wanted, "delays")?)],
        Wanted::AddAsset { .. }
        | Wanted::AddMarket { .. }
        | Wanted::RegisterVenue { .. }
        | Wanted::ListExpiry { .. }
        | Wanted::SwitchScenarios { .. } => vec![],
    })
}

fn part(wanted: &Wanted, name: &str) -> Result<Value> {
    let (_, held) = wanted.written()?;
    held.get(name).cloned().with_context(|| format!("it has no {name}"))
}

/// A step with those of its fields alone that are due.
fn only(wanted: &Wanted, due: &[Field]) -> Result<Option<Wanted>> {
    if due.is_empty() {
        return Ok(None);
    }
    let mut wanted = wanted.clone();
    match &mut wanted {
        Wanted::SetAsset { asset, terms } => {
            terms.retain(|name, _| {
                due.iter().any(|f| matches!(f, Field::Asset(a, field) if a == asset && field.rule().name == name))
            });
        }
        Wanted::SetMarket { market, terms } => {
            terms.retain(|name, _| {
                due.iter().any(|f| matches!(f, Field::Market(m, field) if m == market && field.rule().name == name))
            });
        }
        Wanted::SetParams { params } => {
            let name_of = |place: u8| Params::NAMES.get(usize::from(place)).copied();
            params.retain(|name, _| due.iter().any(|f| matches!(f, Field::Parameter(p) if name_of(*p) == Some(name))));
        }
        _ => {}
    }
    Ok(Some(wanted))
}

impl Field {
    /// What it is, or is on its way to.
    fn in_force(self, view: &View) -> Result<Value> {
        Ok(match self {
            Self::Asset(asset, field) => {
                let asset = view.asset(asset)?;
                let mut goals = AssetField::RAMPED.into_iter().zip(asset.goals());
                let goal = goals.find(|(ramped, _)| *ramped == field).map(|(_, goal)| goal);
                goal.unwrap_or_else(|| asset.get(field)).into()
            }
            Self::Market(market, field) => view.market(market)?.get(field).into(),
            Self::Parameter(place) => {
                view.params().get(usize::from(place)).map(|value| value.0).context("there is no such parameter")?.into()
            }
            Self::Lending(asset) => {
                part(&Wanted::SetLending { asset, terms: lending_of(view.asset(asset)?) }, "terms")?
            }
            Self::Source(asset) => part(&Wanted::SetOracle { asset, source: source_of(view.asset(asset)?) }, "source")?,
            Self::Committee => match view.committee()? {
                Some((members, quorum)) => Wanted::SetCommittee { members, quorum }.written()?.1.into(),
                None => Value::Null,
            },
            Self::Delays => part(&Wanted::SetDelays { delays: view.pool().delays() }, "delays")?,
        })
    }

    /// What it was before any step set it: as a file listed it, or as pools begin. None where no file lists it.
    fn beginning(self, steps: &[Placed], view: &View) -> Result<Option<Value>> {
        Ok(match self {
            Self::Asset(asset, field) => listing_of_asset(steps, asset, view)?.and_then(|terms| {
                let redemption = terms.get("redemption").and_then(|redemption| redemption.get(field.rule().name));
                terms.get(field.rule().name).or(redemption).cloned()
            }),
            Self::Market(market, field) => {
                let symbol = view.market(market)?.symbol;
                let listing = changes(steps)
                    .find(|(_, wanted)| matches!(wanted, Wanted::AddMarket { terms, .. } if terms.symbol == symbol));
                let terms = listing.map(|(_, wanted)| part(wanted, "terms")).transpose()?;
                terms.and_then(|terms| terms.get(field.rule().name).cloned())
            }
            Self::Parameter(place) => {
                let begun: &[novate_margin::Ratio] = bytemuck::cast_slice(bytemuck::bytes_of(&Params::DEFAULT));
                begun.get(usize::from(place)).map(|value| value.0.into())
            }
            Self::Lending(asset) => {
                let [rate_zero, rate_kink, rate_full, kink, reserve_share, utilisation_cap] = [0; 6];
                let terms =
                    Lending { rate_zero, rate_kink, rate_full, kink, reserve_share, utilisation_cap, borrow_cap: 0 };
                Some(part(&Wanted::SetLending { asset, terms }, "terms")?)
            }
            Self::Source(asset) => listing_of_asset(steps, asset, view)?.map(|terms| {
                let names = ["oracle", "feed", "feed_owner", "feed_id"];
                names
                    .into_iter()
                    .filter_map(|name| Some((name.to_string(), terms.get(name)?.clone())))
                    .collect::<Map<_, _>>()
                    .into()
            }),
            Self::Committee => Some(Value::Null),
            Self::Delays => {
                let delays = Delays {
                    listing: Class::Listing.floor(),
                    expiry: Class::Expiry.floor(),
                    parameters: Class::Parameters.floor(),
                    oracle: Class::Oracle.floor(),
                    model: Class::Model.floor(),
                    committee: Class::Committee.floor(),
                };
                Some(part(&Wanted::SetDelays { delays }, "delays")?)
            }
        })
    }
}

/// The terms that a file listed an asset with.
fn listing_of_asset(steps: &[Placed], asset: u16, view: &View) -> Result<Option<Value>> {
    let listed = view.asset(asset)?.mint;
    let listing = changes(steps).find(|(_, wanted)| matches!(wanted, Wanted::AddAsset { mint, .. } if *mint == listed));
    listing.map(|(_, wanted)| part(wanted, "terms")).transpose()
}

/// Of what lists or switches: whether it was done, however it has fared since.
fn listed(wanted: &Wanted, view: &View) -> Result<Due> {
    let snapshot = &view.snapshot;
    let mut left = vec![];
    let was_there = match wanted {
        Wanted::AddAsset { mint, .. } => snapshot.assets.values().any(|asset| asset.mint == *mint),
        Wanted::AddMarket { terms, .. } => snapshot.markets.values().any(|market| market.symbol == terms.symbol),
        // One that is over can have been closed.
        Wanted::ListExpiry { market, time, .. } => {
            *time <= view.now
                || snapshot.expiries.values().any(|expiry| (expiry.market, expiry.time) == (*market, *time))
        }
        Wanted::SwitchScenarios { generation, .. } => view.pool().generation >= *generation,
        // Its account stays when it is removed.
        Wanted::RegisterVenue { signer } => {
            let venue = view.venue(signer)?;
            if venue.as_ref().is_some_and(|venue| !venue.is_active()) {
                let what = format!("venue {signer}");
                left.push(Left { what, in_force: "removed".into(), wanted: "registered".into() });
            }
            venue.is_some()
        }
        _ => false,
    };
    Ok(Due { wanted: (!was_there).then(|| wanted.clone()), left })
}
