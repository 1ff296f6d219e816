//! From instructions to transactions that can be signed: refreshes before them, limits, lookup tables.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::state::Portfolio;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_message::{v0, AddressLookupTableAccount, VersionedMessage};
use solana_rpc_client_api::config::CommitmentConfig;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use super::refresh::Age;
use super::units::trader_units;
use super::{Cluster, Error, PoolView, Result, CONFIRMED};
use crate::instructions::Holdings;

/// Bytes of a packet.
pub(super) const PACKET: usize = 1_232;
/// Compute units of a transaction at most.
const MOST_UNITS: u32 = 1_400_000;
/// Beyond what was simulated, 1e-2: prices move, and addresses are found by other bumps.
const ROOM: u64 = 15;
/// Units of the compute budget's own instructions.
const BUDGET_UNITS: u32 = 1_000;

/// Where the limit of compute units comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// What a simulation takes and 15 % more. One that fails ends the preparation with its error, before anything is signed.
    #[default]
    Simulated,
    /// So many, for instance [`super::check_units`]: a request less.
    Units(u32),
}

/// How transactions are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub limit: Limit,
    /// Price of a compute unit, 1e-6 lamports: the priority fee. 0 for none.
    pub unit_price: u64,
}

/// What is to be done, and what it rests on.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    pub instructions: Vec<Instruction>,
    pub payer: Pubkey,
    /// What the instructions read: the list behind them.
    pub holdings: Holdings,
    /// Portfolios that they judge.
    pub portfolios: Vec<&'a Portfolio>,
    /// Instruments that they trade.
    pub traded: Vec<u64>,
    pub age: Age,
    pub tables: &'a [AddressLookupTableAccount],
    pub options: Options,
}

/// Messages to sign and send one after the other: the last does what was asked for, those before it refresh what did not fit
/// into it.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub messages: Vec<VersionedMessage>,
    /// Assets whose price is too old and of which no younger one is published.
    pub stale: Vec<u16>,
}

impl Prepared {
    /// Signs the messages with the keys that each asks for.
    pub fn sign(&self, signers: &[&dyn Signer]) -> Result<Vec<VersionedTransaction>> {
        self.messages.iter().map(|message| sign(message.clone(), signers)).collect()
    }
}

/// Signs a message with those of the keys that it asks for; fails where one is missing.
pub fn sign(message: VersionedMessage, signers: &[&dyn Signer]) -> Result<VersionedTransaction> {
    let keys = message.static_account_keys();
    let asked = keys.get(..usize::from(message.header().num_required_signatures)).unwrap_or(keys);
    let asked: Vec<&dyn Signer> = signers.iter().filter(|s| asked.contains(&s.pubkey())).copied().collect();
    Ok(VersionedTransaction::try_new(message, &asked[..])?)
}

impl Cluster {
    /// Makes a request into messages, by a view of the pool that is seconds old at most.
    pub async fn prepare(&self, view: &PoolView, request: &Request<'_>) -> Result<Prepared> {
        let refreshes =
            self.refreshes(view, &request.holdings, &request.portfolios, &request.traded, request.age).await?;
        let (payer, tables, options) = (&request.payer, request.tables, &request.options);
        let first = refreshes.instructions.iter().map(|(instruction, _)| instruction);
        let together: Vec<_> = first.chain(&request.instructions).cloned().collect();
        if together.is_empty() {
            return Ok(Prepared { messages: vec![], stale: refreshes.stale });
        }
        if let Some(message) = self.fitting(&together, payer, tables, options).await? {
            return Ok(Prepared { messages: vec![message], stale: refreshes.stale });
        }
        // What comes later cannot be simulated before the first have landed: it has the limit of its shape.
        let rows = view.snapshot.scenarios.count;
        let (instructions, traded) = (&request.instructions, request.traded.len());
        let units = trader_units(instructions.len(), &request.portfolios, traded, rows);
        let alone = refreshes.instructions.iter().map(|(refresh, units)| (std::slice::from_ref(refresh), *units));
        let rest = [(&instructions[..], units)].into_iter().filter(|(rest, _)| !rest.is_empty());
        let mut messages = vec![];
        for (instructions, units) in alone.chain(rest) {
            let options = Options { limit: Limit::Units(units), ..*options };
            messages.push(self.message(instructions, payer, tables, &options).await?);
        }
        Ok(Prepared { messages, stale: refreshes.stale })
    }

    /// One message of all, unless it would be too large or take too many units.
    async fn fitting(
        &self,
        instructions: &[Instruction],
        payer: &Pubkey,
        tables: &[AddressLookupTableAccount],
        options: &Options,
    ) -> Result<Option<VersionedMessage>> {
        match self.message(instructions, payer, tables, options).await {
            Ok(message) => Ok(Some(message)),
            Err(Error::TooLarge(_)) => Ok(None),
            Err(Error::Failed(why)) if why.contains("exceeded") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A message of instructions with their limit and price, and a blockhash of now.
    pub async fn message(
        &self,
        instructions: &[Instruction],
        payer: &Pubkey,
        tables: &[AddressLookupTableAccount],
        options: &Options,
    ) -> Result<VersionedMessage> {
        let limited = |units: u32| {
            let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(units)];
            if options.unit_price > 0 {
                all.push(ComputeBudgetInstruction::set_compute_unit_price(options.unit_price));
            }
            all.extend_from_slice(instructions);
            all
        };
        let blockhash = self.client.get_latest_blockhash_with_commitment(CommitmentConfig { ..CONFIRMED });
        let (blockhash, _) = blockhash.await.map_err(Error::node("reading a blockhash"))?;
        let compile = |units: u32| -> Result<VersionedMessage> {
            let useful = useful(tables, instructions);
            let message = VersionedMessage::V0(v0::Message::try_compile(payer, &limited(units), &useful, blockhash)?);
            let size = packet_size(&message);
            if size > PACKET {
                return Err(Error::TooLarge(size));
            }
            Ok(message)
        };
        let units = match options.limit {
            Limit::Units(units) => units.saturating_add(BUDGET_UNITS).min(MOST_UNITS),
            Limit::Simulated => {
                let simulated = self.simulate_message(compile(MOST_UNITS)?).await?.succeeded()?;
                let room = simulated.units.saturating_mul(100 + ROOM) / 100;
                u32::try_from(room).unwrap_or(MOST_UNITS).saturating_add(BUDGET_UNITS).min(MOST_UNITS)
            }
        };
        compile(units)
    }

    /// Instructions as one transaction: made, signed by `signers`, of whom the first pays, sent and confirmed. Its signature.
    pub async fn run(
        &self,
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
        options: &Options,
        signers: &[&dyn Signer],
    ) -> Result<String> {
        let payer = signers.first().map(|signer| signer.pubkey()).unwrap_or_default();
        let message = self.message(instructions, &payer, tables, options).await?;
        self.send(&sign(message, signers)?).await
    }

    /// Signs what was prepared and sends it, one after the other. The signatures.
    pub async fn run_prepared(&self, prepared: &Prepared, signers: &[&dyn Signer]) -> Result<Vec<String>> {
        let mut signatures = vec![];
        for transaction in prepared.sign(signers)? {
            signatures.push(self.send(&transaction).await?);
        }
        Ok(signatures)
    }
}

/// A transaction as it is sent, signed or not.
pub fn to_packet(transaction: &VersionedTransaction) -> Result<Vec<u8>> {
    wincode::serialize(transaction).map_err(|error| Error::Answer(error.to_string()))
}

/// The transaction of a packet; none where it is none.
pub fn from_packet(bytes: &[u8]) -> Option<VersionedTransaction> {
    let transaction: VersionedTransaction = wincode::deserialize(bytes).ok()?;
    transaction.sanitize().ok()?;
    Some(transaction)
}

/// Tables that save bytes: those with at least two of the accounts that neither sign nor are called.
fn useful(tables: &[AddressLookupTableAccount], instructions: &[Instruction]) -> Vec<AddressLookupTableAccount> {
    let mut keys: Vec<_> =
        instructions.iter().flat_map(|i| &i.accounts).filter(|m| !m.is_signer).map(|m| m.pubkey).collect();
    keys.sort();
    keys.dedup();
    let saves =
        |table: &&AddressLookupTableAccount| keys.iter().filter(|key| table.addresses.contains(key)).count() > 1;
    tables.iter().filter(saves).cloned().collect()
}

/// Bytes of a signed message: a count, 64 bytes a signature, the message.
pub(super) fn packet_size(message: &VersionedMessage) -> usize {
    1 + 64 * usize::from(message.header().num_required_signatures) + message.serialize().len()
}
