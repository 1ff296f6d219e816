//! Banks and loans.

use novate_client::instructions as build;
use novate_client::{instrument, Instruction, Lending};
use solana_signer::Signer;

use crate::{Actor, Sent, World, USDC};

/// No rate while nothing is borrowed, 10 % a year at 80 %, 100 % where all is borrowed; loans up to 90 %; a tenth of the
/// interest is the bank's. No cap in units.
pub const LENDING: Lending = Lending {
    rate_zero: 0,
    rate_kink: 100_000,
    rate_full: 1_000_000,
    kink: 800_000,
    reserve_share: 100_000,
    utilisation_cap: 900_000,
    borrow_cap: u64::MAX,
};

impl World {
    pub fn set_lending_instruction(&self, asset: u16, lending: Lending) -> Instruction {
        build::set_lending(self.governor.pubkey(), self.pool, asset, lending)
    }

    /// Opens the bank of an asset.
    #[track_caller]
    pub fn open_bank(&mut self, asset: u16) -> Sent {
        let governor = self.governor.insecure_clone();
        let open = self.set_lending_instruction(asset, LENDING);
        self.succeeds(&[open], &[&governor])
    }

    /// Opens the bank of the settlement asset, or changes its terms: nobody pays interest.
    pub fn lend_for_nothing(&mut self) {
        let terms = Lending { rate_zero: 0, rate_kink: 0, rate_full: 0, ..LENDING };
        self.closed_bank(USDC);
        let (governor, set) = (self.governor.insecure_clone(), self.set_lending_instruction(USDC, terms));
        self.succeeds(&[set], &[&governor]);
    }

    pub fn lend_instruction(&self, actor: &Actor, asset: u16, amount: u64) -> Instruction {
        build::lend(actor.address(), &self.pool, actor.portfolio, asset, amount)
    }

    #[track_caller]
    pub fn lend(&mut self, actor: &Actor, asset: u16, amount: u64) -> Sent {
        let lend = self.lend_instruction(actor, asset, amount);
        self.succeeds(&[lend], &[&actor.key])
    }

    pub fn unlend_instruction(&self, actor: &Actor, asset: u16, amount: u64) -> Instruction {
        build::unlend(actor.address(), &self.pool, actor.portfolio, asset, amount)
    }

    #[track_caller]
    pub fn unlend(&mut self, actor: &Actor, asset: u16, amount: u64) -> Sent {
        let unlend = self.unlend_instruction(actor, asset, amount);
        self.succeeds(&[unlend], &[&actor.key])
    }

    pub fn borrow_instruction(&self, actor: &Actor, asset: u16, amount: u64) -> Instruction {
        let holdings = self.holdings(&[actor.portfolio]);
        build::borrow(actor.address(), self.keys(), actor.portfolio, &holdings, (asset, amount))
    }

    #[track_caller]
    pub fn borrow(&mut self, actor: &Actor, asset: u16, amount: u64) -> Sent {
        let borrow = self.borrow_instruction(actor, asset, amount);
        self.succeeds(&[borrow], &[&actor.key])
    }

    pub fn repay_instruction(&self, actor: &Actor, asset: u16, amount: u64) -> Instruction {
        build::repay(actor.address(), &self.pool, actor.portfolio, asset, amount)
    }

    #[track_caller]
    pub fn repay(&mut self, actor: &Actor, asset: u16, amount: u64) -> Sent {
        let repay = self.repay_instruction(actor, asset, amount);
        self.succeeds(&[repay], &[&actor.key])
    }

    pub fn borrow_for_loss_instruction(&self, actor: &Actor, market: u16) -> Instruction {
        let holdings = self.holdings(&[actor.portfolio]);
        build::borrow_for_loss(self.keys(), actor.portfolio, &holdings, instrument::perpetual(market))
    }

    /// A lender of `amount` of an asset, whose bank is opened.
    pub fn lender(&mut self, asset: u16, amount: u64) -> Actor {
        self.open_bank(asset);
        let lender = self.actor();
        self.deposit(&lender, asset, amount);
        self.lend(&lender, asset, amount);
        lender
    }
}
