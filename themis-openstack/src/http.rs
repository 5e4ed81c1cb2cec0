//! One request, one answer: deadline, size limit, error sorting. Everything above speaks of services, not of HTTP.
//!
//! Redirects are never followed: they would carry the token to wherever they point. Proxies of the environment are not
//! used either: a request that waits in one may run long after its sender gave up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, Identity, RequestBuilder, redirect};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::correlation;
use crate::error::{CallError, Effect, IdentityError};
use crate::keystone::{ClientCertificate, Cloud};

/// More than any list page of Nova; an answer that is larger is no answer.
const BODY_LIMIT_BYTES: usize = 32 << 20;
const MESSAGE_LIMIT_CHARS: usize = 400;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS: usize = 16;

/// The client that all requests of one session share.
pub(crate) fn client(cloud: &Cloud) -> Result<Client, IdentityError> {
    let mut builder = Client::builder()
        .user_agent(concat!("themis/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .tls_danger_accept_invalid_certs(cloud.insecure);
    if let Some(path) = &cloud.cafile {
        let pem = read("cafile", path)?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            let file = path.display().to_string();
            return Err(IdentityError::CaFormat { file });
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(ClientCertificate { certfile, keyfile }) = &cloud.certificate {
        let mut pem = read("certfile", certfile)?;
        if keyfile != certfile {
            pem.extend(read("keyfile", keyfile)?);
        }
        let identity = Identity::from_pem(&pem).map_err(|_| IdentityError::CertificateFormat {
            certfile: certfile.display().to_string(),
            keyfile: keyfile.display().to_string(),
        })?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|source| IdentityError::Client {
        source: Arc::new(source.without_url()),
    })
}

fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| IdentityError::CertificateFile {
        option,
        file: path.display().to_string(),
        source: Arc::new(source),
    })
}

/// What a request is, for errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// Catalogue type of the service.
    pub(crate) service: &'static str,
    /// What is asked, as a verb phrase ("list services").
    pub(crate) name: &'static str,
    /// What it does when it arrives.
    pub(crate) effect: Effect,
}

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    call: Call,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends one request and reads its whole answer before `deadline`.
pub(crate) async fn send(builder: RequestBuilder, call: Call, deadline: Instant) -> Result<Answer, CallError> {
    let wait = deadline.saturating_duration_since(Instant::now());
    let lost = |source: reqwest::Error| {
        let place = source.url().map(|url| url.origin().ascii_serialization());
        let source = Arc::new(source.without_url());
        if source.is_connect() || source.is_builder() {
            CallError::NotSent {
                service: call.service,
                place: place.unwrap_or_else(|| "its address".to_owned()),
                call: call.name,
                source,
            }
        } else {
            CallError::NoAnswer {
                service: call.service,
                call: call.name,
                effect: call.effect,
                waited: wait,
                source,
            }
        }
    };
    let builder = match correlation::request_id() {
        Some(id) => builder.header(correlation::HEADER, id),
        None => builder,
    };
    let mut response = builder.timeout(wait).send().await.map_err(lost)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > BODY_LIMIT_BYTES {
            return Err(call.unreadable(format!("larger than {BODY_LIMIT_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        call,
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

impl Call {
    pub(crate) fn unreadable(self, what: impl Into<String>) -> CallError {
        CallError::Unreadable {
            service: self.service,
            call: self.name,
            effect: self.effect,
            what: what.into(),
        }
    }
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The answer when it is a success, else the error it stands for.
    pub(crate) fn success(self) -> Result<Self, CallError> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(self.into_error())
        }
    }

    pub(crate) fn into_error(self) -> CallError {
        let message = self.message();
        self.into_error_saying(message)
    }

    /// The error with words of our own in place of the service's, where these could echo a secret.
    pub(crate) fn into_error_saying(self, message: String) -> CallError {
        CallError::Status {
            service: self.call.service,
            call: self.call.name,
            effect: self.call.effect,
            status: self.status,
            message,
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        // The error may quote a value of the wrong type; no field that we read holds a secret.
        serde_json::from_slice(&self.body).map_err(|error| self.call.unreadable(error.to_string()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What the service says in its error body, in any of the shapes of Keystone, Nova and Placement.
    pub(crate) fn message(&self) -> String {
        let text = serde_json::from_slice::<serde_json::Value>(&self.body)
            .ok()
            .and_then(|value| {
                let fault = value.as_object()?.values().next()?.clone();
                let first = fault.get(0).cloned().unwrap_or(fault);
                ["message", "detail", "title"]
                    .iter()
                    .find_map(|key| Some(first.get(key)?.as_str()?.to_owned()))
            })
            .or_else(|| {
                let plain = self
                    .header("content-type")
                    .is_some_and(|kind| kind.starts_with("text/plain"));
                plain.then(|| String::from_utf8_lossy(&self.body).into_owned())
            })
            .unwrap_or_default();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(MESSAGE_LIMIT_CHARS) {
            Some((cut, _)) => format!("{}...", &words[..cut]),
            None => words,
        }
    }
}
