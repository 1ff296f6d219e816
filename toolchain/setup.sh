#!/bin/bash
# Prepares the sBPF toolchain below toolchain/target: Debian's compiler, a copy of its std that knows the target,
# the linker. Needs a Rust toolchain and, once, apt; does nothing when nothing it depends on has changed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

readonly packages=(rustc-web libstd-rust-web-dev rust-web-src gcc)
readonly rust=1.96
readonly library=/usr/lib/rustlib/src/rust/library
readonly llvm="/usr/lib/$(uname -m)-linux-gnu/libLLVM.so.22.1"

say() { echo "toolchain: $*"; }
fail() { echo "toolchain: error: $*" >&2; exit 1; }

have_packages() {
  command -v cc >/dev/null && [ -d "$library" ] && [ -e "$llvm" ] \
    && [[ "$(/usr/bin/rustc --version 2>/dev/null)" == "rustc $rust."* ]]
}

install_packages() {
  ../scripts/install-packages "${packages[@]}"
  [ -e "$llvm" ] || fail "$llvm is missing: rustc-web does not bring the LLVM that this linker is written for"
  have_packages || fail "/usr/bin/rustc is not Rust $rust with sources in $library"
}

# A name for everything that decides what the toolchain produces.
stamp() {
  { /usr/bin/rustc -vV
    cat setup.sh std-edits.sh cargo-sbpf sbpf-solana.json Cargo.toml Cargo.lock build.rs
    find src runtime shim -type f | LC_ALL=C sort | xargs cat
  } | sha256sum | cut -d' ' -f1
}

command -v cargo >/dev/null || fail "cargo is missing; install a Rust toolchain"
have_packages || install_packages
now=$(stamp)
ready() { [ "$(cat target/stamp 2>/dev/null)" = "$now" ]; }
if ready; then exit 0; fi

# One set-up at a time, and none while a program is being built.
mkdir -p target
exec 9>>target/setup.lock
flock 9
if ready; then exit 0; fi
rm -f target/stamp

say "copying std and teaching it the target"
rm -rf target/std target/sources
mkdir -p target/std
cp -r "$library" target/std/library
sh ./std-edits.sh target/std/library

say "building the linker and the compiler's wrapper"
cc -O2 -shared -fPIC shim/datalayout.c -o target/libdatalayout.so -ldl
env -u RUSTC -u RUSTC_WRAPPER -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
  cargo build --release --locked --bins --target-dir target
echo "$now" >target/stamp
say "ready"
