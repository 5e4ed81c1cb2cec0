//! Table `incidents`: one host's story each.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incidents")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: TextUuid,
    pub host_uuid: TextUuid,
    pub host_name: String,
    pub segment_uuid: TextUuid,
    pub notification_uuid: Option<TextUuid>,
    pub status: String,
    pub outcome: Option<String>,
    pub summary: Option<String>,
    pub opened_at: TimeDateTimeWithTimeZone,
    pub closed_at: Option<TimeDateTimeWithTimeZone>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
