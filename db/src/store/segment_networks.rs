//! What the loss of a network means in a segment (table `segment_networks`); a network that is not named here means
//! what the configuration says.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use themis_core::network::Importance;
use themis_core::{NetworkName, SegmentId};

use crate::entity::TextUuid;
use crate::entity::segment_networks::{ActiveModel, Column, Entity};
use crate::store::json;
use crate::store::queue::queue_at_segment;
use crate::{Pool, StoreError};

const TABLE: &str = "segment_networks";

/// Networks by name.
pub type SegmentNetworks = BTreeMap<NetworkName, Importance>;

/// One segment's table.
///
/// # Errors
/// The database's trouble.
pub async fn segment_network_list(
    db: &impl ConnectionTrait,
    segment: SegmentId,
) -> Result<SegmentNetworks, StoreError> {
    let rows = Entity::find()
        .filter(Column::SegmentUuid.eq(TextUuid(segment.0)))
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok((
                NetworkName(row.network),
                json::word(TABLE, "network importance", &row.importance)?,
            ))
        })
        .collect()
}

/// The tables of all segments that have one.
///
/// # Errors
/// The database's trouble.
pub async fn segment_network_list_all(
    db: &impl ConnectionTrait,
) -> Result<BTreeMap<SegmentId, SegmentNetworks>, StoreError> {
    let mut all: BTreeMap<SegmentId, SegmentNetworks> = BTreeMap::new();
    for row in Entity::find().all(db).await? {
        let importance = json::word(TABLE, "network importance", &row.importance)?;
        all.entry(SegmentId(row.segment_uuid.0))
            .or_default()
            .insert(NetworkName(row.network), importance);
    }
    Ok(all)
}

/// Replaces a segment's table.
///
/// # Errors
/// The database's trouble; the old table stays then.
pub async fn segment_network_replace(
    pool: &Pool,
    segment: SegmentId,
    networks: &SegmentNetworks,
) -> Result<(), StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        // Or two who replace at the same time leave a mixture.
        queue_at_segment(txn, segment).await?;
        Entity::delete_many()
            .filter(Column::SegmentUuid.eq(TextUuid(segment.0)))
            .exec(txn)
            .await?;
        let rows: Vec<ActiveModel> = networks
            .iter()
            .map(|(network, importance)| ActiveModel {
                segment_uuid: Set(TextUuid(segment.0)),
                network: Set(network.0.clone()),
                importance: Set(importance.name().to_owned()),
                ..Default::default()
            })
            .collect();
        if !rows.is_empty() {
            Entity::insert_many(rows).exec_without_returning(txn).await?;
        }
        Ok(())
    })
    .await
}
