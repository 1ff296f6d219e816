//! What is answered: JSON, or a refusal by its name.

use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{json, Value};

use crate::refusal::Refusal;

/// An answer.
pub enum Answer {
    Json(Value),
    Refused(Refusal),
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        match result {
            Ok(value) => Self::Json(value),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (status, value, refusal) = match self {
            Self::Json(value) => (StatusCode::OK, value, None),
            Self::Refused(refusal) => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
                (status, refused(refusal), Some(refusal))
            }
        };
        let mut answer = (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response();
        if let Some(refusal) = refusal {
            // Whoever counts finds it here.
            answer.extensions_mut().insert(refusal);
        }
        answer
    }
}

/// A refusal as JSON.
pub fn refused(refusal: Refusal) -> Value {
    json!({ "error": refusal.name(), "message": refusal.message() })
}
