//! `themis` as a program: what it prints, what it asks, and its exit codes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests may")]

#[path = "../cloud/mod.rs"]
mod cloud;
mod incidents;
mod leader;
#[path = "../programs/mod.rs"]
mod programs;

use cloud::Cloud;
use programs::program;
use serde_json::{Value, json};

const UUID: &str = "11111111-1111-4111-8111-111111111111";
const OTHER_UUID: &str = "55555555-5555-4555-8555-555555555555";
const SEGMENT: &str = "22222222-2222-4222-8222-222222222222";
const REQUEST: &str = "33333333-3333-4333-8333-333333333333";
const INCIDENT: &str = "44444444-4444-4444-8444-444444444444";

fn host(name: &str, uuid: &str, protected: bool) -> Value {
    let why = if protected {
        json!([])
    } else {
        json!([{"code": "no_power_device", "text": "it has no power device"}])
    };
    json!({"uuid": uuid, "name": name, "segment_uuid": SEGMENT, "state": "active", "since": "2026-11-20T12:00:00.123456Z",
        "reason": {"code": "seen_good", "text": "seen good", "data": {}}, "protected": protected, "protected_reasons": why,
        "networks": {"storage": {"verdict": "good", "reason": {"code": "good", "text": "all see it", "data": null}}},
        "power": {"devices": []}, "hold": null, "incident_uuid": null})
}

async fn two_hosts() -> Cloud {
    let cloud = Cloud::new().await;
    let hosts = json!({"hosts": [host("compute-1", UUID, true), host("compute-2", OTHER_UUID, false)]});
    cloud.says_only("GET /themis/v1/hosts", 200, hosts);
    cloud
}

fn request(status: &str, text: &str) -> Value {
    let answer = if text.is_empty() {
        Value::Null
    } else {
        json!({"code": "c", "text": text, "data": null})
    };
    json!({"request": {"uuid": REQUEST, "kind": "mode", "host_uuid": null, "status": status, "answer": answer,
        "created_at": "2026-11-20T12:00:00.000000Z", "handled_at": null}})
}

#[tokio::test]
async fn the_host_list_begins_with_name_state_and_protected() {
    let cloud = two_hosts().await;
    let ran = cloud.themis(&["host", "list"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    let words: Vec<&str> = lines[1]
        .split('|')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(words[..3], ["name", "state", "protected"]);
    assert!(ran.out.contains("it has no power device"), "{}", ran.out);

    let json = cloud.themis(&["host", "list", "-f", "json"]).await;
    let hosts: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&hosts[0]["protected"], &hosts[0]["since"]),
        (&json!(true), &json!("2026-11-20T12:00:00.123456Z"))
    );
    let values = cloud
        .themis(&["host", "list", "-f", "value", "-c", "name", "-c", "protected"])
        .await;
    assert_eq!(values.out, "compute-1 true\ncompute-2 false\n");
}

#[tokio::test]
async fn the_catalogues_entry_leads_to_both_interfaces_and_a_url_wins_over_it() {
    let cloud = two_hosts().await;
    assert_eq!(cloud.themis(&["host", "list"]).await.code, 0);
    assert_eq!((cloud.asked()[0].1.as_str(), cloud.tokens()), ("/themis/v1/hosts", 1));
    let other = two_hosts().await;
    let url = format!("{}/v1", other.url());
    assert_eq!(
        cloud.themis_with(&["host", "list"], &[("THEMIS_URL", &url)]).await.code,
        0
    );
    assert_eq!(cloud.themis(&["--url", &url, "host", "list"]).await.code, 0);
    assert_eq!((cloud.asked().len(), other.asked().len()), (1, 2));
}

#[tokio::test]
async fn exit_codes_tell_what_went_wrong() {
    let cloud = two_hosts().await;
    let fault = |name: &str, code: u16, message: &str| json!({name: {"code": code, "message": message}});

    let usage = cloud.themis(&["host", "lst"]).await;
    assert_eq!(usage.code, 2, "{}", usage.err);
    let column = cloud.themis(&["host", "list", "-c", "nmae"]).await;
    assert!(
        column.code == 2 && column.err.contains("did you mean 'name'?"),
        "{}",
        column.err
    );
    let nowhere = program(env!("CARGO_BIN_EXE_themis"), &["host", "list"], &[], "").await;
    assert!(nowhere.code == 2 && nowhere.err.contains("OS_CLOUD"), "{}", nowhere.err);

    let wrong = cloud.themis_with(&["host", "list"], &[("OS_PASSWORD", "falsch")]).await;
    assert!(wrong.code == 3 && wrong.err.contains("user 'anna'"), "{}", wrong.err);
    assert!(!wrong.err.contains("falsch"), "{}", wrong.err);

    let missing = cloud.themis(&["host", "show", "compute-3"]).await;
    assert!(
        missing.code == 4 && missing.err.contains("there is no host 'compute-3'; did you mean"),
        "{}",
        missing.err
    );

    let forbidden = fault(
        "forbidden",
        403,
        "Policy doesn't allow os_masakari_api:x to be performed.",
    );
    for (status, body, code, wanted) in [
        (403, forbidden, 3, "Policy doesn't allow"),
        (
            404,
            fault("itemNotFound", 404, "No host with id x."),
            4,
            "No host with id x.",
        ),
        (400, fault("badRequest", 400, "Invalid marker"), 1, "Invalid marker"),
        (
            503,
            fault("serviceUnavailable", 503, "The database cannot be reached."),
            5,
            "database cannot be reached",
        ),
        (200, json!({"hosts": [{"name": 1}]}), 1, "same version"),
    ] {
        cloud.says_only("GET /themis/v1/hosts", status, body);
        let ran = cloud.themis(&["host", "list"]).await;
        assert!(
            ran.code == code && ran.err.contains(wanted),
            "{status}: {} {}",
            ran.code,
            ran.err
        );
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let away = cloud.themis(&["--url", "http://127.0.0.1:9", "host", "list"]).await;
    assert!(
        away.code == 5 && away.err.contains("cannot connect to instance-ha"),
        "{}",
        away.err
    );
    let no_keystone = cloud
        .themis_with(&["host", "list"], &[("OS_AUTH_URL", "http://127.0.0.1:9/v3")])
        .await;
    assert!(
        no_keystone.code == 5 && no_keystone.err.contains("identity"),
        "{}",
        no_keystone.err
    );
}

#[tokio::test]
async fn arming_shows_who_is_protected_and_waits_for_the_engines_word() {
    let cloud = two_hosts().await;
    cloud.says(
        "GET /v1/segments",
        200,
        json!({"segments": [{"uuid": SEGMENT, "name": "demo"}]}),
    );
    cloud.says("GET /themis/v1/preflight", 200, leader::preflight());
    cloud.says("PUT /themis/v1/mode", 202, request("new", ""));
    let settled = format!("GET /themis/v1/requests/{REQUEST}");
    cloud.says(&settled, 200, request("new", ""));
    cloud.says(
        &settled,
        503,
        json!({"serviceUnavailable": {"code": 503, "message": "away"}}),
    );
    cloud.says(&settled, 200, request("done", "segment demo is armed"));
    let words = [
        "arm",
        "--segment",
        "demo",
        "--accept-unbound",
        "compute-2",
        "--reason",
        "seen",
    ];
    let ran = cloud.themis(&words).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("1 of 2 hosts protected") && ran.out.contains("it has no power device"),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("armed: segment demo is armed\n"), "{}", ran.out);
    let put = cloud.asked().into_iter().find(|asked| asked.0 == "PUT").unwrap();
    let mode = json!({"value": "armed", "segment_uuid": SEGMENT, "accept_unbound": ["compute-2"], "reason": "seen"});
    assert_eq!(put.2, json!({"mode": mode}));

    cloud.says_only("PUT /themis/v1/mode", 202, request("refused", "compute-2 is not bound"));
    let refused = cloud.themis(&["arm"]).await;
    assert!(
        refused.code == 1 && refused.err.contains("refused: compute-2 is not bound"),
        "{}",
        refused.err
    );
    let unknown = cloud.themis(&["arm", "--accept-unbound", "compute-9"]).await;
    assert!(
        unknown.code == 4 && unknown.err.contains("compute-9"),
        "{}",
        unknown.err
    );
    let segment = cloud.themis(&["observe", "--segment", "dmeo"]).await;
    assert!(
        segment.code == 4 && segment.err.contains("did you mean 'demo'?"),
        "{}",
        segment.err
    );
}

#[tokio::test]
async fn a_host_is_confirmed_dead_only_by_a_word_of_its_own() {
    let cloud = two_hosts().await;
    let route = format!("POST /themis/v1/hosts/{UUID}/confirm-dead");
    cloud.says(&route, 202, request("done", "compute-1 is taken for dead"));
    let silent = cloud
        .themis(&["host", "confirm-dead", "compute-1", "--reason", "no light on it"])
        .await;
    assert!(silent.code == 2 && silent.err.contains("--yes"), "{}", silent.err);
    let no_reason = cloud
        .themis(&["host", "confirm-dead", "compute-1", "--reason", " ", "--yes"])
        .await;
    assert_eq!(no_reason.code, 2, "{}", no_reason.err);
    assert!(
        cloud.asked().iter().all(|asked| asked.0 == "GET"),
        "nothing was asked of the engine"
    );

    let ran = cloud
        .themis(&[
            "host",
            "confirm-dead",
            "compute-1",
            "--reason",
            "no light on it",
            "--yes",
        ])
        .await;
    assert!(
        ran.code == 0 && ran.out == "compute-1: compute-1 is taken for dead\n",
        "{} {}",
        ran.out,
        ran.err
    );
    assert_eq!(cloud.asked().last().unwrap().2, json!({"reason": "no light on it"}));
}

#[tokio::test]
async fn a_power_devices_password_goes_to_themis_and_nowhere_else() {
    let cloud = two_hosts().await;
    let route = format!("/themis/v1/hosts/{UUID}/power-devices");
    let device = json!({"uuid": REQUEST, "driver": "ipmi", "address": "10.0.0.7", "port": 623, "system": "", "level": 1,
        "username": "admin", "accepted": null});
    cloud.says(&format!("GET {route}"), 200, json!({"power_devices": []}));
    cloud.says(&format!("POST {route}"), 201, json!({"power_device": device}));
    let words = [
        "power-device",
        "set",
        "compute-1",
        "--address",
        "10.0.0.7",
        "--username",
        "admin",
        "-f",
        "json",
    ];
    let none = cloud.themis(&words).await;
    assert!(none.code == 2 && none.err.contains("--password-file"), "{}", none.err);

    let ran = cloud.themis_with(&words, &[("THEMIS_POWER_PASSWORD", "streng")]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        !ran.out.contains("streng") && !ran.err.contains("streng"),
        "{} {}",
        ran.out,
        ran.err
    );
    let sent = cloud.asked().last().unwrap().2["power_device"].clone();
    assert_eq!(
        (&sent["password"], &sent["driver"], &sent["level"]),
        (&json!("streng"), &json!("ipmi"), &json!(1))
    );
    assert_eq!(sent.get("port"), None);

    // The same device again: its registration is replaced.
    cloud.says_only(&format!("GET {route}"), 200, json!({"power_devices": [device]}));
    cloud.says_only(&format!("DELETE {route}/{REQUEST}"), 204, Value::Null);
    assert_eq!(
        cloud
            .themis_with(&words, &[("THEMIS_POWER_PASSWORD", "neu")])
            .await
            .code,
        0
    );
    let methods: Vec<String> = cloud.asked().into_iter().rev().take(2).map(|asked| asked.0).collect();
    assert_eq!(methods, ["POST", "DELETE"]);

    let taken = json!({"conflictingRequest": {"code": 409, "message": "ipmi://10.0.0.7:623 is registered already"}});
    cloud.says_only(&format!("POST {route}"), 409, taken);
    let half = cloud.themis_with(&words, &[("THEMIS_POWER_PASSWORD", "neu")]).await;
    assert!(
        half.code == 1 && half.err.contains("was removed; run the same command again"),
        "{}",
        half.err
    );
    assert!(half.err.contains("is registered already"), "{}", half.err);
    let gone = cloud.themis(&["power-device", "delete", "compute-1", INCIDENT]).await;
    assert_eq!(gone.code, 4, "{}", gone.err);
}

#[tokio::test]
async fn simulate_needs_its_program() {
    let directory = tempfile::tempdir().unwrap();
    let alone = directory.path().join("themis");
    std::fs::copy(env!("CARGO_BIN_EXE_themis"), &alone).unwrap();
    let alone = alone.to_str().unwrap();
    let ran = program(alone, &["simulate", "a.txt"], &[("PATH", "/nonexistent")], "").await;
    assert!(ran.code == 1 && ran.err.contains("themis-simulate"), "{}", ran.err);

    let beside = directory.path().join("themis-simulate");
    std::fs::write(&beside, "#!/bin/sh\necho \"$@\"\nexit 7\n").unwrap();
    std::fs::set_permissions(&beside, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = program(
        alone,
        &["simulate", "a.txt", "--seed", "3"],
        &[("PATH", "/bin:/usr/bin")],
        "",
    )
    .await;
    assert_eq!((ran.code, ran.out.as_str()), (7, "a.txt --seed 3\n"), "{}", ran.err);
}
