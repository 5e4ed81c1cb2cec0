//! What waits for the broker or is on its way there: bounded in number and bytes, each entry with an end of its time. Pure: the moment is
//! given. Entries go out oldest first; a report takes the place of the older one of its slot.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

/// Most entries at once, those on their way to the broker included.
pub(crate) const MOST: usize = 4096;
/// Most bytes of their bodies.
pub(crate) const MOST_BYTES: usize = 32 * 1024 * 1024;

/// An entry in its place in the order.
#[derive(Debug)]
pub(crate) struct Held<T> {
    order: u64,
    slot: Option<String>,
    bytes: usize,
    since: Instant,
    until: Instant,
    /// What waits.
    pub(crate) item: T,
}

impl<T> Held<T> {
    /// What is left of its time.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    /// The size of its body.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How long it has been here.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

/// The waiting entries.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    entries: BTreeMap<u64, Held<T>>,
    /// The newest entry of each slot, waiting or on its way.
    newest: HashMap<String, u64>,
    /// Taken out and neither done nor put back.
    on_their_way: usize,
    /// Of all, those on their way included.
    bytes: usize,
    next: u64,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            newest: HashMap::new(),
            on_their_way: 0,
            bytes: 0,
            next: 0,
        }
    }
}

impl<T> Waiting<T> {
    /// How many there are, those on their way included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() + self.on_their_way
    }

    /// Adds an entry. With a slot it takes the place of the slot's older one, which is given back.
    ///
    /// # Errors
    /// No room; the entry is given back.
    pub(crate) fn push(
        &mut self,
        item: T,
        slot: Option<String>,
        bytes: usize,
        now: Instant,
        until: Instant,
    ) -> Result<Option<T>, T> {
        let older = slot.as_ref().and_then(|slot| self.newest.get(slot)).copied();
        let replaced = older.and_then(|order| self.entries.remove(&order));
        if let Some(replaced) = &replaced {
            self.bytes -= replaced.bytes;
        }
        if self.len() >= MOST || self.bytes.saturating_add(bytes) > MOST_BYTES {
            if let Some(replaced) = replaced {
                self.insert(replaced);
            }
            return Err(item);
        }
        // The newer report goes where the older stood, so that a busy reporter does not push itself back for ever.
        let order = replaced.as_ref().map_or(self.next, |replaced| replaced.order);
        self.next += u64::from(replaced.is_none());
        self.insert(Held {
            order,
            slot,
            bytes,
            since: now,
            until,
            item,
        });
        Ok(replaced.map(|replaced| replaced.item))
    }

    fn insert(&mut self, held: Held<T>) {
        if let Some(slot) = &held.slot {
            self.newest.insert(slot.clone(), held.order);
        }
        self.bytes += held.bytes;
        self.entries.insert(held.order, held);
    }

    /// Takes out the oldest entry. Whoever takes it gives it back ([`Waiting::put_back`]) or tells that it is done; its room
    /// is not free until then.
    pub(crate) fn take(&mut self) -> Option<Held<T>> {
        let (_, held) = self.entries.pop_first()?;
        self.on_their_way += 1;
        Some(held)
    }

    /// An entry that was taken is out of the house: its room and its slot are free.
    pub(crate) fn done(&mut self, held: &Held<T>) {
        self.on_their_way -= 1;
        self.leave(held);
    }

    fn leave(&mut self, held: &Held<T>) {
        self.bytes -= held.bytes;
        if let Some(slot) = &held.slot
            && self.newest.get(slot) == Some(&held.order)
        {
            self.newest.remove(slot);
        }
    }

    /// Puts an entry that was taken back into its old place. It is given back when a newer one of its slot waits: it is superseded.
    pub(crate) fn put_back(&mut self, held: Held<T>) -> Option<Held<T>> {
        if held
            .slot
            .as_ref()
            .is_some_and(|slot| self.newest.get(slot).is_some_and(|newest| *newest != held.order))
        {
            self.done(&held);
            return Some(held);
        }
        self.on_their_way -= 1;
        self.entries.insert(held.order, held);
        None
    }

    /// Takes out those whose time is over.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<Held<T>> {
        let over: Vec<u64> = self
            .entries
            .values()
            .filter(|held| held.until <= now)
            .map(|held| held.order)
            .collect();
        let over: Vec<Held<T>> = over
            .into_iter()
            .filter_map(|order| self.entries.remove(&order))
            .collect();
        for held in &over {
            self.leave(held);
        }
        over
    }

    /// When the next entry's time is over.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.entries.values().map(|held| held.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    struct Room(Waiting<&'static str>, Instant);

    impl Room {
        fn new() -> Self {
            Self(Waiting::default(), Instant::now())
        }
        fn push(&mut self, item: &'static str, slot: Option<&str>) -> Option<&'static str> {
            self.0
                .push(item, slot.map(str::to_owned), 1, self.1, self.1 + LONG)
                .unwrap()
        }
        fn drain(&mut self) -> Vec<&'static str> {
            std::iter::from_fn(|| self.0.take()).map(|held| held.item).collect()
        }
    }

    #[test]
    fn events_go_out_oldest_first_and_of_reports_only_the_newest() {
        let mut room = Room::new();
        room.push("event 1", None);
        assert_eq!(room.push("report 1", Some("a")), None);
        room.push("event 2", None);
        assert_eq!(room.push("report 2", Some("a")), Some("report 1"));
        room.push("other report", Some("b"));
        assert_eq!(room.drain(), ["event 1", "report 2", "event 2", "other report"]);
    }

    #[test]
    fn an_unconfirmed_report_comes_back_only_when_no_newer_one_waits() {
        let mut room = Room::new();
        room.push("old", Some("a"));
        let held = room.0.take().unwrap();
        let held = room
            .0
            .put_back(held)
            .map_or_else(|| room.0.take().unwrap(), |_| panic!("nothing newer"));
        room.push("new", Some("a"));
        assert_eq!(room.0.put_back(held).unwrap().item, "old");
        assert_eq!(room.drain(), ["new"]);
    }

    #[test]
    fn a_confirmed_report_frees_its_slot() {
        let mut room = Room::new();
        room.push("one", Some("a"));
        let held = room.0.take().unwrap();
        room.0.done(&held);
        assert_eq!(room.push("two", Some("a")), None);
        assert!(room.0.newest.len() == 1);
        let held = room.0.take().unwrap();
        room.0.done(&held);
        assert!(room.0.newest.is_empty());
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let mut room = Room::new();
        for _ in 0..MOST {
            room.push("x", None);
        }
        assert!(room.0.push("y", None, 1, room.1, room.1 + LONG).is_err());
        assert_eq!(room.0.len(), MOST);
        let mut room = Room::new();
        assert!(room.0.push("big", None, MOST_BYTES + 1, room.1, room.1 + LONG).is_err());
    }

    #[test]
    fn what_is_on_its_way_takes_room_until_it_is_done() {
        let mut room = Room::new();
        let (now, until) = (room.1, room.1 + LONG);
        let half = |room: &mut Room| room.0.push("half", None, MOST_BYTES / 2, now, until);
        half(&mut room).unwrap();
        half(&mut room).unwrap();
        let (first, second) = (room.0.take().unwrap(), room.0.take().unwrap());
        assert!(half(&mut room).is_err(), "both are on their way");
        assert!(room.0.put_back(second).is_none());
        assert!(half(&mut room).is_err(), "one waits again");
        room.0.done(&first);
        half(&mut room).unwrap();
        assert_eq!((room.0.len(), room.0.bytes), (2, MOST_BYTES));
    }

    #[test]
    fn a_superseded_report_that_comes_back_leaves_its_room() {
        let mut room = Room::new();
        room.push("old", Some("a"));
        let held = room.0.take().unwrap();
        room.push("new", Some("a"));
        assert_eq!((room.0.len(), room.0.bytes), (2, 2));
        assert!(room.0.put_back(held).is_some());
        assert_eq!((room.0.len(), room.0.bytes), (1, 1));
    }

    #[test]
    fn a_refused_report_leaves_the_older_one_in_place() {
        let mut room = Room::new();
        room.push("old", Some("a"));
        assert!(
            room.0
                .push("huge", Some("a".to_owned()), MOST_BYTES + 1, room.1, room.1 + LONG)
                .is_err()
        );
        assert_eq!(room.drain(), ["old"]);
    }

    #[test]
    fn nothing_waits_for_ever() {
        let mut room = Room::new();
        room.push("x", None);
        room.push("y", Some("a"));
        assert_eq!(room.0.next_expiry(), Some(room.1 + LONG));
        let over = room.0.expired(room.1 + LONG);
        assert_eq!((over.len(), room.0.len(), room.0.bytes), (2, 0, 0));
        assert!(room.0.newest.is_empty());
    }
}
