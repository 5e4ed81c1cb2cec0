//! Observe or armed, for all and for single segments (table `modes`).

use std::collections::BTreeMap;

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use themis_core::{Mode, SegmentId};
use time::OffsetDateTime;

use crate::entity::modes::{ActiveModel, Entity};
use crate::stamp::micros;
use crate::store::json;
use crate::{EpochTxn, StoreError};

const TABLE: &str = "modes";
const GLOBAL: &str = "global";

/// For which hosts a mode is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModeScope {
    /// All.
    Global,
    /// Those of one segment.
    Segment(SegmentId),
}

impl std::fmt::Display for ModeScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Global => f.write_str(GLOBAL),
            Self::Segment(segment) => segment.fmt(f),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeRow {
    /// For whom.
    pub scope: ModeScope,
    /// Which.
    pub mode: Mode,
    /// Since when.
    pub since: OffsetDateTime,
    /// The user who asked for it.
    pub changed_by: String,
}

/// All settings together. Without any, Themis observes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modes {
    /// For all.
    pub global: Mode,
    /// For single segments; those without a setting follow the global one.
    pub segments: BTreeMap<SegmentId, Mode>,
}

impl Modes {
    /// The mode that holds for a segment.
    #[must_use]
    pub fn of(&self, segment: SegmentId) -> Mode {
        self.global.with_segment(self.segments.get(&segment).copied())
    }
}

/// All settings, row by row.
///
/// # Errors
/// The database's trouble.
pub async fn mode_list(db: &impl ConnectionTrait) -> Result<Vec<ModeRow>, StoreError> {
    let mut rows = Vec::new();
    for row in Entity::find().all(db).await? {
        let scope = match row.scope.as_str() {
            GLOBAL => ModeScope::Global,
            segment => ModeScope::Segment(json::word(TABLE, "segment id", segment)?),
        };
        let mode = json::word(TABLE, "mode", &row.mode)?;
        rows.push(ModeRow {
            scope,
            mode,
            since: row.since,
            changed_by: row.changed_by,
        });
    }
    Ok(rows)
}

/// All settings, taken together.
///
/// # Errors
/// The database's trouble.
pub async fn mode_read(db: &impl ConnectionTrait) -> Result<Modes, StoreError> {
    let mut modes = Modes::default();
    for row in mode_list(db).await? {
        match row.scope {
            ModeScope::Global => modes.global = row.mode,
            ModeScope::Segment(segment) => drop(modes.segments.insert(segment, row.mode)),
        }
    }
    Ok(modes)
}

/// Writes a setting: new, or over the old one.
///
/// # Errors
/// The database's trouble.
pub async fn mode_put_in_txn(epoch: &EpochTxn, row: &ModeRow) -> Result<(), StoreError> {
    let scope = row.scope.to_string();
    Entity::delete_by_id(scope.clone()).exec(epoch.txn()).await?;
    let model = ActiveModel {
        scope: Set(scope),
        mode: Set(row.mode.name().to_owned()),
        since: Set(micros(row.since)),
        changed_by: Set(row.changed_by.clone()),
    };
    Entity::insert(model).exec_without_returning(epoch.txn()).await?;
    Ok(())
}
