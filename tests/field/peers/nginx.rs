//! nginx in front of the broker.

use std::path::Path;

use rustix::process::Pid;

use super::mosquitto::{INNER_PORT, INNER_WEBSOCKET_PORT, PORT};
use crate::netns::SERVER;
use crate::world::World;

/// The module that forwards TCP (Debian: libnginx-mod-stream).
pub(crate) const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// Forwards TCP; closes a connection after this silence, s. SIGHUP reloads it, and a reload ends connections of the
/// earlier configuration after `shutdown_secs`.
pub(crate) fn tcp(world: &World, timeout_secs: u32, shutdown_secs: u32) -> Pid {
    let module = if Path::new(STREAM_MODULE).is_file() {
        format!("load_module {STREAM_MODULE};\n")
    } else {
        String::new()
    };
    start(
        world,
        &format!(
            "{module}worker_shutdown_timeout {shutdown_secs}s;\n{}stream {{\n  server {{\n    listen {SERVER}:{PORT};\n    proxy_pass 127.0.0.1:{INNER_PORT};\n    proxy_timeout {timeout_secs}s;\n  }}\n}}\n",
            common(world)
        ),
    )
}

/// Forwards WebSocket; closes the connection after this time without data from the broker, s.
pub(crate) fn websocket(world: &World, read_timeout_secs: u32) -> Pid {
    let folder = world.path("nginx").display().to_string();
    start(
        world,
        &format!(
            "{}http {{\n  access_log off;\n  client_body_temp_path {folder}-body;\n  proxy_temp_path {folder}-proxy;\n  fastcgi_temp_path {folder}-fastcgi;\n  uwsgi_temp_path {folder}-uwsgi;\n  scgi_temp_path {folder}-scgi;\n  server {{\n    listen {SERVER}:{PORT};\n    location / {{\n      proxy_pass http://127.0.0.1:{INNER_WEBSOCKET_PORT};\n      proxy_http_version 1.1;\n      proxy_set_header Upgrade $http_upgrade;\n      proxy_set_header Connection \"upgrade\";\n      proxy_read_timeout {read_timeout_secs}s;\n      proxy_send_timeout 300s;\n    }}\n  }}\n}}\n",
            common(world)
        ),
    )
}

fn common(world: &World) -> String {
    let folder = world.path("nginx").display().to_string();
    format!(
        "user root;\nworker_processes 1;\npid {folder}.pid;\nerror_log {folder}-error.log;\nevents {{ worker_connections 64; }}\n"
    )
}

fn start(world: &World, configuration: &str) -> Pid {
    let path = world.write("nginx.conf", configuration).display().to_string();
    world.serve("nginx", &["-c", &path, "-g", "daemon off;"], PORT)
}
