//! The database in memory, with the rules of the real one: leases, epochs, generations, all or nothing.
//!
//! It is kept honest by the conformance suite in `tests/store.rs`, which the real store passes too. Faults: away (every
//! call fails), and the lost answer (the next commit is applied, its answer is not known). Rows are in [`tables`].

pub mod tables;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use themis_core::{Epoch, IncidentId};
use themis_engine::ports::Store;
use themis_engine::ports::store::{LeaseRow, Snapshot, StoreError, StoredStep, TakenUp, Write};

use tables::Tables;

/// The store.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    lease: Option<LeaseRow>,
    away: bool,
    lose_answers: u32,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.lock();
        if inner.away {
            Err(StoreError::Unavailable("the simulated database is away".to_owned()))
        } else {
            Ok(inner)
        }
    }

    /// Reads or changes rows as the API would, past the engine's epoch.
    pub fn tables<T>(&self, f: impl FnOnce(&mut Tables) -> T) -> T {
        f(&mut self.lock().tables)
    }

    /// Makes it unreachable, or reachable again.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// Loses the answers of the next `count` commits; they are applied.
    pub fn lose_answers(&self, count: u32) {
        self.lock().lose_answers = count;
    }

    /// Who holds the lease.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        self.lock().lease.as_ref().map(|row| row.holder.clone())
    }
}

impl Inner {
    fn held(&mut self, holder: &str, epoch: Epoch) -> Result<&mut LeaseRow, StoreError> {
        self.lease
            .as_mut()
            .filter(|row| row.holder == holder && row.token == epoch.0)
            .ok_or(StoreError::LeaseLost)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(self.reach()?.tables.snapshot())
    }

    async fn steps(&self, incident: IncidentId) -> Result<Vec<StoredStep>, StoreError> {
        Ok(self.reach()?.tables.steps_of(incident))
    }

    async fn taken_up(&self) -> Result<Vec<TakenUp>, StoreError> {
        Ok(self.reach()?.tables.taken_up())
    }

    async fn lease_read(&self) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.reach()?.lease.clone())
    }

    async fn lease_take(&self, holder: &str, seen: Option<&LeaseRow>) -> Result<Option<Epoch>, StoreError> {
        let mut inner = self.reach()?;
        let unchanged = match (&inner.lease, seen) {
            (None, None) => true,
            (Some(row), Some(seen)) => row.token == seen.token && row.beat == seen.beat,
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !unchanged {
            return Ok(None);
        }
        let (token, beat) = seen.map_or((1, 1), |seen| (seen.token + 1, seen.beat + 1));
        inner.lease = Some(LeaseRow {
            holder: holder.to_owned(),
            token,
            beat,
        });
        Ok(Some(Epoch(token)))
    }

    async fn lease_renew(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
        self.reach()?.held(holder, epoch)?.beat += 1;
        Ok(())
    }

    async fn lease_release(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
        let mut inner = self.reach()?;
        if let Ok(row) = inner.held(holder, epoch) {
            row.holder.clear();
            row.beat += 1;
        }
        Ok(())
    }

    async fn commit(&self, holder: &str, epoch: Epoch, writes: &[Write]) -> Result<(), StoreError> {
        let mut inner = self.reach()?;
        inner.held(holder, epoch)?;
        // On a copy: a commit that is refused half-way leaves nothing behind.
        let mut tables = inner.tables.clone();
        for write in writes {
            tables.write(write)?;
        }
        inner.tables = tables;
        inner.held(holder, epoch)?.beat += 1;
        if inner.lose_answers > 0 {
            inner.lose_answers -= 1;
            return Err(StoreError::Unknown("the simulated answer was lost".to_owned()));
        }
        Ok(())
    }
}
