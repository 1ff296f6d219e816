//! Roles and pauses.

use novate_client::{instructions as build, Action, Pubkey, Role};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Sent, World};

/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// From a proposal until it can be accepted.
pub const ROLE_DELAY: i64 = 3 * DAY;

/// Longest pause of each kind of action, as the rule has it.
pub const LONGEST_PAUSES: [(Action, i64); 6] = [
    (Action::Trade, 7 * DAY),
    (Action::Deposit, 7 * DAY),
    (Action::Withdraw, DAY),
    (Action::Borrow, 7 * DAY),
    (Action::Liquidate, 4 * 3_600),
    (Action::Stake, 7 * DAY),
];

impl World {
    /// The authority proposes somebody for a role.
    pub fn propose(&mut self, role: Role, key: &Pubkey) -> Sent {
        let governor = self.governor.insecure_clone();
        let propose = build::propose_role(governor.pubkey(), self.pool, role, *key);
        self.succeeds(&[propose], &[&governor])
    }

    /// A guardian apart from the authority, three days later.
    pub fn guardian(&mut self) -> Keypair {
        let guardian = self.new_wallet();
        self.propose(Role::Guardian, &guardian.pubkey());
        self.pass(ROLE_DELAY);
        let accept = build::accept_role(guardian.pubkey(), self.pool, Role::Guardian);
        self.succeeds(&[accept], &[&guardian]);
        self.refresh();
        guardian
    }

    /// The first guardian, who is the authority too, pauses a kind of action.
    pub fn pause(&mut self, action: Action, seconds: i64) -> Sent {
        let governor = self.governor.insecure_clone();
        let pause = build::pause(governor.pubkey(), self.pool, action, seconds);
        self.succeeds(&[pause], &[&governor])
    }

    pub fn unpause(&mut self, action: Action) -> Sent {
        let governor = self.governor.insecure_clone();
        let unpause = build::unpause(governor.pubkey(), self.pool, action);
        self.succeeds(&[unpause], &[&governor])
    }
}
