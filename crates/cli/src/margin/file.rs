//! A file of portfolios, as it is written: its shapes, and the place in it that an error is about.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail, ensure, Context, Result};
use novate_margin::{Params, Ratio, TAIL_COUNT};
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::number::steps;
use super::rows::Row;

/// A file of portfolios.
pub struct File {
    /// Parameters of the model: those of the file where it has any, else the defaults.
    pub params: Params,
    /// Its portfolios.
    pub cases: Vec<Case>,
    shape: Shape,
}

/// How a file holds its portfolios.
enum Shape {
    /// It is one.
    One,
    /// It is a list of them.
    List,
    /// They are its `cases`; this is the rest of it.
    Set(Map<String, Value>),
}

/// One portfolio as it is written.
pub struct Case {
    /// Where it stands, for errors and choices: `cases[3]`, with its name; empty for the only one.
    pub place: String,
    /// Its fields.
    pub fields: Map<String, Value>,
}

impl File {
    /// Reads a text. Fails where it is no JSON, holds no portfolio, or a parameter is unknown or out of bounds.
    pub fn parse(text: &str) -> Result<Self> {
        let tree: Value = serde_json::from_str(text).map_err(|error| {
            let not_finite = text.contains("NaN") || text.contains("Infinity");
            let hint = if not_finite { "; JSON has no NaN and no Infinity" } else { "" };
            anyhow!("not JSON: {error}{hint}")
        })?;
        let params = tree.get("params").map_or(Ok(Params::DEFAULT), params)?;
        let (shape, list) = match tree {
            Value::Array(list) => (Shape::List, list),
            Value::Object(case) if case.contains_key("legs") => (Shape::One, vec![Value::Object(case)]),
            Value::Object(mut set) => match set.remove("cases") {
                Some(Value::Array(list)) => (Shape::Set(set), list),
                _ => bail!("neither a portfolio (no `legs`) nor a list of them (no `cases`)"),
            },
            _ => bail!("neither a portfolio nor a list of them"),
        };
        let cases = list.into_iter().enumerate().map(|(at, case)| Case::new(at, case, &shape));
        Ok(Self { params, cases: cases.collect::<Result<_>>()?, shape })
    }

    /// The file as a tree again.
    pub fn into_tree(self) -> Value {
        let mut cases = self.cases.into_iter().map(|case| Value::Object(case.fields));
        match self.shape {
            Shape::One => cases.next().unwrap_or_default(),
            Shape::List => cases.collect(),
            Shape::Set(mut set) => {
                set.insert("cases".into(), cases.collect());
                Value::Object(set)
            }
        }
    }
}

impl Case {
    fn new(at: usize, case: Value, shape: &Shape) -> Result<Self> {
        let Value::Object(fields) = case else { bail!("cases[{at}]: no portfolio") };
        let name = fields.get("name").and_then(Value::as_str);
        let place = match (shape, name) {
            (Shape::One, name) => name.unwrap_or_default().into(),
            (_, Some(name)) => format!("cases[{at}] ({name})"),
            (_, None) => format!("cases[{at}]"),
        };
        Ok(Self { place, fields })
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.fields.get("name").and_then(Value::as_str)
    }

    /// A field and what it holds.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self.fields.get(name).with_context(|| format!("missing field `{name}`"))?;
        T::deserialize(value).with_context(|| name.to_string())
    }

    /// The members of a field that is a list.
    pub fn list<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>> {
        let values = self.field::<Vec<Value>>(name)?;
        let member = |(at, value): (usize, &Value)| T::deserialize(value).with_context(|| format!("{name}[{at}]"));
        values.iter().enumerate().map(member).collect()
    }

    /// The underlyings and what is known of them, by name.
    pub fn underlyings(&self) -> Result<BTreeMap<String, Facts>> {
        let values = self.field::<BTreeMap<String, Value>>("underlyings")?;
        let member = |(name, value): (String, Value)| {
            let facts = Facts::deserialize(value).with_context(|| format!("underlyings.{name}"))?;
            Ok((name, facts))
        };
        values.into_iter().map(member).collect()
    }

    /// The joint rows.
    pub fn rows(&self) -> Result<Vec<Row>> {
        self.list("scenarios")
    }
}

/// A leg. Fields that its kind has no use for are ignored.
#[derive(Clone, Debug, Deserialize)]
pub struct Leg {
    pub kind: String,
    pub underlying: String,
    /// Contracts, long positive.
    pub qty: f64,
    /// USD; of options.
    pub strike: Option<f64>,
    /// To expiry; of futures and options.
    pub days: Option<f64>,
    /// Implied, a year; of options.
    pub vol: Option<f64>,
    /// The forward over the spot, less one; of futures and options.
    pub basis: Option<f64>,
}

/// What a portfolio says of an underlying.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// USD.
    pub price: f64,
    pub scan_range: f64,
    /// USD.
    pub confidence: f64,
    /// USD; 0 for no charge on concentration.
    pub depth: f64,
}

/// A balance outside the scan.
#[derive(Clone, Debug, Deserialize)]
pub struct Balance {
    /// USD.
    pub value: f64,
    pub haircut: f64,
}

/// Parameters by the names that files have for them: those named, and the defaults of the others.
fn params(tree: &Value) -> Result<Params> {
    let named = BTreeMap::<String, f64>::deserialize(tree).context("params")?;
    let mut params = Params::DEFAULT;
    for (name, value) in named {
        let place = match name.as_str() {
            "es_tail_count" => {
                ensure!(value == TAIL_COUNT as f64, "params.es_tail_count: {value}, the model averages {TAIL_COUNT}");
                continue;
            }
            "tail_factor" => &mut params.tail_factor,
            "vol_up" => &mut params.vol_up,
            "vol_down" => &mut params.vol_down,
            "vol_up_floor" => &mut params.vol_up_floor,
            "es_credit" => &mut params.es_credit,
            "diversified_floor" => &mut params.diversified_floor,
            "basis_rate" => &mut params.basis_rate,
            "basis_rate_per_year" => &mut params.basis_rate_per_year,
            "net_delta_floor" => &mut params.net_delta_floor,
            "naked_short_rate" => &mut params.naked_short_rate,
            "long_option_discount" => &mut params.long_option_discount,
            "short_option_premium" => &mut params.short_option_premium,
            "term_vega_rate" => &mut params.term_vega_rate,
            "outside_initial_multiple" => &mut params.outside_multiple,
            "confidence_multiple" => &mut params.confidence_multiple,
            "depeg_threshold" => &mut params.depeg_threshold,
            "depeg_slope" => &mut params.depeg_slope,
            "maintenance_ratio" => &mut params.maintenance_ratio,
            _ => bail!("params.{name}: no parameter of the model"),
        };
        *place = Ratio(steps(value, 6).with_context(|| format!("params.{name}"))?);
    }
    params.validate().map_err(|error| anyhow!("params: {error}"))?;
    Ok(params)
}
