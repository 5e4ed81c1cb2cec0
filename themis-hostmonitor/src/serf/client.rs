//! Asks one serf agent over its RPC port. One owner, one question at a time; records of the member stream, which may
//! come between any two answers, are told apart by their sequence number and kept until they are asked for.
//!
//! Every call has a deadline. After any failure the connection is useless, because the place in the byte stream may be
//! lost: drop the client and connect anew, then read the members first.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames::{FrameError, Frames};
use super::wire::{self, Command, Member, ResponseHeader, StreamRecord, WireError};

/// Records kept between two reads; older ones are dropped, since each only says "look again".
const RECORDS_MAX: usize = 64;
const MEMBER_EVENTS: &str = "member-join,member-leave,member-failed,member-update,member-reap";

/// Why an agent could not be asked. All of them mean: connect anew.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The port refuses or the connection broke.
    #[error("serf rpc connection failed")]
    Connection(#[source] std::io::Error),
    /// The agent closed the connection.
    #[error("serf closed the rpc connection")]
    Closed,
    /// No answer in time.
    #[error("serf did not answer '{command}' within {deadline:?}")]
    Deadline {
        /// What was asked.
        command: &'static str,
        /// How long it had.
        deadline: Duration,
    },
    /// The agent refused.
    #[error("serf refused '{command}': {error}")]
    Refused {
        /// What was asked.
        command: &'static str,
        /// Its words.
        error: String,
    },
    /// An answer to a question that was not asked.
    #[error("serf answered sequence number {0}, which was not asked")]
    UnexpectedAnswer(u64),
    /// Bytes that are no objects.
    #[error("serf's byte stream is broken")]
    Frame(#[from] FrameError),
    /// Objects that are no answers.
    #[error("serf's answer is not understood")]
    Wire(#[from] WireError),
}

/// A connection to one agent, past handshake and authentication.
#[derive(Debug)]
pub struct Client {
    connection: TcpStream,
    frames: Frames,
    deadline: Duration,
    next_seq: u64,
    stream_seq: Option<u64>,
    /// A header whose body has not arrived yet.
    header: Option<ResponseHeader>,
    records: VecDeque<StreamRecord>,
}

impl Client {
    /// Connects, shakes hands, authenticates. `deadline` holds for the whole of it and for each later call.
    ///
    /// # Errors
    /// The agent is away, silent, or refuses the key.
    pub async fn connect(address: SocketAddr, auth_key: &str, deadline: Duration) -> Result<Self, ClientError> {
        let establish = async {
            let connection = TcpStream::connect(address).await.map_err(ClientError::Connection)?;
            let mut client = Self {
                connection,
                frames: Frames::default(),
                deadline,
                next_seq: 0,
                stream_seq: None,
                header: None,
                records: VecDeque::new(),
            };
            client.call(Command::Handshake).await?;
            client.call(Command::Auth(auth_key)).await?;
            Ok(client)
        };
        timeout(deadline, establish).await.map_err(|_| ClientError::Deadline {
            command: "connect",
            deadline,
        })?
    }

    /// All members that the agent knows.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn members(&mut self) -> Result<Vec<Member>, ClientError> {
        Ok(wire::members(&self.call(Command::Members).await?)?)
    }

    /// The agent's health score: 0 healthy, 7 the worst.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn health_score(&mut self) -> Result<Option<u8>, ClientError> {
        Ok(wire::health_score(&self.call(Command::Stats).await?)?)
    }

    /// Subscribes to member events, which [`Client::record`] then returns.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn subscribe(&mut self) -> Result<(), ClientError> {
        let seq = self.next_seq;
        self.call(Command::Stream(MEMBER_EVENTS)).await?;
        self.stream_seq = Some(seq);
        Ok(())
    }

    /// Lets the agent leave in order; it ends by itself afterwards.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn leave(&mut self) -> Result<(), ClientError> {
        self.call(Command::Leave).await.map(drop)
    }

    /// The next member event, waiting for it without a deadline. May be cancelled at any time; nothing is lost.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn record(&mut self) -> Result<StreamRecord, ClientError> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Ok(record);
            }
            if let Some((seq, _)) = self.receive(None).await? {
                return Err(ClientError::UnexpectedAnswer(seq));
            }
        }
    }

    async fn call(&mut self, command: Command<'_>) -> Result<Vec<u8>, ClientError> {
        let (seq, deadline) = (self.next_seq, self.deadline);
        self.next_seq += 1;
        let request = command.encode(seq)?;
        let exchange = async {
            self.connection
                .write_all(&request)
                .await
                .map_err(ClientError::Connection)?;
            loop {
                match self.receive(Some((seq, command))).await? {
                    Some((answered, body)) if answered == seq => return Ok(body),
                    Some((answered, _)) => return Err(ClientError::UnexpectedAnswer(answered)),
                    None => {}
                }
            }
        };
        let late = |_| ClientError::Deadline {
            command: command.name(),
            deadline,
        };
        timeout(deadline, exchange).await.map_err(late)?
    }

    /// One whole message: an answer to `asked` (returned), or a record (kept; `None`). State lives in `self`, so that
    /// a cancelled read goes on where it stopped.
    async fn receive(&mut self, asked: Option<(u64, Command<'_>)>) -> Result<Option<(u64, Vec<u8>)>, ClientError> {
        let header = match self.header.clone() {
            Some(header) => header,
            None => wire::response_header(&self.object().await?)?,
        };
        if let Some((seq, command)) = asked.filter(|(seq, _)| *seq == header.seq) {
            // Without a body too: none of our commands has one when it is refused.
            if !header.error.is_empty() {
                return Err(ClientError::Refused {
                    command: command.name(),
                    error: header.error,
                });
            }
            if !command.has_answer_body() {
                return Ok(Some((seq, Vec::new())));
            }
            self.header = Some(header);
            let body = self.object().await?;
            self.header = None;
            return Ok(Some((seq, body)));
        }
        if self.stream_seq != Some(header.seq) {
            return Err(ClientError::UnexpectedAnswer(header.seq));
        }
        self.header = Some(header);
        let record = wire::stream_record(&self.object().await?)?;
        self.header = None;
        if self.records.len() == RECORDS_MAX {
            self.records.pop_front();
        }
        self.records.push_back(record);
        Ok(None)
    }

    async fn object(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut chunk = [0_u8; 4096];
        loop {
            if let Some(object) = self.frames.take()? {
                return Ok(object);
            }
            match self
                .connection
                .read(&mut chunk)
                .await
                .map_err(ClientError::Connection)?
            {
                0 => return Err(ClientError::Closed),
                length => self.frames.push(&chunk[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests;
