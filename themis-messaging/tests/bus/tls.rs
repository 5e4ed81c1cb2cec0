//! TLS to a real broker, with certificates made for the test.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use themis_config::Source;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Context, Endpoint, ServerName, Settings, SettingsError, Target, Version};

use crate::broker::Broker;
use crate::recorder::Recorder;
use crate::world::{SOON, topic};

fn openssl(directory: &Path, words: &str) {
    let output = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {words}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An authority, and a certificate by it for 127.0.0.1, which serves as the client's too.
fn certificates() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for authority in ["ca", "other"] {
        let words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj";
        openssl(
            path,
            &format!("{words} /CN={authority} -keyout {authority}.key -out {authority}.pem"),
        );
    }
    openssl(
        path,
        "req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key -out broker.csr",
    );
    std::fs::write(path.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let sign = "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
    openssl(path, &format!("{sign} -out broker.pem"));
    directory
}

fn settings(place: &str, directory: &Path, section: &str) -> Result<Settings, SettingsError> {
    let section = section.replace("DIR", &directory.display().to_string());
    let text = format!(
        "[DEFAULT]\ntransport_url = rabbit://guest:guest@{place}/\n[oslo_messaging_rabbit]\nssl = true\n{section}"
    );
    Settings::read(&Source::from_text("t.conf", &text).unwrap())
}

async fn speaks(settings: Settings) -> bool {
    let topic = topic();
    let bus = RabbitBus::start(settings, "test").unwrap();
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, Recorder::new()).unwrap();
    if serving.ready(std::time::Duration::from_secs(3)).await.is_err() {
        return false;
    }
    let target = Target::topic(topic, Version::ONE);
    bus.call(&Context::fresh(), &target, "echo", json!({}), SOON)
        .await
        .is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_is_spoken_to_by_tls_when_its_certificate_is_the_right_one() {
    let directory = certificates();
    let path = directory.path();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let at = path.display();
    let configuration = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {at}/ca.pem\nssl_options.certfile = {at}/broker.pem\n\
         ssl_options.keyfile = {at}/broker.key\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"
    );
    let Some(broker) = Broker::start_with(&configuration).await else {
        return;
    };
    let client = "ssl_cert_file = DIR/broker.pem\nssl_key_file = DIR/broker.key\n";
    let read = |section: &str| settings(&format!("127.0.0.1:{port}"), path, section).unwrap();
    assert!(speaks(read(&format!("ssl_ca_file = DIR/ca.pem\n{client}"))).await);
    assert!(
        !speaks(read(&format!("ssl_ca_file = DIR/other.pem\n{client}"))).await,
        "signed by another authority"
    );
    assert!(!speaks(read(client)).await, "the system does not know this authority");
    assert!(
        !speaks(read("ssl_ca_file = DIR/ca.pem\n")).await,
        "the broker wants our certificate"
    );

    // By another name the same broker is reached, and not believed, whatever the option says.
    let plain = Settings::for_url(&broker.url.replace("127.0.0.1", "localhost")).unwrap();
    assert!(speaks(plain).await, "localhost leads to the broker");
    for option in ["", "ssl_enforce_hostname_verification = false\n"] {
        let section = format!("ssl_ca_file = DIR/ca.pem\n{client}{option}");
        let by_name = settings(&format!("localhost:{port}"), path, &section).unwrap();
        assert!(!speaks(by_name).await, "the certificate is for 127.0.0.1 alone");
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_option() {
    let directory = certificates();
    std::fs::write(directory.path().join("empty"), "").unwrap();
    for (section, named) in [
        ("ssl_ca_file = DIR/missing.pem\n", "ssl_ca_file: "),
        ("ssl_ca_file = DIR/empty\n", "no certificate in it"),
        (
            "ssl_ca_file = DIR/ca.pem\nssl_cert_file = DIR/broker.pem\nssl_key_file = DIR/empty\n",
            "ssl_key_file: ",
        ),
        (
            "ssl_ca_file = DIR/ca.pem\nssl_cert_file = DIR/broker.pem\nssl_key_file = DIR/other.key\n",
            "ssl_key_file: ",
        ),
    ] {
        let settings = settings("127.0.0.1:5671", directory.path(), section).unwrap();
        let error = RabbitBus::start(settings, "test").unwrap_err().to_string();
        assert!(error.contains(named), "{section}: {error}");
    }
}
