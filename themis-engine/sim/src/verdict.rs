//! What must hold in every run, whatever happens in it; judged by the oracle, Nova and the power devices.

use std::fmt;

use crate::world::World;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Instances that existed.
    pub instances: usize,
    /// Instances that run exactly once at the end.
    pub running: usize,
    /// Instances that run nowhere at the end.
    pub down: usize,
    /// Evacuate requests that reached Nova.
    pub posts: usize,
    /// Power-offs that reached a device.
    pub power_offs: usize,
    /// What should not have happened, in sentences.
    pub broken: Vec<String>,
}

/// Judges a run that has ended; `down` is how many instances the scenario leaves without a host.
#[must_use]
pub fn judge(world: &World, down: usize) -> Verdict {
    let state = world.lock();
    let guests = state.site.guests();
    let running = state
        .homes
        .keys()
        .filter(|id| guests.get(id).is_some_and(|hosts| hosts.len() == 1))
        .count();
    let lost: Vec<String> = state
        .homes
        .keys()
        .filter(|id| !guests.contains_key(id))
        .map(|id| {
            state
                .nova
                .servers
                .get(id)
                .map_or_else(|| id.to_string(), |s| s.name.clone())
        })
        .collect();
    let mut broken = state.broken.clone();
    if lost.len() != down {
        let names = if lost.is_empty() {
            String::new()
        } else {
            format!(": {}", lost.join(", "))
        };
        broken.push(format!(
            "{} instances run nowhere at the end, not {down}{names}",
            lost.len()
        ));
    }
    Verdict {
        instances: state.homes.len(),
        running,
        down: lost.len(),
        posts: state.counts.posts,
        power_offs: state.counts.power_offs,
        broken,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "running={} down={} of={} posts={} power_offs={} broken={}",
            self.running,
            self.down,
            self.instances,
            self.posts,
            self.power_offs,
            self.broken.len()
        )
    }
}
