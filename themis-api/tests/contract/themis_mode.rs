//! `/themis/v1/mode` and `/themis/v1/segments/{segment}/networks`.

use reqwest::StatusCode;
use serde_json::json;
use themis_core::RequestId;
use themis_db::store::requests::request_get;

use crate::support::with_api;

const MODE: &str = "/themis/v1/mode";

#[tokio::test]
async fn a_new_installation_observes_and_arming_is_a_request() {
    with_api(async |api| {
        assert_eq!(
            api.get(MODE).await.ok(200),
            json!({"mode": {"global": "observe", "segments": {}}})
        );
        let segment = api.segment("seg1").await;
        api.host(&segment, "compute-2").await;
        let body = json!({"mode": {
            "value": "armed", "segment_uuid": segment, "accept_unbound": ["compute-2"], "reason": "tested",
        }});
        let answer = api.put(MODE, body).await.ok(202);
        assert_eq!(
            (&answer["request"]["kind"], &answer["request"]["status"]),
            (&json!("mode"), &json!("new"))
        );
        let id = RequestId(answer["request"]["uuid"].as_str().unwrap().parse().unwrap());
        let stored = request_get(&api.store, id).await.unwrap().unwrap().request;
        assert_eq!(
            stored.args,
            json!({"value": "armed", "segment_uuid": segment, "accept_unbound": ["compute-2"]})
        );
        assert_eq!((stored.user_name.as_str(), stored.reason.as_str()), ("admin", "tested"));
        // Nothing is armed until the engine says so.
        assert_eq!(api.get(MODE).await.json()["mode"]["global"], "observe");
        api.put(MODE, json!({"mode": {"value": "observe", "segment_uuid": null}}))
            .await
            .ok(202);
    })
    .await;
}

#[tokio::test]
async fn a_bad_mode_an_unknown_segment_and_an_unknown_host_are_refused() {
    with_api(async |api| {
        for mode in [
            json!({}),
            json!({"value": "ARMED"}),
            json!({"value": "armed", "accept_unbound": "compute-1"}),
            json!({"value": "armed", "accept_unbound": [1]}),
            json!({"value": "armed", "accept_unbound": ["compute-1"]}),
            json!({"value": "armed", "more": 1}),
        ] {
            api.put(MODE, json!({"mode": mode}))
                .await
                .fault(StatusCode::BAD_REQUEST, "badRequest");
        }
        let nowhere = json!({"mode": {"value": "armed", "segment_uuid": "x"}});
        api.put(MODE, nowhere.clone())
            .await
            .fault(StatusCode::NOT_FOUND, "itemNotFound");
        for (method, rule, body) in [("GET", "detail", None), ("PUT", "update", Some(nowhere))] {
            let message = api
                .by("member", method, MODE, body)
                .await
                .fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow themis_api:mode:{rule} to be performed.")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_segment_s_networks_are_replaced_as_a_whole() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let path = format!("/themis/v1/segments/{segment}/networks");
        assert_eq!(api.get(&path).await.ok(200), json!({"networks": {}}));
        let first = json!({"networks": {"storage": "critical", "tenant": "critical"}});
        assert_eq!(api.put(&path, first.clone()).await.ok(200), first);
        let second = json!({"networks": {"management": "tolerated"}});
        api.put(&path, second.clone()).await.ok(200);
        assert_eq!(api.get(&path).await.ok(200), second);
        for bad in [
            json!({"networks": {"storage": "important"}}),
            json!({"networks": {" ": "critical"}}),
            json!({}),
        ] {
            api.put(&path, bad).await.fault(StatusCode::BAD_REQUEST, "badRequest");
        }
        assert_eq!(api.get(&path).await.ok(200), second);
        for (method, rule, body) in [("GET", "detail", None), ("PUT", "update", Some(second))] {
            let message = api
                .by("member", method, &path, body.clone())
                .await
                .fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow themis_api:segment_networks:{rule} to be performed.")
            );
            let missing = api.by("admin", method, "/themis/v1/segments/x/networks", body).await;
            missing.fault(StatusCode::NOT_FOUND, "itemNotFound");
        }
    })
    .await;
}
