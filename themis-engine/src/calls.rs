//! Questions that callers wait on: how the leader stands, the preflight, the test of a power device. They come over the
//! bus, are answered between two turns from what the leader knows, and change nothing. One bounded queue; who finds it
//! full, or waits too long, is told so.

use std::time::Duration;

use serde_json::Value;
use themis_core::power::PowerReading;
use themis_core::{HostId, PowerDeviceId, SegmentId};
use themis_messaging::RpcError;
use themis_service::logging::RequestContext;
use tokio::sync::{mpsc, oneshot};

/// How many questions may wait.
const CAPACITY: usize = 32;
/// How long a caller waits at most: longer than a power device's deadline.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// A question to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// How it stands.
    Status,
    /// What would be missing if it were armed now.
    Preflight,
    /// Whom it hears, and whose word counts.
    Observers,
    /// Which brakes hold.
    Brakes,
    /// What bad networks mean in a segment.
    DecisionMatrix(SegmentId),
    /// What a power device answers.
    DeviceTest(PowerDeviceId),
    /// What it answered: the second half of a test, asked by whoever read the device.
    DeviceRead {
        /// Whose device.
        host: HostId,
        /// Which.
        device: PowerDeviceId,
        /// What it said.
        reading: PowerReading,
        /// How long it took.
        took: Duration,
    },
}

/// What comes back: a JSON object, or a refusal by class.
pub type Answer = Result<Value, RpcError>;

/// A question and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// The request that it belongs to, for the log.
    pub request: Option<Box<RequestContext>>,
    /// The way back; a caller that went away does not matter.
    pub reply: oneshot::Sender<Answer>,
}

/// The engine's end.
#[derive(Debug)]
pub struct Calls {
    sender: mpsc::Sender<Asked>,
    receiver: mpsc::Receiver<Asked>,
}

/// Puts questions to the engine.
#[derive(Debug, Clone)]
pub struct Callers(mpsc::Sender<Asked>);

impl Default for Calls {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        Self { sender, receiver }
    }
}

impl Calls {
    /// A handle for whoever asks.
    #[must_use]
    pub fn callers(&self) -> Callers {
        Callers(self.sender.clone())
    }

    /// The next question.
    pub async fn next(&mut self) -> Option<Asked> {
        self.receiver.recv().await
    }
}

impl Callers {
    /// Passes a question on for a caller who waits already.
    pub async fn pass_on(&self, asked: Asked) {
        // The engine is gone when this fails, and its caller is told by the reply's end.
        drop(self.0.send(asked).await);
    }

    /// Asks and waits.
    ///
    /// # Errors
    /// The engine's refusal, too many questions, no answer in time.
    pub async fn ask(&self, question: Question, request: Option<Box<RequestContext>>) -> Answer {
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            question,
            request,
            reply,
        };
        self.0
            .try_send(asked)
            .map_err(|_| RpcError::refused("Busy", "too many questions wait for the engine; ask again later"))?;
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(RpcError::refused(
                "NoAnswer",
                "the engine did not answer in time; its log says what keeps it busy",
            )),
        }
    }
}
