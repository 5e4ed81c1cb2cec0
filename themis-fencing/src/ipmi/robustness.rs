//! Whatever arrives, nothing panics and nothing unsigned is believed: the decoders against arbitrary and altered bytes.

use ipmi_rs_core::connection::Message;
use proptest::prelude::*;

use super::command::{BecomeOperator, GetChassisStatus, GetSystemGuid};
use super::crypto::{SessionKeys, SigningKey};
use super::packet::{self, kind};
use super::rakp::{self, Bmc, Parties};
use super::{CipherSuite, message};
use crate::Credentials;
use ipmi_rs_core::connection::IpmiCommand;

fn suite() -> impl Strategy<Value = CipherSuite> {
    prop_oneof![Just(CipherSuite::Sha256), Just(CipherSuite::Sha1)]
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_signed_packet(suite in suite(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let keys = SessionKeys::derive(suite, &SigningKey::new(suite, b"k"));
        prop_assert_eq!(packet::open(&keys, &bytes), None);
        let mut framed = vec![0x06, 0x00, 0xff, 0x07, 0x06, 0xc0];
        framed.extend(&bytes);
        prop_assert_eq!(packet::open(&keys, &framed), None);
        packet::read_plain(&bytes, kind::RAKP_2);
        packet::read_plain(&framed, kind::RAKP_2);
        keys.decrypt(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_complete_a_handshake(
        suite in suite(),
        tag in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        answered in any::<bool>(),
    ) {
        let credentials = Credentials::new("admin", "secret".into()).unwrap();
        let parties = Parties { suite, console: 5, bmc: 6, random: [7; 16], credentials: &credentials };
        let mut payload = if answered { vec![tag, 0, 0, 0, 5, 0, 0, 0] } else { Vec::new() };
        payload.extend(&bytes);
        rakp::read_open(&payload, tag, suite, 5);
        let identified = parties.read_rakp_2(&payload, tag);
        prop_assert!(!matches!(identified, Some(rakp::Identified::Proven(_))));
        let activated = parties.read_rakp_4(&payload, tag, &Bmc { random: [1; 16], guid: [2; 16] });
        prop_assert!(activated != Some(rakp::Activated::Proven));
    }

    #[test]
    fn arbitrary_signed_messages_do_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        sequence in 0_u8..64,
    ) {
        let request = Message::from(GetChassisStatus);
        message::decode(&bytes, &request, sequence);
        let _ = GetChassisStatus::parse_success_response(&bytes);
        let _ = BecomeOperator::parse_success_response(&bytes);
        let _ = GetSystemGuid::parse_success_response(&bytes);
    }

    #[test]
    fn one_altered_bit_anywhere_is_noticed(suite in suite(), data in prop::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>()) {
        let keys = SessionKeys::derive(suite, &SigningKey::new(suite, b"k"));
        let packet = packet::sealed(&keys, 1, 2, [3; 16], &data);
        prop_assert!(packet::open(&keys, &packet).is_some());
        // The RMCP header is outside what is signed; its two judged bytes are covered by the packet module's own tests.
        let bit = 32 + at.index((packet.len() - 4) * 8);
        let mut altered = packet;
        altered[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(packet::open(&keys, &altered), None);
    }
}
