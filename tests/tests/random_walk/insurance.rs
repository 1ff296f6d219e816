//! The insurance fund: gifts, fees, and stakers who come, ask and leave.

use novate_client::instructions as build;
use novate_client::state::{Insurance, Stake, Wide, COOLING_OFF, UNSTAKE_WINDOW};
use novate_client::{addresses, NovateError};
use novate_tests::{Actor, USDC};

use super::judge::Refused;
use super::{Walk, CASH};

/// Tokens that shares of the fund's stake are worth.
fn claim(insurance: &Insurance, shares: u128) -> u64 {
    (shares * u128::from(insurance.staked) / insurance.stake_shares.get().max(1)) as u64
}

impl Walk {
    pub(super) fn fund_insurance(&mut self) {
        let giver = self.any_owner();
        let amount = self.chance.between(0, 1_000_000).max(self.chance.between(0, 3)) as u64;
        self.world.fund(&giver, USDC, amount);
        let fund = self.world.fund_instruction(&giver, amount);
        let foreseen = if amount > 0 { Ok(()) } else { Err(NovateError::ZeroAmount.name()) };
        self.expect("fund_insurance", fund, &[&giver.key], &foreseen);
    }

    pub(super) fn collect_fees(&mut self) {
        let market = self.chance.between(0, 3) as u16;
        let (before, capital) = (self.world.market(market), self.world.insurance().capital);
        let mut swept = before;
        swept.sweep(&mut self.world.asset(USDC)).unwrap();
        let due = swept.accrued_fees.0.min(swept.variation_pool.0);
        let foreseen = if due > 0 { Ok(()) } else { Err(NovateError::NothingToCollect.name()) };
        let collect = build::collect_fees(self.world.pool, market);
        if self.expect("collect_fees", collect, &[], &foreseen).is_some() {
            assert_eq!(self.world.insurance().capital, capital + due as u64, "{}", self.place());
        }
    }

    fn any_owner(&mut self) -> Actor {
        let seat = self.chance.index(CASH.len());
        self.actor(seat)
    }

    /// An owner with a stake, and the stake, of the fund's era or worth nothing.
    fn any_staker(&mut self) -> Option<(Actor, Stake)> {
        let owners: Vec<Actor> = (0..CASH.len()).map(|seat| self.actor(seat)).collect();
        let address = |owner: &Actor| addresses::stake(&self.world.pool, &owner.address());
        let stakers: Vec<&Actor> =
            owners.iter().filter(|owner| !self.world.account(&address(owner)).data.is_empty()).collect();
        if stakers.is_empty() {
            return None;
        }
        let owner = (*self.chance.pick(&stakers)).clone();
        let stake = self.world.stake_of(&owner);
        Some((owner, stake))
    }

    /// Shares of the fund's era.
    fn live_shares(&self, stake: &Stake) -> u128 {
        if stake.era == self.world.insurance().era {
            stake.shares.get()
        } else {
            0
        }
    }

    pub(super) fn stake(&mut self) {
        let owner = self.any_owner();
        let most = if self.is_lean() { 3 } else { *self.chance.pick(&[3, 100_000_000, 400_000_000]) };
        let amount = self.chance.between(1, most) as u64;
        self.world.fund(&owner, USDC, amount);
        let before = self.world.insurance();
        let held = self.world.shares_of(&owner);
        let held = if held > 0 && self.world.stake_of(&owner).era == before.era { held } else { 0 };
        let shares = match before.staked {
            0 => u128::from(amount),
            staked => u128::from(amount) * before.stake_shares.get() / u128::from(staked),
        };
        let stake = self.world.stake_instruction(&owner, amount);
        self.expect("stake", stake, &[&owner.key], &Ok(()));
        assert_eq!(self.world.shares_of(&owner), held + shares, "{}", self.place());
        let after = claim(&self.world.insurance(), held + shares);
        assert!(after + 2 >= claim(&before, held) + amount, "CLR-35: {}: a stake lost {after}", self.place());
    }

    pub(super) fn request_unstake(&mut self) {
        let Some((owner, stake)) = self.any_staker() else { return self.stake() };
        let held = self.live_shares(&stake);
        let part = *self.chance.pick(&[1, 1, 2, 7]);
        let shares = held / part + u128::from(self.chance.percent(5));
        self.request(&owner, held, shares);
    }

    fn request(&mut self, owner: &Actor, held: u128, shares: u128) {
        let foreseen = match shares {
            0 => Err(NovateError::ZeroAmount.name()),
            some if some > held => Err(NovateError::InsufficientShares.name()),
            _ => Ok(()),
        };
        let request = self.world.request_instruction(owner, shares);
        self.expect("request_unstake", request, &[&owner.key], &foreseen);
    }

    /// Nine days are longer than a walk has time for: the request is as if it had been made earlier.
    pub(super) fn unstake(&mut self) {
        let Some((owner, stake)) = self.any_staker() else { return self.stake() };
        if stake.requested.get() == 0 && self.chance.percent(70) {
            return self.leave(&owner, &stake);
        }
        let waited = match self.chance.between(0, 9) {
            0 => 0,
            1 => COOLING_OFF - 1,
            2 => COOLING_OFF + UNSTAKE_WINDOW,
            _ => COOLING_OFF + self.chance.between(0, UNSTAKE_WINDOW - 1),
        };
        self.take_out(&owner, waited);
    }

    fn take_out(&mut self, owner: &Actor, waited: i64) {
        let mut stake = self.world.stake_of(owner);
        if stake.requested.get() > 0 {
            stake.requested_at = self.world.now() - waited;
            self.write_stake(owner, &stake);
        }
        let insurance = self.world.insurance();
        let foreseen: Refused<u64> = match (stake.era == insurance.era, stake.requested.get()) {
            (false, _) | (_, 0) => Err(NovateError::NoUnstakeRequest),
            _ if waited < COOLING_OFF => Err(NovateError::CoolingOff),
            _ if waited >= COOLING_OFF + UNSTAKE_WINDOW => Err(NovateError::UnstakeLapsed),
            (_, shares) => {
                let amount = claim(&insurance, shares);
                let left = insurance.capital + insurance.staked - amount;
                if amount > 0 && left < insurance.reserved {
                    Err(NovateError::ReserveStands)
                } else {
                    Ok(amount)
                }
            }
        }
        .map_err(|error| error.name());
        let before = self.world.tokens(&owner.tokens[usize::from(USDC)]);
        let unstake = self.world.unstake_instruction(owner);
        if self.expect("unstake", unstake, &[&owner.key], &foreseen).is_some() {
            let received = self.world.tokens(&owner.tokens[usize::from(USDC)]) - before;
            assert_eq!(Ok(received), foreseen, "{}", self.place());
        }
    }

    fn write_stake(&mut self, owner: &Actor, stake: &Stake) {
        let address = addresses::stake(&self.world.pool, &owner.address());
        let mut account = self.world.account(&address);
        account.data[8..].copy_from_slice(bytemuck::bytes_of(stake));
        self.world.write(address, account);
    }

    /// Asks for everything and takes it out, if it is worth anything and not reserved.
    fn leave(&mut self, owner: &Actor, stake: &Stake) {
        let held = self.live_shares(stake);
        self.request(owner, held, held);
        self.take_out(owner, COOLING_OFF);
    }

    /// Whoever can leaves, so that the fund is short of the next deficit.
    pub(super) fn run_the_fund_down(&mut self) {
        for seat in 0..CASH.len() {
            let owner = self.actor(seat);
            let address = addresses::stake(&self.world.pool, &owner.address());
            if !self.world.account(&address).data.is_empty() {
                let stake = self.world.stake_of(&owner);
                if self.live_shares(&stake) > 0 {
                    self.leave(&owner, &stake);
                }
            }
        }
    }

    pub(super) fn close_stake(&mut self) {
        let Some((owner, stake)) = self.any_staker() else { return self.stake() };
        if self.live_shares(&stake) > 0 && self.chance.percent(40) {
            self.leave(&owner, &stake);
        }
        let (lost, stake) = (self.world.insurance().era, self.world.stake_of(&owner));
        let empty = stake.shares == Wide::default() || stake.era != lost;
        let foreseen = if empty { Ok(()) } else { Err(NovateError::StakeNotEmpty.name()) };
        let close = self.world.close_stake_instruction(&owner);
        self.expect("close_stake", close, &[&owner.key], &foreseen);
    }
}
