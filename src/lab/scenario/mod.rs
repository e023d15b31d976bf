//! Scenarios: causes of drops as they happen in the field. Each is a TOML file, built in or a user's.
//!
//! *Must not depend on* how a scenario is played: that is the task of [`LabSetup`](super::LabSetup), and for the
//! watched client of the program.

mod builtin;
mod checks;
mod file;
mod manual_faults;

use crate::diagnostics::{MqttVersion, Transport};
use serde::Deserialize;

pub use builtin::{builtin_text, scenarios};
pub use file::ScenarioError;
pub use manual_faults::{MANUAL_FAULTS, ManualFault};

use super::PathFault;

/// Messages that the watched client publishes by itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodicPublish {
    /// The topic.
    #[serde(deserialize_with = "checks::topic")]
    pub topic: String,
    /// Field seconds from one round to the next.
    #[serde(deserialize_with = "checks::positive")]
    pub every_secs: f64,
    /// Messages per round.
    #[serde(deserialize_with = "checks::count")]
    pub count: u32,
    /// Quality of service, 0 or 1.
    #[serde(deserialize_with = "checks::qos")]
    pub qos: u8,
}

/// One cause of drops. Times in field seconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name on the command line.
    #[serde(deserialize_with = "checks::name")]
    pub name: String,
    /// What will be seen, in one line.
    #[serde(deserialize_with = "checks::symptom")]
    pub symptom: String,
    /// What fails, in a few words; hidden in a blind run.
    #[serde(deserialize_with = "checks::fault")]
    pub fault: String,
    /// The drop patterns that are right in a blind run, the best first, by their names in exports; none if the
    /// drops follow several patterns at once. The classifier must not read them.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// Field seconds per second, so that a run shows its drops within a minute.
    #[serde(deserialize_with = "checks::speed")]
    pub speed: f64,
    /// The transport of the client.
    pub transport: Transport,
    /// The protocol version of the client.
    #[serde(rename = "mqtt_version")]
    pub version: MqttVersion,
    /// The keep-alive of the client; 0 = off.
    pub keep_alive_secs: u16,
    /// How long the client waits for a PINGRESP.
    #[serde(deserialize_with = "checks::positive")]
    pub ping_timeout_secs: f64,
    /// Times between the messages of the device, repeated; empty = the device is silent.
    #[serde(default, deserialize_with = "checks::intervals")]
    pub telemetry_secs: Vec<f64>,
    /// What the client publishes by itself.
    #[serde(default)]
    pub client_publishes: Vec<PeriodicPublish>,
    /// Time between renewals of the credentials, if they expire.
    #[serde(default, deserialize_with = "checks::optional_interval")]
    pub credential_renewal_secs: Option<f64>,
    /// The faults of the path.
    #[serde(default, deserialize_with = "checks::path_faults")]
    pub path_faults: Vec<PathFault>,
}

impl Scenario {
    /// The name of the default scenario.
    pub const DEFAULT: &'static str = "nat-silent";

    /// The built-in scenario of this name.
    ///
    /// # Errors
    /// The three most similar names, best first.
    pub fn find(name: &str) -> Result<&'static Self, Vec<&'static str>> {
        if let Some(found) = scenarios().iter().find(|scenario| scenario.name == name) {
            return Ok(found);
        }
        let mut names: Vec<_> = scenarios()
            .iter()
            .map(|scenario| (name_distance(name, &scenario.name), scenario.name.as_str()))
            .collect();
        names.sort_unstable();
        Err(names.into_iter().take(3).map(|(_, name)| name).collect())
    }
}

/// The distance of two names: names that contain the typed text come first, then those with the fewest edits.
fn name_distance(typed: &str, known: &str) -> (bool, usize) {
    let typed_lowercase = typed.to_lowercase();
    let is_part = !typed_lowercase.is_empty() && known.contains(typed_lowercase.as_str());
    (!is_part, strsim::levenshtein(&typed_lowercase, known))
}

/// The text of a speed on the screen: `1 s = 1 min`; nothing at the speed of the field.
pub fn speed_label(speed: f64) -> Option<String> {
    let (value, unit) = match speed {
        _ if (speed - 1.0).abs() < 1e-9 => return None,
        ..60.0 => (speed, "s"),
        ..3_600.0 => (speed / 60.0, "min"),
        _ => (speed / 3_600.0, "h"),
    };
    let digits = format!("{value:.2}");
    Some(format!("1 s = {} {unit}", digits.trim_end_matches('0').trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        for (wrong, expected) in [
            ("nat-silnet", "nat-silent"),
            ("nat", "nat-silent"),
            ("websocket", "websocket-24h"),
            ("pings", "slow-pings"),
            ("takover", "takeover"),
            ("", "deaf"),
        ] {
            let nearest = Scenario::find(wrong).expect_err("no such name");
            assert!(nearest.contains(&expected) && nearest.len() == 3, "{wrong}: {nearest:?}");
        }
    }

    #[test]
    fn speed_labels_are_rounded() {
        for (speed, label) in
            [(60.0, "1 s = 1 min"), (90.0, "1 s = 1.5 min"), (7_200.0, "1 s = 2 h"), (10.0, "1 s = 10 s")]
        {
            assert_eq!(speed_label(speed).as_deref(), Some(label));
        }
        assert_eq!(speed_label(1.0), None);
    }
}
