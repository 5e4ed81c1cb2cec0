//! Table `vmoves`: Masakari's vmoves.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vmoves")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub uuid: TextUuid,
    pub notification_uuid: TextUuid,
    pub instance_uuid: TextUuid,
    pub instance_name: String,
    pub source_host: Option<String>,
    pub dest_host: Option<String>,
    pub start_time: Option<TimeDateTimeWithTimeZone>,
    pub end_time: Option<TimeDateTimeWithTimeZone>,
    #[sea_orm(column_name = "type")]
    pub r#type: Option<String>,
    pub status: Option<String>,
    pub message: Option<String>,
    pub created_at: Option<TimeDateTimeWithTimeZone>,
    pub updated_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
