//! All commands, as data.
//!
//! Two numbers known from the vendor's app are left out on purpose: 33554466 (`goout-day`), which devices
//! accept and ignore, and 33554474 (`air-filter-life`), which was never seen in use.

use super::capability::{Capability, TemperatureLimits};
use super::parameter::{ArgumentKind, CommandParameter};
use super::{Command, CommandBody, Danger};
use crate::navien::protocol::code::DhwOperationSetting;
use crate::navien::protocol::topic::RequestTopic;

const DAYS: ArgumentKind = ArgumentKind::Integer { least: 1, most: 30, unit: "days" };
/// The modes that can be sent: power-off has commands of its own.
const MODES: ArgumentKind = ArgumentKind::Choice(&[
    (1, "Heat Pump"),
    (2, "Electric"),
    (3, "Energy Saver"),
    (4, "High Demand"),
    (5, "Vacation"),
]);
const RECIRCULATION: ArgumentKind =
    ArgumentKind::Choice(&[(1, "always"), (2, "at the button"), (3, "by schedule"), (4, "by temperature")]);
const FIRMWARE: ArgumentKind = ArgumentKind::Choice(&[(1, "controller"), (2, "panel"), (4, "Wi-Fi module")]);

const ENABLED: CommandParameter =
    parameter("enabled", "On", "reservationUse", ArgumentKind::Switch).optional();
const SERIAL: CommandParameter =
    parameter("serial", "Serial number", "controllerSerialNumber", ArgumentKind::SerialNumber).optional();

const fn parameter(
    name: &'static str,
    title: &'static str,
    wire: &'static str,
    kind: ArgumentKind,
) -> CommandParameter {
    CommandParameter { name, title, wire, kind, is_optional: false, only_for_mode: None }
}

/// A read-only command, unless changed by a later call.
const fn query(
    name: &'static str,
    code: i64,
    request_topic: RequestTopic,
    title: &'static str,
    explanation: &'static str,
) -> Command {
    Command {
        name,
        title,
        explanation,
        code,
        request_topic,
        body: CommandBody::Keys,
        parameters: &[],
        required_capabilities: &[],
        danger: Danger::Harmless,
        is_verified: true,
    }
}

/// A command that changes the device, with a mode word.
const fn control(
    name: &'static str,
    code: i64,
    mode: &'static str,
    title: &'static str,
    explanation: &'static str,
) -> Command {
    query(name, code, RequestTopic::Control, title, explanation)
        .with_body(CommandBody::Mode(mode, &[]))
        .with_danger(Danger::Changes)
}

/// All commands: queries first, then commands for owners, then commands for service.
pub static CATALOGUE: &[Command] = &[
    query(
        "status",
        16_777_219,
        RequestTopic::Status,
        "Request the status",
        "Requests the state of the device.",
    ),
    query(
        "info",
        16_777_217,
        RequestTopic::Info,
        "Request the equipment",
        "Requests the capabilities and limits of the device.",
    ),
    query(
        "present",
        0,
        RequestTopic::Status,
        "Announce this client",
        "Tells the device that a client is connected.",
    )
    .with_body(CommandBody::Presence),
    query(
        "reservations",
        16_777_222,
        RequestTopic::ReadReservations,
        "Request the reservations",
        "Requests the timetable of mode and setpoint.",
    ),
    query(
        "energy",
        16_777_225,
        RequestTopic::Energy,
        "Request energy use",
        "Requests the energy used on each day of the given months.",
    )
    .with_parameters(&[
        parameter("months", "Months", "month", ArgumentKind::Months),
        parameter("year", "Year", "year", ArgumentKind::Integer { least: 2000, most: 2100, unit: "" }),
    ]),
    query(
        "tariff",
        33_554_439,
        RequestTopic::TimeOfUse,
        "Request the tariff",
        "Requests the time-of-use tariff. Some devices do not answer this.",
    )
    .with_parameters(&[SERIAL]),
    control(
        "temperature",
        33_554_464,
        "dhw-temperature",
        "Set the water temperature",
        "Changes the setpoint of the hot water. Water above 50 °C (122 °F) scalds.",
    )
    .with_parameters(&[parameter(
        "target",
        "Temperature",
        "",
        ArgumentKind::Temperature(TemperatureLimits::Setpoint),
    )])
    .requires(&[Capability::DhwTemperature])
    .with_danger(Danger::Dangerous),
    control(
        "mode",
        33_554_437,
        "dhw-mode",
        "Set the mode",
        "Changes how water is heated. For a vacation use the command `vacation`.",
    )
    .with_parameters(&[
        parameter("mode", "Mode", "", MODES),
        parameter("days", "Days of vacation", "", DAYS).only_for_mode(DhwOperationSetting::Vacation.number()),
    ])
    .requires(&[Capability::Dhw]),
    control(
        "vacation",
        33_554_437,
        "dhw-mode",
        "Go on vacation",
        "Lets the water cool for this many days; then the device returns to its mode.",
    )
    .with_body(CommandBody::Mode("dhw-mode", &[5]))
    .with_parameters(&[parameter("days", "Days", "", DAYS)])
    .requires(&[Capability::Vacation, Capability::Dhw]),
    control("power-on", 33_554_434, "power-on", "Switch on", "Switches the water heater on.")
        .requires(&[Capability::Power]),
    control(
        "power-off",
        33_554_433,
        "power-off",
        "Switch off",
        "Switches the water heater off: no more hot water.",
    )
    .requires(&[Capability::Power])
    .with_danger(Danger::Dangerous),
    control(
        "anti-legionella-on",
        33_554_472,
        "anti-leg-on",
        "Anti-legionella on",
        "Heats the tank against legionella bacteria at this interval in days.",
    )
    .with_parameters(&[parameter("days", "Period", "", DAYS)])
    .requires(&[Capability::AntiLegionella]),
    control(
        "anti-legionella-off",
        33_554_471,
        "anti-leg-off",
        "Anti-legionella off",
        "Stops the cycles that kill legionella bacteria: a risk to health.",
    )
    .requires(&[Capability::AntiLegionella])
    .with_danger(Danger::Dangerous),
    control(
        "freeze-protection",
        33_554_451,
        "frez-temp",
        "Set the freeze protection",
        "Changes the temperature below which the device protects itself against frost.",
    )
    .with_parameters(&[parameter(
        "target",
        "Temperature",
        "",
        ArgumentKind::Temperature(TemperatureLimits::Freeze),
    )])
    .requires(&[Capability::FreezeProtection])
    .unverified(),
    query(
        "set-reservations",
        16_777_226,
        RequestTopic::WriteReservations,
        "Replace the reservations",
        "Replaces the whole timetable of mode and setpoint; entries missing from the list are deleted.",
    )
    .with_parameters(&[
        ENABLED,
        parameter("entries", "Reservations", "reservation", ArgumentKind::Reservations),
    ])
    .with_danger(Danger::Dangerous),
    query(
        "set-weekly",
        33_554_438,
        RequestTopic::Control,
        "Replace the weekly timetable",
        "Replaces the whole weekly timetable; entries missing from the list are deleted.",
    )
    .with_parameters(&[
        ENABLED,
        parameter("entries", "Reservations", "reservation", ArgumentKind::Reservations),
    ])
    .requires(&[Capability::Program])
    .with_danger(Danger::Dangerous)
    .unverified(),
    control(
        "water-program",
        33_554_441,
        "reservation-mode",
        "Follow the water program",
        "Makes the device follow its reservations.",
    )
    .requires(&[Capability::Program]),
    control(
        "tariff-on",
        33_554_476,
        "tou-on",
        "Tariff on",
        "Makes the device heat when electricity is cheap.",
    )
    .requires(&[Capability::Program]),
    control(
        "tariff-off",
        33_554_475,
        "tou-off",
        "Tariff off",
        "Makes the device ignore the price of electricity.",
    )
    .requires(&[Capability::Program]),
    query(
        "set-tariff",
        33_554_439,
        RequestTopic::TimeOfUse,
        "Replace the tariff",
        "Replaces all periods of the time-of-use tariff; periods missing from the list are deleted.",
    )
    .with_parameters(&[SERIAL, ENABLED, parameter("periods", "Periods", "reservation", ArgumentKind::Tariff)])
    .requires(&[Capability::Program])
    .with_danger(Danger::Dangerous),
    control(
        "demand-response-on",
        33_554_470,
        "dr-on",
        "Demand response on",
        "Enables demand response by the electricity supplier.",
    )
    .requires(&[Capability::DemandResponse])
    .unverified(),
    control("demand-response-off", 33_554_469, "dr-off", "Demand response off", "Disables demand response.")
        .requires(&[Capability::DemandResponse])
        .unverified(),
    control(
        "intelligent-on",
        33_554_468,
        "intelligent-on",
        "Intelligent on",
        "Lets the device learn when water is used.",
    )
    .unverified(),
    control(
        "intelligent-off",
        33_554_467,
        "intelligent-off",
        "Intelligent off",
        "Stops the device from learning.",
    )
    .unverified(),
    control(
        "hot-button",
        33_554_444,
        "recirc-hotbtn",
        "Press the hot button",
        "Runs the recirculation pump once.",
    )
    .with_body(CommandBody::Mode("recirc-hotbtn", &[1]))
    .requires(&[Capability::Recirculation])
    .unverified(),
    control(
        "recirculation",
        33_554_445,
        "recirc-mode",
        "Set the recirculation",
        "Changes when the pump runs.",
    )
    .with_parameters(&[parameter("mode", "Mode", "", RECIRCULATION)])
    .requires(&[Capability::Recirculation])
    .unverified(),
    query(
        "set-recirculation",
        33_554_440,
        RequestTopic::Control,
        "Replace the recirculation schedule",
        "Replaces the whole schedule of the pump; periods missing from the list are deleted.",
    )
    .with_parameters(&[parameter("periods", "Periods", "schedule", ArgumentKind::Recirculation)])
    .requires(&[Capability::RecirculationSchedule])
    .with_danger(Danger::Dangerous)
    .unverified(),
    control(
        "air-filter-reset",
        33_554_473,
        "air-filter-reset",
        "Reset the air filter",
        "Resets the filter hours.",
    )
    .unverified(),
    control(
        "smart-diagnostic",
        33_554_455,
        "smart-diagnostic",
        "Run the self-test",
        "Runs the smart diagnostic.",
    )
    .unverified(),
    control(
        "firmware-check",
        33_554_443,
        "ota-check",
        "Check for new firmware",
        "Makes the device check for new firmware.",
    )
    .unverified(),
    control(
        "wifi-reconnect",
        33_554_446,
        "wifi-reconnect",
        "Reconnect the Wi-Fi",
        "Makes the Wi-Fi module reconnect: the device is offline for a while.",
    )
    .with_danger(Danger::Dangerous)
    .unverified(),
    control(
        "wifi-reset",
        33_554_447,
        "wifi-reset",
        "Forget the Wi-Fi",
        "Makes the Wi-Fi module forget its network: it must be set up again at the device.",
    )
    .with_danger(Danger::Irreversible)
    .unverified(),
    query(
        "firmware-update",
        33_554_442,
        RequestTopic::Control,
        "Install firmware",
        "Installs new firmware on the device. This is irreversible.",
    )
    .with_body(CommandBody::Nested("commitOta"))
    .with_parameters(&[
        parameter("part", "Part", "swCode", FIRMWARE),
        parameter(
            "version",
            "Version",
            "swVersion",
            ArgumentKind::Integer { least: 0, most: 4_294_967_295, unit: "" },
        ),
    ])
    .with_danger(Danger::Irreversible)
    .unverified(),
];
