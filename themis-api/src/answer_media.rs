//! Which of the two names of JSON an answer bears: `application/json`, unless the caller prefers Masakari's own. Faults are
//! always `application/json`, and no wish is refused: who accepts neither gets JSON all the same.

use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

const JSON: &str = "application/json";
const MASAKARIS: &str = "application/vnd.openstack.masakari+json";

/// Names the answer as the caller prefers. An ending in the path counts before the header.
pub async fn name(request: Request, next: Next) -> Response {
    let other = wants_other(&request);
    named(other, next.run(request).await)
}

/// Whether the answer is to bear Masakari's own name.
#[must_use]
pub fn wants_other(request: &Request) -> bool {
    let ending = request
        .extensions()
        .get::<OriginalUri>()
        .is_some_and(|uri| uri.path().ends_with(".json"));
    !ending && prefers_masakaris(request.headers())
}

/// The answer under that name when `other` is wanted; a fault keeps its own.
#[must_use]
pub fn named(other: bool, mut response: Response) -> Response {
    let is_plain = response.headers().get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static(JSON));
    if other && is_plain {
        let media = HeaderValue::from_static(MASAKARIS);
        response.headers_mut().insert(header::CONTENT_TYPE, media);
    }
    response
}

/// As WebOb matches: the highest quality wins, then the range with fewer stars, then the first of ours.
fn prefers_masakaris(headers: &HeaderMap) -> bool {
    let ranges: Vec<(&str, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .collect();
    let mut best = (JSON, -1.0, usize::MAX);
    for media in [JSON, MASAKARIS] {
        for (range, quality) in &ranges {
            let stars = range.matches('*').count();
            let better = *quality > best.1 || (*quality >= best.1 && stars < best.2);
            if matches(range, media) && better {
                best = (media, *quality, stars);
            }
        }
    }
    best.0 == MASAKARIS
}

/// A range and its quality; one of quality 0 is not accepted, which is as good as not named.
fn range(text: &str) -> Option<(&str, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let quality = parts
        .find_map(|part| part.strip_prefix("q="))
        .map_or(Some(1.0), |quality| quality.parse().ok())?;
    (quality > 0.0).then_some((range, quality))
}

fn matches(range: &str, media: &str) -> bool {
    range == "*/*" || range == "application/*" || range.eq_ignore_ascii_case(media)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", false)]
    #[case("text/html", false)]
    #[case("*/*", false)]
    #[case("application/json", false)]
    #[case("application/vnd.openstack.masakari+json", true)]
    #[case("Application/Vnd.OpenStack.masakari+json;q=0.3", true)]
    #[case("application/vnd.openstack.masakari+json, application/json", false)]
    #[case("application/vnd.openstack.masakari+json, application/json;q=0.9", true)]
    #[case("application/vnd.openstack.masakari+json;q=0.5, */*;q=0.8", false)]
    #[case("*/*, application/vnd.openstack.masakari+json", true)]
    #[case("application/vnd.openstack.masakari+json;q=0, application/json;q=0.1", false)]
    #[case("application/vnd.openstack.masakari+json;q=x", false)]
    fn the_better_match_names_the_answer(#[case] accept: &'static str, #[case] masakaris: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(prefers_masakaris(&headers), masakaris);
    }
}
