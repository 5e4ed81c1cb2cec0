//! Text to check. Words are split at white space; parentheses count only at a word's beginning and end, since they
//! occur within `%(key)s`. `not` binds tightest, then `and`, then `or`, in any case of letters.

use super::check::Check;
use super::literal::{Kind, kind};

/// Rules are a line long; one nested deeper is a mistake or an attack on the stack.
const DEPTH_LIMIT: usize = 100;

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxFault {
    /// A word that is no check.
    #[error("'{0}' is not a check; write kind:value, such as role:admin or rule:admin_api")]
    NotACheck(String),
    /// A quoted word on its own.
    #[error("quoted text {0} stands alone; write 'text':%(key)s")]
    QuotedText(String),
    /// The left side is neither an attribute nor a constant.
    #[error(
        "'{0}' on the left of the colon is neither an attribute of the caller nor a quoted text, a whole number, True, False or None"
    )]
    LeftSide(String),
    /// `http:` and `https:` ask another server.
    #[error("'{0}' would ask another server, which themis does not do")]
    Remote(String),
    /// A word where another was wanted.
    #[error("'{found}' stands where {wanted} is wanted")]
    Unexpected {
        /// The word.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// The rule ends too early.
    #[error("it ends where {wanted} is wanted")]
    Ends {
        /// What would be right.
        wanted: &'static str,
    },
    /// Too many parentheses or `not`s within each other.
    #[error("it is nested more than {DEPTH_LIMIT} deep")]
    TooDeep,
}

/// Reads a rule of the text form.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Check, SyntaxFault> {
    if text.is_empty() {
        return Ok(Check::Always);
    }
    let mut parser = Parser {
        tokens: tokens(text)?.into_iter().peekable(),
        depth: 0,
    };
    let check = parser.any()?;
    match parser.tokens.next() {
        None => Ok(check),
        Some(token) => Err(token.unexpected("'and', 'or' or the end")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Check(Check, String),
}

impl Token {
    fn unexpected(self, wanted: &'static str) -> SyntaxFault {
        let found = match self {
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::And => "and".to_owned(),
            Self::Or => "or".to_owned(),
            Self::Not => "not".to_owned(),
            Self::Check(_, text) => text,
        };
        SyntaxFault::Unexpected { found, wanted }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, SyntaxFault> {
    // Python's \s also holds the four separators that Unicode does not call white space.
    let space = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    let mut tokens = Vec::new();
    for word in text.split(space).filter(|word| !word.is_empty()) {
        let inner = word.trim_start_matches('(');
        tokens.extend((inner.len()..word.len()).map(|_| Token::Open));
        let clean = inner.trim_end_matches(')');
        match clean.to_lowercase().as_str() {
            "" => {}
            "and" => tokens.push(Token::And),
            "or" => tokens.push(Token::Or),
            "not" => tokens.push(Token::Not),
            // oslo looks at the word before its closing parentheses are taken off, so ('a':'b') is a check and 'a':'b' is not.
            _ if is_quoted(inner) => return Err(SyntaxFault::QuotedText(inner.to_owned())),
            _ => tokens.push(Token::Check(simple(clean)?, clean.to_owned())),
        }
        tokens.extend((clean.len()..inner.len()).map(|_| Token::Close));
    }
    Ok(tokens)
}

fn is_quoted(word: &str) -> bool {
    word.len() >= 2
        && ['"', '\'']
            .iter()
            .any(|quote| word.starts_with(*quote) && word.ends_with(*quote))
}

/// Reads one check without operators.
pub(super) fn simple(text: &str) -> Result<Check, SyntaxFault> {
    match text {
        "@" => return Ok(Check::Always),
        "!" => return Ok(Check::Never),
        _ => {}
    }
    let (left, right) = text
        .split_once(':')
        .ok_or_else(|| SyntaxFault::NotACheck(text.to_owned()))?;
    let expected = right.to_owned();
    match left {
        "rule" => Ok(Check::Rule(expected)),
        "role" => Ok(Check::Role(expected)),
        "is_admin" => Ok(Check::IsAdmin(right.eq_ignore_ascii_case("true"))),
        "http" | "https" => Err(SyntaxFault::Remote(text.to_owned())),
        _ => match kind(left) {
            Some(Kind::Constant(value)) => Ok(Check::Literal { value, expected }),
            Some(Kind::Path(path)) => Ok(Check::Attribute { path, expected }),
            None => Err(SyntaxFault::LeftSide(left.to_owned())),
        },
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Check, SyntaxFault> {
        let mut parts = vec![self.all()?];
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Check::Any))
    }

    fn all(&mut self) -> Result<Check, SyntaxFault> {
        let mut parts = vec![self.one()?];
        while self.tokens.next_if_eq(&Token::And).is_some() {
            parts.push(self.one()?);
        }
        Ok(joined(parts, Check::All))
    }

    fn one(&mut self) -> Result<Check, SyntaxFault> {
        const WANTED: &str = "a check";
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(SyntaxFault::TooDeep);
        }
        let check = match self.tokens.next() {
            Some(Token::Check(check, _)) => check,
            Some(Token::Not) => Check::Not(Box::new(self.one()?)),
            Some(Token::Open) => {
                let inner = self.any()?;
                match self.tokens.next() {
                    Some(Token::Close) => inner,
                    Some(other) => return Err(other.unexpected("')'")),
                    None => return Err(SyntaxFault::Ends { wanted: "')'" }),
                }
            }
            Some(other) => return Err(other.unexpected(WANTED)),
            None => return Err(SyntaxFault::Ends { wanted: WANTED }),
        };
        self.depth -= 1;
        Ok(check)
    }
}

fn joined(mut parts: Vec<Check>, join: fn(Vec<Check>) -> Check) -> Check {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Check {
        Check::Role(name.to_owned())
    }

    #[test]
    fn not_binds_before_and_and_before_or() {
        let read = parse("role:a or NOT role:b And role:c").unwrap();
        assert_eq!(
            read,
            Check::Any(vec![
                role("a"),
                Check::All(vec![Check::Not(Box::new(role("b"))), role("c")])
            ])
        );
        let read = parse("not (role:a or role:b)").unwrap();
        assert_eq!(read, Check::Not(Box::new(Check::Any(vec![role("a"), role("b")]))));
    }

    #[test]
    fn parentheses_within_a_value_are_not_structure() {
        let expected = "%(project_id)s".to_owned();
        let read = parse("(project_id:%(project_id)s)").unwrap();
        assert_eq!(
            read,
            Check::Attribute {
                path: vec!["project_id".to_owned()],
                expected
            }
        );
    }

    #[rstest::rstest]
    #[case(
        "admin",
        "'admin' is not a check; write kind:value, such as role:admin or rule:admin_api"
    )]
    #[case("role:a role:b", "'role:b' stands where 'and', 'or' or the end is wanted")]
    #[case("(role:a", "it ends where ')' is wanted")]
    #[case("role:a)", "')' stands where 'and', 'or' or the end is wanted")]
    #[case("role:a and", "it ends where a check is wanted")]
    #[case("   ", "it ends where a check is wanted")]
    #[case("or role:a", "'or' stands where a check is wanted")]
    #[case("'a':'b'", "quoted text 'a':'b' stands alone; write 'text':%(key)s")]
    #[case("http://h/x", "'http://h/x' would ask another server, which themis does not do")]
    fn a_fault_says_what_is_wrong(#[case] text: &str, #[case] message: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = format!("{}role:a{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(parse(&nested), Err(SyntaxFault::TooDeep));
        assert_eq!(
            parse(&format!("{}role:a", "not ".repeat(5000))),
            Err(SyntaxFault::TooDeep)
        );
    }
}
