//! The shape of Masakari's four tables as its newest release makes them, and how a database differs from it.
//!
//! Releases differ: 14.0.2 (Debian 12, sqlalchemy-migrate version 7) has no `vmoves` and no `failover_segment_uuid` and
//! `message` of notifications; 15 to 18 (alembic 8bdf5929c5a6) have `vmoves`; since 13adff5efb9a all is there.
//! Compared as text from `information_schema`, which MariaDB and MySQL 8 write differently: see [`same_type`].

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::StoreError;

/// What every table of Masakari begins with.
const BASE: [Column; 5] = [
    ("created_at", "datetime", Null::Yes),
    ("updated_at", "datetime", Null::Yes),
    ("deleted_at", "datetime", Null::Yes),
    ("deleted", "int", Null::Yes),
    ("id", "int", Null::No),
];

const TABLES: [Table; 4] = [
    Table {
        name: "failover_segments",
        columns: &[
            ("uuid", "varchar(36)", Null::No),
            ("name", "varchar(255)", Null::No),
            ("service_type", "varchar(255)", Null::No),
            ("description", "text", Null::Yes),
            (
                "recovery_method",
                "enum('auto','reserved_host','auto_priority','rh_priority')",
                Null::No,
            ),
            ("enabled", "tinyint(1)", Null::Yes),
        ],
        unique: &["uuid", "name,deleted"],
    },
    Table {
        name: "hosts",
        columns: &[
            ("uuid", "varchar(36)", Null::No),
            ("name", "varchar(255)", Null::No),
            ("reserved", "tinyint(1)", Null::Yes),
            ("type", "varchar(255)", Null::No),
            ("control_attributes", "text", Null::No),
            ("failover_segment_id", "varchar(36)", Null::No),
            ("on_maintenance", "tinyint(1)", Null::Yes),
        ],
        unique: &["uuid", "name,deleted"],
    },
    Table {
        name: "notifications",
        columns: &[
            ("notification_uuid", "varchar(36)", Null::No),
            ("generated_time", "datetime", Null::No),
            ("source_host_uuid", "varchar(36)", Null::No),
            ("type", "varchar(36)", Null::No),
            ("payload", "text", Null::Yes),
            (
                "status",
                "enum('new','running','error','failed','ignored','finished')",
                Null::No,
            ),
            ("failover_segment_uuid", "varchar(36)", Null::Yes),
            ("message", "text", Null::Yes),
        ],
        unique: &["notification_uuid"],
    },
    Table {
        name: "vmoves",
        columns: &[
            ("uuid", "varchar(36)", Null::No),
            ("notification_uuid", "varchar(36)", Null::No),
            ("instance_uuid", "varchar(36)", Null::No),
            ("instance_name", "varchar(255)", Null::No),
            ("source_host", "varchar(255)", Null::Yes),
            ("dest_host", "varchar(255)", Null::Yes),
            ("start_time", "datetime", Null::Yes),
            ("end_time", "datetime", Null::Yes),
            ("type", "varchar(36)", Null::Yes),
            ("status", "varchar(255)", Null::Yes),
            ("message", "text", Null::Yes),
        ],
        unique: &["uuid"],
    },
];

type Column = (&'static str, &'static str, Null);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Null {
    Yes,
    No,
}

struct Table {
    name: &'static str,
    columns: &'static [Column],
    unique: &'static [&'static str],
}

/// What a database has of Masakari's tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    tables: BTreeMap<String, Found>,
    /// Masakari's own word for its schema; `None` when `masakari-manage` never ran here.
    pub version: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Found {
    columns: BTreeMap<String, FoundColumn>,
    unique: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FoundColumn {
    kind: String,
    nullable: bool,
    filled: bool,
}

#[derive(FromQueryResult)]
struct ColumnRow {
    t: String,
    c: String,
    kind: String,
    nullable: String,
    filled: i64,
}

#[derive(FromQueryResult)]
struct KeyRow {
    t: String,
    columns: String,
}

impl Shape {
    /// Reads what the database says of its tables. Of SQLite, which no Masakari of a cloud uses, nothing is read.
    ///
    /// # Errors
    /// The database's trouble.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let mut shape = Self::default();
        if db.get_database_backend() != DbBackend::MySql {
            return Ok(shape);
        }
        // CAST: MySQL 8 gives some of these as binary. Aliases: it shows the names of these columns in upper case.
        let columns = "SELECT CAST(table_name AS CHAR) AS t, CAST(column_name AS CHAR) AS c, CAST(column_type AS CHAR) AS kind, \
             CAST(is_nullable AS CHAR) AS nullable, CAST(column_default IS NOT NULL OR extra LIKE '%auto_increment%' AS SIGNED) \
             AS filled FROM information_schema.columns WHERE table_schema = DATABASE() \
             AND table_name IN ('failover_segments', 'hosts', 'notifications', 'vmoves')";
        let keys = "SELECT CAST(table_name AS CHAR) AS t, CAST(GROUP_CONCAT(column_name ORDER BY seq_in_index) AS CHAR) AS \
             columns FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 \
             AND table_name IN ('failover_segments', 'hosts', 'notifications', 'vmoves') GROUP BY table_name, index_name";
        for row in rows::<ColumnRow>(db, columns).await? {
            let column = FoundColumn {
                kind: row.kind,
                nullable: row.nullable == "YES",
                filled: row.filled != 0,
            };
            shape.tables.entry(row.t).or_default().columns.insert(row.c, column);
        }
        for row in rows::<KeyRow>(db, keys).await? {
            // A table that was made between the two questions has no columns here: it is not there yet.
            if let Some(found) = shape.tables.get_mut(&row.t) {
                found.unique.insert(row.columns);
            }
        }
        shape.version = version(db).await?;
        Ok(shape)
    }

    /// Whether none of the tables is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Whether a table has a column.
    #[must_use]
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.tables
            .get(table)
            .is_some_and(|found| found.columns.contains_key(column))
    }

    /// What keeps Themis from working on these tables, one line each; tables that are absent altogether can be made.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let there = TABLES
            .iter()
            .filter_map(|table| self.tables.get(table.name).map(|found| (table, found)));
        there.flat_map(|(table, found)| table.differences(found)).collect()
    }
}

impl Table {
    fn differences(&self, found: &Found) -> Vec<String> {
        let mut lines = Vec::new();
        let wanted: Vec<&Column> = BASE.iter().chain(self.columns).collect();
        for (name, kind, null) in &wanted {
            let Some(column) = found.columns.get(*name) else {
                lines.push(format!("{}.{name} is missing", self.name));
                continue;
            };
            if !same_type(&column.kind, kind) {
                lines.push(format!("{}.{name} is {}, not {kind}", self.name, column.kind));
            }
            if column.nullable != (*null == Null::Yes) {
                let may = if column.nullable { "may" } else { "may not" };
                lines.push(format!("{}.{name} {may} be NULL", self.name));
            }
        }
        for (name, column) in &found.columns {
            let known = wanted.iter().any(|(wanted, ..)| wanted == name);
            if !known && !column.nullable && !column.filled {
                lines.push(format!("{}.{name} is not Masakari's and demands a value", self.name));
            }
        }
        for key in self.unique.iter().filter(|key| !found.unique.contains(**key)) {
            lines.push(format!("{} has no unique key over ({key})", self.name));
        }
        lines
    }
}

/// Whether two column types hold the same: the display width of integers is no part of the type (MySQL 8 shows none),
/// and CHAR and VARCHAR hold a UUID alike.
fn same_type(found: &str, wanted: &str) -> bool {
    let plain = |text: &str| {
        let text = text.to_ascii_lowercase();
        match text.split_once('(') {
            Some(("int", _)) => "int".to_owned(),
            Some(("char", length)) => format!("varchar({length}"),
            _ => text,
        }
    };
    plain(found) == plain(wanted)
}

/// What Masakari's migrations call the schema they left.
async fn version(db: &impl ConnectionTrait) -> Result<Option<String>, StoreError> {
    #[derive(FromQueryResult)]
    struct Version {
        v: String,
    }
    let marks = "SELECT CAST(table_name AS CHAR) AS v FROM information_schema.tables WHERE table_schema = DATABASE() \
         AND table_name IN ('masakari_alembic_version', 'migrate_version')";
    let marks: BTreeSet<String> = rows::<Version>(db, marks).await?.into_iter().map(|row| row.v).collect();
    if marks.contains("masakari_alembic_version") {
        let found = rows::<Version>(
            db,
            "SELECT CAST(version_num AS CHAR) AS v FROM masakari_alembic_version",
        )
        .await?;
        if let Some(row) = found.into_iter().next() {
            return Ok(Some(row.v));
        }
    }
    if marks.contains("migrate_version") {
        let asked = "SELECT CAST(version AS CHAR) AS v FROM migrate_version WHERE repository_id = 'masakari'";
        return Ok(rows::<Version>(db, asked).await?.into_iter().next().map(|row| row.v));
    }
    Ok(None)
}

async fn rows<T: FromQueryResult>(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<T>, StoreError> {
    let statement = Statement::from_string(DbBackend::MySql, sql);
    Ok(T::find_by_statement(statement).all(db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_no_width_and_char_is_varchar() {
        assert!(same_type("int(11)", "int") && same_type("int", "int"));
        assert!(same_type("char(36)", "varchar(36)") && same_type("VARCHAR(36)", "varchar(36)"));
        assert!(!same_type("varchar(255)", "varchar(36)") && !same_type("mediumtext", "text"));
        assert!(!same_type("bigint(20)", "int") && !same_type("tinyint(4)", "tinyint(1)"));
    }
}
