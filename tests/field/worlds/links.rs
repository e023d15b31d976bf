//! Links, routes and addresses that go and come back; a client that is stopped.

use rustix::process::Signal;

use super::{mqtt, public_broker};
use crate::netns::{CLIENT, GATEWAY, Side};
use crate::script::{Script, every, exponential_gaps, times};
use crate::trial::Trial;
use crate::world::World;

const LINE_CAUSES: &[&str] = &[
    "internet_line_reset",
    "wifi_link",
    "route_changed",
    "packet_loss",
    "address_lease",
    "wifi_power_save",
    "broker_restart",
];
const UNRELATED_IN_TIME: &[&str] = &["random", "outage", "bursty", "system_event"];

pub(super) fn trials() -> Vec<Trial> {
    outages().into_iter().chain(local_events()).collect()
}

/// Every packet through the router is lost for `secs` at these times.
fn lose_packets(script: &mut Script, at: impl Iterator<Item = f64>, secs: f64, rule: &'static str) {
    for time in at {
        script.at(time, move |world| {
            world.network.nft(
                Side::Router,
                &format!(
                    "table ip loss {{\n chain f {{\n type filter hook forward priority 0\n {rule}\n }}\n }}\n"
                ),
            );
        });
        script.at(time + secs, |world| world.network.nft(Side::Router, "delete table ip loss\n"));
    }
}

fn outages() -> Vec<Trial> {
    vec![
        Trial::new("wan-link-flaps", &mqtt(), |world| {
            let mut script = public_broker(world);
            for time in times(exponential_gaps(5, 41.0, 19.0)) {
                script.at(time, |world| world.network.ip(Side::Router, "link set wan down"));
                script.at(time + 14.0, |world| world.network.ip(Side::Router, "link set wan up"));
            }
            script
        })
        .keep_alive(5)
        .drops(UNRELATED_IN_TIME, LINE_CAUSES),
        Trial::new("loss-bursts", &mqtt(), |world| {
            let mut script = public_broker(world);
            let starts = times(exponential_gaps(31, 43.0, 22.0));
            lose_packets(&mut script, starts.into_iter(), 17.0, "numgen random mod 100 < 92 drop");
            script
        })
        .keep_alive(6)
        .drops(UNRELATED_IN_TIME, LINE_CAUSES),
        // The connection of the moment dies without a sign; the next one works at once.
        Trial::new("half-open", &mqtt(), |world| {
            let mut script = public_broker(world);
            world.network.translate(600, crate::netns::UnknownPacket::Ignored);
            for time in times(exponential_gaps(23, 42.0, 20.0)) {
                script.at(time, forget_connections);
            }
            script
        })
        .keep_alive(8)
        .drops(
            UNRELATED_IN_TIME,
            &[
                "packet_loss",
                "internet_line_reset",
                "wifi_link",
                "firewall_blocks",
                "nat_idle_timeout",
                "route_changed",
            ],
        ),
    ]
}

/// Empties the connection tracking table, as a router does when it restarts.
fn forget_connections(world: &World) {
    let _ = world.network.command(Side::Router, "conntrack").arg("-F").output();
}

fn local_events() -> Vec<Trial> {
    vec![
        Trial::new("own-link-flaps", &mqtt(), |world| {
            let mut script = public_broker(world);
            for time in times(exponential_gaps(47, 45.0, 17.0)) {
                script.at(time, |world| world.network.ip(Side::Client, "link set eth0 down"));
                script.at(time + 12.0, |world| {
                    world.network.ip(Side::Client, "link set eth0 up");
                    world.network.try_ip(Side::Client, &format!("route add default via {GATEWAY}"));
                });
            }
            script
        })
        .keep_alive(7)
        .drops(UNRELATED_IN_TIME, LINE_CAUSES),
        Trial::new("route-deleted", &mqtt(), |world| {
            let mut script = public_broker(world);
            for time in [19.0, 71.0, 108.0, 181.0, 223.0, 276.0] {
                script.at(time, |world| world.network.ip(Side::Client, "route del default"));
                script.at(time + 16.0, |world| {
                    world.network.ip(Side::Client, &format!("route add default via {GATEWAY}"));
                });
            }
            script
        })
        .keep_alive(6)
        .drops(UNRELATED_IN_TIME, LINE_CAUSES),
        Trial::new("address-changed", &mqtt(), |world| {
            let mut script = public_broker(world);
            for (number, time) in every(47.0, 23.0).enumerate() {
                script.at(time, move |world| change_address(world, number));
            }
            script
        })
        .keep_alive(9)
        .drops(
            &["system_event", "scheduled", "outage", "random"],
            &["address_lease", "route_changed", "wifi_link", "internet_line_reset"],
        ),
        // The client is stopped for longer than the broker waits: 1.5 keep-alives (MQTT 3.1.1, 3.1.2.10).
        Trial::new("client-stopped", &mqtt(), |world| {
            let mut script = public_broker(world);
            for time in [24.0, 74.0, 113.0, 178.0, 227.0, 283.0] {
                script.at(time, |world| world.signal_client(Signal::STOP));
                script.at(time + 21.0, |world| world.signal_client(Signal::CONT));
            }
            script
        })
        .keep_alive(10)
        .drops(
            &["system_event", "keep_alive_timeout"],
            &["host_stalled", "computer_slept", "keep_alive_missed"],
        ),
    ]
}

/// Gives the client another address of the same network, and takes the earlier one away.
fn change_address(world: &World, number: usize) {
    let address = |number: usize| match number {
        0 => CLIENT.to_owned(),
        _ => format!("192.168.1.{}", 20 + number),
    };
    let network = &world.network;
    network.ip(Side::Client, &format!("addr del {}/24 dev eth0", address(number)));
    network.ip(Side::Client, &format!("addr add {}/24 dev eth0", address(number + 1)));
    network.try_ip(Side::Client, &format!("route add default via {GATEWAY}"));
}
