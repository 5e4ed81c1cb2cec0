//! What this engine has heard, by itself, since it started: reports, probes, power readings, Nova's service state.
//!
//! Evidence is memory, never stored: a leader acts on what it heard itself. Old, replayed and backward reports are
//! refused here, so that nothing later has to doubt an entry's order. Power is in [`crate::power`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use themis_core::inquiry::ProbeAnswer;
use themis_core::report::Report;
use themis_core::{HostId, Moment, NetworkName};
use uuid::Uuid;

use crate::power::HostPower;

/// Earlier monitor starts that are remembered per observer, so that their replayed reports are recognised.
const STARTS_REMEMBERED: usize = 8;
/// Observers that are kept at most; a flood of invented names must not fill memory.
const OBSERVERS_MAX: usize = 10_000;

/// Two steady clocks part by less than one part in so many (quartz without any discipline: some 1 in 10 000).
const CLOCK_DRIFT: i128 = 2_000;

/// All that was heard.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The newest report of each observer.
    pub observers: BTreeMap<String, Heard>,
    /// The newest answer of each observer to probes of a target on a network.
    pub probes: BTreeMap<(String, NetworkName), BTreeMap<String, ProbeWord>>,
    /// Readings of each host's power devices.
    pub power: BTreeMap<HostId, HostPower>,
    /// Nova's compute services by host name.
    pub nova: BTreeMap<String, NovaService>,
}

/// The newest report of one observer.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What it said.
    pub report: Report,
    /// When it arrived here.
    pub at: Moment,
    /// Smallest difference seen between our clock and the observer's: what exceeds it is delay on the way.
    offset_min: i128,
    earlier_starts: VecDeque<Uuid>,
}

/// One observer's answer to a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeWord {
    /// When it arrived.
    pub at: Moment,
    /// Whether the target answered; `None` when the probe could not be sent.
    pub reached: Option<bool>,
}

/// What Nova says of a compute service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NovaService {
    /// `state` is up.
    pub up: bool,
    /// Someone forced it down.
    pub forced_down: bool,
    /// `status` is disabled, and why.
    pub disabled: Option<String>,
    /// Its last heartbeat as Nova prints it.
    pub updated_at: String,
    /// When its heartbeat was last seen to move, judged on our clock: it is at least as old as the poll before.
    pub moved_after: Option<Moment>,
    /// Since when its heartbeat has been heard to go on, with nobody holding it down: only a nova-compute that runs takes
    /// what lies in its queue.
    pub running_since: Option<Moment>,
    /// When it was last asked for.
    pub at: Moment,
}

/// Why a report was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportRefused {
    /// Its sequence or clock is not newer than the last one's.
    #[error("replayed or out of order")]
    Backward,
    /// It comes from a monitor start that ended before.
    #[error("from an earlier start of this monitor")]
    EarlierStart,
    /// It spent more than two report intervals on the way.
    #[error("older than two report intervals")]
    Old,
    /// Too many observers.
    #[error("too many observers")]
    Crowded,
}

impl Evidence {
    /// Takes a report that arrived at `now`.
    ///
    /// # Errors
    /// It is old, replayed or backward; nothing changed.
    pub fn hear_report(&mut self, report: Report, now: Moment, age_max: Duration) -> Result<(), ReportRefused> {
        let offset = i128::from(now.0) - i128::from(report.clock_ms) * 1000;
        let Some(last) = self.observers.get_mut(&report.observer) else {
            if self.observers.len() >= OBSERVERS_MAX {
                return Err(ReportRefused::Crowded);
            }
            let heard = Heard {
                at: now,
                offset_min: offset,
                earlier_starts: VecDeque::new(),
                report,
            };
            self.observers.insert(heard.report.observer.clone(), heard);
            return Ok(());
        };
        if report.monitor_start == last.report.monitor_start {
            if report.sequence <= last.report.sequence || report.clock_ms < last.report.clock_ms {
                return Err(ReportRefused::Backward);
            }
            // The two clocks run at slightly different speeds: what drift can explain is no delay.
            last.offset_min += i128::from(now.0.saturating_sub(last.at.0)) / CLOCK_DRIFT;
            let delay = u128::try_from(offset - last.offset_min).unwrap_or(0);
            if delay > age_max.as_micros() {
                return Err(ReportRefused::Old);
            }
            last.offset_min = last.offset_min.min(offset);
        } else {
            if last.earlier_starts.contains(&report.monitor_start) {
                return Err(ReportRefused::EarlierStart);
            }
            last.earlier_starts.push_back(last.report.monitor_start);
            if last.earlier_starts.len() > STARTS_REMEMBERED {
                last.earlier_starts.pop_front();
            }
            last.offset_min = offset;
        }
        last.report = report;
        last.at = now;
        Ok(())
    }

    /// Takes an answer to a probe.
    pub fn hear_probe(&mut self, answer: &ProbeAnswer, now: Moment) {
        if self.observers.contains_key(&answer.observer) {
            self.probes
                .entry((answer.target.clone(), answer.network.clone()))
                .or_default()
                .insert(
                    answer.observer.clone(),
                    ProbeWord {
                        at: now,
                        reached: answer.reached,
                    },
                );
        }
    }

    /// Takes Nova's list of compute services. `asked` is when the request was sent, `before` when the one before was.
    pub fn hear_nova(&mut self, host: &str, mut service: NovaService, asked_before: Option<Moment>) {
        if let Some(last) = self.nova.get(host) {
            // Forcing down, disabling and their opposites write the same time as a heartbeat does: they are somebody's
            // hand at Nova's API, not a sign of life of the host.
            let by_hand = last.forced_down != service.forced_down || last.disabled != service.disabled;
            let moved = last.updated_at != service.updated_at && !by_hand;
            service.moved_after = if moved {
                asked_before.or(last.moved_after)
            } else {
                last.moved_after
            };
            let beats = if moved { asked_before } else { None };
            service.running_since = last
                .running_since
                .or(beats)
                .filter(|_| service.up && !service.forced_down);
        }
        self.nova.insert(host.to_owned(), service);
    }

    /// Forgets what was heard about hosts that are no longer registered.
    pub fn forget_all_but(
        &mut self,
        hosts: &std::collections::BTreeSet<HostId>,
        names: &std::collections::BTreeSet<String>,
    ) {
        self.power.retain(|id, _| hosts.contains(id));
        self.nova.retain(|name, _| names.contains(name));
        self.probes.retain(|(name, _), _| names.contains(name));
    }

    /// The report of `name`, when it is fresh.
    #[must_use]
    pub fn fresh(&self, name: &str, now: Moment, age_max: Duration) -> Option<&Heard> {
        self.observers.get(name).filter(|heard| now.since(heard.at) <= age_max)
    }

    /// Whether `name`'s own monitor was heard within `age`.
    #[must_use]
    pub fn spoke_within(&self, name: &str, now: Moment, age: Duration) -> bool {
        self.fresh(name, now, age).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::report;

    const AGE: Duration = Duration::from_secs(20);

    #[test]
    fn replayed_backward_and_old_reports_are_refused() {
        let mut evidence = Evidence::default();
        let at = |s: u64| Moment(s * 1_000_000);
        let say = |sequence, clock_s: u64| report("a").sequence(sequence).clock_s(clock_s).build();
        evidence.hear_report(say(5, 100), at(10), AGE).unwrap();
        assert_eq!(
            evidence.hear_report(say(5, 100), at(11), AGE),
            Err(ReportRefused::Backward)
        );
        assert_eq!(
            evidence.hear_report(say(6, 99), at(11), AGE),
            Err(ReportRefused::Backward)
        );
        evidence.hear_report(say(6, 101), at(11), AGE).unwrap();
        // The observer's clock says 102, ours says 40: it lay in a queue for some 28 s.
        assert_eq!(evidence.hear_report(say(7, 102), at(40), AGE), Err(ReportRefused::Old));
        assert_eq!(evidence.observers["a"].at, at(11));
    }

    #[test]
    fn a_report_of_an_earlier_monitor_start_is_refused() {
        let mut evidence = Evidence::default();
        let first = report("a").sequence(9).build();
        let second = report("a").start(2).sequence(1).build();
        evidence.hear_report(first.clone(), Moment(0), AGE).unwrap();
        evidence.hear_report(second, Moment(1), AGE).unwrap();
        let replay = Report { sequence: 10, ..first };
        assert_eq!(
            evidence.hear_report(replay, Moment(2), AGE),
            Err(ReportRefused::EarlierStart)
        );
    }

    #[test]
    fn an_earlier_start_is_remembered_through_many_restarts() {
        let mut evidence = Evidence::default();
        for start in 1..=12 {
            let first = report("a").start(start).sequence(1).build();
            evidence.hear_report(first, Moment(0), AGE).unwrap();
        }
        for start in 5..=11 {
            let replay = report("a").start(start).sequence(99).build();
            assert_eq!(
                evidence.hear_report(replay, Moment(1), AGE),
                Err(ReportRefused::EarlierStart)
            );
        }
    }

    #[test]
    fn clocks_that_drift_apart_over_months_make_no_report_old() {
        let mut evidence = Evidence::default();
        // The observer's clock loses 50 millionths: half an hour in a year.
        for minute in 0..(60 * 24 * 60) {
            let now = Moment(minute * 60_000_000);
            let mut report = report("a").sequence(minute + 1).build();
            report.clock_ms = minute * 60_000 - minute * 3;
            assert_eq!(evidence.hear_report(report, now, AGE), Ok(()), "after {minute} minutes");
        }
    }

    #[test]
    fn a_heartbeat_that_moved_is_dated_by_the_poll_before() {
        let mut evidence = Evidence::default();
        let service = |text: &str| NovaService {
            updated_at: text.into(),
            ..NovaService::default()
        };
        evidence.hear_nova("a", service("1"), None);
        evidence.hear_nova("a", service("1"), Some(Moment(5)));
        assert_eq!(evidence.nova["a"].moved_after, None);
        evidence.hear_nova("a", service("2"), Some(Moment(10)));
        assert_eq!(evidence.nova["a"].moved_after, Some(Moment(10)));
    }

    #[test]
    fn a_service_runs_since_its_first_heartbeat_after_it_was_held_down() {
        let mut evidence = Evidence::default();
        let service = |text: &str, up, forced_down| NovaService {
            updated_at: text.into(),
            up,
            forced_down,
            ..NovaService::default()
        };
        let running = |evidence: &Evidence| evidence.nova["a"].running_since;
        evidence.hear_nova("a", service("1", true, false), None);
        assert_eq!(running(&evidence), None, "nothing was heard to go on yet");
        evidence.hear_nova("a", service("2", true, false), Some(Moment(5)));
        evidence.hear_nova("a", service("3", true, false), Some(Moment(7)));
        assert_eq!(running(&evidence), Some(Moment(5)));
        evidence.hear_nova("a", service("4", false, true), Some(Moment(9)));
        assert_eq!(running(&evidence), None, "held down");
        evidence.hear_nova("a", service("5", true, false), Some(Moment(11)));
        assert_eq!(running(&evidence), None, "taken back by somebody's hand");
        evidence.hear_nova("a", service("6", true, false), Some(Moment(13)));
        assert_eq!(running(&evidence), Some(Moment(13)));
        evidence.hear_nova("a", service("6", false, false), Some(Moment(15)));
        assert_eq!(running(&evidence), None, "its heartbeat ended");
    }

    #[test]
    fn a_service_that_is_forced_down_or_disabled_shows_no_life_by_that() {
        let mut evidence = Evidence::default();
        let service = |text: &str, forced_down, disabled: Option<&str>| NovaService {
            updated_at: text.into(),
            forced_down,
            disabled: disabled.map(str::to_owned),
            ..NovaService::default()
        };
        evidence.hear_nova("a", service("1", false, None), None);
        evidence.hear_nova("a", service("2", true, None), Some(Moment(5)));
        evidence.hear_nova("a", service("3", true, Some("themis/x")), Some(Moment(7)));
        assert_eq!(evidence.nova["a"].moved_after, None);
        evidence.hear_nova("a", service("4", true, Some("themis/x")), Some(Moment(9)));
        assert_eq!(evidence.nova["a"].moved_after, Some(Moment(9)), "a heartbeat is one");
    }
}
