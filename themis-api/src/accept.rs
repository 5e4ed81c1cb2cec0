//! Which of several media types a caller prefers, as upstream's web framework (WebOb) reads `Accept` by RFC 7231: the most
//! specific range decides the quality of an offer, the best quality wins, then the first offer. A header that breaks the
//! grammar counts as none, so every offer is good. JSON's two names are another matter, see [`crate::answer_media`].

use axum::http::{HeaderMap, header};

/// The offer that the caller prefers; `None` when it accepts none of them or sends no header.
#[must_use]
pub fn preferred<'o>(headers: &HeaderMap, offers: &[&'o str]) -> Option<&'o str> {
    let values: Option<Vec<&str>> = headers
        .get_all(header::ACCEPT)
        .iter()
        .map(|value| value.to_str().ok())
        .collect();
    let joined = values.map(|values| values.join(","));
    let Some(ranges) = joined.as_deref().and_then(parse) else {
        return offers.first().copied();
    };
    let mut best: Option<(&str, f32)> = None;
    for offer in offers {
        let quality = quality(&ranges, offer);
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer)
}

/// A media range without parameters, and its quality.
#[derive(Debug)]
struct Range<'a> {
    range: &'a str,
    quality: f32,
}

/// `None` when the grammar is broken.
fn parse(header: &str) -> Option<Vec<Range<'_>>> {
    let mut ranges = Vec::new();
    for element in header.split(',').map(str::trim).filter(|element| !element.is_empty()) {
        let mut parts = element.split(';').map(str::trim);
        let range = parts.next().filter(|range| is_range(range))?;
        let (mut quality, mut has_parameters) = (None, false);
        for part in parts {
            match part.split_once('=') {
                // What follows the quality is an extension, of which nothing is read.
                _ if quality.is_some() => {}
                Some((name, value)) if name.eq_ignore_ascii_case("q") => quality = Some(weight(value)?),
                Some((name, value)) if is_token(name) && !value.is_empty() => has_parameters = true,
                _ => return None,
            }
        }
        // No offer of ours has parameters, so a range with some means none of them.
        if !has_parameters {
            let quality = quality.unwrap_or(1.0);
            ranges.push(Range { range, quality });
        }
    }
    Some(ranges)
}

fn is_range(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(kind, sub)| is_token(kind) && is_token(sub) && (kind != "*" || sub == "*"))
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// `0` to `1` with at most three digits behind the point.
fn weight(text: &str) -> Option<f32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_one = whole == "1" && fraction.bytes().all(|b| b == b'0');
    let is_less = whole == "0" && fraction.bytes().all(|b| b.is_ascii_digit());
    ((is_one || is_less) && fraction.len() <= 3)
        .then(|| text.trim_end_matches('.').parse().ok())
        .flatten()
}

/// Of the most specific range that means `offer`; 0 when none does.
fn quality(ranges: &[Range<'_>], offer: &str) -> f32 {
    let kind = offer.split('/').next().unwrap_or_default();
    let specificity = |range: &str| match range.split_once('/') {
        _ if range.eq_ignore_ascii_case(offer) => 3,
        Some((given, "*")) if given.eq_ignore_ascii_case(kind) => 2,
        Some(("*", "*")) => 1,
        _ => 0,
    };
    let mut best = (0, 0.0);
    for range in ranges {
        let this = specificity(range.range);
        if this > best.0 {
            best = (this, range.quality);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", None)]
    #[case("text/plain", None)]
    #[case("*/*", Some("text/html"))]
    #[case("text/*", Some("text/html"))]
    #[case("application/*", Some("application/json"))]
    #[case("APPLICATION/JSON", Some("application/json"))]
    #[case("application/json, text/plain, */*", Some("text/html"))]
    #[case("text/html;q=0.1, application/json;q=0.2", Some("application/json"))]
    #[case("application/json;q=0", None)]
    #[case("*/*, text/html;q=0", Some("application/json"))]
    #[case("text/html;level=1", None)]
    #[case("bogus", Some("text/html"))]
    #[case("application/json;q=x", Some("text/html"))]
    #[case("application/json;q=0.1234", Some("text/html"))]
    #[case("application/json;q=1.;ext", Some("application/json"))]
    fn the_most_specific_range_decides_and_a_broken_header_counts_as_none(
        #[case] accept: &'static str,
        #[case] chosen: Option<&str>,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(preferred(&headers, &["text/html", "application/json"]), chosen);
    }

    #[test]
    fn who_sends_no_header_prefers_nothing() {
        assert_eq!(preferred(&HeaderMap::new(), &["text/html"]), None);
    }
}
