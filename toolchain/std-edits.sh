#!/bin/sh
# Makes a copy of Rust's library/ know the target os "solana": it takes the arms that the bare zkvm platform
# takes, hands panics to the program's custom_panic, and hashes with fixed keys. Usage: std-edits.sh LIBRARY
set -e
cd "$1/std/src"
for f in sys/random sys/pal sys/env sys/alloc sys/stdio sys/args sys/io/error sys/thread_local; do
  sed -i -E 's/^( *)target_os = "zkvm" => \{/\1any(target_os = "zkvm", target_os = "solana") => {/
             s/^( *)target_os = "zkvm",/\1target_os = "zkvm", target_os = "solana",/' $f/mod.rs
done
sed -i 's/^#\[cfg(target_os = "zkvm")\]/#[cfg(any(target_os = "zkvm", target_os = "solana"))]/' sys/env_consts.rs
sed -i 's/^    target_arch = "sparc64",$/    target_arch = "sparc64", target_arch = "bpf",/' sys/alloc/mod.rs
sed -i '/pub fn new() -> RandomState {/a #[cfg(target_os = "solana")] return RandomState { k0: 1, k1: 2 };' hash/random.rs
sed -i '/^pub fn panic_handler(info: &core::panic::PanicInfo/a \
    #[cfg(target_os = "solana")] { \
        unsafe extern "Rust" { fn custom_panic(info: \&core::panic::PanicInfo<'"'_"'>); } \
        unsafe extern "C" { fn abort() -> !; } \
        unsafe { custom_panic(info); abort() } \
    }' panicking.rs
# Out of memory: say so and stop. The generic hook looks for a backtrace, through statics that a program cannot write.
sed -i '/^fn default_alloc_error_hook(layout: Layout) {/a \
    #[cfg(target_os = "solana")] { \
        unsafe extern "C" { fn sol_log_(message: *const u8, length: u64); fn abort() -> !; } \
        let message = "Error: memory allocation failed, out of memory"; \
        unsafe { sol_log_(message.as_ptr(), message.len() as u64); abort() } \
    }' alloc.rs
# Every edit must have found its place: a later Rust may have moved it.
test "$(grep -rl 'target_os = "solana"' . | wc -l)" -eq 12
