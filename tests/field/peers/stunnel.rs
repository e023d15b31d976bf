//! stunnel in front of the broker: TLS outside, plain inside.

use super::certificates;
use super::mosquitto::TLS_PORT;
use crate::netns::SERVER;
use crate::world::World;

/// Ends a connection after this silence, s (`TIMEOUTidle`); `inner_port` is that of the broker.
pub(crate) fn start(world: &World, idle_secs: u32, inner_port: u16) {
    certificates::write(world, false);
    let text = format!(
        "foreground = yes\npid =\nsyslog = no\n[mqtts]\naccept = {SERVER}:{TLS_PORT}\nconnect = 127.0.0.1:{inner_port}\ncert = {}\nTIMEOUTidle = {idle_secs}\nTIMEOUTclose = 1\n",
        world.path("server.pem").display()
    );
    let path = world.write("stunnel.conf", &text).display().to_string();
    world.serve("stunnel4", &[&path], TLS_PORT);
}
