//! The right side of a check: text with `%(key)s`, filled in from the target as Python's `%` operator does it.

use serde_json::Value;

use super::Target;

/// A value that Python could not fill in or show, or not in a way that we could match: the whole decision is "no".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("'{0}' is not a pattern that can be filled in")]
    Pattern(String),
    #[error("a value compared in it is not a plain one")]
    Value,
    #[error("'{0}' looks into a value that holds no keys")]
    NoKeys(String),
    #[error("rules refer to each other in a circle")]
    Circle,
}

/// The text with the target's values; `None` when the target lacks one of them.
pub(super) fn fill(pattern: &str, target: &Target) -> Result<Option<String>, Trouble> {
    let trouble = || Trouble::Pattern(pattern.to_owned());
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(next) = after.strip_prefix('%') {
            out.push('%');
            rest = next;
            continue;
        }
        let (key, next) = key_of(after).ok_or_else(trouble)?;
        let Some(value) = target.get(key) else { return Ok(None) };
        rest = next.strip_prefix('s').ok_or_else(trouble)?;
        out.push_str(&shown(value)?);
    }
    out.push_str(rest);
    Ok(Some(out))
}

/// The key between the parentheses, which may hold balanced ones, and what follows.
fn key_of(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?;
    let mut depth = 1;
    for (at, c) in inner.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&inner[..at], &inner[at + 1..]));
        }
    }
    None
}

/// As Python's `str()` shows it.
pub(super) fn shown(value: &Value) -> Result<String, Trouble> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        Value::Null => Ok("None".to_owned()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(Trouble::Value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(pattern: &str) -> Result<Option<String>, Trouble> {
        let target = json!({"a": "x", "flag": true, "none": null, "n": 3, "a(b)": "y", "list": []});
        fill(pattern, target.as_object().unwrap())
    }

    #[test]
    fn patterns_are_filled_as_python_does() {
        assert_eq!(
            filled("%(a)s-%(flag)s-%(none)s-%(n)s-%%").unwrap().unwrap(),
            "x-True-None-3-%"
        );
        assert_eq!(filled("%(a(b))s").unwrap().unwrap(), "y");
        assert_eq!(filled("%(missing)s").unwrap(), None);
        // Python looks the key up before it reads the rest.
        assert_eq!(filled("%(missing)d %").unwrap(), None);
        for bad in ["%", "%s", "%(a", "%(a)", "%(a)d"] {
            assert!(matches!(filled(bad), Err(Trouble::Pattern(_))), "{bad}");
        }
        assert_eq!(filled("%(list)s"), Err(Trouble::Value));
    }
}
