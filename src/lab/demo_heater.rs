//! The simulated water heater of a scenario: its reports and its commands.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::broker::BrokerControl;
use super::packet::ApplicationMessage;

/// The topic of the device's reports, which are retained.
pub const TELEMETRY_TOPIC: &str = "demo/water-heater/status";
/// The topic of commands: JSON with `id` and `command` (`status`, `target`, `power-on` or `power-off`).
pub const COMMAND_TOPIC: &str = "demo/water-heater/command";
/// The topic of the answers, with the `id` of the command.
pub const ANSWER_TOPIC: &str = "demo/water-heater/answer";

/// How long a command takes, in real time.
const COMMAND_LATENCY: Duration = Duration::from_millis(40);

/// The state of the heater.
#[derive(Debug)]
struct DemoHeater {
    random: StdRng,
    temperature: f64,
    target: f64,
    heating: bool,
    powered: bool,
    sequence: u64,
}

impl DemoHeater {
    fn new(seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { random, temperature: 49.0, target: 51.0, heating: false, powered: true, sequence: 0 }
    }

    /// The next report: the tank cools slowly and is heated again, with sensor noise.
    fn simulate_step(&mut self) -> Value {
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

    /// Executes a command; `None` if the payload is not a command.
    fn execute(&mut self, payload: &[u8]) -> Option<Value> {
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
                let accepted_target = target.filter(|target| (35.0..=65.0).contains(target));
                self.target = accepted_target.unwrap_or(self.target);
                accepted_target.is_some()
            }
            _ => false,
        };
        Some(json!({ "id": id, "done": done }))
    }
}

/// Reports and answers until the task is ended; `intervals` are the real times between reports, repeated.
pub(super) async fn run(control: BrokerControl, seed: u64, intervals: Vec<Duration>) {
    let mut commands = control.tap(COMMAND_TOPIC);
    let mut heater = DemoHeater::new(seed);
    for interval in intervals.iter().cycle() {
        control.retain(TELEMETRY_TOPIC, heater.simulate_step().to_string());
        let pause = sleep(*interval);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some(command) = commands.recv() => {
                    let Some(answer) = heater.execute(&command.payload) else { continue };
                    sleep(COMMAND_LATENCY).await;
                    control.publish(ApplicationMessage::new(ANSWER_TOPIC, answer.to_string()));
                    if answer["done"] == true {
                        control.retain(TELEMETRY_TOPIC, heater.simulate_step().to_string());
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
    fn commands_are_validated_and_answered_with_their_id() {
        let mut heater = DemoHeater::new(1);
        let mut execute = |text: &str| heater.execute(text.as_bytes());
        assert_eq!(
            execute(r#"{"id":"a","command":"target","degrees":60}"#),
            Some(json!({"id": "a", "done": true}))
        );
        assert_eq!(
            execute(r#"{"id":"b","command":"target","degrees":99}"#),
            Some(json!({"id": "b", "done": false}))
        );
        assert_eq!(execute(r#"{"id":"c","command":"explode"}"#), Some(json!({"id": "c", "done": false})));
        for invalid in ["", "{", "[]", r#"{"command":"status"}"#, r#"{"id":1,"command":"status"}"#] {
            assert_eq!(execute(invalid), None, "{invalid}");
        }
        assert!(execute(r#"{"id":"d","command":"power-off"}"#).is_some());
        let status = heater.simulate_step();
        assert_eq!((&status["targetTemperature"], &status["powered"]), (&json!(60.0), &json!(false)));
    }
}
