//! Colours, only where a person looks: standard output is a terminal and `NO_COLOR` is not set.

use std::io::IsTerminal;

/// A meaning, not a wavelength.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Danger, failure, power off.
    Bad,
    /// Done, healthy.
    Good,
    /// In doubt, held.
    Doubt,
    /// Under way.
    Busy,
    /// Of less interest.
    Faint,
    /// A heading.
    Strong,
}

/// Whether to paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Off for files, pipes and those who said so.
    pub on: bool,
}

impl Paint {
    /// As standard output and the environment have it.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self {
            on: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// The text in its colour.
    #[must_use]
    pub fn text(self, colour: Colour, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Bad => "31",
            Colour::Good => "32",
            Colour::Doubt => "33",
            Colour::Busy => "36",
            Colour::Faint => "2",
            Colour::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
