//! `/themis/v1/engine`, `/themis/v1/preflight`, `/themis/v1/observers`, `/themis/v1/brakes` and the test of a power device: what the leading engine is asked.

use reqwest::StatusCode;
use serde_json::{Value, json};
use themis_core::leader::{
    BRAKES, DECISION_MATRIX, DEVICE_TEST, NOT_LEADING, OBSERVERS, PREFLIGHT, STATUS, UNKNOWN_DEVICE, UNKNOWN_SEGMENT,
};
use themis_messaging::RpcError;

use crate::support::{Api, with_api};

const PATHS: [&str; 4] = [
    "/themis/v1/engine",
    "/themis/v1/preflight",
    "/themis/v1/observers",
    "/themis/v1/brakes",
];

/// The lease is held by the engine of these tests.
async fn with_leader(api: &Api) {
    api.as_engine(async |_| Ok(())).await;
}

async fn device(api: &Api) -> String {
    let segment = api.segment("s").await;
    let host = api.host(&segment, "compute-1").await;
    let body = json!({"power_device": {"address": "10.0.0.7", "username": "admin", "password": "secret"}});
    let path = format!("/themis/v1/hosts/{host}/power-devices");
    let made = api.post(&path, body).await.ok(201);
    format!("{path}/{}", made["power_device"]["uuid"].as_str().unwrap())
}

fn status() -> Value {
    json!({
        "engine": "engine-1", "version": "0.1.0", "epoch": 3, "mode": "armed", "settled": true, "nova_answers": true,
        "hosts": 4, "observers": 5, "incidents": 0, "networks_out": ["storage"],
    })
}

#[tokio::test]
async fn the_leader_says_how_it_stands() {
    with_api(async |api| {
        with_leader(api).await;
        api.engine.answers(|method, args| {
            assert_eq!((method, args), (STATUS, &json!({})));
            Ok(status())
        });
        let shown = api.get("/themis/v1/engine").await.ok(200);
        assert_eq!(shown["engine"], status());
    })
    .await;
}

#[tokio::test]
async fn the_preflight_is_passed_on_as_the_leader_gives_it() {
    with_api(async |api| {
        with_leader(api).await;
        let reason = json!({"code": "too_few_monitors", "text": "1 monitors are heard", "data": null});
        let auto =
            json!({"code": "recovered_as_auto", "text": "segment s has the recovery method rh_priority", "data": null});
        let warning = json!({"segment_uuid": "11111111-1111-4111-8111-111111111111", "reason": auto});
        let preflight = json!({"ready": false, "reasons": [reason], "hosts": [], "warnings": [warning]});
        let answer = preflight.clone();
        api.engine.answers(move |method, _| {
            assert_eq!(method, PREFLIGHT);
            Ok(answer.clone())
        });
        assert_eq!(api.get("/themis/v1/preflight").await.ok(200)["preflight"], preflight);
    })
    .await;
}

#[tokio::test]
async fn the_observers_are_listed_as_the_leader_hears_them() {
    with_api(async |api| {
        with_leader(api).await;
        let reason =
            json!({"code": "observer_in_minority", "text": "it may be cut off", "data": {"alive": 0, "members": 4}});
        let observers = json!([{
            "name": "compute-1", "witness": false, "age_ms": 1500,
            "networks": {
                "storage": {"eligible": false, "reason": reason, "health_score": 7},
                "tenant": {"eligible": true, "reason": null, "health_score": 0},
            },
        }]);
        let answer = json!({"observers": observers});
        api.engine.answers(move |method, args| {
            assert_eq!((method, args), (OBSERVERS, &json!({})));
            Ok(answer.clone())
        });
        assert_eq!(api.get("/themis/v1/observers").await.ok(200)["observers"], observers);
    })
    .await;
}

#[tokio::test]
async fn the_brakes_are_listed_as_they_stand_at_the_leader() {
    with_api(async |api| {
        with_leader(api).await;
        let reason = |code: &str| json!({"code": code, "text": "why", "data": null});
        let held = json!({"uuid": "1d9b22ac-a72d-4ed1-b9e3-4922a11c84e4", "name": "compute-1", "reason": reason("own_host")});
        let brakes = json!([
            {"code": "mass_failure", "holds": true, "reason": reason("mass_failure"), "hosts": [], "release": "a retry"},
            {"code": "own_host", "holds": true, "reason": null, "hosts": [held], "release": "another leader"},
        ]);
        let answer = json!({"brakes": brakes});
        api.engine.answers(move |method, args| {
            assert_eq!((method, args), (BRAKES, &json!({})));
            Ok(answer.clone())
        });
        assert_eq!(api.get("/themis/v1/brakes").await.ok(200)["brakes"], brakes);
    })
    .await;
}

#[tokio::test]
async fn a_segments_decision_matrix_is_the_leaders_own() {
    with_api(async |api| {
        with_leader(api).await;
        let segment = api.segment("s").await;
        let path = format!("/themis/v1/segments/{segment}/decision-matrix");
        let why = json!({"code": "critical_network_bad", "text": "bad on storage", "data": null});
        let matrix = json!({
            "segment_uuid": segment, "networks": {"storage": "critical", "tenant": "tolerated"}, "complete": true,
            "rows": [{"bad": ["storage"], "demand": "fence", "row": "storage", "confirm_period_s": 60, "reason": why}],
        });
        let answer = matrix.clone();
        api.engine.answers(move |method, args| {
            assert_eq!((method, args), (DECISION_MATRIX, &json!({"segment": segment})));
            Ok(answer.clone())
        });
        assert_eq!(api.get(&path).await.ok(200)["decision_matrix"], matrix);
        api.engine
            .answers(|_, _| Err(RpcError::refused(UNKNOWN_SEGMENT, "not yet")));
        let answer = api.get(&path).await;
        let text = answer.fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert!(text.contains("has not read this record yet"), "{text}");
        let unknown = "/themis/v1/segments/1d9b22ac-a72d-4ed1-b9e3-4922a11c84e4/decision-matrix";
        api.get(unknown).await.fault(StatusCode::NOT_FOUND, "itemNotFound");
    })
    .await;
}

#[tokio::test]
async fn without_a_leader_the_answer_is_503_and_says_so() {
    with_api(async |api| {
        for path in PATHS {
            let text = api
                .get(path)
                .await
                .fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
            assert!(text.starts_with("No engine leads at the moment."), "{text}");
        }
        with_leader(api).await;
        api.engine
            .answers(|_, _| Err(RpcError::refused(NOT_LEADING, "engine-1 does not lead")));
        let answer = api.get("/themis/v1/engine").await;
        let text = answer.fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert!(text.starts_with("No engine leads at the moment."), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_leader_of_another_release_is_no_500() {
    with_api(async |api| {
        with_leader(api).await;
        api.engine.answers(|_, _| Ok(json!({"engine": 7})));
        for path in PATHS {
            let text = api
                .get(path)
                .await
                .fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
            assert!(text.starts_with("The leading engine did not answer."), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_an_admin_asks_the_leader() {
    with_api(async |api| {
        with_leader(api).await;
        let device = device(api).await;
        for (method, path) in [
            ("GET", PATHS[0]),
            ("GET", PATHS[1]),
            ("GET", PATHS[2]),
            ("GET", PATHS[3]),
            ("POST", &format!("{device}/test")),
        ] {
            let answer = api.by("member", method, path, None).await;
            let text = answer.fault(StatusCode::FORBIDDEN, "forbidden");
            assert!(text.starts_with("Policy doesn't allow themis_api:"), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_power_device_is_tested_by_the_leader() {
    with_api(async |api| {
        with_leader(api).await;
        let device = device(api).await;
        let uuid = device.rsplit('/').next().unwrap().to_owned();
        let tested = json!({"uuid": uuid, "state": "on", "guid": null, "bound": true, "reason": null, "took_ms": 12});
        let answer = tested.clone();
        api.engine.answers(move |method, args| {
            assert_eq!((method, args), (DEVICE_TEST, &json!({"device": uuid})));
            Ok(answer.clone())
        });
        let shown = api.by("admin", "POST", &format!("{device}/test"), None).await.ok(200);
        assert_eq!(shown["power_device_test"], tested);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_is_not_the_hosts_is_404_and_one_that_the_leader_has_not_read_yet_503() {
    with_api(async |api| {
        with_leader(api).await;
        let device = device(api).await;
        let (list, _) = device.rsplit_once('/').unwrap();
        for wrong in ["xyz", "1d9b22ac-a72d-4ed1-b9e3-4922a11c84e4"] {
            let answer = api.by("admin", "POST", &format!("{list}/{wrong}/test"), None).await;
            let text = answer.fault(StatusCode::NOT_FOUND, "itemNotFound");
            assert_eq!(text, format!("No power device with id {wrong} on host compute-1."));
        }
        api.engine
            .answers(|_, _| Err(RpcError::refused(UNKNOWN_DEVICE, "not yet")));
        let answer = api.by("admin", "POST", &format!("{device}/test"), None).await;
        let text = answer.fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert!(text.contains("has not read this record yet"), "{text}");
    })
    .await;
}
