//! JWS tokens are looked at before Keystone is asked: signature, algorithm, times; and keys that come and go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use themis_openstack::token::{JwsKeys, TokenError, TokenValidator};
use time::OffsetDateTime;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::fake::{Fake, later};
use crate::token::{TOKENS, bearer};

/// A key pair as Keystone has them.
struct Pair {
    private: EncodingKey,
    public: String,
}

fn pair() -> Pair {
    pair_of(&ECDSA_P256_SHA256_FIXED_SIGNING)
}

fn pair_of(curve: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Pair {
    let document = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).unwrap();
    let keys = EcdsaKeyPair::from_pkcs8(curve, document.as_ref()).unwrap();
    let der = keys.public_key().as_der().unwrap();
    let public = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    Pair {
        private: EncodingKey::from_ec_der(document.as_ref()),
        public,
    }
}

fn seconds(from_now: i64) -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() + from_now
}

/// What Keystone writes into a token.
fn claims() -> Value {
    json!({"sub": "u9", "iat": seconds(-60), "exp": seconds(3600), "openstack_methods": ["password"],
           "openstack_audit_ids": ["x"], "openstack_project_id": "p9"})
}

fn sign(pair: &Pair, claims: &Value) -> String {
    encode(&Header::new(Algorithm::ES256), claims, &pair.private).unwrap()
}

/// A directory with these public keys.
fn directory(pairs: &[(&str, &Pair)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, pair) in pairs {
        put(directory.path(), name, pair);
    }
    directory
}

fn put(directory: &Path, name: &str, pair: &Pair) -> PathBuf {
    let file = directory.join(name);
    std::fs::write(&file, &pair.public).unwrap();
    file
}

/// A Keystone that believes every token.
async fn believing() -> Fake {
    let fake = Fake::start().await;
    Mock::given(method("GET"))
        .and(path(TOKENS))
        .respond_with(bearer(Duration::from_secs(3600)))
        .mount(&fake.server)
        .await;
    fake
}

fn validator(fake: &Fake, keys: &TempDir) -> TokenValidator {
    let keys = JwsKeys::load(keys.path()).unwrap();
    TokenValidator::new(&fake.session(), Duration::from_secs(300)).with_jws(Some(keys))
}

async fn questions(fake: &Fake) -> usize {
    let received = fake.server.received_requests().await.unwrap();
    received
        .iter()
        .filter(|request| request.method.as_str() == "GET")
        .count()
}

#[tokio::test]
async fn a_signed_token_gets_its_roles_from_keystone_once() {
    let (fake, ours) = (believing().await, pair());
    let keys = directory(&[("one.pem", &pair()), ("two.pem", &ours)]);
    let validator = validator(&fake, &keys);
    let token = sign(&ours, &claims());
    for _ in 0..3 {
        assert_eq!(validator.validate(&token).await.unwrap().roles, ["member", "reader"]);
    }
    assert_eq!(questions(&fake).await, 1);
}

#[tokio::test]
async fn a_forged_token_is_refused_and_keystone_hears_nothing() {
    let fake = believing().await;
    let keys = directory(&[("key.pem", &pair())]);
    let validator = validator(&fake, &keys);
    let forged = sign(&pair(), &claims());
    let mut spoilt = sign(&pair(), &claims());
    spoilt.truncate(spoilt.len() - 3);
    for token in [forged.as_str(), &spoilt, "a.b.c", "...", "eyJ.x", "gAAAA.gAAAA.x"] {
        assert!(
            matches!(validator.validate(token).await, Err(TokenError::Invalid)),
            "{token}"
        );
    }
    assert_eq!((questions(&fake).await, fake.logins()), (0, 0));
}

#[tokio::test]
async fn another_algorithm_is_refused_though_its_signature_be_good() {
    let (fake, ours) = (believing().await, pair());
    let keys = directory(&[("key.pem", &ours)]);
    let validator = validator(&fake, &keys);
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims()));
    // The classic forgery: the public key, which everybody has, taken for the secret of HS256.
    let secret = EncodingKey::from_secret(ours.public.as_bytes());
    let hs256 = encode(&Header::new(Algorithm::HS256), &claims(), &secret).unwrap();
    let p384 = pair_of(&ECDSA_P384_SHA384_FIXED_SIGNING);
    let es384 = encode(&Header::new(Algorithm::ES384), &claims(), &p384.private).unwrap();
    let (_, signed) = hs256.split_once('.').unwrap();
    let rs256 = format!("{}.{signed}", part(json!({"alg": "RS256", "typ": "JWT"})));
    let no_algorithm = format!("{}.{signed}", part(json!({"typ": "JWT"})));
    for token in [none, hs256, es384, rs256, no_algorithm] {
        assert!(
            matches!(validator.validate(&token).await, Err(TokenError::Invalid)),
            "{token}"
        );
    }
    assert_eq!(questions(&fake).await, 0);
}

#[rstest]
#[case::expired("exp", json!(seconds(-60)), 0)]
#[case::just_expired_is_keystones_to_judge("exp", json!(seconds(-10)), 1)]
#[case::from_the_future("iat", json!(seconds(60)), 0)]
#[case::clocks_apart_a_little("iat", json!(seconds(10)), 1)]
#[case::no_end("exp", Value::Null, 0)]
#[case::no_user("sub", Value::Null, 0)]
#[case::no_time_of_issue("iat", Value::Null, 0)]
#[case::time_of_issue_is_no_time("iat", json!("soon"), 0)]
#[tokio::test]
async fn times_are_judged_before_keystone_is_asked(#[case] claim: &str, #[case] value: Value, #[case] asked: usize) {
    let (fake, ours) = (believing().await, pair());
    let keys = directory(&[("key.pem", &ours)]);
    let mut claims = claims();
    claims[claim] = value;
    let word = validator(&fake, &keys).validate(&sign(&ours, &claims)).await;
    assert_eq!((word.is_ok(), questions(&fake).await), (asked == 1, asked));
}

#[tokio::test]
async fn a_fernet_token_goes_straight_to_keystone() {
    let fake = believing().await;
    let keys = directory(&[("key.pem", &pair())]);
    validator(&fake, &keys).validate("gAAAAABm_made-up").await.unwrap();
    assert_eq!(questions(&fake).await, 1);
}

#[tokio::test]
async fn without_keys_every_kind_of_token_is_keystones_to_judge() {
    let fake = believing().await;
    let validator = TokenValidator::new(&fake.session(), Duration::from_secs(300));
    validator.validate(&sign(&pair(), &claims())).await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_with_a_good_signature_is_refused_as_keystone_says() {
    let (fake, ours) = (Fake::start().await, pair());
    let token = sign(&ours, &claims());
    let gone = ResponseTemplate::new(404);
    Mock::given(method("GET"))
        .and(header("x-subject-token", token.as_str()))
        .respond_with(gone)
        .expect(1)
        .mount(&fake.server)
        .await;
    let keys = directory(&[("key.pem", &ours)]);
    let validator = validator(&fake, &keys);
    for _ in 0..2 {
        assert!(matches!(validator.validate(&token).await, Err(TokenError::Invalid)));
    }
}

#[tokio::test]
async fn a_new_key_counts_as_soon_as_a_token_needs_it() {
    let (fake, old, new) = (believing().await, pair(), pair());
    let keys = directory(&[("old.pem", &old)]);
    let validator = validator(&fake, &keys);
    validator.validate(&sign(&old, &claims())).await.unwrap();
    let token = sign(&new, &claims());
    assert!(validator.validate(&token).await.is_err());
    put(keys.path(), "new.pem", &new);
    later(Duration::from_secs(2)).await;
    validator.validate(&token).await.unwrap();
    validator
        .validate(&sign(&old, &json!({"sub": "u", "iat": seconds(0), "exp": seconds(60)})))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_that_was_taken_away_counts_no_more() {
    let (fake, old, new) = (believing().await, pair(), pair());
    let keys = directory(&[("old.pem", &old), ("new.pem", &new)]);
    let validator = validator(&fake, &keys);
    std::fs::remove_file(keys.path().join("old.pem")).unwrap();
    later(Duration::from_secs(11)).await;
    assert!(matches!(
        validator.validate(&sign(&old, &claims())).await,
        Err(TokenError::Invalid)
    ));
    validator.validate(&sign(&new, &claims())).await.unwrap();
}

#[tokio::test]
async fn a_reload_needs_no_waiting_and_a_file_replaced_in_place_is_noticed() {
    let (fake, old, new) = (believing().await, pair(), pair());
    let keys = directory(&[("key.pem", &old)]);
    let validator = validator(&fake, &keys);
    put(keys.path(), "key.pem.tmp", &new);
    std::fs::rename(keys.path().join("key.pem.tmp"), keys.path().join("key.pem")).unwrap();
    validator.jws_keys().unwrap().reload().await;
    validator.validate(&sign(&new, &claims())).await.unwrap();
    assert!(validator.validate(&sign(&old, &claims())).await.is_err());
}

#[tokio::test]
async fn an_emptied_directory_leaves_the_last_good_keys_in_force() {
    let (fake, ours) = (believing().await, pair());
    let keys = directory(&[("key.pem", &ours)]);
    let validator = validator(&fake, &keys);
    std::fs::remove_file(keys.path().join("key.pem")).unwrap();
    validator.jws_keys().unwrap().reload().await;
    validator.validate(&sign(&ours, &claims())).await.unwrap();
}

#[test]
fn what_is_no_p256_public_key_is_skipped() {
    let keys = directory(&[
        ("p384.pem", &pair_of(&ECDSA_P384_SHA384_FIXED_SIGNING)),
        ("readme.txt", &pair()),
    ]);
    std::fs::write(keys.path().join("half.pem"), "-----BEGIN PUBLIC KEY-----\nMFkw").unwrap();
    std::fs::write(keys.path().join("large.pem"), vec![b'x'; 10_000]).unwrap();
    let error = JwsKeys::load(keys.path()).unwrap_err().to_string();
    assert!(error.contains("no P-256 public key in the *.pem files of"), "{error}");
    put(keys.path(), "good.pem", &pair());
    JwsKeys::load(keys.path()).unwrap();
}

#[test]
fn an_absent_directory_and_one_with_too_many_keys_are_refused() {
    let error = JwsKeys::load(Path::new("/nonexistent/keys")).unwrap_err().to_string();
    assert_eq!(
        error,
        "[keystone_authtoken] jws_keys_dir: cannot read /nonexistent/keys"
    );
    let (ours, keys) = (pair(), directory(&[]));
    for number in 0..33 {
        put(keys.path(), &format!("{number}.pem"), &ours);
    }
    let error = JwsKeys::load(keys.path()).unwrap_err().to_string();
    assert!(error.contains("holds more than 32 *.pem files"), "{error}");
}
