//! The rules in force without a file: Masakari's names with Masakari's checks, two differences, and our own for
//! `/themis/v1`.
//!
//! The differences: `notifications:create` also lets the role `service` in, under which monitors run; and whoever reads the
//! whole system (`reader_api`) may read here too. A reader of one project may not: what is shown belongs to no project.
//! Operators' existing overrides use exactly these names, so none may be renamed.

use crate::token::Caller;

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
    /// Scopes of a token that may pass it at all; empty: any, as in Masakari, which knows no scopes.
    pub scopes: &'static [TokenScope],
}

/// What a token is for (`scope_types` of oslo.policy). With rules that name scopes it is always enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// The whole system.
    System,
    /// A domain.
    Domain,
    /// A project, or nothing.
    Project,
}

impl TokenScope {
    /// Of a caller, as oslo.policy tells them apart.
    #[must_use]
    pub const fn of(caller: &Caller) -> Self {
        match (&caller.system_scope, &caller.domain_id) {
            (Some(_), _) => Self::System,
            (None, Some(_)) => Self::Domain,
            (None, None) => Self::Project,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Domain => "domain",
            Self::Project => "project",
        }
    }
}

const ADMIN: &str = "rule:admin_api";
const READ: &str = "rule:admin_api or rule:reader_api";

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
        scopes: &[],
    }
}

/// A rule of our own: nothing here belongs to a domain.
const fn ours(
    name: &'static str,
    check: &'static str,
    description: &'static str,
    operations: &'static [&'static str],
) -> RuleDefault {
    RuleDefault {
        scopes: &[TokenScope::System, TokenScope::Project],
        ..rule(name, check, description, operations)
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
        "reader_api",
        "role:reader and system_scope:all",
        "Who may read what administrators see. Override it to let others read, for instance with role:reader alone.",
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
        READ,
        "List extensions.",
        &["GET /v1/extensions"],
    ),
    rule(
        "os_masakari_api:extensions:detail",
        READ,
        "Show an extension.",
        &["GET /v1/extensions/{alias}"],
    ),
    rule(
        "os_masakari_api:extensions:discoverable",
        READ,
        "Extension API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:segments:index",
        READ,
        "List segments.",
        &["GET /v1/segments"],
    ),
    rule(
        "os_masakari_api:segments:detail",
        READ,
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
        READ,
        "Segment API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:os-hosts:index",
        READ,
        "List hosts.",
        &["GET /v1/segments/{segment_id}/hosts"],
    ),
    rule(
        "os_masakari_api:os-hosts:detail",
        READ,
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
        READ,
        "Host API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:notifications:index",
        READ,
        "List notifications.",
        &["GET /v1/notifications"],
    ),
    rule(
        "os_masakari_api:notifications:detail",
        READ,
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
        READ,
        "Notification API extensions.",
        &[],
    ),
    rule(
        "os_masakari_api:vmoves:index",
        READ,
        "List the moves of a notification.",
        &["GET /v1/notifications/{notification_id}/vmoves"],
    ),
    rule(
        "os_masakari_api:vmoves:detail",
        READ,
        "Show a move.",
        &["GET /v1/notifications/{notification_id}/vmoves/{vmove_id}"],
    ),
    rule("os_masakari_api:vmoves:discoverable", READ, "Move API extensions.", &[]),
    ours(
        "themis_api:hosts:index",
        READ,
        "List host states.",
        &["GET /themis/v1/hosts"],
    ),
    ours(
        "themis_api:hosts:detail",
        READ,
        "Show a host's state.",
        &["GET /themis/v1/hosts/{uuid}"],
    ),
    ours(
        "themis_api:hosts:reports",
        READ,
        "List who reported what about a host, from where, and what each was answered.",
        &["GET /themis/v1/hosts/{uuid}/reports"],
    ),
    ours(
        "themis_api:hosts:enable",
        ADMIN,
        "Watch a host again.",
        &["POST /themis/v1/hosts/{uuid}/enable"],
    ),
    ours(
        "themis_api:hosts:disable",
        ADMIN,
        "Ignore a host.",
        &["POST /themis/v1/hosts/{uuid}/disable"],
    ),
    ours(
        "themis_api:hosts:confirm_dead",
        ADMIN,
        "Vouch that a host is dead: its instances are started elsewhere.",
        &["POST /themis/v1/hosts/{uuid}/confirm-dead"],
    ),
    ours(
        "themis_api:hosts:retry",
        ADMIN,
        "Try a held recovery again.",
        &["POST /themis/v1/hosts/{uuid}/retry"],
    ),
    ours(
        "themis_api:power_devices:index",
        READ,
        "List a host's power devices, without secrets.",
        &["GET /themis/v1/hosts/{uuid}/power-devices"],
    ),
    ours(
        "themis_api:power_devices:create",
        ADMIN,
        "Register a power device.",
        &["POST /themis/v1/hosts/{uuid}/power-devices"],
    ),
    ours(
        "themis_api:power_devices:delete",
        ADMIN,
        "Remove a power device.",
        &["DELETE /themis/v1/hosts/{uuid}/power-devices/{id}"],
    ),
    ours(
        "themis_api:power_devices:test",
        ADMIN,
        "Read a power device now; nothing is switched.",
        &["POST /themis/v1/hosts/{uuid}/power-devices/{id}/test"],
    ),
    ours(
        "themis_api:engine:detail",
        READ,
        "Show which engine leads and how it stands.",
        &["GET /themis/v1/engine"],
    ),
    ours(
        "themis_api:preflight:detail",
        READ,
        "Show what would be missing if Themis were armed now.",
        &["GET /themis/v1/preflight"],
    ),
    ours(
        "themis_api:observers:index",
        READ,
        "List the monitors that are heard, and whose word counts.",
        &["GET /themis/v1/observers"],
    ),
    ours(
        "themis_api:brakes:index",
        READ,
        "List the brakes, and which of them hold.",
        &["GET /themis/v1/brakes"],
    ),
    ours(
        "themis_api:requests:detail",
        READ,
        "Show an operator's request.",
        &["GET /themis/v1/requests/{uuid}"],
    ),
    ours(
        "themis_api:mode:detail",
        READ,
        "Show the mode.",
        &["GET /themis/v1/mode"],
    ),
    ours(
        "themis_api:mode:update",
        ADMIN,
        "Arm, or return to observing.",
        &["PUT /themis/v1/mode"],
    ),
    ours(
        "themis_api:incidents:index",
        READ,
        "List incidents.",
        &["GET /themis/v1/incidents"],
    ),
    ours(
        "themis_api:incidents:detail",
        READ,
        "Show an incident.",
        &["GET /themis/v1/incidents/{uuid}"],
    ),
    ours(
        "themis_api:incidents:events",
        READ,
        "Read an incident's decision record.",
        &["GET /themis/v1/incidents/{uuid}/events"],
    ),
    ours(
        "themis_api:segment_networks:detail",
        READ,
        "Show what the loss of each network means in a segment.",
        &["GET /themis/v1/segments/{uuid}/networks"],
    ),
    ours(
        "themis_api:segment_networks:update",
        ADMIN,
        "Set what the loss of each network means in a segment.",
        &["PUT /themis/v1/segments/{uuid}/networks"],
    ),
    ours(
        "themis_api:decision_matrix:detail",
        READ,
        "Show what each combination of bad networks means in a segment.",
        &["GET /themis/v1/segments/{uuid}/decision-matrix"],
    ),
];

/// Whether a token of the caller's scope may pass the rule at all; an operator's override of the rule changes nothing there.
pub(super) fn in_scope(name: &str, caller: &Caller) -> bool {
    let scopes = RULES.iter().find(|rule| rule.name == name).map(|rule| rule.scopes);
    scopes.is_none_or(|scopes| scopes.is_empty() || scopes.contains(&TokenScope::of(caller)))
}

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
            let scopes = match rule.scopes {
                [] => String::new(),
                scopes => {
                    let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
                    format!("# Intended scope(s): {}\n", names.join(", "))
                }
            };
            format!(
                "# {}\n{operations}{scopes}#\"{}\": \"{}\"\n\n",
                rule.description, rule.name, rule.check
            )
        })
        .collect()
}
