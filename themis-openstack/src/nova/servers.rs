//! Servers: what runs on a host, and how one of them is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use themis_core::InstanceId;

use super::{Nova, NovaError, PAGES_LIMIT, SERVERS_VERSION};
use crate::service::Request;

/// One virtual machine as Nova shows it to an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its id.
    pub id: InstanceId,
    /// Its name; empty in a stub.
    pub name: String,
    /// `ACTIVE`, `SHUTOFF`, `ERROR`, `REBUILD`, ...; `UNKNOWN` in a stub.
    pub status: String,
    /// `active`, `stopped`, `error`, `paused`, ...
    pub vm_state: Option<String>,
    /// What Nova is doing with it; `None` when nothing.
    pub task_state: Option<String>,
    /// The last known power state: 0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended.
    pub power_state: i64,
    /// The service host that it belongs to.
    pub host: Option<String>,
    /// Metadata that the owner gave it.
    pub metadata: BTreeMap<String, String>,
    /// When it was created, RFC 3339.
    pub created: Option<String>,
    /// Whether it is locked, by whomever.
    pub locked: bool,
    /// How many volumes are attached.
    pub volumes_attached: usize,
    /// Whether it was booted from an image: its root disk is not a volume.
    pub has_image: bool,
    /// Nova's words on its last fault, when its status is `ERROR`.
    pub fault: Option<String>,
    /// False for the stub of a server whose cell is down: nothing but its id can be believed.
    pub whole: bool,
}

#[derive(Deserialize)]
struct Wire {
    id: InstanceId,
    #[serde(default)]
    name: String,
    status: String,
    #[serde(rename = "OS-EXT-STS:vm_state")]
    vm_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power_state: Option<i64>,
    /// Outer `None`: the key is missing, as in a stub; inner: the server has no host.
    #[serde(rename = "OS-EXT-SRV-ATTR:host", default, deserialize_with = "present")]
    host: Option<Option<String>>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    created: Option<String>,
    #[serde(default)]
    locked: bool,
    #[serde(rename = "os-extended-volumes:volumes_attached", default)]
    volumes_attached: Vec<Value>,
    /// An object, or an empty text for a server booted from a volume.
    image: Option<Value>,
    fault: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<Wire> for Server {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            whole: wire.status != "UNKNOWN" && wire.host.is_some(),
            status: wire.status,
            vm_state: wire.vm_state,
            task_state: wire.task_state,
            power_state: wire.power_state.unwrap_or_default(),
            host: wire.host.flatten(),
            metadata: wire.metadata,
            created: wire.created,
            locked: wire.locked,
            volumes_attached: wire.volumes_attached.len(),
            has_image: wire.image.is_some_and(|image| image.is_object()),
            fault: wire.fault.map(|fault| fault.message),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    servers: Vec<Wire>,
    #[serde(default)]
    servers_links: Vec<Link>,
}

#[derive(Deserialize)]
struct One {
    server: Wire,
}

#[derive(Deserialize)]
pub(super) struct Link {
    rel: String,
}

/// Whether a list goes on. Its address is not used: behind a proxy it often names a host that we cannot reach.
pub(super) fn has_next(links: &[Link]) -> bool {
    links.iter().any(|link| link.rel == "next")
}

impl Nova {
    /// All servers whose host Nova says `host` is, of all projects. Those of a cell that is down are missing without a
    /// word: compare with the host's consumers in Placement before believing a short list.
    ///
    /// # Errors
    /// See [`NovaError`]; part of a list is never returned as the whole.
    pub async fn servers_on(&self, host: &str) -> Result<Vec<Server>, NovaError> {
        let mut servers: Vec<Server> = Vec::new();
        for _ in 0..PAGES_LIMIT {
            let mut request = Request::get("list servers of a host", "/servers/detail")
                .query("all_tenants", "1")
                .query("host", host)
                .query("limit", self.page_size.to_string())
                .microversion(SERVERS_VERSION);
            if let Some(last) = servers.last() {
                request = request.query("marker", last.id.to_string());
            }
            let page: Page = self.service.call(&request).await?.json()?;
            let more = has_next(&page.servers_links) && !page.servers.is_empty();
            servers.extend(page.servers.into_iter().map(Server::from));
            if !more {
                return Ok(servers);
            }
        }
        Err(NovaError::EndlessList {
            what: "servers",
            pages: PAGES_LIMIT,
        })
    }

    /// One server; `None` when it does not exist (any more). A server of a cell that is down is not `whole`.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn server(&self, id: InstanceId) -> Result<Option<Server>, NovaError> {
        let request = Request::get("show a server", format!("/servers/{id}")).microversion(SERVERS_VERSION);
        match self.service.call(&request).await {
            Ok(reply) => Ok(Some(reply.json::<One>()?.server.into())),
            // Only Nova's own 404 counts: one without its words comes from a proxy or a wrong address.
            Err(error) if error.status() == Some(404) && error.message().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
