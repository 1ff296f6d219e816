//! Connections: how many, how slow they may be, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::Request;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{watch, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::Answer;
use crate::refusal::Refusal;

/// Connections at once, websockets included.
const CONNECTIONS: usize = 4_096;
/// How long a client may take for the head of a request, and for all of it with its answer.
const HEAD: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);
/// After a failed accept, for instance of a process that has too many files open.
const PAUSE: Duration = Duration::from_millis(50);

/// What listens.
pub struct Server {
    pub at: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    open: Arc<Semaphore>,
}

impl Server {
    /// Takes no further connection, and waits a while for those that are open.
    pub async fn stop(self, patience: Duration) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(patience, self.open.acquire_many(all)).await;
    }
}

/// Listens at an address, port 0 for one that is free.
pub async fn serve(address: SocketAddr, router: Router) -> Result<Server> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let at = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let open = Arc::new(Semaphore::new(CONNECTIONS));
    let task = tokio::spawn(accept(listener, router, open.clone(), stopped));
    Ok(Server { at, stop, task, open })
}

async fn accept(listener: TcpListener, router: Router, open: Arc<Semaphore>, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Beyond what there is room for, the connection ends.
        let Ok(permit) = open.clone().try_acquire_owned() else { continue };
        tokio::spawn(converse(stream, from, router.clone(), permit, stopped.clone()));
    }
}

async fn converse(
    stream: TcpStream,
    from: SocketAddr,
    router: Router,
    permit: OwnedSemaphorePermit,
    mut stopped: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let place = Place { stopped: stopped.clone(), _permit: Arc::new(permit) };
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        request.extensions_mut().insert(place.clone());
        let mut router = router.clone();
        async move {
            let answer = tokio::time::timeout(WHOLE, tower_service::Service::call(&mut router, request)).await;
            let answer: Response = match answer {
                Ok(answer) => answer.into_response(),
                Err(_) => Answer::Refused(Refusal::TookTooLong).into_response(),
            };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// One of the connections there may be. A websocket goes on after its connection, and keeps the place.
#[derive(Clone)]
pub(super) struct Place {
    /// Changes when the server stops.
    pub(super) stopped: watch::Receiver<bool>,
    _permit: Arc<OwnedSemaphorePermit>,
}
