//! The database as one engine reaches it: the shared rows, some milliseconds away.

use std::time::Duration;

use async_trait::async_trait;
use themis_core::{Epoch, IncidentId};
use themis_engine::ports::Store;
use themis_engine::ports::store::{LeaseRow, Snapshot, StoreError, StoredStep, TakenUp, Write};
use tokio::time::sleep;

use crate::process::Process;
use crate::world::World;

const ROUND_TRIP: Duration = Duration::from_millis(4);
/// How long a call to a database that is away takes to fail.
const FAILS_AFTER: Duration = Duration::from_secs(1);

pub(super) struct SimStore {
    world: World,
    process: Process,
}

impl SimStore {
    pub(super) const fn new(world: World, process: Process) -> Self {
        Self { world, process }
    }

    async fn there(&self) {
        self.process.gate().await;
        sleep(ROUND_TRIP).await;
    }

    async fn back<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(answer, Err(StoreError::Unavailable(_))) {
            sleep(FAILS_AFTER).await;
        }
        self.process.gate().await;
        answer
    }
}

#[async_trait]
impl Store for SimStore {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.there().await;
        self.back(self.world.store.snapshot().await).await
    }

    async fn steps(&self, incident: IncidentId) -> Result<Vec<StoredStep>, StoreError> {
        self.there().await;
        self.back(self.world.store.steps(incident).await).await
    }

    async fn taken_up(&self) -> Result<Vec<TakenUp>, StoreError> {
        self.there().await;
        self.back(self.world.store.taken_up().await).await
    }

    async fn lease_read(&self) -> Result<Option<LeaseRow>, StoreError> {
        self.there().await;
        self.back(self.world.store.lease_read().await).await
    }

    async fn lease_take(&self, holder: &str, seen: Option<&LeaseRow>) -> Result<Option<Epoch>, StoreError> {
        self.there().await;
        let answer = self.world.store.lease_take(holder, seen).await;
        if matches!(answer, Ok(Some(_))) {
            self.world.leads(&self.process);
        }
        self.back(answer).await
    }

    async fn lease_renew(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
        self.there().await;
        self.back(self.world.store.lease_renew(holder, epoch).await).await
    }

    async fn lease_release(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
        self.there().await;
        self.back(self.world.store.lease_release(holder, epoch).await).await
    }

    async fn commit(&self, holder: &str, epoch: Epoch, writes: &[Write]) -> Result<(), StoreError> {
        self.there().await;
        let answer = self.world.store.commit(holder, epoch, writes).await;
        if matches!(answer, Ok(()) | Err(StoreError::Unknown(_))) {
            self.world.committed(&self.process, writes);
        }
        self.back(answer).await
    }
}
