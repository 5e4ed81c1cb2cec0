//! Carrier, probes and proof of life on a real cable: a veth pair between two network namespaces that the test makes
//! and that vanish with it. Needs root; says so and passes otherwise.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use themis_config::Source;
use themis_core::NetworkName;
use themis_core::inquiry::ProbeInquiry;
use themis_hostmonitor::board::Board;
use themis_hostmonitor::config::MonitorConfig;
use themis_hostmonitor::icmp::{EchoError, Origin, echo};
use themis_hostmonitor::probe::Prober;
use themis_hostmonitor::view::PeersView;
use themis_hostmonitor::{carrier, proof_of_life};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::left_out;

const OURS: &str = "10.99.0.1";
const THEIRS: &str = "10.99.0.2";
const NOBODYS: &str = "10.99.0.3";

/// A network namespace, held by a process.
struct Namespace(Child);

impl Drop for Namespace {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Namespace {
    /// A fresh one; `None` without the right to make one.
    fn make() -> Option<Self> {
        let mut holder = Command::new("unshare")
            .args(["-n", "sleep", "60"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let comm = format!("/proc/{}/comm", holder.id());
        loop {
            if std::fs::read_to_string(&comm).unwrap().trim() == "sleep" {
                return Some(Self(holder));
            }
            if holder.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// Moves the calling thread, and what it starts from now on, into it.
    fn enter(&self) {
        let file = std::fs::File::open(format!("/proc/{}/ns/net", self.0.id())).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    fn ip(&self, arguments: &str) {
        let pid = self.0.id().to_string();
        run(Command::new("nsenter")
            .args(["-t", &pid, "-n", "ip"])
            .args(arguments.split(' ')));
    }
}

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split(' ')));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs `test` in a thread that is in a namespace of its own, with interface `ours0` on a cable to `far0` in the
/// namespace that the test is given, and a second cable from `ours1` to `far1`.
fn on_a_cable(test: impl AsyncFnOnce(&Namespace) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        let (Some(near), Some(far)) = (Namespace::make(), Namespace::make()) else {
            left_out("making a network namespace needs root");
            return;
        };
        near.enter();
        ip("link set lo up");
        for (ours, remote, net) in [("ours0", "far0", 99), ("ours1", "far1", 98)] {
            ip(&format!(
                "link add {ours} type veth peer name {remote} netns {}",
                far.0.id()
            ));
            ip(&format!("addr add 10.{net}.0.1/24 dev {ours}"));
            ip(&format!("link set {ours} up"));
            far.ip(&format!("addr add 10.{net}.0.2/24 dev {remote}"));
            far.ip(&format!("link set {remote} up"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test(&far));
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn network_config() -> MonitorConfig {
    let text = format!("[network:storage]\ninterface = ours0\npeers = us={OURS}, them={THEIRS}, nobody={NOBODYS}\n");
    MonitorConfig::read(&Source::from_text("t.conf", &text).unwrap(), "us").unwrap()
}

fn board(config: &MonitorConfig) -> Board {
    let network = &config.networks[0];
    Board::new([(network.name.clone(), PeersView::blind(&config.host, &network.peers))])
}

#[test]
fn a_lost_and_a_found_carrier_are_noticed_within_a_second() {
    on_a_cable(async |far| {
        let (sender, mut told) = mpsc::unbounded_channel();
        let watcher = tokio::spawn(async move {
            let mut last = std::collections::HashMap::new();
            let mut tell = |name: &str, carrier: Option<bool>| {
                if last.insert(name.to_owned(), carrier) != Some(carrier) {
                    sender.send((name.to_owned(), carrier, Instant::now())).unwrap();
                }
            };
            carrier::watch(vec!["ours0".to_owned(), "nowhere0".to_owned()], &mut tell).await;
        });
        let mut expect = async |name: &str, carrier: Option<bool>, since: Instant| {
            let (seen_name, seen, at) = timeout(Duration::from_secs(1), told.recv()).await.expect(name).unwrap();
            assert_eq!((seen_name.as_str(), seen), (name, carrier));
            println!("{name} {carrier:?} after {:?}", at - since);
        };
        let begin = Instant::now();
        expect("nowhere0", None, begin).await;
        expect("ours0", Some(true), begin).await;
        for (change, carrier) in [("link set far0 down", false), ("link set far0 up", true)] {
            let since = Instant::now();
            far.ip(change);
            expect("ours0", Some(carrier), since).await;
        }
        for (change, carrier) in [
            ("link set ours0 down", false),
            ("link set ours0 up", true),
            ("link del ours0", false),
        ] {
            let since = Instant::now();
            ip(change);
            expect("ours0", Some(carrier), since).await;
        }
        assert_eq!(carrier::read_once("ours1").await.unwrap(), Some(true));
        assert_eq!(carrier::read_once("ours0").await.unwrap(), None);
        watcher.abort();
    });
}

#[test]
fn an_answer_over_another_way_proves_nothing() {
    on_a_cable(async |far| {
        let ask = async |interface: Option<&str>| {
            let origin = Origin {
                address: OURS.parse().unwrap(),
                interface: interface.map(str::to_owned),
            };
            echo(&origin, THEIRS.parse().unwrap(), 2, Duration::from_millis(400)).await
        };
        assert!(ask(Some("ours0")).await.unwrap());
        // Their address still answers, but only over the other cable.
        far.ip("link set far0 arp off");
        far.ip("route replace 10.99.0.1/32 dev far1");
        ip("neigh flush dev ours0");
        ip("route replace 10.99.0.2/32 dev ours1");
        assert!(ask(None).await.unwrap(), "it is alive over the other way");
        assert!(!ask(Some("ours0")).await.unwrap(), "but not over this network");
    });
}

#[test]
fn echo_works_over_version_6_and_says_when_it_cannot_be_sent() {
    on_a_cable(async |far| {
        ip("addr add fd99::1/64 dev ours0 nodad");
        far.ip("addr add fd99::2/64 dev far0 nodad");
        let origin = |address: &str, interface: &str| Origin {
            address: address.parse().unwrap(),
            interface: Some(interface.to_owned()),
        };
        let target = |address: &str| address.parse::<IpAddr>().unwrap();
        let within = Duration::from_millis(500);
        assert!(
            echo(
                &origin("fd99::1", "ours0"),
                target("fd99::2"),
                20,
                Duration::from_secs(5)
            )
            .await
            .unwrap()
        );
        assert!(
            !echo(&origin("fd99::1", "ours0"), target("fd99::3"), 2, within)
                .await
                .unwrap()
        );
        let error = echo(&origin(OURS, "nowhere0"), target(THEIRS), 1, within)
            .await
            .unwrap_err();
        assert!(matches!(error, EchoError::From { .. }), "{error}");
        let error = echo(&origin("10.97.0.1", "ours0"), target(THEIRS), 1, within)
            .await
            .unwrap_err();
        assert!(matches!(error, EchoError::From { .. }), "{error}");
        let anywhere = Origin {
            address: target(OURS),
            interface: None,
        };
        let error = echo(&anywhere, target("192.0.2.1"), 1, within).await.unwrap_err();
        assert!(matches!(error, EchoError::Unsendable { .. }), "{error}");
    });
}

#[test]
fn a_probe_tells_unreached_from_not_asked() {
    on_a_cable(async |far| {
        let config = network_config();
        let board = board(&config);
        let prober = Prober::new("us", &config.networks, board.clone());
        let probe = async |target: &str| {
            let began = Instant::now();
            let inquiry = ProbeInquiry {
                nonce: "n".to_owned(),
                target: target.to_owned(),
                network: NetworkName::new("storage"),
                observers: vec!["us".to_owned()],
                timeout_ms: 600,
            };
            let answer = prober.probe(&inquiry).await;
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            answer.reached
        };
        assert_eq!(probe("them").await, Some(true));
        assert_eq!(probe("nobody").await, Some(false));
        assert_eq!(probe("stranger").await, None);
        // The question goes nowhere: that is told from silence of the target, even before the watcher has noticed.
        far.ip("link set far0 down");
        assert_eq!(probe("them").await, None);
        far.ip("link set far0 up");
        ip("link set ours0 down");
        assert_eq!(probe("them").await, None);
        ip("link set ours0 up");
        assert_eq!(probe("them").await, Some(true));
        board.write(&NetworkName::new("storage"), |facts| facts.carrier = Some(false));
        assert_eq!(probe("them").await, None);
    });
}

#[test]
fn proof_of_life_ages_while_the_cable_is_cut_and_is_renewed_after() {
    on_a_cable(async |far| {
        let config = network_config();
        let board = board(&config);
        let name = NetworkName::new("storage");
        let seeker = tokio::spawn(proof_of_life::seek(
            config.networks[0].clone(),
            "us".to_owned(),
            board.clone(),
        ));
        let age = || board.reports()[&name].proof_of_life_age_ms;
        let until = async |what: &str, condition: &dyn Fn(Option<u64>) -> bool| {
            let waiting = async {
                while !condition(age()) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(Duration::from_secs(5), waiting)
                .await
                .unwrap_or_else(|_| panic!("never {what}: {:?}", age()));
        };
        until("proven", &|age| age.is_some()).await;
        far.ip("link set far0 down");
        until("older than two rounds", &|age| age.is_some_and(|age| age > 2500)).await;
        far.ip("link set far0 up");
        until("fresh again", &|age| age.is_some_and(|age| age < 1000)).await;
        seeker.abort();
    });
}
