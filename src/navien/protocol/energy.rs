//! Energy use by day.

use serde_json::{Map, Value};

use super::field::{I, UnparsedFields, Wh, message};
use super::number::whole;
use super::unit::Energy;

/// Maximum number of months kept of one answer: three years.
const MAX_MONTHS: usize = 36;
const MAX_DAYS: usize = 31;

message! {
    /// Use of one day, or the sum of several. A missing value counts as zero.
    Usage {
        "heUsage" element Wh "Electric elements";
        "hpUsage" heat_pump Wh "Heat pump";
        "heTime" element_hours I ["h"] "Electric elements ran";
        "hpTime" heat_pump_hours I ["h"] "Heat pump ran";
    }
}

impl Usage {
    /// Heat pump and elements together.
    pub fn sum(&self) -> Energy {
        self.element.unwrap_or_default().plus(self.heat_pump.unwrap_or_default())
    }

    /// Share of the heat pump in percent; `None` if nothing was used.
    pub fn heat_pump_percent(&self) -> Option<f64> {
        self.heat_pump.unwrap_or_default().percent_of(self.sum())
    }
}

/// The days of one month.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Month {
    /// Year, such as 2025.
    pub year: Option<i64>,
    /// 1 is January.
    pub month: Option<i64>,
    /// Starts with the first of the month. An unreadable day is empty and keeps its position.
    pub days: Vec<Usage>,
}

/// The answer to an energy query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EnergyReport {
    /// The total as reported by the device.
    pub total: Option<Usage>,
    /// The requested months.
    pub months: Vec<Month>,
    /// Number of months and days beyond the limits, and of invalid months.
    pub skipped: usize,
}

impl EnergyReport {
    /// Reads the `response` object; also the flat form of older documents, one month without `usage`.
    pub fn read(response: &Map<String, Value>) -> Self {
        let mut report = Self {
            total: response.get("total").and_then(Value::as_object).map(Usage::read),
            ..Self::default()
        };
        match response.get("usage") {
            Some(Value::Array(months)) => {
                report.skipped = months.len().saturating_sub(MAX_MONTHS);
                for month in months.iter().take(MAX_MONTHS) {
                    match month.as_object() {
                        Some(month) => report.add(month),
                        None => report.skipped += 1,
                    }
                }
            }
            _ if response.get("data").is_some_and(Value::is_array) => report.add(response),
            Some(_) => report.skipped += 1,
            None => {}
        }
        report
    }

    fn add(&mut self, month: &Map<String, Value>) {
        let days = month.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.skipped += days.len().saturating_sub(MAX_DAYS);
        let day = |day: &Value| day.as_object().map(Usage::read).unwrap_or_default();
        self.months.push(Month {
            year: month.get("year").and_then(whole),
            month: month.get("month").and_then(whole),
            days: days.iter().take(MAX_DAYS).map(day).collect(),
        });
    }

    /// The sum of the days, independent of the device's own total.
    pub fn sum(&self) -> Usage {
        let mut sum = Usage::default();
        for day in self.months.iter().flat_map(|month| &month.days) {
            sum.element = Some(sum.element.unwrap_or_default().plus(day.element.unwrap_or_default()));
            sum.heat_pump = Some(sum.heat_pump.unwrap_or_default().plus(day.heat_pump.unwrap_or_default()));
            let add = |a: Option<i64>, b: Option<i64>| Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0)));
            sum.element_hours = add(sum.element_hours, day.element_hours);
            sum.heat_pump_hours = add(sum.heat_pump_hours, day.heat_pump_hours);
        }
        sum.unparsed = UnparsedFields::default();
        sum
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value) -> EnergyReport {
        EnergyReport::read(json.as_object().unwrap())
    }

    #[test]
    fn a_bad_day_keeps_its_place() {
        let report = read(&json!({"usage": [
            {"year": "2025", "month": 9, "data": [{"hpUsage": 100}, "no day", {"heUsage": "x", "hpUsage": "20"}]},
            7,
        ]}));
        assert_eq!(report.months[0].days.len(), 3);
        assert_eq!(report.months[0].year, Some(2025));
        assert_eq!((report.sum().sum().wh(), report.skipped, report.total.is_none()), (120, 1, true));
        assert_eq!(report.months[0].days[2].unparsed.unreadable.len(), 1);
    }

    #[test]
    fn an_old_flat_answer_is_a_month() {
        let report = read(&json!({"year": 2024, "month": 2, "data": [{"hpUsage": 5}]}));
        assert_eq!((report.months.len(), report.sum().sum().wh()), (1, 5));
        assert_eq!(read(&json!({})), EnergyReport::default());
    }

    #[test]
    fn the_report_is_bounded() {
        let day = json!({"hpUsage": i64::MAX});
        let report = read(&json!({"usage": vec![json!({"data": vec![day; 100]}); 50]}));
        assert_eq!((report.months.len(), report.months[0].days.len()), (36, 31));
        assert_eq!(report.skipped, 14 + 36 * 69);
        assert_eq!(report.sum().sum().wh(), i64::MAX);
    }
}
