//! A private broker (`.ci/services`), and how it fares.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use themis_core::report::OBSERVATIONS_TOPIC;
use tokio::process::Command;

/// A broker; it ends with this value.
pub(crate) struct Broker {
    directory: TempDir,
    pub(crate) url: String,
}

/// One look at it.
pub(crate) struct Sample {
    /// Resident memory of the broker's process.
    pub(crate) memory_mb: f64,
    /// Reports in each engine's queue.
    pub(crate) depths: BTreeMap<String, usize>,
}

impl Sample {
    pub(crate) fn shown(&self) -> String {
        let depths: Vec<String> = self.depths.values().map(usize::to_string).collect();
        depths.join(" ")
    }
}

fn services() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/services")
}

impl Broker {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("outage").tempdir_in("/tmp")?;
        let mut broker = Self {
            directory,
            url: String::new(),
        };
        broker.run("start", &["rabbit"]).await?;
        let env = std::fs::read_to_string(broker.at("env"))?;
        let url = env
            .lines()
            .find_map(|line| line.strip_prefix("export THEMIS_TEST_AMQP_URL="));
        url.context("no URL of the broker")?.clone_into(&mut broker.url);
        Ok(broker)
    }

    fn at(&self, file: &str) -> PathBuf {
        self.directory.path().join("s").join(file)
    }

    async fn run(&self, verb: &str, rest: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(services())
            .arg(verb)
            .arg(self.at(""))
            .args(rest)
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "{verb}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Looks at memory and queues.
    pub(crate) async fn sample(&self) -> anyhow::Result<Sample> {
        let words = ["list_queues", "name", "messages", "--no-table-headers"];
        let listed = self.run("rabbitctl", &words).await?;
        let reports = format!("{OBSERVATIONS_TOPIC}_fanout_");
        let depths = listed
            .lines()
            .filter_map(|line| line.strip_prefix(&reports)?.split_once('\t'))
            .map(|(name, depth)| Ok((name.to_owned(), depth.trim().parse()?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Sample {
            memory_mb: self.resident_mb()?,
            depths,
        })
    }

    /// The broker's launcher is a shell; the emulator is the largest process of its session.
    fn resident_mb(&self) -> anyhow::Result<f64> {
        let session = std::fs::read_to_string(self.at("rabbit.pid"))?;
        let output = std::process::Command::new("ps")
            .args(["-o", "rss=", "-s", session.trim()])
            .output()?;
        let sizes = String::from_utf8(output.stdout)?;
        let most = sizes
            .lines()
            .filter_map(|line| line.trim().parse::<f64>().ok())
            .fold(0.0, f64::max);
        ensure!(most > 0.0, "the broker has ended");
        Ok(most / 1024.0)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The check may be failing already: nothing more to say then.
        let _ = std::process::Command::new(services())
            .arg("stop")
            .arg(self.at(""))
            .status();
    }
}
