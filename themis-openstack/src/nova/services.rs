//! Nova's compute services: is the host up for Nova, and may it be scheduled to.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Nova, NovaError, SERVICES_VERSION};
use crate::error::Effect;
use crate::service::{Method, Request};

/// One nova-compute service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// The service's UUID.
    pub id: Uuid,
    /// Nova's name of the host.
    pub host: String,
    /// `up` or `down`: whether it has reported within `service_down_time` and is not forced down.
    pub state: String,
    /// `enabled` or `disabled`: whether the scheduler may use it.
    pub status: String,
    /// Whether somebody told Nova that it is down.
    #[serde(default)]
    pub forced_down: bool,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
    /// Its last report, as Nova writes it: UTC without zone, microseconds; absent before the first.
    pub updated_at: Option<String>,
}

impl Service {
    /// Whether Nova holds it up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == "up"
    }

    /// Whether the scheduler may use it.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.status == "enabled"
    }
}

#[derive(Deserialize)]
struct Services {
    services: Vec<Service>,
}

impl Nova {
    /// All nova-compute services. Those of a cell that is down are missing.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn services(&self) -> Result<Vec<Service>, NovaError> {
        self.services_where(None).await
    }

    /// The nova-compute service of one host, by Nova's exact name of it; `None` when Nova knows no such host.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn service_of(&self, host: &str) -> Result<Option<Service>, NovaError> {
        Ok(self
            .services_where(Some(host))
            .await?
            .into_iter()
            .find(|service| service.host == host))
    }

    async fn services_where(&self, host: Option<&str>) -> Result<Vec<Service>, NovaError> {
        let mut request = Request::get("list compute services", "/os-services")
            .query("binary", "nova-compute")
            .microversion(SERVICES_VERSION);
        if let Some(host) = host {
            request = request.query("host", host);
        }
        Ok(self.service.call(&request).await?.json::<Services>()?.services)
    }

    /// Tells Nova that a service is down, or that it no longer is. Down takes effect at once and must come before
    /// [`Self::disable`], which otherwise waits a minute for the dead host. Up answers 400 until the host's nova-compute
    /// has completed its old migrations.
    ///
    /// # Errors
    /// See [`NovaError`]; repeating does no harm.
    pub async fn force_down(&self, service: Uuid, down: bool) -> Result<(), NovaError> {
        self.service_set(
            "force a compute service down or up",
            service,
            json!({"forced_down": down}),
        )
        .await
    }

    /// Keeps the scheduler away from a service, with a reason that others can read.
    ///
    /// # Errors
    /// See [`NovaError`]; repeating does no harm.
    pub async fn disable(&self, service: Uuid, reason: &str) -> Result<(), NovaError> {
        let body = json!({"status": "disabled", "disabled_reason": shortened(reason)});
        self.service_set("disable a compute service", service, body).await
    }

    /// Lets the scheduler use a service again.
    ///
    /// # Errors
    /// See [`NovaError`]; repeating does no harm.
    pub async fn enable(&self, service: Uuid) -> Result<(), NovaError> {
        self.service_set("enable a compute service", service, json!({"status": "enabled"}))
            .await
    }

    async fn service_set(&self, name: &'static str, service: Uuid, body: Value) -> Result<(), NovaError> {
        let request = Request::new(name, Effect::Repeatable, Method::PUT, format!("/os-services/{service}"))
            .microversion(SERVICES_VERSION)
            .body(body);
        self.service.call(&request).await?;
        Ok(())
    }
}

/// Nova takes 255 characters and refuses more.
fn shortened(reason: &str) -> String {
    reason.chars().take(255).collect()
}
