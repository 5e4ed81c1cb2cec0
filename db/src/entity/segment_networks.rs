//! Table `segment_networks`: what a network means to a segment.

use sea_orm::entity::prelude::*;

use super::TextUuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "segment_networks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub segment_uuid: TextUuid,
    pub network: String,
    pub importance: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
