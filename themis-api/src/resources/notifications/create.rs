//! `POST /notifications`: store, wake, 202. Several API processes that get the same report at once store it once; the
//! others answer 409 and their reporters are kept as corroboration (`themis_db::store::intake`). A report that cannot be
//! stored is never a 4xx, because monitors drop what got 400 or 409 for good. Nothing is decided here.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use themis_core::NotificationId;
use themis_db::store::corroborations::Reporter;
use themis_db::store::intake::{Accepted, notification_accept};
use themis_db::store::notifications::NewNotification;
use themis_db::{NotificationStatus, StoreError};
use uuid::Uuid;

use super::schema::NotificationCreate;
use super::{NotificationView, OneNotification, source_host};
use crate::announce;
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::client_address::ClientAddress;
use crate::fault::Fault;
use crate::policy::rule;
use crate::wire_time::MasakariTime;

/// `POST /notifications`.
pub(crate) async fn create(
    State(app): State<AppState>,
    call: Call,
    ClientAddress(address): ClientAddress,
    Body(body): Body,
) -> Result<(StatusCode, Json<OneNotification>), Fault> {
    let asked = NotificationCreate::check(body.as_ref())?;
    call.demand(rule::NOTIFICATIONS_CREATE)?;
    asked.check_payload()?;
    let host = source_host::find(&app.store, &asked.host_name).await?;
    let new = NewNotification {
        uuid: NotificationId(Uuid::new_v4()),
        generated_time: asked.generated_time,
        source_host_uuid: host.uuid,
        kind: asked.kind,
        payload: Value::Object(asked.payload),
        status: NotificationStatus::New,
        segment_uuid: host.segment_uuid,
        message: None,
    };
    let reporter = Reporter {
        user_id: call.caller.user.id.clone(),
        user_name: call.caller.user.name.clone(),
        address,
    };
    let window = app.settings.duplicate_interval;
    let accepted = notification_accept(&app.store, &new, &reporter, window, app.now()).await;
    let begun = || {
        app.announcer
            .begin(&call, "notification.create", announce::new_notification(&new))
    };
    let row = match accepted.map_err(not_stored) {
        Ok(Accepted::Stored(row)) => begun().settle(Ok(row))?,
        Err(fault) => return begun().settle(Err(fault)),
        Ok(Accepted::Duplicate(earlier)) => {
            let (user, kind) = (&reporter.user_id, asked.kind);
            tracing::info!(%earlier, "user {user} at {address} reported {kind} of host {} once more", host.name);
            return Err(Fault::Duplicate {
                host: asked.host_name,
                kind: kind.name(),
            });
        }
        Ok(Accepted::UnderMaintenance) => {
            let (user, kind) = (&reporter.user_id, asked.kind);
            tracing::info!(
                "user {user} at {address} reported {kind} of host {}, which is under maintenance",
                host.name
            );
            return Err(Fault::UnderMaintenance {
                host: asked.host_name,
                kind: asked.kind.name(),
            });
        }
        Ok(Accepted::HostGone) => return Err(Fault::HostNameMissing(asked.host_name)),
    };
    app.waker.wake();
    let mut notification = NotificationView::from(row);
    // The reporter sees its own time back; the column keeps whole seconds.
    notification.generated_time = MasakariTime(asked.generated_time);
    Ok((StatusCode::ACCEPTED, Json(OneNotification { notification })))
}

/// A value that its column refuses is trouble of ours here: the reporter would drop for good what got 400.
fn not_stored(error: StoreError) -> Fault {
    match error {
        value @ StoreError::ValueRefused { .. } => Fault::Database(value),
        other => other.into(),
    }
}
