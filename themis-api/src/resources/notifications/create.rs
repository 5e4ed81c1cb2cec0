//! `POST /notifications`: store, wake, 202. Several API processes that get the same report at once store it once; the
//! others answer 409. A report that cannot be stored is never a 4xx, because monitors drop what got 400 or 409 for good.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use themis_core::NotificationId;
use themis_db::NotificationStatus;
use themis_db::store::notifications::{Accepted, NewNotification, notification_accept};
use uuid::Uuid;

use super::schema::NotificationCreate;
use super::{NotificationView, OneNotification, source_host};
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::policy::rule;
use crate::wire_time::MasakariTime;

/// `POST /notifications`.
pub(crate) async fn create(
    State(app): State<AppState>,
    call: Call,
    Body(body): Body,
) -> Result<(StatusCode, Json<OneNotification>), Fault> {
    let asked = NotificationCreate::check(body.as_ref())?;
    call.demand(rule::NOTIFICATIONS_CREATE)?;
    asked.check_payload()?;
    let host = source_host::find(&app.store, &asked.host_name).await?;
    if host.on_maintenance {
        return Err(Fault::UnderMaintenance {
            host: asked.host_name,
            kind: asked.kind.name(),
        });
    }
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
    let accepted = notification_accept(&app.store, &new, app.settings.duplicate_interval, app.now()).await?;
    let row = match accepted {
        Accepted::Stored(row) => row,
        Accepted::Duplicate(earlier) => {
            tracing::info!(%earlier, "user {} reported {} of host {} once more", call.caller.user.id, asked.kind, host.name);
            return Err(Fault::Duplicate {
                host: asked.host_name,
                kind: asked.kind.name(),
            });
        }
    };
    app.waker.wake();
    let mut notification = NotificationView::from(row);
    // The reporter sees its own time back; the column keeps whole seconds.
    notification.generated_time = MasakariTime(asked.generated_time);
    Ok((StatusCode::ACCEPTED, Json(OneNotification { notification })))
}
