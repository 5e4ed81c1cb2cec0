//! How points in time look in answers. Masakari writes UTC without a zone and always six digits; our own routes write
//! RFC 3339 with six digits and `Z`. Nothing here reads a clock.

use serde::{Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const MASAKARI: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");
const RFC_3339: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// A time under `/v1`: `2026-11-20T08:27:39.000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasakariTime(pub OffsetDateTime);

/// A time under `/themis/v1`: `2026-11-20T08:27:39.123456Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcTime(pub OffsetDateTime);

impl Serialize for MasakariTime {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        write(self.0, MASAKARI, out)
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        write(self.0, RFC_3339, out)
    }
}

fn write<S: Serializer>(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>], out: S) -> Result<S::Ok, S::Error> {
    let text = at
        .to_offset(UtcOffset::UTC)
        .format(&format)
        .map_err(serde::ser::Error::custom)?;
    out.serialize_str(&text)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn fractions_have_six_digits_and_only_our_own_times_name_the_zone() {
        let at = datetime!(2026-11-20 17:27:39.5 +09:00);
        assert_eq!(
            serde_json::to_string(&MasakariTime(at)).unwrap(),
            "\"2026-11-20T08:27:39.500000\""
        );
        assert_eq!(
            serde_json::to_string(&UtcTime(at)).unwrap(),
            "\"2026-11-20T08:27:39.500000Z\""
        );
    }
}
