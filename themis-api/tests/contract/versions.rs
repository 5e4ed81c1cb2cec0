//! Discovery, paths without a route, microversions.

use reqwest::StatusCode;

use crate::cloud::PROJECT;
use crate::support::{send, with_api, with_settings};

#[tokio::test]
async fn the_root_lists_the_version_without_a_token_and_every_other_path_points_to_it() {
    with_api(async |api| {
        let link = |path: &str| format!("{}/v1/{path}", api.url);
        let answer = send(api.bare("GET", "/")).await;
        assert_eq!(
            (answer.status, answer.text.clone()),
            (200, format!(
                r#"{{"versions":[{{"id":"v1.0","status":"CURRENT","version":"1.3","min_version":"1.0","updated":"2016-07-01T11:33:21Z","links":[{{"rel":"self","href":"{}"}}]}}]}}"#,
                link("")
            ))
        );
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-openstack-request-id"), "");
        // The root is the list whatever the method, once a body that is announced is one.
        for method in ["DELETE", "PATCH"] {
            assert_eq!(send(api.bare(method, "/")).await.text, answer.text);
        }
        let posted = send(api.bare("POST", "/")).await.fault(StatusCode::BAD_REQUEST, "badRequest");
        assert_eq!(posted, "Malformed request body");
        assert_eq!(send(api.bare("POST", "/").body("{}")).await.text, answer.text);
        // So it is with every other path.
        let posted = send(api.bare("PUT", "/foo")).await.fault(StatusCode::BAD_REQUEST, "badRequest");
        assert_eq!(posted, "Malformed request body");
        assert_eq!(send(api.bare("POST", "/foo").body("{}")).await.status, 300);
        for (path, href) in [("/foo", link("foo")), ("/v2/", link("v2")), ("/v1.0", link("v1.0"))] {
            let answer = send(api.bare("GET", path)).await;
            assert_eq!(answer.status, 300);
            assert_eq!(answer.json()["choices"][0]["links"][0]["href"], href);
        }
    })
    .await;
}

#[tokio::test]
async fn the_version_document_needs_a_token_but_no_role() {
    with_api(async |api| {
        let answer = send(api.bare("GET", "/v1")).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), "Keystone uri=\"http://keystone:5000\"");
        assert_eq!(answer.json()["error"]["title"], "Unauthorized");
        let documents = ["/v1", "/v1/", "/v1/versions/v1.0"].map(|path| (path, api.request("member", "GET", path)));
        for (path, request) in documents {
            let answer = send(request).await;
            assert_eq!(
                (answer.status, answer.text.clone()),
                (200, format!(
                    r#"{{"version":{{"id":"v1.0","status":"CURRENT","version":"1.3","min_version":"1.0","updated":"2016-07-01T11:33:21Z","links":[{{"rel":"self","href":"{}/v1/"}},{{"rel":"describedby","type":"text/html","href":"https://docs.openstack.org/"}}],"media-types":[{{"base":"application/json","type":"application/vnd.openstack.masakari+json;version=1"}}]}}}}"#,
                    api.url
                )),
                "{path}"
            );
            assert_eq!(answer.header("openstack-api-version"), "instance-ha 1.0");
            assert!(answer.header("x-openstack-request-id").starts_with("req-"));
        }
        let missing = api.get("/v1/versions/x").await;
        assert_eq!(missing.fault(StatusCode::NOT_FOUND, "itemNotFound"), "The resource could not be found.");
        let index = api.get("/v1/versions").await.fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod");
        assert_eq!(index, "The request method: 'GET' with action: 'index' is not allowed on this resource");
    })
    .await;
}

#[tokio::test]
async fn links_follow_the_mount_prefix_and_a_believed_proxy_only() {
    let prefixed = |settings: &mut themis_api::config::Settings| settings.path_prefix = "/instance-ha".to_owned();
    with_settings(prefixed, async |api| {
        let href = |text: &str| -> String {
            let body: serde_json::Value = serde_json::from_str(text).unwrap();
            body["versions"][0]["links"][0]["href"].as_str().unwrap().to_owned()
        };
        let answer = send(api.bare("GET", "/instance-ha").header("x-forwarded-proto", "https")).await;
        assert_eq!(href(&answer.text), format!("{}/instance-ha/v1/", api.url));
        assert_eq!(
            api.get(&format!("/instance-ha/v1/{PROJECT}/segments")).await.ok(200)["segments"],
            serde_json::json!([])
        );
    })
    .await;
    let fixed = |settings: &mut themis_api::config::Settings| {
        settings.link_prefix = Some("https://ha.example/base/".to_owned());
    };
    with_settings(fixed, async |api| {
        let list = send(api.bare("GET", "/")).await.json();
        assert_eq!(list["versions"][0]["links"][0]["href"], "https://ha.example/base/v1/");
        let choices = send(api.bare("GET", "/foo/")).await.json();
        assert_eq!(
            choices["choices"][0]["links"][0]["href"],
            "https://ha.example/base/v1/foo"
        );
        let version = api.get("/v1").await.json();
        assert_eq!(version["version"]["links"][0]["href"], "https://ha.example/base/v1/");
        assert_eq!(version["version"]["links"][1]["href"], "https://docs.openstack.org/");
    })
    .await;
    with_settings(
        |settings| settings.behind_proxy = true,
        async |api| {
            let request = api.bare("GET", "/");
            let answer = send(
                request
                    .header("x-forwarded-proto", "https")
                    .header("x-forwarded-host", "ha.example")
                    .header("x-forwarded-prefix", "/ha/"),
            )
            .await;
            assert_eq!(
                answer.json()["versions"][0]["links"][0]["href"],
                "https://ha.example/ha/v1/"
            );
            // The standard's header goes before the older ones, its first element is the client's.
            let request = api.bare("GET", "/").header("x-forwarded-host", "other.example");
            let standard = r#"for=192.0.2.1; Proto=https;host="ha.example:1234", for=192.0.2.9;host=inner"#;
            let answer = send(request.header("forwarded", standard)).await;
            assert_eq!(
                answer.json()["versions"][0]["links"][0]["href"],
                "https://ha.example:1234/v1/"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn unrouted_paths_and_methods_are_404_in_the_form_that_the_caller_accepts() {
    with_api(async |api| {
        for (method, path) in [
            ("GET", "/v1/segments/"),
            ("GET", "/v1/hosts"),
            ("PUT", "/v1/segments"),
            ("DELETE", "/v1/segments"),
            ("POST", "/v1/segments/x"),
            ("PATCH", "/v1/segments/x"),
            ("POST", "/v1/"),
            ("HEAD", "/v1/segments"),
            ("GET", "/v1/a1b2c3"),
            ("POST", "/v1/segments/x/hosts/y/action"),
        ] {
            let request = api.request("admin", method, path).header("accept", "text/plain");
            let answer = send(request.header("openstack-api-version", "instance-ha 9.9")).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(answer.header("openstack-api-version"), "", "{method} {path}");
            if method != "HEAD" {
                assert!(
                    answer
                        .text
                        .starts_with("404 Not Found\n\nThe resource could not be found."),
                    "{}",
                    answer.text
                );
            }
        }
        let page = send(api.request("admin", "GET", "/v1/x").header("accept", "*/*")).await;
        assert!(page.text.starts_with("<html>") && page.header("content-type").starts_with("text/html"));
        let json = send(
            api.request("admin", "GET", "/v1/x")
                .header("accept", "application/json"),
        )
        .await
        .json();
        assert_eq!(
            (json["code"].as_str(), json["title"].as_str()),
            (Some("404 Not Found"), Some("Not Found"))
        );
        assert_eq!(send(api.bare("GET", "/v1/x")).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn microversions_are_negotiated_and_named() {
    with_api(async |api| {
        let asked = async |value: &str| {
            send(
                api.request("admin", "GET", "/v1/segments")
                    .header("openstack-api-version", value),
            )
            .await
        };
        let latest = asked("instance-ha latest").await;
        assert_eq!(
            (latest.status, latest.header("openstack-api-version")),
            (200, "instance-ha 1.3")
        );
        assert_eq!(latest.header("vary"), "OpenStack-API-Version");
        let malformed = asked("instance-ha 1.03").await;
        assert_eq!(
            (malformed.header("openstack-api-version"), malformed.header("vary")),
            ("", "")
        );
        assert_eq!(
            malformed.fault(StatusCode::BAD_REQUEST, "badRequest"),
            "API Version String 1.03 is of invalid format. Must be of format MajorNum.MinorNum."
        );
        let newer = asked("instance-ha 1.4").await;
        assert_eq!(
            (newer.header("openstack-api-version"), newer.header("vary")),
            ("", "OpenStack-API-Version")
        );
        assert_eq!(
            newer.fault(StatusCode::NOT_ACCEPTABLE, "masakariFault"),
            "Version 1.4 is not supported by the API. Minimum is 1.0 and maximum is 1.3."
        );
        let fault = send(
            api.request("admin", "GET", "/v1/segments/x")
                .header("openstack-api-version", "instance-ha 1.1"),
        )
        .await;
        assert_eq!(
            (fault.status, fault.header("openstack-api-version")),
            (404, "instance-ha 1.1")
        );
    })
    .await;
}
