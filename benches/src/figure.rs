use novate_client::Instruction;
use novate_tests::sending::PACKET;
use novate_tests::World;
use solana_keypair::Keypair;
use solana_transaction::versioned::VersionedTransaction;

/// What the compute budget instruction in front of every transaction costs.
const BUDGET_UNITS: u64 = 150;

/// Accounts that a transaction may lock.
const MOST_LOCKS: usize = 64;

/// One measured transaction with one instruction of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub instruction: String,
    /// What the state was, as a reader would say it.
    pub state: String,
    pub units: u64,
    /// Bytes of the version-0 transaction with a lookup table.
    pub bytes: usize,
    /// Accounts that it locks, programs included.
    pub accounts: usize,
    /// Compute units that it should stay within, where that was set.
    pub goal: Option<u64>,
}

impl Figure {
    pub fn within(self, goal: u64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// It costs more than it should.
    pub fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| self.units > goal)
    }
}

/// Sends one instruction and measures it. Panics where it fails, does not fit a packet or locks too many accounts.
pub fn measure(world: &mut World, instruction: &str, state: &str, built: Instruction, signers: &[&Keypair]) -> Figure {
    let built = world.enacted(&[built]).remove(0);
    measure_all(world, instruction, state, vec![built], signers)
}

/// The same of one behind others that cost no compute units: ed25519 signatures.
pub fn measure_all(
    world: &mut World,
    instruction: &str,
    state: &str,
    built: Vec<Instruction>,
    signers: &[&Keypair],
) -> Figure {
    let table = world.lookup_table(&built);
    let (sent, transaction) = match world.send_with_tables(&built, signers, &[table]) {
        Ok(sent) => sent,
        Err(failure) => {
            panic!("{instruction}, {state}: {:?}\n{}", failure.error, failure.logs.join("\n"))
        }
    };
    let figure = Figure {
        instruction: instruction.into(),
        state: state.into(),
        units: sent.units - BUDGET_UNITS,
        bytes: bytes(&transaction),
        accounts: accounts(&transaction),
        goal: None,
    };
    assert!(figure.bytes <= PACKET, "{instruction}, {state}: {} bytes", figure.bytes);
    assert!(figure.accounts <= MOST_LOCKS, "{instruction}, {state}: {} accounts", figure.accounts);
    figure
}

/// Signatures, preceded by their count, and the message.
fn bytes(transaction: &VersionedTransaction) -> usize {
    1 + 64 * transaction.signatures.len() + transaction.message.serialize().len()
}

fn accounts(transaction: &VersionedTransaction) -> usize {
    let tables = transaction.message.address_table_lookups().unwrap_or_default();
    let looked_up = tables.iter().map(|t| t.writable_indexes.len() + t.readonly_indexes.len());
    transaction.message.static_account_keys().len() + looked_up.sum::<usize>()
}
