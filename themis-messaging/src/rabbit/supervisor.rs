//! Keeps one role connected: shuffled hosts, back-off, and the role run anew on each connection, which declares and
//! subscribes again under the same names. The library's own recovery is off, so that there is one way only.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::seq::SliceRandom;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connector::{ConnectError, Connector, Line};
use super::journal::{Journal, Page};
use crate::declare::DeclareError;
use crate::measures;
use crate::url::Host;

/// Time for what a role sets up on a new connection: channels, queues, consumers.
const SET_UP_WITHIN: Duration = Duration::from_secs(20);

/// A connection that lasted as long as this was good: the back-off begins anew.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// How a role's work on one connection ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to stop and has done what was left.
    Stopped,
    /// The connection is of no use any more.
    Lost(String),
    /// The broker refuses a declaration.
    Refused(DeclareError),
}

/// What `setting_up` gives, if it does not take too long: a broker that hangs answers no declaration.
pub(crate) async fn in_time<T>(setting_up: impl Future<Output = Result<T, Ended>>) -> Result<T, Ended> {
    match timeout(SET_UP_WITHIN, setting_up).await {
        Ok(set_up) => set_up,
        Err(_) => Err(Ended::Lost(format!(
            "no answer to a declaration within {SET_UP_WITHIN:?}"
        ))),
    }
}

/// Something that needs a connection of its own.
#[async_trait]
pub(crate) trait Role: Send {
    /// Short, for logs and the broker's list of connections.
    fn name(&self) -> String;
    /// Works on one connection until it is lost or the role is stopped; calls `line.works()` when it is set up.
    async fn run(&mut self, line: &Line) -> Ended;
    /// There is no connection now.
    fn away(&mut self) {}
    /// The broker refused a declaration; it is tried again later.
    fn refused(&mut self, _: &DeclareError) {}
}

/// Everything that the supervisors of a bus share.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) connector: Connector,
    pub(crate) hosts: Vec<Host>,
    /// Whether the hosts are put into a new order for each attempt.
    pub(crate) shuffled: bool,
    pub(crate) backoff: Backoff,
    pub(crate) journal: Arc<Journal>,
}

/// Runs a role until `stop`.
pub(crate) async fn supervise(mut way: Way, mut role: impl Role, stop: CancellationToken) {
    let name = role.name();
    let page = way.journal.page(&name);
    way.hosts.shuffle(&mut rand::rng());
    let mut next = 0;
    let mut connected_before = false;
    loop {
        let connected = tokio::select! {
            () = stop.cancelled() => break,
            connected = connect(&mut way, &page, &name, &mut next) => connected,
        };
        let line = match connected {
            Ok(line) => line,
            Err(error) => {
                say_away(&page, &error);
                if !pause(&mut way.backoff, &stop).await {
                    break;
                }
                continue;
            }
        };
        tracing::debug!(role = name, host = line.host, "connected");
        measures::describe();
        metrics::counter!(measures::CONNECTIONS).increment(1);
        if connected_before {
            metrics::counter!(measures::RECONNECTS, "role" => name.clone()).increment(1);
        }
        connected_before = true;
        let began = Instant::now();
        let ended = role.run(&line).await;
        role.away();
        match ended {
            Ended::Stopped => {
                line.close().await;
                break;
            }
            Ended::Lost(why) => page.lost(&format!("connection to {} lost: {why}", line.host)),
            Ended::Refused(error) => {
                tracing::error!(role = name, "{error}");
                page.refused();
                role.refused(&error);
            }
        }
        if began.elapsed() >= GOOD_AFTER {
            way.backoff.reset();
        }
        drop(line);
        if !pause(&mut way.backoff, &stop).await {
            break;
        }
    }
    page.closed();
}

/// Tries each host once, beginning with the one after the last.
async fn connect(way: &mut Way, page: &Page, role: &str, next: &mut usize) -> Result<Line, ConnectError> {
    let mut last = Err(ConnectError::Silent {
        host: "no host".to_owned(),
    });
    if way.shuffled {
        way.hosts.shuffle(&mut rand::rng());
    }
    for _ in 0..way.hosts.len() {
        let index = *next % way.hosts.len();
        *next = index + 1;
        let Some(host) = way.hosts.get(index) else { break };
        last = way.connector.connect(host, role, page).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

fn say_away(page: &Page, error: &ConnectError) {
    let fix = if error.is_refusal() {
        "; check user, password and virtual host of transport_url"
    } else {
        "; is it running, and is transport_url right?"
    };
    page.lost(&format!("{error}{fix}"));
}

/// Waits as the back-off says; false when stopped meanwhile.
async fn pause(backoff: &mut Backoff, stop: &CancellationToken) -> bool {
    let wait = backoff.next(rand::random());
    tokio::select! {
        () = stop.cancelled() => false,
        () = sleep(wait) => true,
    }
}
