//! What Nova did not take: when it is asked again, and when that counts against an instance after all.

use themis_core::{InstanceId, Moment, Reason};

use super::log::{Step, StepEvent, StepRow, again, counted};
use super::{NovaAway, Recovery};

/// Nova's word for "you may not": of everything, when a role is gone; of one instance, when that is such that Nova
/// does not move it.
pub const FORBIDDEN: &str = "nova_forbidden";
/// Reasons for which a request was not sent at all: they say nothing of Nova.
const UNSENT: [&str; 2] = ["not_leading", "proof_old"];
/// So often in a row must Nova forbid one instance, beside others that it took, before that counts as a refusal. At ten
/// seconds each, whoever took a role away has five minutes to notice.
const FORBIDDEN_TIMES: u32 = 30;

/// What a row says of Nova.
enum Word {
    /// It turned the request away, or did not answer one that is harmless to repeat.
    Away,
    /// It took the request.
    Took,
    /// It heard and refused it.
    Refused,
}

fn word(row: &StepRow) -> Option<Word> {
    if !matches!(row.step, Step::ResetState | Step::Evacuate) {
        return None;
    }
    let unsent = row.payload["reason"]["code"]
        .as_str()
        .is_some_and(|code| UNSENT.contains(&code));
    match row.event {
        StepEvent::Succeeded => Some(Word::Took),
        StepEvent::Failed if unsent => None,
        StepEvent::Failed if !counted(row) && row.payload["retry"] == true => Some(Word::Away),
        StepEvent::Failed => Some(Word::Refused),
        // Nothing is learnt by asking again at once, and each try is a row of the log.
        StepEvent::Indeterminate if row.step == Step::ResetState => Some(Word::Away),
        StepEvent::Started | StepEvent::Indeterminate => None,
    }
}

impl Recovery {
    /// Whether Nova takes what is asked for instances. An evacuation whose answer was lost says neither.
    pub(super) fn note_nova(&mut self, row: &StepRow, now: Option<Moment>) {
        let Some(word) = word(row) else { return };
        self.nova_away = match word {
            Word::Away => {
                let tries = self.nova_away.as_ref().map_or(1, |away| away.tries.saturating_add(1));
                let reason = serde_json::from_value(row.payload["reason"].clone()).ok();
                Some(NovaAway {
                    tries,
                    again: again(tries, now),
                    reason: reason.unwrap_or_else(|| Reason::new("nova_unavailable", "Nova took no request")),
                })
            }
            Word::Took | Word::Refused => None,
        };
        self.taken |= matches!(word, Word::Took);
        let id = row.subject.parse::<InstanceId>().ok();
        if let Some(instance) = id.and_then(|id| self.instances.get_mut(&id)) {
            instance.turned_away = match word {
                Word::Away => instance.turned_away.saturating_add(1),
                Word::Took => 0,
                Word::Refused => instance.turned_away,
            };
        }
    }

    /// Whether what Nova forbids is to move this instance, and not to be asked by us: it took requests for others.
    #[must_use]
    pub fn forbids(&self, instance: InstanceId, reason: &Reason) -> bool {
        let turned_away = self.instances.get(&instance).map_or(0, |i| i.turned_away);
        reason.code == FORBIDDEN && self.taken && turned_away >= FORBIDDEN_TIMES
    }
}
