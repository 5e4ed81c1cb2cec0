//! Reads the ISO 8601 forms that monitors and clients really send, by the grammar of Python's `iso8601` module, which is
//! upstream's: a date with or without dashes, whose day or month may be left out, optionally `T` or a space and a time with
//! or without colons, optionally a fraction and a zone. A time without a zone is UTC.

use time::macros::datetime;
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// The moments that the database keeps, first and last: the driver sends them as MySQL's TIMESTAMP, of which MariaDB makes
/// NULL outside 1970 to 2038, whatever the column could hold. A duplicate is looked for some minutes before its time.
const KEPT: (OffsetDateTime, OffsetDateTime) = (
    datetime!(1971-01-01 00:00 UTC),
    datetime!(2037-12-31 23:59:59.999_999 UTC),
);

/// The moment that `text` names, in UTC, cut to microseconds; `None` when it names none.
fn parse(text: &str) -> Option<OffsetDateTime> {
    let (year, rest) = digits(text, 4)?;
    let found = match rest.strip_prefix('-') {
        _ if rest.is_empty() => Some((1, Ending::MIDNIGHT)),
        Some(dashed) => one_or_two(dashed, |month, rest| Some((month, ending(rest, true)?))),
        // Six digits could be a year with a month or a date of this century: they are neither.
        None => digits(rest, 2).and_then(|(month, rest)| Some((month, ending(rest, false)?))),
    };
    let (month, ending) = found?;
    let date = date(year, month, ending.day)?;
    let local = PrimitiveDateTime::new(date, ending.clock).assume_utc();
    // Beyond the ends of the calendar there is no result; such a time is refused like any other nonsense.
    local.checked_sub(ending.zone).filter(|utc| utc.year() > 0)
}

/// The moment that `text` names, if the database keeps such a one.
#[must_use]
pub fn parse_kept(text: &str) -> Option<OffsetDateTime> {
    parse(text).filter(|utc| (KEPT.0..=KEPT.1).contains(utc))
}

/// The moment that `text` names, to compare kept ones with: before the first or behind the last of them it is these.
#[must_use]
pub fn parse_bound(text: &str) -> Option<OffsetDateTime> {
    parse(text).map(|utc| utc.clamp(KEPT.0, KEPT.1))
}

/// What may stand behind the month.
struct Ending {
    day: u32,
    clock: Time,
    /// How far the clock is before UTC.
    zone: Duration,
}

impl Ending {
    const MIDNIGHT: Self = Self {
        day: 1,
        clock: Time::MIDNIGHT,
        zone: Duration::ZERO,
    };
}

fn ending(text: &str, day_may_be_absent: bool) -> Option<Ending> {
    let with_clock = |day, rest: &str| {
        let (clock, zone) = match rest.strip_prefix(['T', ' ']) {
            Some(rest) => clock_and_zone(rest)?,
            None => rest.is_empty().then_some((Time::MIDNIGHT, Duration::ZERO))?,
        };
        Some(Ending { day, clock, zone })
    };
    match text.strip_prefix('-') {
        _ if text.is_empty() => day_may_be_absent.then_some(Ending::MIDNIGHT),
        Some(dashed) => one_or_two(dashed, with_clock),
        None => digits(text, 2).and_then(|(day, rest)| with_clock(day, rest)),
    }
}

fn clock_and_zone(text: &str) -> Option<(Time, Duration)> {
    let (hour, rest) = digits(text, 2)?;
    let with_minute = digits(after_colon(rest), 2).and_then(|(minute, rest)| seconds(hour, minute, rest));
    // What looks like minutes is seconds when the rest makes sense only so.
    with_minute.or_else(|| seconds(hour, 0, rest))
}

fn seconds(hour: u32, minute: u32, text: &str) -> Option<(Time, Duration)> {
    let given = one_or_two(after_colon(text), |second, rest| {
        let (micro, rest) = fraction(rest)?;
        Some((second, micro, zone(rest)?))
    });
    let (second, micro, zone) = match given {
        Some(given) => given,
        None => (0, 0, zone(text)?),
    };
    let small = |number: u32| u8::try_from(number).ok();
    let clock = Time::from_hms_micro(small(hour)?, small(minute)?, small(second)?, micro).ok()?;
    Some((clock, zone))
}

/// Microseconds; more digits are cut off.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else {
        return Some((0, text));
    };
    let end = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let (given, rest) = rest.split_at(end);
    let kept: String = given.chars().chain("000000".chars()).take(6).collect();
    Some((kept.parse().ok().filter(|_| !given.is_empty())?, rest))
}

fn zone(text: &str) -> Option<Duration> {
    if matches!(text, "" | "Z") {
        return Some(Duration::ZERO);
    }
    let is_west = text.starts_with('-');
    let (hours, rest) = digits(text.strip_prefix(['+', '-'])?, 2)?;
    let minutes = match after_colon(rest) {
        "" => 0,
        rest => digits(rest, 2).filter(|(_, rest)| rest.is_empty())?.0,
    };
    let east = Duration::minutes(i64::from(hours * 60 + minutes));
    (east < Duration::DAY).then_some(if is_west { -east } else { east })
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    // Python's calendar begins with the year 1.
    let year = i32::try_from(year).ok().filter(|year| *year > 0)?;
    Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()
}

fn after_colon(text: &str) -> &str {
    text.strip_prefix(':').unwrap_or(text)
}

/// Exactly `count` digits at the beginning, and what follows.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (given, rest) = text.split_at_checked(count)?;
    let are_digits = given.bytes().all(|b| b.is_ascii_digit());
    are_digits.then_some((given.parse().ok()?, rest))
}

/// Two digits, or one when the rest makes sense only so.
fn one_or_two<'t, T>(text: &'t str, then: impl Fn(u32, &'t str) -> Option<T>) -> Option<T> {
    let of = |count| digits(text, count).and_then(|(number, rest)| then(number, rest));
    of(2).or_else(|| of(1))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

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
    #[case("2017", datetime!(2017-01-01 00:00 UTC))]
    #[case("2017-4", datetime!(2017-04-01 00:00 UTC))]
    #[case("2017-4-1", datetime!(2017-04-01 00:00 UTC))]
    #[case("2017-111", datetime!(2017-01-11 00:00 UTC))]
    #[case("2017-0421", datetime!(2017-04-21 00:00 UTC))]
    #[case("2017-04-21T17", datetime!(2017-04-21 17:00 UTC))]
    #[case("2017-04-21T17:29.5", datetime!(2017-04-21 17:00:29.5 UTC))]
    #[case("2017-04-21T17:29:55,5-23:59", datetime!(2017-04-22 17:28:55.5 UTC))]
    #[case("2017-04-21T17:29:55+00:60", datetime!(2017-04-21 16:29:55 UTC))]
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
    #[case("2017-04-21T17:29:55z")]
    #[case("2017-04-21T17:29:55 +09:00")]
    #[case("2017-04-21T17:29:55+24:00")]
    #[case("2017-04-21T17:29:60")]
    #[case("2017-04-21T")]
    #[case("201704")]
    #[case("\u{662}017-04-21")]
    #[case("2017-04-21T1\u{e9}2955")]
    #[case("-017-04-21")]
    #[case("+017-04-21")]
    #[case("0000-01-01")]
    #[case("0001-01-01T00:00:00+00:01")]
    #[case("9999-12-31T23:59:59-23:00")]
    fn nonsense_is_refused(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    #[rstest]
    #[case("0001-01-01", KEPT.0)]
    #[case("1971-01-01T00:00:00+00:01", KEPT.0)]
    #[case("2037-12-31T23:59:59-00:01", KEPT.1)]
    #[case("2100-01-01", KEPT.1)]
    fn what_no_row_can_have_is_refused_of_a_row_and_a_bound_of_all_rows(
        #[case] text: &str,
        #[case] bound: OffsetDateTime,
    ) {
        assert_eq!((parse_kept(text), parse_bound(text)), (None, Some(bound)));
    }

    #[test]
    fn what_rows_can_have_is_taken_as_it_is() {
        for moment in [KEPT.0, datetime!(2026-11-20 08:30 UTC), KEPT.1] {
            let text = moment.format(&time::format_description::well_known::Rfc3339).unwrap();
            assert_eq!((parse_kept(&text), parse_bound(&text)), (Some(moment), Some(moment)));
        }
    }
}
