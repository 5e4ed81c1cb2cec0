//! A private RabbitMQ and a private MariaDB (`.ci/services`), and how the broker fares.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use themis_core::report::OBSERVATIONS_TOPIC;
use tokio::process::Command;

/// The name of the database.
const DATABASE: &str = "themis";

/// Both servers; they end with this value, and else with this process.
pub(crate) struct Services {
    directory: TempDir,
    /// Of the broker.
    pub(crate) transport_url: String,
    /// Of the database, which is empty.
    pub(crate) connection: String,
}

/// One look at the broker.
pub(crate) struct Sample {
    /// Resident memory of its process.
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

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/services")
}

impl Services {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("outage").tempdir_in("/tmp")?;
        let mut services = Self {
            directory,
            transport_url: String::new(),
            connection: String::new(),
        };
        services.run("start", &[]).await?;
        let env = std::fs::read_to_string(services.at("env"))?;
        let named = |name: &str| {
            let line = env
                .lines()
                .find_map(|line| line.strip_prefix(&format!("export {name}="))?.strip_suffix('/'));
            line.map(str::to_owned).with_context(|| format!("no {name}"))
        };
        services.transport_url = named("THEMIS_TEST_AMQP_URL")?;
        services.connection = format!("{}/{DATABASE}", named("THEMIS_TEST_MYSQL_URL")?);
        let made = Command::new("mariadb")
            .args(["--no-defaults", "-e", &format!("create database {DATABASE}"), "-S"])
            .arg(services.at("mariadb.sock"))
            .status()
            .await?;
        ensure!(made.success(), "the database was not made");
        Ok(services)
    }

    /// A place for files.
    pub(crate) fn files(&self) -> &std::path::Path {
        self.directory.path()
    }

    fn at(&self, file: &str) -> PathBuf {
        self.directory.path().join("s").join(file)
    }

    async fn run(&self, verb: &str, rest: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(program())
            .arg(verb)
            .arg(self.at(""))
            .args(rest)
            .env("SERVICES_OWNER", std::process::id().to_string())
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

impl Drop for Services {
    fn drop(&mut self) {
        // The check may be failing already: nothing more to say then.
        let _ = std::process::Command::new(program())
            .arg("stop")
            .arg(self.at(""))
            .status();
    }
}
