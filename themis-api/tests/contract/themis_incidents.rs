//! `/themis/v1/incidents`, and the recovery details of a notification, told from rows as the engine writes them.

use reqwest::StatusCode;
use serde_json::{Value, json};
use themis_core::{HostId, IncidentId, NotificationId, Reason, SegmentId};
use themis_db::StepEvent;
use themis_db::store::incident_events::{NewEvent, event_append_in_txn};
use themis_db::store::incidents::{NewIncident, incident_open_in_txn};
use themis_db::store::workflow_steps::{NewStep, step_append_in_txn};
use time::macros::datetime;
use uuid::Uuid;

use crate::support::{Api, send, with_api};

const INCIDENTS: &str = "/themis/v1/incidents";

/// An incident of a notified host with two events and one finished step.
async fn incident(api: &Api) -> (IncidentId, HostId, String) {
    let segment = api.segment("seg1").await;
    let host = HostId(api.host(&segment, "compute-1").await.parse().unwrap());
    let notification = api.notify("compute-1", "2026-11-20T08:00:00").await.ok(202);
    let notification = notification["notification"]["notification_uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    let uuid = IncidentId(Uuid::new_v4());
    let at = datetime!(2026-11-20 08:00:05.123456 UTC);
    let new = NewIncident {
        uuid,
        host_uuid: host,
        host_name: "compute-1".to_owned(),
        segment_uuid: SegmentId(segment.parse().unwrap()),
        notification_uuid: Some(NotificationId(notification.parse().unwrap())),
        summary: Some(Reason::new("claim", "a monitor says that compute-1 stopped")),
        opened_at: at,
    };
    let event = |kind: &str| NewEvent {
        incident_uuid: uuid,
        host_uuid: host,
        at,
        kind: kind.to_owned(),
        reason: Reason::new("claim", "said").with(json!({"by": "monitor"})),
    };
    let events = vec![event("opened"), event("checking")];
    let step = |event: StepEvent| NewStep {
        owner: uuid.into(),
        step: "fence".to_owned(),
        subject: "compute-1".to_owned(),
        attempt: 1,
        event,
        payload: json!({"n": 1}),
        at,
    };
    let steps = vec![step(StepEvent::Started), step(StepEvent::Succeeded)];
    api.as_engine(move |epoch| {
        let (new, events, steps) = (new.clone(), events.clone(), steps.clone());
        async move {
            incident_open_in_txn(&epoch, &new).await?;
            event_append_in_txn(&epoch, &events).await?;
            step_append_in_txn(&epoch, &steps).await
        }
    })
    .await;
    (uuid, host, notification)
}

#[tokio::test]
async fn incidents_are_listed_by_host_and_status_and_shown_with_their_steps() {
    with_api(async |api| {
        let (uuid, host, notification) = incident(api).await;
        let list = api.get(INCIDENTS).await.ok(200);
        let row = &list["incidents"][0];
        assert_eq!(
            (&row["uuid"], &row["host_name"], &row["status"]),
            (&json!(uuid), &json!("compute-1"), &json!("open"))
        );
        assert_eq!(
            (&row["notification_uuid"], &row["opened_at"]),
            (&json!(notification), &json!("2026-11-20T08:00:05.123456Z"))
        );
        assert_eq!(
            (&row["outcome"], &row["closed_at"], &row["summary"]["code"]),
            (&Value::Null, &Value::Null, &json!("claim"))
        );
        for (query, count) in [
            ("host=compute-1".to_owned(), 1),
            (format!("host={host}"), 1),
            ("host=compute-2".to_owned(), 0),
            ("status=open".to_owned(), 1),
            ("status=closed".to_owned(), 0),
            ("limit=0".to_owned(), 0),
        ] {
            let found = api.get(&format!("{INCIDENTS}?{query}")).await.ok(200);
            assert_eq!(found["incidents"].as_array().unwrap().len(), count, "{query}");
        }
        api.get(&format!("{INCIDENTS}?status=shut"))
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        let shown = api.get(&format!("{INCIDENTS}/{uuid}")).await.ok(200);
        assert_eq!(shown["incident"]["uuid"], json!(uuid));
        let step = &shown["incident"]["steps"][1];
        assert_eq!(
            (&step["step"], &step["event"], &step["epoch"]),
            (&json!("fence"), &json!("succeeded"), &json!(1))
        );
    })
    .await;
}

#[tokio::test]
async fn events_are_told_oldest_first_and_from_where_the_reader_stopped() {
    with_api(async |api| {
        let (uuid, ..) = incident(api).await;
        let path = format!("{INCIDENTS}/{uuid}/events");
        let events = api.get(&path).await.ok(200)["events"].clone();
        assert_eq!(
            (&events[0]["kind"], &events[1]["kind"]),
            (&json!("opened"), &json!("checking"))
        );
        assert_eq!(
            events[0]["reason"],
            json!({"code": "claim", "text": "said", "data": {"by": "monitor"}})
        );
        let after = api.get(&format!("{path}?after={}", events[0]["id"])).await.ok(200);
        assert_eq!(after["events"], json!([events[1]]));
        let done = api.get(&format!("{path}?after={}", events[1]["id"])).await.ok(200);
        assert_eq!(done["events"], json!([]));
        api.get(&format!("{path}?after=x"))
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
    })
    .await;
}

#[tokio::test]
async fn a_notification_tells_its_incident_s_steps_as_recovery_details() {
    with_api(async |api| {
        let (.., notification) = incident(api).await;
        let path = format!("/v1/notifications/{notification}");
        let shown = send(
            api.request("admin", "GET", &path)
                .header("openstack-api-version", "instance-ha 1.3"),
        )
        .await
        .ok(200);
        let details = &shown["notification"]["recovery_workflow_details"];
        assert_eq!(
            (&details[0]["name"], &details[0]["state"]),
            (&json!("fence"), &json!("SUCCESS"))
        );
        assert_eq!(details[0]["progress_details"][1]["progress"], "1.0");
    })
    .await;
}

#[tokio::test]
async fn an_old_notification_keeps_its_details_however_many_incidents_the_host_had_since() {
    with_api(async |api| {
        let (_, host, notification) = incident(api).await;
        let later: Vec<NewIncident> = (0..101)
            .map(|_| NewIncident {
                uuid: IncidentId(Uuid::new_v4()),
                host_uuid: host,
                host_name: "compute-1".to_owned(),
                segment_uuid: SegmentId(Uuid::nil()),
                notification_uuid: Some(NotificationId(Uuid::new_v4())),
                summary: None,
                opened_at: datetime!(2026-11-20 09:00 UTC),
            })
            .collect();
        api.as_engine(move |epoch| {
            let later = later.clone();
            async move {
                for new in &later {
                    incident_open_in_txn(&epoch, new).await?;
                }
                Ok(())
            }
        })
        .await;
        let request = api
            .request("admin", "GET", &format!("/v1/notifications/{notification}"))
            .header("openstack-api-version", "instance-ha 1.1");
        let details = send(request).await.ok(200)["notification"]["recovery_workflow_details"].clone();
        assert_eq!(details[0]["name"], "fence", "{details}");
    })
    .await;
}

#[tokio::test]
async fn a_notification_about_an_instance_tells_masakari_s_tasks_from_1_1_on() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        api.host(&segment, "compute-1").await;
        let instance = Uuid::new_v4();
        let body = json!({"notification": {"type": "VM", "hostname": "compute-1", "generated_time": "2026-11-20T08:00:00",
            "payload": {"event": "LIFECYCLE", "instance_uuid": instance, "vir_domain_event": "STOPPED_FAILED"}}});
        let made = api.post("/v1/notifications", body).await.ok(202);
        let notification = made["notification"]["notification_uuid"].as_str().unwrap().to_owned();
        let id = NotificationId(notification.parse().unwrap());
        let step = |step: &str, event: StepEvent| NewStep {
            owner: id.into(),
            step: step.to_owned(),
            subject: instance.to_string(),
            attempt: 1,
            event,
            payload: json!({"run": 1}),
            at: datetime!(2026-11-20 08:00:05.123456 UTC),
        };
        let steps = ["stop_instance", "start_instance", "confirm_instance"];
        let log: Vec<NewStep> = steps
            .iter()
            .flat_map(|name| [step(name, StepEvent::Started), step(name, StepEvent::Succeeded)])
            .collect();
        api.as_engine(move |epoch| {
            let log = log.clone();
            async move { step_append_in_txn(&epoch, &log).await }
        })
        .await;
        let shown = async |version: &str| {
            let request = api
                .request("admin", "GET", &format!("/v1/notifications/{notification}"))
                .header("openstack-api-version", format!("instance-ha {version}"));
            send(request).await.ok(200)["notification"].clone()
        };
        assert_eq!(shown("1.0").await.get("recovery_workflow_details"), None);
        let details = shown("1.1").await["recovery_workflow_details"].clone();
        let told: Vec<(&Value, &Value)> = details
            .as_array()
            .unwrap()
            .iter()
            .map(|task| (&task["name"], &task["state"]))
            .collect();
        let done = json!("SUCCESS");
        let expected = ["StopInstanceTask", "StartInstanceTask", "ConfirmInstanceActiveTask"].map(|name| json!(name));
        assert_eq!(told, expected.each_ref().map(|name| (name, &done)));
        assert_eq!(
            details[0]["progress_details"],
            json!([
                {"timestamp": "2026-11-20 08:00:05.123456", "progress": "0.0", "message": format!("Stopping instance: {instance}")},
                {"timestamp": "2026-11-20 08:00:05.123456", "progress": "1.0", "message": format!("Stopped instance: '{instance}'")},
            ])
        );
    })
    .await;
}

#[tokio::test]
async fn strangers_are_refused_and_a_missing_incident_is_404() {
    with_api(async |api| {
        for (path, rule) in [
            (INCIDENTS.to_owned(), "index"),
            (format!("{INCIDENTS}/x"), "detail"),
            (format!("{INCIDENTS}/x/events"), "events"),
        ] {
            let message = api
                .by("member", "GET", &path, None)
                .await
                .fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow themis_api:incidents:{rule} to be performed.")
            );
            if path != INCIDENTS {
                let missing = api.get(&path).await.fault(StatusCode::NOT_FOUND, "itemNotFound");
                assert_eq!(missing, "No incident with id x.");
            }
        }
    })
    .await;
}
