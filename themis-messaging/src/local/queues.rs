//! The queues of notifications of the in-process bus: as on a broker they are there from the first notification on, are
//! shared by the listeners of a pool, and keep what nobody has heard yet, up to a bound.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::bus::Subscription;
use crate::envelope::Notification;
use crate::{BusError, Topic};

/// What lies in one queue at most.
pub(super) const MOST: usize = 1024;

/// All queues by name.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: BTreeMap<String, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// `<topic>.<priority>` of what comes in.
    keys: BTreeSet<String>,
    messages: VecDeque<Notification>,
    consumers: usize,
}

impl Queues {
    /// Puts a notification into every queue that is bound to it; its own is made if need be.
    ///
    /// # Errors
    /// A queue is full though somebody hears it; then no queue has it. Where nobody does, the oldest makes room.
    pub(super) fn publish(&mut self, topic: &Topic, notification: &Notification) -> Result<(), BusError> {
        let key = format!("{topic}.{}", notification.priority);
        self.queues.entry(key.clone()).or_default().keys.insert(key.clone());
        let full = |queue: &&Queue| queue.keys.contains(&key) && queue.messages.len() >= MOST && queue.consumers > 0;
        if self.queues.values().any(|queue| full(&queue)) {
            return Err(BusError::Full { waiting: MOST });
        }
        for queue in self.queues.values_mut().filter(|queue| queue.keys.contains(&key)) {
            if queue.messages.len() >= MOST {
                queue.messages.pop_front();
            }
            queue.messages.push_back(notification.clone());
        }
        Ok(())
    }

    /// Begins to consume; gives the queues' names.
    pub(super) fn subscribe(&mut self, subscription: &Subscription) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for topic in &subscription.topics {
            for priority in &subscription.priorities {
                let key = format!("{topic}.{priority}");
                let name = subscription.pool.as_ref().map_or_else(|| key.clone(), Topic::to_string);
                self.queues.entry(name.clone()).or_default().keys.insert(key);
                names.insert(name);
            }
        }
        self.consumers(&names, |count| count + 1);
        names
    }

    /// Consumes no more; what was not heard stays.
    pub(super) fn leave(&mut self, names: &BTreeSet<String>) {
        self.consumers(names, |count| count.saturating_sub(1));
    }

    fn consumers(&mut self, names: &BTreeSet<String>, change: impl Fn(usize) -> usize) {
        for name in names {
            if let Some(queue) = self.queues.get_mut(name) {
                queue.consumers = change(queue.consumers);
            }
        }
    }

    /// The oldest of some queue, and which queue that is.
    pub(super) fn take(&mut self, names: &BTreeSet<String>) -> Option<(String, Notification)> {
        names.iter().find_map(|name| {
            let message = self.queues.get_mut(name)?.messages.pop_front()?;
            Some((name.clone(), message))
        })
    }

    /// Puts one back where it was.
    pub(super) fn put_back(&mut self, queue: &str, notification: Notification) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.messages.push_front(notification);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Context, Priority};

    fn notification(event_type: &str) -> Notification {
        Notification {
            message_id: String::new(),
            publisher_id: String::new(),
            event_type: event_type.to_owned(),
            priority: Priority::Info,
            payload: Value::Null,
            timestamp: String::new(),
            unique_id: None,
            context: Context::empty(),
        }
    }

    #[test]
    fn a_queue_that_nobody_hears_keeps_the_newest_and_one_that_is_heard_refuses() {
        let topic = Topic::new("t").unwrap();
        let mut queues = Queues::default();
        for n in 0..=MOST {
            queues.publish(&topic, &notification(&n.to_string())).unwrap();
        }
        let subscription = Subscription {
            topics: vec![topic.clone()],
            priorities: vec![Priority::Info],
            pool: None,
            exchange: None,
        };
        let names = queues.subscribe(&subscription);
        assert!(queues.publish(&topic, &notification("x")).is_err());
        assert_eq!(queues.take(&names).unwrap().1.event_type, "1");
        queues.publish(&topic, &notification("x")).unwrap();
        queues.leave(&names);
        queues.publish(&topic, &notification("y")).unwrap();
    }
}
