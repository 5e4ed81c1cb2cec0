//! What a queue delivers: properties, compression, envelope, then a request or a reply. What decodes must encode, and
//! decode to the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use themis_messaging::envelope::{MAX_BODY, Reply, Request, body, unwrap};

/// By its first bytes, so that compressed seeds stay valid files: what kombu would have written into the header.
fn compression(data: &[u8]) -> Option<&'static str> {
    match data {
        [0x1f, 0x8b, ..] | [0x78, _, ..] => Some("application/x-gzip"),
        [b'B', b'Z', b'h', ..] => Some("application/x-bz2"),
        _ => None,
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(plain) = body::open(Some(body::CONTENT_TYPE), compression(data), data) else {
        return;
    };
    assert!(plain.len() <= MAX_BODY);
    if unwrap(&plain).is_err() {
        assert!(Request::decode(&plain).is_err() && Reply::decode(&plain).is_err());
        return;
    }
    if let Ok(request) = Request::decode(&plain) {
        let again = Request::decode(&request.encode().expect("encodes")).expect("decodes again");
        assert_eq!(format!("{again:?}"), format!("{request:?}"));
    }
    if let Ok(reply) = Reply::decode(&plain) {
        let again = Reply::decode(&reply.encode().expect("encodes")).expect("decodes again");
        assert_eq!(format!("{again:?}"), format!("{reply:?}"));
    }
});
