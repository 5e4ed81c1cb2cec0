//! A cloud on a socket: Keystone that issues numbered tokens, a catalogue that points at itself, and raw sockets for the
//! faults that a well-behaved server cannot have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use themis_openstack::keystone::{Cloud, Credentials, Domain, Interface, Person, Scope, ServiceType, Session};
use themis_openstack::service::ServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const PASSWORD: &str = "correct-horse";

/// Issues `token-1`, `token-2`, ... that live for `life_s`.
pub(crate) struct Issue {
    pub(crate) logins: Arc<AtomicUsize>,
    pub(crate) life_s: u64,
    pub(crate) delay: Duration,
    pub(crate) compute: String,
    pub(crate) uri: String,
}

impl Respond for Issue {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let number = self.logins.fetch_add(1, Ordering::SeqCst) + 1;
        ResponseTemplate::new(201)
            .insert_header("X-Subject-Token", format!("token-{number}"))
            .set_body_json(login_body(self.life_s, &self.uri, &self.compute))
            .set_delay(self.delay)
    }
}

fn login_body(life_s: u64, uri: &str, compute: &str) -> Value {
    let entry = |kind: &str, url: &str| {
        json!({"type": kind, "name": kind, "id": kind, "endpoints": [
            {"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "id": "e", "url": url},
        ]})
    };
    // Far from today on purpose: the end is reckoned from these two times, not from our wall clock.
    json!({"token": {
        "methods": ["password"], "user": {"id": "u1", "name": "themis", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "p1", "name": "service", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r", "name": "admin"}], "audit_ids": ["x"],
        "issued_at": "2001-01-01T00:00:00.000000Z",
        "expires_at": format!("2001-01-01T{:02}:{:02}:{:02}.000000Z", life_s / 3600, life_s / 60 % 60, life_s % 60),
        "catalog": [entry("identity", uri), entry("compute", compute), entry("placement", &format!("{uri}/placement"))],
    }})
}

pub(crate) struct Fake {
    pub(crate) server: MockServer,
    pub(crate) logins: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Issue)) -> Self {
        let server = MockServer::start().await;
        let logins = Arc::new(AtomicUsize::new(0));
        let compute = format!("{}/compute/v2.1", server.uri());
        let mut issue = Issue {
            logins: Arc::clone(&logins),
            life_s: 3600,
            delay: Duration::ZERO,
            compute,
            uri: server.uri(),
        };
        change(&mut issue);
        Mock::given(method("POST"))
            .and(path("/v3/auth/tokens"))
            .respond_with(issue)
            .mount(&server)
            .await;
        Self { server, logins }
    }

    pub(crate) fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    pub(crate) fn session(&self) -> Session {
        session(&format!("{}/v3", self.server.uri()))
    }

    pub(crate) fn client(&self, service: ServiceType) -> ServiceClient {
        ServiceClient::of_cloud(&self.session(), service)
    }

    pub(crate) async fn requests(&self, path: &str) -> usize {
        let received = self.server.received_requests().await.unwrap();
        received.iter().filter(|request| request.url.path() == path).count()
    }
}

pub(crate) fn session(auth_url: &str) -> Session {
    Session::new(cloud(auth_url)).unwrap()
}

pub(crate) fn cloud(auth_url: &str) -> Cloud {
    Cloud {
        auth_url: auth_url.to_owned(),
        credentials: Credentials::Password {
            user: Person::Named {
                name: "themis".to_owned(),
                domain: Domain::Name("Default".to_owned()),
            },
            password: SecretString::from(PASSWORD),
            scope: Scope::Project {
                name: "service".to_owned(),
                domain: Domain::Name("Default".to_owned()),
            },
        },
        region: None,
        interfaces: vec![Interface::Public],
        cafile: None,
        certificate: None,
        insecure: false,
        timeout: Duration::from_secs(10),
        endpoint_overrides: [].into(),
    }
}

/// Moves tokio's clock on while no request is under way.
pub(crate) async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

/// A server that reads each request to its end, writes `answer` and closes. Returns its address and how many it read.
pub(crate) async fn raw(answer: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, answer) = (Arc::clone(&count), answer.clone());
            tokio::spawn(async move {
                let mut text = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(read) = stream.read(&mut piece).await {
                    if read == 0 {
                        return;
                    }
                    text.extend_from_slice(&piece[..read]);
                    if is_whole(&text) {
                        break;
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
                // The client may have gone already; that is its right.
                drop(stream.write_all(&answer).await);
            });
        }
    });
    (address, seen)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
