//! The port that operators look at: `/metrics` and `/health`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::metrics::Metrics;

/// A bot that has not said anything for so long hangs.
const SILENCE: Duration = Duration::from_secs(15);
/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a bot last said of itself.
pub struct Pulse {
    said: Mutex<(Instant, std::result::Result<(), String>)>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { said: Mutex::new((Instant::now(), Err("it is starting".into()))) }
    }
}

impl Pulse {
    pub fn say(&self, how: std::result::Result<(), String>) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), how);
    }

    fn health(&self) -> std::result::Result<(), String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.0.elapsed() > SILENCE {
            return Err(format!("it has not moved for {} s", said.0.elapsed().as_secs()));
        }
        said.1.clone()
    }
}

/// Listens; returns where, and the task that answers.
pub async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    pulse: Arc<Pulse>,
) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let at = listener.local_addr()?;
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (metrics, pulse) = (metrics.clone(), pulse.clone());
            let service = service_fn(move |request| {
                let answer = answer(&request, &metrics, &pulse);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok((at, task))
}

fn answer(request: &Request<Incoming>, metrics: &Metrics, pulse: &Pulse) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, TEXT, metrics.text()),
        (&Method::GET, "/health") => match pulse.health() {
            Ok(()) => (StatusCode::OK, "text/plain", "ok\n".into()),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", format!("{why}\n")),
        },
        _ => (StatusCode::NOT_FOUND, "text/plain", "there is /metrics and /health\n".into()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
