//! What binds a power device to a host: the System GUID that the BMC shows equals the system UUID that the host's own
//! monitor reads from its firmware.
//!
//! Vendors send the GUID in three byte orders: as written (RFC 4122), with the first three fields swapped (SMBIOS), and
//! least significant byte first throughout (IPMI 2.0, section 20.8). All three count as the same identity. Whether the
//! same GUID is shown by two BMCs cannot be seen here; the caller, who knows all devices, must not bind either then.

use uuid::Uuid;

/// A System GUID as received, 16 bytes; never one of the fillers that devices without identity show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemGuid([u8; 16]);

/// Whether a device and a host are the same machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The identities agree.
    Same,
    /// Both are known and differ: the device switches another machine.
    Different,
    /// At least one is absent, malformed or a filler.
    Unknown,
}

impl SystemGuid {
    /// A GUID from the wire; `None` when it is all zeros or all ones.
    #[must_use]
    pub fn from_wire(bytes: [u8; 16]) -> Option<Self> {
        let filler = bytes == [0; 16] || bytes == [0xff; 16];
        (!filler).then_some(Self(bytes))
    }

    /// A GUID from the 32 hex digits that [`Self::hex`] writes; `None` when the text is none or a filler.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Uuid::try_parse(text)
            .ok()
            .and_then(|uuid| Self::from_wire(uuid.into_bytes()))
    }

    /// The bytes in the order received, as 32 hex digits.
    #[must_use]
    pub fn hex(self) -> String {
        Uuid::from_bytes(self.0).simple().to_string()
    }

    /// Whether `host`, the host's system UUID, names the same machine.
    #[must_use]
    pub fn compare(self, host: Uuid) -> Identity {
        if host.is_nil() || host.is_max() {
            return Identity::Unknown;
        }
        let mut reversed = self.0;
        reversed.reverse();
        let same = host.as_bytes() == &self.0 || host.to_bytes_le() == self.0 || host.as_bytes() == &reversed;
        if same { Identity::Same } else { Identity::Different }
    }
}

/// Compares what a [`themis_core::power::PowerReading`] carries as `guid` with a host's system UUID.
#[must_use]
pub fn compare(device: Option<&str>, host: Option<Uuid>) -> Identity {
    match (device.and_then(SystemGuid::from_hex), host) {
        (Some(device), Some(host)) => device.compare(host),
        (None, _) | (_, None) => Identity::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const HOST: Uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);

    #[rstest]
    #[case::as_written("00112233445566778899aabbccddeeff", Identity::Same)]
    #[case::smbios("33221100554477668899aabbccddeeff", Identity::Same)]
    #[case::least_significant_first("ffeeddccbbaa99887766554433221100", Identity::Same)]
    #[case::another_machine("10112233445566778899aabbccddeeff", Identity::Different)]
    #[case::zeros("00000000000000000000000000000000", Identity::Unknown)]
    #[case::ones("ffffffffffffffffffffffffffffffff", Identity::Unknown)]
    #[case::malformed("001122", Identity::Unknown)]
    fn a_guid_is_compared_in_every_byte_order_in_use(#[case] device: &str, #[case] expected: Identity) {
        assert_eq!(compare(Some(device), Some(HOST)), expected);
    }

    #[test]
    fn an_absent_or_filler_identity_binds_nothing() {
        assert_eq!(compare(None, Some(HOST)), Identity::Unknown);
        assert_eq!(
            compare(Some("00112233445566778899aabbccddeeff"), None),
            Identity::Unknown
        );
        assert_eq!(
            compare(Some("00112233445566778899aabbccddeeff"), Some(Uuid::nil())),
            Identity::Unknown
        );
        assert_eq!(
            compare(Some("00112233445566778899aabbccddeeff"), Some(Uuid::max())),
            Identity::Unknown
        );
    }

    #[test]
    fn hex_reads_back() {
        let guid = SystemGuid::from_wire([7; 16]).unwrap();
        assert_eq!(SystemGuid::from_hex(&guid.hex()), Some(guid));
    }
}
