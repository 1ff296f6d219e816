//! A multisig as the pool's authority: Squads v4 as it was published (`tests/multisig`), and its instructions, written out here by hand
//! so that no crate of its age is among the tests' own.

use std::path::PathBuf;

use anchor_lang::pubkey;
use novate_client::instructions::SYSTEM_PROGRAM;
use novate_client::{AccountMeta, Instruction, Pubkey};
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_sha256_hasher::hash;
use solana_signer::Signer;

use crate::sending::{Refusal, Sent};
use crate::World;

/// The program's own address, on every cluster.
pub const SQUADS: Pubkey = pubkey!("SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf");
/// Propose, vote and execute.
const ALL: u8 = 7;
const NO_MEMO: u8 = 0;
/// What a vault is given, for the rent that it pays.
const PURSE: u64 = 1_000_000_000;

/// Errors of Squads that a test expects, by their numbers.
#[derive(Clone, Copy)]
pub enum SquadsError {
    NotAMember = 6005,
    StaleProposal = 6007,
    InvalidProposalStatus = 6008,
    InvalidAccount = 6014,
}

impl From<SquadsError> for Refusal {
    fn from(error: SquadsError) -> Self {
        Self(InstructionError::Custom(error as u32))
    }
}

/// A multisig without an authority above it: its members change it by vote.
pub struct Multisig {
    pub address: Pubkey,
    /// Signs what the members approved.
    pub vault: Pubkey,
    pub members: Vec<Keypair>,
    pub threshold: u16,
}

impl Multisig {
    fn transaction(&self, index: u64) -> Pubkey {
        find(&[b"multisig", self.address.as_ref(), b"transaction", &index.to_le_bytes()])
    }

    fn proposal(&self, index: u64) -> Pubkey {
        find(&[b"multisig", self.address.as_ref(), b"transaction", &index.to_le_bytes(), b"proposal"])
    }

    /// The accounts of what creates a transaction.
    fn creating(&self, index: u64, member: Pubkey) -> Vec<AccountMeta> {
        vec![
            AccountMeta::new(self.address, false),
            AccountMeta::new(self.transaction(index), false),
            AccountMeta::new_readonly(member, true),
            AccountMeta::new(member, true),
            AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
        ]
    }

    /// A transaction of the vault, as it will be executed.
    fn create(&self, index: u64, instructions: &[Instruction]) -> Instruction {
        let message = Compiled::of(instructions, &self.vault).encode();
        let length = (message.len() as u32).to_le_bytes();
        // Vault 0, no signers of its own.
        squads(
            "vault_transaction_create",
            &[&[0, 0], &length, &message, &[NO_MEMO]],
            self.creating(index, self.members[0].pubkey()),
        )
    }

    /// A transaction that removes a member of the multisig.
    fn create_removal(&self, index: u64, member: &Pubkey) -> Instruction {
        // One action, RemoveMember.
        squads(
            "config_transaction_create",
            &[&1u32.to_le_bytes(), &[1], member.as_ref(), &[NO_MEMO]],
            self.creating(index, self.members[0].pubkey()),
        )
    }

    fn propose(&self, index: u64) -> Instruction {
        let member = self.members[0].pubkey();
        let accounts = vec![
            AccountMeta::new_readonly(self.address, false),
            AccountMeta::new(self.proposal(index), false),
            AccountMeta::new_readonly(member, true),
            AccountMeta::new(member, true),
            AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
        ];
        squads("proposal_create", &[&index.to_le_bytes(), &[0]], accounts)
    }

    pub fn approve(&self, index: u64, member: usize) -> Instruction {
        let accounts = vec![
            AccountMeta::new_readonly(self.address, false),
            AccountMeta::new(self.members[member].pubkey(), true),
            AccountMeta::new(self.proposal(index), false),
        ];
        squads("proposal_approve", &[&[NO_MEMO]], accounts)
    }

    /// The vault sends what a transaction holds; a member executes it.
    pub fn execute(&self, index: u64, instructions: &[Instruction], member: usize) -> Instruction {
        let mut accounts = vec![
            AccountMeta::new_readonly(self.address, false),
            AccountMeta::new(self.proposal(index), false),
            AccountMeta::new_readonly(self.transaction(index), false),
            AccountMeta::new_readonly(self.members[member].pubkey(), true),
        ];
        // The vault signs within, not without.
        let compiled = Compiled::of(instructions, &self.vault);
        accounts.extend(compiled.keys.iter().map(|meta| AccountMeta { is_signer: false, ..meta.clone() }));
        squads("vault_transaction_execute", &[], accounts)
    }

    fn execute_removal(&self, index: u64, member: usize) -> Instruction {
        let accounts = vec![
            AccountMeta::new(self.address, false),
            AccountMeta::new_readonly(self.members[member].pubkey(), true),
            AccountMeta::new(self.proposal(index), false),
            AccountMeta::new_readonly(self.transaction(index), false),
            // Nobody pays, for nothing grows.
            AccountMeta::new_readonly(SQUADS, false),
            AccountMeta::new_readonly(SQUADS, false),
        ];
        squads("config_transaction_execute", &[], accounts)
    }
}

/// Instructions with their accounts counted off: those that sign first, then the others, of each what is written first.
struct Compiled<'a> {
    instructions: &'a [Instruction],
    keys: Vec<AccountMeta>,
}

impl<'a> Compiled<'a> {
    fn of(instructions: &'a [Instruction], vault: &Pubkey) -> Self {
        let mut keys: Vec<AccountMeta> = vec![];
        let programs = instructions.iter().map(|i| AccountMeta::new_readonly(i.program_id, false));
        for meta in instructions.iter().flat_map(|i| i.accounts.iter().cloned()).chain(programs) {
            match keys.iter_mut().find(|key| key.pubkey == meta.pubkey) {
                Some(key) => {
                    key.is_signer |= meta.is_signer;
                    key.is_writable |= meta.is_writable;
                }
                None => keys.push(meta),
            }
        }
        assert!(keys.iter().all(|key| !key.is_signer || key.pubkey == *vault), "nobody signs within but the vault");
        keys.sort_by_key(|key| (!key.is_signer, !key.is_writable));
        Self { instructions, keys }
    }

    fn count(&self, which: impl Fn(&AccountMeta) -> bool) -> u8 {
        self.keys.iter().filter(|key| which(key)).count() as u8
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![
            self.count(|key| key.is_signer),
            self.count(|key| key.is_signer && key.is_writable),
            self.count(|key| !key.is_signer && key.is_writable),
            self.keys.len() as u8,
        ];
        self.keys.iter().for_each(|key| out.extend(key.pubkey.as_ref()));
        let place = |address: &Pubkey| self.keys.iter().position(|key| key.pubkey == *address).unwrap() as u8;
        out.push(self.instructions.len() as u8);
        for instruction in self.instructions {
            out.extend([place(&instruction.program_id), instruction.accounts.len() as u8]);
            out.extend(instruction.accounts.iter().map(|meta| place(&meta.pubkey)));
            out.extend((instruction.data.len() as u16).to_le_bytes());
            out.extend(&instruction.data);
        }
        // No lookup tables.
        out.push(0);
        out
    }
}

fn find(seeds: &[&[u8]]) -> Pubkey {
    Pubkey::find_program_address(seeds, &SQUADS).0
}

fn squads(name: &str, arguments: &[&[u8]], accounts: Vec<AccountMeta>) -> Instruction {
    let discriminator = hash(format!("global:{name}").as_bytes()).to_bytes();
    let data = [&discriminator[..8], &arguments.concat()].concat();
    Instruction { program_id: SQUADS, accounts, data }
}

/// Where `make multisig` leaves the binary.
fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy/squads.so"))
}

impl World {
    /// A multisig of so many members; its vault has lamports.
    pub fn multisig(&mut self, members: usize, threshold: u16) -> Multisig {
        let binary = std::fs::read(path()).expect("target/deploy/squads.so is missing: run `make multisig`");
        self.svm.add_program(SQUADS, &binary).expect("target/deploy/squads.so does not load");
        let (seed, members) = (self.new_wallet(), (0..members).map(|_| self.new_wallet()).collect::<Vec<_>>());
        let address = find(&[b"multisig", b"multisig", seed.pubkey().as_ref()]);
        let vault = find(&[b"multisig", address.as_ref(), b"vault", &[0]]);
        let keys: Vec<u8> = members.iter().flat_map(|m| [m.pubkey().as_ref(), &[ALL]].concat()).collect();
        let accounts = vec![
            AccountMeta::new(address, false),
            AccountMeta::new_readonly(seed.pubkey(), true),
            AccountMeta::new(members[0].pubkey(), true),
            AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
        ];
        let count = (members.len() as u32).to_le_bytes();
        // No authority above it, no lock of its own.
        let create = squads(
            "multisig_create",
            &[&[0], &threshold.to_le_bytes(), &count, &keys, &0u32.to_le_bytes(), &[NO_MEMO]],
            accounts,
        );
        self.succeeds(&[create], &[&seed, &members[0]]);
        self.svm.airdrop(&vault, PURSE).unwrap();
        Multisig { address, vault, members, threshold }
    }

    /// The first member proposes that the vault send these instructions, as the multisig's transaction `index`.
    #[track_caller]
    pub fn put_to_vote(&mut self, multisig: &Multisig, index: u64, instructions: &[Instruction]) -> [Sent; 2] {
        let member = &multisig.members[0];
        let create = self.succeeds(&[multisig.create(index, instructions)], &[member]);
        [create, self.succeeds(&[multisig.propose(index)], &[member])]
    }

    /// The first members approve, as many as it takes.
    #[track_caller]
    pub fn approve(&mut self, multisig: &Multisig, index: u64) -> Vec<Sent> {
        let members = 0..usize::from(multisig.threshold);
        members.map(|m| self.succeeds(&[multisig.approve(index, m)], &[&multisig.members[m]])).collect()
    }

    /// Proposed and approved. Returns the execution, which is not sent yet.
    #[track_caller]
    pub fn approved(&mut self, multisig: &Multisig, index: u64, instructions: &[Instruction]) -> Instruction {
        self.put_to_vote(multisig, index, instructions);
        self.approve(multisig, index);
        multisig.execute(index, instructions, 0)
    }

    /// The members vote one of them out, as the multisig's transaction `index`.
    #[track_caller]
    pub fn vote_out(&mut self, multisig: &Multisig, index: u64, member: usize) {
        let removal = multisig.create_removal(index, &multisig.members[member].pubkey());
        self.succeeds(&[removal, multisig.propose(index)], &[&multisig.members[0]]);
        self.approve(multisig, index);
        self.succeeds(&[multisig.execute_removal(index, 0)], &[&multisig.members[0]]);
    }
}
