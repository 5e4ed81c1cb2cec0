//! Where a request comes from, as far as it can be believed: it is kept as evidence of who reported a failure.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::app_state::AppState;
use crate::base_url;

/// The client's address: the other end of the connection; behind a trusted proxy what that proxy saw.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        let seen = app
            .settings
            .behind_proxy
            .then(|| last_forwarded(&parts.headers))
            .flatten();
        // An IPv4 client of a listener on `::` is shown as the IPv4 client that it is.
        Ok(Self(seen.unwrap_or(peer).to_canonical()))
    }
}

/// The last entry is the one that the nearest proxy wrote; those before it are what the client said of itself. As for the
/// links in answers, the standard header goes before the older ones.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = |name: &str| {
        let list = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        list.rsplit(',').next().map(str::trim)
    };
    match last(header::FORWARDED.as_str()) {
        Some(element) => node_address(base_url::pair(element, "for")?),
        None => last("x-forwarded-for")?.parse().ok(),
    }
}

/// The address of a node of RFC 7239, section 6: IPv6 in brackets, either with or without a port. `unknown` and made-up
/// names (`_hidden`) are no address.
fn node_address(node: &str) -> Option<IpAddr> {
    match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0.parse().ok(),
        None => node.split(':').next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        last_forwarded(&headers).map(|address| address.to_string())
    }

    #[test]
    fn only_what_the_nearest_proxy_wrote_is_believed() {
        let of = |value| of(&[("x-forwarded-for", value)]);
        assert_eq!(of("10.0.0.1, 192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(of("2001:db8::7").as_deref(), Some("2001:db8::7"));
        assert_eq!(of("unknown"), None);
        assert_eq!(last_forwarded(&HeaderMap::new()), None);
    }

    #[test]
    fn the_standard_header_is_read_and_goes_first() {
        let forwarded = |value| of(&[("forwarded", value), ("x-forwarded-for", "10.0.0.9")]);
        let shown = |value| forwarded(value).unwrap_or_default();
        assert_eq!(shown("for=10.0.0.1, for=192.0.2.7;proto=https"), "192.0.2.7");
        assert_eq!(shown("proto=https; For=\"192.0.2.7:4711\""), "192.0.2.7");
        assert_eq!(shown("for=\"[2001:db8::7]:4711\""), "2001:db8::7");
        assert_eq!(shown("for=\"[2001:db8::7]\""), "2001:db8::7");
        for nobody in ["for=unknown", "for=_hidden", "proto=https", "for=\"[2001:db8::7\"", ""] {
            assert_eq!(forwarded(nobody), None, "{nobody}");
        }
        let lines = [("forwarded", "for=10.0.0.1"), ("forwarded", "for=192.0.2.7")];
        assert_eq!(of(&lines).as_deref(), Some("192.0.2.7"));
    }
}
