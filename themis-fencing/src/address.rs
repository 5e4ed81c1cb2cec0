//! Where a power device is: driver, host, port and system. The tuple is the device's identity: unique in the database,
//! and what a sealed password is bound to.
//!
//! No I/O: names are not resolved here. The URL form (`ipmi://admin@10.0.0.7?credential=rack1`) never carries a secret.

use std::net::{IpAddr, Ipv6Addr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// The UDP port of IPMI over LAN.
pub const IPMI_PORT: u16 = 623;

/// What may stand unescaped in a user name or a query value.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a device is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Driver {
    /// IPMI 2.0 over LAN (RMCP+).
    Ipmi,
}

impl Driver {
    /// All drivers, as they are offered in errors.
    pub const ALL: [Self; 1] = [Self::Ipmi];

    /// The stored name, also the scheme of the URL.
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
    /// The text is not a URL.
    #[error("the device's URL cannot be read: {0}; write ipmi://USER@HOST[:PORT][?credential=NAME]")]
    NotAUrl(url::ParseError),
    /// The URL holds a password.
    #[error("the device's URL holds a password; leave it out and set it with 'themis power-device set'")]
    PasswordInUrl,
    /// The URL has parts without meaning.
    #[error("the device's URL has a path or fragment; write ipmi://USER@HOST[:PORT][?credential=NAME]")]
    PathInUrl,
    /// The user name in the URL is not text.
    #[error("the user name in the device's URL is not UTF-8 after percent-decoding")]
    UserNotText,
    /// The query has a key without meaning.
    #[error("unknown key '{0}' in the device's URL; known: credential, system")]
    UnknownQueryKey(String),
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

/// A device in the form of a URL, as it may stand in Masakari's `control_attributes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceUrl {
    /// Where it is.
    pub address: DeviceAddress,
    /// The user, when the URL names one.
    pub username: Option<String>,
    /// The section `[power_credential:NAME]` that holds user and password, when the URL names one.
    pub credential: Option<String>,
}

impl std::str::FromStr for DeviceUrl {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(AddressError::NotAUrl)?;
        if url.password().is_some() {
            return Err(AddressError::PasswordInUrl);
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(AddressError::PathInUrl);
        }
        let (mut credential, mut system) = (None, String::new());
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "credential" => credential = Some(value.into_owned()),
                "system" => system = value.into_owned(),
                other => return Err(AddressError::UnknownQueryKey(other.to_owned())),
            }
        }
        let username = percent_decode_str(url.username())
            .decode_utf8()
            .map_err(|_| AddressError::UserNotText)?;
        let host = url
            .host_str()
            .unwrap_or_default()
            .trim_start_matches('[')
            .trim_end_matches(']');
        Ok(Self {
            address: DeviceAddress::new(url.scheme(), host, url.port(), &system)?,
            username: (!username.is_empty()).then(|| username.into_owned()),
            credential: credential.filter(|name| !name.is_empty()),
        })
    }
}

impl std::fmt::Display for DeviceUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = &self.address;
        write!(f, "{}://", address.driver.name())?;
        if let Some(username) = &self.username {
            write!(f, "{}@", utf8_percent_encode(username, ESCAPED))?;
        }
        write!(f, "{}:{}", bracketed(&address.host), address.port)?;
        if let Some(credential) = &self.credential {
            write!(f, "?credential={}", utf8_percent_encode(credential, ESCAPED))?;
        }
        Ok(())
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
    #[case(
        "ipmi://admin@10.0.0.7:623?credential=rack1",
        "ipmi://admin@10.0.0.7:623?credential=rack1"
    )]
    #[case("ipmi://10.0.0.7", "ipmi://10.0.0.7:623")]
    #[case("ipmi://admin@BMC-7.example.org/", "ipmi://admin@bmc-7.example.org:623")]
    #[case("ipmi://op%40site@[fd00:0::7]:1623", "ipmi://op%40site@[fd00::7]:1623")]
    fn a_url_is_read_and_printed_in_its_full_form(#[case] text: &str, #[case] printed: &str) {
        let url: DeviceUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), printed);
        assert_eq!(printed.parse::<DeviceUrl>().unwrap(), url);
    }

    #[test]
    fn the_parts_of_a_url_are_the_tuple() {
        let url: DeviceUrl = "ipmi://op%40site@[fd00::7]:1623?credential=rack+1".parse().unwrap();
        assert_eq!(url.username.as_deref(), Some("op@site"));
        assert_eq!(url.credential.as_deref(), Some("rack 1"));
        assert_eq!(
            url.address,
            DeviceAddress::new("ipmi", "FD00::7", Some(1623), "").unwrap()
        );
        assert_eq!(
            (url.address.host(), url.address.port(), url.address.system()),
            ("fd00::7", 1623, "")
        );
        assert_eq!(url.address.to_string(), "ipmi://[fd00::7]:1623");
    }

    #[rstest]
    #[case("ipmi://admin:hunter2@10.0.0.7", "leave it out")]
    #[case("ipmi://10.0.0.7/system/1", "path")]
    #[case("ipmi://10.0.0.7?password=hunter2", "unknown key 'password'")]
    #[case("ipmi://10.0.0.7:70000", "port")]
    #[case("redfish://10.0.0.7", "unknown power driver 'redfish'")]
    #[case("ipmi:///", "neither an IP address")]
    #[case("10.0.0.7", "write ipmi://")]
    #[case("ipmi://admin:hunter2@:99999/", "cannot be read")]
    fn a_bad_url_is_refused_without_showing_a_secret(#[case] text: &str, #[case] expected: &str) {
        let error = text.parse::<DeviceUrl>().unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
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
