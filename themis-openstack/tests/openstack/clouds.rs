//! `clouds.yaml` and `OS_*` variables as people have them.

use std::path::Path;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use themis_openstack::clouds::{CloudsError, Environment, load};
use themis_openstack::keystone::{AppCredential, Credentials, Domain, Interface, Person, Scope};

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::new(
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    )
}

fn files(pairs: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, text) in pairs {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn at(directory: &Path) -> Environment {
    environment(&[("OS_CLIENT_CONFIG_FILE", directory.join("clouds.yaml").to_str().unwrap())])
}

#[test]
fn variables_are_a_cloud_when_no_name_is_given() {
    let cloud = load(
        None,
        &environment(&[
            ("OS_AUTH_URL", "http://h:5000/v3"),
            ("OS_USERNAME", "admin"),
            ("OS_PASSWORD", "secret"),
            ("OS_PROJECT_NAME", "admin"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_ID", "default"),
            ("OS_REGION_NAME", "RegionOne"),
            ("OS_INTERFACE", "internal"),
            ("OS_INSTANCE_HA_ENDPOINT_OVERRIDE", "http://h:15868/v1"),
        ]),
    )
    .unwrap();
    let Credentials::Password { user, password, scope } = &cloud.credentials else {
        panic!()
    };
    let admin = Person::Named {
        name: "admin".to_owned(),
        domain: Domain::Name("Default".to_owned()),
    };
    assert_eq!((user, password.expose_secret()), (&admin, "secret"));
    assert_eq!(
        *scope,
        Scope::Project {
            name: "admin".to_owned(),
            domain: Domain::Id("default".to_owned())
        }
    );
    assert_eq!(
        (cloud.region.as_deref(), cloud.interfaces.as_slice()),
        (Some("RegionOne"), [Interface::Internal].as_slice())
    );
    assert_eq!(cloud.endpoint_overrides["instance-ha"], "http://h:15868/v1");
}

#[test]
fn a_named_cloud_comes_from_the_file_with_its_secrets_beside_it() {
    let directory = files(&[
        (
            "clouds.yaml",
            "clouds:\n  prod:\n    auth:\n      auth_url: https://h/identity\n      username: op\n      project_id: 12ab\n    \
             region_name: One\n    verify: false\n    cacert: /etc/ca.pem\n    compute_api_version: 2.90\n  other: {}\n",
        ),
        ("secure.yaml", "clouds:\n  prod:\n    auth:\n      password: hidden\n"),
    ]);
    let cloud = load(Some("prod"), &at(directory.path())).unwrap();
    let Credentials::Password { user, password, scope } = &cloud.credentials else {
        panic!()
    };
    assert_eq!(password.expose_secret(), "hidden");
    assert!(matches!(user, Person::Named { domain: Domain::Id(id), .. } if id == "default"));
    assert_eq!(*scope, Scope::ProjectId("12ab".to_owned()));
    assert!(cloud.insecure && cloud.cafile.as_deref() == Some(Path::new("/etc/ca.pem")));
    assert!(!format!("{cloud:?}").contains("hidden"));
}

#[test]
fn application_credentials_tokens_and_system_scope_are_understood() {
    let directory = files(&[(
        "clouds.yaml",
        "clouds:\n  app:\n    auth_type: v3applicationcredential\n    auth: {auth_url: http://h, application_credential_id: a, \
         application_credential_secret: s}\n  named:\n    auth_type: v3applicationcredential\n    auth: {auth_url: http://h, user_id: u1, \
         application_credential_name: mine, application_credential_secret: s}\n  token:\n    auth_type: token\n    auth: {auth_url: http://h, token: t}\n  \
         system:\n    auth: {auth_url: http://h, username: u, password: p, system_scope: all}\n",
    )]);
    let credentials = |name| load(Some(name), &at(directory.path())).unwrap().credentials;
    assert!(
        matches!(credentials("app"), Credentials::ApplicationCredential { credential: AppCredential::Id(id), .. } if id == "a")
    );
    let owner = Person::Id("u1".to_owned());
    let named = |credential: &AppCredential| matches!(credential, AppCredential::Named { name, owner: of } if name == "mine" && *of == owner);
    assert!(
        matches!(credentials("named"), Credentials::ApplicationCredential { credential, .. } if named(&credential))
    );
    assert!(matches!(
        credentials("token"),
        Credentials::Token {
            scope: Scope::Unscoped,
            ..
        }
    ));
    assert!(matches!(
        credentials("system"),
        Credentials::Password {
            scope: Scope::System,
            ..
        }
    ));
}

#[test]
fn what_is_missing_is_named_as_the_reader_knows_it() {
    let error = |pairs: &[(&str, &str)]| load(None, &environment(pairs)).unwrap_err().to_string();
    assert!(error(&[]).starts_with("no cloud is given; set OS_CLOUD or --os-cloud"));
    assert_eq!(
        error(&[("OS_AUTH_URL", "http://h")]),
        "environment: OS_USERNAME is not set"
    );
    assert_eq!(
        error(&[("OS_AUTH_URL", "http://h"), ("OS_AUTH_TYPE", "v3oidcpassword")]),
        "environment: auth type 'v3oidcpassword' is not supported; use password, v3applicationcredential or token"
    );
    let directory = files(&[(
        "clouds.yaml",
        "clouds:\n  prod:\n    auth: {auth_url: http://h}\n  test: {}\n",
    )]);
    let error = |name| load(Some(name), &at(directory.path())).unwrap_err().to_string();
    assert!(
        error("prod").ends_with("clouds.yaml, cloud 'prod': username is not set"),
        "{}",
        error("prod")
    );
    assert!(
        error("prd").ends_with("clouds.yaml has no cloud 'prd'; it has: prod, test"),
        "{}",
        error("prd")
    );
}

#[test]
fn a_broken_file_is_named_with_its_line_and_none_of_its_text() {
    let directory = files(&[(
        "clouds.yaml",
        "clouds:\n  prod:\n    auth:\n      password: [hunter2\n  x: y: z\n",
    )]);
    let error = load(Some("prod"), &at(directory.path())).unwrap_err();
    assert!(matches!(error, CloudsError::Yaml { line: 4.., .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
