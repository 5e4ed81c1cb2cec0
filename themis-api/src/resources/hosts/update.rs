//! `PUT /segments/{segment}/hosts/{host}`. While a recovery is under way in the segment a host keeps its name; what a
//! held recovery needs mended (attributes, maintenance, reserve) may be changed.

use axum::Json;
use axum::extract::State;
use themis_db::StoreError;
use themis_db::store::hosts::{HostChange, HostRow, host_update};
use themis_db::store::segments::segment_in_use;

use super::schema::HostUpdate;
use super::{HostView, OneHost, found, must_be_known_to_nova};
use crate::announce;
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;

/// `PUT /segments/{segment}/hosts/{host}`.
pub(crate) async fn update(
    State(app): State<AppState>,
    call: Call,
    Path((segment, host)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Json<OneHost>, Fault> {
    let asked = HostUpdate::check(body.as_ref())?;
    call.demand(rule::HOSTS_UPDATE)?;
    let (row, parent) = found(&app.store, &segment, &host).await?;
    // A client that sends the name back unchanged renames nothing, and needs no Nova to mend the rest.
    if let Some(new_name) = asked.name.as_ref().filter(|name| **name != row.name) {
        if segment_in_use(&app.store, parent.uuid).await? {
            return Err(Fault::HostUpdateInUse(host));
        }
        must_be_known_to_nova(&app, new_name).await?;
    }
    let name = asked.name.clone();
    let change = HostChange {
        name: asked.name,
        host_type: asked.host_type,
        reserved: asked.reserved,
        control_attributes: asked.control_attributes,
        on_maintenance: asked.on_maintenance,
    };
    let told = announce::changed_host(&row, &change, &parent);
    let begun = app.announcer.begin(&call, "host.update", told);
    let stored = if changes_nothing(&change, &row) {
        Ok(row)
    } else {
        host_update(&app.store, row.uuid, change, app.now())
            .await
            .map_err(|error| match error {
                StoreError::AlreadyExists { .. } => Fault::HostNameTaken(name.unwrap_or_default()),
                // A notification came in while Nova was asked.
                StoreError::InUse { .. } => Fault::HostUpdateInUse(host),
                StoreError::NotFound { .. } => Fault::HostMissingInSegment { host, segment },
                other => other.into(),
            })
    };
    let row = begun.settle(stored)?;
    app.waker.wake();
    Ok(Json(OneHost {
        host: HostView::new(row, parent.into()),
    }))
}

/// As upstream, what changes nothing is no update: `updated_at` stays.
fn changes_nothing(change: &HostChange, row: &HostRow) -> bool {
    let same = |new: &Option<String>, old: &String| new.as_ref().is_none_or(|new| new == old);
    same(&change.name, &row.name)
        && same(&change.host_type, &row.host_type)
        && same(&change.control_attributes, &row.control_attributes)
        && change.reserved.is_none_or(|reserved| reserved == row.reserved)
        && change
            .on_maintenance
            .is_none_or(|on_maintenance| on_maintenance == row.on_maintenance)
}
