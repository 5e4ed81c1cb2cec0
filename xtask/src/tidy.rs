//! The rules of the house that no lint knows: size and head of modules, names, arrows between crates; and that the
//! documents name what exists (`named`).

use std::path::{Path, PathBuf};

const LINES_MAX: usize = 600;
const NAMELESS: [&str; 8] = [
    "utils", "util", "helpers", "helper", "common", "misc", "manager", "stuff",
];
/// Which crates a crate may name, dev-dependencies included.
const ARROWS: &[(&str, &[&str])] = &[
    ("themis-core", &[]),
    ("themis-config", &[]),
    ("themis-service", &["themis-config"]),
    ("themis-openstack", &["themis-core", "themis-config"]),
    ("themis-messaging", &["themis-core", "themis-config"]),
    ("themis-fencing", &["themis-core", "themis-config"]),
    ("db", &["themis-core", "themis-config"]),
    ("themis-engine/decision", &["themis-core"]),
];
/// Programs: nothing but the simulator and the chores may name them.
const PROGRAMS: [&str; 4] = ["themis-api", "themis-engine", "themis-hostmonitor", "themis-cli"];

/// All complaints about the tree at `root`.
pub(crate) fn tidy(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut names = Vec::new();
    for file in rust_files(root)? {
        let text = std::fs::read_to_string(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        complaints.extend(module(&name, &text));
        names.push(name);
    }
    complaints.extend(crate::named::complaints(root, &names)?);
    for manifest in manifests(root) {
        let text = std::fs::read_to_string(root.join(&manifest).join("Cargo.toml"))?;
        complaints.extend(arrows(&manifest, &text));
    }
    Ok(complaints)
}

fn module(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        complaints.push(format!("{name}: {lines} lines; split it along a noun"));
    }
    if !text.starts_with("//!") {
        complaints.push(format!("{name}: begins with no //! head"));
    }
    let stem = Path::new(name).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if NAMELESS.contains(&stem) {
        complaints.push(format!("{name}: the name says nothing"));
    }
    complaints
}

fn arrows(manifest: &str, text: &str) -> Vec<String> {
    let named: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|word| word.starts_with("themis-"))
        .collect();
    if let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == manifest) {
        let own = format!("themis-{manifest}");
        return named
            .iter()
            .filter(|word| !allowed.contains(word) && **word != manifest && **word != own)
            .map(|word| format!("{manifest}/Cargo.toml: may not depend on {word}"))
            .collect();
    }
    let may_name_programs = matches!(manifest, "xtask" | "themis-engine/sim");
    named
        .iter()
        .filter(|word| PROGRAMS.contains(word) && **word != manifest && !may_name_programs)
        .map(|word| format!("{manifest}/Cargo.toml: may not depend on the program {word}"))
        .collect()
}

/// Folders with a manifest, from the workspace's members.
pub(crate) fn manifests(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let members = text
        .split("members = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .unwrap_or_default();
    members
        .split(',')
        .map(|m| m.trim().trim_matches('"').to_owned())
        .filter(|m| !m.is_empty())
        .collect()
}

fn rust_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
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
    fn what_breaks_the_rules_is_named() {
        assert_eq!(
            module("a/utils.rs", "//! head\n"),
            ["a/utils.rs: the name says nothing"]
        );
        assert_eq!(module("a/b.rs", "use x;\n"), ["a/b.rs: begins with no //! head"]);
        assert!(module("a/b.rs", &"//! x\n".repeat(601))[0].contains("601 lines"));
        let manifest = "[dependencies]\nthemis-db.workspace = true\n";
        assert_eq!(
            arrows("themis-core", manifest),
            ["themis-core/Cargo.toml: may not depend on themis-db"]
        );
        assert!(arrows("themis-api", manifest).is_empty());
        assert_eq!(arrows("themis-api", "themis-engine.workspace = true\n").len(), 1);
    }
}
