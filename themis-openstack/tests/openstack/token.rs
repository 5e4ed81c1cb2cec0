//! Whom the validator believes, for how long, and what it costs Keystone.

use std::time::Duration;

use serde_json::json;
use themis_openstack::token::{TokenError, TokenValidator};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::fake::{Fake, later, nobody, raw, session};

pub(crate) const TOKENS: &str = "/v3/auth/tokens";

pub(crate) fn bearer(ends_in: Duration) -> ResponseTemplate {
    let ends = (OffsetDateTime::now_utc() + ends_in).format(&Rfc3339).unwrap();
    ResponseTemplate::new(200).set_body_json(json!({"token": {
        "methods": ["password"], "expires_at": ends, "issued_at": "2026-11-20T10:00:00.000000Z", "audit_ids": ["x"],
        "user": {"id": "u9", "name": "demo", "domain": {"id": "d1", "name": "Users"}, "password_expires_at": null},
        "project": {"id": "p9", "name": "web", "domain": {"id": "d2", "name": "Projects"}},
        "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}], "is_domain": false,
    }}))
}

async fn keystone_says(fake: &Fake, subject: &str, answer: ResponseTemplate, times: u64) {
    Mock::given(method("GET"))
        .and(path(TOKENS))
        .and(header("x-subject-token", subject))
        .and(header("x-auth-token", "token-1"))
        .respond_with(answer)
        .expect(times)
        .mount(&fake.server)
        .await;
}

fn validator(fake: &Fake) -> TokenValidator {
    TokenValidator::new(&fake.session(), Duration::from_secs(300))
}

#[tokio::test]
async fn a_valid_token_names_its_bearer() {
    let fake = Fake::start().await;
    keystone_says(&fake, "good", bearer(Duration::from_secs(3600)), 1).await;
    let caller = validator(&fake).validate("good").await.unwrap();
    assert_eq!(
        (caller.user.id.as_str(), caller.user.domain_name.as_str()),
        ("u9", "Users")
    );
    let project = caller.project.as_ref().unwrap();
    assert_eq!((project.id.as_str(), project.domain_id.as_str()), ("p9", "d2"));
    assert_eq!(caller.roles, ["member", "reader"]);
    assert_eq!((caller.system_scope.as_deref(), caller.is_admin_project), (None, true));
}

#[tokio::test]
async fn a_system_token_has_a_scope_and_no_project() {
    let fake = Fake::start().await;
    let body = json!({"token": {
        "user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}}, "system": {"all": true},
        "roles": [{"id": "r", "name": "admin"}], "expires_at": "2999-01-01T00:00:00.000000Z",
    }});
    keystone_says(&fake, "system", ResponseTemplate::new(200).set_body_json(body), 1).await;
    let caller = validator(&fake).validate("system").await.unwrap();
    assert_eq!(
        (caller.system_scope.as_deref(), caller.project.is_none()),
        (Some("all"), true)
    );
}

#[tokio::test]
async fn fifty_concurrent_questions_about_one_token_ask_keystone_once() {
    let fake = Fake::start().await;
    keystone_says(
        &fake,
        "good",
        bearer(Duration::from_secs(3600)).set_delay(Duration::from_millis(50)),
        1,
    )
    .await;
    let validator = validator(&fake);
    let questions: Vec<_> = (0..50)
        .map(|_| {
            let validator = validator.clone();
            tokio::spawn(async move { validator.validate("good").await })
        })
        .collect();
    for question in questions {
        assert_eq!(question.await.unwrap().unwrap().user.id, "u9");
    }
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_reaches_keystone_a_few_at_a_time() {
    let fake = Fake::start().await;
    let slow = ResponseTemplate::new(404).set_delay(Duration::from_millis(100));
    Mock::given(method("GET"))
        .and(path(TOKENS))
        .respond_with(slow)
        .mount(&fake.server)
        .await;
    let validator = validator(&fake);
    let began = Instant::now();
    let questions: Vec<_> = (0..96)
        .map(|number| {
            let validator = validator.clone();
            tokio::spawn(async move { validator.validate(&format!("wrong-{number}")).await })
        })
        .collect();
    for question in questions {
        assert!(matches!(question.await.unwrap(), Err(TokenError::Invalid)));
    }
    // 96 questions of 100 ms, 32 at a time.
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_refused_token_is_remembered_briefly() {
    let fake = Fake::start().await;
    let words = json!({"error": {"code": 404, "message": "Could not find token: bad.", "title": "Not Found"}});
    keystone_says(&fake, "bad", ResponseTemplate::new(404).set_body_json(words), 2).await;
    let validator = validator(&fake);
    for _ in 0..3 {
        assert!(matches!(validator.validate("bad").await, Err(TokenError::Invalid)));
    }
    later(Duration::from_secs(11)).await;
    assert!(matches!(validator.validate("bad").await, Err(TokenError::Invalid)));
}

#[tokio::test]
async fn a_cached_token_works_while_keystone_is_away_until_its_time_is_over() {
    let fake = Fake::start().await;
    keystone_says(&fake, "good", bearer(Duration::from_secs(3600)), 1).await;
    let validator = validator(&fake);
    validator.validate("good").await.unwrap();
    fake.server.verify().await;
    fake.server.reset().await;
    Mock::given(path(TOKENS))
        .respond_with(ResponseTemplate::new(503))
        .expect(2)
        .mount(&fake.server)
        .await;
    validator.validate("good").await.unwrap();
    assert!(matches!(
        validator.validate("unknown").await,
        Err(TokenError::Unavailable(_))
    ));
    later(Duration::from_secs(299)).await;
    validator.validate("good").await.unwrap();
    later(Duration::from_secs(2)).await;
    assert!(matches!(
        validator.validate("good").await,
        Err(TokenError::Unavailable(_))
    ));
}

#[tokio::test]
async fn an_outage_is_not_remembered() {
    let fake = Fake::start().await;
    Mock::given(method("GET"))
        .and(path(TOKENS))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&fake.server)
        .await;
    keystone_says(&fake, "good", bearer(Duration::from_secs(3600)), 1).await;
    let validator = validator(&fake);
    assert!(matches!(
        validator.validate("good").await,
        Err(TokenError::Unavailable(_))
    ));
    validator.validate("good").await.unwrap();
}

#[tokio::test]
async fn a_token_is_not_believed_beyond_its_end() {
    let fake = Fake::start().await;
    let short = Mock::given(method("GET"))
        .and(path(TOKENS))
        .and(header("x-subject-token", "short"))
        .respond_with(bearer(Duration::from_secs(200)))
        .mount_as_scoped(&fake.server)
        .await;
    let validator = validator(&fake);
    validator.validate("short").await.unwrap();
    drop(short);
    // Keystone knows it no more. Within its time nobody asks; behind it nobody is let in, although the cache would keep an
    // answer for 300 s.
    keystone_says(&fake, "short", ResponseTemplate::new(404), 1).await;
    later(Duration::from_secs(100)).await;
    validator.validate("short").await.unwrap();
    later(Duration::from_secs(101)).await;
    let error = validator.validate("short").await.unwrap_err();
    assert!(matches!(error, TokenError::Invalid), "{error:?}");
}

#[tokio::test]
async fn our_own_token_that_ended_early_is_replaced_before_others_are_judged() {
    let fake = Fake::start().await;
    let question = || {
        Mock::given(method("GET"))
            .and(path(TOKENS))
            .and(header("x-subject-token", "good"))
    };
    let refused = ResponseTemplate::new(401);
    question()
        .and(header("x-auth-token", "token-1"))
        .respond_with(refused)
        .expect(1)
        .mount(&fake.server)
        .await;
    let believed = bearer(Duration::from_secs(3600));
    question()
        .and(header("x-auth-token", "token-2"))
        .respond_with(believed)
        .expect(1)
        .mount(&fake.server)
        .await;
    validator(&fake).validate("good").await.unwrap();
}

#[tokio::test]
async fn a_service_user_without_rights_is_an_outage_and_not_a_refusal() {
    let fake = Fake::start().await;
    let words = json!({"error": {"code": 403, "message": "You are not authorized; token secret-token"}});
    keystone_says(
        &fake,
        "secret-token",
        ResponseTemplate::new(403).set_body_json(words),
        1,
    )
    .await;
    let error = validator(&fake).validate("secret-token").await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(_)));
    assert!(!format!("{error:?}").contains("secret-token"), "{error:?}");
}

#[tokio::test]
async fn keystone_that_cannot_be_reached_is_an_outage() {
    let session = session(&format!("{}/v3", nobody().await));
    let error = TokenValidator::new(&session, Duration::from_secs(300))
        .validate("any")
        .await
        .unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_a_token_costs_keystone_nothing() {
    let fake = Fake::start().await;
    let long = "x".repeat(20_000);
    for token in ["", "two words", "line\r\nX-Admin: 1", "caf\u{e9}", &long] {
        assert!(
            matches!(validator(&fake).validate(token).await, Err(TokenError::Invalid)),
            "{token:.20}"
        );
    }
    assert_eq!(fake.requests(TOKENS).await, 0);
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_within_the_deadline() {
    let (address, seen) = raw(b"HTTP/1.1 200".to_vec()).await;
    let validator = TokenValidator::new(&session(&format!("{address}/v3")), Duration::from_secs(300)).with_retries(2);
    let error = validator.validate("any").await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(_)), "{error:?}");
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn refusals_leave_the_callers_that_are_known_in_their_place() {
    let fake = Fake::start().await;
    keystone_says(&fake, "good", bearer(Duration::from_secs(3600)), 1).await;
    let nobody = Mock::given(method("GET"))
        .and(path(TOKENS))
        .respond_with(ResponseTemplate::new(404));
    nobody.with_priority(9).mount(&fake.server).await;
    let validator = validator(&fake);
    validator.validate("good").await.unwrap();
    for number in 0..200 {
        let word = validator.validate(&format!("wrong-{number}")).await;
        assert!(matches!(word, Err(TokenError::Invalid)));
    }
    validator.validate("good").await.unwrap();
}

#[tokio::test]
async fn our_requests_to_keystone_bear_the_id_of_the_request_that_led_to_them() {
    let fake = Fake::start().await;
    let id = "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
    Mock::given(method("GET"))
        .and(path(TOKENS))
        .and(header("x-openstack-request-id", id))
        .respond_with(bearer(Duration::from_secs(3600)))
        .expect(1)
        .mount(&fake.server)
        .await;
    let validator = validator(&fake);
    themis_openstack::correlation::on_behalf_of(id, validator.validate("good"))
        .await
        .unwrap();
    let login = &fake.server.received_requests().await.unwrap()[0];
    assert_eq!(login.headers["x-openstack-request-id"], id);
}
