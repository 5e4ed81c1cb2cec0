//! The listener: one task per connection, a bound on their number, deadlines for clients that are slow or gone, and an end
//! that lets requests under way finish. What a request may cost beyond its connection is bounded in [`crate::router`].
//!
//! HTTP/1.1 only: TLS and HTTP/2 are the load balancer's, as for every OpenStack API.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use crate::app_state::AppState;
use crate::router;

/// Largest head of a request in bytes; hyper answers 431 to more.
const HEAD_MAX: usize = 64 * 1024;
/// Pause after a failed accept, so that a lack of file descriptors does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What clients are allowed.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at the same time; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How long a client may take for the head of a request, may be idle between two, or may leave an answer unread.
    pub client_timeout: Duration,
    /// How long requests under way may take after `stop`.
    pub stop_timeout: Duration,
}

/// Serves until `stop`; then closes idle connections at once and waits for the others. Gives the number of those that were
/// cut off because they took too long.
pub async fn serve(listener: TcpListener, app: &AppState, bounds: Bounds, stop: CancellationToken) -> usize {
    let service = router::service(app);
    let places = Arc::new(Semaphore::new(bounds.connections_max.max(1)));
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let Some((place, accepted)) = stop.run_until_cancelled(accepted).await else {
            break;
        };
        match accepted {
            Ok((stream, client)) => {
                let connection = follow(stream, client, service.clone(), bounds, stop.clone());
                let cut_off = cut_off.clone();
                connections.spawn(async move {
                    cut_off.run_until_cancelled(connection).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(bounds.stop_timeout, connections.wait())
        .await
        .is_ok()
    {
        return 0;
    }
    let left = connections.len();
    cut_off.cancel();
    connections.wait().await;
    left
}

/// One connection to its end. What goes wrong on it is the client's and reaches the log at debug level only.
async fn follow<S>(stream: TcpStream, client: SocketAddr, service: S, bounds: Bounds, stop: CancellationToken)
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    // An answer is written whole; waiting for more would only delay it.
    drop(stream.set_nodelay(true));
    // A client that does not read its answer is given up by the kernel.
    drop(SockRef::from(&stream).set_tcp_user_timeout(Some(bounds.client_timeout)));
    let service = service.map_request(move |request: hyper::Request<Incoming>| -> Request {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(client));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.client_timeout)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%client, "a connection ended badly: {error}");
    }
}
