//! The program as built, in LiteSVM: a module per instruction with its adversarial twin, and what holds across them.

mod add_asset;
mod add_market;
mod checking;
mod close_portfolio;
mod create_pool;
mod deposit;
mod distress;
mod end_auction;
mod health;
mod limits;
mod liquidate;
mod open_portfolio;
mod random_walk;
mod refresh_asset;
mod refresh_market;
mod require_health;
mod require_sequence;
mod revoke_delegate;
mod set_delegate;
mod settle_variation;
mod stage_scenarios;
mod start_auction;
mod trade;
mod transfer;
mod withdraw;
