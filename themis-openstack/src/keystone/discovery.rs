//! From `auth_url` as operators write it to the root of the v3 interface.

use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::time::Instant;

use crate::error::{Effect, IdentityError};
use crate::http::{self, Answer, Call};

const CALL: Call = Call {
    service: "identity",
    name: "show its versions",
    effect: Effect::None,
};

/// The v3 root, without a trailing slash. An address that ends in `/v3` is taken at its word; any other is asked for its
/// version document (HTTP 300, or 200 behind some proxies).
pub(crate) async fn v3_root(http: &Client, auth_url: &str, deadline: Instant) -> Result<String, IdentityError> {
    let wrong = |what: String| IdentityError::NotKeystone {
        auth_url: auth_url.to_owned(),
        what,
    };
    let given = auth_url.trim().trim_end_matches('/');
    let url = Url::parse(given).map_err(|error| wrong(error.to_string()))?;
    if url.path().ends_with("/v3") {
        return Ok(given.to_owned());
    }
    if url.path().ends_with("/v2.0") {
        return Err(wrong("version 2.0 is gone; leave /v2.0 out".to_owned()));
    }
    let request = http.get(format!("{given}/")).header("accept", "application/json");
    let answer = http::send(request, CALL, deadline).await?;
    read(given, &url, &answer).map_err(wrong)
}

fn read(given: &str, url: &Url, answer: &Answer) -> Result<String, String> {
    if let (301 | 302 | 303 | 307 | 308, Some(place)) = (answer.status, answer.header("location")) {
        return Err(format!("it redirects to {place}; write that address"));
    }
    if !matches!(answer.status, 200 | 300) {
        return Err(format!("it answers HTTP {}; is the address complete?", answer.status));
    }
    let document: Document = answer.json().map_err(|_| "it answers no version document".to_owned())?;
    let version = document
        .versions
        .values
        .into_iter()
        .find(|version| version.id.starts_with("v3"))
        .ok_or("its version document has no v3")?;
    let path = version
        .links
        .iter()
        .find(|link| link.rel == "self")
        .and_then(|link| Url::parse(&link.href).ok())
        .map(|href| href.path().trim_end_matches('/').to_owned());
    Ok(root(given, url, path.as_deref()))
}

/// Host and scheme stay as configured: behind a proxy Keystone often does not know its own. The path is Keystone's word
/// unless it lacks the prefix under which we reached it.
fn root(given: &str, url: &Url, path: Option<&str>) -> String {
    let prefix = url.path().trim_end_matches('/');
    match path
        .and_then(|path| path.strip_prefix(prefix))
        .filter(|rest| rest.starts_with('/'))
    {
        Some(rest) => format!("{given}{rest}"),
        None => format!("{given}/v3"),
    }
}

#[derive(Deserialize)]
struct Document {
    versions: Versions,
}

#[derive(Deserialize)]
struct Versions {
    values: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    rel: String,
    href: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("http://h:5000", "http://h:5000/v3/", "http://h:5000/v3")]
    #[case("https://h/identity", "http://inside:5000/identity/v3/", "https://h/identity/v3")]
    #[case("https://h/identity", "http://inside:5000/v3", "https://h/identity/v3")]
    #[case("https://h/id", "https://h/identity/v3", "https://h/id/v3")]
    fn the_root_keeps_host_and_prefix_under_which_keystone_was_reached(
        #[case] given: &str,
        #[case] href: &str,
        #[case] expected: &str,
    ) {
        let path = Url::parse(href).unwrap().path().trim_end_matches('/').to_owned();
        assert_eq!(root(given, &Url::parse(given).unwrap(), Some(&path)), expected);
    }
}
