//! TLS to the broker: chain and name are always verified, against `ssl_ca_file` or the system's authorities.

use std::fs;

use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::RabbitSection;
use crate::settings::SettingsError;

/// What turns a connection into a secure one; `None` without `ssl`.
pub(crate) fn connector(rabbit: &RabbitSection) -> Result<Option<RustlsConnector>, SettingsError> {
    if !rabbit.ssl {
        return Ok(None);
    }
    let trusted = if rabbit.ssl_ca_file.is_empty() {
        RustlsConnectorConfig::new_with_native_certs().map_err(|error| SettingsError::Tls {
            option: "ssl_ca_file",
            file: "(the system's authorities)".to_owned(),
            what: error.to_string(),
        })?
    } else {
        let authorities = certificates("ssl_ca_file", &rabbit.ssl_ca_file)?;
        RustlsConnectorConfig::default().with_parsable_certificates(authorities)
    };
    let connector = if rabbit.ssl_cert_file.is_empty() {
        trusted
            .connector_with_no_client_auth()
            .map_err(|error| wrong("ssl_ca_file", &rabbit.ssl_ca_file, &error))
    } else {
        let chain = certificates("ssl_cert_file", &rabbit.ssl_cert_file)?;
        // One file may hold both, as with Python.
        let (option, file) = if rabbit.ssl_key_file.is_empty() {
            ("ssl_cert_file", &rabbit.ssl_cert_file)
        } else {
            ("ssl_key_file", &rabbit.ssl_key_file)
        };
        let key = PrivateKeyDer::from_pem_slice(&read(option, file)?).map_err(|error| wrong(option, file, &error))?;
        trusted
            .connector_with_single_cert(chain, key)
            .map_err(|error| wrong(option, file, &error))
    };
    connector.map(Some)
}

fn certificates(option: &'static str, file: &str) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(&read(option, file)?)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(option, file, &error))?;
    if found.is_empty() {
        Err(wrong(option, file, &"no certificate in it"))
    } else {
        Ok(found)
    }
}

fn read(option: &'static str, file: &str) -> Result<Vec<u8>, SettingsError> {
    fs::read(file).map_err(|error| wrong(option, file, &error))
}

fn wrong(option: &'static str, file: &str, what: &impl ToString) -> SettingsError {
    SettingsError::Tls {
        option,
        file: file.to_owned(),
        what: what.to_string(),
    }
}
