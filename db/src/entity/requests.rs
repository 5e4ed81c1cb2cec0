//! Table `requests`: what operators ask of the engine.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: TextUuid,
    pub kind: String,
    pub host_uuid: Option<TextUuid>,
    pub args: String,
    pub reason: String,
    pub user_id: String,
    pub user_name: String,
    pub status: String,
    pub answer: Option<String>,
    pub created_at: TimeDateTimeWithTimeZone,
    pub handled_at: Option<TimeDateTimeWithTimeZone>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
