//! All commands, as data.
//!
//! Two numbers that the vendor's app knows are left out on purpose: 33554466 (`goout-day`), which devices
//! accept and ignore, and 33554474 (`air-filter-life`), which nobody has seen in use.

use super::capability::{Capability, Limits};
use super::parameter::{Kind, Parameter};
use super::{Body, Command, Danger};
use crate::navien::protocol::topic::Place;

const DAYS: Kind = Kind::Whole { least: 1, most: 30, unit: "days" };
/// What may be sent: power-off has commands of its own.
const MODES: Kind = Kind::Choice(&[
    (1, "Heat Pump"),
    (2, "Electric"),
    (3, "Energy Saver"),
    (4, "High Demand"),
    (5, "Vacation"),
]);
const RECIRCULATION: Kind =
    Kind::Choice(&[(1, "always"), (2, "at the button"), (3, "by schedule"), (4, "by temperature")]);
const FIRMWARE: Kind = Kind::Choice(&[(1, "controller"), (2, "panel"), (4, "Wi-Fi module")]);

const ENABLED: Parameter = parameter("enabled", "On", "reservationUse", Kind::Switch).optional();
const SERIAL: Parameter =
    parameter("serial", "Serial number", "controllerSerialNumber", Kind::SerialNumber).optional();

const fn parameter(name: &'static str, title: &'static str, wire: &'static str, kind: Kind) -> Parameter {
    Parameter { name, title, wire, kind, is_optional: false }
}

impl Parameter {
    const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

/// A command that only asks, until told otherwise.
const fn query(
    name: &'static str,
    code: i64,
    place: Place,
    title: &'static str,
    explanation: &'static str,
) -> Command {
    Command {
        name,
        title,
        explanation,
        code,
        place,
        body: Body::Keys,
        parameters: &[],
        needs: &[],
        danger: Danger::Harmless,
        is_proven: true,
    }
}

/// A command that changes the device, by a mode word.
const fn control(
    name: &'static str,
    code: i64,
    mode: &'static str,
    title: &'static str,
    explanation: &'static str,
) -> Command {
    query(name, code, Place::Control, title, explanation).body(Body::Mode(mode, &[])).danger(Danger::Changes)
}

impl Command {
    const fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    const fn takes(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    const fn needs(self, needs: &'static [Capability]) -> Self {
        Self { needs, ..self }
    }

    const fn danger(self, danger: Danger) -> Self {
        Self { danger, ..self }
    }

    const fn unproven(self) -> Self {
        Self { is_proven: false, ..self }
    }
}

/// All commands: questions first, then what an owner uses, then what a service person uses.
pub static CATALOGUE: &[Command] = &[
    query("status", 16_777_219, Place::Status, "Ask for the status", "Asks the device for its state."),
    query(
        "info",
        16_777_217,
        Place::Info,
        "Ask for the equipment",
        "Asks the device what it can do and its limits.",
    ),
    query(
        "present",
        0,
        Place::Status,
        "Say that we are here",
        "Tells the device that a client is connected.",
    )
    .body(Body::Presence),
    query(
        "reservations",
        16_777_222,
        Place::ReadReservations,
        "Ask for the reservations",
        "Asks for the timetable of mode and setpoint.",
    ),
    query(
        "energy",
        16_777_225,
        Place::Energy,
        "Ask for energy use",
        "Asks for the energy used on each day of months.",
    )
    .takes(&[
        parameter("months", "Months", "month", Kind::Months),
        parameter("year", "Year", "year", Kind::Whole { least: 2000, most: 2100, unit: "" }),
    ]),
    query(
        "tariff",
        33_554_439,
        Place::TimeOfUse,
        "Ask for the tariff",
        "Asks for the time-of-use tariff. Some devices do not answer this.",
    )
    .takes(&[SERIAL]),
    control(
        "temperature",
        33_554_464,
        "dhw-temperature",
        "Set the water temperature",
        "Changes the setpoint of the hot water. Water above 50 °C (122 °F) scalds.",
    )
    .takes(&[parameter("target", "Temperature", "", Kind::Temperature(Limits::Setpoint))])
    .needs(&[Capability::DhwTemperature])
    .danger(Danger::Dangerous),
    control(
        "mode",
        33_554_437,
        "dhw-mode",
        "Set the mode",
        "Changes how water is heated. For a vacation there is a command of its own.",
    )
    .takes(&[
        parameter("mode", "Mode", "", MODES),
        parameter("days", "Days of vacation", "", DAYS).optional(),
    ])
    .needs(&[Capability::Dhw]),
    control(
        "vacation",
        33_554_437,
        "dhw-mode",
        "Go on vacation",
        "Lets the water cool for so many days; afterwards the device returns to its mode.",
    )
    .body(Body::Mode("dhw-mode", &[5]))
    .takes(&[parameter("days", "Days", "", DAYS)])
    .needs(&[Capability::Vacation, Capability::Dhw]),
    control("power-on", 33_554_434, "power-on", "Switch on", "Switches the water heater on.")
        .needs(&[Capability::Power]),
    control(
        "power-off",
        33_554_433,
        "power-off",
        "Switch off",
        "Switches the water heater off: no hot water any more.",
    )
    .needs(&[Capability::Power])
    .danger(Danger::Dangerous),
    control(
        "anti-legionella-on",
        33_554_472,
        "anti-leg-on",
        "Anti-legionella on",
        "Heats the tank against legionella bacteria every so many days.",
    )
    .takes(&[parameter("days", "Period", "", DAYS)])
    .needs(&[Capability::AntiLegionella]),
    control(
        "anti-legionella-off",
        33_554_471,
        "anti-leg-off",
        "Anti-legionella off",
        "Stops the cycles that kill legionella bacteria: a risk to health.",
    )
    .needs(&[Capability::AntiLegionella])
    .danger(Danger::Dangerous),
    control(
        "freeze-protection",
        33_554_451,
        "frez-temp",
        "Set the freeze protection",
        "Changes the temperature below which the device protects itself against frost.",
    )
    .takes(&[parameter("target", "Temperature", "", Kind::Temperature(Limits::Freeze))])
    .needs(&[Capability::FreezeProtection])
    .unproven(),
    query(
        "set-reservations",
        16_777_226,
        Place::WriteReservations,
        "Replace the reservations",
        "Replaces the whole timetable of mode and setpoint; what is not in the list is gone.",
    )
    .takes(&[ENABLED, parameter("entries", "Reservations", "reservation", Kind::Reservations)])
    .danger(Danger::Dangerous),
    query(
        "set-weekly",
        33_554_438,
        Place::Control,
        "Replace the weekly timetable",
        "Replaces the whole weekly timetable; what is not in the list is gone.",
    )
    .takes(&[ENABLED, parameter("entries", "Reservations", "reservation", Kind::Reservations)])
    .needs(&[Capability::Program])
    .danger(Danger::Dangerous)
    .unproven(),
    control(
        "water-program",
        33_554_441,
        "reservation-mode",
        "Follow the water program",
        "Makes the device follow its reservations.",
    )
    .needs(&[Capability::Program]),
    control(
        "tariff-on",
        33_554_476,
        "tou-on",
        "Tariff on",
        "Makes the device heat when electricity is cheap.",
    )
    .needs(&[Capability::Program]),
    control(
        "tariff-off",
        33_554_475,
        "tou-off",
        "Tariff off",
        "Makes the device ignore the price of electricity.",
    )
    .needs(&[Capability::Program]),
    query(
        "set-tariff",
        33_554_439,
        Place::TimeOfUse,
        "Replace the tariff",
        "Replaces all periods of the time-of-use tariff; what is not in the list is gone.",
    )
    .takes(&[SERIAL, ENABLED, parameter("periods", "Periods", "reservation", Kind::Tariff)])
    .needs(&[Capability::Program])
    .danger(Danger::Dangerous),
    control(
        "demand-response-on",
        33_554_470,
        "dr-on",
        "Demand response on",
        "Lets the electricity supplier take part.",
    )
    .needs(&[Capability::DemandResponse])
    .unproven(),
    control(
        "demand-response-off",
        33_554_469,
        "dr-off",
        "Demand response off",
        "Keeps the electricity supplier out.",
    )
    .needs(&[Capability::DemandResponse])
    .unproven(),
    control(
        "intelligent-on",
        33_554_468,
        "intelligent-on",
        "Intelligent on",
        "Lets the device learn when water is used.",
    )
    .unproven(),
    control(
        "intelligent-off",
        33_554_467,
        "intelligent-off",
        "Intelligent off",
        "Stops the device from learning.",
    )
    .unproven(),
    control(
        "hot-button",
        33_554_444,
        "recirc-hotbtn",
        "Press the hot button",
        "Runs the recirculation pump once.",
    )
    .body(Body::Mode("recirc-hotbtn", &[1]))
    .needs(&[Capability::Recirculation])
    .unproven(),
    control(
        "recirculation",
        33_554_445,
        "recirc-mode",
        "Set the recirculation",
        "Changes when the pump runs.",
    )
    .takes(&[parameter("mode", "Mode", "", RECIRCULATION)])
    .needs(&[Capability::Recirculation])
    .unproven(),
    query(
        "set-recirculation",
        33_554_440,
        Place::Control,
        "Replace the recirculation schedule",
        "Replaces the whole schedule of the pump; what is not in the list is gone.",
    )
    .takes(&[parameter("periods", "Periods", "schedule", Kind::Recirculation)])
    .needs(&[Capability::RecirculationSchedule])
    .danger(Danger::Dangerous)
    .unproven(),
    control(
        "air-filter-reset",
        33_554_473,
        "air-filter-reset",
        "Reset the air filter",
        "Counts the filter's hours anew.",
    )
    .unproven(),
    control(
        "smart-diagnostic",
        33_554_455,
        "smart-diagnostic",
        "Run the self-test",
        "Runs the smart diagnostic.",
    )
    .unproven(),
    control(
        "firmware-check",
        33_554_443,
        "ota-check",
        "Look for new firmware",
        "Makes the device look for firmware.",
    )
    .unproven(),
    control(
        "wifi-reconnect",
        33_554_446,
        "wifi-reconnect",
        "Reconnect the Wi-Fi",
        "Makes the Wi-Fi module connect anew: the device is gone for a while.",
    )
    .danger(Danger::Dangerous)
    .unproven(),
    control(
        "wifi-reset",
        33_554_447,
        "wifi-reset",
        "Forget the Wi-Fi",
        "Makes the Wi-Fi module forget its network: somebody must set it up again at the device.",
    )
    .danger(Danger::OneWay)
    .unproven(),
    query(
        "firmware-update",
        33_554_442,
        Place::Control,
        "Install firmware",
        "Writes new firmware into the device. It cannot be taken back.",
    )
    .body(Body::Inside("commitOta"))
    .takes(&[
        parameter("part", "Part", "swCode", FIRMWARE),
        parameter("version", "Version", "swVersion", Kind::Whole { least: 0, most: 4_294_967_295, unit: "" }),
    ])
    .danger(Danger::OneWay)
    .unproven(),
];
