//! What each fault on the way means for a read, for a setting and for something that must happen once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use themis_core::InstanceId;
use themis_openstack::keystone::ServiceType;
use themis_openstack::nova::{Nova, NovaError};
use themis_openstack::{Advice, CallError, ServiceError};
use tokio::time::Instant;
use uuid::Uuid;
use wiremock::matchers::path_regex;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fake::{Fake, nobody, raw};

struct Outcomes {
    read: NovaError,
    set: NovaError,
    act: NovaError,
}

impl Outcomes {
    async fn of(nova: &Nova) -> Self {
        Self {
            read: nova.services().await.unwrap_err(),
            set: nova.force_down(Uuid::nil(), true).await.unwrap_err(),
            act: nova.evacuate(InstanceId(Uuid::nil()), None).await.unwrap_err(),
        }
    }

    fn advice(&self) -> (Advice, Advice, Advice) {
        (self.read.advice(), self.set.advice(), self.act.advice())
    }
}

async fn nova_at(compute: &str) -> (Fake, Nova) {
    let fake = Fake::with(|issue| issue.compute = format!("{compute}/v2.1")).await;
    let nova = Nova::new(fake.client(ServiceType::COMPUTE));
    (fake, nova)
}

const WHEN_LOST: (Advice, Advice, Advice) = (Advice::Retry, Advice::Retry, Advice::Indeterminate);

#[tokio::test]
async fn a_refused_connection_may_be_tried_again_even_for_an_evacuation() {
    let nowhere = nobody().await;
    let (_fake, nova) = nova_at(&nowhere).await;
    let outcomes = Outcomes::of(&nova).await;
    assert_eq!(outcomes.advice(), (Advice::Retry, Advice::Retry, Advice::Retry));
    assert_eq!(
        outcomes.act.to_string(),
        format!("cannot connect to compute at {nowhere} to evacuate a server")
    );
}

#[rstest]
#[case::closed(b"".as_slice())]
#[case::cut_in_the_header(b"HTTP/1.1 200 OK\r\nContent-Le".as_slice())]
#[case::cut_in_the_body(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"adminPass\"".as_slice())]
#[tokio::test]
async fn a_lost_answer_leaves_an_evacuation_open_and_nothing_is_sent_twice(#[case] answer: &[u8]) {
    let (address, seen) = raw(answer.to_vec()).await;
    let (_fake, nova) = nova_at(&address).await;
    let outcomes = Outcomes::of(&nova).await;
    assert_eq!(outcomes.advice(), WHEN_LOST);
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_a_lost_one() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200)
        .set_body_json(json!({"services": []}))
        .set_delay(Duration::from_secs(60));
    Mock::given(path_regex(".*")).respond_with(slow).mount(&server).await;
    let (fake, nova) = nova_at(&server.uri()).await;
    let nova = nova.with_timeout(Duration::from_millis(300));
    let began = Instant::now();
    let outcomes = Outcomes::of(&nova).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(outcomes.advice(), WHEN_LOST);
    let text = outcomes.act.to_string();
    assert!(
        text.starts_with("no answer from compute when asked to evacuate a server (waited up to "),
        "{text}"
    );
    assert_eq!(fake.logins(), 1);
}

#[rstest]
#[case(500, WHEN_LOST)]
#[case(502, WHEN_LOST)]
#[case(503, WHEN_LOST)]
#[case(504, WHEN_LOST)]
#[case(400, (Advice::GiveUp, Advice::GiveUp, Advice::GiveUp))]
#[case(403, (Advice::GiveUp, Advice::GiveUp, Advice::GiveUp))]
#[case(404, (Advice::GiveUp, Advice::GiveUp, Advice::GiveUp))]
#[case(406, (Advice::GiveUp, Advice::GiveUp, Advice::GiveUp))]
#[case(409, (Advice::GiveUp, Advice::GiveUp, Advice::GiveUp))]
#[case(429, (Advice::Retry, Advice::Retry, Advice::Retry))]
#[tokio::test]
async fn a_status_says_what_to_do_next(#[case] status: u16, #[case] advice: (Advice, Advice, Advice)) {
    let server = MockServer::start().await;
    let body = json!({"someFault": {"code": status, "message": "Compute service of compute-1\n is still in use."}});
    Mock::given(path_regex(".*"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&server)
        .await;
    let (_fake, nova) = nova_at(&server.uri()).await;
    let outcomes = Outcomes::of(&nova).await;
    assert_eq!(outcomes.advice(), advice);
    assert_eq!(outcomes.act.status(), Some(status));
    assert_eq!(
        outcomes.act.message(),
        Some("Compute service of compute-1 is still in use.")
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_our_token() {
    let elsewhere = MockServer::start().await;
    Mock::given(path_regex(".*"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&elsewhere)
        .await;
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    Mock::given(path_regex(".*"))
        .respond_with(redirect)
        .mount(&server)
        .await;
    let (_fake, nova) = nova_at(&server.uri()).await;
    let outcomes = Outcomes::of(&nova).await;
    assert_eq!(outcomes.read.status(), Some(307));
    assert_eq!(outcomes.advice(), (Advice::GiveUp, Advice::GiveUp, Advice::GiveUp));
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n".to_vec();
    answer.resize(40_000_000, b' ');
    let (address, _) = raw(answer).await;
    let (_fake, nova) = nova_at(&address).await;
    let error = nova.services().await.unwrap_err();
    assert!(
        matches!(
            error,
            NovaError::Service(ServiceError::Call(CallError::Unreadable { .. }))
        ),
        "{error}"
    );
    assert!(error.to_string().ends_with("larger than 33554432 bytes"), "{error}");
}

#[tokio::test]
async fn errors_show_no_token_and_no_address() {
    let (address, _) = raw(vec![]).await;
    let (_fake, nova) = nova_at(&address).await;
    let outcomes = Outcomes::of(&nova).await;
    for error in [&outcomes.read, &outcomes.set, &outcomes.act] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("token-1") && !text.contains("127.0.0.1"), "{text}");
    }
}
