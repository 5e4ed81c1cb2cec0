//! The rules in force without a file: Masakari's names with Masakari's checks, one difference, and our own for
//! `/themis/v1`.
//!
//! The difference: `notifications:create` also lets the role `service` in, under which monitors run. Operators' existing
//! overrides use exactly these names, so none may be renamed.

/// A rule, what it guards and its default.
#[derive(Debug, Clone, Copy)]
pub struct RuleDefault {
    /// The name, as in a file.
    pub name: &'static str,
    /// The rule's text.
    pub check: &'static str,
    /// What it allows, for the sample.
    pub description: &'static str,
    /// The requests it guards, for the sample: `GET /v1/segments`.
    pub operations: &'static [&'static str],
}

const ADMIN: &str = "rule:admin_api";

const fn rule(
    name: &'static str,
    check: &'static str,
    description: &'static str,
    operations: &'static [&'static str],
) -> RuleDefault {
    RuleDefault {
        name,
        check,
        description,
        operations,
    }
}

/// All of them, in the order of the sample.
pub const RULES: &[RuleDefault] = &[
    rule(
        "context_is_admin",
        "role:admin",
        "Decides what 'is_admin:True' means.",
        &[],
    ),
    rule("admin_api", "is_admin:True", "Default of almost all rules.", &[]),
    rule(
        "admin_or_owner",
        "is_admin:True or project_id:%(project_id)s",
        "For overrides; no rule uses it.",
        &[],
    ),
    rule(
        "os_masakari_api:versions:index",
        "@",
        "List API versions.",
        &["GET /", "GET /v1"],
    ),
    rule(
        "os_masakari_api:versions:discoverable",
        "@",
        "Version API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:extensions:index",
        ADMIN,
        "List extensions.",
        &["GET /v1/extensions"],
    ),
    rule(
        "os_masakari_api:extensions:detail",
        ADMIN,
        "Show an extension.",
        &["GET /v1/extensions/{alias}"],
    ),
    rule(
        "os_masakari_api:extensions:discoverable",
        ADMIN,
        "Extension API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:segments:index",
        ADMIN,
        "List segments.",
        &["GET /v1/segments"],
    ),
    rule(
        "os_masakari_api:segments:detail",
        ADMIN,
        "Show a segment.",
        &["GET /v1/segments/{segment_id}"],
    ),
    rule(
        "os_masakari_api:segments:create",
        ADMIN,
        "Create a segment.",
        &["POST /v1/segments"],
    ),
    rule(
        "os_masakari_api:segments:update",
        ADMIN,
        "Change a segment.",
        &["PUT /v1/segments/{segment_id}"],
    ),
    rule(
        "os_masakari_api:segments:delete",
        ADMIN,
        "Delete a segment.",
        &["DELETE /v1/segments/{segment_id}"],
    ),
    rule(
        "os_masakari_api:segments:discoverable",
        ADMIN,
        "Segment API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:os-hosts:index",
        ADMIN,
        "List hosts.",
        &["GET /v1/segments/{segment_id}/hosts"],
    ),
    rule(
        "os_masakari_api:os-hosts:detail",
        ADMIN,
        "Show a host.",
        &["GET /v1/segments/{segment_id}/hosts/{host_id}"],
    ),
    rule(
        "os_masakari_api:os-hosts:create",
        ADMIN,
        "Register a host.",
        &["POST /v1/segments/{segment_id}/hosts"],
    ),
    rule(
        "os_masakari_api:os-hosts:update",
        ADMIN,
        "Change a host.",
        &["PUT /v1/segments/{segment_id}/hosts/{host_id}"],
    ),
    rule(
        "os_masakari_api:os-hosts:delete",
        ADMIN,
        "Delete a host.",
        &["DELETE /v1/segments/{segment_id}/hosts/{host_id}"],
    ),
    rule(
        "os_masakari_api:os-hosts:discoverable",
        ADMIN,
        "Host API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:notifications:index",
        ADMIN,
        "List notifications.",
        &["GET /v1/notifications"],
    ),
    rule(
        "os_masakari_api:notifications:detail",
        ADMIN,
        "Show a notification.",
        &["GET /v1/notifications/{notification_id}"],
    ),
    rule(
        "os_masakari_api:notifications:create",
        "rule:admin_api or role:service",
        "Report a failure. Monitors run as a service user.",
        &["POST /v1/notifications"],
    ),
    rule(
        "os_masakari_api:notifications:discoverable",
        ADMIN,
        "Notification API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:vmoves:index",
        ADMIN,
        "List the moves of a notification.",
        &["GET /v1/notifications/{notification_id}/vmoves"],
    ),
    rule(
        "os_masakari_api:vmoves:detail",
        ADMIN,
        "Show a move.",
        &["GET /v1/notifications/{notification_id}/vmoves/{vmove_id}"],
    ),
    rule(
        "os_masakari_api:vmoves:discoverable",
        ADMIN,
        "Move API extensions.",
        &[],
    ),
    rule(
        "themis_api:hosts:index",
        ADMIN,
        "List host states.",
        &["GET /themis/v1/hosts"],
    ),
    rule(
        "themis_api:hosts:detail",
        ADMIN,
        "Show a host's state.",
        &["GET /themis/v1/hosts/{uuid}"],
    ),
    rule(
        "themis_api:hosts:enable",
        ADMIN,
        "Watch a host again.",
        &["POST /themis/v1/hosts/{uuid}/enable"],
    ),
    rule(
        "themis_api:hosts:disable",
        ADMIN,
        "Ignore a host.",
        &["POST /themis/v1/hosts/{uuid}/disable"],
    ),
    rule(
        "themis_api:hosts:confirm_dead",
        ADMIN,
        "Vouch that a host is dead: its instances are started elsewhere.",
        &["POST /themis/v1/hosts/{uuid}/confirm-dead"],
    ),
    rule(
        "themis_api:hosts:retry",
        ADMIN,
        "Try a held recovery again.",
        &["POST /themis/v1/hosts/{uuid}/retry"],
    ),
    rule(
        "themis_api:power_devices:index",
        ADMIN,
        "List a host's power devices, without secrets.",
        &["GET /themis/v1/hosts/{uuid}/power-devices"],
    ),
    rule(
        "themis_api:power_devices:create",
        ADMIN,
        "Register a power device.",
        &["POST /themis/v1/hosts/{uuid}/power-devices"],
    ),
    rule(
        "themis_api:power_devices:delete",
        ADMIN,
        "Remove a power device.",
        &["DELETE /themis/v1/hosts/{uuid}/power-devices/{id}"],
    ),
    rule(
        "themis_api:power_devices:test",
        ADMIN,
        "Read a power device now; nothing is switched.",
        &["POST /themis/v1/hosts/{uuid}/power-devices/{id}/test"],
    ),
    rule(
        "themis_api:engine:detail",
        ADMIN,
        "Show which engine leads and how it stands.",
        &["GET /themis/v1/engine"],
    ),
    rule(
        "themis_api:preflight:detail",
        ADMIN,
        "Show what would be missing if Themis were armed now.",
        &["GET /themis/v1/preflight"],
    ),
    rule(
        "themis_api:requests:detail",
        ADMIN,
        "Show an operator's request.",
        &["GET /themis/v1/requests/{uuid}"],
    ),
    rule(
        "themis_api:mode:detail",
        ADMIN,
        "Show the mode.",
        &["GET /themis/v1/mode"],
    ),
    rule(
        "themis_api:mode:update",
        ADMIN,
        "Arm, or return to observing.",
        &["PUT /themis/v1/mode"],
    ),
    rule(
        "themis_api:incidents:index",
        ADMIN,
        "List incidents.",
        &["GET /themis/v1/incidents"],
    ),
    rule(
        "themis_api:incidents:detail",
        ADMIN,
        "Show an incident.",
        &["GET /themis/v1/incidents/{uuid}"],
    ),
    rule(
        "themis_api:incidents:events",
        ADMIN,
        "Read an incident's decision record.",
        &["GET /themis/v1/incidents/{uuid}/events"],
    ),
    rule(
        "themis_api:segment_networks:detail",
        ADMIN,
        "Show what the loss of each network means in a segment.",
        &["GET /themis/v1/segments/{uuid}/networks"],
    ),
    rule(
        "themis_api:segment_networks:update",
        ADMIN,
        "Set what the loss of each network means in a segment.",
        &["PUT /themis/v1/segments/{uuid}/networks"],
    ),
];

/// The sample file: every rule commented out, with its description and the requests it guards.
#[must_use]
pub fn sample() -> String {
    RULES
        .iter()
        .map(|rule| {
            let operations: String = rule
                .operations
                .iter()
                .map(|operation| format!("# {operation}\n"))
                .collect();
            format!(
                "# {}\n{operations}#\"{}\": \"{}\"\n\n",
                rule.description, rule.name, rule.check
            )
        })
        .collect()
}
