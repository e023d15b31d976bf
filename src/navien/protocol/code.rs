//! The enumerations of the protocol: wire numbers and their names.

use std::fmt;

use super::unit::{DisplayUnits, Rounding, TemperatureUnit};

/// One enumeration per entry: wire number and text. A number without a text is kept unchanged.
macro_rules! enumerations {
    ($($(#[doc = $doc:literal])+ $name:ident { $($variant:ident = $number:literal $words:literal,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!($words, ".")] $variant,)+
            /// A number without a name in this program.
            Other(i64),
        }

        impl $name {
            /// All numbers with a name.
            pub const KNOWN: &'static [(i64, &'static str)] = &[$(($number, $words)),+];

            /// The value of a wire number.
            pub const fn from_number(number: i64) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    other => Self::Other(other),
                }
            }

            /// The wire number.
            pub const fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(number) => number,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($words),)+
                    Self::Other(number) => write!(f, "unknown ({number})"),
                }
            }
        }
    )+};
}

enumerations! {
    /// A switch that may be unknown.
    OnOff {
        Unknown = 0 "unknown",
        Off = 1 "off",
        On = 2 "on",
    }
    /// The mode chosen by the user: shown as "Mode".
    DhwOperationSetting {
        HeatPump = 1 "Heat Pump",
        Electric = 2 "Electric",
        EnergySaver = 3 "Energy Saver",
        HighDemand = 4 "High Demand",
        Vacation = 5 "Vacation",
        PowerOff = 6 "Power Off",
    }
    /// The current operation: shown as "Operation". Power-off and idle are both standby.
    CurrentOperationMode {
        Standby = 0 "Standby",
        HeatPump = 32 "Heat Pump",
        HybridEfficiency = 64 "Hybrid Efficiency",
        HybridBoost = 96 "Hybrid Boost",
    }
    /// The current heat source.
    HeatSource {
        Nothing = 0 "nothing",
        HeatPump = 1 "heat pump",
        Element = 2 "electric element",
        Both = 3 "heat pump and element",
    }
    /// The demand-response event of the electricity supplier.
    DrEvent {
        NotApplied = 0 "not applied",
        RunNormal = 1 "run normal",
        Shed = 2 "shed",
        LoadUp = 3 "load up",
        AdvancedLoadUp = 4 "advanced load up",
        CustomerPeakEvent = 5 "customer peak event",
    }
    /// When the recirculation pump runs.
    RecirculationMode {
        Unknown = 0 "unknown",
        Always = 1 "always",
        Button = 2 "at the button",
        Schedule = 3 "by schedule",
        Temperature = 4 "by temperature",
    }
    /// The steps in which the water temperature can be set.
    DhwControlType {
        Unknown = 0 "unknown",
        Off = 1 "not adjustable",
        HalfDegree = 2 "steps of 0.5 °C",
        Degree = 3 "steps of 1 °C",
        ThreeStage = 4 "three stages",
    }
    /// The unit of the device's own panel.
    TemperatureType {
        Celsius = 1 "°C",
        Fahrenheit = 2 "°F",
    }
    /// How the device's own panel rounds °F.
    TempFormula {
        Asymmetric = 0 "asymmetric",
        Standard = 1 "standard",
    }
    /// Size of the tank.
    TankSize {
        Gallons50 = 1 "50 gal (189.2 L)",
        Gallons65 = 2 "65 gal (246.0 L)",
        Gallons80 = 3 "80 gal (302.8 L)",
    }
    /// The kind of connected device, as the cloud names it.
    DeviceType {
        NaviLink = 1 "NaviLink",
        NaviLinkLight = 2 "NaviLink light",
        NpfMain = 50 "NPF700 main controller",
        NpfSub = 51 "NPF700 sub controller",
        NpfWifi = 52 "NPF700 Wi-Fi module",
    }
    /// Family of the appliance.
    UnitType {
        None = 0 "none",
        Npe = 1 "NPE",
        Ncb = 2 "NCB",
        Nhb = 3 "NHB",
        CasNpe = 4 "CAS_NPE",
        CasNhb = 5 "CAS_NHB",
        Nfb = 6 "NFB",
        CasNfb = 7 "CAS_NFB",
        Nfc = 8 "NFC",
        Npn = 9 "NPN",
        CasNpn = 10 "CAS_NPN",
        Npe2 = 11 "NPE2",
        CasNpe2 = 12 "CAS_NPE2",
        NcbH = 13 "NCB_H",
        Nvw = 14 "NVW",
        CasNvw = 15 "CAS_NVW",
        NhbH = 16 "NHB_H",
        CasNhbH = 17 "CAS_NHB_H",
        Nfb700 = 20 "NFB_700",
        CasNfb700 = 21 "CAS_NFB_700",
        Twc = 257 "TWC",
        Npf = 513 "NPF heat pump",
    }
    /// The component that a firmware is for.
    FirmwareType {
        Unknown = 0 "unknown",
        Controller = 1 "controller",
        Panel = 2 "panel",
        RoomController = 3 "room controller",
        Communication = 4 "Wi-Fi module",
        Valve = 5 "valve",
        SubRoomController = 6 "sub room controller",
    }
    /// Country that a device was made for.
    Country {
        UnitedStates = 3 "USA",
    }
    /// Kind of a status message.
    StatusType {
        Standard = 67_108_883 "standard",
        Extended = 67_108_892 "extended",
    }
}

impl OnOff {
    /// Whether it is on; unknown counts as off.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

impl TemperatureType {
    /// The unit to show; every value but °C means °F.
    pub fn unit(self) -> TemperatureUnit {
        if self == Self::Celsius { TemperatureUnit::Celsius } else { TemperatureUnit::Fahrenheit }
    }
}

impl TempFormula {
    /// The rounding it selects.
    pub fn rounding(self) -> Rounding {
        if self == Self::Standard { Rounding::Standard } else { Rounding::Asymmetric }
    }
}

/// Units to show values in: the chosen unit, or the one of the device's panel, with the panel's rounding.
pub(super) fn display_units(
    panel: Option<TemperatureType>,
    formula: Option<TempFormula>,
    chosen: Option<TemperatureUnit>,
) -> DisplayUnits {
    let own = panel.map(TemperatureType::unit).unwrap_or_default();
    let rounding = formula.map(TempFormula::rounding).unwrap_or_default();
    DisplayUnits { unit: chosen.unwrap_or(own), rounding }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_numbers_round_trip() {
        for number in [-1, 0, 1, 2, 32, 97, 513, i64::MAX, i64::MIN] {
            assert_eq!(CurrentOperationMode::from_number(number).number(), number);
            assert_eq!(UnitType::from_number(number).number(), number);
        }
        assert_eq!(CurrentOperationMode::from_number(97).to_string(), "unknown (97)");
        assert_eq!(DhwOperationSetting::from_number(3), DhwOperationSetting::EnergySaver);
    }
}
