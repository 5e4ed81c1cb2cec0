//! Requests with a service's token beside the user's, and tokens that are bound to some requests: as keystonemiddleware.

use std::time::Duration;

use serde_json::{Value, json};
use themis_openstack::token::{Presented, ServiceTokens, TokenError, TokenValidator};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::fake::Fake;
use crate::token::TOKENS;

fn word(name: &str, role: &str, ends_in_s: i64, more: Value) -> ResponseTemplate {
    let ends = OffsetDateTime::now_utc() + time::Duration::seconds(ends_in_s);
    let mut token = json!({
        "user": {"id": name, "name": name, "domain": {"id": "d1", "name": "Users"}},
        "project": {"id": "p9", "name": "web", "domain": {"id": "d2", "name": "Projects"}},
        "roles": [{"id": "r", "name": role}], "expires_at": ends.format(&Rfc3339).unwrap(),
    });
    if let (Some(token), Some(more)) = (token.as_object_mut(), more.as_object()) {
        token.extend(more.clone());
    }
    ResponseTemplate::new(200).set_body_json(json!({"token": token}))
}

async fn knows(fake: &Fake, token: &str, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(TOKENS))
        .and(header("x-subject-token", token))
        .respond_with(answer)
        .mount(&fake.server)
        .await;
}

/// Users `fresh` and `stale` (whose token has expired), services `nova` and, without the role for it, `other`.
async fn keystone() -> Fake {
    let fake = Fake::start().await;
    knows(&fake, "fresh", word("fresh", "member", 3600, json!({}))).await;
    let stale = || Mock::given(method("GET")).and(header("x-subject-token", "stale"));
    let allowed = stale().and(query_param("allow_expired", "1"));
    allowed
        .respond_with(word("stale", "member", -600, json!({})))
        .mount(&fake.server)
        .await;
    let refused = stale().and(query_param_is_missing("allow_expired"));
    refused
        .respond_with(ResponseTemplate::new(404))
        .mount(&fake.server)
        .await;
    knows(&fake, "nova", word("nova", "service", 3600, json!({}))).await;
    knows(&fake, "other", word("other", "member", 3600, json!({}))).await;
    fake
}

fn validator(fake: &Fake) -> TokenValidator {
    TokenValidator::new(&fake.session(), Duration::from_secs(300))
}

fn with<'a>(user: Option<&'a str>, service: Option<&'a str>) -> Presented<'a> {
    Presented {
        user,
        service,
        method: "GET",
        path: "/v1/segments",
    }
}

#[tokio::test]
async fn a_service_is_named_beside_its_user() {
    let fake = keystone().await;
    let validator = validator(&fake);
    let caller = validator.authenticate(with(Some("fresh"), Some("nova"))).await.unwrap();
    let service = caller.service.as_ref().unwrap();
    assert_eq!((caller.user.id.as_str(), service.user.id.as_str()), ("fresh", "nova"));
    let alone = validator.authenticate(with(Some("fresh"), None)).await.unwrap();
    assert!(alone.service.is_none());
}

#[tokio::test]
async fn a_service_may_bring_an_expired_token_and_nobody_else_may() {
    let fake = keystone().await;
    let validator = validator(&fake);
    let refused = async |service| {
        let word = validator.authenticate(with(Some("stale"), service)).await;
        assert!(matches!(word, Err(TokenError::Invalid)), "{service:?}: {word:?}");
    };
    refused(None).await;
    for _ in 0..2 {
        let caller = validator.authenticate(with(Some("stale"), Some("nova"))).await.unwrap();
        assert_eq!(caller.user.id, "stale");
    }
    // What the cache now holds is no good without the service.
    refused(None).await;
    refused(Some("other")).await;
    refused(Some("stale")).await;
}

#[tokio::test]
async fn a_service_token_without_the_role_is_refused_unless_roles_are_not_required() {
    let fake = keystone().await;
    let strict = validator(&fake);
    let word = strict.authenticate(with(Some("fresh"), Some("other"))).await;
    assert!(matches!(word, Err(TokenError::Invalid)), "{word:?}");
    let lax = validator(&fake).with_services(ServiceTokens {
        roles_required: false,
        ..ServiceTokens::default()
    });
    let caller = lax.authenticate(with(Some("fresh"), Some("other"))).await.unwrap();
    assert_eq!(caller.service.as_ref().unwrap().user.id, "other");
    let word = lax.authenticate(with(Some("stale"), Some("other"))).await;
    assert!(matches!(word, Err(TokenError::Invalid)), "{word:?}");
    let named = validator(&fake).with_services(ServiceTokens {
        roles: vec!["monitor".to_owned(), "member".to_owned()],
        ..ServiceTokens::default()
    });
    named.authenticate(with(Some("stale"), Some("other"))).await.unwrap();
}

#[tokio::test]
async fn a_service_token_does_not_stand_for_the_users() {
    let fake = keystone().await;
    let word = validator(&fake).authenticate(with(None, Some("nova"))).await;
    assert!(matches!(word, Err(TokenError::Invalid)), "{word:?}");
}

#[tokio::test]
async fn a_bound_token_may_be_used_for_the_listed_requests_only() {
    let fake = Fake::start().await;
    let rules = json!({"application_credential": {"id": "c", "restricted": true, "access_rules": [
        {"id": "1", "service": "instance-ha", "method": "GET", "path": "/v1/segments/**"},
        {"id": "2", "service": "compute", "method": "POST", "path": "/**"},
    ]}});
    knows(&fake, "bound", word("bound", "admin", 3600, rules)).await;
    knows(
        &fake,
        "free",
        word(
            "free",
            "admin",
            3600,
            json!({"application_credential": {"id": "c", "restricted": true}}),
        ),
    )
    .await;
    let validator = validator(&fake);
    let ask = async |token, method, path| {
        let presented = Presented {
            user: Some(token),
            service: None,
            method,
            path,
        };
        validator.authenticate(presented).await.is_ok()
    };
    assert!(ask("bound", "GET", "/v1/segments/x/hosts").await);
    assert!(!ask("bound", "GET", "/v1/notifications").await);
    assert!(!ask("bound", "POST", "/v1/segments/x/hosts").await);
    assert!(!ask("bound", "POST", "/v1/notifications").await);
    assert!(ask("free", "POST", "/v1/notifications").await);
    assert!(matches!(validator.validate("bound").await, Err(TokenError::Invalid)));
}
