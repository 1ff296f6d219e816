//! A portfolio of a file in the types of the model: legs by underlying and expiry, strikes in slots and priced.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};
use bytemuck::Zeroable;
use novate_margin::book::MAX_GRIDS;
use novate_margin::chain::{Decided, Nodes, Reference, Strike, MAX_STRIKES};
use novate_margin::dated::{Carry, ExpiryFacts, Right};
use novate_margin::fixed::product_over_ten_pow_floor;
use novate_margin::pricing::{root_time, Deviation, DAY};
use novate_margin::units::{PRICE_DIGITS, USD_DIGITS};
use novate_margin::{
    Book, Contracts, Health, Params, Price, Ratio, Seconds, Tenor, UnderlyingFacts, Usd, MAX_COLUMNS, NO_COLUMN,
};

use super::file::{self, Balance, Case};
use super::number::steps;
use super::rows::JointRows;

/// Digits of a vol in a file: more than a [`Ratio`] has, since a smile gives any.
const VOL_DIGITS: u32 = 12;

/// A portfolio, ready to fill a [`Book`].
pub struct Portfolio {
    /// What is held, sorted by name.
    pub underlyings: Vec<Underlying>,
    /// Sorted by underlying and time.
    pub expiries: Vec<Expiry>,
    /// In the order of the file.
    pub legs: Vec<Leg>,
    outside: Vec<(Contracts, Ratio)>,
    settlement_price: Price,
    rows: JointRows,
}

/// One underlying that is held.
pub struct Underlying {
    pub name: String,
    pub facts: UnderlyingFacts,
}

/// One expiry of an underlying, its strikes priced at the index price.
pub struct Expiry {
    /// Place in [`Portfolio::underlyings`].
    pub underlying: usize,
    pub facts: ExpiryFacts,
    /// Strikes by price and vol; free slots at the end.
    pub strikes: Box<[Strike; MAX_STRIKES]>,
}

/// One leg.
pub struct Leg {
    /// Place in [`Portfolio::underlyings`].
    pub underlying: usize,
    pub quantity: Contracts,
    pub kind: Kind,
}

/// What a leg is. An expiry is a place in [`Portfolio::expiries`], a slot one among its strikes.
#[derive(Clone, Copy)]
pub enum Kind {
    Spot,
    Perpetual,
    Future { expiry: usize },
    Option { expiry: usize, slot: usize, right: Right },
}

impl Kind {
    /// The expiry, of what has one.
    pub fn expiry(self) -> Option<usize> {
        match self {
            Self::Spot | Self::Perpetual => None,
            Self::Future { expiry } | Self::Option { expiry, .. } => Some(expiry),
        }
    }
}

impl Portfolio {
    /// Reads a portfolio. Fails at the first number that is missing, out of its range, off its grid or more than the model
    /// holds, and says where it is.
    pub fn read(case: &Case, params: &Params) -> Result<Self> {
        let legs = case.list::<file::Leg>("legs")?;
        let underlyings = held(case, &legs)?;
        let mut terms = vec![];
        let mut chains = Chains::new();
        for (at, leg) in legs.iter().enumerate() {
            let place = || format!("legs[{at}] ({} {})", leg.underlying, leg.kind);
            // Every underlying of a leg is held.
            let underlying = underlyings.iter().position(|u| u.name == leg.underlying).unwrap_or_default();
            terms.push((underlying, Terms::read(leg).with_context(place)?));
            gather(&mut chains, at, leg, underlying, &terms[at].1).with_context(place)?;
        }
        let mut expiries = vec![];
        for (key, chain) in &mut chains {
            let expiry = Expiry::price(*key, chain, &underlyings, params);
            expiries.push(expiry.with_context(|| format!("the expiry of legs[{}]", chain.first))?);
        }
        let with_options = |at: &usize| expiries.iter().any(|e| e.underlying == *at && e.has_options());
        let count = (0..underlyings.len()).filter(with_options).count();
        ensure!(count <= MAX_GRIDS, "options on {count} underlyings, a portfolio holds them on {MAX_GRIDS}");
        let places: Vec<_> = chains.into_iter().collect();
        let placed = |(underlying, terms): (usize, Terms)| terms.placed(underlying, &places);
        let legs = terms.into_iter().map(placed).collect();
        let names: Vec<&str> = underlyings.iter().map(|u| u.name.as_str()).collect();
        let rows = JointRows::new(&case.rows()?, &names)?;
        let settlement_price = Price(steps(case.field("settlement_price")?, PRICE_DIGITS).context("settlement_price")?);
        let outside = case.list("outside")?;
        let outside = outside.iter().enumerate().map(|(at, balance)| amounts(balance).with_context(|| outside_at(at)));
        Ok(Self { underlyings, expiries, legs, outside: outside.collect::<Result<_>>()?, settlement_price, rows })
    }

    /// Fills a book with the legs that `kept` says, and with what is outside the scan, and judges it. The results by underlying
    /// stay in the book.
    pub fn judge(&self, book: &mut Book, kept: impl Fn(usize) -> bool, params: &Params) -> Result<Health> {
        book.clear();
        book.set_settlement_price(self.settlement_price);
        for (asset, Underlying { name, facts }) in (0u16..).zip(&self.underlyings) {
            book.add_underlying(asset, *facts).with_context(|| format!("underlyings.{name}"))?;
        }
        // All perpetuals of an underlying are of one market here: one position.
        let mut perpetuals = vec![Contracts::ZERO; self.underlyings.len()];
        for (at, leg) in self.legs.iter().enumerate().filter(|(at, _)| kept(*at)) {
            self.add(book, leg, &mut perpetuals).with_context(|| format!("legs[{at}]"))?;
        }
        for (slot, (quantity, held)) in perpetuals.iter().zip(&self.underlyings).enumerate() {
            let added = book.add_perpetual(slot, *quantity, held.facts.price, Usd::ZERO, Ratio::ONE);
            added.with_context(|| format!("perpetuals on {}", held.name))?;
        }
        for (id, expiry) in (0u64..).zip(&self.expiries).filter(|(_, expiry)| expiry.has_options()) {
            let name = &self.underlyings[expiry.underlying].name;
            if let Some(slot) = book.expiry_of(id) {
                let valued = book.add_chain(slot, &expiry.strikes, Carry::Central);
                valued.with_context(|| format!("options on {name}"))?;
            }
        }
        for (at, (value, haircut)) in self.outside.iter().enumerate() {
            book.add_outside(*value, Price::ONE, Price::ONE, *haircut).with_context(|| outside_at(at))?;
        }
        Ok(book.health(Some(&self.rows.borrow()), params)?)
    }

    fn add(&self, book: &mut Book, leg: &Leg, perpetuals: &mut [Contracts]) -> novate_margin::Result<()> {
        let quantity = leg.quantity;
        match leg.kind {
            Kind::Spot => book.add_spot(leg.underlying, quantity),
            Kind::Perpetual => {
                perpetuals[leg.underlying] = perpetuals[leg.underlying].add(quantity)?;
                Ok(())
            }
            Kind::Future { expiry } => {
                let expiry = self.slot(book, expiry)?;
                book.add_future(expiry, quantity, Usd::ZERO, Ratio::ONE)
            }
            Kind::Option { expiry, slot, right } => {
                let expiry = self.slot(book, expiry)?;
                book.add_option(expiry, slot, right, quantity, Ratio::ONE)
            }
        }
    }

    /// The slot of an expiry, which its first leg adds: one that nothing is held of would count as the furthest held (MRG-30).
    fn slot(&self, book: &mut Book, expiry: usize) -> novate_margin::Result<usize> {
        let id = expiry as u64;
        let Expiry { underlying, facts, .. } = self.expiries[expiry];
        book.expiry_of(id).map_or_else(|| book.add_expiry(underlying, id, facts), Ok)
    }
}

fn outside_at(at: usize) -> String {
    format!("outside[{at}]")
}

fn amounts(balance: &Balance) -> Result<(Contracts, Ratio)> {
    let value = Contracts(steps(balance.value, PRICE_DIGITS).context("value")?);
    Ok((value, Ratio(steps(balance.haircut, USD_DIGITS).context("haircut")?)))
}

/// The underlyings that legs are on, by name.
fn held(case: &Case, legs: &[file::Leg]) -> Result<Vec<Underlying>> {
    let known = case.underlyings()?;
    for (at, leg) in legs.iter().enumerate() {
        ensure!(known.contains_key(&leg.underlying), "legs[{at}]: `{}` is not in `underlyings`", leg.underlying);
    }
    let held = known.into_iter().filter(|(name, _)| legs.iter().any(|leg| leg.underlying == *name));
    let mut underlyings = vec![];
    for (at, (name, facts)) in held.enumerate() {
        let read = |what: &str, x, digits| steps(x, digits).with_context(|| format!("underlyings.{name}.{what}"));
        let facts = UnderlyingFacts {
            price: Price(read("price", facts.price, PRICE_DIGITS)?),
            confidence: Price(read("confidence", facts.confidence, PRICE_DIGITS)?),
            depth: Usd(read("depth", facts.depth, USD_DIGITS)?),
            scan_range: Ratio(read("scan_range", facts.scan_range, USD_DIGITS)?),
            // More than there are columns of fail where rows are read.
            column: u8::try_from(at).ok().filter(|c| usize::from(*c) < MAX_COLUMNS).unwrap_or(NO_COLUMN),
        };
        underlyings.push(Underlying { name, facts });
    }
    Ok(underlyings)
}

/// A strike price and the vol it is priced at, 1e-12: one slot of an expiry.
type Slot = (Price, i64);
/// Expiries by underlying and time.
type Chains = BTreeMap<(usize, Tenor), Chain>;

/// What the legs of one expiry say of it.
struct Chain {
    basis: Ratio,
    /// The first of them.
    first: usize,
    /// Sorted: slots of one strike stand next to each other, and count as one where shorts are charged (MRG-32).
    slots: Vec<Slot>,
}

/// What a leg is, before expiries and strikes have places.
enum Terms {
    Spot(Contracts),
    Perpetual(Contracts),
    Future(Contracts, Tenor),
    Option(Contracts, Tenor, Right, Slot),
}

impl Terms {
    fn read(leg: &file::Leg) -> Result<Self> {
        let quantity = Contracts(steps(leg.qty, PRICE_DIGITS).context("qty")?);
        let right = match leg.kind.as_str() {
            "spot" => return Ok(Self::Spot(quantity)),
            "perp" => return Ok(Self::Perpetual(quantity)),
            "future" => None,
            "call" => Some(Right::Call),
            "put" => Some(Right::Put),
            other => bail!("unknown kind `{other}`: spot, perp, future, call or put"),
        };
        let days = leg.days.context("missing field `days`")?;
        // To the nearest 1e-9 s.
        let tenor = Tenor((days * DAY.0 as f64).round() as i64);
        ensure!(tenor > Tenor::ZERO && tenor < Tenor(i64::MAX), "days: {days} is no time to an expiry");
        let Some(right) = right else { return Ok(Self::Future(quantity, tenor)) };
        let strike = Price(steps(leg.strike.context("missing field `strike`")?, PRICE_DIGITS).context("strike")?);
        ensure!(strike > Price::ZERO, "strike: not above 0");
        let vol = leg.vol.context("missing field `vol`")?;
        ensure!((0.0..=1e6).contains(&vol), "vol: {vol} is below 0 or absurd");
        Ok(Self::Option(quantity, tenor, right, (strike, (vol * 10f64.powi(VOL_DIGITS as i32)).round() as i64)))
    }

    /// With the places of its expiry and strike, which were gathered from it.
    fn placed(self, underlying: usize, chains: &[((usize, Tenor), Chain)]) -> Leg {
        let expiry = |tenor| chains.iter().position(|(key, _)| *key == (underlying, tenor)).unwrap_or_default();
        let (quantity, kind) = match self {
            Self::Spot(quantity) => (quantity, Kind::Spot),
            Self::Perpetual(quantity) => (quantity, Kind::Perpetual),
            Self::Future(quantity, tenor) => (quantity, Kind::Future { expiry: expiry(tenor) }),
            Self::Option(quantity, tenor, right, slot) => {
                let expiry = expiry(tenor);
                let slot = chains[expiry].1.slots.binary_search(&slot).unwrap_or_default();
                (quantity, Kind::Option { expiry, slot, right })
            }
        };
        Leg { underlying, quantity, kind }
    }
}

/// Adds a leg's expiry and strike to the chains. Fails where its basis is not that of the legs before it: the model gives an
/// expiry one forward.
fn gather(chains: &mut Chains, at: usize, leg: &file::Leg, underlying: usize, terms: &Terms) -> Result<()> {
    let (tenor, slot) = match terms {
        Terms::Spot(_) | Terms::Perpetual(_) => return Ok(()),
        Terms::Future(_, tenor) => (*tenor, None),
        Terms::Option(_, tenor, _, slot) => (*tenor, Some(*slot)),
    };
    let basis = Ratio(steps(leg.basis.context("missing field `basis`")?, USD_DIGITS).context("basis")?);
    let new = Chain { basis, first: at, slots: vec![] };
    let chain = chains.entry((underlying, tenor)).or_insert(new);
    ensure!(chain.basis == basis, "basis: not that of legs[{}], which has the same expiry", chain.first);
    if let Some(Err(place)) = slot.map(|slot| chain.slots.binary_search(&slot)) {
        ensure!(chain.slots.len() < MAX_STRIKES, "more strikes (or vols of them) than the {MAX_STRIKES} of an expiry");
        chain.slots.extend(slot);
        chain.slots[place..].rotate_right(1);
    }
    Ok(())
}

impl Expiry {
    /// Whether a leg is an option of it.
    pub fn has_options(&self) -> bool {
        self.strikes[0].strike > Price::ZERO
    }

    /// Prices the strikes of a chain.
    fn price(
        (underlying, remaining): (usize, Tenor),
        chain: &Chain,
        held: &[Underlying],
        params: &Params,
    ) -> Result<Self> {
        let UnderlyingFacts { price, scan_range, .. } = held[underlying].facts;
        let facts = ExpiryFacts { basis: chain.basis, remaining, decided: Decided::NOTHING };
        let mut nodes = Nodes::zeroed();
        let (decided, time) = (Decided::NOTHING, Seconds::ZERO);
        nodes.set(&Reference { price, basis: chain.basis, decided, scan_range, remaining, time }, params)?;
        let mut strikes = Box::new([Strike::zeroed(); MAX_STRIKES]);
        for (place, (strike, vol)) in strikes.iter_mut().zip(&chain.slots) {
            let deviation = product_over_ten_pow_floor::<VOL_DIGITS>(*vol, root_time(remaining))?;
            place.reprice(&nodes, *strike, Deviation(deviation))?;
        }
        Ok(Self { underlying, facts, strikes })
    }
}
