//! What the node answers. surfpool offers more; a method that reaches outside, or that nobody here needs, is not there.

use jsonrpc_pubsub::PubSubHandler;
use surfpool_core::jsonrpc_core::MetaIoHandler;
use surfpool_core::rpc::accounts_data::{AccountsData, SurfpoolAccountsDataRpc};
use surfpool_core::rpc::accounts_scan::{AccountsScan, SurfpoolAccountsScanRpc};
use surfpool_core::rpc::bank_data::{BankData, SurfpoolBankDataRpc};
use surfpool_core::rpc::full::{Full, SurfpoolFullRpc};
use surfpool_core::rpc::minimal::{Minimal, SurfpoolMinimalRpc};
use surfpool_core::rpc::surfnet_cheatcodes::{SurfnetCheatcodes, SurfnetCheatcodesRpc};
use surfpool_core::rpc::ws::{Rpc, SurfpoolWsRpc};
use surfpool_core::rpc::{RunloopContext, SurfpoolMiddleware, SurfpoolWebsocketMeta, SurfpoolWebsocketMiddleware};
use tokio::runtime::Handle;

/// What a test may do to the node, beyond what any node does: write an account, a token account or a program, forget an account,
/// move time forward, stop and start the clock.
const CHEATS: [&str; 7] = [
    "surfnet_setAccount",
    "surfnet_setTokenAccount",
    "surfnet_writeProgram",
    "surfnet_resetAccount",
    "surfnet_timeTravel",
    "surfnet_pauseClock",
    "surfnet_resumeClock",
];

/// Left out: it fetches whatever address it is given.
const SNAPSHOTS: [&str; 2] = ["snapshotSubscribe", "snapshotUnsubscribe"];

/// Over HTTP.
pub(crate) fn http(middleware: SurfpoolMiddleware) -> MetaIoHandler<Option<RunloopContext>, SurfpoolMiddleware> {
    let mut methods = MetaIoHandler::with_middleware(middleware);
    let cheats = SurfnetCheatcodesRpc::empty().to_delegate().into_iter();
    methods.extend_with(cheats.filter(|(name, _)| CHEATS.contains(&name.as_str())));
    methods.extend_with(SurfpoolMinimalRpc.to_delegate());
    methods.extend_with(SurfpoolFullRpc.to_delegate());
    methods.extend_with(SurfpoolAccountsDataRpc.to_delegate());
    methods.extend_with(SurfpoolAccountsScanRpc.to_delegate());
    methods.extend_with(SurfpoolBankDataRpc.to_delegate());
    methods
}

/// Over websocket.
pub(crate) fn subscriptions(
    middleware: SurfpoolMiddleware,
    runtime: &Handle,
) -> PubSubHandler<Option<SurfpoolWebsocketMeta>, SurfpoolWebsocketMiddleware> {
    let mut methods =
        PubSubHandler::new(MetaIoHandler::with_middleware(SurfpoolWebsocketMiddleware::new(middleware, None)));
    let offered = SurfpoolWsRpc {
        uid: Default::default(),
        signature_subscription_map: Default::default(),
        account_subscription_map: Default::default(),
        program_subscription_map: Default::default(),
        slot_subscription_map: Default::default(),
        slots_updates_subscription_map: Default::default(),
        logs_subscription_map: Default::default(),
        snapshot_subscription_map: Default::default(),
        tokio_handle: runtime.clone(),
    };
    methods.extend_with(offered.to_delegate().into_iter().filter(|(name, _)| !SNAPSHOTS.contains(&name.as_str())));
    methods
}
