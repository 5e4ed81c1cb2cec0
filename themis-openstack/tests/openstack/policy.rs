//! The rules in force: defaults, overrides, and what a broken file says.

use serde_json::json;
use themis_openstack::config::OsloPolicySection;
use themis_openstack::policy::{Policy, Target, defaults, parse};
use themis_openstack::token::{Caller, Project, User};
use time::OffsetDateTime;

fn caller(roles: &[&str]) -> Caller {
    let (domain_id, domain_name) = ("default".to_owned(), "Default".to_owned());
    Caller {
        user: User {
            id: "u".to_owned(),
            name: "n".to_owned(),
            domain_id: domain_id.clone(),
            domain_name: domain_name.clone(),
        },
        project: Some(Project {
            id: "p".to_owned(),
            name: "n".to_owned(),
            domain_id,
            domain_name,
        }),
        domain_id: None,
        system_scope: None,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        is_admin_project: true,
        expires: OffsetDateTime::UNIX_EPOCH,
        access_rules: None,
        service: None,
    }
}

fn allowed(policy: &Policy, rule: &str, roles: &[&str]) -> bool {
    policy.authorize(rule, &caller(roles), &Target::new()).is_ok()
}

#[test]
fn every_default_can_be_read_and_refers_to_rules_that_exist() {
    for rule in defaults::RULES {
        let check = parse(rule.check).unwrap_or_else(|fault| panic!("{}: {fault}", rule.name));
        for name in check.references() {
            assert!(
                defaults::RULES.iter().any(|other| other.name == name),
                "{} refers to {name}",
                rule.name
            );
        }
    }
}

#[test]
fn by_default_administrators_do_all_monitors_report_and_others_do_nothing() {
    let policy = Policy::defaults();
    let open: Vec<&str> = defaults::RULES
        .iter()
        .map(|r| r.name)
        .filter(|r| allowed(&policy, r, &["reader", "member", "manager"]))
        .collect();
    assert_eq!(
        open,
        [
            "os_masakari_api:versions:index",
            "os_masakari_api:versions:discoverable"
        ]
    );
    for rule in defaults::RULES.iter().filter(|rule| rule.name.contains(':')) {
        assert!(allowed(&policy, rule.name, &["ADMIN"]), "{}", rule.name);
    }
    assert!(allowed(&policy, "os_masakari_api:notifications:create", &["service"]));
    assert!(!allowed(&policy, "os_masakari_api:notifications:index", &["service"]));
    assert!(!allowed(&policy, "no:such:rule", &["admin"]));
}

/// Of a token for the whole system.
fn of_system(roles: &[&str]) -> Caller {
    Caller {
        project: None,
        system_scope: Some("all".to_owned()),
        ..caller(roles)
    }
}

#[test]
fn whoever_reads_the_whole_system_may_read_here_and_change_nothing() {
    let policy = Policy::defaults();
    for rule in defaults::RULES.iter().filter(|rule| rule.name.contains(':')) {
        let reads = [":index", ":detail", ":events", ":reports", ":discoverable"]
            .iter()
            .any(|end| rule.name.ends_with(end));
        let open = reads || rule.name.contains(":versions:");
        let word = policy.authorize(rule.name, &of_system(&["reader"]), &Target::new());
        assert_eq!(word.is_ok(), open, "{}", rule.name);
        let only_gets = rule.operations.iter().all(|operation| operation.starts_with("GET "));
        assert!(!reads || only_gets, "{} is no rule of reading", rule.name);
    }
    let policy = Policy::with_overrides("reader_api: \"role:reader\"\n", "policy.yaml").unwrap();
    assert!(allowed(&policy, "os_masakari_api:segments:index", &["reader"]));
    assert!(!allowed(&policy, "os_masakari_api:segments:create", &["reader"]));
}

#[test]
fn a_token_of_another_scope_is_refused_where_a_rule_names_scopes() {
    let of_domain = Caller {
        project: None,
        domain_id: Some("default".to_owned()),
        ..caller(&["admin"])
    };
    let wide = Policy::with_overrides("\"themis_api:mode:update\": \"@\"\n", "policy.yaml").unwrap();
    for policy in [Policy::defaults(), wide] {
        let ask = |rule, caller: &Caller| policy.authorize(rule, caller, &Target::new()).is_ok();
        assert!(!ask("themis_api:mode:update", &of_domain));
        assert!(ask("themis_api:mode:update", &of_system(&["admin"])));
        assert!(ask("themis_api:mode:update", &caller(&["admin"])));
        // Masakari knows no scopes.
        assert!(ask("os_masakari_api:segments:create", &of_domain));
    }
}

#[test]
fn a_rule_may_ask_for_the_service_beside_the_user() {
    let text = "\"os_masakari_api:segments:index\": \"service_roles:service and service_user_id:s\"\n";
    let policy = Policy::with_overrides(text, "policy.yaml").unwrap();
    let mut asking = caller(&["member"]);
    let ask = |caller: &Caller| {
        policy
            .authorize("os_masakari_api:segments:index", caller, &Target::new())
            .is_ok()
    };
    assert!(!ask(&asking));
    let mut service = caller(&["service"]);
    service.user.id = "s".to_owned();
    asking.service = Some(std::sync::Arc::new(service));
    assert!(ask(&asking));
}

/// `policy.yaml` and `policy.d` in a directory.
pub(crate) fn files(directory: &std::path::Path) -> OsloPolicySection {
    let source = themis_config::Source::from_text("t.conf", "[oslo_policy]\n").unwrap();
    source.section::<OsloPolicySection>().unwrap().within(directory)
}

#[test]
fn files_of_a_directory_come_after_the_one_file_and_by_their_names() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    std::fs::create_dir(place.path().join("policy.d")).unwrap();
    write(
        "policy.yaml",
        "\"os_masakari_api:segments:index\": \"role:one\"\n\"os_masakari_api:segments:detail\": \"role:one\"\n",
    );
    write(
        "policy.d/20-no-ending",
        "\"os_masakari_api:segments:index\": \"role:three\"\n",
    );
    write(
        "policy.d/10.json",
        "{\"os_masakari_api:segments:index\": \"role:two\"}\n",
    );
    write(
        "policy.d/.30.yaml",
        "\"os_masakari_api:segments:index\": \"role:hidden\"\n",
    );
    let policy = Policy::load(&files(place.path())).unwrap();
    let who: Vec<&str> = ["one", "two", "three", "hidden"]
        .into_iter()
        .filter(|role| allowed(&policy, "os_masakari_api:segments:index", &[role]))
        .collect();
    assert_eq!(who, ["three"]);
    assert!(allowed(&policy, "os_masakari_api:segments:detail", &["one"]));
    write(
        "policy.d/20-no-ending",
        "\n\"os_masakari_api:segments:index\": \"role:three or\"\n",
    );
    let error = Policy::load(&files(place.path())).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "policy.d/20-no-ending, line 2: rule 'os_masakari_api:segments:index': it ends where a check is wanted"
        ),
        "{error}"
    );
}

#[test]
fn a_check_that_asks_another_server_is_refused_and_never_taken_for_a_yes() {
    for text in ["http://h/%(project_id)s", "role:admin or https://h/x", "@ or http://h"] {
        let file = format!("\"os_masakari_api:segments:index\": \"{text}\"\n");
        let error = Policy::with_overrides(&file, "policy.yaml").unwrap_err().to_string();
        assert!(
            error.contains("would ask another server, which themis does not do"),
            "{error}"
        );
    }
}

#[test]
fn a_refusal_has_masakaris_words() {
    let denied = Policy::defaults()
        .authorize("os_masakari_api:segments:index", &caller(&[]), &Target::new())
        .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "Policy doesn't allow os_masakari_api:segments:index to be performed."
    );
}

#[test]
fn a_file_overrides_only_what_it_names() {
    let text = "# ours\n\"os_masakari_api:segments:index\": \"rule:admin_api or rule:readers\"\nreaders: role:reader\n\
                \"os_masakari_api:segments:delete\": \"!\"\n\"os_masakari_api:os-hosts:index\": [[\"role:a\", \"role:b\"], [\"role:c\"]]\n\
                context_is_admin: \"role:cloud_admin\"\n";
    let policy = Policy::with_overrides(text, "policy.yaml").unwrap();
    assert!(allowed(&policy, "os_masakari_api:segments:index", &["reader"]));
    assert!(!allowed(&policy, "os_masakari_api:segments:delete", &["cloud_admin"]));
    assert!(allowed(&policy, "os_masakari_api:segments:update", &["cloud_admin"]));
    assert!(!allowed(&policy, "os_masakari_api:segments:update", &["admin"]));
    assert!(allowed(&policy, "os_masakari_api:os-hosts:index", &["b", "a"]));
    assert!(allowed(&policy, "os_masakari_api:os-hosts:index", &["c"]));
    assert!(!allowed(&policy, "os_masakari_api:os-hosts:index", &["a"]));
    assert_eq!(policy.unused(), Vec::<&str>::new());
}

#[test]
fn a_misspelt_name_is_reported_as_unused() {
    let policy = Policy::with_overrides("\"os_masakari_api:segment:index\": \"@\"\n", "policy.yaml").unwrap();
    assert_eq!(policy.unused(), ["os_masakari_api:segment:index"]);
}

#[test]
fn targets_are_compared_with_the_caller() {
    let text = "\"os_masakari_api:segments:index\": \"rule:admin_or_owner\"\n";
    let policy = Policy::with_overrides(text, "policy.yaml").unwrap();
    let ask = |target: serde_json::Value| {
        policy
            .authorize(
                "os_masakari_api:segments:index",
                &caller(&["member"]),
                target.as_object().unwrap(),
            )
            .is_ok()
    };
    assert!(ask(json!({"project_id": "p"})));
    assert!(!ask(json!({"project_id": "q"})));
    assert!(!ask(json!({})));
}

#[test]
fn a_broken_file_is_refused_with_line_and_rule() {
    let error = |text| {
        Policy::with_overrides(text, "/etc/themis/policy.yaml")
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("# one\n\na: \"role:x\"\n\"b:c\": \"role:x and\"\n"),
        "/etc/themis/policy.yaml, line 4: rule 'b:c': it ends where a check is wanted"
    );
    assert_eq!(
        error("a:\n"),
        "/etc/themis/policy.yaml, line 1: rule 'a' is not a text; write \"@\" to allow everybody, \"!\" to allow nobody"
    );
    assert_eq!(
        error("a: \"rule:b\"\nb: \"not rule:a\"\n"),
        "/etc/themis/policy.yaml: rule 'a' refers to itself: a -> b -> a"
    );
    assert_eq!(
        error("a: [[\"role:x\"], [\"\"]]\n"),
        "/etc/themis/policy.yaml, line 1: rule 'a': '' is not a check; write kind:value, such as role:admin or rule:admin_api"
    );
    let duplicate = error("a: \"@\"\na: \"!\"\n");
    assert!(
        duplicate.starts_with("/etc/themis/policy.yaml, line 2: "),
        "{duplicate}"
    );
    let no_mapping = error("- a\n");
    assert!(
        no_mapping.starts_with("/etc/themis/policy.yaml, line 1: "),
        "{no_mapping}"
    );
}

#[test]
fn an_absent_file_and_one_of_comments_only_leave_the_defaults() {
    let absent = Policy::load(&files(std::path::Path::new("/nonexistent"))).unwrap();
    let commented = Policy::with_overrides(&defaults::sample(), "policy.yaml").unwrap();
    for policy in [absent, commented] {
        assert!(allowed(&policy, "os_masakari_api:segments:index", &["admin"]));
        assert!(!allowed(&policy, "os_masakari_api:segments:index", &["member"]));
    }
}

#[test]
fn the_sample_shows_every_rule_with_what_it_guards() {
    let sample = defaults::sample();
    let uncommented: String = sample
        .lines()
        .filter_map(|line| line.strip_prefix("#\""))
        .map(|l| format!("\"{l}\n"))
        .collect();
    assert_eq!(uncommented.lines().count(), defaults::RULES.len());
    Policy::with_overrides(&uncommented, "sample").unwrap();
    assert!(
        sample.contains("# PUT /themis/v1/mode\n# Intended scope(s): system, project\n#\"themis_api:mode:update\"")
    );
    assert!(sample.contains(
        "# Show a segment.\n# GET /v1/segments/{segment_id}\n#\"os_masakari_api:segments:detail\": \"rule:admin_api or rule:reader_api\"\n"
    ));
}
