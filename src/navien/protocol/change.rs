//! Changes between two statuses of a device, as texts for the timeline.

use super::code::CurrentOperationMode;
use super::error_code::ErrorCode;
use super::field::with_unit;
use super::status::Status;
use super::unit::{Temperature, TemperatureUnit};

/// One change of a device's state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// The hot-water temperature changed.
    Temperature {
        /// Before.
        from: Temperature,
        /// Now.
        to: Temperature,
    },
    /// The operation changed: what the device does, not the mode chosen by the user.
    Mode {
        /// Before.
        from: CurrentOperationMode,
        /// Now.
        to: CurrentOperationMode,
    },
    /// The electrical power changed.
    Power {
        /// Before, in W.
        from: f64,
        /// Now, in W.
        to: f64,
    },
    /// Heating started.
    HeatingStarted,
    /// Heating stopped.
    HeatingStopped,
    /// An error occurred, or a different one than before.
    ErrorDetected {
        /// Which.
        code: ErrorCode,
        /// Its sub code; 0 is none.
        sub_code: i64,
    },
    /// The error was cleared.
    ErrorCleared {
        /// The previous error.
        code: ErrorCode,
    },
}

impl Change {
    /// Name of the event in the reference client.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Temperature { .. } => "temperature_changed",
            Self::Mode { .. } => "mode_changed",
            Self::Power { .. } => "power_changed",
            Self::HeatingStarted => "heating_started",
            Self::HeatingStopped => "heating_stopped",
            Self::ErrorDetected { .. } => "error_detected",
            Self::ErrorCleared { .. } => "error_cleared",
        }
    }

    /// One line.
    pub fn words(&self, unit: TemperatureUnit) -> String {
        match self {
            Self::Temperature { from, to } => format!("hot water {} → {}", from.words(unit), to.words(unit)),
            Self::Mode { from, to } => format!("operation {from} → {to}"),
            Self::Power { from, to } => format!("power {} → {}", with_unit(*from, "W"), with_unit(*to, "W")),
            Self::HeatingStarted => "heating started".to_owned(),
            Self::HeatingStopped => "heating stopped".to_owned(),
            Self::ErrorDetected { code, sub_code } => format!("error {}", code.words(*sub_code)),
            Self::ErrorCleared { code } => format!("error {} cleared", code.words(0)),
        }
    }
}

/// The known values of a device's status, to detect changes. One per device.
///
/// The first value of each field is the baseline. A field missing in a status keeps its known value, so an
/// incomplete message hides no change.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Baseline {
    temperature: Option<Temperature>,
    mode: Option<CurrentOperationMode>,
    power: Option<f64>,
    is_heating: Option<bool>,
    error: Option<ErrorCode>,
}

impl Baseline {
    /// The changes made by this status.
    pub fn observe(&mut self, status: &Status) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some((from, to)) = replace_value(&mut self.temperature, status.dhw_temperature) {
            changes.push(Change::Temperature { from, to });
        }
        if let Some((from, to)) = replace_value(&mut self.mode, status.operation_mode) {
            changes.push(Change::Mode { from, to });
        }
        let is_known = |known: f64| status.power.is_some_and(|reported| is_same_power(known, reported));
        let power = status.power.filter(|_| !self.power.is_some_and(is_known));
        if let Some((from, to)) = replace_value(&mut self.power, power) {
            changes.push(Change::Power { from, to });
        }
        if let Some((_, is_heating)) = replace_value(&mut self.is_heating, status.is_heating()) {
            changes.push(if is_heating { Change::HeatingStarted } else { Change::HeatingStopped });
        }
        if let Some((from, code)) = replace_value(&mut self.error, status.error_code) {
            let sub_code = status.sub_error_code.unwrap_or(0);
            changes.push(if code.is_none() {
                Change::ErrorCleared { code: from }
            } else {
                Change::ErrorDetected { code, sub_code }
            });
        }
        changes
    }
}

/// The changes between two statuses of one device.
pub fn changes(before: &Status, after: &Status) -> Vec<Change> {
    let mut baseline = Baseline::default();
    baseline.observe(before);
    baseline.observe(after)
}

/// Whether two powers in W count as equal: a compressor is never quite steady, and a change reported at every
/// status hides the others. From zero to non-zero is always a change.
fn is_same_power(known: f64, reported: f64) -> bool {
    let difference = (known - reported).abs();
    (known > 0.0) == (reported > 0.0) && difference < 25.0_f64.max(known.abs() / 10.0)
}

/// Stores a reported value; returns old and new if they differ.
fn replace_value<T: Copy + PartialEq>(known: &mut Option<T>, reported: Option<T>) -> Option<(T, T)> {
    let new = reported?;
    let old = known.replace(new)?;
    (old != new).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status(fields: &Value) -> Status {
        Status::read(fields.as_object().unwrap())
    }

    fn change_words(before: &Value, after: &Value) -> Vec<String> {
        let changes = changes(&status(before), &status(after));
        changes.iter().map(|change| change.words(TemperatureUnit::Celsius)).collect()
    }

    #[test]
    fn each_change_has_a_text() {
        let before =
            json!({"dhwTemperature": 117, "operationMode": 0, "currentInstPower": 0, "errorCode": 0});
        let after = json!({"dhwTemperature": 118, "operationMode": 64, "currentInstPower": 450.5,
                           "errorCode": 515, "subErrorCode": 25});
        assert_eq!(
            change_words(&before, &after),
            [
                "hot water 58.5 °C → 59.0 °C",
                "operation Standby → Hybrid Efficiency",
                "power 0 W → 450.5 W",
                "heating started",
                "error E515-25 relay: upper heater",
            ]
        );
        let back = change_words(&after, &before);
        assert_eq!(back[3..], ["heating stopped", "error E515 relay cleared"]);
        assert!(change_words(&before, &before).is_empty());
    }

    #[test]
    fn another_error_is_a_new_error() {
        assert_eq!(
            change_words(&json!({"errorCode": 96}), &json!({"errorCode": 799})),
            ["error E799 water leak"]
        );
    }

    #[test]
    fn standby_power_is_not_heating() {
        let idle = json!({"operationBusy": 1, "currentInstPower": 0});
        let standby = json!({"operationBusy": 1, "currentInstPower": 3});
        let heating = json!({"operationBusy": 2, "currentInstPower": 453});
        assert_eq!(change_words(&idle, &standby), ["power 0 W → 3 W"]);
        assert_eq!(change_words(&standby, &heating), ["power 3 W → 453 W", "heating started"]);
    }

    #[test]
    fn small_power_changes_are_ignored_and_drift_is_reported() {
        let mut baseline = Baseline::default();
        let powers = [400.0, 415.0, 390.0, 424.0, 441.0, 460.0, 0.0, 3.0];
        let reported: Vec<_> = powers
            .iter()
            .flat_map(|power| baseline.observe(&status(&json!({"currentInstPower": power}))))
            .filter(|change| matches!(change, Change::Power { .. }))
            .map(|change| change.words(TemperatureUnit::Celsius))
            .collect();
        assert_eq!(reported, ["power 400 W → 441 W", "power 441 W → 0 W", "power 0 W → 3 W"]);
    }

    #[test]
    fn an_incomplete_status_does_not_hide_a_change() {
        let mut baseline = Baseline::default();
        assert!(baseline.observe(&status(&json!({"errorCode": 799}))).is_empty(), "the baseline");
        assert!(baseline.observe(&status(&json!({"errorCode": null}))).is_empty());
        let cleared = baseline.observe(&status(&json!({"errorCode": 0})));
        assert_eq!(cleared.iter().map(Change::name).collect::<Vec<_>>(), ["error_cleared"]);
    }
}
