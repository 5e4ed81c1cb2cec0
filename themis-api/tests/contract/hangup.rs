//! The program itself, told by SIGHUP to read the access rules again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cloud;
use crate::support::with_api;
use crate::{left_out, mortal};

const RULE: &str = "os_masakari_api:segments:index";

/// The program with its files; ended with the test.
struct Program {
    process: Child,
    url: String,
    files: tempfile::TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Program {
    fn start(database: &str, broker: &str, keystone: &str, rules: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = files.path().join("themis.conf");
        let text = format!(
            "[DEFAULT]\ntransport_url = {broker}\nlog_file = {}\n[database]\nconnection = {database}\n[api]\nlisten = 127.0.0.1\n\
             port = {port}\n[keystone_authtoken]\nauth_url = {keystone}/v3\nusername = themis\npassword = labpass\n",
            files.path().join("log").display()
        );
        std::fs::write(&config, text).unwrap();
        std::fs::write(files.path().join("policy.yaml"), rules).unwrap();
        let process = mortal(env!("CARGO_BIN_EXE_themis-api"))
            .arg("--config-file")
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Self { process, url, files }
    }

    fn rules(&self, text: &str) {
        std::fs::write(self.files.path().join("policy.yaml"), text).unwrap();
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(Path::new(self.files.path()).join("log")).unwrap_or_default()
    }

    /// What a member of a project gets for the list of segments; nothing before the program listens.
    async fn asked_by_member(&self) -> Option<u16> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.get(format!("{}/v1/segments", self.url));
        let answer = request.header("x-auth-token", "token-of-member").send().await.ok()?;
        Some(answer.status().as_u16())
    }
}

/// Asks until it holds; a condition and a deadline.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..300 {
        tick.tick().await;
        if holds().await {
            return;
        }
    }
    panic!("not within 30 s: {what}");
}

#[tokio::test]
async fn sighup_brings_new_rules_into_force_and_a_broken_file_changes_nothing() {
    let Ok(broker) = std::env::var("THEMIS_TEST_AMQP_URL") else {
        left_out("THEMIS_TEST_AMQP_URL is not set (. DIR/env after .ci/services start DIR)");
        return;
    };
    with_api(async |api| {
        let (_, keystone) = cloud::start().await;
        let program = Program::start(&api.database_url, &broker, &keystone, "");
        until("the defaults refuse", async || {
            program.asked_by_member().await == Some(403)
        })
        .await;
        program.rules(&format!("\"{RULE}\": \"role:member\"\n"));
        until("the new rule lets in", async || {
            program.asked_by_member().await == Some(200)
        })
        .await;
        program.rules(&format!("# broken\n\"{RULE}\": \"role:member and\"\n"));
        let words = format!("policy.yaml, line 2: rule '{RULE}': it ends where a check is wanted");
        until("the fault is told", async || program.log().contains(&words)).await;
        assert_eq!(program.asked_by_member().await, Some(200));
        assert!(!program.log().contains("token-of-member"), "a token is in the log");

        let broken = format!("\n\n\"{RULE}\": \"role:member or\"\n");
        let mut refused = Program::start(&api.database_url, &broker, &keystone, &broken);
        until("it does not start", async || {
            refused.process.try_wait().unwrap().is_some()
        })
        .await;
        assert!(!refused.process.wait().unwrap().success());
        let mut told = String::new();
        std::io::Read::read_to_string(&mut refused.process.stderr.take().unwrap(), &mut told).unwrap();
        assert!(told.contains(&format!("policy.yaml, line 3: rule '{RULE}'")), "{told}");
    })
    .await;
}
