//! Access rules of an application credential: its tokens may be used for the listed requests only. Keystone hands the
//! list over and relies on each service to keep to it.

use serde::Deserialize;

/// One request that such a token may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccessRule {
    /// Type of the service, as in the catalogue.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// The whole path; `*` and `{name}` stand for one part of it, `**` for any number.
    pub path: String,
}

impl AccessRule {
    /// Whether it lists this request.
    #[must_use]
    pub fn allows(&self, service: &str, method: &str, path: &str) -> bool {
        self.service == service && self.method == method && matches(&self.path, path)
    }
}

enum Piece {
    Byte(u8),
    /// One or more bytes other than a slash.
    Part,
    /// Any bytes, none included.
    Rest,
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        pieces.push(match first {
            b'*' if after.first() == Some(&b'*') => {
                rest = &after[1..];
                Piece::Rest
            }
            b'*' => Piece::Part,
            b'{' => match after.iter().position(|byte| *byte == b'}') {
                Some(end) => {
                    rest = &after[end + 1..];
                    Piece::Part
                }
                None => Piece::Byte(b'{'),
            },
            byte => Piece::Byte(*byte),
        });
    }
    pieces
}

/// In time proportional to both lengths: a credential's owner writes the pattern, and must not stop us with it.
fn matches(pattern: &str, path: &str) -> bool {
    let path = path.as_bytes();
    // Which beginnings of the path the pieces so far can stand for.
    let mut reach = vec![false; path.len() + 1];
    reach[0] = true;
    for piece in pieces(pattern) {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            let before = at.checked_sub(1);
            next[at] = match piece {
                Piece::Byte(byte) => before.is_some_and(|last| reach[last] && path[last] == byte),
                Piece::Part => before.is_some_and(|last| (reach[last] || next[last]) && path[last] != b'/'),
                Piece::Rest => reach[at] || before.is_some_and(|last| next[last]),
            };
        }
        reach = next;
    }
    reach[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("/v1/segments", "/v1/segments", true)]
    #[case("/v1/segments", "/v1/segments/", false)]
    #[case("/v1/segments/*", "/v1/segments/abc", true)]
    #[case("/v1/segments/*", "/v1/segments/", false)]
    #[case("/v1/segments/*", "/v1/segments/abc/hosts", false)]
    #[case("/v1/segments/{id}/hosts", "/v1/segments/abc/hosts", true)]
    #[case("/v1/**", "/v1/segments/abc/hosts", true)]
    #[case("/v1/**", "/v1/", true)]
    #[case("**", "", true)]
    #[case("/v1.segments", "/v1/segments", false)]
    #[case("/v1/{id", "/v1/abc", false)]
    #[case("", "/v1", false)]
    fn patterns_are_those_of_keystone(#[case] pattern: &str, #[case] path: &str, #[case] matched: bool) {
        assert_eq!(matches(pattern, path), matched);
    }

    #[test]
    fn a_hostile_pattern_costs_little() {
        let path = format!("/{}", "a".repeat(2000));
        assert!(!matches(&format!("{}b", "**a*".repeat(500)), &path));
    }
}
