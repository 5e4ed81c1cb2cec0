//! Lists in pages, as Masakari's API has them: sorted by any columns, going on after a row that is named by its
//! integer id. `NULL` sorts before everything. A column of words sorts in the order of its set, as MariaDB sorts an ENUM.

use sea_orm::sea_query::{CaseStatement, Expr, Order};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IdenStatic, Iterable, ModelTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, Value,
};

use crate::StoreError;
use crate::words::{NotificationStatus, RecoveryMethod};

/// Which way a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// Which part of a list, in which order. `created_at` and `id` are always appended, in the first direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Columns by name, most significant first; empty: by `created_at`, newest first.
    pub sort: Vec<(String, Direction)>,
    /// The integer id of the last row already seen.
    pub marker: Option<i64>,
    /// Rows at most.
    pub limit: u64,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            sort: Vec::new(),
            marker: None,
            limit: 1000,
        }
    }
}

/// The page of `select`; the marker is looked up among all rows that `living` keeps.
pub(super) async fn fetch<E>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    living: Expr,
    page: &Page,
) -> Result<Vec<E::Model>, StoreError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Sync,
{
    let keys = keys::<E>(page)?;
    let mut select = select.filter(living.clone());
    if let Some(marker) = page.marker {
        let row = E::find()
            .filter(column::<E>("id")?.eq(marker))
            .filter(living)
            .one(db)
            .await?
            .ok_or(StoreError::MarkerNotFound { marker })?;
        select = select.filter(after::<E>(&keys, &row));
    }
    for (key, direction) in &keys {
        let order = match direction {
            Direction::Asc => Order::Asc,
            Direction::Desc => Order::Desc,
        };
        select = select.order_by(expression(*key), order);
    }
    Ok(select.limit(page.limit).all(db).await?)
}

fn keys<E: EntityTrait>(page: &Page) -> Result<Vec<(E::Column, Direction)>, StoreError> {
    let first = page.sort.first().map_or(Direction::Desc, |(_, direction)| *direction);
    let tail = [("created_at".to_owned(), first), ("id".to_owned(), first)];
    let mut keys: Vec<(E::Column, Direction)> = Vec::new();
    for (name, direction) in page.sort.iter().chain(&tail) {
        let column = column::<E>(name)?;
        if !keys.iter().any(|(known, _)| known.as_str() == column.as_str()) {
            keys.push((column, *direction));
        }
    }
    Ok(keys)
}

/// By the column's own name: `FromStr` of sea-orm also takes camel case, which is no sort key.
fn column<E: EntityTrait>(name: &str) -> Result<E::Column, StoreError> {
    E::Column::iter()
        .find(|column| column.as_str() == name)
        .ok_or_else(|| StoreError::UnknownSortKey { key: name.to_owned() })
}

/// Rows that sort after `row`: (k1 after) or (k1 same and k2 after) or ...
fn after<E>(keys: &[(E::Column, Direction)], row: &E::Model) -> Condition
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let mut any = Condition::any();
    for (position, (key, direction)) in keys.iter().enumerate() {
        let mut all = Condition::all();
        for (earlier, _) in &keys[..position] {
            all = all.add(same(*earlier, row.get(*earlier)));
        }
        any = any.add(all.add(beyond(*key, *direction, row.get(*key))));
    }
    any
}

fn same<C: ColumnTrait>(column: C, value: Value) -> Expr {
    if value == value.as_null() {
        column.is_null()
    } else {
        expression(column).eq(ranked(column, value))
    }
}

fn beyond<C: ColumnTrait>(column: C, direction: Direction, value: Value) -> Condition {
    let is_null = value == value.as_null();
    match (direction, is_null) {
        (Direction::Asc, true) => Condition::all().add(column.is_not_null()),
        (Direction::Asc, false) => Condition::all().add(expression(column).gt(ranked(column, value))),
        (Direction::Desc, true) => Condition::all().add(Expr::value(false)),
        (Direction::Desc, false) => Condition::any()
            .add(expression(column).lt(ranked(column, value)))
            .add(column.is_null()),
    }
}

/// What is sorted and compared: the column, or the place of its word in its set.
fn expression<C: ColumnTrait>(column: C) -> Expr {
    let Some(names) = set_of(&column) else {
        return column.into_expr();
    };
    let mut place = CaseStatement::new();
    for (rank, name) in (1_i32..).zip(names) {
        place = place.case(column.eq(*name), rank);
    }
    place.into()
}

fn ranked<C: ColumnTrait>(column: C, value: Value) -> Value {
    match (set_of(&column), &value) {
        (Some(names), Value::String(Some(word))) => {
            let place = names.iter().position(|name| name == word).map_or(0, |index| index + 1);
            i32::try_from(place).unwrap_or(0).into()
        }
        _ => value,
    }
}

/// The two ENUM columns of Masakari's tables.
fn set_of<C: ColumnTrait>(column: &C) -> Option<&'static [&'static str]> {
    match (column.entity_name().to_string().as_str(), column.as_str()) {
        ("failover_segments", "recovery_method") => Some(RecoveryMethod::NAMES),
        ("notifications", "status") => Some(NotificationStatus::NAMES),
        _ => None,
    }
}
