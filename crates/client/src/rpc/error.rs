use anchor_lang::prelude::Pubkey;
use solana_message::CompileError;
use solana_rpc_client_api::client_error;
use solana_signer::SignerError;

use crate::accounts::DecodeError;
use crate::refused::Refused;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program refused; nothing was done.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Another program, or the runtime, did not let the transaction through.
    #[error("the transaction failed: {0}")]
    Failed(String),
    /// Its blockhash is too old for it to land any more, and it has not landed: nothing was done. It may be signed and sent anew.
    #[error("transaction {0} was not confirmed while it could be, and can no longer land; try again")]
    Expired(String),
    /// The node could not be asked, or did not answer: of a transaction it is not known whether it landed.
    #[error("{doing}: {}", concise(.source))]
    Node { doing: String, source: Box<client_error::Error> },
    /// Subscriptions could not be taken.
    #[error("{url}: {reason}; give the address of the node's websocket")]
    Socket { url: String, reason: String },
    #[error("there is no account {0}")]
    NoAccount(Pubkey),
    #[error("{0} is not an account of the program {ID}", ID = crate::ID)]
    ForeignAccount(Pubkey),
    #[error("{address}: {source}")]
    Decode { address: Pubkey, source: DecodeError },
    #[error("the node's answer cannot be read: {0}")]
    Answer(String),
    #[error(transparent)]
    Signing(#[from] SignerError),
    #[error("the transaction cannot be written: {0}")]
    Compile(#[from] CompileError),
    /// A packet carries 1,232 bytes.
    #[error("the transaction has {0} bytes, more than the 1,232 of a packet; give lookup tables, or fewer legs")]
    TooLarge(usize),
}

impl Error {
    pub(super) fn node(doing: impl Into<String>) -> impl FnOnce(client_error::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Node { doing, source: Box::new(source) }
    }

    /// Whether a transaction whose sending ended so may have landed, or may land yet: a node had been reached, and it is not known what it
    /// did with it.
    pub fn may_have_landed(&self) -> bool {
        match self {
            Self::Node { source, .. } => match source.kind() {
                client_error::ErrorKind::Reqwest(error) => !error.is_connect(),
                _ => true,
            },
            _ => false,
        }
    }

    /// Of a refusal by the program, its error.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}

/// What a person needs of the client's error: of a node that cannot be reached its address.
fn concise(error: &client_error::Error) -> String {
    match error.kind() {
        client_error::ErrorKind::Reqwest(error) if error.is_connect() => {
            let url = error.url().map(ToString::to_string).unwrap_or_default();
            format!("no node answers at {url}")
        }
        kind => kind.to_string(),
    }
}
