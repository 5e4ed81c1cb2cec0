//! The text of one file, read as oslo.config reads it.
//!
//! `key = value` or `key: value`; `#` and `;` begin a comment at a line's beginning only; an indented line continues the
//! value above it, which then holds a line break; one pair of quotes round a value's first line is taken off; an option
//! that is written again is kept beside the first. Names are compared without regard to case, a dash is an underscore.
//! What `$option` stands for is the matter of [`crate::source`].

use std::collections::BTreeMap;

use crate::ConfigError;

/// By section and option: the values in the order in which they are written.
pub(crate) type Sections = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The option that is being read.
struct Open {
    key: String,
    lines: Vec<String>,
}

pub(crate) fn parse(file: &str, text: &str) -> Result<Sections, ConfigError> {
    let mut sections = Sections::new();
    let mut section: Option<String> = None;
    let mut open: Option<Open> = None;
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| ConfigError::Syntax {
            file: file.to_owned(),
            line: number + 1,
            what: what.to_owned(),
        };
        let line = line.trim_end();
        if !line.is_empty() && line.starts_with([' ', '\t']) {
            let Some(open) = &mut open else {
                return Err(wrong(
                    "an indented line continues the option above it, and there is none",
                ));
            };
            open.lines.push(line.trim_start().to_owned());
            continue;
        }
        close(&mut sections, section.as_ref(), open.take());
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest
                .strip_suffix(']')
                .ok_or_else(|| wrong("a section's name must end with ]"))?;
            if name.trim().is_empty() {
                return Err(wrong("a section without a name"));
            }
            let name = name.trim().to_ascii_lowercase();
            sections.entry(name.clone()).or_default();
            section = Some(name);
            continue;
        }
        let (key, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| wrong("no = behind the option's name"))?;
        if key.trim().is_empty() {
            return Err(wrong("no name before the ="));
        }
        if section.is_none() {
            return Err(wrong("an option before the first section; write [DEFAULT] above it"));
        }
        open = Some(Open {
            key: key.trim().replace('-', "_").to_ascii_lowercase(),
            lines: vec![unquoted(value.trim()).to_owned()],
        });
    }
    close(&mut sections, section.as_ref(), open);
    Ok(sections)
}

fn close(sections: &mut Sections, section: Option<&String>, open: Option<Open>) {
    let (Some(section), Some(Open { key, lines })) = (section, open) else {
        return;
    };
    let options = sections.entry(section.clone()).or_default();
    options.entry(key).or_default().push(lines.join("\n"));
}

fn unquoted(text: &str) -> &str {
    let quote = ['"', '\''].into_iter().find(|quote| text.starts_with(*quote));
    match quote.and_then(|quote| text.strip_suffix(quote)) {
        Some(rest) => rest.get(1..).unwrap_or_default(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("a = 1\n", "line 1: an option before the first section; write [DEFAULT] above it")]
    #[case(
        "[x]\n\n  b\n",
        "line 3: an indented line continues the option above it, and there is none"
    )]
    #[case("[x\n", "line 1: a section's name must end with ]")]
    #[case("[x] # y\n", "line 1: a section's name must end with ]")]
    #[case("[]\n", "line 1: a section without a name")]
    #[case("[x]\nword\n", "line 2: no = behind the option's name")]
    #[case("[x]\n= 1\n", "line 2: no name before the =")]
    fn a_mistake_is_told_with_its_line(#[case] text: &str, #[case] message: &str) {
        assert_eq!(
            parse("t.conf", text).unwrap_err().to_string(),
            format!("t.conf, {message}")
        );
    }
}
