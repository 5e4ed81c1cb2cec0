//! Who else reported what a notification says: one row per notification, reporter and address.

use sea_orm::sea_query::{ColumnDef, Index, TableCreateStatement};

use super::m20261120_themis::{id, string, table, uuid};
use super::{Dialect, Step};

pub(super) fn steps() -> Vec<Step> {
    vec![Step::table("m20261120_000031_corroborations", corroborations)]
}

fn corroborations(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("notification_uuid").not_null().take(),
        string("user_id", 255),
        string("user_name", 255),
        string("address", 64),
        string("answer", 16),
        ColumnDef::new("reports").integer().not_null().take(),
        dialect.micros("generated_time").not_null().take(),
        dialect.micros("first_at").not_null().take(),
        dialect.micros("last_at").not_null().take(),
    ];
    let mut table = table(dialect, "corroborations", columns);
    let mut reporter = Index::create();
    reporter
        .name("uniq_corroboration0reporter")
        .unique()
        .col("notification_uuid")
        .col("user_id")
        .col("address");
    table.index(&mut reporter);
    table
}
