//! Capabilities required by commands, and the limits of settings.

use super::command_error::CommandError;
use crate::navien::protocol::code::DhwControlType;
use crate::navien::protocol::feature::Feature;
use crate::navien::protocol::unit::Temperature;

/// Setpoint limits of reservations when the device reports none, in half °C: 35 to 65.5 °C (95 to 150 °F).
const DEFAULT_SETPOINTS: (i32, i32) = (70, 131);

/// A capability from the feature message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// A power switch.
    Power,
    /// Hot water.
    Dhw,
    /// Vacation mode.
    Vacation,
    /// An adjustable setpoint.
    DhwTemperature,
    /// Anti-legionella cycles.
    AntiLegionella,
    /// Schedules.
    Program,
    /// A recirculation pump.
    Recirculation,
    /// A schedule for the recirculation pump.
    RecirculationSchedule,
    /// Freeze protection.
    FreezeProtection,
    /// Demand response.
    DemandResponse,
}

impl Capability {
    /// For the message "this device has no …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Power => "power switch",
            Self::Dhw => "hot water control",
            Self::Vacation => "vacation mode",
            Self::DhwTemperature => "adjustable temperature",
            Self::AntiLegionella => "anti-legionella function",
            Self::Program => "schedules",
            Self::Recirculation => "recirculation",
            Self::RecirculationSchedule => "recirculation schedule",
            Self::FreezeProtection => "freeze protection setting",
            Self::DemandResponse => "demand response",
        }
    }

    /// Whether the device has it. A capability that is not reported is missing, as in the vendor's app.
    pub fn is_supported_by(self, feature: &Feature) -> bool {
        let flag = match self {
            Self::Power => feature.has_power,
            Self::Dhw => feature.has_dhw,
            Self::Vacation => feature.has_vacation,
            Self::DhwTemperature => {
                feature.dhw_control.map(|c| !matches!(c, DhwControlType::Unknown | DhwControlType::Off))
            }
            Self::AntiLegionella => feature.has_anti_legionella,
            Self::Program => feature.has_program,
            Self::Recirculation => feature.has_recirculation,
            Self::RecirculationSchedule => feature.has_recirculation_schedule,
            Self::FreezeProtection => feature.has_freeze_protection,
            Self::DemandResponse => feature.has_demand_response,
        };
        flag.unwrap_or(false)
    }
}

/// A pair of temperature limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TemperatureLimits {
    /// Of the hot-water setpoint.
    Setpoint,
    /// Of the freeze protection.
    Freeze,
}

impl TemperatureLimits {
    /// Reported limits are accepted only within these bounds, in half °C: 20 to 70 °C, 0 to 20 °C.
    fn absolute_bounds(self) -> (i32, i32) {
        match self {
            Self::Setpoint => (40, 140),
            Self::Freeze => (0, 40),
        }
    }

    /// Lowest and highest setting in half °C, as reported by this device.
    ///
    /// # Errors
    ///
    /// If the device has not reported its limits.
    pub fn of(self, feature: Option<&Feature>) -> Result<(i32, i32), CommandError> {
        let feature = feature.ok_or(CommandError::FeatureUnknown)?;
        let reported = match self {
            Self::Setpoint => (feature.dhw_min, feature.dhw_max),
            Self::Freeze => (feature.freeze_min, feature.freeze_max),
        };
        let halves = |reported: Option<Temperature>| {
            reported.and_then(Temperature::halves).ok_or(CommandError::LimitsUnknown)
        };
        let (lowest, highest) = self.absolute_bounds();
        Ok((halves(reported.0)?.max(lowest), halves(reported.1)?.min(highest)))
    }

    /// Setpoint limits of reservations, which can be written even before the device reported its limits.
    pub(super) fn for_reservations(feature: Option<&Feature>) -> (i32, i32) {
        Self::Setpoint.of(feature).unwrap_or(DEFAULT_SETPOINTS)
    }
}
