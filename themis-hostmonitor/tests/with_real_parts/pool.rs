//! A pool of real monitors with real serf agents on loopback addresses, and a bus inside this process on which a test
//! hears what they report and asks them as an engine would. Nothing outlives a pool.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use themis_config::Source;
use themis_core::NetworkName;
use themis_core::report::{HOSTMONITOR_TOPIC, NetworkReport, OBSERVATIONS_TOPIC, Report};
use themis_hostmonitor::config::MonitorConfig;
use themis_hostmonitor::monitor::{self, MonitorError, Surroundings};
use themis_hostmonitor::serf::settings::AgentFiles;
use themis_hostmonitor::serf::supervisor::Agent;
use themis_messaging::local::LocalBus;
use themis_messaging::{Bus, Context, Endpoint, Handler, Keep, RpcError, ServerName, Serving, Target, Topic, Version};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// What reached the engines' topic: method and argument.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) value: Value,
}

struct Ear(mpsc::UnboundedSender<Heard>);

#[async_trait]
impl Handler for Ear {
    async fn handle(&self, _: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        let name = if method == "report" { "report" } else { "answer" };
        let value = args.get(name).cloned().expect("the one argument");
        self.0
            .send(Heard {
                method: method.to_owned(),
                value,
            })
            .ok();
        Ok(Value::Null)
    }
}

pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) runtime_dir: PathBuf,
    config: MonitorConfig,
    running: Option<(CancellationToken, JoinHandle<Result<(), MonitorError>>)>,
}

pub(crate) struct Pool {
    pub(crate) bus: LocalBus,
    pub(crate) hosts: Vec<Host>,
    heard: mpsc::UnboundedReceiver<Heard>,
    _serving: Serving,
    _directory: TempDir,
}

pub(crate) fn network() -> NetworkName {
    NetworkName::new("storage")
}

/// Addresses of a pool that no other pool of this machine's tests has: 127.A.B.1 and on.
pub(crate) fn subnet() -> String {
    let [a, b, ..] = *uuid::Uuid::new_v4().as_bytes();
    format!("127.{}.{}", 10 + a % 200, b)
}

impl Pool {
    /// Monitors of these hosts, started. `extra` is added to `[hostmonitor]`.
    pub(crate) async fn start(names: &[&str], extra: &str) -> Self {
        let mut pool = Self::prepare(names, extra, true).await;
        for index in 0..names.len() {
            pool.boot(index);
        }
        pool
    }

    /// The same, not started; with `peered` false the first host's own address is one that this machine does not have.
    pub(crate) async fn prepare(names: &[&str], extra: &str, peered: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let subnet = subnet();
        let address = |i: usize| {
            if !peered && i == 0 {
                "192.0.2.77".to_owned()
            } else {
                format!("{subnet}.{}", i + 1)
            }
        };
        let peers: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(i, name)| format!("{name}={}", address(i)))
            .collect();
        let options = [("report_interval", "2"), ("shutdown_command", "true")];
        let defaults = options.iter().filter(|(key, _)| !extra.contains(key));
        let extra: String = defaults
            .map(|(key, value)| format!("{key} = {value}\n"))
            .chain([extra.to_owned()])
            .collect();
        let hosts = names.iter().map(|name| {
            let runtime_dir = directory.path().join(name);
            let boot_id = directory.path().join(format!("{name}.boot"));
            std::fs::write(&boot_id, format!("boot-of-{name}\n")).unwrap();
            let system_uuid = directory.path().join(format!("{name}.uuid"));
            std::fs::write(&system_uuid, "4C4C4544-0051-3510-8058-B4C04F573732\n").unwrap();
            let text = format!(
                "[hostmonitor]\nhost = {name}\nruntime_dir = {}\nboot_id_file = {}\nsystem_uuid_file = {}\n{extra}\n[network:storage]\nrpc_port = {}\npeers = {}\n\
                 encrypt_key = MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
                runtime_dir.display(),
                boot_id.display(),
                system_uuid.display(),
                free_port(),
                peers.join(", ")
            );
            let source = Source::from_text("pool.conf", &text).unwrap();
            source.check(&themis_hostmonitor::config::sections()).unwrap();
            let config = MonitorConfig::read(&source, "unnamed").unwrap();
            Host { name: (*name).to_owned(), runtime_dir, config, running: None }
        });
        let hosts = hosts.collect();
        let bus = LocalBus::new();
        let (sender, heard) = mpsc::unbounded_channel();
        let endpoint = Endpoint::new(
            Topic::new(OBSERVATIONS_TOPIC).unwrap(),
            ServerName::new("test").unwrap(),
            Version::ONE,
        );
        let serving = bus.serve(endpoint, Arc::new(Ear(sender))).unwrap();
        Self {
            bus,
            hosts,
            heard,
            _serving: serving,
            _directory: directory,
        }
    }

    /// What a monitor needs to run the agent of this host, for tests of single parts.
    pub(crate) fn agent(&self, index: usize) -> Agent {
        let host = &self.hosts[index];
        Agent {
            host: host.name.clone(),
            network: host.config.networks[0].clone(),
            binary: "serf".to_owned(),
            search_path: std::env::var_os("PATH").unwrap(),
            launcher: env!("CARGO_BIN_EXE_themis-hostmonitor").into(),
            files: AgentFiles::of(&host.runtime_dir, "storage"),
            rpc_key: "key".into(),
        }
    }

    pub(crate) fn boot(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        let surroundings = Surroundings {
            search_path: std::env::var_os("PATH").unwrap(),
            launcher: env!("CARGO_BIN_EXE_themis-hostmonitor").into(),
        };
        let stop = CancellationToken::new();
        let bus: Arc<dyn Bus> = Arc::new(self.bus.clone());
        let run = monitor::run(
            host.config.clone(),
            monitor::board(&host.config),
            bus,
            surroundings,
            stop.clone(),
        );
        host.running = Some((stop, tokio::spawn(run)));
    }

    /// Ends monitor and agent at once, without a word to anybody.
    pub(crate) async fn crash(&mut self, index: usize) {
        let pid = self.agent_pid(index).expect("a running agent");
        let (_, task) = self.hosts[index].running.take().expect("a running monitor");
        signal(pid, "KILL");
        task.abort();
        drop(task.await);
    }

    /// Stops a monitor in order.
    pub(crate) async fn stop(&mut self, index: usize) {
        let (stop, task) = self.hosts[index].running.take().expect("a running monitor");
        stop.cancel();
        task.await.unwrap().unwrap();
    }

    /// Stops every monitor in order and shows that no agent is left.
    pub(crate) async fn end(mut self) {
        let pids: Vec<i32> = (0..self.hosts.len())
            .filter_map(|index| self.agent_pid(index))
            .collect();
        for index in 0..self.hosts.len() {
            if self.hosts[index].running.is_some() {
                self.stop(index).await;
            }
        }
        for pid in pids {
            assert!(!lives(pid), "agent {pid} is left");
        }
    }

    pub(crate) fn agent_pid(&self, index: usize) -> Option<i32> {
        let file = self.hosts[index].runtime_dir.join("serf-storage.pid");
        std::fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// The next thing heard for which `wanted` has a value; everything else is passed over.
    pub(crate) async fn hear<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        let until = Instant::now() + within;
        let mut last = std::collections::BTreeMap::new();
        loop {
            match timeout_at(until, self.heard.recv()).await {
                Ok(Some(heard)) => {
                    if let Some(found) = wanted(&heard) {
                        return found;
                    }
                    let observer = heard.value["observer"].to_string();
                    last.insert((heard.method, observer), heard.value);
                }
                Ok(None) => panic!("the bus has ended"),
                Err(_) => panic!("not within {within:?}: {what}; last heard: {last:#?}"),
            }
        }
    }

    /// The next report of `observer` whose view of the network fits.
    pub(crate) async fn report(
        &mut self,
        observer: &str,
        what: &str,
        within: Duration,
        fits: impl Fn(&NetworkReport) -> bool,
    ) -> Report {
        self.hear(&format!("{observer}: {what}"), within, |heard| {
            let report = report_of(heard)?;
            (report.observer == observer && fits(&report.networks[&network()])).then_some(report)
        })
        .await
    }

    /// Waits until each host reports all others alive and its own reception proven.
    pub(crate) async fn settle(&mut self) {
        let others = u32::try_from(self.hosts.len() - 1).unwrap();
        let mut waiting: Vec<String> = self.hosts.iter().map(|host| host.name.clone()).collect();
        self.hear("all alive", Duration::from_secs(15), |heard| {
            let report = report_of(heard)?;
            let network = &report.networks[&network()];
            if network.alive == others && (others == 0 || network.proof_of_life_age_ms.is_some_and(|age| age < 5000)) {
                waiting.retain(|name| *name != report.observer);
            }
            waiting.is_empty().then_some(())
        })
        .await;
    }

    /// Asks all monitors, as an engine does.
    pub(crate) fn ask(&self, method: &str, inquiry: Value) {
        let target = Target::topic(Topic::new(HOSTMONITOR_TOPIC).unwrap(), Version::ONE);
        let args = json!({ "inquiry": inquiry });
        let within = Duration::from_secs(5);
        drop(
            self.bus
                .fanout(&Context::empty(), &target, method, args, Keep::All, within)
                .unwrap(),
        );
    }
}

pub(crate) fn report_of(heard: &Heard) -> Option<Report> {
    (heard.method == "report").then(|| serde_json::from_value(heard.value.clone()).expect("a report of our own type"))
}

pub(crate) fn signal(pid: i32, name: &str) {
    let status = std::process::Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Whether a process of this number runs (one that has ended and was not waited for does not).
pub(crate) fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|text| !text.contains(") Z "))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
