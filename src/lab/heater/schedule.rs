//! The device's two timetables: reservations and time-of-use periods.

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// Entries kept of one timetable.
const MAX_ENTRIES: usize = 16;
/// Bytes of one reservation, in the order of their fields.
const RESERVATION_FIELDS: [&str; 6] = ["enable", "week", "hour", "min", "mode", "param"];
/// Fields of one time-of-use period.
const PERIOD_FIELDS: [&str; 9] = [
    "season",
    "week",
    "startHour",
    "startMinute",
    "endHour",
    "endMinute",
    "priceMin",
    "priceMax",
    "decimalPoint",
];

/// The timetables. The simulation stores them and does not act on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedules {
    /// 2 on, 1 off.
    pub(super) reservation_use: u8,
    reservations: Vec<[u8; 6]>,
    time_of_use: u8,
    periods: Vec<Value>,
}

impl Default for Schedules {
    /// Mon–Fri 6:30 Energy Saver at 60 °C; Tue–Sat 22:00 Electric at 55 °C, switched off; two tariffs.
    fn default() -> Self {
        let tariff = |start_hour: u8, end_hour: u8, price: u32| {
            let fields = [3087, 124, u32::from(start_hour), 0, u32::from(end_hour), 59, price, price, 5];
            Value::Object(
                PERIOD_FIELDS.iter().zip(fields).map(|(name, n)| ((*name).to_owned(), n.into())).collect(),
            )
        };
        Self {
            reservation_use: 2,
            reservations: vec![[2, 124, 6, 30, 3, 120], [1, 62, 22, 0, 2, 110]],
            time_of_use: 2,
            periods: vec![tariff(0, 6, 31_794), tariff(7, 13, 38_967)],
        }
    }
}

impl Schedules {
    /// Replaces all reservations. A request with an entry that does not fit changes nothing.
    pub(super) fn write_reservations(&mut self, request: &Value) {
        let Some(entries) = request["reservation"].as_array().filter(|all| all.len() <= MAX_ENTRIES) else {
            return;
        };
        let entry = |entry: &Value| {
            let mut bytes = [0; 6];
            for (byte, name) in bytes.iter_mut().zip(RESERVATION_FIELDS) {
                *byte = u8::try_from(entry[name].as_u64()?).ok()?;
            }
            Some(bytes)
        };
        let Some(entries) = entries.iter().map(entry).collect() else { return };
        self.reservations = entries;
        self.reservation_use = if request["reservationUse"] == 2 { 2 } else { 1 };
    }

    /// Replaces all time-of-use periods; a request without any is a query and changes nothing.
    pub(super) fn write_time_of_use(&mut self, request: &Value) {
        let Some(periods) = request["reservation"].as_array().filter(|all| all.len() <= MAX_ENTRIES) else {
            return;
        };
        let period = |period: &Value| {
            let field = |name: &&str| Some(((*name).to_owned(), period[*name].as_u64()?.into()));
            Some(Value::Object(PERIOD_FIELDS.iter().map(field).collect::<Option<Map<_, _>>>()?))
        };
        let Some(periods) = periods.iter().map(period).collect() else { return };
        self.periods = periods;
        self.time_of_use = if request["reservationUse"] == 2 { 2 } else { 1 };
    }

    /// The reservations in an answer: hexadecimal, one empty entry at the end.
    pub(super) fn reservations_json(&self) -> Value {
        let mut text = String::new();
        for byte in self.reservations.iter().flatten().chain(&[0; 6]) {
            let _ = write!(text, "{byte:02x}");
        }
        json!({ "reservationUse": self.reservation_use, "reservation": text })
    }

    /// The time-of-use periods in an answer.
    pub(super) fn time_of_use_json(&self) -> Value {
        json!({ "reservationUse": self.time_of_use, "reservation": self.periods })
    }
}
