//! The simulation of the water heater: thermostats, heat sources and draws of water.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::energy_history::EnergyHistory;
use super::tank::Tank;

/// Step of the simulation, in field time.
const STEP: Duration = Duration::from_secs(10);
/// Missed time beyond this is skipped: the tank reaches the same state in less.
const LONGEST_GAP: TimeDelta = TimeDelta::days(60);
/// Ambient air and cold water, in °C.
pub(super) const AMBIENT_C: f64 = 21.2;
const INLET_C: f64 = 12.0;
/// Electrical power of one element, in W.
const ELEMENT_W: f64 = 5000.0;
const STANDBY_W: f64 = 3.0;
/// The thermostat starts to heat this far below the setpoint, in K and in half degrees.
const HYSTERESIS_K: f64 = 3.5;
pub(super) const HYSTERESIS_HALVES: i64 = 7;
/// Below this the Energy Saver mode uses the upper element, in °C.
const EMERGENCY_C: f64 = 40.5;
/// High Demand uses it this far below the setpoint, in K.
const DEMAND_K: f64 = 8.0;
/// Compressor and refrigerant faults: the heat pump stays off.
const HEAT_PUMP_FAULTS: std::ops::RangeInclusive<u16> = 907..=940;
/// Mean time between two draws of water, in seconds.
const MEAN_SECS_BETWEEN_DRAWS: f64 = 3.0 * 3600.0;

/// The operation mode chosen by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperationMode {
    HeatPump = 1,
    Electric = 2,
    EnergySaver = 3,
    HighDemand = 4,
    Vacation = 5,
}

/// The heat sources that are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heating {
    pub(super) heat_pump: bool,
    pub(super) upper: bool,
    pub(super) lower: bool,
}

impl Heating {
    pub(super) fn is_any(self) -> bool {
        self.heat_pump || self.upper || self.lower
    }
}

/// Water being drawn.
#[derive(Debug, Clone, Copy)]
struct WaterDraw {
    liters_left: f64,
    liters_per_minute: f64,
}

/// Settings that commands change and the status reports.
#[derive(Debug, Clone)]
pub(super) struct MachineSettings {
    pub(super) is_powered: bool,
    pub(super) mode: OperationMode,
    /// Half °C.
    pub(super) setpoint: i64,
    /// Half °C.
    pub(super) freeze_protection: i64,
    pub(super) has_anti_legionella: bool,
    pub(super) anti_legionella_days: i64,
    pub(super) vacation_days: i64,
    pub(super) has_time_of_use: bool,
}

/// The simulated machine: pure, advanced by [`Machine::advance_to`] only.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) settings: MachineSettings,
    pub(super) tank: Tank,
    pub(super) heating: Heating,
    /// Error code and sub code; 0 = none.
    pub(super) error: (u16, u16),
    pub(super) energy_history: EnergyHistory,
    pub(super) fan_hours: f64,
    pub(super) filter_hours: f64,
    pub(super) liters: f64,
    pub(super) vacation_started_at: Option<DateTime<Utc>>,
    mode_before_vacation: OperationMode,
    simulates_draws: bool,
    draw: Option<WaterDraw>,
    secs_until_draw: f64,
    random: StdRng,
    now: DateTime<Utc>,
}

impl Machine {
    /// A machine in Energy Saver at 60 °C whose tank is nearly warm. `simulates_draws`: water is
    /// drawn now and then, differently for each seed.
    pub(super) fn new(seed: u64, now: DateTime<Utc>, simulates_draws: bool) -> Self {
        let settings = MachineSettings {
            is_powered: true,
            mode: OperationMode::EnergySaver,
            setpoint: 120,
            freeze_protection: 12,
            has_anti_legionella: true,
            anti_legionella_days: 7,
            vacation_days: 0,
            has_time_of_use: true,
        };
        let mut machine = Self {
            settings,
            tank: Tank { upper: 58.3, lower: 56.3 },
            heating: Heating::default(),
            error: (0, 0),
            energy_history: EnergyHistory::new(seed, now.date_naive()),
            fan_hours: 1523.0,
            filter_hours: 523.0,
            liters: 84_210.0,
            vacation_started_at: None,
            mode_before_vacation: OperationMode::EnergySaver,
            simulates_draws,
            draw: None,
            secs_until_draw: 0.0,
            random: StdRng::seed_from_u64(seed),
            now,
        };
        machine.secs_until_draw = machine.random_draw_delay();
        machine.update_heating();
        machine
    }

    /// Field time of the machine.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Simulates until `now`. Time does not run backwards.
    pub(super) fn advance_to(&mut self, now: DateTime<Utc>) {
        if now - self.now > LONGEST_GAP {
            self.now = now - LONGEST_GAP;
        }
        while let Ok(left) = (now - self.now).to_std()
            && !left.is_zero()
        {
            let step = left.min(STEP);
            self.simulate(step.as_secs_f64());
            self.now += TimeDelta::from_std(step).unwrap_or_default();
        }
    }

    /// Changes the mode; a vacation ends by itself after its days.
    pub(super) fn set_mode(&mut self, mode: OperationMode, vacation_days: i64) {
        if mode == OperationMode::Vacation {
            if self.settings.mode != OperationMode::Vacation {
                self.mode_before_vacation = self.settings.mode;
            }
            self.vacation_started_at = Some(self.now);
            self.settings.vacation_days = vacation_days;
        } else {
            self.vacation_started_at = None;
            self.settings.vacation_days = 0;
        }
        self.settings.mode = mode;
        self.update_heating();
    }

    /// Whole days of the vacation that have passed.
    pub(super) fn vacation_elapsed(&self) -> i64 {
        self.vacation_started_at.map_or(0, |left| (self.now - left).num_days())
    }

    /// Starts a draw of water.
    pub(super) fn start_draw(&mut self, liters: f64) {
        let liters_per_minute = self.random.random_range(6.0..9.0);
        self.draw = Some(WaterDraw { liters_left: liters.clamp(0.0, 1000.0), liters_per_minute });
    }

    /// The current draw, in liters per minute.
    pub(super) fn flow(&self) -> f64 {
        self.draw.map_or(0.0, |draw| draw.liters_per_minute)
    }

    /// °C.
    pub(super) fn setpoint_c(&self) -> f64 {
        f64::from(i32::try_from(self.settings.setpoint).unwrap_or(0)) / 2.0
    }

    /// Electrical power without the elements, in W.
    pub(super) fn power_w(&self) -> f64 {
        if self.heating.heat_pump { self.compressor_w() } else { STANDBY_W }
    }

    /// The power of the compressor rises with the water temperature.
    fn compressor_w(&self) -> f64 {
        380.0 + 1.93 * (self.tank.lower - 20.0)
    }

    fn coefficient_of_performance(&self) -> f64 {
        (5.0 - 0.06 * (self.tank.lower - AMBIENT_C)).clamp(1.5, 5.0)
    }

    /// Updates the heat sources by the thermostats.
    pub(super) fn update_heating(&mut self) {
        let (target, mode) = (self.setpoint_c(), self.settings.mode);
        if !self.settings.is_powered || mode == OperationMode::Vacation {
            self.heating = Heating::default();
            return;
        }
        // On below the band, off above it, unchanged within it.
        let needs_heat =
            |is_on: bool, layer: f64, below: f64| layer < target && (is_on || layer < target.min(below));
        let (Tank { upper, lower }, on) = (self.tank, target - HYSTERESIS_K);
        let is_heat_pump_available = !HEAT_PUMP_FAULTS.contains(&self.error.0);
        let before = self.heating;
        let heat_pump = mode != OperationMode::Electric
            && is_heat_pump_available
            && needs_heat(before.heat_pump, lower, on);
        let call_upper = match mode {
            OperationMode::Electric => on,
            OperationMode::HighDemand => target - DEMAND_K,
            OperationMode::HeatPump => f64::NEG_INFINITY,
            OperationMode::EnergySaver | OperationMode::Vacation => EMERGENCY_C,
        };
        let upper_on = needs_heat(before.upper, upper, call_upper) && mode != OperationMode::HeatPump;
        // One element at a time: the circuit allows only one.
        let lower_on = mode == OperationMode::Electric && !upper_on && needs_heat(before.lower, lower, on);
        self.heating = Heating { heat_pump, upper: upper_on, lower: lower_on };
    }

    fn simulate(&mut self, secs: f64) {
        let hours = secs / 3600.0;
        self.draw_water(secs);
        self.tank.cool(hours, AMBIENT_C);
        self.update_heating();
        let Heating { heat_pump, upper, lower } = self.heating;
        if heat_pump {
            let wh = self.compressor_w() * hours;
            self.tank.heat_lower(wh * self.coefficient_of_performance());
            self.energy_history.heat_pump(self.now.date_naive(), wh, hours);
            self.fan_hours += hours;
            self.filter_hours += hours;
        }
        let element_wh = ELEMENT_W * hours;
        if upper {
            self.tank.heat_upper(element_wh);
        }
        if lower {
            self.tank.heat_lower(element_wh);
        }
        if upper || lower {
            self.energy_history.element(self.now.date_naive(), element_wh, hours);
        }
        if self.settings.vacation_days > 0 && self.vacation_elapsed() >= self.settings.vacation_days {
            self.set_mode(self.mode_before_vacation, 0);
        }
    }

    fn draw_water(&mut self, secs: f64) {
        if let Some(draw) = &mut self.draw {
            let liters = (draw.liters_per_minute * secs / 60.0).min(draw.liters_left);
            draw.liters_left -= liters;
            self.liters += liters;
            self.tank.draw(liters, INLET_C);
            if draw.liters_left <= 0.0 {
                self.draw = None;
            }
        } else if self.simulates_draws {
            self.secs_until_draw -= secs;
            if self.secs_until_draw <= 0.0 {
                self.secs_until_draw = self.random_draw_delay();
                let liters = self.random.random_range(5.0..60.0);
                self.start_draw(liters);
            }
        }
    }

    /// Seconds until the next draw, exponentially distributed.
    fn random_draw_delay(&mut self) -> f64 {
        let chance: f64 = self.random.random_range(f64::EPSILON..1.0);
        -chance.ln() * MEAN_SECS_BETWEEN_DRAWS
    }

    /// Strength of the Wi-Fi signal, in dBm.
    pub(super) fn rssi(&mut self) -> i64 {
        self.random.random_range(-55..=-49)
    }
}
