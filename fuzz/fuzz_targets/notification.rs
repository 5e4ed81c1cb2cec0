//! A notification, with the envelope and without, and the versioned object in its payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use themis_messaging::envelope::{Form, Notification};
use themis_messaging::versioned::VersionedObject;

fuzz_target!(|data: &[u8]| {
    let Ok(notification) = Notification::decode(data) else {
        return;
    };
    for form in [Form::Plain, Form::Envelope] {
        let again = Notification::decode(&notification.encode(form).expect("encodes")).expect("decodes again");
        assert_eq!(format!("{again:?}"), format!("{notification:?}"));
    }
    for prefix in ["masakari_object", "versioned_object", "nova_object"] {
        if let Ok(object) = VersionedObject::decode(prefix, &notification.payload) {
            let again = VersionedObject::decode(prefix, &object.encode(prefix)).expect("decodes again");
            assert_eq!(format!("{again:?}"), format!("{object:?}"));
        }
    }
});
