//! Who reads the payloads of some messages, on their way past?

use bytes::Bytes;

use crate::diagnostics::Stamp;

/// A message whose payload somebody wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// When it was read.
    pub at: Stamp,
    /// Topic name; UTF-8.
    pub topic: Bytes,
    /// Payload.
    pub payload: Bytes,
    /// The broker had kept it.
    pub retained: bool,
}

/// Gets messages as they arrive, whether they are recorded one by one or only counted.
///
/// Called for every message on the task that holds the connection: it must be quick and never wait.
pub trait MessageListener: Send + Sync + std::fmt::Debug {
    /// Whether a message on this topic is wanted now.
    fn accepts_topic(&self, topic: &[u8]) -> bool;

    /// Takes a message that was wanted.
    fn on_message(&self, message: ReceivedMessage);
}
