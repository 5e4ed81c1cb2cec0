//! Messages captured from two releases of oslo.messaging: each decodes, and encodes to the same again.

use std::path::PathBuf;

use serde_json::Value;
use themis_messaging::envelope::{Form, Notification, Reply, Request, body, unwrap};

struct Fixture {
    file: String,
    content: Value,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let releases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../interop/fixtures");
        let mut fixtures = Vec::new();
        for release in std::fs::read_dir(releases).unwrap() {
            for file in std::fs::read_dir(release.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let content = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
                fixtures.push(Self {
                    file: path.display().to_string(),
                    content,
                });
            }
        }
        fixtures
    }

    fn named(&self, prefixes: &[&str]) -> bool {
        let name = self.content["name"].as_str().unwrap();
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The body, opened by its properties as a delivery's is.
    fn opened(&self) -> Vec<u8> {
        let properties = &self.content["properties"];
        let raw = match self.content["body_hex"].as_str() {
            Some(hex) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
            None => self.content["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        let compression = properties["headers"]["compression"].as_str();
        body::open(properties["content_type"].as_str(), compression, &raw)
            .unwrap()
            .into_owned()
    }

    fn assert_same(&self, encoded: &[u8]) {
        let ours = Value::Object(unwrap(encoded).unwrap());
        assert_eq!(ours, self.content["decoded_message"], "{}", self.file);
    }
}

#[test]
fn every_captured_message_decodes_and_encodes_to_the_same() {
    let (mut requests, mut replies, mut notifications) = (0, 0, 0);
    for fixture in Fixture::all() {
        let body = fixture.opened();
        if fixture.named(&["rpc_request", "rpc_cast"]) {
            let request = Request::decode(&body).unwrap();
            assert_eq!(
                request.call.is_some(),
                fixture.named(&["rpc_request"]),
                "{}",
                fixture.file
            );
            fixture.assert_same(&request.encode().unwrap());
            requests += 1;
        } else if fixture.named(&["rpc_reply"]) {
            assert_reply_is_kept(&fixture, &body);
            replies += 1;
        } else {
            let notification = Notification::decode(&body).unwrap();
            let plain = fixture.content["name"] == "notification_messaging";
            let form = if plain { Form::Plain } else { Form::Envelope };
            let encoded = notification.encode(form).unwrap();
            assert_eq!(
                body.starts_with(b"{\"oslo.version\""),
                encoded.starts_with(b"{\"oslo.version\"")
            );
            fixture.assert_same(&encoded);
            notifications += 1;
        }
    }
    assert_eq!((requests, replies, notifications), (24, 20, 6));
}

/// A failure is JSON inside a string, so its text may differ in white space, its content not.
fn assert_reply_is_kept(fixture: &Fixture, body: &[u8]) {
    let reply = Reply::decode(body).unwrap();
    let mut ours = unwrap(&reply.encode().unwrap()).unwrap();
    let mut theirs = fixture.content["decoded_message"].as_object().unwrap().clone();
    let failure = |message: &mut serde_json::Map<String, Value>| -> Value {
        message
            .remove("failure")
            .unwrap()
            .as_str()
            .map(|text| serde_json::from_str(text).unwrap())
            .unwrap_or_default()
    };
    let (our_failure, their_failure) = (failure(&mut ours), failure(&mut theirs));
    assert_eq!(our_failure, their_failure, "{}", fixture.file);
    assert_eq!(ours, theirs, "{}", fixture.file);
    if let Some(error) = reply.failure {
        assert_eq!(
            error.class,
            fixture.content["decoded_failure"]["class"].as_str().unwrap()
        );
        assert!(error.to_string().starts_with(&error.class));
    }
}
