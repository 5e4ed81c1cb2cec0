//! The listener: slow clients, too many of them, and the end.

use std::sync::Arc;
use std::time::Duration;

use themis_api::server::{self, Bounds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Api, with_api};

const BOUNDS: Bounds = Bounds {
    connections_max: 2,
    client_timeout: Duration::from_millis(400),
    stop_timeout: Duration::from_secs(10),
};

const GET: &[u8] = b"GET /healthcheck HTTP/1.1\r\nHost: h\r\n\r\n";

/// Another listener of the same service.
struct Listening {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<usize>,
}

async fn listen(api: &Api, bounds: Bounds) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (app, stop) = (Arc::clone(&api.app), CancellationToken::new());
    let until = stop.clone();
    let served = tokio::spawn(async move { server::serve(listener, &app, bounds, until).await });
    Listening { address, stop, served }
}

async fn connected(to: &Listening, say: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(to.address).await.unwrap();
    stream.write_all(say).await.unwrap();
    stream
}

/// What comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .expect("the connection stays open")
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads until one answer of the health check is complete.
async fn answered(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\nOK") {
        let mut some = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut some)).await;
        let count = read.expect("no answer").unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..count]);
    }
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_and_one_that_is_idle_are_let_go() {
    with_api(async |api| {
        let to = listen(api, BOUNDS).await;
        let mut silent = connected(&to, b"").await;
        let mut slow = connected(&to, b"GET / HTTP/1.1\r\nHost: ").await;
        rest(&mut silent).await;
        rest(&mut slow).await;
        let mut idle = connected(&to, GET).await;
        assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200 OK"));
    })
    .await;
}

#[tokio::test]
async fn more_connections_than_the_bound_wait_and_are_served_when_one_ends() {
    with_api(async |api| {
        let bounds = Bounds {
            client_timeout: Duration::from_secs(60),
            ..BOUNDS
        };
        let to = listen(api, bounds).await;
        let (mut one, mut two) = (connected(&to, GET).await, connected(&to, GET).await);
        answered(&mut one).await;
        answered(&mut two).await;
        let mut third = connected(&to, GET).await;
        let early = tokio::time::timeout(Duration::from_millis(300), third.read_u8()).await;
        assert!(early.is_err(), "a third connection was served: {early:?}");
        drop(one);
        answered(&mut third).await;
    })
    .await;
}

#[tokio::test]
async fn an_end_closes_idle_connections_and_lets_requests_under_way_finish() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    with_api(async |api| {
        let to = listen(api, Bounds { client_timeout: Duration::from_secs(60), ..BOUNDS }).await;
        let mut idle = connected(&to, GET).await;
        answered(&mut idle).await;
        let segment = api.segment("seg1").await;
        let other = sea_orm::Database::connect(api.database_url.as_str()).await.unwrap();
        let lock = other.begin().await.unwrap();
        lock.execute_unprepared("SELECT * FROM leases FOR UPDATE").await.unwrap();
        let body = r#"{"host":{"name":"compute-7","type":"C","control_attributes":""}}"#;
        let head = format!(
            "POST /v1/segments/{segment}/hosts HTTP/1.1\r\nHost: h\r\nX-Auth-Token: token-of-admin\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut busy = connected(&to, head.as_bytes()).await;
        // Until it waits at the row.
        while !is_waiting(&other).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        to.stop.cancel();
        assert_eq!(rest(&mut idle).await, "");
        assert!(TcpStream::connect(to.address).await.is_err(), "a stopped listener takes connections");
        lock.rollback().await.unwrap();
        let answer = rest(&mut busy).await;
        assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
        assert_eq!(to.served.await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_counted() {
    with_api(async |api| {
        let bounds = Bounds {
            client_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_millis(200),
            ..BOUNDS
        };
        let to = listen(api, bounds).await;
        let head =
            "POST /v1/segments HTTP/1.1\r\nHost: h\r\nX-Auth-Token: token-of-admin\r\nContent-Length: 100\r\n\r\n{";
        let mut stuck = connected(&to, head.as_bytes()).await;
        // Until the token was asked about, which is after the head was read.
        while api.cloud.validations.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        to.stop.cancel();
        assert_eq!(to.served.await.unwrap(), 1);
        assert_eq!(rest(&mut stuck).await, "");
    })
    .await;
}

/// Whether a statement of another connection to this database waits: it is there, and still is a little later.
async fn is_waiting(database: &sea_orm::DatabaseConnection) -> bool {
    use sea_orm::{ConnectionTrait, Statement};
    let sql = "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND command <> 'Sleep' \
               AND id <> CONNECTION_ID()";
    let statement = Statement::from_string(database.get_database_backend(), sql);
    let at_work = async || database.query_one_raw(statement.clone()).await.unwrap().is_some();
    let begun = at_work().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    begun && at_work().await
}
