//! The checks that every route stands, each run over all cases. A check collects what it finds and shows all of it.

mod hostile;
mod invalid;
mod lists;
mod missing;
mod rights;
mod versions;

use serde_json::{Value, json};

use super::case::Case;
use super::cases;
use super::world::World;
use crate::support::{Answer, Api, send, with_api};

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

/// Runs a check of every case; one that changes something has a world of its own.
async fn of_every_case(check: impl AsyncFn(&Api, &Case, &World, &mut Vec<String>)) {
    with_api(async |api| {
        let mut found = Vec::new();
        let unchanged = World::new(api).await;
        for case in cases() {
            let own = fresh_if(case.changes(), api).await;
            let mut faults = Vec::new();
            check(api, &case, own.as_ref().unwrap_or(&unchanged), &mut faults).await;
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
