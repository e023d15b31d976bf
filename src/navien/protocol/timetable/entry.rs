//! Entries of the timetables.

use super::calendar::{Season, Week};
use crate::navien::protocol::code::{DhwOperationSetting, RecirculationMode};
use crate::navien::protocol::field::{B, H, I, message};
use crate::navien::protocol::unit::TemperatureUnit;

/// Decimals of a price when none are reported.
pub(super) const DEFAULT_DECIMALS: i64 = 5;
/// Maximum number of decimals of a price.
pub(super) const MAX_DECIMALS: i64 = 10;

message! {
    /// Change of mode and setpoint at a time of the week.
    Reservation {
        "enable" is_enabled B "On";
        "week" week Week "Days";
        "hour" hour I "Hour";
        "min" minute I "Minute";
        "mode" mode DhwOperationSetting "Mode";
        "param" setpoint H "Setpoint";
    }
}

message! {
    /// Price of electricity at times of the week and year.
    TariffPeriod {
        "season" season Season "Months";
        "week" week Week "Days";
        "startHour" start_hour I "Start, hour";
        "startMinute" start_minute I "Start, minute";
        "endHour" end_hour I "End, hour";
        "endMinute" end_minute I "End, minute";
        "priceMin" price_min I "Lowest price, digits";
        "priceMax" price_max I "Highest price, digits";
        "decimalPoint" decimals I "Decimals of the prices";
    }
}

message! {
    /// When the recirculation pump runs.
    RecirculationPeriod {
        "enable" is_enabled B "On";
        "week" week Week "Days";
        "startHour" start_hour I "Start, hour";
        "startMin" start_minute I "Start, minute";
        "endHour" end_hour I "End, hour";
        "endMin" end_minute I "End, minute";
        "mode" mode RecirculationMode "Mode";
    }
}

impl Reservation {
    /// Parses the six bytes of the compact form. Never fails: invalid bytes give invalid values.
    pub(super) fn from_bytes(bytes: [u8; 6]) -> Self {
        let [enable, week, hour, minute, mode, setpoint] = bytes;
        Self {
            is_enabled: Some(enable == 2),
            week: Some(Week(week)),
            hour: Some(hour.into()),
            minute: Some(minute.into()),
            mode: Some(DhwOperationSetting::from_number(mode.into())),
            setpoint: Some(crate::navien::protocol::unit::Temperature::from_halves(setpoint.into())),
            ..Self::default()
        }
    }

    /// `on Mon–Fri 06:30 Energy Saver 140.0 °F`.
    pub fn words(&self, unit: TemperatureUnit) -> String {
        let mut words = vec![on_off(self.is_enabled), days(self.week), time(self.hour, self.minute)];
        words.extend(self.mode.map(|mode| mode.to_string()));
        words.extend(self.setpoint.map(|setpoint| setpoint.words(unit)));
        words.join(" ")
    }
}

impl TariffPeriod {
    /// Lowest and highest price in the currency of the supplier.
    pub fn prices(&self) -> (Option<f64>, Option<f64>) {
        let value = |digits: Option<i64>| price(digits?, self.decimals.unwrap_or(DEFAULT_DECIMALS));
        (value(self.price_min), value(self.price_max))
    }

    /// `Jan–Apr Mon–Fri 00:00–06:59 0.31794`.
    pub fn words(&self) -> String {
        let season = self.season.map_or_else(|| "?".to_owned(), |season| season.to_string());
        let start = time(self.start_hour, self.start_minute);
        let end = time(self.end_hour, self.end_minute);
        let price = match self.prices() {
            (Some(lowest), Some(highest)) if (lowest - highest).abs() > f64::EPSILON => {
                format!("{lowest}–{highest}")
            }
            (Some(price), _) | (None, Some(price)) => price.to_string(),
            (None, None) => "?".to_owned(),
        };
        format!("{season} {} {start}–{end} {price}", days(self.week))
    }
}

impl RecirculationPeriod {
    /// `on Mon–Fri 06:00–08:30 by schedule`.
    pub fn words(&self) -> String {
        let start = time(self.start_hour, self.start_minute);
        let end = time(self.end_hour, self.end_minute);
        let mode = self.mode.map(|mode| format!(" {mode}")).unwrap_or_default();
        format!("{} {} {start}–{end}{mode}", on_off(self.is_enabled), days(self.week))
    }
}

/// Digits with a decimal point: 31794 with five decimals is 0.31794. `None` for more than ten decimals.
pub fn price(digits: i64, decimals: i64) -> Option<f64> {
    let decimals = i32::try_from(decimals).ok().filter(|_| (0..=MAX_DECIMALS).contains(&decimals))?;
    #[expect(clippy::cast_precision_loss, reason = "a price has no 16 digits")]
    let digits = digits as f64;
    Some(digits / 10_f64.powi(decimals))
}

fn on_off(is_enabled: Option<bool>) -> String {
    match is_enabled {
        Some(true) => "on",
        Some(false) => "off",
        None => "?",
    }
    .to_owned()
}

fn days(week: Option<Week>) -> String {
    week.map_or_else(|| "?".to_owned(), |week| week.to_string())
}

fn time(hour: Option<i64>, minute: Option<i64>) -> String {
    let two = |part: Option<i64>| part.map_or_else(|| "??".to_owned(), |part| format!("{part:02}"));
    format!("{}:{}", two(hour), two(minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_a_one_line_form() {
        let entry = Reservation::from_bytes([2, 124, 6, 30, 3, 120]);
        assert_eq!(entry.words(TemperatureUnit::Fahrenheit), "on Mon–Fri 06:30 Energy Saver 140.0 °F");
        let strange = Reservation::from_bytes([255; 6]);
        assert_eq!(strange.words(TemperatureUnit::Celsius), "off every day 255:255 unknown (255) 127.5 °C");
        assert_eq!(Reservation::default().words(TemperatureUnit::Celsius), "? ? ??:??");
        assert_eq!(TariffPeriod::default().words(), "? ? ??:??–??:?? ?");
        assert_eq!(RecirculationPeriod::default().words(), "? ? ??:??–??:??");
    }

    #[test]
    fn prices_have_a_decimal_point() {
        assert_eq!(price(31_794, 5), Some(0.31794));
        assert_eq!(price(25, 2), Some(0.25));
        assert_eq!((price(1, 11), price(1, -1), price(1, i64::MAX)), (None, None, None));
    }
}
