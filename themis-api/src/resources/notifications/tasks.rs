//! The recovery of an instance or a process as Masakari's tasks: names, messages and states that its clients know, told
//! from the rows of the notification's log. Each run (there is one retry) has its own set of tasks.

use themis_db::StepEvent;
use themis_db::store::workflow_steps::{NewStep, StepRow};

use super::progress::{Line, TaskProgress};

/// taskflow's word for the tasks of a flow that came to no good end.
const REVERTED: &str = "REVERTED";
/// Masakari's words when somebody else had disabled the service before.
const ALREADY_DISABLED: &str = "Skipping recovery for process nova-compute as it is already disabled";

/// Masakari's words for one step: the task, and what it says at its beginning and at its end.
struct Words {
    task: &'static str,
    begun: String,
    done: String,
}

fn words(step: &str, subject: &str) -> Option<Words> {
    let of = |task, begun, done| Some(Words { task, begun, done });
    match step {
        "reset_instance" | "stop_instance" => of(
            "StopInstanceTask",
            format!("Stopping instance: {subject}"),
            format!("Stopped instance: '{subject}'"),
        ),
        "start_instance" => of(
            "StartInstanceTask",
            format!("Starting instance: '{subject}'"),
            format!("Instance started: '{subject}'"),
        ),
        "confirm_instance" => of(
            "ConfirmInstanceActiveTask",
            format!("Confirming instance '{subject}' vm_state is ACTIVE"),
            format!("Confirmed instance '{subject}' vm_state is ACTIVE"),
        ),
        "disable_service" => of(
            "DisableComputeNodeTask",
            format!("Disabling compute service on host: '{subject}'"),
            format!("Disabled compute service on host: '{subject}'"),
        ),
        "confirm_service" => of(
            "ConfirmComputeNodeDisabledTask",
            format!("Confirming compute service is disabled on host: '{subject}'"),
            format!("Confirmed compute service is disabled on host: '{subject}'"),
        ),
        _ => None,
    }
}

/// The tasks of a notification, in the order in which they began.
pub(super) fn tell(log: Vec<StepRow>) -> Vec<TaskProgress> {
    let mut tasks: Vec<(u64, TaskProgress)> = Vec::new();
    for StepRow { entry, .. } in log {
        let Some(words) = words(&entry.step, &entry.subject) else {
            continue;
        };
        let run = entry.payload["run"].as_u64().unwrap_or(1);
        let found = tasks
            .iter()
            .position(|(of, task)| *of == run && task.name == words.task);
        let index = found.unwrap_or_else(|| {
            tasks.push((run, begun(&words)));
            tasks.len() - 1
        });
        if let Some((_, task)) = tasks.get_mut(index) {
            write(task, &entry, &words);
        }
        // A flow that fails is reverted whole; its tasks have nothing to undo, only the word changes.
        if entry.event == StepEvent::Failed && entry.payload["retry"] != true {
            let own = tasks.iter_mut().filter(|(of, _)| *of == run);
            own.for_each(|(_, task)| task.state = REVERTED);
        }
    }
    tasks.into_iter().map(|(_, task)| task).collect()
}

fn begun(words: &Words) -> TaskProgress {
    TaskProgress {
        name: words.task.to_owned(),
        progress: 0.0,
        progress_details: Vec::new(),
        state: "RUNNING",
    }
}

fn write(task: &mut TaskProgress, entry: &NewStep, words: &Words) {
    let text = |key: &str| entry.payload[key]["text"].as_str().map(str::to_owned);
    // A reset is a part of the stop: it neither begins nor ends the task.
    let part = entry.step == "reset_instance";
    let (state, progress, shown, message) = match entry.event {
        StepEvent::Started => ("RUNNING", 0.0, "0.0", words.begun.clone()),
        StepEvent::Succeeded if part => return,
        StepEvent::Succeeded => match text("skipped") {
            // What ends a flow early is taken back by taskflow.
            Some(why) => (REVERTED, 1.0, "1.0", why),
            None if entry.payload["already"] == true => ("SUCCESS", 1.0, "1.0", ALREADY_DISABLED.to_owned()),
            None => ("SUCCESS", 1.0, "1.0", words.done.clone()),
        },
        StepEvent::Failed if entry.payload["retry"] == true => (
            "RUNNING",
            0.0,
            "0.0",
            text("reason").unwrap_or_else(|| "not done; it is tried again".to_owned()),
        ),
        StepEvent::Failed => (
            REVERTED,
            1.0,
            "1.0",
            text("reason").unwrap_or_else(|| "failed".to_owned()),
        ),
        StepEvent::Indeterminate => ("RUNNING", 0.0, "0.0", "the answer was lost: it is looked at".to_owned()),
    };
    task.state = state;
    task.progress = progress;
    if task.progress_details.last().is_some_and(|line| line.message == message) {
        return;
    }
    task.progress_details.push(Line {
        timestamp: entry.at,
        progress: shown,
        message,
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use themis_core::{Epoch, NotificationId};
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn row(step: &str, event: StepEvent, payload: Value) -> StepRow {
        let entry = NewStep {
            owner: NotificationId(Uuid::nil()).into(),
            step: step.to_owned(),
            subject: "u".to_owned(),
            attempt: 1,
            event,
            payload,
            at: datetime!(2026-11-20 08:30:33.729234 UTC),
        };
        StepRow {
            id: 1,
            entry,
            engine: "e".to_owned(),
            epoch: Epoch(1),
        }
    }

    fn states(log: Vec<StepRow>) -> Vec<(String, &'static str)> {
        tell(log).into_iter().map(|task| (task.name, task.state)).collect()
    }

    #[test]
    fn an_instance_that_was_recovered_shows_three_tasks_that_succeeded() {
        let run = || json!({"run": 1});
        let log = vec![
            row("reset_instance", StepEvent::Started, run()),
            row("reset_instance", StepEvent::Succeeded, run()),
            row("stop_instance", StepEvent::Started, run()),
            row("stop_instance", StepEvent::Succeeded, run()),
            row("start_instance", StepEvent::Started, run()),
            row("start_instance", StepEvent::Succeeded, run()),
            row("confirm_instance", StepEvent::Started, run()),
            row("confirm_instance", StepEvent::Succeeded, run()),
        ];
        let told = serde_json::to_value(tell(log)).unwrap();
        let names: Vec<&Value> = told.as_array().unwrap().iter().map(|task| &task["name"]).collect();
        assert_eq!(
            names,
            ["StopInstanceTask", "StartInstanceTask", "ConfirmInstanceActiveTask"]
        );
        assert_eq!(
            told[0],
            json!({"name": "StopInstanceTask", "progress": 1.0, "progress_details": [
                {"timestamp": "2026-11-20 08:30:33.729234", "progress": "0.0", "message": "Stopping instance: u"},
                {"timestamp": "2026-11-20 08:30:33.729234", "progress": "1.0", "message": "Stopped instance: 'u'"},
            ], "state": "SUCCESS"})
        );
    }

    #[test]
    fn a_process_shows_its_two_tasks() {
        let log = vec![
            row("disable_service", StepEvent::Started, json!({"run": 1})),
            row(
                "disable_service",
                StepEvent::Indeterminate,
                json!({"run": 1, "reason": {"text": "lost"}}),
            ),
            row("disable_service", StepEvent::Succeeded, json!({"run": 1})),
            row("confirm_service", StepEvent::Started, json!({"run": 1})),
        ];
        let expected = [
            ("DisableComputeNodeTask", "SUCCESS"),
            ("ConfirmComputeNodeDisabledTask", "RUNNING"),
        ];
        assert_eq!(states(log), expected.map(|(name, state)| (name.to_owned(), state)));
    }

    #[test]
    fn each_run_has_its_own_tasks_and_a_failure_shows_its_reason_and_reverts_its_run() {
        let why = json!({"run": 1, "retry": false, "reason": {"code": "c", "text": "Failed to start instance u"}});
        let log = vec![
            row("stop_instance", StepEvent::Started, json!({"run": 1})),
            row("stop_instance", StepEvent::Succeeded, json!({"run": 1})),
            row("start_instance", StepEvent::Started, json!({"run": 1})),
            row("start_instance", StepEvent::Failed, why),
            row("stop_instance", StepEvent::Succeeded, json!({"run": 2})),
            row("start_instance", StepEvent::Started, json!({"run": 2})),
        ];
        let told = tell(log);
        let states: Vec<&str> = told.iter().map(|task| task.state).collect();
        assert_eq!(states, ["REVERTED", "REVERTED", "SUCCESS", "RUNNING"]);
        assert_eq!(told[1].progress_details[1].message, "Failed to start instance u");
    }

    #[test]
    fn a_service_that_was_disabled_before_is_told_in_masakaris_words() {
        let log = vec![
            row("disable_service", StepEvent::Started, json!({"run": 1})),
            row(
                "disable_service",
                StepEvent::Succeeded,
                json!({"run": 1, "already": true}),
            ),
        ];
        let told = tell(log);
        assert_eq!((told.len(), told[0].state), (1, "SUCCESS"));
        assert_eq!(
            told[0].progress_details[1].message,
            "Skipping recovery for process nova-compute as it is already disabled"
        );
    }

    #[test]
    fn what_was_skipped_says_why_and_is_taken_back_as_taskflow_does() {
        let why = json!({"run": 1, "skipped": {"code": "c", "text": "Skipping recovery for instance: u as it is not Ha_Enabled"}});
        let told = tell(vec![row("stop_instance", StepEvent::Succeeded, why)]);
        assert_eq!(told[0].state, "REVERTED");
        assert!(told[0].progress_details[0].message.starts_with("Skipping recovery"));
    }

    #[test]
    fn rows_of_another_kind_are_no_tasks() {
        assert!(states(vec![row("evacuate", StepEvent::Started, json!({}))]).is_empty());
    }
}
