//! Nova: which services and servers a host has, telling Nova that a host is down, moving servers, following moves.
//!
//! Every call pins its own microversion; `latest` is never sent, since from 2.95 on evacuated servers end stopped.
//! Nova does not refuse a second evacuation of the same server, and lists silently leave out a cell that is down: callers
//! hold one evacuation per server and check lists against [`crate::placement`] and [`Nova::server`]. Nothing here
//! decides when to do what.
//!
//! Read next: `services`, `servers`, `migrations`, `actions`: one file for each noun.

mod actions;
mod error;
mod migrations;
mod servers;
mod services;

pub use actions::{Accepted, Action, ResetTo};
pub use error::NovaError;
pub use migrations::{Migration, MigrationFilter};
pub use servers::Server;
pub use services::Service;

use std::time::Duration;

use crate::config::{NovaSection, SectionError};
use crate::keystone::{ServiceType, Session};
use crate::service::ServiceClient;

/// Services by UUID, `forced_down` by PUT.
const SERVICES_VERSION: &str = "2.53";
/// Lists and shows servers; from here on a server of a cell that is down is shown as a stub, not left out.
const SERVERS_VERSION: &str = "2.69";
/// Migrations with UUIDs and paging.
const MIGRATIONS_VERSION: &str = "2.59";
/// The last evacuate that starts what ran and knows no `force`, up to 2.94.
const EVACUATE_VERSION: &str = "2.68";
/// Actions with `updated_at` and paging.
const ACTIONS_VERSION: &str = "2.58";
/// Start, stop, reset, lock: as they were from the beginning.
const SIMPLE_VERSION: &str = "2.53";
/// More pages than any list has; a list that goes on longer is an error, not a loop.
const PAGES_LIMIT: usize = 1000;

/// A client of Nova.
#[derive(Debug, Clone)]
pub struct Nova {
    service: ServiceClient,
    page_size: usize,
}

impl Nova {
    /// Nova at the endpoint that `service` names.
    #[must_use]
    pub const fn new(service: ServiceClient) -> Self {
        Self {
            service,
            page_size: 1000,
        }
    }

    /// Nova as `[nova]` says; `default` is the session of `[keystone_authtoken]`.
    ///
    /// # Errors
    /// What is missing or misspelt in the section.
    pub fn from_section(section: &NovaSection, default: &Session) -> Result<Self, SectionError> {
        Ok(Self::new(section.client(ServiceType::COMPUTE, default)?))
    }

    /// The same client with another deadline for each request.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            service: self.service.with_timeout(timeout),
            ..self.clone()
        }
    }

    /// The same client with another number of rows asked for in each page (1,000; Nova's `max_limit` caps it).
    #[must_use]
    pub fn with_page_size(&self, page_size: usize) -> Self {
        Self {
            page_size,
            ..self.clone()
        }
    }
}
