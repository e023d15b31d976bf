//! The details of the water heater: all received data, in groups.

use super::state::HeaterState;
use crate::device::{Fact, FactGroup, FactLevel};
use crate::navien::protocol::timetable::{RecirculationPeriod, TariffPeriod, Timetable};
use crate::navien::protocol::{DisplayUnits, EnergyReport, FieldValue, Month, UnparsedFields};

/// One group per kind of message received.
pub(super) fn fact_groups(state: &HeaterState, view: DisplayUnits) -> Vec<FactGroup> {
    let mut groups = Vec::new();
    let mut add = |title: &str, facts: Vec<Fact>| {
        if !facts.is_empty() {
            groups.push(FactGroup { title: title.into(), facts });
        }
    };
    if let Some(status) = state.status.as_deref() {
        add("State", field_facts(status.list(view), &status.unparsed));
    }
    if let Some(feature) = state.feature.as_deref() {
        add("Equipment", field_facts(feature.list(view), &feature.unparsed));
    }
    if let Some(energy) = &state.energy {
        add("Energy", days(energy));
    }
    if let Some(table) = &state.reservations {
        add("Reservations", timetable(table, |entry| entry.words(view.unit)));
    }
    if let Some(table) = &state.weekly {
        add("Weekly timetable", timetable(table, |entry| entry.words(view.unit)));
    }
    if let Some(table) = &state.recirculation {
        add("Recirculation", timetable(table, RecirculationPeriod::words));
    }
    if let Some(table) = &state.tariff {
        add("Tariff", timetable(table, TariffPeriod::words));
    }
    add("Other clients", state.other_clients.iter().map(|client| fact("Client", client)).collect());
    groups
}

fn fact(label: &str, value: &str) -> Fact {
    Fact::new(label, value, None, FactLevel::Normal)
}

/// The known fields, then the unreadable and the unknown ones.
fn field_facts(fields: Vec<FieldValue>, unparsed: &UnparsedFields) -> Vec<Fact> {
    let fields = fields.into_iter().filter_map(|shown| Some(fact(shown.field.label, &shown.words?)));
    let mut facts: Vec<_> = fields.collect();
    let warning = |label: &str, value: &str| Fact::new(label, value, None, FactLevel::Warn);
    facts.extend(
        unparsed.unreadable.iter().map(|(name, value)| warning(name, &format!("unreadable: {value}"))),
    );
    let unknown = unparsed.unknown.len() + unparsed.unknown_more;
    if unknown > 0 {
        let names = unparsed.unknown.join(", ");
        facts.push(warning("Unknown fields", &format!("{unknown}: {names}")));
    }
    facts
}

fn timetable<E>(table: &Timetable<E>, words: impl Fn(&E) -> String) -> Vec<Fact> {
    let state = match table.is_on {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    let mut facts = vec![fact("Followed", state)];
    let entries = table.entries.iter().zip(1..);
    facts.extend(entries.map(|(entry, number)| fact(&format!("Entry {number}"), &words(entry))));
    if table.skipped > 0 {
        facts.push(Fact::new("Unreadable entries", &table.skipped.to_string(), None, FactLevel::Warn));
    }
    facts
}

fn days(energy: &EnergyReport) -> Vec<Fact> {
    let mut facts = Vec::new();
    for month in &energy.months {
        for (day, number) in month.days.iter().zip(1..) {
            let share = day.heat_pump_percent().map(|share| format!(", heat pump {share:.0} %"));
            let words = format!("{}{}", day.sum(), share.unwrap_or_default());
            facts.push(fact(&format!("{}-{number:02}", month_words(month)), &words));
        }
    }
    facts
}

/// `2025-09`.
pub(super) fn month_words(month: &Month) -> String {
    let part = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| format!("{number:02}"));
    format!("{}-{}", part(month.year), part(month.month))
}
