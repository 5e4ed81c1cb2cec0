//! Table `incident_events`: what happened in an incident, for people.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub incident_uuid: TextUuid,
    pub host_uuid: TextUuid,
    pub at: TimeDateTimeWithTimeZone,
    pub kind: String,
    pub reason: String,
    pub engine: String,
    pub epoch: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
