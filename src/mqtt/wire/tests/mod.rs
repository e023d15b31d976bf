//! Real sockets on loopback, misbehaving on purpose.

mod tcp;
mod world;
