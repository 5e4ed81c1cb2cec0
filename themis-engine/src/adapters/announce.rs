//! News over oslo.messaging, as Masakari's engine words them: the rows are read after the commit, by a task of its own.
//!
//! The queue is bounded and every read has a deadline; what does not fit or cannot be read is dropped with a line in
//! the log. An event names the request that woke the engine for it, and the end of a recovery the one of its beginning;
//! what the engine does by itself has an id of its own. Upstream's quirks are kept, because consumers know them: an event of phase `end` shows status `running`, an
//! engine's failure has no module, and a host that the engine changed is told in the API's name.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::{HostId, NotificationId};
use themis_db::store::hosts::host_get;
use themis_db::store::incidents::incident_get;
use themis_db::store::notifications::{NotificationRow, notification_get};
use themis_db::store::segments::{SegmentRow, segment_get};
use themis_db::{Pool, StoreError};
use themis_messaging::notifier::publisher_id;
use themis_messaging::versioned::masakari::{
    ExceptionPayload, FailoverSegment, Faulty, HostApiPayload, NotificationApiPayload,
};
use themis_messaging::versioned::{Object, ObjectTime, Payload};
use themis_messaging::{Context, Notifier, Priority};
use themis_service::logging::RequestContext;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::{About, Announce, News};

/// News that wait for the database.
const QUEUE_MAX: usize = 256;
/// How long one reading may take.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Notifications whose beginning is remembered.
const BEGUN_MAX: usize = 10_000;

/// See the module.
#[derive(Debug, Clone)]
pub struct OsloAnnouncer {
    queue: mpsc::Sender<(News, Context)>,
    last: CancellationToken,
    telling: TaskTracker,
}

impl OsloAnnouncer {
    /// Starts the task that tells. It ends with [`OsloAnnouncer::stop`], or when the last handle is dropped.
    #[must_use]
    pub fn start(pool: Pool, notifier: Notifier) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE_MAX);
        let mut teller = Teller {
            pool,
            api: notifier.clone().of(&publisher_id("masakari-api")),
            engine: notifier.of(&publisher_id("masakari-engine")),
            begun: BTreeMap::new(),
        };
        let (last, telling) = (CancellationToken::new(), TaskTracker::new());
        let no_more = last.clone();
        telling.spawn(async move {
            loop {
                let news = tokio::select! {
                    biased;
                    () = no_more.cancelled(), if !waiting.is_closed() => {
                        waiting.close();
                        continue;
                    }
                    news = waiting.recv() => news,
                };
                let Some((news, context)) = news else { break };
                match tokio::time::timeout(READ_WITHIN, teller.tell(&news, context)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!("{news:?} is not told: {error}"),
                    Err(_) => tracing::warn!("{news:?} is not told: the database did not answer in {READ_WITHIN:?}"),
                }
            }
        });
        Self { queue, last, telling }
    }

    /// Takes no more news and tells what it has taken, within `within`. To be awaited before the bus stops: a bus that is
    /// stopping takes nothing in.
    pub async fn stop(&self, within: Duration) {
        self.last.cancel();
        self.telling.close();
        if tokio::time::timeout(within, self.telling.wait()).await.is_err() {
            tracing::warn!("stopping with events that are not told: the database did not answer within {within:?}");
        }
    }
}

impl Announce for OsloAnnouncer {
    fn announce(&self, news: Vec<News>, request: Option<&RequestContext>) {
        let context = request.map_or_else(Context::fresh, |request| {
            Context::of_request(&request.request_id, request.global_request_id.as_deref())
        });
        for one in news {
            if let Err(error) = self.queue.try_send((one, context.clone())) {
                tracing::warn!("an event is not told: {error}");
            }
        }
    }
}

struct Teller {
    pool: Pool,
    api: Notifier,
    engine: Notifier,
    /// An end is never told without its beginning; one that another engine has told is told once more.
    /// Its context is kept for its end.
    begun: BTreeMap<NotificationId, Context>,
}

impl Teller {
    async fn tell(&mut self, news: &News, context: Context) -> Result<(), StoreError> {
        match news {
            News::Begun(notification) => self.begin(*notification, context).await,
            News::Ended { about, failure } => {
                let notification = match about {
                    About::Notification(id) => Some(*id),
                    About::Incident(id) => incident_get(&self.pool, *id)
                        .await?
                        .and_then(|row| row.notification_uuid),
                };
                match notification {
                    Some(notification) => self.end(notification, failure.as_deref(), context).await,
                    None => Ok(()),
                }
            }
            News::HostChanged(host) => self.host(*host, &context).await,
        }
    }

    async fn begin(&mut self, notification: NotificationId, context: Context) -> Result<(), StoreError> {
        if self.begun.len() >= BEGUN_MAX {
            self.begun.clear();
        }
        self.begun.insert(notification, context.clone());
        if let Some(row) = notification_get(&self.pool, notification).await? {
            emit(
                &self.engine,
                &context,
                "notification.process.start",
                Priority::Info,
                payload(row, "new"),
            );
        }
        Ok(())
    }

    async fn end(
        &mut self,
        notification: NotificationId,
        failure: Option<&str>,
        context: Context,
    ) -> Result<(), StoreError> {
        if !self.begun.contains_key(&notification) {
            self.begin(notification, context.clone()).await?;
        }
        let context = self.begun.remove(&notification).unwrap_or(context);
        let Some(row) = notification_get(&self.pool, notification).await? else {
            return Ok(());
        };
        let mut told = payload(row, "running");
        match failure {
            None => emit(&self.engine, &context, "notification.process.end", Priority::Info, told),
            Some(text) => {
                told.blame(fault(text));
                emit(
                    &self.engine,
                    &context,
                    "notification.process.error",
                    Priority::Error,
                    told,
                );
            }
        }
        Ok(())
    }

    async fn host(&self, id: HostId, context: &Context) -> Result<(), StoreError> {
        let Some(row) = host_get(&self.pool, id).await? else {
            return Ok(());
        };
        let Some(parent) = segment_get(&self.pool, row.segment_uuid).await? else {
            return Ok(());
        };
        let told = HostApiPayload {
            id: Some(row.id),
            uuid: Some(row.uuid.0),
            name: row.name,
            failover_segment: Object(segment(parent)),
            host_type: row.host_type,
            reserved: row.reserved,
            control_attributes: row.control_attributes,
            on_maintenance: row.on_maintenance,
            fault: None,
        };
        emit(&self.api, context, "host.update.start", Priority::Info, told.clone());
        emit(&self.api, context, "host.update.end", Priority::Info, told);
        Ok(())
    }
}

/// The event of a commit; a bus that does not take it loses it.
fn emit<P: Payload>(notifier: &Notifier, context: &Context, event_type: &str, priority: Priority, payload: P) {
    let sent = serde_json::to_value(Object(payload))
        .map_err(|error| error.to_string())
        .and_then(|payload| {
            let sent = notifier.emit(context, event_type, priority, &payload);
            sent.map_err(|error| error.to_string())
        });
    if let Err(error) = sent {
        tracing::warn!("{event_type} is not told: {error}");
    }
}

fn payload(row: NotificationRow, status: &str) -> NotificationApiPayload {
    NotificationApiPayload {
        id: Some(row.id),
        notification_uuid: Some(row.uuid.0),
        generated_time: ObjectTime(row.generated_time),
        source_host_uuid: row.source_host_uuid.0,
        kind: row.kind.name().to_owned(),
        payload: texts(&row.payload),
        status: status.to_owned(),
        fault: None,
    }
}

fn texts(payload: &serde_json::Value) -> BTreeMap<String, String> {
    let entries = payload.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn segment(row: SegmentRow) -> FailoverSegment {
    FailoverSegment {
        id: row.id,
        uuid: row.uuid.0,
        name: row.name,
        service_type: row.service_type,
        enabled: Some(row.enabled),
        description: row.description,
        recovery_method: row.recovery_method.name().to_owned(),
        created_at: row.created_at.map(ObjectTime),
        updated_at: row.updated_at.map(ObjectTime),
        deleted_at: None,
        deleted: false,
    }
}

fn fault(text: &str) -> ExceptionPayload {
    let unknown = || "unknown".to_owned();
    ExceptionPayload {
        module_name: unknown(),
        function_name: unknown(),
        exception: "str".to_owned(),
        exception_message: text.to_owned(),
        traceback: String::new(),
    }
}
