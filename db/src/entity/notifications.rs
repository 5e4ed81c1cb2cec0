//! Table `notifications`: Masakari's notifications.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub notification_uuid: TextUuid,
    pub generated_time: TimeDateTimeWithTimeZone,
    pub source_host_uuid: TextUuid,
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    pub payload: Option<String>,
    pub status: String,
    pub failover_segment_uuid: Option<TextUuid>,
    pub message: Option<String>,
    pub created_at: Option<TimeDateTimeWithTimeZone>,
    pub updated_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
