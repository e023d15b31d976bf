//! Worlds in which the client never connects.

use super::{inner_broker, mqtt, public_broker, start_forever, url};
use crate::netns::Side;
use crate::peers::mosquitto::{Listeners, PORT, TLS_PORT};
use crate::peers::{certificates, haproxy};
use crate::script::Script;
use crate::trial::Trial;
use crate::world::World;

/// Exit codes of the program: never connected, and refused credentials.
const NEVER: i32 = 3;
const REFUSED: i32 = 4;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::new("wrong-password", &mqtt(), password_broker)
            .login("observer", "not the password")
            .never_connects(REFUSED, &["password", "credentials", "login", "not authorized"]),
        Trial::new("expired-certificate", &url("mqtts", TLS_PORT), |world| {
            certificates::write(world, true);
            start_forever(world, Listeners::PublicTls, "");
            Script::default()
        })
        .arguments(&["--cafile", "{folder}/ca.pem"])
        .never_connects(NEVER, &["expired"]),
        Trial::new("unknown-authority", &url("mqtts", TLS_PORT), |world| {
            certificates::write(world, false);
            start_forever(world, Listeners::PublicTls, "");
            Script::default()
        })
        .never_connects(NEVER, &["authority", "issuer", "self-signed", "not trusted"]),
        Trial::new("plain-to-tls", &url("mqtt", TLS_PORT), |world| {
            certificates::write(world, false);
            start_forever(world, Listeners::PublicTls, "");
            Script::default()
        })
        .never_connects(NEVER, &["tls", "mqtts"]),
        Trial::new("unknown-name", "mqtt://broker.invalid:1883", public_broker)
            .never_connects(NEVER, &["dns", "name", "looked up", "resolve"]),
        Trial::new("connection-refused", &url("mqtt", 1899), public_broker)
            .never_connects(NEVER, &["refused"]),
        Trial::new("no-route", &mqtt(), |world| {
            let script = public_broker(world);
            world.network.ip(Side::Client, "route del default");
            script
        })
        .never_connects(NEVER, &["unreachable", "route"]),
        Trial::new("foreign-client-id", &mqtt(), |world| {
            start_forever(world, Listeners::Public, "clientid_prefixes plant-");
            Script::default()
        })
        .client_id("office-4")
        .never_connects(REFUSED, &["not authorized", "client id", "credentials", "login"]),
        Trial::new("websocket-forbidden", &url("ws", PORT), |world| {
            inner_broker(world);
            haproxy::forbidding(world);
            Script::default()
        })
        .never_connects(REFUSED, &["403", "forbidden"]),
        Trial::new("websocket-to-plain", &url("ws", PORT), public_broker)
            .never_connects(NEVER, &["websocket", "mqtt://"]),
    ]
}

fn password_broker(world: &World) -> Script {
    let file = world.path("passwords");
    let output = world
        .network
        .command(Side::Server, "mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&file)
        .args(["observer", "the password"])
        .output()
        .expect("mosquitto_passwd starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = format!("allow_anonymous false\npassword_file {}", file.display());
    start_forever(world, Listeners::Public, &lines);
    Script::default()
}
