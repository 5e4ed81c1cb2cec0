//! Our session with one Keystone: one token for all callers, renewed by one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::{Cloud, Login, discovery, login};
use crate::error::{Effect, IdentityError};
use crate::http::{self, Call};

const CALL: Call = Call {
    service: "identity",
    name: "issue a token",
    effect: Effect::None,
};
/// Refused credentials are not tried again for this long: Keystone may lock the account. Nor is a renewal that failed
/// while the old token still works.
const FAILURE_HOLDS: Duration = Duration::from_secs(5);
/// A renewal that is not yet urgent keeps its caller waiting no longer than this.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);

/// A session. Clones share the token and the connections.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    cloud: Cloud,
    http: Client,
    /// Logins that ended, well or badly. Read before waiting for `state`, it tells whether one ended meanwhile.
    ended: AtomicU64,
    /// Held while a login is under way: whoever waits for it finds the result.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    v3_root: Option<String>,
    login: Option<Arc<Login>>,
    failure: Option<Failure>,
}

struct Failure {
    at: Instant,
    error: IdentityError,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("auth_url", &self.shared.cloud.auth_url)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session that logs in when it is first used.
    ///
    /// # Errors
    /// A file of certificates that cannot be used.
    pub fn new(cloud: Cloud) -> Result<Self, IdentityError> {
        let http = http::client(&cloud)?;
        let shared = Shared {
            cloud,
            http,
            ended: AtomicU64::new(0),
            state: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Where and as whom.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.shared.cloud
    }

    pub(crate) fn http(&self) -> &Client {
        &self.shared.http
    }

    /// The present login; a new one when there is none or its token is about to end.
    ///
    /// # Errors
    /// Why there is none before `deadline`.
    pub async fn login(&self, deadline: Instant) -> Result<Arc<Login>, IdentityError> {
        self.login_unlike(None, deadline).await
    }

    /// A login other than `refused`, whose token a service did not take. Many callers with the same refused one share
    /// one new login.
    ///
    /// # Errors
    /// Why there is none before `deadline`.
    pub async fn login_after(&self, refused: &Login, deadline: Instant) -> Result<Arc<Login>, IdentityError> {
        self.login_unlike(Some(refused.serial), deadline).await
    }

    async fn login_unlike(&self, refused: Option<u64>, deadline: Instant) -> Result<Arc<Login>, IdentityError> {
        let waited = deadline.saturating_duration_since(Instant::now());
        // Dropping the future at the deadline frees the lock; the next waiter then tries with its own time.
        timeout_at(deadline, self.wait_or_log_in(refused))
            .await
            .unwrap_or(Err(IdentityError::Slow { waited }))
    }

    async fn wait_or_log_in(&self, refused: Option<u64>) -> Result<Arc<Login>, IdentityError> {
        let ended_before = self.shared.ended.load(Ordering::Acquire);
        let mut state = self.shared.state.lock().await;
        let usable = state
            .login
            .clone()
            .filter(|login| Some(login.serial) != refused && Instant::now() < login.ends_at);
        if let Some(login) = &usable
            && Instant::now() < login.renew_at
        {
            return Ok(Arc::clone(login));
        }
        let ended_meanwhile = self.shared.ended.load(Ordering::Acquire) != ended_before;
        if let Some(failure) = &state.failure
            && (ended_meanwhile || failure.holds(usable.is_some()))
        {
            return usable.ok_or_else(|| failure.error.clone());
        }
        let timeout = self.shared.cloud.timeout;
        let timeout = if usable.is_some() {
            timeout.min(RENEWAL_TIMEOUT)
        } else {
            timeout
        };
        let outcome = self.log_in(&mut state, timeout).await;
        let serial = self.shared.ended.fetch_add(1, Ordering::AcqRel);
        match outcome {
            Ok(login) => {
                tracing::debug!(
                    serial,
                    "logged in to keystone as {}",
                    self.shared.cloud.credentials.who()
                );
                state.failure = None;
                state.login = Some(Arc::clone(&login));
                Ok(login)
            }
            Err(error) => {
                state.failure = Some(Failure {
                    at: Instant::now(),
                    error: error.clone(),
                });
                usable.ok_or(error)
            }
        }
    }

    async fn log_in(&self, state: &mut State, timeout: Duration) -> Result<Arc<Login>, IdentityError> {
        let Shared { cloud, http, ended, .. } = &*self.shared;
        let sent = Instant::now();
        let deadline = sent + timeout;
        let root = match &state.v3_root {
            Some(root) => root.clone(),
            None => state
                .v3_root
                .insert(discovery::v3_root(http, &cloud.auth_url, deadline).await?)
                .clone(),
        };
        let body = login::request_body(&cloud.credentials);
        let request = http.post(format!("{root}/auth/tokens")).json(&body);
        let answer = http::send(request, CALL, deadline).await?;
        match answer.status {
            201 | 200 => {}
            401 => {
                return Err(IdentityError::Credentials {
                    who: cloud.credentials.who(),
                    message: answer.message(),
                });
            }
            404 => {
                let what = "it has no /v3/auth/tokens".to_owned();
                return Err(IdentityError::NotKeystone {
                    auth_url: cloud.auth_url.clone(),
                    what,
                });
            }
            _ => return Err(answer.into_error().into()),
        }
        Ok(Arc::new(Login::read(
            &answer,
            CALL,
            ended.load(Ordering::Acquire),
            sent,
        )?))
    }
}

impl Failure {
    fn holds(&self, token_works: bool) -> bool {
        let costs_to_repeat = token_works || matches!(self.error, IdentityError::Credentials { .. });
        costs_to_repeat && self.at.elapsed() < FAILURE_HOLDS
    }
}
