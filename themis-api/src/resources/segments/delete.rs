//! `DELETE /segments/{segment}`: takes its hosts with it; notifications and vmoves stay as history.

use axum::extract::State;
use axum::response::Response;
use themis_db::StoreError;
use themis_db::store::segments::{segment_delete, segment_in_use};

use super::found;
use crate::announce;
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;
use crate::resources::no_content;

/// `DELETE /segments/{segment}`.
pub(crate) async fn delete(State(app): State<AppState>, call: Call, Path(id): Path<String>) -> Result<Response, Fault> {
    call.demand(rule::SEGMENTS_DELETE)?;
    let row = found(&app.store, &id).await?;
    if segment_in_use(&app.store, row.uuid).await? {
        return Err(Fault::SegmentDeleteInUse(id));
    }
    let begun = app.announcer.begin(&call, "segment.delete", announce::segment(&row));
    let deleted = segment_delete(&app.store, row.uuid, app.now())
        .await
        .map_err(|error| match error {
            StoreError::InUse { .. } => Fault::SegmentDeleteInUse(id),
            StoreError::NotFound { .. } => Fault::SegmentMissing(id),
            other => other.into(),
        });
    begun.settle(deleted)?;
    app.waker.wake();
    Ok(no_content())
}
