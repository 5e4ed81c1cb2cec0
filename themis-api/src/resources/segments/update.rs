//! `PUT /segments/{segment}`. While a recovery is under way the name and the method must stay, because the recovery
//! goes by them; everything else may be changed.

use axum::Json;
use axum::extract::State;
use themis_db::StoreError;
use themis_db::store::segments::{SegmentChange, SegmentRow, segment_in_use, segment_update};

use super::schema::SegmentUpdate;
use super::{OneSegment, found};
use crate::announce;
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;

/// `PUT /segments/{segment}`.
pub(crate) async fn update(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<OneSegment>, Fault> {
    let asked = SegmentUpdate::check(body.as_ref(), call.version)?;
    call.demand(rule::SEGMENTS_UPDATE)?;
    let row = found(&app.store, &id).await?;
    if touches_recovery(&asked, &row) && segment_in_use(&app.store, row.uuid).await? {
        return Err(Fault::SegmentUpdateInUse(id));
    }
    let name = asked.name.clone();
    let change = SegmentChange {
        name: asked.name,
        service_type: asked.service_type,
        enabled: asked.enabled,
        description: asked.description,
        recovery_method: asked.recovery_method,
    };
    let told = announce::changed_segment(&row, &change);
    let begun = app.announcer.begin(&call, "segment.update", told);
    let stored = if changes_nothing(&change, &row) {
        Ok(row)
    } else {
        segment_update(&app.store, row.uuid, change, app.now())
            .await
            .map_err(|error| match error {
                StoreError::AlreadyExists { .. } => Fault::SegmentNameTaken(name.unwrap_or_default()),
                StoreError::InUse { .. } => Fault::SegmentUpdateInUse(id),
                StoreError::NotFound { .. } => Fault::SegmentMissing(id),
                other => other.into(),
            })
    };
    let row = begun.settle(stored)?;
    app.waker.wake();
    Ok(Json(OneSegment { segment: row.into() }))
}

/// As upstream, what changes nothing is no update: `updated_at` stays.
fn changes_nothing(change: &SegmentChange, row: &SegmentRow) -> bool {
    change.name.as_ref().is_none_or(|name| *name == row.name)
        && change
            .service_type
            .as_ref()
            .is_none_or(|service_type| *service_type == row.service_type)
        && change.enabled.is_none_or(|enabled| enabled == row.enabled)
        && change
            .description
            .as_ref()
            .is_none_or(|description| *description == row.description)
        && change
            .recovery_method
            .is_none_or(|method| method == row.recovery_method)
}

/// A client that sends every field back unchanged touches nothing.
fn touches_recovery(asked: &SegmentUpdate, row: &SegmentRow) -> bool {
    asked.name.as_ref().is_some_and(|name| *name != row.name)
        || asked
            .recovery_method
            .is_some_and(|method| method != row.recovery_method)
}
