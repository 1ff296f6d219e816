//! Instructions tampered with, as an adversary would send them.

use novate_client::{AccountMeta, Instruction, Pubkey};

/// Changes to the accounts of an instruction, by position.
pub trait Altered {
    /// Another account in the place of one.
    fn with_account(self, at: usize, key: Pubkey) -> Self;
    fn without_account(self, at: usize) -> Self;
    /// One more account at the end, read-only.
    fn and_account(self, key: Pubkey) -> Self;
    fn swapped(self, one: usize, other: usize) -> Self;
    fn read_only(self, at: usize) -> Self;
    fn unsigned(self, at: usize) -> Self;
}

impl Altered for Instruction {
    fn with_account(mut self, at: usize, key: Pubkey) -> Self {
        assert_ne!(self.accounts[at].pubkey, key, "nothing would be altered");
        self.accounts[at].pubkey = key;
        self
    }

    fn without_account(mut self, at: usize) -> Self {
        self.accounts.remove(at);
        self
    }

    fn and_account(mut self, key: Pubkey) -> Self {
        self.accounts.push(AccountMeta::new_readonly(key, false));
        self
    }

    fn swapped(mut self, one: usize, other: usize) -> Self {
        self.accounts.swap(one, other);
        self
    }

    fn read_only(mut self, at: usize) -> Self {
        assert!(self.accounts[at].is_writable, "it is read-only already");
        self.accounts[at].is_writable = false;
        self
    }

    fn unsigned(mut self, at: usize) -> Self {
        assert!(self.accounts[at].is_signer, "it does not sign");
        self.accounts[at].is_signer = false;
        self
    }
}
