//! Repository chores: `cargo xtask tidy` (the rules of the house that no lint knows), `cargo xtask sample-config`,
//! `cargo xtask man` (the pages of the manual).

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people at a terminal"
)]

mod man;
mod named;
mod sample;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "cargo xtask tidy | sample-config [--write] | man --write";

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => {
            let complaints = tidy::tidy(&root())?;
            for complaint in &complaints {
                eprintln!("{complaint}");
            }
            println!("tidy: {} complaints", complaints.len());
            Ok(if complaints.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        ["sample-config"] => {
            print!("{}", sample::text());
            Ok(ExitCode::SUCCESS)
        }
        ["sample-config", "--write"] => {
            std::fs::write(root().join(sample::FILE), sample::text())?;
            std::fs::write(root().join(sample::POLICY_FILE), sample::policy())?;
            Ok(ExitCode::SUCCESS)
        }
        ["man", "--write"] => {
            man::write(&root())?;
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        assert_eq!(tidy::tidy(&root()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_committed_sample_is_what_the_code_says() {
        let committed = std::fs::read_to_string(root().join(sample::FILE)).unwrap();
        assert!(committed == sample::text(), "run: cargo xtask sample-config --write");
        let committed = std::fs::read_to_string(root().join(sample::POLICY_FILE)).unwrap();
        assert!(committed == sample::policy(), "run: cargo xtask sample-config --write");
    }
}
