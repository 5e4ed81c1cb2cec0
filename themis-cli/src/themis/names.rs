//! From what an operator types to the thing: a UUID, or a name that must be exact.

use super::api::{Api, Host, Incident, Segment};
use super::failure::Failure;

/// The host that is called so.
///
/// # Errors
/// [`Failure::NotFound`] with the nearest name.
pub async fn host(api: &Api, name: &str) -> Result<Host, Failure> {
    let hosts = api.hosts().await?;
    find(&hosts, name).cloned().ok_or_else(|| unknown(&hosts, name))
}

/// The host that is called so, of these.
#[must_use]
pub fn find<'a>(hosts: &'a [Host], name: &str) -> Option<&'a Host> {
    hosts.iter().find(|host| host.name == name || host.uuid == name)
}

/// The failure that names the nearest of these.
#[must_use]
pub fn unknown(hosts: &[Host], name: &str) -> Failure {
    Failure::not_found("host", name, hosts.iter().map(|host| host.name.as_str()))
}

/// The segment that is called so.
///
/// # Errors
/// [`Failure::NotFound`] with the nearest name.
pub async fn segment(api: &Api, name: &str) -> Result<Segment, Failure> {
    let segments = api.segments().await?;
    let known = || segments.iter().map(|segment| segment.name.as_str());
    let found = segments
        .iter()
        .find(|segment| segment.name == name || segment.uuid == name);
    found
        .cloned()
        .ok_or_else(|| Failure::not_found("segment", name, known()))
}

/// The incident of this UUID, or the latest of the host that is called so.
///
/// # Errors
/// [`Failure::NotFound`].
pub async fn incident(api: &Api, name: &str) -> Result<Incident, Failure> {
    if uuid::Uuid::parse_str(name).is_ok() {
        match api.incident(name).await {
            Err(Failure::Service(error)) if error.status() == Some(404) => {}
            other => return other,
        }
    }
    // A host that is registered no more still has its incidents.
    match api.incidents(Some(name), false).await?.into_iter().next() {
        Some(latest) => api.incident(&latest.uuid).await,
        None => {
            let hosts = api.hosts().await?;
            Err(match find(&hosts, name) {
                Some(host) => Failure::not_found("incident of host", &host.name, None),
                None => Failure::not_found("incident, and no host,", name, hosts.iter().map(|h| h.name.as_str())),
            })
        }
    }
}
