//! Reading the database, holding the lease, and what changes when leadership does.

use std::collections::BTreeMap;

use themis_core::{IncidentId, Moment};
use themis_decision::Change;

use super::Engine;
use crate::announce::news;
use crate::ports::store::{StoreError, StoredStep, Write};
use crate::snapshot;

/// How often a candidate reads the lease.
const CANDIDATE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

impl Engine {
    /// Reads what is registered and asked for, when woken or when it is time.
    pub(super) async fn read_database(&mut self, now: Moment) {
        let due = self.read_at.is_none_or(|at| now.since(at) >= self.settings.poll);
        if !(self.wake || due) {
            return;
        }
        self.wake = false;
        self.read_at = Some(now);
        match self.ports.store.snapshot().await {
            Ok(read) => {
                snapshot::apply(&mut self.world, &read, self.leading, now, self.ports.clock.wall());
                self.snapshot = read;
                if self.leading {
                    let lifted = snapshot::lifted(&mut self.world);
                    self.pending.extend(lifted.into_iter().map(Change::Host));
                }
            }
            Err(error) => tracing::warn!("{error}; reading again in {} s", self.settings.poll.as_secs()),
        }
    }

    /// Renews, resigns, or stands for leadership.
    pub(super) async fn keep_lease(&mut self, now: Moment) {
        if self.leading {
            let Some(epoch) = self.lease.epoch(now) else {
                return self.resign("its time ran out before it was renewed");
            };
            if self.lease.due(now) {
                match self.ports.store.lease_renew(&self.settings.name, epoch).await {
                    Ok(()) => {
                        self.lease.confirmed(epoch, now);
                        self.lease_known.note(now);
                    }
                    Err(StoreError::LeaseLost) => self.resign("another engine has taken it"),
                    Err(error) => tracing::warn!("the lease was not renewed: {error}"),
                }
            }
            return;
        }
        if self.lease_at.is_some_and(|at| now.since(at) < CANDIDATE_INTERVAL) {
            return;
        }
        self.lease_at = Some(now);
        let read = self.ports.store.lease_read();
        match self.lease.candidate(read, self.ports.clock.as_ref()).await {
            Ok(may_be_taken) => {
                self.lease_known.note(now);
                if let Some(seen) = may_be_taken {
                    let sent = self.ports.clock.now();
                    match self.ports.store.lease_take(&self.settings.name, seen.as_ref()).await {
                        Ok(Some(epoch)) => {
                            self.lease.confirmed(epoch, sent);
                            self.lead(epoch).await;
                        }
                        Ok(None) => {}
                        Err(error) => tracing::warn!("the lease was not taken: {error}"),
                    }
                }
            }
            Err(error) => tracing::debug!("the lease was not read: {error}"),
        }
    }

    /// Begins to lead: everything is read anew, the logs of open incidents are replayed.
    async fn lead(&mut self, epoch: themis_core::Epoch) {
        let now = self.ports.clock.now();
        let read = match self.ports.store.snapshot().await {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!("{error}");
                return self.resign("the database could not be read");
            }
        };
        let mut steps: BTreeMap<IncidentId, Vec<StoredStep>> = BTreeMap::new();
        for incident in read
            .hosts
            .iter()
            .filter_map(|h| h.state.as_ref().and_then(|s| s.incident))
        {
            match self.ports.store.steps(incident).await {
                Ok(log) => drop(steps.insert(incident, log)),
                Err(error) => {
                    tracing::warn!("{error}");
                    return self.resign("a workflow log could not be read");
                }
            }
        }
        let taken_up = match self.ports.store.taken_up().await {
            Ok(taken_up) => taken_up,
            Err(error) => {
                tracing::warn!("{error}");
                return self.resign("the notifications that were taken up could not be read");
            }
        };
        let wall = self.ports.clock.wall();
        snapshot::apply(&mut self.world, &read, false, now, wall);
        self.generations = read
            .hosts
            .iter()
            .map(|h| (h.id, h.state.as_ref().map_or(0, |state| state.generation)))
            .collect();
        self.pending = snapshot::adopt(&mut self.world, &steps, now, wall);
        let lifted = snapshot::lifted(&mut self.world);
        self.pending.extend(lifted.into_iter().map(Change::Host));
        self.adopt_notified(taken_up, now);
        self.later.clear();
        self.writes.clear();
        self.shown.clear();
        self.throttle.clear();
        self.nova_at = None;
        self.snapshot = read;
        self.leading = true;
        tracing::info!("{} leads, epoch {epoch}", self.settings.name);
        metrics::gauge!("themis_engine_leading").set(1);
    }

    /// Stops leading and forgets what was not stored.
    pub(super) fn resign(&mut self, why: &str) {
        tracing::warn!("{} resigns the lead: {why}", self.settings.name);
        metrics::gauge!("themis_engine_leading").set(0);
        self.lease.resign();
        self.leading = false;
        self.read_at = None;
        self.lease_at = None;
        self.pending.clear();
        self.later.clear();
        self.writes.clear();
        self.world.notified.clear();
    }

    /// Commits rows under the present epoch; anything but success ends the lead.
    pub(super) async fn store(&mut self, rows: &[Write]) -> bool {
        let sent = self.ports.clock.now();
        let Some(epoch) = self.lease.epoch(sent) else {
            self.resign("its time ran out before the commit");
            return false;
        };
        match self.ports.store.commit(&self.settings.name, epoch, rows).await {
            Ok(()) => {
                self.lease.confirmed(epoch, sent);
                self.lease_known.note(sent);
                if let Some(announcer) = &self.announcer {
                    announcer.announce(news(rows), self.on_behalf.as_deref());
                }
                true
            }
            Err(error) => {
                self.resign(&error.to_string());
                false
            }
        }
    }

    /// Gives the lease up at an orderly stop.
    pub(super) async fn step_down(&mut self) {
        let now = self.ports.clock.now();
        let Some(epoch) = self.lease.epoch(now).filter(|_| self.leading) else {
            return;
        };
        self.lease.resign();
        match self.ports.store.lease_release(&self.settings.name, epoch).await {
            Ok(()) => tracing::info!("the lead is given up"),
            Err(error) => tracing::warn!("the lead could not be given up: {error}; it ends by itself"),
        }
    }
}
