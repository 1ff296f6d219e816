//! The risk committee of the fixture: three members, two of whom are a quorum.

use novate_client::instructions as build;
use novate_client::{AssetForecast, Forecast, Instruction, Pubkey};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::sending::{Refusal, Sent};
use crate::World;

/// Members of a new world's committee, ascending.
pub fn members() -> Vec<Keypair> {
    sorted((0xC1..0xC4).map(|byte| Keypair::new_from_array([byte; 32])).collect())
}

/// As a committee seats them.
pub fn sorted(mut members: Vec<Keypair>) -> Vec<Keypair> {
    members.sort_by_key(Keypair::pubkey);
    members
}

impl World {
    pub fn member_keys(&self) -> Vec<Pubkey> {
        self.members.iter().map(Keypair::pubkey).collect()
    }

    /// The authority names the world's members, a bare majority being the quorum.
    pub fn set_committee_instruction(&self) -> Instruction {
        let quorum = self.members.len() as u8 / 2 + 1;
        build::set_committee(self.governor.pubkey(), self.pool, self.member_keys(), quorum)
    }

    /// So many members take the place of those before.
    #[track_caller]
    pub fn seat(&mut self, count: usize) {
        self.members = sorted((0..count).map(|_| self.new_wallet()).collect());
        let (governor, set) = (self.governor.insecure_clone(), self.set_committee_instruction());
        self.succeeds(&[set], &[&governor]);
    }

    pub fn submit_instruction(&self, member: usize, market: u16, time: i64, forecast: Forecast) -> Instruction {
        build::submit_forecast(self.members[member].pubkey(), self.pool, market, time, forecast)
    }

    /// One member's forecast.
    #[track_caller]
    pub fn submit_forecast(&mut self, member: usize, market: u16, time: i64, forecast: Forecast) -> Sent {
        let submit = self.submit_instruction(member, market, time, forecast);
        let key = self.members[member].insecure_clone();
        self.succeeds(&[submit], &[&key])
    }

    pub fn apply_instruction(&self, market: u16, time: i64) -> Instruction {
        build::apply_forecasts(&self.market(market), time, self.now())
    }

    #[track_caller]
    pub fn apply(&mut self, market: u16, time: i64) -> Sent {
        let apply = self.apply_instruction(market, time);
        self.succeeds(&[apply], &[])
    }

    /// What as many members as a quorum needs send to be of one mind, and its application.
    pub fn publication(&self, market: u16, time: i64, forecast: Forecast) -> (Vec<Instruction>, Vec<Keypair>) {
        let quorum = self.members.len() / 2 + 1;
        let mut all: Vec<_> = (0..quorum).map(|m| self.submit_instruction(m, market, time, forecast)).collect();
        all.push(self.apply_instruction(market, time));
        (all, self.members[..quorum].iter().map(Keypair::insecure_clone).collect())
    }

    /// A quorum is of one mind, and that is applied.
    #[track_caller]
    pub fn publish_forecast(&mut self, market: u16, time: i64, forecast: Forecast) -> Sent {
        let (all, keys) = self.publication(market, time, forecast);
        self.succeeds(&all, &keys.iter().collect::<Vec<_>>())
    }

    /// A quorum is of one mind, and that cannot be applied.
    #[track_caller]
    pub fn refuses_forecast(&mut self, market: u16, time: i64, forecast: Forecast, error: impl Into<Refusal>) {
        let (all, keys) = self.publication(market, time, forecast);
        self.refuses(&all, &keys.iter().collect::<Vec<_>>(), error);
    }

    pub fn submit_asset_instruction(&self, member: usize, asset: u16, forecast: AssetForecast) -> Instruction {
        build::submit_asset_forecast(self.members[member].pubkey(), self.pool, asset, forecast)
    }

    #[track_caller]
    pub fn submit_asset(&mut self, member: usize, asset: u16, forecast: AssetForecast) -> Sent {
        let submit = self.submit_asset_instruction(member, asset, forecast);
        let key = self.members[member].insecure_clone();
        self.succeeds(&[submit], &[&key])
    }

    /// A quorum forecasts an asset, and that is applied.
    #[track_caller]
    pub fn foresee(&mut self, asset: u16, forecast: AssetForecast) -> Sent {
        (0..self.members.len() / 2 + 1).for_each(|member| drop(self.submit_asset(member, asset, forecast)));
        let apply = build::apply_asset_forecasts(&self.pool, asset);
        self.succeeds(&[apply], &[])
    }

    pub fn submit_price_instruction(&self, member: usize, market: u16, time: i64, price: i64) -> Instruction {
        build::submit_settlement_price(self.members[member].pubkey(), &self.expiry(market, time), price)
    }

    #[track_caller]
    pub fn submit_price(&mut self, member: usize, market: u16, time: i64, price: i64) -> Sent {
        let submit = self.submit_price_instruction(member, market, time, price);
        let key = self.members[member].insecure_clone();
        self.succeeds(&[submit], &[&key])
    }

    pub fn apply_price_instruction(&self, market: u16, time: i64) -> Instruction {
        build::apply_settlement_price(&self.expiry(market, time))
    }

    /// A quorum settles an expiry at a price, USD 1e-9.
    #[track_caller]
    pub fn settle_at(&mut self, market: u16, time: i64, price: i64) -> Sent {
        (0..self.members.len() / 2 + 1).for_each(|member| drop(self.submit_price(member, market, time, price)));
        let apply = self.apply_price_instruction(market, time);
        self.succeeds(&[apply], &[])
    }
}
