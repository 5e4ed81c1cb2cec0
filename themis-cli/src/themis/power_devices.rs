//! `themis power-device`.

use std::io::Read;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use themis_core::leader::DeviceTest;

use super::api::{Api, Host, PowerDevice};
use super::command::SetPowerDevice;
use super::failure::Failure;
use super::names;
use crate::output::{Answer, Cell, columns};

/// The variable that may hold a device's password.
pub const PASSWORD_VARIABLE: &str = "THEMIS_POWER_PASSWORD";
/// IPMI allows 20 bytes, others more; nobody's password is longer than this.
const PASSWORD_LIMIT_BYTES: u64 = 4096;

/// `power-device list`.
///
/// # Errors
/// No such host, or no usable answer.
pub async fn list(api: &Api, host: &str) -> Result<Answer, Failure> {
    let host = names::host(api, host).await?;
    let devices = api.power_devices(&host.uuid).await?;
    Ok(Answer::List {
        columns: columns(&[
            "uuid", "driver", "address", "port", "system", "level", "username", "accepted",
        ]),
        rows: devices
            .iter()
            .map(|device| properties(device).into_iter().map(|(_, cell)| cell).collect())
            .collect(),
    })
}

fn properties(device: &PowerDevice) -> Vec<(&'static str, Cell)> {
    let by = device.accepted.get("user").and_then(Value::as_str);
    let accepted = by.map_or_else(String::new, |user| format!("by {user}"));
    vec![
        ("uuid", device.uuid.as_str().into()),
        ("driver", device.driver.as_str().into()),
        ("address", device.address.as_str().into()),
        ("port", device.port.into()),
        ("system", device.system.as_str().into()),
        ("level", device.level.into()),
        ("username", device.username.as_str().into()),
        ("accepted", Cell::new(device.accepted.clone(), accepted)),
    ]
}

/// `power-device set`. A device that this host has already is replaced, so that its account can be changed.
///
/// # Errors
/// No such host, no password, refused; [`Failure::Half`] when the old one is gone and the new one was not taken.
pub async fn set(api: &Api, asked: &SetPowerDevice, variable: Option<SecretString>) -> Result<Answer, Failure> {
    let password = password(asked.password_file.as_deref(), variable)?;
    let host = names::host(api, &asked.host).await?;
    let mut body = json!({
        "driver": asked.driver, "address": asked.address, "system": asked.system, "level": asked.level,
        "username": asked.username, "password": password.expose_secret(),
    });
    if let Some(port) = asked.port {
        body["port"] = port.into();
    }
    if let Some(reason) = &asked.accept_unbound {
        body["accept_unbound"] = reason.as_str().into();
    }
    let made = match same(api, &host, asked).await? {
        None => api.power_device_create(&host.uuid, body).await?,
        Some(old) => replace(api, &host, &old, body).await?,
    };
    Ok(Answer::One(properties(&made)))
}

/// The device of this host that a registration would collide with.
async fn same(api: &Api, host: &Host, asked: &SetPowerDevice) -> Result<Option<PowerDevice>, Failure> {
    let devices = api.power_devices(&host.uuid).await?;
    Ok(devices.into_iter().find(|device| {
        device.driver == asked.driver
            && device.address == asked.address
            && device.system == asked.system
            && asked
                .port
                .map_or(device.driver == "ipmi" && device.port == 623, |port| {
                    device.port == u64::from(port)
                })
    }))
}

async fn replace(api: &Api, host: &Host, old: &PowerDevice, body: Value) -> Result<PowerDevice, Failure> {
    api.power_device_delete(&host.uuid, &old.uuid).await?;
    api.power_device_create(&host.uuid, body)
        .await
        .map_err(|source| Failure::Half {
            done: format!(
                "the registration of {} at host {} was removed; run the same command again",
                old.address, host.name
            ),
            source: Box::new(source),
        })
}

/// `power-device test`: all devices of the host, or one.
///
/// # Errors
/// No such host or device, none registered, no engine leads.
pub async fn test(api: &Api, host: &str, device: Option<&str>) -> Result<Vec<(PowerDevice, DeviceTest)>, Failure> {
    let host = names::host(api, host).await?;
    let devices = api.power_devices(&host.uuid).await?;
    if let Some(device) = device {
        find(&devices, device)?;
    }
    let mut tests = Vec::new();
    for found in devices {
        if device.is_none_or(|device| found.uuid == device) {
            let test = api.power_device_test(&host.uuid, &found.uuid).await?;
            tests.push((found, test));
        }
    }
    if tests.is_empty() {
        let text = format!(
            "{} has no power device; register one with 'themis power-device set {}'",
            host.name, host.name
        );
        return Err(Failure::NotReady(text));
    }
    Ok(tests)
}

/// The outcome of tests.
#[must_use]
pub fn tests(tests: &[(PowerDevice, DeviceTest)]) -> Answer {
    let rows = tests.iter().map(|(device, test)| {
        let why = test.reason.as_ref().map_or("", |reason| reason.text.as_str());
        vec![
            device.uuid.as_str().into(),
            format!("{}:{}", device.address, device.port).as_str().into(),
            test.state.as_str().into(),
            Cell::yes_no(test.bound),
            test.took_ms.into(),
            why.into(),
        ]
    });
    Answer::List {
        columns: columns(&["uuid", "address", "power", "bound", "took_ms", "trouble"]),
        rows: rows.collect(),
    }
}

/// Whether all passed.
///
/// # Errors
/// [`Failure::NotReady`] when one did not.
pub fn passed(tests: &[(PowerDevice, DeviceTest)]) -> Result<(), Failure> {
    let failed = tests.iter().filter(|(_, test)| test.reason.is_some()).count();
    if failed == 0 {
        return Ok(());
    }
    let text = format!("{failed} of {} power devices did not pass", tests.len());
    Err(Failure::NotReady(text))
}

fn find<'a>(devices: &'a [PowerDevice], device: &str) -> Result<&'a PowerDevice, Failure> {
    let known = || devices.iter().map(|device| device.uuid.as_str());
    let found = devices.iter().find(|known| known.uuid == device);
    found.ok_or_else(|| Failure::not_found("power device of that host", device, known()))
}

/// `power-device delete`.
///
/// # Errors
/// No such host or device.
pub async fn delete(api: &Api, host: &str, device: &str) -> Result<String, Failure> {
    let host = names::host(api, host).await?;
    let devices = api.power_devices(&host.uuid).await?;
    let found = find(&devices, device)?;
    api.power_device_delete(&host.uuid, &found.uuid).await?;
    Ok(format!("{}: power device {} removed\n", host.name, found.address))
}

/// The first line of the file, of standard input (`-`), or the variable.
fn password(file: Option<&Path>, variable: Option<SecretString>) -> Result<SecretString, Failure> {
    let text = match (file, variable) {
        (None, Some(variable)) => return Ok(variable),
        (None, None) => {
            let text =
                format!("no password: give --password-file FILE (- for standard input) or set {PASSWORD_VARIABLE}");
            return Err(Failure::Usage(text));
        }
        (Some(file), _) if file == Path::new("-") => read(std::io::stdin().lock(), "standard input")?,
        (Some(file), _) => {
            let shown = file.display().to_string();
            let opened = std::fs::File::open(file);
            let opened = opened.map_err(|source| Failure::Io {
                what: format!("cannot read {shown}"),
                source,
            })?;
            read(opened, &shown)?
        }
    };
    match text.expose_secret().lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(SecretString::from(line)),
        None => Err(Failure::Usage(
            "the first line of --password-file is empty; it must be the password".to_owned(),
        )),
    }
}

fn read(from: impl Read, shown: &str) -> Result<SecretString, Failure> {
    let mut text = String::new();
    let outcome = from.take(PASSWORD_LIMIT_BYTES).read_to_string(&mut text);
    outcome.map_err(|source| Failure::Io {
        what: format!("cannot read {shown}"),
        source,
    })?;
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "ge heim\r\nnot this\n").unwrap();
        let variable = Some(SecretString::from("other"));
        assert_eq!(
            password(Some(file.path()), variable.clone()).unwrap().expose_secret(),
            "ge heim"
        );
        assert_eq!(password(None, variable).unwrap().expose_secret(), "other");
        assert!(
            password(None, None)
                .unwrap_err()
                .to_string()
                .contains(PASSWORD_VARIABLE)
        );
        std::fs::write(file.path(), "\nx").unwrap();
        assert!(
            password(Some(file.path()), None)
                .unwrap_err()
                .to_string()
                .contains("empty")
        );
        let missing = password(Some(Path::new("/nonexistent/pw")), None)
            .unwrap_err()
            .to_string();
        assert!(missing.contains("/nonexistent/pw"), "{missing}");
    }
}
