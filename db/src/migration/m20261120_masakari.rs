//! Masakari's four tables as upstream's own migrations leave them (release 22.0.0, revision 13adff5efb9a): columns, types,
//! names of constraints and indexes. `utf8mb4` whatever the database's default, with `general_ci` as there. A test
//! compares them with what `masakari-manage` made; `crate::adopt` takes tables over that were there before.

use sea_orm::sea_query::{ColumnDef, ForeignKey, Index, IndexCreateStatement, Table, TableCreateStatement};

use super::{Dialect, Step};
use crate::words::{NotificationStatus, RecoveryMethod};

pub(super) fn steps() -> Vec<Step> {
    vec![
        Step::table("m20261120_000001_failover_segments", failover_segments),
        Step::index("m20261120_000002_segments_service_type", segments_service_type),
        Step::table("m20261120_000003_hosts", hosts),
        Step::index("m20261120_000004_hosts_type", hosts_type),
        Step::table("m20261120_000005_notifications", notifications),
        Step::table("m20261120_000006_vmoves", vmoves),
    ]
}

/// With upstream's id and soft-delete columns; `deleted` is 0 for a live row, else the row's own id, so that a name
/// is unique among the living only.
fn table(dialect: Dialect, name: &'static str, columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(name)
        .if_not_exists()
        .col(dialect.seconds("created_at"))
        .col(dialect.seconds("updated_at"))
        .col(dialect.seconds("deleted_at"))
        .col(ColumnDef::new("deleted").integer())
        .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key());
    for column in columns {
        table.col(column);
    }
    dialect.options(&mut table, "utf8mb4_general_ci");
    table
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).string_len(36).not_null().take()
}

fn string(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).string_len(255).take()
}

fn unique(name: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).unique();
    for column in columns {
        index.col(*column);
    }
    index
}

fn failover_segments(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        uuid("uuid"),
        string("name").not_null().take(),
        string("service_type").not_null().take(),
        ColumnDef::new("description").text().take(),
        ColumnDef::new("recovery_method")
            .enumeration("recovery_methods", RecoveryMethod::NAMES.iter().copied())
            .not_null()
            .take(),
        ColumnDef::new("enabled").boolean().take(),
    ];
    let mut table = table(dialect, "failover_segments", columns);
    table
        .index(&mut unique("uniq_segments0uuid", &["uuid"]))
        .index(&mut unique("uniq_segment0name0deleted", &["name", "deleted"]));
    table
}

fn segments_service_type() -> IndexCreateStatement {
    Index::create()
        .name("segments_service_type_idx")
        .table("failover_segments")
        .col("service_type")
        .take()
}

fn hosts(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        uuid("uuid"),
        string("name").not_null().take(),
        ColumnDef::new("reserved").boolean().take(),
        string("type").not_null().take(),
        ColumnDef::new("control_attributes").text().not_null().take(),
        uuid("failover_segment_id"),
        ColumnDef::new("on_maintenance").boolean().take(),
    ];
    let mut table = table(dialect, "hosts", columns);
    table
        .index(&mut unique("uniq_host0uuid", &["uuid"]))
        .index(&mut unique("uniq_host0name0deleted", &["name", "deleted"]))
        .foreign_key(
            ForeignKey::create()
                .name("fk_failover_segments_uuid")
                .from("hosts", "failover_segment_id")
                .to("failover_segments", "uuid"),
        );
    table
}

fn hosts_type() -> IndexCreateStatement {
    Index::create().name("hosts_type_idx").table("hosts").col("type").take()
}

fn notifications(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        uuid("notification_uuid"),
        dialect.seconds("generated_time").not_null().take(),
        uuid("source_host_uuid"),
        uuid("type"),
        ColumnDef::new("payload").text().take(),
        ColumnDef::new("status")
            .enumeration("notification_status", NotificationStatus::NAMES.iter().copied())
            .not_null()
            .take(),
        ColumnDef::new("failover_segment_uuid").string_len(36).take(),
        ColumnDef::new("message").text().take(),
    ];
    let mut table = table(dialect, "notifications", columns);
    table.index(&mut unique("uniq_notification0uuid", &["notification_uuid"]));
    table
}

fn vmoves(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        uuid("uuid"),
        uuid("notification_uuid"),
        uuid("instance_uuid"),
        string("instance_name").not_null().take(),
        string("source_host"),
        string("dest_host"),
        dialect.seconds("start_time"),
        dialect.seconds("end_time"),
        ColumnDef::new("type").string_len(36).take(),
        string("status"),
        ColumnDef::new("message").text().take(),
    ];
    let mut table = table(dialect, "vmoves", columns);
    table.index(&mut unique("uniq_vmove0uuid", &["uuid"]));
    table
}
