//! Tells the engines that there is something new in the database. The row is the truth; this only saves the engine's
//! next poll. So nothing waits for the broker, and a broker that is away fails no request.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use themis_messaging::{Bus, Context, Keep, Target};

use crate::request_id;

/// The method that engines serve; it has no arguments.
const METHOD: &str = "wake";
/// After this long the engines have polled by themselves.
const EXPIRES: Duration = Duration::from_secs(30);

/// Wakes the engines.
#[derive(Debug, Clone)]
pub struct Waker {
    bus: Arc<dyn Bus>,
    engines: Target,
}

impl Waker {
    /// A waker of all servers of `engines`.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, engines: Target) -> Self {
        Self { bus, engines }
    }

    /// Asks for a cast and returns at once. While the broker is away one waiting cast stands for all. It carries the ids
    /// of the request that is being answered, which the engine's log shows.
    pub fn wake(&self) {
        let context = request_id::current().map_or_else(Context::fresh, |ids| ids.context());
        let keep = Keep::Newest(METHOD.to_owned());
        if let Err(error) = self
            .bus
            .fanout(&context, &self.engines, METHOD, json!({}), keep, EXPIRES)
        {
            tracing::warn!("the engines are not woken, they will find it at their next poll: {error}");
        }
    }
}
