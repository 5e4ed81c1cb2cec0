//! A message's body and the properties that say how to read it.

use std::borrow::Cow;
use std::io::Read;

use super::DecodeError;

/// The longest body that is read or written, in bytes, compressed or not.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// The one content type that an oslo server takes.
pub const CONTENT_TYPE: &str = "application/json";

/// The body of a delivery, decompressed. `compression` is the header of that name (kombu's).
///
/// # Errors
/// A wrong content type, an unknown or broken compression, more than [`MAX_BODY`] bytes.
pub fn open<'a>(
    content_type: Option<&str>,
    compression: Option<&str>,
    body: &'a [u8],
) -> Result<Cow<'a, [u8]>, DecodeError> {
    if content_type != Some(CONTENT_TYPE) {
        return Err(DecodeError::ContentType(
            content_type.unwrap_or_default().chars().take(80).collect(),
        ));
    }
    if body.len() > MAX_BODY {
        return Err(DecodeError::TooLong);
    }
    match compression {
        None | Some("") => Ok(Cow::Borrowed(body)),
        // kombu's gzip is a zlib stream; a true gzip file is told by its first bytes.
        Some("application/x-gzip" | "gzip" | "zlib") if body.starts_with(&[0x1f, 0x8b]) => {
            read_all("gzip", flate2::read::GzDecoder::new(body))
        }
        Some("application/x-gzip" | "gzip" | "zlib") => read_all("zlib", flate2::read::ZlibDecoder::new(body)),
        Some("application/x-bz2" | "bzip2" | "bz2") => read_all("bz2", bzip2::read::BzDecoder::new(body)),
        Some(other) => Err(DecodeError::Compression {
            method: other.chars().take(80).collect(),
            what: "unknown; set kombu_compression of the sender to gzip or bz2".to_owned(),
        }),
    }
}

fn read_all<'a>(method: &str, reader: impl Read) -> Result<Cow<'a, [u8]>, DecodeError> {
    let mut plain = Vec::new();
    // One byte more than allowed tells a body that is too long from one that just fits.
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|error| DecodeError::Compression {
            method: method.to_owned(),
            what: error.to_string(),
        })?;
    if plain.len() > MAX_BODY {
        Err(DecodeError::TooLong)
    } else {
        Ok(Cow::Owned(plain))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const JSON: Option<&str> = Some(CONTENT_TYPE);

    #[test]
    fn only_json_is_taken() {
        assert!(open(JSON, None, b"{}").is_ok());
        for wrong in [None, Some("text/plain"), Some("application/json; charset=utf-8")] {
            assert!(matches!(open(wrong, None, b"{}"), Err(DecodeError::ContentType(_))));
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_the_memory() {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![b' '; MAX_BODY + 1]).unwrap();
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 100_000);
        assert!(matches!(
            open(JSON, Some("application/x-gzip"), &packed),
            Err(DecodeError::TooLong)
        ));
    }

    #[test]
    fn all_of_kombus_compressions_are_read() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{}").unwrap();
        assert_eq!(
            &*open(JSON, Some("application/x-gzip"), &gzip.finish().unwrap()).unwrap(),
            b"{}"
        );
        let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz2.write_all(b"{}").unwrap();
        assert_eq!(
            &*open(JSON, Some("application/x-bz2"), &bz2.finish().unwrap()).unwrap(),
            b"{}"
        );
        assert!(open(JSON, Some("application/x-bz2"), b"BZh9nonsense").is_err());
        assert!(open(JSON, Some("application/x-lzma"), b"").is_err());
    }
}
