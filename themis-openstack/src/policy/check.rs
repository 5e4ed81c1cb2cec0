//! The parts of a rule.

/// A condition on caller and target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// `@` or an empty rule.
    Always,
    /// `!`.
    Never,
    /// `not x`.
    Not(Box<Self>),
    /// `x and y ...`.
    All(Vec<Self>),
    /// `x or y ...`.
    Any(Vec<Self>),
    /// `rule:name`.
    Rule(String),
    /// `role:name`, without regard to case; the name may hold `%(key)s`.
    Role(String),
    /// `is_admin:True`, decided by the rule `context_is_admin`.
    IsAdmin(bool),
    /// `literal:%(key)s`: a constant, in Python's spelling, against the target.
    Literal {
        /// The constant as Python's `str()` shows it.
        value: String,
        /// What it must equal once the target's values are filled in.
        expected: String,
    },
    /// `key.path:%(key)s` or `key:text`: one of the caller's attributes.
    Attribute {
        /// Keys from the outermost inward; in a list any element may match.
        path: Vec<String>,
        /// What it must equal once the target's values are filled in.
        expected: String,
    },
}

impl Check {
    /// Names of the rules that it refers to.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        match self {
            Self::Rule(name) => vec![name],
            Self::Not(inner) => inner.references(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::references).collect(),
            _ => vec![],
        }
    }
}
