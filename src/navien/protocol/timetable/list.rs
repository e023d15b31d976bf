//! Reading of timetables, and validation of the entries to write.

use serde_json::{Map, Value};

use super::entry::{DEFAULT_DECIMALS, MAX_DECIMALS, RecirculationPeriod, Reservation, TariffPeriod};
use crate::navien::protocol::code::DhwOperationSetting;
use crate::navien::protocol::field::{B, Encoding};

/// Maximum number of entries kept of an answer.
const MAX_READ_ENTRIES: usize = 64;
/// Maximum number of entries written at once. The capacity of the device is unknown.
pub const MAX_WRITTEN_ENTRIES: usize = 16;
/// Bytes of one reservation in the compact form.
const RESERVATION_BYTES: usize = 6;

/// A timetable as reported by the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable<E> {
    /// Whether it is active.
    pub is_on: Option<bool>,
    /// Its entries, in the device's order.
    pub entries: Vec<E>,
    /// Number of entries that could not be read or exceed the maximum.
    pub skipped: usize,
}

impl<E> Default for Timetable<E> {
    fn default() -> Self {
        Self { is_on: None, entries: Vec::new(), skipped: 0 }
    }
}

/// The fields of an entry to write: name and number.
pub(in crate::navien::protocol) type WireFields = Vec<(&'static str, i64)>;

/// One entry of a timetable.
pub trait TimetableEntry: Sized {
    /// Parses an object.
    fn from_object(object: &Map<String, Value>) -> Self;

    /// All entries of the compact form with the count of unreadable ones; `None` if there is no such form.
    fn from_hexadecimal(_text: &str) -> Option<(Vec<Self>, usize)> {
        None
    }

    /// Whether it has no unknown and no unreadable fields.
    fn is_fully_parsed(&self) -> bool;

    /// The fields to write. `setpoints` are the lowest and highest half °C.
    ///
    /// # Errors
    ///
    /// The field that is missing or out of range, as a sentence.
    fn wire_fields(&self, setpoints: (i32, i32)) -> Result<Vec<(&'static str, i64)>, &'static str>;
}

impl<E: TimetableEntry> Timetable<E> {
    /// Reads the `response` object: a list of objects or the compact hexadecimal form.
    pub fn read(response: &Map<String, Value>) -> Self {
        let mut table = Self { is_on: response.get("reservationUse").and_then(B::read), ..Self::default() };
        match response.get("reservation").or_else(|| response.get("schedule")) {
            Some(Value::Array(entries)) => {
                table.skipped = entries.len().saturating_sub(MAX_READ_ENTRIES);
                for entry in entries.iter().take(MAX_READ_ENTRIES) {
                    match entry.as_object() {
                        Some(entry) => table.entries.push(E::from_object(entry)),
                        None => table.skipped += 1,
                    }
                }
            }
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => match E::from_hexadecimal(text) {
                Some((entries, skipped)) => (table.entries, table.skipped) = (entries, skipped),
                None => table.skipped = 1,
            },
            None | Some(Value::Null) => {}
            Some(_) => table.skipped = 1,
        }
        table
    }
}

impl TimetableEntry for Reservation {
    fn from_object(object: &Map<String, Value>) -> Self {
        Self::read(object)
    }

    fn is_fully_parsed(&self) -> bool {
        self.unparsed.is_empty()
    }

    /// Six bytes each; an entry of zeros is skipped, and bytes after the last whole entry are ignored.
    fn from_hexadecimal(text: &str) -> Option<(Vec<Self>, usize)> {
        let chunks = text.as_bytes().chunks_exact(2 * RESERVATION_BYTES);
        let (mut entries, mut skipped) = (Vec::new(), chunks.len().saturating_sub(MAX_READ_ENTRIES));
        for chunk in chunks.take(MAX_READ_ENTRIES) {
            match bytes(chunk) {
                Some([0, 0, 0, 0, 0, 0]) => {}
                Some(bytes) => entries.push(Self::from_bytes(bytes)),
                None => skipped += 1,
            }
        }
        Some((entries, skipped))
    }

    fn wire_fields(&self, setpoints: (i32, i32)) -> Result<WireFields, &'static str> {
        let mode = self.mode.map(DhwOperationSetting::number);
        let mode = in_range(mode, 1, 6, "the mode must be 1 to 6")?;
        let setpoint = self.setpoint.and_then(super::super::unit::Temperature::halves);
        let needs_no_setpoint = matches!(mode, 5 | 6) && setpoint == Some(0);
        let (lowest, highest) = if needs_no_setpoint { (0, 0) } else { setpoints };
        let setpoint = in_range(
            setpoint.map(i64::from),
            lowest.into(),
            highest.into(),
            "the setpoint is missing or outside the device's limits",
        )?;
        Ok(vec![
            ("enable", enable(self.is_enabled)?),
            ("week", week(self.week)?),
            ("hour", hour(self.hour)?),
            ("min", minute(self.minute)?),
            ("mode", mode),
            ("param", setpoint),
        ])
    }
}

impl TimetableEntry for TariffPeriod {
    fn from_object(object: &Map<String, Value>) -> Self {
        Self::read(object)
    }

    fn is_fully_parsed(&self) -> bool {
        self.unparsed.is_empty()
    }

    fn wire_fields(&self, _: (i32, i32)) -> Result<WireFields, &'static str> {
        let season =
            self.season.filter(|season| season.is_valid()).ok_or("the months are missing or wrong")?;
        let price = |digits| in_range(digits, 0, i32::MAX.into(), "a price is missing or wrong");
        let decimals = Some(self.decimals.unwrap_or(DEFAULT_DECIMALS));
        Ok(vec![
            ("season", season.0.into()),
            ("week", week(self.week)?),
            ("startHour", hour(self.start_hour)?),
            ("startMinute", minute(self.start_minute)?),
            ("endHour", hour(self.end_hour)?),
            ("endMinute", minute(self.end_minute)?),
            ("priceMin", price(self.price_min)?),
            ("priceMax", price(self.price_max)?),
            ("decimalPoint", in_range(decimals, 0, MAX_DECIMALS, "the decimals must be 0 to 10")?),
        ])
    }
}

impl TimetableEntry for RecirculationPeriod {
    fn from_object(object: &Map<String, Value>) -> Self {
        Self::read(object)
    }

    fn is_fully_parsed(&self) -> bool {
        self.unparsed.is_empty()
    }

    fn wire_fields(&self, _: (i32, i32)) -> Result<WireFields, &'static str> {
        let mode = self.mode.map(super::super::code::RecirculationMode::number);
        Ok(vec![
            ("enable", enable(self.is_enabled)?),
            ("week", week(self.week)?),
            ("startHour", hour(self.start_hour)?),
            ("startMin", minute(self.start_minute)?),
            ("endHour", hour(self.end_hour)?),
            ("endMin", minute(self.end_minute)?),
            ("mode", in_range(mode, 1, 4, "the mode must be 1 to 4")?),
        ])
    }
}

fn bytes(digits: &[u8]) -> Option<[u8; RESERVATION_BYTES]> {
    let mut bytes = [0; RESERVATION_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        // `from_str_radix` would accept a plus sign.
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn in_range(number: Option<i64>, min: i64, max: i64, message: &'static str) -> Result<i64, &'static str> {
    number.filter(|number| (min..=max).contains(number)).ok_or(message)
}

fn enable(is_enabled: Option<bool>) -> Result<i64, &'static str> {
    is_enabled.map(|is_enabled| if is_enabled { 2 } else { 1 }).ok_or("the switch `enable` is missing")
}

fn week(week: Option<super::calendar::Week>) -> Result<i64, &'static str> {
    week.filter(|week| week.is_valid()).map(|week| week.0.into()).ok_or("the days are missing or wrong")
}

fn hour(hour: Option<i64>) -> Result<i64, &'static str> {
    in_range(hour, 0, 23, "an hour must be 0 to 23")
}

fn minute(minute: Option<i64>) -> Result<i64, &'static str> {
    in_range(minute, 0, 59, "a minute must be 0 to 59")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reservations(reservation: &Value) -> Timetable<Reservation> {
        let response = json!({"reservationUse": 2, "reservation": reservation});
        Timetable::read(response.as_object().unwrap())
    }

    #[test]
    fn both_forms_parse_to_the_same_timetable() {
        let compact = reservations(&json!("027C061e0378ab"));
        let listed = reservations(&json!([{
            "enable": 2, "week": "124", "hour": 6, "min": 30, "mode": 3, "param": 120}]));
        assert_eq!(compact, listed);
        assert_eq!((compact.entries.len(), compact.skipped), (1, 0));
    }

    #[test]
    fn an_invalid_entry_skips_only_itself() {
        let table = reservations(&json!("zz7c061e0378013e1600026e+1+1+1+1+1+1"));
        assert_eq!((table.entries.len(), table.skipped), (1, 2));
        let table = reservations(&json!([7, {"week": 84}, null]));
        assert_eq!((table.entries.len(), table.skipped), (1, 2));
        assert_eq!(table.entries[0].hour, None);
        for nothing in [json!(""), json!(null), json!("02"), json!([])] {
            assert_eq!((reservations(&nothing).entries.len(), reservations(&nothing).skipped), (0, 0));
        }
        assert_eq!(reservations(&json!({"a": 1})).skipped, 1);
        assert_eq!(reservations(&json!("é".repeat(60))).skipped, 10);
    }

    #[test]
    fn timetables_are_bounded() {
        let table = reservations(&json!("027c061e0378".repeat(1000)));
        assert_eq!((table.entries.len(), table.skipped), (64, 936));
        assert_eq!(reservations(&json!(vec![json!({}); 1000])).entries.len(), 64);
    }

    #[test]
    fn only_valid_entries_are_written() {
        let sound = Reservation::from_bytes([2, 84, 6, 30, 3, 120]);
        let limits = (81, 131);
        assert_eq!(sound.wire_fields(limits).unwrap()[5], ("param", 120));
        for bytes in [
            [2, 0, 6, 30, 3, 120],
            [2, 85, 6, 30, 3, 120],
            [2, 84, 24, 30, 3, 120],
            [2, 84, 6, 60, 3, 120],
            [2, 84, 6, 30, 0, 120],
            [2, 84, 6, 30, 7, 120],
            [2, 84, 6, 30, 3, 132],
            [2, 84, 6, 30, 3, 0],
        ] {
            assert!(Reservation::from_bytes(bytes).wire_fields(limits).is_err(), "{bytes:?}");
        }
        assert!(
            Reservation::from_bytes([2, 84, 6, 30, 6, 0]).wire_fields(limits).is_ok(),
            "off needs no setpoint"
        );
        assert!(Reservation::default().wire_fields(limits).is_err());
        assert!(TariffPeriod::default().wire_fields(limits).is_err());
        assert!(RecirculationPeriod::default().wire_fields(limits).is_err());
    }
}
