//! Nova as it was measured (the reference's nova.md): its services, its servers, and the course of an evacuation with
//! its harms: it takes a second evacuation of the same server, and a silent destination stays `accepted` for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::InstanceId;
use themis_decision::notified::InstanceSight;
use themis_decision::recovery::{InstanceLook, ListedInstance, MigrationLook, MigrationState};

use crate::machines::{Site, Time};

/// How often nova-compute reports.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// After so long without a heartbeat a service is down.
const SERVICE_DOWN: Duration = Duration::from_secs(60);
const SCHEDULED_AFTER: Duration = Duration::from_millis(300);
const CLAIMED_AFTER: Duration = Duration::from_millis(600);
const STARTED_AFTER: Duration = Duration::from_millis(1_500);
const DONE_AFTER: Duration = Duration::from_millis(1_700);
/// From a stop or start accepted to done.
const ERRAND_TAKES: Duration = Duration::from_millis(800);

/// A nova-compute service as Nova's database has it.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Its last heartbeat.
    pub beat: Time,
    /// Forced down.
    pub forced_down: bool,
    /// Why it is disabled.
    pub disabled: Option<String>,
}

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Where Nova has it.
    pub host: String,
    /// `active`, `error`, ...
    pub vm_state: String,
    /// `rebuilding`, `powering-off`, ... or nothing.
    pub task_state: Option<String>,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
}

/// What nova-compute was asked to do with a server. It lies in the queue of the host to which it was sent for as long
/// as nova-compute there does not work, whatever becomes of the server meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The server.
    pub server: InstanceId,
    /// Whose queue it lies in.
    pub host: String,
    /// Start it; stop it otherwise.
    pub start: bool,
    /// From then on it is done.
    at: Time,
}

/// An evacuation.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Nova's id.
    pub id: i64,
    /// What moves.
    pub server: InstanceId,
    /// From where.
    pub source: String,
    /// The host that the scheduler set resources aside on.
    pub claim: Option<String>,
    /// The server's `vm_state` when it was posted.
    was: String,
    /// Where to, once that host took it.
    pub dest: Option<String>,
    /// Nova's word.
    pub status: &'static str,
    /// When it was posted, or last advanced by a living destination.
    at: Time,
    started: bool,
}

/// Nova's own mind.
#[derive(Debug, Clone, Default)]
pub struct Nova {
    /// By host.
    pub services: BTreeMap<String, Service>,
    /// By id.
    pub servers: BTreeMap<InstanceId, Server>,
    /// Evacuations, oldest first.
    pub migrations: Vec<Migration>,
    /// How many evacuate requests reached it.
    pub posts: usize,
    /// Stops and starts that are not done yet.
    pub errands: Vec<Errand>,
}

impl Migration {
    /// It has not come to an end.
    #[must_use]
    pub fn open(&self) -> bool {
        matches!(self.status, "accepted" | "pre-migrating")
    }

    /// Hosts on which it may have started the server.
    #[must_use]
    pub fn destinations(&self) -> Vec<&str> {
        self.dest.as_deref().or(self.claim.as_deref()).into_iter().collect()
    }
}

impl Nova {
    /// Whether a service is up.
    #[must_use]
    pub fn up(&self, host: &str, now: Time) -> bool {
        let service = self.services.get(host);
        service.is_some_and(|s| !s.forced_down && now.saturating_sub(s.beat) < SERVICE_DOWN)
    }

    /// One evacuate request. The answer is HTTP's.
    ///
    /// # Errors
    /// What Nova refuses it with.
    pub fn evacuate(&mut self, id: InstanceId, now: Time) -> Result<(), String> {
        self.posts += 1;
        let server = self.servers.get_mut(&id).ok_or("404 Instance could not be found.")?;
        let source = server.host.clone();
        if !matches!(server.vm_state.as_str(), "active" | "stopped" | "error") {
            return Err(format!(
                "409 Cannot 'evacuate' instance while it is in vm_state {}",
                server.vm_state
            ));
        }
        let service = self.services.get(&source);
        if service.is_some_and(|s| !s.forced_down && now.saturating_sub(s.beat) < SERVICE_DOWN) {
            return Err(format!("400 Compute service of {source} is still in use."));
        }
        server.task_state = Some("rebuilding".to_owned());
        let was = server.vm_state.clone();
        self.migrations.push(Migration {
            id: i64::try_from(self.migrations.len() + 1).unwrap_or(i64::MAX),
            server: id,
            source,
            was,
            claim: None,
            dest: None,
            status: "accepted",
            at: now,
            started: false,
        });
        Ok(())
    }

    /// One stop or start request. The answer is HTTP's.
    ///
    /// # Errors
    /// What Nova refuses it with.
    pub fn errand(&mut self, id: InstanceId, start: bool, now: Time) -> Result<(), String> {
        let server = self.servers.get_mut(&id).ok_or("404 Instance could not be found.")?;
        let fits = if start {
            server.vm_state == "stopped"
        } else {
            matches!(server.vm_state.as_str(), "active" | "error")
        };
        if !fits || server.task_state.is_some() {
            return Err(format!(
                "409 Cannot '{}' instance while it is in vm_state {}",
                if start { "start" } else { "stop" },
                server.vm_state
            ));
        }
        let task = if start { "powering-on" } else { "powering-off" };
        server.task_state = Some(task.to_owned());
        let (host, at) = (server.host.clone(), now + ERRAND_TAKES);
        let server = id;
        self.errands.push(Errand {
            server,
            host,
            start,
            at,
        });
        Ok(())
    }

    fn run_errands(&mut self, site: &mut Site, now: Time) {
        let works = |host: &str| {
            let machine = &site.machines[host];
            machine.compute_works() && site.reaches_control(machine)
        };
        let (due, waiting): (Vec<Errand>, Vec<Errand>) = self
            .errands
            .drain(..)
            .partition(|errand| errand.at <= now && works(&errand.host));
        self.errands = waiting;
        for errand in due {
            if let Some(machine) = site.machines.get_mut(&errand.host) {
                // On that host, wherever the server is by now: this is the harm in a start that comes late.
                if errand.start {
                    machine.running.insert(errand.server);
                } else {
                    machine.running.remove(&errand.server);
                }
            }
            if let Some(server) = self
                .servers
                .get_mut(&errand.server)
                .filter(|server| server.host == errand.host)
            {
                server.vm_state = if errand.start { "active" } else { "stopped" }.to_owned();
                server.task_state = None;
            }
        }
    }

    /// Lets heartbeats, errands and evacuations go on.
    pub fn tick(&mut self, site: &mut Site, now: Time) {
        for (host, service) in &mut self.services {
            let machine = &site.machines[host];
            let beats = machine.compute_works() && site.reaches_control(machine);
            if beats && now.saturating_sub(service.beat) >= HEARTBEAT {
                service.beat = now;
            }
        }
        self.run_errands(site, now);
        for index in 0..self.migrations.len() {
            if self.migrations[index].open() {
                self.advance(index, site, now);
            }
        }
    }

    fn advance(&mut self, index: usize, site: &mut Site, now: Time) {
        let migration = self.migrations[index].clone();
        let age = now.saturating_sub(migration.at);
        let Some(claim) = migration.claim.clone() else {
            if age >= SCHEDULED_AFTER {
                self.schedule(index, &migration, now);
            }
            return;
        };
        let machine = &site.machines[&claim];
        if !(machine.compute_works() && site.reaches_control(machine)) {
            // Silent: the request lies in its queue. It goes on when the destination does.
            self.migrations[index].at += Duration::from_millis(100);
            return;
        }
        let entry = &mut self.migrations[index];
        if age >= CLAIMED_AFTER && entry.dest.is_none() {
            entry.dest = Some(claim.clone());
            entry.status = "pre-migrating";
        }
        if age >= STARTED_AFTER && !entry.started {
            entry.started = true;
            // A server that was stopped is rebuilt and stopped again; it never runs for long.
            let runs = migration.was != "stopped";
            if let Some(machine) = site.machines.get_mut(&claim).filter(|_| runs) {
                machine.running.insert(migration.server);
            }
            if let Some(server) = self.servers.get_mut(&migration.server) {
                server.vm_state = if runs { "active" } else { "stopped" }.to_owned();
                server.task_state = None;
            }
        }
        if age >= DONE_AFTER {
            self.migrations[index].status = "done";
            if let Some(server) = self.servers.get_mut(&migration.server) {
                server.host = claim;
            }
        }
    }

    /// The scheduler: the emptiest host whose service is up and enabled.
    fn schedule(&mut self, index: usize, migration: &Migration, now: Time) {
        let load = |host: &str| {
            let claimed = self
                .migrations
                .iter()
                .filter(|m| m.open() && m.claim.as_deref() == Some(host));
            self.servers.values().filter(|s| s.host == host).count() + claimed.count()
        };
        let fit = self
            .services
            .iter()
            .filter(|(host, service)| service.disabled.is_none() && **host != migration.source && self.up(host, now));
        let target = fit
            .map(|(host, _)| host.clone())
            .min_by_key(|host| (load(host), host.clone()));
        let entry = &mut self.migrations[index];
        if target.is_none() {
            entry.status = "error";
            if let Some(server) = self.servers.get_mut(&migration.server) {
                server.vm_state = "error".to_owned();
                server.task_state = None;
            }
        }
        entry.claim = target;
    }

    /// A nova-compute came up: it ends its evacuations, and starts the guests that are still its own.
    pub fn compute_started(&mut self, site: &mut Site, host: &str) {
        for migration in self
            .migrations
            .iter_mut()
            .filter(|m| m.source == host && m.status == "done")
        {
            migration.status = "completed";
        }
        let leaving = |id: &InstanceId| {
            self.migrations
                .iter()
                .any(|m| m.server == *id && m.source == host && m.open())
        };
        let own = self
            .servers
            .iter()
            .filter(|(id, server)| server.host == host && !leaving(id));
        let own: Vec<InstanceId> = own.filter(|(_, s)| s.vm_state == "active").map(|(id, _)| *id).collect();
        if let Some(machine) = site.machines.get_mut(host) {
            machine.running.extend(own);
        }
    }

    /// A host's servers, as the engine's port lists them.
    #[must_use]
    pub fn listed(&self, host: &str) -> Vec<ListedInstance> {
        let own = self.servers.iter().filter(|(_, server)| server.host == host);
        own.map(|(id, server)| ListedInstance {
            id: *id,
            name: server.name.clone(),
            vm_state: server.vm_state.clone(),
            task_state: server.task_state.clone(),
            local_disk: false,
            marked: true,
            priority: 0,
            migrations_before: self.of(*id).map(|m| m.id).collect(),
            may_run_on: self
                .of(*id)
                .filter(|m| m.open())
                .flat_map(Migration::destinations)
                .filter(|dest| *dest != host)
                .map(str::to_owned)
                .collect(),
        })
        .collect()
    }

    /// Evacuations of a server, oldest first.
    pub fn of(&self, id: InstanceId) -> impl Iterator<Item = &Migration> {
        self.migrations.iter().filter(move |m| m.server == id)
    }

    /// A server as it is shown.
    #[must_use]
    pub fn sight(&self, id: InstanceId) -> Option<InstanceSight> {
        self.servers.get(&id).map(|server| InstanceSight {
            host: Some(server.host.clone()),
            vm_state: server.vm_state.clone(),
            task_state: server.task_state.clone(),
            metadata: server.metadata.clone(),
        })
    }

    /// A server on its way.
    #[must_use]
    pub fn look(&self, id: InstanceId) -> InstanceLook {
        let server = self.servers.get(&id);
        let last = self.of(id).last();
        InstanceLook {
            id,
            deleted: server.is_none(),
            host: server.map(|s| s.host.clone()),
            vm_state: server.map(|s| s.vm_state.clone()).unwrap_or_default(),
            task_state: server.and_then(|s| s.task_state.clone()),
            migrations: self
                .of(id)
                .map(|m| MigrationLook {
                    id: m.id,
                    state: MigrationState::of(m.status),
                    dest: m.dest.clone(),
                })
                .collect(),
            claimed_on: last.filter(|m| m.open()).map(|m| m.claim.clone().into_iter().collect()),
        }
    }
}
