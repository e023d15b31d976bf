//! JSON whose keys keep their order, as the vendor's app sends them.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Json {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn numbers(numbers: impl IntoIterator<Item = i64>) -> Self {
        Self::List(numbers.into_iter().map(Self::Number).collect())
    }

    pub(super) fn object(fields: Vec<(&'static str, i64)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, number)| (name, Self::Number(number))).collect())
    }

    /// The text sent on the wire.
    pub(super) fn encode(&self) -> String {
        // Fails only for maps whose keys are not text.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}
