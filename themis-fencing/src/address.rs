//! Where a power device is: driver, host, port and system. The tuple is the device's identity: unique in the database,
//! and what a sealed password is bound to.
//!
//! No I/O: names are not resolved here.

use std::net::{IpAddr, Ipv6Addr};

/// The UDP port of IPMI over LAN.
pub const IPMI_PORT: u16 = 623;

/// How a device is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Driver {
    /// IPMI 2.0 over LAN (RMCP+).
    Ipmi,
}

impl Driver {
    /// All drivers, as they are offered in errors.
    pub const ALL: [Self; 1] = [Self::Ipmi];

    /// The stored name, also the scheme of an address that is shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipmi => "ipmi",
        }
    }

    /// The port that is meant when none is given.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Ipmi => IPMI_PORT,
        }
    }
}

/// Where a power device is. Two equal addresses are the same device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAddress {
    driver: Driver,
    host: String,
    port: u16,
    system: String,
}

/// An address that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The driver does not exist.
    #[error("unknown power driver '{0}'; known: ipmi")]
    UnknownDriver(String),
    /// Neither an IP address nor a host name.
    #[error("'{0}' is neither an IP address nor a host name; give the address of the device's own network port")]
    BadHost(String),
    /// An address that no single device has.
    #[error("'{0}' is not the address of one device; give the address of the device's own network port")]
    NotOneDevice(IpAddr),
    /// Port 0.
    #[error("port 0 cannot be reached; leave the port out for the default")]
    ZeroPort,
    /// IPMI has one system per device.
    #[error("an ipmi device switches one system; leave the system empty instead of '{0}'")]
    SystemNotEmpty(String),
}

impl DeviceAddress {
    /// An address from its parts as they are stored; host names become lower case, IP addresses their shortest form.
    ///
    /// # Errors
    /// The part that is wrong, and what to write instead.
    pub fn new(driver: &str, host: &str, port: Option<u16>, system: &str) -> Result<Self, AddressError> {
        let driver = Driver::ALL
            .into_iter()
            .find(|known| known.name() == driver)
            .ok_or_else(|| AddressError::UnknownDriver(driver.to_owned()))?;
        let port = port.unwrap_or(driver.default_port());
        if port == 0 {
            return Err(AddressError::ZeroPort);
        }
        if !system.is_empty() {
            return Err(AddressError::SystemNotEmpty(system.to_owned()));
        }
        Ok(Self {
            driver,
            host: canonical_host(host)?,
            port,
            system: String::new(),
        })
    }

    /// How the device is spoken to.
    #[must_use]
    pub const fn driver(&self) -> Driver {
        self.driver
    }

    /// Its IP address or host name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The system or outlet within the device; empty when it has only one.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }
}

/// `ipmi://10.0.0.7:623`: for logs, errors and the operator. The default port is written too, so that it reads the same
/// as the tuple.
impl std::fmt::Display for DeviceAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", self.driver.name(), bracketed(&self.host), self.port)
    }
}

fn bracketed(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn canonical_host(text: &str) -> Result<String, AddressError> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        if ip.is_unspecified() || ip.is_multicast() || broadcast {
            return Err(AddressError::NotOneDevice(ip));
        }
        return Ok(ip.to_string());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name whose last label is all digits is a mistyped IPv4 address (10.0.0.300), not a name.
    let digits_last = text
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if text.len() > 253 || digits_last || !text.split('.').all(label) {
        return Err(AddressError::BadHost(text.to_owned()));
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("10.0.0.7", None, "ipmi://10.0.0.7:623")]
    #[case("BMC-7.example.org", None, "ipmi://bmc-7.example.org:623")]
    #[case("FD00:0::7", Some(1623), "ipmi://[fd00::7]:1623")]
    fn one_device_has_one_spelling(#[case] host: &str, #[case] port: Option<u16>, #[case] shown: &str) {
        let address = DeviceAddress::new("ipmi", host, port, "").unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(
            DeviceAddress::new("ipmi", address.host(), Some(address.port()), "").unwrap(),
            address
        );
    }

    #[rstest]
    #[case("ipmi", "", Some(623), "", "neither an IP address")]
    #[case("ipmi", "10.0.0.300", None, "", "neither an IP address")]
    #[case("ipmi", "bmc 7", None, "", "neither an IP address")]
    #[case("ipmi", "bmc..example", None, "", "neither an IP address")]
    #[case("ipmi", "0.0.0.0", None, "", "one device")]
    #[case("ipmi", "224.0.0.1", None, "", "one device")]
    #[case("ipmi", "255.255.255.255", None, "", "one device")]
    #[case("ipmi", "10.0.0.7", Some(0), "", "port 0")]
    #[case("ipmi", "10.0.0.7", None, "1", "leave the system empty")]
    #[case("IPMI", "10.0.0.7", None, "", "unknown power driver 'IPMI'")]
    #[case("redfish", "10.0.0.7", None, "", "unknown power driver 'redfish'")]
    fn a_bad_part_is_refused_by_name(
        #[case] driver: &str,
        #[case] host: &str,
        #[case] port: Option<u16>,
        #[case] system: &str,
        #[case] expected: &str,
    ) {
        let error = DeviceAddress::new(driver, host, port, system).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
