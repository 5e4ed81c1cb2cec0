//! One request to one service: find its address, add our token and the pinned microversion, log in again once on 401.
//!
//! The clients of Nova and Placement, the token validation and the command line are built on it. It repeats nothing
//! else: whether a failed request is sent again is the caller's decision, which [`crate::error::Advice`] helps.

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use crate::error::{CallError, Effect, IdentityError, ServiceError};
use crate::http::{self, Answer, Call};
use crate::keystone::{Interface, Login, ServiceType, Session};

pub use reqwest::Method;

/// Which endpoint of the catalogue, or which address instead.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The service.
    pub service: ServiceType,
    /// Interfaces in order of preference.
    pub interfaces: Vec<Interface>,
    /// Region; `None` takes the first.
    pub region: Option<String>,
    /// An address that wins over the catalogue; may hold `%(project_id)s`.
    pub address: Option<String>,
}

/// A client of one service, on a shared session.
#[derive(Debug, Clone)]
pub struct ServiceClient {
    session: Session,
    endpoint: Endpoint,
    timeout: Duration,
}

/// A request.
#[derive(Debug)]
pub struct Request {
    name: &'static str,
    effect: Effect,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    microversion: Option<String>,
    header: Option<(&'static str, &'static str)>,
    secret_header: Option<(&'static str, SecretString)>,
}

/// A successful answer.
#[derive(Debug)]
pub struct Reply(Answer);

impl Request {
    /// A request that reads. `name` is a verb phrase for errors ("list services"), `path` begins with a slash and is
    /// appended to the endpoint.
    #[must_use]
    pub fn get(name: &'static str, path: impl Into<String>) -> Self {
        Self::new(name, Effect::None, Method::GET, path)
    }

    /// A request of any kind; `effect` says what it does when it arrives.
    #[must_use]
    pub fn new(name: &'static str, effect: Effect, method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            name,
            effect,
            method,
            path,
            query: vec![],
            body: None,
            microversion: None,
            header: None,
            secret_header: None,
        }
    }

    /// With one more query parameter.
    #[must_use]
    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With the header `OpenStack-API-Version: <service> <version>`.
    #[must_use]
    pub fn microversion(mut self, version: impl Into<String>) -> Self {
        self.microversion = Some(version.into());
        self
    }

    /// With a header.
    #[must_use]
    pub(crate) const fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// With a header that no log may show.
    #[must_use]
    pub(crate) fn secret_header(mut self, name: &'static str, value: SecretString) -> Self {
        self.secret_header = Some((name, value));
        self
    }
}

impl Reply {
    /// The HTTP status, 2xx.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`CallError::Unreadable`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        self.0.json()
    }

    /// The service's id of this request, which also stands in its log and in Nova's instance actions.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.header("x-openstack-request-id")
    }
}

impl ServiceClient {
    /// A client whose calls, logins included, each end within `timeout`.
    #[must_use]
    pub const fn new(session: Session, endpoint: Endpoint, timeout: Duration) -> Self {
        Self {
            session,
            endpoint,
            timeout,
        }
    }

    /// A client as the cloud's own settings say: its interfaces, region, overrides and deadline.
    #[must_use]
    pub fn of_cloud(session: &Session, service: ServiceType) -> Self {
        let cloud = session.cloud();
        let endpoint = Endpoint {
            service,
            interfaces: cloud.interfaces.clone(),
            region: cloud.region.clone(),
            address: cloud.endpoint_override(service).map(str::to_owned),
        };
        Self::new(session.clone(), endpoint, cloud.timeout)
    }

    /// The same client with another deadline for each call.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The session that it uses.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Which endpoint it uses.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and returns the answer if it is a success.
    ///
    /// # Errors
    /// Whatever else came, or nothing within the deadline.
    pub async fn call(&self, request: &Request) -> Result<Reply, ServiceError> {
        Ok(self.answer(request).await?.success().map(Reply)?)
    }

    /// Sends a request and returns whatever whole answer came, a 401 excepted.
    pub(crate) async fn answer(&self, request: &Request) -> Result<Answer, ServiceError> {
        let deadline = Instant::now() + self.timeout;
        let login = self.session.login(deadline).await?;
        let answer = self.send(&login, request, deadline).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        // Revoked, or Keystone's keys were replaced. A 401 means that nothing was done, so sending again is safe.
        let login = self.session.login_after(&login, deadline).await?;
        let answer = self.send(&login, request, deadline).await?;
        if answer.status == 401 {
            return Err(IdentityError::FreshTokenRefused {
                service: self.endpoint.service.name,
            }
            .into());
        }
        Ok(answer)
    }

    async fn send(&self, login: &Login, request: &Request, deadline: Instant) -> Result<Answer, ServiceError> {
        let root = self.root(login)?;
        let service = self.endpoint.service.name;
        let call = Call {
            service,
            name: request.name,
            effect: request.effect,
        };
        let mut builder = self
            .session
            .http()
            .request(request.method.clone(), format!("{root}{}", request.path))
            .header("accept", "application/json")
            .header("x-auth-token", secret_value(&login.token));
        if !request.query.is_empty() {
            builder = builder.query(&request.query);
        }
        if let Some(version) = &request.microversion {
            builder = builder.header("openstack-api-version", format!("{service} {version}"));
        }
        if let Some((name, value)) = request.header {
            builder = builder.header(name, value);
        }
        if let Some((name, value)) = &request.secret_header {
            builder = builder.header(*name, secret_value(value));
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        Ok(http::send(builder, call, deadline).await?)
    }

    /// The address that paths are appended to, without a trailing slash.
    fn root(&self, login: &Login) -> Result<String, IdentityError> {
        let Endpoint {
            service,
            interfaces,
            region,
            address,
        } = &self.endpoint;
        match address {
            Some(address) => {
                let project = login.project_id.as_deref().unwrap_or_default();
                let filled = ["%(project_id)s", "%(tenant_id)s", "$(project_id)s", "$(tenant_id)s"]
                    .iter()
                    .fold(address.clone(), |text, hole| text.replace(hole, project));
                Ok(filled.trim_end_matches('/').to_owned())
            }
            None => login.catalogue.endpoint(*service, interfaces, region.as_deref()),
        }
        .map(|url| versioned(*service, url))
    }
}

/// Catalogues hold addresses with and without the version. Nova's `/v2` would ignore microversions, so it becomes `/v2.1`.
fn versioned(service: ServiceType, url: String) -> String {
    let has = |part: &str| url.split('/').any(|segment| segment == part);
    match service {
        ServiceType::COMPUTE if has("v2.1") => url,
        ServiceType::COMPUTE if has("v2") => url.replacen("/v2", "/v2.1", 1),
        ServiceType::COMPUTE => format!("{url}/v2.1"),
        ServiceType::IDENTITY if url.ends_with("/v3") => url,
        ServiceType::IDENTITY => format!("{}/v3", url.trim_end_matches("/v2.0")),
        _ => url,
    }
}

/// A header value that the HTTP library does not show in its traces. A secret that cannot be a header becomes an empty
/// one, which is refused like any wrong token.
fn secret_value(secret: &SecretString) -> HeaderValue {
    let mut value = HeaderValue::from_str(secret.expose_secret()).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(ServiceType::COMPUTE, "http://h:8774/v2.1", "http://h:8774/v2.1")]
    #[case(ServiceType::COMPUTE, "http://h/compute/v2.1/abc", "http://h/compute/v2.1/abc")]
    #[case(ServiceType::COMPUTE, "http://h:8774/v2/abc", "http://h:8774/v2.1/abc")]
    #[case(ServiceType::COMPUTE, "http://h/compute", "http://h/compute/v2.1")]
    #[case(ServiceType::IDENTITY, "http://h/identity", "http://h/identity/v3")]
    #[case(ServiceType::IDENTITY, "http://h:5000/v3", "http://h:5000/v3")]
    #[case(ServiceType::PLACEMENT, "http://h/placement", "http://h/placement")]
    fn every_form_of_address_in_catalogues_gets_its_version(
        #[case] service: ServiceType,
        #[case] url: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(versioned(service, url.to_owned()), expected);
    }
}
