//! What the sections of other OpenStack services' files mean to us.

use themis_config::Source;

use super::*;
use crate::keystone::{AppCredential, ClientCertificate, Credentials, Domain, Person, Scope, ServiceType, Session};
use crate::service::ServiceClient;

fn source(text: &str) -> Source {
    let source = Source::from_text("t.conf", text).unwrap();
    source.check(&sections()).unwrap();
    source
}

fn keystone(text: &str) -> Result<Session, SectionError> {
    source(&format!("[keystone_authtoken]\n{text}"))
        .section::<KeystoneAuthtokenSection>()
        .unwrap()
        .session()
}

fn nova(text: &str, default: &Session) -> Result<ServiceClient, SectionError> {
    source(text)
        .section::<NovaSection>()
        .unwrap()
        .client(ServiceType::COMPUTE, default)
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_section() {
    let error = |text: &str| keystone(text).unwrap_err().to_string();
    assert!(error("").starts_with("[keystone_authtoken] username is not set"));
    assert!(error("username = t\n").starts_with("[keystone_authtoken] password is not set"));
    assert!(error("username = t\npassword = p\n").starts_with("[keystone_authtoken] auth_url is not set"));
    let full = "username = t\npassword = p\nauth_url = http://h\n";
    assert_eq!(
        error(&format!("{full}cafile = /nonexistent.pem\n")),
        "cannot read cafile /nonexistent.pem"
    );
    assert_eq!(
        error(&format!("{full}certfile = /nonexistent.pem\n")),
        "cannot read certfile /nonexistent.pem"
    );
    assert!(error("auth_type = v3applicationcredential\n").contains("application_credential_id is not set"));
    assert!(error("auth_type = v3kerberos\n").contains("auth_type 'v3kerberos' is not supported; use password"));
    assert!(error(&format!("{full}system_scope = some\n")).contains("system_scope 'some' does not exist"));
}

#[tokio::test]
async fn the_service_logs_in_as_its_section_says() {
    let who = |text: &str| {
        let session = keystone(&format!("auth_url = http://h/identity\n{text}")).unwrap();
        session.cloud().credentials.clone()
    };
    let scope_of = |text: &str| match who(&format!("username = t\npassword = p\n{text}")) {
        Credentials::Password { scope, .. } => scope,
        other => panic!("{other:?}"),
    };
    let by_name = Scope::Project {
        name: "service".to_owned(),
        domain: Domain::Name("Default".to_owned()),
    };
    assert_eq!(scope_of(""), by_name);
    let by_domain_id = Scope::Project {
        name: "ops".to_owned(),
        domain: Domain::Id("default".to_owned()),
    };
    assert_eq!(
        scope_of("project_name = ops\nproject_domain_id = default\n"),
        by_domain_id
    );
    assert_eq!(scope_of("project_id = p1\n"), Scope::ProjectId("p1".to_owned()));
    assert_eq!(scope_of("system_scope = all\n"), Scope::System);
    for kind in ["auth_type = v3applicationcredential\nusername = ignored\n", ""] {
        let text = format!("{kind}application_credential_id = c1\napplication_credential_secret = s\n");
        let by_id = AppCredential::Id("c1".to_owned());
        assert!(matches!(who(&text), Credentials::ApplicationCredential { credential, .. } if credential == by_id));
    }
}

#[tokio::test]
async fn every_way_in_which_keystoneauth_names_a_user_and_a_scope_is_known() {
    let who = |text: &str| {
        let text = format!("auth_url = http://h\npassword = p\napplication_credential_secret = s\n{text}");
        keystone(&text).map(|session| session.cloud().credentials.clone())
    };
    let name = |text: &str| text.to_owned();
    let password = |text: &str| match who(text).unwrap() {
        Credentials::Password { user, scope, .. } => (user, scope),
        other => panic!("{other:?}"),
    };
    let named = |domain: Domain| Person::Named {
        name: name("t"),
        domain,
    };
    let project = |of: &str, domain: Domain| Scope::Project { name: name(of), domain };
    let (by_id, by_name) = (Domain::Id(name("d")), Domain::Name(name("D")));
    let usual = || project("service", Domain::Name(name("Default")));
    assert_eq!(
        password("user_id = u\nusername = t\n"),
        (Person::Id(name("u")), usual())
    );
    assert_eq!(
        password("user_name = t\ntenant_name = x\ndefault_domain_id = d\n"),
        (named(by_id.clone()), project("x", by_id.clone()))
    );
    let text = "username = t\nproject_name = x\ndefault_domain_name = D\nuser_domain_id = d\nuser_domain_name = no\n";
    assert_eq!(password(text), (named(by_id.clone()), project("x", by_name.clone())));
    for (text, scope) in [
        ("tenant_id = p\nproject_name = x\n", Scope::ProjectId(name("p"))),
        ("domain_id = d\n", Scope::Domain(by_id.clone())),
        ("domain_name = D\n", Scope::Domain(by_name.clone())),
        ("trust_id = t1\n", Scope::Trust(name("t1"))),
    ] {
        assert_eq!(
            password(&format!("auth_type = v3password\nuser_id = u\n{text}")).1,
            scope,
            "{text}"
        );
    }
    let of_name = "auth_plugin = v3applicationcredential\napplication_credential_name = c\n";
    for (user, owner) in [
        ("user_id = u\n", Person::Id(name("u"))),
        ("username = t\nuser_domain_id = d\n", named(by_id)),
    ] {
        let credential = AppCredential::Named { name: name("c"), owner };
        let who = who(&format!("{of_name}{user}")).unwrap();
        assert!(matches!(who, Credentials::ApplicationCredential { credential: has, .. } if has == credential));
    }
    let error = |text: &str| who(text).unwrap_err().to_string();
    assert_eq!(
        error(of_name),
        "[keystone_authtoken] username is not set; it is needed to talk to keystone"
    );
    let two = "username = t\nproject_name = x\ntrust_id = t1\n";
    assert_eq!(
        error(two),
        "[keystone_authtoken] names two scopes, project and trust_id; keep one"
    );
    assert!(error("username = t\nauth_type = v2password\n").contains("'v2password' is not supported; use password"));
}

#[tokio::test]
async fn a_masakari_conf_names_its_user_in_nova_in_its_own_words() {
    let text = "[DEFAULT]\nos_privileged_user_name = nova\nos_privileged_user_password = q\n\
                os_privileged_user_tenant = service\nos_privileged_user_auth_url = http://nova-keystone\n\
                os_region_name = R2\nnova_catalog_admin_info = compute:Compute Service:publicURL\n\
                nova_api_insecure = true\n[keystone_authtoken]\nauth_url = http://h\nusername = t\npassword = p\n";
    let session = source(text)
        .section::<KeystoneAuthtokenSection>()
        .unwrap()
        .session()
        .unwrap();
    let client = nova(text, &session).unwrap();
    let cloud = client.session().cloud();
    assert_eq!(
        (cloud.auth_url.as_str(), cloud.insecure),
        ("http://nova-keystone", true)
    );
    assert_eq!(
        (cloud.credentials.who().as_str(), &client.endpoint().interfaces[..]),
        ("user 'nova'", &[Interface::Public][..])
    );
    assert_eq!(client.endpoint().region.as_deref(), Some("R2"));
    let warnings = source(text).warnings(&sections());
    let told = "t.conf: 'os_privileged_user_name' in [DEFAULT] counts as 'username' in [nova]; write that";
    assert!(warnings.iter().any(|warning| warning == told), "{warnings:#?}");
    let ours = format!("{text}[nova]\nauth_url = http://h2\nusername = us\npassword = p\nvalid_interfaces = admin\n");
    let client = nova(&ours, &session).unwrap();
    assert_eq!(client.session().cloud().credentials.who(), "user 'us'");
    assert_eq!(client.endpoint().interfaces, [Interface::Admin]);
}

#[tokio::test]
async fn credentials_may_stand_in_a_section_that_others_share() {
    let text = "[keystone_authtoken]\nauth_section = Service_Auth\nregion_name = R\n[nova]\nauth_section = service_auth\n\
                [service_auth]\nauth_url = http://shared\nusername = t\npassword = p\n";
    let source = source(text);
    let section: KeystoneAuthtokenSection = source.section().unwrap();
    let session = section.session().unwrap();
    assert_eq!(session.cloud().auth_url, "http://shared");
    assert_eq!(session.cloud().region.as_deref(), Some("R"));
    assert_eq!(section.www_authenticate_uri(), "http://shared");
    let nova = nova(text, &session).unwrap();
    assert_eq!(nova.session().cloud().auth_url, "http://shared");
    let error = keystone("auth_section = nowhere\n").unwrap_err().to_string();
    assert!(error.starts_with("[nowhere] username is not set"), "{error}");
}

#[tokio::test]
async fn a_section_without_keystone_uses_the_session_of_the_service_user() {
    let session = keystone("username = t\npassword = p\nauth_url = http://h\nregion_name = R\n").unwrap();
    let own = nova(
        "[nova]\nauth_url = http://other\nusername = nova\npassword = q\nvalid_interfaces = internal,publicURL\n",
        &session,
    )
    .unwrap();
    assert_eq!(own.session().cloud().auth_url, "http://other");
    assert_eq!(
        own.session().cloud().interfaces,
        [Interface::Internal, Interface::Public]
    );
    let shared = nova("[nova]\n", &session).unwrap();
    assert_eq!(shared.session().cloud().auth_url, "http://h");
    assert_eq!(shared.endpoint().region.as_deref(), Some("R"));
    let error = nova("[nova]\nvalid_interfaces = inside\n", &session)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "[nova] valid_interfaces");
    let error = nova("[nova]\nusername = nova\npassword = q\n", &session)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("[nova] auth_url is not set"), "{error}");
    let trusting = nova("[nova]\ninsecure = true\n", &session).unwrap();
    let cloud = trusting.session().cloud();
    assert_eq!((cloud.auth_url.as_str(), cloud.insecure), ("http://h", true));
}

#[tokio::test]
async fn options_of_the_validator_are_oslos() {
    let options = |text: &str| {
        let source = source(&format!("[keystone_authtoken]\n{text}"));
        source.section::<KeystoneAuthtokenSection>().unwrap().options
    };
    let defaults = options("");
    assert_eq!(defaults.token_cache_time, 300);
    assert_eq!(defaults.service_token_roles, ["service"]);
    assert!(defaults.service_token_roles_required && defaults.jws_keys_dir.is_none());
    assert_eq!(
        options("service_token_roles = service, monitor\n")
            .service_token_roles
            .len(),
        2
    );
    let certificate = ClientCertificate::of(Some(&"a.pem".into()), None).unwrap();
    assert_eq!(certificate.keyfile, certificate.certfile);
    let text = "[keystone_authtoken]\nusername = t\npassword = p\nauth_url = http://h\njws_keys_dir = /nonexistent\n";
    let section: KeystoneAuthtokenSection = source(text).section().unwrap();
    let error = section.validator(&section.session().unwrap()).unwrap_err().to_string();
    assert_eq!(error, "[keystone_authtoken] jws_keys_dir: cannot read /nonexistent");
}

#[test]
fn no_secret_is_shown_by_debug() {
    let text = "[keystone_authtoken]\npassword = hunter2\napplication_credential_secret = hunter3\n";
    let section: KeystoneAuthtokenSection = source(text).section().unwrap();
    assert!(!format!("{section:?}").contains("hunter"));
}
