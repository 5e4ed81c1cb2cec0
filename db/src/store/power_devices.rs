//! Power devices (table `power_devices`): how a host's power is switched. Passwords arrive and leave sealed; this crate
//! holds no key.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use themis_core::{HostId, PowerDeviceId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::power_devices::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::hosts::host_get;
use crate::store::json;
use crate::store::queue::queue_at_host;
use crate::{Pool, StoreError};

const TABLE: &str = "power_devices";

/// A power device.
#[derive(Debug, Clone)]
pub struct PowerDeviceRow {
    /// Grows with time; gaps mean nothing.
    pub id: i64,
    /// What was registered.
    pub device: PowerDevice,
    /// When it was registered.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: Option<OffsetDateTime>,
}

/// A power device as it is registered. (driver, address, port, system) is unique.
#[derive(Debug, Clone)]
pub struct PowerDevice {
    /// Drawn by the caller.
    pub uuid: PowerDeviceId,
    /// The host whose power it switches.
    pub host_uuid: HostId,
    /// `ipmi`, ...
    pub driver: String,
    /// Host name or address.
    pub address: String,
    /// Port; for IPMI 623 over UDP.
    pub port: u16,
    /// Which system or outlet of the device; empty when it has one.
    pub system: String,
    /// Devices of level 1 are tried first; all of one level together.
    pub level: i32,
    /// The account.
    pub username: String,
    /// The sealed password.
    pub secret: SecretString,
    /// Who accepted it though it is not bound to the host.
    pub accepted: Option<Acceptance>,
}

/// An operator's word that an unbound device is the right one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Who.
    pub user: String,
    /// Why, in their words.
    pub reason: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl TryFrom<Model> for PowerDeviceRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            device: PowerDevice {
                uuid: PowerDeviceId(row.uuid.0),
                host_uuid: HostId(row.host_uuid.0),
                driver: row.driver,
                address: row.address,
                port: u16::try_from(row.port).unwrap_or(0),
                system: row.system,
                level: row.level,
                username: row.username,
                secret: SecretString::from(row.secret),
                accepted: json::read_optional(TABLE, "accepted", row.accepted.as_deref())?,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The devices of one host, by level.
///
/// # Errors
/// The database's trouble.
pub async fn power_device_list(db: &impl ConnectionTrait, host: HostId) -> Result<Vec<PowerDeviceRow>, StoreError> {
    let of_host = Entity::find().filter(Column::HostUuid.eq(TextUuid(host.0)));
    let rows = of_host
        .order_by_asc(Column::Level)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(PowerDeviceRow::try_from).collect()
}

/// The devices of all hosts, by level.
///
/// # Errors
/// The database's trouble.
pub async fn power_device_list_all(db: &impl ConnectionTrait) -> Result<Vec<PowerDeviceRow>, StoreError> {
    let rows = Entity::find()
        .order_by_asc(Column::Level)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(PowerDeviceRow::try_from).collect()
}

/// Registers a device.
///
/// # Errors
/// [`StoreError::AlreadyExists`] when (driver, address, port, system) is registered already, for any host;
/// [`StoreError::NotFound`] when the host is deleted meanwhile.
pub async fn power_device_create(
    pool: &Pool,
    new: &PowerDevice,
    at: OffsetDateTime,
) -> Result<PowerDeviceRow, StoreError> {
    let row = ActiveModel {
        uuid: Set(TextUuid(new.uuid.0)),
        host_uuid: Set(TextUuid(new.host_uuid.0)),
        driver: Set(new.driver.clone()),
        address: Set(new.address.clone()),
        port: Set(new.port.into()),
        system: Set(new.system.clone()),
        level: Set(new.level),
        username: Set(new.username.clone()),
        secret: Set(new.secret.expose_secret().to_owned()),
        accepted: Set(new
            .accepted
            .as_ref()
            .map(|a| json::write(TABLE, "accepted", a))
            .transpose()?),
        created_at: Set(micros(at)),
        ..Default::default()
    };
    let row = pool
        .transaction(async |txn| {
            // Behind the deletion of its host it would keep its address taken for ever.
            queue_at_host(&txn, new.host_uuid).await?;
            host_get(&txn, new.host_uuid)
                .await?
                .ok_or_else(|| StoreError::NotFound {
                    what: "host",
                    id: new.host_uuid.to_string(),
                })?;
            Entity::insert(row.clone())
                .exec_with_returning(&txn)
                .await
                .map_err(|e| StoreError::unique(e, "power device"))
        })
        .await?;
    row.try_into()
}

/// Records that an operator accepts a host's devices though they are not bound to it. Answers how many there are.
///
/// # Errors
/// The database's trouble.
pub async fn power_device_accept(
    db: &impl ConnectionTrait,
    host: HostId,
    acceptance: &Acceptance,
) -> Result<u64, StoreError> {
    let accepted = Entity::update_many()
        .col_expr(
            Column::Accepted,
            Expr::value(json::write(TABLE, "accepted", acceptance)?),
        )
        .col_expr(Column::UpdatedAt, Expr::value(micros(acceptance.at)))
        .filter(Column::HostUuid.eq(TextUuid(host.0)))
        .exec(db)
        .await?;
    Ok(accepted.rows_affected)
}

/// Removes a device of a host.
///
/// # Errors
/// [`StoreError::NotFound`] when the host has no such device.
pub async fn power_device_delete(
    db: &impl ConnectionTrait,
    host: HostId,
    device: PowerDeviceId,
) -> Result<(), StoreError> {
    let gone = Entity::delete_many()
        .filter(Column::HostUuid.eq(TextUuid(host.0)))
        .filter(Column::Uuid.eq(TextUuid(device.0)))
        .exec(db)
        .await?;
    match gone.rows_affected {
        0 => Err(StoreError::NotFound {
            what: "power device",
            id: device.to_string(),
        }),
        _ => Ok(()),
    }
}
