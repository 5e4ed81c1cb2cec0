//! A genuine Python peer: `interop/oslo_peer.py` as a child process.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::{left_out, mortal};

/// Python starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The Pythons to test with: Debian's, and the one of `THEMIS_TEST_OSLO_PYTHON` (a newer oslo.messaging) if set.
pub(crate) fn pythons() -> Vec<String> {
    let mut pythons = Vec::new();
    if std::path::Path::new("/usr/lib/python3/dist-packages/oslo_messaging").exists() {
        pythons.push("/usr/bin/python3".to_owned());
    } else {
        left_out("Debian's oslo.messaging; apt-get install python3-oslo.messaging");
    }
    match std::env::var("THEMIS_TEST_OSLO_PYTHON") {
        Ok(python) if python == "none" => {
            println!("without the newest oslo.messaging, as THEMIS_TEST_OSLO_PYTHON says")
        }
        Ok(python) => pythons.push(python),
        Err(_) => left_out("the newest oslo.messaging; THEMIS_TEST_OSLO_PYTHON names no Python that has it (.ci/oslo)"),
    }
    pythons
}

/// A running peer.
pub(crate) struct Peer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    pub(crate) fn start(python: &str, url: &str, options: &[&str], command: &[&str]) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../interop/oslo_peer.py");
        let mut child = Command::from(mortal(python))
            .arg("-W")
            .arg("ignore")
            .arg(script)
            .args(["--transport-url", url, "--exchange", "themis"])
            .args(options)
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next event, which must be of this kind.
    pub(crate) async fn expect(&mut self, event: &str) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("the peer said nothing, not even '{event}'"));
        let line = line
            .unwrap()
            .unwrap_or_else(|| panic!("the peer ended instead of saying '{event}'"));
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said["event"], event, "{said}");
        said
    }

    /// What a command says first. It is not let to its end: Python's goodbye takes ten seconds.
    pub(crate) async fn ask(python: &str, url: &str, options: &[&str], command: &[&str]) -> Value {
        let mut peer = Self::start(python, url, options, command);
        let line = timeout(PATIENCE, peer.lines.next_line())
            .await
            .expect("the peer said nothing");
        serde_json::from_str(&line.unwrap().expect("the peer ended without a word")).unwrap()
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}
