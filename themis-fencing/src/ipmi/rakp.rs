//! The payloads of the handshake (sections 13.17 to 13.24): made, read and proven, without I/O.
//!
//! RAKP 2 proves that the BMC knows the password before anything of ours depends on it; RAKP 4 proves that both derived
//! the same session key. The readers answer `None` for what is not the awaited reply: it is dropped.

use secrecy::ExposeSecret;

use super::command::OPERATOR;
use super::crypto::{SessionKeys, SigningKey};
use super::suite::CipherSuite;
use crate::Credentials;

/// The role asked for: Operator, looked up by the user's name alone.
const ROLE: u8 = 0x10 | OPERATOR;

/// RMCP+ status codes (section 13.24) that are told apart.
pub(super) mod status {
    pub(in super::super) const OK: u8 = 0x00;
    pub(in super::super) const NO_RESOURCES: u8 = 0x01;
    pub(in super::super) const UNAUTHORISED_ROLE: u8 = 0x09;
    pub(in super::super) const UNAUTHORISED_NAME: u8 = 0x0d;
    pub(in super::super) const INVALID_CODE: u8 = 0x0f;
    pub(in super::super) const NO_SUITE_MATCHES: u8 = 0x11;
    pub(in super::super) const ILLEGAL_PARAMETER: u8 = 0x12;
    /// Authentication, integrity or confidentiality algorithm refused, or the combination of them.
    pub(in super::super) const ALGORITHM_REFUSED: [u8; 4] = [0x04, 0x05, 0x10, NO_SUITE_MATCHES];
}

/// A reply to Open Session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OpenAnswer {
    /// Granted, under the BMC's session id.
    Granted(u32),
    /// Granted, but with other algorithms than those asked for.
    OtherSuite,
    /// Refused with this status.
    Refused(u8),
}

/// A reply to RAKP 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identified {
    /// The BMC knows the password.
    Proven(Bmc),
    /// Its code is wrong: its password is not ours.
    Unproven,
    /// Refused with this status.
    Refused(u8),
}

/// A reply to RAKP 3.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Activated {
    /// Both sides have the same session key.
    Proven,
    /// The code is wrong although the password is right.
    Unproven,
    /// Refused with this status.
    Refused(u8),
}

/// What the BMC said of itself in RAKP 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bmc {
    pub(super) random: [u8; 16],
    pub(super) guid: [u8; 16],
}

/// Both ends of a session that is being opened.
pub(super) struct Parties<'a> {
    pub(super) suite: CipherSuite,
    /// Our session id.
    pub(super) console: u32,
    /// The BMC's session id.
    pub(super) bmc: u32,
    /// Our random number.
    pub(super) random: [u8; 16],
    pub(super) credentials: &'a Credentials,
}

/// Open Session, asking for one suite.
pub(super) fn open_request(tag: u8, suite: CipherSuite, console: u32) -> Vec<u8> {
    let mut bytes = vec![tag, OPERATOR, 0, 0];
    bytes.extend(console.to_le_bytes());
    bytes.extend(records(suite));
    bytes
}

/// The reply to Open Session.
pub(super) fn read_open(bytes: &[u8], tag: u8, suite: CipherSuite, console: u32) -> Option<OpenAnswer> {
    let (code, rest) = reply(bytes, tag, console)?;
    if code != status::OK {
        return Some(OpenAnswer::Refused(code));
    }
    let (session, answered) = rest.split_first_chunk::<4>()?;
    if answered.len() < 24 {
        return None;
    }
    // Only type and algorithm count: devices fill the reserved bytes between them differently.
    let chosen = [0, 8, 16].map(|at| (answered.get(at), answered.get(at + 4)));
    let wanted = records(suite);
    let asked = [0, 8, 16].map(|at| (wanted.get(at), wanted.get(at + 4)));
    Some(if chosen == asked {
        OpenAnswer::Granted(u32::from_le_bytes(*session))
    } else {
        OpenAnswer::OtherSuite
    })
}

impl Parties<'_> {
    /// RAKP 1: our random number and who we are.
    pub(super) fn rakp_1(&self, tag: u8) -> Vec<u8> {
        let name = self.credentials.username().as_bytes();
        let mut bytes = vec![tag, 0, 0, 0];
        bytes.extend(self.bmc.to_le_bytes());
        bytes.extend(self.random);
        // The name is at most 16 bytes long.
        bytes.extend([ROLE, 0, 0, name.len() as u8]);
        bytes.extend_from_slice(name);
        bytes
    }

    /// RAKP 2: the BMC's random number, its GUID, and its proof that it knows the password.
    pub(super) fn read_rakp_2(&self, bytes: &[u8], tag: u8) -> Option<Identified> {
        let (code, rest) = reply(bytes, tag, self.console)?;
        if code != status::OK {
            return Some(Identified::Refused(code));
        }
        let (random, rest) = rest.split_first_chunk::<16>()?;
        let (guid, proof) = rest.split_first_chunk::<16>()?;
        let (console, bmc) = (self.console.to_le_bytes(), self.bmc.to_le_bytes());
        let tail = self.tail();
        let signed = [&console, &bmc, self.random.as_slice(), random, guid, &tail];
        let proven = self.password().verify(&signed, proof, self.suite.digest_length());
        Some(if proven {
            Identified::Proven(Bmc {
                random: *random,
                guid: *guid,
            })
        } else {
            Identified::Unproven
        })
    }

    /// RAKP 3: our proof that we know the password.
    pub(super) fn rakp_3(&self, tag: u8, bmc: &Bmc) -> Vec<u8> {
        let mut bytes = self.give_up(tag, status::OK);
        let proof = self
            .password()
            .sign(&[&bmc.random, &self.console.to_le_bytes(), &self.tail()]);
        bytes.extend_from_slice(&proof);
        bytes
    }

    /// RAKP 3 with an error status: the BMC frees the half-open session.
    pub(super) fn give_up(&self, tag: u8, status: u8) -> Vec<u8> {
        let mut bytes = vec![tag, status, 0, 0];
        bytes.extend(self.bmc.to_le_bytes());
        bytes
    }

    /// RAKP 4: the BMC's proof that it derived the same session key.
    pub(super) fn read_rakp_4(&self, bytes: &[u8], tag: u8, bmc: &Bmc) -> Option<Activated> {
        let (code, proof) = reply(bytes, tag, self.console)?;
        if code != status::OK {
            return Some(Activated::Refused(code));
        }
        let id = self.bmc.to_le_bytes();
        let signed = [self.random.as_slice(), &id, &bmc.guid];
        let proven = self.session_key(bmc).verify(&signed, proof, self.suite.code_length());
        Some(if proven { Activated::Proven } else { Activated::Unproven })
    }

    /// The keys of the session (sections 13.31 and 13.32). Without a BMC key of its own, Kg is the password.
    pub(super) fn keys(&self, bmc: &Bmc) -> SessionKeys {
        SessionKeys::derive(self.suite, &self.session_key(bmc))
    }

    fn session_key(&self, bmc: &Bmc) -> SigningKey {
        SigningKey::new(
            self.suite,
            &self.password().sign(&[&self.random, &bmc.random, &self.tail()]),
        )
    }

    fn password(&self) -> SigningKey {
        SigningKey::new(self.suite, self.credentials.password().expose_secret().as_bytes())
    }

    /// Role, length of the name, name: the end of most of what is signed.
    fn tail(&self) -> Vec<u8> {
        let name = self.credentials.username().as_bytes();
        let mut tail = vec![ROLE, name.len() as u8];
        tail.extend_from_slice(name);
        tail
    }
}

/// The three algorithm records of Open Session.
fn records(suite: CipherSuite) -> Vec<u8> {
    (0..)
        .zip(suite.algorithms())
        .flat_map(|(kind, algorithm)| [kind, 0, 0, 8, algorithm, 0, 0, 0])
        .collect()
}

/// Status and the rest of a reply to us. A refusal may end after the status, or name no console: nothing depends on
/// its truth but the next attempt.
fn reply(bytes: &[u8], tag: u8, console: u32) -> Option<(u8, &[u8])> {
    let (&[answered, code], rest) = bytes.split_first_chunk::<2>()?;
    if answered != tag {
        return None;
    }
    let named = rest.get(2..6).map(|id| id == console.to_le_bytes());
    match (code, named) {
        (status::OK, Some(true)) => Some((code, rest.get(6..)?)),
        (status::OK, _) => None,
        (_, Some(false)) if rest.get(2..6) != Some(&[0; 4]) => None,
        _ => Some((code, &[])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const CONSOLE: u32 = 0x0a0b_0c0d;

    fn granted(suite: CipherSuite) -> Vec<u8> {
        let mut bytes = vec![7, 0, 3, 0];
        bytes.extend(CONSOLE.to_le_bytes());
        bytes.extend(0x0102_0304_u32.to_le_bytes());
        bytes.extend(records(suite));
        bytes
    }

    #[test]
    fn an_open_reply_must_grant_the_suite_that_was_asked_for() {
        let read = |bytes: &[u8]| read_open(bytes, 7, CipherSuite::Sha256, CONSOLE);
        assert_eq!(
            read(&granted(CipherSuite::Sha256)),
            Some(OpenAnswer::Granted(0x0102_0304))
        );
        assert_eq!(read(&granted(CipherSuite::Sha1)), Some(OpenAnswer::OtherSuite));
        assert_eq!(
            read_open(&granted(CipherSuite::Sha256), 8, CipherSuite::Sha256, CONSOLE),
            None,
            "another tag"
        );
        assert_eq!(
            read_open(&granted(CipherSuite::Sha256), 7, CipherSuite::Sha256, 1),
            None,
            "another console"
        );
    }

    #[rstest]
    #[case::two_bytes(&[7, 0x11], Some(OpenAnswer::Refused(0x11)))]
    #[case::without_console(&[7, 0x01, 0, 0, 0, 0, 0, 0], Some(OpenAnswer::Refused(0x01)))]
    #[case::to_another_console(&[7, 0x01, 0, 0, 9, 9, 9, 9], None)]
    #[case::one_byte(&[7], None)]
    #[case::granted_but_cut(&[7, 0, 3, 0, 0x0d, 0x0c, 0x0b, 0x0a, 1, 2, 3, 4], None)]
    fn a_refusal_may_be_short_but_a_grant_may_not(#[case] bytes: &[u8], #[case] expected: Option<OpenAnswer>) {
        assert_eq!(read_open(bytes, 7, CipherSuite::Sha256, CONSOLE), expected);
    }

    #[rstest]
    #[case(CipherSuite::Sha256)]
    #[case(CipherSuite::Sha1)]
    fn only_the_right_password_and_unaltered_bytes_prove_anything(#[case] suite: CipherSuite) {
        let right = Credentials::new("admin", "secret-1".into()).unwrap();
        let wrong = Credentials::new("admin", "secret-2".into()).unwrap();
        let parties = |credentials| Parties {
            suite,
            console: CONSOLE,
            bmc: 77,
            random: [1; 16],
            credentials,
        };
        let (ours, theirs) = (
            parties(&right),
            Bmc {
                random: [2; 16],
                guid: [3; 16],
            },
        );
        let (console, tail) = (CONSOLE.to_le_bytes(), ours.tail());
        let mut reply = vec![9, 0, 0, 0];
        reply.extend(console);
        reply.extend(theirs.random);
        reply.extend(theirs.guid);
        let parts = [
            console.as_slice(),
            &77_u32.to_le_bytes(),
            &[1; 16],
            &theirs.random,
            &theirs.guid,
            &tail,
        ];
        reply.extend_from_slice(&ours.password().sign(&parts));
        assert_eq!(ours.read_rakp_2(&reply, 9), Some(Identified::Proven(theirs)));
        assert_eq!(parties(&wrong).read_rakp_2(&reply, 9), Some(Identified::Unproven));
        for index in 8..reply.len() {
            let mut altered = reply.clone();
            altered[index] ^= 1;
            assert_eq!(
                ours.read_rakp_2(&altered, 9),
                Some(Identified::Unproven),
                "byte {index}"
            );
        }
        let mut last = vec![9, 0, 0, 0];
        last.extend(console);
        let code = ours
            .session_key(&theirs)
            .sign(&[&[1; 16], &77_u32.to_le_bytes(), &theirs.guid]);
        last.extend(&code[..suite.code_length()]);
        assert_eq!(ours.read_rakp_4(&last, 9, &theirs), Some(Activated::Proven));
        last.pop();
        assert_eq!(
            ours.read_rakp_4(&last, 9, &theirs),
            Some(Activated::Unproven),
            "a shorter code passed"
        );
    }
}
