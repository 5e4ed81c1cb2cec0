//! What can be done to one server, and Nova's record of what was done.

use serde::Deserialize;
use serde_json::{Value, json};
use themis_core::InstanceId;

use super::{ACTIONS_VERSION, EVACUATE_VERSION, Nova, NovaError, SIMPLE_VERSION};
use crate::error::Effect;
use crate::service::{Method, Request};

/// Nova took a request on; it is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Nova's id of the request; the same as [`Action::request_id`] of the record it makes.
    pub request_id: Option<String>,
}

/// The states that `os-resetState` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetTo {
    /// `error`: from here a paused, suspended or rescued server may be evacuated.
    Error,
    /// `active`.
    Active,
}

/// One thing that was done to a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Action {
    /// `create`, `evacuate`, `stop`, ...
    pub action: String,
    /// The request that did it.
    pub request_id: String,
    /// When it began: UTC without zone.
    pub start_time: Option<String>,
    /// When its record last changed.
    pub updated_at: Option<String>,
    /// `Error` when it failed.
    pub message: Option<String>,
    /// Who asked.
    pub user_id: Option<String>,
}

#[derive(Deserialize)]
struct Actions {
    #[serde(rename = "instanceActions")]
    actions: Vec<Action>,
}

impl Nova {
    /// Asks Nova to rebuild a server on another host: one of the scheduler's choice, or `target`. Accepted means
    /// queued: follow the server's migrations. The caller must hold the proof that the source host is off, and must know
    /// that no other evacuation of this server is under way: Nova refuses neither.
    ///
    /// # Errors
    /// See [`NovaError`]. Without an answer it is indeterminate: look at migrations, actions and task state.
    pub async fn evacuate(&self, id: InstanceId, target: Option<&str>) -> Result<Accepted, NovaError> {
        let body = match target {
            Some(host) => json!({"evacuate": {"host": host}}),
            None => json!({"evacuate": {}}),
        };
        // The answer's body holds a new administrator password; it is dropped unread.
        self.act("evacuate a server", id, body, EVACUATE_VERSION).await
    }

    /// Sets the recorded state of a server, whatever it is.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn reset_state(&self, id: InstanceId, to: ResetTo) -> Result<Accepted, NovaError> {
        let state = match to {
            ResetTo::Error => "error",
            ResetTo::Active => "active",
        };
        self.act(
            "reset a server's state",
            id,
            json!({"os-resetState": {"state": state}}),
            SIMPLE_VERSION,
        )
        .await
    }

    /// Starts a stopped server where it is.
    ///
    /// # Errors
    /// See [`NovaError`]; 409 when it is not stopped.
    pub async fn start(&self, id: InstanceId) -> Result<Accepted, NovaError> {
        self.act("start a server", id, json!({"os-start": null}), SIMPLE_VERSION)
            .await
    }

    /// Stops a server where it is.
    ///
    /// # Errors
    /// See [`NovaError`]; 409 when it is stopped already.
    pub async fn stop(&self, id: InstanceId) -> Result<Accepted, NovaError> {
        self.act("stop a server", id, json!({"os-stop": null}), SIMPLE_VERSION)
            .await
    }

    /// Keeps everybody but administrators from changing a server.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn lock(&self, id: InstanceId) -> Result<Accepted, NovaError> {
        self.act("lock a server", id, json!({"lock": null}), SIMPLE_VERSION)
            .await
    }

    /// Ends a lock, whoever set it.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn unlock(&self, id: InstanceId) -> Result<Accepted, NovaError> {
        self.act("unlock a server", id, json!({"unlock": null}), SIMPLE_VERSION)
            .await
    }

    async fn act(
        &self,
        name: &'static str,
        id: InstanceId,
        body: Value,
        version: &'static str,
    ) -> Result<Accepted, NovaError> {
        let request = Request::new(name, Effect::Once, Method::POST, format!("/servers/{id}/action"))
            .microversion(version)
            .body(body);
        let reply = self.service.call(&request).await?;
        Ok(Accepted {
            request_id: reply.request_id().map(str::to_owned),
        })
    }

    /// What was done to a server, newest first; the last thousand at most.
    ///
    /// # Errors
    /// See [`NovaError`].
    pub async fn instance_actions(&self, id: InstanceId) -> Result<Vec<Action>, NovaError> {
        let request = Request::get("list actions of a server", format!("/servers/{id}/os-instance-actions"))
            .microversion(ACTIONS_VERSION);
        Ok(self.service.call(&request).await?.json::<Actions>()?.actions)
    }
}
