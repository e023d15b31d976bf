//! Real sockets on loopback with peers that misbehave on purpose.

mod authority;
mod harness;
mod proxy;
mod tcp;
mod tls;
mod tls_settings;
mod websocket;
mod wss;
