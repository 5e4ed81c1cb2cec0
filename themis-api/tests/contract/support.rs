//! One running API per test: the real service on a socket, its own database on the private MariaDB, the stub cloud, the
//! in-process bus. Without `THEMIS_TEST_MYSQL_URL` a test says that it is skipped.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use themis_api::announce::Announcer;
use themis_api::app_state::App;
use themis_api::config::Settings;
use themis_api::leader::Leader;
use themis_api::policy::Rules;
use themis_api::server::{self, Bounds};
use themis_api::wake::Waker;
use themis_db::{EpochTxn, Pool, StoreError, connect_url, lease, schema};
use themis_fencing::SealKey;
use themis_messaging::Notifier;
use themis_openstack::keystone::{
    Cloud as Credentialed, Credentials, Domain, Interface, Person, Scope, ServiceType, Session,
};
use themis_openstack::nova::Nova;
use themis_openstack::service::ServiceClient;
use themis_openstack::token::TokenValidator;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cloud::{self, Cloud};
use crate::engine::Engine;
use crate::left_out;
use crate::openapi::assert_documented;

/// The body limit of the tests; the product's is larger.
pub(crate) const BODY_MAX: u64 = 20_000;

/// What clients of the tests are allowed.
const BOUNDS: Bounds = Bounds {
    connections_max: 64,
    client_timeout: Duration::from_secs(2),
    stop_timeout: Duration::from_secs(2),
};

/// A running API with everything around it.
pub(crate) struct Api {
    /// Its address, without a slash at the end.
    pub(crate) url: String,
    /// The stub cloud.
    pub(crate) cloud: Arc<Cloud>,
    /// The database behind it.
    pub(crate) store: Pool,
    /// How the database is reached.
    pub(crate) database_url: String,
    /// Hears what the API tells the engines.
    pub(crate) engine: Engine,
    /// What the server was made of.
    pub(crate) app: Arc<App>,
    http: reqwest::Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's text; empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// Asserts a fault of the usual shape and gives its message.
    #[track_caller]
    pub(crate) fn fault(&self, status: StatusCode, name: &str) -> String {
        assert_eq!(self.status, status.as_u16(), "{}", self.text);
        let body = self.json();
        assert_eq!(body[name]["code"], status.as_u16(), "{}", self.text);
        body[name]["message"].as_str().unwrap().to_owned()
    }

    /// Asserts the status and gives the body.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }
}

/// Runs a test against an API of its own, then drops its database.
pub(crate) async fn with_api(test: impl AsyncFnOnce(&Api)) {
    with_settings(|_| (), test).await;
}

/// The same with other settings.
pub(crate) async fn with_settings(change: impl FnOnce(&mut Settings), test: impl AsyncFnOnce(&Api)) {
    with(change, None, Rules::defaults(), None, test).await;
}

/// The same, with tokens of a Keystone of the test's own.
pub(crate) async fn with_tokens(tokens: TokenValidator, test: impl AsyncFnOnce(&Api)) {
    with(|_| (), None, Rules::defaults(), Some(tokens), test).await;
}

/// The same with other access rules.
pub(crate) async fn with_rules(rules: Rules, test: impl AsyncFnOnce(&Api)) {
    with(|_| (), None, rules, None, test).await;
}

/// The same, telling what it changes over this notifier instead of the in-process bus.
pub(crate) async fn with_notifier(notifier: Notifier, test: impl AsyncFnOnce(&Api)) {
    with(|_| (), Some(notifier), Rules::defaults(), None, test).await;
}

async fn with(
    change: impl FnOnce(&mut Settings),
    notifier: Option<Notifier>,
    rules: Rules,
    tokens: Option<TokenValidator>,
    test: impl AsyncFnOnce(&Api),
) {
    let Ok(server) = std::env::var("THEMIS_TEST_MYSQL_URL") else {
        left_out("THEMIS_TEST_MYSQL_URL is not set (. DIR/env after .ci/services start DIR)");
        return;
    };
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let name = format!("t_{}", Uuid::new_v4().simple());
    let root = connect_url(in_database(&server, "information_schema")).await.unwrap();
    root.execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    let database_url = in_database(&server, &name);
    let store = connect_url(database_url.clone()).await.unwrap();
    schema::schema_sync(&store).await.unwrap();
    let api = start(store, database_url, change, notifier, rules, tokens).await;
    test(&api).await;
    root.execute_unprepared(&format!("DROP DATABASE {name}")).await.unwrap();
}

/// One more API process on a database that has the schema.
pub(crate) async fn another_on(database_url: &str) -> Api {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let store = connect_url(database_url.to_owned()).await.unwrap();
    start(store, database_url.to_owned(), |_| (), None, Rules::defaults(), None).await
}

fn in_database(server: &str, name: &str) -> String {
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

async fn start(
    store: Pool,
    database_url: String,
    change: impl FnOnce(&mut Settings),
    notifier: Option<Notifier>,
    rules: Rules,
    tokens: Option<TokenValidator>,
) -> Api {
    let (cloud, base) = cloud::start().await;
    let session = Session::new(Credentialed {
        auth_url: format!("{base}/v3"),
        credentials: Credentials::Password {
            user: Person::Named {
                name: "themis".to_owned(),
                domain: Domain::Name("Default".to_owned()),
            },
            password: "labpass".into(),
            scope: Scope::Project {
                name: "service".to_owned(),
                domain: Domain::Name("Default".to_owned()),
            },
        },
        region: None,
        interfaces: vec![Interface::Internal],
        cafile: None,
        certificate: None,
        insecure: false,
        timeout: Duration::from_secs(5),
        endpoint_overrides: std::collections::BTreeMap::new(),
    })
    .unwrap();
    let engine = Engine::start();
    let mut settings = Settings {
        limit_max: 1000,
        path_prefix: String::new(),
        link_prefix: None,
        behind_proxy: false,
        body_max: BODY_MAX,
        www_authenticate_uri: "http://keystone:5000".to_owned(),
        duplicate_interval: Duration::from_secs(180),
        concurrency_max: 64,
        request_timeout: Duration::from_secs(20),
        disable_file: "/nonexistent/healthcheck_disable".into(),
        cors: themis_config::Source::default().section().unwrap(),
    };
    change(&mut settings);
    let key = SealKey::new_text().unwrap();
    let app = Arc::new(App {
        store: store.clone(),
        tokens: tokens.unwrap_or_else(|| TokenValidator::new(&session, Duration::from_secs(300))),
        rules,
        nova: Nova::new(ServiceClient::of_cloud(&session, ServiceType::COMPUTE)),
        announcer: Announcer::new(notifier.unwrap_or_else(|| engine.notifier())),
        waker: Waker::new(engine.bus(), Engine::target()),
        leader: Leader::new(engine.bus(), Engine::target()),
        seal_key: SealKey::from_text(&key),
        settings,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = Arc::clone(&app);
    tokio::spawn(async move { server::serve(listener, &served, BOUNDS, CancellationToken::new()).await });
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    Api {
        url,
        cloud,
        store,
        database_url,
        engine,
        app,
        http,
    }
}

impl Api {
    /// A request to be refined; without a token.
    pub(crate) fn bare(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(
            Method::from_bytes(method.as_bytes()).unwrap(),
            format!("{}{path}", self.url),
        )
    }

    /// A request with somebody's token.
    pub(crate) fn request(&self, who: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.bare(method, path)
            .header("x-auth-token", format!("token-of-{who}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request("admin", "GET", path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        send(self.request("admin", "DELETE", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request("admin", "POST", path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request("admin", "PUT", path).json(&body)).await
    }

    /// A request of somebody else, with or without a body.
    pub(crate) async fn by(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(who, method, path);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A new segment's uuid.
    pub(crate) async fn segment(&self, name: &str) -> String {
        let body = serde_json::json!({"segment": {"name": name, "recovery_method": "auto", "service_type": "COMPUTE"}});
        let answer = self.post("/v1/segments", body).await.ok(201);
        answer["segment"]["uuid"].as_str().unwrap().to_owned()
    }

    /// A new host's uuid.
    pub(crate) async fn host(&self, segment: &str, name: &str) -> String {
        let body = serde_json::json!({"host": {"name": name, "type": "COMPUTE", "control_attributes": "SSH"}});
        let answer = self.post(&format!("/v1/segments/{segment}/hosts"), body).await.ok(201);
        answer["host"]["uuid"].as_str().unwrap().to_owned()
    }

    /// Writes what only a leader may write.
    pub(crate) async fn as_engine<F>(&self, work: impl Fn(EpochTxn) -> F)
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        let seen = lease::lease_read(&self.store).await.unwrap();
        let epoch = match lease::lease_take(&self.store, "engine-1", seen.as_ref()).await.unwrap() {
            Some(epoch) => epoch,
            None => panic!("the test's lease is taken"),
        };
        lease::epoch_transaction(&self.store, "engine-1", epoch, work)
            .await
            .unwrap();
    }

    /// The answer to a new COMPUTE_HOST notification.
    pub(crate) async fn notify(&self, host: &str, time: &str) -> Answer {
        let payload = serde_json::json!({"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"});
        let body = serde_json::json!({"notification": {
            "type": "COMPUTE_HOST", "hostname": host, "generated_time": time, "payload": payload,
        }});
        self.post("/v1/notifications", body).await
    }
}

/// Sends a request and reads its answer, which the OpenAPI document must know.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().to_string(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_documented(&method, &path, status);
    Answer {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}
