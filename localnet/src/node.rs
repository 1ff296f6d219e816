//! One node: surfpool's virtual machine and block production behind servers of our own.

use std::thread;

use anyhow::{anyhow, Context, Result};
use crossbeam_channel::{unbounded, Receiver};
use surfpool_core::rpc::SurfpoolMiddleware;
use surfpool_core::runloops::{start_block_production_runloop, start_clock_runloop};
use surfpool_core::surfnet::locker::SurfnetSvmLocker;
use surfpool_core::surfnet::svm::{SurfnetSvm, SurfnetSvmConfig};
use surfpool_types::{BlockProductionMode, RpcConfig, SimnetConfig, SimnetEvent, SvmFeatureConfig};
use tokio::runtime::Runtime;

use crate::servers::Servers;
use crate::Options;

/// Runs until the process is ended, or until block production stops. The one line on standard output, `ready` and the addresses of HTTP
/// and websocket, is written when both answer; what the node has to say after that goes to standard error.
pub(crate) fn run(options: &Options) -> Result<()> {
    // A slot a beat, whether anything is sent or not: a block a transaction leaves blockhashes that never expire.
    let chain = SimnetConfig {
        offline_mode: true,
        remote_rpc_url: None,
        slot_time: options.slot_ms,
        block_production_mode: BlockProductionMode::Clock,
        instruction_profiling_enabled: false,
        ..Default::default()
    };
    let machine = SurfnetSvmConfig {
        slot_time: chain.slot_time,
        instruction_profiling_enabled: chain.instruction_profiling_enabled,
        // What is active on mainnet.
        feature_config: SvmFeatureConfig::default(),
        ..Default::default()
    };
    let (svm, events, for_plugins) = SurfnetSvm::new(machine).map_err(|error| anyhow!("{error}"))?;
    tell(events);
    // There are no plugins, and a full channel to them would stop the node.
    thread::spawn(move || for_plugins.iter().for_each(drop));

    let svm = SurfnetSvmLocker::new(svm);
    let (commands, to_produce) = unbounded();
    let (plugin_commands, _) = unbounded();
    let middleware = SurfpoolMiddleware::new(svm.clone(), &commands, &RpcConfig::default(), &None, plugin_commands);
    let (production, serving) = (Runtime::new()?, Runtime::new()?);
    production.block_on(svm.initialize(&None)).map_err(|error| anyhow!("{error}"))?;
    let servers = Servers::open(&middleware, (options.rpc_port, options.ws_port), serving.handle())?;
    let events = svm.simnet_events_tx();
    let (beats, clock) = start_clock_runloop(chain.slot_time, Some(events.clone()));
    svm.seal_startup_plan(vec![]).map_err(|error| anyhow!("{error:?}"))?;
    events.core_started(0);
    let (rpc, subscriptions) = servers.addresses();
    println!("ready http://{rpc} ws://{subscriptions}");
    let mode = chain.block_production_mode.clone();
    let produce =
        start_block_production_runloop(beats, clock, to_produce, commands, svm, mode, &None, None, &chain, None);
    production.block_on(produce).map_err(|error| anyhow!("{error}")).context("block production")
}

/// Repeats what is worth a line on standard error. The channel has to be emptied for ever: the node waits where it is full.
fn tell(events: Receiver<SimnetEvent>) {
    thread::spawn(move || {
        for event in events {
            match event {
                SimnetEvent::Aborted(message) => eprintln!("aborted: {message}"),
                SimnetEvent::ErrorLog(_, message) => eprintln!("error: {message}"),
                SimnetEvent::WarnLog(_, message) => eprintln!("warning: {message}"),
                _ => {}
            }
        }
    });
}
