//! One login for many callers, renewed in time, never in a loop.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use themis_openstack::keystone::ServiceType;
use themis_openstack::nova::Nova;
use themis_openstack::service::ServiceClient;
use themis_openstack::{Advice, IdentityError};
use tokio::time::Instant;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fake::{Fake, PASSWORD, cloud, later, session};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn no_services(fake: &Fake, token: &str, status: u16) {
    Mock::given(method("GET"))
        .and(path("/compute/v2.1/os-services"))
        .and(header("x-auth-token", token))
        .respond_with(ResponseTemplate::new(status).set_body_json(json!({"services": []})))
        .mount(&fake.server)
        .await;
}

#[tokio::test]
async fn twenty_callers_share_one_login() {
    let fake = Fake::with(|issue| issue.delay = Duration::from_millis(50)).await;
    let session = fake.session();
    let callers = (0..20).map(|_| {
        let session = session.clone();
        tokio::spawn(async move { session.login(soon()).await.map(|login| login.user_id.clone()) })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap().unwrap(), "u1");
    }
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn a_401_leads_to_one_new_login_for_all_callers() {
    let fake = Fake::with(|issue| issue.delay = Duration::from_millis(20)).await;
    no_services(&fake, "token-1", 401).await;
    no_services(&fake, "token-2", 200).await;
    let nova = Nova::new(fake.client(ServiceType::COMPUTE));
    let callers = (0..20).map(|_| {
        let nova = nova.clone();
        tokio::spawn(async move { nova.services().await })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap().unwrap(), []);
    }
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn a_service_that_refuses_every_token_is_an_error_and_not_a_loop() {
    let fake = Fake::start().await;
    for token in ["token-1", "token-2"] {
        no_services(&fake, token, 401).await;
    }
    let error = Nova::new(fake.client(ServiceType::COMPUTE))
        .services()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("service 'compute' refuses a token that keystone has just issued"),
        "{error}"
    );
    assert_eq!((error.advice(), fake.logins()), (Advice::GiveUp, 2));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_whatever_the_wall_clock_says() {
    let fake = Fake::with(|issue| issue.life_s = 600).await;
    let session = fake.session();
    session.login(soon()).await.unwrap();
    later(Duration::from_secs(290)).await;
    session.login(soon()).await.unwrap();
    assert_eq!(fake.logins(), 1);
    later(Duration::from_secs(15)).await;
    session.login(soon()).await.unwrap();
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_token_in_use_until_its_end() {
    let fake = Fake::with(|issue| issue.life_s = 3600).await;
    let session = fake.session();
    session.login(soon()).await.unwrap();
    fake.server.reset().await;
    Mock::given(path("/v3/auth/tokens"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&fake.server)
        .await;
    later(Duration::from_secs(3400)).await;
    for _ in 0..3 {
        session.login(soon()).await.unwrap();
    }
    assert_eq!(
        fake.requests("/v3/auth/tokens").await,
        1,
        "a failed renewal is not tried again at once"
    );
    later(Duration::from_secs(6)).await;
    session.login(soon()).await.unwrap();
    assert_eq!(fake.requests("/v3/auth/tokens").await, 2);
    later(Duration::from_secs(200)).await;
    assert_eq!(session.login(soon()).await.unwrap_err().advice(), Advice::Retry);
}

#[tokio::test]
async fn a_failed_login_is_shared_by_those_who_waited_for_it() {
    let server = MockServer::start().await;
    let broken = ResponseTemplate::new(503).set_delay(Duration::from_millis(100));
    Mock::given(path("/v3/auth/tokens"))
        .respond_with(broken)
        .expect(1)
        .mount(&server)
        .await;
    let session = session(&format!("{}/v3", server.uri()));
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.login(soon()).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().advice(), Advice::Retry);
    }
}

#[tokio::test]
async fn refused_credentials_are_tried_again_only_after_five_seconds() {
    let server = MockServer::start().await;
    let refusal = json!({"error": {"code": 401, "message": "The request you have made requires authentication."}});
    Mock::given(path("/v3/auth/tokens"))
        .respond_with(ResponseTemplate::new(401).set_body_json(refusal))
        .expect(2)
        .mount(&server)
        .await;
    let session = session(&format!("{}/v3", server.uri()));
    for _ in 0..3 {
        let error = session.login(soon()).await.unwrap_err();
        assert_eq!(error.advice(), Advice::GiveUp);
        let text = format!("{error} {error:?} {session:?} {:?}", session.cloud());
        assert!(
            text.contains("keystone refuses user 'themis'; check the user, the password"),
            "{text}"
        );
        assert!(!text.contains(PASSWORD), "{text}");
    }
    later(Duration::from_secs(6)).await;
    session.login(soon()).await.unwrap_err();
}

#[tokio::test]
async fn a_hurried_caller_leaves_with_its_own_deadline_and_spoils_nothing_for_the_next() {
    let fake = Fake::with(|issue| issue.delay = Duration::from_millis(200)).await;
    let session = fake.session();
    let hurried = session
        .login(Instant::now() + Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(matches!(hurried, IdentityError::Slow { .. }), "{hurried}");
    session.login(soon()).await.unwrap();
}

#[rstest]
#[case(300)]
#[case(200)]
#[tokio::test]
async fn an_unversioned_auth_url_is_looked_up_in_the_version_document(#[case] status: u16) {
    let fake = Fake::start().await;
    let document = json!({"versions": {"values": [
        {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": "http://unreachable.invalid:5000/v3/"}]},
    ]}});
    Mock::given(method("GET"))
        .and(path("/"))
        .respond_with(ResponseTemplate::new(status).set_body_json(document))
        .expect(1)
        .mount(&fake.server)
        .await;
    let session = session(&fake.server.uri());
    session.login(soon()).await.unwrap();
    later(Duration::from_secs(3600)).await;
    session.login(soon()).await.unwrap();
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn what_is_not_keystone_is_said_with_its_address() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(301).insert_header("location", "https://h/identity/");
    Mock::given(path("/moved/")).respond_with(redirect).mount(&server).await;
    Mock::given(path("/page/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
        .mount(&server)
        .await;
    for (place, what) in [
        ("moved", "it redirects to https://h/identity/; write that address"),
        ("page", "it answers no version document"),
        ("nothing", "it answers HTTP 404; is the address complete?"),
        ("v2.0", "version 2.0 is gone; leave /v2.0 out"),
        ("other/v3", "it has no /v3/auth/tokens"),
    ] {
        let auth_url = format!("{}/{place}", server.uri());
        let error = session(&auth_url).login(soon()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("no Keystone v3 at auth_url {auth_url}: {what}")
        );
        assert_eq!(error.advice(), Advice::GiveUp);
    }
}

#[tokio::test]
async fn an_override_wins_over_the_catalogue_and_gets_the_project() {
    let fake = Fake::start().await;
    Mock::given(path("/other/v2.1/p1/os-services"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"services": []})))
        .expect(1)
        .mount(&fake.server)
        .await;
    let mut cloud = cloud(&format!("{}/v3", fake.server.uri()));
    let address = format!("{}/other/v2.1/%(project_id)s", fake.server.uri());
    cloud.endpoint_overrides.insert("compute".to_owned(), address);
    let session = themis_openstack::Session::new(cloud).unwrap();
    Nova::new(ServiceClient::of_cloud(&session, ServiceType::COMPUTE))
        .services()
        .await
        .unwrap();
}
