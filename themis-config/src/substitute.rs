//! `$option` and `${section.option}` within a value, as oslo.config fills them in; `$$` is a dollar sign, and so is `\$`.
//!
//! A name without a section is looked for in the value's own section, then in `[DEFAULT]`. A name that is not set is a
//! mistake here as it is there: half a path or half a password would be worse.

/// Longer chains are circles.
const DEPTH_LIMIT: usize = 16;

/// What is written for an option of a section: `(section, option)`.
pub(crate) type Look<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// The value with everything filled in.
///
/// # Errors
/// What is wrong with it, and what to write instead. The value itself is not shown: it may be a password.
pub(crate) fn fill(text: &str, section: &str, look: Look<'_>) -> Result<String, String> {
    fill_at(text, section, look, 0)
}

fn fill_at(text: &str, section: &str, look: Look<'_>, depth: usize) -> Result<String, String> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    let text = text.replace("\\$", "$$");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
            continue;
        }
        let Some((name, next)) = reference(after) else {
            out.push('$');
            rest = after;
            continue;
        };
        rest = next;
        if depth == DEPTH_LIMIT {
            return Err(format!("${name} refers to itself"));
        }
        let (of, value) = found(name, section, look)
            .ok_or_else(|| format!("${name} names an option that is not set; for a dollar sign write $$"))?;
        out.push_str(&fill_at(&value, &of, look, depth + 1)?);
    }
    out.push_str(rest);
    Ok(out)
}

/// The option's section and text.
fn found(name: &str, section: &str, look: Look<'_>) -> Option<(String, String)> {
    let name = name.to_ascii_lowercase();
    let (of, option) = name.split_once('.').unwrap_or((section, &name));
    let places = [(of, option), ("default", option)];
    let places = if name.contains('.') { &places[..1] } else { &places[..] };
    places
        .iter()
        .find_map(|(section, option)| Some(((*section).to_owned(), look(section, option)?)))
}

/// The name behind a dollar sign, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let body = braced.unwrap_or(text);
    let first = body.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = body
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(body.len());
    let (name, next) = body.split_at(end);
    match (first, braced) {
        (false, _) => None,
        (true, None) => Some((name, next)),
        (true, Some(_)) => Some((name, next.strip_prefix('}')?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(section: &str, option: &str) -> Option<String> {
        let text = match (section, option) {
            ("default", "b") => "B",
            ("default", "loop") => "x${loop}",
            ("g", "c") => "C $b $d",
            ("g", "d") => "D",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn references_are_filled_in_as_oslo_config_does() {
        let filled = |text: &str, section: &str| fill(text, section, &look);
        assert_eq!(
            filled("x$b y ${b} $$b \\$b $ pa$5 ${g.c}/z", "default").unwrap(),
            "xB y B $b $b $ pa$5 C B D/z"
        );
        assert_eq!(filled("$d$B", "g").unwrap(), "DB");
        assert_eq!(filled("${b", "g").unwrap(), "${b");
    }

    #[test]
    fn what_cannot_be_filled_in_is_told_without_the_value() {
        let error = fill("secret$nope", "g", &look).unwrap_err();
        assert_eq!(
            error,
            "$nope names an option that is not set; for a dollar sign write $$"
        );
        assert_eq!(fill("$loop", "default", &look).unwrap_err(), "$loop refers to itself");
        assert!(fill("$g.nope", "default", &look).is_err() && fill("$x.b", "default", &look).is_err());
    }
}
