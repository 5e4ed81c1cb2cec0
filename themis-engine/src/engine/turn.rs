//! One turn: read what operators changed, hold or seek the lease, judge, commit, act.

use std::sync::atomic::Ordering;

use themis_core::{HostId, Moment};
use themis_decision::judge::believe;
use themis_decision::jury::Jury;
use themis_decision::view::view;
use themis_decision::{Change, Judgement, WantedEffect, judge};

use super::Engine;
use crate::effects;
use crate::inbox::Event;
use crate::ports::store::Write;
use crate::writes;

/// How often what the API shows of a host is written at most.
const VIEW_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
/// How often Nova's services are listed while a host is in doubt.
const NOVA_POLL_DOUBT: std::time::Duration = std::time::Duration::from_secs(2);

impl Engine {
    /// Takes one turn; `true` when a host changed its state, so that the next step need not wait for the next tick.
    pub(super) async fn turn(&mut self) -> bool {
        let now = self.ports.clock.now();
        let started = *self.started.get_or_insert(now);
        self.world.settled =
            now.since(started) >= self.settings.policy.settle_period && !self.world.evidence.observers.is_empty();
        self.read_database(now).await;
        self.keep_lease(now).await;
        if !self.leading {
            self.follow(now);
            return false;
        }
        self.poll_nova(now);
        self.petitions(now);
        let mut judgement = self.judge(now);
        let notified = self.notified(now);
        judgement.changes.extend(notified.changes);
        self.show(&judgement, now);
        if !self.commit(&judgement).await {
            return false;
        }
        let stepped = |change: &Change| matches!(change, Change::Event { kind: "state", .. });
        let moved = judgement.changes.iter().any(stepped);
        self.act(judgement, now);
        for call in notified.calls {
            self.executor.call(call);
        }
        self.look_at_instances(&notified.sights, now);
        moved
    }

    /// A standby runs the accusation timers, so that it can decide the moment it leads.
    fn follow(&mut self, now: Moment) {
        self.pending.clear();
        self.later.clear();
        let jury = Jury::of(&self.world, now);
        drop(believe(&mut self.world, &jury, now));
    }

    fn judge(&mut self, now: Moment) -> Judgement {
        let ids = self.ports.ids.clone();
        let mut judgement = judge(&mut self.world, now, &mut || ids.fresh());
        let mut changes = std::mem::take(&mut self.pending);
        changes.append(&mut judgement.changes);
        judgement.changes = changes;
        judgement.effects.append(&mut self.later);
        judgement
    }

    /// Adds what the API is to show, where it changed.
    fn show(&mut self, judgement: &Judgement, now: Moment) {
        for (id, verdicts) in &judgement.verdicts {
            let Some(view) = view(&self.world, *id, verdicts, now) else {
                continue;
            };
            let Some(host) = self.world.hosts.get(id) else { continue };
            let fresh = serde_json::json!({"view": view, "reason": host.reason});
            let known = self.shown.get(id);
            if known.is_some_and(|(shown, at)| *shown == fresh || now.since(*at) < VIEW_INTERVAL) {
                continue;
            }
            // A row must exist before it can show anything; a reason that changed in place is stored with it.
            let reason_moved = known.is_none_or(|(shown, _)| shown["reason"] != fresh["reason"]);
            let stored = judgement.changes.contains(&Change::Host(*id));
            if reason_moved && !stored {
                let generation = advance(&mut self.generations, *id);
                self.writes
                    .push(writes::host_row(host, self.ports.clock.as_ref(), generation));
            }
            self.writes.push(Write::View {
                host: *id,
                view: fresh["view"].clone(),
            });
            self.shown.insert(*id, (fresh, now));
        }
    }

    /// Stores everything in one transaction; `false` when this engine no longer leads.
    async fn commit(&mut self, judgement: &Judgement) -> bool {
        let generations = &mut self.generations;
        let rows = writes::rows(
            &self.world,
            &judgement.changes,
            self.ports.clock.as_ref(),
            self.ports.ids.as_ref(),
            &mut |host| advance(generations, host),
        );
        // A host's row comes before its view, which may have been prepared first.
        let mut all = rows;
        all.append(&mut self.writes);
        if all.is_empty() {
            return true;
        }
        self.store(&all).await
    }

    fn act(&mut self, judgement: Judgement, now: Moment) {
        for effect in judgement.effects {
            if let Some(subject) = self.subject(effect.host) {
                self.executor.begin(effect, subject);
            }
        }
        let interval = self.settings.policy.probe_interval;
        for want in judgement.wants {
            if !self.throttle.admit(&want, interval, now) {
                continue;
            }
            let host = match &want {
                themis_decision::Want::Probe { host, .. }
                | themis_decision::Want::AskLife { host }
                | themis_decision::Want::ReadPower { host, .. }
                | themis_decision::Want::Look { host, .. } => *host,
            };
            let incident = self.world.hosts.get(&host).and_then(|h| h.incident);
            if let Some(subject) = self.subject(host) {
                effects::ask(&self.executor, want, subject, incident, now);
            }
        }
    }

    /// Lists Nova's services, more often while a host is in doubt.
    fn poll_nova(&mut self, now: Moment) {
        let doubt = self.world.hosts.values().any(|host| host.incident.is_some());
        let interval = if doubt {
            NOVA_POLL_DOUBT
        } else {
            self.settings.nova_poll
        };
        if self.nova_at.is_some_and(|at| now.since(at) < interval) {
            return;
        }
        self.nova_at = Some(now);
        let executor = self.executor.clone();
        let away = self.nova_away.clone();
        self.executor.tasks.spawn(async move {
            match executor.ports.compute.services().await {
                Ok(services) => {
                    if away.swap(false, Ordering::Relaxed) {
                        tracing::info!("Nova answers again");
                    }
                    executor.mailbox.deliver(Event::Services { services, asked: now }).await;
                }
                Err(error) => {
                    if !away.swap(true, Ordering::Relaxed) {
                        tracing::error!("Nova cannot be asked: {}; trying again", error.reason().text);
                    }
                }
            }
        });
    }

    /// An effect that follows from an event; begun after the next commit, like all others.
    pub(super) fn begin_later(&mut self, effect: WantedEffect) {
        self.later.push(effect);
    }
}

fn advance(generations: &mut std::collections::BTreeMap<HostId, i64>, host: HostId) -> i64 {
    let generation = generations.entry(host).or_insert(0);
    *generation += 1;
    *generation
}
