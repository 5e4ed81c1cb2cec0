//! Reading `transport_url` as oslo.messaging does.
//!
//! `driver://[user:pass@]host[:port][,[user:pass@]host[:port]...][/vhost][?option=value&...]`; observed with
//! oslo.messaging 14.0.3 and 18.3.1. No error of this module holds any part of user or password.

use std::fmt;

use secrecy::SecretString;

/// The port of RabbitMQ, with and without TLS: oslo does not switch it.
pub const DEFAULT_PORT: u16 = 5672;

/// A transport URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No `driver://` at its beginning.
    #[error("transport_url has no driver; write it as rabbit://USER:PASSWORD@HOST:PORT/VHOST")]
    NoDriver,
    /// Another driver than RabbitMQ's.
    #[error("transport_url: driver '{0}' is not supported; use rabbit")]
    Driver(String),
    /// A port that is no number from 1 to 65535.
    #[error(
        "transport_url: the port of host {position} is no number; write '%23' for '#' and '%2F' for '/' in a password"
    )]
    Port {
        /// Which of the hosts, from 1.
        position: usize,
    },
    /// An IPv6 address without its closing bracket.
    #[error("transport_url: host {position} has '[' without ']'")]
    Bracket {
        /// Which of the hosts, from 1.
        position: usize,
    },
    /// A `#`, where a fragment would begin.
    #[error("transport_url holds '#'; write it as %23")]
    Fragment,
    /// A percent sign that does not begin two hexadecimal digits of UTF-8.
    #[error("transport_url: {part} is not percent-encoded UTF-8")]
    Encoding {
        /// Which part of the URL.
        part: &'static str,
    },
    /// An option of the query that does not exist or cannot take this value.
    #[error("transport_url: option '{option}': {what}")]
    Option {
        /// The option.
        option: String,
        /// What is wrong.
        what: String,
    },
}

/// One broker.
#[derive(Clone)]
pub struct Host {
    /// Name or address, without brackets.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// With which password.
    pub password: SecretString,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A transport URL, taken apart.
#[derive(Debug, Clone)]
pub struct TransportUrl {
    /// The brokers, at least one, in the order of the URL.
    pub hosts: Vec<Host>,
    /// The virtual host that all of them share.
    pub vhost: String,
    /// Options of `[oslo_messaging_rabbit]` that the query sets, in order.
    pub options: Vec<(String, String)>,
}

impl TransportUrl {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// What is wrong with it, without user and password.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (driver, rest) = text.trim().split_once("://").ok_or(UrlError::NoDriver)?;
        if !matches!(driver, "rabbit" | "kombu" | "kombu+amqp") {
            // What stands before "://" may be half a password when the scheme was forgotten.
            let plain = driver.len() <= 16 && driver.chars().all(|c| c.is_ascii_lowercase() || c == '+');
            return Err(UrlError::Driver(if plain { driver.to_owned() } else { "?".to_owned() }));
        }
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path)),
            None => (rest, None),
        };
        let hosts = authority
            .split(',')
            .enumerate()
            .map(|(index, host)| read_host(host, index + 1, authority.is_empty()))
            .collect::<Result<Vec<_>, _>>()?;
        let vhost = match decode(path.unwrap_or_default(), "the virtual host")? {
            empty if empty.is_empty() => "/".to_owned(),
            name => name,
        };
        Ok(Self {
            hosts,
            vhost,
            options: read_query(query)?,
        })
    }
}

/// `[user[:pass]@]host[:port]`; `nothing`: the URL names no host at all, which means a broker of this machine.
fn read_host(text: &str, position: usize, nothing: bool) -> Result<Host, UrlError> {
    let (login, place) = match text.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, text),
    };
    let (user, password) = match login {
        Some(login) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (decode(user, "a user name")?, decode(password, "a password")?)
        }
        None if nothing => ("guest".to_owned(), "guest".to_owned()),
        None => (String::new(), String::new()),
    };
    let (name, port) = if let Some(rest) = place.strip_prefix('[') {
        let (name, after) = rest.split_once(']').ok_or(UrlError::Bracket { position })?;
        (name, after.strip_prefix(':').unwrap_or(after))
    } else {
        place.split_once(':').unwrap_or((place, ""))
    };
    let port = match port {
        "" => DEFAULT_PORT,
        text => text
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(UrlError::Port { position })?,
    };
    let name = if name.is_empty() { "localhost" } else { name };
    Ok(Host {
        name: name.to_owned(),
        port,
        user,
        password: password.into(),
    })
}

fn read_query(query: &str) -> Result<Vec<(String, String)>, UrlError> {
    let mut options: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (option, value) = pair.split_once('=').unwrap_or((pair, ""));
        let option = decode(option, "an option's name")?;
        let value = decode(&value.replace('+', " "), "an option's value")?;
        options.retain(|(name, _)| *name != option);
        options.push((option, value));
    }
    Ok(options)
}

/// Percent-decodes as Python's `unquote` does: a stray percent sign stays as it is.
fn decode(text: &str, part: &'static str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |index: usize| tail.get(index).and_then(|c| char::from(*c).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Encoding { part })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(url: &TransportUrl) -> String {
        let hosts: Vec<String> = url
            .hosts
            .iter()
            .map(|host| format!("{}|{}|{host}", host.user, host.password.expose_secret()))
            .collect();
        format!("{} {}", hosts.join(" "), url.vhost)
    }

    #[rstest]
    #[case("rabbit://", "guest|guest|localhost:5672 /")]
    #[case("rabbit:///v", "guest|guest|localhost:5672 v")]
    #[case("rabbit://u:p@h", "u|p|h:5672 /")]
    #[case("rabbit://u:p@h/", "u|p|h:5672 /")]
    #[case("rabbit://u:p@h:5672//", "u|p|h:5672 /")]
    #[case("rabbit://u:p@h:5672/%2F", "u|p|h:5672 /")]
    #[case("rabbit://u:p@h/a%2Fb", "u|p|h:5672 a/b")]
    #[case("rabbit://u:p@h//v", "u|p|h:5672 /v")]
    #[case("rabbit://u%40d:p%3Aw%2F@h", "u@d|p:w/|h:5672 /")]
    #[case("rabbit://u@d:pw@h", "u@d|pw|h:5672 /")]
    #[case("rabbit://u:a:b@h", "u|a:b|h:5672 /")]
    #[case("rabbit://u@h", "u||h:5672 /")]
    #[case("rabbit://u:p@[::1]:5673", "u|p|[::1]:5673 /")]
    #[case("rabbit://u:p@[::1]", "u|p|[::1]:5672 /")]
    #[case("rabbit://u:p@h1,h2:3", "u|p|h1:5672 ||h2:3 /")]
    #[case("rabbit://u:p@h1,a:b@h2:3/v", "u|p|h1:5672 a|b|h2:3 v")]
    #[case("rabbit://u:100%@h", "u|100%|h:5672 /")]
    #[case("kombu://u:p@h", "u|p|h:5672 /")]
    #[case("kombu+amqp://u:p@h", "u|p|h:5672 /")]
    fn reads_what_oslo_reads(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(shown(&TransportUrl::parse(text).unwrap()), expected);
    }

    #[test]
    fn the_query_sets_options_and_the_last_one_wins() {
        let url = TransportUrl::parse("rabbit://h/v?rabbit_quorum_queue=true&ssl=0&ssl=1").unwrap();
        let options: Vec<(&str, &str)> = url.options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(options, [("rabbit_quorum_queue", "true"), ("ssl", "1")]);
    }

    #[rstest]
    #[case("")]
    #[case("guest:s3cret@host")]
    #[case("bogus://u:s3cret@h")]
    #[case("amqp://u:s3cret@h")]
    #[case("s3cret@x://h")]
    #[case("rabbit://u:s3cret@h:port")]
    #[case("rabbit://u:s3cret@h:0")]
    #[case("rabbit://u:s3cret@h:70000")]
    #[case("rabbit://u:s3cret#x@h")]
    #[case("rabbit://u:s3cret/x@h")]
    #[case("rabbit://u:s3cret@[::1:5672")]
    #[case("rabbit://u:s3cret%ff@h")]
    fn an_error_never_shows_the_password(#[case] text: &str) {
        let error = TransportUrl::parse(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
