//! The energy used per day.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Days before the start of the simulation that have a (synthetic) record.
const HISTORY_DAYS: Days = Days::new(400);
/// Mean power of the heat pump, to compute hours from energy, in W.
const HEAT_PUMP_W: f64 = 460.0;

/// One day. Energy in Wh, time in hours.
#[derive(Debug, Clone, Copy, Default)]
struct DayEnergy {
    element_wh: f64,
    heat_pump_wh: f64,
    element_hours: f64,
    heat_pump_hours: f64,
}

impl DayEnergy {
    fn plus(self, other: Self) -> Self {
        Self {
            element_wh: self.element_wh + other.element_wh,
            heat_pump_wh: self.heat_pump_wh + other.heat_pump_wh,
            element_hours: self.element_hours + other.element_hours,
            heat_pump_hours: self.heat_pump_hours + other.heat_pump_hours,
        }
    }

    /// The values of the answer: whole numbers.
    fn rounded(self) -> Self {
        Self {
            element_wh: self.element_wh.round(),
            heat_pump_wh: self.heat_pump_wh.round(),
            element_hours: self.element_hours.round(),
            heat_pump_hours: self.heat_pump_hours.round(),
        }
    }

    fn to_json(self) -> Value {
        json!({
            "heUsage": whole(self.element_wh),
            "hpUsage": whole(self.heat_pump_wh),
            "heTime": whole(self.element_hours),
            "hpTime": whole(self.heat_pump_hours),
        })
    }
}

/// Energy per day, measured since the start and synthetic before it.
#[derive(Debug)]
pub(super) struct EnergyHistory {
    seed: u64,
    start: NaiveDate,
    days: BTreeMap<NaiveDate, DayEnergy>,
}

impl EnergyHistory {
    pub(super) fn new(seed: u64, start: NaiveDate) -> Self {
        Self { seed, start, days: BTreeMap::new() }
    }

    pub(super) fn heat_pump(&mut self, date: NaiveDate, wh: f64, hours: f64) {
        self.add(date, DayEnergy { heat_pump_wh: wh, heat_pump_hours: hours, ..DayEnergy::default() });
    }

    pub(super) fn element(&mut self, date: NaiveDate, wh: f64, hours: f64) {
        self.add(date, DayEnergy { element_wh: wh, element_hours: hours, ..DayEnergy::default() });
    }

    fn add(&mut self, date: NaiveDate, more: DayEnergy) {
        let day = self.days.entry(date).or_default();
        *day = day.plus(more);
    }

    /// The answer to an energy query. Months are reported day by day, the current one up to `today`.
    pub(super) fn report(&self, year: i32, months: &[u32], today: NaiveDate) -> Value {
        let mut total = DayEnergy::default();
        let mut usage = Vec::new();
        for month in months {
            let Some(first) = NaiveDate::from_ymd_opt(year, *month, 1) else { continue };
            let in_month = first.iter_days().take_while(|date| date.month() == *month && *date <= today);
            let days: Vec<DayEnergy> = in_month.map(|date| self.day(date).rounded()).collect();
            total = days.iter().fold(total, |sum, day| sum.plus(*day));
            let data: Vec<Value> = days.into_iter().map(DayEnergy::to_json).collect();
            usage.push(json!({ "year": year, "month": month, "data": data }));
        }
        json!({ "typeOfUsage": 1, "total": total.to_json(), "usage": usage })
    }

    fn day(&self, date: NaiveDate) -> DayEnergy {
        let is_history = self.start.checked_sub_days(HISTORY_DAYS).is_some_and(|oldest| date >= oldest);
        match self.days.get(&date) {
            Some(day) => *day,
            None if date < self.start && is_history => self.synthetic_day(date),
            None => DayEnergy::default(),
        }
    }

    /// The same for every query.
    fn synthetic_day(&self, date: NaiveDate) -> DayEnergy {
        let number = u64::from(date.num_days_from_ce().unsigned_abs());
        let mut random = StdRng::seed_from_u64(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let heat_pump_wh = f64::from(random.random_range(130..240)) * 10.0;
        let has_element = random.random_bool(0.1);
        DayEnergy {
            heat_pump_wh,
            heat_pump_hours: heat_pump_wh / HEAT_PUMP_W,
            element_wh: if has_element { 620.0 } else { 0.0 },
            element_hours: if has_element { 1.0 } else { 0.0 },
        }
    }
}

/// An integer of the message; a float out of range becomes 0.
pub(super) fn whole(number: f64) -> i64 {
    format!("{number:.0}").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_reported_by_day_and_add_up() {
        let mut history = EnergyHistory::new(7, date("2026-08-03"));
        history.heat_pump(date("2026-08-03"), 450.4, 1.0);
        history.element(date("2026-08-03"), 5000.0, 1.0);
        let report = history.report(2026, &[7, 8, 9, 13], date("2026-08-04"));
        let usage = report["usage"].as_array().unwrap();
        let days: Vec<usize> = usage.iter().map(|month| month["data"].as_array().unwrap().len()).collect();
        assert_eq!(days, [31, 4, 0]);
        assert_eq!(usage[1]["data"][2], json!({"heUsage": 5000, "hpUsage": 450, "heTime": 1, "hpTime": 1}));
        assert_eq!(usage[1]["data"][3]["hpUsage"], 0);
        for field in ["heUsage", "hpUsage", "heTime", "hpTime"] {
            let sum: i64 = usage
                .iter()
                .flat_map(|month| month["data"].as_array().unwrap())
                .map(|day| day[field].as_i64().unwrap())
                .sum();
            assert_eq!(report["total"][field], sum, "{field}");
        }
        assert_eq!(report, history.report(2026, &[7, 8, 9], date("2026-08-04")), "the same again");
        assert_eq!(history.report(2020, &[1], date("2026-08-04"))["total"]["hpUsage"], 0);
    }

    #[test]
    fn wire_integers_are_rounded() {
        assert_eq!((whole(2.6), whole(-0.4), whole(f64::NAN)), (3, 0, 0));
    }
}
