//! Whether this monitor is of use now: what `/readiness` answers. It is while it can report and be asked, and one of its
//! agents at least shows it the others. What it reports does not depend on this.

use themis_core::report::AgentState;

use crate::board::Board;

/// Whether it is of use; `away` is what has no broker ([`themis_messaging::rabbit::RabbitBus::away`]).
///
/// # Errors
/// What is missing, in words.
pub fn check(away: &[String], board: &Board) -> Result<(), String> {
    if !away.is_empty() {
        return Err(format!("no broker for {}", away.join(", ")));
    }
    let reports = board.reports();
    if reports.values().any(|report| report.agent == AgentState::Running) {
        return Ok(());
    }
    let mut agents = reports
        .iter()
        .map(|(network, report)| format!("{network}: {:?}", report.agent).to_lowercase());
    match agents.next() {
        None => Err("no network is observed".to_owned()),
        Some(first) => Err(agents.fold(format!("no serf agent runs ({first}"), |all, next| {
            format!("{all}, {next}")
        }) + ")"),
    }
}

#[cfg(test)]
mod tests {
    use themis_core::NetworkName;
    use tokio::time::{Instant, advance};

    use super::*;
    use crate::board::SIGHT_FRESH;
    use crate::view::PeersView;

    #[tokio::test(start_paused = true)]
    async fn one_agent_that_answers_is_enough_and_one_that_does_not_is_none() {
        let networks = ["storage", "tenant"].map(NetworkName::new);
        let board = Board::new(networks.clone().map(|name| (name, PeersView::default())));
        let why = check(&[], &board).unwrap_err();
        assert_eq!(why, "no serf agent runs (storage: restarting, tenant: restarting)");
        board.write(&networks[1], |facts| {
            (facts.agent, facts.seen) = (AgentState::Running, Some(Instant::now()));
        });
        assert_eq!(check(&[], &board), Ok(()));
        let why = check(
            &["listening:themis_hostmonitor".to_owned(), "sending".to_owned()],
            &board,
        )
        .unwrap_err();
        assert_eq!(why, "no broker for listening:themis_hostmonitor, sending");
        advance(SIGHT_FRESH * 2).await;
        let why = check(&[], &board).unwrap_err();
        assert_eq!(why, "no serf agent runs (storage: restarting, tenant: silent)");
        assert!(check(&[], &Board::new([])).is_err(), "nothing to observe");
    }
}
