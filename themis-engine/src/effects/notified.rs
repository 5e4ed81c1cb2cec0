//! Effects for notified recoveries: each looks first whether it already holds, then sends one request.

use std::time::Duration;

use serde_json::json;
use themis_core::{InstanceId, Reason};
use themis_decision::notified::{Call, Effect, InstanceSight};
use themis_decision::recovery::Outcome;

use super::nova::outcome;
use super::{Executor, not_leading};
use crate::ports::Compute;

/// A host can die within seconds: a start that was decided longer ago might reach the queue of a dead nova-compute, and
/// a stop an instance that was evacuated meanwhile.
const DECISION_AGE_MAX: Duration = Duration::from_secs(5);

/// Performs one effect.
pub(super) async fn perform(executor: &Executor, call: &Call) -> Outcome {
    attempt(executor, call).await.unwrap_or_else(|ended| ended)
}

async fn attempt(executor: &Executor, call: &Call) -> Result<Outcome, Outcome> {
    let compute = executor.ports.compute.as_ref();
    let answer = match &call.effect {
        Effect::ResetState { instance, host } => {
            if there(compute, *instance, host).await?.vm_state != "resized" {
                return Ok(Outcome::Done(json!({})));
            }
            still_good(executor, call).map_err(Outcome::Retry)?;
            compute.reset_to_active(*instance).await
        }
        Effect::Stop { instance, host } => {
            if there(compute, *instance, host).await?.rests("stopped") {
                return Ok(Outcome::Done(json!({})));
            }
            still_good(executor, call).map_err(Outcome::Retry)?;
            compute.stop(*instance).await
        }
        Effect::Start { instance, host } => {
            let sight = there(compute, *instance, host).await?;
            if sight.rests("active") {
                return Ok(Outcome::Done(json!({})));
            }
            if !sight.rests("stopped") {
                return Ok(changed(*instance));
            }
            still_good(executor, call).map_err(Outcome::Retry)?;
            compute.start(*instance).await
        }
        Effect::DisableService { host, reason } => compute.disable(host, reason).await.map(drop),
    };
    Ok(outcome(answer.map(|()| json!({}))))
}

/// The look may have taken long: lease and decision are judged again right before the request.
fn still_good(executor: &Executor, call: &Call) -> Result<(), Reason> {
    if !executor.may_send() {
        return Err(not_leading());
    }
    if executor.ports.clock.now().since(call.decided) > DECISION_AGE_MAX {
        let text = "Nova was slow to show the instance: the decision grew old before the request was sent";
        return Err(Reason::new("decision_old", text));
    }
    Ok(())
}

/// The instance, while it is where it was when this was decided and Nova does nothing with it.
async fn there(compute: &dyn Compute, instance: InstanceId, host: &str) -> Result<InstanceSight, Outcome> {
    let sight = look(compute, instance).await?;
    if sight.host.as_deref() == Some(host) && sight.task_state.is_none() {
        Ok(sight)
    } else {
        Err(changed(instance))
    }
}

fn changed(instance: InstanceId) -> Outcome {
    let text = format!("instance {instance} changed before anything was sent: the next look decides");
    Outcome::Retry(Reason::new("instance_changed", text))
}

/// A question that failed had no effect, whatever came of it.
async fn look(compute: &dyn Compute, instance: InstanceId) -> Result<InstanceSight, Outcome> {
    match compute.instance(instance).await {
        Ok(Some(sight)) => Ok(sight),
        Ok(None) => {
            let text = format!("instance {instance} no longer exists: the next look decides");
            Err(Outcome::Retry(Reason::new("instance_changed", text)))
        }
        Err(error) => Err(Outcome::Retry(error.reason().clone())),
    }
}
