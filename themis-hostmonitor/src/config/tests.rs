//! What operators write, and what they are told when it cannot be used.

use rstest::rstest;
use themis_config::Source;

use super::*;

const GOOD: &str = "
[network:storage]
interface = eth1
peers = compute-1=10.0.2.1, compute-2=10.0.2.2
[network:management]
importance = tolerated
encrypt_key = MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
peers = compute-1=10.0.1.1, compute-2=10.0.1.2, witness:controller-1=10.0.1.250
";

fn read(text: &str, host: &str) -> Result<MonitorConfig, MonitorConfigError> {
    MonitorConfig::read(&Source::from_text("t.conf", text).unwrap(), host)
}

#[test]
fn one_file_serves_every_host() {
    let first = read(GOOD, "compute-1").unwrap();
    let second = read(GOOD, "compute-2").unwrap();
    assert_eq!(first.generation, second.generation);
    let seen: Vec<_> = second
        .networks
        .iter()
        .map(|n| (n.name.0.as_str(), n.address.to_string(), n.rpc.port()))
        .collect();
    assert_eq!(
        seen,
        [
            ("management", "10.0.1.2".to_owned(), 7373),
            ("storage", "10.0.2.2".to_owned(), 7374)
        ]
    );
    assert_eq!(second.networks[0].importance, Importance::Tolerated);
    assert_eq!(second.networks[0].others("compute-2").count(), 2);
}

#[test]
fn the_host_is_named_by_its_section_then_by_default_then_by_the_kernel() {
    let with = |head: &str| read(&format!("{head}\n{GOOD}"), "elsewhere").map(|c| c.host);
    assert_eq!(
        with("[hostmonitor]\nhost = compute-2\n[DEFAULT]\nhost = compute-1").unwrap(),
        "compute-2"
    );
    assert_eq!(with("[DEFAULT]\nhost = compute-1").unwrap(), "compute-1");
    assert!(
        with("")
            .unwrap_err()
            .to_string()
            .contains("does not name this host 'elsewhere'; add elsewhere=ADDRESS")
    );
}

#[test]
fn a_witness_observes_on_the_networks_that_it_has() {
    let config = read(&format!("[hostmonitor]\nwitness = true\n{GOOD}"), "controller-1").unwrap();
    assert_eq!(config.networks.len(), 1);
    assert_eq!(config.not_here, [NetworkName::new("storage")]);
    assert_eq!(config.generation, read(GOOD, "compute-1").unwrap().generation);
}

#[rstest]
#[case(
    "peers = compute-1=10.0.2.1",
    "peers = compute-1:10.0.2.1",
    "[network:storage] peers: 'compute-1:10.0.2.1' is not NAME=ADDRESS"
)]
#[case(
    "importance = tolerated",
    "importance = minor",
    "[network:management] importance: unknown importance 'minor'"
)]
#[case(
    "encrypt_key = MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "encrypt_key = MDEy",
    "has 3 bytes; serf wants 16, 24 or 32"
)]
#[case(
    "encrypt_key = MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "encrypt_key = sesame!",
    "is not base64"
)]
#[case("interface = eth1", "interface = an-interface-too-long", "at most 15 characters")]
#[case(
    "interface = eth1",
    "rpc_port = 7373",
    "[network:storage] rpc_port: 7373 is used by [network:management] too"
)]
#[case(
    "interface = eth1",
    "bind = 10.0.2.9",
    "'10.0.2.9' is not this host's address in peers, 10.0.2.1"
)]
#[case("interface = eth1", "port = 0", "[network:storage] port: 0 is no port")]
#[case("[network:storage]", "[network:Sto/rage]", "a network's name has 1 to 64")]
#[case(
    "[network:storage]",
    "[hostmonitor]\nwitness = true\n[network:storage]",
    "is listed as a host, but [hostmonitor] witness is true"
)]
#[case(
    "[network:storage]",
    "[hostmonitor]\nreport_interval = 0.1\n[network:storage]",
    "write 1 to 300 seconds"
)]
#[case(
    "[network:storage]",
    "[hostmonitor]\nmetrics_listen = 9469\n[network:storage]",
    "not ADDRESS:PORT"
)]
fn what_cannot_be_used_is_named_with_the_fix(#[case] good: &str, #[case] bad: &str, #[case] wanted: &str) {
    assert!(GOOD.contains(good));
    let error = read(&GOOD.replacen(good, bad, 1), "compute-1").unwrap_err().to_string();
    assert!(error.contains(wanted), "{error}");
    assert!(
        !error.contains("sesame") && !error.contains("MDEy"),
        "a key in a message: {error}"
    );
}

#[test]
fn a_file_without_networks_is_refused() {
    assert!(
        read("", "compute-1")
            .unwrap_err()
            .to_string()
            .contains("no [network:NAME] section names this host 'compute-1'")
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    let source = Source::from_text("t.conf", "[network:storage]\nper = x\n[hostmonitor]\nserf_binry = x\n").unwrap();
    let error = source.check(&sections()).unwrap_err().to_string();
    assert!(error.contains("did you mean 'serf_binary'?"), "{error}");
}
