//! The client against a scripted port: what an agent never does in a good hour.

use tokio::net::TcpListener;

use super::*;

const KEY: &str = "key";
const DEADLINE: Duration = Duration::from_millis(300);

/// A port that answers handshake and key, then sends `script` once the next request begins, then falls silent.
async fn port(script: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        for (marker, answer) in [
            ("Version\u{1}", header(0, "")),
            ("AuthKey\u{a3}key", header(1, "")),
            ("Seq\u{2}", script),
        ] {
            let marker: Vec<u8> = marker.chars().map(|c| c as u8).collect();
            while !seen.windows(marker.len()).any(|window| window == marker) {
                let mut chunk = [0; 256];
                let length = connection.read(&mut chunk).await.unwrap();
                assert!(length > 0, "the client closed");
                seen.extend_from_slice(&chunk[..length]);
            }
            connection.write_all(&answer).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    address
}

fn header(seq: u64, error: &str) -> Vec<u8> {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Header<'a> {
        error: &'a str,
        seq: u64,
    }
    rmp_serde::to_vec_named(&Header { error, seq }).unwrap()
}

async fn members_of(script: Vec<u8>) -> Result<Vec<Member>, ClientError> {
    Client::connect(port(script).await, KEY, DEADLINE)
        .await
        .unwrap()
        .members()
        .await
}

#[tokio::test]
async fn an_empty_list_is_an_answer() {
    assert_eq!(
        members_of([header(2, ""), b"\x81\xa7Members\x90".to_vec()].concat())
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn a_refusal_carries_serfs_words_and_no_body() {
    let error = members_of(header(2, "Authentication required")).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Refused { command: "members", error } if error == "Authentication required"),
        "{error}"
    );
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    for script in [
        Vec::new(),
        header(2, ""),
        [header(2, ""), b"\x81\xa7Mem".to_vec()].concat(),
    ] {
        let error = members_of(script).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Deadline { command: "members", .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_no_protocol_end_the_connection() {
    assert!(matches!(
        members_of(b"HTTP/1.1 400 Bad Request\r\n".to_vec()).await.unwrap_err(),
        ClientError::Wire(_)
    ));
    assert!(matches!(
        members_of(vec![0xc1]).await.unwrap_err(),
        ClientError::Frame(FrameError::Marker(0xc1))
    ));
    assert!(matches!(
        members_of(vec![0xc6, 0xff, 0xff, 0xff, 0xff]).await.unwrap_err(),
        ClientError::Frame(FrameError::TooLarge)
    ));
    assert!(matches!(
        members_of(header(9, "")).await.unwrap_err(),
        ClientError::UnexpectedAnswer(9)
    ));
}

#[tokio::test]
async fn records_between_answers_are_kept_apart() {
    let record = |name: &str| {
        [
            header(2, ""),
            b"\x82\xa5Event\xadmember-failed\xa7Members\x91\x82\xa4Name\xa1".to_vec(),
            name.as_bytes().to_vec(),
            b"\xa6Status\xa6failed".to_vec(),
        ]
        .concat()
    };
    // The answer to the subscription, a record, the answer to the next question, another record.
    let script = [
        header(2, ""),
        record("a"),
        header(3, ""),
        b"\x81\xa7Members\x90".to_vec(),
        record("b"),
    ]
    .concat();
    let mut client = Client::connect(port(script).await, KEY, DEADLINE).await.unwrap();
    client.subscribe().await.unwrap();
    assert_eq!(client.members().await.unwrap(), []);
    for name in ["a", "b"] {
        let record = client.record().await.unwrap();
        assert_eq!(
            (record.event.as_str(), record.members.unwrap()[0].name.as_str()),
            ("member-failed", name)
        );
    }
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let half = b"\x82\xa5Event\xadmember-failed".to_vec();
    let script = [header(2, ""), header(2, ""), half].concat();
    let mut client = Client::connect(port(script).await, KEY, DEADLINE).await.unwrap();
    client.subscribe().await.unwrap();
    for _ in 0..100 {
        assert!(timeout(Duration::from_millis(20), client.record()).await.is_err());
        if client.header.is_some() {
            break;
        }
    }
    assert_eq!(
        client.header,
        Some(ResponseHeader {
            seq: 2,
            error: String::new()
        })
    );
}

#[tokio::test]
async fn nobody_at_the_port_is_a_connection_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(matches!(
        Client::connect(address, KEY, DEADLINE).await.unwrap_err(),
        ClientError::Connection(_)
    ));
}
