//! Exports a function, but not the one that the loader calls.

#[no_mangle]
pub extern "C" fn main(input: u64) -> u64 {
    input
}

/// std hands every panic to it.
#[no_mangle]
fn custom_panic(_: &core::panic::PanicInfo<'_>) {}
