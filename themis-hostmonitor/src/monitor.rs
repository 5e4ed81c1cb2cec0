//! The monitor as a whole: builds its parts, lets them run, and ends them in the right order. No part knows another;
//! they meet at the board and at the bus.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use themis_core::NetworkName;
use themis_core::report::{HOSTMONITOR_TOPIC, OBSERVATIONS_TOPIC};
use themis_messaging::{Bus, BusError, Endpoint, NameError, ServerName, Serving, Target, Topic, Version};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::board::Board;
use crate::config::{MonitorConfig, NetworkConfig};
use crate::identity::{BootIdError, Identity};
use crate::inquiries::Inquiries;
use crate::probe::Prober;
use crate::report::{Publisher, Request};
use crate::serf::settings::{AgentFiles, RuntimeDirError, claim_runtime_dir};
use crate::serf::supervisor::{Agent, Order, warn_of_old_serf};
use crate::view::PeersView;
use crate::{carrier, host_shutdown, network};

/// Longer than the agents' own deadlines together.
const AGENTS_END_DEADLINE: Duration = Duration::from_secs(15);
const FAREWELL_DEADLINE: Duration = Duration::from_secs(3);
const SERVING_END_DEADLINE: Duration = Duration::from_secs(1);

/// What the process gives to the monitor.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where programs are looked for (`PATH`).
    pub search_path: OsString,
    /// This very program, to be started again as the guard of an agent.
    pub launcher: PathBuf,
}

/// Why a monitor cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// No boot id.
    #[error(transparent)]
    BootId(#[from] BootIdError),
    /// No place for the agents' files.
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
    /// The host's name cannot be a server's name on the bus.
    #[error("[hostmonitor] host: {0}")]
    Name(#[from] NameError),
    /// The bus refuses to serve.
    #[error("cannot serve inquiries")]
    Bus(#[from] BusError),
}

/// The board of a monitor: its networks, of which nothing is known yet.
#[must_use]
pub fn board(config: &MonitorConfig) -> Board {
    let peers = |network: &NetworkConfig| PeersView::blind(&config.host, &network.peers);
    let networks = config.networks.iter();
    Board::new(networks.map(|network| (network.name.clone(), peers(network))))
}

/// Runs until `stop`, and writes what it sees on its `board`. No agent is left behind.
///
/// # Errors
/// Only at the start; afterwards everything that fails is tried again.
pub async fn run(
    config: MonitorConfig,
    board: Board,
    bus: Arc<dyn Bus>,
    surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<(), MonitorError> {
    let _lock = claim_runtime_dir(&config.section.runtime_dir)?;
    let identity = Identity::read(&config, Uuid::new_v4())?;
    warn_of_old_serf(&config.section.serf_binary, &surroundings.search_path).await;
    for name in &config.not_here {
        tracing::info!("network {name} is not observed: its peers do not name this witness");
    }

    let observations = Target::topic(Topic::new(OBSERVATIONS_TOPIC)?, Version::ONE);
    let (publisher, requests) = Publisher::new(
        identity,
        board.clone(),
        bus.clone(),
        observations.clone(),
        config.section.report_interval,
    );
    let serving = serve(&config, &bus, observations, requests.clone(), &board)?;

    let (orders, order) = watch::channel(Order::Run);
    let (mut supervisors, mut watchers) = (JoinSet::new(), JoinSet::new());
    for agent in agents(&config, &surroundings) {
        network::start(agent, &board, order.clone(), &mut supervisors, &mut watchers);
    }
    watchers.spawn(watch_carriers(config.clone(), board));
    watchers.spawn(publisher.run());
    stop.cancelled().await;

    let leaving = host_shutdown::is_under_way(&config.section.shutdown_command).await;
    if leaving {
        tracing::info!("the host is being shut down: saying so, agents leave");
        farewell(&requests).await;
    }
    serving.stop(SERVING_END_DEADLINE).await;
    orders.send_replace(if leaving { Order::Leave } else { Order::Stop });
    let ended = async { while supervisors.join_next().await.is_some() {} };
    if timeout(AGENTS_END_DEADLINE, ended).await.is_err() {
        tracing::warn!("some serf agents did not end in time; the kernel ends them with this process");
    }
    Ok(())
}

fn serve(
    config: &MonitorConfig,
    bus: &Arc<dyn Bus>,
    observations: Target,
    requests: mpsc::Sender<Request>,
    board: &Board,
) -> Result<Serving, MonitorError> {
    let prober = Prober::new(&config.host, &config.networks, board.clone());
    let census_command = config.section.census_command.clone();
    let inquiries = Inquiries::new(
        &config.host,
        bus.clone(),
        observations,
        requests,
        prober,
        census_command,
    );
    let server = ServerName::new(config.host.clone())?;
    let endpoint = Endpoint::new(Topic::new(HOSTMONITOR_TOPIC)?, server, Version::ONE);
    Ok(bus.serve(endpoint, Arc::new(inquiries))?)
}

fn agents(config: &MonitorConfig, surroundings: &Surroundings) -> Vec<Agent> {
    // Drawn at each start: whoever may read the agent's configuration file may ask the agent.
    let rpc_key: SecretString = Uuid::new_v4().simple().to_string().into();
    let agent = |network: &crate::config::NetworkConfig| Agent {
        host: config.host.clone(),
        network: network.clone(),
        binary: config.section.serf_binary.clone(),
        search_path: surroundings.search_path.clone(),
        launcher: surroundings.launcher.clone(),
        files: AgentFiles::of(&config.section.runtime_dir, &network.name.0),
        rpc_key: rpc_key.clone(),
    };
    config.networks.iter().map(agent).collect()
}

async fn watch_carriers(config: MonitorConfig, board: Board) {
    let interfaces: Vec<String> = config
        .networks
        .iter()
        .filter_map(|network| network.interface.clone())
        .collect();
    let mut told: BTreeMap<NetworkName, Option<bool>> = BTreeMap::new();
    let mut tell = |interface: &str, carrier: Option<bool>| {
        for network in config
            .networks
            .iter()
            .filter(|network| network.interface.as_deref() == Some(interface))
        {
            let name = &network.name;
            if told.insert(name.clone(), carrier) == Some(carrier) {
                continue;
            }
            match carrier {
                Some(true) => tracing::info!("interface {interface} of network {name} has carrier"),
                Some(false) => tracing::warn!("interface {interface} of network {name} has no carrier or is down"),
                None => tracing::warn!("interface {interface} of network {name} is not there: its carrier is unknown"),
            }
            board.write(name, |facts| facts.carrier = carrier);
        }
    };
    carrier::watch(interfaces, &mut tell).await;
}

async fn farewell(requests: &mpsc::Sender<Request>) {
    let (done, told) = oneshot::channel();
    let say = async {
        if requests.send(Request::Farewell(done)).await.is_ok() {
            drop(told.await);
        }
    };
    drop(timeout(FAREWELL_DEADLINE, say).await);
}
