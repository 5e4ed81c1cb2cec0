//! What the log says of a request, in oslo.log's default line format.

use themis_config::Source;
use themis_service::logging::{self, LoggingSection};

use crate::cloud::PROJECT;
use crate::support::{send, with_api};

#[tokio::test]
async fn each_line_of_a_request_shows_its_ids_and_its_caller_and_one_line_its_outcome() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("[DEFAULT]\nlog_file = {}\n", file.path().display());
    let section: LoggingSection = Source::from_text("t.conf", &text).unwrap().section().unwrap();
    logging::install(&section, false).unwrap();
    with_api(async |api| {
        let lines_of = |id: &str| -> Vec<String> {
            let text = std::fs::read_to_string(file.path()).unwrap();
            assert!(!text.contains("token-of-"), "a token is in the log");
            text.lines()
                .filter(|line| line.contains(id))
                .map(str::to_owned)
                .collect()
        };
        let given = "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
        let request = api.request("admin", "GET", &format!("/v1/{PROJECT}/segments?limit=1"));
        let answer = send(request.header("x-openstack-request-id", given)).await;
        let own = answer.header("x-openstack-request-id").to_owned();
        let lines = lines_of(&own);
        let line = lines.last().expect("the log has no line of the request");
        // Time and pid, then what log shippers split by.
        let rest = format!(
            " INFO themis.api.request_id [{given} {own} id-of-admin {PROJECT} - - default default] 127.0.0.1 \"GET \
             /v1/{PROJECT}/segments?limit=1\" status: 200 len: {} time: ",
            answer.text.len()
        );
        let pid = std::process::id().to_string();
        let (head, seconds) = line.split_once(&rest).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((head.len(), &head[24..]), (24 + pid.len(), pid.as_str()), "{line}");
        assert!(seconds.parse::<f64>().unwrap() < 60.0, "{line}");
        // Who is not known yet is a dash; an id that is none is dropped.
        let refused = send(
            api.bare("GET", "/v1/segments")
                .header("x-openstack-request-id", "bogus"),
        )
        .await;
        let own = refused.header("x-openstack-request-id").to_owned();
        let line = lines_of(&own).pop().unwrap();
        assert!(
            line.contains(&format!("[None {own} - - - - - -]")) && line.contains("status: 401"),
            "{line}"
        );
        // A project and a user that belong to the whole system.
        let system = api.by("system-reader", "GET", "/v1", None).await;
        let own = system.header("x-openstack-request-id").to_owned();
        let line = lines_of(&own).pop().unwrap();
        assert!(
            line.contains(&format!("[None {own} id-of-system-reader - - all default -]")),
            "{line}"
        );
    })
    .await;
}
