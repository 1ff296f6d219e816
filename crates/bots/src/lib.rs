//! Bots that anyone may run beside the program: a keeper, which keeps prices, marks, option values and settlement in order, and a
//! liquidator, which auctions and takes accounts that are short. Both send nothing that the chain would not decide by itself:
//! what they reckon only says what is worth sending.

pub mod backoff;
pub mod bid;
pub mod candidates;
pub mod judge;
pub mod plan;
