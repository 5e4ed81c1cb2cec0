//! Themis's own tables. Times to the microsecond; comparisons exact (`utf8mb4_bin`), so that two outlets of one power
//! strip that differ in case are two.

use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, Table, TableCreateStatement};

use super::{Dialect, Step};

pub(super) fn steps() -> Vec<Step> {
    vec![
        Step::table("m20261120_000011_leases", leases),
        Step::table("m20261120_000012_host_states", host_states),
        Step::table("m20261120_000013_incidents", incidents),
        Step::index("m20261120_000014_incidents_host", incidents_host),
        Step::table("m20261120_000015_incident_events", incident_events),
        Step::index("m20261120_000016_incident_events_incident", incident_events_incident),
        Step::table("m20261120_000017_workflow_steps", workflow_steps),
        Step::index("m20261120_000018_workflow_steps_incident", workflow_steps_incident),
        Step::table("m20261120_000019_power_devices", power_devices),
        Step::table("m20261120_000020_requests", requests),
        Step::index("m20261120_000021_requests_status", requests_status),
        Step::table("m20261120_000022_segment_networks", segment_networks),
        Step::table("m20261120_000023_modes", modes),
        Step::index("m20261120_000024_notifications_host", notifications_host),
        Step::index("m20261120_000025_vmoves_notification", vmoves_notification),
    ]
}

pub(super) fn table(dialect: Dialect, name: &'static str, columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name).if_not_exists();
    for column in columns {
        table.col(column);
    }
    dialect.options(&mut table, "utf8mb4_bin");
    table
}

pub(super) fn id() -> ColumnDef {
    ColumnDef::new("id")
        .big_integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .take()
}

pub(super) fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).char_len(36).take()
}

pub(super) fn string(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn leases(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        string("name", 64).primary_key().take(),
        string("holder", 255),
        big("token"),
        big("beat"),
    ];
    table(dialect, "leases", columns)
}

fn host_states(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        uuid("host_uuid").not_null().primary_key().take(),
        string("state", 16),
        dialect.micros("since").not_null().take(),
        text("reason").not_null().take(),
        big("generation"),
        uuid("incident_uuid"),
        dialect.medium_text("detail").not_null().take(),
        dialect.medium_text("view").not_null().take(),
        dialect.micros("updated_at").not_null().take(),
    ];
    table(dialect, "host_states", columns)
}

fn incidents(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("uuid").not_null().unique_key().take(),
        uuid("host_uuid").not_null().take(),
        string("host_name", 255),
        uuid("segment_uuid").not_null().take(),
        uuid("notification_uuid"),
        string("status", 16),
        ColumnDef::new("outcome").string_len(32).take(),
        text("summary"),
        dialect.micros("opened_at").not_null().take(),
        dialect.micros("closed_at"),
    ];
    table(dialect, "incidents", columns)
}

fn incidents_host() -> IndexCreateStatement {
    Index::create()
        .name("incidents_status_host_idx")
        .table("incidents")
        .col("status")
        .col("host_uuid")
        .take()
}

fn incident_events(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("incident_uuid").not_null().take(),
        uuid("host_uuid").not_null().take(),
        dialect.micros("at").not_null().take(),
        string("kind", 48),
        dialect.medium_text("reason").not_null().take(),
        string("engine", 255),
        big("epoch"),
    ];
    table(dialect, "incident_events", columns)
}

fn incident_events_incident() -> IndexCreateStatement {
    Index::create()
        .name("incident_events_incident_idx")
        .table("incident_events")
        .col("incident_uuid")
        .col("id")
        .take()
}

fn workflow_steps(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("incident_uuid").not_null().take(),
        string("step", 64),
        string("subject", 64),
        ColumnDef::new("attempt").integer().not_null().take(),
        string("event", 16),
        dialect.medium_text("payload").not_null().take(),
        string("engine", 255),
        big("epoch"),
        dialect.micros("at").not_null().take(),
    ];
    table(dialect, "workflow_steps", columns)
}

fn workflow_steps_incident() -> IndexCreateStatement {
    Index::create()
        .name("workflow_steps_incident_idx")
        .table("workflow_steps")
        .col("incident_uuid")
        .col("id")
        .take()
}

fn power_devices(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("uuid").not_null().unique_key().take(),
        uuid("host_uuid").not_null().take(),
        string("driver", 32),
        string("address", 255),
        ColumnDef::new("port").integer().not_null().take(),
        string("system", 255).default("").take(),
        ColumnDef::new("level").integer().not_null().default(1).take(),
        string("username", 255),
        text("secret").not_null().take(),
        text("accepted"),
        dialect.micros("created_at").not_null().take(),
        dialect.micros("updated_at"),
    ];
    let mut table = table(dialect, "power_devices", columns);
    let mut tuple = Index::create();
    tuple
        .name("uniq_power_device0tuple")
        .unique()
        .col("driver")
        .col("address")
        .col("port")
        .col("system");
    table.index(&mut tuple);
    table
}

fn requests(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("uuid").not_null().unique_key().take(),
        string("kind", 32),
        uuid("host_uuid"),
        text("args").not_null().take(),
        text("reason").not_null().take(),
        string("user_id", 255),
        string("user_name", 255),
        string("status", 16),
        text("answer"),
        dialect.micros("created_at").not_null().take(),
        dialect.micros("handled_at"),
    ];
    table(dialect, "requests", columns)
}

fn requests_status() -> IndexCreateStatement {
    Index::create()
        .name("requests_status_idx")
        .table("requests")
        .col("status")
        .take()
}

fn segment_networks(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        id(),
        uuid("segment_uuid").not_null().take(),
        string("network", 64),
        string("importance", 16),
    ];
    let mut table = table(dialect, "segment_networks", columns);
    let mut pair = Index::create();
    pair.name("uniq_segment_network0pair")
        .unique()
        .col("segment_uuid")
        .col("network");
    table.index(&mut pair);
    table
}

fn modes(dialect: Dialect) -> TableCreateStatement {
    let columns = vec![
        string("scope", 36).primary_key().take(),
        string("mode", 16),
        dialect.micros("since").not_null().take(),
        string("changed_by", 255),
    ];
    table(dialect, "modes", columns)
}

/// Upstream has no index here, though every duplicate check and every in-use check searches by host.
fn notifications_host() -> IndexCreateStatement {
    Index::create()
        .name("notifications_host_idx")
        .table("notifications")
        .col("source_host_uuid")
        .col("status")
        .take()
}

/// Upstream has no index here either.
fn vmoves_notification() -> IndexCreateStatement {
    Index::create()
        .name("vmoves_notification_idx")
        .table("vmoves")
        .col("notification_uuid")
        .take()
}
