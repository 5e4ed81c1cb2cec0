//! Reads the ISO 8601 forms that monitors and clients really send, as Python's `iso8601` module does: a date with or
//! without dashes, optionally `T` or a space and a time with or without colons, optionally a fraction and a zone.
//! A time without a zone is UTC.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// The moment that `text` names, in UTC, cut to microseconds; `None` when it names none.
#[must_use]
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let (date, rest) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let date = parse_date(date)?;
    let Some(rest) = rest else {
        return Some(date.midnight().assume_utc()).filter(is_kept);
    };
    let (clock, offset) = split_zone(rest)?;
    let local = PrimitiveDateTime::new(date, parse_clock(clock.trim_end())?);
    // At the end of the calendar the conversion has no result; such a time is refused like any other nonsense.
    local
        .assume_offset(offset)
        .checked_to_offset(UtcOffset::UTC)
        .filter(is_kept)
}

/// Before the year 1000 MariaDB and MySQL promise nothing of a time that they store.
fn is_kept(utc: &OffsetDateTime) -> bool {
    utc.year() >= 1000
}

fn parse_date(text: &str) -> Option<Date> {
    let (year, month, day) = if text.contains('-') {
        let mut parts = text.split('-');
        let date = (parts.next()?, parts.next()?, parts.next().unwrap_or("1"));
        parts.next().is_none().then_some(date)?
    } else if text.len() == 8 && text.is_ascii() {
        (&text[..4], &text[4..6], &text[6..])
    } else {
        (text, "1", "1")
    };
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let month = Month::try_from(number::<u8>(month)?).ok()?;
    // Python's calendar begins with the year 1.
    let year = number::<u16>(year).filter(|year| *year > 0)?;
    Date::from_calendar_date(i32::from(year), month, number(day)?).ok()
}

fn split_zone(text: &str) -> Option<(&str, UtcOffset)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, UtcOffset::UTC));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, UtcOffset::UTC));
    };
    let digits = text[at + 1..].replace(':', "");
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        4 if digits.is_ascii() => digits.split_at(2),
        _ => return None,
    };
    let sign = if text.as_bytes().get(at) == Some(&b'-') { -1 } else { 1 };
    let offset = UtcOffset::from_hms(sign * number::<i8>(hours)?, sign * number::<i8>(minutes)?, 0).ok()?;
    Some((&text[..at], offset))
}

fn parse_clock(text: &str) -> Option<Time> {
    let (clock, fraction) = match text.find(['.', ',']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let clock = if clock.contains(':') {
        let mut parts = clock.split(':');
        let found = [parts.next()?, parts.next()?, parts.next().unwrap_or("0")];
        parts.next().is_none().then_some(found)?
    } else {
        let pair = |at: usize| clock.get(at..at + 2);
        match clock.len() {
            2 => [pair(0)?, "0", "0"],
            4 => [pair(0)?, pair(2)?, "0"],
            6 => [pair(0)?, pair(2)?, pair(4)?],
            _ => return None,
        }
    };
    if clock.iter().any(|part| part.is_empty() || part.len() > 2) {
        return None;
    }
    let micro = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let kept: String = digits.chars().chain("000000".chars()).take(6).collect();
            number(&kept)?
        }
        Some(_) => return None,
    };
    Time::from_hms_micro(number(clock[0])?, number(clock[1])?, number(clock[2])?, micro).ok()
}

/// Digits only: `parse` alone would take a sign.
fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use time::macros::datetime;

    use super::*;

    #[rstest]
    #[case("2017-04-21", datetime!(2017-04-21 00:00 UTC))]
    #[case("2017-04-21 17:29:55", datetime!(2017-04-21 17:29:55 UTC))]
    #[case("2017-04-21T17:29:55.123456", datetime!(2017-04-21 17:29:55.123456 UTC))]
    #[case("2017-04-21T17:29:55.1234567", datetime!(2017-04-21 17:29:55.123456 UTC))]
    #[case("2017-04-21T17:29:55Z", datetime!(2017-04-21 17:29:55 UTC))]
    #[case("2017-04-21T17:29:55+09:00", datetime!(2017-04-21 08:29:55 UTC))]
    #[case("2017-04-21T17:29:55-0130", datetime!(2017-04-21 18:59:55 UTC))]
    #[case("20170421T172955Z", datetime!(2017-04-21 17:29:55 UTC))]
    #[case("2017-04-21T17:29", datetime!(2017-04-21 17:29 UTC))]
    fn what_clients_send_is_read_as_utc(#[case] text: &str, #[case] meant: OffsetDateTime) {
        assert_eq!(parse(text), Some(meant));
    }

    #[rstest]
    #[case("bogus")]
    #[case("")]
    #[case("2017-13-01")]
    #[case("2017-02-30")]
    #[case("2017-04-21T25:00:00")]
    #[case("2017-04-21T17:29:55+9999")]
    #[case("2017-04-21T17:29:55.")]
    #[case("2017-04-21T1\u{e9}2955")]
    #[case("-017-04-21")]
    #[case("+017-04-21")]
    #[case("0000-01-01")]
    #[case("0001-01-01")]
    #[case("1000-01-01T00:00:00+00:01")]
    #[case("9999-12-31T23:59:59-23:00")]
    fn nonsense_is_refused(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }
}
