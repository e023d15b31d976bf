//! haproxy in front of the broker.

use rustix::process::Pid;

use super::mosquitto::{INNER_PORT, INNER_WEBSOCKET_PORT, PORT};
use crate::netns::SERVER;
use crate::world::World;

/// Forwards TCP; closes a connection after this silence, s. `global` is added to the global section.
///
/// Runs in master-worker mode, so that SIGUSR2 to the returned process reloads it.
pub(crate) fn tcp(world: &World, timeout_secs: u32, global: &str) -> Pid {
    start(
        world,
        &format!(
            "global\n{global}\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client {timeout_secs}s\n  timeout server {timeout_secs}s\n\
             listen mqtt\n  bind {SERVER}:{PORT}\n  server broker 127.0.0.1:{INNER_PORT}\n"
        ),
    )
}

/// Forwards HTTP; closes an upgraded connection after this silence, s (`timeout tunnel`).
pub(crate) fn websocket(world: &World, tunnel_secs: u32) -> Pid {
    start(
        world,
        &format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 25s\n  timeout server 25s\n  timeout tunnel {tunnel_secs}s\n\
             listen mqtt\n  bind {SERVER}:{PORT}\n  server broker 127.0.0.1:{INNER_WEBSOCKET_PORT}\n"
        ),
    )
}

/// Answers each request with status 403.
pub(crate) fn forbidding(world: &World) -> Pid {
    start(
        world,
        &format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 25s\n  timeout server 25s\n\
             listen mqtt\n  bind {SERVER}:{PORT}\n  http-request deny deny_status 403\n"
        ),
    )
}

fn start(world: &World, configuration: &str) -> Pid {
    world.write("haproxy.cfg", configuration);
    world.serve("haproxy", &["-W", "-db", "-f", "haproxy.cfg"], PORT)
}
