//! `recovery_workflow_details`: how far the recovery of a notification is, in the shape that Masakari's clients know from
//! taskflow, told from the workflow log. No engine is asked; a notification that nothing was done for has no details.
//! Those about instances and processes have logs of their own, told in Masakari's words by [`super::tasks`].

use serde::{Serialize, Serializer};
use themis_db::store::incidents::{IncidentFilter, incident_list};
use themis_db::store::notifications::NotificationRow;
use themis_db::store::workflow_steps::{StepRow, step_list};
use themis_db::{NotificationKind, Pool, StepEvent};
use time::OffsetDateTime;
use time::macros::format_description;

use super::tasks;
use crate::fault::Fault;

/// One step of the recovery with all that was written of it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct TaskProgress {
    pub(super) name: String,
    pub(super) progress: f64,
    pub(super) progress_details: Vec<Line>,
    pub(super) state: &'static str,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Line {
    #[serde(serialize_with = "taskflow_time")]
    pub(super) timestamp: OffsetDateTime,
    /// A text, while the outer one is a number: so it is on the wire.
    pub(super) progress: &'static str,
    pub(super) message: String,
}

/// The details of a notification's recovery, steps in the order in which they began.
pub(super) async fn of(store: &Pool, notification: &NotificationRow) -> Result<Vec<TaskProgress>, Fault> {
    if notification.kind != NotificationKind::ComputeHost {
        return Ok(tasks::tell(step_list(store, notification.uuid).await?));
    }
    let filter = IncidentFilter {
        // Of the host, because that is what the table is indexed by.
        host_uuid: Some(notification.source_host_uuid),
        notification_uuid: Some(notification.uuid),
        ..IncidentFilter::default()
    };
    let own = incident_list(store, &filter, 1).await?;
    match own.first() {
        Some(incident) => Ok(tell(step_list(store, incident.uuid).await?)),
        None => Ok(Vec::new()),
    }
}

fn tell(log: Vec<StepRow>) -> Vec<TaskProgress> {
    let mut tasks: Vec<TaskProgress> = Vec::new();
    for StepRow { entry, .. } in log {
        let index = tasks
            .iter()
            .position(|task| task.name == entry.step)
            .unwrap_or_else(|| {
                let name = entry.step.clone();
                tasks.push(TaskProgress {
                    name,
                    progress: 0.0,
                    progress_details: Vec::new(),
                    state: "RUNNING",
                });
                tasks.len() - 1
            });
        let (progress, shown, state, word) = match entry.event {
            StepEvent::Started => (0.0, "0.0", "RUNNING", "started"),
            StepEvent::Succeeded => (1.0, "1.0", "SUCCESS", "done"),
            StepEvent::Failed => (1.0, "1.0", "FAILURE", "failed"),
            StepEvent::Indeterminate => (0.0, "0.0", "RUNNING", "outcome not known yet"),
        };
        let message = format!("{} {}: {word} (attempt {})", entry.step, entry.subject, entry.attempt);
        if let Some(task) = tasks.get_mut(index) {
            task.progress = progress;
            task.state = state;
            task.progress_details.push(Line {
                timestamp: entry.at,
                progress: shown,
                message,
            });
        }
    }
    tasks
}

fn taskflow_time<S: Serializer>(at: &OffsetDateTime, out: S) -> Result<S::Ok, S::Error> {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    out.serialize_str(&at.format(&format).map_err(serde::ser::Error::custom)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use themis_core::{Epoch, IncidentId};
    use themis_db::store::workflow_steps::NewStep;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn line(step: &str, event: StepEvent) -> StepRow {
        let entry = NewStep {
            owner: IncidentId(Uuid::nil()).into(),
            step: step.to_owned(),
            subject: "compute-1".to_owned(),
            attempt: 1,
            event,
            payload: json!({}),
            at: datetime!(2026-11-20 08:30:33.729234 UTC),
        };
        StepRow {
            id: 1,
            entry,
            engine: "e".to_owned(),
            epoch: Epoch(1),
        }
    }

    #[test]
    fn the_log_is_told_in_taskflow_s_shape() {
        let log = vec![
            line("fence", StepEvent::Started),
            line("fence", StepEvent::Succeeded),
            line("tell_nova", StepEvent::Started),
        ];
        assert_eq!(
            serde_json::to_value(tell(log)).unwrap(),
            json!([
                {"name": "fence", "progress": 1.0, "state": "SUCCESS", "progress_details": [
                    {"timestamp": "2026-11-20 08:30:33.729234", "progress": "0.0", "message": "fence compute-1: started (attempt 1)"},
                    {"timestamp": "2026-11-20 08:30:33.729234", "progress": "1.0", "message": "fence compute-1: done (attempt 1)"},
                ]},
                {"name": "tell_nova", "progress": 0.0, "state": "RUNNING", "progress_details": [
                    {"timestamp": "2026-11-20 08:30:33.729234", "progress": "0.0", "message": "tell_nova compute-1: started (attempt 1)"},
                ]},
            ])
        );
    }
}
