//! One function's locals exceed the 4,096 bytes of a frame.
use std::hint::black_box;

/// # Safety
/// The loader passes the address of the program's input.
#[no_mangle]
pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
    too_large(*input as usize) as u64
}

#[inline(never)]
fn too_large(n: usize) -> usize {
    let bytes = black_box([n as u8; 6000]);
    bytes[n * 20] as usize
}

/// std hands every panic to it.
#[no_mangle]
fn custom_panic(_: &core::panic::PanicInfo<'_>) {}
