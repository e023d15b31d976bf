//! The port for a reader of message payloads.

use bytes::Bytes;

use crate::diagnostics::Stamp;

/// A message with its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// When it was read.
    pub at: Stamp,
    /// Topic name; UTF-8.
    pub topic: Bytes,
    /// Payload.
    pub payload: Bytes,
    /// It was a retained message.
    pub retained: bool,
}

/// Receives messages as they arrive, whether they are recorded one by one or only counted.
///
/// Called for every message on the task that owns the connection: it must be quick and never wait.
pub trait MessageListener: Send + Sync + std::fmt::Debug {
    /// Whether messages on this topic go to [`MessageListener::on_message`] now.
    fn accepts_topic(&self, topic: &[u8]) -> bool;

    /// Receives a message on an accepted topic.
    fn on_message(&self, message: ReceivedMessage);
}
