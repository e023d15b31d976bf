//! Control requests and their effect on the machine.

use serde_json::Value;

use super::machine::{Machine, OperationMode};
use super::schedule::Schedules;

/// Half °C, as the feature message announces.
pub(super) const SETPOINTS: std::ops::RangeInclusive<i64> = 81..=131;
/// Half °C, as the feature message announces.
pub(super) const FREEZE_POINTS: std::ops::RangeInclusive<i64> = 12..=20;
/// Days that a setting in days may have.
const DAYS: std::ops::RangeInclusive<i64> = 1..=30;

/// Codes of the requests that do not set a switch.
pub(super) const STATUS: u64 = 0x0100_0003;
pub(super) const FEATURE: u64 = 0x0100_0001;
pub(super) const READ_RESERVATION: u64 = 0x0100_0006;
pub(super) const WRITE_RESERVATION: u64 = 0x0100_000A;
pub(super) const ENERGY: u64 = 0x0100_0009;
pub(super) const TIME_OF_USE: u64 = 33_554_439;
const WEEKLY_RESERVATION: u64 = 33_554_438;

/// The effect on the link to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkEffect {
    /// Nothing.
    None,
    /// The Wi-Fi module reconnects.
    Reconnect,
    /// The Wi-Fi module forgets its network: the device stays offline.
    ForgetNetwork,
}

/// Executes a control request. A request that is unknown, does not fit its mode string or exceeds the limits
/// is accepted without an error and changes nothing, as on the real device.
pub(super) fn apply_control_request(
    machine: &mut Machine,
    schedules: &mut Schedules,
    request: &Value,
) -> LinkEffect {
    let command = request["command"].as_u64().unwrap_or(0);
    let mode = request["mode"].as_str().unwrap_or_default();
    let number = |index: usize| request["param"].get(index).and_then(Value::as_i64);
    let within = |range: std::ops::RangeInclusive<i64>| number(0).filter(|value| range.contains(value));
    let settings = &mut machine.settings;
    match (command, mode) {
        (33_554_433, "power-off") => settings.is_powered = false,
        (33_554_434, "power-on") => settings.is_powered = true,
        (33_554_437, "dhw-mode") => set_mode(machine, number(0), number(1)),
        (33_554_464, "dhw-temperature") => {
            settings.setpoint = within(SETPOINTS).unwrap_or(settings.setpoint);
        }
        (33_554_451, "frez-temp") => {
            settings.freeze_protection = within(FREEZE_POINTS).unwrap_or(settings.freeze_protection);
        }
        (33_554_472, "anti-leg-on") => {
            if let Some(days) = within(DAYS) {
                settings.has_anti_legionella = true;
                settings.anti_legionella_days = days;
            }
        }
        (33_554_471, "anti-leg-off") => settings.has_anti_legionella = false,
        (33_554_473, "air-filter-reset") => machine.filter_hours = 0.0,
        (33_554_475, "tou-off") => settings.has_time_of_use = false,
        (33_554_476, "tou-on") => settings.has_time_of_use = true,
        (33_554_446, "wifi-reconnect") => return LinkEffect::Reconnect,
        (33_554_447, "wifi-reset") => return LinkEffect::ForgetNetwork,
        (WEEKLY_RESERVATION | WRITE_RESERVATION, _) => schedules.write_reservations(request),
        (TIME_OF_USE, _) => schedules.write_time_of_use(request),
        _ => {}
    }
    machine.update_heating();
    LinkEffect::None
}

fn set_mode(machine: &mut Machine, mode: Option<i64>, days: Option<i64>) {
    let mode = match (mode, days) {
        (Some(1), _) => OperationMode::HeatPump,
        (Some(2), _) => OperationMode::Electric,
        (Some(3), _) => OperationMode::EnergySaver,
        (Some(4), _) => OperationMode::HighDemand,
        (Some(5), Some(days)) if DAYS.contains(&days) => {
            return machine.set_mode(OperationMode::Vacation, days);
        }
        _ => return,
    };
    machine.set_mode(mode, 0);
}
