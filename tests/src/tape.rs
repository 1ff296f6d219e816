//! Everything that was done to a world, entry by entry, so that it can be done again, in part too.
//!
//! A tape that ends in something wrong is shrunk: entries are left out as long as what is wrong stays, until none can be left out
//! any more. As a text it is a file that anyone can play again.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anchor_lang::prelude::Pubkey;
use novate_client::{AccountMeta, Instruction};
use solana_account::Account;
use solana_message::{Message, VersionedMessage};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use crate::sending::{Failure, Sent};
use crate::World;

/// One thing that was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The clock was set to a unix time.
    Time(i64),
    /// An account was written from outside: tokens, a price, a stake pool.
    Written(Pubkey, Account),
    /// Instructions were sent in one transaction, whose log named the last of them so; a transaction that failed changed nothing.
    Sent { name: String, refused: bool, instructions: Vec<Instruction> },
}

impl World {
    /// From now on everything is recorded.
    pub fn record(&mut self) {
        self.tape = Some(vec![]);
    }

    pub(crate) fn note(&mut self, entry: impl FnOnce() -> Entry) {
        if let Some(tape) = &mut self.tape {
            tape.push(entry());
        }
    }

    /// Writes an account from outside.
    pub fn write(&mut self, address: Pubkey, account: Account) {
        self.note(|| Entry::Written(address, account.clone()));
        self.svm.set_account(address, account).expect("an account that can be written");
    }

    /// A twin that asks for no signatures.
    pub fn unsigned_twin(&self) -> Self {
        let mut twin = self.twin();
        twin.svm = twin.svm.with_sigverify(false);
        twin
    }

    /// Does an entry again, on a world of [`World::stage`]. What came of a transaction is returned.
    pub fn play(&mut self, entry: &Entry) -> Option<Result<Sent, Failure>> {
        match entry {
            Entry::Time(time) => self.pass(time - self.now()),
            Entry::Written(address, account) => self.write(*address, account.clone()),
            Entry::Sent { instructions, .. } => {
                let payer = self.payer.pubkey();
                let message = Message::new_with_blockhash(instructions, Some(&payer), &self.svm.latest_blockhash());
                let signatures = vec![Default::default(); usize::from(message.header.num_required_signatures)];
                let message = VersionedMessage::Legacy(message);
                return Some(self.deliver(VersionedTransaction { signatures, message }));
            }
        }
        None
    }
}

/// Leaves entries out, many at once and then fewer, as long as `fails` says of what is left that it fails still: until no single one
/// can be left out, or the time is over. Returns what is left, and whether that is minimal.
pub fn shrink<T: Copy>(tape: &[T], limit: Duration, mut fails: impl FnMut(&[T]) -> bool) -> (Vec<T>, bool) {
    let begun = Instant::now();
    let mut tape = tape.to_vec();
    let mut size = tape.len().div_ceil(2);
    while size > 0 {
        let (mut at, mut shrunk) = (0, false);
        while at < tape.len() {
            if begun.elapsed() > limit {
                return (tape, false);
            }
            let end = (at + size).min(tape.len());
            let without = [&tape[..at], &tape[end..]].concat();
            if fails(&without) {
                (tape, shrunk) = (without, true);
            } else {
                at = end;
            }
        }
        // At one at a time, until nothing goes any more.
        size = if size == 1 { usize::from(shrunk) } else { size.div_ceil(2) };
    }
    (tape, true)
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return Some(vec![]);
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn key(text: &str) -> Option<Pubkey> {
    Some(Pubkey::new_from_array(bytes(text)?.try_into().ok()?))
}

/// One line an entry. Bytes are hexadecimal.
pub fn to_text<'a>(tape: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut text = String::new();
    for entry in tape {
        let line = match entry {
            Entry::Time(time) => format!("time {time}"),
            Entry::Written(address, account) => {
                let (owner, data) = (hex(account.owner.as_ref()), hex(&account.data));
                format!("write {} {owner} {} {data}", hex(address.as_ref()), account.lamports)
            }
            Entry::Sent { name, refused, instructions } => {
                let sent = instructions.iter().map(|instruction| {
                    let accounts = instruction.accounts.iter().map(|meta| {
                        let flags = u8::from(meta.is_signer) + 2 * u8::from(meta.is_writable);
                        format!(" {}:{flags}", hex(meta.pubkey.as_ref()))
                    });
                    let program = hex(instruction.program_id.as_ref());
                    format!(" | {program} {}{}", hex(&instruction.data), accounts.collect::<String>())
                });
                let kind = if *refused { "refused" } else { "sent" };
                format!("{kind} {name}{}", sent.collect::<String>())
            }
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Reads what [`to_text`] wrote; lines that begin with `#` are comments.
pub fn from_text(text: &str) -> Option<Vec<Entry>> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "time" => Some(Entry::Time(rest.parse().ok()?)),
        "write" => {
            let parts: Vec<&str> = rest.split(' ').collect();
            let [address, owner, lamports, data] = parts.as_slice() else { return None };
            let (lamports, data, owner) = (lamports.parse().ok()?, bytes(data)?, key(owner)?);
            Some(Entry::Written(key(address)?, Account { lamports, data, owner, ..Account::default() }))
        }
        "sent" | "refused" => {
            let mut parts = rest.split(" | ");
            let name = parts.next()?.to_string();
            let instructions = parts.map(instruction).collect::<Option<_>>()?;
            Some(Entry::Sent { name, refused: kind == "refused", instructions })
        }
        _ => None,
    }
}

fn instruction(text: &str) -> Option<Instruction> {
    let mut parts = text.split(' ');
    let (program_id, data) = (key(parts.next()?)?, bytes(parts.next()?)?);
    let accounts = parts.map(|part| {
        let (address, flags) = part.split_once(':')?;
        let flags: u8 = flags.parse().ok()?;
        Some(AccountMeta { pubkey: key(address)?, is_signer: flags & 1 != 0, is_writable: flags & 2 != 0 })
    });
    Some(Instruction { program_id, accounts: accounts.collect::<Option<_>>()?, data })
}
