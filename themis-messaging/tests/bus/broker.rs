//! A broker of the test's own, for its bad days.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::world::{self, SOON, eventually};

fn services() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/services")
}

async fn finish(mut command: Command) -> String {
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A private RabbitMQ. It ends with this value, and else with the process: a test that is killed drops nothing.
pub(crate) struct Broker {
    directory: TempDir,
    /// Its URL.
    pub(crate) url: String,
}

impl Broker {
    /// Starts one, or says that it is left out: when no broker is named for the other tests, there is none installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// Starts one with more lines in its configuration.
    pub(crate) async fn start_with(configuration: &str) -> Option<Self> {
        Self::launch(configuration, None).await
    }

    /// Starts another node of this broker's cluster.
    pub(crate) async fn start_joined(&self) -> Self {
        Self::launch("", Some(self)).await.unwrap()
    }

    async fn launch(configuration: &str, cluster: Option<&Self>) -> Option<Self> {
        world::broker()?;
        let directory = tempfile::Builder::new().prefix("bus").tempdir_in("/tmp").unwrap();
        let more = directory.path().join("more.conf");
        std::fs::write(&more, configuration).unwrap();
        let mut broker = Self {
            directory,
            url: String::new(),
        };
        broker.start_service(&more, cluster).await;
        let env = std::fs::read_to_string(broker.services_directory().join("env")).unwrap();
        let url = env
            .lines()
            .find_map(|line| line.strip_prefix("export THEMIS_TEST_AMQP_URL="))
            .unwrap();
        broker.url = url.trim_end_matches('/').to_owned();
        Some(broker)
    }

    fn services_directory(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    fn command(&self, verb: &str, rest: &[&str]) -> Command {
        let mut command = Command::new(services());
        command
            .arg(verb)
            .arg(self.services_directory())
            .args(rest)
            .env("SERVICES_OWNER", std::process::id().to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn start_service(&self, more: &PathBuf, cluster: Option<&Self>) {
        let mut command = self.command("start", &["rabbit"]);
        command.env("SERVICES_RABBIT_CONF", more);
        if let Some(cluster) = cluster {
            command.env("SERVICES_JOIN", cluster.services_directory());
        }
        finish(command).await;
    }

    /// `rabbit-kill`, `rabbit-start` and so on.
    pub(crate) async fn act(&self, verb: &str) {
        finish(self.command(verb, &[])).await;
    }

    /// `rabbitmqctl` of this broker.
    pub(crate) async fn ctl(&self, words: &[&str]) -> String {
        finish(self.command("rabbitctl", words)).await
    }

    /// How many messages lie in the queues whose name begins so, per queue.
    pub(crate) async fn depths(&self, prefix: &str) -> Vec<(String, usize)> {
        let listed = self
            .ctl(&["list_queues", "name", "messages", "--no-table-headers"])
            .await;
        listed
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, depth)| (name.to_owned(), depth.trim().parse().unwrap()))
            .collect()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let stopped = std::process::Command::new(services())
            .arg("stop")
            .arg(self.services_directory())
            .status();
        // The test may be failing already: nothing more to say then.
        if !std::thread::panicking() {
            assert!(stopped.unwrap().success(), "a broker outlives its test");
        }
    }
}

/// How many processes were started for the services of a directory.
fn running(directory: &Path) -> usize {
    let mark = format!("SERVICES_MARK={}", directory.display());
    let carries = |environment: Vec<u8>| {
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == mark.as_bytes())
    };
    let environments = std::fs::read_dir("/proc").unwrap().flatten();
    environments
        .filter_map(|process| std::fs::read(process.path().join("environ")).ok())
        .filter(|environment| carries(environment.clone()))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_cluster_may_end_in_any_order_and_leave_nothing_behind() {
    let Some(first) = Broker::start().await else { return };
    let second = first.start_joined().await;
    let directories = [first.services_directory(), second.services_directory()];
    assert!(directories.iter().all(|directory| running(directory) > 0));
    drop(first);
    drop(second);
    assert_eq!(directories.map(|directory| running(&directory)), [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_ends_with_the_process_that_started_it_whatever_it_was_about_to_do() {
    if world::broker().is_none() {
        return;
    }
    // Killed while the broker starts, and when it runs.
    for wait in [Duration::from_millis(300), SOON * 6] {
        let directory = tempfile::Builder::new().prefix("bus").tempdir_in("/tmp").unwrap();
        let services_directory = directory.path().join("s");
        let mut owner = Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
        let mut start = Command::new(services());
        start
            .args([Path::new("start"), &services_directory, Path::new("rabbit")])
            .env("SERVICES_OWNER", owner.id().unwrap().to_string())
            // That it is left to its minder is what this test wants.
            .env_remove("SERVICES_ORPHANS");
        let mut start = start.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = tokio::time::timeout(wait, start.wait()).await;
        assert!(running(&services_directory) > 0, "it was not begun: {started:?}");
        owner.kill().await.unwrap();
        eventually("the broker ends with its owner", || running(&services_directory) == 0).await;
        assert!(start.wait().await.unwrap().success() == started.is_ok());
    }
}
