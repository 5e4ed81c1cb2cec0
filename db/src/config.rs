//! `[database]`, under oslo.db's names. Shared with oslo: keys that Themis does not use are left alone.

use std::time::Duration;

use secrecy::SecretString;
use themis_config::KnownSection;

themis_config::section! {
    /// How the database is reached.
    pub struct DatabaseSection("database", shared) {
        /// Where the database is: mysql+pymysql://user:password@host:port/name?charset=utf8 or mysql://...; percent-encode special characters of the password. A private certificate authority: ssl_ca=/path, with ssl_check_hostname=false where the certificate does not bear the host's name.
        pub connection: SecretString,
        /// Connections that one process opens at most.
        pub max_pool_size: u32 = "5",
        /// How long a request waits for a free connection before it fails as "database unreachable".
        pub pool_timeout: Duration = "5",
        /// Age after which a connection is replaced.
        pub connection_recycle_time: Duration = "3600",
        /// Galera: which statements wait until this node has applied what others committed (1: reads). Ignored by servers without Galera.
        pub mysql_wsrep_sync_wait: u16 = "1",
    }
}

/// The sections that this crate reads.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    vec![KnownSection::of::<DatabaseSection>()]
}
