//! The status and feature messages of the machine.

use serde_json::{Map, Value};

use super::energy_history::whole;
use super::machine::{AMBIENT_C, HYSTERESIS_HALVES, Machine, OperationMode};
use super::schedule::Schedules;
use super::tank::Tank;

/// Status type "standard".
const STANDARD_STATUS: i64 = 67_108_883;
/// Temperature at which the Energy Saver uses the upper element, in half °C.
const EMERGENCY_HALVES: i64 = 81;
/// Hours after which the air filter is due.
const FILTER_HOURS: i64 = 1000;
/// One count of an energy field, in Wh.
const WH_PER_COUNT: f64 = 4.0;

/// Fields that do not change in this model. 1 = off, 2 = on; recirculation is not fitted.
const CONSTANT_FIELDS: &[(&str, i64)] = &[
    ("command", STANDARD_STATUS),
    ("outsideTemperature", 0),
    ("specialFunctionStatus", 1),
    ("didReload", 1),
    ("freezeProtectionUse", 1),
    ("dhwUseSustained", 1),
    ("smartDiagnostic", 0),
    ("faultStatus1", 0),
    ("faultStatus2", 0),
    ("ecoUse", 1),
    ("targetSuperHeat", 50),
    ("shutOffValveUse", 1),
    ("conOvrSensorUse", 1),
    ("wtrOvrSensorUse", 1),
    ("drEventStatus", 0),
    ("antiLegionellaOperationBusy", 1),
    ("programReservationType", 0),
    ("temperatureType", 2),
    ("tempFormulaType", 0),
    ("errorBuzzerUse", 2),
    ("currentInletTemperature", 0),
    ("dhwTemperature2", 0),
    ("mixingRate", 0),
    ("scaldUse", 1),
    ("airFilterAlarmUse", 2),
    ("airFilterAlarmPeriod", FILTER_HOURS),
    ("heUpperOnTempSetting", EMERGENCY_HALVES),
    ("heLowerOnTempSetting", 0),
    ("hpUpperOnDiffTempSetting", 0),
    ("hpUpperOffDiffTempSetting", 0),
    ("hpLowerOnDiffTempSetting", 0),
    ("hpLowerOffDiffTempSetting", 0),
    ("heUpperOnDiffTempSetting", 0),
    ("heUpperOffDiffTempSetting", 0),
    ("heLowerOnTDiffempSetting", 0),
    ("heLowerOffDiffTempSetting", 0),
    ("heatMinOpTemperature", 81),
    ("drOverrideStatus", 0),
    ("touOverrideStatus", 2),
    ("recircOperationBusy", 1),
    ("recircReservationUse", 0),
    ("recircOperationMode", 0),
    ("recircTempSetting", 0),
    ("recircTemperature", 0),
    ("recircPumpOperationStatus", 0),
    ("recircFaucetTemperature", 0),
    ("recircHotBtnReady", 0),
    ("recircOperationReason", 0),
    ("recircDhwFlowRate", 0),
    ("recircErrorStatus", 0),
    ("freezeProtectionTempMin", 12),
    ("freezeProtectionTempMax", 20),
];

/// The features of a 65-gallon NWP500 without recirculation.
const FEATURES: &[(&str, i64)] = &[
    ("countryCode", 3),
    ("modelTypeCode", 513),
    ("controlTypeCode", 100),
    ("volumeCode", 2),
    ("controllerSwVersion", 184_614_912),
    ("panelSwVersion", 184_549_376),
    ("wifiSwVersion", 34_013_184),
    ("controllerSwCode", 33_556_241),
    ("panelSwCode", 33_556_242),
    ("wifiSwCode", 33_556_243),
    ("recircSwVersion", 0),
    ("recircModelTypeCode", 0),
    ("powerUse", 2),
    ("holidayUse", 2),
    ("programReservationUse", 2),
    ("dhwUse", 2),
    ("dhwTemperatureSettingUse", 2),
    ("dhwTemperatureMin", 81),
    ("dhwTemperatureMax", 131),
    ("smartDiagnosticUse", 2),
    ("wifiRssiUse", 2),
    ("temperatureType", 2),
    ("tempFormulaType", 0),
    ("energyUsageUse", 2),
    ("freezeProtectionUse", 2),
    ("freezeProtectionTempMin", 12),
    ("freezeProtectionTempMax", 20),
    ("mixingValveUse", 1),
    ("drSettingUse", 2),
    ("antiLegionellaSettingUse", 2),
    ("hpwhUse", 2),
    ("dhwRefillUse", 1),
    ("ecoUse", 2),
    ("electricUse", 2),
    ("heatpumpUse", 2),
    ("energySaverUse", 2),
    ("highDemandUse", 2),
    ("recirculationUse", 1),
    ("recircReservationUse", 1),
    ("title24Use", 1),
    ("recircTemperatureMin", 81),
    ("recircTemperatureMax", 120),
];

/// All fields of a feature message.
pub(super) fn feature(serial_number: &str) -> Value {
    let mut fields = constant_fields(FEATURES);
    fields.insert("controllerSerialNumber".to_owned(), serial_number.into());
    Value::Object(fields)
}

/// All fields of a status message.
pub(super) fn status(machine: &mut Machine, schedules: &Schedules) -> Value {
    let mut fields = constant_fields(CONSTANT_FIELDS);
    let rssi = machine.rssi();
    let switches = [
        ("wifiRssi", rssi),
        ("programReservationUse", i64::from(schedules.reservation_use)),
        ("errorCode", i64::from(machine.error.0)),
        ("subErrorCode", i64::from(machine.error.1)),
    ];
    let parts: [&[(&str, i64)]; 6] = [
        &switches,
        &operation(machine),
        &settings(machine),
        &temperatures(machine),
        &refrigeration(machine),
        &counters(machine),
    ];
    fields.extend(parts.concat().into_iter().map(|(name, value)| (name.to_owned(), value.into())));
    Value::Object(fields)
}

fn constant_fields(fields: &[(&str, i64)]) -> Map<String, Value> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

fn on_off(is_on: bool) -> i64 {
    if is_on { 2 } else { 1 }
}

fn operation(machine: &Machine) -> [(&'static str, i64); 10] {
    let heating = machine.heating;
    let elements = heating.upper || heating.lower;
    let operation_mode = match (heating.is_any(), machine.settings.mode) {
        (false, _) => 0,
        (true, OperationMode::HeatPump) => 32,
        (true, OperationMode::EnergySaver | OperationMode::Vacation) => 64,
        (true, OperationMode::HighDemand | OperationMode::Electric) => 96,
    };
    let source = match (heating.heat_pump, elements) {
        (false, false) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (true, true) => 3,
    };
    [
        ("operationMode", operation_mode),
        ("operationBusy", on_off(heating.is_any())),
        ("dhwOperationBusy", on_off(heating.is_any())),
        ("dhwUse", on_off(machine.flow() > 0.0)),
        ("currentHeatUse", source),
        ("compUse", on_off(heating.heat_pump)),
        ("heatUpperUse", on_off(heating.upper)),
        ("heatLowerUse", on_off(heating.lower)),
        ("currentInstPower", whole(machine.power_w())),
        ("currentDhwFlowRate", whole(machine.flow() * 10.0)),
    ]
}

fn settings(machine: &Machine) -> [(&'static str, i64); 17] {
    let settings = &machine.settings;
    let setpoint = settings.setpoint;
    let chosen = if settings.is_powered { settings.mode as i64 } else { 6 };
    [
        ("dhwOperationSetting", chosen),
        ("dhwTemperatureSetting", setpoint),
        ("dhwTargetTemperatureSetting", setpoint),
        ("hpUpperOnTempSetting", setpoint - HYSTERESIS_HALVES),
        ("hpUpperOffTempSetting", setpoint),
        ("hpLowerOnTempSetting", setpoint - HYSTERESIS_HALVES),
        ("hpLowerOffTempSetting", setpoint),
        ("heUpperOffTempSetting", setpoint),
        ("heLowerOffTempSetting", setpoint),
        ("freezeProtectionTemperature", settings.freeze_protection),
        ("antiLegionellaUse", on_off(settings.has_anti_legionella)),
        ("antiLegionellaPeriod", settings.anti_legionella_days),
        ("vacationDaySetting", settings.vacation_days),
        ("vacationDayElapsed", machine.vacation_elapsed()),
        // The one switch that is 0 or 1.
        ("touStatus", i64::from(settings.has_time_of_use)),
        ("airFilterAlarmElapsed", whole(machine.filter_hours)),
        ("cumulatedOpTimeEvaFan", whole(machine.fan_hours)),
    ]
}

fn temperatures(machine: &Machine) -> [(&'static str, i64); 4] {
    let tank = machine.tank;
    [
        ("dhwTemperature", whole(tank.upper * 2.0)),
        ("tankUpperTemperature", whole(tank.upper * 10.0)),
        ("tankLowerTemperature", whole(tank.lower * 10.0)),
        ("ambientTemperature", whole(AMBIENT_C * 10.0)),
    ]
}

/// While the compressor runs the gas is hotter than the water and the evaporator colder than the ambient air.
fn refrigeration(machine: &Machine) -> [(&'static str, i64); 10] {
    let runs = machine.heating.heat_pump;
    let when = |running: i64| if runs { running } else { 0 };
    let tenths = |running: f64| whole(if runs { running } else { AMBIENT_C } * 10.0);
    [
        ("dischargeTemperature", tenths(machine.tank.lower + 9.2)),
        ("suctionTemperature", tenths(AMBIENT_C - 6.4)),
        ("evaporatorTemperature", tenths(AMBIENT_C - 11.6)),
        ("currentSuperHeat", when(52)),
        ("eevUse", on_off(runs)),
        ("eevStep", when(260)),
        ("evaFanUse", on_off(runs)),
        ("targetFanRpm", when(900)),
        ("currentFanRpm", when(894)),
        ("fanPwm", when(118)),
    ]
}

fn counters(machine: &Machine) -> [(&'static str, i64); 5] {
    let setpoint = machine.setpoint_c();
    let capacity = Tank::capacity_wh(setpoint);
    let missing = machine.tank.missing_wh(setpoint);
    let charge = if capacity > 0.0 { (capacity - missing) / capacity * 100.0 } else { 100.0 };
    [
        ("totalEnergyCapacity", whole(capacity / WH_PER_COUNT)),
        ("availableEnergyCapacity", whole(missing / WH_PER_COUNT)),
        ("dhwChargePer", whole(charge)),
        ("cumulatedDhwFlowRate", whole(machine.liters)),
        ("currentStatenum", if machine.heating.is_any() { 54 } else { 0 }),
    ]
}
