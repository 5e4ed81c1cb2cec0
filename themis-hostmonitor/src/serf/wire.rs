//! The words of serf's RPC protocol, IPC version 1: MessagePack maps with string keys in exact case. Observed on serf
//! 0.9.4 and read in its source; only what the monitor uses is here, unknown fields are passed over.
//! Which bytes form one object is [`super::frames`]; who asks what, [`super::client`].

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The protocol version of the handshake.
pub const IPC_VERSION: i32 = 1;

/// Bytes that are not what serf sends.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Cannot be read as the named object.
    #[error("a {what} cannot be read")]
    Decode {
        /// What was expected.
        what: &'static str,
        /// Why not.
        #[source]
        source: rmp_serde::decode::Error,
    },
    /// A request could not be written.
    #[error("a request cannot be written")]
    Encode(#[source] rmp_serde::encode::Error),
}

/// What precedes each request's body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RequestHeader<'a> {
    command: &'a str,
    seq: u64,
}

/// The commands that the monitor sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Must come first.
    Handshake,
    /// Must come second, when the agent has a key.
    Auth(&'a str),
    /// All members that the agent knows.
    Members,
    /// Figures, all as text.
    Stats,
    /// Member events from now on, under this request's sequence number.
    Stream(&'a str),
    /// Leave the cluster in order; the agent ends by itself.
    Leave,
}

impl Command<'_> {
    /// As written on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Auth(_) => "auth",
            Self::Members => "members",
            Self::Stats => "stats",
            Self::Stream(_) => "stream",
            Self::Leave => "leave",
        }
    }

    /// Whether a body follows the header of the answer.
    #[must_use]
    pub const fn has_answer_body(self) -> bool {
        matches!(self, Self::Members | Self::Stats)
    }

    /// Header and, where the command has one, body.
    ///
    /// # Errors
    /// Only when the encoder fails.
    pub fn encode(self, seq: u64) -> Result<Vec<u8>, WireError> {
        let mut bytes = rmp_serde::to_vec_named(&RequestHeader {
            command: self.name(),
            seq,
        })
        .map_err(WireError::Encode)?;
        let body = match self {
            Self::Handshake => Some(rmp_serde::to_vec_named(&HashMap::from([("Version", IPC_VERSION)]))),
            Self::Auth(key) => Some(rmp_serde::to_vec_named(&HashMap::from([("AuthKey", key)]))),
            Self::Stream(filter) => Some(rmp_serde::to_vec_named(&HashMap::from([("Type", filter)]))),
            Self::Members | Self::Stats | Self::Leave => None,
        };
        if let Some(body) = body {
            bytes.extend(body.map_err(WireError::Encode)?);
        }
        Ok(bytes)
    }
}

/// What precedes each answer's body and each record of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResponseHeader {
    /// Of the request.
    pub seq: u64,
    /// Empty when all is well.
    #[serde(default)]
    pub error: String,
}

/// Where a member stands in serf's state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// Known by name only.
    None,
    /// Answers, or is trusted to.
    Alive,
    /// Its intent to leave was heard.
    Leaving,
    /// Left in order.
    Left,
    /// Serf's suspicion ran out.
    Failed,
}

/// A member as the agent lists it. Its address is not read: who is who is told by the name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    /// Node name: the host's name.
    pub name: String,
    /// Where it stands.
    pub status: MemberStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    #[serde(default)]
    members: Option<Vec<Member>>,
}

#[derive(Deserialize)]
struct Stats {
    serf: Option<HashMap<String, String>>,
}

/// A record of a member stream. It is a hint, not a log: serf merges and drops events, so the members are read anew.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamRecord {
    /// `member-failed`, `member-join`, ...
    pub event: String,
    /// Whom it concerns.
    #[serde(default)]
    pub members: Option<Vec<Member>>,
}

/// Reads the header of an answer or a record.
///
/// # Errors
/// Bytes that are none.
pub fn response_header(bytes: &[u8]) -> Result<ResponseHeader, WireError> {
    decode(bytes, "response header")
}

/// Reads the body of `members`.
///
/// # Errors
/// Bytes that are none.
pub fn members(bytes: &[u8]) -> Result<Vec<Member>, WireError> {
    decode::<Members>(bytes, "member list").map(|body| body.members.unwrap_or_default())
}

/// Reads the health score, 0 (healthy) to 7, from the body of `stats`; `None` when it is not there.
///
/// # Errors
/// Bytes that are no statistics.
pub fn health_score(bytes: &[u8]) -> Result<Option<u8>, WireError> {
    let stats: Stats = decode(bytes, "statistics")?;
    Ok(stats.serf.and_then(|section| section.get("health_score")?.parse().ok()))
}

/// Reads a record of a member stream.
///
/// # Errors
/// Bytes that are none.
pub fn stream_record(bytes: &[u8]) -> Result<StreamRecord, WireError> {
    decode(bytes, "stream record")
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &'static str) -> Result<T, WireError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(32);
    T::deserialize(&mut deserializer).map_err(|source| WireError::Decode { what, source })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn the_recorded_header_is_understood() {
        let header = response_header(&bytes("82 a5 4572726f72 a0 a3 536571 05")).unwrap();
        assert_eq!(
            header,
            ResponseHeader {
                seq: 5,
                error: String::new()
            }
        );
    }

    #[test]
    fn requests_are_maps_with_exact_keys() {
        let handshake = [
            &bytes("82 a7")[..],
            b"Command\xa9handshake\xa3Seq\x00\x81\xa7Version\x01",
        ]
        .concat();
        assert_eq!(Command::Handshake.encode(0).unwrap(), handshake);
        let members = [&bytes("82 a7")[..], b"Command\xa7members\xa3Seq", &bytes("cd 0102")[..]].concat();
        assert_eq!(Command::Members.encode(0x102).unwrap(), members);
    }

    #[test]
    fn a_member_list_is_read_whatever_else_it_holds() {
        // As serf writes it: keys in alphabetical order, the address as bin, tags a map or nil, version numbers.
        let mut body = bytes("81 a7 4d656d62657273 92");
        for (tags, status) in [("80", "a5 616c697665"), ("c0", "a6 6661696c6564")] {
            body.extend(bytes(
                "86 a4 41646472 c404 7f000001 a4 4e616d65 a3 632d31 a4 506f7274 cd1f0a",
            ));
            body.extend(
                [
                    &bytes("a4 54616773")[..],
                    &bytes(tags),
                    b"\xa6Status",
                    &bytes(status),
                    b"\xabProtocolMax\x05",
                ]
                .concat(),
            );
        }
        let seen: Vec<_> = members(&body)
            .unwrap()
            .into_iter()
            .map(|m| (m.name, m.status))
            .collect();
        assert_eq!(
            seen,
            [
                ("c-1".to_owned(), MemberStatus::Alive),
                ("c-1".to_owned(), MemberStatus::Failed)
            ]
        );
        assert_eq!(members(&bytes("81 a7 4d656d62657273 c0")).unwrap(), []);
    }

    #[test]
    fn the_health_score_is_text_among_other_text() {
        let stats = HashMap::from([
            ("serf", Some(HashMap::from([("health_score", "3"), ("failed", "1")]))),
            ("tags", None),
        ]);
        assert_eq!(
            health_score(&rmp_serde::to_vec_named(&stats).unwrap()).unwrap(),
            Some(3)
        );
        assert_eq!(health_score(&bytes("80")).unwrap(), None);
        assert!(health_score(&bytes("c2")).is_err());
    }

    #[test]
    fn nesting_deeper_than_serf_ever_sends_is_refused() {
        let mut body = b"\x81\xa1x".to_vec();
        body.extend(vec![0x91; 100]);
        body.push(0);
        assert!(members(&body).is_err());
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (response_header(&bytes), members(&bytes), health_score(&bytes), stream_record(&bytes));
        }
    }
}
