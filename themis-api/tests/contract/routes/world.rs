//! Something of everything that a path can name, with names of its own, so that a case can change or delete it.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use themis_core::leader::{BRAKES, DECISION_MATRIX, DEVICE_TEST, OBSERVERS, PREFLIGHT, STATUS};
use themis_core::{HostId, IncidentId, InstanceId, NotificationId, Reason, SegmentId, VmoveId};
use themis_db::store::incident_events::{NewEvent, event_append_in_txn};
use themis_db::store::incidents::{NewIncident, incident_open_in_txn};
use themis_db::store::vmoves::{Vmove, vmove_put_in_txn};
use themis_db::{VmoveKind, VmoveStatus};
use themis_messaging::RpcError;
use time::macros::datetime;
use uuid::Uuid;

use crate::support::Api;

static WORLDS: AtomicU32 = AtomicU32::new(1);

/// See the module. Segment and host are idle; notification, vmove and incident belong to others that are in use.
pub(super) struct World {
    pub(super) segment: String,
    pub(super) host: String,
    /// The host's name.
    pub(super) host_name: String,
    notification: String,
    vmove: String,
    device: String,
    request: String,
    incident: String,
}

impl World {
    pub(super) async fn new(api: &Api) -> Self {
        let number = fresh();
        let host_name = format!("compute-{number}");
        let segment = api.segment(&format!("segment {number}")).await;
        let host = api.host(&segment, &host_name).await;
        let busy = api.segment(&format!("busy segment {number}")).await;
        let failed_name = format!("compute-{number}-failed");
        let failed = api.host(&busy, &failed_name).await;
        let notified = api.notify(&failed_name, "2026-11-20T08:00:00").await.ok(202);
        let notification = text(&notified["notification"]["notification_uuid"]);
        refused_report(api, &segment, &host, &host_name).await;
        let of_host = format!("/themis/v1/hosts/{host}");
        let device = api
            .post(&format!("{of_host}/power-devices"), device(number))
            .await
            .ok(201);
        let request = api.post(&format!("{of_host}/retry"), json!({})).await.ok(202);
        let (vmove, incident) = recovery(api, &busy, &failed, &failed_name, &notification).await;
        api.engine.answers(as_leader);
        Self {
            segment,
            host,
            host_name,
            notification,
            vmove,
            device: text(&device["power_device"]["uuid"]),
            request: text(&request["request"]["uuid"]),
            incident,
        }
    }

    /// What a name in braces stands for.
    pub(super) fn id(&self, placeholder: &str) -> &str {
        match placeholder {
            "segment" => &self.segment,
            "host" => &self.host,
            "notification" => &self.notification,
            "vmove" => &self.vmove,
            "device" => &self.device,
            "request" => &self.request,
            "incident" => &self.incident,
            "alias" => "segments",
            "id" => "v1.0",
            other => panic!("nothing is known for {{{other}}}"),
        }
    }
}

/// A number that no other use has.
pub(super) fn fresh() -> u32 {
    WORLDS.fetch_add(1, Ordering::Relaxed)
}

/// A device that nobody else has.
pub(super) fn device(number: u32) -> Value {
    json!({"power_device": {"address": format!("bmc-{number}.example.org"), "username": "admin", "password": "secret"}})
}

/// What a monitor said of the host while an operator had it under maintenance.
async fn refused_report(api: &Api, segment: &str, host: &str, name: &str) {
    let path = format!("/v1/segments/{segment}/hosts/{host}");
    let maintenance = |on: bool| json!({"host": {"on_maintenance": on}});
    api.put(&path, maintenance(true)).await.ok(200);
    let refused = api.notify(name, "2026-11-20T08:00:00").await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    api.put(&path, maintenance(false)).await.ok(200);
}

/// A move and an incident with an event, as the engine writes them.
async fn recovery(api: &Api, segment: &str, host: &str, name: &str, notification: &str) -> (String, String) {
    let at = datetime!(2026-11-20 08:00:05.123456 UTC);
    let notification_uuid = NotificationId(notification.parse().unwrap());
    let host_uuid = HostId(host.parse().unwrap());
    let vmove = Vmove {
        uuid: VmoveId(Uuid::new_v4()),
        notification_uuid,
        instance_uuid: InstanceId(Uuid::new_v4()),
        instance_name: "vm".to_owned(),
        source_host: Some(name.to_owned()),
        dest_host: None,
        start_time: None,
        end_time: None,
        kind: VmoveKind::Evacuation,
        status: VmoveStatus::Pending,
        message: None,
    };
    let incident = NewIncident {
        uuid: IncidentId(Uuid::new_v4()),
        host_uuid,
        host_name: name.to_owned(),
        segment_uuid: SegmentId(segment.parse().unwrap()),
        notification_uuid: Some(notification_uuid),
        summary: None,
        opened_at: at,
    };
    let event = NewEvent {
        incident_uuid: incident.uuid,
        host_uuid,
        at,
        kind: "opened".to_owned(),
        reason: Reason::new("claim", "said"),
    };
    let ids = (vmove.uuid.to_string(), incident.uuid.to_string());
    api.as_engine(move |epoch| {
        let (vmove, incident, event) = (vmove.clone(), incident.clone(), event.clone());
        async move {
            vmove_put_in_txn(&epoch, &vmove, at).await?;
            incident_open_in_txn(&epoch, &incident).await?;
            event_append_in_txn(&epoch, &[event]).await
        }
    })
    .await;
    ids
}

/// What a leader answers.
fn as_leader(method: &str, args: &Value) -> Result<Value, RpcError> {
    match method {
        STATUS => Ok(json!({
            "engine": "engine-1", "version": "0.1.0", "epoch": 3, "mode": "armed", "settled": true, "nova_answers": true,
            "hosts": 4, "observers": 5, "incidents": 0, "networks_out": [],
        })),
        PREFLIGHT => Ok(json!({"ready": true, "reasons": [], "hosts": []})),
        OBSERVERS => Ok(json!({"observers": [{
            "name": "compute-1", "witness": false, "age_ms": 120,
            "networks": {"storage": {"eligible": true, "reason": null, "health_score": 0}},
        }]})),
        BRAKES => Ok(json!({"brakes": [
            {"code": "settling", "holds": false, "reason": null, "hosts": [], "release": "time"},
        ]})),
        DECISION_MATRIX => Ok(json!({
            "segment_uuid": args["segment"], "networks": {"storage": "critical"}, "complete": true,
            "rows": [{"bad": [], "demand": "nothing", "row": null, "confirm_period_s": null, "reason": null}],
        })),
        DEVICE_TEST => Ok(json!({
            "uuid": args["device"], "state": "on", "guid": null, "bound": true, "reason": null, "took_ms": 12,
        })),
        other => Err(RpcError::no_such_method(other)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
