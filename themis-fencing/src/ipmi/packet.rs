//! RMCP+ packets (section 13.6): the RMCP header, the session header, and the signed trailer of packets in a session.
//! Bytes in, parts out; whether a packet is the awaited one is for the caller to judge.

use super::crypto::{BLOCK, SessionKeys};

/// Version 1.0, no acknowledgement, class IPMI.
const RMCP: [u8; 4] = [0x06, 0x00, 0xff, 0x07];
/// The authentication type that marks the RMCP+ format.
const FORMAT: u8 = 0x06;
/// The value of the trailer's next-header byte.
const NEXT_HEADER: u8 = 0x07;
const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;

/// Payload types (section 13.27.3).
pub(super) mod kind {
    pub(in super::super) const MESSAGE: u8 = 0x00;
    pub(in super::super) const OPEN_REQUEST: u8 = 0x10;
    pub(in super::super) const OPEN_RESPONSE: u8 = 0x11;
    pub(in super::super) const RAKP_1: u8 = 0x12;
    pub(in super::super) const RAKP_2: u8 = 0x13;
    pub(in super::super) const RAKP_3: u8 = 0x14;
    pub(in super::super) const RAKP_4: u8 = 0x15;
}

/// What a signed packet of a session carried.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) session: u32,
    pub(super) sequence: u32,
    pub(super) message: Vec<u8>,
}

struct Parts<'a> {
    flags: u8,
    session: u32,
    sequence: u32,
    payload: &'a [u8],
}

/// A packet outside a session: the handshake's.
pub(super) fn plain(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = RMCP.to_vec();
    packet.extend(header(kind, 0, 0, payload));
    packet
}

/// The payload of a packet outside a session, if it is of this kind.
pub(super) fn read_plain(packet: &[u8], kind: u8) -> Option<&[u8]> {
    let parts = parts(after_rmcp(packet)?)?;
    (parts.flags == kind && parts.session == 0).then_some(parts.payload)
}

/// An encrypted and signed packet that carries an IPMI message in the peer's session.
pub(super) fn sealed(keys: &SessionKeys, session: u32, sequence: u32, iv: [u8; BLOCK], message: &[u8]) -> Vec<u8> {
    let payload = keys.encrypt(iv, message);
    let mut signed = header(kind::MESSAGE | ENCRYPTED | AUTHENTICATED, session, sequence, &payload);
    let padding = (4 - (signed.len() + 2) % 4) % 4;
    signed.extend(std::iter::repeat_n(0xff, padding));
    signed.extend([padding as u8, NEXT_HEADER]);
    let mut packet = RMCP.to_vec();
    packet.extend_from_slice(&signed);
    packet.extend(keys.code(&signed));
    packet
}

/// What a packet carries that is signed with these keys; `None` for every other, whatever its bytes.
pub(super) fn open(keys: &SessionKeys, packet: &[u8]) -> Option<Opened> {
    let signed = keys.signed(after_rmcp(packet)?)?;
    let parts = parts(signed)?;
    let whole = signed.last() == Some(&NEXT_HEADER) && parts.flags == kind::MESSAGE | ENCRYPTED | AUTHENTICATED;
    let message = if whole {
        keys.decrypt(parts.payload)?
    } else {
        return None;
    };
    Some(Opened {
        session: parts.session,
        sequence: parts.sequence,
        message,
    })
}

fn header(flags: u8, session: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    // Every payload made here is shorter than 256 bytes: names and messages are bounded.
    let length = payload.len() as u16;
    let mut bytes = vec![FORMAT, flags];
    bytes.extend(session.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn after_rmcp(packet: &[u8]) -> Option<&[u8]> {
    let (rmcp, rest) = packet.split_first_chunk::<4>()?;
    // The reserved byte and the sequence are not ours to judge: devices fill them differently.
    (rmcp[0] == RMCP[0] && rmcp[3] == RMCP[3]).then_some(rest)
}

fn parts(bytes: &[u8]) -> Option<Parts<'_>> {
    let (&[format, flags], rest) = bytes.split_first_chunk::<2>()?;
    let (session, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let payload = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
    (format == FORMAT).then_some(Parts {
        flags,
        session: u32::from_le_bytes(*session),
        sequence: u32::from_le_bytes(*sequence),
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::super::crypto::SigningKey;
    use super::super::suite::CipherSuite;
    use super::*;
    use rstest::rstest;

    fn keys(suite: CipherSuite, secret: &[u8]) -> SessionKeys {
        SessionKeys::derive(suite, &SigningKey::new(suite, secret))
    }

    #[rstest]
    #[case(CipherSuite::Sha256)]
    #[case(CipherSuite::Sha1)]
    fn a_signed_packet_opens_only_unaltered_and_with_its_keys(#[case] suite: CipherSuite) {
        let own = keys(suite, b"one");
        let packet = sealed(&own, 0x0102_0304, 7, [5; 16], b"message");
        assert_eq!(
            (packet.len() - 4 - suite.code_length()) % 4,
            0,
            "the trailer does not align the packet"
        );
        let opened = Opened {
            session: 0x0102_0304,
            sequence: 7,
            message: b"message".to_vec(),
        };
        assert_eq!(open(&own, &packet), Some(opened));
        assert_eq!(open(&keys(suite, b"two"), &packet), None);
        for index in 4..packet.len() {
            let mut altered = packet.clone();
            altered[index] ^= 0x40;
            assert_eq!(open(&own, &altered), None, "byte {index}");
        }
        for length in 0..packet.len() {
            assert_eq!(open(&own, &packet[..length]), None, "cut to {length}");
        }
    }

    #[test]
    fn a_plain_packet_is_read_as_its_own_kind_only() {
        let packet = plain(kind::RAKP_2, b"payload");
        assert_eq!(read_plain(&packet, kind::RAKP_2), Some(b"payload".as_slice()));
        assert_eq!(read_plain(&packet, kind::RAKP_4), None);
        assert_eq!(packet[..4], RMCP);
    }
}
