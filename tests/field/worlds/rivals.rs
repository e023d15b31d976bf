//! Another client with the same client id.

use super::{mqtt, public_broker};
use crate::peers::mosquitto::{subscribe_as, visit_as};
use crate::script::every;
use crate::trial::Trial;

const CAUSES: &[&str] = &["client_id_taken", "own_second_connection"];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        // Both reconnect at once and take the session from each other.
        Trial::new("twin-loop", &mqtt(), |world| {
            let mut script = public_broker(world);
            script.at(18.0, |world| subscribe_as(world, "greenhouse-7", "mqttv311"));
            script
        })
        .client_id("greenhouse-7")
        .keep_alive(20)
        .lasts(150)
        .drops(&["client_id_takeover"], CAUSES),
        // The broker says so: MQTT 5 has reason code 0x8E.
        Trial::new("twin-loop-v5", &mqtt(), |world| {
            let mut script = public_broker(world);
            script.at(9.0, |world| subscribe_as(world, "boiler-3", "mqttv5"));
            script
        })
        .client_id("boiler-3")
        .arguments(&["--mqtt-version", "5"])
        .keep_alive(25)
        .lasts(120)
        .drops(&["client_id_takeover"], CAUSES),
        // A job with the same id runs on a timer: a schedule is a fair answer if the cause is right.
        Trial::new("twin-on-a-timer", &mqtt(), |world| {
            let mut script = public_broker(world);
            script.at_each(every(27.0, 14.0), |world| visit_as(world, "meter-12"));
            script
        })
        .client_id("meter-12")
        .keep_alive(16)
        .drops(
            &["client_id_takeover", "scheduled"],
            &["client_id_taken", "own_second_connection", "scheduled_job"],
        ),
    ]
}
