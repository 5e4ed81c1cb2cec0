//! `POST /segments`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use themis_core::SegmentId;
use themis_db::StoreError;
use themis_db::store::segments::{NewSegment, segment_create};
use uuid::Uuid;

use super::OneSegment;
use super::schema::SegmentCreate;
use crate::announce;
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::policy::rule;

/// `POST /segments`.
pub(crate) async fn create(
    State(app): State<AppState>,
    call: Call,
    Body(body): Body,
) -> Result<(StatusCode, Json<OneSegment>), Fault> {
    let asked = SegmentCreate::check(body.as_ref(), call.version)?;
    call.demand(rule::SEGMENTS_CREATE)?;
    let name = asked.name.clone();
    let new = NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: asked.name,
        service_type: asked.service_type,
        enabled: asked.enabled,
        description: asked.description,
        recovery_method: asked.recovery_method,
    };
    let begun = app
        .announcer
        .begin(&call, "segment.create", announce::new_segment(&new));
    let stored = segment_create(&app.store, new, app.now())
        .await
        .map_err(|error| match error {
            StoreError::AlreadyExists { .. } => Fault::SegmentNameTaken(name),
            other => other.into(),
        });
    let row = begun.settle(stored)?;
    app.waker.wake();
    Ok((StatusCode::CREATED, Json(OneSegment { segment: row.into() })))
}
