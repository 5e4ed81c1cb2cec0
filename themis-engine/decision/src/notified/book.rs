//! All notified recoveries of a leader: who waits, who has a place, and one turn over them.

use std::collections::{BTreeMap, BTreeSet};

use themis_core::{HostId, InstanceId, Moment, NotificationId, Reason};

use super::instance::Instance;
use super::process::Process;
use super::{Ask, Call, Effect, InstanceSight, Notice, Out, Recovery, Row, Stage, Step, queue};
use crate::judge::Change;
use crate::recovery::Outcome;
use crate::world::World;

/// How many are taken up in one turn: a burst of notifications reaches Nova as a stream.
const TAKEN_UP_AT_ONCE: usize = 2;
/// How many are told in one turn that their host holds them: a bound on one transaction.
const PARKED_AT_ONCE: usize = 50;
/// Masakari's own words, misspelt as clients know them.
pub const SEGMENT_DISABLED: &str = "Recovery aboart: the segment HA is disabled.";

/// The recoveries, in the order in which they were heard of.
#[derive(Debug, Clone, Default)]
pub struct Book(Vec<Recovery>);

/// What one turn brings.
#[derive(Debug, Default)]
pub struct Turn {
    /// To be stored in one transaction.
    pub changes: Vec<Change>,
    /// To be begun after the commit.
    pub calls: Vec<Call>,
    /// Instances to be looked at.
    pub sights: Vec<InstanceId>,
    /// Hosts to be asked for a sign of life; harmless to repeat.
    pub asked: BTreeSet<HostId>,
}

impl Book {
    /// A notification in status `new`; one that is known already changes nothing.
    pub fn hear(&mut self, notice: Notice, now: Moment) {
        if self.get(notice.id).is_none() {
            self.0.push(Recovery::waiting(notice, now));
        }
    }

    /// A recovery that another leader took up.
    pub fn adopt(&mut self, recovery: Recovery) {
        self.0.push(recovery);
    }

    /// Forgets everything, as a new leader does.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The recovery that a notification asks for.
    #[must_use]
    pub fn get(&self, notification: NotificationId) -> Option<&Recovery> {
        self.0.iter().find(|recovery| recovery.notice.id == notification)
    }

    /// Whether a recovery of the instance is known.
    #[must_use]
    pub fn concerns(&self, instance: InstanceId) -> bool {
        self.0.iter().any(|recovery| recovery.instance() == Some(instance))
    }

    /// An instance was looked at; `asked` is when the request was sent.
    pub fn saw(&mut self, instance: InstanceId, sight: Option<&InstanceSight>, asked: Moment) {
        for recovery in self
            .0
            .iter_mut()
            .filter(|recovery| recovery.instance() == Some(instance))
        {
            recovery.sight = Some((asked, sight.cloned()));
        }
    }

    /// A request came to its end; a run that failed by it is tried once more at `retry_at`.
    pub fn ended(&mut self, retry_at: Moment, call: &Call, outcome: Outcome, now: Moment) -> Vec<Change> {
        let (step, subject) = match &call.effect {
            Effect::ResetState { instance, .. } => (Step::ResetInstance, instance.to_string()),
            Effect::Stop { instance, .. } => (Step::StopInstance, instance.to_string()),
            Effect::Start { instance, .. } => (Step::StartInstance, instance.to_string()),
            Effect::DisableService { host, .. } => (Step::DisableService, host.clone()),
        };
        let mut out = Out::default();
        let own = self
            .0
            .iter_mut()
            .find(|recovery| recovery.notice.id == call.notification);
        let Some(recovery) = own.filter(|recovery| recovery.stage == Stage::Sent(step)) else {
            return out.changes;
        };
        match outcome {
            // Accepted is not stopped.
            Outcome::Done(_) if step == Step::StopInstance => {
                let (doubtful, since) = (false, recovery.since);
                recovery.go(Stage::Followed { step, doubtful }, now);
                recovery.since = since;
            }
            Outcome::Done(found) => {
                let row = Row::succeeded(recovery, step, &subject);
                // Somebody else had done it before, unless an earlier try of ours had: its answer may have been lost.
                let first = recovery.tries.get(&step) == Some(&1);
                let already = first && found["disabled_before"] == true;
                out.row(recovery, if already { row.already() } else { row }, now);
                if step == Step::StartInstance {
                    out.row(recovery, Row::started(recovery, Step::ConfirmInstance, &subject), now);
                }
            }
            Outcome::Retry(why) => out.row(recovery, Row::failed(recovery, step, &subject, &why, true), now),
            Outcome::Indeterminate(why) => out.row(recovery, Row::indeterminate(recovery, step, &subject, &why), now),
            Outcome::Failed(why) => out.fail(recovery, step, &subject, &why, retry_at, now),
        }
        out.changes
    }
}

/// One turn over all recoveries.
pub fn turn(world: &mut World, now: Moment) -> Turn {
    let mut book = std::mem::take(&mut world.notified);
    book.0.retain(|recovery| recovery.stage != Stage::Over);
    let mut out = Out::default();
    for recovery in &mut book.0 {
        expire(recovery, &mut out, now);
        refuse(world, recovery, &mut out, now);
    }
    let working = book.0.iter().filter(|recovery| recovery.working()).count();
    let mut places = world
        .policy
        .notified_parallel
        .saturating_sub(working)
        .min(TAKEN_UP_AT_ONCE);
    // Those that were held come first, in their order.
    for recovery in &mut book.0 {
        advance(world, recovery, &mut places, &mut out, now);
    }
    answer_others(&mut book, &mut out, now);
    park_held(world, &mut book, &mut out, now);
    while places > 0 {
        let Some(next) = queue::next(world, &book.0, now).and_then(|index| book.0.get_mut(index)) else {
            break;
        };
        places -= 1;
        take_up(next, &mut out, now);
        advance(world, next, &mut places, &mut out, now);
    }
    answer_others(&mut book, &mut out, now);
    let sights = book
        .0
        .iter()
        .filter(|recovery| recovery.wants_sight(now))
        .filter_map(Recovery::instance)
        .collect();
    world.notified = book;
    Turn {
        changes: out.changes,
        calls: out.calls,
        sights,
        asked: out.asked,
    }
}

/// What its host holds back needs no place: it is taken up to say so, and leaves the queue to others.
fn park_held(world: &World, book: &mut Book, out: &mut Out, now: Moment) {
    for _ in 0..PARKED_AT_ONCE {
        let Some((index, why)) = queue::held(world, &book.0, now) else {
            return;
        };
        let Some(recovery) = book.0.get_mut(index) else { return };
        take_up(recovery, out, now);
        out.park(recovery, &why, now);
    }
}

/// What was reported of an instance before it was started again is answered by that, a failed attempt included: to stop
/// it once more would only interrupt it. What was reported later may be another crash, although Nova does not show it.
fn answer_others(book: &mut Book, out: &mut Out, now: Moment) {
    let over = |recovery: &&Recovery| recovery.stage == Stage::Over && recovery.done.contains(&Step::ConfirmInstance);
    let recovered: BTreeMap<InstanceId, Option<Moment>> = book
        .0
        .iter()
        .filter(over)
        .filter_map(|recovery| Some((recovery.instance()?, recovery.started_at)))
        .collect();
    for recovery in &mut book.0 {
        let told = matches!(recovery.stage, Stage::Waiting | Stage::Failed(_));
        let reported = recovery.notice.reported;
        let back = recovery
            .instance()
            .and_then(|instance| recovered.get(&instance))
            .is_some_and(|started| started.is_none_or(|started| reported <= started));
        if told && back {
            let text = "the instance was recovered for another notification";
            out.end(recovery, "ignored", &Reason::new("recovered_meanwhile", text), now);
        }
    }
}

fn take_up(recovery: &mut Recovery, out: &mut Out, now: Moment) {
    if recovery.stage == Stage::Waiting {
        recovery.go(Stage::Open(now), now);
    } else {
        recovery.again(now);
    }
    out.status(recovery, "running", None);
}

fn advance(world: &mut World, recovery: &mut Recovery, places: &mut usize, out: &mut Out, now: Moment) {
    match recovery.notice.ask.clone() {
        Ask::Instance(ask) => Instance {
            world,
            recovery,
            ask: &ask,
            now,
            out,
            places,
        }
        .advance(),
        Ask::Process(ask) => Process {
            world,
            recovery,
            ask: &ask,
            now,
            out,
        }
        .advance(),
        Ask::Unreadable(_) => {}
    }
}

/// Given up by age, whatever it waits for; not while a request is on its way.
fn expire(recovery: &mut Recovery, out: &mut Out, now: Moment) {
    if now >= recovery.notice.expires_at && !matches!(recovery.stage, Stage::Sent(_) | Stage::Over) {
        recovery.go(Stage::Over, now);
        out.status(recovery, "failed", Some("it expired before its recovery ended"));
    }
}

/// Ends what needs no place, when it is first looked at.
fn refuse(world: &World, recovery: &mut Recovery, out: &mut Out, now: Moment) {
    if recovery.stage == Stage::Waiting
        && let Some((status, why)) = refusal(world, &recovery.notice)
    {
        out.end(recovery, status, &why, now);
    }
}

fn refusal(world: &World, notice: &Notice) -> Option<(&'static str, Reason)> {
    let ignored = |code: &str, text: &str| Some(("ignored", Reason::new(code, text)));
    let Some(host) = world.hosts.get(&notice.host) else {
        return ignored("unknown_host", "the host is no longer registered");
    };
    if world
        .segments
        .get(&host.segment)
        .is_some_and(|segment| !segment.enabled)
    {
        return ignored("segment_disabled", SEGMENT_DISABLED);
    }
    match &notice.ask {
        Ask::Unreadable(why) => ignored("payload_unreadable", why),
        Ask::Instance(ask) => ask.ignored().map(|why| ("ignored", why)),
        Ask::Process(ask) => match ask.event.as_str() {
            "STOPPED" => None,
            "STARTED" => Some(("finished", Reason::new("process_started", "nothing to do"))),
            other => ignored("event_not_acted_on", &format!("event {other} needs no recovery")),
        },
    }
}
