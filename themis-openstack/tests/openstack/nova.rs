//! What goes to Nova, byte for byte where it matters, and what is made of its answers.

use serde_json::{Value, json};
use themis_core::InstanceId;
use themis_openstack::keystone::ServiceType;
use themis_openstack::nova::{MigrationFilter, Nova, NovaError, ResetTo, Server};
use uuid::Uuid;
use wiremock::matchers::{method, path, path_regex, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::fake::Fake;

fn id(number: u8) -> InstanceId {
    InstanceId(Uuid::from_bytes([number; 16]))
}

async fn nova() -> (Fake, Nova) {
    let fake = Fake::start().await;
    let nova = Nova::new(fake.client(ServiceType::COMPUTE));
    (fake, nova)
}

fn server(number: u8) -> Value {
    json!({
        "id": id(number).to_string(), "name": "web", "status": "ACTIVE", "OS-EXT-STS:vm_state": "active",
        "OS-EXT-STS:task_state": null, "OS-EXT-STS:power_state": 1, "OS-EXT-SRV-ATTR:host": "compute-1",
        "OS-EXT-SRV-ATTR:hypervisor_hostname": "compute-1.example.org", "metadata": {"HA_Enabled": "True"},
        "created": "2026-11-20T10:00:00Z", "locked": false, "image": {"id": "i", "links": []},
        "os-extended-volumes:volumes_attached": [{"id": "v", "delete_on_termination": false}], "a_new_field": [1, 2],
    })
}

/// A list that pages by marker, two rows at a time, as Nova does: a link to the next page unless it is the last.
async fn pages(fake: &Fake, at: &str, key: &str, links: &str, rows: &[Value], marker_of: fn(&Value) -> &str) {
    for (number, page) in rows.chunks(2).enumerate() {
        let mut body = json!({key: page});
        if number * 2 + page.len() < rows.len() {
            body[links] = json!([{"rel": "next", "href": "http://unreachable.invalid/next"}]);
        }
        let given = Mock::given(method("GET")).and(path(at)).and(query_param("limit", "2"));
        let given = match number {
            0 => given.and(query_param_is_missing("marker")),
            _ => given.and(query_param("marker", marker_of(&rows[number * 2 - 1]))),
        };
        given
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(1)
            .mount(&fake.server)
            .await;
    }
}

/// One line for each request that Nova received: microversion, method, path, body.
async fn sent_to_nova(fake: &Fake) -> Vec<String> {
    let received = fake.server.received_requests().await.unwrap();
    let line = |request: &wiremock::Request| {
        let version = request.headers["openstack-api-version"].to_str().unwrap();
        let path = request.url.path().strip_prefix("/compute/v2.1").unwrap();
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let body = String::from_utf8_lossy(&request.body);
        format!("{version} {} {path}{query} {body}", request.method)
            .trim_end()
            .to_owned()
    };
    received
        .iter()
        .filter(|request| request.url.path().starts_with("/compute/"))
        .map(line)
        .collect()
}

async fn nova_that_agrees() -> (Fake, Nova) {
    let (fake, nova) = nova().await;
    let answer = json!({
        "services": [], "servers": [], "migrations": [], "instanceActions": [], "server": server(1), "adminPass": "x",
    });
    let all = ResponseTemplate::new(200)
        .set_body_json(answer)
        .insert_header("x-openstack-request-id", "req-7");
    Mock::given(path_regex("^/compute/"))
        .respond_with(all)
        .mount(&fake.server)
        .await;
    (fake, nova)
}

#[tokio::test]
async fn every_read_pins_its_microversion_and_query() {
    let (fake, nova) = nova_that_agrees().await;
    nova.services().await.unwrap();
    nova.service_of("compute-1").await.unwrap();
    nova.servers_on("compute-1").await.unwrap();
    nova.server(id(1)).await.unwrap();
    nova.migrations(&MigrationFilter::evacuations_from("compute-1"))
        .await
        .unwrap();
    nova.migrations(&MigrationFilter::evacuations_of(id(1))).await.unwrap();
    nova.migrations(&MigrationFilter::all_of(id(1))).await.unwrap();
    nova.migrations(&MigrationFilter::touching("compute-1")).await.unwrap();
    nova.instance_actions(id(1)).await.unwrap();
    let expected = [
        "compute 2.53 GET /os-services?binary=nova-compute",
        "compute 2.53 GET /os-services?binary=nova-compute&host=compute-1",
        "compute 2.69 GET /servers/detail?all_tenants=1&host=compute-1&limit=1000",
        "compute 2.69 GET /servers/01010101-0101-0101-0101-010101010101",
        "compute 2.59 GET /os-migrations?limit=1000&migration_type=evacuation&source_compute=compute-1",
        "compute 2.59 GET /os-migrations?limit=1000&migration_type=evacuation&instance_uuid=01010101-0101-0101-0101-010101010101",
        "compute 2.59 GET /os-migrations?limit=1000&instance_uuid=01010101-0101-0101-0101-010101010101",
        "compute 2.59 GET /os-migrations?limit=1000&host=compute-1",
        "compute 2.58 GET /servers/01010101-0101-0101-0101-010101010101/os-instance-actions",
    ];
    assert_eq!(sent_to_nova(&fake).await, expected);
}

#[tokio::test]
async fn every_change_pins_its_microversion_and_body() {
    let (fake, nova) = nova_that_agrees().await;
    let service = Uuid::from_bytes([9; 16]);
    nova.force_down(service, true).await.unwrap();
    nova.force_down(service, false).await.unwrap();
    nova.disable(service, &"themis".repeat(60)).await.unwrap();
    nova.enable(service).await.unwrap();
    assert_eq!(
        nova.evacuate(id(1), None).await.unwrap().request_id.as_deref(),
        Some("req-7")
    );
    nova.evacuate(id(1), Some("compute-2")).await.unwrap();
    nova.reset_state(id(1), ResetTo::Error).await.unwrap();
    nova.start(id(1)).await.unwrap();
    nova.stop(id(1)).await.unwrap();
    nova.lock(id(1)).await.unwrap();
    nova.unlock(id(1)).await.unwrap();
    let put = format!("compute 2.53 PUT /os-services/{service}");
    let act = "POST /servers/01010101-0101-0101-0101-010101010101/action";
    let reason = &"themis".repeat(60)[..255];
    let expected = [
        format!(r#"{put} {{"forced_down":true}}"#),
        format!(r#"{put} {{"forced_down":false}}"#),
        format!(r#"{put} {{"status":"disabled","disabled_reason":"{reason}"}}"#),
        format!(r#"{put} {{"status":"enabled"}}"#),
        format!(r#"compute 2.68 {act} {{"evacuate":{{}}}}"#),
        format!(r#"compute 2.68 {act} {{"evacuate":{{"host":"compute-2"}}}}"#),
        format!(r#"compute 2.53 {act} {{"os-resetState":{{"state":"error"}}}}"#),
        format!(r#"compute 2.53 {act} {{"os-start":null}}"#),
        format!(r#"compute 2.53 {act} {{"os-stop":null}}"#),
        format!(r#"compute 2.53 {act} {{"lock":null}}"#),
        format!(r#"compute 2.53 {act} {{"unlock":null}}"#),
    ];
    assert_eq!(sent_to_nova(&fake).await, expected);
}

#[tokio::test]
async fn a_list_of_servers_is_followed_to_its_last_page() {
    let (fake, nova) = nova().await;
    let rows: Vec<Value> = (1..=5).map(server).collect();
    let marker = |row: &Value| row["id"].as_str().unwrap().to_owned().leak() as &str;
    pages(
        &fake,
        "/compute/v2.1/servers/detail",
        "servers",
        "servers_links",
        &rows,
        marker,
    )
    .await;
    let found = nova.with_page_size(2).servers_on("compute-1").await.unwrap();
    assert_eq!(
        found.iter().map(|server| server.id).collect::<Vec<_>>(),
        (1..=5).map(id).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_list_of_migrations_is_followed_by_uuid_not_by_number() {
    let (fake, nova) = nova().await;
    let row = |number: u8| {
        json!({
            "id": number, "uuid": Uuid::from_bytes([number; 16]), "instance_uuid": id(1), "migration_type": "evacuation",
            "status": "done", "source_compute": "compute-1", "dest_compute": "compute-2", "source_node": "n",
            "created_at": "2026-11-20T10:00:00.000000", "updated_at": null, "old_instance_type_id": 1,
        })
    };
    let rows: Vec<Value> = (1..=3).rev().map(row).collect();
    let marker = |row: &Value| row["uuid"].as_str().unwrap().to_owned().leak() as &str;
    pages(
        &fake,
        "/compute/v2.1/os-migrations",
        "migrations",
        "migrations_links",
        &rows,
        marker,
    )
    .await;
    let found = nova
        .with_page_size(2)
        .migrations(&MigrationFilter::evacuations_from("compute-1"))
        .await
        .unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(
        (found[0].status.as_str(), found[0].dest_compute.as_deref()),
        ("done", Some("compute-2"))
    );
}

#[tokio::test]
async fn part_of_a_list_is_never_returned_as_the_whole() {
    let (fake, nova) = nova().await;
    let page = json!({"servers": [server(1)], "servers_links": [{"rel": "next", "href": "x"}]});
    Mock::given(path("/compute/v2.1/servers/detail"))
        .and(query_param_is_missing("marker"))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .mount(&fake.server)
        .await;
    Mock::given(path("/compute/v2.1/servers/detail"))
        .and(query_param("marker", id(1).to_string()))
        .respond_with(ResponseTemplate::new(500))
        .mount(&fake.server)
        .await;
    assert_eq!(nova.servers_on("compute-1").await.unwrap_err().status(), Some(500));
}

#[tokio::test]
async fn a_list_without_end_is_an_error() {
    let (fake, nova) = nova().await;
    let page = json!({"servers": [server(1)], "servers_links": [{"rel": "next", "href": "x"}]});
    Mock::given(path("/compute/v2.1/servers/detail"))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .mount(&fake.server)
        .await;
    let error = nova.servers_on("compute-1").await.unwrap_err();
    assert!(
        matches!(error, NovaError::EndlessList { what: "servers", .. }),
        "{error}"
    );
}

async fn shown(body: Value) -> Option<Server> {
    let (fake, nova) = nova().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"server": body}));
    Mock::given(path(format!("/compute/v2.1/servers/{}", id(1))))
        .respond_with(answer)
        .mount(&fake.server)
        .await;
    nova.server(id(1)).await.unwrap()
}

#[tokio::test]
async fn a_server_is_read_with_all_that_recovery_asks_about() {
    let expected = Server {
        id: id(1),
        name: "web".to_owned(),
        status: "ACTIVE".to_owned(),
        vm_state: Some("active".to_owned()),
        task_state: None,
        power_state: 1,
        host: Some("compute-1".to_owned()),
        metadata: [("HA_Enabled".to_owned(), "True".to_owned())].into(),
        created: Some("2026-11-20T10:00:00Z".to_owned()),
        locked: false,
        volumes_attached: 1,
        has_image: true,
        fault: None,
        whole: true,
    };
    assert_eq!(shown(server(1)).await.unwrap(), expected);
    let mut from_volume = server(1);
    from_volume["image"] = json!("");
    from_volume["fault"] = json!({"code": 500, "message": "No valid host was found.", "created": "x"});
    let read = shown(from_volume).await.unwrap();
    assert_eq!(
        (read.has_image, read.fault.as_deref()),
        (false, Some("No valid host was found."))
    );
}

#[tokio::test]
async fn the_stub_of_a_down_cell_is_not_taken_for_a_server() {
    let stub = json!({
        "id": id(1).to_string(), "status": "UNKNOWN", "tenant_id": "p", "created": "2026-11-20T10:00:00Z",
        "OS-EXT-STS:power_state": 0, "OS-EXT-AZ:availability_zone": "nova", "links": [],
    });
    assert!(!shown(stub).await.unwrap().whole);
    // A caller without the rights of an administrator sees no host either, and must not be believed.
    let mut without_host = server(1);
    without_host.as_object_mut().unwrap().remove("OS-EXT-SRV-ATTR:host");
    assert!(!shown(without_host).await.unwrap().whole);
    let mut not_scheduled = server(1);
    not_scheduled["OS-EXT-SRV-ATTR:host"] = Value::Null;
    assert!(shown(not_scheduled).await.unwrap().whole);
}

#[tokio::test]
async fn only_novas_own_word_makes_a_server_one_that_does_not_exist() {
    let (fake, nova) = nova().await;
    let words = json!({"itemNotFound": {"code": 404, "message": "Instance could not be found."}});
    let answers = [
        ResponseTemplate::new(404).set_body_json(words),
        ResponseTemplate::new(404).set_body_raw("<h1>Not Found</h1>", "text/html"),
        ResponseTemplate::new(500),
    ];
    for (number, answer) in (1..).zip(answers) {
        let at = path(format!("/compute/v2.1/servers/{}", id(number)));
        Mock::given(at).respond_with(answer).mount(&fake.server).await;
    }
    assert_eq!(nova.server(id(1)).await.unwrap(), None);
    assert_eq!(nova.server(id(2)).await.unwrap_err().status(), Some(404));
    assert_eq!(nova.server(id(3)).await.unwrap_err().status(), Some(500));
}
