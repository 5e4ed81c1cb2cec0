//! Prints the sample file from the sections themselves, in the manner of oslo's generator: every option commented
//! with its default, its help above it. A test compares the committed sample with it.

use std::fmt::Write;

use crate::Section;

const WIDTH: usize = 100;

/// The text of one section for the sample. `title` replaces the name for families (`network:storage`).
#[must_use]
pub fn section<S: Section>(title: Option<&str>) -> String {
    let mut out = format!("[{}]\n", title.unwrap_or(S::NAME));
    for key in S::keys() {
        out.push('\n');
        let help = format!("{} ({} value)", key.help.trim(), key.kind);
        for line in wrap(&help) {
            let _ = writeln!(out, "# {line}");
        }
        let default = key.default.as_deref().unwrap_or("<must be given>");
        let _ = writeln!(out, "#{} = {default}", key.name);
    }
    out.replace(" \n", "\n")
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let room = lines.last().is_some_and(|line| line.len() + 1 + word.len() <= WIDTH);
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    crate::section! {
        #[allow(dead_code)]
        struct Engine("engine", strict) {
            /// How long
            /// it lasts.
            lease_ttl: std::time::Duration = "10",
            /// Where.
            url: String,
        }
    }

    #[test]
    fn shows_help_kind_and_default() {
        let text = super::section::<Engine>(None);
        assert_eq!(
            text,
            "[engine]\n\n# How long it lasts. (seconds value)\n#lease_ttl = 10\n\n# Where. (string value)\n#url = <must be given>\n"
        );
    }
}
