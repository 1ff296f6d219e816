//! Who has to be looked at when a price moves: of each asset the portfolios that rest on it, by the price at which they have to be.
//!
//! A portfolio that was looked at lies between two edges of each price, see [`crate::judge`]. A price that stays between touches nobody; one
//! that passes edges yields those whose they are, and they get new ones when they were looked at. So a look at a million
//! portfolios is needed once, and then of the few near an edge. The order along a price is by how far it has to move.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use novate_client::state::Asset;
use novate_client::{Pubkey, Snapshot};
use novate_margin::Ratio;

/// Entries of a heap that nobody stands behind any more, for each that somebody does, before it is built anew.
const STALE: usize = 3;

/// An edge: its price, and whose it is as of which look.
type Edge = (i64, u32, u32);

/// The edges along the price of one asset: those below, highest first, and those above, lowest first.
#[derive(Default)]
struct Edges {
    below: BinaryHeap<Edge>,
    above: BinaryHeap<Reverse<Edge>>,
    /// The lowest scan range and haircut that an edge was measured at, of all that stand, and of those since everyone's turn began. What
    /// they have risen by counts as a move.
    measured: Option<(Ratio, Ratio)>,
    turn: Option<(Ratio, Ratio)>,
}

impl Edges {
    fn measure(&mut self, asset: &Asset) {
        let here = (asset.scan_range, asset.haircut);
        for lowest in [&mut self.measured, &mut self.turn] {
            *lowest = Some(lowest.map_or(here, |low| (low.0.min(here.0), low.1.min(here.1))));
        }
    }
}

/// One portfolio among them.
struct Seat {
    address: Pubkey,
    /// Rises with each look: edges of an earlier one are nobody's.
    look: u32,
    /// Not forgotten.
    there: bool,
}

impl Seat {
    fn owns(&self, edge: &Edge) -> bool {
        self.there && self.look == edge.2
    }
}

/// See the module.
#[derive(Default)]
pub struct Candidates {
    seats: Vec<Seat>,
    by_address: HashMap<Pubkey, u32>,
    there: usize,
    assets: BTreeMap<u16, Edges>,
}

impl Candidates {
    /// Portfolios that have edges.
    pub fn len(&self) -> usize {
        self.there
    }

    pub fn is_empty(&self) -> bool {
        self.there == 0
    }

    /// Keeps a portfolio that was looked at: every price of `assets` may move by less than `reach` (1e-6) before it has to be
    /// again.
    pub fn keep(&mut self, address: Pubkey, assets: impl IntoIterator<Item = u16>, snapshot: &Snapshot, reach: Ratio) {
        let at = *self.by_address.entry(address).or_insert_with(|| {
            self.seats.push(Seat { address, look: 0, there: false });
            u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(seat) = self.seats.get_mut(at as usize) else { return };
        seat.look = seat.look.wrapping_add(1);
        self.there += usize::from(!seat.there);
        seat.there = true;
        let look = seat.look;
        for index in assets {
            let Some(asset) = snapshot.assets.get(&index) else { continue };
            let edges = self.assets.entry(index).or_default();
            edges.measure(asset);
            let apart = moved(asset.price.0, reach);
            edges.below.push((asset.price.0.saturating_sub(apart), at, look));
            edges.above.push(Reverse((asset.price.0.saturating_add(apart), at, look)));
        }
    }

    /// Forgets a portfolio: it owes nothing, or is watched otherwise.
    pub fn forget(&mut self, address: &Pubkey) {
        let seat = self.by_address.get(address).and_then(|at| self.seats.get_mut(*at as usize));
        if let Some(seat) = seat.filter(|seat| seat.there) {
            seat.there = false;
            self.there -= 1;
        }
    }

    /// Those whose edges the price of an asset has reached, each once, nearest first; their other edges stay until they are kept
    /// anew.
    pub fn reached(&mut self, asset: &Asset) -> Vec<Pubkey> {
        let Some(edges) = self.assets.get_mut(&asset.index) else { return vec![] };
        let (range, haircut) = edges.measured.unwrap_or((asset.scan_range, asset.haircut));
        let widened = Ratio((asset.scan_range.0 - range.0).max(asset.haircut.0 - haircut.0).max(0));
        let (price, apart) = (asset.price.0, moved(asset.price.0, widened));
        let mut passed = vec![];
        while edges.below.peek().is_some_and(|edge| edge.0 >= price.saturating_sub(apart)) {
            passed.extend(edges.below.pop());
        }
        while edges.above.peek().is_some_and(|Reverse(edge)| edge.0 <= price.saturating_add(apart)) {
            passed.extend(edges.above.pop().map(|Reverse(edge)| edge));
        }
        let mut seen = HashSet::new();
        passed.iter().filter_map(|edge| self.live(edge)).filter(|address| seen.insert(*address)).collect()
    }

    /// Whose edges are nearest to the price of an asset, at most `count`, nearest first, each with the share that the price has to
    /// move by.
    pub fn nearest(&self, asset: &Asset, count: usize) -> Vec<(Pubkey, Ratio)> {
        let Some(edges) = self.assets.get(&asset.index) else { return vec![] };
        let all = edges.below.iter().chain(edges.above.iter().map(|Reverse(edge)| edge));
        let mut live: Vec<_> = all.filter_map(|edge| Some((share(edge.0, asset.price.0), self.live(edge)?))).collect();
        live.sort_unstable();
        let mut seen = HashSet::new();
        let nearest = live.into_iter().filter(|(_, address)| seen.insert(*address)).take(count);
        nearest.map(|(share, address)| (address, share)).collect()
    }

    /// Whose an edge is.
    fn live(&self, edge: &Edge) -> Option<Pubkey> {
        self.seats.get(edge.1 as usize).filter(|seat| seat.owns(edge)).map(|seat| seat.address)
    }

    /// Drops edges that are nobody's any more, where they are most. Call it now and then.
    pub fn tidy(&mut self) {
        let most = STALE * self.there.max(1_024);
        let seats = &self.seats;
        let live = |edge: &Edge| seats.get(edge.1 as usize).is_some_and(|seat| seat.owns(edge));
        for edges in self.assets.values_mut() {
            if edges.below.len() > most {
                edges.below.retain(live);
            }
            if edges.above.len() > most {
                edges.above.retain(|Reverse(edge)| live(edge));
            }
        }
    }

    /// Everyone had a turn since the last call: edges of before are nobody's.
    pub fn turn_ended(&mut self) {
        for edges in self.assets.values_mut() {
            edges.measured = edges.turn.take().or(edges.measured);
        }
    }
}

/// A share of a price, rounded down.
fn moved(price: i64, share: Ratio) -> i64 {
    i64::try_from(i128::from(price) * i128::from(share.0) / 1_000_000).unwrap_or(i64::MAX)
}

/// How far an edge is, as a share of the price.
fn share(edge: i64, price: i64) -> Ratio {
    let apart = i128::from(edge.abs_diff(price)) * 1_000_000 / i128::from(price.max(1));
    Ratio(i64::try_from(apart).unwrap_or(i64::MAX))
}
