//! Tests of the matcher: the books alone, the journal, the process over HTTP, and with a chain.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod api;
mod books;
mod crash;
mod document;
mod journal;
mod process;
mod requests;
mod signing;
mod wire;
