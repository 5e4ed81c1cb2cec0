//! What events do to the world: evidence, and rows of the workflow log for outcomes. Nothing is decided here.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use themis_core::power::{PowerReading, PowerState, PowerTrouble};
use themis_core::report::Report;
use themis_core::{HostId, IncidentId, InstanceId, Moment, PowerDeviceId, Reason, VmoveId};
use themis_decision::binding;
use themis_decision::evidence::NovaService;
use themis_decision::recovery::log::{Found, ended as row_of};
use themis_decision::recovery::look::{LookContext, conclude};
use themis_decision::recovery::plan::must_stop;
use themis_decision::recovery::{Effect, InstanceLook, ListedInstance, Outcome, Step, StepEvent, StepRow};
use themis_decision::{Change, WantedEffect};

use super::Engine;
use crate::inbox::Event;
use crate::ports::compute::ComputeService;
use crate::ports::power::OffAnswer;

/// A host whose monitor spoke so lately cannot be off.
const SPEAKS: Duration = Duration::from_secs(3);

pub(super) fn take(engine: &mut Engine, event: Event, now: Moment) {
    match event {
        Event::Report(report) => hear(engine, *report, now),
        Event::Probe(answer) => engine.world.evidence.hear_probe(&answer, now),
        Event::Census(answer) => tracing::debug!(
            "census of {}: {:?} guests",
            answer.observer,
            answer.running.map(|r| r.len())
        ),
        Event::Power { host, device, reading } => power(engine, host, device, &reading, now),
        Event::OffSent {
            host,
            incident,
            device,
            answer,
        } => off_sent(engine, host, incident, device, answer, now),
        Event::Services { services, asked } => nova(engine, services, asked, now),
        Event::Looked {
            host,
            incident,
            asked,
            looks,
        } => looked(engine, host, incident, &asked, looks, now),
        Event::Ended {
            host,
            incident,
            effect,
            outcome,
        } => ended(engine, host, incident, &effect, outcome, now),
        Event::Sighted { instance, sight, asked } => engine.sighted(instance, sight, asked),
        Event::CallEnded { call, outcome } => engine.call_ended(&call, outcome, now),
        Event::Wake(request) => {
            engine.wake = true;
            engine.woken_by = request.or(engine.woken_by.take());
        }
    }
}

fn hear(engine: &mut Engine, report: Report, now: Moment) {
    let age = engine.world.policy.report_age_max();
    let (observer, system_uuid) = (report.observer.clone(), report.system_uuid);
    if let Err(refused) = engine.world.evidence.hear_report(report, now, age) {
        metrics::counter!("themis_engine_reports_refused_total").increment(1);
        return tracing::debug!("report of {observer} refused: {refused}");
    }
    let host = engine.world.hosts.values_mut().find(|host| host.name == observer);
    let Some(host) = host.filter(|h| system_uuid.is_some() && h.detail.system_uuid != system_uuid) else {
        return;
    };
    host.detail.system_uuid = system_uuid;
    engine.pending.push(Change::Host(host.id));
}

fn power(engine: &mut Engine, host: HostId, device: PowerDeviceId, reading: &PowerReading, now: Moment) {
    engine.throttle.power_answered(device);
    let Some(stored) = engine.device(host, device) else {
        return;
    };
    let accepted = stored.accepted;
    let shared = shows_another_devices_guid(engine, device, reading.guid.as_deref());
    let Some(record) = engine.world.hosts.get(&host) else {
        return;
    };
    let system_uuid = record.detail.system_uuid;
    // The same GUID on two devices tells neither from the other.
    let guid = reading.guid.as_deref().filter(|_| !shared);
    let identity = engine.ports.power.identity(guid, system_uuid);
    let speaks = engine.world.evidence.spoke_within(&record.name, now, SPEAKS) && !record.state.in_recovery();
    let fresh = binding::judge(reading, identity, accepted, speaks, system_uuid);
    let name = record.name.clone();
    let power = engine.world.evidence.power.entry(host).or_default();
    say_refused(&name, power.devices.get(&device).and_then(|track| track.last), reading);
    let binding = binding::keep(power.devices.get(&device).map(|track| &track.binding), fresh, reading);
    power.hear(device, binding, reading, now);
}

/// A device that begins to refuse is said once: its host cannot be fenced until somebody mends the record.
fn say_refused(host: &str, last: Option<(Moment, Result<PowerState, PowerTrouble>)>, reading: &PowerReading) {
    let refused = Err(PowerTrouble::Refused);
    if reading.state == refused && last.is_none_or(|(_, before)| before != refused) {
        let detail = &reading.detail;
        tracing::error!(
            "the power device of {host} refuses: {detail}; mend it with 'themis power-device set {host} ...'"
        );
    }
}

/// Remembers the GUID that a device shows, and whether another registered device shows the same.
fn shows_another_devices_guid(engine: &mut Engine, device: PowerDeviceId, guid: Option<&str>) -> bool {
    let Some(guid) = guid else { return false };
    let registered: BTreeSet<PowerDeviceId> = engine
        .snapshot
        .hosts
        .iter()
        .flat_map(|host| host.devices.iter().map(|d| d.id))
        .collect();
    engine.guids.retain(|id, _| registered.contains(id));
    engine.guids.insert(device, guid.to_owned());
    engine
        .guids
        .iter()
        .any(|(other, shown)| *other != device && shown == guid)
}

fn off_sent(
    engine: &mut Engine,
    host: HostId,
    incident: IncidentId,
    device: PowerDeviceId,
    answer: OffAnswer,
    now: Moment,
) {
    engine.throttle.power_now(device);
    let (event, payload) = match &answer {
        OffAnswer::Accepted => (StepEvent::Succeeded, json!({})),
        OffAnswer::NotTaken(why) => (StepEvent::Failed, json!({"why": why})),
    };
    if answer == OffAnswer::Accepted
        && let Some(track) = engine.world.evidence.power.get_mut(&host)
        && let Some(binding) = track.devices.get(&device).map(|d| d.binding.clone())
    {
        track.off_accepted(device, &binding, now);
    }
    let row = StepRow {
        step: Step::PowerOff,
        subject: device.to_string(),
        attempt: 1,
        event,
        payload,
    };
    store_row(engine, host, incident, row, now);
}

fn nova(engine: &mut Engine, services: Vec<ComputeService>, asked: Moment, now: Moment) {
    for service in services {
        let before = engine.world.evidence.nova.get(&service.host).map(|last| last.at);
        let heard = NovaService {
            up: service.up,
            forced_down: service.forced_down,
            disabled: service.disabled,
            updated_at: service.updated_at,
            at: asked,
            ..NovaService::default()
        };
        engine.world.evidence.hear_nova(&service.host, heard, before);
    }
    engine.nova_at = Some(now);
}

/// Applies a row to the recovery and puts it among the changes of the next commit.
fn store_row(engine: &mut Engine, host: HostId, incident: IncidentId, row: StepRow, now: Moment) {
    let Some(record) = engine
        .world
        .hosts
        .get_mut(&host)
        .filter(|h| h.incident == Some(incident))
    else {
        return;
    };
    record.recovery.apply(&row, Some(now));
    if let Ok(instance) = row.subject.parse::<InstanceId>() {
        engine.pending.push(Change::Vmove {
            host,
            incident,
            instance,
        });
    }
    engine.pending.push(Change::Step { incident, row });
}

fn tell(engine: &mut Engine, host: HostId, incident: IncidentId, kind: &'static str, reason: Reason, now: Moment) {
    engine.pending.push(Change::Event {
        host,
        incident,
        kind,
        reason,
        at: now,
    });
}

fn looked(
    engine: &mut Engine,
    host: HostId,
    incident: IncidentId,
    asked: &[InstanceId],
    looks: Option<Vec<InstanceLook>>,
    now: Moment,
) {
    engine.throttle.looked(host);
    let proven_off = themis_decision::host::proven_off(&engine.world, now);
    let (horizon, attempts_max) = (
        engine.world.policy.nova_request_horizon,
        engine.world.policy.evacuation_attempts_max,
    );
    for look in looks.unwrap_or_default().iter().filter(|look| asked.contains(&look.id)) {
        let Some(record) = engine
            .world
            .hosts
            .get_mut(&host)
            .filter(|h| h.incident == Some(incident))
        else {
            return;
        };
        let source = record.name.clone();
        let context = LookContext {
            source: &source,
            now,
            horizon,
            attempts_max,
            proven_off: &proven_off,
        };
        let Some(instance) = record.recovery.instances.get_mut(&look.id) else {
            continue;
        };
        let Some(row) = conclude(instance, look, context) else {
            continue;
        };
        if row.event == StepEvent::Succeeded && must_stop(instance, &look.vm_state) {
            let row = StepRow::of_instance(Step::Stop, look.id, instance.attempts, StepEvent::Started, json!({}));
            store_row(engine, host, incident, row, now);
            let effect = Effect::Stop { instance: look.id };
            engine.begin_later(WantedEffect {
                host,
                incident,
                effect,
                decided: now,
            });
            continue;
        }
        tell_of(engine, host, incident, look.id, &row, now);
        store_row(engine, host, incident, row, now);
    }
}

/// The story's line for what a look concluded.
fn tell_of(engine: &mut Engine, host: HostId, incident: IncidentId, instance: InstanceId, row: &StepRow, now: Moment) {
    let name = engine
        .world
        .hosts
        .get(&host)
        .and_then(|h| h.recovery.instances.get(&instance))
        .map_or_else(|| instance.to_string(), |i| i.listed.name.clone());
    let data = json!({"instance": instance, "name": name, "host": row.payload["host"]});
    if row.event == StepEvent::Succeeded {
        let text = match row.payload["host"].as_str() {
            Some(to) => format!("{name} is back on {to}"),
            None => format!("{name} was deleted meanwhile"),
        };
        return tell(
            engine,
            host,
            incident,
            "instance_back",
            Reason::new("instance_back", text).with(data),
            now,
        );
    }
    let reason: Option<Reason> = serde_json::from_value(row.payload["reason"].clone()).ok();
    let why = reason.map_or_else(String::new, |r| r.text);
    let again = if row.payload["retry"] == json!(true) {
        "it is tried again"
    } else {
        "it is given up"
    };
    let text = format!("{name}: {why}; {again}");
    tell(
        engine,
        host,
        incident,
        "instance_failed",
        Reason::new("instance_failed", text).with(data),
        now,
    );
}

fn ended(engine: &mut Engine, host: HostId, incident: IncidentId, effect: &Effect, outcome: Outcome, now: Moment) {
    let Some(record) = engine.world.hosts.get(&host).filter(|h| h.incident == Some(incident)) else {
        return;
    };
    let (step, subject) = match effect {
        Effect::PowerOff { .. } => return,
        Effect::ForceDown => (Step::ForceDown, None),
        Effect::Disable => (Step::Disable, None),
        Effect::List => (Step::List, None),
        Effect::ForceUp => (Step::ForceUp, None),
        Effect::Enable => (Step::Enable, None),
        Effect::ResetState { instance } => (Step::ResetState, Some(*instance)),
        Effect::Evacuate { instance, .. } => (Step::Evacuate, Some(*instance)),
        Effect::Stop { instance } => (Step::Stop, Some(*instance)),
    };
    let instance = subject.and_then(|id| record.recovery.instances.get(&id));
    let attempt = instance.map_or(1, |i| i.attempts.max(1));
    let name = instance.map_or_else(|| record.name.clone(), |i| i.listed.name.clone());
    let (event, mut payload) = row_of(
        &outcome,
        &record.recovery,
        subject,
        engine.world.policy.evacuation_attempts_max,
    );
    // While Nova is away each try is a row of the log, and the story says it once: the host shows the hold.
    let away = matches!(
        (&outcome, step),
        (Outcome::Retry(_), _) | (Outcome::Indeterminate(_), Step::ResetState)
    );
    let known = away && instance.is_some() && record.recovery.nova_away.is_some();
    if step == Step::List && event == StepEvent::Succeeded {
        payload = found(engine, host, &payload);
        let count = payload["instances"].as_array().map_or(0, Vec::len);
        let text = format!("{count} instances found on {name} that were not known yet");
        tell(
            engine,
            host,
            incident,
            "listed",
            Reason::new("listed", text).with(json!({"count": count})),
            now,
        );
    }
    if !known {
        tell_ended(engine, host, incident, step, &name, subject, &outcome, now);
    }
    let subject = subject.map(|id| id.to_string()).unwrap_or_default();
    store_row(
        engine,
        host,
        incident,
        StepRow {
            step,
            subject,
            attempt,
            event,
            payload,
        },
        now,
    );
}

#[allow(clippy::too_many_arguments, reason = "one line of the story has this many facts")]
fn tell_ended(
    engine: &mut Engine,
    host: HostId,
    incident: IncidentId,
    step: Step,
    name: &str,
    subject: Option<InstanceId>,
    outcome: &Outcome,
    now: Moment,
) {
    let data = json!({"step": step.name(), "instance": subject});
    match outcome {
        Outcome::Done(_) if step == Step::Evacuate => {
            let reason = Reason::new("evacuate_sent", format!("evacuation of {name} accepted by Nova")).with(data);
            tell(engine, host, incident, "evacuate_sent", reason, now);
        }
        Outcome::Done(_) => {}
        Outcome::Retry(reason) | Outcome::Failed(reason) => {
            let text = format!("{} of {name} did not succeed: {}", step.name(), reason.text);
            tell(
                engine,
                host,
                incident,
                "step_failed",
                Reason::new(&reason.code, text).with(data),
                now,
            );
        }
        Outcome::Indeterminate(reason) => {
            let text = format!(
                "the answer to {} of {name} was lost ({}): nothing is repeated, only looked at",
                step.name(),
                reason.text
            );
            tell(
                engine,
                host,
                incident,
                "indeterminate",
                Reason::new("answer_lost", text).with(data),
                now,
            );
        }
    }
}

/// What a listing found that was not known yet, each with the id of its vmove.
fn found(engine: &mut Engine, host: HostId, payload: &Value) -> Value {
    let listed: Vec<ListedInstance> = serde_json::from_value(payload["instances"].clone()).unwrap_or_default();
    let known = engine.world.hosts.get(&host).map(|h| &h.recovery.instances);
    let instances: Vec<(ListedInstance, VmoveId)> = listed
        .into_iter()
        .filter(|i| known.is_none_or(|known| !known.contains_key(&i.id)))
        .map(|i| (i, VmoveId(engine.ports.ids.fresh())))
        .collect();
    if let Some(incident) = engine.world.hosts.get(&host).and_then(|h| h.incident) {
        let vmoves = instances.iter().map(|(i, _)| Change::Vmove {
            host,
            incident,
            instance: i.id,
        });
        let vmoves: Vec<Change> = vmoves.collect();
        engine.pending.extend(vmoves);
    }
    serde_json::to_value(Found { instances }).unwrap_or(Value::Null)
}
