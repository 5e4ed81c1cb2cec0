//! A UUID in a text column. sea-orm's own `TextUuid` (2.0.4) cannot read `NULL` into an `Option`.

use std::fmt;
use std::str::FromStr;

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub struct TextUuid(pub Uuid);

impl fmt::Display for TextUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TextUuid {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

/// Asked of every primary key; no table of ours lets the server draw a UUID.
impl TryFromU64 for TextUuid {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("TextUuid"))
    }
}
