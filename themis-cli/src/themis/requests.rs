//! What is asked of the engine is stored by the API and settled by whichever engine leads. The commands wait for that.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::api::{Api, Asked};
use super::failure::Failure;

/// Longer than a change of leadership takes.
const PATIENCE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(300);

/// Waits until the engine has settled a request; what it said.
///
/// # Errors
/// [`Failure::Refused`] with its words; [`Failure::Pending`] when nobody settled it in time.
pub async fn settled(api: &Api, asked: Asked) -> Result<String, Failure> {
    let began = Instant::now();
    let mut asked = asked;
    loop {
        let words = || {
            asked
                .answer
                .as_ref()
                .map(|answer| answer.text.clone())
                .unwrap_or_default()
        };
        match asked.status.as_str() {
            "done" => return Ok(words()),
            "refused" => return Err(Failure::Refused(words())),
            _ if began.elapsed() > PATIENCE => {
                return Err(Failure::Pending {
                    request: asked.uuid,
                    waited_s: PATIENCE.as_secs(),
                });
            }
            _ => sleep(INTERVAL).await,
        }
        match api.request(&asked.uuid).await {
            Ok(now) => asked = now,
            // The API may be away for a moment; the request is stored.
            Err(Failure::Service(error)) if error.status().is_none_or(|status| status >= 500) => {}
            Err(other) => return Err(other),
        }
    }
}
