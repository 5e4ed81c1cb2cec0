//! One line in the log when the broker is lost and one when it is back, however many connections there were. A role is
//! back when it works again, not when it is connected: a broker that refuses its queues is of no use to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::measures::UP;

/// Which roles do not work, and since when the first of them.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Whose connections: a program may have two buses.
    bus: &'static str,
    outage: Mutex<Option<Outage>>,
    /// The roles that do not work now, those among them that never did yet.
    away: Mutex<BTreeMap<u64, String>>,
    roles: AtomicU64,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    roles: BTreeSet<u64>,
}

/// One role's own page; two roles of one name have two.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    journal: Arc<Journal>,
    number: u64,
    role: String,
}

impl Journal {
    /// An empty one for this bus.
    pub(crate) fn of(bus: &'static str) -> Self {
        Self {
            bus,
            outage: Mutex::default(),
            away: Mutex::default(),
            roles: AtomicU64::default(),
        }
    }

    fn show(&self, up: bool) {
        metrics::gauge!(UP, "bus" => self.bus).set(if up { 1.0 } else { 0.0 });
    }

    /// A page for a role that begins.
    pub(crate) fn page(self: &Arc<Self>, role: &str) -> Page {
        let page = Page {
            journal: self.clone(),
            number: self.roles.fetch_add(1, Ordering::Relaxed),
            role: role.to_owned(),
        };
        page.away();
        page
    }

    /// The roles that do not work now, by name.
    pub(crate) fn away(&self) -> Vec<String> {
        self.idle()
            .values()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn idle(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// The role has no connection. `why` never holds a secret.
    pub(crate) fn lost(&self, why: &str) {
        self.away();
        let role = &self.role;
        let mut outage = self.journal.outage();
        match outage.as_mut() {
            Some(outage) => {
                if outage.roles.insert(self.number) {
                    tracing::debug!(role, "broker away: {why}");
                }
            }
            None => {
                tracing::warn!(role, "broker away, trying until it is back: {why}");
                *outage = Some(self.begun());
            }
        }
        drop(outage);
        self.journal.show(false);
    }

    /// The role is connected and cannot work, for the broker refuses what it declares. The refusal has a line of its own.
    pub(crate) fn refused(&self) {
        self.away();
        let mut outage = self.journal.outage();
        outage.get_or_insert_with(|| self.begun()).roles.insert(self.number);
        drop(outage);
        self.journal.show(false);
    }

    fn away(&self) {
        self.journal.idle().insert(self.number, self.role.clone());
    }

    fn begun(&self) -> Outage {
        Outage {
            since: Instant::now(),
            roles: BTreeSet::from([self.number]),
        }
    }

    /// The role works.
    pub(crate) fn works(&self, host: &str) {
        self.settle(Some(host));
    }

    /// The role has ended and needs no connection any more.
    pub(crate) fn closed(&self) {
        self.settle(None);
    }

    fn settle(&self, host: Option<&str>) {
        self.journal.idle().remove(&self.number);
        let mut outage = self.journal.outage();
        let Some(known) = outage.as_mut() else {
            if host.is_some() {
                self.journal.show(true);
            }
            return;
        };
        known.roles.remove(&self.number);
        if known.roles.is_empty() {
            if let Some(host) = host {
                let seconds = known.since.elapsed().as_secs_f64();
                tracing::info!(host, "broker back after {seconds:.1} s");
            }
            *outage = None;
            self.journal.show(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn a_role_is_away_from_its_beginning_until_it_works_and_whenever_it_does_not() {
        let journal = Arc::new(Journal::of("rpc"));
        let [sending, topic] = ["sending", "topic"].map(|role| journal.page(role));
        assert_eq!(journal.away(), ["sending", "topic"], "it never worked yet");
        sending.works("h:5672");
        assert_eq!(journal.away(), ["topic"]);
        topic.works("h:5672");
        assert!(journal.away().is_empty());
        sending.lost("cut");
        topic.refused();
        assert_eq!(journal.away(), ["sending", "topic"]);
        topic.closed();
        assert_eq!(journal.away(), ["sending"], "what has ended needs no broker");
    }

    #[test]
    fn a_role_that_is_refused_is_not_up_though_all_others_work() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let up = || shown.render().contains("themis_bus_up{bus=\"rpc\"} 1");
            let journal = Arc::new(Journal::of("rpc"));
            let [sending, one, other] =
                ["sending", "notifications:t", "notifications:t"].map(|role| journal.page(role));
            for page in [&sending, &one, &other] {
                page.works("h:5672");
            }
            assert!(up());
            one.refused();
            sending.works("h:5672");
            other.works("h:5672");
            assert!(!up(), "another role of the same name is no proof: {}", shown.render());
            one.works("h:5672");
            assert!(up());
            one.lost("cut");
            assert!(!up());
            one.closed();
            assert!(up());
            Arc::new(Journal::of("notifications"))
                .page("sending")
                .lost("another broker");
            assert!(up(), "each bus has its own");
        });
    }
}
