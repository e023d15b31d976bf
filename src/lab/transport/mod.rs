//! Sockets of the lab's servers: listeners on loopback, TLS and WebSocket handshakes, byte streams with every
//! way to close them.
//!
//! The broker and the gateway share it.
//!
//! *Must not depend on* MQTT packets, the broker or the gateway.

mod certificates;
mod handshake;
mod listener;
mod pipe;
mod server_stream;
mod websocket;

pub use certificates::LAB_HOST;
pub(crate) use certificates::LabCertificates;
pub use handshake::ListenerEndpoint;
pub(in crate::lab) use handshake::{HANDSHAKE_LIMIT, HandshakeFaults, accept};
pub(in crate::lab) use listener::{ConnectionHandler, LoopbackListener};
pub(in crate::lab) use pipe::{Pipe, PipeEvent};
pub use server_stream::CloseSignal;
pub(in crate::lab) use server_stream::{CloseMode, MemoryStream, ServerStream};
#[cfg(test)]
pub(in crate::lab) use websocket::WebSocketBytes;
