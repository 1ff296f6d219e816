//! A change as people write and read it, in JSON: amounts in the units of docs/governance.md and docs/accounts.md, keys in base 58,
//! hashes in hexadecimal.

use std::collections::BTreeMap;

use anchor_lang::AnchorDeserialize;
use anyhow::{anyhow, bail, ensure, Context, Result};
use novate_client::instructions::{self as build, Token};
use novate_client::state::{Asset, Change, Governed};
use novate_client::{
    AssetField, AssetSetting, AssetTerms, Delays, Forecast, Instruction, Lending, MarketField, MarketSetting,
    MarketTerms, OracleSource, ParamSetting, Pubkey, RedemptionTerms,
};
use novate_margin::bank::LendingTerms;
use novate_margin::Params;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text;
use super::view::View;

/// What governance wants of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    #[serde(with = "text::key")]
    pub pool: Pubkey,
    pub change: Wanted,
}

/// An instruction that waits, named as it is in the program. Settings are by field; what is not named stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "there are a handful at most")]
pub enum Wanted {
    AddAsset {
        #[serde(with = "text::key")]
        mint: Pubkey,
        #[serde(with = "AssetTermsText")]
        terms: AssetTerms,
    },
    AddMarket {
        asset: u16,
        #[serde(with = "MarketTermsText")]
        terms: MarketTerms,
    },
    RegisterVenue {
        #[serde(with = "text::key")]
        signer: Pubkey,
    },
    ListExpiry {
        market: u16,
        time: i64,
        #[serde(with = "ForecastText")]
        forecast: Forecast,
    },
    SetLending {
        asset: u16,
        #[serde(with = "LendingText")]
        terms: Lending,
    },
    SetAsset {
        asset: u16,
        terms: BTreeMap<String, u64>,
    },
    SetMarket {
        market: u16,
        terms: BTreeMap<String, u64>,
    },
    SetOracle {
        asset: u16,
        #[serde(with = "OracleSourceText")]
        source: OracleSource,
    },
    SetParams {
        params: BTreeMap<String, i64>,
    },
    SwitchScenarios {
        generation: u16,
        #[serde(with = "text::hash")]
        hash: [u8; 32],
    },
    SetCommittee {
        #[serde(with = "text::keys")]
        members: Vec<Pubkey>,
        quorum: u8,
    },
    SetDelays {
        #[serde(with = "DelaysText")]
        delays: Delays,
    },
}

impl Draft {
    /// Reads a file's text; says where in it what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }
}

impl Wanted {
    /// The instruction as the program takes it, from the pool's authority.
    pub fn instruction(&self, view: &View) -> Result<Instruction> {
        let (authority, pool) = (view.pool().authority, view.address);
        Ok(match self {
            Self::AddAsset { mint, terms } => {
                let token = Token { mint: *mint, program: view.owner_of(mint)? };
                build::add_asset(authority, pool, view.pool().asset_count, token, terms.clone())
            }
            Self::AddMarket { asset, terms } => {
                build::add_market(authority, pool, *asset, view.pool().market_count, terms.clone())
            }
            Self::RegisterVenue { signer } => build::register_venue(authority, pool, *signer),
            Self::ListExpiry { market, time, forecast } => {
                build::list_expiry(authority, view.market(*market)?, *time, *forecast, view.now)
            }
            Self::SetLending { asset, terms } => build::set_lending(authority, pool, *asset, *terms),
            Self::SetAsset { asset, terms } => build::set_asset(authority, pool, *asset, asset_settings(terms)?),
            Self::SetMarket { market, terms } => build::set_market(authority, pool, *market, market_settings(terms)?),
            Self::SetOracle { asset, source } => build::set_oracle(authority, pool, *asset, *source),
            Self::SetParams { params } => build::set_params(authority, pool, param_settings(params)?),
            Self::SwitchScenarios { generation, hash } => build::switch_scenarios(authority, pool, *generation, *hash),
            Self::SetCommittee { members, quorum } => {
                let mut members = members.clone();
                members.sort();
                build::set_committee(authority, pool, members, *quorum)
            }
            Self::SetDelays { delays } => build::set_delays(authority, pool, *delays),
        })
    }

    /// Whether it waits as a change: nothing does before the pool trades, nor delays of which none gets shorter.
    pub fn waits(&self, view: &View) -> bool {
        let pool = view.pool();
        pool.is_live() && !matches!(self, Self::SetDelays { delays } if !pool.shortens(delays))
    }

    /// Its name, and what it holds by name, as a draft has it.
    pub fn written(&self) -> Result<(String, serde_json::Map<String, Value>)> {
        let Value::Object(mut change) = serde_json::to_value(self)? else { bail!("a change is an object") };
        let name = change.keys().next().cloned().context("a change has a name")?;
        let Some(Value::Object(held)) = change.remove(&name) else { bail!("{name} holds nothing") };
        Ok((name, held))
    }

    /// What a change on chain holds.
    pub fn of(change: &Change, view: &View) -> Result<Self> {
        let governed = Governed::find(change.data()).map_err(|_| anyhow!("it holds no instruction that waits"))?;
        let arguments = &mut change.data().get(governed.discriminator.len()..).unwrap_or_default();
        let target = change.targets().first().copied().unwrap_or_default();
        Ok(match governed.name {
            "add_asset" => Self::AddAsset { mint: target, terms: read(arguments)? },
            "add_market" => Self::AddMarket { asset: view.asset_at(&target)?, terms: read(arguments)? },
            "register_venue" => Self::RegisterVenue { signer: read(arguments)? },
            "list_expiry" => Self::ListExpiry {
                market: view.market_at(&target)?,
                time: read(arguments)?,
                forecast: read(arguments)?,
            },
            "set_lending" => Self::SetLending { asset: view.asset_at(&target)?, terms: read(arguments)? },
            "set_asset" => {
                let settings: Vec<AssetSetting> = read(arguments)?;
                let terms = settings.iter().map(|s| (s.field.rule().name.to_string(), s.value)).collect();
                Self::SetAsset { asset: view.asset_at(&target)?, terms }
            }
            "set_market" => {
                let settings: Vec<MarketSetting> = read(arguments)?;
                let terms = settings.iter().map(|s| (s.field.rule().name.to_string(), s.value)).collect();
                Self::SetMarket { market: view.market_at(&target)?, terms }
            }
            "set_oracle" => Self::SetOracle { asset: view.asset_at(&target)?, source: read(arguments)? },
            "set_params" => {
                let settings: Vec<ParamSetting> = read(arguments)?;
                let named = settings.iter().map(|s| {
                    let name = Params::NAMES.get(usize::from(s.parameter)).context("it names no parameter")?;
                    Ok((name.to_string(), s.value))
                });
                Self::SetParams { params: named.collect::<Result<_>>()? }
            }
            "switch_scenarios" => {
                Self::SwitchScenarios { generation: view.generation_at(&target)?, hash: read(arguments)? }
            }
            "set_committee" => Self::SetCommittee { members: read(arguments)?, quorum: read(arguments)? },
            "set_delays" => Self::SetDelays { delays: read(arguments)? },
            other => bail!("{other} is not known to this version of novate"),
        })
    }
}

/// The terms of an asset's bank in force.
pub fn lending_of(asset: &Asset) -> Lending {
    let LendingTerms { rate_zero, rate_kink, rate_full, kink, reserve_share, utilisation_cap } = asset.bank.terms;
    Lending {
        rate_zero: rate_zero.0,
        rate_kink: rate_kink.0,
        rate_full: rate_full.0,
        kink: kink.0,
        reserve_share: reserve_share.0,
        utilisation_cap: utilisation_cap.0,
        borrow_cap: asset.borrow_cap,
    }
}

/// Where an asset's price comes from.
pub fn source_of(asset: &Asset) -> OracleSource {
    let Asset { oracle, feed, feed_owner, feed_id, .. } = *asset;
    OracleSource { oracle, feed, feed_owner, feed_id }
}

/// Has an asset read another source, as the program does.
pub fn take_source(asset: &mut Asset, source: &OracleSource) {
    (asset.oracle, asset.feed) = (source.oracle, source.feed);
    (asset.feed_owner, asset.feed_id) = (source.feed_owner, source.feed_id);
}

fn read<T: AnchorDeserialize>(arguments: &mut &[u8]) -> Result<T> {
    T::deserialize(arguments).context("its arguments do not read as its instruction's")
}

pub fn asset_settings(terms: &BTreeMap<String, u64>) -> Result<Vec<AssetSetting>> {
    let known = AssetField::ALL.map(|field| (field.rule().name, field));
    Ok(settings(&known, terms)?.into_iter().map(|(field, value)| AssetSetting { field, value }).collect())
}

pub fn market_settings(terms: &BTreeMap<String, u64>) -> Result<Vec<MarketSetting>> {
    let known = MarketField::ALL.map(|field| (field.rule().name, field));
    Ok(settings(&known, terms)?.into_iter().map(|(field, value)| MarketSetting { field, value }).collect())
}

pub fn param_settings(params: &BTreeMap<String, i64>) -> Result<Vec<ParamSetting>> {
    let known: Vec<_> = Params::NAMES.iter().copied().zip(0u8..).collect();
    Ok(settings(&known, params)?.into_iter().map(|(parameter, value)| ParamSetting { parameter, value }).collect())
}

/// By field, in the order in which the program wants them.
fn settings<F: Copy + Ord, V: Copy>(known: &[(&str, F)], named: &BTreeMap<String, V>) -> Result<Vec<(F, V)>> {
    ensure!(!named.is_empty(), "nothing is to be set");
    let find = |(name, value): (&String, &V)| {
        let field = known.iter().find(|(known, _)| known == name).map(|(_, field)| (*field, *value));
        field.with_context(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            format!("{name} cannot be set; there are {}", names.join(", "))
        })
    };
    let mut found = named.iter().map(find).collect::<Result<Vec<_>>>()?;
    found.sort_by_key(|(field, _)| *field);
    Ok(found)
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AssetTerms", deny_unknown_fields)]
struct AssetTermsText {
    #[serde(with = "text::symbol")]
    symbol: [u8; 16],
    contract_exponent: u8,
    oracle: u8,
    #[serde(with = "text::key")]
    feed: Pubkey,
    #[serde(with = "text::key")]
    feed_owner: Pubkey,
    #[serde(with = "text::hash")]
    feed_id: [u8; 32],
    max_age: i64,
    max_confidence: i64,
    band: i64,
    base_range: i64,
    depth: i64,
    haircut_base: i64,
    haircut_volatility_multiple: i64,
    days_to_liquidate: i64,
    haircut_size_add_on: i64,
    deposit_cap: u64,
    outflow_limit: u64,
    minimum_balance: u64,
    #[serde(with = "redemption", default)]
    redemption: Option<RedemptionTerms>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RedemptionTerms", deny_unknown_fields)]
struct RedemptionTermsText {
    underlying: u16,
    #[serde(with = "text::key")]
    stake_pool: Pubkey,
    #[serde(with = "text::key")]
    stake_program: Pubkey,
    depeg_limit: i64,
}

mod redemption {
    use novate_client::RedemptionTerms;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::RedemptionTermsText;

    #[derive(Serialize, Deserialize)]
    struct Inner(#[serde(with = "RedemptionTermsText")] RedemptionTerms);

    pub fn serialize<S: Serializer>(terms: &Option<RedemptionTerms>, to: S) -> Result<S::Ok, S::Error> {
        terms.clone().map(Inner).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<RedemptionTerms>, D::Error> {
        Ok(Option::<Inner>::deserialize(from)?.map(|Inner(terms)| terms))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "MarketTerms", deny_unknown_fields)]
struct MarketTermsText {
    #[serde(with = "text::symbol")]
    symbol: [u8; 16],
    tick: i64,
    lot: i64,
    minimum: i64,
    open_interest_cap: i64,
    position_cap: i64,
    band: i64,
    fee: i64,
    sigma_limit: i64,
    option_tick: i64,
    option_fee_cap: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OracleSource", deny_unknown_fields)]
struct OracleSourceText {
    oracle: u8,
    #[serde(with = "text::key")]
    feed: Pubkey,
    #[serde(with = "text::key")]
    feed_owner: Pubkey,
    #[serde(with = "text::hash")]
    feed_id: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Forecast", deny_unknown_fields)]
struct ForecastText {
    basis: i64,
    a: i64,
    b: i64,
    rho: i64,
    m: i64,
    sigma: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Lending", deny_unknown_fields)]
struct LendingText {
    rate_zero: i64,
    rate_kink: i64,
    rate_full: i64,
    kink: i64,
    reserve_share: i64,
    utilisation_cap: i64,
    borrow_cap: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Delays", deny_unknown_fields)]
struct DelaysText {
    listing: i64,
    expiry: i64,
    parameters: i64,
    oracle: i64,
    model: i64,
    committee: i64,
}
