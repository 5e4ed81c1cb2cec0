//! What every route has in common: the order of checks, tokens, ids, sizes, the health check.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::cloud::PROJECT;
use crate::support::{BODY_MAX, send, with_api, with_settings};

const OTHER: &str = "/v1/ffff/segments";

#[tokio::test]
async fn checks_come_in_the_order_of_the_contract() {
    with_api(async |api| {
        let versioned = |who: &str, method: &str, path: &str, version: &str| {
            api.request(who, method, path)
                .header("openstack-api-version", version.to_owned())
        };
        // Too large, without a token and at a path that does not exist.
        let large = "x".repeat(usize::try_from(BODY_MAX).unwrap() + 1);
        assert_eq!(send(api.bare("POST", "/v1/nowhere").body(large)).await.status, 413);
        // No token, and everything else wrong too.
        let request = api
            .bare("POST", "/v1/nowhere")
            .header("content-type", "text/html")
            .body("x");
        assert_eq!(send(request).await.status, 401);
        // Microversion before media type.
        let request = versioned("member", "POST", OTHER, "instance-ha 1.9")
            .header("content-type", "text/html")
            .body("x");
        assert_eq!(send(request).await.status, 406);
        // Media type before the missing action.
        let request = api
            .request("member", "PUT", "/v1/notifications/x")
            .header("content-type", "text/html")
            .body("{");
        send(request)
            .await
            .fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, "badMediaType");
        // The missing action before the body.
        let answer = send(api.request("member", "PUT", "/v1/notifications/x").body("{")).await;
        let message = answer.fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod");
        assert_eq!(
            message,
            "The request method: 'PUT' with action: 'update' is not allowed on this resource"
        );
        // The body before the project in the path.
        let answer = send(api.request("member", "POST", OTHER).body("{")).await;
        assert_eq!(
            answer.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "Malformed request body"
        );
        // The project before the schema.
        let answer = send(api.request("member", "POST", OTHER).body("{}")).await;
        assert_eq!(
            answer.fault(StatusCode::BAD_REQUEST, "badRequest"),
            format!("Malformed request URL: URL's project_id 'ffff' doesn't match Context's project_id '{PROJECT}'")
        );
        // The schema before the right.
        let answer = send(api.request("member", "POST", "/v1/segments").body("{}")).await;
        assert_eq!(
            answer.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "'segment' is a required property"
        );
        let answer = send(api.request("member", "POST", "/v1/segments")).await;
        assert_eq!(
            answer.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "None is not of type 'object'"
        );
        // The right before existence.
        let answer = api.by("member", "GET", "/v1/segments/x", None).await;
        assert_eq!(
            answer.fault(StatusCode::FORBIDDEN, "forbidden"),
            "Policy doesn't allow os_masakari_api:segments:detail to be performed."
        );
    })
    .await;
}

#[tokio::test]
async fn a_project_in_the_path_must_be_the_tokens() {
    with_api(async |api| {
        assert_eq!(api.get(&format!("/v1/{PROJECT}/segments")).await.status, 200);
        assert_eq!(api.get(OTHER).await.status, 400);
        assert_eq!(api.by("member", "GET", OTHER, None).await.status, 400);
        assert_eq!(
            api.by("system-reader", "GET", &format!("/v1/{PROJECT}/segments"), None)
                .await
                .status,
            400
        );
    })
    .await;
}

#[tokio::test]
async fn a_valid_token_is_asked_about_once_and_works_while_keystone_is_away() {
    with_api(async |api| {
        for _ in 0..5 {
            api.get("/v1/segments").await.ok(200);
        }
        assert_eq!(api.cloud.validations.load(Ordering::Relaxed), 1);
        api.cloud.keystone_fails.store(true, Ordering::Relaxed);
        api.get("/v1/segments").await.ok(200);
        let answer = api.by("member", "GET", "/v1/segments", None).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (503, "The Keystone service is temporarily unavailable.")
        );
        api.cloud.keystone_fails.store(false, Ordering::Relaxed);
        assert_eq!(api.by("member", "GET", "/v1/segments", None).await.status, 403);
        assert_eq!(api.by("nobody", "GET", "/v1/segments", None).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    with_api(async |api| {
        let given = "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
        let answer = send(
            api.request("admin", "GET", "/v1/segments")
                .header("x-openstack-request-id", given),
        )
        .await;
        let own = answer.header("x-openstack-request-id").to_owned();
        assert!(own.starts_with("req-") && own != given, "{own}");
        assert_ne!(api.get("/v1/segments").await.header("x-openstack-request-id"), own);
        assert!(
            send(api.bare("GET", "/v1/segments"))
                .await
                .header("x-openstack-request-id")
                .starts_with("req-")
        );
        assert_eq!(
            send(api.bare("GET", "/healthcheck"))
                .await
                .header("x-openstack-request-id"),
            ""
        );
    })
    .await;
}

#[tokio::test]
async fn a_body_without_a_declared_length_is_bounded_too() {
    with_api(async |api| {
        let chunk = "x".repeat(usize::try_from(BODY_MAX).unwrap() + 1);
        let stream = futures::stream::iter([Ok::<_, std::io::Error>(chunk)]);
        let request = api
            .request("admin", "POST", "/v1/segments")
            .header("accept", "application/json");
        let answer = send(request.body(reqwest::Body::wrap_stream(stream))).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (
                413,
                r#"{"message":"Request is too large. Larger than max_request_body_size (20000).<br /><br />\n\n\n","code":"413 Request Entity Too Large","title":"Request Entity Too Large"}"#
            )
        );
    })
    .await;
}

#[tokio::test]
async fn media_types_that_are_not_json_are_refused_and_absent_ones_taken() {
    with_api(async |api| {
        let body = json!({"segment": {"name": "s", "recovery_method": "auto", "service_type": "COMPUTE"}}).to_string();
        let post = |media: &'static str| {
            api.request("admin", "POST", "/v1/segments")
                .header("content-type", media)
                .body(body.clone())
        };
        let message = send(post("application/xml"))
            .await
            .fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, "badMediaType");
        assert_eq!(message, "Unsupported Content-Type");
        send(post("text/plain")).await.ok(201);
        let taken = send(api.request("admin", "POST", "/v1/segments").body(body.clone())).await;
        assert_eq!(
            taken.fault(StatusCode::CONFLICT, "conflictingRequest"),
            "Failover segment with name s already exists."
        );
    })
    .await;
}

#[tokio::test]
async fn an_answer_bears_the_name_of_json_that_the_caller_prefers_and_a_fault_the_plain_one() {
    with_api(async |api| {
        let own = "application/vnd.openstack.masakari+json";
        let asked = async |path: &str, accept: &'static str| {
            let answer = send(api.request("admin", "GET", path).header("accept", accept)).await;
            answer.header("content-type").to_owned()
        };
        assert_eq!(asked("/v1/segments", own).await, own);
        assert_eq!(asked("/v1/segments.json", own).await, "application/json");
        assert_eq!(asked("/v1/segments", "text/html").await, "application/json");
        assert_eq!(asked("/v1/segments/x", own).await, "application/json; charset=UTF-8");
    })
    .await;
}

#[tokio::test]
async fn options_is_answered_empty_without_a_token() {
    with_api(async |api| {
        let answer = send(api.bare("OPTIONS", "/v1/segments")).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    })
    .await;
}

#[tokio::test]
async fn only_an_allowed_origin_is_told_what_it_may_do() {
    let allow = |settings: &mut themis_api::config::Settings| {
        settings.cors.allowed_origin = vec!["https://horizon.example".to_owned()]
    };
    with_settings(allow, async |api| {
        let asked = async |method: &str, origin: &str| {
            let request = api.bare(method, "/v1/segments").header("origin", origin.to_owned());
            send(request.header("access-control-request-method", "PUT")).await
        };
        let first = asked("OPTIONS", "https://horizon.example").await;
        assert_eq!(first.header("access-control-allow-origin"), "https://horizon.example");
        assert_eq!((first.status, first.header("access-control-max-age")), (200, "3600"));
        assert_eq!(first.header("access-control-allow-methods"), "PUT");
        let with_headers = async |wanted: &str| {
            let request = api
                .bare("OPTIONS", "/v1/segments")
                .header("origin", "https://horizon.example");
            let request = request.header("access-control-request-method", "POST");
            send(request.header("access-control-request-headers", wanted.to_owned())).await
        };
        let granted = with_headers("x-auth-token, content-type").await;
        assert_eq!(
            granted.header("access-control-allow-headers"),
            "x-auth-token,content-type"
        );
        let not_listed = with_headers("x-auth-token, x-other").await;
        assert_eq!(
            (not_listed.status, not_listed.header("access-control-allow-origin")),
            (200, "")
        );
        // A refusal may be read by the page too.
        let refused = asked("GET", "https://horizon.example").await;
        assert_eq!(
            (refused.status, refused.header("access-control-allow-origin")),
            (401, "https://horizon.example")
        );
        let stranger = asked("OPTIONS", "https://evil.example").await;
        assert_eq!(
            (stranger.status, stranger.header("access-control-allow-origin")),
            (200, "")
        );
    })
    .await;
}

#[tokio::test]
async fn more_requests_than_the_limit_are_refused_at_once_and_health_is_answered_still() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    with_settings(
        |settings| settings.concurrency_max = 1,
        async |api| {
            let segment = api.segment("seg1").await;
            let path = format!("/v1/segments/{segment}/hosts");
            let other = sea_orm::Database::connect(api.database_url.as_str()).await.unwrap();
            let lock = other.begin().await.unwrap();
            lock.execute_unprepared("SELECT * FROM leases FOR UPDATE")
                .await
                .unwrap();
            let body = json!({"host": {"name": "compute-7", "type": "COMPUTE", "control_attributes": "SSH"}});
            let held = api.post(&path, body);
            let meanwhile = async {
                // Until the first one has taken the only place.
                let mut answer = api.get("/v1/segments").await;
                while answer.status == 200 {
                    answer = api.get("/v1/segments").await;
                }
                let message = answer.fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
                assert_eq!(message, "The service is too busy. Try again later.");
                assert_eq!(send(api.bare("GET", "/healthcheck")).await.status, 200);
                lock.rollback().await.unwrap();
            };
            let (held, ()) = futures::join!(held, meanwhile);
            assert_eq!(held.status, 201, "{}", held.text);
        },
    )
    .await;
}

#[tokio::test]
async fn the_health_check_needs_no_token_and_obeys_the_drain_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    let put = |settings: &mut themis_api::config::Settings| settings.disable_file = path;
    with_settings(put, async |api| {
        let answer = send(api.bare("GET", "/healthcheck")).await;
        assert_eq!((answer.status, answer.text.as_str()), (503, "DISABLED BY FILE"));
    })
    .await;
    with_api(async |api| {
        let answer = send(api.bare("GET", "/healthcheck")).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "OK"));
        assert_eq!(send(api.bare("HEAD", "/healthcheck")).await.status, 204);
        let json = send(api.bare("GET", "/healthcheck").header("accept", "application/json"))
            .await
            .ok(200);
        assert_eq!(json, json!({"detailed": false, "reasons": ["OK"]}));
    })
    .await;
}

#[tokio::test]
async fn a_database_without_tables_is_our_fault_and_says_nothing_of_its_cause() {
    use sea_orm::ConnectionTrait;
    with_api(async |api| {
        api.store.execute_unprepared("DROP TABLE vmoves").await.unwrap();
        api.store.execute_unprepared("DROP TABLE hosts").await.unwrap();
        api.store
            .execute_unprepared("DROP TABLE failover_segments")
            .await
            .unwrap();
        let message = api
            .get("/v1/segments")
            .await
            .fault(StatusCode::INTERNAL_SERVER_ERROR, "masakariFault");
        assert!(!message.contains("failover_segments"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn an_overlong_request_is_503_and_leaves_nothing_behind() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let short = |settings: &mut themis_api::config::Settings| settings.request_timeout = Duration::from_millis(500);
    with_settings(short, async |api| {
        let segment = api.segment("seg1").await;
        let path = format!("/v1/segments/{segment}/hosts");
        let other = sea_orm::Database::connect(api.database_url.as_str()).await.unwrap();
        let lock = other.begin().await.unwrap();
        lock.execute_unprepared("SELECT * FROM leases FOR UPDATE")
            .await
            .unwrap();
        let body = json!({"host": {"name": "compute-7", "type": "COMPUTE", "control_attributes": "SSH"}});
        let message = api
            .post(&path, body)
            .await
            .fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert!(message.starts_with("The request took too long"), "{message}");
        lock.rollback().await.unwrap();
        assert_eq!(api.get(&path).await.ok(200)["hosts"], json!([]));
    })
    .await;
}
