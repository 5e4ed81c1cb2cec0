//! Themis over HTTP: one method per route that the commands use, and the shapes of its answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use themis_core::Reason;
use themis_core::leader::{Brake, DecisionMatrix, DeviceTest, LeaderStatus, Observer, Preflight};
use themis_openstack::keystone::ServiceType;
use themis_openstack::service::{Endpoint, Method, Request, ServiceClient};
use themis_openstack::{Effect, Session};
use tokio::time::Instant;

use super::endpoint::root;
use super::failure::Failure;

/// Events of one answer at most; a full one is followed by more.
pub const EVENTS_MAX: usize = 1000;

/// A host.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)] // The names are the API's, documented there.
pub struct Host {
    pub uuid: String,
    pub name: String,
    pub segment_uuid: String,
    pub state: String,
    pub since: Option<String>,
    pub reason: Option<Reason>,
    pub protected: bool,
    #[serde(default)]
    pub protected_reasons: Vec<Reason>,
    #[serde(default)]
    pub networks: BTreeMap<String, NetworkVerdict>,
    #[serde(default)]
    pub power: Value,
    pub hold: Option<Reason>,
    pub incident_uuid: Option<String>,
}

/// What the evidence says of a host on one network.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct NetworkVerdict {
    pub verdict: String,
    pub reason: Option<Reason>,
}

/// A power device, without its password.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct PowerDevice {
    pub uuid: String,
    pub driver: String,
    pub address: String,
    pub port: u64,
    pub system: String,
    pub level: i64,
    pub username: String,
    pub accepted: Value,
}

/// One reporter of one report about a host.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Report {
    #[serde(rename = "type")]
    pub kind: String,
    pub payload: Value,
    pub notification_uuid: Option<String>,
    pub user_id: String,
    pub user_name: String,
    pub address: String,
    pub answer: String,
    pub reports: i64,
    pub generated_time: String,
    pub first_at: String,
    pub last_at: String,
}

/// Something asked of the engine.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Asked {
    pub uuid: String,
    pub status: String,
    pub answer: Option<Reason>,
}

/// Observe or armed.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Modes {
    pub global: String,
    pub segments: BTreeMap<String, String>,
}

/// A segment of Masakari's API.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Segment {
    pub uuid: String,
    pub name: String,
}

/// An incident.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Incident {
    pub uuid: String,
    pub host_uuid: String,
    pub host_name: String,
    pub segment_uuid: String,
    pub notification_uuid: Option<String>,
    pub status: String,
    pub outcome: Option<String>,
    pub summary: Option<Reason>,
    pub opened_at: String,
    pub closed_at: Option<String>,
    #[serde(default)]
    pub steps: Vec<Value>,
    #[serde(default)]
    pub corroborations: Vec<Value>,
}

/// An event of an incident.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Event {
    pub id: i64,
    pub at: String,
    pub kind: String,
    pub reason: Reason,
    #[serde(default)]
    pub engine: String,
    #[serde(default)]
    pub epoch: i64,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Api {
    client: ServiceClient,
}

impl Api {
    /// Logs in and finds Themis: at `url`, at the cloud's own override, or in the catalogue.
    ///
    /// # Errors
    /// No token, or no such service.
    pub async fn find(session: &Session, url: Option<&str>) -> Result<Self, Failure> {
        let found = ServiceClient::of_cloud(session, ServiceType::INSTANCE_HA);
        let Endpoint {
            service,
            interfaces,
            region,
            address,
        } = found.endpoint().clone();
        let address = match url.map(str::to_owned).or(address) {
            Some(address) => address,
            None => {
                let deadline = Instant::now() + session.cloud().timeout;
                let login = session
                    .login(deadline)
                    .await
                    .map_err(themis_openstack::ServiceError::from)?;
                login
                    .catalogue
                    .endpoint(service, &interfaces, region.as_deref())
                    .map_err(themis_openstack::ServiceError::from)?
            }
        };
        let endpoint = Endpoint {
            service,
            interfaces,
            region,
            address: Some(root(&address)),
        };
        Ok(Self {
            client: ServiceClient::new(session.clone(), endpoint, session.cloud().timeout),
        })
    }

    /// All hosts, by name.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn hosts(&self) -> Result<Vec<Host>, Failure> {
        self.read(Request::get("list hosts", "/themis/v1/hosts"), "hosts").await
    }

    /// What was reported about a host, last said first.
    ///
    /// # Errors
    /// No such host, or no usable answer.
    pub async fn reports(&self, host: &str) -> Result<Vec<Report>, Failure> {
        let path = format!("/themis/v1/hosts/{host}/reports");
        self.read(Request::get("list reports", path), "reports").await
    }

    /// The power devices of a host.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn power_devices(&self, host: &str) -> Result<Vec<PowerDevice>, Failure> {
        let path = format!("/themis/v1/hosts/{host}/power-devices");
        self.read(Request::get("list power devices", path), "power_devices")
            .await
    }

    /// Registers a power device. The body holds the password.
    ///
    /// # Errors
    /// Refused, or no usable answer.
    pub async fn power_device_create(&self, host: &str, body: Value) -> Result<PowerDevice, Failure> {
        let path = format!("/themis/v1/hosts/{host}/power-devices");
        let request = Request::new("register a power device", Effect::Once, Method::POST, path);
        self.read(request.body(json!({"power_device": body})), "power_device")
            .await
    }

    /// Removes a power device.
    ///
    /// # Errors
    /// No such device, or no usable answer.
    pub async fn power_device_delete(&self, host: &str, device: &str) -> Result<(), Failure> {
        let path = format!("/themis/v1/hosts/{host}/power-devices/{device}");
        let request = Request::new("remove a power device", Effect::Repeatable, Method::DELETE, path);
        self.client.call(&request).await?;
        Ok(())
    }

    /// Has the leading engine read a power device.
    ///
    /// # Errors
    /// No such device, no engine leads, or no usable answer.
    pub async fn power_device_test(&self, host: &str, device: &str) -> Result<DeviceTest, Failure> {
        let path = format!("/themis/v1/hosts/{host}/power-devices/{device}/test");
        let request = Request::new("test a power device", Effect::Repeatable, Method::POST, path);
        self.read(request, "power_device_test").await
    }

    /// How the leading engine stands.
    ///
    /// # Errors
    /// No engine leads, or no usable answer.
    pub async fn engine(&self) -> Result<LeaderStatus, Failure> {
        self.read(Request::get("ask the leading engine", "/themis/v1/engine"), "engine")
            .await
    }

    /// What would be missing if Themis were armed now.
    ///
    /// # Errors
    /// No engine leads, or no usable answer.
    pub async fn preflight(&self) -> Result<Preflight, Failure> {
        let request = Request::get("ask for the preflight", "/themis/v1/preflight");
        self.read(request, "preflight").await
    }

    /// The monitors that the leading engine has heard.
    ///
    /// # Errors
    /// No engine leads, or no usable answer.
    pub async fn observers(&self) -> Result<Vec<Observer>, Failure> {
        self.read(Request::get("list observers", "/themis/v1/observers"), "observers")
            .await
    }

    /// Every brake, as it stands at the leading engine.
    ///
    /// # Errors
    /// No engine leads, or no usable answer.
    pub async fn brakes(&self) -> Result<Vec<Brake>, Failure> {
        self.read(Request::get("list brakes", "/themis/v1/brakes"), "brakes")
            .await
    }

    /// What bad networks mean for the hosts of a segment.
    ///
    /// # Errors
    /// No such segment, no engine leads, or no usable answer.
    pub async fn decision_matrix(&self, segment: &str) -> Result<DecisionMatrix, Failure> {
        let path = format!("/themis/v1/segments/{segment}/decision-matrix");
        self.read(Request::get("show the decision matrix", path), "decision_matrix")
            .await
    }

    /// Asks something about a host: `enable`, `disable`, `retry`, `confirm-dead`.
    ///
    /// # Errors
    /// Refused, or no usable answer.
    pub async fn host_ask(&self, host: &str, action: &str, reason: &str) -> Result<Asked, Failure> {
        let path = format!("/themis/v1/hosts/{host}/{action}");
        let request = Request::new("ask the engine", Effect::Repeatable, Method::POST, path);
        self.read(request.body(json!({"reason": reason})), "request").await
    }

    /// Asks for a mode.
    ///
    /// # Errors
    /// Refused, or no usable answer.
    pub async fn mode_ask(&self, body: Value) -> Result<Asked, Failure> {
        let request = Request::new("change the mode", Effect::Repeatable, Method::PUT, "/themis/v1/mode");
        self.read(request.body(json!({"mode": body})), "request").await
    }

    /// How far a request is.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn request(&self, request: &str) -> Result<Asked, Failure> {
        let path = format!("/themis/v1/requests/{request}");
        self.read(Request::get("look at a request", path), "request").await
    }

    /// Observe or armed.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn modes(&self) -> Result<Modes, Failure> {
        self.read(Request::get("show the mode", "/themis/v1/mode"), "mode")
            .await
    }

    /// All segments.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn segments(&self) -> Result<Vec<Segment>, Failure> {
        self.read(Request::get("list segments", "/v1/segments"), "segments")
            .await
    }

    /// Incidents, newest first.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn incidents(&self, host: Option<&str>, open: bool) -> Result<Vec<Incident>, Failure> {
        let mut request = Request::get("list incidents", "/themis/v1/incidents");
        if let Some(host) = host {
            request = request.query("host", host);
        }
        if open {
            request = request.query("status", "open");
        }
        self.read(request, "incidents").await
    }

    /// One incident with its steps.
    ///
    /// # Errors
    /// No such incident, or no usable answer.
    pub async fn incident(&self, incident: &str) -> Result<Incident, Failure> {
        let path = format!("/themis/v1/incidents/{incident}");
        self.read(Request::get("show an incident", path), "incident").await
    }

    /// Events after the one of id `after`, oldest first, at most [`EVENTS_MAX`].
    ///
    /// # Errors
    /// No such incident, or no usable answer.
    pub async fn events(&self, incident: &str, after: i64) -> Result<Vec<Event>, Failure> {
        let path = format!("/themis/v1/incidents/{incident}/events");
        let request = Request::get("list events", path).query("after", after.to_string());
        self.read(request, "events").await
    }

    /// The value under `key` of the answer.
    async fn read<T: DeserializeOwned>(&self, request: Request, key: &'static str) -> Result<T, Failure> {
        let mut body: Value = self
            .client
            .call(&request)
            .await?
            .json()
            .map_err(themis_openstack::ServiceError::from)?;
        let part = body.get_mut(key).map_or(Value::Null, Value::take);
        serde_json::from_value(part).map_err(|source| Failure::Shape { call: key, source })
    }
}
