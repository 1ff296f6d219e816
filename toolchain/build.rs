//! Links the LLVM that Debian's rustc itself uses, so that no LLVM development package is needed.

/// Debian's file for the LLVM of rustc-web 1.96; bitcode is only readable by the LLVM that wrote it, or a later one.
const LIBRARY: &str = "libLLVM.so.22.1";

fn main() {
    println!("cargo:rerun-if-env-changed=SBPF_LLVM");
    let library = std::env::var("SBPF_LLVM").unwrap_or_else(|_| default_library());
    println!("cargo:rustc-link-arg={library}");
}

fn default_library() -> String {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets the target's architecture");
    format!("/usr/lib/{arch}-linux-gnu/{LIBRARY}")
}
