//! What registered venues report.

pub mod report_mid;

pub use report_mid::*;
