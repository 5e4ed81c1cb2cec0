//! Who its user in Nova is, as a `masakari.conf` says it: options of `[DEFAULT]` that count as those of `[nova]` where that
//! section has none. A deployment's file can so be taken over as it is; the log says what to write instead.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use themis_config::{ConfigError, Key, Section, Source, section};

use super::auth::{Auth, AuthOptions};
use super::client::ClientSection;

section! {
    /// The options, under Masakari's names.
    struct MasakariNova("default", shared) {
        /// User.
        os_privileged_user_name: Option<String>,
        /// Password.
        os_privileged_user_password: SecretString = "",
        /// Project.
        os_privileged_user_tenant: Option<String>,
        /// Keystone.
        os_privileged_user_auth_url: Option<String>,
        /// Domain of the user; a name, although deployments put an id here.
        os_user_domain_name: Option<String>,
        /// Domain of the project.
        os_project_domain_name: Option<String>,
        /// Instead of the project.
        os_system_scope: Option<String>,
        /// Region of Nova.
        os_region_name: Option<String>,
        /// Certificate authorities.
        nova_ca_certificates_file: Option<PathBuf>,
        /// Any certificate.
        nova_api_insecure: bool = "false",
        /// Type, name and interface of the service, with colons between them.
        nova_catalog_admin_info: Option<String>,
    }
}

/// Masakari's name of an option of `[nova]`.
const FORMER: &[(&str, &[&str])] = &[
    ("username", &["default.os_privileged_user_name", "user_name"]),
    ("password", &["default.os_privileged_user_password"]),
    ("project_name", &["default.os_privileged_user_tenant", "tenant_name"]),
    ("auth_url", &["default.os_privileged_user_auth_url"]),
    ("user_domain_name", &["default.os_user_domain_name"]),
    ("project_domain_name", &["default.os_project_domain_name"]),
    ("system_scope", &["default.os_system_scope"]),
    ("region_name", &["default.os_region_name"]),
    ("cafile", &["default.nova_ca_certificates_file"]),
    ("insecure", &["default.nova_api_insecure"]),
    ("valid_interfaces", &["default.nova_catalog_admin_info", "interface"]),
];

/// An option of `[nova]` beside Masakari's name of it.
pub(super) fn with_former(key: Key) -> Key {
    let found = FORMER.iter().find(|(name, _)| *name == key.name);
    Key {
        former: found.map_or(key.former, |(_, former)| former),
        ..key
    }
}

/// Puts what a file of Masakari's says where `[nova]` is silent.
pub(super) fn complete(source: &Source, nova: &mut ClientSection) -> Result<(), ConfigError> {
    let masakari: MasakariNova = source.section()?;
    let options = &mut nova.options;
    options.region_name = options.region_name.take().or(masakari.os_region_name);
    options.cafile = options.cafile.take().or(masakari.nova_ca_certificates_file);
    options.insecure |= masakari.nova_api_insecure;
    let silent = source
        .value::<Option<String>>("nova", "valid_interfaces", None)?
        .is_none();
    let info = masakari.nova_catalog_admin_info.filter(|_| silent);
    if let Some((_, interface)) = info.as_deref().and_then(|info| info.rsplit_once(':')) {
        options.valid_interfaces = vec![interface.to_owned()];
    }
    if nova.auth.is_given() || masakari.os_privileged_user_name.is_none() {
        return Ok(());
    }
    let keystone = AuthOptions::read(source, "keystone_authtoken")?;
    let or_default = |name: Option<String>| name.or_else(|| Some("default".to_owned()));
    let as_nova = AuthOptions {
        auth_url: masakari.os_privileged_user_auth_url.or(keystone.auth_url),
        username: masakari.os_privileged_user_name,
        password: masakari.os_privileged_user_password.expose_secret().into(),
        project_name: masakari.os_privileged_user_tenant,
        user_domain_name: or_default(masakari.os_user_domain_name),
        project_domain_name: or_default(masakari.os_project_domain_name),
        system_scope: masakari.os_system_scope,
        // Whatever else the section holds belongs to a user that it does not name.
        ..AuthOptions::read(source, "nova")?
    };
    nova.auth = Auth::of("nova", as_nova);
    Ok(())
}
