//! Token accounts at their usual addresses, and wrapped SOL: what deposits and withdrawals need around them.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};

use crate::instructions::{Token, SYSTEM_PROGRAM};

/// The program of associated token accounts.
pub const ASSOCIATED_TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/// SPL Token.
pub const TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// Mint of wrapped SOL; a unit is a lamport.
pub const WRAPPED_SOL: Pubkey = Pubkey::from_str_const("So11111111111111111111111111111111111111112");
/// Bytes of a token account of SPL Token; one of Token-2022 has more where its mint has extensions.
pub const ACCOUNT_SIZE: usize = 165;

/// Where a token account keeps its amount.
const AMOUNT: usize = 64;

/// Token account of an owner.
pub fn account(owner: &Pubkey, token: &Token) -> Pubkey {
    let parts = [owner.as_ref(), token.program.as_ref(), token.mint.as_ref()];
    Pubkey::find_program_address(&parts, &ASSOCIATED_TOKEN_PROGRAM).0
}

/// What a token account holds, in the mint's units; none where the bytes are no token account.
pub fn amount(data: &[u8]) -> Option<u64> {
    data.get(AMOUNT..).and_then(|bytes| bytes.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes))
}

/// Makes the token account of an owner where it is missing; `payer` pays its rent.
pub fn create(payer: Pubkey, owner: Pubkey, token: &Token) -> Instruction {
    const CREATE_IDEMPOTENT: u8 = 1;
    Instruction {
        program_id: ASSOCIATED_TOKEN_PROGRAM,
        accounts: vec![
            AccountMeta::new(payer, true),
            AccountMeta::new(account(&owner, token), false),
            AccountMeta::new_readonly(owner, false),
            AccountMeta::new_readonly(token.mint, false),
            AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
            AccountMeta::new_readonly(token.program, false),
        ],
        data: vec![CREATE_IDEMPOTENT],
    }
}

/// Moves lamports.
pub fn transfer(from: Pubkey, to: Pubkey, lamports: u64) -> Instruction {
    const TRANSFER: u32 = 2;
    let mut data = TRANSFER.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    let accounts = vec![AccountMeta::new(from, true), AccountMeta::new(to, false)];
    Instruction { program_id: SYSTEM_PROGRAM, accounts, data }
}

/// Puts lamports of an owner into the owner's account of wrapped SOL, which is there.
pub fn wrap(owner: Pubkey, lamports: u64) -> [Instruction; 2] {
    const SYNC_NATIVE: u8 = 17;
    let wrapped = account(&owner, &Token { mint: WRAPPED_SOL, program: TOKEN_PROGRAM });
    let transfer = transfer(owner, wrapped, lamports);
    let sync = Instruction {
        program_id: TOKEN_PROGRAM,
        accounts: vec![AccountMeta::new(wrapped, false)],
        data: vec![SYNC_NATIVE],
    };
    [transfer, sync]
}

/// Closes the owner's account of wrapped SOL: all of it, and its rent, are the owner's lamports again.
pub fn unwrap(owner: Pubkey) -> Instruction {
    const CLOSE_ACCOUNT: u8 = 9;
    let wrapped = account(&owner, &Token { mint: WRAPPED_SOL, program: TOKEN_PROGRAM });
    Instruction {
        program_id: TOKEN_PROGRAM,
        accounts: vec![
            AccountMeta::new(wrapped, false),
            AccountMeta::new(owner, false),
            AccountMeta::new_readonly(owner, true),
        ],
        data: vec![CLOSE_ACCOUNT],
    }
}
