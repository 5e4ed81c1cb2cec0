//! Table `workflow_steps`: the workflow log.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_steps")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub incident_uuid: TextUuid,
    pub step: String,
    pub subject: String,
    pub attempt: i32,
    pub event: String,
    pub payload: String,
    pub engine: String,
    pub epoch: i64,
    pub at: TimeDateTimeWithTimeZone,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
