//! `/healthcheck`, `/readiness` and `/metrics` on a listener of their own, loopback by default, apart from any public API.
//! Health is that the process lives: whoever restarts what is unhealthy must not do so because a database is away.
//! Readiness is that it can serve now: whoever balances load takes a process that is not ready out until it is again.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Upper bounds of the buckets of every time that is measured, in seconds: from a message on an idle broker to a call that
/// waits for an outage to end.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// How often measured times are put into their buckets; between two scrapes they would pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the process's metrics recorder. Call inside tokio's runtime.
///
/// # Errors
/// A recorder is installed already.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Longest that one question for readiness may take.
const READINESS_DEADLINE: Duration = Duration::from_secs(5);

/// Asks whether the process can serve now; the text says why not.
pub type Readiness = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Serves health and metrics until `stop`, of a process that is ready when `readiness` says so.
///
/// # Errors
/// The address cannot be bound; the message names it.
pub async fn serve_with_readiness(
    address: SocketAddr,
    metrics: PrometheusHandle,
    readiness: Readiness,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on metrics_listen {address}: {error}"))?;
    let routes = Router::new()
        .route("/healthcheck", get(|| async { "OK" }))
        .route("/readiness", get(move || ready(readiness)))
        .route("/metrics", get(move || async move { metrics.render() }));
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await?;
    Ok(())
}

async fn ready(readiness: Readiness) -> (StatusCode, String) {
    match tokio::time::timeout(READINESS_DEADLINE, readiness()).await {
        Ok(Ok(())) => (StatusCode::OK, "READY".to_owned()),
        Ok(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, format!("NOT READY: {why}")),
        Err(_) => {
            let why = format!("NOT READY: no answer within {READINESS_DEADLINE:?}");
            (StatusCode::SERVICE_UNAVAILABLE, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn times_are_counted_in_buckets_without_a_scrape() {
        let handle = install_metrics().unwrap();
        metrics::histogram!("themis_test_seconds").record(0.02);
        tokio::time::sleep(UPKEEP * 2).await;
        let shown = handle.render();
        assert!(shown.contains("themis_test_seconds_bucket{le=\"0.025\"} 1"), "{shown}");
        assert!(shown.contains("themis_test_seconds_bucket{le=\"0.01\"} 0"), "{shown}");
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_is_what_the_process_says_and_never_waits_for_ever() {
        assert_eq!(ready(Arc::new(|| Box::pin(async { Ok(()) }))).await.0, StatusCode::OK);
        let away = ready(Arc::new(|| Box::pin(async { Err("the database is away".to_owned()) }))).await;
        let told = (
            StatusCode::SERVICE_UNAVAILABLE,
            "NOT READY: the database is away".to_owned(),
        );
        assert_eq!(away, told);
        let silent = ready(Arc::new(|| Box::pin(std::future::pending()))).await;
        assert_eq!(silent.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
