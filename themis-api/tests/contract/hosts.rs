//! `/v1/segments/{segment}/hosts`.

use std::sync::atomic::Ordering;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Api, with_api};

const NOBODY: &str = "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";

fn body(name: &str) -> Value {
    json!({"host": {"name": name, "type": "COMPUTE", "control_attributes": "SSH"}})
}

fn hosts_of(segment: &str) -> String {
    format!("/v1/segments/{segment}/hosts")
}

#[tokio::test]
async fn a_host_is_shown_with_its_whole_segment_and_keys_in_the_order_of_the_contract() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let parent = api.get(&format!("/v1/segments/{segment}")).await.text;
        let parent = parent.strip_prefix("{\"segment\":").unwrap().strip_suffix('}').unwrap().to_owned();
        let answer = api.post(&hosts_of(&segment), body("compute-1")).await;
        let host = answer.ok(201)["host"].clone();
        let (uuid, created) = (host["uuid"].as_str().unwrap(), host["created_at"].as_str().unwrap());
        let wanted = format!(
            r#"{{"host":{{"id":1,"uuid":"{uuid}","name":"compute-1","failover_segment_id":"{segment}","failover_segment":{parent},"type":"COMPUTE","reserved":false,"control_attributes":"SSH","on_maintenance":false,"created_at":"{created}","updated_at":null,"deleted_at":null,"deleted":false}}}}"#
        );
        assert_eq!(answer.text, wanted);
        assert_eq!(api.get(&format!("{}/{uuid}", hosts_of(&segment))).await.text, wanted);
        let list = api.get(&hosts_of(&segment)).await.ok(200);
        assert_eq!(list["hosts"], json!([host]));
    })
    .await;
}

#[tokio::test]
async fn only_an_admin_has_rights() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let host = api.host(&segment, "compute-1").await;
        let (all, one) = (hosts_of(&segment), format!("{}/{host}", hosts_of(&segment)));
        let update = json!({"host": {"reserved": true}});
        for (method, path, rule, body) in [
            ("GET", &all, "index", None),
            ("POST", &all, "create", Some(body("compute-2"))),
            ("GET", &one, "detail", None),
            ("PUT", &one, "update", Some(update)),
            ("DELETE", &one, "delete", None),
        ] {
            let answer = api.by("member", method, path, body.clone()).await;
            let message = answer.fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow os_masakari_api:os-hosts:{rule} to be performed.")
            );
            assert_eq!(api.by("service", method, path, body).await.status, 403);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_named_as_the_contract_words_it() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let other = api.segment("seg2").await;
        let host = api.host(&segment, "compute-1").await;
        let missing = |answer: &crate::support::Answer| answer.fault(StatusCode::NOT_FOUND, "itemNotFound");
        let wanted = "No failover segment with id nope.";
        assert_eq!(missing(&api.get(&hosts_of("nope")).await), wanted);
        assert_eq!(missing(&api.post(&hosts_of("nope"), body("ghost")).await), wanted);
        assert_eq!(
            missing(&api.get(&format!("{}/xyz", hosts_of(&segment))).await),
            "No host with id xyz."
        );
        for (segment, host) in [(segment.as_str(), NOBODY), (&other, &host), (NOBODY, &host)] {
            let path = format!("{}/{host}", hosts_of(segment));
            let wanted = format!("Host '{host}' under failover_segment '{segment}' could not be found.");
            assert_eq!(missing(&api.get(&path).await), wanted);
            assert_eq!(
                missing(&api.put(&path, json!({"host": {"reserved": true}})).await),
                wanted
            );
            assert_eq!(missing(&api.delete(&path).await), wanted);
        }
    })
    .await;
}

#[tokio::test]
async fn a_host_must_be_one_of_nova_s_and_nova_s_outage_is_said() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let ghost = api.post(&hosts_of(&segment), body("ghost1")).await;
        let wanted = "Compute service with name ghost1 could not be found.";
        assert_eq!(ghost.fault(StatusCode::BAD_REQUEST, "badRequest"), wanted);
        let host = api.host(&segment, "compute-1").await;
        let one = format!("{}/{host}", hosts_of(&segment));
        let renamed = api.put(&one, json!({"host": {"name": "ghost1"}})).await;
        assert_eq!(renamed.fault(StatusCode::BAD_REQUEST, "badRequest"), wanted);
        api.cloud.nova_fails.store(true, Ordering::Relaxed);
        let message = api.post(&hosts_of(&segment), body("compute-2")).await;
        let message = message.fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert!(message.starts_with("Nova could not be asked"), "{message}");
        // What needs no Nova goes on; the dashboard sends the name along unchanged.
        api.put(&one, json!({"host": {"name": "compute-1", "on_maintenance": "True"}}))
            .await
            .ok(200);
        assert_eq!(
            api.get(&hosts_of(&segment)).await.json()["hosts"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_is_unique_among_the_hosts_of_all_segments() {
    with_api(async |api| {
        let (one, two) = (api.segment("seg1").await, api.segment("seg2").await);
        api.host(&one, "compute-1").await;
        let wanted = "Host with name compute-1 already exists.";
        let taken = api.post(&hosts_of(&two), body("compute-1")).await;
        assert_eq!(taken.fault(StatusCode::CONFLICT, "conflictingRequest"), wanted);
        let second = api.host(&two, "compute-2").await;
        let renamed = api
            .put(
                &format!("{}/{second}", hosts_of(&two)),
                json!({"host": {"name": "compute-1"}}),
            )
            .await;
        assert_eq!(renamed.fault(StatusCode::CONFLICT, "conflictingRequest"), wanted);
    })
    .await;
}

#[tokio::test]
async fn bad_bodies_are_refused_also_those_that_upstream_answers_with_500() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let host = api.host(&segment, "compute-1").await;
        let one = format!("{}/{host}", hosts_of(&segment));
        for (key, value) in [
            ("name", json!("")),
            ("type", json!("COMPUTE_HOST")),
            ("type", json!(null)),
            ("control_attributes", json!(null)),
            ("reserved", json!(1)),
            ("on_maintenance", json!("maybe")),
            ("uuid", json!(NOBODY)),
        ] {
            let mut create = body("compute-2");
            create["host"][key] = value.clone();
            api.post(&hosts_of(&segment), create)
                .await
                .fault(StatusCode::BAD_REQUEST, "badRequest");
            let update = json!({"host": {key: value}});
            api.put(&one, update).await.fault(StatusCode::BAD_REQUEST, "badRequest");
        }
        api.put(&one, json!({"host": {}}))
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        let lacking = json!({"host": {"name": "compute-2", "type": "COMPUTE"}});
        api.post(&hosts_of(&segment), lacking)
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
    })
    .await;
}

#[tokio::test]
async fn an_update_takes_booleans_as_words_and_answers_them_as_booleans() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let host = api.host(&segment, "compute-1").await;
        let one = format!("{}/{host}", hosts_of(&segment));
        let update = json!({"host": {"reserved": "True", "on_maintenance": "on", "name": "compute-9"}});
        let host = api.put(&one, update).await.ok(200)["host"].clone();
        assert_eq!(
            (&host["reserved"], &host["on_maintenance"], &host["name"]),
            (&json!(true), &json!(true), &json!("compute-9"))
        );
        assert!(host["updated_at"].is_string());
    })
    .await;
}

#[tokio::test]
async fn while_a_recovery_is_under_way_a_host_keeps_its_name_and_stays_but_can_be_mended() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        api.host(&segment, "compute-1").await;
        let other = api.host(&segment, "compute-2").await;
        assert_eq!(api.notify("compute-1", "2026-11-20T08:00:00").await.status, 202);
        let one = format!("{}/{other}", hosts_of(&segment));
        let deleted = api.delete(&one).await.fault(StatusCode::CONFLICT, "conflictingRequest");
        assert_eq!(
            deleted,
            format!("Host {other} can't be deleted as it is in-use to process notifications.")
        );
        let renamed = api.put(&one, json!({"host": {"name": "compute-3"}})).await;
        let renamed = renamed.fault(StatusCode::CONFLICT, "conflictingRequest");
        assert_eq!(
            renamed,
            format!("Host {other} can't be updated as it is in-use to process notifications.")
        );
        let mended = json!({"host": {"control_attributes": "x", "reserved": true, "on_maintenance": true}});
        api.put(&one, mended).await.ok(200);
        api.host(&segment, "compute-4").await;
    })
    .await;
}

#[tokio::test]
async fn hosts_are_listed_by_their_segment_and_filtered() {
    with_api(async |api| {
        let (one, two) = (api.segment("seg1").await, api.segment("seg2").await);
        api.host(&one, "compute-1").await;
        let second = api.host(&one, "compute-2").await;
        api.host(&two, "compute-3").await;
        api.put(&format!("{}/{second}", hosts_of(&one)), json!({"host": {"reserved": true}})).await.ok(200);
        assert_eq!(names(api, &one, "").await, ["compute-2", "compute-1"]);
        assert_eq!(names(api, &one, "reserved=Yes").await, ["compute-2"]);
        assert_eq!(names(api, &one, "reserved=f").await, ["compute-1"]);
        assert_eq!(names(api, &one, "on_maintenance=True").await, [""; 0]);
        assert_eq!(names(api, &one, "type=COMPUTE&sort_key=name&sort_dir=asc").await, ["compute-1", "compute-2"]);
        assert_eq!(names(api, &one, "type=other").await, [""; 0]);
        assert_eq!(names(api, &one, "name=compute-1").await, ["compute-2", "compute-1"]);
        // A marker is looked up in the whole table, not in this segment only.
        assert_eq!(names(api, &one, "marker=3").await, ["compute-2", "compute-1"]);
        let refused = api.get(&format!("{}?reserved=2", hosts_of(&one))).await;
        assert_eq!(
            refused.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "Invalid value for reserved: Unrecognized value '2', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
        );
    })
    .await;
}

async fn names(api: &Api, segment: &str, query: &str) -> Vec<String> {
    let answer = api.get(&format!("{}?{query}", hosts_of(segment))).await.ok(200);
    answer["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_host_that_gets_in_use_while_nova_is_asked_keeps_its_name() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let host = api.host(&segment, "compute-1").await;
        let path = format!("{}/{host}", hosts_of(&segment));
        let asked = || {
            let ids = api.cloud.request_ids.lock().unwrap();
            ids.len()
        };
        api.get(&path).await.ok(200);
        let before = asked();
        let nova_waits = api.cloud.nova_waits.lock().await;
        let rename = api.put(&path, json!({"host": {"name": "compute-9"}}));
        let notify = async {
            // The token is known already, so this one is the question to Nova.
            while asked() == before {
                tokio::task::yield_now().await;
            }
            let taken = api.notify("compute-1", "2026-11-20T08:28:51").await;
            drop(nova_waits);
            taken
        };
        let (refused, taken) = tokio::join!(rename, notify);
        assert_eq!(taken.status, 202, "{}", taken.text);
        assert_eq!(
            refused.fault(StatusCode::CONFLICT, "conflictingRequest"),
            format!("Host {host} can't be updated as it is in-use to process notifications.")
        );
        assert_eq!(api.get(&path).await.ok(200)["host"]["name"], "compute-1");
    })
    .await;
}
