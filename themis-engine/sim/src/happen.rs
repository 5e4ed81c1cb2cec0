//! What a scenario's commands do to the world.

use serde_json::json;
use themis_core::{HostId, InstanceId, Mode, NotificationId, RequestId};
use themis_engine::ports::store::{StoredNotification, StoredRequest};
use uuid::Uuid;

use crate::clock::wall;
use crate::machines::{Machine, Time};
use crate::scenario::Command;
use crate::store::tables::NotificationRow;
use crate::world::{State, World};

/// Lets a command happen now; `id` names the row that it may write.
pub fn happen(world: &World, command: &Command, id: Uuid) {
    let now = world.now();
    let mut state = world.lock();
    let state = &mut *state;
    let (about, what) = words(command);
    state.chronicle.note(now, "world", &about, &what);
    match command {
        Command::Kill(host) => on(state, host, Machine::panic),
        Command::Power(host, true) => on(state, host, |m| m.power_on(now)),
        Command::Power(host, false) => on(state, host, Machine::power_off),
        Command::Hang(host) => on(state, host, |m| m.hung = true),
        Command::Resume(host) => on(state, host, |m| m.hung = false),
        Command::Zombie(host) => on(state, host, |m| {
            (m.agents, m.monitor, m.compute) = (false, false, false)
        }),
        Command::Agents(host, alive) => on(state, host, |m| m.agents = *alive),
        Command::Cut(host, network) => on(state, host, |m| m.cut.extend([network.clone()])),
        Command::Heal(host) => on(state, host, |m| m.cut.clear()),
        Command::Outage(network, true) => state.site.out.extend([network.clone()]),
        Command::Outage(network, false) => state.site.out.retain(|out| out != network),
        Command::Bmc(host, mood) => on(state, host, |m| m.bmc.mood = *mood),
        Command::WrongBmc(host) => on(state, host, |m| (m.bmc.of_another, m.bmc.guid) = (true, id)),
        Command::Request(kind, host) => ask(world, state, kind, Some(host), json!({}), id),
        Command::Mode(mode) => ask(world, state, "mode", None, json!({"value": mode}), id),
        Command::Claim(host) => notify(world, state, host, "COMPUTE_HOST", json!({"event": "STOPPED"}), id),
        Command::InstanceReport(server, host, event, domain_event) => {
            let instance = instance_of(state, server);
            let payload = json!({"event": event, "vir_domain_event": domain_event, "instance_uuid": instance});
            notify(world, state, host, "VM", payload, id);
        }
        Command::ProcessReport(host, process, event) => {
            notify(
                world,
                state,
                host,
                "PROCESS",
                json!({"event": event, "process_name": process}),
                id,
            );
        }
        Command::Guest(server) => {
            let instance = instance_of(state, server);
            let machines = state.site.machines.values_mut();
            machines.for_each(|machine| machine.running.retain(|guest| Some(*guest) != instance));
        }
        Command::Plain(server) => {
            if let Some(server) = instance_of(state, server).and_then(|id| state.nova.servers.get_mut(&id)) {
                server.metadata.clear();
            }
        }
        Command::Maintenance(host, on) => {
            if let Some(id) = id_of(state, host) {
                world.store.tables(|tables| {
                    tables
                        .hosts
                        .get_mut(&id)
                        .into_iter()
                        .for_each(|row| row.on_maintenance = *on);
                });
                world.broker.wake();
            }
        }
        Command::Compute(host, alive) => on(state, host, |m| m.compute = *alive),
        Command::Database(away) => world.store.set_away(*away),
        Command::DatabaseLosesAnswer => world.store.lose_answers(1),
        Command::Broker(away) => world.broker.bus.set_away(*away),
        Command::Nova(away) => state.nova_away = *away,
        Command::NovaLosesAnswers(count) => state.nova_lose_answers = *count,
        Command::NovaShowsAfter(time) => state.nova_shows_after = *time,
        Command::CrashLeader => crash_leader(world, state, now),
    }
}

fn on(state: &mut State, host: &str, f: impl FnOnce(&mut Machine)) {
    if let Some(machine) = state.site.machines.get_mut(host) {
        f(machine);
    }
}

fn id_of(state: &State, host: &str) -> Option<HostId> {
    state.names.iter().find(|(_, name)| *name == host).map(|(id, _)| *id)
}

fn ask(world: &World, state: &State, kind: &str, host: Option<&str>, args: serde_json::Value, id: Uuid) {
    let request = StoredRequest {
        id: RequestId(id),
        kind: kind.to_owned(),
        host: host.and_then(|host| id_of(state, host)),
        args,
        reason: "looked at it".to_owned(),
        user: "operator".to_owned(),
    };
    world.store.tables(|tables| tables.requests.push((request, None)));
    world.broker.wake();
}

fn instance_of(state: &State, server: &str) -> Option<InstanceId> {
    let named = state.nova.servers.iter().find(|(_, known)| known.name == server);
    named.map(|(id, _)| *id)
}

fn notify(world: &World, state: &State, host: &str, kind: &str, payload: serde_json::Value, id: Uuid) {
    let Some(host) = id_of(state, host) else { return };
    let row = StoredNotification {
        id: NotificationId(id),
        host,
        kind: kind.to_owned(),
        payload,
        generated: wall(world.now()),
    };
    let row = NotificationRow {
        row,
        status: "new".to_owned(),
        message: None,
        updated: None,
    };
    world.store.tables(|tables| tables.notifications.push(row));
    world.broker.wake();
}

fn crash_leader(world: &World, state: &mut State, now: Time) {
    let holder = world.store.holder();
    let leader = state
        .engines
        .iter()
        .find(|process| Some(process.name()) == holder.as_deref());
    if let Some(process) = leader {
        process.kill();
        let name = process.name().to_owned();
        state.chronicle.note(now, "crash", &name, "killed");
    }
}

/// A command as the log shows it: about whom, what.
fn words(command: &Command) -> (String, String) {
    let of = |host: &str, what: &str| (host.to_owned(), what.to_owned());
    match command {
        Command::Kill(host) => of(host, "kernel panic"),
        Command::Power(host, true) => of(host, "power returns"),
        Command::Power(host, false) => of(host, "power is gone"),
        Command::Hang(host) => of(host, "hangs; its guests go on"),
        Command::Resume(host) => of(host, "goes on"),
        Command::Zombie(host) => of(host, "agents, monitor and nova-compute die; its guests go on"),
        Command::Agents(host, true) => of(host, "serf agents are back"),
        Command::Agents(host, false) => of(host, "serf agents die"),
        Command::Cut(host, network) => of(host, &format!("cut off from {network}")),
        Command::Heal(host) => of(host, "networks healed"),
        Command::Outage(network, true) => of(network, "fails for everybody"),
        Command::Outage(network, false) => of(network, "is back"),
        Command::Bmc(host, mood) => of(host, &format!("power device: {mood:?}").to_lowercase()),
        Command::WrongBmc(host) => of(host, "power device belongs to another machine, which is off"),
        Command::Request(kind, host) => of(host, &format!("operator asks: {kind}")),
        Command::Mode(Mode::Armed) => of("", "operator asks: armed"),
        Command::Mode(Mode::Observe) => of("", "operator asks: observe"),
        Command::Claim(host) => of(host, "a monitor of Masakari notifies that it stopped"),
        Command::InstanceReport(server, host, event, domain_event) => {
            of(server, &format!("a monitor on {host} notifies {event} {domain_event}"))
        }
        Command::ProcessReport(host, process, event) => of(host, &format!("a monitor notifies {process} {event}")),
        Command::Guest(server) => of(server, "its guest dies"),
        Command::Plain(server) => of(server, "is not marked for HA"),
        Command::Maintenance(host, true) => of(host, "operator sets maintenance"),
        Command::Maintenance(host, false) => of(host, "operator clears maintenance"),
        Command::Compute(host, true) => of(host, "nova-compute is back"),
        Command::Compute(host, false) => of(host, "nova-compute dies"),
        Command::Database(true) => of("", "the database is away"),
        Command::Database(false) => of("", "the database is back"),
        Command::DatabaseLosesAnswer => of("", "the database will lose the next commit's answer"),
        Command::Broker(true) => of("", "the broker is away"),
        Command::Broker(false) => of("", "the broker is back"),
        Command::Nova(true) => of("", "Nova does not answer"),
        Command::Nova(false) => of("", "Nova answers again"),
        Command::NovaLosesAnswers(count) => of("", &format!("Nova will lose {count} answers")),
        Command::NovaShowsAfter(time) => of("", &format!("Nova shows nothing before {:.1} s", time.as_secs_f64())),
        Command::CrashLeader => of("", "the leader is to die"),
    }
}
