//! What does the device of a simulation report? A water heater's status, plausible and never twice the same.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use super::control::Control;

/// Where the device reports, retained.
pub const TELEMETRY_TOPIC: &str = "demo/water-heater/status";

/// Reports until the task is ended; `gaps` are the real times between two reports, in turns.
pub(super) async fn report(control: Control, seed: u64, gaps: Vec<Duration>) {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut temperature, mut heating, mut sequence) = (49.0_f64, false, 0_u64);
    for gap in gaps.iter().cycle() {
        // A tank that cools slowly and is heated back, with some noise of the sensor.
        temperature += if heating { 0.25 } else { -0.1 } + random.random_range(-0.08..0.08);
        heating = if heating { temperature < 51.5 } else { temperature < 47.5 };
        sequence += 1;
        let status = serde_json::json!({
            "sequence": sequence,
            "tankTemperature": (temperature * 10.0).round() / 10.0,
            "targetTemperature": 51.0,
            "heating": heating,
            "powerWatts": if heating { random.random_range(430..460) } else { random.random_range(2..5) },
            "wifiRssi": random.random_range(-67..-58),
        });
        control.retain(TELEMETRY_TOPIC, status.to_string());
        sleep(*gap).await;
    }
}
