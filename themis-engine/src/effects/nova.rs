//! Effects on Nova, each an outcome.

use serde_json::json;
use themis_core::InstanceId;
use themis_core::proof::FenceProof;
use themis_decision::recovery::{Effect, Outcome};

use crate::ports::Compute;
use crate::ports::compute::ComputeError;

/// Posts one evacuation.
pub(super) async fn evacuate(compute: &dyn Compute, proof: &FenceProof, instance: InstanceId) -> Outcome {
    outcome(compute.evacuate(proof, instance).await.map(|()| json!({})))
}

/// Everything else. `reason` disables the service; `mark` is the beginning of every reason of ours.
pub(super) async fn perform(compute: &dyn Compute, effect: &Effect, host: &str, reason: &str, mark: &str) -> Outcome {
    let done = |result: Result<(), ComputeError>| outcome(result.map(|()| json!({})));
    match effect {
        Effect::ForceDown => done(compute.force_down(host, true).await),
        Effect::ForceUp => done(compute.force_down(host, false).await),
        Effect::Enable => done(compute.enable(host, mark).await),
        Effect::Disable => match compute.disable(host, reason).await {
            Ok(before) => {
                let foreign = before.filter(|text| !text.starts_with(mark));
                Outcome::Done(json!({"disabled_before": foreign.is_some(), "reason_before": foreign}))
            }
            Err(error) => outcome(Err(error)),
        },
        Effect::List => match compute.instances_on(host).await {
            Ok(instances) => Outcome::Done(json!({"instances": instances})),
            Err(error) => outcome(Err(error)),
        },
        Effect::ResetState { instance } => done(compute.reset_state(*instance).await),
        Effect::Stop { instance } => done(compute.stop(*instance).await),
        Effect::PowerOff { .. } | Effect::Evacuate { .. } => Outcome::Failed(themis_core::Reason::new(
            "misrouted",
            "this effect has an executor of its own",
        )),
    }
}

pub(super) fn outcome(result: Result<serde_json::Value, ComputeError>) -> Outcome {
    match result {
        Ok(value) => Outcome::Done(value),
        Err(ComputeError::Retry(reason)) => Outcome::Retry(reason),
        Err(ComputeError::Refused(reason)) => Outcome::Failed(reason),
        Err(ComputeError::Indeterminate(reason)) => Outcome::Indeterminate(reason),
    }
}
