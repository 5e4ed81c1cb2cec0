//! The option names that OpenStack's own libraries read from the sections that Themis shares with them.
//!
//! An operator copies such sections from another service: what that service understands is no mistake here, even where it
//! has no effect. Names taken from oslo.messaging 14.0.3 and 18.3.1, oslo.db, oslo.log, oslo.middleware, oslo.policy,
//! keystonemiddleware and keystoneauth1 as of the same releases. What Themis reads itself stands with its owner, not here.

const ADAPTER_AND_AUTH: &[&str] = &[
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "auth_section",
    "auth_type",
    "auth_url",
    "cafile",
    "certfile",
    "collect_timing",
    "connect_retries",
    "connect_retry_delay",
    "default_domain_id",
    "default_domain_name",
    "domain_id",
    "domain_name",
    "endpoint_override",
    "insecure",
    "interface",
    "keyfile",
    "max_version",
    "min_version",
    "passcode",
    "password",
    "project_domain_id",
    "project_domain_name",
    "project_id",
    "project_name",
    "region_name",
    "retriable_status_codes",
    "service_name",
    "service_type",
    "split_loggers",
    "status_code_retries",
    "status_code_retry_delay",
    "system_scope",
    "tenant_id",
    "tenant_name",
    "timeout",
    "token",
    "trust_id",
    "user_domain_id",
    "user_domain_name",
    "user_id",
    "username",
    "valid_interfaces",
    "version",
];

/// Each shared section and its options.
const SECTIONS: &[(&str, &[&[&str]])] = &[
    ("default", &[DEFAULT]),
    ("oslo_messaging_rabbit", &[RABBIT]),
    (
        "oslo_messaging_notifications",
        &[&["driver", "retry", "topics", "transport_url"]],
    ),
    ("database", &[DATABASE]),
    ("keystone_authtoken", &[AUTHTOKEN, ADAPTER_AND_AUTH]),
    ("nova", &[ADAPTER_AND_AUTH]),
    ("placement", &[ADAPTER_AND_AUTH]),
    ("oslo_policy", &[POLICY]),
    (
        "oslo_middleware",
        &[&[
            "enable_proxy_headers_parsing",
            "http_basic_auth_user_file",
            "max_request_body_size",
        ]],
    ),
    ("oslo_concurrency", &[&["disable_process_locking", "lock_path"]]),
    (
        "cors",
        &[&[
            "allow_credentials",
            "allow_headers",
            "allow_methods",
            "allowed_origin",
            "expose_headers",
            "max_age",
        ]],
    ),
    ("healthcheck", &[HEALTHCHECK]),
];

const DEFAULT: &[&str] = &[
    "backdoor_port",
    "backdoor_socket",
    "client_socket_timeout",
    "control_exchange",
    "debug",
    "default_log_levels",
    "executor_thread_pool_size",
    "fatal_deprecations",
    "graceful_shutdown_timeout",
    "host",
    "instance_format",
    "instance_uuid_format",
    "log_color",
    "log_config_append",
    "log_date_format",
    "log_dir",
    "log_file",
    "log_options",
    "log_rotate_interval",
    "log_rotate_interval_type",
    "log_rotation_type",
    "logging_context_format_string",
    "logging_debug_format_suffix",
    "logging_default_format_string",
    "logging_exception_prefix",
    "logging_user_identity_format",
    "max_header_line",
    "max_logfile_count",
    "max_logfile_size_mb",
    "publish_errors",
    "rate_limit_burst",
    "rate_limit_except_level",
    "rate_limit_interval",
    "rpc_ping_enabled",
    "rpc_response_timeout",
    "run_external_periodic_tasks",
    "state_path",
    "syslog_log_facility",
    "tcp_keepidle",
    "transport_url",
    "use_journal",
    "use_json",
    "use_stderr",
    "use_syslog",
    "watch_log_file",
    "wsgi_default_pool_size",
    "wsgi_keep_alive",
];

const RABBIT: &[&str] = &[
    "amqp_auto_delete",
    "amqp_durable_queues",
    "conn_pool_min_size",
    "conn_pool_ttl",
    "direct_mandatory_flag",
    "enable_cancel_on_failover",
    "heartbeat_in_pthread",
    "heartbeat_rate",
    "heartbeat_timeout_threshold",
    "hostname",
    "kombu_compression",
    "kombu_failover_strategy",
    "kombu_missing_consumer_retry_timeout",
    "kombu_reconnect_delay",
    "kombu_reconnect_splay",
    "processname",
    "rabbit_ha_queues",
    "rabbit_interval_max",
    "rabbit_login_method",
    "rabbit_qos_prefetch_count",
    "rabbit_quorum_delivery_limit",
    "rabbit_quorum_max_memory_bytes",
    "rabbit_quorum_max_memory_length",
    "rabbit_quorum_queue",
    "rabbit_retry_backoff",
    "rabbit_retry_interval",
    "rabbit_stream_fanout",
    "rabbit_transient_queues_ttl",
    "rabbit_transient_quorum_queue",
    "rpc_conn_pool_size",
    "ssl",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_enforce_fips_mode",
    "ssl_enforce_hostname_verification",
    "ssl_key_file",
    "ssl_version",
    "use_queue_manager",
];

const DATABASE: &[&str] = &[
    "asyncio_connection",
    "asyncio_slave_connection",
    "backend",
    "connection",
    "connection_debug",
    "connection_parameters",
    "connection_recycle_time",
    "connection_trace",
    "db_inc_retry_interval",
    "db_max_retries",
    "db_max_retry_interval",
    "db_retry_interval",
    "max_overflow",
    "max_pool_size",
    "max_retries",
    "mysql_sql_mode",
    "mysql_wsrep_sync_wait",
    "pool_timeout",
    "retry_interval",
    "slave_connection",
    "sqlite_synchronous",
    "synchronous_reader",
    "use_db_reconnect",
];

const AUTHTOKEN: &[&str] = &[
    "admin_password",
    "admin_tenant_name",
    "admin_token",
    "admin_user",
    "auth_host",
    "auth_version",
    "cache",
    "delay_auth_decision",
    "enforce_token_bind",
    "http_connect_timeout",
    "http_request_max_retries",
    "identity_uri",
    "include_service_catalog",
    "memcache_password",
    "memcache_pool_conn_get_timeout",
    "memcache_pool_dead_retry",
    "memcache_pool_maxsize",
    "memcache_pool_socket_timeout",
    "memcache_pool_unused_timeout",
    "memcache_sasl_enabled",
    "memcache_secret_key",
    "memcache_security_strategy",
    "memcache_tls_allowed_ciphers",
    "memcache_tls_cafile",
    "memcache_tls_certfile",
    "memcache_tls_enabled",
    "memcache_tls_keyfile",
    "memcache_use_advanced_pool",
    "memcache_username",
    "memcached_servers",
    "service_token_roles",
    "service_token_roles_required",
    "token_cache_time",
    "www_authenticate_uri",
];

const POLICY: &[&str] = &[
    "enforce_new_defaults",
    "enforce_scope",
    "policy_default_rule",
    "policy_dirs",
    "policy_file",
    "remote_content_type",
    "remote_ssl_ca_crt_file",
    "remote_ssl_client_crt_file",
    "remote_ssl_client_key_file",
    "remote_ssl_verify_server_crt",
    "remote_timeout",
];

const HEALTHCHECK: &[&str] = &[
    "allowed_source_ranges",
    "backends",
    "detailed",
    "disable_by_file_path",
    "disable_by_file_paths",
    "enable_by_file_paths",
    "ignore_proxied_requests",
    "path",
];

/// Old names that oslo still honours and Themis does not, with the present one.
const RENAMED: &[(&str, &str, &str)] = &[
    ("oslo_messaging_rabbit", "rabbit_use_ssl", "ssl"),
    ("oslo_messaging_rabbit", "kombu_ssl_version", "ssl_version"),
    ("oslo_messaging_rabbit", "kombu_ssl_keyfile", "ssl_key_file"),
    ("oslo_messaging_rabbit", "kombu_ssl_certfile", "ssl_cert_file"),
    ("oslo_messaging_rabbit", "kombu_ssl_ca_certs", "ssl_ca_file"),
    (
        "oslo_messaging_rabbit",
        "kombu_reconnect_timeout",
        "kombu_missing_consumer_retry_timeout",
    ),
    (
        "oslo_messaging_rabbit",
        "rabbit_quroum_max_memory_length",
        "rabbit_quorum_max_memory_length",
    ),
    (
        "oslo_messaging_rabbit",
        "rabbit_quroum_max_memory_bytes",
        "rabbit_quorum_max_memory_bytes",
    ),
    ("oslo_messaging_notifications", "notification_driver", "driver"),
    ("oslo_messaging_notifications", "notification_topics", "topics"),
    (
        "oslo_messaging_notifications",
        "notification_transport_url",
        "transport_url",
    ),
    ("keystone_authtoken", "memcache_servers", "memcached_servers"),
    ("default", "logfile", "log_file"),
    ("default", "logdir", "log_dir"),
    ("default", "log_config", "log_config_append"),
    ("default", "rpc_thread_pool_size", "executor_thread_pool_size"),
];

/// The options of a section shared with OpenStack's libraries; `None` for a section of our own.
#[must_use]
pub fn options(section: &str) -> Option<Vec<&'static str>> {
    let (_, lists) = SECTIONS.iter().find(|(name, _)| *name == section)?;
    Some(lists.iter().flat_map(|list| list.iter().copied()).collect())
}

/// Options that oslo reads from every line and every file that has them, not from the last one.
const ACCUMULATED: &[(&str, &str)] = &[
    ("oslo_messaging_notifications", "driver"),
    ("oslo_policy", "policy_dirs"),
];

/// Whether an option has all the values that are written for it.
#[must_use]
pub fn accumulates(section: &str, option: &str) -> bool {
    ACCUMULATED.contains(&(section, option))
}

/// Whether OpenStack's libraries know this option of a shared section.
#[must_use]
pub fn knows(section: &str, option: &str) -> bool {
    options(section).is_some_and(|options| options.contains(&option))
}

/// The present name of an option that is written by an old one.
#[must_use]
pub fn renamed(section: &str, option: &str) -> Option<&'static str> {
    RENAMED
        .iter()
        .find(|(of, old, _)| *of == section && *old == option)
        .map(|(_, _, present)| *present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_section_is_in_the_catalogue_and_every_new_name_exists() {
        for (section, _) in SECTIONS {
            assert!(catalogue::knows(section), "{section}");
        }
        for (section, old, present) in RENAMED {
            assert!(knows(section, present), "[{section}] {present}");
            assert!(!knows(section, old), "[{section}] {old}");
        }
    }
}
