//! Table `power_devices`: ways to switch a host's power.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "power_devices")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: TextUuid,
    pub host_uuid: TextUuid,
    pub driver: String,
    pub address: String,
    pub port: i32,
    pub system: String,
    pub level: i32,
    pub username: String,
    pub secret: String,
    pub accepted: Option<String>,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: Option<TimeDateTimeWithTimeZone>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
