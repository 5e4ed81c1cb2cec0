//! How reports get in: once, from any number of reporters over any number of API processes, through any trouble of the
//! database; and who reported is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use themis_core::{HostId, IncidentId, NotificationId, SegmentId};
use themis_db::store::incidents::{NewIncident, incident_open_in_txn};
use themis_db::testing::OwnServer;
use themis_db::{connect_url, schema};
use time::macros::datetime;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::support::{Answer, Api, another_on, send, with_api, with_settings};

const NOTIFICATIONS: &str = "/v1/notifications";

/// The same payload with its keys in one of two orders.
fn report(host: &str, time: &str, turned: bool) -> String {
    let payload = if turned {
        r#"{"cluster_status": "OFFLINE", "host_status": "NORMAL", "event": "STOPPED"}"#
    } else {
        r#"{"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}"#
    };
    format!(
        r#"{{"notification": {{"type": "COMPUTE_HOST", "hostname": "{host}", "generated_time": "{time}", "payload": {payload}}}}}"#
    )
}

fn post(api: &Api, who: &str, body: String) -> reqwest::RequestBuilder {
    let request = api.request(who, "POST", NOTIFICATIONS);
    request.header("content-type", "application/json").body(body)
}

/// Twenty monitors see one failure and post it to two processes; each round is another failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_identical_reports_to_two_processes_exactly_one_is_taken() {
    with_api(async |first| {
        let second = another_on(&first.database_url).await;
        let segment = first.segment("seg1").await;
        first.host(&segment, "compute-1").await;
        for minute in 0..5 {
            let time = format!("2026-11-20T08:{:02}:00", minute * 10);
            let posts = (0..20).map(|number| {
                let api = if number % 2 == 0 { first } else { &second };
                let who = if number % 3 == 0 { "admin" } else { "service" };
                send(post(api, who, report("compute-1", &time, number % 5 == 0)))
            });
            let answers = futures::future::join_all(posts).await;
            let taken: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 202).collect();
            assert_eq!(taken.len(), 1, "minute {minute}");
            for refused in answers.iter().filter(|answer| answer.status != 202) {
                let message = refused.fault(StatusCode::CONFLICT, "conflictingRequest");
                let wanted = "Notification received from host compute-1 of type COMPUTE_HOST is duplicate.";
                assert_eq!(message, wanted);
            }
            let uuid = taken[0].json()["notification"]["notification_uuid"]
                .as_str()
                .unwrap()
                .to_owned();
            let said = rows(
                first,
                &format!(
                    "SELECT CAST(SUM(reports) AS SIGNED) AS n FROM corroborations WHERE notification_uuid = '{uuid}'"
                ),
            )
            .await;
            assert_eq!(said, [20], "everybody who reported is counted");
        }
        let listed = first.get(NOTIFICATIONS).await.ok(200);
        assert_eq!(listed["notifications"].as_array().unwrap().len(), 5);
    })
    .await;
}

async fn rows(api: &Api, sql: &str) -> Vec<i64> {
    let statement = Statement::from_string(sea_orm::DbBackend::MySql, sql);
    let rows = api.store.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "n").unwrap()).collect()
}

#[tokio::test]
async fn who_reported_is_shown_with_the_incident_also_who_got_409() {
    with_settings(
        |settings| settings.behind_proxy = true,
        async |api| {
            let segment = api.segment("seg1").await;
            let host = api.host(&segment, "compute-1").await;
            let body = || report("compute-1", "2026-11-20T08:28:51.264983", false);
            let first = send(post(api, "service", body()).header("x-forwarded-for", "6.6.6.6, 192.0.2.1")).await;
            let uuid = first.ok(202)["notification"]["notification_uuid"]
                .as_str()
                .unwrap()
                .to_owned();
            let second = send(post(api, "admin", body()).header("x-forwarded-for", "192.0.2.2")).await;
            assert_eq!(second.status, 409);
            // As the engine does when it takes the report up.
            api.store
                .execute_unprepared("UPDATE hosts SET on_maintenance = 1")
                .await
                .unwrap();
            let proxied = "for=6.6.6.6, for=\"192.0.2.3:4711\";proto=https";
            let third = send(post(api, "admin", body()).header("forwarded", proxied)).await;
            let message = third.fault(StatusCode::CONFLICT, "conflictingRequest");
            assert!(message.contains("already under maintenance"), "{message}");

            let incident = NewIncident {
                uuid: IncidentId(Uuid::new_v4()),
                host_uuid: HostId(host.parse().unwrap()),
                host_name: "compute-1".to_owned(),
                segment_uuid: SegmentId(segment.parse().unwrap()),
                notification_uuid: Some(NotificationId(uuid.parse().unwrap())),
                summary: None,
                opened_at: datetime!(2026-11-20 08:29 UTC),
            };
            api.as_engine(async |epoch| incident_open_in_txn(&epoch, &incident).await)
                .await;
            let shown = api
                .get(&format!("/themis/v1/incidents/{}", incident.uuid))
                .await
                .ok(200);
            let said = shown["incident"]["corroborations"].as_array().unwrap();
            let brief: Vec<_> = said
                .iter()
                .map(|row| {
                    (
                        row["address"].as_str().unwrap(),
                        row["answer"].as_str().unwrap(),
                        row["reports"].as_i64().unwrap(),
                    )
                })
                .collect();
            assert_eq!(
                brief,
                [
                    ("192.0.2.1", "accepted", 1),
                    ("192.0.2.2", "duplicate", 1),
                    ("192.0.2.3", "maintenance", 1)
                ]
            );
            assert_eq!(said[0]["generated_time"], "2026-11-20T08:28:51.264983Z");
            assert_ne!(said[0]["user_id"], said[1]["user_id"]);
        },
    )
    .await;
}

/// Nobody ever reported this host, no incident is open, and nothing is stored as a notification.
#[tokio::test]
async fn who_is_refused_for_maintenance_is_shown_with_the_host_and_counted() {
    with_api(async |first| {
        let second = another_on(&first.database_url).await;
        let segment = first.segment("seg1").await;
        let host = first.host(&segment, "compute-1").await;
        let reports = format!("/themis/v1/hosts/{host}/reports");
        assert_eq!(first.get(&reports).await.ok(200)["reports"], json!([]));
        let path = format!("/v1/segments/{segment}/hosts/{host}");
        let maintenance = json!({"host": {"on_maintenance": true}});
        first.put(&path, maintenance).await.ok(200);
        // A monitor that insists, through both processes at once; each report is outside the window of the one before.
        let posts = (0..12).map(|number| {
            let api = if number % 2 == 0 { first } else { &second };
            let time = format!("2026-11-{:02}T08:28:51", number + 1);
            send(post(api, "service", report("compute-1", &time, number % 3 == 0)))
        });
        for refused in futures::future::join_all(posts).await {
            let message = refused.fault(StatusCode::CONFLICT, "conflictingRequest");
            assert!(message.contains("already under maintenance"), "{message}");
        }
        let payload = json!({"process_name": "caf\u{e9} \u{1F980}", "event": "STOPPED"});
        let other = json!({"notification": {"type": "PROCESS", "hostname": "compute-1", "generated_time": "2026-11-20T08:00:00",
            "payload": payload}});
        assert_eq!(first.post(NOTIFICATIONS, other).await.status, 409);

        let shown = first.get(&reports).await.ok(200);
        let brief: Vec<_> = shown["reports"].as_array().unwrap().iter().collect();
        assert_eq!(brief.len(), 2, "{shown}");
        assert_eq!((&brief[0]["type"], &brief[0]["payload"], &brief[0]["reports"]), (&json!("PROCESS"), &payload, &json!(1)));
        assert_eq!((&brief[1]["type"], &brief[1]["reports"]), (&json!("COMPUTE_HOST"), &json!(12)));
        for row in &brief {
            assert_eq!((&row["answer"], &row["notification_uuid"]), (&json!("maintenance"), &Value::Null));
            assert_eq!(row["address"], "127.0.0.1");
        }
        assert_ne!(brief[0]["user_id"], brief[1]["user_id"]);
        assert_eq!(first.get(NOTIFICATIONS).await.ok(200)["notifications"], json!([]));
        let one = first.get(&format!("{reports}?limit=1")).await.ok(200);
        assert_eq!(one["reports"], json!([brief[0]]));
        // Together with what was taken, once the maintenance is over.
        first.put(&path, json!({"host": {"on_maintenance": false}})).await.ok(200);
        let taken = first.notify("compute-1", "2026-11-20T09:00:00").await.ok(202);
        let shown = first.get(&reports).await.ok(200);
        assert_eq!(shown["reports"].as_array().unwrap().len(), 3);
        assert_eq!(shown["reports"][0]["notification_uuid"], taken["notification"]["notification_uuid"]);
    })
    .await;
}

#[tokio::test]
async fn a_host_is_meant_by_its_name_or_by_a_form_of_it_that_only_one_host_has() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        for name in ["compute-1", "compute-2.example.org", "compute-3.example.org", "compute-3.example.net"] {
            api.host(&segment, name).await;
        }
        let minutes = 10..;
        for ((given, meant), minute) in [
            ("compute-1", "compute-1"),
            ("compute-1.example.org", "compute-1"),
            ("COMPUTE-1", "compute-1"),
            ("compute-2", "compute-2.example.org"),
            ("compute-3.example.net", "compute-3.example.net"),
        ]
        .into_iter()
        .zip(minutes)
        {
            let time = format!("2026-11-20T{minute}:00:00");
            let answer = send(post(api, "admin", report(given, &time, false))).await.ok(202);
            let host = answer["notification"]["source_host_uuid"].as_str().unwrap();
            let shown = api.get(&format!("/v1/segments/{segment}/hosts/{host}")).await.ok(200);
            assert_eq!(shown["host"]["name"], meant, "{given}");
        }
        let several = send(post(api, "admin", report("compute-3", "2026-11-20T08:00:00", false))).await;
        assert_eq!(
            several.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "Host name compute-3 may stand for several hosts: compute-3.example.net, compute-3.example.org. Report the name as it is registered."
        );
        let none = send(post(api, "admin", report("compute-4", "2026-11-20T08:00:00", false))).await;
        let message = none.fault(StatusCode::BAD_REQUEST, "badRequest");
        assert_eq!(message, "Host with name compute-4 could not be found.");
    })
    .await;
}

/// Monitors drop a report for good when they get 400 or 409, and repeat it for anything else.
#[tokio::test]
async fn a_report_that_cannot_be_stored_is_never_a_4xx() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        api.host(&segment, "compute-1").await;
        for broken in [
            "RENAME TABLE corroborations TO away",
            "RENAME TABLE notifications TO away2",
            "RENAME TABLE leases TO away3",
            "RENAME TABLE hosts TO away4",
        ] {
            api.store.execute_unprepared(broken).await.unwrap();
            let answer = api.notify("compute-1", "2026-11-20T08:28:51").await;
            assert_eq!(answer.status, 500, "{broken}: {}", answer.text);
        }
        for healed in [
            "RENAME TABLE away TO corroborations",
            "RENAME TABLE away2 TO notifications",
            "RENAME TABLE away3 TO leases",
            "RENAME TABLE away4 TO hosts",
        ] {
            api.store.execute_unprepared(healed).await.unwrap();
        }
        api.store
            .execute_unprepared("UPDATE hosts SET on_maintenance = 1")
            .await
            .unwrap();
        let broken = "RENAME TABLE refused_reports TO away";
        api.store.execute_unprepared(broken).await.unwrap();
        let answer = api.notify("compute-1", "2026-11-20T08:28:51").await;
        assert_eq!(
            answer.status, 500,
            "who reported is kept or the answer is not 409: {}",
            answer.text
        );
        for healed in [
            "RENAME TABLE away TO refused_reports",
            "UPDATE hosts SET on_maintenance = 0",
        ] {
            api.store.execute_unprepared(healed).await.unwrap();
        }
        let narrow = "ALTER TABLE notifications MODIFY payload VARCHAR(10)";
        api.store.execute_unprepared(narrow).await.unwrap();
        let refused = api.notify("compute-1", "2026-11-20T08:28:51").await;
        assert_eq!(refused.status, 500, "{}", refused.text);
        let wide = "ALTER TABLE notifications MODIFY payload TEXT";
        api.store.execute_unprepared(wide).await.unwrap();
        let none = api.get(NOTIFICATIONS).await.ok(200);
        assert_eq!(none["notifications"], json!([]), "nothing is half-written");
        assert_eq!(api.notify("compute-1", "2026-11-20T08:28:51").await.status, 202);
    })
    .await;
}

/// Tables that Masakari made are `utf8mb3` where its database was: what they cannot hold is the request's fault, not ours.
#[tokio::test]
async fn what_a_table_of_masakaris_cannot_hold_is_a_400() {
    with_api(async |api| {
        let narrow = "ALTER TABLE failover_segments MODIFY description TEXT CHARACTER SET latin1";
        api.store.execute_unprepared(narrow).await.unwrap();
        let body = json!({"segment": {"name": "s", "recovery_method": "auto", "service_type": "COMPUTE", "description": "\u{4e2d}"}});
        let refused = api.post("/v1/segments", body).await.fault(StatusCode::BAD_REQUEST, "badRequest");
        assert!(refused.contains("cannot store"), "{refused}");
        assert_eq!(api.get("/v1/segments").await.ok(200)["segments"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_table_of_masakaris_holds_a_report_in_any_characters() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        api.host(&segment, "compute-1").await;
        let narrow = "ALTER TABLE notifications CONVERT TO CHARACTER SET utf8mb3";
        api.store.execute_unprepared(narrow).await.unwrap();
        let payload = json!({"instance_uuid": IncidentId(Uuid::new_v4()), "vir_domain_event": "\u{e9}", "event": "\u{1F980}"});
        let vm = |host: &str| json!({"notification": {"type": "VM", "hostname": host, "generated_time": "2026-11-20T08:28:51", "payload": payload}});
        let stored = api.post(NOTIFICATIONS, vm("compute-1")).await.ok(202);
        let uuid = stored["notification"]["notification_uuid"].as_str().unwrap();
        let shown = api.get(&format!("{NOTIFICATIONS}/{uuid}")).await.ok(200);
        assert_eq!(shown["notification"]["payload"], payload);
        assert_eq!(api.post(NOTIFICATIONS, vm("compute-1")).await.status, 409, "it is known again");
    })
    .await;
}

/// What one report got, in order; `0` for a connection that broke.
type Story = Vec<u16>;

/// Four monitors, each with its own host, post failure after failure and repeat what got neither 202 nor 409, as Masakari's
/// monitors do, while the database is ended in good order and then killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_restarts_of_the_database_every_report_is_stored_once_and_every_202_has_its_row() {
    let Some(mut server) = OwnServer::start() else { return };
    schema::schema_sync(&connect_url(server.url()).await.unwrap())
        .await
        .unwrap();
    let api = Arc::new(another_on(&server.url()).await);
    let segment = api.segment("seg1").await;
    for number in 0..4 {
        api.host(&segment, &format!("compute-{number}")).await;
    }
    let told = Arc::new(Mutex::new(BTreeMap::<(usize, u32), (Story, Option<String>)>::new()));
    let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let monitors: Vec<_> = (0..4)
        .map(|number| {
            let (api, told, end) = (Arc::clone(&api), Arc::clone(&told), Arc::clone(&end));
            tokio::spawn(async move {
                let mut failure = 0;
                while !end.load(std::sync::atomic::Ordering::SeqCst) {
                    let outcome = insist(&api, number, failure).await;
                    told.lock().await.insert((number, failure), outcome);
                    failure += 1;
                }
            })
        })
        .collect();
    for kill in [false, true] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if kill {
            server.kill()
        } else {
            server.stop()
        }
        let during = api.get("/v1/segments").await;
        assert_eq!(during.status, 503, "{}", during.text);
        let message = during.fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert!(message.contains("Try again later"), "{message}");
        server.resume();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    end.store(true, std::sync::atomic::Ordering::SeqCst);
    for monitor in monitors {
        monitor.await.unwrap();
    }
    let told = told.lock().await;
    let stored = stored(&api).await;
    assert_eq!(stored.len(), told.len(), "one row for each report");
    let troubled = told.values().filter(|(story, _)| story.len() > 1).count();
    assert!(troubled > 0, "the restarts were not felt: {} reports", told.len());
    for (report, (story, uuid)) in told.iter() {
        let (last, before) = story.split_last().unwrap();
        assert!(
            before.iter().all(|status| matches!(status, 0 | 503)),
            "{report:?}: {story:?}"
        );
        match (last, uuid) {
            (202, Some(uuid)) => assert!(stored.contains(uuid), "{report:?}: {story:?}"),
            // Its row was written though its answer said 503: said again it is a duplicate, and it was heard.
            (409, _) => assert!(!before.is_empty(), "{report:?}: {story:?}"),
            _ => panic!("{report:?}: {story:?}"),
        }
    }
}

/// Posts a failure until it is heard.
async fn insist(api: &Api, number: usize, failure: u32) -> (Story, Option<String>) {
    // An hour apart, so that no two are duplicates.
    let time = format!(
        "2026-{:02}-{:02}T{:02}:00:00",
        1 + failure / 672,
        1 + failure / 24 % 28,
        failure % 24
    );
    let mut story = Vec::new();
    for _ in 0..600 {
        let request = post(api, "service", report(&format!("compute-{number}"), &time, false));
        let Ok(response) = request.send().await else {
            story.push(0);
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let status = response.status().as_u16();
        story.push(status);
        match status {
            202 => {
                let body: Value = response.json().await.unwrap();
                let uuid = body["notification"]["notification_uuid"].as_str().map(str::to_owned);
                return (story, uuid);
            }
            409 => return (story, None),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("never heard: {story:?}")
}

/// The uuids of all notifications.
async fn stored(api: &Api) -> BTreeSet<String> {
    let statement = Statement::from_string(
        sea_orm::DbBackend::MySql,
        "SELECT notification_uuid AS u FROM notifications",
    );
    let rows = api.store.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "u").unwrap()).collect()
}
