//! Table `failover_segments`: Masakari's segments.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "failover_segments")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub uuid: TextUuid,
    pub name: String,
    pub service_type: String,
    pub enabled: Option<bool>,
    pub description: Option<String>,
    pub recovery_method: String,
    pub created_at: Option<TimeDateTimeWithTimeZone>,
    pub updated_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
