//! The clients against a real Keystone, Nova and Placement.
//!
//! `THEMIS_TEST_OS_AUTH_URL` and the other `OS_*` variables with the same prefix name the cloud, whose user must be an
//! administrator. The course of a whole evacuation also needs `THEMIS_TEST_LAB`, the path of the lab's command, and at
//! least two hosts in it; it switches one of them off and on again.

use std::process::Command;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use themis_core::InstanceId;
use themis_openstack::clouds::{self, Environment};
use themis_openstack::keystone::{AppCredential, Credentials, Person, ServiceType, Session};
use themis_openstack::nova::{MigrationFilter, Nova, Server};
use themis_openstack::placement::Placement;
use themis_openstack::policy::{Policy, Target};
use themis_openstack::service::{Request, ServiceClient};
use themis_openstack::token::{TokenError, TokenValidator};
use themis_openstack::{Advice, Cloud, Effect};
use tokio::time::Instant;
use uuid::Uuid;

struct Real {
    session: Session,
    nova: Nova,
    placement: Placement,
}

fn cloud() -> Option<Cloud> {
    let strip = |(key, value): (String, String)| Some((key.strip_prefix("THEMIS_TEST_")?.to_owned(), value));
    let environment = Environment::new(std::env::vars().filter_map(strip));
    if environment.get("OS_AUTH_URL").is_none() {
        eprintln!("skipped: THEMIS_TEST_OS_AUTH_URL names no real cloud");
        return None;
    }
    Some(clouds::load(None, &environment).unwrap())
}

fn real() -> Option<Real> {
    let session = Session::new(cloud()?).unwrap();
    let nova = Nova::new(ServiceClient::of_cloud(&session, ServiceType::COMPUTE));
    let placement = Placement::new(ServiceClient::of_cloud(&session, ServiceType::PLACEMENT));
    Some(Real {
        session,
        nova,
        placement,
    })
}

/// A token from Keystone by hand, since sessions do not give theirs away.
async fn issue(cloud: &Cloud, scope: Value) -> String {
    let Credentials::Password {
        user: Person::Named { name, .. },
        password,
        ..
    } = &cloud.credentials
    else {
        panic!("password credentials")
    };
    let user = json!({"name": name, "domain": {"id": "default"}, "password": password.expose_secret()});
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!("{}/auth/tokens", cloud.auth_url))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201, "{:?}", answer.status());
    answer.headers()["x-subject-token"].to_str().unwrap().to_owned()
}

fn admin_project() -> Value {
    json!({"project": {"name": "admin", "domain": {"id": "default"}}})
}

#[tokio::test]
async fn real_tokens_are_validated_and_judged() {
    let Some(real) = real() else { return };
    let cloud = real.session.cloud();
    let validator = TokenValidator::new(&real.session, Duration::from_secs(300));
    let token = issue(cloud, admin_project()).await;
    let caller = validator.validate(&token).await.unwrap();
    assert_eq!(caller.project.as_ref().unwrap().name, "admin");
    assert!(caller.roles.iter().any(|role| role == "admin"), "{:?}", caller.roles);
    let policy = Policy::defaults();
    policy
        .authorize("os_masakari_api:segments:create", &caller, &Target::new())
        .unwrap();

    let system = issue(cloud, json!({"system": {"all": true}})).await;
    let system = validator.validate(&system).await.unwrap();
    assert_eq!(
        (system.system_scope.as_deref(), system.project.is_none()),
        (Some("all"), true)
    );

    let mut forged = token.clone().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'x' { b'y' } else { b'x' };
    let forged = String::from_utf8(forged).unwrap();
    assert!(matches!(validator.validate(&forged).await, Err(TokenError::Invalid)));
}

#[tokio::test]
async fn a_real_token_costs_one_question_to_keystone_and_then_almost_nothing() {
    const ROUNDS: u32 = 20;
    let Some(real) = real() else { return };
    let validator = TokenValidator::new(&real.session, Duration::from_secs(300));
    let mut tokens = Vec::new();
    for _ in 0..ROUNDS {
        tokens.push(issue(real.session.cloud(), admin_project()).await);
    }
    validator
        .validate(&issue(real.session.cloud(), admin_project()).await)
        .await
        .unwrap();
    let mut times = Vec::new();
    for _ in 0..2 {
        let began = Instant::now();
        for token in &tokens {
            validator.validate(token).await.unwrap();
        }
        times.push(began.elapsed() / ROUNDS);
    }
    println!("token validation: miss {:?}, hit {:?}", times[0], times[1]);
    assert!(times[1] * 10 < times[0], "miss {:?}, hit {:?}", times[0], times[1]);
}

#[tokio::test]
async fn wrong_passwords_are_refused_with_a_word_on_what_to_check() {
    let Some(mut cloud) = cloud() else { return };
    let Credentials::Password { password, .. } = &mut cloud.credentials else {
        panic!("password credentials")
    };
    *password = "certainly-wrong".to_owned().into();
    let error = Session::new(cloud)
        .unwrap()
        .login(Instant::now() + Duration::from_secs(10))
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("keystone refuses user '"), "{error}");
    assert_eq!(error.advice(), Advice::GiveUp);
}

#[tokio::test]
async fn an_unversioned_address_of_a_real_keystone_is_enough() {
    let Some(mut cloud) = cloud() else { return };
    cloud.auth_url = cloud.auth_url.trim_end_matches("/v3").to_owned();
    let login = Session::new(cloud)
        .unwrap()
        .login(Instant::now() + Duration::from_secs(10))
        .await
        .unwrap();
    assert!(login.roles.iter().any(|role| role == "admin"), "{:?}", login.roles);
}

#[tokio::test]
async fn a_token_that_keystone_revoked_is_replaced_unseen() {
    let Some(real) = real() else { return };
    let deadline = || Instant::now() + Duration::from_secs(10);
    let before = real.session.login(deadline()).await.unwrap();
    let token = before.token.expose_secret();
    let address = format!("{}/auth/tokens", real.session.cloud().auth_url);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let revoke = http
        .delete(address)
        .header("x-auth-token", token)
        .header("x-subject-token", token);
    assert_eq!(revoke.send().await.unwrap().status(), 204);
    let keystone = ServiceClient::of_cloud(&real.session, ServiceType::IDENTITY);
    keystone
        .call(&Request::get("list projects", "/projects"))
        .await
        .unwrap();
    let after = real.session.login(deadline()).await.unwrap();
    assert_ne!(after.token.expose_secret(), token);
}

#[tokio::test]
async fn application_credentials_log_in_and_those_with_access_rules_let_nobody_in() {
    let Some(real) = real() else { return };
    let cloud = real.session.cloud();
    let validator = TokenValidator::new(&real.session, Duration::from_secs(300));
    let free = app_credential(&real, "themis-test-free", json!([])).await;
    let login = Session::new(free)
        .unwrap()
        .login(Instant::now() + Duration::from_secs(10))
        .await
        .unwrap();
    let caller = validator.validate(login.token.expose_secret()).await.unwrap();
    assert_eq!(caller.user.id, login.user_id);

    let rules = json!([{"service": "instance-ha", "method": "GET", "path": "/v1/segments"}]);
    let bound = Session::new(app_credential(&real, "themis-test-bound", rules).await).unwrap();
    let login = bound.login(Instant::now() + Duration::from_secs(10)).await.unwrap();
    assert!(matches!(
        validator.validate(login.token.expose_secret()).await,
        Err(TokenError::Invalid)
    ));
    assert_eq!(bound.cloud().auth_url, cloud.auth_url);
}

/// Makes an application credential anew; one of an earlier run is removed first.
async fn app_credential(real: &Real, name: &str, rules: Value) -> Cloud {
    let keystone = ServiceClient::of_cloud(&real.session, ServiceType::IDENTITY);
    let user = real
        .session
        .login(Instant::now() + Duration::from_secs(10))
        .await
        .unwrap()
        .user_id
        .clone();
    let path = format!("/users/{user}/application_credentials");
    let list = Request::get("list application credentials", path.as_str()).query("name", name);
    let old: Value = keystone.call(&list).await.unwrap().json().unwrap();
    for one in old["application_credentials"].as_array().unwrap() {
        let path = format!("{path}/{}", one["id"].as_str().unwrap());
        let remove = Request::new(
            "remove an application credential",
            Effect::Repeatable,
            reqwest::Method::DELETE,
            path,
        );
        keystone.call(&remove).await.unwrap();
    }
    let mut body = json!({"name": name});
    if rules != json!([]) {
        body["access_rules"] = rules;
    }
    let make = Request::new(
        "make an application credential",
        Effect::Once,
        reqwest::Method::POST,
        path,
    )
    .body(json!({"application_credential": body}));
    let made: Value = keystone.call(&make).await.unwrap().json().unwrap();
    let text = |key: &str| made["application_credential"][key].as_str().unwrap().to_owned();
    let credentials = Credentials::ApplicationCredential {
        credential: AppCredential::Id(text("id")),
        secret: text("secret").into(),
    };
    Cloud {
        credentials,
        ..real.session.cloud().clone()
    }
}

/// Two ways of asking that must come to the same. Other tests boot and delete servers between the two, so they may ask again.
async fn settled<T: PartialEq + std::fmt::Debug>(both: impl AsyncFn() -> (T, T)) -> T {
    for _ in 0..60 {
        let (one, other) = both().await;
        if one == other {
            return one;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (one, other) = both().await;
    assert_eq!(one, other, "for half a minute");
    one
}

#[tokio::test]
async fn services_servers_and_migrations_of_a_real_nova_are_read() {
    let Some(real) = real() else { return };
    let services = real.nova.services().await.unwrap();
    let first = services.first().unwrap();
    assert_eq!(real.nova.service_of(&first.host).await.unwrap().unwrap().id, first.id);
    assert_eq!(real.nova.service_of("no-such-host").await.unwrap(), None);
    assert_eq!(
        real.nova.server(InstanceId(Uuid::from_bytes([1; 16]))).await.unwrap(),
        None
    );
    for service in &services {
        let host = service.host.as_str();
        let servers = settled(async || {
            let small = real.nova.with_page_size(1).servers_on(host).await.unwrap();
            (small, real.nova.servers_on(host).await.unwrap())
        });
        for server in &servers.await {
            assert!(server.whole && server.host.as_deref() == Some(host), "{server:?}");
        }
        settled(async || {
            let servers = real.nova.servers_on(host).await.unwrap();
            let consumers = real.placement.consumers(host).await.unwrap().unwrap();
            let known = servers.iter().filter(|server| consumers.contains(&server.id.0)).count();
            (servers.len(), known)
        })
        .await;
        settled(async || {
            let filter = MigrationFilter::touching(host);
            let small = real.nova.with_page_size(1).migrations(&filter).await.unwrap();
            (small, real.nova.migrations(&filter).await.unwrap())
        })
        .await;
    }
    assert_eq!(real.placement.consumers("no-such-host").await.unwrap(), None);
}

fn lab(words: &[&str]) -> Option<()> {
    let Some(command) = std::env::var_os("THEMIS_TEST_LAB") else {
        eprintln!("skipped: THEMIS_TEST_LAB names no lab whose hosts may be switched off");
        return None;
    };
    let status = Command::new(command)
        .args(words)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "lab {words:?}");
    Some(())
}

/// Asks until the answer holds; a condition and a deadline, not a sleep.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    while Instant::now() < deadline {
        tick.tick().await;
        if let Some(found) = ask().await {
            return found;
        }
    }
    panic!("not within 90 s: {what}");
}

async fn boot(real: &Real, host: &str) -> Server {
    let compute = ServiceClient::of_cloud(&real.session, ServiceType::COMPUTE);
    let flavors: Value = compute
        .call(&Request::get("list flavors", "/flavors"))
        .await
        .unwrap()
        .json()
        .unwrap();
    let tiny = flavors["flavors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|flavor| flavor["name"] == "tiny")
        .unwrap();
    let images: Value = compute
        .call(&Request::get("list images", "/images"))
        .await
        .unwrap()
        .json()
        .unwrap();
    let image = &images["images"][0]["id"];
    let body = json!({"server": {
        "name": "themis-test", "flavorRef": tiny["id"], "imageRef": image, "networks": "none", "host": host,
    }});
    let create = Request::new("create a server", Effect::Once, reqwest::Method::POST, "/servers").microversion("2.74");
    let made: Value = compute.call(&create.body(body)).await.unwrap().json().unwrap();
    let id = InstanceId(made["server"]["id"].as_str().unwrap().parse().unwrap());
    until("the server is active", async || {
        real.nova
            .server(id)
            .await
            .unwrap()
            .filter(|server| server.status == "ACTIVE")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evacuation_takes_its_course_on_a_real_nova() {
    let Some(real) = real() else { return };
    let Some(()) = lab(&["status"]) else { return };
    let (host, power) = ("compute-2", "h2");
    let nova = &real.nova;
    let service = nova.service_of(host).await.unwrap().unwrap();
    assert!(service.is_up() && service.is_enabled(), "{service:?}");
    let server = boot(&real, host).await;
    let early = nova.evacuate(server.id, None).await.unwrap_err();
    assert_eq!((early.status(), early.advice()), (Some(400), Advice::GiveUp), "{early}");

    lab(&["power", power, "off"]);
    nova.force_down(service.id, true).await.unwrap();
    nova.disable(service.id, "themis/test/1").await.unwrap();
    let told = nova.service_of(host).await.unwrap().unwrap();
    assert!(told.forced_down && !told.is_up() && !told.is_enabled(), "{told:?}");
    assert_eq!(told.disabled_reason.as_deref(), Some("themis/test/1"));

    evacuate_and_follow(&real, &server, host).await;
    stop_and_start(nova, &server).await;

    let refused = nova.force_down(service.id, false).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.advice()),
        (Some(400), Advice::GiveUp),
        "{refused}"
    );
    lab(&["power", power, "on"]);
    until("the host may be forced up", async || {
        nova.force_down(service.id, false).await.ok()
    })
    .await;
    nova.enable(service.id).await.unwrap();
    until("the host is up", async || {
        nova.service_of(host).await.unwrap().filter(|found| found.is_up())
    })
    .await;
    remove(&real, &server).await;
}

async fn evacuate_and_follow(real: &Real, server: &Server, host: &str) {
    let nova = &real.nova;
    let accepted = nova.evacuate(server.id, None).await.unwrap();
    let of_server = MigrationFilter::evacuations_of(server.id);
    let done = until("the migration is done", async || {
        nova.migrations(&of_server)
            .await
            .unwrap()
            .into_iter()
            .find(|migration| migration.status == "done")
    })
    .await;
    let moved = nova.server(server.id).await.unwrap().unwrap();
    assert_eq!(
        (done.source_compute.as_deref(), done.dest_compute),
        (Some(host), moved.host.clone())
    );
    assert!(
        moved.whole && moved.status == "ACTIVE" && moved.host.as_deref() != Some(host),
        "{moved:?}"
    );
    let from_host = nova.migrations(&MigrationFilter::evacuations_from(host)).await.unwrap();
    assert!(from_host.iter().any(|migration| migration.uuid == done.uuid));
    let actions = nova.instance_actions(server.id).await.unwrap();
    let evacuate = actions.iter().find(|action| action.action == "evacuate").unwrap();
    assert_eq!(Some(&evacuate.request_id), accepted.request_id.as_ref());
    assert!(
        nova.servers_on(host)
            .await
            .unwrap()
            .iter()
            .all(|other| other.id != server.id)
    );
    let kept = real.placement.consumers(host).await.unwrap().unwrap();
    assert!(
        kept.contains(&server.id.0),
        "the source keeps its place until its compute returns"
    );
}

async fn remove(real: &Real, server: &Server) {
    let compute = ServiceClient::of_cloud(&real.session, ServiceType::COMPUTE);
    let path = format!("/servers/{}", server.id);
    compute
        .call(&Request::new(
            "delete a server",
            Effect::Repeatable,
            reqwest::Method::DELETE,
            path,
        ))
        .await
        .unwrap();
    until("the server is gone", async || {
        real.nova.server(server.id).await.unwrap().is_none().then_some(())
    })
    .await;
}

/// Also locks and unlocks; leaves the server as it was.
async fn stop_and_start(nova: &Nova, server: &Server) {
    let reaches = async |status: &str| {
        until(status, async || {
            nova.server(server.id)
                .await
                .unwrap()
                .filter(|found| found.status == status)
        })
        .await
    };
    nova.stop(server.id).await.unwrap();
    reaches("SHUTOFF").await;
    let again = nova.stop(server.id).await.unwrap_err();
    assert_eq!((again.status(), again.advice()), (Some(409), Advice::GiveUp), "{again}");
    nova.start(server.id).await.unwrap();
    reaches("ACTIVE").await;
    nova.lock(server.id).await.unwrap();
    assert!(nova.server(server.id).await.unwrap().unwrap().locked);
    nova.unlock(server.id).await.unwrap();
    assert!(!nova.server(server.id).await.unwrap().unwrap().locked);
}
