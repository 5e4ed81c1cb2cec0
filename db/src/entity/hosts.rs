//! Table `hosts`: Masakari's hosts.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hosts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub uuid: TextUuid,
    pub name: String,
    pub reserved: Option<bool>,
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    pub control_attributes: String,
    pub failover_segment_id: TextUuid,
    pub on_maintenance: Option<bool>,
    pub created_at: Option<TimeDateTimeWithTimeZone>,
    pub updated_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
    pub deleted: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
