//! Fits: two locals of half a frame in functions of their own, a static that is only read, 128-bit division, a float,
//! a call with more arguments than there are registers.
use std::hint::black_box;

static TABLE: [u64; 4] = [3, 5, 7, 11];

/// # Safety
/// The loader passes the address of the program's input.
#[no_mangle]
pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
    let n = *input as usize;
    let wide = black_box(n as u128 + 1 << 70) / black_box(TABLE[n % 4] as u128);
    let half = black_box(n as f64) * 0.5;
    seven(n, wide as usize, half as usize, block(n), block(n + 1), 6, 7) as u64
}

#[inline(never)]
fn block(n: usize) -> usize {
    let bytes = black_box([n as u8; 2000]);
    bytes[n % bytes.len()] as usize
}

#[inline(never)]
fn seven(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize) -> usize {
    a ^ b ^ c ^ d ^ e ^ f ^ g
}

/// std hands every panic to it.
#[no_mangle]
fn custom_panic(_: &core::panic::PanicInfo<'_>) {}
