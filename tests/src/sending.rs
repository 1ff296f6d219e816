//! Transactions on their way into the machine, and what comes back: compute units, logs, events and return data, or the
//! exact error, with the proof that nothing changed.

use std::collections::BTreeMap;

use anchor_lang::error::ErrorCode;
use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::Pubkey;
use anchor_lang::{AnchorDeserialize, Discriminator};
use base64::prelude::{Engine, BASE64_STANDARD};
use litesvm::types::TransactionMetadata;
use novate_client::{Instruction, NovateError};
use solana_account::AccountSharedData;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_message::{v0, AddressLookupTableAccount, Message, VersionedMessage};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use crate::tape::Entry;
use crate::World;

/// What mainnet grants one transaction.
pub const COMPUTE_LIMIT: u32 = 1_400_000;
/// Bytes of a packet: no transaction is longer.
pub const PACKET: usize = 1_232;

/// A transaction that succeeded.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Of the whole transaction, the compute budget instruction's 150 included.
    pub units: u64,
    pub logs: Vec<String>,
    pub return_data: Vec<u8>,
    /// Events as the program emitted them by calling itself: discriminator and fields.
    events: Vec<Vec<u8>>,
}

impl Sent {
    fn new(meta: TransactionMetadata) -> Self {
        let calls = meta.inner_instructions.iter().flatten().map(|i| &i.instruction.data);
        let events = calls.filter_map(|data| data.strip_prefix(EVENT_IX_TAG_LE)).map(<[u8]>::to_vec).collect();
        Self { units: meta.compute_units_consumed, logs: meta.logs, return_data: meta.return_data.data, events }
    }

    /// The only event, which must be of this kind.
    pub fn event<E: AnchorDeserialize + Discriminator>(&self) -> E {
        assert_eq!(self.events.len(), 1, "one event expected");
        decode_event(&self.events[0]).expect("another kind of event")
    }

    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Events of this kind in the log: telemetry.
    pub fn telemetry<E: AnchorDeserialize + Discriminator>(&self) -> Vec<E> {
        let lines = self.logs.iter().filter_map(|line| line.strip_prefix("Program data: "));
        lines.filter_map(|line| decode_event(&BASE64_STANDARD.decode(line).unwrap())).collect()
    }

    /// Every event, telemetry behind the others.
    fn told(&self) -> impl Iterator<Item = Told> + '_ {
        let lines = self.logs.iter().filter_map(|line| line.strip_prefix("Program data: "));
        let logged = lines.map(|line| Told { event: BASE64_STANDARD.decode(line).unwrap(), telemetry: true });
        self.events.iter().map(|event| Told { event: event.clone(), telemetry: false }).chain(logged)
    }

    /// The return data as a value.
    pub fn returned<T: AnchorDeserialize>(&self) -> T {
        T::try_from_slice(&self.return_data).expect("the return data does not decode")
    }
}

/// An event as it came: discriminator and fields.
#[derive(Clone, Debug)]
pub struct Told {
    pub event: Vec<u8>,
    /// It stood in the log.
    pub telemetry: bool,
}

fn decode_event<E: AnchorDeserialize + Discriminator>(data: &[u8]) -> Option<E> {
    let fields = data.strip_prefix(E::DISCRIMINATOR)?;
    Some(E::try_from_slice(fields).expect("the event does not decode"))
}

/// A transaction that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub error: TransactionError,
    pub logs: Vec<String>,
}

impl Failure {
    /// Number of the program's own error, if it was one.
    pub fn code(&self) -> Option<u32> {
        match &self.error {
            TransactionError::InstructionError(_, InstructionError::Custom(code)) => Some(*code),
            _ => None,
        }
    }

    /// Whether it failed as expected.
    pub fn is(&self, refusal: impl Into<Refusal>) -> bool {
        matches!(&self.error, TransactionError::InstructionError(_, e) if *e == refusal.into().0)
    }
}

/// The error that an instruction must fail with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub InstructionError);

impl From<NovateError> for Refusal {
    fn from(error: NovateError) -> Self {
        Self(InstructionError::Custom(error.into()))
    }
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Self(InstructionError::Custom(error.into()))
    }
}

impl From<InstructionError> for Refusal {
    fn from(error: InstructionError) -> Self {
        Self(error)
    }
}

/// Data, owner and lamports of every account of the machine but the fee payer's, which belongs to no test.
#[derive(Clone, PartialEq)]
pub struct Picture(BTreeMap<Pubkey, AccountSharedData>);

impl Picture {
    /// Addresses at which two pictures differ.
    pub fn differences(&self, other: &Self) -> Vec<Pubkey> {
        let keys = self.0.keys().chain(other.0.keys().filter(|k| !self.0.contains_key(k)));
        keys.filter(|k| self.0.get(k) != other.0.get(k)).copied().collect()
    }
}

impl World {
    pub fn picture(&self) -> Picture {
        let payer = self.payer.pubkey();
        let accounts = self.svm.accounts_db().inner.iter().filter(|(key, _)| **key != payer);
        Picture(accounts.map(|(key, account)| (*key, account.clone())).collect())
    }

    /// Sends the instructions in one transaction with mainnet's limits; the fee payer signs too and is no part of any test.
    /// Those that wait are executed as [`World::enacted`] has it.
    pub fn send(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Sent, Failure> {
        let instructions = &self.enacted(instructions);
        let message = Message::new_with_blockhash(
            &with_limit(instructions),
            Some(&self.payer.pubkey()),
            &self.svm.latest_blockhash(),
        );
        let outcome = self.execute(VersionedMessage::Legacy(message), signers);
        self.note_sent(instructions, outcome.as_ref().map(|sent| &sent.logs).map_err(|failure| &failure.logs));
        outcome
    }

    /// The same as a version-0 transaction that finds addresses in lookup tables.
    pub fn send_with_tables(
        &mut self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        tables: &[AddressLookupTableAccount],
    ) -> Result<(Sent, VersionedTransaction), Failure> {
        let instructions = &self.enacted(instructions);
        let transaction = self.with_tables(instructions, signers, tables);
        let outcome = self.submit(transaction.clone());
        self.note_sent(instructions, outcome.as_ref().map(|sent| &sent.logs).map_err(|failure| &failure.logs));
        Ok((outcome?, transaction))
    }

    /// The same, not sent and of any size.
    pub fn with_tables(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        tables: &[AddressLookupTableAccount],
    ) -> VersionedTransaction {
        let limited = with_limit(instructions);
        let blockhash = self.svm.latest_blockhash();
        let message = v0::Message::try_compile(&self.payer.pubkey(), &limited, tables, blockhash).unwrap();
        self.sign(VersionedMessage::V0(message), signers)
    }

    fn note_sent(&mut self, instructions: &[Instruction], logs: Result<&Vec<String>, &Vec<String>>) {
        self.note(|| {
            let refused = logs.is_err();
            let mut logs = logs.unwrap_or_else(|logs| logs).iter().rev();
            let name = logs.find_map(|line| line.strip_prefix("Program log: Instruction: ")).unwrap_or("?").to_string();
            Entry::Sent { name, refused, instructions: with_limit(instructions) }
        });
    }

    fn execute(&mut self, message: VersionedMessage, signers: &[&Keypair]) -> Result<Sent, Failure> {
        let transaction = self.sign(message, signers);
        self.submit(transaction)
    }

    /// Sends instructions as they are: without a limit in front of them, and without changes written from outside.
    pub fn send_bare(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Sent, Failure> {
        let blockhash = self.svm.latest_blockhash();
        let message = Message::new_with_blockhash(instructions, Some(&self.payer.pubkey()), &blockhash);
        self.execute(VersionedMessage::Legacy(message), signers)
    }

    fn sign(&self, message: VersionedMessage, signers: &[&Keypair]) -> VersionedTransaction {
        let mut keys: Vec<&Keypair> = vec![&self.payer];
        for signer in signers {
            if keys.iter().all(|k| k.pubkey() != signer.pubkey()) {
                keys.push(signer);
            }
        }
        VersionedTransaction::try_new(message, &keys).expect("signers and message do not fit")
    }

    fn submit(&mut self, transaction: VersionedTransaction) -> Result<Sent, Failure> {
        let size = packet_size(&transaction);
        assert!(size <= PACKET, "the transaction has {size} bytes: no validator would take it");
        self.deliver(transaction)
    }

    /// Of any size.
    pub(crate) fn deliver(&mut self, transaction: VersionedTransaction) -> Result<Sent, Failure> {
        match self.svm.send_transaction(transaction) {
            Ok(meta) => {
                let sent = Sent::new(meta);
                self.told.extend(sent.told());
                Ok(sent)
            }
            Err(failed) => Err(Failure { error: failed.err, logs: failed.meta.logs }),
        }
    }

    /// The transaction must succeed.
    #[track_caller]
    pub fn succeeds(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Sent {
        match self.send(instructions, signers) {
            Ok(sent) => sent,
            Err(failure) => panic!("{:?}\n{}", failure.error, failure.logs.join("\n")),
        }
    }

    /// The same where the accounts do not fit a packet but in a lookup table.
    #[track_caller]
    pub fn succeeds_packed(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Sent {
        let table = self.lookup_table(instructions);
        match self.send_with_tables(instructions, signers, &[table]) {
            Ok((sent, _)) => sent,
            Err(failure) => panic!("{:?}\n{}", failure.error, failure.logs.join("\n")),
        }
    }

    /// The last instruction must fail with this error, and no byte and no lamport of any account may change.
    #[track_caller]
    pub fn refuses(&mut self, instructions: &[Instruction], signers: &[&Keypair], refusal: impl Into<Refusal>) {
        let instructions = &self.enacted(instructions);
        let before = self.picture();
        let outcome = self.send(instructions, signers);
        self.assert_refused(instructions, outcome, refusal.into(), &before);
    }

    /// The same where the accounts do not fit a packet but in a lookup table.
    #[track_caller]
    pub fn refuses_packed(&mut self, instructions: &[Instruction], signers: &[&Keypair], refusal: impl Into<Refusal>) {
        let instructions = &self.enacted(instructions);
        let table = self.lookup_table(instructions);
        let before = self.picture();
        let outcome = self.send_with_tables(instructions, signers, &[table]).map(|(sent, _)| sent);
        self.assert_refused(instructions, outcome, refusal.into(), &before);
    }

    #[track_caller]
    fn assert_refused(
        &self,
        instructions: &[Instruction],
        outcome: Result<Sent, Failure>,
        refusal: Refusal,
        before: &Picture,
    ) {
        let expected = TransactionError::InstructionError(instructions.len() as u8, refusal.0);
        match outcome {
            Ok(_) => panic!("it succeeded, {expected:?} expected"),
            Err(failure) => assert_eq!(failure.error, expected, "\n{}", failure.logs.join("\n")),
        }
        assert_eq!(before.differences(&self.picture()), [], "a refused transaction changed something");
    }
}

/// Bytes of a transaction on the wire.
pub fn packet_size(transaction: &VersionedTransaction) -> usize {
    const SIGNATURE: usize = 64;
    1 + transaction.signatures.len() * SIGNATURE + transaction.message.serialize().len()
}

/// Accounts that a transaction locks, those from lookup tables included.
pub fn locks(transaction: &VersionedTransaction) -> usize {
    let looked_up = transaction.message.address_table_lookups().unwrap_or_default().iter();
    let looked_up: usize = looked_up.map(|l| l.writable_indexes.len() + l.readonly_indexes.len()).sum();
    transaction.message.static_account_keys().len() + looked_up
}

fn with_limit(instructions: &[Instruction]) -> Vec<Instruction> {
    let limit = ComputeBudgetInstruction::set_compute_unit_limit(COMPUTE_LIMIT);
    [&[limit], instructions].concat()
}
