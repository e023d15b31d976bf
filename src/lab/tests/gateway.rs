//! The gateway seen from a client's side.

mod all_connections;
mod delivery_failures;
mod extreme_values;
mod identity;
mod path;
mod scene;
mod sessions;
mod sockets;
