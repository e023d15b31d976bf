//! Worlds without a cause to be found: nothing happens, or too little.

use rustix::process::Signal;

use super::{inner_broker, mqtt, public_broker, start_forever, url};
use crate::peers::haproxy;
use crate::peers::mosquitto::{Listeners, Mosquitto, PORT, publish_at};
use crate::script::{Script, every};
use crate::trial::Trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::new("healthy", &mqtt(), public_broker).keep_alive(30).lasts(180).nothing_sure(0),
        Trial::new("healthy-websocket", &url("ws", PORT), |world| {
            inner_broker(world);
            haproxy::websocket(world, 300);
            let mut script = Script::default();
            publish_at(world, &mut script, "house/temperature", every(6.1, 2.0));
            script
        })
        .topic("house/#")
        .keep_alive(20)
        .lasts(180)
        .nothing_sure(0),
        // The broker allows a shorter keep-alive only, and says so in CONNACK (MQTT 5, 3.2.2.3.14).
        Trial::new("healthy-server-keep-alive", &mqtt(), |world| {
            start_forever(world, Listeners::Public, "max_keepalive 20");
            Script::default()
        })
        .arguments(&["--mqtt-version", "5"])
        .keep_alive(200)
        .lasts(180)
        .nothing_sure(0),
        // Two crashes in three minutes: no verdict can be sure.
        Trial::new("two-drops", &mqtt(), |world| {
            let broker = Mosquitto::start(world, Listeners::Public, "");
            let mut script = Script::default();
            for time in [48.0, 131.0] {
                let (ended, launched) = (broker.clone(), broker.clone());
                script.at(time, move |_| ended.borrow_mut().end(Signal::KILL));
                script.at(time + 1.0, move |world| launched.borrow_mut().launch(world));
            }
            script
        })
        .keep_alive(15)
        .lasts(180)
        .nothing_sure(2),
    ]
}
