//! Times as the columns keep them. Cutting before storing makes what was written equal to what is read back, on every
//! server: MySQL rounds a fraction that the column cannot hold, MariaDB cuts it.

use time::OffsetDateTime;

/// For `DATETIME(6)`: our own tables.
pub(crate) fn micros(at: OffsetDateTime) -> OffsetDateTime {
    let utc = at.to_offset(time::UtcOffset::UTC);
    utc.replace_microsecond(utc.microsecond()).unwrap_or(utc)
}

/// For `DATETIME`: Masakari's four tables.
pub(crate) fn seconds(at: OffsetDateTime) -> OffsetDateTime {
    let utc = at.to_offset(time::UtcOffset::UTC);
    utc.replace_nanosecond(0).unwrap_or(utc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_are_cut_and_turned_to_utc() {
        let at = datetime!(2026-11-20 10:00:00.123_456_789 +02:00);
        assert_eq!(micros(at), datetime!(2026-11-20 08:00:00.123_456 UTC));
        assert_eq!(seconds(at), datetime!(2026-11-20 08:00:00 UTC));
    }
}
