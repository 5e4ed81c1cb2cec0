//! Nothing may be left out: every route of the router has a case, every access rule a route or a check of its own.

use std::collections::BTreeSet;
use std::io::Write;

use themis_api::policy::Rules;
use themis_api::routes;
use themis_openstack::policy::defaults::RULES;

use super::cases;
use crate::support::with_rules;

fn route(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}

/// Rules that handlers ask after for a part of an answer only, and the one that guards nothing, as upstream.
const WITHOUT_ROUTE: &[&str] = &[
    "os_masakari_api:extensions:discoverable",
    "os_masakari_api:notifications:discoverable",
    "os_masakari_api:os-hosts:discoverable",
    "os_masakari_api:segments:discoverable",
    "os_masakari_api:versions:discoverable",
    "os_masakari_api:versions:index",
    "os_masakari_api:vmoves:discoverable",
];

#[test]
fn no_route_and_no_rule_is_without_its_tests() {
    let served: BTreeSet<String> = routes::all().map(|known| route(known.method, known.path)).collect();
    let tested: Vec<String> = cases().iter().map(ToString::to_string).collect();
    let mut left: Vec<String> = served.iter().filter(|known| !tested.contains(known)).cloned().collect();
    let once: BTreeSet<&String> = tested.iter().collect();
    assert_eq!(once.len(), tested.len(), "a route has two cases");
    let on_routes: BTreeSet<&str> = routes::all().filter_map(|known| known.rule).collect();
    // A name without a colon is an alias for use in other rules.
    let rules = RULES.iter().map(|rule| rule.name).filter(|name| name.contains(':'));
    left.extend(
        rules
            .filter(|name| !on_routes.contains(name) && !WITHOUT_ROUTE.contains(name))
            .map(str::to_owned),
    );
    assert!(left.is_empty(), "without tests: {left:#?}");
}

#[test]
fn the_requests_that_a_rule_s_sample_names_are_those_that_it_guards() {
    let shape = |path: &str| -> String {
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let mut wrong = Vec::new();
    for rule in RULES
        .iter()
        .filter(|rule| routes::all().any(|route| route.rule == Some(rule.name)))
    {
        let named: BTreeSet<String> = rule.operations.iter().map(|operation| shape(operation)).collect();
        let guarded: BTreeSet<String> = routes::all()
            .filter(|known| known.rule == Some(rule.name))
            .map(|known| shape(&route(known.method, known.path)))
            .collect();
        if named != guarded {
            wrong.push(format!("{}: {named:?} is not {guarded:?}", rule.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A rules file with one line.
fn only(name: &str, check: &str) -> (tempfile::NamedTempFile, Rules) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "\"{name}\": \"{check}\"").unwrap();
    let rules = Rules::of_file(file.path().to_owned()).unwrap();
    (file, rules)
}

#[tokio::test]
async fn a_rule_without_a_route_hides_its_extension_and_nothing_else() {
    for name in WITHOUT_ROUTE {
        let (_file, rules) = only(name, "!");
        let hidden = name
            .strip_prefix("os_masakari_api:")
            .and_then(|name| name.strip_suffix(":discoverable"));
        with_rules(rules, async |api| {
            let list = api.get("/v1/extensions").await.ok(200);
            let shown: Vec<&str> = list["extensions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["alias"].as_str().unwrap())
                .collect();
            let all = [
                "extensions",
                "notifications",
                "os-hosts",
                "segments",
                "versions",
                "vmoves",
            ];
            let wanted: Vec<&str> = all.into_iter().filter(|alias| Some(*alias) != hidden).collect();
            assert_eq!(shown, wanted, "{name}");
            if let Some(hidden) = hidden {
                assert_eq!(api.get(&format!("/v1/extensions/{hidden}")).await.status, 404, "{name}");
            }
            api.get("/v1").await.ok(200);
            api.get("/v1/segments").await.ok(200);
        })
        .await;
    }
}

#[tokio::test]
async fn a_rule_opened_to_a_role_opens_its_routes_and_no_other() {
    let mut rules: Vec<&str> = routes::all().filter_map(|route| route.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    // One installation for all: the rule in force is changed under it.
    let (file, _) = only(rules[0], "role:member");
    let path = file.path().to_owned();
    with_rules(Rules::of_file(path.clone()).unwrap(), async |api| {
        for rule in &rules {
            std::fs::write(&path, format!("\"{rule}\": \"role:member\"\n")).unwrap();
            api.app.rules.reload();
            for known in routes::all() {
                let Some(demanded) = known.rule else { continue };
                let shown = known
                    .path
                    .split('/')
                    .map(|part| if part.starts_with('{') { "x" } else { part });
                let path = shown.collect::<Vec<_>>().join("/");
                if matches!(known.method, "post" | "put") {
                    continue; // The body is looked at before the right; `checks` shows their rule.
                }
                let answer = api.by("member", &known.method.to_uppercase(), &path, None).await;
                assert_eq!(
                    answer.status != 403,
                    demanded == *rule,
                    "{rule}: {known:?}: {}",
                    answer.text
                );
            }
        }
    })
    .await;
}
