//! Requests that are wrong in themselves.

use serde_json::{Value, json};

use super::{Asking, NOBODY, expect, of_every_case, path};
use crate::routes::case::Case;
use crate::routes::world::World;
use crate::support::{Api, BODY_MAX, send};

#[tokio::test]
async fn what_is_invalid_is_a_clear_4xx() {
    of_every_case(async |api, case, world, faults| {
        let good = || Asking::good(api, case, world);
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
        for query in bad_queries(case) {
            let path = format!("{known}?{query}");
            let answer = Asking { path, ..good() }.answer().await;
            expect(faults, &query, &answer, 400, "badRequest");
        }
        let method = case.route.method.to_uppercase();
        let large = "x".repeat(usize::try_from(BODY_MAX).unwrap() + 1);
        let answer = send(api.request("admin", &method, &known).body(large)).await;
        expect(faults, "a large body", &answer, 413, "");
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
