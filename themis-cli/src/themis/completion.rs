//! `themis completion SHELL`: the words of the command line for a shell. Asks nobody.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Command;

/// The script that a shell reads.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "themis", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// What bash, having read the script, offers for the last of `words`.
    fn offered(words: &str) -> Vec<String> {
        let asked = format!(
            "{}\nCOMP_WORDS=({words}); [[ '{words}' == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _themis themis \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            script(Shell::Bash)
        );
        let mut bash = Command::new("bash")
            .arg("--norc")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        bash.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn bash_completes_nouns_verbs_and_options() {
        assert_eq!(offered("themis pow"), ["power-device"]);
        assert_eq!(offered("themis host conf"), ["confirm-dead"]);
        assert_eq!(offered("themis host confirm-dead --rea"), ["--reason"]);
        assert!(offered("themis host list --format ").contains(&"json".to_owned()));
    }
}
