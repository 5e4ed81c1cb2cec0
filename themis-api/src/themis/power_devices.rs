//! `/themis/v1/hosts/{host}/power-devices`: how a host's power is switched. The password is sealed before it is stored and
//! is never shown again, not in an answer, an error or the log. A test is the leading engine's: it reads, switches nothing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use themis_core::PowerDeviceId;
use themis_core::leader::{DEVICE_TEST, DeviceTest};
use themis_db::StoreError;
use themis_db::store::hosts::HostRow;
use themis_db::store::power_devices::{
    Acceptance, PowerDevice, PowerDeviceRow, power_device_create, power_device_delete, power_device_list,
};
use themis_fencing::{Credentials, DeviceAddress};
use uuid::Uuid;

use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::{Path, exact};
use crate::policy::rule;
use crate::resources::no_content;
use crate::schema::{Object, Violation};
use crate::schema_text::{description, length};
use crate::wire_time::UtcTime;

#[derive(Debug, Serialize)]
pub(crate) struct PowerDevices {
    power_devices: Vec<PowerDeviceView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct OnePowerDevice {
    power_device: PowerDeviceView,
}

#[derive(Debug, Serialize)]
pub(crate) struct OneTest {
    power_device_test: DeviceTest,
}

/// A device in an answer: everything but the secret.
#[derive(Debug, Serialize)]
struct PowerDeviceView {
    uuid: PowerDeviceId,
    driver: String,
    address: String,
    port: u16,
    system: String,
    level: i32,
    username: String,
    accepted: Option<AcceptanceView>,
}

#[derive(Debug, Serialize)]
struct AcceptanceView {
    user: String,
    reason: String,
    at: UtcTime,
}

impl From<PowerDeviceRow> for PowerDeviceView {
    fn from(row: PowerDeviceRow) -> Self {
        let device = row.device;
        Self {
            uuid: device.uuid,
            driver: device.driver,
            address: device.address,
            port: device.port,
            system: device.system,
            level: device.level,
            username: device.username,
            accepted: device.accepted.map(|accepted| AcceptanceView {
                user: accepted.user,
                reason: accepted.reason,
                at: UtcTime(accepted.at),
            }),
        }
    }
}

/// A checked body of `POST`.
struct PowerDeviceCreate {
    driver: String,
    address: String,
    port: Option<u16>,
    system: String,
    level: i32,
    username: String,
    password: SecretString,
    accept_unbound: Option<String>,
}

impl PowerDeviceCreate {
    fn check(body: Option<&Value>) -> Result<Self, Violation> {
        // Hidden: a misspelt key would otherwise show the password back, and into a proxy's log.
        let object = Object::enveloped_hidden(body, "power_device")?;
        object.only(&[
            "driver",
            "address",
            "port",
            "system",
            "level",
            "username",
            "password",
            "accept_unbound",
        ])?;
        object.require(&["address", "username", "password"])?;
        let some = |text: &str| length(text, 1, 255);
        let port = object.integer("port", 1..=65_535)?;
        let level = object.integer("level", 1..=9)?.unwrap_or(1);
        Ok(Self {
            driver: object.text("driver", some)?.unwrap_or_else(|| "ipmi".to_owned()),
            address: object.needed_text("address", some)?,
            port: port.and_then(|port| u16::try_from(port).ok()),
            system: object.text("system", |text| length(text, 0, 255))?.unwrap_or_default(),
            level: i32::try_from(level).unwrap_or(1),
            username: object.needed_text("username", some)?,
            password: object.needed_text("password", some)?.into(),
            accept_unbound: object.text("accept_unbound", |text| {
                length(text, 1, 1000)?;
                description(text)
            })?,
        })
    }
}

/// `GET /themis/v1/hosts/{host}/power-devices`.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    Path(host): Path<String>,
) -> Result<Json<PowerDevices>, Fault> {
    call.demand(rule::THEMIS_POWER_DEVICES_INDEX)?;
    let host = super::host(&app.store, &host).await?;
    let rows = power_device_list(&app.store, host.uuid).await?;
    Ok(Json(PowerDevices {
        power_devices: rows.into_iter().map(PowerDeviceView::from).collect(),
    }))
}

/// `POST /themis/v1/hosts/{host}/power-devices`.
pub(crate) async fn create(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<OnePowerDevice>), Fault> {
    let asked = PowerDeviceCreate::check(body.as_ref())?;
    call.demand(rule::THEMIS_POWER_DEVICES_CREATE)?;
    let host = super::host(&app.store, &id).await?;
    let address = DeviceAddress::new(&asked.driver, &asked.address, asked.port, &asked.system)?;
    Credentials::new(asked.username.clone(), asked.password.clone())?;
    let key = app.seal_key.as_ref().ok_or(Fault::NoSealKey)?;
    let secret = key.seal(&address, &asked.password).map_err(Fault::Sealing)?;
    let now = app.now();
    let device = PowerDevice {
        uuid: PowerDeviceId(Uuid::new_v4()),
        host_uuid: host.uuid,
        driver: address.driver().name().to_owned(),
        address: address.host().to_owned(),
        port: address.port(),
        system: address.system().to_owned(),
        level: asked.level,
        username: asked.username,
        secret: secret.into(),
        accepted: asked.accept_unbound.map(|reason| Acceptance {
            user: call.caller.user.name.clone(),
            reason,
            at: now,
        }),
    };
    let row = power_device_create(&app.store, &device, now)
        .await
        .map_err(|error| match error {
            StoreError::AlreadyExists { .. } => Fault::PowerDeviceTaken {
                device: address.to_string(),
            },
            StoreError::NotFound { .. } => Fault::HostMissing(id),
            other => other.into(),
        })?;
    tracing::info!(
        "user {} registers {address} for host {}",
        call.caller.user.name,
        host.name
    );
    app.waker.wake();
    Ok((
        StatusCode::CREATED,
        Json(OnePowerDevice {
            power_device: row.into(),
        }),
    ))
}

/// `DELETE /themis/v1/hosts/{host}/power-devices/{device}`.
pub(crate) async fn delete(
    State(app): State<AppState>,
    call: Call,
    Path((id, device)): Path<(String, String)>,
) -> Result<Response, Fault> {
    call.demand(rule::THEMIS_POWER_DEVICES_DELETE)?;
    let host = super::host(&app.store, &id).await?;
    let missing = || missing(&device, &host);
    let device_id = exact(&device).ok_or_else(missing)?;
    power_device_delete(&app.store, host.uuid, device_id)
        .await
        .map_err(|error| match error {
            StoreError::NotFound { .. } => missing(),
            other => other.into(),
        })?;
    tracing::info!(
        "user {} removes power device {device} of host {}",
        call.caller.user.name,
        host.name
    );
    app.waker.wake();
    Ok(no_content())
}

/// `POST /themis/v1/hosts/{host}/power-devices/{device}/test`: what the device answers the leading engine now.
pub(crate) async fn test(
    State(app): State<AppState>,
    call: Call,
    Path((id, device)): Path<(String, String)>,
    Body(_): Body,
) -> Result<Json<OneTest>, Fault> {
    call.demand(rule::THEMIS_POWER_DEVICES_TEST)?;
    let host = super::host(&app.store, &id).await?;
    let rows = power_device_list(&app.store, host.uuid).await?;
    let known = exact(&device).filter(|id| rows.iter().any(|row| row.device.uuid == *id));
    let device: PowerDeviceId = known.ok_or_else(|| missing(&device, &host))?;
    let args = json!({"device": device});
    let power_device_test = app.leader.ask(&app.store, &call.context(), DEVICE_TEST, args).await?;
    Ok(Json(OneTest { power_device_test }))
}

fn missing(device: &str, host: &HostRow) -> Fault {
    Fault::PowerDeviceMissing {
        device: device.to_owned(),
        host: host.name.clone(),
    }
}
