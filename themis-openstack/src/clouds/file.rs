//! `clouds.yaml` and the secrets beside it in `secure.yaml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::environment::assemble;
use super::{CloudsError, Environment, Values};
use crate::keystone::Cloud;

#[derive(Deserialize, Default)]
struct File {
    #[serde(default)]
    clouds: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(default)]
    auth: BTreeMap<String, Value>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

impl Entry {
    fn values(self) -> Values {
        let plain = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            _ => None,
        };
        let pairs = self.other.into_iter().chain(self.auth);
        pairs.filter_map(|(key, value)| Some((key, plain(value)?))).collect()
    }
}

pub(super) fn load(name: &str, environment: &Environment) -> Result<Cloud, CloudsError> {
    let places = places(environment);
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        let places = places
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(CloudsError::NoFile {
            name: name.to_owned(),
            places,
        });
    };
    let file = path.display().to_string();
    let mut clouds = read(path)?.clouds;
    let known = clouds.keys().cloned().collect::<Vec<_>>().join(", ");
    let Some(entry) = clouds.remove(name) else {
        return Err(CloudsError::Unknown {
            file,
            name: name.to_owned(),
            known,
        });
    };
    let mut values = entry.values();
    let secure = path.with_file_name("secure.yaml");
    if secure.is_file()
        && let Some(secrets) = read(&secure)?.clouds.remove(name)
    {
        values.extend(secrets.values());
    }
    for (variable, key) in [("OS_REGION_NAME", "region_name"), ("OS_INTERFACE", "interface")] {
        if let Some(value) = environment.get(variable) {
            values.insert(key.to_owned(), value.to_owned());
        }
    }
    assemble(&format!("{file}, cloud '{name}'"), &values, str::to_owned)
}

fn places(environment: &Environment) -> Vec<PathBuf> {
    let given = environment.get("OS_CLIENT_CONFIG_FILE").map(PathBuf::from);
    let home = environment
        .get("HOME")
        .map(|home| PathBuf::from(home).join(".config/openstack/clouds.yaml"));
    let current = Some(PathBuf::from("clouds.yaml"));
    let system = Some(PathBuf::from("/etc/openstack/clouds.yaml"));
    [given, current, home, system].into_iter().flatten().collect()
}

fn read(path: &std::path::Path) -> Result<File, CloudsError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| CloudsError::Read {
        file: file.clone(),
        source,
    })?;
    let parsed: Option<File> = serde_saphyr::from_str(&text).map_err(|error| CloudsError::Yaml {
        file,
        line: error.location().map_or(0, |location| location.line()),
        // The parser's words only: the text around may hold a password.
        what: error.without_snippet().to_string(),
    })?;
    Ok(parsed.unwrap_or_default())
}
