//! The left side of a generic check. oslo tries it as a Python literal first and as a path into the credentials after;
//! anything that Python could neither read nor look up is refused here.

/// What a left side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A constant, as Python's `str()` shows it.
    Constant(String),
    /// Keys into the credentials.
    Path(Vec<String>),
}

/// Words that Python's parser refuses as names.
const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield", "True", "False", "None",
];

pub(super) fn kind(text: &str) -> Option<Kind> {
    if matches!(text, "True" | "False" | "None") || is_whole_number(text) {
        return Some(Kind::Constant(text.to_owned()));
    }
    if let Some(inner) = unquoted(text) {
        return Some(Kind::Constant(inner.to_owned()));
    }
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    path.iter().all(|key| is_key(key)).then_some(Kind::Path(path))
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // 007 is no number in Python, and -0 shows as 0.
    plain && (text == "0" || !digits.starts_with('0'))
}

fn unquoted(text: &str) -> Option<&str> {
    ['"', '\''].iter().find_map(|quote| {
        let inner = text.strip_prefix(*quote)?.strip_suffix(*quote)?;
        // Escapes and doubled quotes have a meaning of their own in Python.
        (!inner.contains(['\\', '"', '\''])).then_some(inner)
    })
}

/// An identifier, or several joined by dashes (`is-admin`), which Python reads as a difference and oslo as a key.
fn is_key(text: &str) -> bool {
    text.split('-').all(|part| {
        let mut letters = part.bytes();
        letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !KEYWORDS.contains(&part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_paths_are_told_apart() {
        assert_eq!(kind("'Member'"), Some(Kind::Constant("Member".to_owned())));
        assert_eq!(kind("True"), Some(Kind::Constant("True".to_owned())));
        assert_eq!(kind("-12"), Some(Kind::Constant("-12".to_owned())));
        assert_eq!(
            kind("user.domain_id"),
            Some(Kind::Path(vec!["user".to_owned(), "domain_id".to_owned()]))
        );
        for neither in ["", "007", "1.5", "a..b", "class", "x-", "'a\\'", "[1]", "a b"] {
            assert_eq!(kind(neither), None, "{neither}");
        }
    }
}
