//! Quantities and the units they are shown in.

use std::fmt;

/// Tenths of a degree in half a degree.
const TENTHS_PER_HALF: i32 = 5;
/// Larger values count as invalid, in tenths: 10 000 °C.
const MAX_TENTHS: f64 = 100_000.0;
const GALLONS_PER_LITER: f64 = 0.264_172;

/// The temperature scale on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TemperatureUnit {
    /// Degrees Celsius; water in liters.
    Celsius,
    /// Degrees Fahrenheit; water in gallons. The device's unit if it reports none.
    #[default]
    Fahrenheit,
}

impl fmt::Display for TemperatureUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Celsius => "°C",
            Self::Fahrenheit => "°F",
        })
    }
}

/// How the device's own panel rounds °F.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Up, except when the last digit of the raw number is 9.
    #[default]
    Asymmetric,
    /// To the nearest, ties to even.
    Standard,
}

/// Units and rounding for showing values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DisplayUnits {
    /// Scale of temperatures and volumes.
    pub unit: TemperatureUnit,
    /// For the one temperature that the device shows in whole °F.
    pub rounding: Rounding,
}

impl DisplayUnits {
    /// Shows values in this unit.
    pub fn of(unit: TemperatureUnit) -> Self {
        Self { unit, rounding: Rounding::default() }
    }
}

/// A temperature, exact to a tenth of a degree Celsius: both encodings of the wire fit without loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Temperature {
    tenths: i32,
}

impl Temperature {
    /// From the wire's half degrees Celsius, the unit of all settings.
    pub const fn from_halves(halves: i16) -> Self {
        // An i16 times five fits an i32.
        Self { tenths: halves as i32 * TENTHS_PER_HALF }
    }

    /// The setting nearest to the requested temperature: whole half degrees Celsius, ties to even as in the
    /// reference client. `None` beyond the possible range.
    pub fn setting(degrees: f64, unit: TemperatureUnit) -> Option<Self> {
        let celsius = match unit {
            TemperatureUnit::Celsius => degrees,
            TemperatureUnit::Fahrenheit => (degrees - 32.0) * 5.0 / 9.0,
        };
        let halves = (celsius * 2.0).round_ties_even();
        Self::from_tenths(halves * f64::from(TENTHS_PER_HALF))
    }

    /// From tenths of a degree Celsius, rounded to whole ones; `None` beyond 10 000 °C.
    pub(super) fn from_tenths(tenths: f64) -> Option<Self> {
        round_tenths(tenths).map(|tenths| Self { tenths })
    }

    /// The wire's half degrees Celsius; `None` if it is not a whole number of them.
    pub fn halves(self) -> Option<i32> {
        (self.tenths % TENTHS_PER_HALF == 0).then_some(self.tenths / TENTHS_PER_HALF)
    }

    /// In °C.
    pub fn celsius(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// In °F.
    pub fn fahrenheit(self) -> f64 {
        self.celsius() * 9.0 / 5.0 + 32.0
    }

    /// In whole °F as the device's own panel rounds it.
    pub fn panel_fahrenheit(self, rounding: Rounding) -> f64 {
        let fahrenheit = self.fahrenheit();
        match rounding {
            Rounding::Standard => fahrenheit.round_ties_even(),
            Rounding::Asymmetric if (self.tenths / TENTHS_PER_HALF) % 10 == 9 => fahrenheit.floor(),
            Rounding::Asymmetric => fahrenheit.ceil(),
        }
    }

    /// In the given unit.
    pub fn degrees(self, unit: TemperatureUnit) -> f64 {
        match unit {
            TemperatureUnit::Celsius => self.celsius(),
            TemperatureUnit::Fahrenheit => self.fahrenheit(),
        }
    }

    /// With one decimal and the unit: `58.5 °C`.
    pub fn words(self, unit: TemperatureUnit) -> String {
        format!("{} {unit}", decimal(self.degrees(unit), 1))
    }
}

/// A difference of two temperatures, exact to a tenth of a kelvin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemperatureDifference {
    tenths: i32,
}

impl TemperatureDifference {
    pub(super) fn from_tenths(tenths: f64) -> Option<Self> {
        round_tenths(tenths).map(|tenths| Self { tenths })
    }

    /// In kelvin.
    pub fn kelvin(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// In °F steps: without the offset of 32 of an absolute temperature.
    pub fn fahrenheit(self) -> f64 {
        self.kelvin() * 9.0 / 5.0
    }

    /// With one decimal and the unit: `5.0 K`, `9.0 °F`.
    pub fn words(self, unit: TemperatureUnit) -> String {
        match unit {
            TemperatureUnit::Celsius => format!("{} K", decimal(self.kelvin(), 1)),
            TemperatureUnit::Fahrenheit => format!("{} °F", decimal(self.fahrenheit(), 1)),
        }
    }
}

/// Water flow, exact to a tenth of a liter per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowRate {
    tenths: i32,
}

impl FlowRate {
    pub(super) fn from_tenths(tenths: f64) -> Option<Self> {
        round_tenths(tenths).map(|tenths| Self { tenths })
    }

    /// In liters per minute.
    pub fn liters_per_minute(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// In US gallons per minute.
    pub fn gallons_per_minute(self) -> f64 {
        self.liters_per_minute() * GALLONS_PER_LITER
    }

    /// `7.5 L/min` or `1.98 GPM`.
    pub fn words(self, unit: TemperatureUnit) -> String {
        match unit {
            TemperatureUnit::Celsius => format!("{} L/min", decimal(self.liters_per_minute(), 1)),
            TemperatureUnit::Fahrenheit => format!("{} GPM", decimal(self.gallons_per_minute(), 2)),
        }
    }
}

/// A volume of water in whole liters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume {
    liters: u32,
}

impl Volume {
    pub(super) fn from_liters(liters: u32) -> Self {
        Self { liters }
    }

    /// In liters.
    pub fn liters(self) -> f64 {
        f64::from(self.liters)
    }

    /// In US gallons.
    pub fn gallons(self) -> f64 {
        self.liters() * GALLONS_PER_LITER
    }

    /// `84210 L` or `22245.92 gal`.
    pub fn words(self, unit: TemperatureUnit) -> String {
        match unit {
            TemperatureUnit::Celsius => format!("{} L", self.liters),
            TemperatureUnit::Fahrenheit => format!("{} gal", decimal(self.gallons(), 2)),
        }
    }
}

/// Energy in watt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Energy {
    wh: i64,
}

impl Energy {
    /// From watt-hours.
    pub const fn from_wh(wh: i64) -> Self {
        Self { wh }
    }

    /// In watt-hours.
    pub const fn wh(self) -> i64 {
        self.wh
    }

    /// The sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { wh: self.wh.saturating_add(other.wh) }
    }

    /// The difference, at least zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { wh: self.wh.saturating_sub(other.wh).max(0) }
    }

    /// The share of the whole in percent; `None` if the whole is zero.
    pub fn percent_of(self, whole: Self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
        let [part, whole] = [self.wh as f64, whole.wh as f64];
        (whole > 0.0).then(|| part / whole * 100.0)
    }
}

impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wh.unsigned_abs() < 10_000 {
            return write!(f, "{} Wh", self.wh);
        }
        let sign = if self.wh < 0 { "-" } else { "" };
        let tens = self.wh.unsigned_abs().div_euclid(10);
        write!(f, "{sign}{}.{:02} kWh", tens / 100, tens % 100)
    }
}

fn round_tenths(tenths: f64) -> Option<i32> {
    let rounded = tenths.round();
    #[expect(clippy::cast_possible_truncation, reason = "whole and far within i32")]
    (rounded.abs() <= MAX_TENTHS).then_some(rounded as i32)
}

/// With this many decimals and no minus sign before zero.
pub(super) fn decimal(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.chars().all(|digit| matches!(digit, '0' | '.')) => zero.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_degrees_are_exact_both_ways() {
        for (degrees, unit, halves) in [
            (60.0, TemperatureUnit::Celsius, 120),
            (140.0, TemperatureUnit::Fahrenheit, 120),
            (121.0, TemperatureUnit::Fahrenheit, 99),
            (45.0, TemperatureUnit::Fahrenheit, 14),
            (40.25, TemperatureUnit::Celsius, 80),
            (40.75, TemperatureUnit::Celsius, 82),
        ] {
            let setting = Temperature::setting(degrees, unit).unwrap();
            assert_eq!(setting.halves(), Some(halves), "{degrees} {unit}");
        }
        assert!((i16::MIN..=i16::MAX).all(|raw| Temperature::from_halves(raw).halves() == Some(raw.into())));
        for out_of_range in [f64::NAN, f64::INFINITY, 1e9, -1e300] {
            assert_eq!(Temperature::setting(out_of_range, TemperatureUnit::Celsius), None, "{out_of_range}");
        }
    }

    #[test]
    fn the_panel_rounding_is_reproduced() {
        // 19 half degrees: 49.1 °F; 20: 50.0; 21: 50.9; -9: 23.9; 15: 45.5.
        for (raw, asymmetric, standard) in
            [(19, 49.0, 49.0), (20, 50.0, 50.0), (21, 51.0, 51.0), (-9, 24.0, 24.0), (15, 46.0, 46.0)]
        {
            let temperature = Temperature::from_halves(raw);
            for (rounding, expected) in [(Rounding::Asymmetric, asymmetric), (Rounding::Standard, standard)] {
                let shown = temperature.panel_fahrenheit(rounding);
                assert!((shown - expected).abs() < 1e-9, "{raw} {rounding:?}: {shown}");
            }
        }
        let nine = Temperature::from_halves(9);
        assert!((nine.panel_fahrenheit(Rounding::Asymmetric) - 40.0).abs() < 1e-9, "40.1 goes down");
        let eight = Temperature::from_halves(11);
        assert!((eight.panel_fahrenheit(Rounding::Asymmetric) - 42.0).abs() < 1e-9, "41.9 goes up");
    }

    #[test]
    fn a_difference_has_no_offset() {
        let superheat = TemperatureDifference::from_tenths(50.0).unwrap();
        assert_eq!(superheat.words(TemperatureUnit::Celsius), "5.0 K");
        assert_eq!(superheat.words(TemperatureUnit::Fahrenheit), "9.0 °F");
        assert_eq!(Temperature::from_tenths(-178.0).unwrap().words(TemperatureUnit::Fahrenheit), "0.0 °F");
    }

    #[test]
    fn energy_is_shown_in_wh_or_kwh() {
        for (wh, words) in [(912, "912 Wh"), (57_640, "57.64 kWh"), (-12_345, "-12.34 kWh")] {
            assert_eq!(Energy::from_wh(wh).to_string(), words);
        }
        assert_eq!(Energy::from_wh(i64::MIN).saturating_sub(Energy::from_wh(1)), Energy::default());
        assert_eq!(Energy::from_wh(1).percent_of(Energy::default()), None);
        assert_eq!(Energy::from_wh(i64::MAX).plus(Energy::from_wh(1)).wh(), i64::MAX);
    }
}
