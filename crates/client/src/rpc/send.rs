//! Sending, without ever sending twice what was meant once; and simulation.

use std::time::{Duration, Instant};

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use base64::prelude::{Engine, BASE64_STANDARD};
use novate::ID;
use serde_json::json;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_message::{v0, AddressLookupTableAccount, VersionedMessage};
use solana_rpc_client_api::client_error;
use solana_rpc_client_api::config::{RpcSendTransactionConfig, RpcSimulateTransactionConfig};
use solana_rpc_client_api::request::{RpcError, RpcRequest, RpcResponseErrorData};
use solana_rpc_client_api::response::Response;
use solana_transaction::versioned::VersionedTransaction;

use super::{Cluster, Error, Refused, Result, CONFIRMED};

/// Between two looks at whether a transaction is confirmed.
const LOOK: Duration = Duration::from_millis(100);
/// Between two sendings of the same bytes.
const AGAIN: Duration = Duration::from_secs(2);
/// After its blockhash expired: what was on its way until then is seen by now.
const LATE: Duration = Duration::from_secs(1);
/// Slots that a blockhash serves at least. A node that says sooner that it serves no longer has not come to know it yet: behind one
/// address there may be several nodes, and not all are as far.
const LIFE: u64 = 150;

/// What a simulation found.
#[derive(Clone, Debug, Default)]
pub struct Simulated {
    pub units: u64,
    pub logs: Vec<String>,
    /// Return data of the last instruction that had any.
    pub returned: Vec<u8>,
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
enum Failure {
    Refused(Refused),
    Other(String),
}

impl Simulated {
    /// Itself where it succeeded.
    pub fn succeeded(self) -> Result<Self> {
        match self.failure {
            None => Ok(self),
            Some(Failure::Refused(refused)) => Err(refused.into()),
            Some(Failure::Other(why)) => Err(Error::Failed(why)),
        }
    }
}

impl Cluster {
    /// Sends a signed transaction that was not sent before, the same bytes again every two seconds, until it is confirmed or its
    /// blockhash is too old for it to land ([`Error::Expired`]). It is never signed anew here: what comes back as an error other
    /// than [`Error::Node`] did not happen, and of [`Error::Node`] [`Cluster::follow`] finds out. Returns its signature.
    pub async fn send(&self, transaction: &VersionedTransaction) -> Result<String> {
        let preflight = RpcSendTransactionConfig {
            preflight_commitment: Some(CONFIRMED.commitment),
            max_retries: Some(0),
            ..Default::default()
        };
        if let Err(error) = self.client.send_transaction_with_config(transaction, preflight).await {
            // One that was sent before is refused too, from when it was executed: what became of it is found out below.
            if !was_executed(&error) && self.landed(transaction).await?.is_none() {
                return Err(sending(error, &transaction.message));
            }
        }
        self.confirm(transaction, Some(Instant::now()), &mut None).await
    }

    /// Finds out what becomes of a transaction that may have been sent: sends the same bytes, and again every two seconds, until it is
    /// confirmed, has failed, or can no longer land. A node that does not answer is waited for, however long that takes: what comes back as
    /// an error did not happen, and may be signed anew. Returns its signature.
    pub async fn follow(&self, transaction: &VersionedTransaction) -> Result<String> {
        let mut since = None;
        loop {
            match self.confirm(transaction, None, &mut since).await {
                Err(Error::Node { .. }) => tokio::time::sleep(AGAIN).await,
                done => return done,
            }
        }
    }

    /// Until it is known what became of it, or the node cannot be asked. `sent`: when it was sent last; `since`: the least slot that a
    /// node was seen at meanwhile.
    async fn confirm(
        &self,
        transaction: &VersionedTransaction,
        mut sent: Option<Instant>,
        since: &mut Option<u64>,
    ) -> Result<String> {
        let Some(signature) = transaction.signatures.first().copied() else {
            return Err(Error::Failed("it is not signed".into()));
        };
        loop {
            match self.landed(transaction).await {
                Ok(Some(true)) => return Ok(signature.to_string()),
                // Whether it landed is still to be found out.
                Err(Error::Node { .. }) | Ok(_) => {}
                Err(error) => return Err(error),
            }
            if sent.is_some_and(|sent| sent.elapsed() < AGAIN) {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let (slot, valid) = self.serves(transaction).await?;
            let first = *since.insert(since.map_or(slot, |since| since.min(slot)));
            if !valid && slot.saturating_sub(first) >= LIFE {
                tokio::time::sleep(LATE).await;
                match self.status(transaction, true).await? {
                    Some(true) => return Ok(signature.to_string()),
                    None => return Err(Error::Expired(signature.to_string())),
                    // Executed in time: the cluster confirms it, or forgets it.
                    Some(false) => {}
                }
            }
            // It may have landed since, which the node says by an error.
            let _ = self.push(transaction).await;
            sent = Some(Instant::now());
        }
    }

    /// The slot of a node, and whether the transaction's blockhash serves there.
    async fn serves(&self, transaction: &VersionedTransaction) -> Result<(u64, bool)> {
        let asked = json!([transaction.message.recent_blockhash().to_string(), CONFIRMED]);
        let told = self.client.send::<Response<bool>>(RpcRequest::IsBlockhashValid, asked).await;
        told.map(|told| (told.context.slot, told.value)).map_err(Error::node("confirming"))
    }

    /// Sends a signed transaction once, without asking whether it would succeed, and does not wait.
    pub async fn push(&self, transaction: &VersionedTransaction) -> Result<()> {
        let config = RpcSendTransactionConfig { skip_preflight: true, max_retries: Some(0), ..Default::default() };
        let sent = self.client.send_transaction_with_config(transaction, config).await;
        sent.map(|_| ()).map_err(Error::node("sending"))
    }

    /// Whether it is confirmed; nothing where the node does not know it. Fails with its error where it is confirmed that it failed.
    async fn landed(&self, transaction: &VersionedTransaction) -> Result<Option<bool>> {
        self.status(transaction, false).await
    }

    /// The same, `ever` or within the minutes that nodes keep at hand.
    async fn status(&self, transaction: &VersionedTransaction, ever: bool) -> Result<Option<bool>> {
        let signatures = transaction.signatures.get(..1).unwrap_or_default();
        let statuses = match ever {
            true => self.client.get_signature_statuses_with_history(signatures).await,
            false => self.client.get_signature_statuses(signatures).await,
        };
        let statuses = statuses.map_err(Error::node("confirming"))?.value;
        let Some(status) = statuses.into_iter().flatten().next() else { return Ok(None) };
        if !status.satisfies_commitment(CONFIRMED) {
            return Ok(Some(false));
        }
        match status.err {
            None => Ok(Some(true)),
            Some(error) => Err(failure(&error, &transaction.message, None).into()),
        }
    }

    /// Instructions without signatures, as if `payer` and all who have to sign did, with all the compute units there are.
    pub async fn simulate(
        &self,
        instructions: &[Instruction],
        payer: &Pubkey,
        tables: &[AddressLookupTableAccount],
    ) -> Result<Simulated> {
        let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(1_400_000)];
        all.extend_from_slice(instructions);
        let message = v0::Message::try_compile(payer, &all, tables, Default::default())?;
        self.simulate_message(VersionedMessage::V0(message)).await
    }

    /// A message without signatures, with a blockhash of now.
    pub async fn simulate_message(&self, message: VersionedMessage) -> Result<Simulated> {
        let count = usize::from(message.header().num_required_signatures);
        let transaction = VersionedTransaction { signatures: vec![Default::default(); count], message };
        let config = RpcSimulateTransactionConfig {
            sig_verify: false,
            replace_recent_blockhash: true,
            commitment: Some(CONFIRMED),
            ..Default::default()
        };
        let simulated = self.client.simulate_transaction_with_config(&transaction, config).await;
        let found = simulated.map_err(Error::node("simulating"))?.value;
        let logs = found.logs.unwrap_or_default();
        let failure = found.err.map(|error| failure(&error.into(), &transaction.message, Some(&logs)));
        let returned = found.return_data.map(|data| BASE64_STANDARD.decode(data.data.0)).transpose();
        let returned = returned.map_err(|error| Error::Answer(error.to_string()))?.unwrap_or_default();
        Ok(Simulated { units: found.units_consumed.unwrap_or_default(), logs, returned, failure })
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => refused.into(),
            Failure::Other(why) => Self::Failed(why),
        }
    }
}

/// Why a transaction failed: by its log, else by the number of the instruction's error, where it is one of the program.
fn failure(error: &client_error::TransactionError, message: &VersionedMessage, logs: Option<&[String]>) -> Failure {
    if let Some(refused) = logs.and_then(Refused::by_logs) {
        return Failure::Refused(refused);
    }
    if let client_error::TransactionError::InstructionError(at, of) = error {
        let called = message.instructions().get(usize::from(*at));
        let called = called.and_then(|i| message.static_account_keys().get(usize::from(i.program_id_index)));
        let code = of.to_string().rsplit_once("0x").and_then(|(_, code)| u32::from_str_radix(code, 16).ok());
        if let Some(refused) = code.filter(|_| called == Some(&ID)).and_then(Refused::by_code) {
            return Failure::Refused(refused);
        }
    }
    let line = logs.and_then(|logs| logs.iter().rev().find(|line| line.contains("failed") || line.contains("Error")));
    let line = line.map(|line| format!(": {line}")).unwrap_or_default();
    Failure::Other(format!("{error}{line}"))
}

/// Whether a node refuses a transaction because it executed it before. Not every node says so by a preflight's error.
fn was_executed(error: &client_error::Error) -> bool {
    match error.kind() {
        client_error::ErrorKind::RpcError(RpcError::RpcResponseError { data, message, .. }) => match data {
            RpcResponseErrorData::SendTransactionPreflightFailure(found) => {
                let found = found.err.clone().map(client_error::TransactionError::from);
                found == Some(client_error::TransactionError::AlreadyProcessed)
            }
            _ => message.contains("already been processed"),
        },
        _ => false,
    }
}

/// The error of a sending: what the preflight found, or that the node did not take it.
fn sending(error: client_error::Error, message: &VersionedMessage) -> Error {
    let found = match error.kind() {
        client_error::ErrorKind::RpcError(RpcError::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(found),
            ..
        }) => found.err.clone().map(|err| failure(&err.into(), message, found.logs.as_deref())),
        _ => None,
    };
    if let Some(found) = found {
        return found.into();
    }
    Error::node("sending")(error)
}
