//! Who governs a pool, and how a role passes from one key to the next (CLR-50): in two steps, with time between them.

use anchor_lang::prelude::*;

use super::Pool;
use crate::error::NovateError;

/// Seconds from a proposal until it can be accepted, in a pool that trades: three days.
pub const ROLE_DELAY: i64 = 3 * 86_400;
/// Seconds from a proposal on in which it can be accepted: two weeks.
pub const ROLE_EXPIRY: i64 = 14 * 86_400;

/// A role that passes in two steps.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Lists and sets terms, names the committee, lifts pauses. Meant to be a multisig.
    Authority,
    /// Pauses, tightens, and cancels changes and the proposal of an authority.
    Guardian,
    /// Tightens terms of assets and markets.
    Risk,
}

/// A role in a pool: who holds it, who is proposed, and since when.
struct Seat<'a> {
    holder: &'a mut Pubkey,
    proposed: &'a mut Pubkey,
    since: &'a mut i64,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Authority, Self::Guardian, Self::Risk];
}

impl Pool {
    /// The first guardian and risk role, as the creator named them: neither has had to sign, and each can be replaced before the pool
    /// trades.
    pub fn appoint(&mut self, guardian: Pubkey, risk: Pubkey) -> Result<()> {
        for (role, key) in [(Role::Guardian, guardian), (Role::Risk, risk)] {
            require!(!self.is_held(&key) && key != Pubkey::default(), NovateError::InvalidRole);
            *self.seat(role).holder = key;
        }
        Ok(())
    }

    /// Names who may take a role. Another proposal takes the place of the one before, and its time begins anew. Nobody holds two
    /// roles: who holds one is refused.
    pub fn propose(&mut self, role: Role, key: Pubkey, now: i64) -> Result<()> {
        let held = self.is_held(&key);
        require!(!held && key != Pubkey::default(), NovateError::InvalidRole);
        let seat = self.seat(role);
        (*seat.proposed, *seat.since) = (key, now);
        Ok(())
    }

    /// Takes a proposal back and returns whose it was. The authority may; the guardian may where it is the authority's successor,
    /// or the risk role's, not where it is its own.
    pub fn cancel_proposal(&mut self, role: Role, signer: &Pubkey) -> Result<Pubkey> {
        let allowed = *signer == self.authority || role != Role::Guardian && *signer == self.guardian;
        require!(allowed, NovateError::NotAuthority);
        let seat = self.seat(role);
        require_keys_neq!(*seat.proposed, Pubkey::default(), NovateError::NotProposed);
        *seat.since = 0;
        Ok(core::mem::take(seat.proposed))
    }

    /// The proposed key takes the role; returns who held it. With the authority all that was scheduled dies, and all that was proposed. Before the pool has scenario rows nobody can deposit, and no time
    /// has to pass.
    pub fn accept(&mut self, role: Role, signer: &Pubkey, now: i64) -> Result<Pubkey> {
        let live = self.generation != 0;
        // It may have taken the other role since it was proposed.
        let held = self.is_held(signer);
        let seat = self.seat(role);
        require!(*seat.proposed == *signer && *signer != Pubkey::default(), NovateError::NotProposed);
        require!(!held, NovateError::InvalidRole);
        let age = now.saturating_sub(*seat.since);
        require!(!live || age >= ROLE_DELAY, NovateError::ProposalTooYoung);
        require!(age < ROLE_EXPIRY, NovateError::ProposalLapsed);
        (*seat.proposed, *seat.since) = (Pubkey::default(), 0);
        let before = core::mem::replace(seat.holder, *signer);
        if role == Role::Authority {
            self.authority_epoch = self.authority_epoch.saturating_add(1);
            for role in Role::ALL {
                let seat = self.seat(role);
                (*seat.proposed, *seat.since) = (Pubkey::default(), 0);
            }
        }
        Ok(before)
    }

    /// Authority, guardian or risk role.
    pub fn is_held(&self, key: &Pubkey) -> bool {
        [&self.authority, &self.guardian, &self.risk].contains(&key)
    }

    /// What tightens is signed by the risk role or the guardian.
    pub fn require_tightener(&self, signer: &Pubkey) -> Result<()> {
        require!(*signer == self.risk || *signer == self.guardian, NovateError::NotRisk);
        Ok(())
    }

    fn seat(&mut self, role: Role) -> Seat<'_> {
        match role {
            Role::Authority => Seat {
                holder: &mut self.authority,
                proposed: &mut self.pending_authority,
                since: &mut self.authority_proposed,
            },
            Role::Guardian => Seat {
                holder: &mut self.guardian,
                proposed: &mut self.pending_guardian,
                since: &mut self.guardian_proposed,
            },
            Role::Risk => {
                Seat { holder: &mut self.risk, proposed: &mut self.pending_risk, since: &mut self.risk_proposed }
            }
        }
    }
}
