//! The header `OpenStack-API-Version: instance-ha X.Y`: reading it, refusing what is malformed (400) or out of range
//! (406), and naming the version in answers. Only matched routes under `/v1` pass through here; an unrouted path or
//! a refusal of the token carries no such header.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::fault::Fault;

/// Request and answer header.
pub const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");
const SERVICE: &str = "instance-ha";

/// A microversion of Masakari's API, 1.0 to 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion {
    minor: u8,
}

impl Microversion {
    /// What a request without the header means.
    pub const MIN: Self = Self { minor: 0 };
    /// What `latest` means.
    pub const MAX: Self = Self { minor: 3 };
    /// One notification also shows the details of its recovery.
    pub const RECOVERY_DETAILS: Self = Self { minor: 1 };
    /// A segment's `enabled` may be set.
    pub const SEGMENT_ENABLED: Self = Self { minor: 2 };

    /// The version that the headers ask for.
    ///
    /// # Errors
    /// A version that is malformed or that this service does not have.
    pub fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        // Headers are Latin-1: what is no version there is to be refused like any other.
        let values: Vec<String> = headers
            .get_all(HEADER)
            .iter()
            .map(|value| value.as_bytes().iter().map(|byte| char::from(*byte)).collect())
            .collect();
        let entries: Vec<&str> = values.iter().flat_map(|value| value.split(',')).collect();
        // The last entry for this service wins; entries for other services are not ours to judge.
        let asked = entries.iter().rev().find_map(|entry| {
            let (service, version) = entry.trim().split_once(char::is_whitespace)?;
            service.eq_ignore_ascii_case(SERVICE).then_some(version.trim())
        });
        asked.map_or(Ok(Self::MIN), Self::parse)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        if text == "latest" {
            return Ok(Self::MAX);
        }
        let Some((major, minor)) = text
            .split_once('.')
            .filter(|(major, minor)| is_positive_integer(major) && (is_positive_integer(minor) || *minor == "0"))
        else {
            return Err(Fault::VersionMalformed { given: text.to_owned() });
        };
        // A number too long to parse is as much out of range as 2.0.
        match (major, minor.parse()) {
            ("1", Ok(minor)) if minor <= Self::MAX.minor => Ok(Self { minor }),
            _ => Err(Fault::VersionOutOfRange { given: text.to_owned() }),
        }
    }
}

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

fn is_positive_integer(text: &str) -> bool {
    !text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Reads the version for the handlers and names it in the answer.
pub async fn negotiate(mut request: Request, next: Next) -> Response {
    let version = match Microversion::of(request.headers()) {
        Ok(version) => version,
        Err(fault) => {
            let out_of_range = matches!(fault, Fault::VersionOutOfRange { .. });
            let mut response = fault.into_response();
            if out_of_range {
                response
                    .headers_mut()
                    .insert(header::VARY, HeaderValue::from_static("OpenStack-API-Version"));
            }
            return response;
        }
    };
    request.extensions_mut().insert(version);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("{SERVICE} {version}")) {
        headers.insert(HEADER, value);
    }
    headers.insert(header::VARY, HeaderValue::from_static("OpenStack-API-Version"));
    response
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn asked(values: &[&'static str]) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_static(value));
        }
        Microversion::of(&headers)
            .map(|v| v.to_string())
            .map_err(|fault| fault.status().as_u16())
    }

    #[rstest]
    #[case(&[], "1.0")]
    #[case(&[""], "1.0")]
    #[case(&["masakari 9.9"], "1.0")]
    #[case(&["compute 2.1"], "1.0")]
    #[case(&["1.3"], "1.0")]
    #[case(&["instance-ha"], "1.0")]
    #[case(&["instance-ha 1.2"], "1.2")]
    #[case(&["INSTANCE-HA 1.2"], "1.2")]
    #[case(&["instance-ha latest"], "1.3")]
    #[case(&["compute 2.1, instance-ha 1.1"], "1.1")]
    #[case(&["instance-ha 1.1, instance-ha 1.2"], "1.2")]
    #[case(&["instance-ha 1.1", "instance-ha 1.3"], "1.3")]
    fn the_last_entry_for_this_service_counts_and_none_means_the_oldest(
        #[case] given: &[&'static str],
        #[case] is: &str,
    ) {
        assert_eq!(asked(given), Ok(is.to_owned()));
    }

    #[rstest]
    #[case("instance-ha LATEST", 400)]
    #[case("instance-ha 1", 400)]
    #[case("instance-ha abc", 400)]
    #[case("instance-ha 0.9", 400)]
    #[case("instance-ha 1.03", 400)]
    #[case("instance-ha 1.", 400)]
    #[case("instance-ha \u{b2}.0", 400)]
    #[case("instance-ha 1.4", 406)]
    #[case("instance-ha 2.0", 406)]
    #[case("instance-ha 1.99999999999999999999", 406)]
    #[case("instance-ha 99999999999999999999.0", 406)]
    fn what_is_malformed_is_400_and_what_we_do_not_have_is_406(#[case] given: &'static str, #[case] status: u16) {
        let mut headers = HeaderMap::new();
        headers.append(HEADER, HeaderValue::from_bytes(given.as_bytes()).unwrap());
        assert_eq!(
            Microversion::of(&headers).map_err(|fault| fault.status().as_u16()),
            Err(status)
        );
    }
}
