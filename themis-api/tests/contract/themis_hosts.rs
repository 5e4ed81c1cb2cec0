//! `/themis/v1/hosts`, its actions, and requests.

use reqwest::StatusCode;
use serde_json::{Value, json};
use themis_core::{HostId, HostState, Reason};
use themis_db::store::host_states::{HostStateRow, host_state_put_in_txn};
use time::macros::datetime;

use crate::support::{Api, with_api};

const HOSTS: &str = "/themis/v1/hosts";
const NOBODY: &str = "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";

async fn one_host(api: &Api) -> String {
    let segment = api.segment("seg1").await;
    api.host(&segment, "compute-1").await
}

#[tokio::test]
async fn a_host_that_no_engine_has_judged_is_initializing_and_unprotected_with_reasons() {
    with_api(async |api| {
        let uuid = one_host(api).await;
        let list = api.get(HOSTS).await.ok(200);
        let host = &list["hosts"][0];
        assert_eq!(
            (&host["state"], &host["protected"]),
            (&json!("initializing"), &json!(false))
        );
        let codes: Vec<&Value> = host["protected_reasons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| &reason["code"])
            .collect();
        assert_eq!(codes, ["not_judged", "no_power_device"]);
        assert!(host["since"].as_str().unwrap().ends_with(".000000Z"));
        assert_eq!(api.get(&format!("{HOSTS}/{uuid}")).await.ok(200)["host"], *host);
    })
    .await;
}

#[tokio::test]
async fn the_engine_s_word_on_a_host_is_shown_as_it_stands() {
    with_api(async |api| {
        let uuid = one_host(api).await;
        let row = HostStateRow {
            host_uuid: HostId(uuid.parse().unwrap()),
            state: HostState::Checking,
            since: datetime!(2026-11-20 08:00:00.123456 UTC),
            reason: Reason::new("storage_bad", "storage is bad"),
            generation: 1,
            incident_uuid: None,
            detail: json!({"private": "x"}),
            view: json!({
                "protected": true, "protected_reasons": [],
                "networks": {"storage": {"verdict": "bad", "reason": {"code": "c", "text": "t", "data": null}}},
                "power": {"state": "on"}, "hold": null,
            }),
            updated_at: datetime!(2026-11-20 08:00:01 UTC),
        };
        api.as_engine(move |epoch| {
            let row = row.clone();
            async move { host_state_put_in_txn(&epoch, &row, None).await }
        })
        .await;
        let answer = api.get(&format!("{HOSTS}/{uuid}")).await;
        let host = answer.ok(200)["host"].clone();
        assert_eq!(
            (&host["state"], &host["since"]),
            (&json!("checking"), &json!("2026-11-20T08:00:00.123456Z"))
        );
        assert_eq!((&host["protected"], &host["hold"]), (&json!(true), &Value::Null));
        assert_eq!(host["reason"]["code"], "storage_bad");
        assert_eq!(host["networks"]["storage"]["verdict"], "bad");
        assert!(!answer.text.contains("private"));
        let keys: Vec<&str> = answer
            .text
            .split('"')
            .filter(|part| ["uuid", "name", "segment_uuid", "state"].contains(part))
            .collect();
        assert_eq!(keys[..3], ["uuid", "name", "segment_uuid"]);
    })
    .await;
}

#[tokio::test]
async fn hosts_are_listed_by_name_and_paged() {
    with_api(async |api| {
        let segment = api.segment("seg1").await;
        for name in ["compute-2", "compute-3", "compute-1"] {
            api.host(&segment, name).await;
        }
        let names = async |query: &str| -> Vec<String> {
            let answer = api.get(&format!("{HOSTS}?{query}")).await.ok(200);
            answer["hosts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|host| host["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names("").await, ["compute-1", "compute-2", "compute-3"]);
        assert_eq!(names("limit=1&marker=3").await, ["compute-2"]);
        api.get(&format!("{HOSTS}?limit=x"))
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
    })
    .await;
}

#[tokio::test]
async fn an_action_is_a_request_that_wakes_the_engine_and_can_be_looked_up() {
    with_api(async |api| {
        let uuid = one_host(api).await;
        for (path, kind, body) in [
            ("enable", "enable", None),
            ("disable", "disable", Some(json!({"reason": "new disks"}))),
            ("retry", "retry", Some(json!({}))),
            (
                "confirm-dead",
                "confirm_dead",
                Some(json!({"reason": "I pulled both plugs"})),
            ),
        ] {
            let before = api.engine.wakes();
            let answer = api
                .by("admin", "POST", &format!("{HOSTS}/{uuid}/{path}"), body)
                .await
                .ok(202);
            let request = &answer["request"];
            assert_eq!((&request["kind"], &request["status"]), (&json!(kind), &json!("new")));
            assert_eq!(
                (&request["host_uuid"], &request["answer"]),
                (&json!(uuid), &Value::Null)
            );
            let again = api
                .get(&format!("/themis/v1/requests/{}", request["uuid"].as_str().unwrap()))
                .await
                .ok(200);
            assert_eq!(again["request"], *request);
            while api.engine.wakes() == before {
                api.engine.woken().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn confirming_a_death_demands_a_reason() {
    with_api(async |api| {
        let uuid = one_host(api).await;
        let path = format!("{HOSTS}/{uuid}/confirm-dead");
        for body in [
            None,
            Some(json!({})),
            Some(json!({"reason": "  "})),
            Some(json!({"reason": 7})),
            Some(json!([])),
        ] {
            api.by("admin", "POST", &path, body)
                .await
                .fault(StatusCode::BAD_REQUEST, "badRequest");
        }
        let unknown = json!({"reason": "x", "force": true});
        api.post(&path, unknown)
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
    })
    .await;
}

#[tokio::test]
async fn strangers_are_refused_and_what_is_missing_is_404() {
    with_api(async |api| {
        let uuid = one_host(api).await;
        let reason = Some(json!({"reason": "x"}));
        for (method, path, rule, body) in [
            ("GET", HOSTS.to_owned(), "hosts:index", None),
            ("GET", format!("{HOSTS}/{uuid}"), "hosts:detail", None),
            ("POST", format!("{HOSTS}/{uuid}/enable"), "hosts:enable", reason.clone()),
            (
                "POST",
                format!("{HOSTS}/{uuid}/disable"),
                "hosts:disable",
                reason.clone(),
            ),
            ("POST", format!("{HOSTS}/{uuid}/retry"), "hosts:retry", reason.clone()),
            (
                "POST",
                format!("{HOSTS}/{uuid}/confirm-dead"),
                "hosts:confirm_dead",
                reason.clone(),
            ),
            ("GET", format!("/themis/v1/requests/{NOBODY}"), "requests:detail", None),
        ] {
            let message = api
                .by("member", method, &path, body.clone())
                .await
                .fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow themis_api:{rule} to be performed.")
            );
            if path != HOSTS {
                let missing = path.replace(&uuid, NOBODY);
                api.by("admin", method, &missing, body)
                    .await
                    .fault(StatusCode::NOT_FOUND, "itemNotFound");
            }
        }
        assert_eq!(crate::support::send(api.bare("GET", HOSTS)).await.status, 401);
        let unrouted = api.get("/themis/v1/nothing").await;
        assert_eq!(
            unrouted.fault(StatusCode::NOT_FOUND, "itemNotFound"),
            "The resource could not be found."
        );
        assert_eq!(unrouted.header("openstack-api-version"), "");
    })
    .await;
}
