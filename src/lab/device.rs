//! What does the device of a simulation report and obey? A water heater, plausible and never twice the same.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::control::Control;
use super::message::Message;

/// Where the device reports, retained.
pub const TELEMETRY_TOPIC: &str = "demo/water-heater/status";
/// Where it takes commands: JSON with `id` and `command` (`status`, `target`, `power-on` or `power-off`).
pub const COMMAND_TOPIC: &str = "demo/water-heater/command";
/// Where it answers them, with the same `id`.
pub const ANSWER_TOPIC: &str = "demo/water-heater/answer";

/// How long it thinks about a command, in real time.
const THOUGHT: Duration = Duration::from_millis(40);

/// The state of the heater.
#[derive(Debug)]
struct Heater {
    random: StdRng,
    temperature: f64,
    target: f64,
    heating: bool,
    powered: bool,
    sequence: u64,
}

impl Heater {
    fn new(seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { random, temperature: 49.0, target: 51.0, heating: false, powered: true, sequence: 0 }
    }

    /// A tank that cools slowly and is heated back, with some noise of the sensor.
    fn live(&mut self) -> Value {
        self.temperature += if self.heating { 0.25 } else { -0.1 } + self.random.random_range(-0.08..0.08);
        let limit = if self.heating { self.target + 0.5 } else { self.target - 3.5 };
        self.heating = self.powered && self.temperature < limit;
        self.sequence += 1;
        let watts = if self.heating { 430..460 } else { 2..5 };
        let (power, rssi) = (self.random.random_range(watts), self.random.random_range(-67..-58));
        json!({
            "sequence": self.sequence,
            "tankTemperature": (self.temperature * 10.0).round() / 10.0,
            "targetTemperature": self.target,
            "heating": self.heating,
            "powered": self.powered,
            "powerWatts": power,
            "wifiRssi": rssi,
        })
    }

    /// Carries out a command; `None` = it is none.
    fn obey(&mut self, payload: &[u8]) -> Option<Value> {
        let request: Value = serde_json::from_slice(payload).ok()?;
        let id = request.get("id")?.as_str()?;
        let done = match request.get("command")?.as_str()? {
            "status" => true,
            "power-on" | "power-off" => {
                self.powered = request["command"] == "power-on";
                true
            }
            "target" => {
                let target = request.get("degrees").and_then(Value::as_f64);
                let fits = target.filter(|target| (35.0..=65.0).contains(target));
                self.target = fits.unwrap_or(self.target);
                fits.is_some()
            }
            _ => false,
        };
        Some(json!({ "id": id, "done": done }))
    }
}

/// Reports and answers until the task is ended; `gaps` are the real times between two reports, in turns.
pub(super) async fn report(control: Control, seed: u64, gaps: Vec<Duration>) {
    let mut commands = control.overhear(COMMAND_TOPIC);
    let mut heater = Heater::new(seed);
    for gap in gaps.iter().cycle() {
        control.retain(TELEMETRY_TOPIC, heater.live().to_string());
        let pause = sleep(*gap);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some(command) = commands.recv() => {
                    let Some(answer) = heater.obey(&command.payload) else { continue };
                    sleep(THOUGHT).await;
                    control.publish(Message::new(ANSWER_TOPIC, answer.to_string()));
                    if answer["done"] == true {
                        control.retain(TELEMETRY_TOPIC, heater.live().to_string());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_obeyed_within_reason_and_answered_with_their_id() {
        let mut heater = Heater::new(1);
        let mut told = |text: &str| heater.obey(text.as_bytes());
        assert_eq!(
            told(r#"{"id":"a","command":"target","degrees":60}"#),
            Some(json!({"id": "a", "done": true}))
        );
        assert_eq!(
            told(r#"{"id":"b","command":"target","degrees":99}"#),
            Some(json!({"id": "b", "done": false}))
        );
        assert_eq!(told(r#"{"id":"c","command":"explode"}"#), Some(json!({"id": "c", "done": false})));
        for nonsense in ["", "{", "[]", r#"{"command":"status"}"#, r#"{"id":1,"command":"status"}"#] {
            assert_eq!(told(nonsense), None, "{nonsense}");
        }
        assert!(told(r#"{"id":"d","command":"power-off"}"#).is_some());
        let status = heater.live();
        assert_eq!((&status["targetTemperature"], &status["powered"]), (&json!(60.0), &json!(false)));
    }
}
