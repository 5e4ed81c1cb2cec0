//! The bus: what the programs of Themis say to each other, in oslo.messaging's wire format on RabbitMQ.
//!
//! [`Bus`] is the one thing that callers need; [`rabbit::RabbitBus`] speaks with a broker, [`local::LocalBus`] serves
//! one process (tests, the simulator). A Python service on the other side cannot tell the difference. Messages only
//! wake somebody or carry what is fresh: truth is in the database, so nothing here retries for ever or stores.
//! Guarantees: a call or cast is handled at most once by a server (it is acknowledged before it is handled); a
//! publication is sent at least once (again after a lost connection, same `_unique_id`, dropped by the receiver's cache).
//! Read next: [`bus`], then [`declare`] (the table of queues), then [`rabbit`].

pub mod bus;
pub mod config;
pub mod context;
pub mod declare;
pub mod dispatch;
pub mod duplicates;
pub mod envelope;
pub mod error;
pub mod local;
pub mod measures;
pub mod names;
pub mod notifier;
pub mod patience;
pub mod rabbit;
pub mod rpc_error;
mod server;
pub mod serving;
pub mod settings;
pub mod url;
pub mod versioned;
mod waiting;

pub use bus::{Bus, Endpoint, Handler, Heard, Keep, Listener, Receipt, Sent, Subscription, argument};
pub use context::Context;
pub use envelope::{Form, Notification, Priority};
pub use error::{Advice, BusError, CallError};
pub use names::{NameError, ServerName, Target, Topic, Version};
pub use notifier::{Notifier, NotifierError};
pub use patience::Patience;
pub use rpc_error::RpcError;
pub use serving::{Readiness, Serving};
pub use settings::{Settings, SettingsError};
