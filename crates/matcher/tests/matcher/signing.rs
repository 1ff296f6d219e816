//! Traders who sign: orders, cancels, requests, logins.

use std::time::{SystemTime, UNIX_EPOCH};

use novate_client::order::{seal, Cluster, Order, OrderFlags, OrderLeg, OrderSide};
use novate_client::{Pubkey, ID};
use novate_matcher::admission::Submission;
use novate_matcher::control::{Control, Wish};
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::sync::atomic::{AtomicU64, Ordering};

/// Amounts of 1e-9.
pub const UNIT: i64 = 1_000_000_000;

pub fn micros() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    // No two are equal.
    LAST.fetch_max(now, Ordering::SeqCst);
    LAST.fetch_add(1, Ordering::SeqCst) + 1
}

/// Somebody with a portfolio.
pub struct Trader {
    pub key: Keypair,
    pub portfolio: Pubkey,
    pub generation: u64,
}

/// What is ordered, with what tests seldom change.
#[derive(Clone)]
pub struct Wanted {
    pub side: OrderSide,
    pub quantity: i64,
    pub legs: Vec<(i64, String, u16)>,
    pub limit: i64,
    pub until: i64,
    pub nonce: u64,
    pub flags: OrderFlags,
    pub cluster: Cluster,
}

/// `quantity` of `BTC-PERP#0` at a limit, in units.
pub fn buy(quantity: i64, limit: i64) -> Wanted {
    Wanted {
        side: OrderSide::Buy,
        quantity: quantity * UNIT,
        legs: vec![(1, "BTC-PERP".into(), 0)],
        limit: limit * UNIT,
        until: micros() as i64 / 1_000_000 + 3_600,
        nonce: micros(),
        flags: OrderFlags::default(),
        cluster: Cluster::Localnet,
    }
}

pub fn sell(quantity: i64, limit: i64) -> Wanted {
    Wanted { side: OrderSide::Sell, ..buy(quantity, limit) }
}

impl Trader {
    pub fn new(n: u8) -> Self {
        let key = Keypair::new_from_array([n; 32]);
        Self { portfolio: Pubkey::new_from_array([n.wrapping_add(100); 32]), key, generation: 1 }
    }

    pub fn text(&self, wanted: &Wanted) -> String {
        let legs =
            wanted.legs.iter().map(|(ratio, symbol, market)| OrderLeg { ratio: *ratio, symbol, market: *market });
        let order = Order {
            cluster: wanted.cluster,
            portfolio: self.portfolio,
            generation: self.generation,
            side: wanted.side,
            quantity: wanted.quantity,
            legs: legs.collect(),
            limit: wanted.limit,
            until: wanted.until,
            nonce: wanted.nonce,
            flags: wanted.flags,
        };
        order.render()
    }

    pub fn order(&self, wanted: &Wanted) -> Submission {
        self.sign(self.text(wanted))
    }

    pub fn sign(&self, text: String) -> Submission {
        let signature = self.key.sign_message(text.as_bytes()).to_string();
        Submission { text, signer: self.key.pubkey().to_string(), signature, envelope: "raw".into(), request: None }
    }

    /// As wallets sign it.
    pub fn sign_offchain(&self, text: String) -> Submission {
        let message = seal(&text, &ID, &self.key.pubkey()).unwrap();
        let signature = self.key.sign_message(&message).to_string();
        Submission { signature, envelope: "offchain".into(), ..self.sign(text) }
    }

    pub fn control(&self, wish: Wish) -> Submission {
        self.control_at(wish, micros())
    }

    pub fn control_at(&self, wish: Wish, time: u64) -> Submission {
        let (portfolio, generation) = (self.portfolio, self.generation);
        let control = Control { cluster: Cluster::Localnet, portfolio, generation, wish, time };
        self.sign(control.render())
    }
}
