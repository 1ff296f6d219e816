//! Builds Solana programs (sBPF v0) with stock rustc and LLVM. README.md says how the parts fit together.
//!
//! Here is the linker: [`link`] reads LLVM bitcode as rustc emits it for the target, [`compile`] makes one optimised
//! object of it that LLVM's BPF back end accepts, with [`lower`] for operations and [`abi`] for signatures, and
//! [`elf`] writes the program that the loader takes, or says why it could not run.
#![allow(clippy::missing_safety_doc)] // LLVM's C interface is unsafe throughout; every module here talks to it.

pub mod abi;
pub mod compile;
pub mod elf;
pub mod ir;
pub mod link;
pub mod lower;
