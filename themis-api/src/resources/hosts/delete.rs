//! `DELETE /segments/{segment}/hosts/{host}`: its power devices go with it, so that they can be registered again.

use axum::extract::State;
use axum::response::Response;
use themis_db::StoreError;
use themis_db::store::hosts::host_delete;
use themis_db::store::segments::segment_in_use;

use super::found;
use crate::announce;
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;
use crate::resources::no_content;

/// `DELETE /segments/{segment}/hosts/{host}`.
pub(crate) async fn delete(
    State(app): State<AppState>,
    call: Call,
    Path((segment, host)): Path<(String, String)>,
) -> Result<Response, Fault> {
    call.demand(rule::HOSTS_DELETE)?;
    let (row, parent) = found(&app.store, &segment, &host).await?;
    if segment_in_use(&app.store, parent.uuid).await? {
        return Err(Fault::HostDeleteInUse(host));
    }
    let begun = app.announcer.begin(&call, "host.delete", announce::host(&row, &parent));
    let deleted = host_delete(&app.store, row.uuid, app.now())
        .await
        .map_err(|error| match error {
            StoreError::InUse { .. } => Fault::HostDeleteInUse(host),
            StoreError::NotFound { .. } => Fault::HostMissingInSegment { host, segment },
            other => other.into(),
        });
    begun.settle(deleted)?;
    app.waker.wake();
    Ok(no_content())
}
