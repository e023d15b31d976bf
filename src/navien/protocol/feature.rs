//! The feature message: capabilities and limits of a water heater.

use super::code::{Country, DhwControlType, TankSize, TempFormula, TemperatureType, UnitType, display_units};
use super::field::{B, H, I, Text, message};
use super::unit::{DisplayUnits, TemperatureUnit};

message! {
    /// The equipment reported by a device.
    Feature {
        "countryCode" country Country "Country";
        "modelTypeCode" model UnitType "Model";
        "controlTypeCode" control_type I "Control type";
        "volumeCode" tank_size TankSize "Tank";
        "controllerSwVersion" controller_version I "Controller firmware";
        "panelSwVersion" panel_version I "Panel firmware";
        "wifiSwVersion" wifi_version I "Wi-Fi firmware";
        "recircSwVersion" recirculation_version I "Recirculation firmware";
        "controllerSwCode" controller_code I "Controller firmware code";
        "panelSwCode" panel_code I "Panel firmware code";
        "wifiSwCode" wifi_code I "Wi-Fi firmware code";
        "recircModelTypeCode" recirculation_model I "Recirculation model";
        "controllerSerialNumber" serial_number Text "Serial number of the controller";
        "temperatureType" temperature_type TemperatureType "Unit of the device's panel";
        "tempFormulaType" temp_formula TempFormula "Rounding of the device's panel";
        "dhwTemperatureSettingUse" dhw_control DhwControlType "Temperature setting";
        "powerUse" has_power B "Can be switched on and off";
        "holidayUse" has_vacation B "Vacation mode";
        "programReservationUse" has_program B "Schedules";
        "dhwUse" has_dhw B "Hot water";
        "smartDiagnosticUse" has_smart_diagnostic B "Smart diagnostic";
        "wifiRssiUse" has_wifi_rssi B "Reports its Wi-Fi signal";
        "energyUsageUse" has_energy_usage B "Energy records";
        "freezeProtectionUse" has_freeze_protection B "Freeze protection";
        "mixingValveUse" | "mixingValueUse" has_mixing_valve B "Mixing valve";
        "drSettingUse" has_demand_response B "Demand response";
        "antiLegionellaSettingUse" has_anti_legionella B "Anti-legionella";
        "hpwhUse" is_heat_pump_water_heater B "Heat-pump water heater";
        "dhwRefillUse" has_refill B "Refill";
        "ecoUse" has_eco B "ECO high limit";
        "electricUse" has_electric B "Mode Electric";
        "heatpumpUse" has_heat_pump B "Mode Heat Pump";
        "energySaverUse" has_energy_saver B "Mode Energy Saver";
        "highDemandUse" has_high_demand B "Mode High Demand";
        "recirculationUse" has_recirculation B "Recirculation";
        "recircReservationUse" has_recirculation_schedule B "Recirculation schedule";
        "title24Use" has_title_24 B "Title 24 (California rules)";
        "dhwTemperatureMin" dhw_min H "Setpoint, lowest";
        "dhwTemperatureMax" dhw_max H "Setpoint, highest";
        "freezeProtectionTempMin" freeze_min H "Freeze protection, lowest";
        "freezeProtectionTempMax" freeze_max H "Freeze protection, highest";
        "recircTemperatureMin" recirculation_min H "Recirculation, lowest";
        "recircTemperatureMax" recirculation_max H "Recirculation, highest";
    }
}

impl Feature {
    /// Units to show values in: the chosen unit, or the device's own.
    pub fn view(&self, chosen: Option<TemperatureUnit>) -> DisplayUnits {
        display_units(self.temperature_type, self.temp_formula, chosen)
    }
}
