//! Every refusal that has a body.

use serde_json::json;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{ObjectBuilder, Schema};

use super::shape::{Shape, enveloped, integer, object, text};

/// The shapes of refusals.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    let detail = object([("code", integer()), ("message", text())]);
    let fault = ObjectBuilder::new()
        .description(Some(
            "One key, named after the status: badRequest, forbidden, itemNotFound, conflictingRequest ...",
        ))
        .min_properties(Some(1))
        .max_properties(Some(1))
        .additional_properties(Some(AdditionalProperties::RefOr(Schema::from(detail).into())))
        .examples([json!({"itemNotFound": {"code": 404, "message": "No failover segment with id xyz."}})]);
    let unauthorized = object([("code", integer()), ("title", text()), ("message", text())]);
    let page = object([("message", text()), ("code", text()), ("title", text())]);
    vec![
        ("Fault", fault.into()),
        ("Unauthorized", enveloped("error", unauthorized)),
        ("Page", page.into()),
    ]
}
