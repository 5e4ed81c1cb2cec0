//! Whose turn it is among the recoveries that wait: processes first, then hosts in turn, so that the guests of one host
//! that fails keep nobody else's waiting. What its host holds back does not queue at all.

use std::collections::{BTreeMap, BTreeSet};

use themis_core::{HostId, InstanceId, Moment, Reason};

use super::{Ask, Recovery, Stage, guard};
use crate::world::World;

/// The index of the recovery that is taken up next.
pub(super) fn next(world: &World, recoveries: &[Recovery], now: Moment) -> Option<usize> {
    let mut working: BTreeMap<HostId, usize> = BTreeMap::new();
    for recovery in recoveries.iter().filter(|recovery| recovery.working()) {
        *working.entry(recovery.notice.host).or_default() += 1;
    }
    let share = share(world.policy.notified_parallel);
    let taken = |recovery: &Recovery| working.get(&recovery.notice.host).copied().unwrap_or(0);
    waiting(recoveries, now)
        .filter(|(_, recovery)| taken(recovery) < share && hold(world, recovery).is_none())
        .min_by_key(|(index, recovery)| {
            let process = matches!(recovery.notice.ask, Ask::Process(_));
            (!process, taken(recovery), *index)
        })
        .map(|(index, _)| index)
}

/// The index of the first that waits and that its host holds back, and why.
pub(super) fn held(world: &World, recoveries: &[Recovery], now: Moment) -> Option<(usize, Reason)> {
    waiting(recoveries, now).find_map(|(index, recovery)| Some((index, hold(world, recovery)?)))
}

/// Of all places one host gets at most so many: a host that is slow to fail leaves some to others.
fn share(places: usize) -> usize {
    (places - places / 4).max(1)
}

fn hold(world: &World, recovery: &Recovery) -> Option<Reason> {
    recovery.instance()?;
    let host = world.hosts.get(&recovery.notice.host)?;
    guard::host_hold(world, host)
}

/// Those that may be taken up now: new, or due for their retry, and not about an instance that is being recovered.
fn waiting(recoveries: &[Recovery], now: Moment) -> impl Iterator<Item = (usize, &Recovery)> {
    let active = recoveries.iter().filter(|recovery| recovery.active());
    let busy: BTreeSet<InstanceId> = active.filter_map(Recovery::instance).collect();
    recoveries.iter().enumerate().filter(move |(_, recovery)| {
        let waits = match recovery.stage {
            Stage::Waiting => true,
            Stage::Failed(at) => at <= now,
            Stage::Open(_) | Stage::Sent(_) | Stage::Followed { .. } | Stage::Over => false,
        };
        let busy = recovery.instance().is_some_and(|instance| busy.contains(&instance));
        waits && !busy
    })
}
