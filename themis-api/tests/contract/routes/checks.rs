//! The checks that every route stands, each run over all cases. A check collects what it finds and shows all of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::case::Case;
use super::cases;
use super::world::World;
use crate::cloud::PROJECT;
use crate::support::{Answer, Api, BODY_MAX, send, with_api};

const NOBODY: &str = "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
const VERSION: &str = "openstack-api-version";

/// A request of the case's route, good in every respect unless changed.
struct Asking<'a> {
    api: &'a Api,
    case: &'a Case,
    who: Option<&'a str>,
    path: String,
    version: Option<&'a str>,
    body: Option<String>,
}

impl<'a> Asking<'a> {
    fn good(api: &'a Api, case: &'a Case, world: &World) -> Self {
        Self {
            api,
            case,
            who: Some("admin"),
            path: path(case, world, &[]),
            version: None,
            body: case.body.map(|body| body(world).to_string()),
        }
    }

    async fn answer(self) -> Answer {
        let method = self.case.route.method.to_uppercase();
        let mut request = match self.who {
            Some(who) => self.api.request(who, &method, &self.path),
            None => self.api.bare(&method, &self.path),
        };
        if let Some(version) = self.version {
            request = request.header(VERSION, version);
        }
        if let Some(body) = self.body {
            request = request.header("content-type", "application/json").body(body);
        }
        send(request).await
    }
}

fn path(case: &Case, world: &World, instead: &[(&str, &str)]) -> String {
    let mut path = case.route.path.to_owned();
    for name in case.placeholders() {
        let other = instead.iter().find(|(key, _)| *key == name).map(|(_, id)| *id);
        path = path.replace(&format!("{{{name}}}"), other.unwrap_or_else(|| world.id(name)));
    }
    path
}

/// Runs a check of every case, each in a world of its own.
async fn of_every_case(check: impl AsyncFn(&Api, &Case, &World, &mut Vec<String>)) {
    with_api(async |api| {
        let mut found = Vec::new();
        for case in cases() {
            let world = World::new(api).await;
            let mut faults = Vec::new();
            check(api, &case, &world, &mut faults).await;
            found.extend(faults.into_iter().map(|fault| format!("{case}: {fault}")));
        }
        assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
    })
    .await;
}

/// A world that the request may change; none for requests that change nothing.
async fn fresh_if(changes: bool, api: &Api) -> Option<World> {
    if changes { Some(World::new(api).await) } else { None }
}

fn expect(faults: &mut Vec<String>, what: &str, answer: &Answer, status: u16, name: &str) {
    let code = (!name.is_empty())
        .then(|| serde_json::from_str::<Value>(&answer.text).unwrap_or_default()[name]["code"].clone());
    if answer.status != status || code.is_some_and(|code| code != json!(status)) {
        let shown: String = answer.text.chars().take(300).collect();
        faults.push(format!("{what:.300} is {} {shown}, not {status} {name}", answer.status));
    }
}

/// The object under the answer's key, or the first of the list.
fn keys_of(answer: &Answer, name: &str) -> Vec<String> {
    let body = answer.json();
    let part = match &body[name] {
        Value::Array(rows) => rows.first().cloned().unwrap_or_default(),
        other => other.clone(),
    };
    part.as_object()
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn who_has_the_right_gets_the_answer_with_its_keys_in_order() {
    of_every_case(async |api, case, world, faults| {
        let answer = Asking::good(api, case, world).answer().await;
        expect(faults, "a good request", &answer, case.ok, "");
        if !answer.header("x-openstack-request-id").starts_with("req-") {
            faults.push("the answer names no request id".to_owned());
        }
        let media = if case.is_missing_action() {
            "application/json; charset=UTF-8"
        } else {
            "application/json"
        };
        if answer.header("content-type") != media {
            faults.push(format!("the answer is {}", answer.header("content-type")));
        }
        match case.keys_at("1.0") {
            Some((name, keys)) if keys_of(&answer, name) != keys => {
                faults.push(format!("{name} has the keys {:?}", keys_of(&answer, name)));
            }
            None if case.ok != 204 && !case.is_missing_action() => faults.push("the case names no answer".to_owned()),
            None if case.ok == 204 && !answer.text.is_empty() => faults.push(format!("204 with {}", answer.text)),
            _ => {}
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_no_token_or_a_bad_one_is_401_and_who_has_no_right_403_by_the_route_s_rule() {
    of_every_case(async |api, case, world, faults| {
        for who in [None, Some("nobody")] {
            let answer = Asking {
                who,
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(faults, "a request without a valid token", &answer, 401, "error");
            if answer.header("www-authenticate").is_empty() {
                faults.push("401 without WWW-Authenticate".to_owned());
            }
        }
        let answer = Asking {
            who: Some("member"),
            ..Asking::good(api, case, world)
        }
        .answer()
        .await;
        match case.route.rule {
            Some(rule) => {
                expect(faults, "a member's request", &answer, 403, "forbidden");
                let wanted = format!("Policy doesn't allow {rule} to be performed.");
                if !answer.text.contains(&wanted) {
                    faults.push(format!("a member hears {}", answer.text));
                }
            }
            None => expect(faults, "a member's request", &answer, case.ok, ""),
        }
    })
    .await;
}

#[tokio::test]
async fn who_may_read_reads_everything_and_changes_nothing_and_a_monitor_reports_only() {
    of_every_case(async |api, case, world, faults| {
        if case.route.rule.is_none() {
            return;
        }
        for (who, allowed) in [
            ("system-reader", case.route.method == "get"),
            (
                "service",
                (case.route.method, case.route.path) == ("post", "/v1/notifications"),
            ),
        ] {
            let asking = Asking {
                who: Some(who),
                ..Asking::good(api, case, world)
            };
            let (status, fault) = if allowed { (case.ok, "") } else { (403, "forbidden") };
            expect(faults, who, &asking.answer().await, status, fault);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_404() {
    of_every_case(async |api, case, world, faults| {
        for name in case.placeholders() {
            for id in [NOBODY, "xyz", "NEW"] {
                let path = path(case, world, &[(name, id)]);
                let answer = Asking {
                    path,
                    ..Asking::good(api, case, world)
                }
                .answer()
                .await;
                let (status, fault) = if case.is_missing_action() {
                    (405, "badMethod")
                } else {
                    (404, "itemNotFound")
                };
                expect(faults, &format!("{{{name}}} = {id}"), &answer, status, fault);
            }
        }
        // The word `new` in place of the last id means an action that no controller has.
        let last = case
            .route
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_matches(['{', '}']);
        if case.is_masakaris() && case.route.method == "get" && case.placeholders().contains(&last) {
            let path = path(case, world, &[(last, "new")]);
            let answer = Asking {
                path,
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(faults, "new", &answer, 405, "badMethod");
            if !answer.text.contains("'GET' with action: 'new'") {
                faults.push(answer.text);
            }
        }
        // A path below, a slash at the end, a method that no route has.
        let known = path(case, world, &[]);
        for below in [format!("{known}/x/y/z"), format!("{known}/")] {
            if below == "/v1/" {
                continue; // The version document.
            }
            let answer = Asking {
                path: below.clone(),
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(
                faults,
                &below,
                &answer,
                404,
                if case.is_masakaris() { "" } else { "itemNotFound" },
            );
        }
        for method in ["PATCH", "HEAD", "TRACE"] {
            let answer = send(api.request("admin", method, &known)).await;
            expect(faults, method, &answer, 404, "");
            if !answer.header("allow").is_empty() || !answer.header(VERSION).is_empty() {
                faults.push(format!("{method} is answered with {:?}", answer.headers));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_invalid_is_a_clear_4xx() {
    of_every_case(async |api, case, world, faults| {
        let good = || Asking::good(api, case, world);
        for name in case.placeholders() {
            if !case.is_missing_action() {
                let path = path(case, world, &[(name, "%ff%00")]);
                let answer = Asking { path, ..good() }.answer().await;
                expect(faults, &format!("bytes in {{{name}}}"), &answer, 400, "badRequest");
            }
        }
        let known = path(case, world, &[]);
        if case.is_masakaris() {
            let path = known.replacen("/v1", "/v1/ffff", 1);
            if path != "/v1/ffff" && !case.is_missing_action() {
                let answer = Asking { path, ..good() }.answer().await;
                expect(faults, "another project", &answer, 400, "badRequest");
            }
        } else {
            let path = format!("{known}?bogus=1");
            let answer = Asking { path, ..good() }.answer().await;
            expect(faults, "an unknown parameter", &answer, 400, "badRequest");
        }
        for query in hostile_queries(case) {
            let path = format!("{known}?{query}");
            let answer = Asking { path, ..good() }.answer().await;
            if answer.status >= 500 {
                faults.push(format!("{query} is {} {}", answer.status, answer.text));
            }
        }
        for query in bad_queries(case) {
            let path = format!("{known}?{query}");
            let answer = Asking { path, ..good() }.answer().await;
            expect(faults, &query, &answer, 400, "badRequest");
        }
        if case.has_body() {
            bodies(api, case, world, faults).await;
        }
    })
    .await;
}

fn bad_queries(case: &Case) -> Vec<String> {
    let known = |name: &str| case.route.parameters.contains(&name);
    let mut queries: Vec<String> = case.bad_queries.iter().map(|query| (*query).to_owned()).collect();
    if known("limit") {
        queries.extend(["limit=x", "limit=-1", "limit=", "limit=1.5"].map(str::to_owned));
    }
    if known("marker") {
        queries.extend(["marker=x", "marker=", "marker=987654321", "marker=99999999999999999999"].map(str::to_owned));
        queries.push(format!("marker={NOBODY}"));
        queries.extend(
            [
                "sort_key=bogus",
                "sort_key=hosts",
                "sort_key=",
                "sort_key=ID",
                "sort_dir=up",
            ]
            .map(str::to_owned),
        );
        queries.extend(
            [
                "sort_dir=ASC",
                "sort_dir=asc&sort_dir=asc",
                "page_size=x",
                "page_size=-1",
            ]
            .map(str::to_owned),
        );
    }
    queries
}

/// Values that no filter finds anything by, and that must be no trouble of ours.
fn hostile_queries(case: &Case) -> Vec<String> {
    let long = "x".repeat(4000);
    let values = [
        "%F0%9F%98%80",
        "%00",
        "%FF%FE",
        "%27%22%5C",
        "%25s%3B--",
        "-1",
        "1e400",
        "",
        long.as_str(),
    ];
    let pairs = case
        .route
        .parameters
        .iter()
        .flat_map(|name| values.map(|value| format!("{name}={value}")));
    pairs
        .chain(["&&=&%", "=", "a=b=c;d", "%%%"].map(str::to_owned))
        .collect()
}

async fn bodies(api: &Api, case: &Case, world: &World, faults: &mut Vec<String>) {
    let method = case.route.method.to_uppercase();
    let known = path(case, world, &[]);
    let with = async |media: &str, body: String| {
        send(
            api.request("admin", &method, &known)
                .header("content-type", media)
                .body(body),
        )
        .await
    };
    for media in ["text/html", "application/xml", "application/json-patch+json"] {
        let answer = with(media, "{}".to_owned()).await;
        expect(faults, media, &answer, 415, "badMediaType");
    }
    let large = "x".repeat(usize::try_from(BODY_MAX).unwrap() + 1);
    expect(faults, "a large body", &with("application/json", large).await, 413, "");
    if case.is_missing_action() {
        let answer = with("application/json", "{".to_owned()).await;
        expect(faults, "a body without an action", &answer, 405, "badMethod");
        return;
    }
    let deep = "[".repeat(5000);
    for text in ["{", "x", "{\"a\":1}x", "\u{feff}{}", deep.as_str()] {
        let answer = with("application/json", text.to_owned()).await;
        expect(faults, &text[..text.len().min(20)], &answer, 400, "badRequest");
        if !answer.text.contains("Malformed request body") {
            faults.push(format!("{text:.20}: {}", answer.text));
        }
    }
    let mut bad = case.bad_bodies.clone();
    if case.body.is_some() || case.body_optional {
        bad.extend([json!([]), json!(7), json!("x"), json!({"x": 1})]);
    }
    if !case.body_optional && case.body.is_some() {
        bad.extend([Value::Null, json!({})]);
        expect(
            faults,
            "no body",
            &with("application/json", String::new()).await,
            400,
            "badRequest",
        );
    }
    for body in bad {
        let answer = with("application/json", body.to_string()).await;
        expect(faults, &body.to_string(), &answer, 400, "badRequest");
    }
}

#[tokio::test]
async fn each_microversion_is_taken_and_named_and_others_are_refused() {
    of_every_case(async |api, case, unchanged, faults| {
        for (asked, is) in [
            ("", "1.0"),
            ("compute 2.1", "1.0"),
            ("instance-ha 1.0", "1.0"),
            ("instance-ha 1.1", "1.1"),
            ("compute 2.1, Instance-HA 1.2", "1.2"),
            ("instance-ha 1.3", "1.3"),
            ("instance-ha latest", "1.3"),
        ] {
            let changed = fresh_if(case.changes(), api).await;
            let answer = Asking {
                version: Some(asked),
                ..Asking::good(api, case, changed.as_ref().unwrap_or(unchanged))
            }
            .answer()
            .await;
            expect(faults, asked, &answer, case.ok, "");
            let (header, vary) = match case.is_masakaris() {
                true => (format!("instance-ha {is}"), "OpenStack-API-Version"),
                false => (String::new(), ""),
            };
            if answer.header(VERSION) != header || answer.header("vary") != vary {
                faults.push(format!("{asked}: {:?}", answer.headers));
            }
            if let Some((name, keys)) = case.keys_at(is)
                && keys_of(&answer, name) != keys
            {
                faults.push(format!("{asked}: {name} has the keys {:?}", keys_of(&answer, name)));
            }
        }
        let changed = fresh_if(case.changes(), api).await;
        let world = changed.as_ref().unwrap_or(unchanged);
        for (asked, status, fault) in [
            ("instance-ha 1.4", 406, "masakariFault"),
            ("instance-ha 2.0", 406, "masakariFault"),
            ("instance-ha 1", 400, "badRequest"),
        ] {
            let answer = Asking {
                version: Some(asked),
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            if case.is_masakaris() {
                expect(faults, asked, &answer, status, fault);
                let vary = if status == 406 { "OpenStack-API-Version" } else { "" };
                if !answer.header(VERSION).is_empty() || answer.header("vary") != vary {
                    faults.push(format!("{asked}: {:?}", answer.headers));
                }
                continue;
            }
            // Ours have no microversions. The first good request may have changed what this one needs.
            if StatusCode::from_u16(answer.status).unwrap().is_server_error() || !answer.header(VERSION).is_empty() {
                faults.push(format!("{asked}: {} {:?}", answer.status, answer.headers));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_path_of_masakari_s_is_found_under_the_project_too_and_with_an_ending() {
    of_every_case(async |api, case, unchanged, faults| {
        if !case.is_masakaris() || case.route.path == "/v1" {
            return;
        }
        for ending in ["", ".json", ".xml"] {
            let changed = fresh_if(case.changes(), api).await;
            let world = changed.as_ref().unwrap_or(unchanged);
            let path = path(case, world, &[]).replacen("/v1", &format!("/v1/{PROJECT}"), 1) + ending;
            let answer = Asking {
                path: path.clone(),
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(faults, &path, &answer, case.ok, "");
        }
    })
    .await;
}

#[tokio::test]
async fn masakari_s_lists_are_sorted_by_every_key_both_ways_and_go_on_after_a_marker() {
    of_every_case(async |api, case, world, faults| {
        let Some((name, keys)) = case
            .answer
            .clone()
            .filter(|_| case.route.parameters.contains(&"sort_key"))
        else {
            return;
        };
        let known = path(case, world, &[]);
        let ids = async |query: String| -> Vec<i64> {
            let answer = api.get(&format!("{known}?{query}")).await.ok(200);
            let rows = answer[name].as_array().unwrap().iter();
            rows.filter_map(|row| row["id"].as_i64()).collect()
        };
        for key in keys
            .into_iter()
            .filter(|key| case.is_masakaris() && *key != "failover_segment")
        {
            let up = ids(format!("sort_key={key}&sort_dir=asc")).await;
            let mut down = ids(format!("sort_key=%20{key}&sort_dir=desc")).await;
            down.reverse();
            if up.is_empty() || up != down {
                faults.push(format!("by {key}: {up:?} is not {down:?} backwards"));
            }
            let paged = ids(format!("sort_key={key}&sort_dir=asc&limit=1&marker={}", up[0])).await;
            if paged != up[1..].iter().take(1).copied().collect::<Vec<_>>() {
                faults.push(format!("by {key}: after {} comes {paged:?} of {up:?}", up[0]));
            }
        }
    })
    .await;
}
