//! What the comparison with real Masakaris (`interop/masakari_contract`) found to differ, one test each.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{BODY_MAX, send, with_api, with_settings};

const NOBODY: &str = "11111111-1111-4111-8111-111111111111";

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_refused_before_the_token_is_looked_at() {
    with_api(async |api| {
        let large = "x".repeat(usize::try_from(BODY_MAX).unwrap() + 1);
        let answer = send(api.bare("POST", "/v1/segments").body(large)).await;
        assert_eq!(answer.status, 413);
        assert!(answer.header("x-openstack-request-id").starts_with("req-"));
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_is_answered_without_a_charset() {
    with_api(async |api| {
        let answer = send(api.bare("GET", "/v1/segments")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (401, "application/json")
        );
    })
    .await;
}

#[tokio::test]
async fn no_answer_lists_the_methods_of_a_path_and_options_has_no_request_id() {
    with_api(async |api| {
        for (method, path, status) in [
            ("OPTIONS", "/v1/segments", 200),
            ("PATCH", "/v1/segments", 401),
            ("PUT", "/healthcheck", 200),
        ] {
            let answer = send(api.bare(method, path)).await;
            assert_eq!((answer.status, answer.header("allow")), (status, ""), "{method} {path}");
            let is_named = !answer.header("x-openstack-request-id").is_empty();
            assert_eq!(is_named, method == "PATCH", "{method} {path}");
        }
        let elsewhere = send(api.bare("OPTIONS", "/foo")).await;
        assert_eq!(elsewhere.status, 300, "CORS is for where tokens are demanded");
    })
    .await;
}

#[tokio::test]
async fn head_of_an_unrouted_path_is_an_empty_page_whatever_is_accepted() {
    with_api(async |api| {
        let answer = send(
            api.request("admin", "HEAD", "/v1/segments")
                .header("accept", "text/plain"),
        )
        .await;
        assert_eq!(
            (
                answer.status,
                answer.header("content-type"),
                answer.header("content-length")
            ),
            (404, "text/html; charset=UTF-8", "0")
        );
    })
    .await;
}

#[tokio::test]
async fn the_health_check_answers_any_method_in_the_form_that_the_caller_prefers() {
    with_api(async |api| {
        let asked = async |method: &str, path: &str, accept: &'static str| {
            send(api.bare(method, path).header("accept", accept)).await
        };
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(asked(method, "/healthcheck", "*/*").await.text, "OK", "{method}");
        }
        assert_eq!(asked("GET", "/healthcheck/x", "text/plain").await.text, "OK");
        let page = asked("GET", "/healthcheck", "text/html;q=0.9, application/json;q=0.5").await;
        assert_eq!(page.header("content-type"), "text/html; charset=UTF-8");
        assert!(page.text.contains("<TD>OK</TD>"), "{}", page.text);
        let json = asked("GET", "/healthcheck/", "application/json").await;
        assert_eq!(json.json(), json!({"detailed": false, "reasons": ["OK"]}));
        let head = asked("HEAD", "/healthcheck", "*/*").await;
        assert_eq!(
            (head.status, head.header("content-type"), head.header("content-length")),
            (204, "", "")
        );
    })
    .await;
    let drained = |settings: &mut themis_api::config::Settings| settings.disable_file = "/".into();
    with_settings(drained, async |api| {
        let head = send(api.bare("HEAD", "/healthcheck")).await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (503, "text/plain; charset=UTF-8")
        );
        let page = send(api.bare("POST", "/healthcheck").header("accept", "text/html")).await;
        assert!(page.text.contains("<TD>DISABLED BY FILE</TD>"), "{}", page.text);
    })
    .await;
}

#[tokio::test]
async fn escapes_in_a_path_are_taken_back_before_it_is_routed() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let escaped = format!("/%76%31/%73egments%2F{segment}");
        assert_eq!(api.get(&escaped).await.ok(200)["segment"]["name"], "seg1");
        assert_eq!(api.get("/v1/segments/a%2Fb").await.status, 404);
        assert_eq!(
            send(api.bare("GET", "/%76%31/segments")).await.status,
            401,
            "it is guarded as well"
        );
        // The access rules of an application credential are judged by the same path.
        assert_eq!(api.by("bound", "GET", "/%76%31//segments", None).await.status, 200);
        assert_eq!(api.by("bound", "GET", &escaped, None).await.status, 401);
        assert_eq!(send(api.bare("GET", "/%74hemis%2Fv1/hosts")).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_media_type_that_is_not_json_is_refused_whatever_the_method_and_the_path() {
    with_api(async |api| {
        for method in ["GET", "DELETE", "PUT"] {
            let request = api.request("admin", method, &format!("/v1/segments/{NOBODY}"));
            let answer = send(request.header("content-type", "application/xml")).await;
            assert_eq!(
                answer.fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, "badMediaType"),
                "Unsupported Content-Type"
            );
        }
        for path in ["/", "/foo"] {
            let answer = send(api.bare("GET", path).header("content-type", "text/html")).await;
            assert_eq!(answer.status, 415, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn outside_v1_a_body_that_is_declared_empty_is_none() {
    with_api(async |api| {
        for (path, status) in [("/", 200), ("/foo", 300)] {
            let answer = send(api.bare("POST", path).header("content-length", "0")).await;
            assert_eq!(answer.status, status, "{path}");
            let answer = send(api.bare("POST", path).body("{")).await;
            assert_eq!(
                answer.fault(StatusCode::BAD_REQUEST, "badRequest"),
                "Malformed request body"
            );
            let large = " ".repeat(usize::try_from(BODY_MAX).unwrap() + 1);
            assert_eq!(send(api.bare("POST", path).body(large)).await.status, 413, "{path}");
        }
        for path in ["/", "/foo"] {
            let own = "application/vnd.openstack.masakari+json";
            let named = send(api.bare("GET", path).header("accept", own)).await;
            assert_eq!(named.header("content-type"), own, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_update_that_changes_nothing_leaves_the_time_of_the_last_change() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let host = api.host(&segment, "compute-1").await;
        let (one, other) = (
            format!("/v1/segments/{segment}"),
            format!("/v1/segments/{segment}/hosts/{host}"),
        );
        let put = async |path: &str, body| send(api.request("admin", "PUT", path).json(&body)).await.ok(200);
        let same = put(&one, json!({"segment": {"name": "seg1", "recovery_method": "auto"}})).await;
        assert_eq!(same["segment"]["updated_at"], json!(null));
        let same = put(
            &other,
            json!({"host": {"name": "compute-1", "on_maintenance": "False", "type": "COMPUTE"}}),
        )
        .await;
        assert_eq!(same["host"]["updated_at"], json!(null));
        let changed = put(&one, json!({"segment": {"description": "new"}})).await;
        assert!(changed["segment"]["updated_at"].is_string(), "{changed}");
        let changed = put(&other, json!({"host": {"on_maintenance": true, "type": "COMPUTE"}})).await;
        assert!(changed["host"]["updated_at"].is_string(), "{changed}");
    })
    .await;
}

#[tokio::test]
async fn a_limit_is_judged_before_the_parent_and_the_rest_of_the_page_after_it() {
    with_api(async |api| {
        let of = |query: &str| format!("/v1/segments/{NOBODY}/hosts?{query}");
        assert_eq!(api.get(&of("limit=x")).await.status, 400);
        for query in ["sort_dir=up", "marker=x", "sort_key=bogus", "reserved=x"] {
            assert_eq!(api.get(&of(query)).await.status, 404, "{query}");
        }
        let two = api.get("/v1/segments?limit=0;sort_dir=up").await;
        assert_eq!(two.status, 200, "a semicolon parts parameters: {}", two.text);
    })
    .await;
}

#[tokio::test]
async fn the_action_new_is_missing_before_the_project_in_the_path_is_looked_at() {
    with_api(async |api| {
        let message = |answer: crate::support::Answer| answer.fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod");
        assert_eq!(
            message(api.get("/v1/ffff/segments/new").await),
            "The request method: 'GET' with action: 'new' is not allowed on this resource"
        );
        assert_eq!(api.get("/v1/bogus/new").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_microversion_that_is_not_ascii_is_malformed() {
    with_api(async |api| {
        let request = api.request("admin", "GET", "/v1/segments");
        let given = reqwest::header::HeaderValue::from_bytes(b"instance-ha \xb2.0").unwrap();
        let answer = send(request.header("openstack-api-version", given)).await;
        assert_eq!(
            answer.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "API Version String \u{b2}.0 is of invalid format. Must be of format MajorNum.MinorNum."
        );
    })
    .await;
}
