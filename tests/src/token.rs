//! Mints and token accounts, of SPL Token and of Token-2022 with any extension, as bytes.

use anchor_lang::prelude::Pubkey;
use anchor_spl::token::spl_token;
use anchor_spl::token_2022::spl_token_2022;
use anchor_spl::token_2022::spl_token_2022::extension::ExtensionType;
use solana_account::Account;

/// Bytes of a mint and of a token account without extensions.
const MINT: usize = 82;
const ACCOUNT: usize = 165;
/// Where Token-2022 writes which of the two an account with extensions is.
const KIND: usize = 165;
const KIND_MINT: u8 = 1;
const KIND_ACCOUNT: u8 = 2;
/// Offset of the amount in a token account.
const AMOUNT: usize = 64;
/// Offset of the state in a token account.
const STATE: usize = 108;
/// The state of an account that its mint's authority froze.
pub const FROZEN: u8 = 2;
/// Offset of the supply in a mint.
const SUPPLY: usize = 36;

const LAMPORTS: u64 = 10_000_000;

/// One extension: its type and value.
pub type Extension = (ExtensionType, Vec<u8>);

/// A mint's bytes. The authority may mint; there is no freeze authority.
fn mint_data(decimals: u8, authority: &Pubkey) -> Vec<u8> {
    let mut data = vec![0; MINT];
    data[0] = 1;
    data[4..36].copy_from_slice(authority.as_ref());
    data[44] = decimals;
    data[45] = 1;
    data
}

fn extend(mut data: Vec<u8>, kind: u8, extensions: &[Extension]) -> Vec<u8> {
    if extensions.is_empty() {
        return data;
    }
    data.resize(KIND, 0);
    data.push(kind);
    for (extension, value) in extensions {
        data.extend_from_slice(&u16::from(*extension).to_le_bytes());
        data.extend_from_slice(&(value.len() as u16).to_le_bytes());
        data.extend_from_slice(value);
    }
    data
}

/// A mint of SPL Token.
pub fn mint(decimals: u8, authority: &Pubkey) -> Account {
    Account { lamports: LAMPORTS, data: mint_data(decimals, authority), owner: spl_token::ID, ..Account::default() }
}

/// A mint of Token-2022.
pub fn mint_2022(decimals: u8, authority: &Pubkey, extensions: &[Extension]) -> Account {
    let data = extend(mint_data(decimals, authority), KIND_MINT, extensions);
    Account { lamports: LAMPORTS, data, owner: spl_token_2022::ID, ..Account::default() }
}

/// A transfer fee in basis points, without a maximum.
pub fn transfer_fee(basis_points: u16) -> Extension {
    let mut value = vec![0; 72];
    for _ in 0..2 {
        value.extend_from_slice(&0u64.to_le_bytes());
        value.extend_from_slice(&u64::MAX.to_le_bytes());
        value.extend_from_slice(&basis_points.to_le_bytes());
    }
    (ExtensionType::TransferFeeConfig, value)
}

/// A token account that holds `amount`. For a mint with a transfer fee it has the extension that withholds it.
pub fn account(mint_account: &Account, mint: &Pubkey, owner: &Pubkey, amount: u64) -> Account {
    let mut data = vec![0; ACCOUNT];
    data[..32].copy_from_slice(mint.as_ref());
    data[32..64].copy_from_slice(owner.as_ref());
    data[AMOUNT..AMOUNT + 8].copy_from_slice(&amount.to_le_bytes());
    data[STATE] = 1;
    if mint_account.data.len() > KIND && has_transfer_fee(&mint_account.data) {
        data = extend(data, KIND_ACCOUNT, &[(ExtensionType::TransferFeeAmount, vec![0; 8])]);
    }
    Account { lamports: LAMPORTS, data, owner: mint_account.owner, ..Account::default() }
}

fn has_transfer_fee(mint: &[u8]) -> bool {
    let first = mint.get(KIND + 1..KIND + 3).map(|b| u16::from_le_bytes([b[0], b[1]]));
    first == Some(u16::from(ExtensionType::TransferFeeConfig))
}

/// Amount of a token account.
pub fn amount(account: &Account) -> u64 {
    u64::from_le_bytes(account.data[AMOUNT..AMOUNT + 8].try_into().unwrap())
}

/// Sets the amount of a token account.
pub fn set_amount(account: &mut Account, amount: u64) {
    account.data[AMOUNT..AMOUNT + 8].copy_from_slice(&amount.to_le_bytes());
}

/// Sets the state of a token account.
pub fn set_state(account: &mut Account, state: u8) {
    account.data[STATE] = state;
}

/// Sets the supply of a mint.
pub fn set_supply(mint: &mut Account, supply: u64) {
    mint.data[SUPPLY..SUPPLY + 8].copy_from_slice(&supply.to_le_bytes());
}

/// Adds to the supply of a mint.
pub fn add_supply(mint: &mut Account, amount: u64) {
    let supply = u64::from_le_bytes(mint.data[SUPPLY..SUPPLY + 8].try_into().unwrap());
    mint.data[SUPPLY..SUPPLY + 8].copy_from_slice(&(supply.saturating_add(amount)).to_le_bytes());
}
