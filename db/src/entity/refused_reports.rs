//! Table `refused_reports`: who reported what about a host whose reports were refused, where no notification says the same.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refused_reports")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub host_uuid: TextUuid,
    pub r#type: String,
    pub payload: String,
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
