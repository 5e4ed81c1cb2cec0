//! Placement: who holds resources of a host. The second opinion on Nova's list of servers, which leaves out a cell that
//! is down without a word.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::config::{PlacementSection, SectionError};
use crate::error::{Advice, CallError, ServiceError};
use crate::keystone::{ServiceType, Session};
use crate::service::{Request, ServiceClient};

/// Resource providers and their allocations, as they were from early on.
const VERSION: &str = "1.17";

/// Why Placement did not say what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// The request failed, or there was no session.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Several providers could be the host.
    #[error("placement has several resource providers that could be host '{host}': {names}")]
    Ambiguous {
        /// The host that was asked for.
        host: String,
        /// The names found.
        names: String,
    },
}

impl From<CallError> for PlacementError {
    fn from(error: CallError) -> Self {
        Self::Service(error.into())
    }
}

impl PlacementError {
    /// What to do next.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Service(error) => error.advice(),
            Self::Ambiguous { .. } => Advice::GiveUp,
        }
    }
}

/// A client of Placement.
#[derive(Debug, Clone)]
pub struct Placement {
    service: ServiceClient,
}

#[derive(Deserialize)]
struct Providers {
    resource_providers: Vec<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    uuid: Uuid,
    name: String,
}

#[derive(Deserialize)]
struct Allocations {
    allocations: BTreeMap<Uuid, IgnoredAny>,
}

impl Placement {
    /// Placement at the endpoint that `service` names.
    #[must_use]
    pub const fn new(service: ServiceClient) -> Self {
        Self { service }
    }

    /// Placement as `[placement]` says; `default` is the session of `[keystone_authtoken]`.
    ///
    /// # Errors
    /// What is missing or misspelt in the section.
    pub fn from_section(section: &PlacementSection, default: &Session) -> Result<Self, SectionError> {
        Ok(Self::new(section.client(ServiceType::PLACEMENT, default)?))
    }

    /// Who holds resources of a host: servers, and migrations that keep a place there. After an evacuation the source
    /// keeps its entries until its nova-compute has been started again, so this names at least the servers that Nova
    /// lists there, and may name more. `None`: no resource provider is this host.
    ///
    /// Providers are named after the hypervisor, which may be the host's name with a domain: when none has the exact
    /// name, the one whose name up to the first dot is the host's counts.
    ///
    /// # Errors
    /// See [`PlacementError`].
    pub async fn consumers(&self, host: &str) -> Result<Option<Vec<Uuid>>, PlacementError> {
        let Some(provider) = self.provider(host).await? else {
            return Ok(None);
        };
        let request = Request::get(
            "list allocations of a host",
            format!("/resource_providers/{provider}/allocations"),
        )
        .microversion(VERSION);
        let allocations: Allocations = self.service.call(&request).await?.json()?;
        Ok(Some(allocations.allocations.into_keys().collect()))
    }

    /// The names of the resource providers on which something is set aside for a consumer (a server): during an
    /// evacuation the destination that the scheduler chose, before any migration names it.
    ///
    /// # Errors
    /// See [`PlacementError`].
    pub async fn providers_of(&self, consumer: Uuid) -> Result<Vec<String>, PlacementError> {
        let request =
            Request::get("show a consumer's allocations", format!("/allocations/{consumer}")).microversion(VERSION);
        let allocations: Allocations = self.service.call(&request).await?.json()?;
        let held = |provider: &Provider| allocations.allocations.contains_key(&provider.uuid);
        let providers = self.providers(None).await?;
        Ok(providers
            .into_iter()
            .filter(held)
            .map(|provider| provider.name)
            .collect())
    }

    async fn provider(&self, host: &str) -> Result<Option<Uuid>, PlacementError> {
        if let [provider] = self.providers(Some(host)).await?.as_slice() {
            return Ok(Some(provider.uuid));
        }
        let short = |provider: &Provider| provider.name.split_once('.').is_some_and(|(first, _)| first == host);
        let alike: Vec<Provider> = self.providers(None).await?.into_iter().filter(short).collect();
        match alike.as_slice() {
            [] => Ok(None),
            [provider] => Ok(Some(provider.uuid)),
            several => Err(PlacementError::Ambiguous {
                host: host.to_owned(),
                names: several
                    .iter()
                    .map(|provider| provider.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    async fn providers(&self, name: Option<&str>) -> Result<Vec<Provider>, PlacementError> {
        let mut request = Request::get("list resource providers", "/resource_providers").microversion(VERSION);
        if let Some(name) = name {
            request = request.query("name", name);
        }
        Ok(self
            .service
            .call(&request)
            .await?
            .json::<Providers>()?
            .resource_providers)
    }
}
