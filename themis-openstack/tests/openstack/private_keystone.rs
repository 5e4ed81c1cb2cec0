//! Debian's Keystone, started for one test and ended with it; see `private_keystone.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use themis_openstack::keystone::{Cloud, Credentials, Domain, Interface, Person, Scope, Session};

use crate::left_out;

const PYTHON: &str = "/usr/bin/python3";
const PASSWORD: &str = "pw-of-admin";

pub(crate) struct PrivateKeystone {
    /// Its address, without a version.
    pub(crate) url: String,
    /// The same for those who show a certificate.
    pub(crate) tls: String,
    /// Ours, in the administrative project.
    pub(crate) session: Session,
    home: TempDir,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    tls: String,
}

impl PrivateKeystone {
    /// `None` where Debian's Keystone is not installed.
    pub(crate) fn start() -> Option<Self> {
        let there = Command::new(PYTHON)
            .args(["-c", "import keystone.cmd.cli"])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            left_out("python3-keystone is not installed");
            return None;
        }
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let home = tempfile::tempdir().unwrap();
        let mut process = Command::new(PYTHON)
            .args(["-B", "-c", include_str!("private_keystone.py")])
            .arg(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let Ready { url, tls } = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!("keystone did not start; what it said stands above");
        });
        Some(Self {
            session: Session::new(cloud(&url)).unwrap(),
            url,
            tls,
            home,
            process,
            orders,
            answers,
        })
    }

    fn order(&mut self, words: &str) -> String {
        writeln!(self.orders, "{words}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// From now on it signs with another key, whose public half it has published.
    pub(crate) fn rotate(&mut self) {
        assert_eq!(self.order("rotate"), "done");
    }

    /// Questions about tokens that it has heard.
    pub(crate) fn validations(&mut self) -> usize {
        self.order("validations").parse().unwrap()
    }

    /// A file of its own: `public` is the directory of its public keys.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The private key that it signs with, as a forger who broke in would have it.
    pub(crate) fn private_key(&self) -> Vec<u8> {
        std::fs::read(self.path("private/private.pem")).unwrap()
    }

    /// Ends it while the test goes on: an outage.
    pub(crate) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// A token of the administrator's, by hand.
    pub(crate) async fn issue(&self, scope: Value) -> String {
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": PASSWORD});
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}/v3/auth/tokens", self.url)).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.headers()["x-subject-token"].to_str().unwrap().to_owned()
    }

    /// A token for the administrative project.
    pub(crate) async fn issue_for_project(&self) -> String {
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        self.issue(scope).await
    }

    pub(crate) async fn revoke(&self, token: &str) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http
            .delete(format!("{}/v3/auth/tokens", self.url))
            .header("x-auth-token", token)
            .header("x-subject-token", token);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}

impl Drop for PrivateKeystone {
    fn drop(&mut self) {
        // It may have been stopped already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Its administrator, in the administrative project.
fn cloud(url: &str) -> Cloud {
    let domain = || Domain::Name("Default".to_owned());
    Cloud {
        auth_url: url.to_owned(),
        credentials: Credentials::Password {
            user: Person::Named {
                name: "admin".to_owned(),
                domain: domain(),
            },
            password: SecretString::from(PASSWORD),
            scope: Scope::Project {
                name: "admin".to_owned(),
                domain: domain(),
            },
        },
        region: Some("RegionOne".to_owned()),
        interfaces: vec![Interface::Internal],
        cafile: None,
        certificate: None,
        insecure: false,
        timeout: Duration::from_secs(10),
        endpoint_overrides: [].into(),
    }
}

/// The public keys of a directory, for a validator.
pub(crate) fn keys(directory: &Path) -> themis_openstack::token::JwsKeys {
    themis_openstack::token::JwsKeys::load(directory).unwrap()
}
