//! Two engines, each at a node of its own of a real Galera cluster, while nodes are cut off and die: one leads at a time,
//! and what a former leader sends late is refused. Neither needs a broker to lead.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use themis_db::connect_url;
use themis_db::lease::lease_read;
use themis_db::testing::{GaleraCluster, mortal};

/// Enough for a lease to run out, on a busy machine.
const SOON: Duration = Duration::from_secs(40);

const LEADS: &str = " leads, epoch";
const RESIGNS: &str = " resigns the lead";

struct Engine {
    directory: TempDir,
    program: Child,
}

/// An engine's word on its lead, as logged: when, and whether it has it.
#[derive(Debug)]
struct Word {
    at: String,
    leads: bool,
}

impl Engine {
    fn start(name: &str, database_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("themis.conf");
        let text = format!(
            "[DEFAULT]\ntransport_url = rabbit://guest:guest@127.0.0.1:9/\nlog_file = {log}\n[database]\nconnection = {database_url}\n\
             [keystone_authtoken]\nauth_url = http://127.0.0.1:9/\nusername = themis\npassword = x\n[network:storage]\n\
             [engine]\nname = {name}\nlease_ttl = 6\nlease_renew = 1\nlease_margin = 1\n",
            log = directory.path().join("log").display(),
        );
        std::fs::write(&file, text).unwrap();
        let program = mortal(env!("CARGO_BIN_EXE_themis-engine"))
            .arg("--config-file")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { directory, program }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn words(&self, engine: &str) -> Vec<Word> {
        let word = |line: &str| {
            let leads = line.contains(&format!("{engine}{LEADS}"));
            (leads || line.contains(&format!("{engine}{RESIGNS}"))).then(|| Word {
                at: line[..23].to_owned(),
                leads,
            })
        };
        self.log().lines().filter_map(word).collect()
    }

    /// Waits until its log has these words so many times.
    async fn says(&self, words: &str, times: usize) {
        let said = tokio::time::timeout(SOON, async {
            while self.log().matches(words).count() < times {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        if said.await.is_err() {
            panic!("'{words}' is not said {times} times:\n{}", self.log());
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_galera_two_engines_at_two_nodes_never_lead_at_once() {
    let Some(cluster) = GaleraCluster::start() else { return };
    let urls = cluster.database().await;
    let first = Engine::start("engine-1", &urls[2]);
    first.says(LEADS, 1).await;
    let second = Engine::start("engine-2", &urls[0]);
    cluster.cut(2).await;
    second.says(LEADS, 1).await;
    cluster.join(2).await;
    cluster.kill(0);
    first.says(LEADS, 2).await;
    // A leader whose node is gone without a word says so when its last question is given up; till then it waits, and what it
    // would commit or send is refused: its time is over, and the row is another's.
    second.says(RESIGNS, 1).await;

    let (first, second) = (first.words("engine-1"), second.words("engine-2"));
    let leads = |words: &[Word]| words.iter().map(|word| word.leads).collect::<Vec<_>>();
    assert_eq!(
        (leads(&first), leads(&second)),
        (vec![true, false, true], vec![true, false])
    );
    assert!(
        first[1].at < second[0].at && second[0].at < first[2].at,
        "{first:#?} {second:#?}"
    );
    let now = lease_read(&connect_url(urls[1].clone()).await.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((now.holder.as_str(), now.epoch), ("engine-1", themis_core::Epoch(3)));
}
