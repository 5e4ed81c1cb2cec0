//! `/themis/v1/hosts/{host}/power-devices`.

use reqwest::StatusCode;
use serde_json::{Value, json};
use themis_core::HostId;
use themis_db::store::power_devices::power_device_list;

use crate::support::{Api, with_api};

const PASSWORD: &str = "hunter2-secret";

async fn host(api: &Api, name: &str) -> (String, String) {
    let segment = api.segment(&format!("segment of {name}")).await;
    let uuid = api.host(&segment, name).await;
    let path = format!("/themis/v1/hosts/{uuid}/power-devices");
    (uuid, path)
}

fn body(address: &str) -> Value {
    json!({"power_device": {"address": address, "username": "admin", "password": PASSWORD}})
}

#[tokio::test]
async fn a_device_is_registered_with_its_password_sealed_and_never_shown() {
    use secrecy::ExposeSecret;
    with_api(async |api| {
        let (uuid, path) = host(api, "compute-1").await;
        let answer = api.post(&path, body("BMC-1.example.org")).await;
        let device = answer.ok(201)["power_device"].clone();
        assert_eq!(
            device,
            json!({"uuid": device["uuid"], "driver": "ipmi", "address": "bmc-1.example.org", "port": 623, "system": "",
                   "level": 1, "username": "admin", "accepted": null})
        );
        let list = api.get(&path).await;
        assert_eq!(list.ok(200)["power_devices"], json!([device]));
        assert!(!answer.text.contains(PASSWORD) && !list.text.contains("secret"));
        let rows = power_device_list(&api.store, HostId(uuid.parse().unwrap()))
            .await
            .unwrap();
        let sealed = rows[0].device.secret.expose_secret();
        assert!(sealed.starts_with("v1:") && !sealed.contains(PASSWORD), "{sealed}");
    })
    .await;
}

#[tokio::test]
async fn a_device_in_use_is_refused_whatever_its_address_is_written_like() {
    with_api(async |api| {
        let (_, one) = host(api, "compute-1").await;
        let (_, two) = host(api, "compute-2").await;
        api.post(&one, body("bmc.example.org")).await.ok(201);
        let mut same = body("BMC.example.ORG");
        same["power_device"]["port"] = json!(623);
        let message = api
            .post(&two, same)
            .await
            .fault(StatusCode::CONFLICT, "conflictingRequest");
        assert!(
            message.starts_with("ipmi://bmc.example.org:623 is registered already"),
            "{message}"
        );
        let mut other = body("bmc.example.org");
        other["power_device"]["port"] = json!(624);
        api.post(&two, other).await.ok(201);
    })
    .await;
}

#[tokio::test]
async fn bad_devices_are_refused_with_the_fix_and_without_their_password() {
    with_api(async |api| {
        let (_, path) = host(api, "compute-1").await;
        for (key, value, said) in [
            ("address", json!("10.0.0.300"), "neither an IP address nor a host name"),
            (
                "address",
                json!("0.0.0.0"),
                "give the address of the device's own network port",
            ),
            ("address", json!(""), "too short"),
            ("driver", json!("redfish"), "unknown power driver 'redfish'"),
            ("system", json!("1"), "leave the system empty"),
            ("port", json!(0), "not between 1 and 65535"),
            ("port", json!("623"), "not of type 'integer'"),
            ("level", json!(10), "not between 1 and 9"),
            ("password", json!(17_171_717), "not of type 'string'"),
            ("pasword", json!(PASSWORD), "'pasword' was unexpected"),
            ("username", json!(null), "not of type 'string'"),
            ("accept_unbound", json!(""), "too short"),
        ] {
            let mut body = body("10.0.0.7");
            body["power_device"][key] = value;
            let message = api.post(&path, body).await.fault(StatusCode::BAD_REQUEST, "badRequest");
            assert!(message.contains(said), "{key}: {message}");
            assert!(
                !message.contains(PASSWORD) && !message.contains("17171717"),
                "{message}"
            );
        }
        let lacking = json!({"power_device": {"address": "10.0.0.7", "username": "admin"}});
        let message = api
            .post(&path, lacking)
            .await
            .fault(StatusCode::BAD_REQUEST, "badRequest");
        assert!(message.ends_with("'password' is a required property"), "{message}");
        assert_eq!(api.get(&path).await.json()["power_devices"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn an_operator_s_acceptance_is_recorded_with_name_and_time() {
    with_api(async |api| {
        let (_, path) = host(api, "compute-1").await;
        let mut unbound = body("10.0.0.7");
        unbound["power_device"]["accept_unbound"] = json!("old board without a GUID");
        let accepted = api.post(&path, unbound).await.ok(201)["power_device"]["accepted"].clone();
        assert_eq!(
            (&accepted["user"], &accepted["reason"]),
            (&json!("admin"), &json!("old board without a GUID"))
        );
        assert!(accepted["at"].as_str().unwrap().ends_with('Z'));
    })
    .await;
}

#[tokio::test]
async fn a_device_is_removed_and_free_again_also_with_its_host() {
    with_api(async |api| {
        let (_, one) = host(api, "compute-1").await;
        let (uuid, two) = host(api, "compute-2").await;
        let device = api.post(&one, body("10.0.0.7")).await.ok(201)["power_device"]["uuid"]
            .as_str()
            .unwrap()
            .to_owned();
        // It is not the other host's.
        api.delete(&format!("{two}/{device}"))
            .await
            .fault(StatusCode::NOT_FOUND, "itemNotFound");
        assert_eq!(api.delete(&format!("{one}/{device}")).await.status, 204);
        let gone = api
            .delete(&format!("{one}/{device}"))
            .await
            .fault(StatusCode::NOT_FOUND, "itemNotFound");
        assert_eq!(gone, format!("No power device with id {device} on host compute-1."));
        api.post(&two, body("10.0.0.7")).await.ok(201);
        let host = api.get(&format!("/themis/v1/hosts/{uuid}")).await.ok(200);
        let segment = host["host"]["segment_uuid"].as_str().unwrap();
        assert_eq!(
            api.delete(&format!("/v1/segments/{segment}/hosts/{uuid}")).await.status,
            204
        );
        api.post(&one, body("10.0.0.7")).await.ok(201);
    })
    .await;
}

#[tokio::test]
async fn strangers_are_refused_and_a_host_that_does_not_exist_is_404() {
    with_api(async |api| {
        let (_, path) = host(api, "compute-1").await;
        for (method, path, rule, body) in [
            ("GET", path.clone(), "index", None),
            ("POST", path.clone(), "create", Some(body("10.0.0.7"))),
            ("DELETE", format!("{path}/x"), "delete", None),
        ] {
            let message = api
                .by("member", method, &path, body)
                .await
                .fault(StatusCode::FORBIDDEN, "forbidden");
            assert_eq!(
                message,
                format!("Policy doesn't allow themis_api:power_devices:{rule} to be performed.")
            );
        }
        let nowhere = "/themis/v1/hosts/0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b/power-devices";
        api.get(nowhere).await.fault(StatusCode::NOT_FOUND, "itemNotFound");
        api.post(nowhere, body("10.0.0.7"))
            .await
            .fault(StatusCode::NOT_FOUND, "itemNotFound");
        api.delete(&format!("{nowhere}/x"))
            .await
            .fault(StatusCode::NOT_FOUND, "itemNotFound");
    })
    .await;
}
