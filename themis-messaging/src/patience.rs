//! How long a caller waits, and the signs of life that make the wait worth its while.
//!
//! A caller that names a silence asks the server for signs (oslo's `call_monitor_timeout`): an empty reply every half of
//! it while the method runs. So the deadline of a long method can be generous, and a server that died in the middle is
//! known after seconds. Pure but for tokio's clock; both forms of the bus use it.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::{CallError, RpcError};

/// The shortest silence that servers can keep to: they give no signs more often than once a second.
const LEAST_SILENCE: Duration = Duration::from_secs(2);
/// Whoever is this patient needs no signs; also a bound on what a stranger may ask for.
const MOST_SILENCE_S: f64 = 86_400.0;

/// How long a call is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    within: Duration,
    silence: Option<Duration>,
}

impl Patience {
    /// At most so long, whatever the server does; a lost broker and the way there are included.
    #[must_use]
    pub const fn within(within: Duration) -> Self {
        Self { within, silence: None }
    }

    /// And no longer than `silence` without a sign that the method runs, counted from when the broker has the request.
    /// On the wire it is a whole number of seconds: it is rounded up, and two seconds are the least.
    #[must_use]
    pub fn unless_silent_for(self, silence: Duration) -> Self {
        let whole = silence.as_secs() + u64::from(silence.subsec_nanos() > 0);
        Self {
            silence: Some(Duration::from_secs(whole).max(LEAST_SILENCE)),
            ..self
        }
    }

    /// The whole wait.
    #[must_use]
    pub const fn whole(self) -> Duration {
        self.within
    }

    /// The longest silence; `None`: no signs are asked for.
    #[must_use]
    pub const fn silence(self) -> Option<Duration> {
        self.silence
    }
}

/// Between two signs to a caller of this patience (`_timeout`, seconds): half of it; none for less than one second, as
/// oslo refuses that too.
pub(crate) fn sign_interval(patience_s: Option<f64>) -> Option<Duration> {
    let patience_s = patience_s.filter(|seconds| (LEAST_SILENCE.as_secs_f64()..MOST_SILENCE_S).contains(seconds))?;
    Some(Duration::from_secs_f64(patience_s.floor() / 2.0))
}

/// Runs a method, with a sign every so often until it ends.
pub(crate) async fn with_signs<T>(
    running: impl Future<Output = T>,
    every: Option<Duration>,
    mut sign: impl FnMut(Duration),
) -> T {
    let Some(every) = every else { return running.await };
    tokio::pin!(running);
    let mut signs = interval_at(Instant::now() + every, every);
    signs.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            answer = &mut running => return answer,
            _ = signs.tick() => sign(every),
        }
    }
}

/// The caller's end of one call: where the answer comes, and where the signs.
#[derive(Debug)]
pub(crate) struct Awaited<'a> {
    pub(crate) method: &'a str,
    pub(crate) answer: &'a mut oneshot::Receiver<Result<Value, RpcError>>,
    pub(crate) signs: &'a Notify,
}

impl Awaited<'_> {
    /// Waits for the answer until `end`, or until no sign came for too long.
    pub(crate) async fn wait(self, end: Instant, patience: Patience) -> Result<Value, CallError> {
        let mut heard = Instant::now();
        loop {
            let silent = patience.silence.map(|silence| (heard + silence, silence));
            let until = silent.map_or(end, |(at, _)| at.min(end));
            tokio::select! {
                biased;
                answer = &mut *self.answer => {
                    let gone = |_| timeout(self.method, patience);
                    return answer.map_err(gone)?.map_err(CallError::Remote);
                }
                () = self.signs.notified() => heard = Instant::now(),
                () = sleep_until(until) => return Err(match silent {
                    Some((at, silence)) if at < end => CallError::Silent {
                        method: self.method.to_owned(),
                        silence,
                    },
                    _ => timeout(self.method, patience),
                }),
            }
        }
    }
}

/// The whole patience is used up.
pub(crate) fn timeout(method: &str, patience: Patience) -> CallError {
    CallError::Timeout {
        method: method.to_owned(),
        waited: patience.within,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::{advance, sleep};

    use super::*;

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn a_silence_is_a_whole_number_of_seconds_and_at_least_two() {
        let of = |ms| {
            Patience::within(seconds(60))
                .unless_silent_for(Duration::from_millis(ms))
                .silence()
        };
        assert_eq!(
            [of(0), of(2000), of(2001)],
            [Some(seconds(2)), Some(seconds(2)), Some(seconds(3))]
        );
        assert_eq!(sign_interval(Some(3.0)), Some(Duration::from_millis(1500)));
        assert_eq!(
            [None, Some(1.0), Some(f64::NAN), Some(1e9)].map(sign_interval),
            [None; 4]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn signs_prolong_the_wait_up_to_its_end_and_silence_ends_it() {
        let (_tell, mut answer) = oneshot::channel();
        let signs = Notify::new();
        let patience = Patience::within(seconds(20)).unless_silent_for(seconds(4));
        let mut wait = async |signs: &Notify| {
            let began = Instant::now();
            let awaited = Awaited {
                method: "m",
                answer: &mut answer,
                signs,
            };
            let error = awaited.wait(began + seconds(20), patience).await.unwrap_err();
            (began.elapsed().as_secs(), matches!(error, CallError::Silent { .. }))
        };
        assert_eq!(wait(&signs).await, (4, true));
        let six_signs = async {
            for _ in 0..6 {
                sleep(seconds(2)).await;
                signs.notify_one();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = wait(&signs) => assert_eq!(ended, (16, true)),
            () = six_signs => {}
        }
        let for_ever = async {
            loop {
                sleep(seconds(2)).await;
                signs.notify_one();
            }
        };
        tokio::select! {
            ended = wait(&signs) => assert_eq!(ended, (20, false)),
            () = for_ever => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_method_gives_signs_while_it_runs_and_none_after() {
        let mut count = 0;
        let answer = with_signs(
            async {
                sleep(seconds(5)).await;
                json!(1)
            },
            Some(seconds(2)),
            |_| count += 1,
        )
        .await;
        advance(seconds(10)).await;
        assert_eq!((answer, count), (json!(1), 2));
    }
}
