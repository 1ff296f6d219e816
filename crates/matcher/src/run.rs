//! The matcher as a process: what it starts, and how it stops.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, Context, Result};
use tokio::signal::unix::{signal, SignalKind};
use tokio::task::JoinSet;
use tokio::time::{interval, MissedTickBehavior};

use crate::api::{router, serve, Shop};
use crate::desk::Desk;
use crate::engine::Command;
use crate::journal::Journal;
use crate::limits::Buckets;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::settle::{Chain, Settler};
use crate::view::View;

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(500);
/// How long open requests have when the process is to stop.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends when the matcher is to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs until `stop` ends, or the journal cannot be written any more.
pub async fn run(options: Options, stop: Stop) -> Result<()> {
    let metrics = Arc::new(Metrics::new());
    let (view, chain) = match &options.roster {
        Some(path) => (Arc::new(View::of_roster(path)?), None),
        None => {
            let (view, chain) = Chain::start(&options).await?;
            (view, Some(chain))
        }
    };
    let opened = Journal::open(&options.journal, view.subject(), options.journal_bytes)?;
    let (orders, torn) = (opened.engine.open_count(), opened.torn);
    tracing::info!(open_orders = orders, torn_bytes = torn, state = %opened.engine.hash(), "the journal is read");
    let (desk, task) = Desk::start(opened, options.bounds(), metrics.clone())?;
    let ended = tokio::task::spawn_blocking(move || task.join());
    let shop = Arc::new(Shop {
        desk: desk.clone(),
        view: view.clone(),
        metrics: metrics.clone(),
        addresses: Buckets::new(options.address_rate),
        keys: Buckets::new(options.key_rate),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(tick(desk.clone(), view.clone()));
    if let Some(chain) = chain {
        chain.spawn_mids(&mut tasks, desk.clone(), view.clone(), metrics.clone());
        let settler = Settler::new(chain, desk.clone(), view.clone(), metrics.clone());
        tasks.spawn(settler.run());
    }
    let server = serve(options.listen, router(shop)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "matcher http://{}", server.at).and_then(|()| out.flush()).context("saying where it listens")?;
    tokio::select! {
        _ = stop => {}
        ended = ended => {
            let ended = ended.context("the desk")?.map_err(|_| anyhow!("the desk ended by a panic"))?;
            return Err(ended.err().unwrap_or_else(|| anyhow!("the desk ended")));
        }
        Some(ended) = tasks.join_next() => return Err(anyhow!("a task ended: {ended:?}")),
    }
    tracing::info!("stopping");
    server.stop(PATIENCE).await;
    tasks.shutdown().await;
    desk.stop().await;
    Ok(())
}

/// Ends what the clock ends, and takes in what is listed.
async fn tick(desk: Desk, view: Arc<View>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        view.refresh();
        let now = view.now();
        if matches!(desk.look(move |engine| engine.is_due(now)).await, Ok(true)) {
            let _ = desk.submit(Command::Tick { now }).await;
        }
    }
}

/// Runs with a log of this level on standard error until SIGTERM or SIGINT.
pub fn main(log: tracing::Level, options: Options) -> ExitCode {
    tracing_subscriber::fmt().with_max_level(log).with_writer(std::io::stderr).with_ansi(false).init();
    let ran = tokio::runtime::Runtime::new().context("starting").and_then(|runtime| {
        let ran = runtime.block_on(async {
            let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let stop = async move {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
            };
            run(options, Box::pin(stop)).await
        });
        runtime.shutdown_timeout(PATIENCE);
        ran
    });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
