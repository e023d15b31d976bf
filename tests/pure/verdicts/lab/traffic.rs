//! The traffic over the connection.

use super::dice::Dice;
use super::world::{ScriptedAction, World, scripted_action};

/// Topic of the reports of the client.
pub(crate) const STATUS: &str = "home/water-heater/status";
/// Topic of the messages to the client.
pub(crate) const COMMAND: &str = "home/water-heater/command";

/// A traffic profile; times in field seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Traffic {
    /// Only pings.
    None,
    /// The client reports at nearly regular intervals.
    Status { every: f64, jitter: f64, qos: u8 },
    /// The server sends at irregular intervals.
    Inbound { every: f64 },
    /// Bursts of messages with long pauses.
    Bursts { every: f64, most: u64 },
    /// Messages in both directions, with pauses of up to `pause` now and then.
    Pauses { every: f64, share: f64, pause: f64, inbound: bool },
}

impl Traffic {
    /// Any profile with at most one message in `least` seconds on average.
    pub(crate) fn any(dice: &mut Dice, least: f64) -> Self {
        let every = dice.log(least.max(30.0), least.max(30.0) * 20.0);
        match dice.whole(0, 5) {
            0 => Self::None,
            1 | 2 => Self::Status {
                every,
                jitter: every * dice.pick(&[0.001, 0.02, 0.3]),
                qos: dice.pick(&[0, 1]),
            },
            3 => Self::Inbound { every },
            4 => Self::Bursts { every: every * 4.0, most: 6 },
            _ => Self::Pauses { every, share: 0.1, pause: every * 8.0, inbound: dice.chance(0.5) },
        }
    }

    pub(crate) fn deed(self) -> ScriptedAction {
        scripted_action(move |world, dice| talk(self, world, dice))
    }
}

async fn talk(traffic: Traffic, world: World, mut dice: Dice) {
    loop {
        match traffic {
            Traffic::None => return,
            Traffic::Status { every, jitter, qos } => {
                world.wait(every + dice.between(-jitter, jitter)).await;
                world.publish(STATUS, qos, 300);
            }
            Traffic::Inbound { every } => {
                world.wait(dice.wait(every)).await;
                world.deliver(COMMAND, 80);
            }
            Traffic::Bursts { every, most } => {
                world.wait(dice.wait(every)).await;
                for _ in 0..dice.whole(1, most) {
                    world.publish(STATUS, 0, 120);
                    world.wait(dice.between(0.05, 2.0)).await;
                }
            }
            Traffic::Pauses { every, share, pause, inbound } => {
                let is_pause = dice.chance(share);
                let secs = if is_pause { dice.between(every, pause) } else { dice.between(0.2, 1.0) * every };
                world.wait(secs).await;
                if inbound {
                    world.deliver(COMMAND, 80);
                } else {
                    world.publish(STATUS, 0, 300);
                }
            }
        }
    }
}
