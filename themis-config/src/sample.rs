//! Prints the sample file from the sections themselves, in the manner of oslo's generator: every option commented
//! with its default, its help above it. A test compares the committed sample with it.

use std::fmt::Write;

use crate::KnownSection;

const WIDTH: usize = 100;
/// The member of each family that the sample shows.
const FAMILIES: [(&str, &str); 1] = [("network:", "network:storage")];

/// The text of all sections that are known, each once: several programs read some of them, and one section may be
/// declared in parts. In the order in which they are named first.
#[must_use]
pub fn text(known: &[KnownSection]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for section in known {
        if !names.contains(&section.name()) {
            names.push(section.name());
        }
    }
    let sections: Vec<String> = names.into_iter().map(|name| one(name, known)).collect();
    sections.join("\n")
}

fn one(name: &str, known: &[KnownSection]) -> String {
    let member = FAMILIES.iter().find(|(family, _)| *family == name);
    let title = member.map_or(if name == "default" { "DEFAULT" } else { name }, |(_, member)| member);
    let mut out = format!("[{title}]\n");
    let mut told: Vec<&str> = Vec::new();
    let parts = known.iter().filter(|section| section.name() == name);
    for key in parts.flat_map(KnownSection::options) {
        if told.contains(&key.name) {
            continue;
        }
        told.push(key.name);
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
    use crate::KnownSection;

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

    crate::section! {
        #[allow(dead_code)]
        struct More("engine", strict) {
            /// Where.
            url: String,
            /// Its name.
            name: Option<String>,
        }
    }

    #[test]
    fn shows_help_kind_and_default_of_every_option_once() {
        let known = [KnownSection::of::<Engine>(), KnownSection::of::<More>()];
        assert_eq!(
            super::text(&known),
            "[engine]\n\n# How long it lasts. (seconds value)\n#lease_ttl = 10\n\n# Where. (string value)\n\
             #url = <must be given>\n\n# Its name. (string value)\n#name =\n"
        );
    }
}
