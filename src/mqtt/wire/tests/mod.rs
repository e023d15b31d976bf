//! Real sockets on loopback, misbehaving on purpose.

mod authority;
mod proxy;
mod tcp;
mod tls;
mod tls_settings;
mod websocket;
mod harness;
mod wss;
