//! The risk committee of the demo: three members of one mind, two of whom are a quorum.

use novate_client::instructions as ix;
use novate_client::state::{Expiry, Market};
use novate_client::{Forecast, Instruction, Pubkey};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::smile::Level;

/// Ascending, as a committee seats them.
pub fn members() -> Vec<Keypair> {
    let mut members: Vec<Keypair> = (0xC1..0xC4).map(|byte| Keypair::new_from_array([byte; 32])).collect();
    members.sort_by_key(Keypair::pubkey);
    members
}

/// Governance names them.
pub fn set(authority: Pubkey, pool: Pubkey) -> Instruction {
    ix::set_committee(authority, pool, members().iter().map(Keypair::pubkey).collect(), 2)
}

/// What two members submit of an expiry, its application, and who signs.
pub fn publication(market: &Market, time: i64, forecast: Forecast, now: i64) -> (Vec<Instruction>, Vec<Keypair>) {
    let signers: Vec<Keypair> = members().into_iter().take(2).collect();
    let submit = |member: &Keypair| ix::submit_forecast(member.pubkey(), market.pool, market.index, time, forecast);
    let mut instructions: Vec<Instruction> = signers.iter().map(submit).collect();
    instructions.push(ix::apply_forecasts(market, time, now));
    (instructions, signers)
}

/// What stood when the day of an expiry's forecasts began, and the share of its time that is left: farther than a day's moves from it
/// nothing is applied.
pub fn day_of(expiry: &Expiry, now: i64) -> (Level, f64) {
    let day = expiry.day_of(now);
    let left = (expiry.time - now) as f64 / (expiry.time - day.stated) as f64;
    (Level::of(&day.forecast.into()), left.min(1.0))
}
