//! What a route's file says of it.

use serde_json::Value;
use themis_api::routes::{Route, all};

use super::world::World;

/// One route, a request that it takes and what it answers, and requests that it refuses.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) route: Route,
    /// Status of the answer to the good request.
    pub(super) ok: u16,
    /// A good body; called once per request, so that names can be new.
    pub(super) body: Option<fn(&World) -> Value>,
    /// The body may be absent or an empty object.
    pub(super) body_optional: bool,
    /// Bodies that are refused with 400, beside those that every route refuses.
    pub(super) bad_bodies: Vec<Value>,
    /// Query strings that are refused with 400, beside those that every list refuses.
    pub(super) bad_queries: Vec<&'static str>,
    /// The key of the answer's object or list, and the keys of what is under it, in their order.
    pub(super) answer: Option<(&'static str, Vec<&'static str>)>,
    /// A key that is there from a microversion on, and the key before which it stands.
    pub(super) since: Option<(&'static str, &'static str, &'static str)>,
}

impl Case {
    /// The route of the router's table with this method and path.
    #[track_caller]
    pub(super) fn of(method: &str, path: &str) -> Self {
        let route = all().find(|route| route.method == method && route.path == path);
        Self {
            route: route.unwrap_or_else(|| panic!("no route is {method} {path}")),
            ok: 200,
            body: None,
            body_optional: false,
            bad_bodies: Vec::new(),
            bad_queries: Vec::new(),
            answer: None,
            since: None,
        }
    }

    /// An action that no controller has.
    #[track_caller]
    pub(super) fn missing_action(method: &str, path: &str) -> Self {
        Self::of(method, path).ok(405)
    }

    pub(super) fn ok(mut self, status: u16) -> Self {
        self.ok = status;
        self
    }

    pub(super) fn body(mut self, body: fn(&World) -> Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn body_optional(mut self) -> Self {
        self.body_optional = true;
        self
    }

    pub(super) fn refuses(mut self, bodies: impl IntoIterator<Item = Value>) -> Self {
        self.bad_bodies.extend(bodies);
        self
    }

    pub(super) fn refuses_queries(mut self, queries: impl IntoIterator<Item = &'static str>) -> Self {
        self.bad_queries.extend(queries);
        self
    }

    pub(super) fn answers(mut self, name: &'static str, keys: &[&'static str]) -> Self {
        self.answer = Some((name, keys.to_vec()));
        self
    }

    /// `key` is there from microversion `version` on, before the key `next`.
    pub(super) fn since(mut self, version: &'static str, key: &'static str, next: &'static str) -> Self {
        self.since = Some((version, key, next));
        self
    }

    pub(super) fn is_missing_action(&self) -> bool {
        self.ok == 405
    }

    /// Whether the good request can be made once only.
    pub(super) fn changes(&self) -> bool {
        self.route.method != "get" && !self.is_missing_action()
    }

    pub(super) fn is_masakaris(&self) -> bool {
        self.route.path.starts_with("/v1")
    }

    pub(super) fn has_body(&self) -> bool {
        matches!(self.route.method, "post" | "put")
    }

    /// The names in braces.
    pub(super) fn placeholders(&self) -> Vec<&'static str> {
        let names = self.route.path.split('/').filter_map(|part| part.strip_prefix('{'));
        names.filter_map(|part| part.strip_suffix('}')).collect()
    }

    /// The keys of the answer at a microversion.
    pub(super) fn keys_at(&self, version: &str) -> Option<(&'static str, Vec<&'static str>)> {
        let (name, mut keys) = self.answer.clone()?;
        if let Some((from, key, next)) = self.since
            && version >= from
        {
            let place = keys.iter().position(|known| *known == next).unwrap();
            keys.insert(place, key);
        }
        Some((name, keys))
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.route.method.to_uppercase(), self.route.path)
    }
}
