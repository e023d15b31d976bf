//! The status message: the state of the water heater.

use super::code::{
    CurrentOperationMode, DhwOperationSetting, DrEvent, HeatSource, OnOff, RecirculationMode, StatusType,
    TempFormula, TemperatureType, display_units,
};
use super::field::{B, D, Delta, E, Error, F, H, I, NotZero, One, R, Real, V, message};
use super::unit::{DisplayUnits, Energy, Temperature, TemperatureUnit};

/// Limits of the freeze protection when the device reports none, in half °C.
const FREEZE_DEFAULTS: (i16, i16) = (12, 20);

message! {
    /// The status of a water heater: every field the device is known to send. Temperatures are absolute
    /// unless the label contains "difference"; a value of 0 is a value.
    Status {
        "command" status_type StatusType "Kind of status message";
        "temperatureType" temperature_type TemperatureType "Unit of the device's panel";
        "tempFormulaType" temp_formula TempFormula "Rounding of the device's panel";
        "specialFunctionStatus" special_function I "Freeze and anti-seize function";
        "errorCode" error_code Error "Error";
        "subErrorCode" sub_error_code I "Sub code of the error";
        "smartDiagnostic" smart_diagnostic I "Result of the smart diagnostic (0 = fine)";
        "faultStatus1" fault_status_1 I "Fault register 1";
        "faultStatus2" fault_status_2 I "Fault register 2";
        "wifiRssi" wifi_rssi I ["dBm"] "Wi-Fi signal";
        "operationMode" operation_mode CurrentOperationMode "Operation";
        "dhwOperationSetting" mode DhwOperationSetting "Mode";
        "currentHeatUse" heat_source HeatSource "Heated by";
        "operationBusy" is_operating OnOff "Heating";
        "dhwOperationBusy" is_heating_water B "Heating water";
        "dhwUse" is_water_used B "Water is drawn";
        "dhwUseSustained" is_water_used_long B "Water is drawn for long";
        "compUse" compressor OnOff "Compressor";
        "heatUpperUse" upper_element OnOff "Upper element";
        "heatLowerUse" lower_element OnOff "Lower element";
        "eevUse" has_expansion_valve_open B "Expansion valve in use";
        "evaFanUse" has_fan_running B "Evaporator fan in use";
        "shutOffValveUse" has_shut_off_valve_closed B "Shut-off valve in use";
        "conOvrSensorUse" has_condensate_overflow B "Condensate overflow sensor";
        "wtrOvrSensorUse" has_leak B "Water leak sensor";
        "ecoUse" has_eco_tripped B "ECO high limit tripped";
        "scaldUse" has_scald_warning B "Scald warning";
        "errorBuzzerUse" has_buzzer B "Error buzzer";
        "didReload" did_restart B "Restarted";
        "freezeProtectionUse" has_freeze_protection B "Freeze protection";
        "programReservationUse" has_program B "Schedule in use";
        "programReservationType" program_type I "Type of the schedule";
        "antiLegionellaUse" anti_legionella OnOff "Anti-legionella";
        "antiLegionellaOperationBusy" anti_legionella_busy OnOff "Anti-legionella cycle running";
        "antiLegionellaPeriod" anti_legionella_period I ["days"] "Anti-legionella period";
        "airFilterAlarmUse" air_filter_alarm OnOff "Air filter alarm";
        "airFilterAlarmPeriod" air_filter_period I ["h"] "Air filter period (0 = not set up)";
        "airFilterAlarmElapsed" air_filter_elapsed I ["h"] "Air filter in use for";
        "vacationDaySetting" vacation_days I ["days"] "Vacation";
        "vacationDayElapsed" vacation_elapsed I ["days"] "Vacation days gone";
        "drEventStatus" demand_response DrEvent "Demand response";
        "drOverrideStatus" demand_response_override I ["h"] "Demand response overridden for";
        "touStatus" has_time_of_use NotZero "Time-of-use tariff on";
        "touOverrideStatus" is_time_of_use_overridden One "Time-of-use tariff overridden";
        "dhwChargePer" charge Real ["%"] "Usable hot water";
        "currentInstPower" power Real ["W"] "Electrical power";
        "totalEnergyCapacity" full_recovery E "Energy from 40.5 °C to the setpoint";
        "availableEnergyCapacity" missing_energy E "Energy missing to the setpoint";
        "dhwTemperature" dhw_temperature H "Hot water";
        "dhwTemperatureSetting" setpoint H "Setpoint";
        "dhwTargetTemperatureSetting" target_setpoint H "Setpoint (second copy)";
        "dhwTemperature2" dhw_temperature_2 H "Hot water, second sensor";
        "tankUpperTemperature" tank_upper D "Upper tank";
        "tankLowerTemperature" tank_lower D "Lower tank";
        "dischargeTemperature" discharge D "Refrigerant discharge";
        "suctionTemperature" suction D "Refrigerant suction";
        "evaporatorTemperature" evaporator D "Evaporator";
        "ambientTemperature" ambient D "Air intake";
        "targetSuperHeat" target_superheat Delta "Target superheat (difference)";
        "currentSuperHeat" superheat Delta "Superheat (difference)";
        "outsideTemperature" outside R "Outside";
        "currentInletTemperature" inlet H "Cold water inlet";
        "freezeProtectionTemperature" freeze_protection H "Freeze protection below";
        "freezeProtectionTempMin" freeze_protection_min H "Freeze protection, lowest setting";
        "freezeProtectionTempMax" freeze_protection_max H "Freeze protection, highest setting";
        "heatMinOpTemperature" heat_pump_min_setpoint H "Lowest setpoint for the heat pump";
        "hpUpperOnTempSetting" hp_upper_on H "Heat pump, upper, on at";
        "hpUpperOffTempSetting" hp_upper_off H "Heat pump, upper, off at";
        "hpLowerOnTempSetting" hp_lower_on H "Heat pump, lower, on at";
        "hpLowerOffTempSetting" hp_lower_off H "Heat pump, lower, off at";
        "heUpperOnTempSetting" he_upper_on H "Element, upper, on at";
        "heUpperOffTempSetting" he_upper_off H "Element, upper, off at";
        "heLowerOnTempSetting" he_lower_on H "Element, lower, on at";
        "heLowerOffTempSetting" he_lower_off H "Element, lower, off at";
        "hpUpperOnDiffTempSetting" hp_upper_on_diff Delta "Heat pump, upper, on (difference)";
        "hpUpperOffDiffTempSetting" hp_upper_off_diff Delta "Heat pump, upper, off (difference)";
        "hpLowerOnDiffTempSetting" hp_lower_on_diff Delta "Heat pump, lower, on (difference)";
        "hpLowerOffDiffTempSetting" hp_lower_off_diff Delta "Heat pump, lower, off (difference)";
        "heUpperOnDiffTempSetting" he_upper_on_diff Delta "Element, upper, on (difference)";
        "heUpperOffDiffTempSetting" he_upper_off_diff Delta "Element, upper, off (difference)";
        "heLowerOnTDiffempSetting" | "heLowerOnDiffTempSetting"
            he_lower_on_diff Delta "Element, lower, on (difference)";
        "heLowerOffDiffTempSetting" he_lower_off_diff Delta "Element, lower, off (difference)";
        "targetFanRpm" target_fan_rpm I ["rpm"] "Target fan speed";
        "currentFanRpm" fan_rpm I ["rpm"] "Fan speed";
        "fanPwm" fan_pwm I "Fan drive";
        "eevStep" expansion_valve_step I "Expansion valve position";
        "currentStatenum" state_number I "State of the controller";
        "mixingRate" mixing_rate Real ["%"] "Mixing valve";
        "currentDhwFlowRate" flow F "Hot water flow";
        "recircDhwFlowRate" recirculation_flow F "Recirculation flow";
        "cumulatedDhwFlowRate" total_volume V "Hot water since installation";
        "cumulatedOpTimeEvaFan" fan_hours I ["h"] "Fan running time";
        "recircOperationBusy" is_recirculating B "Recirculating";
        "recircReservationUse" recirculation_schedule OnOff "Recirculation schedule";
        "recircOperationMode" recirculation_mode RecirculationMode "Recirculation";
        "recircPumpOperationStatus" recirculation_pump I "Recirculation pump";
        "recircHotBtnReady" hot_button_ready I "Hot button ready";
        "recircOperationReason" recirculation_reason I "Reason of the recirculation";
        "recircErrorStatus" recirculation_error I "Recirculation error";
        "recircTempSetting" recirculation_setpoint H "Recirculation setpoint";
        "recircTemperature" recirculation_temperature H "Recirculation water";
        "recircFaucetTemperature" faucet_temperature H "Recirculation, at the faucet";
    }
}

impl Status {
    /// Units to show values in: the chosen unit, or the device's own.
    pub fn view(&self, chosen: Option<TemperatureUnit>) -> DisplayUnits {
        display_units(self.temperature_type, self.temp_formula, chosen)
    }

    /// Energy stored above 40.5 °C: the energy of a full tank minus the missing energy.
    pub fn usable_energy(&self) -> Option<Energy> {
        Some(self.full_recovery?.saturating_sub(self.missing_energy?))
    }

    /// Whether it heats now: as reported, or else by its power.
    pub fn is_heating(&self) -> Option<bool> {
        match self.is_operating {
            Some(OnOff::On) => Some(true),
            Some(OnOff::Off) => Some(false),
            _ => self.power.map(|power| power > 0.0),
        }
    }

    /// The error as text; `None` if there is none or it is not reported.
    pub fn error_words(&self) -> Option<String> {
        let code = self.error_code.filter(|code| !code.is_none())?;
        Some(code.words(self.sub_error_code.unwrap_or(0)))
    }

    /// Lowest and highest setting of the freeze protection; 6 °C and 10 °C if not reported.
    pub fn freeze_limits(&self) -> (Temperature, Temperature) {
        let (lowest, highest) = FREEZE_DEFAULTS;
        (
            self.freeze_protection_min.unwrap_or(Temperature::from_halves(lowest)),
            self.freeze_protection_max.unwrap_or(Temperature::from_halves(highest)),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn all_fields_of_the_wire_are_in_the_table_once() {
        assert_eq!(Status::FIELDS.len(), 102);
        let names: std::collections::BTreeSet<_> = Status::FIELDS.iter().map(|field| field.wire).collect();
        assert_eq!(names.len(), 102);
        let labels: std::collections::BTreeSet<_> = Status::FIELDS.iter().map(|field| field.label).collect();
        assert_eq!(labels.len(), 102, "every label is unique");
    }

    #[test]
    fn an_empty_status_has_no_values() {
        let status = Status::read(&Map::new());
        assert_eq!(status, Status::default());
        assert!(status.list(DisplayUnits::default()).iter().all(|shown| shown.words.is_none()));
        assert_eq!(status.freeze_limits().0.words(TemperatureUnit::Celsius), "6.0 °C");
        assert_eq!((status.is_heating(), status.usable_energy(), status.error_words()), (None, None, None));
    }

    #[test]
    fn unknown_fields_are_named_and_bounded() {
        let mut object = Map::new();
        for index in 0..1000 {
            object.insert(format!("new\u{1b}[31mField{index:04}"), json!(1));
        }
        object.insert("wifiRssi".into(), json!("loud\u{1b}]0;x\u{7}"));
        object.insert("dhwTemperature".into(), json!({"raw": 117}));
        object.insert("operationMode".into(), json!(64.5));
        object.insert("setpoint".repeat(1000), json!(null));
        object.insert("heLowerOnDiffTempSetting".into(), json!(30));
        object.insert("power".into(), json!(null));
        let status = Status::read(&object);
        let unparsed = &status.unparsed;
        let unreadable: Vec<_> =
            unparsed.unreadable.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(
            unreadable,
            [
                ("wifiRssi", "\"loud\u{fffd}]0;x\u{fffd}\""),
                ("operationMode", "64.5"),
                ("dhwTemperature", "an object of 1")
            ]
        );
        assert_eq!((unparsed.unknown.len(), unparsed.unknown_more), (16, 986));
        assert!(unparsed.unknown.iter().all(|name| !name.contains('\u{1b}') && name.chars().count() <= 64));
        assert_eq!(status.he_lower_on_diff.map(super::super::unit::TemperatureDifference::kelvin), Some(3.0));
    }
}
