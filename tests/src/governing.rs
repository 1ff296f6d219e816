//! Roles, pauses and changes.

use std::mem::offset_of;

use anchor_lang::Discriminator;
use bytemuck::Zeroable;
use novate_client::state::{
    Asset, Change, Governed, Market, Pool, Portfolio, Ramp, CHANGE_EXPIRY, DISCRIMINATOR, PLAIN_ASSET,
    PLAIN_ASSET_SPACE,
};
use novate_client::{
    addresses, decode, instructions as build, AccountMeta, Action, Class, Instruction, Pubkey, Role, ID,
};
use novate_margin::Ratio;
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Actor, Sent, World};

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

/// Delay of each class of changes, as the rule has it.
pub const CHANGE_DELAYS: [(Class, i64); 7] = [
    (Class::Listing, 3 * DAY),
    (Class::Expiry, DAY),
    (Class::Parameters, 2 * DAY),
    (Class::Oracle, 7 * DAY),
    (Class::Model, 7 * DAY),
    (Class::Committee, 7 * DAY),
    (Class::Delays, 7 * DAY),
];

const RECENT_BLOCKHASHES: Pubkey = anchor_lang::pubkey!("SysvarRecentB1ockHashes11111111111111111111");
/// Lamports that are more than the rent of a change.
const WEIGHT: u64 = 10_000_000;
/// Numbers of changes that are written from outside begin here: none that is scheduled has one of them.
const WRITTEN: u64 = 1 << 63;

impl World {
    /// For fixtures: instructions that wait in a pool that trades, each as the execution of a change that is ready, written from
    /// outside as if no class had a delay. Tests of the mechanism itself are [`World::by_hand`]. What executes a change
    /// already, waits for nothing or is of no pool stays as it is.
    pub fn enacted(&mut self, instructions: &[Instruction]) -> Vec<Instruction> {
        instructions.iter().map(|instruction| self.written_for(instruction)).collect()
    }

    fn written_for(&mut self, instruction: &Instruction) -> Instruction {
        // Longer delays take no change; that shorter ones wait is tested by hand.
        let waits = !self.by_hand && !instruction.data.starts_with(novate::instruction::SetDelays::DISCRIMINATOR);
        let targets = build::targets(instruction).filter(|_| waits && instruction.program_id == ID);
        let at = instruction.accounts.iter().position(|meta| meta.pubkey == novate::INSTRUCTIONS);
        let free = at.is_some_and(|at| at >= 2 && instruction.accounts[at - 2].pubkey == ID);
        let pool = instruction.accounts.first().map(|meta| meta.pubkey).unwrap_or_default();
        let state: Option<Pool> = decode(&self.account(&pool).data).ok();
        let (Some(targets), true, Some(state)) = (targets, free, state.filter(Pool::is_live)) else {
            return instruction.clone();
        };
        let number = WRITTEN + self.written;
        self.written += 1;
        let mut change = Change::zeroed();
        change.hold(&instruction.data, &targets).expect("a change that fits");
        change.class = Governed::find(&instruction.data).expect("an instruction that waits").class as u8;
        (change.pool, change.number, change.epoch) = (pool, number, state.authority_epoch);
        (change.proposer, change.payer) = (state.authority, self.payer.pubkey());
        (change.scheduled, change.ready) = (self.now(), self.now());
        change.expires = change.ready + CHANGE_EXPIRY;
        let data = [Change::DISCRIMINATOR, bytemuck::bytes_of(&change)].concat();
        self.write(
            addresses::change(&pool, number),
            Account { lamports: WEIGHT, data, owner: ID, ..Account::default() },
        );
        build::execute_change(instruction.clone(), number, change.payer)
    }

    /// For fixtures: an asset that was listed in a pool that trades, as if that were two weeks ago. Written from outside.
    pub fn season(&mut self, asset: u16) {
        let address = addresses::asset(&self.pool, asset);
        let mut account = self.account(&address);
        let at = DISCRIMINATOR + offset_of!(Asset, ramp) + offset_of!(Ramp, listed);
        account.data[at..at + 8].copy_from_slice(&0i64.to_le_bytes());
        self.write(address, account);
    }

    /// For fixtures: a market as if it had been listed in a pool that trades so many seconds ago. Written from outside.
    pub fn listed_lately(&mut self, market: u16, seconds: i64) {
        let (address, listed) = (addresses::market(&self.pool, market), self.now() - seconds);
        let mut account = self.account(&address);
        let at = DISCRIMINATOR + offset_of!(Market, listed);
        account.data[at..at + 8].copy_from_slice(&listed.to_le_bytes());
        self.write(address, account);
    }

    /// For fixtures: a bank whose terms may be any at once, as those of one that never was open. Written from outside.
    pub fn closed_bank(&mut self, asset: u16) {
        let address = addresses::asset(&self.pool, asset);
        let mut account = self.account(&address);
        let mut state = self.asset(asset);
        (state.bank.terms.utilisation_cap, state.lending_set) = (Ratio(0), 0);
        account.data[DISCRIMINATOR..].copy_from_slice(bytemuck::bytes_of(&state));
        self.write(address, account);
    }

    /// For fixtures: cash of a portfolio as if so much had been lost, USD 1e-6. Written from outside.
    pub fn lose(&mut self, of: &Actor, lost: i64) {
        let mut account = self.account(&of.portfolio);
        let cash = self.portfolio(&of.portfolio).cash - lost;
        let at = DISCRIMINATOR + offset_of!(Portfolio, cash);
        account.data[at..at + 8].copy_from_slice(&cash.to_le_bytes());
        self.write(of.portfolio, account);
    }

    /// The authority schedules an instruction, for real. Returns the change's number.
    #[track_caller]
    pub fn schedule(&mut self, governed: &Instruction) -> u64 {
        let governor = self.governor.insecure_clone();
        let number = self.state::<Pool>(&self.pool).change_count;
        let schedule = build::schedule_change(governor.pubkey(), governor.pubkey(), number, governed);
        self.succeeds(&[schedule], &[&governor]);
        number
    }

    pub fn change(&self, number: u64) -> Change {
        self.state(&addresses::change(&self.pool, number))
    }

    /// Schedules an instruction, waits until it can be executed, and publishes every price again. Returns its execution, which is not
    /// sent yet.
    #[track_caller]
    pub fn matured(&mut self, governed: &Instruction) -> Instruction {
        let number = self.schedule(governed);
        self.pass(self.change(number).ready - self.now());
        self.refresh();
        build::execute_change(governed.clone(), number, self.governor.pubkey())
    }

    /// Makes an asset one of the layout before: its fields up to `agreed`, another discriminator, less rent. Returns its address.
    pub fn plain(&mut self, asset: u16) -> Pubkey {
        let address = addresses::asset(&self.pool, asset);
        let mut account = self.account(&address);
        account.data.truncate(PLAIN_ASSET_SPACE);
        account.data[..8].copy_from_slice(&PLAIN_ASSET);
        account.data[8] = 1;
        account.lamports = self.svm.minimum_balance_for_rent_exemption(PLAIN_ASSET_SPACE);
        self.write(address, account);
        address
    }

    /// The instruction that a transaction with a durable nonce begins with, and the account of the nonce, whose authority signs.
    pub fn durable_nonce(&mut self, authority: &Pubkey) -> Instruction {
        let address = self.new_address();
        // Current version, initialised, its authority, the nonce, and what a signature costs.
        let data = [&[1, 0, 0, 0, 1, 0, 0, 0], authority.as_ref(), &[7; 32], &5_000u64.to_le_bytes()].concat();
        self.write(address, Account { lamports: WEIGHT, data, owner: build::SYSTEM_PROGRAM, ..Account::default() });
        let accounts = vec![
            AccountMeta::new(address, false),
            AccountMeta::new_readonly(RECENT_BLOCKHASHES, false),
            AccountMeta::new_readonly(*authority, true),
        ];
        Instruction { program_id: build::SYSTEM_PROGRAM, accounts, data: 4u32.to_le_bytes().to_vec() }
    }

    /// Who signs an instruction of governance: the holder of the role that it names as a signer, as a rule the authority.
    pub fn signer_of(&self, instruction: &Instruction) -> Keypair {
        let signs = |key: &&Keypair| instruction.accounts.iter().any(|a| a.is_signer && a.pubkey == key.pubkey());
        [&self.guardian, &self.risk].into_iter().find(signs).unwrap_or(&self.governor).insecure_clone()
    }

    /// The authority proposes somebody for a role.
    pub fn propose(&mut self, role: Role, key: &Pubkey) -> Sent {
        let governor = self.governor.insecure_clone();
        let propose = build::propose_role(governor.pubkey(), self.pool, role, *key);
        self.succeeds(&[propose], &[&governor])
    }

    /// The guardian pauses a kind of action.
    pub fn pause(&mut self, action: Action, seconds: i64) -> Sent {
        let guardian = self.guardian.insecure_clone();
        let pause = build::pause(guardian.pubkey(), self.pool, action, seconds);
        self.succeeds(&[pause], &[&guardian])
    }

    pub fn unpause(&mut self, action: Action) -> Sent {
        let governor = self.governor.insecure_clone();
        let unpause = build::unpause(governor.pubkey(), self.pool, action);
        self.succeeds(&[unpause], &[&governor])
    }
}
