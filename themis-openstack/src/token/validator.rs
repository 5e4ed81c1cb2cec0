//! The cache in front of Keystone's word on tokens.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::caller::{Caller, TokenBody};
use crate::error::{Effect, IdentityError, ServiceError};
use crate::keystone::{ServiceType, Session};
use crate::service::{Method, Request, ServiceClient};

/// Callers that are remembered at once; some hundred bytes each.
const CACHE_ENTRIES: u64 = 10_000;
/// How long a refusal is remembered, so that a client that repeats a dead token does not load Keystone.
const REFUSAL_HOLDS: Duration = Duration::from_secs(10);
/// Questions that Keystone is asked at once: a flood of wrong tokens must not become a flood there.
const QUESTIONS_AT_ONCE: usize = 32;
/// Longer than any token that Keystone issues.
const TOKEN_LIMIT_BYTES: usize = 16 << 10;

/// Why a token was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// It is not valid: answer 401.
    #[error("token refused")]
    Invalid,
    /// Keystone cannot be asked, so nobody knows: answer 503.
    #[error("tokens cannot be validated")]
    Unavailable(#[source] ServiceError),
}

/// Validates tokens. Clones share the cache.
#[derive(Debug, Clone)]
pub struct TokenValidator {
    keystone: ServiceClient,
    believe_for: Duration,
    known: Cache<[u8; 32], Entry>,
    questions: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
struct Entry {
    word: Result<Arc<Caller>, TokenError>,
    until: Instant,
}

impl TokenValidator {
    /// A validator that asks with `session` and believes an answer for `believe_for` (`token_cache_time`) at most.
    #[must_use]
    pub fn new(session: &Session, believe_for: Duration) -> Self {
        let questions = Arc::new(Semaphore::new(QUESTIONS_AT_ONCE));
        Self {
            questions,
            keystone: ServiceClient::of_cloud(session, ServiceType::IDENTITY),
            believe_for,
            // Entries end by their own time; the cache's only clears them away.
            known: Cache::builder()
                .max_capacity(CACHE_ENTRIES)
                .time_to_live(believe_for.max(REFUSAL_HOLDS))
                .build(),
        }
    }

    /// Who bears this token. Concurrent questions about one token ask Keystone once.
    ///
    /// # Errors
    /// The token is not valid, or Keystone could not be asked.
    pub async fn validate(&self, token: &str) -> Result<Arc<Caller>, TokenError> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > TOKEN_LIMIT_BYTES || !printable {
            return Err(TokenError::Invalid);
        }
        let key: [u8; 32] = Sha256::digest(token).into();
        let ended = |entry: &Entry| entry.until <= Instant::now();
        self.known
            .entry(key)
            .or_insert_with_if(self.ask(token), ended)
            .await
            .into_value()
            .word
    }

    /// Keystone's word. A failure to ask ends at once: only those who waited for this answer share it.
    async fn ask(&self, token: &str) -> Entry {
        let asked = Instant::now();
        match self.question(token).await {
            Ok(Some(caller)) => {
                let left = Duration::try_from(caller.expires - OffsetDateTime::now_utc()).unwrap_or_default();
                Entry {
                    word: Ok(Arc::new(caller)),
                    until: asked + left.min(self.believe_for),
                }
            }
            Ok(None) => Entry {
                word: Err(TokenError::Invalid),
                until: asked + REFUSAL_HOLDS.min(self.believe_for),
            },
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keystone cannot validate a token"
                );
                Entry {
                    word: Err(TokenError::Unavailable(error)),
                    until: asked,
                }
            }
        }
    }

    async fn question(&self, token: &str) -> Result<Option<Caller>, ServiceError> {
        // Keystone refuses a token that is bound to access rules unless the header for them is sent; we do not send it.
        let request = Request::new("validate a token", Effect::None, Method::GET, "/auth/tokens")
            .query("nocatalog", "")
            .secret_header("x-subject-token", SecretString::from(token));
        let waited = self.keystone.session().cloud().timeout;
        let place = timeout(waited, self.questions.acquire())
            .await
            .map_err(|_| IdentityError::Slow { waited })?;
        let answer = self.keystone.answer(&request).await?;
        drop(place);
        match answer.status {
            200 | 203 => Ok(Some(answer.json::<TokenBody>()?.into())),
            404 => Ok(None),
            // Keystone may name the token in its message, so only its status is kept.
            _ => Err(answer.into_error_saying("its message is not kept".to_owned()).into()),
        }
    }
}
