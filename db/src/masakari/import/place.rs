//! Whether two connections lead to one database, also by two nodes of a Galera cluster.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::{Pool, StoreError};

/// Whether both are the same database.
pub(super) async fn same_database(one: &Pool, other: &Pool) -> Result<bool, StoreError> {
    Ok(place(one).await? == place(other).await? || same_cluster(one, other).await?)
}

/// Which database of which server.
async fn place(pool: &Pool) -> Result<Option<String>, StoreError> {
    #[derive(FromQueryResult)]
    struct Place {
        p: String,
    }
    let sql = "SELECT CAST(CONCAT_WS('/', @@hostname, @@port, @@datadir, DATABASE()) AS CHAR) AS p";
    let statement = Statement::from_string(pool.get_database_backend(), sql);
    Ok(Place::find_by_statement(statement).one(pool).await?.map(|row| row.p))
}

/// Whether both are nodes of one Galera cluster, and the same database of it.
async fn same_cluster(one: &Pool, other: &Pool) -> Result<bool, StoreError> {
    let (one, other) = (cluster(one).await?, cluster(other).await?);
    Ok(one.is_some() && one == other)
}

/// The cluster's uuid and the database. A server without Galera has no such word, or an empty one.
async fn cluster(pool: &Pool) -> Result<Option<(String, String)>, StoreError> {
    let backend = pool.get_database_backend();
    let ask = async |sql: &str, column: &str| -> Result<Option<String>, StoreError> {
        let row = pool.query_one_raw(Statement::from_string(backend, sql)).await?;
        Ok(row.and_then(|row| row.try_get::<Option<String>>("", column).ok().flatten()))
    };
    let uuid = ask("SHOW STATUS LIKE 'wsrep_cluster_state_uuid'", "Value").await?;
    let Some(uuid) = uuid.filter(|uuid| uuid.chars().any(|digit| !matches!(digit, '0' | '-'))) else {
        return Ok(None);
    };
    let name = ask("SELECT DATABASE() AS name", "name").await?;
    Ok(name.map(|name| (uuid, name)))
}
