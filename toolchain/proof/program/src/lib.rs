//! Computes the same results on the host and in the virtual machine: [`compute`] is called by the test directly and by
//! the program for its input. Any difference is a fault of the compiler, the linker or the machine.
pub mod arithmetic;
pub mod library;
pub mod results;

use results::{Operands, Results};

pub type Group = fn(&mut Results, &Operands);

pub const GROUPS: [Group; 9] = [
    arithmetic::products,
    arithmetic::quotients,
    arithmetic::wide_bits,
    arithmetic::words,
    arithmetic::floats,
    library::integers_as_text,
    library::floats_as_text,
    library::dynamic_calls,
    library::collections,
];

/// The results of one group; none for a number that is no group's.
pub fn compute(group: u8, a: i128, b: i128, x: f64, y: f64) -> Option<Vec<u8>> {
    let mut results = Results::default();
    GROUPS.get(group as usize)?(&mut results, &Operands::new(a, b, x, y));
    Some(results.0)
}

/// An instruction: the group and its operands, little-endian.
pub fn instruction(group: u8, a: i128, b: i128, x: f64, y: f64) -> Vec<u8> {
    let mut data = vec![group];
    data.extend_from_slice(&a.to_le_bytes());
    data.extend_from_slice(&b.to_le_bytes());
    data.extend_from_slice(&x.to_le_bytes());
    data.extend_from_slice(&y.to_le_bytes());
    data
}

#[cfg(target_os = "solana")]
mod program {
    use solana_account_info::AccountInfo;
    use solana_program_entrypoint::{entrypoint, ProgramResult};
    use solana_program_error::ProgramError;
    use solana_pubkey::Pubkey;

    extern "C" {
        fn sol_set_return_data(data: *const u8, length: u64);
    }

    entrypoint!(process);

    fn process(_: &Pubkey, _: &[AccountInfo], data: &[u8]) -> ProgramResult {
        let results = parse(data).and_then(|(g, a, b, x, y)| crate::compute(g, a, b, x, y));
        let results = results.ok_or(ProgramError::InvalidInstructionData)?;
        unsafe { sol_set_return_data(results.as_ptr(), results.len() as u64) };
        Ok(())
    }

    fn parse(data: &[u8]) -> Option<(u8, i128, i128, f64, f64)> {
        let wide = |at: usize| Some(i128::from_le_bytes(data.get(at..at + 16)?.try_into().ok()?));
        let float = |at: usize| Some(f64::from_le_bytes(data.get(at..at + 8)?.try_into().ok()?));
        Some((*data.first()?, wide(1)?, wide(17)?, float(33)?, float(41)?))
    }
}
