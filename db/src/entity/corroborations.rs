//! Table `corroborations`: who reported what a notification says.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "corroborations")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub notification_uuid: TextUuid,
    pub user_id: String,
    pub user_name: String,
    pub address: String,
    pub answer: String,
    pub reports: i32,
    pub generated_time: TimeDateTimeWithTimeZone,
    pub first_at: TimeDateTimeWithTimeZone,
    pub last_at: TimeDateTimeWithTimeZone,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
