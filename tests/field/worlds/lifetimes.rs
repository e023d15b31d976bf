//! Sessions that end at an age, whatever the traffic.

use super::{inner_broker, mqtt, url};
use crate::peers::mosquitto::{INNER_PORT, INNER_WEBSOCKET_PORT, PORT, publish_at};
use crate::peers::relay::{Ending, Rule};
use crate::script::{Script, every, exponential_gaps};
use crate::trial::Trial;

const LIFETIME: &[&str] = &["fixed_lifetime"];
const CAUSES: &[&str] = &["connection_age_limit", "authorizer_lifetime"];
const LIMIT: &str = "limit_secs";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::new("lifetime-talking", &mqtt(), |world| {
            inner_broker(world);
            world.relay(INNER_PORT, Rule::Ages(vec![30.0]), Ending::Fin);
            let mut script = Script::default();
            publish_at(world, &mut script, "line/state", every(4.3, 1.0));
            script
        })
        .topic("line/#")
        .keep_alive(60)
        .drops(LIFETIME, CAUSES)
        .parameter(LIMIT, 28.5, 31.5),
        Trial::new("lifetime-reset", &mqtt(), |world| {
            inner_broker(world);
            world.relay(INNER_PORT, Rule::Ages(vec![41.0]), Ending::Reset);
            Script::default()
        })
        .keep_alive(9)
        .drops(LIFETIME, CAUSES)
        .parameter(LIMIT, 39.0, 43.0),
        Trial::new("lifetime-websocket", &url("ws", PORT), |world| {
            inner_broker(world);
            world.relay(INNER_WEBSOCKET_PORT, Rule::Ages(vec![36.0]), Ending::Fin);
            Script::default()
        })
        .keep_alive(11)
        .drops(LIFETIME, CAUSES)
        .parameter(LIMIT, 34.0, 38.0),
        // A third of the sessions end earlier, at random.
        Trial::new("lifetime-and-random", &mqtt(), |world| {
            inner_broker(world);
            let ages = [27.0, 27.0, 9.1, 27.0, 16.4, 27.0, 27.0, 4.7, 27.0, 27.0, 21.3, 27.0, 13.9, 27.0];
            world.relay(INNER_PORT, Rule::Ages(ages.to_vec()), Ending::Fin);
            Script::default()
        })
        .keep_alive(6)
        .drops(LIFETIME, CAUSES)
        .parameter(LIMIT, 25.5, 28.5),
        // The id is dropscope's own random one, so no other client can have it.
        Trial::new("random-lives", &mqtt(), |world| {
            inner_broker(world);
            let ages = exponential_gaps(71, 26.0, 2.0).take(60).collect();
            world.relay(INNER_PORT, Rule::Ages(ages), Ending::Fin);
            Script::default()
        })
        .keep_alive(15)
        .drops(
            &["random"],
            // A polite close now and then: what stands at the other end does it.
            &["broker_maintenance", "broker_restart", "firewall_blocks", "proxy_idle_timeout"],
        ),
    ]
}
