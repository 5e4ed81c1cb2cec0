//! A MariaDB of a test's own, for tests that stop, kill or cripple the server; or a MySQL, where `THEMIS_TEST_MYSQLD` names one
//! (see `.ci/mysql`).

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use uuid::Uuid;

use super::{left_out, mortal};

/// How long the server may take to start or to end.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A server with its data in a directory of its own, on loopback; ended and removed with this value. Its account may do
/// everything with every database but has no privilege to write while the server is read-only.
#[derive(Debug)]
pub struct OwnServer {
    directory: PathBuf,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl OwnServer {
    /// Makes and starts one. `None`, with a printed notice, where MariaDB is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with options for the server.
    #[must_use]
    pub fn start_with(options: &[String]) -> Option<Self> {
        let needed = ["/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db"];
        if mysqld().is_none() && !needed.iter().all(|file| Path::new(file).exists()) {
            left_out("no mariadbd; see 'lab/lab install'");
            return None;
        }
        let directory = std::env::temp_dir().join(format!("themis-db-{}", Uuid::new_v4().simple()));
        let data = directory.join("data");
        std::fs::create_dir_all(&data).expect("a directory for data");
        // A server that starts removes every temporary table that it finds: with /tmp for all, those of its neighbours.
        std::fs::create_dir_all(temporary(&directory)).expect("a directory for temporary tables");
        let mut install = match mysqld() {
            Some(program) => Command::new(program),
            None => Command::new("mariadb-install-db"),
        };
        if mysqld().is_some() {
            install.args(["--no-defaults", "--initialize-insecure"]);
        } else {
            install.args([
                "--no-defaults",
                "--auth-root-authentication-method=socket",
                "--skip-test-db",
            ]);
        }
        let made = install
            .env("TMPDIR", temporary(&directory))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--user={}", user()))
            .output()
            .expect("mariadb-install-db runs");
        let said = [made.stdout, made.stderr].concat();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&said));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        drop(listener);
        let mut server = Self {
            directory,
            port,
            options: options.to_vec(),
            child: None,
        };
        server.resume();
        server.admin(
            "CREATE USER 'themis'@'127.0.0.1' IDENTIFIED BY 'themis'; CREATE DATABASE themis; \
             GRANT ALL ON themis.* TO 'themis'@'127.0.0.1'",
        );
        Some(server)
    }

    /// The connection string of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "mysql+pymysql://themis:themis@127.0.0.1:{}/themis?charset=utf8",
            self.port
        )
    }

    /// Starts it again, with the data and at the port that it had.
    pub fn resume(&mut self) {
        let log = std::fs::File::create(self.directory.join("log")).expect("a log");
        let program = mysqld().unwrap_or_else(|| "/usr/sbin/mariadbd".into());
        let child = mortal(program)
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-log-bin",
                "--skip-name-resolve",
            ])
            .args([
                "--performance-schema=off",
                "--innodb-buffer-pool-size=32M",
                "--innodb-flush-log-at-trx-commit=1",
            ])
            .arg(format!("--user={}", user()))
            .arg(format!("--datadir={}", self.data().display()))
            .arg(format!("--tmpdir={}", temporary(&self.directory).display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--port={}", self.port))
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mariadbd starts");
        self.child = Some(child);
        let mut waited = Duration::ZERO;
        while !self.client("SELECT 1").output().is_ok_and(|ran| ran.status.success()) {
            assert!(waited < DEADLINE, "mariadbd does not answer");
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
    }

    /// Ends it in good order.
    pub fn stop(&mut self) {
        drop(self.client("SHUTDOWN").output());
        self.wait();
    }

    /// Ends it at once, as a machine that loses power.
    pub fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
        }
        self.wait();
    }

    /// Runs statements as its administrator.
    pub fn admin(&self, sql: &str) {
        let ran = self.client(sql).output().expect("the client runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    fn wait(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.wait());
        }
    }

    fn client(&self, sql: &str) -> Command {
        let mut client = Command::new("mariadb");
        client
            .arg("--no-defaults")
            .arg("-S")
            .arg(self.socket())
            .args(mysqld().map(|_| "--user=root"))
            .arg("-e")
            .arg(sql);
        client
    }

    /// Where its data is, and what it makes for itself.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("sock")
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

/// MySQL's program, when it is to be MySQL.
fn mysqld() -> Option<std::ffi::OsString> {
    std::env::var_os("THEMIS_TEST_MYSQLD")
}

fn user() -> String {
    let ran = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

fn temporary(directory: &Path) -> PathBuf {
    directory.join("tmp")
}
