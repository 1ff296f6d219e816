//! Who acts: an owner with a key, token accounts and a portfolio.

use novate_client::instructions::TradeSide;
use novate_client::Pubkey;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// An owner with lamports, a token account of each asset and a portfolio, sub-account 0.
pub struct Actor {
    pub key: Keypair,
    pub portfolio: Pubkey,
    /// Token accounts by asset.
    pub tokens: Vec<Pubkey>,
}

impl Actor {
    pub fn address(&self) -> Pubkey {
        self.key.pubkey()
    }

    pub fn side(&self) -> TradeSide {
        TradeSide { portfolio: self.portfolio, signer: self.address() }
    }
}

impl Clone for Actor {
    fn clone(&self) -> Self {
        Self { key: self.key.insecure_clone(), portfolio: self.portfolio, tokens: self.tokens.clone() }
    }
}
