//! `/v1/notifications/{notification}/vmoves`, with rows as the engine writes them.

use reqwest::StatusCode;
use serde_json::{Value, json};
use themis_core::{InstanceId, NotificationId, VmoveId};
use themis_db::store::vmoves::{Vmove, vmove_put_in_txn};
use themis_db::{VmoveKind, VmoveStatus};
use time::macros::datetime;
use uuid::Uuid;

use crate::support::{Api, with_api};

async fn notification(api: &Api) -> String {
    let segment = api.segment("seg1").await;
    api.host(&segment, "compute-1").await;
    let answer = api.notify("compute-1", "2026-11-20T08:00:00").await.ok(202);
    answer["notification"]["notification_uuid"].as_str().unwrap().to_owned()
}

async fn moved(api: &Api, notification: &str, name: &str, status: VmoveStatus) -> VmoveId {
    let vmove = Vmove {
        uuid: VmoveId(Uuid::new_v4()),
        notification_uuid: NotificationId(notification.parse().unwrap()),
        instance_uuid: InstanceId(Uuid::nil()),
        instance_name: name.to_owned(),
        source_host: Some("compute-1".to_owned()),
        dest_host: None,
        start_time: Some(datetime!(2026-11-20 08:28:52.264983 UTC)),
        end_time: None,
        kind: VmoveKind::Evacuation,
        status,
        message: None,
    };
    let at = datetime!(2026-11-20 08:28:52 UTC);
    let (row, uuid) = (vmove.clone(), vmove.uuid);
    api.as_engine(move |epoch| {
        let row = row.clone();
        async move { vmove_put_in_txn(&epoch, &row, at).await }
    })
    .await;
    uuid
}

#[tokio::test]
async fn a_move_is_shown_with_keys_in_the_order_of_the_contract_at_every_microversion() {
    with_api(async |api| {
        let notification = notification(api).await;
        let uuid = moved(api, &notification, "vm1", VmoveStatus::Ongoing).await;
        let wanted = format!(
            r#"{{"id":1,"uuid":"{uuid}","notification_uuid":"{notification}","instance_uuid":"00000000-0000-0000-0000-000000000000","instance_name":"vm1","source_host":"compute-1","dest_host":null,"start_time":"2026-11-20T08:28:52.000000","end_time":null,"type":"evacuation","status":"ongoing","message":null,"created_at":"2026-11-20T08:28:52.000000","updated_at":null,"deleted_at":null,"deleted":false}}"#
        );
        let all = format!("/v1/notifications/{notification}/vmoves");
        assert_eq!(api.get(&format!("{all}/{uuid}")).await.text, format!("{{\"vmove\":{wanted}}}"));
        assert_eq!(api.get(&all).await.text, format!("{{\"vmoves\":[{wanted}]}}"));
    })
    .await;
}

#[tokio::test]
async fn moves_are_filtered_and_paged() {
    with_api(async |api| {
        let notification = notification(api).await;
        moved(api, &notification, "vm1", VmoveStatus::Ongoing).await;
        moved(api, &notification, "vm2", VmoveStatus::Failed).await;
        let names = async |query: &str| -> Vec<String> {
            let answer = api
                .get(&format!("/v1/notifications/{notification}/vmoves?{query}"))
                .await
                .ok(200);
            let text = |row: &Value| row["instance_name"].as_str().unwrap().to_owned();
            answer["vmoves"].as_array().unwrap().iter().map(text).collect()
        };
        assert_eq!(names("").await, ["vm2", "vm1"]);
        assert_eq!(names("status=failed").await, ["vm2"]);
        assert_eq!(names("type=migration").await, [""; 0]);
        assert_eq!(names("sort_key=instance_name&sort_dir=asc&limit=1").await, ["vm1"]);
        assert_eq!(
            names("sort_key=instance_name&sort_dir=asc&limit=1&marker=1").await,
            ["vm2"]
        );
    })
    .await;
}

#[tokio::test]
async fn moves_belong_to_host_notifications_and_what_is_missing_is_404() {
    with_api(async |api| {
        let notification = notification(api).await;
        let all = format!("/v1/notifications/{notification}/vmoves");
        let missing = api.get(&format!("{all}/xyz")).await;
        assert_eq!(
            missing.fault(StatusCode::NOT_FOUND, "itemNotFound"),
            "No vm move with id xyz."
        );
        for path in ["/v1/notifications/xyz/vmoves", "/v1/notifications/xyz/vmoves/abc"] {
            let missing = api.get(path).await;
            assert_eq!(
                missing.fault(StatusCode::NOT_FOUND, "itemNotFound"),
                "No notification with id xyz."
            );
        }
        let process = json!({"notification": {
            "type": "PROCESS", "hostname": "compute-1", "generated_time": "2026-11-20T08:00:00",
            "payload": {"event": "STARTED", "process_name": "x"},
        }});
        let other = api.post("/v1/notifications", process).await.ok(202);
        let other = other["notification"]["notification_uuid"].as_str().unwrap();
        let refused = api.get(&format!("/v1/notifications/{other}/vmoves")).await;
        let wanted = format!("This notification {other} without vm moves.");
        assert_eq!(refused.fault(StatusCode::BAD_REQUEST, "badRequest"), wanted);
        let created = api
            .post(&all, json!({}))
            .await
            .fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod");
        assert_eq!(
            created,
            "The request method: 'POST' with action: 'create' is not allowed on this resource"
        );
        assert_eq!(api.by("member", "GET", &all, None).await.status, 403);
        assert_eq!(api.by("member", "GET", &format!("{all}/x"), None).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn extensions_are_a_fixed_list() {
    with_api(async |api| {
        let list = api.get("/v1/extensions").await.ok(200);
        let aliases: Vec<&str> = list["extensions"].as_array().unwrap().iter().map(|e| e["alias"].as_str().unwrap()).collect();
        assert_eq!(aliases, ["extensions", "notifications", "os-hosts", "segments", "versions", "vmoves"]);
        let one = api.get("/v1/extensions/os-hosts").await.text;
        let wanted = r#"{"extension":{"name":"Hosts","alias":"os-hosts","description":"Hosts controller","namespace":"","updated":"","links":[]}}"#;
        assert_eq!(one, wanted);
        let missing = api.get("/v1/extensions/x").await.fault(StatusCode::NOT_FOUND, "itemNotFound");
        assert_eq!(missing, "The resource could not be found.");
        assert_eq!(api.by("member", "GET", "/v1/extensions", None).await.status, 403);
    })
    .await;
}
