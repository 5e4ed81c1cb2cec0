//! `/healthcheck` and `/metrics` on a listener of their own, loopback by default, apart from any public API.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Installs the process's metrics recorder.
///
/// # Errors
/// A recorder is installed already.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}

/// Serves health and metrics until `stop`.
///
/// # Errors
/// The address cannot be bound; the message names it.
pub async fn serve(address: SocketAddr, metrics: PrometheusHandle, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on metrics_listen {address}: {error}"))?;
    let routes = Router::new()
        .route("/healthcheck", get(|| async { "OK" }))
        .route("/metrics", get(move || async move { metrics.render() }));
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await?;
    Ok(())
}
