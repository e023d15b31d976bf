//! The gateway seen from a client's side.

mod deaf;
mod everybody;
mod identity;
mod nonsense;
mod path;
mod scene;
mod sessions;
mod sockets;
