//! The insurance fund of a world's pool, and who stakes in it.

use novate_client::instructions as build;
use novate_client::state::{Insurance, Stake};
use novate_client::{addresses, Instruction};

use crate::sending::Sent;
use crate::{Actor, World, DOLLAR, USDC};

impl World {
    pub fn insurance(&self) -> Insurance {
        self.state(&addresses::insurance(&self.pool))
    }

    #[track_caller]
    pub fn stake_of(&self, actor: &Actor) -> Stake {
        self.state(&addresses::stake(&self.pool, &actor.address()))
    }

    /// Shares of an actor, 0 where there is no stake; as many as were staked while nothing was lost.
    pub fn shares_of(&self, actor: &Actor) -> u128 {
        let stake = addresses::stake(&self.pool, &actor.address());
        if self.account(&stake).data.is_empty() {
            return 0;
        }
        self.stake_of(actor).shares.get()
    }

    pub fn fund_instruction(&self, funder: &Actor, amount: u64) -> Instruction {
        build::fund_insurance(funder.address(), self.pool, self.token_move(funder, USDC, amount))
    }

    /// Gives USD to the pool's own capital.
    #[track_caller]
    pub fn insure(&mut self, funder: &Actor, usd: i64) -> Sent {
        self.insure_units(funder, (usd * DOLLAR) as u64)
    }

    /// Gives units to it.
    #[track_caller]
    pub fn insure_units(&mut self, funder: &Actor, amount: u64) -> Sent {
        self.fund(funder, USDC, amount);
        let fund = self.fund_instruction(funder, amount);
        self.succeeds(&[fund], &[&funder.key])
    }

    pub fn stake_instruction(&self, owner: &Actor, amount: u64) -> Instruction {
        build::stake(owner.address(), self.pool, self.token_move(owner, USDC, amount))
    }

    /// Mints units of the settlement asset and stakes them.
    #[track_caller]
    pub fn stake(&mut self, owner: &Actor, amount: u64) -> Sent {
        self.fund(owner, USDC, amount);
        let stake = self.stake_instruction(owner, amount);
        self.succeeds(&[stake], &[&owner.key])
    }

    pub fn request_instruction(&self, owner: &Actor, shares: u128) -> Instruction {
        build::request_unstake(owner.address(), self.pool, shares)
    }

    #[track_caller]
    pub fn request_unstake(&mut self, owner: &Actor, shares: u128) -> Sent {
        let request = self.request_instruction(owner, shares);
        self.succeeds(&[request], &[&owner.key])
    }

    pub fn unstake_instruction(&self, owner: &Actor) -> Instruction {
        let usdc = usize::from(USDC);
        build::unstake(owner.address(), self.pool, self.listings[usdc].token, owner.tokens[usdc])
    }

    #[track_caller]
    pub fn unstake(&mut self, owner: &Actor) -> Sent {
        let unstake = self.unstake_instruction(owner);
        self.succeeds(&[unstake], &[&owner.key])
    }

    pub fn resolve_instruction(&self, actor: &Actor) -> Instruction {
        build::resolve_bankruptcy(self.pool, actor.portfolio, &self.holdings(&[actor.portfolio]))
    }

    pub fn close_stake_instruction(&self, owner: &Actor) -> Instruction {
        build::close_stake(owner.address(), self.pool)
    }
}
