//! The whole state as one value, for the journal to begin with; and its hash, by which two states are known to be equal.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{resting, Engine, Fill, Request};
use crate::book::Entry;
use crate::order::{Id, Key, Standing};
use crate::strategy::Strategy;

/// All that books are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub next_order: u64,
    pub next_fill: u64,
    pub commands: u64,
    pub orders: Vec<Standing>,
    pub fills: Vec<Fill>,
    pub requests: Vec<Request>,
    pub times: Vec<(Key, u64)>,
    pub sequences: Vec<(Strategy, u64)>,
}

impl Engine {
    pub fn image(&self) -> Image {
        Image {
            next_order: self.next_order,
            next_fill: self.next_fill,
            commands: self.commands,
            orders: self.orders.values().cloned().collect(),
            fills: self.fills.values().cloned().collect(),
            requests: self.requests.values().cloned().collect(),
            times: self.times.iter().map(|(key, time)| (*key, *time)).collect(),
            sequences: self.sequences.iter().map(|(strategy, sequence)| (strategy.clone(), *sequence)).collect(),
        }
    }

    /// The state that an image is of. Open orders stand in their books as they stood: what stands there crosses nothing.
    pub fn of_image(image: Image) -> Self {
        let mut engine = Self {
            next_order: image.next_order,
            next_fill: image.next_fill,
            commands: image.commands,
            fills: image.fills.into_iter().map(|fill| (fill.number, fill)).collect(),
            requests: image.requests.into_iter().map(|request| (request.id.clone(), request)).collect(),
            times: image.times.into_iter().collect(),
            sequences: image.sequences.into_iter().collect(),
            ..Self::default()
        };
        for standing in image.orders {
            engine.index(&standing);
            if standing.closed.is_none() {
                let place = engine.place_of(&standing.order);
                engine.books.entry(place).or_default().enter(resting(&standing), Entry::Quote);
            }
            engine.orders.insert(standing.number, standing);
        }
        engine
    }

    /// Hash of the state.
    pub fn hash(&self) -> Id {
        // Text of plain structures cannot fail to be written.
        let text = serde_json::to_vec(&self.image()).unwrap_or_default();
        Id::of(&Sha256::digest(text))
    }
}
