//! Table `host_states`: where each host stands.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "host_states")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_uuid: TextUuid,
    pub state: String,
    pub since: TimeDateTimeWithTimeZone,
    pub reason: String,
    pub generation: i64,
    pub incident_uuid: Option<TextUuid>,
    pub detail: String,
    pub view: String,
    pub updated_at: TimeDateTimeWithTimeZone,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
