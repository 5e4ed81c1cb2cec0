//! Where a request comes from, as far as it can be believed: it is kept as evidence of who reported a failure.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::app_state::AppState;

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

/// The last entry is the one that the nearest proxy wrote; those before it are what the client said of itself.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let list = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    list.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_nearest_proxy_wrote_is_believed() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", value.parse().unwrap());
            last_forwarded(&headers).map(|address| address.to_string())
        };
        assert_eq!(of("10.0.0.1, 192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(of("2001:db8::7").as_deref(), Some("2001:db8::7"));
        assert_eq!(of("unknown"), None);
        assert_eq!(last_forwarded(&HeaderMap::new()), None);
    }
}
