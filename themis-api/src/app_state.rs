//! What every handler has: the database, the validator of tokens, the rules, Nova, the bus, the key for passwords.
//! Built once in `main` (or by a test), shared by all requests.

use std::sync::Arc;

use themis_db::Pool;
use themis_fencing::SealKey;
use themis_openstack::nova::Nova;
use themis_openstack::token::TokenValidator;
use time::OffsetDateTime;

use crate::announce::Announcer;
use crate::config::Settings;
use crate::leader::Leader;
use crate::policy::Rules;
use crate::wake::Waker;

/// Shared by all requests.
pub type AppState = Arc<App>;

/// See the module.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Pool,
    /// Who is calling.
    pub tokens: TokenValidator,
    /// Who may do what.
    pub rules: Rules,
    /// Asked only whether a host exists, when one is registered or renamed.
    pub nova: Nova,
    /// Tells others what the API changes.
    pub announcer: Announcer,
    /// Wakes the engines after a write that is for them.
    pub waker: Waker,
    /// Asks the leading engine.
    pub leader: Leader,
    /// Seals passwords of power devices; `None` when no key is configured.
    pub seal_key: Option<SealKey>,
    /// Of the configuration.
    pub settings: Settings,
}

impl App {
    /// The time that new rows bear.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}
