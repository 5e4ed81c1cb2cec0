//! A broker of the test's own, for its bad days.

use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use crate::world;

fn services() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/services")
}

async fn finish(mut command: Command) -> String {
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A private RabbitMQ; it ends with the test.
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
            .stdin(Stdio::null());
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
        // The test may be failing already: nothing more to say then.
        let _ = std::process::Command::new(services())
            .arg("stop")
            .arg(self.services_directory())
            .status();
    }
}
