//! What the broker itself does: restarts, crashes, rejected operations.

use rustix::process::Signal;

use super::{inner_broker, mqtt, start_forever};
use crate::peers::mosquitto::{INNER_PORT, Listeners, Mosquitto, retain};
use crate::peers::relay::{Ending, Rule};
use crate::script::{Script, every, exponential_gaps, times};
use crate::trial::Trial;

const RESTART_CAUSES: &[&str] = &["broker_restart", "broker_maintenance", "scheduled_job"];

pub(super) fn trials() -> Vec<Trial> {
    restarts().into_iter().chain(rejections()).collect()
}

fn restarts() -> Vec<Trial> {
    vec![
        Trial::new("broker-restart-timer", &mqtt(), |world| {
            let broker = Mosquitto::start(world, Listeners::Public, "");
            let mut script = Script::default();
            script.at_each(every(38.0, 22.0), move |world| broker.borrow_mut().restart(world));
            script
        })
        .keep_alive(20)
        .drops(&["scheduled", "outage"], RESTART_CAUSES),
        Trial::new("broker-killed-at-random", &mqtt(), |world| {
            let broker = Mosquitto::start(world, Listeners::Public, "");
            let mut script = Script::default();
            for time in times(exponential_gaps(5, 34.0, 6.0)) {
                let (ended, launched) = (broker.clone(), broker.clone());
                script.at(time, move |_| ended.borrow_mut().end(Signal::KILL));
                script.at(time + 2.0, move |world| launched.borrow_mut().launch(world));
            }
            script
        })
        .keep_alive(17)
        .drops(&["random", "outage"], &["broker_restart", "broker_maintenance", "packet_loss"]),
        // Connection refused for a while after each drop.
        Trial::new("broker-down-for-a-while", &mqtt(), |world| {
            let broker = Mosquitto::start(world, Listeners::Public, "");
            let mut script = Script::default();
            for time in [29.0, 77.0, 104.0, 171.0, 236.0, 282.0] {
                let (ended, launched) = (broker.clone(), broker.clone());
                script.at(time, move |_| ended.borrow_mut().end(Signal::TERM));
                script.at(time + 11.0, move |world| launched.borrow_mut().launch(world));
            }
            script
        })
        .keep_alive(25)
        .drops(&["outage", "random"], &["broker_restart", "broker_maintenance"]),
    ]
}

fn rejections() -> Vec<Trial> {
    vec![
        // A policy of the kind that ends the connection: 60 ms after a SUBSCRIBE to a forbidden topic.
        Trial::new("policy-subscribe", &mqtt(), |world| {
            inner_broker(world);
            let rule = Rule::AfterSubscribe { filter: "forbidden/#", delay_secs: 0.06 };
            world.relay(INNER_PORT, rule, Ending::Fin);
            Script::default()
        })
        .topic("allowed/#")
        .topic("forbidden/#")
        .keep_alive(30)
        .drops(&["publish_triggered"], &["refused_by_policy"]),
        // A retained message above the client's own limit of 1 MiB: each subscription ends in a drop.
        Trial::new("packet-above-own-limit", &mqtt(), |world| {
            start_forever(world, Listeners::Public, "");
            retain(world, "camera/picture", 1_300_007);
            Script::default()
        })
        .topic("camera/#")
        .arguments(&["--mqtt-version", "3.1.1"])
        .keep_alive(30)
        .drops(&["publish_triggered"], &["packet_too_large_for_client"]),
        // Each publish is larger than the broker takes, and ends in a drop. The program sends no third one.
        Trial::new("packet-above-broker-limit", &mqtt(), |world| {
            start_forever(world, Listeners::Public, "max_packet_size 200");
            Script::default()
        })
        .arguments(&["--mqtt-version", "3.1.1"])
        .publishes_every(20)
        .payload_bytes(401)
        .keep_alive(30)
        .lasts(240)
        .drops(&["publish_triggered"], &["packet_too_large_for_broker", "refused_by_policy"])
        .at_least(2),
        // The broker refuses a subscription with a code in SUBACK and keeps the connection.
        Trial::new("acl-subscribe", &mqtt(), |world| {
            let file = world.write("acl", "topic read public/#\n").display().to_string();
            start_forever(world, Listeners::Public, &format!("acl_file {file}"));
            Script::default()
        })
        .topic("private/#")
        .keep_alive(30)
        .lasts(150)
        .nothing_sure(0),
        // The broker takes the publish and does not deliver it (MQTT 3.1.1 has no way to say so).
        Trial::new("acl-publish", &mqtt(), |world| {
            let file = world.write("acl", "topic read #\n").display().to_string();
            start_forever(world, Listeners::Public, &format!("acl_file {file}"));
            Script::default()
        })
        .arguments(&["--mqtt-version", "3.1.1"])
        .publishes_every(5)
        .keep_alive(30)
        .lasts(150)
        .nothing_sure(0),
    ]
}
