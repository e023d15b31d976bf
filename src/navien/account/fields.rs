//! Deserializers for fields that may be missing, null, or of another type than documented.
//!
//! None of these fails on a wrong type: the field then counts as absent.

use std::fmt;
use std::marker::PhantomData;

use secrecy::SecretString;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text; a number is read as its digits.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    from.deserialize_any(LenientVisitor::<String>(PhantomData))
}

/// Non-empty text, not copied anywhere else on its way.
pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    from.deserialize_any(LenientVisitor::<SecretString>(PhantomData))
}

/// A whole number; text is accepted if it is one.
pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    from.deserialize_any(LenientVisitor::<i64>(PhantomData))
}

/// The types that a field can be read as.
trait LenientField: Sized {
    fn from_text(text: &str) -> Option<Self>;
    fn from_integer(number: i64) -> Option<Self>;
}

impl LenientField for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn from_integer(number: i64) -> Option<Self> {
        Some(number.to_string())
    }
}

impl LenientField for SecretString {
    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn from_integer(_: i64) -> Option<Self> {
        None
    }
}

impl LenientField for i64 {
    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn from_integer(number: i64) -> Option<Self> {
        Some(number)
    }
}

struct LenientVisitor<T>(PhantomData<T>);

impl<'de, T: LenientField> Visitor<'de> for LenientVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::from_integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().and_then(T::from_integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_possible_truncation, reason = "within the range that f64 holds exactly")]
        let whole = (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        Ok(whole.and_then(T::from_integer))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "text")]
        text: Option<String>,
        #[serde(default, deserialize_with = "secret")]
        secret: Option<SecretString>,
        #[serde(default, deserialize_with = "integer")]
        integer: Option<i64>,
    }

    #[test]
    fn no_type_is_an_error() {
        for (value, text, secret, integer) in [
            ("\"7\"", Some("7"), Some("7"), Some(7)),
            ("7", Some("7"), None, Some(7)),
            ("7.0", Some("7"), None, Some(7)),
            ("7.5", None, None, None),
            ("1e300", None, None, None),
            ("-3", Some("-3"), None, Some(-3)),
            ("18446744073709551615", None, None, None),
            ("\"\"", Some(""), None, None),
            ("null", None, None, None),
            ("true", None, None, None),
            ("[1, [2]]", None, None, None),
            ("{\"a\": {\"b\": 1}}", None, None, None),
        ] {
            let json = format!("{{\"text\": {value}, \"secret\": {value}, \"integer\": {value}}}");
            let fields: Fields = serde_json::from_str(&json).unwrap();
            assert_eq!(fields.text.as_deref(), text, "{value}");
            assert_eq!(fields.secret.as_ref().map(ExposeSecret::expose_secret), secret, "{value}");
            assert_eq!(fields.integer, integer, "{value}");
        }
        let empty: Fields = serde_json::from_str("{}").unwrap();
        assert!(empty.text.is_none() && empty.secret.is_none() && empty.integer.is_none());
    }
}
