//! Tokens of a real Keystone that signs them (`[token] provider = jws`): signature, times, rotation, revocation, outage,
//! service tokens, scopes, application credentials, TLS. One Keystone serves them all, one story after the other.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use themis_openstack::keystone::{
    AppCredential, ClientCertificate, Cloud, Credentials, Person, Scope, ServiceType, Session,
};
use themis_openstack::policy::{Policy, Target};
use themis_openstack::service::{Method, Request, ServiceClient};
use themis_openstack::token::{Presented, TokenError, TokenValidator};
use themis_openstack::{Effect, IdentityError};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::fake::later;
use crate::private_keystone::{PrivateKeystone, keys};

fn validator(keystone: &PrivateKeystone) -> TokenValidator {
    TokenValidator::new(&keystone.session, Duration::from_secs(300)).with_jws(Some(keys(&keystone.path("public"))))
}

fn invalid<T>(word: &Result<T, TokenError>) -> bool {
    matches!(word, Err(TokenError::Invalid))
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test]
async fn tokens_that_a_real_keystone_signs_are_judged_here_first() {
    let Some(mut keystone) = PrivateKeystone::start() else {
        return;
    };
    a_signed_token_gets_its_roles_from_keystone(&mut keystone).await;
    a_forged_token_costs_keystone_nothing(&mut keystone).await;
    an_expired_token_passes_with_a_service_token_only(&mut keystone).await;
    scopes_are_told_apart(&keystone).await;
    application_credentials_work_for_callers_and_for_ourselves(&keystone).await;
    everybody_is_found_by_id_and_by_name(&keystone).await;
    a_revoked_token_works_until_its_entry_ends(&keystone).await;
    keys_are_rotated_without_a_restart(&mut keystone).await;
    a_cached_token_outlives_keystone(&mut keystone).await;
}

async fn a_signed_token_gets_its_roles_from_keystone(keystone: &mut PrivateKeystone) {
    let validator = validator(keystone);
    let token = keystone.issue_for_project().await;
    assert_eq!(token.split('.').count(), 3, "keystone does not sign its tokens");
    let before = keystone.validations();
    for _ in 0..3 {
        let caller = validator.validate(&token).await.unwrap();
        assert_eq!(caller.project.as_ref().unwrap().name, "admin");
        assert!(caller.roles.iter().any(|role| role == "admin"), "{:?}", caller.roles);
    }
    assert_eq!(keystone.validations() - before, 1);
}

/// The token with its claims changed, signed with a key of choice.
fn again(token: &str, key: &[u8], change: impl FnOnce(&mut Value)) -> String {
    let claims = token.split('.').nth(1).unwrap();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    change(&mut claims);
    let key = EncodingKey::from_ec_pem(key).unwrap();
    encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
}

async fn a_forged_token_costs_keystone_nothing(keystone: &mut PrivateKeystone) {
    let validator = validator(keystone);
    let token = keystone.issue_for_project().await;
    let stranger = std::fs::read(keystone.path("pairs/second/private.pem")).unwrap();
    let forged = again(&token, &stranger, |_| ());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = keystone.issue(json!({"system": {"all": true}})).await;
    let grafted = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
    let before = keystone.validations();
    for forged in [&forged, &grafted, &format!("{signed}.")] {
        assert!(invalid(&validator.validate(forged).await), "{forged}");
    }
    assert_eq!(keystone.validations(), before);
    // Keystone is of the same mind, when it is asked.
    let asking = TokenValidator::new(&keystone.session, Duration::from_secs(300));
    assert!(invalid(&asking.validate(&forged).await));
    assert_eq!(keystone.validations(), before + 1);
}

async fn an_expired_token_passes_with_a_service_token_only(keystone: &mut PrivateKeystone) {
    let validator = validator(keystone).with_services(themis_openstack::token::ServiceTokens {
        roles: vec!["admin".to_owned()],
        ..themis_openstack::token::ServiceTokens::default()
    });
    let service = keystone.issue_for_project().await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    // Keystone's own key, so that only the time is wrong: as after a migration that took longer than its token lived.
    let expired = again(&service, &keystone.private_key(), |claims| {
        claims["iat"] = json!(now - 7200);
        claims["exp"] = json!(now - 600);
    });
    let ask = async |service| {
        let presented = Presented {
            user: Some(&expired),
            service,
            method: "GET",
            path: "/v1",
        };
        validator.authenticate(presented).await
    };
    let before = keystone.validations();
    assert!(invalid(&ask(None).await));
    assert_eq!(keystone.validations(), before, "its time is looked at here");
    let caller = ask(Some(&service)).await.unwrap();
    assert_eq!(caller.service.as_ref().unwrap().user.name, "admin");
    assert!(invalid(&ask(None).await));
}

async fn scopes_are_told_apart(keystone: &PrivateKeystone) {
    let (validator, policy) = (validator(keystone), Policy::defaults());
    let rule = "os_masakari_api:segments:create";
    let system = keystone.issue(json!({"system": {"all": true}})).await;
    let system = validator.validate(&system).await.unwrap();
    assert_eq!(
        (system.system_scope.as_deref(), system.project.is_none()),
        (Some("all"), true)
    );
    policy.authorize(rule, &system, &Target::new()).unwrap();
    let unscoped = keystone.issue(json!("unscoped")).await;
    let unscoped = validator.validate(&unscoped).await.unwrap();
    assert!(unscoped.roles.is_empty() && unscoped.project.is_none(), "{unscoped:?}");
    policy.authorize(rule, &unscoped, &Target::new()).unwrap_err();
}

async fn app_credential(keystone: &PrivateKeystone, name: &str, rules: Option<Value>) -> Cloud {
    let session = &keystone.session;
    let user = session.login(deadline()).await.unwrap().user_id.clone();
    let mut body = json!({"name": name});
    if let Some(rules) = rules {
        body["access_rules"] = rules;
    }
    let path = format!("/users/{user}/application_credentials");
    let make = Request::new("make an application credential", Effect::Once, Method::POST, path);
    let client = ServiceClient::of_cloud(session, ServiceType::IDENTITY);
    let made: Value = client
        .call(&make.body(json!({"application_credential": body})))
        .await
        .unwrap()
        .json()
        .unwrap();
    let text = |key: &str| made["application_credential"][key].as_str().unwrap().to_owned();
    Cloud {
        credentials: Credentials::ApplicationCredential {
            credential: AppCredential::Id(text("id")),
            secret: text("secret").into(),
        },
        ..session.cloud().clone()
    }
}

async fn application_credentials_work_for_callers_and_for_ourselves(keystone: &PrivateKeystone) {
    let ours = Session::new(app_credential(keystone, "ours", None).await).unwrap();
    let validator = TokenValidator::new(&ours, Duration::from_secs(300)).with_jws(Some(keys(&keystone.path("public"))));
    let rules = json!([{"service": "instance-ha", "method": "GET", "path": "/v1/segments/*"}]);
    let bound = Session::new(app_credential(keystone, "bound", Some(rules)).await).unwrap();
    let free = ours.login(deadline()).await.unwrap();
    let bound = bound.login(deadline()).await.unwrap();
    let ask = async |token: &str, method: &str, path: &str| {
        let presented = Presented {
            user: Some(token),
            service: None,
            method,
            path,
        };
        validator.authenticate(presented).await
    };
    assert!(
        ask(free.token.expose_secret(), "POST", "/v1/notifications")
            .await
            .is_ok()
    );
    assert!(
        ask(bound.token.expose_secret(), "GET", "/v1/segments/abc")
            .await
            .is_ok()
    );
    assert!(invalid(
        &ask(bound.token.expose_secret(), "DELETE", "/v1/segments/abc").await
    ));
    assert!(invalid(
        &ask(bound.token.expose_secret(), "GET", "/v1/notifications").await
    ));
}

/// The ways in which a configuration names a user, a credential and a trust: what we send for each, a real Keystone takes.
async fn everybody_is_found_by_id_and_by_name(keystone: &PrivateKeystone) {
    let cloud = keystone.session.cloud();
    let login = keystone.session.login(deadline()).await.unwrap();
    let (user, project) = (login.user_id.clone(), login.project_id.clone().unwrap());
    let Credentials::Password {
        user: by_name,
        password,
        ..
    } = &cloud.credentials
    else {
        panic!("password credentials")
    };
    let named = app_credential(keystone, "named", None).await.credentials;
    let Credentials::ApplicationCredential { secret, .. } = named else {
        panic!("an application credential")
    };
    let trust = json!({"trust": {"trustor_user_id": user, "trustee_user_id": user, "impersonation": false,
        "project_id": project, "roles": [{"name": "admin"}]}});
    let make = Request::new("make a trust", Effect::Once, Method::POST, "/OS-TRUST/trusts").body(trust);
    let client = ServiceClient::of_cloud(&keystone.session, ServiceType::IDENTITY);
    let made: Value = client.call(&make).await.unwrap().json().unwrap();
    let trust = made["trust"]["id"].as_str().unwrap().to_owned();
    let credential = |owner: Person| Credentials::ApplicationCredential {
        credential: AppCredential::Named {
            name: "named".to_owned(),
            owner,
        },
        secret: secret.clone(),
    };
    let password = |scope: Scope| Credentials::Password {
        user: Person::Id(user.clone()),
        password: password.clone(),
        scope,
    };
    for credentials in [
        credential(by_name.clone()),
        credential(Person::Id(user.clone())),
        password(Scope::ProjectId(project.clone())),
        password(Scope::Trust(trust)),
    ] {
        let who = credentials.who();
        let cloud = Cloud {
            credentials,
            ..cloud.clone()
        };
        let login = Session::new(cloud).unwrap().login(deadline()).await;
        let login = login.unwrap_or_else(|error| panic!("{who}: {error}"));
        assert_eq!(
            (&login.user_id, login.project_id.as_ref()),
            (&user, Some(&project)),
            "{who}"
        );
    }
}

async fn a_revoked_token_works_until_its_entry_ends(keystone: &PrivateKeystone) {
    let validator = validator(keystone);
    let token = keystone.issue_for_project().await;
    validator.validate(&token).await.unwrap();
    keystone.revoke(&token).await;
    validator.validate(&token).await.unwrap();
    later(Duration::from_secs(301)).await;
    assert!(invalid(&validator.validate(&token).await));
}

async fn keys_are_rotated_without_a_restart(keystone: &mut PrivateKeystone) {
    let validator = validator(keystone);
    let old = keystone.issue_for_project().await;
    keystone.rotate();
    let new = keystone.issue_for_project().await;
    validator.validate(&old).await.unwrap();
    later(Duration::from_secs(2)).await;
    validator.validate(&new).await.unwrap();
    // The old key is retired: its tokens end with their entries.
    std::fs::remove_file(keystone.path("public/first.pem")).unwrap();
    validator.validate(&old).await.unwrap();
    later(Duration::from_secs(301)).await;
    let before = keystone.validations();
    assert!(invalid(&validator.validate(&old).await));
    assert_eq!(keystone.validations(), before);
    validator.validate(&new).await.unwrap();
}

async fn a_cached_token_outlives_keystone(keystone: &mut PrivateKeystone) {
    let validator = validator(keystone);
    let (known, unknown) = (keystone.issue_for_project().await, keystone.issue_for_project().await);
    let forged = format!("{}x", &unknown[..unknown.len() - 1]);
    validator.validate(&known).await.unwrap();
    keystone.stop();
    validator.validate(&known).await.unwrap();
    let word = validator.validate(&unknown).await;
    assert!(matches!(word, Err(TokenError::Unavailable(_))), "{word:?}");
    assert!(
        invalid(&validator.validate(&forged).await),
        "a forged token is known without keystone"
    );
    later(Duration::from_secs(301)).await;
    let word = validator.validate(&known).await;
    assert!(matches!(word, Err(TokenError::Unavailable(_))), "{word:?}");
}

#[tokio::test]
async fn a_real_keystone_behind_tls_is_trusted_as_configured() {
    let Some(keystone) = PrivateKeystone::start() else {
        return;
    };
    let log_in = async |cafile: Option<&str>, insecure, certificate: Option<&str>| {
        let certificate = certificate.map(|name| ClientCertificate {
            certfile: keystone.path(&format!("{name}.crt")),
            keyfile: keystone.path(&format!("{name}.key")),
        });
        let cloud = Cloud {
            auth_url: keystone.tls.clone(),
            cafile: cafile.map(|name| keystone.path(name)),
            certificate,
            insecure,
            ..keystone.session.cloud().clone()
        };
        Session::new(cloud).unwrap().login(deadline()).await
    };
    log_in(Some("authority.crt"), false, Some("client")).await.unwrap();
    log_in(None, true, Some("client")).await.unwrap();
    for (cafile, insecure, certificate) in [
        (None, false, Some("client")),
        (Some("client.crt"), false, Some("client")),
        // It asks who calls, and believes its own authority only.
        (Some("authority.crt"), false, None),
        (None, true, None),
    ] {
        let error = log_in(cafile, insecure, certificate).await.unwrap_err();
        assert!(
            matches!(error, IdentityError::Call(_)),
            "{cafile:?}, {certificate:?}: {error:?}"
        );
    }
    let error = Session::new(Cloud {
        certificate: ClientCertificate::of(Some(&keystone.path("client.crt")), None),
        ..keystone.session.cloud().clone()
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("no PEM certificate with its key in certfile"),
        "{error}"
    );
}
