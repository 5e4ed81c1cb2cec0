//! The schema's history: one table or one index per step, in order, never changed once released. MySQL commits each
//! DDL statement by itself and knows no way back, so each step is one statement, and doing it where it is done already
//! is no error: whoever died before it could record the step, or runs beside another, just goes on (`crate::schema`).
//! Masakari's four tables ([`m20261120_masakari`]) keep upstream's columns, types and names of constraints.

use async_trait::async_trait;
use sea_orm::sea_query::{ColumnDef, IndexCreateStatement, TableCreateStatement};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

use crate::error::server_error;

mod m20261120_corroborations;
mod m20261120_masakari;
mod m20261120_refused_reports;
mod m20261120_themis;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let steps = m20261120_masakari::steps()
            .into_iter()
            .chain(m20261120_themis::steps())
            .chain(m20261120_corroborations::steps())
            .chain(m20261120_refused_reports::steps());
        steps.map(|step| Box::new(step) as Box<dyn MigrationTrait>).collect()
    }
}

/// One step.
pub(crate) struct Step {
    name: &'static str,
    change: Change,
}

enum Change {
    Table(fn(Dialect) -> TableCreateStatement),
    Index(fn() -> IndexCreateStatement),
}

impl Step {
    const fn table(name: &'static str, table: fn(Dialect) -> TableCreateStatement) -> Self {
        Self {
            name,
            change: Change::Table(table),
        }
    }

    const fn index(name: &'static str, index: fn() -> IndexCreateStatement) -> Self {
        Self {
            name,
            change: Change::Index(index),
        }
    }
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = Dialect(manager.get_connection().get_database_backend());
        match self.change {
            Change::Table(table) => manager.create_table(table(dialect)).await,
            Change::Index(index) => match manager.create_index(index()).await {
                // In a table that was taken over, or made by a run that died before it could say so.
                Err(error) if server_error(&error) == Some(DUPLICATE_KEY_NAME) => Ok(()),
                made => made,
            },
        }
    }
}

/// `ER_DUP_KEYNAME`.
const DUPLICATE_KEY_NAME: u16 = 1061;

/// Column types that differ between MariaDB and the SQLite of tests.
#[derive(Clone, Copy)]
pub(crate) struct Dialect(DbBackend);

impl Dialect {
    fn is_mysql(self) -> bool {
        self.0 == DbBackend::MySql
    }

    /// `DATETIME`, whole seconds.
    fn seconds(self, name: &'static str) -> ColumnDef {
        self.time(name, "datetime")
    }

    /// `DATETIME(6)`.
    fn micros(self, name: &'static str) -> ColumnDef {
        self.time(name, "datetime(6)")
    }

    fn time(self, name: &'static str, mysql: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        if self.is_mysql() {
            column.custom(mysql);
        } else {
            column.timestamp_with_time_zone();
        }
        column
    }

    /// Up to 16 MiB.
    fn medium_text(self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        if self.is_mysql() {
            column.custom("mediumtext");
        } else {
            column.text();
        }
        column
    }

    /// InnoDB, UTF-8 with the given rules of comparison.
    fn options(self, table: &mut TableCreateStatement, collation: &'static str) {
        if self.is_mysql() {
            table.engine("InnoDB").character_set("utf8mb4").collate(collation);
        }
    }
}
