//! `config check`, and the configuration for the other commands.

use std::fmt::Write;

use themis_config::{KnownSection, Source};
use themis_db::target::Target;
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
    let source = Source::load(&files.config_file, std::env::vars())?;
    source.check(&known())?;
    Ok(source)
}

/// Reads everything that can be read without asking anybody.
pub(super) fn check(files: &ConfigFiles) -> Result<String, Failure> {
    let source = load(files)?;
    source.section::<LoggingSection>()?;
    let database = source.section::<themis_db::DatabaseSection>()?;
    let target = Target::parse(&database.connection).map_err(themis_db::connect::ConnectError::from)?;
    source.section::<themis_openstack::config::KeystoneAuthtokenSection>()?;
    source.section::<themis_openstack::config::NovaSection>()?;
    source.section::<themis_openstack::config::PlacementSection>()?;
    let fencing = source.section::<themis_fencing::FencingSection>()?;
    let mut text = format!("database: {target}\n");
    match &fencing.key_file {
        Some(file) => {
            themis_fencing::SealKey::load(Some(file))?;
            let _ = writeln!(text, "key file: {}", file.display());
        }
        None => text.push_str("key file: none; power devices cannot be registered ([fencing] key_file)\n"),
    }
    for warning in source.warnings(&known()) {
        let _ = writeln!(text, "warning: {warning}");
    }
    text.push_str(
        "no mistake found in [DEFAULT], [database], [keystone_authtoken], [nova], [placement], [fencing] and the names of \
         all sections; the daemons check the keys of their own sections when they start\n",
    );
    Ok(text)
}
