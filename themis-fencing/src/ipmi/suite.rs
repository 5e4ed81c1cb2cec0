//! The cipher suites that fencing accepts, in the order in which they are offered. Everything weaker is absent.

/// A cipher suite: how a session is authenticated, signed and encrypted (section 22.15.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// Suite 17: HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Sha256,
    /// Suite 3: HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. Mandatory in the standard, disabled on many newer devices.
    Sha1,
}

impl CipherSuite {
    /// Strongest first.
    pub const OFFERED: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The standard's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Sha256 => 17,
            Self::Sha1 => 3,
        }
    }

    /// Authentication, integrity and confidentiality algorithm, as written in the Open Session records.
    pub(super) const fn algorithms(self) -> [u8; 3] {
        match self {
            Self::Sha256 => [3, 4, 1],
            Self::Sha1 => [1, 1, 1],
        }
    }

    /// Bytes of a full digest: RAKP 2 and 3 carry it whole.
    pub(super) const fn digest_length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha1 => 20,
        }
    }

    /// Bytes of the shortened digest that ends RAKP 4 and every packet.
    pub(super) const fn code_length(self) -> usize {
        match self {
            Self::Sha256 => 16,
            Self::Sha1 => 12,
        }
    }
}
