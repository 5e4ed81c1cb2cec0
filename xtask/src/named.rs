//! What the documents name must exist: files, make targets, commands and their options, options of the configuration,
//! metrics. A document that promises what is not there costs an operator his night.
//!
//! Only code is read (between backticks and in fenced blocks), and links. What words mean is not checked here.

mod commands;
mod spans;

use std::collections::BTreeSet;
use std::path::Path;

use themis_config::KnownSection;

use commands::Commands;
use spans::{Span, spans};

/// Everything that documents may name.
pub(crate) struct World {
    commands: Commands,
    /// Targets of the Makefile.
    targets: BTreeSet<String>,
    /// Paths of all files, from the repository.
    files: Vec<String>,
    /// Folders that programs make, from `.gitignore`: a fresh clone lacks them, and documents may name them.
    made: Vec<String>,
    /// Text of all Rust sources: where metrics and functions are looked for.
    sources: String,
    options: Vec<KnownSection>,
}

/// All complaints about the documents at `root`.
pub(crate) fn complaints(root: &Path, rust_files: &[String]) -> anyhow::Result<Vec<String>> {
    let world = World::of(root, rust_files)?;
    let mut complaints = Vec::new();
    for file in world.files.iter().filter(|file| is_document(file)) {
        let text = std::fs::read_to_string(root.join(file))?;
        complaints.extend(world.document(root, file, &text));
    }
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let forgotten = crate::tidy::manifests(root)
        .into_iter()
        .filter(|member| !map.contains(member.as_str()));
    complaints.extend(forgotten.map(|member| format!("ARCHITECTURE.md: does not name {member}")));
    Ok(complaints)
}

fn is_document(file: &str) -> bool {
    let kept = ["README.md", "ARCHITECTURE.md", "lab/README.md", "bench/README.md"];
    kept.contains(&file) || (file.starts_with("docs/") && file.ends_with(".md"))
}

impl World {
    fn of(root: &Path, rust_files: &[String]) -> anyhow::Result<Self> {
        let makefile = std::fs::read_to_string(root.join("Makefile"))?;
        let made = made(&std::fs::read_to_string(root.join(".gitignore"))?);
        let mut sources = String::new();
        for file in rust_files {
            sources.push_str(&std::fs::read_to_string(root.join(file))?);
        }
        Ok(Self {
            commands: Commands::all(),
            targets: targets(&makefile),
            files: files(root, &made)?,
            made,
            sources,
            options: crate::sample::known(),
        })
    }

    fn document(&self, root: &Path, file: &str, text: &str) -> Vec<String> {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let mut complaints = Vec::new();
        let mut section = String::new();
        for Span { line, text, fenced } in spans(text) {
            let words: Vec<&str> = text.split_whitespace().collect();
            let mut found = self.commands.complaints(&words);
            found.extend(self.make(&words));
            found.extend(self.metrics(&text));
            // That page speaks of Masakari's options too.
            if !file.ends_with("compatibility.md") {
                found.extend(self.option(&text));
            }
            if fenced {
                found.extend(self.setting(&text, &mut section));
            } else {
                section.clear();
                found.extend(self.path(root, &text));
            }
            complaints.extend(found.into_iter().map(|what| format!("{file}:{line}: {what}")));
        }
        for (line, target) in spans::links(text) {
            let target = target.split('#').next().unwrap_or_default();
            let there = target.is_empty() || target.contains("://") || root.join(folder).join(target).exists();
            if !there {
                complaints.push(format!("{file}:{line}: the link leads to no file: {target}"));
            }
        }
        complaints
    }

    fn make(&self, words: &[&str]) -> Vec<String> {
        let wanted = commands::after(words, "make");
        let targets = wanted.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        targets
            .filter(|target| !target.is_empty() && !self.targets.contains(*target))
            .map(|target| format!("the Makefile has no target '{target}'"))
            .collect()
    }

    /// A file by its path, or by the end of one: `host/healthy.rs`. `brakes.rs::unprotected` names a function as well.
    fn path(&self, root: &Path, text: &str) -> Option<String> {
        let (path, item) = text.split_once("::").unwrap_or((text, ""));
        let is_path = path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        let top = path.split('/').next().unwrap_or_default();
        let file = [".rs", ".md", ".sample", ".service", ".sql"]
            .iter()
            .any(|end| path.ends_with(end));
        let folder = path.contains('/') && !path.starts_with('/') && root.join(top).is_dir() && !top.is_empty();
        if !is_path || !(file || folder) || path.starts_with('/') {
            return None;
        }
        let (end, below) = (format!("/{path}"), format!("{}/", path.trim_end_matches('/')));
        let known = self.made.iter().any(|made| below.starts_with(made.as_str()))
            || self
                .files
                .iter()
                .any(|known| known == path || known.starts_with(&below) || known.ends_with(&end));
        if !known {
            return Some(format!("no file '{path}'"));
        }
        let named = item.is_empty() || self.sources.contains(&format!("fn {item}"));
        (!named).then(|| format!("no function '{item}'"))
    }

    fn metrics(&self, text: &str) -> Vec<String> {
        let words =
            text.split(|letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'));
        words
            .filter(|word| word.starts_with("themis_") && word.matches('_').count() > 2)
            .filter(|name| !self.sources.contains(&format!("\"{name}\"")))
            .map(|name| format!("no metric '{name}'"))
            .collect()
    }

    /// `[api] listen` and `[api] listen = 0.0.0.0`, anywhere in a span; `[brakes]` alone.
    fn option(&self, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        for (at, _) in text.match_indices('[') {
            let Some((section, rest)) = text[at + 1..].split_once(']') else {
                continue;
            };
            let name = section
                .chars()
                .all(|letter| letter.is_ascii_alphabetic() || letter == '_' || letter == ':');
            let at_word = at == 0 || text[..at].ends_with([' ', '(']);
            if !name || !at_word || !self.knows_section(section) {
                continue;
            }
            let rest = rest.strip_prefix(' ').unwrap_or_default();
            let (key, after) = rest.split_at(rest.find(|letter: char| !is_key(letter)).unwrap_or(rest.len()));
            // Not the word of a sentence that goes on.
            if after.is_empty() || after.starts_with([',', ')', '.', ';']) || after.starts_with(" =") {
                complaints.extend(self.key(section, key));
            }
        }
        complaints
    }

    /// A line of a configuration file in a fenced block.
    fn setting(&self, line: &str, section: &mut String) -> Option<String> {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(section);
            let ours = self.knows_section(name) || !name.contains(char::is_lowercase);
            return (!ours).then(|| format!("no section [{name}]"));
        }
        let (key, _) = line.split_once(" = ")?;
        self.knows_section(section)
            .then(|| self.key(section, key.trim_start_matches('#')))?
    }

    fn key(&self, section: &str, key: &str) -> Option<String> {
        let word = !key.is_empty() && key.chars().all(is_key);
        let section = section.to_ascii_lowercase();
        let mut parts = self.options.iter().filter(|known| covers(known, &section));
        let known = parts.any(|known| known.options().iter().any(|option| option.name == key));
        // Names that only OpenStack's libraries read are spoken of too.
        let known = known || themis_config::oslo::knows(&section, key);
        (word && !known).then(|| format!("no option '{key}' in [{section}]"))
    }

    fn knows_section(&self, section: &str) -> bool {
        let section = section.to_ascii_lowercase();
        self.options.iter().any(|known| covers(known, &section))
    }
}

fn is_key(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter == '_'
}

fn covers(known: &KnownSection, section: &str) -> bool {
    known.name() == section || (known.name().ends_with(':') && section.starts_with(known.name()))
}

fn targets(makefile: &str) -> BTreeSet<String> {
    let rule = |line: &str| line.split_once(':').map(|(name, _)| name.to_owned());
    let named = |name: &String| !name.is_empty() && !name.contains([' ', '\t', '.', '=']);
    makefile.lines().filter_map(rule).filter(named).collect()
}

/// Folders that `.gitignore` names, as `lab/out/`.
fn made(ignored: &str) -> Vec<String> {
    let folders = ignored.lines().filter(|line| line.ends_with('/'));
    folders.map(|line| line.trim_start_matches('/').to_owned()).collect()
}

/// Whatever is not made.
fn files(root: &Path, made: &[String]) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.is_dir() {
                let folder = format!("{}/", path.strip_prefix(root)?.display());
                if name != ".git" && !made.contains(&folder) {
                    folders.push(path);
                }
            } else if path.is_file() {
                files.push(path.strip_prefix(root)?.display().to_string());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_is_named_with_its_line() {
        let root = crate::root();
        let world = World::of(&root, &["xtask/src/named.rs".to_owned()]).unwrap();
        let complaints = |text: &str| world.document(&root, "docs/x.md", text);
        for (text, wanted) in [
            ("`make nothing`", "docs/x.md:1: the Makefile has no target 'nothing'"),
            (
                "\n`themis host lits`",
                "docs/x.md:2: 'themis host' has no command 'lits'",
            ),
            (
                "`themis host list --fast`",
                "docs/x.md:1: 'themis host list' has no option '--fast'",
            ),
            (
                "`themis-manage db sync|vresion`",
                "docs/x.md:1: 'themis-manage db' has no command 'vresion'",
            ),
            ("`[api] lissten = 1`", "docs/x.md:1: no option 'lissten' in [api]"),
            (
                "```ini\n[engine]\nlease_tll = 3\n```",
                "docs/x.md:3: no option 'lease_tll' in [engine]",
            ),
            ("`engine/nowhere.rs`", "docs/x.md:1: no file 'engine/nowhere.rs'"),
            ("`named.rs::nobody`", "docs/x.md:1: no function 'nobody'"),
            (
                "`themis_bus_nothing_total`",
                "docs/x.md:1: no metric 'themis_bus_nothing_total'",
            ),
            (
                "[page](nowhere.md)",
                "docs/x.md:1: the link leads to no file: nowhere.md",
            ),
        ] {
            assert_eq!(complaints(text), [wanted], "{text}");
        }
    }

    #[test]
    fn what_exists_is_let_pass() {
        let root = crate::root();
        let world = World::of(&root, &["xtask/src/named.rs".to_owned()]).unwrap();
        let text = "`make check` `target/release/themis host show compute-1 -f json` `themis incident events --follow`\n\
                    `sudo -u themis themis-manage db purge --max-rows -1 --dry-run` `[api] listen`, `[network:storage] bind`\n\
                    ```\n[api]\nport = 1\nthemis arm && \\\n  themis mode show   # and more\n```\n\
                    `named.rs::covers` `xtask/src` `bench/out` `target/debug/themis-api` `systemctl restart themis-api` [map](../ARCHITECTURE.md#words)";
        assert_eq!(world.document(&root, "docs/x.md", text), Vec::<String>::new());
    }
}
