//! Tests of the gateway through a client.

mod all_connections;
mod delivery_failures;
mod extreme_values;
mod identity;
mod path;
mod scenarios;
mod scene;
mod sessions;
mod sockets;
