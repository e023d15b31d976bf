//! The worlds. Each has numbers of its own, and none of them is chosen for what the verdict says about it.

mod brokers;
mod controls;
mod lifetimes;
mod links;
mod nat;
mod proxies;
mod refused;
mod rivals;

use crate::netns::SERVER;
use crate::peers::mosquitto::{Listeners, Mosquitto, PORT};
use crate::script::Script;
use crate::trial::Trial;
use crate::world::World;

/// Every trial.
pub(crate) fn all() -> Vec<Trial> {
    [
        nat::trials(),
        proxies::trials(),
        lifetimes::trials(),
        brokers::trials(),
        rivals::trials(),
        links::trials(),
        refused::trials(),
        controls::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A URL of the server.
fn url(scheme: &str, port: u16) -> String {
    format!("{scheme}://{SERVER}:{port}")
}

/// The URL of the broker, or of what is in front of it.
fn mqtt() -> String {
    url("mqtt", PORT)
}

/// A broker that listens on the server's address, and nothing that happens.
fn public_broker(world: &World) -> Script {
    start_forever(world, Listeners::Public, "");
    Script::default()
}

/// A broker on loopback, behind a proxy.
fn inner_broker(world: &World) {
    start_forever(world, Listeners::Inner, "");
}

/// A broker that runs until the end.
fn start_forever(world: &World, listeners: Listeners, lines: &str) {
    let broker = Mosquitto::start(world, listeners, lines);
    if let Some(process) = broker.borrow_mut().take_process() {
        world.keep(process);
    }
}
