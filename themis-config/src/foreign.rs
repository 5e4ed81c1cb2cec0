//! What stands in a `masakari.conf` and has no place in Themis: an operator who copies the file is told what to change,
//! and is not refused.
//!
//! Names from Masakari 14 and 22, and the sections that OpenStack's libraries add to any service's file. What Themis does
//! honour is declared by whoever reads it ([`mod@crate::section`]), under its old name too.

/// Sections that mean nothing here, and what to know of it; empty where nothing is lost.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("taskflow", "recoveries are kept in Themis's own database"),
    (
        "taskflow_driver_recovery_flows",
        "Masakari's own recovery tasks are not run; what Themis does is in its manual",
    ),
    ("wsgi", "themis-api is its own HTTP server; see [api]"),
    ("osapi_v1", ""),
    ("coordination", "leadership and exclusion are held in the database"),
    ("ssl", "themis-api speaks plain HTTP; let a proxy before it end TLS"),
    (
        "oslo_messaging_amqp",
        "the bus is RabbitMQ; see [oslo_messaging_rabbit]",
    ),
    (
        "oslo_messaging_kafka",
        "the bus is RabbitMQ; see [oslo_messaging_rabbit]",
    ),
    ("oslo_messaging_zmq", "the bus is RabbitMQ; see [oslo_messaging_rabbit]"),
    ("audit_middleware_notifications", "there is no audit filter"),
    ("profiler", ""),
    ("osprofiler", ""),
    ("cache", ""),
    ("oslo_limit", ""),
    ("oslo_reports", ""),
    ("oslo_versionedobjects", ""),
    ("privsep", ""),
    ("service_user", "no user's token is handed on"),
];

/// An option that some value of makes no difference.
pub(crate) struct Foreign {
    pub(crate) section: &'static str,
    pub(crate) name: &'static str,
    /// The value with which nothing is lost, usually the default.
    usual: &'static str,
    /// What to know, or to write instead; empty where nothing is lost.
    says: &'static str,
}

impl Foreign {
    /// What to tell of it when it has this value.
    pub(crate) fn says(&self, value: &str) -> Option<&'static str> {
        let lost = !self.says.is_empty() && (self.usual.is_empty() || !value.trim().eq_ignore_ascii_case(self.usual));
        lost.then_some(self.says)
    }
}

const fn quiet(name: &'static str) -> Foreign {
    of("default", name, "", "")
}

const fn of(section: &'static str, name: &'static str, usual: &'static str, says: &'static str) -> Foreign {
    Foreign {
        section,
        name,
        usual,
        says,
    }
}

const TLS: &str = "themis-api speaks plain HTTP; let a proxy before it end TLS";
const FORMAT: &str = "lines are in oslo.log's default format; use_json gives one object per line";
const ROTATION: &str = "rotate with logrotate: a file that was moved is opened anew by itself";

/// Those that some program may meet; one that the program itself reads is not looked for here.
pub(crate) const OPTIONS: &[Foreign] = &[
    // Masakari's, in its [DEFAULT].
    of(
        "default",
        "auth_strategy",
        "keystone",
        "every request needs a token of Keystone's",
    ),
    of("default", "use_ssl", "false", TLS),
    of(
        "default",
        "use_forwarded_for",
        "false",
        "write enable_proxy_headers_parsing = true in [oslo_middleware]",
    ),
    of(
        "default",
        "masakari_api_workers",
        "1",
        "one process of themis-api uses all cores; for more run it on more hosts",
    ),
    of(
        "default",
        "notification_driver",
        "taskflow_driver",
        "recoveries are Themis's own",
    ),
    of(
        "default",
        "host_failure_recovery_threads",
        "3",
        "write evacuations_parallel in [recovery]",
    ),
    of(
        "default",
        "wait_period_after_evacuation",
        "90",
        "an evacuation is followed until Nova tells its end",
    ),
    // Read by one program or another; the rest may stay silent.
    quiet("masakari_api_listen"),
    quiet("masakari_api_listen_port"),
    quiet("osapi_max_limit"),
    quiet("osapi_masakari_link_prefix"),
    quiet("duplicate_notification_detection_interval"),
    quiet("os_privileged_user_name"),
    quiet("os_privileged_user_password"),
    quiet("os_privileged_user_tenant"),
    quiet("os_privileged_user_auth_url"),
    quiet("os_user_domain_name"),
    quiet("os_project_domain_name"),
    quiet("os_system_scope"),
    quiet("os_region_name"),
    quiet("nova_ca_certificates_file"),
    quiet("nova_api_insecure"),
    quiet("nova_catalog_admin_info"),
    quiet("wait_period_after_service_update"),
    quiet("wait_period_after_power_off"),
    quiet("wait_period_after_power_on"),
    quiet("verify_interval"),
    quiet("process_unfinished_notifications_interval"),
    quiet("check_expired_notifications_interval"),
    quiet("notifications_expired_interval"),
    // How Masakari's processes were built; nothing is lost.
    quiet("bindir"),
    quiet("pybasedir"),
    quiet("state_path"),
    quiet("tempdir"),
    quiet("api_paste_config"),
    quiet("engine_manager"),
    quiet("fatal_exception_format_errors"),
    quiet("masakari_topic"),
    quiet("monkey_patch"),
    quiet("monkey_patch_modules"),
    quiet("notification_delay_max"),
    quiet("periodic_enable"),
    quiet("periodic_fuzzy_delay"),
    quiet("periodic_interval_max"),
    quiet("report_interval"),
    quiet("retry_notification_new_status_interval"),
    quiet("service_down_time"),
    of(
        "host_failure",
        "add_reserved_host_to_aggregate",
        "false",
        "aggregates are left as they are",
    ),
    of(
        "host_failure",
        "service_disable_reason",
        "",
        "the reason of Themis's incident is shown in Nova",
    ),
    // oslo.log's.
    of(
        "default",
        "log_config_append",
        "",
        "logging is set up by debug, log_file, log_dir, use_syslog and use_journal",
    ),
    of("default", "logging_context_format_string", "", FORMAT),
    of("default", "logging_default_format_string", "", FORMAT),
    of("default", "logging_debug_format_suffix", "", FORMAT),
    of("default", "logging_exception_prefix", "", FORMAT),
    of("default", "logging_user_identity_format", "", FORMAT),
    of("default", "log_date_format", "%Y-%m-%d %H:%M:%S", FORMAT),
    of("default", "log_rotation_type", "none", ROTATION),
    of(
        "default",
        "publish_errors",
        "false",
        "errors are in the log and in the metrics",
    ),
    of("default", "rate_limit_interval", "0", "every line is written"),
    of("default", "rpc_ping_enabled", "false", "ask /healthcheck instead"),
    // keystonemiddleware's.
    of(
        "keystone_authtoken",
        "delay_auth_decision",
        "false",
        "a request without a valid token is 401 at once",
    ),
    of(
        "keystone_authtoken",
        "enforce_token_bind",
        "permissive",
        "tokens that are bound to a client are not known here",
    ),
    of(
        "keystone_authtoken",
        "auth_version",
        "v3",
        "Keystone is spoken to by v3",
    ),
    of(
        "keystone_authtoken",
        "identity_uri",
        "",
        "write its address as auth_url",
    ),
    of(
        "keystone_authtoken",
        "auth_host",
        "",
        "write auth_protocol, auth_host and auth_port together as auth_url",
    ),
    of("keystone_authtoken", "admin_user", "", "write username"),
    of("keystone_authtoken", "admin_password", "", "write password"),
    of("keystone_authtoken", "admin_tenant_name", "", "write project_name"),
    of("keystone_authtoken", "admin_token", "", "write username and password"),
    // oslo.policy's and oslo.middleware's.
    of(
        "oslo_policy",
        "policy_default_rule",
        "default",
        "the rule for names that have none is called default",
    ),
    of(
        "oslo_policy",
        "enforce_scope",
        "true",
        "the rules of /themis/v1 name scopes and keep to them; Masakari's name none",
    ),
    of(
        "oslo_middleware",
        "http_basic_auth_user_file",
        "/etc/htpasswd",
        "every request needs a token of Keystone's",
    ),
];

/// What is known of an option.
pub(crate) fn option(section: &str, name: &str) -> Option<&'static Foreign> {
    OPTIONS
        .iter()
        .find(|option| option.section == section && option.name == name)
}

/// What is known of a section.
pub(crate) fn section(name: &str) -> Option<&'static str> {
    SECTIONS
        .iter()
        .find(|(section, _)| *section == name)
        .map(|(_, says)| *says)
}
