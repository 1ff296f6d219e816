//! A Solana runtime in this process with the built program in it: transactions, clock and the compute units of each
//! instruction.

use std::collections::BTreeMap;
use std::path::Path;

use anchor_lang::prelude::Clock;
use anyhow::{anyhow, bail, ensure, Context, Result};
use litesvm::types::TransactionMetadata;
use litesvm::LiteSVM;
use novate_client::{decode, AccountMeta, Instruction, Pubkey, Refused, ID};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;

/// Sets the compute limit of a transaction.
const COMPUTE_BUDGET: Pubkey = Pubkey::from_str_const("ComputeBudget111111111111111111111111111111");
/// What a transaction may use on mainnet.
const COMPUTE_LIMIT: u32 = 1_400_000;
/// Most bytes of a transaction on mainnet.
const PACKET: usize = 1_232;
/// Enough for fees and rent of everything the demo does.
const LAMPORTS: u64 = 1_000_000_000_000;

/// Compute units of each instruction by name, every execution.
pub type ComputeUnits = BTreeMap<String, Vec<u64>>;

pub struct Chain {
    svm: LiteSVM,
    payer: Keypair,
    compute: ComputeUnits,
    pub transactions: usize,
}

impl Chain {
    /// A fresh chain with the program at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let program = std::fs::read(path).with_context(|| {
            format!("no program at {}; build it with `make program`, or name it with --program", path.display())
        })?;
        // Without a history, two equal transactions are two transactions: the demo sends the same refresh often.
        let mut svm = LiteSVM::new().with_transaction_history(0).with_log_bytes_limit(None);
        svm.add_program(ID, &program)
            .map_err(|e| anyhow!("{} is not a program that can be loaded: {e:?}", path.display()))?;
        let payer = Keypair::new_from_array([1; 32]);
        let mut chain = Self { svm, payer, compute: ComputeUnits::new(), transactions: 0 };
        chain.fund(chain.payer.pubkey())?;
        Ok(chain)
    }

    /// Gives a wallet lamports.
    pub fn fund(&mut self, wallet: Pubkey) -> Result<()> {
        self.svm.airdrop(&wallet, LAMPORTS).map_err(|e| anyhow!("airdrop to {wallet} failed: {:?}", e.err))?;
        Ok(())
    }

    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    pub fn set_time(&mut self, unix_time: i64) {
        let mut clock = self.svm.get_sysvar::<Clock>();
        clock.unix_timestamp = unix_time;
        self.svm.set_sysvar(&clock);
    }

    /// Writes an account that is not the program's: a mint, a token account, a price.
    pub fn set_foreign_account(&mut self, address: Pubkey, owner: Pubkey, data: Vec<u8>) -> Result<()> {
        if owner == ID {
            bail!("state of the program is written by its instructions only");
        }
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        let account = Account { lamports, data, owner, executable: false, rent_epoch: 0 };
        self.svm.set_account(address, account).map_err(|e| anyhow!("cannot write {address}: {e:?}"))
    }

    pub fn data(&self, address: &Pubkey) -> Result<Vec<u8>> {
        Ok(self.svm.get_account(address).with_context(|| format!("no account at {address}"))?.data)
    }

    /// An account of the program, decoded.
    pub fn read<T: anchor_lang::ZeroCopy>(&self, address: &Pubkey) -> Result<T> {
        decode(&self.data(address)?).with_context(|| format!("cannot read {address}"))
    }

    /// Every account of kind `T` that the program owns.
    pub fn read_all<T: anchor_lang::ZeroCopy>(&self) -> Vec<T> {
        let mut owned = self.svm.get_program_accounts(&ID);
        owned.sort_by_key(|(address, _)| *address);
        owned.iter().filter_map(|(_, account)| decode(&account.data).ok()).collect()
    }

    /// Sends one transaction. `signers` are those besides the fee payer.
    pub fn send(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<TransactionMetadata> {
        let transaction = self.sign(instructions, signers)?;
        let sent =
            self.svm.send_transaction(transaction).map_err(|failed| match Refused::by_logs(&failed.meta.logs) {
                Some(refused) => anyhow::Error::new(refused),
                None => anyhow!("transaction failed: {}\n{}", failed.err, failed.meta.logs.join("\n")),
            })?;
        self.transactions += 1;
        count_compute(&sent.logs, &mut self.compute);
        Ok(sent)
    }

    /// Runs a transaction without effect and returns its return data.
    pub fn ask(&mut self, instruction: Instruction) -> Result<Vec<u8>> {
        let transaction = self.sign(&[instruction], &[])?;
        let run = self.svm.simulate_transaction(transaction).map_err(|f| anyhow!("simulation failed: {}", f.err))?;
        count_compute(&run.meta.logs, &mut self.compute);
        Ok(run.meta.return_data.data)
    }

    fn sign(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Transaction> {
        let mut all = vec![compute_limit()];
        all.extend_from_slice(instructions);
        let message = Message::new(&all, Some(&self.payer.pubkey()));
        // A length, the signatures, the message.
        let bytes = 1 + 64 * usize::from(message.header.num_required_signatures) + message.serialize().len();
        ensure!(bytes <= PACKET, "a transaction of {bytes} bytes: mainnet takes {PACKET}");
        let mut keys = vec![&self.payer];
        keys.extend_from_slice(signers);
        let mut transaction = Transaction::new_unsigned(message);
        transaction.try_sign(&keys, self.svm.latest_blockhash())?;
        Ok(transaction)
    }

    /// Hands over what was measured.
    pub fn take_compute(&mut self) -> ComputeUnits {
        std::mem::take(&mut self.compute)
    }
}

fn compute_limit() -> Instruction {
    let mut data = vec![2];
    data.extend_from_slice(&COMPUTE_LIMIT.to_le_bytes());
    Instruction { program_id: COMPUTE_BUDGET, accounts: Vec::<AccountMeta>::new(), data }
}

/// Reads the log of a transaction: which instructions of the program ran at the top level and what each consumed, the
/// calls it made included.
fn count_compute(logs: &[String], compute: &mut ComputeUnits) {
    let (invoked, consumed) = (format!("Program {ID} invoke [1]"), format!("Program {ID} consumed "));
    let (mut depth, mut name) = (0usize, None::<&str>);
    for line in logs {
        if line.contains(" invoke [") {
            depth += 1;
            if *line == invoked {
                name = None;
            }
        } else if depth == 1 && name.is_none() {
            name = line.strip_prefix("Program log: Instruction: ");
        }
        if depth == 1 {
            let units = line.strip_prefix(&consumed).and_then(|l| l.split(' ').next()).and_then(|u| u.parse().ok());
            if let (Some(name), Some(units)) = (name, units) {
                compute.entry(snake(name)).or_default().push(units);
            }
        }
        if line.starts_with("Program ") && (line.ends_with(" success") || line.contains(" failed: ")) {
            depth = depth.saturating_sub(1);
        }
    }
}

/// `SettleVariation` to `settle_variation`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compute_of_nested_calls_belongs_to_the_outer_instruction() {
        let logs = [
            format!("Program {ID} invoke [1]"),
            "Program log: Instruction: SettleVariation".into(),
            format!("Program {ID} invoke [2]"),
            format!("Program {ID} consumed 100 of 900 compute units"),
            format!("Program {ID} success"),
            format!("Program {ID} consumed 5000 of 1000 compute units"),
            format!("Program {ID} success"),
        ];
        let mut compute = ComputeUnits::new();
        count_compute(&logs, &mut compute);
        assert_eq!(compute.get("settle_variation"), Some(&vec![5000]));
        assert_eq!(compute.len(), 1);
    }
}
