//! Which stories can the lab tell? Each is a row of data: what ails, at which speed, who publishes what.
//!
//! *Must not know* how a story is played: that is the [`Stage`](super::Stage)'s, and for the watched
//! client the program's.

mod manual_faults;
mod pattern;
mod table;

pub use manual_faults::{MANUAL_FAULTS, ManualFault};
pub use table::SCENARIOS;

use super::PathFault;
use crate::diagnostics::{MqttVersion, Transport};

/// What the watched client publishes by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodicPublish {
    /// The topic.
    pub topic: &'static str,
    /// Field seconds from one round to the next.
    pub every_secs: f64,
    /// Messages per round.
    pub count: u32,
    /// Quality of service, 0 or 1.
    pub qos: u8,
}

/// One story: a cause of drops as it happens in the field. Times in field seconds.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What will be seen, in one line.
    pub symptom: &'static str,
    /// What ails, in a few words; hidden in a blind run.
    pub fault: &'static str,
    /// Field seconds per second, so that it is told within a minute.
    pub speed: f64,
    /// How the client connects.
    pub transport: Transport,
    /// What it speaks.
    pub version: MqttVersion,
    /// Its keep-alive.
    pub keep_alive_secs: u16,
    /// How long it waits for a PINGRESP.
    pub ping_timeout_secs: f64,
    /// Time between the messages of the device it listens to, in turns; empty = the device is silent.
    pub telemetry_secs: &'static [f64],
    /// What it publishes.
    pub client_publishes: &'static [PeriodicPublish],
    /// The credentials are renewed so often, if they expire.
    pub credential_renewal_secs: Option<f64>,
    /// What ails the path.
    pub path_faults: fn() -> Vec<PathFault>,
}

impl Scenario {
    /// The story told when none is asked for.
    pub const DEFAULT: &'static str = "nat-silent";

    /// The story of this name.
    ///
    /// # Errors
    /// The names that look most like it, best first.
    pub fn find(name: &str) -> Result<&'static Self, Vec<&'static str>> {
        if let Some(found) = SCENARIOS.iter().find(|scenario| scenario.name == name) {
            return Ok(found);
        }
        let mut names: Vec<_> =
            SCENARIOS.iter().map(|scenario| (name_distance(name, scenario.name), scenario.name)).collect();
        names.sort_unstable();
        Err(names.into_iter().take(3).map(|(_, name)| name).collect())
    }
}

/// How unlike two names are: one that contains what was typed comes first, then the fewest edits.
fn name_distance(typed: &str, known: &str) -> (bool, usize) {
    let typed_lowercase = typed.to_lowercase();
    let is_part = !typed_lowercase.is_empty() && known.contains(typed_lowercase.as_str());
    (!is_part, levenshtein_distance(&typed_lowercase, known))
}

/// The Levenshtein distance.
fn levenshtein_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// How time passes at a speed, as said on the screen: `1 s = 1 min`; nothing at the field's own.
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
    fn every_scenario_is_valid_and_has_a_unique_name() {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[index + 1..].iter().all(|other| other.name != scenario.name));
            assert!(scenario.name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()));
            assert!(scenario.speed >= 1.0 && scenario.ping_timeout_secs > 0.0, "{}", scenario.name);
            assert!(
                (20..=90).contains(&scenario.symptom.chars().count()),
                "{}: {}",
                scenario.name,
                scenario.symptom
            );
            assert!((3..=60).contains(&scenario.fault.chars().count()), "{}", scenario.name);
            assert!(scenario.telemetry_secs.iter().all(|gap| *gap > 0.0));
        }
        assert!(Scenario::find(Scenario::DEFAULT).is_ok());
    }

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
