//! `themis incident`.

use serde_json::{Value, json};

use super::{INCIDENT, SEGMENT, UUID, two_hosts};

fn incident(status: &str) -> Value {
    json!({"uuid": INCIDENT, "host_uuid": UUID, "host_name": "compute-1", "segment_uuid": SEGMENT, "notification_uuid": null,
        "status": status, "outcome": if status == "closed" { json!("evacuated") } else { Value::Null },
        "summary": {"code": "done", "text": "20 instances are back", "data": null},
        "opened_at": "2026-11-20T12:00:00.000000Z", "closed_at": null, "steps": []})
}

fn event(id: i64, second: f64, from: &str, to: &str) -> Value {
    json!({"id": id, "at": format!("2026-11-20T12:00:{second:09.6}Z"), "kind": "state", "engine": "engine-1", "epoch": 3,
        "reason": {"code": "why", "text": format!("because {id}"), "data": {"from": from, "to": to}}})
}

#[tokio::test]
async fn an_incident_shows_who_reported_it() {
    let cloud = two_hosts().await;
    let mut shown = incident("open");
    shown["corroborations"] = json!([{"user_id": "u1", "user_name": "masakari", "address": "10.0.0.9", "answer": "duplicate",
        "reports": 2, "generated_time": "2026-11-20T12:00:00.000000Z", "first_at": "2026-11-20T12:00:01.000000Z",
        "last_at": "2026-11-20T12:00:05.000000Z"}]);
    cloud.says(
        &format!("GET /themis/v1/incidents/{INCIDENT}"),
        200,
        json!({"incident": shown}),
    );
    let ran = cloud.themis(&["incident", "show", INCIDENT]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("masakari at 10.0.0.9: 2 times, answered duplicate"),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn who_reported_a_host_is_listed_with_what_it_was_answered() {
    let cloud = two_hosts().await;
    let report = json!({"type": "PROCESS", "payload": {"event": "STOPPED", "process_name": "libvirtd"}, "notification_uuid": null,
        "user_id": "u1", "user_name": "masakari", "address": "10.0.0.9", "answer": "maintenance", "reports": 31,
        "generated_time": "2026-11-20T12:00:00.000000Z", "first_at": "2026-11-20T12:00:01.000000Z",
        "last_at": "2026-11-20T12:05:05.000000Z"});
    cloud.says_only(
        &format!("GET /themis/v1/hosts/{UUID}/reports"),
        200,
        json!({"reports": [report]}),
    );
    let ran = cloud.themis(&["host", "reports", "compute-1"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    for word in [
        "event=STOPPED process_name=libvirtd",
        "masakari",
        "10.0.0.9",
        "maintenance",
        "31",
    ] {
        assert!(ran.out.contains(word), "{}", ran.out);
    }
    let machine = cloud.themis(&["host", "reports", "compute-1", "-f", "json"]).await;
    let listed: Value = serde_json::from_str(&machine.out).unwrap();
    assert_eq!(
        (&listed[0]["payload"]["event"], &listed[0]["notification_uuid"]),
        (&json!("STOPPED"), &Value::Null)
    );
}

#[tokio::test]
async fn a_followed_incident_is_told_to_its_end() {
    let cloud = two_hosts().await;
    let (show, events) = (
        format!("GET /themis/v1/incidents/{INCIDENT}"),
        format!("GET /themis/v1/incidents/{INCIDENT}/events"),
    );
    cloud.says(&show, 200, json!({"incident": incident("open")}));
    cloud.says(&show, 200, json!({"incident": incident("open")}));
    cloud.says(&show, 200, json!({"incident": incident("closed")}));
    cloud.says(&events, 200, json!({"events": [event(4, 0.0, "active", "checking")]}));
    cloud.says(&events, 200, json!({"events": [event(7, 12.34, "checking", "failed")]}));
    cloud.says(&events, 200, json!({"events": []}));
    let ran = cloud.themis(&["incident", "events", INCIDENT, "--follow"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("compute-1") && lines[0].contains(INCIDENT),
        "{}",
        ran.out
    );
    assert_eq!(lines[1], "+    0.0s active -> checking       because 4");
    assert_eq!(lines[2], "+   12.3s checking -> failed       because 7");
    assert_eq!(lines[3], "compute-1 evacuated: 20 instances are back");
    let after: Vec<String> = cloud
        .asked()
        .into_iter()
        .filter_map(|a| a.1.split_once("after=").map(|p| p.1.to_owned()))
        .collect();
    assert_eq!(after[..2], ["0", "4"], "the second look begins where the first ended");
    assert!(!ran.out.contains('\x1b'), "colours are for terminals");
}

#[tokio::test]
async fn events_are_found_by_host_name_and_given_whole_to_programs() {
    let cloud = two_hosts().await;
    cloud.says(
        "GET /themis/v1/incidents",
        200,
        json!({"incidents": [incident("closed")]}),
    );
    cloud.says(
        &format!("GET /themis/v1/incidents/{INCIDENT}"),
        200,
        json!({"incident": incident("closed")}),
    );
    let events = format!("GET /themis/v1/incidents/{INCIDENT}/events");
    cloud.says(&events, 200, json!({"events": [event(4, 0.0, "active", "checking")]}));
    let ran = cloud.themis(&["incident", "events", "compute-1", "-f", "json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown[0]["reason"]["data"]["to"], "checking");
    assert!(
        cloud
            .asked()
            .iter()
            .any(|asked| asked.1 == "/themis/v1/incidents?host=compute-1")
    );

    cloud.says_only("GET /themis/v1/incidents", 200, json!({"incidents": []}));
    let quiet = cloud.themis(&["incident", "events", "compute-1"]).await;
    assert!(
        quiet.code == 4 && quiet.err.contains("no incident of host 'compute-1'"),
        "{}",
        quiet.err
    );
    let nothing = cloud.themis(&["incident", "events"]).await;
    assert!(
        nothing.code == 0 && nothing.out == "nothing has happened yet\n",
        "{}",
        nothing.err
    );
    let list = cloud.themis(&["incident", "list", "--host", "compute-7"]).await;
    assert_eq!(list.code, 4, "{}", list.err);
}
