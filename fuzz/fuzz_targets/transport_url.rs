//! An operator's `transport_url`: taken apart or refused, and neither the parts nor the error show a password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use themis_messaging::url::TransportUrl;

const SECRET: &str = "pa55-w0rd-of-the-broker";

fuzz_target!(|text: &str| {
    if let Ok(url) = TransportUrl::parse(text) {
        assert!(!url.hosts.is_empty());
        assert!(url.hosts.iter().all(|host| host.port > 0 || text.contains(":0")));
    }
    // The same with a password where passwords stand.
    let with_secret = text.replacen('@', &format!("{SECRET}@"), 1);
    let said = match TransportUrl::parse(&with_secret) {
        // It came to stand where names stand, and those are shown.
        Ok(url) if url.vhost.contains(SECRET) || url.hosts.iter().any(|host| host.name.contains(SECRET)) => return,
        Ok(url)
            if url
                .options
                .iter()
                .any(|(name, value)| name.contains(SECRET) || value.contains(SECRET)) =>
        {
            return;
        }
        Ok(url) => format!("{url:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!said.contains(SECRET), "{said}");
});
