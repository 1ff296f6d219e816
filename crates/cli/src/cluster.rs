//! A cluster over JSON-RPC: accounts of the program, and transactions to it.

use std::fmt;
use std::path::Path;

use anchor_lang::ZeroCopy;
use anyhow::{anyhow, bail, Context, Result};
use novate_client::{decode, Instruction, Pubkey, ID};
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_commitment_config::CommitmentConfig;
use solana_keypair::{read_keypair_file, Keypair};
use solana_rpc_client::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::{Error, ErrorKind};
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use solana_rpc_client_api::filter::{Memcmp, RpcFilterType};
use solana_rpc_client_api::request::{RpcError, RpcResponseErrorData};
use solana_signer::Signer;
use solana_transaction::Transaction;

const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
/// Where the clock has the unix time.
const UNIX_TIME: usize = 32;
/// Where a token account has its amount.
const TOKENS: usize = 64;

/// The program refused a transaction by one of its errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Name of the error, for instance `BelowInitialMargin`.
    pub name: String,
    message: String,
}

impl Refused {
    /// Reads Anchor's line from the log of a failed transaction.
    pub fn read(logs: &[String]) -> Option<Self> {
        let line = logs.iter().rev().find(|l| l.contains("Error Code: "))?;
        let name = line.split("Error Code: ").nth(1)?.split('.').next()?;
        let message = line.split("Error Message: ").nth(1).unwrap_or_default();
        Some(Self { name: name.into(), message: message.trim_end_matches('.').into() })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the program refused: {} ({})", self.message, self.name)
    }
}

impl std::error::Error for Refused {}

/// How sure of an account or a transaction one has to be.
pub fn confirmed() -> CommitmentConfig {
    CommitmentConfig::confirmed()
}

/// Reads and sends at the commitment `confirmed`.
pub struct Cluster {
    client: RpcClient,
}

impl Cluster {
    pub fn at(url: &str) -> Self {
        Self { client: RpcClient::new_with_commitment(url.to_string(), confirmed()) }
    }

    /// An account of the program, of the kind that is asked for; none where there is no account.
    pub fn find<T: ZeroCopy>(&self, address: &Pubkey) -> Result<Option<T>> {
        let found = self.client.get_account_with_commitment(address, self.client.commitment());
        let Some(account) = found.with_context(|| format!("reading {address}"))?.value else { return Ok(None) };
        if account.owner != ID {
            bail!("{address} is not an account of the program {ID}");
        }
        decode(&account.data).map(Some).with_context(|| address.to_string())
    }

    /// The same of an account that has to be there.
    pub fn account<T: ZeroCopy>(&self, address: &Pubkey) -> Result<T> {
        self.find(address)?.with_context(|| format!("there is no account {address}"))
    }

    /// Every account of a kind, of all pools.
    pub fn all<T: ZeroCopy>(&self) -> Result<Vec<(Pubkey, T)>> {
        let config = RpcProgramAccountsConfig {
            filters: Some(vec![RpcFilterType::Memcmp(Memcmp::new_base58_encoded(0, T::DISCRIMINATOR))]),
            account_config: RpcAccountInfoConfig { encoding: Some(UiAccountEncoding::Base64), ..Default::default() },
            ..Default::default()
        };
        let found = self.client.get_program_ui_accounts_with_config(&ID, config).context("listing accounts")?;
        let read = found.into_iter().map(|(address, account)| {
            let data = account.data.decode().with_context(|| format!("{address}: no bytes"))?;
            Ok((address, decode(&data).with_context(|| address.to_string())?))
        });
        read.collect()
    }

    /// What a token account holds, mint's units.
    pub fn tokens(&self, address: &Pubkey) -> Result<u64> {
        let account = self.client.get_account(address).with_context(|| format!("reading {address}"))?;
        let amount = account.data.get(TOKENS..).and_then(|bytes| bytes.first_chunk());
        Ok(u64::from_le_bytes(*amount.with_context(|| format!("{address} is not a token account"))?))
    }

    /// Program that owns an account.
    pub fn owner(&self, address: &Pubkey) -> Result<Pubkey> {
        Ok(self.client.get_account(address).with_context(|| format!("reading {address}"))?.owner)
    }

    /// Unix time of the chain.
    pub fn now(&self) -> Result<i64> {
        let clock = self.client.get_account(&CLOCK).context("reading the clock")?;
        let time = clock.data.get(UNIX_TIME..).and_then(|bytes| bytes.first_chunk());
        Ok(i64::from_le_bytes(*time.context("the clock has no time")?))
    }

    /// Sends a transaction, paid and signed by one key, and waits until it is confirmed. An error of the program comes back as
    /// [`Refused`].
    pub fn send(&self, instructions: &[Instruction], signer: &Keypair) -> Result<()> {
        let blockhash = self.client.get_latest_blockhash().context("reading a blockhash")?;
        let payer = signer.pubkey();
        let transaction = Transaction::new_signed_with_payer(instructions, Some(&payer), &[signer], blockhash);
        match self.client.send_and_confirm_transaction(&transaction) {
            Ok(_) => Ok(()),
            Err(error) => match refusal(&error) {
                Some(refused) => Err(refused.into()),
                None => Err(anyhow!(error).context("sending")),
            },
        }
    }
}

pub(crate) fn refusal(error: &Error) -> Option<Refused> {
    let ErrorKind::RpcError(RpcError::RpcResponseError { data, .. }) = error.kind() else { return None };
    let RpcResponseErrorData::SendTransactionPreflightFailure(simulated) = data else { return None };
    Refused::read(simulated.logs.as_deref()?)
}

/// A key as `solana-keygen` writes it.
pub fn key(path: &Path) -> Result<Keypair> {
    read_keypair_file(path).map_err(|error| anyhow!("{}: {error}", path.display()))
}
