//! One connection to one broker: made within a deadline, watched, and cut for good when it is given up.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::StreamExt;
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{Connection, ConnectionProperties, Event};
use secrecy::ExposeSecret;
use socket2::{SockRef, Socket, TcpKeepalive};
use tokio::time::timeout;

use super::journal::Page;
use super::tls;
use crate::settings::{Settings, SettingsError};
use crate::url::Host;

/// Time for one attempt: name, TCP, TLS, login.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Time for TCP alone.
const REACH_WITHIN: Duration = Duration::from_secs(5);
/// Largest frame that we ask for. The library's buffers are 64 times that, for each connection; a longer message
/// travels in several frames.
const FRAME_MAX: u32 = 16 * 1024;

/// Why there is no connection. Never holds the password.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ConnectError {
    /// No complete login in time: a broker that hangs, or packets that are dropped.
    #[error("{host}: no answer within {CONNECT_WITHIN:?}")]
    Silent {
        /// Where.
        host: String,
    },
    /// An answer that was no welcome.
    #[error("{host}: {source}")]
    Failed {
        /// Where.
        host: String,
        /// What the library says.
        source: lapin::Error,
    },
}

impl ConnectError {
    /// Whether the broker knows neither this user nor this password, or not this virtual host.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Failed { source, .. } if source.is_amqp_error())
    }
}

/// Makes connections for one role.
#[derive(Clone)]
pub(crate) struct Connector {
    vhost: String,
    /// A connection on which nothing came for so long is dead; 0: never.
    silence_s: u16,
    login: SASLMechanism,
    tls: Option<Arc<RustlsConnector>>,
    /// Shown in the broker's list of connections.
    name: String,
}

impl Connector {
    pub(crate) fn new(settings: &Settings, program: &str) -> Result<Self, SettingsError> {
        Ok(Self {
            vhost: settings.vhost.clone(),
            silence_s: settings.rabbit.heartbeat_timeout_threshold,
            login: if settings.rabbit.rabbit_login_method == "PLAIN" {
                SASLMechanism::Plain
            } else {
                SASLMechanism::AMQPlain
            },
            tls: tls::connector(&settings.rabbit)?.map(Arc::new),
            name: format!("{program}:{}", std::process::id()),
        })
    }

    /// Connects to one host and logs in. `page`: where it is noted that the role works.
    pub(crate) async fn connect(&self, host: &Host, role: &str, page: &Page) -> Result<Line, ConnectError> {
        let cutter = Cutter::default();
        match timeout(CONNECT_WITHIN, self.open(host, role, &cutter)).await {
            Ok(Ok(connection)) => Ok(Line {
                user: host.user.clone(),
                connection,
                host: host.to_string(),
                page: page.clone(),
                cutter,
            }),
            Ok(Err(source)) => Err(ConnectError::Failed {
                host: host.to_string(),
                source,
            }),
            Err(_) => Err(ConnectError::Silent { host: host.to_string() }),
        }
    }

    async fn open(&self, host: &Host, role: &str, cutter: &Cutter) -> lapin::Result<Connection> {
        let uri = AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: host.user.clone(),
                    password: host.password.expose_secret().to_owned(),
                },
                host: host.name.clone(),
                port: host.port,
            },
            vhost: self.vhost.clone(),
            query: AMQPQueryString {
                frame_max: Some(FRAME_MAX),
                // Both sides give up after two intervals without a sign.
                heartbeat: Some(if self.silence_s == 0 {
                    0
                } else {
                    (self.silence_s / 2).max(1)
                }),
                auth_mechanism: Some(self.login),
                ..AMQPQueryString::default()
            },
        };
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("{}:{role}", self.name).into())
            .with_client_property("product".into(), "themis".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        let (tls, socket, silence_s) = (self.tls.clone(), cutter.0.clone(), self.silence_s);
        let runtime = lapin::runtime::default_runtime()?;
        let connect = async move |uri: AMQPUri, runtime: Runtime| {
            reach(uri, runtime, tls.as_deref(), &socket, silence_s)
                .await
                .map_err(lapin::Error::from)
        };
        Connection::connector(uri, runtime, connect, properties).await
    }
}

type Runtime = async_rs::TokioRuntime;
type Stream = AsyncTcpStream<<async_rs::Tokio as async_rs::traits::Reactor>::TcpStream>;

/// TCP and, when wanted, TLS. A handle to the socket is left in `socket`, by which it can be cut from outside.
async fn reach(
    uri: AMQPUri,
    runtime: Runtime,
    tls: Option<&RustlsConnector>,
    socket: &OnceLock<Socket>,
    silence_s: u16,
) -> std::io::Result<Stream> {
    use async_rs::traits::Reactor;
    let place = (uri.authority.host.clone(), uri.authority.port);
    let late = || {
        std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("not reached within {REACH_WITHIN:?}"),
        )
    };
    let stream = timeout(REACH_WITHIN, runtime.tcp_connect(runtime.to_socket_addrs(place)))
        .await
        .map_err(|_| late())??;
    let handle = SockRef::from(stream.get_ref());
    if silence_s > 0 {
        let silence = Duration::from_secs(u64::from(silence_s));
        handle.set_tcp_user_timeout(Some(silence))?;
        // Whole seconds for the kernel, which refuses none at all.
        let [idle, between] = [silence / 2, silence / 6].map(|wait| wait.max(Duration::from_secs(1)));
        handle.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(between))?;
    }
    // Only the first attempt of a connection sets it, and there is only one: the library's own retries are off.
    let _ = socket.set(handle.try_clone()?);
    let stream = AsyncTcpStream::Plain(stream);
    match tls {
        None => Ok(stream),
        Some(tls) => stream.into_rustls(tls, &uri.authority.host).await,
    }
}

/// Cuts the socket when dropped. The library's thread waits for the broker's goodbye, which a dead one never says.
#[derive(Debug, Default)]
struct Cutter(Arc<OnceLock<Socket>>);

impl Drop for Cutter {
    fn drop(&mut self) {
        if let Some(socket) = self.0.get() {
            // It fails when the other side was faster, and then all is well.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A connection that is up.
#[derive(Debug)]
pub(crate) struct Line {
    /// The library's connection.
    pub(crate) connection: Connection,
    /// Where it leads, for logs.
    pub(crate) host: String,
    /// Who is logged in.
    pub(crate) user: String,
    page: Page,
    #[expect(
        dead_code,
        reason = "it acts when it is dropped, which must come after the connection's drop"
    )]
    cutter: Cutter,
}

impl Line {
    /// The role has set up what it needs.
    pub(crate) fn works(&self) {
        self.page.works(&self.host);
    }

    /// Returns why when the connection has ended. A channel's end is not the connection's.
    pub(crate) async fn lost(&self) -> String {
        let mut events = Box::pin(self.connection.events_listener());
        loop {
            match events.next().await {
                Some(Event::Error(error)) if !error.is_amqp_soft_error() => return error.to_string(),
                Some(_) => {}
                None => return "the connection ended".to_owned(),
            }
        }
    }

    /// Says goodbye to the broker, and cuts the line if it does not answer.
    pub(crate) async fn close(self) {
        let goodbye = self.connection.close(200, "goodbye".into());
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }
}
