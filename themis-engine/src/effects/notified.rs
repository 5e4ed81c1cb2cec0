//! Effects for notified recoveries: each looks first whether it already holds, then sends one request.

use serde_json::json;
use themis_core::{InstanceId, Reason};
use themis_decision::notified::{Effect, InstanceSight};
use themis_decision::recovery::Outcome;

use super::nova::outcome;
use crate::ports::Compute;

/// Performs one effect.
pub(super) async fn perform(compute: &dyn Compute, effect: &Effect) -> Outcome {
    match effect {
        Effect::ResetState { instance } => outcome(compute.reset_to_active(*instance).await.map(|()| json!({}))),
        Effect::Stop { instance } => stop(compute, *instance).await,
        Effect::Start { instance, host } => start(compute, *instance, host).await,
        Effect::DisableService { host, reason } => outcome(
            compute
                .disable(host, reason)
                .await
                .map(|before| json!({"disabled_before": before.is_some()})),
        ),
    }
}

async fn stop(compute: &dyn Compute, instance: InstanceId) -> Outcome {
    match look(compute, instance).await {
        Ok(sight) if sight.rests("stopped") => Outcome::Done(json!({})),
        Ok(_) => outcome(compute.stop(instance).await.map(|()| json!({}))),
        Err(ended) => ended,
    }
}

/// Started only while it is stopped, and where it was when this was decided.
async fn start(compute: &dyn Compute, instance: InstanceId, host: &str) -> Outcome {
    let sight = match look(compute, instance).await {
        Ok(sight) => sight,
        Err(ended) => return ended,
    };
    if sight.rests("active") {
        return Outcome::Done(json!({}));
    }
    if sight.host.as_deref() != Some(host) || !sight.rests("stopped") {
        let text = format!("instance {instance} changed before it was started: the next look decides");
        return Outcome::Retry(Reason::new("instance_changed", text));
    }
    outcome(compute.start(instance).await.map(|()| json!({})))
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
