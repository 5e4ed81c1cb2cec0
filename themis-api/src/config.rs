//! The sections that belong to the API: `[api]`, and what it reads of those shared with oslo.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use themis_config::KnownSection;

use crate::cors::CorsSection;
use crate::server::Bounds;

themis_config::section! {
    /// The HTTP service.
    pub struct ApiSection("api", strict) {
        /// Address to listen on.
        pub listen | "default.masakari_api_listen": String = "0.0.0.0",
        /// Port to listen on.
        pub port | "default.masakari_api_listen_port": u16 = "15868",
        /// Rows that one list shows at most; a larger limit is capped in silence.
        pub max_limit | "default.osapi_max_limit": u64 = "1000",
        /// Path under which a proxy mounts the service and which it leaves in the request, for instance /instance-ha.
        pub path_prefix: Option<String>,
        /// Scheme and host to write into links instead of those of the request.
        pub link_prefix | "default.osapi_masakari_link_prefix": Option<String>,
        /// A notification equal to a stored one that is not older than so many seconds is a duplicate.
        pub duplicate_notification_detection_interval | "default.duplicate_notification_detection_interval": Duration = "180",
        /// Requests that are served at the same time; more are refused with 503.
        pub concurrency_max: usize = "256",
        /// Connections at the same time; further ones wait.
        pub connections_max: usize = "1024",
        /// Seconds that a client may take for the head of a request, may be idle, or may leave an answer unread.
        pub client_timeout: Duration = "60",
        /// Seconds that one request may take before it is answered 503.
        pub request_timeout: Duration = "60",
        /// Seconds that requests under way have to end after SIGTERM.
        pub graceful_shutdown_timeout | "default.graceful_shutdown_timeout": Duration = "60",
        /// Address and port for /metrics and a health check of its own; empty: none.
        pub metrics_listen: Option<String>,
    }
}

themis_config::section! {
    /// What oslo.middleware's options mean to us.
    pub struct MiddlewareSection("oslo_middleware", shared) {
        /// Believe Forwarded and X-Forwarded-Proto, -Host, -Prefix and -For: only behind a proxy that sets or removes them all.
        pub enable_proxy_headers_parsing: bool = "false",
        /// Largest request body in bytes.
        pub max_request_body_size: u64 = "114688",
    }
}

themis_config::section! {
    /// The health check that load balancers ask.
    pub struct HealthcheckSection("healthcheck", shared) {
        /// While this file exists, /healthcheck answers 503, so that an operator can drain the node.
        pub disable_by_file_path: PathBuf = "/etc/themis/healthcheck_disable",
    }
}

/// The sections that this crate reads.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    vec![
        KnownSection::of::<ApiSection>(),
        KnownSection::of::<MiddlewareSection>(),
        KnownSection::of::<HealthcheckSection>(),
        KnownSection::of::<CorsSection>(),
    ]
}

/// `[api] listen` that is no address.
#[derive(Debug, thiserror::Error)]
#[error("[api] listen: '{given}' is not an IP address; write 0.0.0.0 for all of IPv4, :: for all")]
pub struct BadListenAddress {
    given: String,
}

impl ApiSection {
    /// What clients are allowed.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            connections_max: self.connections_max,
            client_timeout: self.client_timeout,
            stop_timeout: self.graceful_shutdown_timeout,
        }
    }

    /// Where to listen.
    ///
    /// # Errors
    /// `listen` is no IP address.
    pub fn address(&self) -> Result<std::net::SocketAddr, BadListenAddress> {
        let ip: IpAddr = self.listen.parse().map_err(|_| BadListenAddress {
            given: self.listen.clone(),
        })?;
        Ok((ip, self.port).into())
    }
}

/// What handlers and layers need of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rows that one list shows at most.
    pub limit_max: u64,
    /// With a slash at its beginning and none at its end; empty for none.
    pub path_prefix: String,
    /// Instead of the request's scheme and host.
    pub link_prefix: Option<String>,
    /// Whether `Forwarded` and `X-Forwarded-*` are believed.
    pub behind_proxy: bool,
    /// Bytes.
    pub body_max: u64,
    /// For the header of a 401.
    pub www_authenticate_uri: String,
    /// How far back a duplicate is looked for.
    pub duplicate_interval: Duration,
    /// Requests at the same time.
    pub concurrency_max: usize,
    /// Per request.
    pub request_timeout: Duration,
    /// While it exists, the health check fails.
    pub disable_file: PathBuf,
    /// Which browsers may use the API.
    pub cors: CorsSection,
}

impl Settings {
    /// Puts the sections together.
    #[must_use]
    pub fn new(
        api: &ApiSection,
        middleware: &MiddlewareSection,
        health: &HealthcheckSection,
        cors: CorsSection,
        www_authenticate_uri: String,
    ) -> Self {
        Self {
            limit_max: api.max_limit,
            path_prefix: mount_path(api.path_prefix.as_deref().unwrap_or_default()),
            link_prefix: api.link_prefix.clone(),
            behind_proxy: middleware.enable_proxy_headers_parsing,
            body_max: middleware.max_request_body_size,
            www_authenticate_uri,
            duplicate_interval: api.duplicate_notification_detection_interval,
            concurrency_max: api.concurrency_max.max(1),
            request_timeout: api.request_timeout,
            disable_file: health.disable_by_file_path.clone(),
            cors,
        }
    }
}

/// However the operator writes its slashes: `instance-ha`, `/instance-ha` and `/instance-ha/` are one path.
fn mount_path(given: &str) -> String {
    match given.trim().trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use themis_config::Source;

    use super::*;

    #[test]
    fn a_mount_path_is_one_path_however_its_slashes_are_written() {
        let of = |written: &str| {
            let text = format!("[api]\npath_prefix = {written}\n");
            let source = Source::from_text("t.conf", &text).unwrap();
            let settings = Settings::new(
                &source.section().unwrap(),
                &source.section().unwrap(),
                &source.section().unwrap(),
                source.section().unwrap(),
                String::new(),
            );
            settings.path_prefix
        };
        for written in ["ha/v", "/ha/v", "/ha/v/", "ha/v/"] {
            assert_eq!(of(written), "/ha/v", "{written}");
        }
        assert_eq!((of("/"), of("")), (String::new(), String::new()));
    }

    #[test]
    fn defaults_are_those_that_operators_of_masakari_know() {
        let source = Source::from_text("t.conf", "[api]\n").unwrap();
        let api: ApiSection = source.section().unwrap();
        let middleware: MiddlewareSection = source.section().unwrap();
        assert_eq!(api.address().unwrap().to_string(), "0.0.0.0:15868");
        assert_eq!((api.max_limit, middleware.max_request_body_size), (1000, 114_688));
        assert_eq!(api.duplicate_notification_detection_interval.as_secs(), 180);
    }

    #[test]
    fn a_wrong_listen_address_and_a_misspelt_key_are_named() {
        let source = Source::from_text("t.conf", "[api]\nlisten = everywhere\n").unwrap();
        let error = source
            .section::<ApiSection>()
            .unwrap()
            .address()
            .unwrap_err()
            .to_string();
        assert!(error.contains("everywhere") && error.contains("0.0.0.0"), "{error}");
        let error = Source::from_text("t.conf", "[api]\nmax_limt = 3\n")
            .unwrap()
            .check(&sections())
            .unwrap_err();
        assert!(error.to_string().contains("did you mean 'max_limit'"), "{error}");
    }
}
