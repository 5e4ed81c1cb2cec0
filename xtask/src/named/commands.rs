//! Command lines of our own programs, checked against what clap knows of them.

use clap::{Arg, Command, CommandFactory};

/// All programs.
pub(crate) struct Commands(Vec<Command>);

/// Words after which another command begins.
const STARTS: [&str; 7] = ["&&", "||", "|", ";", "$", "sudo", "if"];

impl Commands {
    /// Those that operators type.
    pub(crate) fn all() -> Self {
        let mut all = vec![
            themis_cli::themis::Command::command(),
            themis_cli::manage::Command::command(),
            themis_cli::status::Command::command(),
            themis_api::options::Options::command(),
            themis_engine::options::Options::command(),
            themis_hostmonitor::options::Options::command(),
        ];
        all.iter_mut().for_each(Command::build);
        Self(all)
    }

    /// What is wrong with the command lines among the words of one line.
    pub(crate) fn complaints(&self, words: &[&str]) -> Vec<String> {
        self.0
            .iter()
            .flat_map(|program| {
                let starts = words
                    .iter()
                    .enumerate()
                    .filter(|(at, word)| begins(words, *at, word, program.get_name()));
                starts.filter_map(|(at, _)| wrong(program, &line(&words[at + 1..])))
            })
            .collect()
    }
}

/// The words of a command called `name` that stands in a line, up to the next command or comment.
pub(crate) fn after<'a>(words: &'a [&'a str], name: &str) -> impl Iterator<Item = &'a str> {
    let at = words
        .iter()
        .enumerate()
        .find(|(at, word)| begins(words, *at, word, name))
        .map(|(at, _)| at + 1);
    line(&words[at.unwrap_or(words.len())..]).into_iter()
}

/// Whether the word is the program, and not for instance the user of that name.
fn begins(words: &[&str], at: usize, word: &str, name: &str) -> bool {
    let word = word.trim_start_matches("<(").trim_start_matches("$(");
    let program = word.rsplit('/').next() == Some(name) && !word.starts_with("/etc") && !word.contains('=');
    let first =
        at == 0 || STARTS.contains(&words[at - 1]) || words[at - 1].ends_with(';') || words[at - 1].contains("<(");
    program && (first || name.contains('-'))
}

fn line<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let end = |word: &&&str| !(STARTS.contains(*word) || word.starts_with('#') || word.starts_with('>'));
    words
        .iter()
        .take_while(end)
        .map(|word| word.trim_end_matches([')', ';', ',', '\'']))
        .collect()
}

fn wrong(program: &Command, words: &[&str]) -> Option<String> {
    let mut command = program;
    let mut name = program.get_name().to_owned();
    let mut skip = false;
    for word in words {
        if std::mem::take(&mut skip) {
            continue;
        }
        let word = word.trim_matches(['[', ']', '.']);
        if word.starts_with("--") {
            let option = word.split('=').next().unwrap_or(word);
            let Some(known) = command.get_arguments().find(|argument| is_called(argument, option)) else {
                return Some(format!("'{name}' has no option '{option}'"));
            };
            skip = !word.contains('=') && known.get_action().takes_values();
        } else if command.has_subcommands() && !word.starts_with('-') && is_word(word) {
            let unknown = word.split('|').find(|part| command.find_subcommand(part).is_none());
            if let Some(unknown) = unknown {
                return Some(format!("'{name}' has no command '{unknown}'"));
            }
            command = command.find_subcommand(word.split('|').next()?)?;
            name = format!("{name} {}", command.get_name());
        }
    }
    None
}

fn is_called(argument: &Arg, option: &str) -> bool {
    let name = option.trim_start_matches('-');
    argument.get_long() == Some(name) || argument.get_all_aliases().unwrap_or_default().contains(&name)
}

/// Not a placeholder.
fn is_word(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || b"-|".contains(&byte))
}
