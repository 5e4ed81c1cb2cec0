//! `POST /segments/{segment}/hosts`. The host must be one of Nova's; without a power device it is registered all the
//! same and shown as unprotected.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use themis_core::HostId;
use themis_db::StoreError;
use themis_db::store::hosts::{NewHost, host_create};
use uuid::Uuid;

use super::schema::HostCreate;
use super::{HostView, OneHost, must_be_known_to_nova};
use crate::announce;
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;
use crate::resources::segments;

/// `POST /segments/{segment}/hosts`.
pub(crate) async fn create(
    State(app): State<AppState>,
    call: Call,
    Path(segment): Path<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<OneHost>), Fault> {
    let asked = HostCreate::check(body.as_ref())?;
    call.demand(rule::HOSTS_CREATE)?;
    let parent = segments::found(&app.store, &segment).await?;
    must_be_known_to_nova(&app, &asked.name).await?;
    let name = asked.name.clone();
    let new = NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: asked.name,
        segment_uuid: parent.uuid,
        host_type: asked.host_type,
        reserved: asked.reserved,
        control_attributes: asked.control_attributes,
        on_maintenance: asked.on_maintenance,
    };
    let begun = app
        .announcer
        .begin(&call, "host.create", announce::new_host(&new, &parent));
    let stored = host_create(&app.store, new, app.now())
        .await
        .map_err(|error| match error {
            StoreError::AlreadyExists { .. } => Fault::HostNameTaken(name),
            StoreError::NotFound { .. } => Fault::SegmentMissing(segment),
            other => other.into(),
        });
    let row = begun.settle(stored)?;
    app.waker.wake();
    Ok((
        StatusCode::CREATED,
        Json(OneHost {
            host: HostView::new(row, parent.into()),
        }),
    ))
}
