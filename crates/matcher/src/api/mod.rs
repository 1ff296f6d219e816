//! The API over HTTP and websocket. [`ROUTES`] is the list of what there is; the router, /openapi.json and the test of docs/matcher.md
//! are made from it.

mod answer;
mod openapi;
mod orders;
mod requests;
mod server;
mod show;
mod stream;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State, WebSocketUpgrade};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, MethodRouter};
use axum::{Extension, Router};

use crate::admission::Submission;
use crate::desk::Desk;
use crate::limits::Buckets;
use crate::metrics::Metrics;
use crate::order::Key;
use crate::refusal::Refusal;
use crate::view::View;

pub use answer::{refused, Answer};
pub use openapi::document;
pub use server::{serve, Server};
pub use show::{show_fill, show_order};

/// Bytes of a body at most.
pub const BODY: usize = 8_192;

/// A path and its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Name of the body's schema, if it takes one.
    pub body: Option<&'static str>,
    /// What the answer is of.
    pub answer: &'static str,
}

const fn route(
    method: &'static str,
    path: &'static str,
    body: Option<&'static str>,
    (answer, summary): (&'static str, &'static str),
) -> Route {
    Route { method, path, summary, body, answer }
}

/// All there is.
pub const ROUTES: [Route; 12] = [
    route("POST", "/orders", Some("Submission"), ("Order", "Sends a signed order")),
    route("GET", "/orders/{id}", None, ("Order", "An order by the SHA-256 of its text")),
    route("POST", "/cancels", Some("Submission"), ("Cancelled", "Cancels orders by a signed text")),
    route("POST", "/rfq", Some("Submission"), ("Asked", "Asks for quotes by a signed text")),
    route("GET", "/rfq", None, ("Requests", "Requests for quotes that are open")),
    route("GET", "/rfq/{id}", None, ("Quotes", "Quotes of a request, for who asked")),
    route("GET", "/books", None, ("Books", "Strategies that have orders, with their best prices")),
    route("GET", "/books/{strategy}", None, ("Book", "The book of a strategy")),
    route("GET", "/instruments", None, ("Instruments", "What may be traded")),
    route("GET", "/health", None, ("Health", "Whether orders are taken")),
    route("GET", "/metrics", None, ("text", "Metrics in Prometheus' format")),
    route("GET", "/openapi.json", None, ("document", "This interface as OpenAPI 3.1")),
];

/// The websocket, which OpenAPI has no words for.
pub const STREAM: &str = "/stream";

/// What answers are made from.
pub struct Shop {
    pub desk: Desk,
    pub view: Arc<View>,
    pub metrics: Arc<Metrics>,
    pub addresses: Buckets<IpAddr>,
    pub keys: Buckets<Key>,
}

type Shared = Arc<Shop>;

/// Every route, behind the rate of its address.
pub fn router(shop: Shared) -> Router {
    let mut router = Router::new();
    let mut paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    paths.dedup();
    for path in paths {
        router = router.route(path, methods(path));
    }
    router
        .route(STREAM, get(open_stream).fallback(no_method))
        .fallback(|| async { Answer::Refused(Refusal::NoSuchPath) })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(shop.clone(), gate))
        .with_state(shop)
}

fn methods(path: &str) -> MethodRouter<Shared> {
    let methods = match path {
        "/orders" => axum::routing::post(orders::place),
        "/orders/{id}" => get(orders::find),
        "/cancels" => axum::routing::post(orders::cancel),
        "/rfq" => axum::routing::post(requests::ask).get(requests::list),
        "/rfq/{id}" => get(requests::quotes),
        "/books" => get(show::books),
        "/books/{strategy}" => get(show::book),
        "/instruments" => get(show::instruments),
        "/health" => get(health),
        "/metrics" => get(metrics),
        _ => get(|| async { Answer::Json(document()) }),
    };
    methods.fallback(no_method)
}

async fn no_method() -> Answer {
    Answer::Refused(Refusal::MethodNotAllowed)
}

/// Counts what is asked, and holds every address to its rate. What operators look at is free.
async fn gate(State(shop): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_string();
    let free = matches!(path.as_str(), "/health" | "/metrics");
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|from| from.0.ip());
    if !free && from.is_some_and(|from| !shop.addresses.take(from)) {
        return shop.refuse(Refusal::AddressRate).into_response();
    }
    let kind = path.split('/').nth(1).filter(|kind| ROUTES.iter().any(|route| route.path[1..].starts_with(*kind)));
    let label = vec![("path", format!("/{}", kind.unwrap_or("other")))];
    shop.metrics.requests.get_or_create(&label).inc();
    let mut answer = next.run(request).await;
    if let Some(refusal) = answer.extensions_mut().remove::<Refusal>() {
        shop.count(refusal);
    }
    answer
}

impl Shop {
    fn count(&self, refusal: Refusal) {
        self.metrics.refused.get_or_create(&vec![("error", refusal.name())]).inc();
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        self.count(refusal);
        Answer::Refused(refusal)
    }

    /// A body as what was signed; the rate of its key is taken only once the signature is found to be its own.
    fn submission(body: &Bytes) -> Result<Submission, Refusal> {
        serde_json::from_slice(body).map_err(|_| Refusal::BadJson)
    }

    fn take(&self, portfolio: Key) -> Result<(), Refusal> {
        match self.keys.take(portfolio) {
            true => Ok(()),
            false => Err(Refusal::KeyRate),
        }
    }
}

async fn health(State(shop): State<Shared>) -> Answer {
    if !shop.view.is_current() {
        return Answer::Refused(Refusal::ChainNotCurrent);
    }
    match shop.desk.look(|engine| (engine.open_count(), engine.fills().count())).await {
        Ok((open, pending)) => Answer::Json(serde_json::json!({
            "status": "ok", "time": shop.view.now(), "open_orders": open, "pending_fills": pending,
        })),
        Err(refusal) => Answer::Refused(refusal),
    }
}

async fn metrics(State(shop): State<Shared>) -> Response {
    shop.metrics.current.set(shop.view.is_current().into());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], shop.metrics.text()).into_response()
}

async fn open_stream(
    State(shop): State<Shared>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Extension(place): Extension<server::Place>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(BODY)
            .on_upgrade(move |socket| stream::run(shop, socket, from.ip(), place))
            .into_response(),
        Err(_) => Answer::Refused(Refusal::NotAWebsocket).into_response(),
    }
}

/// A part of a path, decoded.
type Part = Path<String>;
