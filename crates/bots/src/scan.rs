//! A look at everyone at once, on all processors.

use std::sync::Arc;
use std::thread;

use novate_client::state::Portfolio;
use novate_client::{Pubkey, Snapshot, Terms};
use novate_margin::Ratio;

use crate::judge::{Judge, Verdict};

/// Portfolios that a thread of its own is worth.
const WORTH: usize = 2_000;

/// What a look at each portfolio finds, in their order: none of one that owes nothing, and why where it cannot be judged.
pub fn scan(
    snapshot: &Snapshot,
    portfolios: &[(Pubkey, Arc<Portfolio>)],
    terms: Terms,
    levels: &[Ratio],
) -> Vec<Result<Option<Verdict>, String>> {
    let look = |some: &[(Pubkey, Arc<Portfolio>)]| {
        let mut judge = Judge::new(levels);
        let looked = some.iter().map(|(_, portfolio)| judge.look(snapshot, portfolio, terms));
        looked.map(|verdict| verdict.map_err(|error| error.to_string())).collect::<Vec<_>>()
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(portfolios.len() / WORTH + 1);
    if threads == 1 {
        return look(portfolios);
    }
    let look = &look;
    thread::scope(|scope| {
        let parts = portfolios.chunks(portfolios.len().div_ceil(threads));
        let workers: Vec<_> = parts.map(|some| scope.spawn(move || look(some))).collect();
        let done = workers.into_iter().zip(portfolios.chunks(portfolios.len().div_ceil(threads)));
        done.flat_map(|(worker, some)| worker.join().unwrap_or_else(|_| look(some))).collect()
    })
}
