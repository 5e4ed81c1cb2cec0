//! The OpenAPI document: as checked in, of every route and of no other, and true of every answer that these tests get.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;
use themis_api::{openapi, routes};

use crate::support::{send, with_api};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(openapi::document()).unwrap());

/// The tests that make the service fail on purpose, by their names in full. A 500 is no answer that the document offers, and
/// no other test may get one.
const SEE_500: [&str; 4] = [
    "checks::a_database_without_tables_is_our_fault_and_says_nothing_of_its_cause",
    "events::a_python_listener_hears_every_change_as_masakari_tells_it",
    "intake::a_report_that_cannot_be_stored_is_never_a_4xx",
    "notifications::a_notification_that_cannot_be_stored_is_never_a_4xx",
];

/// Fails when the document does not name this status for this request. Requests that no operation describes (unrouted
/// paths, actions that no controller has, discovery at `/`) are not its business.
#[track_caller]
pub(crate) fn assert_documented(method: &str, path: &str, status: u16) {
    let method = method.to_ascii_lowercase();
    let documented = match operation(&method, path) {
        Some(operation) => operation["responses"].get(status.to_string()).is_some(),
        None => status != 500,
    };
    // A test's thread has its name; what another thread gets is nobody's on the list.
    let this = std::thread::current();
    let on_purpose = status == 500 && this.name().is_some_and(|name| SEE_500.contains(&name));
    assert!(
        documented || on_purpose,
        "{method} {path} answers {status}, which the OpenAPI document does not name"
    );
}

/// The operation of the template that fits; one without braces comes first, as in the router.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object()?;
    let mut fitting: Vec<&String> = paths.keys().filter(|template| fits(template, path)).collect();
    fitting.sort_by_key(|template| template.matches('{').count());
    paths[*fitting.first()?].get(method)
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()))
}

#[test]
fn the_checked_in_document_is_the_one_that_is_served() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(file, openapi::text()).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        kept == openapi::text(),
        "themis-api/openapi.json is out of date; run this test with UPDATE_OPENAPI=1"
    );
}

#[test]
fn every_description_belongs_to_a_route_and_stands_in_the_document() {
    let routed: BTreeSet<_> = routes::all().map(|route| (route.method, route.path)).collect();
    let described = openapi::described();
    for (method, path) in &described {
        assert!(
            routed.contains(&(*method, *path)),
            "{method} {path} is described and not routed"
        );
        assert!(
            DOCUMENT["paths"][path].get(method).is_some(),
            "{method} {path} is not in the document"
        );
    }
    let count: usize = DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(count, described.len());
}

#[test]
fn a_500_is_let_through_for_no_test_but_those_that_are_named() {
    for path in ["/v1/segments", "/nowhere"] {
        let refused = std::panic::catch_unwind(|| assert_documented("GET", path, 500));
        assert!(refused.is_err(), "{path}");
    }
    for named in SEE_500 {
        let as_if = std::thread::Builder::new().name(named.to_owned());
        let passed = as_if
            .spawn(|| assert_documented("GET", "/v1/segments", 500))
            .unwrap()
            .join();
        assert!(passed.is_ok(), "{named}");
    }
}

#[test]
fn every_reference_leads_to_a_component() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    references(&DOCUMENT, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(DOCUMENT["components"]["schemas"].get(name).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn a_route_that_the_document_leaves_out_always_answers_405() {
    with_api(async |api| {
        let described: BTreeSet<_> = openapi::described().into_iter().collect();
        let left_out: Vec<_> = routes::all()
            .filter(|route| !described.contains(&(route.method, route.path)))
            .collect();
        assert!(!left_out.is_empty());
        for route in left_out {
            let path: Vec<&str> = route
                .path
                .split('/')
                .map(|part| if part.starts_with('{') { "any" } else { part })
                .collect();
            let answer = send(api.request("admin", &route.method.to_ascii_uppercase(), &path.join("/"))).await;
            assert_eq!(
                answer.status, 405,
                "{} {} is not in the OpenAPI document",
                route.method, route.path
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_document_is_served_to_every_valid_token_and_to_nobody_else() {
    with_api(async |api| {
        let path = "/themis/v1/openapi.json";
        let served = api.by("member", "GET", path, None).await.ok(200);
        assert_eq!(served, *DOCUMENT);
        assert_eq!(send(api.bare("GET", path)).await.status, 401);
    })
    .await;
}
