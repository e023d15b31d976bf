//! Fields of a message: how they are read and shown.

use serde_json::{Map, Value};

use super::code;
use super::error_code::ErrorCode;
use super::number::{real, rounded, whole};
use super::timetable::{Season, Week};
use super::unit::{
    DisplayUnits, Energy, FlowRate, Temperature, TemperatureDifference, TemperatureUnit, Volume,
};
use crate::diagnostics::clean::clean;

/// Watt-hours per count of an energy field.
const WH_PER_COUNT: i64 = 4;
/// Maximum number of characters kept of an external text.
pub(super) const MAX_TEXT_CHARS: usize = 64;
/// Maximum number of unknown field names kept of one message.
const MAX_UNKNOWN_NAMES: usize = 16;

/// A field of a message: a row of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageField {
    /// Name on the wire.
    pub wire: &'static str,
    /// Label for the user.
    pub label: &'static str,
    /// Unit of a plain number; empty if it has none or if the value includes its own.
    pub unit: &'static str,
}

/// A field with its value, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    /// Which field.
    pub field: MessageField,
    /// Its value as text; `None` if it was not reported.
    pub words: Option<String>,
}

/// The parts of a message that could not be parsed. Bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnparsedFields {
    /// Known fields with invalid values: wire name, and the value cleaned and cut.
    pub unreadable: Vec<(&'static str, String)>,
    /// Names of unknown fields, cleaned and cut; the first sixteen.
    pub unknown: Vec<String>,
    /// Number of further unknown fields.
    pub unknown_more: usize,
}

impl UnparsedFields {
    /// Whether everything was parsed.
    pub fn is_empty(&self) -> bool {
        self.unreadable.is_empty() && self.unknown.is_empty()
    }
}

/// An external text, safe to show and limited in length.
pub(super) fn clean_and_cut(text: &str) -> String {
    let cut: String = text.chars().take(MAX_TEXT_CHARS).collect();
    clean(&cut).into_owned()
}

/// Takes known fields out of an object and records what could not be parsed.
pub(super) struct FieldReader<'a> {
    object: &'a Map<String, Value>,
    taken: usize,
    unreadable: Vec<(&'static str, String)>,
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, taken: 0, unreadable: Vec::new() }
    }

    /// Reads the first of the names that is present. Missing and `null` give `None`.
    pub(super) fn take<E: Encoding>(&mut self, names: &[&'static str]) -> Option<E::Out> {
        let (wire, json) = names.iter().find_map(|name| Some((*name, self.object.get(*name)?)))?;
        self.taken += 1;
        let value = if json.is_null() { return None } else { E::read(json) };
        if value.is_none() {
            let description = match json {
                Value::Array(items) => format!("a list of {}", items.len()),
                Value::Object(fields) => format!("an object of {}", fields.len()),
                Value::String(text) => format!("\"{}\"", clean_and_cut(text)),
                other => other.to_string(),
            };
            self.unreadable.push((wire, description));
        }
        value
    }

    pub(super) fn finish(self, is_known: impl Fn(&str) -> bool) -> UnparsedFields {
        let unknown = self.object.len().saturating_sub(self.taken);
        let names = self.object.keys().filter(|name| !is_known(name));
        let names: Vec<String> =
            names.take(unknown.min(MAX_UNKNOWN_NAMES)).map(|name| clean_and_cut(name)).collect();
        UnparsedFields {
            unreadable: self.unreadable,
            unknown_more: unknown.saturating_sub(names.len()),
            unknown: names,
        }
    }
}

/// An encoding of a value on the wire.
pub(super) trait Encoding {
    type Out;

    /// `None` for an invalid value.
    fn read(json: &Value) -> Option<Self::Out>;

    fn words(value: &Self::Out, unit: &str, view: DisplayUnits) -> String;
}

/// Encodings by their marks in the field table; an enumeration is its own encoding.
macro_rules! encodings {
    ($($(#[doc = $doc:literal])+ $mark:ident -> $out:ty { $read:expr } { $words:expr })+) => {$(
        $(#[doc = $doc])+
        pub(super) struct $mark;

        impl Encoding for $mark {
            type Out = $out;

            fn read(json: &Value) -> Option<$out> {
                let read: fn(&Value) -> Option<$out> = $read;
                read(json)
            }

            fn words(value: &$out, unit: &str, view: DisplayUnits) -> String {
                let words: fn(&$out, &str, DisplayUnits) -> String = $words;
                words(value, unit, view)
            }
        }
    )+};
}

encodings! {
    /// 2 is yes, everything else no.
    B -> bool { |json| flag(json, |number| number == 2) } { |value, _, _| yes_no(*value) }
    /// Everything but 0 is yes.
    NotZero -> bool { |json| flag(json, |number| number != 0) } { |value, _, _| yes_no(*value) }
    /// 1 is yes, everything else no.
    One -> bool { |json| flag(json, |number| number == 1) } { |value, _, _| yes_no(*value) }
    /// Half °C.
    H -> Temperature { |json| Temperature::from_tenths(real(json)? * 5.0) }
        { |value, _, view| value.words(view.unit) }
    /// Half °C, shown in whole °F.
    R -> Temperature { |json| Temperature::from_tenths(real(json)? * 5.0) } { |value, _, view| panel(*value, view) }
    /// Tenths °C.
    D -> Temperature { |json| Temperature::from_tenths(real(json)?) } { |value, _, view| value.words(view.unit) }
    /// Tenths K of a difference.
    Delta -> TemperatureDifference { |json| TemperatureDifference::from_tenths(real(json)?) }
        { |value, _, view| value.words(view.unit) }
    /// Tenths of a liter per minute.
    F -> FlowRate { |json| FlowRate::from_tenths(real(json)?) } { |value, _, view| value.words(view.unit) }
    /// Liters.
    V -> Volume { |json| u32::try_from(rounded(json)?).ok().map(Volume::from_liters) }
        { |value, _, view| value.words(view.unit) }
    /// Counts of 4 Wh.
    E -> Energy { |json| rounded(json)?.checked_mul(WH_PER_COUNT).map(Energy::from_wh) }
        { |value, _, _| value.to_string() }
    /// Watt-hours.
    Wh -> Energy { |json| rounded(json).map(Energy::from_wh) } { |value, _, _| value.to_string() }
    /// A plain whole number.
    I -> i64 { rounded } { |value, unit, _| join(&value.to_string(), unit) }
    /// A plain number.
    Real -> f64 { real } { |value, unit, _| with_unit(*value, unit) }
    /// A text.
    Text -> String { |json| Some(clean_and_cut(json.as_str()?)).filter(|text| !text.is_empty()) }
        { |value, _, _| value.clone() }
    /// An error number.
    Error -> ErrorCode { |json| whole(json).map(ErrorCode) } { |value, _, _| value.words(0) }
}

/// Bit sets that are their own encoding.
macro_rules! bits {
    ($($name:ident)+) => {$(
        impl Encoding for $name {
            type Out = Self;

            fn read(json: &Value) -> Option<Self> {
                whole(json)?.try_into().ok().map(Self)
            }

            fn words(value: &Self, _: &str, _: DisplayUnits) -> String {
                value.to_string()
            }
        }
    )+};
}

bits! { Week Season }

macro_rules! coded {
    ($($name:ident)+) => {$(
        impl Encoding for code::$name {
            type Out = Self;

            fn read(json: &Value) -> Option<Self> {
                whole(json).map(Self::from_number)
            }

            fn words(value: &Self, _: &str, _: DisplayUnits) -> String {
                value.to_string()
            }
        }
    )+};
}

coded! {
    OnOff DhwOperationSetting CurrentOperationMode HeatSource DrEvent RecirculationMode DhwControlType
    TemperatureType TempFormula TankSize UnitType Country StatusType
}

fn flag(json: &Value, is_yes: fn(i64) -> bool) -> Option<bool> {
    json.as_bool().or_else(|| whole(json).map(is_yes))
}

fn yes_no(is_set: bool) -> String {
    if is_set { "yes" } else { "no" }.to_owned()
}

fn panel(temperature: Temperature, view: DisplayUnits) -> String {
    match view.unit {
        TemperatureUnit::Celsius => temperature.words(view.unit),
        TemperatureUnit::Fahrenheit => format!("{:.0} °F", temperature.panel_fahrenheit(view.rounding)),
    }
}

fn join(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.to_owned() } else { format!("{number} {unit}") }
}

/// A number of any size with its unit, in a few characters.
pub(super) fn with_unit(number: f64, unit: &str) -> String {
    let is_plain_notation = number == 0.0 || (1e-6..1e15).contains(&number.abs());
    let words = if is_plain_notation { number.to_string() } else { format!("{number:e}") };
    join(&words, unit)
}

/// The Rust type of a mark in the field table.
macro_rules! field_type {
    (B) => {
        bool
    };
    (NotZero) => {
        bool
    };
    (One) => {
        bool
    };
    (H) => {
        $crate::navien::protocol::unit::Temperature
    };
    (R) => {
        $crate::navien::protocol::unit::Temperature
    };
    (D) => {
        $crate::navien::protocol::unit::Temperature
    };
    (Delta) => {
        $crate::navien::protocol::unit::TemperatureDifference
    };
    (F) => {
        $crate::navien::protocol::unit::FlowRate
    };
    (V) => {
        $crate::navien::protocol::unit::Volume
    };
    (E) => {
        $crate::navien::protocol::unit::Energy
    };
    (Wh) => {
        $crate::navien::protocol::unit::Energy
    };
    (I) => {
        i64
    };
    (Real) => {
        f64
    };
    (Text) => {
        String
    };
    (Error) => {
        $crate::navien::protocol::error_code::ErrorCode
    };
    ($enumeration:ident) => {
        $enumeration
    };
}

/// A struct from a table of its fields: wire name (and other spellings), name, mark, unit, label.
macro_rules! message {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $($wire:literal $(| $alias:literal)* $field:ident $mark:ident $([$unit:literal])? $label:literal;)+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $(#[doc = concat!($label, ". On the wire `", $wire, "`", $(" in ", $unit,)? ".")]
            pub $field: Option<$crate::navien::protocol::field::field_type!($mark)>,)+
            /// The fields that are unknown or could not be read.
            pub unparsed: $crate::navien::protocol::field::UnparsedFields,
        }

        impl $name {
            /// All fields in the order of the table.
            pub const FIELDS: &'static [$crate::navien::protocol::field::MessageField] = &[
                $($crate::navien::protocol::field::MessageField {
                    wire: $wire, label: $label, unit: concat!($($unit)?),
                },)+
            ];

            /// Reads the known fields. It cannot fail: an invalid field is `None` and is listed in
            /// `unparsed`.
            pub fn read(object: &serde_json::Map<String, serde_json::Value>) -> Self {
                let mut reader = $crate::navien::protocol::field::FieldReader::new(object);
                let mut message = Self {
                    $($field: reader.take::<$mark>(&[$wire $(, $alias)*]),)+
                    unparsed: $crate::navien::protocol::field::UnparsedFields::default(),
                };
                message.unparsed = reader.finish(|name| [$($wire $(, $alias)*),+].contains(&name));
                message
            }

            /// Every field as text, in the order of the table.
            pub fn list(&self, view: $crate::navien::protocol::unit::DisplayUnits) -> Vec<$crate::navien::protocol::field::FieldValue> {
                use $crate::navien::protocol::field::Encoding as _;
                let words = [
                    $(self.$field.as_ref().map(|value| $mark::words(value, concat!($($unit)?), view)),)+
                ];
                let pair = |(field, words): (&$crate::navien::protocol::field::MessageField, _)| {
                    $crate::navien::protocol::field::FieldValue { field: *field, words }
                };
                Self::FIELDS.iter().zip(words).map(pair).collect()
            }
        }
    };
}

pub(super) use {field_type, message};
