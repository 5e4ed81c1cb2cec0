//! `/v1/segments`.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Api, send, with_api};

const SEGMENTS: &str = "/v1/segments";

fn body(name: &str) -> Value {
    json!({"segment": {"name": name, "recovery_method": "auto", "service_type": "COMPUTE"}})
}

async fn at(api: &Api, version: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = api
        .request("admin", method, path)
        .header("openstack-api-version", format!("instance-ha {version}"));
    send(request.json(body)).await
}

#[tokio::test]
async fn a_segment_is_created_and_shown_with_keys_in_the_order_of_the_contract() {
    with_api(async |api| {
        let answer = api.post(SEGMENTS, body("seg1")).await;
        assert_eq!((answer.status, answer.header("content-type")), (201, "application/json"));
        let segment = answer.json()["segment"].clone();
        let (uuid, created) = (segment["uuid"].as_str().unwrap(), segment["created_at"].as_str().unwrap());
        assert_eq!((created.len(), &created[19..]), (26, ".000000"));
        let wanted = format!(
            r#"{{"segment":{{"id":1,"uuid":"{uuid}","name":"seg1","service_type":"COMPUTE","enabled":true,"description":null,"recovery_method":"auto","created_at":"{created}","updated_at":null,"deleted_at":null,"deleted":false}}}}"#
        );
        assert_eq!(answer.text, wanted);
        assert_eq!(api.get(&format!("{SEGMENTS}/{uuid}")).await.text, wanted);
    })
    .await;
}

#[tokio::test]
async fn only_an_admin_has_rights() {
    with_api(async |api| {
        let uuid = api.segment("seg1").await;
        let one = format!("{SEGMENTS}/{uuid}");
        let update = json!({"segment": {"name": "x"}});
        for (method, path, rule, body) in [
            ("GET", SEGMENTS, "index", None),
            ("POST", SEGMENTS, "create", Some(body("seg2"))),
            ("GET", &one, "detail", None),
            ("PUT", &one, "update", Some(update)),
            ("DELETE", &one, "delete", None),
        ] {
            let answer = api.by("member", method, path, body.clone()).await;
            let message = answer.fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow os_masakari_api:segments:{rule} to be performed.")
            );
            // Who may read all of the installation may not change it.
            let expected = if method == "GET" { 200 } else { 403 };
            assert_eq!(
                api.by("system-reader", method, path, body).await.status,
                expected,
                "{method} {path}"
            );
        }
        api.get(&one).await.ok(200);
    })
    .await;
}

#[tokio::test]
async fn a_missing_segment_is_named_and_ids_match_exactly() {
    with_api(async |api| {
        let uuid = api.segment("seg1").await;
        for id in [
            "xyz",
            &uuid.to_uppercase(),
            &uuid.replace('-', ""),
            "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b",
            "\u{ff}",
        ] {
            let path = format!("{SEGMENTS}/{id}");
            let wanted = format!("No failover segment with id {id}.");
            assert_eq!(
                api.get(&path).await.fault(StatusCode::NOT_FOUND, "itemNotFound"),
                wanted
            );
            let put = api.put(&path, json!({"segment": {"name": "y"}})).await;
            assert_eq!(put.fault(StatusCode::NOT_FOUND, "itemNotFound"), wanted);
            assert_eq!(
                api.delete(&path).await.fault(StatusCode::NOT_FOUND, "itemNotFound"),
                wanted
            );
        }
    })
    .await;
}

#[tokio::test]
async fn bad_bodies_are_refused_with_what_is_wrong() {
    with_api(async |api| {
        let refused = async |inner: Value| {
            let answer = at(api, "1.3", "POST", SEGMENTS, &json!({"segment": inner})).await;
            answer.fault(StatusCode::BAD_REQUEST, "badRequest")
        };
        let good = || json!({"name": "s", "recovery_method": "auto", "service_type": "C"});
        for (key, value) in [
            ("name", json!(null)),
            ("name", json!(" s")),
            ("name", json!("s".repeat(256))),
            ("name", json!("\u{1f600}")),
            ("recovery_method", json!("AUTO")),
            ("service_type", json!("")),
            ("description", json!("a\tb")),
            ("enabled", json!(1)),
            ("uuid", json!("x")),
        ] {
            let mut inner = good();
            inner[key] = value.clone();
            let message = refused(inner).await;
            assert!(
                message.starts_with("Invalid input for field/attribute"),
                "{key} {value}: {message}"
            );
        }
        let message = refused(json!({"name": "s"})).await;
        assert!(
            message.ends_with("'recovery_method' is a required property"),
            "{message}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_description_too_long_for_its_column_is_refused_not_a_500() {
    use crate::support::with_settings;
    with_settings(
        |settings| settings.body_max = 114_688,
        async |api| {
            let mut body = body("s");
            body["segment"]["description"] = json!("x".repeat(70_000));
            let message = api
                .post(SEGMENTS, body)
                .await
                .fault(StatusCode::BAD_REQUEST, "badRequest");
            assert!(message.ends_with("at most 65535 bytes"), "{message}");
        },
    )
    .await;
}

#[tokio::test]
async fn enabled_is_settable_from_1_2_on_and_shown_always() {
    with_api(async |api| {
        let mut off = body("off");
        off["segment"]["enabled"] = json!("False");
        at(api, "1.1", "POST", SEGMENTS, &off)
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        let created = at(api, "1.2", "POST", SEGMENTS, &off).await.ok(201);
        assert_eq!(created["segment"]["enabled"], false);
        let path = format!("{SEGMENTS}/{}", created["segment"]["uuid"].as_str().unwrap());
        let on = json!({"segment": {"enabled": "yes"}});
        at(api, "1.0", "PUT", &path, &on)
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        assert_eq!(
            at(api, "1.3", "PUT", &path, &on).await.ok(200)["segment"]["enabled"],
            true
        );
        api.segment("other").await;
        let names = async |query: &str| listed(api, query).await;
        at(api, "1.3", "PUT", &path, &json!({"segment": {"enabled": false}}))
            .await
            .ok(200);
        assert_eq!(names("enabled=False").await, ["off"]);
        assert_eq!(names("enabled=True").await, ["other"]);
    })
    .await;
}

async fn listed(api: &Api, query: &str) -> Vec<String> {
    let answer = api.get(&format!("{SEGMENTS}?{query}")).await.ok(200);
    let names = answer["segments"].as_array().unwrap().iter();
    names
        .map(|segment| segment["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    with_api(async |api| {
        let uuid = api.segment("seg1").await;
        let path = format!("{SEGMENTS}/{uuid}");
        let update = json!({"segment": {"description": "two\nlines", "recovery_method": "rh_priority"}});
        let segment = api.put(&path, update).await.ok(200)["segment"].clone();
        assert_eq!(
            (segment["name"].as_str(), segment["recovery_method"].as_str()),
            (Some("seg1"), Some("rh_priority"))
        );
        assert_eq!(segment["description"], "two\nlines");
        assert!(segment["updated_at"].as_str().unwrap().ends_with(".000000"));
        assert_eq!(api.get(&path).await.json()["segment"], segment);
        api.put(&path, json!({"segment": {"name": "seg1"}})).await.ok(200);
        let empty = api
            .put(&path, json!({"segment": {}}))
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        assert_eq!(
            empty,
            "Invalid input for field/attribute segment. Value: {}. {} is not valid under any of the given schemas"
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_is_unique_among_live_segments() {
    with_api(async |api| {
        let first = api.segment("seg1").await;
        let second = api.segment("seg2").await;
        let wanted = "Failover segment with name seg1 already exists.";
        let taken = api.post(SEGMENTS, body("seg1")).await;
        assert_eq!(taken.fault(StatusCode::CONFLICT, "conflictingRequest"), wanted);
        let renamed = api
            .put(&format!("{SEGMENTS}/{second}"), json!({"segment": {"name": "seg1"}}))
            .await;
        assert_eq!(renamed.fault(StatusCode::CONFLICT, "conflictingRequest"), wanted);
        assert_eq!(api.delete(&format!("{SEGMENTS}/{first}")).await.status, 204);
        api.post(SEGMENTS, body("seg1")).await.ok(201);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_segment_answers_empty_and_takes_its_hosts_with_it() {
    with_api(async |api| {
        let uuid = api.segment("seg1").await;
        api.host(&uuid, "compute-1").await;
        let answer = api.delete(&format!("{SEGMENTS}/{uuid}")).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(api.get(&format!("{SEGMENTS}/{uuid}")).await.status, 404);
        // Its host's name is free again.
        let other = api.segment("seg2").await;
        api.host(&other, "compute-1").await;
    })
    .await;
}

#[tokio::test]
async fn a_segment_in_use_keeps_its_name_and_method_and_stays() {
    with_api(async |api| {
        let uuid = api.segment("seg1").await;
        api.host(&uuid, "compute-1").await;
        assert_eq!(api.notify("compute-1", "2026-11-20T08:00:00").await.status, 202);
        let path = format!("{SEGMENTS}/{uuid}");
        let renamed = api.put(&path, json!({"segment": {"name": "other"}})).await;
        assert_eq!(
            renamed.fault(StatusCode::CONFLICT, "conflictingRequest"),
            format!("Failover segment {uuid} can't be updated as it is in-use to process notifications.")
        );
        let deleted = api.delete(&path).await;
        assert_eq!(
            deleted.fault(StatusCode::CONFLICT, "conflictingRequest"),
            format!("Failover segment ({uuid}) can't be deleted as it is in-use to process notifications.")
        );
        assert_eq!(
            api.put(&path, json!({"segment": {"recovery_method": "rh_priority"}}))
                .await
                .status,
            409
        );
    })
    .await;
}

#[tokio::test]
async fn lists_are_paged_by_the_integer_id_filtered_and_sorted() {
    with_api(async |api| {
        for name in ["a", "b", "c"] {
            api.segment(name).await;
        }
        assert_eq!(listed(api, "").await, ["c", "b", "a"]);
        assert_eq!(listed(api, "limit=2").await, ["c", "b"]);
        assert_eq!(listed(api, "limit=2&marker=2").await, ["a"]);
        assert_eq!(listed(api, "limit=2&marker=1").await, [""; 0]);
        assert_eq!(listed(api, "limit=0").await, [""; 0]);
        assert_eq!(listed(api, "sort_key=name&sort_dir=asc").await, ["a", "b", "c"]);
        assert_eq!(listed(api, "recovery_method=auto&limit=1").await, ["c"]);
        assert_eq!(listed(api, "recovery_method=reserved_host").await, [""; 0]);
        assert_eq!(listed(api, "recovery_method=bogus").await, [""; 0]);
        assert_eq!(listed(api, "service_type=none").await, [""; 0]);
        assert_eq!(listed(api, "name=a&offset=7").await, ["c", "b", "a"]);
        let refused = async |query: &str| {
            api.get(&format!("{SEGMENTS}?{query}"))
                .await
                .fault(StatusCode::BAD_REQUEST, "badRequest")
        };
        assert_eq!(
            refused("limit=x").await,
            "Invalid input received: limit must be an integer"
        );
        assert_eq!(refused("marker=99").await, "Marker 99 could not be found.");
        assert_eq!(
            refused("marker=not-an-id").await,
            "Marker not-an-id could not be found."
        );
        assert_eq!(
            refused("sort_key=bogus").await,
            "InvalidSortKey('Sort key supplied is invalid: bogus')"
        );
        assert_eq!(
            refused("sort_key=hosts").await,
            "InvalidSortKey('Sort key supplied is invalid: hosts')"
        );
    })
    .await;
}

#[tokio::test]
async fn a_list_is_capped_in_silence_and_a_limit_of_zero_asks_for_nothing() {
    use crate::support::with_settings;
    with_settings(
        |settings| settings.limit_max = 2,
        async |api| {
            for name in ["a", "b", "c"] {
                api.segment(name).await;
            }
            assert_eq!(listed(api, "").await, ["c", "b"]);
            assert_eq!(listed(api, "limit=3").await, ["c", "b"]);
            assert_eq!(listed(api, "limit=1&limit=2&marker=3").await, ["b", "a"]);
            assert_eq!(
                listed(api, "limit=0&marker=99&sort_dir=up&sort_key=bogus").await,
                [""; 0]
            );
        },
    )
    .await;
}

#[tokio::test]
async fn an_ending_in_the_path_is_ignored_and_missing_actions_are_405() {
    with_api(async |api| {
        let uuid = api.segment("seg1").await;
        api.get("/v1/segments.json").await.ok(200);
        api.get(&format!("{SEGMENTS}/{uuid}.xml")).await.ok(200);
        for (method, path, action) in [
            ("GET", "/v1/segments/new".to_owned(), "new"),
            ("GET", format!("{SEGMENTS}/{uuid}/edit"), "edit"),
            ("POST", format!("{SEGMENTS}/{uuid}/action"), "action"),
        ] {
            let message = api
                .by("admin", method, &path, None)
                .await
                .fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod");
            assert!(
                message.contains(&format!("'{method}' with action: '{action}'")),
                "{message}"
            );
        }
    })
    .await;
}
