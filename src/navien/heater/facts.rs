//! The facts of the water heater shown in the overview.

use super::details::month_words;
use super::state::HeaterState;
use crate::device::{Fact, FactLevel};
use crate::navien::protocol::code::{DhwOperationSetting, DrEvent, HeatSource, OnOff};
use crate::navien::protocol::{DisplayUnits, EnergyReport, ErrorCode, Status, Temperature};

/// Usable hot water below this share of the tank is low, in percent.
const LOW_CHARGE_PERCENT: f64 = 20.0;

/// The most important first; fields that were not reported are left out.
pub(super) fn facts(state: &HeaterState, view: DisplayUnits) -> Vec<Fact> {
    let mut list = FactList(Vec::new());
    if let Some(status) = state.status.as_deref() {
        add_alarms(&mut list, status);
        add_overview(&mut list, status, view);
        add_conditional(&mut list, status, view);
    }
    if let Some(feature) = state.feature.as_deref() {
        list.add("Tank", feature.tank_size.map(|size| size.to_string()), FactLevel::Normal);
    }
    if let Some(energy) = &state.energy {
        add_energy(&mut list, energy);
    }
    if state.has_duplicate_client {
        list.add("Client id", Some("also used by another program".to_owned()), FactLevel::Bad);
    }
    if !state.other_clients.is_empty() {
        list.add("Other clients", Some(state.other_clients.len().to_string()), FactLevel::Normal);
    }
    if state.unreadable > 0 {
        list.add("Unreadable answers", Some(state.unreadable.to_string()), FactLevel::Warn);
    }
    list.0
}

struct FactList(Vec<Fact>);

impl FactList {
    fn add(&mut self, label: &str, value: Option<String>, level: FactLevel) {
        self.0.extend(value.map(|value| Fact::new(label, &value, None, level)));
    }
}

/// Alarms that need immediate attention.
fn add_alarms(list: &mut FactList, status: &Status) {
    list.add("Error", status.error_words(), FactLevel::Bad);
    for (label, is_set, words) in [
        ("Leak sensor", status.has_leak, "wet"),
        ("Condensate", status.has_condensate_overflow, "overflows"),
        ("High limit", status.has_eco_tripped, "tripped"),
    ] {
        list.add(label, is_set.filter(|is_set| *is_set).map(|_| words.to_owned()), FactLevel::Bad);
    }
}

fn add_overview(list: &mut FactList, status: &Status, view: DisplayUnits) {
    let normal = FactLevel::Normal;
    let degrees = |temperature: Option<Temperature>| temperature.map(|one| one.words(view.unit));
    list.add("Hot water", degrees(status.dhw_temperature), normal);
    list.add("Setpoint", degrees(status.setpoint), normal);
    let is_off = status.mode == Some(DhwOperationSetting::PowerOff);
    let level = if is_off { FactLevel::Warn } else { normal };
    list.add("Mode", status.mode.map(|mode| mode.to_string()), level);
    list.add("Operation", status.operation_mode.map(|mode| mode.to_string()), normal);
    let level = if status.is_heating() == Some(true) { FactLevel::Good } else { normal };
    list.add("Heated by", heating(status), level);
    list.add("Power", status.power.map(|power| format!("{power:.0} W")), normal);
    let is_low = status.charge.is_some_and(|charge| charge < LOW_CHARGE_PERCENT);
    let level = if is_low { FactLevel::Warn } else { normal };
    list.add("Tank charge", status.charge.map(|charge| format!("{charge:.0} %")), level);
    if let Some((words, level)) = status.wifi_rssi.map(wifi) {
        list.add("Wi-Fi", Some(words), level);
    }
    if status.error_code.is_some_and(ErrorCode::is_none) {
        list.add("Errors", Some("none".to_owned()), FactLevel::Good);
    }
}

/// The current heat source.
fn heating(status: &Status) -> Option<String> {
    if !status.is_heating()? {
        return Some("idle".to_owned());
    }
    let source = status.heat_source.filter(|source| *source != HeatSource::Nothing);
    Some(source.map_or_else(|| "unknown".to_owned(), |source| source.to_string()))
}

/// Signal strength in dBm with a rating: −30 is the best in practice, at −90 little gets through. A missing value
/// reads as 0, which no real station reaches.
fn wifi(rssi: i64) -> (String, FactLevel) {
    let (word, level) = match rssi {
        0.. => return ("unknown".to_owned(), FactLevel::Normal),
        -59..=-1 => ("strong", FactLevel::Normal),
        -69..=-60 => ("fair", FactLevel::Normal),
        -79..=-70 => ("weak", FactLevel::Warn),
        _ => ("very weak", FactLevel::Bad),
    };
    (format!("{rssi} dBm, {word}"), level)
}

/// Facts shown only when they apply.
fn add_conditional(list: &mut FactList, status: &Status, view: DisplayUnits) {
    let normal = FactLevel::Normal;
    list.add("Usable energy", status.usable_energy().map(|energy| energy.to_string()), normal);
    let is_drawn = status.is_water_used == Some(true);
    list.add("Water drawn", status.flow.filter(|_| is_drawn).map(|flow| flow.words(view.unit)), normal);
    let is_away = status.mode == Some(DhwOperationSetting::Vacation);
    let left = status.vacation_days.zip(status.vacation_elapsed).filter(|_| is_away);
    let words = left.map(|(days, gone)| format!("{} of {days} days left", days.saturating_sub(gone)));
    list.add("Vacation", words, normal);
    let event = status.demand_response.filter(|event| *event != DrEvent::NotApplied);
    list.add("Demand response", event.map(|event| event.to_string()), FactLevel::Warn);
    let is_on = status.has_time_of_use == Some(true);
    list.add("Tariff", is_on.then(|| "active".to_owned()), normal);
    let is_due = status.air_filter_alarm.is_some_and(OnOff::is_on);
    let hours = status.air_filter_elapsed.zip(status.air_filter_period).filter(|_| is_due);
    let is_over = hours.is_some_and(|(elapsed, period)| period > 0 && elapsed >= period);
    list.add("Air filter", is_over.then(|| "cleaning due".to_owned()), FactLevel::Warn);
}

/// Energy of the requested months and the share of the heat pump.
fn add_energy(list: &mut FactList, energy: &EnergyReport) {
    let sum = energy.sum();
    let label = match energy.months.as_slice() {
        [] => return,
        [month] => format!("Energy {}", month_words(month)),
        months => format!("Energy, {} months", months.len()),
    };
    list.add(&label, Some(sum.sum().to_string()), FactLevel::Normal);
    let share = sum.heat_pump_percent().map(|share| format!("{share:.0} %"));
    list.add("Heat pump share", share, FactLevel::Normal);
}
