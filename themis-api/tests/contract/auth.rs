//! Who gets in, over HTTP: every kind of token against every kind of rule, service tokens, bound tokens, a real Keystone
//! that signs its tokens, and the ids that are handed on.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use themis_openstack::token::TokenValidator;

use crate::cloud::PROJECT;
use crate::private_keystone::{PrivateKeystone, keys};
use crate::support::{Answer, Api, send, with_api, with_tokens};

/// A refusal is the token filter's own, to the letter.
#[track_caller]
fn is_refused(answer: &Answer, why: &str) {
    let body = r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}"#;
    assert_eq!((answer.status, answer.text.as_str()), (401, body), "{why}");
    assert_eq!(
        answer.header("www-authenticate"),
        "Keystone uri=\"http://keystone:5000\"",
        "{why}"
    );
}

#[tokio::test]
async fn without_a_valid_token_nobody_learns_anything() {
    with_api(async |api| {
        for (method, path) in [
            ("GET", "/v1"),
            ("GET", "/v1/segments"),
            ("POST", "/v1/notifications"),
            ("PUT", "/v1/nowhere"),
            ("DELETE", "/themis/v1/hosts/x"),
            ("GET", "/themis/v1/mode"),
        ] {
            is_refused(&send(api.bare(method, path)).await, path);
            for token in ["", "token-of-nobody", "gAAAAAB", "two words", "caf\u{e9}"] {
                let request = api.bare(method, path).header("x-auth-token", token.as_bytes());
                is_refused(&send(request).await, token);
            }
            // What a proxy or a client says of itself counts for nothing.
            let told = api.bare(method, path).header("x-identity-status", "Confirmed");
            let told = told.header("x-roles", "admin").header("x-user-id", "u");
            is_refused(&send(told).await, path);
        }
    })
    .await;
}

#[tokio::test]
async fn each_kind_of_token_may_do_what_the_default_rules_say() {
    with_api(async |api| {
        let new = |name: &str| json!({"segment": {"name": name, "recovery_method": "auto", "service_type": "COMPUTE"}});
        // Who, and the statuses of: list, create, states of ours, the mode of ours.
        for (who, list, create, states, mode) in [
            ("admin", 200, 201, 200, 202),
            ("system-admin", 200, 201, 200, 202),
            ("system-reader", 200, 403, 200, 403),
            // Masakari knows no scopes; rules of ours do.
            ("domain-admin", 200, 201, 403, 403),
            ("member", 403, 403, 403, 403),
            ("service", 403, 403, 403, 403),
        ] {
            let arm = json!({"mode": {"value": "observe", "reason": "trial"}});
            let seen = [
                api.by(who, "GET", "/v1/segments", None).await,
                api.by(who, "POST", "/v1/segments", Some(new(who))).await,
                api.by(who, "GET", "/themis/v1/hosts", None).await,
                api.by(who, "PUT", "/themis/v1/mode", Some(arm)).await,
            ];
            assert_eq!(
                seen.each_ref().map(|answer| answer.status),
                [list, create, states, mode],
                "{who}: {seen:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_token_lets_an_expired_one_pass_and_a_bad_one_spoils_a_good_one() {
    with_api(async |api| {
        let ask = async |user: &str, service: &str| {
            let request = api.request(user, "GET", "/v1/segments");
            send(request.header("x-service-token", format!("token-of-{service}"))).await
        };
        assert_eq!(ask("admin", "service").await.status, 200);
        is_refused(&api.by("stale", "GET", "/v1/segments", None).await, "expired");
        // Let in, and then judged by its own roles.
        assert_eq!(ask("stale", "service").await.status, 403);
        is_refused(&ask("stale", "member").await, "no service");
        is_refused(&ask("admin", "member").await, "a service token without the role");
        is_refused(&ask("admin", "nobody").await, "an unknown service token");
        let alone = api
            .bare("GET", "/v1/segments")
            .header("x-service-token", "token-of-service");
        is_refused(&send(alone).await, "no user");
    })
    .await;
}

#[tokio::test]
async fn a_bound_token_is_good_for_the_requests_that_it_lists() {
    with_api(async |api| {
        let ask = async |method: &str, path: &str| api.by("bound", method, path, None).await;
        assert_eq!(ask("GET", "/v1/segments?limit=1").await.status, 200);
        assert_eq!(ask("GET", &format!("/v1/{PROJECT}/segments")).await.status, 200);
        is_refused(&ask("GET", "/v1/segments/x").await, "another path");
        is_refused(&ask("POST", "/v1/segments").await, "another method");
        is_refused(&ask("GET", "/themis/v1/hosts").await, "another path");
    })
    .await;
}

#[tokio::test]
async fn keystone_and_nova_hear_the_id_of_the_request_that_led_to_them() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        let path = format!("/v1/segments/{segment}/hosts");
        let host = |name: &str| json!({"host": {"name": name, "type": "COMPUTE", "control_attributes": "SSH"}});
        let heard = || std::mem::take(&mut *api.cloud.request_ids.lock().unwrap());
        heard();
        let global = "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
        let request = api.request("system-admin", "POST", &path).json(&host("compute-1"));
        let answer = send(request.header("x-openstack-request-id", global)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(heard(), [global, global], "a validation, a question to nova");
        let answer = api.post(&path, host("compute-2")).await;
        assert_eq!(
            heard(),
            [answer.header("x-openstack-request-id")],
            "our own id where none was given"
        );
    })
    .await;
}

#[tokio::test]
async fn tokens_that_a_real_keystone_signs_open_the_api() {
    let Some(mut keystone) = PrivateKeystone::start() else {
        return;
    };
    let tokens =
        TokenValidator::new(&keystone.session, Duration::from_secs(300)).with_jws(Some(keys(&keystone.path("public"))));
    with_tokens(tokens, async |api| {
        let admin = keystone.issue_for_project().await;
        let system = keystone.issue(json!({"system": {"all": true}})).await;
        let unscoped = keystone.issue(json!("unscoped")).await;
        let (signed, _) = admin.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", system.rsplit_once('.').unwrap().1);
        let before = keystone.validations();
        is_refused(&list(api, &forged).await, "forged");
        assert_eq!(keystone.validations(), before);
        assert_eq!(list(api, &admin).await.status, 200);
        assert_eq!(list(api, &system).await.status, 200);
        let message = list(api, &unscoped).await.fault(StatusCode::FORBIDDEN, "forbidden");
        assert!(
            message.starts_with("Policy doesn't allow os_masakari_api:segments:index"),
            "{message}"
        );
        keystone.rotate();
        // As SIGHUP does; without it a token of the new key is refused for a second at most.
        api.app.tokens.jws_keys().unwrap().reload().await;
        let rotated = keystone.issue_for_project().await;
        assert_eq!(list(api, &rotated).await.status, 200);
        let late = keystone.issue_for_project().await;
        keystone.stop();
        assert_eq!(list(api, &admin).await.status, 200);
        is_refused(&list(api, &forged).await, "forged");
        let answer = list(api, &late).await;
        let words = "The Keystone service is temporarily unavailable.";
        assert_eq!((answer.status, answer.text.as_str()), (503, words));
    })
    .await;
}

async fn list(api: &Api, token: &str) -> Answer {
    send(api.bare("GET", "/v1/segments").header("x-auth-token", token.to_owned())).await
}
