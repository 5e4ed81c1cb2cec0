//! Everything a request may be refused with, and the one place where a refusal becomes an HTTP answer.
//!
//! Texts of Masakari's resources are quoted from the contract, so they keep its spelling. A refusal that is the database's
//! or another service's trouble shows the caller what to do, never the cause; the cause goes to the log, here, once.
//! Which check comes first is told by [`crate::router`]; pages for unrouted paths are in [`crate::unrouted`].

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::ser::SerializeMap;
use themis_db::StoreError;
use themis_fencing::address::AddressError;
use themis_fencing::credentials::CredentialsError;
use themis_fencing::seal::SealError;
use themis_openstack::ServiceError;
use themis_openstack::nova::NovaError;

use crate::leader::LeaderError;
use crate::list_query::QueryError;
use crate::schema::Violation;

/// Why a request is refused. The `Display` text is what the caller reads.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The texts say what the variants mean.
pub enum Fault {
    // The request itself.
    #[error("Malformed request body")]
    MalformedBody,
    #[error("Malformed query string")]
    MalformedQuery,
    #[error("Malformed request URL: the path holds bytes that are no text")]
    MalformedPath,
    #[error("Unsupported Content-Type")]
    MediaType,
    #[error("API Version String {given} is of invalid format. Must be of format MajorNum.MinorNum.")]
    VersionMalformed { given: String },
    #[error("Version {given} is not supported by the API. Minimum is 1.0 and maximum is 1.3.")]
    VersionOutOfRange { given: String },
    #[error("Malformed request URL: URL's project_id '{url}' doesn't match Context's project_id '{token}'")]
    ProjectMismatch { url: String, token: String },
    #[error("The request method: '{method}' with action: '{action}' is not allowed on this resource")]
    ActionMissing { method: &'static str, action: &'static str },
    #[error(transparent)]
    Schema(#[from] Violation),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("InvalidSortKey('Sort key supplied is invalid: {0}')")]
    SortKeyUnknown(String),
    #[error("Marker {0} could not be found.")]
    MarkerMissing(String),

    // Who asks.
    #[error("The request you have made requires authentication.")]
    Unauthorized { www_authenticate_uri: String },
    #[error("Policy doesn't allow {rule} to be performed.")]
    Forbidden { rule: &'static str },

    // What does not exist.
    #[error("The resource could not be found.")]
    ResourceMissing,
    #[error("The resource could not be found.")]
    NotRouted,
    #[error("No failover segment with id {0}.")]
    SegmentMissing(String),
    #[error("No host with id {0}.")]
    HostMissing(String),
    #[error("Host '{host}' under failover_segment '{segment}' could not be found.")]
    HostMissingInSegment { host: String, segment: String },
    #[error("No notification with id {0}.")]
    NotificationMissing(String),
    #[error("No vm move with id {0}.")]
    VmoveMissing(String),
    #[error("No power device with id {device} on host {host}.")]
    PowerDeviceMissing { device: String, host: String },
    #[error("No request with id {0}.")]
    RequestMissing(String),
    #[error("No incident with id {0}.")]
    IncidentMissing(String),

    // What a reference in the body does not lead to: 400, as upstream.
    #[error("Compute service with name {0} could not be found.")]
    ComputeServiceMissing(String),
    #[error("Host with name {0} could not be found.")]
    HostNameMissing(String),
    #[error("Host name {given} may stand for several hosts: {hosts}. Report the name as it is registered.")]
    HostNameAmbiguous { given: String, hosts: String },
    #[error("A value is too long for this database, or holds characters that it cannot store.")]
    ValueUnstorable(#[source] StoreError),
    #[error("This notification {0} without vm moves.")]
    NoVmoves(String),
    #[error(transparent)]
    PowerAddress(#[from] AddressError),
    #[error(transparent)]
    PowerCredentials(#[from] CredentialsError),

    // What the present state forbids.
    #[error("Failover segment with name {0} already exists.")]
    SegmentNameTaken(String),
    #[error("Host with name {0} already exists.")]
    HostNameTaken(String),
    #[error("Failover segment {0} can't be updated as it is in-use to process notifications.")]
    SegmentUpdateInUse(String),
    #[error("Failover segment ({0}) can't be deleted as it is in-use to process notifications.")]
    SegmentDeleteInUse(String),
    #[error("Host {0} can't be updated as it is in-use to process notifications.")]
    HostUpdateInUse(String),
    #[error("Host {0} can't be deleted as it is in-use to process notifications.")]
    HostDeleteInUse(String),
    #[error(
        "Notification received from host {host} of type '{kind}' is ignored as the host is already under maintenance."
    )]
    UnderMaintenance { host: String, kind: &'static str },
    #[error("Notification received from host {host} of type {kind} is duplicate.")]
    Duplicate { host: String, kind: &'static str },
    #[error(
        "{device} is registered already: a power device switches one host only. Delete the other registration first."
    )]
    PowerDeviceTaken { device: String },

    // Our own trouble and that of others.
    #[error(
        "Power devices cannot be registered: [fencing] key_file is not set. Make a key with 'themis-manage keys create FILE'."
    )]
    NoSealKey,
    #[error("The password could not be sealed. The log of themis-api says why.")]
    Sealing(#[source] SealError),
    #[error("The Keystone service is temporarily unavailable.")]
    KeystoneAway(#[source] ServiceError),
    #[error("Nova could not be asked whether this compute service exists. Try again later.")]
    NovaAway(#[source] NovaError),
    #[error("No engine leads at the moment. Try again in some seconds; if it stays so, is themis-engine running?")]
    NoLeader(#[source] LeaderError),
    #[error("The leading engine did not answer. Try again; the log of themis-api says why.")]
    LeaderAway(#[source] LeaderError),
    #[error("The leading engine has not read this record yet. Try again in some seconds.")]
    LeaderBehind(#[source] LeaderError),
    #[error("The database is temporarily unavailable. Try again later.")]
    DatabaseAway(#[source] StoreError),
    #[error("The service is too busy. Try again later.")]
    Overloaded,
    #[error("The request took too long. Look whether it was done before you repeat it.")]
    TimedOut,
    #[error("Unexpected API error. Please report it and attach the log of themis-api.")]
    Database(#[source] StoreError),
    #[error("Unexpected API error. Please report it and attach the log of themis-api.")]
    Panicked,
}

/// A store's trouble that no handler has explained: an outage is 503 here and nowhere else.
impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownSortKey { key } => Self::SortKeyUnknown(key),
            StoreError::MarkerNotFound { marker } => Self::MarkerMissing(marker.to_string()),
            outage if outage.is_outage() => Self::DatabaseAway(outage),
            value @ StoreError::ValueRefused { .. } => Self::ValueUnstorable(value),
            other => Self::Database(other),
        }
    }
}

impl Fault {
    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::MalformedBody
            | Self::MalformedQuery
            | Self::MalformedPath
            | Self::VersionMalformed { .. }
            | Self::ProjectMismatch { .. }
            | Self::Schema(_)
            | Self::Query(_)
            | Self::SortKeyUnknown(_)
            | Self::MarkerMissing(_)
            | Self::ComputeServiceMissing(_)
            | Self::HostNameMissing(_)
            | Self::HostNameAmbiguous { .. }
            | Self::ValueUnstorable(_)
            | Self::NoVmoves(_)
            | Self::PowerAddress(_)
            | Self::PowerCredentials(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::ResourceMissing
            | Self::NotRouted
            | Self::SegmentMissing(_)
            | Self::HostMissing(_)
            | Self::HostMissingInSegment { .. }
            | Self::NotificationMissing(_)
            | Self::VmoveMissing(_)
            | Self::PowerDeviceMissing { .. }
            | Self::RequestMissing(_)
            | Self::IncidentMissing(_) => StatusCode::NOT_FOUND,
            Self::ActionMissing { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::VersionOutOfRange { .. } => StatusCode::NOT_ACCEPTABLE,
            Self::SegmentNameTaken(_)
            | Self::HostNameTaken(_)
            | Self::SegmentUpdateInUse(_)
            | Self::SegmentDeleteInUse(_)
            | Self::HostUpdateInUse(_)
            | Self::HostDeleteInUse(_)
            | Self::UnderMaintenance { .. }
            | Self::Duplicate { .. }
            | Self::PowerDeviceTaken { .. } => StatusCode::CONFLICT,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoSealKey
            | Self::KeystoneAway(_)
            | Self::NovaAway(_)
            | Self::NoLeader(_)
            | Self::LeaderAway(_)
            | Self::LeaderBehind(_)
            | Self::DatabaseAway(_)
            | Self::Overloaded
            | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Sealing(_) | Self::Database(_) | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The key of the answer's body.
    const fn name(status: StatusCode) -> &'static str {
        match status {
            StatusCode::BAD_REQUEST => "badRequest",
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "itemNotFound",
            StatusCode::METHOD_NOT_ALLOWED => "badMethod",
            StatusCode::CONFLICT => "conflictingRequest",
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => "overLimit",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "badMediaType",
            StatusCode::NOT_IMPLEMENTED => "notImplemented",
            StatusCode::SERVICE_UNAVAILABLE => "serviceUnavailable",
            _ => "masakariFault",
        }
    }
}

/// `{"itemNotFound": {"code": 404, "message": "..."}}`.
struct Named<'a> {
    name: &'static str,
    fields: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    message: &'a str,
}

impl Serialize for Named<'_> {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(1))?;
        map.serialize_entry(self.name, &self.fields)?;
        map.end()
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(status = status.as_u16(), "{}", Chain(&self));
        }
        let message = self.to_string();
        if let Self::KeystoneAway(_) = self {
            // The token filter of every OpenStack service says this as plain text.
            return (status, [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], message).into_response();
        }
        // A refused token is answered in the token filter's own shape.
        let (name, title) = match self {
            Self::Unauthorized { .. } => ("error", Some("Unauthorized")),
            _ => (Self::name(status), None),
        };
        let body = Named {
            name,
            fields: Fields {
                code: status.as_u16(),
                title,
                message: &message,
            },
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        // The token filter names no charset.
        let media = HeaderValue::from_static(match title {
            Some(_) => "application/json",
            None => "application/json; charset=UTF-8",
        });
        let mut response = (status, [(header::CONTENT_TYPE, media)], text).into_response();
        if let Self::Unauthorized { www_authenticate_uri } = &self
            && let Ok(value) = HeaderValue::from_str(&format!("Keystone uri=\"{www_authenticate_uri}\""))
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// An error with all that caused it, for one line of the log. Some errors tell their cause in their own text; it is not
/// told twice.
struct Chain<'a>(&'a Fault);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut told = self.0.to_string();
        let mut next = std::error::Error::source(self.0);
        while let Some(error) = next {
            let text = error.to_string();
            if !told.contains(&text) {
                told.push_str(": ");
                told.push_str(&text);
            }
            next = error.source();
        }
        f.write_str(&told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shown(fault: Fault) -> (u16, String) {
        let response = fault.into_response();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_fault_is_one_named_object_with_code_and_message() {
        assert_eq!(
            shown(Fault::SegmentMissing("xyz".to_owned())).await,
            (
                404,
                r#"{"itemNotFound":{"code":404,"message":"No failover segment with id xyz."}}"#.to_owned()
            )
        );
        assert_eq!(
            shown(Fault::VersionOutOfRange {
                given: "1.4".to_owned()
            })
            .await
            .1,
            r#"{"masakariFault":{"code":406,"message":"Version 1.4 is not supported by the API. Minimum is 1.0 and maximum is 1.3."}}"#
        );
    }

    #[test]
    fn the_log_tells_every_cause_once() {
        let outage = StoreError::Unreachable {
            source: sea_orm::DbErr::Custom("connection refused".to_owned()),
        };
        let text = Chain(&Fault::DatabaseAway(outage)).to_string();
        assert_eq!(text.matches("connection refused").count(), 1, "{text}");
        assert!(text.contains("the database cannot be reached"), "{text}");
    }

    #[tokio::test]
    async fn a_refused_token_is_answered_as_the_token_filter_does() {
        let fault = Fault::Unauthorized {
            www_authenticate_uri: "http://k:5000".to_owned(),
        };
        let response = fault.into_response();
        assert_eq!(response.headers()["www-authenticate"], "Keystone uri=\"http://k:5000\"");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let wanted = r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}"#;
        assert_eq!(body, wanted.as_bytes());
    }
}
