//! What the matcher knows of the world: instruments, portfolios and the time. From the chain, by a mirror of the pool; or, for tests and
//! load figures, from a file, and then nothing is settled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use novate_client::instrument::{self, Instrument as Kind};
use novate_client::order::{render_symbol, root_of, Cluster};
use novate_client::rpc::Mirror;
use novate_client::state::Portfolio;
use novate_client::{Pubkey, Snapshot};
use novate_margin::Price;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::order::Key;
use crate::refusal::Refusal;
use crate::strategy::{Leg, Strategy};

/// Least time between two looks at the chain's clock that callers ask for: who sends times that do not fit takes no more of the node.
const LOOKS_APART: Duration = Duration::from_millis(200);

/// What is traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Instrument id, as the program has it.
    pub id: u64,
    pub symbol: String,
    pub market: u16,
    /// Index of the asset that it is on.
    pub underlying: u16,
    /// USD 1e-9.
    pub tick: i64,
    /// Contracts, 1e-9.
    pub lot: i64,
    pub minimum: i64,
}

impl Instrument {
    /// As orders name it: `BTC-PERP#0`.
    pub fn name(&self) -> String {
        format!("{}#{}", self.symbol, self.market)
    }
}

/// Instruments, by id and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instruments {
    by_id: BTreeMap<u64, Instrument>,
    by_name: BTreeMap<String, u64>,
}

impl Instruments {
    pub fn new(all: impl IntoIterator<Item = Instrument>) -> Self {
        let by_id: BTreeMap<_, _> = all.into_iter().map(|instrument| (instrument.id, instrument)).collect();
        let by_name = by_id.values().map(|instrument| (instrument.name(), instrument.id)).collect();
        Self { by_id, by_name }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.by_id.values()
    }

    pub fn get(&self, id: u64) -> Option<&Instrument> {
        self.by_id.get(&id)
    }

    pub fn find(&self, symbol: &str, market: u16) -> Option<&Instrument> {
        self.by_id.get(self.by_name.get(&format!("{symbol}#{market}"))?)
    }

    /// The strategy of legs as a text has them.
    pub fn strategy<'a>(&self, legs: impl IntoIterator<Item = (i64, &'a str, u16)>) -> Result<Strategy, Refusal> {
        let leg = |(ratio, symbol, market): (i64, &str, u16)| {
            let instrument = self.find(symbol, market).ok_or(Refusal::UnknownInstrument)?.id;
            Ok(Leg { instrument, ratio: i16::try_from(ratio).map_err(|_| Refusal::BadText)? })
        };
        Strategy::new(legs.into_iter().map(leg).collect::<Result<_, _>>()?)
    }

    /// `1 BTC-PERP#0, -2 ETH-PERP#1`; of what is no longer listed the instrument's id.
    pub fn write(&self, strategy: &Strategy) -> String {
        let leg = |leg: &Leg| {
            let name = self.get(leg.instrument).map_or_else(|| format!("{:#018x}", leg.instrument), Instrument::name);
            format!("{} {name}", leg.ratio)
        };
        strategy.legs().iter().map(leg).collect::<Vec<_>>().join(", ")
    }

    fn of(snapshot: &Snapshot, now: i64) -> Self {
        let mut all = vec![];
        for market in snapshot.markets.values() {
            let Some(root) = root_of(&market.symbol) else { continue };
            let mut add = |id: u64, kind: Kind, strike: i64| {
                let option = matches!(kind, Kind::Option { .. });
                let tick = if option { market.option_tick.0 } else { market.tick.0 };
                all.push(Instrument {
                    id,
                    symbol: render_symbol(root, kind, Price(strike)),
                    market: market.index,
                    underlying: market.asset,
                    tick,
                    lot: market.lot.0,
                    minimum: market.minimum.0,
                });
            };
            add(instrument::perpetual(market.index), Kind::Perpetual, 0);
            let own = snapshot.expiries.values().filter(|expiry| expiry.market == market.index && expiry.time > now);
            for expiry in own {
                let minutes = expiry.minutes();
                add(instrument::future(market.index, minutes), Kind::Future { minutes }, 0);
                for (slot, strike) in (0u8..).zip(expiry.listed()) {
                    for right in [novate_client::Right::Call, novate_client::Right::Put] {
                        let id = instrument::option(market.index, minutes, slot, right);
                        add(id, Kind::Option { minutes, slot, right }, strike.strike.0);
                    }
                }
            }
        }
        Self::new(all)
    }
}

/// A portfolio, as far as orders are checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub owner: Pubkey,
    pub delegate: Pubkey,
    pub delegate_expiry: i64,
    pub generation: u64,
    pub minimum_nonce: u64,
    /// Least nonce of an order that the delegate signed.
    pub delegate_nonce: u64,
    /// Contracts by instrument, 1e-9.
    pub positions: Vec<(u64, i64)>,
    /// Nonce, end and filled quantity of orders that the chain has met.
    pub fills: Vec<(u64, i64, i64)>,
}

impl From<&Portfolio> for Holder {
    fn from(portfolio: &Portfolio) -> Self {
        let used = |fill: &&novate_client::state::Fill| fill.expiry > 0;
        Self {
            owner: portfolio.owner,
            delegate: portfolio.delegate,
            delegate_expiry: portfolio.delegate_expiry,
            generation: portfolio.generation,
            minimum_nonce: portfolio.minimum_nonce,
            delegate_nonce: portfolio.delegate_nonce,
            positions: portfolio.positions().iter().map(|p| (p.instrument, p.quantity)).collect(),
            fills: portfolio.fills.iter().filter(used).map(|fill| (fill.nonce, fill.expiry, fill.filled)).collect(),
        }
    }
}

/// A world in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Roster {
    /// Name of the cluster that texts have to be for.
    pub cluster: String,
    pub instruments: Vec<Instrument>,
    /// Portfolios with their owners, generation 1.
    pub portfolios: Vec<(Key, Key)>,
}

enum Source {
    Chain(Mirror),
    Roster(BTreeMap<Pubkey, Pubkey>),
}

/// What is known.
pub struct View {
    source: Source,
    cluster: Cluster,
    subject: String,
    instruments: RwLock<Arc<Instruments>>,
    /// When the last look at the clock that was asked for began.
    looked: Mutex<Option<(Instant, bool)>>,
}

impl View {
    /// Of a pool. Fails where the pool was not told which cluster it is on.
    pub fn of_chain(mirror: Mirror) -> Result<Self> {
        let (cluster, subject) = {
            let mirrored = mirror.read();
            let cluster = Cluster::from_code(mirrored.snapshot.pool.cluster);
            (cluster.context("the pool is of no cluster")?, format!("pool {}", mirrored.pool))
        };
        let (instruments, looked) = Default::default();
        let view = Self { source: Source::Chain(mirror), cluster, subject, instruments, looked };
        view.refresh();
        Ok(view)
    }

    /// Of a file.
    pub fn of_roster(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let roster: Roster = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
        let cluster = Cluster::ALL.into_iter().find(|cluster| cluster.name() == roster.cluster);
        let portfolios = roster.portfolios.iter().map(|(portfolio, owner)| (portfolio.0, owner.0)).collect();
        Ok(Self {
            source: Source::Roster(portfolios),
            cluster: cluster.context("the roster is of no cluster")?,
            subject: "roster".into(),
            instruments: RwLock::new(Arc::new(Instruments::new(roster.instruments))),
            looked: Mutex::default(),
        })
    }

    /// Takes in what was listed and what has expired.
    pub fn refresh(&self) {
        let Source::Chain(mirror) = &self.source else { return };
        let found = {
            let mirrored = mirror.read();
            Instruments::of(&mirrored.snapshot, mirrored.now())
        };
        if *self.instruments() != found {
            *self.instruments.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        }
    }

    pub fn cluster(&self) -> Cluster {
        self.cluster
    }

    /// What a journal of it is of.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    pub fn mirror(&self) -> Option<&Mirror> {
        match &self.source {
            Source::Chain(mirror) => Some(mirror),
            Source::Roster(_) => None,
        }
    }

    pub fn instruments(&self) -> Arc<Instruments> {
        self.instruments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the chain is in sight.
    pub fn is_current(&self) -> bool {
        self.mirror().is_none_or(|mirror| mirror.read().current.is_ok())
    }

    /// Unix time, of the chain where there is one.
    pub fn now(&self) -> i64 {
        match &self.source {
            Source::Chain(mirror) => mirror.read().now(),
            Source::Roster(_) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Looks at the chain's clock instead of waiting until the mirror does, and says whether it is known anew. However many ask, one look
    /// is under way at a time, and begins no sooner than [`LOOKS_APART`] after the last; it serves all who asked before it began.
    pub async fn look(&self) -> bool {
        let Source::Chain(mirror) = &self.source else { return false };
        let asked = Instant::now();
        let mut looked = self.looked.lock().await;
        if let Some((begun, seen)) = *looked {
            if begun > asked {
                return seen;
            }
            sleep((begun + LOOKS_APART).saturating_duration_since(Instant::now())).await;
        }
        let begun = Instant::now();
        let seen = mirror.look().await.is_ok();
        *looked = Some((begun, seen));
        seen
    }

    /// A portfolio of the pool. One that was closed is none.
    pub fn holder(&self, address: &Pubkey) -> Option<Holder> {
        match &self.source {
            Source::Chain(mirror) => {
                let portfolio = mirror.read().portfolios.get(address).cloned()?;
                (portfolio.owner != Pubkey::default()).then(|| Holder::from(&*portfolio))
            }
            Source::Roster(portfolios) => Some(Holder {
                owner: *portfolios.get(address)?,
                delegate: Pubkey::default(),
                delegate_expiry: 0,
                generation: 1,
                minimum_nonce: 0,
                delegate_nonce: 0,
                positions: vec![],
                fills: vec![],
            }),
        }
    }
}
