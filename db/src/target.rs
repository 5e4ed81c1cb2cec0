//! Connection strings as operators write them (`mysql+pymysql://user:password@host:port/name?charset=utf8`), taken
//! apart once. Nothing here prints the password; [`Target`] shows as `host:port/name`.

use secrecy::{ExposeSecret, SecretString};

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Target {
    /// MariaDB or MySQL.
    MySql(MySqlTarget),
    /// A SQLite file, for tests only.
    Sqlite(String),
}

/// A MariaDB or MySQL database.
#[derive(Debug, Clone)]
pub struct MySqlTarget {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of a Unix socket; then host and port are not used.
    pub socket: Option<String>,
    /// The database's name.
    pub database: String,
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// `DISABLED`, `PREFERRED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`.
    pub ssl_mode: Option<String>,
    /// File of the certificate authority.
    pub ssl_ca: Option<String>,
    /// File of the client's certificate.
    pub ssl_cert: Option<String>,
    /// File of its key.
    pub ssl_key: Option<String>,
}

/// A connection string that cannot be used. Never shows the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL at all.
    #[error("[database] connection is not a URL; write mysql+pymysql://user:password@host:port/name")]
    NotAUrl,
    /// A database that Themis does not speak.
    #[error(
        "[database] connection: '{scheme}' is not supported; Themis needs MariaDB or MySQL, write mysql+pymysql://..."
    )]
    Dialect {
        /// The part before `://`.
        scheme: String,
    },
    /// A part that must be there is missing or wrong.
    #[error("[database] connection: {what}")]
    Part {
        /// Which, and what to write.
        what: &'static str,
    },
}

impl Target {
    /// Takes a connection string apart. Query keys that mean nothing here (`charset`, `plugin`, ...) are ignored: the
    /// character set is always `utf8mb4`. What `ssl_...` keys mean is what SQLAlchemy and PyMySQL make of them: a
    /// certificate authority is there to be checked against, host name included.
    ///
    /// # Errors
    /// What is wrong with it, without the password.
    pub fn parse(connection: &SecretString) -> Result<Self, TargetError> {
        Self::parse_for(connection, cfg!(any(test, feature = "testing")))
    }

    fn parse_for(connection: &SecretString, tests: bool) -> Result<Self, TargetError> {
        let text = connection.expose_secret().trim();
        let (scheme, rest) = text.split_once("://").ok_or(TargetError::NotAUrl)?;
        match scheme.split('+').next().unwrap_or(scheme) {
            "mysql" | "mariadb" => MySqlTarget::parse(rest).map(Self::MySql),
            "sqlite" if tests => Ok(Self::Sqlite(rest.to_owned())),
            _ => Err(TargetError::Dialect {
                scheme: scheme.to_owned(),
            }),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MySql(target) => match &target.socket {
                Some(socket) => write!(f, "{socket}/{}", target.database),
                None => write!(f, "{}:{}/{}", target.host, target.port, target.database),
            },
            Self::Sqlite(path) => write!(f, "{path}"),
        }
    }
}

impl MySqlTarget {
    fn parse(rest: &str) -> Result<Self, TargetError> {
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The last @ ends the credentials: operators forget to encode one in the password.
        let (credentials, place) = address
            .rsplit_once('@')
            .ok_or(TargetError::Part { what: "no user@ in it" })?;
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(SecretString::from(decode(password)?))),
            None => (credentials, None),
        };
        let (authority, database) = place.split_once('/').ok_or(TargetError::Part {
            what: "no /name of the database at its end",
        })?;
        if database.is_empty() {
            return Err(TargetError::Part {
                what: "no name of the database at its end",
            });
        }
        if authority.contains(',') {
            return Err(SEVERAL_HOSTS);
        }
        let (host, port) = host_and_port(authority)?;
        let mut target = Self {
            host,
            port,
            socket: None,
            database: decode(database)?,
            user: decode(user)?,
            password,
            ssl_mode: None,
            ssl_ca: None,
            ssl_cert: None,
            ssl_key: None,
        };
        let mut tls = Tls::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value)?;
            match key {
                "unix_socket" | "socket" => target.socket = Some(value),
                "ssl-mode" | "ssl_mode" | "sslmode" => tls.mode = Some(value),
                "ssl-ca" | "ssl_ca" | "sslca" => target.ssl_ca = Some(value),
                "ssl-cert" | "ssl_cert" | "sslcert" => target.ssl_cert = Some(value),
                "ssl-key" | "ssl_key" | "sslkey" => target.ssl_key = Some(value),
                "ssl_check_hostname" | "ssl_verify_identity" => tls.check_host = Some(is_true(&value)),
                "ssl_verify_cert" => tls.check_certificate = Some(is_true(&value)),
                "ssl_disabled" => tls.disabled = is_true(&value),
                "ssl_capath" | "ssl-capath" => return Err(CAPATH),
                _ => {}
            }
        }
        target.ssl_mode = tls.mode_of(&target);
        Ok(target)
    }
}

/// PyMySQL takes one host, too.
const SEVERAL_HOSTS: TargetError = TargetError::Part {
    what: "several hosts are not supported; name the address of the load balancer before the cluster's nodes, or one node",
};

const CAPATH: TargetError = TargetError::Part {
    what: "ssl_capath is not supported; name one file of certificates with ssl_ca",
};

/// What the query says of TLS.
#[derive(Default)]
struct Tls {
    mode: Option<String>,
    check_host: Option<bool>,
    check_certificate: Option<bool>,
    disabled: bool,
}

impl Tls {
    /// The mode in MySQL's words; `None` when nothing was said: TLS when the server offers it, unchecked.
    fn mode_of(self, target: &MySqlTarget) -> Option<String> {
        if self.mode.is_some() {
            return self.mode;
        }
        let mode = match (&target.ssl_ca, self.check_certificate, self.check_host) {
            _ if self.disabled => "DISABLED",
            (Some(_), Some(false), _) => "REQUIRED",
            (Some(_), _, Some(false)) => "VERIFY_CA",
            (Some(_), ..) => "VERIFY_IDENTITY",
            (None, Some(true), _) | (None, _, Some(true)) => "VERIFY_IDENTITY",
            (None, ..) if target.ssl_cert.is_some() => "REQUIRED",
            (None, ..) => return None,
        };
        Some(mode.to_owned())
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
}

fn host_and_port(authority: &str) -> Result<(String, u16), TargetError> {
    const PORT: TargetError = TargetError::Part {
        what: "the port is not a number from 1 to 65535",
    };
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, after)) => (v6, after.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        Some(text) => text.parse::<u16>().ok().filter(|port| *port > 0).ok_or(PORT)?,
        None => 3306,
    };
    Ok((
        if host.is_empty() {
            "localhost".to_owned()
        } else {
            host.to_owned()
        },
        port,
    ))
}

/// Percent-decoding; `+` stays, as SQLAlchemy keeps it in credentials.
fn decode(text: &str) -> Result<String, TargetError> {
    const BAD: TargetError = TargetError::Part {
        what: "a % is not followed by two hexadecimal digits; write %25 for %",
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next().ok_or(BAD)?, rest.next().ok_or(BAD)?];
            let digits = std::str::from_utf8(&pair).map_err(|_| BAD)?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| BAD)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| TargetError::Part {
        what: "a percent-encoded part is not UTF-8",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, TargetError> {
        Target::parse(&SecretString::from(text))
    }

    fn mysql(text: &str) -> MySqlTarget {
        match parse(text).unwrap() {
            Target::MySql(target) => target,
            Target::Sqlite(path) => panic!("sqlite {path}"),
        }
    }

    #[test]
    fn what_operators_write_is_taken_apart() {
        let target = mysql(
            "mysql+pymysql://them%40is:p%3Aw/@x@db.example:3307/themis?charset=utf8&plugin=dbcounter&ssl_ca=/a%20b",
        );
        assert_eq!(
            (target.user.as_str(), target.host.as_str(), target.port),
            ("them@is", "db.example", 3307)
        );
        assert_eq!(target.password.as_ref().unwrap().expose_secret(), "p:w/@x");
        assert_eq!(
            (target.database.as_str(), target.ssl_ca.as_deref()),
            ("themis", Some("/a b"))
        );
        let plain = mysql("mysql://root@[::1]/x?unix_socket=/run/m.sock");
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.socket.as_deref()),
            ("::1", 3306, Some("/run/m.sock"))
        );
        assert!(plain.password.is_none());
    }

    #[test]
    fn tls_keys_mean_what_sqlalchemy_and_pymysql_make_of_them() {
        for (query, mode) in [
            ("charset=utf8", None),
            ("ssl_ca=/a", Some("VERIFY_IDENTITY")),
            ("ssl_ca=/a&ssl_check_hostname=false", Some("VERIFY_CA")),
            (
                "ssl_ca=/a&ssl_verify_cert=true&ssl_verify_identity=true",
                Some("VERIFY_IDENTITY"),
            ),
            ("ssl_ca=/a&ssl_verify_cert=false", Some("REQUIRED")),
            ("ssl_cert=/c&ssl_key=/k", Some("REQUIRED")),
            ("ssl_disabled=True&ssl_ca=/a", Some("DISABLED")),
            ("ssl-mode=VERIFY_CA&ssl-ca=/a", Some("VERIFY_CA")),
        ] {
            let target = mysql(&format!("mysql+pymysql://u:p@h/x?{query}"));
            assert_eq!(target.ssl_mode.as_deref(), mode, "{query}");
        }
    }

    #[test]
    fn no_dialect_but_mysql_is_for_production() {
        for text in [
            "sqlite:////var/lib/masakari/masakari.sqlite",
            "postgresql+psycopg2://u:geheim@h/x",
            "mssql+pyodbc://u:geheim@h/x",
        ] {
            let error = Target::parse_for(&SecretString::from(text), false)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("is not supported; Themis needs MariaDB or MySQL"),
                "{error}"
            );
            assert!(!error.contains("geheim"));
        }
    }

    #[test]
    fn refusals_name_the_fix_and_never_the_password() {
        for (text, wanted) in [
            ("postgresql://u:geheim@h/x", "'postgresql' is not supported"),
            ("u:geheim@h", "not a URL"),
            ("mysql://u:geheim@h", "/name of the database"),
            ("mysql://u:geheim@h/", "name of the database"),
            ("mysql://u:geheim@h:0/x", "port"),
            ("mysql://h/x", "user@"),
            ("mysql://u:geheim@db1:3306,db2:3306/x", "several hosts"),
            ("mysql://u:geheim@h/x?ssl_capath=/etc/ssl", "ssl_ca"),
            ("mysql://u:geheim%zz@h/x", "%25"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
            assert!(!error.contains("geheim"), "{error}");
        }
        let shown = format!(
            "{} {:?}",
            parse("mysql://u:geheim@h/x").unwrap(),
            parse("mysql://u:geheim@h/x").unwrap()
        );
        assert!(shown.starts_with("h:3306/x") && !shown.contains("geheim"), "{shown}");
    }
}
