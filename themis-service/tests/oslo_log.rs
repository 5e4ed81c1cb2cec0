//! Our lines beside those of Debian's oslo.log: the same but for time and process.

use std::process::Command;

use themis_config::Source;
use themis_service::logging::{self, LoggingSection, RequestContext, attach};

#[path = "../../themis-core/testing/left_out.rs"]
mod left_out;

/// The same words from the same places as below.
const THEIRS: &str = "
from oslo_config import cfg
from oslo_context import context
from oslo_log import log
log.register_options(cfg.CONF)
cfg.CONF([], project='themis', default_config_files=[], default_config_dirs=[])
log.setup(cfg.CONF, 'themis')
logger = log.getLogger('themis.engine')
logger.info('nobody asks')
context.RequestContext(user_id='u', project_id='p', user_domain_id='ud', project_domain_id='pd', request_id='req-1')
logger.warning('somebody asks')
context.RequestContext(user_id='u', system_scope='all', user_domain_id='ud', request_id='req-2', global_request_id='req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b')
logger.error('for the system')
";

/// Without the time, whose form alone is kept, and without the process.
fn bare(line: &str) -> String {
    let (time, rest) = line.split_at(23);
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let mut words = rest.trim_start().splitn(2, ' ');
    let pid = words.next().unwrap_or_default();
    assert!(pid.parse::<u32>().is_ok(), "{line}");
    format!("{form} PID {}", words.next().unwrap_or_default())
}

fn context(request_id: &str) -> RequestContext {
    RequestContext {
        request_id: request_id.to_owned(),
        user_id: Some("u".to_owned()),
        user_domain_id: Some("ud".to_owned()),
        ..RequestContext::default()
    }
}

#[test]
fn a_line_is_the_one_that_oslo_log_writes() {
    let theirs = Command::new("/usr/bin/python3").args(["-c", THEIRS]).output();
    let Some(theirs) = theirs.ok().filter(|output| output.status.success()) else {
        left_out::left_out("python3-oslo.log is not installed");
        return;
    };
    let theirs = String::from_utf8(theirs.stdout).unwrap().replace("\u{1b}[00m", "");
    let file = std::env::temp_dir().join(format!("themis-oslo-log-{}", std::process::id()));
    let text = format!("[DEFAULT]\nlog_file = {}\n", file.display());
    let section: LoggingSection = Source::from_text("t.conf", &text).unwrap().section().unwrap();
    logging::install(&section, false).unwrap();
    tracing::info!(target: "themis_engine", "nobody asks");
    let span = tracing::error_span!(target: "themis_engine", "request");
    let of_project = RequestContext {
        project_id: Some("p".to_owned()),
        project_domain_id: Some("pd".to_owned()),
        ..context("req-1")
    };
    attach(&span, of_project);
    span.in_scope(|| tracing::warn!(target: "themis_engine", "somebody asks"));
    let of_system = RequestContext {
        global_request_id: Some("req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b".to_owned()),
        system_scope: Some("all".to_owned()),
        ..context("req-2")
    };
    attach(&span, of_system);
    span.in_scope(|| tracing::error!(target: "themis_engine", "for the system"));
    let ours = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let bare_lines = |text: &str| text.lines().map(bare).collect::<Vec<_>>();
    assert_eq!(bare_lines(&ours), bare_lines(&theirs));
    assert_eq!(ours.lines().count(), 3);
}
