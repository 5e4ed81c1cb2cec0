//! `config check`, and the configuration for the other commands.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use themis_config::{ConfigError, KnownSection, Source};
use themis_openstack::config::{KeystoneAuthtokenSection, NovaSection, OsloPolicySection, PlacementSection};
use themis_openstack::nova::Nova;
use themis_openstack::placement::Placement;
use themis_openstack::policy::Policy;
use themis_service::logging::LoggingSection;

use super::{ConfigFiles, Failure};

/// Sections whose keys this program knows. Those of the daemons are known to the daemons, which refuse to start.
pub(crate) fn known() -> Vec<KnownSection> {
    let mut known = vec![KnownSection::of::<LoggingSection>()];
    known.extend(themis_db::config::sections());
    known.extend(themis_openstack::sections());
    known.extend(themis_fencing::config::sections());
    known
}

/// The configuration, checked.
pub(crate) fn load(files: &ConfigFiles) -> Result<Source, Failure> {
    let source = Source::load_with_directories(&files.config_file, &files.config_dir, std::env::vars())?;
    source.check(&known())?;
    Ok(source)
}

/// Reads everything that can be read without asking anybody: what the API refuses to start with is refused here.
pub(super) fn check(files: &ConfigFiles) -> Result<String, Failure> {
    let source = load(files)?;
    source.section::<LoggingSection>()?;
    let target = themis_db::connect::check(&source.section::<themis_db::DatabaseSection>()?)?;
    let mut text = format!("database: {target}\n");
    text.push_str(&openstack(&source)?);
    text.push_str(&access_rules(&source, &files.config_file)?);
    text.push_str(&key_file(&source)?);
    for warning in source.warnings(&known()) {
        let _ = writeln!(text, "warning: {warning}");
    }
    text.push_str(
        "no mistake found in [DEFAULT], [database], [keystone_authtoken], [nova], [placement], [fencing], [oslo_policy], the \
         files that they name, and the names of all sections; the daemons check the keys of their own sections when they start\n",
    );
    Ok(text)
}

/// Clients as the daemons make them, certificates and Keystone's public keys included.
fn openstack(source: &Source) -> Result<String, Failure> {
    let keystone = source.section::<KeystoneAuthtokenSection>()?;
    let session = keystone.session()?;
    keystone.validator(&session)?;
    Nova::from_section(&source.section::<NovaSection>()?, &session)?;
    Placement::from_section(&source.section::<PlacementSection>()?, &session)?;
    Ok(match &keystone.options.jws_keys_dir {
        Some(directory) => format!("keystone's public keys: {}\n", directory.display()),
        None => "keystone's public keys: none; it is asked about every token ([keystone_authtoken] jws_keys_dir)\n"
            .to_owned(),
    })
}

fn access_rules(source: &Source, config_files: &[PathBuf]) -> Result<String, Failure> {
    let files = policy_files(source, config_files)?;
    let policy = Policy::load(&files)?;
    let mut text = format!("access rules: {} and policy_dirs\n", files.policy_file.display());
    for name in policy.unused() {
        let _ = writeln!(text, "warning: access rule '{name}' guards nothing; is it misspelt?");
    }
    Ok(text)
}

fn key_file(source: &Source) -> Result<String, Failure> {
    let fencing = source.section::<themis_fencing::FencingSection>()?;
    let Some(file) = &fencing.key_file else {
        return Ok("key file: none; power devices cannot be registered ([fencing] key_file)\n".to_owned());
    };
    themis_fencing::SealKey::load(Some(file))?;
    Ok(format!("key file: {}\n", file.display()))
}

/// Relative to the directory of the first configuration file, as the API takes them.
pub(crate) fn policy_files(source: &Source, config_files: &[PathBuf]) -> Result<OsloPolicySection, ConfigError> {
    let directory = config_files
        .first()
        .and_then(|file| file.parent())
        .unwrap_or_else(|| Path::new("."));
    Ok(source.section::<OsloPolicySection>()?.within(directory))
}
