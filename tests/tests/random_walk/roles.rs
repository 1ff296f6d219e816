//! Roles and pauses, in the pools beside the one that trades.

use novate_client::state::Pool;
use novate_client::{instructions as build, Action, NovateError, Pubkey, Role};
use novate_tests::{DAY, LONGEST_PAUSES, ROLE_DELAY};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::judge::Refused;
use super::Walk;

/// In which a proposal can be accepted.
const ROLE_EXPIRY: i64 = 14 * DAY;

/// Who holds the roles of a pool beside the one that trades, and who is proposed.
pub(super) struct Offices {
    pool: Pubkey,
    authority: Keypair,
    guardian: Keypair,
    /// For authority and guardian.
    proposed: [Option<Keypair>; 2],
}

fn name<T>(refusal: NovateError) -> Refused<T> {
    Err(refusal.name())
}

impl Walk {
    /// The offices of a pool, any of those that there are.
    fn office(&mut self) -> Option<usize> {
        for id in self.pools.clone() {
            let pool = self.side_pool(id).0;
            if self.offices.iter().all(|o| o.pool != pool) {
                let (authority, guardian) = (self.governor(), self.world.guardian.insecure_clone());
                self.offices.push(Offices { pool, authority, guardian, proposed: [None, None] });
            }
        }
        let last = self.offices.len().min(4);
        // The latest ones, in which less has happened.
        (last > 0).then(|| self.offices.len() - 1 - self.chance.index(last))
    }

    /// The guardian as a rule, of a role the authority rarely: its pool is no longer the governor's to list in.
    fn role(&mut self) -> Role {
        if self.chance.percent(25) {
            Role::Authority
        } else {
            Role::Guardian
        }
    }

    pub(super) fn propose_role(&mut self) {
        let Some(at) = self.office() else { return self.create_pool() };
        let role = self.role();
        let key = self.world.new_wallet();
        let office = &self.offices[at];
        let (pool, authority) = (office.pool, office.authority.insecure_clone());
        let held = office.guardian.pubkey();
        let stranger = self.actor(0).key;
        let (signer, proposed, foreseen) = match self.chance.between(0, 9) {
            0 => (&authority, held, name(NovateError::InvalidRole)),
            1 => (&stranger, key.pubkey(), name(NovateError::NotAuthority)),
            _ => (&authority, key.pubkey(), Ok(())),
        };
        let propose = build::propose_role(signer.pubkey(), pool, role, proposed);
        if self.expect("propose_role", propose, &[signer], &foreseen).is_some() {
            self.offices[at].proposed[role as usize] = Some(key);
        }
    }

    pub(super) fn cancel_role(&mut self) {
        let Some(at) = self.proposal() else { return self.propose_role() };
        let role = if self.offices[at].proposed[0].is_some() { Role::Authority } else { self.role() };
        let office = &self.offices[at];
        let by_guardian = self.chance.percent(40);
        let signer = if by_guardian { &office.guardian } else { &office.authority }.insecure_clone();
        let allowed = role == Role::Authority || signer.pubkey() == office.authority.pubkey();
        let foreseen = match (allowed, &office.proposed[role as usize]) {
            (false, _) => name(NovateError::NotAuthority),
            (true, None) => name(NovateError::NotProposed),
            (true, Some(_)) => Ok(()),
        };
        let cancel = build::cancel_role(signer.pubkey(), office.pool, role);
        if self.expect("cancel_role", cancel, &[&signer], &foreseen).is_some() {
            self.offices[at].proposed[role as usize] = None;
        }
    }

    /// Offices for one of which somebody is proposed.
    fn proposal(&mut self) -> Option<usize> {
        let open: Vec<usize> =
            (0..self.offices.len()).filter(|at| self.offices[*at].proposed.iter().any(Option::is_some)).collect();
        (!open.is_empty()).then(|| *self.chance.pick(&open))
    }

    pub(super) fn accept_role(&mut self) {
        let Some(at) = self.proposal() else { return self.propose_role() };
        let office = &self.offices[at];
        let role = if office.proposed[1].is_some() { Role::Guardian } else { Role::Authority };
        let key = office.proposed[role as usize].as_ref().unwrap().insecure_clone();
        let address = office.pool;
        let pool: Pool = self.world.state(&address);
        let proposed = match role {
            Role::Authority => pool.authority_proposed,
            Role::Guardian => pool.guardian_proposed,
            Role::Risk => pool.risk_proposed,
        };
        let age = self.world.now() - proposed;
        let stranger = self.actor(0).key;
        let (signer, foreseen) = match self.chance.percent(10) {
            true => (&stranger, name(NovateError::NotProposed)),
            false if pool.generation != 0 && age < ROLE_DELAY => (&key, name(NovateError::ProposalTooYoung)),
            false if age >= ROLE_EXPIRY => (&key, name(NovateError::ProposalLapsed)),
            false => (&key, Ok(())),
        };
        let accept = build::accept_role(signer.pubkey(), address, role);
        if self.expect("accept_role", accept, &[signer], &foreseen).is_none() {
            return;
        }
        let office = &mut self.offices[at];
        let held = office.proposed[role as usize].take().unwrap();
        match role {
            Role::Guardian => office.guardian = held,
            Role::Risk => (),
            Role::Authority => {
                office.authority = held;
                office.proposed.iter_mut().for_each(|proposed| *proposed = None);
                // Nobody lists in it any more.
                let ids: Vec<u16> = self.pools.iter().copied().filter(|id| self.side_pool(*id).0 == address).collect();
                self.pools.retain(|id| !ids.contains(id));
            }
        }
    }

    pub(super) fn pause(&mut self) {
        let Some(at) = self.office() else { return self.create_pool() };
        let (address, guardian) = (self.offices[at].pool, self.offices[at].guardian.insecure_clone());
        let (pool, now): (Pool, i64) = (self.world.state(&address), self.world.now());
        let (action, longest) = *self.chance.pick(&LONGEST_PAUSES);
        let seconds = match self.chance.between(0, 9) {
            0 => longest + 1,
            1 => 0,
            2 => longest,
            _ => self.chance.between(1, longest),
        };
        let (until, from) = (pool.paused_until[action as usize], pool.pausable_from[action as usize]);
        let stranger = self.actor(0).key;
        let (signer, foreseen) = match self.chance.percent(10) {
            true => (&stranger, name(NovateError::NotGuardian)),
            false if seconds < 1 || seconds > longest => (&guardian, name(NovateError::PauseTooLong)),
            // Under way since twice the longest before the next may begin.
            false if now < until && now + seconds > from - longest => (&guardian, name(NovateError::PauseTooLong)),
            false if now < until && now + seconds <= until => (&guardian, name(NovateError::PauseNotLonger)),
            false if now >= until && now < from => (&guardian, name(NovateError::PausedLately)),
            false => (&guardian, Ok(())),
        };
        let pause = build::pause(signer.pubkey(), address, action, seconds);
        if self.expect("pause", pause, &[signer], &foreseen).is_some() {
            let after: Pool = self.world.state(&address);
            let from = if now < until { from } else { now + 2 * longest };
            assert_eq!(after.paused_until[action as usize], now + seconds, "{}", self.place());
            assert_eq!(after.pausable_from[action as usize], from, "{}", self.place());
        }
    }

    pub(super) fn unpause(&mut self) {
        let paused = |walk: &Self, at: usize| -> Vec<Action> {
            let pool: Pool = walk.world.state(&walk.offices[at].pool);
            let now = walk.world.now();
            LONGEST_PAUSES.iter().map(|(action, _)| *action).filter(|a| now < pool.paused_until[*a as usize]).collect()
        };
        let open: Vec<usize> = (0..self.offices.len()).filter(|at| !paused(self, *at).is_empty()).collect();
        if open.is_empty() {
            return self.pause();
        }
        let at = *self.chance.pick(&open);
        let kinds = paused(self, at);
        let action = if self.chance.percent(10) { Action::Stake } else { *self.chance.pick(&kinds) };
        let office = &self.offices[at];
        let (authority, guardian) = (office.authority.insecure_clone(), office.guardian.insecure_clone());
        let apart = authority.pubkey() != guardian.pubkey();
        let (signer, foreseen) = match self.chance.percent(20) && apart {
            true => (&guardian, name(NovateError::NotAuthority)),
            false if !kinds.contains(&action) => (&authority, name(NovateError::NotPaused)),
            false => (&authority, Ok(())),
        };
        let unpause = build::unpause(signer.pubkey(), office.pool, action);
        self.expect("unpause", unpause, &[signer], &foreseen);
    }
}
