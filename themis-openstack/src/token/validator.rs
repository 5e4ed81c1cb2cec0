//! The cache in front of Keystone's word on tokens.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use moka::future::Cache;
use secrecy::SecretString;
use sha2::Sha256;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::caller::{Caller, TokenBody};
use super::jws::is_jws;
use super::keys::JwsKeys;
use super::request::ServiceTokens;
use crate::error::{CallError, Effect, IdentityError, ServiceError};
use crate::http::Answer;
use crate::keystone::{ServiceType, Session};
use crate::service::{Method, Request, ServiceClient};

/// Callers that are remembered at once; some hundred bytes each.
const CACHE_ENTRIES: u64 = 10_000;
/// Refused tokens that are remembered at once. Apart from the callers, so that a flood of them pushes nobody out.
const REFUSED_ENTRIES: u64 = 10_000;
/// How long a refusal is remembered, so that a client that repeats a dead token does not load Keystone.
const REFUSAL_HOLDS: Duration = Duration::from_secs(10);
/// Questions that Keystone is asked at once: a flood of wrong tokens must not become a flood there.
const QUESTIONS_AT_ONCE: usize = 32;
/// Longer than any token that Keystone issues.
const TOKEN_LIMIT_BYTES: usize = 16 << 10;
/// Before a question that did not get through is asked again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

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
    retries: u32,
    jws: Option<JwsKeys>,
    services: Arc<ServiceTokens>,
    /// Keyed by what only this process knows: nobody can tell where in the cache a token falls.
    sums: Hmac<Sha256>,
    known: Cache<[u8; 32], Entry>,
    refused: Cache<[u8; 32], Instant>,
    questions: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
struct Entry {
    word: Result<Arc<Caller>, TokenError>,
    until: Instant,
}

impl Entry {
    fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }
}

impl TokenValidator {
    /// A validator that asks with `session` and believes an answer for `believe_for` (`token_cache_time`) at most.
    #[must_use]
    pub fn new(session: &Session, believe_for: Duration) -> Self {
        // Entries end by their own time; the caches' only clears them away.
        let cache = |entries, life| Cache::builder().max_capacity(entries).time_to_live(life).build();
        Self {
            questions: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
            keystone: ServiceClient::of_cloud(session, ServiceType::IDENTITY),
            believe_for,
            retries: 0,
            jws: None,
            services: Arc::default(),
            sums: Mac::new(&rand::random::<[u8; 64]>().into()),
            known: cache(CACHE_ENTRIES, believe_for.max(REFUSAL_HOLDS)),
            refused: Cache::builder()
                .max_capacity(REFUSED_ENTRIES)
                .time_to_live(REFUSAL_HOLDS)
                .build(),
        }
    }

    /// The same, looking at JWS tokens with these keys before Keystone is asked.
    #[must_use]
    pub fn with_jws(self, keys: Option<JwsKeys>) -> Self {
        Self { jws: keys, ..self }
    }

    /// The same with other rules for services.
    #[must_use]
    pub fn with_services(self, services: ServiceTokens) -> Self {
        Self {
            services: Arc::new(services),
            ..self
        }
    }

    /// The same, asking Keystone so many times more when no connection was made or it broke; all within one deadline.
    #[must_use]
    pub fn with_retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// The keys that JWS tokens are looked at with.
    #[must_use]
    pub const fn jws_keys(&self) -> Option<&JwsKeys> {
        self.jws.as_ref()
    }

    pub(super) fn services(&self) -> &ServiceTokens {
        &self.services
    }

    /// Who bears this token, for whatever request; a token that is bound to some requests is refused.
    ///
    /// # Errors
    /// The token is not valid, or Keystone could not be asked.
    pub async fn validate(&self, token: &str) -> Result<Arc<Caller>, TokenError> {
        let caller = self.word(token, false).await?;
        if caller.access_rules.is_some() {
            return Err(TokenError::Invalid);
        }
        Ok(caller)
    }

    /// The word on a token. Concurrent questions about one token ask Keystone once. With `expired_too` a token whose time
    /// is over is good as long as Keystone allows.
    pub(super) async fn word(&self, token: &str, expired_too: bool) -> Result<Arc<Caller>, TokenError> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > TOKEN_LIMIT_BYTES || !printable {
            return Err(TokenError::Invalid);
        }
        let key = self.key(token, expired_too);
        if let Some(entry) = self.known.get(&key).await.filter(|entry| !entry.is_over()) {
            return entry.word;
        }
        if self.refused.get(&key).await.is_some_and(|until| Instant::now() < until) {
            return Err(TokenError::Invalid);
        }
        if let Some(keys) = self.jws.as_ref().filter(|_| is_jws(token)) {
            keys.check(token, expired_too).await.map_err(|fault| {
                tracing::info!("a token is refused without asking keystone: {fault}");
                TokenError::Invalid
            })?;
        }
        let entry = self.known.entry(key);
        let entry = entry
            .or_insert_with_if(self.ask(token, expired_too), Entry::is_over)
            .await;
        let is_answer = entry.is_fresh();
        let Entry { word, until } = entry.into_value();
        if is_answer && let Err(error) = &word {
            self.known.invalidate(&key).await;
            if matches!(error, TokenError::Invalid) {
                self.refused.insert(key, until).await;
            }
        }
        word
    }

    /// Where a token's entry is. A token that was good although expired is none that is good without its companion.
    fn key(&self, token: &str, expired_too: bool) -> [u8; 32] {
        let mut sum = self.sums.clone();
        sum.update(&[u8::from(expired_too)]);
        sum.update(token.as_bytes());
        sum.finalize().into_bytes().into()
    }

    /// Keystone's word. A failure to ask ends at once: only those who waited for this answer share it.
    async fn ask(&self, token: &str, expired_too: bool) -> Entry {
        let asked = Instant::now();
        let refusal = Entry {
            word: Err(TokenError::Invalid),
            until: asked + REFUSAL_HOLDS.min(self.believe_for),
        };
        match self.question(token, expired_too).await {
            Ok(Some(caller)) => {
                let left = Duration::try_from(caller.expires - OffsetDateTime::now_utc()).unwrap_or_default();
                match (left.is_zero(), expired_too) {
                    (false, _) => Entry {
                        word: Ok(Arc::new(caller)),
                        until: asked + left.min(self.believe_for),
                    },
                    (true, true) => Entry {
                        word: Ok(Arc::new(caller)),
                        until: asked + self.believe_for,
                    },
                    // Over by our clock; keystone's is behind.
                    (true, false) => refusal,
                }
            }
            Ok(None) => refusal,
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

    async fn question(&self, token: &str, expired_too: bool) -> Result<Option<Caller>, ServiceError> {
        // Without the header Keystone refuses a token that is bound to access rules; `request` keeps to them.
        let mut request = Request::new("validate a token", Effect::None, Method::GET, "/auth/tokens")
            .query("nocatalog", "")
            .header("openstack-identity-access-rules", "1.0")
            .secret_header("x-subject-token", SecretString::from(token));
        if expired_too {
            request = request.query("allow_expired", "1");
        }
        let waited = self.keystone.session().cloud().timeout;
        let deadline = Instant::now() + waited;
        let place = timeout(waited, self.questions.acquire())
            .await
            .map_err(|_| IdentityError::Slow { waited })?;
        let answer = self.asked_again(&request, deadline).await?;
        drop(place);
        match answer.status {
            200 | 203 => Ok(Some(answer.json::<TokenBody>()?.into())),
            404 => Ok(None),
            // Keystone may name the token in its message, so only its status is kept.
            _ => Err(answer.into_error_saying("its message is not kept".to_owned()).into()),
        }
    }

    /// A connection that Keystone's server has just closed, or a restart of it, need not be anybody's 503.
    async fn asked_again(&self, request: &Request, deadline: Instant) -> Result<Answer, ServiceError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..self.retries {
            let error = match self.keystone.answer(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !did_not_get_through(&error) || Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.keystone.answer(request).await
    }
}

const fn did_not_get_through(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::Call(CallError::NotSent { .. } | CallError::NoAnswer { .. })
            | ServiceError::Identity(IdentityError::Call(
                CallError::NotSent { .. } | CallError::NoAnswer { .. }
            ))
    )
}
