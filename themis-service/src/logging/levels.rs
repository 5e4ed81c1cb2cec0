//! What is logged: ours at INFO or DEBUG, libraries at WARNING, and what `default_log_levels` says of parts of ours.

use tracing_subscriber::EnvFilter;

const CRATES: [&str; 11] = [
    "core",
    "config",
    "service",
    "openstack",
    "messaging",
    "fencing",
    "db",
    "decision",
    "engine",
    "api",
    "hostmonitor",
];

/// `THEMIS_LOG`, for developers, wins over everything.
pub(super) fn filter(debug: bool, default_log_levels: &[String]) -> anyhow::Result<EnvFilter> {
    match EnvFilter::try_from_env("THEMIS_LOG") {
        Ok(filter) => Ok(filter),
        Err(_) => Ok(EnvFilter::new(directives(debug, default_log_levels)?)),
    }
}

fn directives(debug: bool, default_log_levels: &[String]) -> anyhow::Result<String> {
    let mut directives = vec!["warn".to_owned(), "lapin=off".to_owned()];
    directives.extend(all(if debug { "debug" } else { "info" }));
    for pair in default_log_levels {
        let (name, word) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name.trim();
        let Some(part) = name
            .strip_prefix("themis")
            .filter(|rest| rest.is_empty() || rest.starts_with('.'))
        else {
            continue;
        };
        let level = level(word.trim()).ok_or_else(|| {
            anyhow::anyhow!("[DEFAULT] default_log_levels: '{pair}' has no level; write {name}=DEBUG")
        })?;
        match part.strip_prefix('.') {
            None => directives.extend(all(level)),
            Some(part) => directives.push(format!("themis_{}={level}", part.replace('.', "::"))),
        }
    }
    Ok(directives.join(","))
}

fn all(level: &str) -> impl Iterator<Item = String> {
    let ours = CRATES.iter().map(|name| format!("themis_{name}"));
    std::iter::once("themis".to_owned())
        .chain(ours)
        .map(move |name| format!("{name}={level}"))
}

/// Python's names and numbers.
fn level(word: &str) -> Option<&'static str> {
    match word.to_ascii_uppercase().as_str() {
        "TRACE" | "DEBUG" | "5" | "10" => Some("debug"),
        "INFO" | "20" | "AUDIT" => Some("info"),
        "WARN" | "WARNING" | "30" => Some("warn"),
        "ERROR" | "CRITICAL" | "FATAL" | "40" | "50" => Some("error"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_ours_have_the_levels_that_operators_give_them() {
        let given =
            |pairs: &[&str]| directives(false, &pairs.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>());
        assert!(given(&[]).unwrap().ends_with("themis_hostmonitor=info"));
        let text = given(&[
            "amqp=WARN",
            "sqlalchemy=nonsense",
            "themis.api.request_id=DEBUG",
            "themis.engine = 40",
        ])
        .unwrap();
        assert!(
            text.ends_with(",themis_api::request_id=debug,themis_engine=error"),
            "{text}"
        );
        assert!(given(&["themis=ERROR"]).unwrap().ends_with("themis_hostmonitor=error"));
        let error = given(&["themis.api=LOUD"]).unwrap_err().to_string();
        assert!(error.contains("write themis.api=DEBUG"), "{error}");
        assert!(EnvFilter::try_new(text).is_ok());
    }
}
