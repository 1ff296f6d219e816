//! What registered venues settle and report.

pub mod clear;
pub mod report_mid;

pub use clear::*;
pub use report_mid::*;
