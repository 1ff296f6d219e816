//! The interface as OpenAPI 3.1, made from the list of routes.

use serde_json::{json, Map, Value};

use super::{Route, ROUTES};
use crate::refusal::Refusal;

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_lowercase(), operation(&route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Novate matcher",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An order book off the chain: signed orders in, settlements out. docs/matcher.md says what it guarantees.",
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

fn operation(route: &Route) -> Value {
    let content = match route.answer {
        "text" => json!({ "application/openmetrics-text": { "schema": { "type": "string" } } }),
        "document" => json!({ "application/json": { "schema": { "type": "object" } } }),
        answer => json!({ "application/json": { "schema": of(answer) } }),
    };
    let refused =
        json!({ "description": "Refused, by name", "content": { "application/json": { "schema": of("Refused") } } });
    let mut operation = json!({
        "summary": route.summary,
        "responses": { "200": { "description": "Done", "content": content }, "default": refused },
    });
    let parameters: Vec<_> =
        route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let Some(fields) = operation.as_object_mut() else { return operation };
    let path = |name: &&str| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
    let mut all: Vec<_> = parameters.iter().map(path).collect();
    if route.answer == "Quotes" {
        all.push(json!({ "name": "authorization", "in": "header", "required": true, "schema": { "type": "string" },
            "description": "Bearer and the request's token" }));
    }
    if !all.is_empty() {
        fields.insert("parameters".into(), all.into());
    }
    if let Some(body) = route.body {
        let body = json!({ "required": true, "content": { "application/json": { "schema": of(body) } } });
        fields.insert("requestBody".into(), body);
    }
    operation
}

fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An object with these fields, all of them there.
fn object(fields: &[(&str, Value)]) -> Value {
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = fields.iter().map(|(name, of)| (name.to_string(), of.clone())).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

fn list(item: Value) -> Value {
    json!({ "type": "array", "items": item })
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let amount = || json!({ "type": "string", "description": "decimal with up to 9 places" });
    let number = || json!({ "type": "integer" });
    let errors: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
    let level = list(amount());
    let quote = object(&[
        ("id", text()),
        ("number", number()),
        ("portfolio", text()),
        ("price", amount()),
        ("quantity", amount()),
        ("until", number()),
        ("whole", json!({ "type": "boolean" })),
    ]);
    let request = [("id", text()), ("strategy", text()), ("quantity", amount()), ("until", number())];
    let with = |more: &[(&'static str, Value)]| object(&[&request[..], more].concat());
    json!({
        "Refused": object(&[("error", json!({ "type": "string", "enum": errors })), ("message", text())]),
        "Submission": {
            "type": "object",
            "required": ["text", "signer", "signature", "envelope"],
            "additionalProperties": false,
            "properties": {
                "text": text(),
                "signer": { "type": "string", "description": "base58" },
                "signature": { "type": "string", "description": "base58" },
                "envelope": { "type": "string", "enum": ["raw", "offchain"] },
                "request": { "type": "string", "description": "of an order: the request that it answers" },
            },
        },
        "Order": object(&[
            ("id", text()), ("number", number()), ("portfolio", text()), ("strategy", text()),
            ("side", json!({ "type": "string", "enum": ["buy", "sell"] })),
            ("quantity", amount()), ("limit", amount()), ("until", number()), ("nonce", text()), ("flags", list(text())),
            ("request", maybe()), ("status", json!({ "type": "string", "enum": ["open", "closed"] })),
            ("why", maybe()), ("error", maybe()), ("filled", amount()), ("settled", amount()), ("remaining", amount()),
        ]),
        "Cancelled": object(&[("cancelled", list(text()))]),
        "Asked": with(&[("token", text())]),
        "Requests": object(&[("requests", list(with(&[])))]),
        "Quotes": with(&[("buys", list(quote.clone())), ("sells", list(quote))]),
        "Books": object(&[("books", list(object(&[
            ("strategy", text()), ("buy", maybe()), ("sell", maybe()), ("orders", number()),
        ])))]),
        "Book": object(&[
            ("strategy", text()), ("sequence", number()), ("buys", list(level.clone())), ("sells", list(level)),
        ]),
        "Instruments": object(&[("cluster", text()), ("instruments", list(object(&[
            ("name", text()), ("symbol", text()), ("market", number()), ("instrument", text()),
            ("tick", amount()), ("lot", amount()), ("minimum", amount()),
        ])))]),
        "Health": object(&[("status", text()), ("time", number()), ("open_orders", number()), ("pending_fills", number())]),
    })
}
