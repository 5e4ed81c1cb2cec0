//! What the leading engine is asked: preflight, observers, brakes, a segment's matrix, itself, tests of power devices.

use serde_json::{Value, json};

use super::{OTHER_UUID, REQUEST, SEGMENT, UUID, two_hosts};

/// Of two hosts in two segments, one is protected.
pub(crate) fn preflight() -> Value {
    let host = |name: &str, uuid: &str, segment: &str, reasons: Value| {
        json!({"uuid": uuid, "name": name, "segment_uuid": segment, "state": "active",
               "protected": reasons == json!([]), "reasons": reasons})
    };
    let why = json!([{"code": "no_power_device", "text": "it has no power device", "data": null}]);
    let hosts = [
        host("compute-1", UUID, SEGMENT, json!([])),
        host("compute-2", OTHER_UUID, SEGMENT, why),
        host("compute-3", REQUEST, REQUEST, json!([])),
    ];
    let text = "segment rack has the recovery method rh_priority, but its hosts are recovered as auto";
    let warnings =
        json!([{"segment_uuid": SEGMENT, "reason": {"code": "recovered_as_auto", "text": text, "data": null}}]);
    json!({"preflight": {"ready": false, "reasons": [], "hosts": hosts, "warnings": warnings}})
}

#[tokio::test]
async fn the_preflight_ends_with_1_when_something_is_missing() {
    let cloud = two_hosts().await;
    cloud.says("GET /themis/v1/preflight", 200, preflight());
    let ran = cloud
        .themis(&["preflight", "-f", "value", "-c", "name", "-c", "protected"])
        .await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.out, "compute-1 true\ncompute-2 false\ncompute-3 true\n");
    assert!(ran.err.contains("1 of 3 hosts would not be saved"), "{}", ran.err);
    let warning = "warning: segment rack has the recovery method rh_priority, but its hosts are recovered as auto\n";
    assert!(ran.err.starts_with(warning), "{}", ran.err);
    cloud.says(
        "GET /v1/segments",
        200,
        json!({"segments": [{"uuid": REQUEST, "name": "other"}]}),
    );
    let other = cloud.themis(&["preflight", "--segment", "other"]).await;
    assert!(
        other.code == 0 && !other.out.contains("compute-2") && other.err.is_empty(),
        "{} {}",
        other.out,
        other.err
    );
}

#[tokio::test]
async fn the_observer_list_says_whose_word_counts_where_and_why_not() {
    let cloud = two_hosts().await;
    let place = |eligible: bool, why: Value, health: Value| json!({"eligible": eligible, "reason": why, "health_score": health});
    let why = json!({"code": "observer_in_minority", "text": "compute-2 may be cut off itself", "data": null});
    let observers = json!([
        {"name": "compute-1", "witness": false, "age_ms": 1250, "networks": {
            "storage": place(true, Value::Null, json!(0)), "tenant": place(true, Value::Null, json!(1))}},
        {"name": "compute-2", "witness": true, "age_ms": 90, "networks": {
            "storage": place(false, why.clone(), json!(7)), "tenant": place(false, why, Value::Null)}},
    ]);
    cloud.says_only("GET /themis/v1/observers", 200, json!({"observers": observers}));
    let ran = cloud.themis(&["observer", "list", "-f", "csv"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0]
            .replace('"', "")
            .starts_with("name,witness,age_s,eligible_on,health,why_not"),
        "{}",
        ran.out
    );
    let table = cloud.themis(&["observer", "list"]).await.out;
    assert!(
        table.contains("storage tenant") && table.contains("storage=0 tenant=1"),
        "{table}"
    );
    assert_eq!(table.matches("compute-2 may be cut off itself").count(), 1, "{table}");
    let whole = cloud.themis(&["observer", "list", "-f", "json"]).await.out;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(
        (&whole[0]["age_s"], &whole[1]["eligible_on"]),
        (&json!(1.25), &json!([])),
        "{whole}"
    );
    assert_eq!(whole[1]["networks"], observers[1]["networks"]);
}

#[tokio::test]
async fn the_brake_list_says_whom_each_holds_and_what_releases_it() {
    let cloud = two_hosts().await;
    let why = |text: &str| json!({"code": "c", "text": text, "data": null});
    let held = json!({"uuid": UUID, "name": "compute-1", "reason": why("the engine runs on compute-1")});
    let brakes = json!([
        {"code": "settling", "holds": false, "reason": null, "hosts": [], "release": "time"},
        {"code": "mass_failure", "holds": true, "reason": why("3 hosts failed"), "hosts": [], "release": "a retry"},
        {"code": "own_host", "holds": true, "reason": null, "hosts": [held], "release": "another leader"},
    ]);
    cloud.says_only("GET /themis/v1/brakes", 200, json!({"brakes": brakes}));
    let ran = cloud.themis(&["brake", "list"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    for (code, words) in [
        ("settling", ["no", "time"]),
        ("mass_failure", ["all", "3 hosts failed"]),
        ("own_host", ["compute-1", "another leader"]),
    ] {
        let line = ran.out.lines().find(|line| line.contains(code)).unwrap();
        assert!(words.iter().all(|word| line.contains(word)), "{}", ran.out);
    }
    let short = cloud
        .themis(&["brake", "list", "-f", "value", "-c", "code", "-c", "holds"])
        .await;
    assert_eq!(short.out, "settling false\nmass_failure true\nown_host true\n");
}

#[tokio::test]
async fn a_segments_matrix_is_shown_row_by_row() {
    let cloud = two_hosts().await;
    let segments = json!({"segments": [{"uuid": SEGMENT, "name": "demo"}]});
    cloud.says_only("GET /v1/segments", 200, segments);
    let why = json!({"code": "critical_network_bad", "text": "bad on storage", "data": null});
    let matrix = json!({"segment_uuid": SEGMENT, "networks": {"storage": "critical"}, "complete": true, "rows": [
        {"bad": [], "demand": "nothing", "row": null, "confirm_period_s": null, "reason": null},
        {"bad": ["storage"], "demand": "fence", "row": "silent", "confirm_period_s": 15, "reason": why},
    ]});
    let path = format!("GET /themis/v1/segments/{SEGMENT}/decision-matrix");
    cloud.says_only(&path, 200, json!({"decision_matrix": matrix}));
    let ran = cloud.themis(&["matrix", "show", "demo", "-f", "json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows: Value = serde_json::from_str(&ran.out).unwrap();
    let fence = json!({"bad": ["storage"], "demand": "fence", "row": "silent", "confirm_period_s": 15, "why": "bad on storage"});
    assert_eq!((&rows[0]["demand"], &rows[1]), (&json!("nothing"), &fence));
    let unknown = cloud.themis(&["matrix", "show", "dmeo"]).await;
    assert!(
        unknown.code == 4 && unknown.err.contains("did you mean 'demo'?"),
        "{}",
        unknown.err
    );
}

#[tokio::test]
async fn the_leading_engine_is_shown_and_its_absence_is_5() {
    let cloud = two_hosts().await;
    let status = json!({"engine": "engine-1", "version": "0.1.0", "epoch": 3, "mode": "armed", "settled": true,
        "nova_answers": false, "hosts": 2, "observers": 3, "incidents": 0, "networks_out": ["storage"]});
    cloud.says("GET /themis/v1/engine", 200, json!({"engine": status}));
    let ran = cloud.themis(&["engine", "show", "-f", "json"]).await;
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&shown["engine"], &shown["nova_answers"]),
        (&json!("engine-1"), &json!(false)),
        "{}",
        ran.out
    );
    let none = json!({"serviceUnavailable": {"code": 503, "message": "No engine leads at the moment."}});
    cloud.says_only("GET /themis/v1/engine", 503, none);
    let away = cloud.themis(&["engine", "show"]).await;
    assert!(
        away.code == 5 && away.err.contains("No engine leads"),
        "{} {}",
        away.code,
        away.err
    );
}

#[tokio::test]
async fn power_devices_are_tested_one_by_one_and_one_that_fails_ends_with_1() {
    let cloud = two_hosts().await;
    let list = format!("GET /themis/v1/hosts/{UUID}/power-devices");
    let device = |uuid: &str, address: &str| {
        json!({"uuid": uuid, "driver": "ipmi", "address": address, "port": 623, "system": "", "level": 1,
               "username": "admin", "accepted": null})
    };
    cloud.says(
        &list,
        200,
        json!({"power_devices": [device(REQUEST, "10.0.0.7"), device(SEGMENT, "10.0.0.8")]}),
    );
    let test = |uuid: &str, state: &str, reason: Value| {
        let test = json!({"uuid": uuid, "state": state, "guid": null, "bound": reason.is_null(), "reason": reason, "took_ms": 12});
        let route = format!("POST /themis/v1/hosts/{UUID}/power-devices/{uuid}/test");
        cloud.says(&route, 200, json!({"power_device_test": test}));
    };
    test(REQUEST, "on", Value::Null);
    let silent = json!({"code": "power_device_unreachable", "text": "it does not answer", "data": null});
    test(SEGMENT, "unreachable", silent);
    let both = cloud.themis(&["power-device", "test", "compute-1"]).await;
    assert_eq!(both.code, 1, "{}", both.err);
    assert!(
        both.out.contains("10.0.0.7:623") && both.out.contains("it does not answer"),
        "{}",
        both.out
    );
    assert!(both.err.contains("1 of 2 power devices did not pass"), "{}", both.err);
    let one = cloud.themis(&["power-device", "test", "compute-1", REQUEST]).await;
    assert_eq!(one.code, 0, "{}", one.err);
}
