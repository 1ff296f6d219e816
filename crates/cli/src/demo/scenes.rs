//! What members do besides trading: one answers a margin call from a second account, some leave at the end.

use anyhow::Result;
use novate_client::instructions as ix;
use novate_margin::health_factor;
use solana_signer::Signer;

use super::cast::{self, Kind, CALLED, CAST, RESERVE};
use super::products::USDC;
use super::terminal::{factor, thousands};
use super::world::World;

/// How much the member that answers margin calls pays in.
const INSTALMENT: i64 = 50_000_000_000;

/// Moves cash from the reserve where an auction of the member has begun: being back above maintenance margin ends it.
/// Says what was done.
pub fn answer_margin_call(world: &mut World) -> Result<Option<String>> {
    let health = world.health(&world.snapshot()?, CALLED)?;
    let amount = world.portfolio(RESERVE)?.cash.min(INSTALMENT);
    if !world.portfolio(CALLED)?.in_auction() || amount == 0 {
        return Ok(None);
    }
    let holdings = world.holdings(&[RESERVE])?;
    let (owner, from, to) = (world.owner(CALLED).pubkey(), world.addresses[RESERVE], world.addresses[CALLED]);
    let sum = ix::Transfer { from, to, asset: USDC, amount: amount.unsigned_abs() };
    let transfer = ix::transfer(owner, world.keys, &holdings, sum);
    world.by_owner(CALLED, transfer)?;
    let date = world.path.date(world.chain.now());
    Ok(Some(format!(
        "{date}: {} moved {} USD from its second account when its auction began, at a health of {}",
        CAST[CALLED].name,
        thousands(amount),
        factor(health_factor(&health).0),
    )))
}

/// The saver withdraws everything and closes its portfolio; dealers take back what they let their delegates do.
pub fn leave(world: &mut World) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let delegating = CAST.iter().enumerate().filter(|(_, m)| m.kind.delegates());
    for (maker, _) in delegating {
        let revoke = ix::revoke_delegate(world.owner(maker).pubkey(), world.addresses[maker]);
        world.by_owner(maker, revoke)?;
    }
    let savers: Vec<usize> = cast::of_kind(Kind::Saver).filter(|m| CAST[*m].owned_by.is_none()).collect();
    for saver in savers {
        let (owner, key) = (world.owner(saver).pubkey(), world.addresses[saver]);
        let (holdings, cash) = (world.holdings(&[saver])?, world.portfolio(saver)?.cash);
        let all = World::tokens(saver, USDC, cash.unsigned_abs());
        let withdraw = ix::withdraw(owner, world.keys, key, &holdings, all);
        world.by_owner(saver, withdraw)?;
        world.by_owner(saver, ix::close_portfolio(owner, world.keys.pool, CAST[saver].sub_account))?;
        notes.push(format!(
            "after the end: {} withdrew all of its {} USD and closed the portfolio",
            CAST[saver].name,
            thousands(cash)
        ));
    }
    Ok(notes)
}
