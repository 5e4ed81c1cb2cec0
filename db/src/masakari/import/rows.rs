//! What differs between the four tables when their rows are copied.

use sea_orm::EntityTrait;
use serde_json::Value;
use time::OffsetDateTime;

use super::super::takeover::Abandoned;
use super::super::{abandoned, is_unfinished};
use crate::entity::{TextUuid, failover_segments, hosts, notifications, vmoves};
use crate::stamp::seconds;
use crate::{NotificationKind, NotificationStatus, VmoveKind, VmoveStatus};

/// A table whose rows are copied.
pub(super) trait Copied: EntityTrait {
    const TABLE: &'static str;
    const ID: Self::Column;
    const UUID: Self::Column;
    const DELETED: Self::Column;
    /// Unique among the living, where there is one.
    const NAME: Option<Self::Column> = None;
    /// Columns that must hold a UUID.
    const UUIDS: &'static [&'static str];
    /// Columns of times, beside those that every table has.
    const TIMES: &'static [&'static str] = &[];

    fn id(row: &Self::Model) -> i32;
    fn uuid(row: &Self::Model) -> TextUuid;
    fn deleted(row: &Self::Model) -> i32;

    /// Gives a row another id. A deleted row is marked by its own id, a living one by zero, never by nothing.
    fn renumber(row: &mut Self::Model, id: i32);

    /// Makes a row of Masakari's one of ours. Names the notification when Masakari had not finished it.
    ///
    /// # Errors
    /// Why Themis could not show it.
    fn prepare(row: &mut Self::Model, at: OffsetDateTime) -> Result<Option<Abandoned>, String> {
        let _ = (row, at);
        Ok(None)
    }

    /// Whether a row here was copied before Masakari had ended with it.
    fn was_abandoned(_: &Self::Model) -> bool {
        false
    }

    /// SQL that is true for rows whose uuids and times are such. A lax server kept times like `0000-00-00`.
    fn well_formed() -> String {
        let uuids = Self::UUIDS
            .iter()
            .map(|column| format!("{column} REGEXP '^[0-9a-fA-F]{{8}}-([0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}$'"));
        let times = ["created_at", "updated_at", "deleted_at"];
        let times = times.iter().chain(Self::TIMES).map(|column| {
            format!("COALESCE(YEAR({column}) >= 1000 AND DAY({column}) > 0 AND MONTH({column}) > 0, TRUE)")
        });
        uuids.chain(times).collect::<Vec<_>>().join(" AND ")
    }
}

macro_rules! copied {
    ($module:ident, $table:literal, $uuid:ident, $field:ident, $uuids:expr; $($rest:tt)*) => {
        impl Copied for $module::Entity {
            const TABLE: &'static str = $table;
            const ID: Self::Column = $module::Column::Id;
            const UUID: Self::Column = $module::Column::$uuid;
            const DELETED: Self::Column = $module::Column::Deleted;
            const UUIDS: &'static [&'static str] = &$uuids;

            fn id(row: &Self::Model) -> i32 {
                row.id
            }

            fn uuid(row: &Self::Model) -> TextUuid {
                row.$field
            }

            fn deleted(row: &Self::Model) -> i32 {
                row.deleted.unwrap_or(0)
            }

            fn renumber(row: &mut Self::Model, id: i32) {
                let mark = row.deleted.unwrap_or(0);
                row.deleted = Some(if mark != 0 && mark == row.id { id } else { mark });
                row.id = id;
            }

            $($rest)*
        }
    };
}

copied! { failover_segments, "failover_segments", Uuid, uuid, ["uuid"];
    const NAME: Option<Self::Column> = Some(failover_segments::Column::Name);
}

copied! { hosts, "hosts", Uuid, uuid, ["uuid", "failover_segment_id"];
    const NAME: Option<Self::Column> = Some(hosts::Column::Name);
}

copied! { notifications, "notifications", NotificationUuid, notification_uuid, ["notification_uuid", "source_host_uuid"];
    const TIMES: &'static [&'static str] = &["generated_time"];

    fn prepare(row: &mut Self::Model, at: OffsetDateTime) -> Result<Option<Abandoned>, String> {
        row.r#type.parse::<NotificationKind>().map_err(|error| error.to_string())?;
        let payload = row.payload.as_deref().map(serde_json::from_str::<Value>);
        if !matches!(payload, None | Some(Ok(Value::Object(_)))) {
            return Err("its payload is not a JSON object".to_owned());
        }
        let status: NotificationStatus = row.status.parse().map_err(|error: crate::words::UnknownWord| error.to_string())?;
        if !is_unfinished(status) {
            return Ok(None);
        }
        NotificationStatus::Failed.name().clone_into(&mut row.status);
        row.message = Some(abandoned(status));
        row.updated_at = Some(seconds(at));
        Ok(Some(Abandoned {
            uuid: row.notification_uuid.to_string(),
            host: row.source_host_uuid.to_string(),
            kind: row.r#type.clone(),
            status,
        }))
    }

    fn was_abandoned(row: &Self::Model) -> bool {
        let messages = NotificationStatus::ALL.iter().filter(|status| is_unfinished(**status));
        messages.map(|status| abandoned(*status)).any(|text| row.message.as_deref() == Some(text.as_str()))
    }
}

copied! { vmoves, "vmoves", Uuid, uuid, ["uuid", "notification_uuid", "instance_uuid"];
    const TIMES: &'static [&'static str] = &["start_time", "end_time"];

    fn prepare(row: &mut Self::Model, _: OffsetDateTime) -> Result<Option<Abandoned>, String> {
        let kind = row.r#type.as_deref().unwrap_or_default();
        kind.parse::<VmoveKind>().map_err(|error| error.to_string())?;
        let status = row.status.as_deref().unwrap_or_default();
        status.parse::<VmoveStatus>().map_err(|error| error.to_string())?;
        Ok(None)
    }
}
