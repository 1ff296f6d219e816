//! The two servers of a node. surfpool's own open an administrator's port and lose notifications.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, Context, Result};
use jsonrpc_pubsub::Session;
use surfpool_core::jsonrpc_core::futures::channel::mpsc::{self, UnboundedSender};
use surfpool_core::jsonrpc_core::futures::StreamExt;
use surfpool_core::jsonrpc_http_server::{self as http, AccessControlAllowOrigin, DomainsValidation, Host};
use surfpool_core::rpc::{RunloopContext, SurfpoolMiddleware, SurfpoolWebsocketMeta};
use tokio::runtime::Handle;
use tokio::time::{sleep_until, Instant};

use crate::methods;

/// A page on this machine may ask; one from elsewhere, or a name that was made to point here, may not.
const ORIGINS: [&str; 4] = ["http://localhost", "http://localhost:*", "http://127.0.0.1", "http://127.0.0.1:*"];
const HOSTS: [&str; 4] = ["localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*"];

/// A program is deployed in pieces; an account written whole, in hexadecimal, may have 10 MiB.
const LONGEST_REQUEST: usize = 24 << 20;

/// How long notifications wait, so that none overtakes the reply that tells its subscription's number.
const NOTIFICATION_DELAY: Duration = Duration::from_millis(60);

/// Open while they live.
pub(crate) struct Servers {
    http: http::Server,
    subscriptions: jsonrpc_ws_server::Server,
}

impl Servers {
    pub(crate) fn open(
        middleware: &SurfpoolMiddleware,
        (rpc_port, ws_port): (u16, u16),
        runtime: &Handle,
    ) -> Result<Servers> {
        Ok(Servers {
            http: open_http(middleware.clone(), rpc_port)?,
            subscriptions: open_subscriptions(middleware.clone(), ws_port, runtime)?,
        })
    }

    /// Of HTTP and of websocket.
    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (*self.http.address(), *self.subscriptions.addr())
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn open_http(middleware: SurfpoolMiddleware, port: u16) -> Result<http::Server> {
    // The server shares a port that another of its kind has: half of the requests would go to each.
    TcpListener::bind(loopback(port)).with_context(|| format!("HTTP on port {port}"))?;
    // The server starts a runtime of its own, which a thread that belongs to one refuses.
    std::thread::spawn(move || {
        http::ServerBuilder::new(methods::http(middleware))
            .cors(DomainsValidation::AllowOnly(ORIGINS.map(AccessControlAllowOrigin::from).into()))
            .allowed_hosts(DomainsValidation::AllowOnly(HOSTS.map(Host::from).into()))
            .threads(2)
            .max_request_body_size(LONGEST_REQUEST)
            .start_http(&loopback(port))
    })
    .join()
    .map_err(|_| anyhow!("the HTTP server did not start"))?
    .map_err(|error| anyhow!("HTTP on port {port}: {error}"))
}

fn open_subscriptions(
    middleware: SurfpoolMiddleware,
    port: u16,
    runtime: &Handle,
) -> Result<jsonrpc_ws_server::Server> {
    let (methods, executor) = (methods::subscriptions(middleware.clone(), runtime), runtime.clone());
    jsonrpc_ws_server::ServerBuilder::new(methods)
        .session_meta_extractor(move |context: &jsonrpc_ws_server::RequestContext| {
            let session = Session::new(delayed(context.sender(), &executor));
            let context = RunloopContext {
                id: None,
                svm_locker: middleware.surfnet_svm.clone(),
                simnet_commands_tx: middleware.simnet_commands_tx.clone(),
                remote_rpc_client: None,
                rpc_config: middleware.config.clone(),
                cheatcode_config: middleware.cheatcode_config.clone(),
                plugin_commands_tx: middleware.plugin_commands_tx.clone(),
            };
            Some(SurfpoolWebsocketMeta::new(context, Some(Arc::new(session))))
        })
        .allowed_origins(DomainsValidation::AllowOnly(ORIGINS.map(jsonrpc_ws_server::Origin::from).into()))
        .allowed_hosts(DomainsValidation::AllowOnly(HOSTS.map(Host::from).into()))
        .max_connections(1_024)
        .event_loop_executor(runtime.clone())
        .start(&loopback(port))
        .map_err(|error| anyhow!("websocket on port {port}: {error}"))
}

/// A way to `direct` that takes [`NOTIFICATION_DELAY`], for each message by itself: later, no slower.
fn delayed(direct: UnboundedSender<String>, runtime: &Handle) -> UnboundedSender<String> {
    let (sender, mut incoming) = mpsc::unbounded::<String>();
    let (queue, mut queued) = mpsc::unbounded::<(Instant, String)>();
    runtime.spawn(async move {
        while let Some(message) = incoming.next().await {
            if queue.unbounded_send((Instant::now() + NOTIFICATION_DELAY, message)).is_err() {
                break;
            }
        }
    });
    runtime.spawn(async move {
        while let Some((due, message)) = queued.next().await {
            sleep_until(due).await;
            if direct.unbounded_send(message).is_err() {
                break;
            }
        }
    });
    sender
}
