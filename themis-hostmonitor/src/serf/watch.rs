//! What one agent says, followed for as long as it runs. The members are read each second, and at once when the event
//! stream hints at a change: serf holds events back for one to three seconds, so reading is the faster way, and the
//! stream drops events when it is full, so reading is the only sure one.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use themis_core::report::AgentState;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::client::{Client, ClientError};
use super::supervisor::Process;
use super::wire::Member;
use crate::config::NetworkConfig;

/// Between two readings of the members.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Events in a burst lead to one reading per this time.
const HINT_PAUSE: Duration = Duration::from_millis(100);
/// The health score is read with every so many readings of the members.
const HEALTH_EVERY: u32 = 3;
/// Deadline of each question to the agent; without an answer for this long it counts as silent.
pub const RPC_DEADLINE: Duration = Duration::from_secs(2);
/// What a start may take before an agent that does not answer counts as silent.
const START_GRACE: Duration = Duration::from_secs(10);
/// An agent silent for so long is replaced.
pub const HUNG_AFTER: Duration = Duration::from_secs(30);
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

/// What is known of an agent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Whether it answers.
    pub state: AgentState,
    /// Its own opinion of its health; `None` while it does not answer.
    pub health_score: Option<u8>,
    /// Whom it sees; `None` while it does not answer.
    pub members: Option<Vec<Member>>,
}

impl Sight {
    const fn blind(state: AgentState) -> Self {
        Self {
            state,
            health_score: None,
            members: None,
        }
    }
}

/// Follows one agent.
#[derive(Debug)]
pub struct Watcher {
    network: NetworkConfig,
    rpc_key: SecretString,
    process: watch::Receiver<Process>,
    hung: Arc<Notify>,
    hung_after: Duration,
    last_answer: Option<Instant>,
}

impl Watcher {
    /// A watcher of the agent whose process is told of by `process`; `hung` is notified when it was silent for
    /// `hung_after` and should be replaced.
    #[must_use]
    pub fn new(
        network: NetworkConfig,
        rpc_key: SecretString,
        process: watch::Receiver<Process>,
        hung: Arc<Notify>,
        hung_after: Duration,
    ) -> Self {
        Self {
            network,
            rpc_key,
            process,
            hung,
            hung_after,
            last_answer: None,
        }
    }

    /// Tells each sight to `tell`, until the supervisor is gone.
    pub async fn run(mut self, mut tell: impl FnMut(Sight)) {
        loop {
            let process = *self.process.borrow_and_update();
            let gone = match process {
                Process::Refused => {
                    tell(Sight::blind(AgentState::Refused));
                    self.process.changed().await.is_err()
                }
                Process::Down => {
                    tell(Sight::blind(AgentState::Restarting));
                    self.process.changed().await.is_err()
                }
                Process::Running(since) => {
                    self.last_answer = None;
                    let mut changes = self.process.clone();
                    tokio::select! {
                        changed = changes.changed() => changed.is_err(),
                        never = self.follow(since, &mut tell) => match never {},
                    }
                }
            };
            if gone {
                return;
            }
        }
    }

    async fn follow(&mut self, since: Instant, tell: &mut impl FnMut(Sight)) -> std::convert::Infallible {
        loop {
            let Err(error) = self.converse(tell).await;
            tracing::debug!("serf agent of network {}: {error}", self.network.name);
            let waited = self.last_answer.unwrap_or(since).elapsed();
            let patience = if self.last_answer.is_some() {
                RPC_DEADLINE
            } else {
                START_GRACE
            };
            if waited >= patience {
                tell(Sight::blind(AgentState::Silent));
            }
            if waited >= self.hung_after {
                self.hung.notify_one();
                self.last_answer = None;
                sleep(RPC_DEADLINE).await;
            }
            sleep(RECONNECT_PAUSE).await;
        }
    }

    /// One connection, from its beginning to its failure.
    async fn converse(&mut self, tell: &mut impl FnMut(Sight)) -> Result<std::convert::Infallible, ClientError> {
        let mut client = Client::connect(self.network.rpc, self.rpc_key.expose_secret(), RPC_DEADLINE).await?;
        client.subscribe().await?;
        let mut health_score = None;
        for reading in 0_u32.. {
            if reading.is_multiple_of(HEALTH_EVERY) {
                health_score = client.health_score().await?;
            }
            let members = client.members().await?;
            self.last_answer = Some(Instant::now());
            tell(Sight {
                state: AgentState::Running,
                health_score,
                members: Some(members),
            });
            if let Ok(hint) = timeout(POLL_INTERVAL, client.record()).await {
                hint?;
                sleep(HINT_PAUSE).await;
            }
        }
        Err(ClientError::Closed)
    }
}
