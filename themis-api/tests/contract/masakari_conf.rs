//! The program started with files that were written for Masakari: it starts, or says what to change.

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::with_api;
use crate::{cloud, left_out, mortal};

/// What deployment tools write.
const DEPLOYED: &str = include_str!("../../../themis-config/testing/masakari.conf");
/// What Debian's package installs.
const DEBIANS: &str = "/usr/share/masakari-common/masakari.conf";

/// The program on a file; ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Program {
    fn start(config: &std::path::Path, environment: &[(&str, &str)]) -> Self {
        let program = mortal(env!("CARGO_BIN_EXE_themis-api"))
            .arg("--config-file")
            .arg(config)
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn();
        Self(program.unwrap())
    }

    /// Its last words.
    async fn refusal(mut self) -> String {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..600 {
            tick.tick().await;
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(!status.success());
                let mut words = String::new();
                self.0.stderr.take().unwrap().read_to_string(&mut words).unwrap();
                return words;
            }
        }
        panic!("it did not end within 30 s");
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// What an administrator gets for the list of segments, once the program listens.
async fn asked_by_admin(port: u16) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..300 {
        tick.tick().await;
        let request = http.get(format!("http://127.0.0.1:{port}/v1/segments"));
        if let Ok(answer) = request.header("x-auth-token", "token-of-admin").send().await {
            return answer.status().as_u16();
        }
    }
    panic!("nobody listens on port {port} after 30 s");
}

#[tokio::test]
async fn a_deployed_masakari_conf_starts_the_api_which_says_what_counts_otherwise() {
    let Ok(broker) = std::env::var("THEMIS_TEST_AMQP_URL") else {
        left_out("THEMIS_TEST_AMQP_URL is not set (. DIR/env after .ci/services start DIR)");
        return;
    };
    with_api(async |api| {
        let (_, keystone) = cloud::start().await;
        let files = tempfile::tempdir().unwrap();
        let port = free_port();
        let filled = [
            ("LOG_DIR", files.path().display().to_string()),
            ("TRANSPORT_URL", broker.clone()),
            ("API_PORT", port.to_string()),
            ("RegionOne", "R".to_owned()),
            ("KEYSTONE_URL", format!("{keystone}/v3")),
            ("DATABASE_URL", api.database_url.replace('$', "$$")),
        ];
        let text = filled
            .iter()
            .fold(DEPLOYED.to_owned(), |text, (hole, value)| text.replace(hole, value));
        let config = files.path().join("themis.conf");
        std::fs::write(&config, text).unwrap();
        let program = Program::start(&config, &[]);
        assert_eq!(asked_by_admin(port).await, 200);
        drop(program);
        let log = std::fs::read_to_string(files.path().join("themis-api.log")).unwrap();
        for told in [
            "'masakari_api_listen_port' in [DEFAULT] counts as 'port' in [api]; write that",
            "'os_privileged_user_name' in [DEFAULT] counts as 'username' in [nova]; write that",
            "'masakari_api_workers' in [DEFAULT] has no effect: one process of themis-api uses all cores",
            "'logging_context_format_string' in [DEFAULT] has no effect: lines are in oslo.log's default format",
            "'delay_auth_decision' in [keystone_authtoken] has no effect: a request without a valid token is 401",
            "[taskflow] has no effect: recoveries are kept in Themis's own database",
            "[coordination] has no effect: leadership and exclusion are held in the database",
        ] {
            assert!(log.contains(told), "{told}\n{log}");
        }
        for secret in ["nova$", "keystone secret", "MEMCACHE_SECRET"] {
            assert!(!log.contains(secret), "{log}");
        }
        assert!(!log.contains("unknown"), "{log}");
    })
    .await;
}

#[tokio::test]
async fn debians_masakari_conf_is_refused_for_what_it_leaves_open_and_starts_once_that_is_said() {
    let Ok(broker) = std::env::var("THEMIS_TEST_AMQP_URL") else {
        left_out("THEMIS_TEST_AMQP_URL is not set (. DIR/env after .ci/services start DIR)");
        return;
    };
    let Ok(text) = std::fs::read_to_string(DEBIANS) else {
        left_out("Debian's masakari-common is not installed");
        return;
    };
    with_api(async |api| {
        let (_, keystone) = cloud::start().await;
        let files = tempfile::tempdir().unwrap();
        let config = files.path().join("themis.conf");
        std::fs::write(
            &config,
            text.replace("http://localhost:5000", &format!("{keystone}/v3")),
        )
        .unwrap();
        let told = Program::start(&config, &[]).refusal().await;
        assert!(told.contains("[keystone_authtoken] password is not set"), "{told}");
        let port = free_port().to_string();
        let mut environment = vec![
            ("OS_KEYSTONE_AUTHTOKEN__PASSWORD", "labpass"),
            ("OS_API__PORT", port.as_str()),
            ("OS_KEYSTONE_AUTHTOKEN__REGION_NAME", ""),
            ("OS_DEFAULT__TRANSPORT_URL", broker.as_str()),
        ];
        let told = Program::start(&config, &environment).refusal().await;
        assert!(told.contains("[database] connection is not set"), "{told}");
        environment.push(("THEMIS_DATABASE__CONNECTION", &api.database_url));
        let _program = Program::start(&config, &environment);
        assert_eq!(asked_by_admin(port.parse().unwrap()).await, 200);
    })
    .await;
}
