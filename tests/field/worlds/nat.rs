//! A router with a real connection tracking table that forgets silent connections.

use super::{mqtt, public_broker};
use crate::netns::UnknownPacket;
use crate::peers::mosquitto::publish_at;
use crate::script::{Script, even_gaps, every, times};
use crate::trial::Trial;
use crate::world::World;

const IDLE: &[&str] = &["idle_timeout"];
const CAUSES: &[&str] = &["nat_idle_timeout", "proxy_idle_timeout", "firewall_blocks"];
const LIMIT: &str = "limit_secs";

fn router(timeout_secs: u32, unknown: UnknownPacket) -> impl Fn(&World) -> Script {
    move |world| {
        let script = public_broker(world);
        world.network.translate(timeout_secs, unknown);
        script
    }
}

/// The same with messages from the broker at gaps between `low` and `high` seconds.
fn talking_router(
    timeout_secs: u32,
    unknown: UnknownPacket,
    (low, high): (f64, f64),
) -> impl Fn(&World) -> Script {
    move |world| {
        let mut script = public_broker(world);
        world.network.translate(timeout_secs, unknown);
        publish_at(
            world,
            &mut script,
            "house/temperature",
            times(even_gaps(u64::from(timeout_secs), low, high)),
        );
        script
    }
}

pub(super) fn trials() -> Vec<Trial> {
    use UnknownPacket::{Ignored, Reset};
    vec![
        // Only the keep-alive ends a silence, so each one is fatal: the limit is somewhere below the keep-alive.
        Trial::new("nat-silent", &mqtt(), router(12, Ignored))
            .keep_alive(20)
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 0.0, 21.0),
        Trial::new("nat-silent-near", &mqtt(), router(37, Ignored))
            .keep_alive(41)
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 0.0, 42.0),
        Trial::new("nat-reset", &mqtt(), router(9, Reset))
            .keep_alive(24)
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 0.0, 25.0),
        Trial::new("nat-reset-near", &mqtt(), router(29, Reset))
            .keep_alive(33)
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 0.0, 34.0),
        // Messages from the broker show which silences are survived.
        Trial::new("nat-silent-talking", &mqtt(), talking_router(16, Ignored, (3.0, 27.0)))
            .keep_alive(31)
            .topic("house/#")
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 10.0, 32.0),
        Trial::new("nat-reset-talking", &mqtt(), talking_router(14, Reset, (2.0, 19.0)))
            .keep_alive(25)
            .topic("house/#")
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 9.0, 26.0),
        // The client publishes, but less often than the router remembers.
        Trial::new("nat-reset-publishing", &mqtt(), router(10, Reset))
            .keep_alive(55)
            .publishes_every(18)
            .drops(IDLE, CAUSES)
            .parameter(LIMIT, 0.0, 26.0),
        // No drop: the traffic, or the keep-alive, is faster than the limit.
        Trial::new("nat-busy", &mqtt(), |world| {
            let mut script = public_broker(world);
            world.network.translate(15, Ignored);
            publish_at(world, &mut script, "house/temperature", every(4.0, 2.0));
            script
        })
        .keep_alive(45)
        .topic("house/#")
        .nothing_sure(0),
        Trial::new("nat-keep-alive-below", &mqtt(), router(31, Ignored)).keep_alive(13).nothing_sure(0),
    ]
}
