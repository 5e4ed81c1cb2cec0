//! Signing and encryption of RMCP+ (sections 13.28 to 13.33). Keys are wiped when dropped; codes are compared in
//! constant time.

use aes::Aes128;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::suite::CipherSuite;

/// Bytes of an AES block, and of the initialisation vector.
pub(super) const BLOCK: usize = 16;

/// HMAC's own block size for SHA-1 and SHA-256. No key of RMCP+ is longer, so a key is its bytes and zeros.
const KEY_BLOCK: usize = 64;

/// A key for signing: a password, the session integrity key, or one made from it.
pub(super) struct SigningKey {
    suite: CipherSuite,
    block: Zeroizing<[u8; KEY_BLOCK]>,
}

impl SigningKey {
    /// A key from at most 64 bytes; more is never used here and would be cut.
    pub(super) fn new(suite: CipherSuite, bytes: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; KEY_BLOCK]);
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self { suite, block }
    }

    /// The full digest over the parts, one after the other.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        fn digest<M: Mac>(mut mac: M, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
            parts.iter().for_each(|part| mac.update(part));
            Zeroizing::new(mac.finalize().into_bytes().to_vec())
        }
        match self.suite {
            CipherSuite::Sha256 => digest(self.sha256(), parts),
            CipherSuite::Sha1 => digest(self.sha1(), parts),
        }
    }

    /// Whether `code`, which must have `length` bytes, is the (shortened) digest over the parts.
    pub(super) fn verify(&self, parts: &[&[u8]], code: &[u8], length: usize) -> bool {
        fn matches<M: Mac>(mut mac: M, parts: &[&[u8]], code: &[u8]) -> bool {
            parts.iter().for_each(|part| mac.update(part));
            mac.verify_truncated_left(code).is_ok()
        }
        code.len() == length
            && match self.suite {
                CipherSuite::Sha256 => matches(self.sha256(), parts, code),
                CipherSuite::Sha1 => matches(self.sha1(), parts, code),
            }
    }

    fn sha256(&self) -> Hmac<Sha256> {
        <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*self.block).into())
    }

    fn sha1(&self) -> Hmac<Sha1> {
        <Hmac<Sha1> as hmac::digest::KeyInit>::new((&*self.block).into())
    }
}

/// The keys of one session.
pub(super) struct SessionKeys {
    suite: CipherSuite,
    integrity: SigningKey,
    encryption: Zeroizing<[u8; BLOCK]>,
}

impl SessionKeys {
    /// K1 and K2 from the session integrity key (section 13.32).
    pub(super) fn derive(suite: CipherSuite, session_key: &SigningKey) -> Self {
        let k1 = session_key.sign(&[&[1; 20]]);
        let k2 = session_key.sign(&[&[2; 20]]);
        let mut encryption = Zeroizing::new([0; BLOCK]);
        for (to, from) in encryption.iter_mut().zip(k2.iter()) {
            *to = *from;
        }
        Self {
            suite,
            integrity: SigningKey::new(suite, &k1),
            encryption,
        }
    }

    /// The code that ends a packet.
    pub(super) fn code(&self, packet: &[u8]) -> Vec<u8> {
        let digest = self.integrity.sign(&[packet]);
        digest.iter().copied().take(self.suite.code_length()).collect()
    }

    /// Splits a packet into what was signed and its code, if the code is right.
    pub(super) fn signed<'a>(&self, packet: &'a [u8]) -> Option<&'a [u8]> {
        let length = self.suite.code_length();
        let (signed, code) = packet.split_at_checked(packet.len().checked_sub(length)?)?;
        self.integrity.verify(&[signed], code, length).then_some(signed)
    }

    /// The initialisation vector and the encrypted message with its padding (section 13.29).
    pub(super) fn encrypt(&self, iv: [u8; BLOCK], message: &[u8]) -> Vec<u8> {
        let padding = (BLOCK - (message.len() + 1) % BLOCK) % BLOCK;
        let mut text = Zeroizing::new(message.to_vec());
        text.extend((1..=BLOCK as u8).take(padding));
        text.push(padding as u8);
        let cipher = cbc::Encryptor::<Aes128>::new((&*self.encryption).into(), &iv.into());
        let mut sealed = iv.to_vec();
        sealed.extend(cipher.encrypt_padded_vec_mut::<NoPadding>(&text));
        sealed
    }

    /// The message within an encrypted payload; `None` unless it is whole blocks with a possible padding.
    pub(super) fn decrypt(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let (iv, sealed) = payload.split_first_chunk::<BLOCK>()?;
        let cipher = cbc::Decryptor::<Aes128>::new((&*self.encryption).into(), iv.into());
        let mut text = cipher.decrypt_padded_vec_mut::<NoPadding>(sealed).ok()?;
        let padding = usize::from(text.pop()?);
        // Only the length is checked: devices differ in the bytes, and the payload was signed.
        if padding >= BLOCK {
            return None;
        }
        text.truncate(text.len().checked_sub(padding)?);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Test cases 2 of RFC 4231 and RFC 2202.
    #[rstest]
    #[case(
        CipherSuite::Sha256,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )]
    #[case(CipherSuite::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")]
    fn signatures_are_those_of_the_standard(#[case] suite: CipherSuite, #[case] expected: &str) {
        let key = SigningKey::new(suite, b"Jefe");
        let digest = key.sign(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(&digest), expected);
        assert!(key.verify(&[b"what do ya want for nothing?"], &digest, suite.digest_length()));
        assert!(key.verify(&[b"what do ya want for nothing?"], &digest[..12], 12));
        assert!(!key.verify(&[b"what do ya want for nothing!"], &digest, suite.digest_length()));
        assert!(
            !key.verify(&[b"what do ya want for nothing?"], &digest[..12], 16),
            "a shortened code passed"
        );
        assert!(
            !key.verify(&[b"what do ya want for nothing?"], &[], 0),
            "an empty code passed"
        );
    }

    #[test]
    fn every_message_length_is_padded_and_read_back() {
        let keys = SessionKeys::derive(CipherSuite::Sha256, &SigningKey::new(CipherSuite::Sha256, b"k"));
        for length in 0..70_u8 {
            let message: Vec<u8> = (0..length).collect();
            let sealed = keys.encrypt([9; 16], &message);
            assert_eq!(sealed.len() % BLOCK, 0);
            assert!(sealed.len() >= 2 * BLOCK);
            assert_eq!(keys.decrypt(&sealed).unwrap(), message);
        }
    }

    #[test]
    fn a_payload_that_is_not_whole_blocks_is_refused() {
        let keys = SessionKeys::derive(CipherSuite::Sha1, &SigningKey::new(CipherSuite::Sha1, b"k"));
        for length in [0, 1, 15, 16, 17, 31, 33] {
            assert_eq!(keys.decrypt(&vec![0; length]), None, "{length} bytes");
        }
    }
}
