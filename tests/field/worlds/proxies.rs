//! haproxy, nginx and stunnel with limits on silence, and reloads of them.

use rustix::process::{Signal, kill_process};

use super::{inner_broker, mqtt, url};
use crate::peers::mosquitto::{
    INNER_PORT, INNER_WEBSOCKET_PORT, Listeners, Mosquitto, PORT, TLS_PORT, publish_at,
};
use crate::peers::{haproxy, nginx, stunnel};
use crate::script::{Script, even_gaps, every, times};
use crate::trial::Trial;

const IDLE: &[&str] = &["idle_timeout"];
const CAUSES: &[&str] = &["proxy_idle_timeout"];
const RELOAD: &[&str] = &["scheduled", "outage"];
const RELOAD_CAUSES: &[&str] = &["broker_restart", "broker_maintenance", "scheduled_job"];
const LIMIT: &str = "limit_secs";

pub(super) fn trials() -> Vec<Trial> {
    haproxy_trials().into_iter().chain(nginx_trials()).chain(stunnel_trials()).collect()
}

fn haproxy_trials() -> Vec<Trial> {
    vec![
        // Nothing but silence: an idle limit and a lifetime look alike, and the honest answer puts the idle limit first.
        Trial::new("haproxy-idle-silent", &mqtt(), |world| {
            inner_broker(world);
            haproxy::tcp(world, 17, "");
            Script::default()
        })
        .keep_alive(60)
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 15.5, 18.5),
        Trial::new("haproxy-idle-talking", &mqtt(), |world| {
            inner_broker(world);
            haproxy::tcp(world, 11, "");
            let mut script = Script::default();
            publish_at(world, &mut script, "plant/flow", times(even_gaps(11, 1.0, 14.0)));
            script
        })
        .keep_alive(75)
        .topic("plant/#")
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 10.0, 12.0),
        // Two causes: an idle limit, and a broker that restarts on a timer.
        Trial::new("haproxy-idle-and-restarts", &mqtt(), |world| {
            let broker = Mosquitto::start(world, Listeners::Inner, "");
            haproxy::tcp(world, 18, "");
            let mut script = Script::default();
            script.at_each(every(60.0, 41.0), move |world| broker.borrow_mut().restart(world));
            script
        })
        .keep_alive(65)
        .drops(&["idle_timeout", "scheduled"], &["proxy_idle_timeout", "broker_restart", "scheduled_job"]),
        Trial::new("haproxy-tunnel", &url("ws", PORT), |world| {
            inner_broker(world);
            haproxy::websocket(world, 13);
            Script::default()
        })
        .keep_alive(90)
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 12.0, 14.2),
        Trial::new("haproxy-reload", &mqtt(), |world| {
            inner_broker(world);
            let pid = haproxy::tcp(world, 600, "  hard-stop-after 6s");
            let mut script = Script::default();
            script.at_each(every(43.0, 25.0), move |_| {
                let _ = kill_process(pid, Signal::USR2);
            });
            script
        })
        .keep_alive(10)
        .drops(RELOAD, RELOAD_CAUSES),
    ]
}

fn nginx_trials() -> Vec<Trial> {
    vec![
        Trial::new("nginx-stream-idle", &mqtt(), |world| {
            inner_broker(world);
            nginx::tcp(world, 19, 5);
            let mut script = Script::default();
            publish_at(world, &mut script, "plant/flow", times(even_gaps(19, 4.0, 24.0)));
            script
        })
        .keep_alive(70)
        .topic("plant/#")
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 18.0, 20.5),
        Trial::new("nginx-websocket-read", &url("ws", PORT), |world| {
            inner_broker(world);
            nginx::websocket(world, 21);
            Script::default()
        })
        .keep_alive(100)
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 19.5, 22.5),
        // nginx counts both directions: a client that publishes keeps the connection.
        Trial::new("nginx-websocket-publishing", &url("ws", PORT), |world| {
            inner_broker(world);
            nginx::websocket(world, 26);
            Script::default()
        })
        .keep_alive(120)
        .publishes_every(7)
        .nothing_sure(0),
        Trial::new("nginx-reload", &mqtt(), |world| {
            inner_broker(world);
            let pid = nginx::tcp(world, 600, 4);
            let mut script = Script::default();
            script.at_each(every(52.0, 31.0), move |_| {
                let _ = kill_process(pid, Signal::HUP);
            });
            script
        })
        .keep_alive(12)
        .drops(RELOAD, RELOAD_CAUSES),
    ]
}

fn stunnel_trials() -> Vec<Trial> {
    vec![
        Trial::new("stunnel-idle", &url("mqtts", TLS_PORT), |world| {
            inner_broker(world);
            stunnel::start(world, 14, INNER_PORT);
            Script::default()
        })
        .arguments(&["--cafile", "{folder}/ca.pem"])
        .keep_alive(50)
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 12.5, 16.0),
        Trial::new("stunnel-idle-websocket", &url("wss", TLS_PORT), |world| {
            inner_broker(world);
            stunnel::start(world, 23, INNER_WEBSOCKET_PORT);
            let mut script = Script::default();
            publish_at(world, &mut script, "plant/flow", times(even_gaps(23, 5.0, 30.0)));
            script
        })
        .arguments(&["--cafile", "{folder}/ca.pem"])
        .keep_alive(80)
        .topic("plant/#")
        .drops(IDLE, CAUSES)
        .parameter(LIMIT, 21.0, 25.5),
    ]
}
