//! What serf says, compared with the host list: pure. An agent knows only whom it has met; the host list knows who
//! should be there. The difference is what a report carries.

use std::collections::{BTreeMap, HashMap};

use themis_core::report::PeerStatus;

use crate::peers::Peer;
use crate::serf::wire::{Member, MemberStatus};

/// The peers of one network as one agent sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeersView {
    /// Peers in the host list, oneself not counted.
    pub known: u32,
    /// How many of them the agent holds alive.
    pub alive: u32,
    /// The others, by name.
    pub not_alive: BTreeMap<String, PeerStatus>,
}

impl PeersView {
    /// The view of an agent that says nothing: it accuses nobody.
    #[must_use]
    pub fn blind(own: &str, peers: &[Peer]) -> Self {
        Self {
            known: count(peers.iter().filter(|peer| peer.name != own).count()),
            ..Self::default()
        }
    }

    /// Compares the agent's members with the host list. Members that the list does not name are left out.
    #[must_use]
    pub fn compare(own: &str, peers: &[Peer], members: &[Member]) -> Self {
        let seen: HashMap<&str, MemberStatus> = members.iter().map(|m| (m.name.as_str(), m.status)).collect();
        let mut view = Self::blind(own, peers);
        for peer in peers.iter().filter(|peer| peer.name != own) {
            let status = match seen.get(peer.name.as_str()) {
                Some(MemberStatus::Alive) => {
                    view.alive += 1;
                    continue;
                }
                Some(MemberStatus::Failed) => PeerStatus::Failed,
                Some(MemberStatus::Left) => PeerStatus::Left,
                Some(MemberStatus::Leaving) => PeerStatus::Leaving,
                Some(MemberStatus::None) | None => PeerStatus::Missing,
            };
            view.not_alive.insert(peer.name.clone(), status);
        }
        view
    }

    /// One line per peer whose status differs from that in `earlier`: name, before, after.
    pub fn changes<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = (&'a str, &'static str, &'static str)> {
        let gone = earlier
            .not_alive
            .keys()
            .filter(|name| !self.not_alive.contains_key(*name));
        self.not_alive.keys().chain(gone).filter_map(move |name| {
            let (before, after) = (shown(earlier.not_alive.get(name)), shown(self.not_alive.get(name)));
            (before != after).then_some((name.as_str(), before, after))
        })
    }
}

/// Members that the host list does not name, in the order of `members`.
pub fn strangers<'a>(peers: &'a [Peer], members: &'a [Member]) -> impl Iterator<Item = &'a Member> {
    members
        .iter()
        .filter(|member| !peers.iter().any(|peer| peer.name == member.name))
}

const fn shown(status: Option<&PeerStatus>) -> &'static str {
    match status {
        None => "alive",
        Some(PeerStatus::Failed) => "failed",
        Some(PeerStatus::Left) => "left",
        Some(PeerStatus::Leaving) => "leaving",
        Some(PeerStatus::Missing) => "missing",
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Vec<Peer> {
        crate::peers::read(
            &[
                "a=10.0.0.1",
                "b=10.0.0.2",
                "c=10.0.0.3",
                "d=10.0.0.4",
                "witness:w=10.0.0.9",
            ]
            .map(String::from),
        )
        .unwrap()
    }

    fn member(name: &str, status: MemberStatus) -> Member {
        Member {
            name: name.into(),
            status,
        }
    }

    #[test]
    fn peers_never_met_are_missing_and_strangers_do_not_count() {
        let members = [
            member("a", MemberStatus::Alive),
            member("b", MemberStatus::Failed),
            member("c", MemberStatus::Left),
            member("w", MemberStatus::Alive),
            member("stranger", MemberStatus::Failed),
        ];
        let view = PeersView::compare("a", &peers(), &members);
        assert_eq!((view.known, view.alive), (4, 1));
        let expected = [
            ("b", PeerStatus::Failed),
            ("c", PeerStatus::Left),
            ("d", PeerStatus::Missing),
        ];
        assert_eq!(
            view.not_alive,
            expected.map(|(name, status)| (name.to_owned(), status)).into()
        );
        assert_eq!(
            strangers(&peers(), &members)
                .map(|m| m.name.as_str())
                .collect::<Vec<_>>(),
            ["stranger"]
        );
    }

    #[test]
    fn an_own_entry_that_serf_calls_failed_accuses_nobody() {
        let view = PeersView::compare(
            "a",
            &peers(),
            &[member("a", MemberStatus::Failed), member("b", MemberStatus::Alive)],
        );
        assert!(!view.not_alive.contains_key("a"));
        assert_eq!(view.alive, 1);
    }

    #[test]
    fn a_blind_agent_accuses_nobody() {
        let view = PeersView::blind("a", &peers());
        assert_eq!((view.known, view.alive, view.not_alive.len()), (4, 0, 0));
    }

    #[test]
    fn each_change_is_told_once() {
        let all = |b, c| PeersView::compare("a", &peers(), &[member("b", b), member("c", c)]);
        let before = all(MemberStatus::Alive, MemberStatus::Failed);
        let after = all(MemberStatus::Failed, MemberStatus::Alive);
        assert_eq!(
            after.changes(&before).collect::<Vec<_>>(),
            [("b", "alive", "failed"), ("c", "failed", "alive")]
        );
        assert_eq!(after.changes(&after).count(), 0);
    }
}
