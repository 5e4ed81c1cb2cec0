//! Finding the provider that is a host.

use rstest::rstest;
use serde_json::{Value, json};
use themis_openstack::keystone::ServiceType;
use themis_openstack::placement::Placement;
use uuid::Uuid;
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::fake::Fake;

const CONSUMER: &str = "7f0f0c5c-0000-4000-8000-000000000009";

fn provider(number: u8, name: &str) -> Value {
    json!({"uuid": format!("00000000-0000-4000-8000-00000000000{number}"), "name": name, "generation": 3, "links": []})
}

async fn with_providers(all: Vec<Value>, host: &str) -> (Fake, Placement) {
    let fake = Fake::start().await;
    let exact: Vec<Value> = all.iter().filter(|one| one["name"] == host).cloned().collect();
    let list = |rows: Vec<Value>| ResponseTemplate::new(200).set_body_json(json!({"resource_providers": rows}));
    let providers = || Mock::given(method("GET")).and(path("/placement/resource_providers"));
    providers()
        .and(query_param("name", host))
        .respond_with(list(exact))
        .mount(&fake.server)
        .await;
    providers()
        .and(query_param_is_missing("name"))
        .respond_with(list(all))
        .mount(&fake.server)
        .await;
    Mock::given(path(
        "/placement/resource_providers/00000000-0000-4000-8000-000000000001/allocations",
    ))
    .and(header("openstack-api-version", "placement 1.17"))
    .respond_with(ResponseTemplate::new(200).set_body_json(json!({
        "allocations": {CONSUMER: {"resources": {"VCPU": 1}}}, "resource_provider_generation": 7,
    })))
    .mount(&fake.server)
    .await;
    let placement = Placement::new(fake.client(ServiceType::PLACEMENT));
    (fake, placement)
}

#[rstest]
#[case::exact(vec![provider(1, "compute-1"), provider(2, "compute-1.rack2")])]
#[case::with_a_domain(vec![provider(1, "compute-1.example.org"), provider(2, "compute-10.example.org")])]
#[tokio::test]
async fn a_host_is_found_by_its_name_with_or_without_domain(#[case] all: Vec<Value>) {
    let (_fake, placement) = with_providers(all, "compute-1").await;
    assert_eq!(
        placement.consumers("compute-1").await.unwrap().unwrap(),
        [Uuid::parse_str(CONSUMER).unwrap()]
    );
}

#[tokio::test]
async fn a_host_without_provider_is_told_apart_from_an_empty_one() {
    let (_fake, placement) = with_providers(vec![provider(2, "compute-10")], "compute-1").await;
    assert_eq!(placement.consumers("compute-1").await.unwrap(), None);
}

#[tokio::test]
async fn two_providers_that_could_be_the_host_are_an_error() {
    let all = vec![provider(1, "compute-1.a"), provider(2, "compute-1.b")];
    let (_fake, placement) = with_providers(all, "compute-1").await;
    let error = placement.consumers("compute-1").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "placement has several resource providers that could be host 'compute-1': compute-1.a, compute-1.b"
    );
}
