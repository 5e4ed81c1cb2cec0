//! Reports that were refused at a host and that no notification says: one row per host, report, reporter and address.
//! That there is one only is kept by the queue of the host (`crate::store::intake`); a payload is too long for a key.

use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, TableCreateStatement};

use super::m20261120_themis::{id, string, table, uuid};
use super::{Dialect, Step};

pub(super) fn steps() -> Vec<Step> {
    vec![
        Step::table("m20261120_000041_refused_reports", refused_reports),
        Step::index("m20261120_000042_refused_reports_host", refused_reports_host),
    ]
}

fn refused_reports(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("host_uuid").not_null().take(),
        string("type", 36),
        ColumnDef::new("payload").text().not_null().take(),
        string("user_id", 255),
        string("user_name", 255),
        string("address", 64),
        string("answer", 16),
        ColumnDef::new("reports").integer().not_null().take(),
        dialect.micros("generated_time").not_null().take(),
        dialect.micros("first_at").not_null().take(),
        dialect.micros("last_at").not_null().take(),
    ];
    table(dialect, "refused_reports", columns)
}

fn refused_reports_host() -> IndexCreateStatement {
    Index::create()
        .name("refused_reports_host_idx")
        .table("refused_reports")
        .col("host_uuid")
        .take()
}
