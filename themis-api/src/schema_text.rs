//! The kinds of text that Masakari's bodies have: names, descriptions, host types, words of a list. Each rule takes
//! the text and returns what is wrong with it.

use serde_json::Value;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::shown::repr;

/// What a TEXT column holds. Upstream answers 500 to more.
const TEXT_BYTES_MAX: usize = 65_535;

/// Length in characters.
///
/// # Errors
/// Too short or too long.
pub fn length(text: &str, min: usize, max: usize) -> Result<(), String> {
    let count = text.chars().count();
    let shown = repr(&Value::String(text.to_owned()));
    if count > max {
        Err(format!("{shown} is too long: at most {max} characters"))
    } else if count < min {
        Err(format!("{shown} is too short: at least {min} characters"))
    } else {
        Ok(())
    }
}

/// A name: 1 to 255 printable characters of the basic plane, no space at either end.
///
/// # Errors
/// What a name must be.
pub fn name(text: &str) -> Result<(), String> {
    length(text, 1, 255)?;
    let printable = |c: char| is_basic(c) && (c.general_category() == GeneralCategory::SpaceSeparator || is_visible(c));
    let space = |c: char| c.general_category() == GeneralCategory::SpaceSeparator;
    if text.chars().all(printable) && !text.starts_with(space) && !text.ends_with(space) {
        Ok(())
    } else {
        Err(
            "An invalid 'name' value was provided. The name must be: printable characters. Can not start or end with \
             whitespace."
                .to_owned(),
        )
    }
}

/// A description: printable characters of the basic plane, spaces and line ends.
///
/// # Errors
/// What a description must be.
pub fn description(text: &str) -> Result<(), String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("the text is too long: at most {TEXT_BYTES_MAX} bytes"));
    }
    let printable = |c: char| c.general_category() == GeneralCategory::SpaceSeparator || is_visible(c);
    if text.chars().all(|c| c == '\n' || is_basic(c) && printable(c)) {
        Ok(())
    } else {
        Err("the text may hold printable characters of the basic plane and line ends only".to_owned())
    }
}

/// A host's type: letters and digits, at most 255, possibly none.
///
/// # Errors
/// Shows the pattern.
pub fn host_type(text: &str) -> Result<(), String> {
    length(text, 0, 255)?;
    pattern(text, "^[a-zA-Z0-9]*$", |c| c.is_ascii_alphanumeric())
}

/// A host name in a notification.
///
/// # Errors
/// Shows the pattern.
pub fn host_name(text: &str) -> Result<(), String> {
    length(text, 1, 255)?;
    pattern(text, "^[a-zA-Z0-9-._]*$", |c| {
        c.is_ascii_alphanumeric() || "-._".contains(c)
    })
}

/// A key of a notification's payload.
#[must_use]
pub fn is_payload_key(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_:. ".contains(c))
}

/// One of `words`, exactly.
///
/// # Errors
/// Lists the words.
pub fn one_of(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) {
        return Ok(());
    }
    let list = words
        .iter()
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(", ");
    Err(format!(
        "{} is not one of [{list}]",
        repr(&Value::String(text.to_owned()))
    ))
}

/// 32 hexadecimal digits in either case, with dashes anywhere or none, also in braces or as a URN: what Python takes.
///
/// # Errors
/// The text is none.
pub fn uuid(text: &str) -> Result<(), String> {
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let digits = bare.trim_matches(['{', '}']).replace('-', "");
    if digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(format!("{} is not a 'uuid'", repr(&Value::String(text.to_owned()))))
    }
}

fn pattern(text: &str, shown: &str, allowed: impl Fn(char) -> bool) -> Result<(), String> {
    if text.chars().all(allowed) {
        Ok(())
    } else {
        Err(format!(
            "{} does not match '{shown}'",
            repr(&Value::String(text.to_owned()))
        ))
    }
}

/// Of the basic plane: beyond it are, among others, emoji, which a column in `utf8mb3` cannot hold.
fn is_basic(c: char) -> bool {
    u32::from(c) <= 0xFFFF
}

/// Neither of category C (control, format, surrogate, private, unassigned) nor a separator.
fn is_visible(c: char) -> bool {
    !matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("seg1", true)]
    #[case("Stra\u{df}e 7", true)]
    #[case("a\u{a0}b", true)]
    #[case("", false)]
    #[case(" a", false)]
    #[case("a\u{a0}", false)]
    #[case("a\tb", false)]
    #[case("a\u{200b}b", false)]
    #[case("a\u{2028}b", false)]
    #[case("\u{1f600}", false)]
    fn names_are_printable_and_without_spaces_at_their_ends(#[case] text: &str, #[case] good: bool) {
        assert_eq!(name(text).is_ok(), good);
    }

    #[test]
    fn a_name_has_at_most_255_characters_not_bytes() {
        assert!(name(&"\u{e9}".repeat(255)).is_ok());
        assert!(name(&"e".repeat(256)).is_err());
    }

    #[test]
    fn a_description_may_have_lines_but_neither_emoji_nor_control_characters_and_fits_its_column() {
        assert!(description("one\ntwo \u{e9}").is_ok());
        assert!(description("\u{1f600}").is_err());
        assert!(description("one\ttwo").is_err());
        assert!(description(&"x".repeat(70_000)).is_err());
    }

    #[test]
    fn an_underscore_in_a_host_type_is_refused_with_the_pattern() {
        assert_eq!(
            host_type("COMPUTE_HOST").unwrap_err(),
            "'COMPUTE_HOST' does not match '^[a-zA-Z0-9]*$'"
        );
        assert!(host_type("").is_ok());
    }
}
