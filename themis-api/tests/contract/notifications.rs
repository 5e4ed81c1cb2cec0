//! `/v1/notifications`.

use reqwest::StatusCode;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{Answer, Api, send, with_api};

const NOTIFICATIONS: &str = "/v1/notifications";
const TIME: &str = "2026-11-20T08:28:51.264983";

fn body(kind: &str, host: &str, time: &str, payload: Value) -> Value {
    json!({"notification": {"type": kind, "hostname": host, "generated_time": time, "payload": payload}})
}

async fn one_host(api: &Api) -> (String, String) {
    let segment = api.segment("seg1").await;
    let host = api.host(&segment, "compute-1").await;
    (segment, host)
}

#[tokio::test]
async fn a_notification_is_stored_the_engine_woken_and_the_row_answered() {
    with_api(async |api| {
        let (segment, host) = one_host(api).await;
        let before = api.engine.wakes();
        let answer = api.notify("compute-1", TIME).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let row = answer.json()["notification"].clone();
        let (uuid, created) = (row["notification_uuid"].as_str().unwrap(), row["created_at"].as_str().unwrap());
        let shown = |time: &str, details: &str| {
            format!(
                r#"{{"notification":{{"id":1,"notification_uuid":"{uuid}","generated_time":"{time}","source_host_uuid":"{host}","type":"COMPUTE_HOST","payload":{},"status":"new",{details}"failover_segment_uuid":"{segment}","message":null,"created_at":"{created}","updated_at":null,"deleted_at":null,"deleted":false}}}}"#,
                row["payload"]
            )
        };
        assert_eq!(row["payload"], json!({"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}));
        assert_eq!(answer.text, shown("2026-11-20T08:28:51.264983", ""));
        while api.engine.wakes() == before {
            api.engine.woken().await;
        }
        // MySQL's DATETIME holds whole seconds.
        let path = format!("{NOTIFICATIONS}/{uuid}");
        assert_eq!(api.get(&path).await.text, shown("2026-11-20T08:28:51.000000", ""));
        let newer = send(api.request("admin", "GET", &path).header("openstack-api-version", "instance-ha 1.1")).await;
        assert_eq!(newer.text, shown("2026-11-20T08:28:51.000000", "\"recovery_workflow_details\":[],"));
    })
    .await;
}

#[tokio::test]
async fn the_engine_is_told_whose_request_woke_it() {
    with_api(async |api| {
        let global = "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
        let body = json!({"segment": {"name": "s", "recovery_method": "auto", "service_type": "COMPUTE"}});
        let request = api.request("admin", "POST", "/v1/segments").body(body.to_string());
        let answer = send(request.header("x-openstack-request-id", global)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        api.engine.woken().await;
        let waker = api.engine.last_waker().unwrap();
        assert_eq!(waker.request_id(), Some(answer.header("x-openstack-request-id")));
        assert_eq!(waker.global_request_id(), Some(global));
    })
    .await;
}

#[tokio::test]
async fn a_payload_keeps_the_order_in_which_it_was_posted() {
    with_api(async |api| {
        one_host(api).await;
        let body = format!(
            r#"{{"notification":{{"payload":{{"host_status":"NORMAL","event":"STOPPED","cluster_status":"OFFLINE"}},"type":"COMPUTE_HOST","hostname":"compute-1","generated_time":"{TIME}"}}}}"#
        );
        let wanted = r#""payload":{"host_status":"NORMAL","event":"STOPPED","cluster_status":"OFFLINE"},"status""#;
        let answer = send(api.request("admin", "POST", NOTIFICATIONS).body(body)).await;
        assert!(answer.status == 202 && answer.text.contains(wanted), "{}", answer.text);
        let uuid = answer.json()["notification"]["notification_uuid"].as_str().unwrap().to_owned();
        let shown = api.get(&format!("{NOTIFICATIONS}/{uuid}")).await.text;
        assert!(shown.contains(wanted), "{shown}");
        // Another order is no other event.
        assert_eq!(api.notify("compute-1", TIME).await.status, 409);
    })
    .await;
}

#[tokio::test]
async fn monitors_may_create_and_only_admins_may_look() {
    with_api(async |api| {
        one_host(api).await;
        let created = api
            .by(
                "service",
                "POST",
                NOTIFICATIONS,
                Some(body("COMPUTE_HOST", "compute-1", TIME, json!({"event": "STARTED"}))),
            )
            .await;
        let uuid = created.ok(202)["notification"]["notification_uuid"]
            .as_str()
            .unwrap()
            .to_owned();
        let one = format!("{NOTIFICATIONS}/{uuid}");
        for (who, method, path, rule) in [
            ("service", "GET", NOTIFICATIONS, "index"),
            ("service", "GET", &one, "detail"),
            ("member", "GET", NOTIFICATIONS, "index"),
            ("member", "POST", NOTIFICATIONS, "create"),
        ] {
            let body = (method == "POST").then(|| body("VM", "compute-1", TIME, json!({"event": "E"})));
            let message = api
                .by(who, method, path, body)
                .await
                .fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow os_masakari_api:notifications:{rule} to be performed.")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_right_is_asked_between_the_body_s_schema_and_the_payload_s() {
    with_api(async |api| {
        let bad_payload = body("PROCESS", "compute-1", TIME, json!({"event": "E"}));
        assert_eq!(
            api.by("member", "POST", NOTIFICATIONS, Some(bad_payload)).await.status,
            403
        );
        let bad_body = body("BOGUS", "compute-1", TIME, json!({}));
        assert_eq!(
            api.by("member", "POST", NOTIFICATIONS, Some(bad_body)).await.status,
            400
        );
    })
    .await;
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    with_api(async |api| {
        one_host(api).await;
        let instance = "96ab1c42-0000-4000-8000-00000000000a";
        for (kind, host, time, payload) in [
            ("COMPUTE", "compute-1", TIME, json!({"event": "STOPPED"})),
            ("VM", "a b", TIME, json!({})),
            ("VM", "", TIME, json!({})),
            ("VM", "compute-1", "yesterday", json!({})),
            ("VM", "compute-1", TIME, json!([])),
            ("VM", "compute-1", TIME, json!({"event": "E", "vir_domain_event": "V"})),
            (
                "VM",
                "compute-1",
                TIME,
                json!({"event": "E", "vir_domain_event": "V", "instance_uuid": "x"}),
            ),
            (
                "VM",
                "compute-1",
                TIME,
                json!({"event": 1, "vir_domain_event": "V", "instance_uuid": instance}),
            ),
            ("COMPUTE_HOST", "compute-1", TIME, json!({"event": "stopped"})),
            (
                "COMPUTE_HOST",
                "compute-1",
                TIME,
                json!({"event": "STOPPED", "host_status": "DEAD"}),
            ),
            (
                "COMPUTE_HOST",
                "compute-1",
                TIME,
                json!({"event": "STOPPED", "more": "x"}),
            ),
            ("PROCESS", "compute-1", TIME, json!({"event": "STOPPED"})),
            (
                "PROCESS",
                "compute-1",
                TIME,
                json!({"event": "STOPPED", "process_name": "x".repeat(256)}),
            ),
        ] {
            let answer = api.post(NOTIFICATIONS, body(kind, host, time, payload.clone())).await;
            answer.fault(StatusCode::BAD_REQUEST, "badRequest");
        }
        let unknown = api.notify("unknownhost", TIME).await;
        let wanted = "Host with name unknownhost could not be found.";
        assert_eq!(unknown.fault(StatusCode::BAD_REQUEST, "badRequest"), wanted);
        assert_eq!(api.get(NOTIFICATIONS).await.json()["notifications"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_host_under_maintenance_and_a_duplicate_are_409() {
    with_api(async |api| {
        let (segment, host) = one_host(api).await;
        let conflict = |answer: Answer| answer.fault(StatusCode::CONFLICT, "conflictingRequest");
        assert_eq!(api.notify("compute-1", "2026-11-20T08:10:00").await.status, 202);
        let duplicate = "Notification received from host compute-1 of type COMPUTE_HOST is duplicate.";
        // Within 180 s after; at any distance before; not beyond.
        assert_eq!(conflict(api.notify("compute-1", "2026-11-20T08:13:00").await), duplicate);
        assert_eq!(conflict(api.notify("compute-1", "2026-11-20T01:00:00").await), duplicate);
        assert_eq!(api.notify("compute-1", "2026-11-20T08:13:01").await.status, 202);
        // Another payload is another event.
        let started = body("COMPUTE_HOST", "compute-1", "2026-11-20T08:10:00", json!({"event": "STARTED"}));
        assert_eq!(api.post(NOTIFICATIONS, started).await.status, 202);
        let on = json!({"host": {"on_maintenance": true}});
        api.put(&format!("/v1/segments/{segment}/hosts/{host}"), on).await.ok(200);
        assert_eq!(
            conflict(api.notify("compute-1", "2026-11-20T09:00:00").await),
            "Notification received from host compute-1 of type 'COMPUTE_HOST' is ignored as the host is already under maintenance."
        );
    })
    .await;
}

#[tokio::test]
async fn many_monitors_that_report_one_death_at_once_make_one_notification() {
    with_api(async |api| {
        one_host(api).await;
        let answers = futures::future::join_all((0..12).map(|_| api.notify("compute-1", TIME))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![202], vec![409; 11]].concat());
        assert_eq!(
            api.get(NOTIFICATIONS).await.json()["notifications"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn a_short_name_stands_for_the_full_one_when_one_host_only_can_be_meant() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let full = api.host(&segment, "compute-1.example.org").await;
        let row = api.notify("compute-1", TIME).await.ok(202);
        assert_eq!(row["notification"]["source_host_uuid"], full.as_str());
        api.host(&segment, "compute-1.example.net").await;
        api.notify("compute-1", "2026-11-20T10:00:00")
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        let exact = api.host(&segment, "compute-1").await;
        let row = api.notify("compute-1", "2026-11-20T11:00:00").await.ok(202);
        assert_eq!(row["notification"]["source_host_uuid"], exact.as_str());
    })
    .await;
}

#[tokio::test]
async fn a_notification_that_cannot_be_stored_is_never_a_4xx() {
    with_api(async |api| {
        one_host(api).await;
        api.store
            .execute_unprepared("RENAME TABLE notifications TO elsewhere")
            .await
            .unwrap();
        let answer = api.notify("compute-1", TIME).await;
        assert_eq!(answer.status, 500, "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn notifications_are_listed_filtered_and_paged() {
    with_api(async |api| {
        let (_, host) = one_host(api).await;
        api.notify("compute-1", "2026-11-20T08:00:00").await;
        let process = json!({"event": "STOPPED", "process_name": "nova-compute"});
        api.post(
            NOTIFICATIONS,
            body("PROCESS", "compute-1", "2026-11-20T09:00:00Z", process),
        )
        .await
        .ok(202);
        let ids = async |query: &str| -> Vec<i64> {
            let answer = api.get(&format!("{NOTIFICATIONS}?{query}")).await.ok(200);
            answer["notifications"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_i64().unwrap())
                .collect()
        };
        assert_eq!(ids("").await, [2, 1]);
        assert_eq!(ids("limit=1").await, [2]);
        assert_eq!(ids("limit=1&marker=2").await, [1]);
        assert_eq!(ids("limit=1&marker=1").await, [0; 0]);
        assert_eq!(ids("type=PROCESS").await, [2]);
        assert_eq!(ids("type=PROCESS&type=VM").await, [0; 0]);
        assert_eq!(ids("status=new").await, [2, 1]);
        assert_eq!(ids("status=bogus").await, [0; 0]);
        assert_eq!(ids(&format!("source_host_uuid={host}")).await, [2, 1]);
        assert_eq!(ids("source_host_uuid=nobody").await, [0; 0]);
        assert_eq!(ids("generated-since=2026-11-20T08:30:00").await, [2]);
        assert_eq!(ids("generated-since=2100-01-01").await, [0; 0]);
        assert_eq!(ids("generated-since=1900-01-01").await, ids("").await);
        assert_eq!(ids("generated_since=2026-11-20T08:30:00").await, [2, 1]);
        assert_eq!(ids("sort_key=generated_time&sort_dir=asc").await, [1, 2]);
        let refused = api.get(&format!("{NOTIFICATIONS}?generated-since=x")).await;
        assert_eq!(
            refused.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "Invalid generated-since value"
        );
        let refused = api.get(&format!("{NOTIFICATIONS}?sort_key=uuid")).await;
        let wanted = "InvalidSortKey('Sort key supplied is invalid: uuid')";
        assert_eq!(refused.fault(StatusCode::BAD_REQUEST, "badRequest"), wanted);
    })
    .await;
}

#[tokio::test]
async fn a_missing_notification_is_404_and_a_notification_is_neither_changed_nor_deleted() {
    with_api(async |api| {
        let missing = api.get(&format!("{NOTIFICATIONS}/xyz")).await;
        assert_eq!(
            missing.fault(StatusCode::NOT_FOUND, "itemNotFound"),
            "No notification with id xyz."
        );
        for (method, action) in [("PUT", "update"), ("DELETE", "delete")] {
            let answer = api.by("admin", method, &format!("{NOTIFICATIONS}/xyz"), None).await;
            let message = answer.fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod");
            assert!(
                message.contains(&format!("'{method}' with action: '{action}'")),
                "{message}"
            );
        }
    })
    .await;
}
