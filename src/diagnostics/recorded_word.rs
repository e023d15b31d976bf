//! A word of the recording format that this version may not know.

use std::fmt::{self, Display};
use std::sync::Arc;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An enumeration whose values have fixed names in recordings and exports.
pub trait Word: Copy + PartialEq + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// The name in recordings and exports.
    fn name(self) -> &'static str;
}

/// A value of `T`, or the text of a value that this version does not know. Written as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedWord<T> {
    /// A value this version knows.
    Known(T),
    /// Any other text, as recorded: to be cleaned before it is shown.
    Other(Arc<str>),
}

impl<T: Word> RecordedWord<T> {
    /// The value with this name.
    pub fn parse(text: &str) -> Self {
        match T::ALL.iter().find(|word| word.name() == text) {
            Some(word) => Self::Known(*word),
            None => Self::Other(text.into()),
        }
    }

    /// The name as recorded.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => word.name(),
            Self::Other(text) => text,
        }
    }

    /// The value, if this version knows it.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Other(_) => None,
        }
    }
}

impl<T: Word> From<T> for RecordedWord<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

impl<T: Word> PartialEq<T> for RecordedWord<T> {
    fn eq(&self, other: &T) -> bool {
        self.known() == Some(*other)
    }
}

impl<T: Word> Display for RecordedWord<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<T: Word> Serialize for RecordedWord<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, T: Word> Deserialize<'de> for RecordedWord<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(std::marker::PhantomData<T>);

        impl<T: Word> Visitor<'_> for Text<T> {
            type Value = RecordedWord<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RecordedWord::parse(text))
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                std::str::from_utf8(bytes).map(RecordedWord::parse).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(std::marker::PhantomData)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::event::AlertState;
    use crate::diagnostics::{MqttVersion, Transport, VersionChoice};

    fn round_trips<T: Word + std::fmt::Debug>(other: &str) {
        for word in T::ALL {
            let text = format!("\"{}\"", word.name());
            let read: RecordedWord<T> = serde_json::from_str(&text).expect("a word");
            assert_eq!(read, *word);
            assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
        }
        let text = serde_json::to_string(other).expect("JSON");
        let read: RecordedWord<T> = serde_json::from_str(&text).expect("a word");
        assert_eq!((read.known(), read.as_str()), (None, other));
        assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
    }

    #[test]
    fn every_word_and_every_unknown_text_is_written_as_it_was_read() {
        for other in ["", "quic", "5.1", "Raised", "a\"b\\\n\u{202e}"] {
            round_trips::<Transport>(other);
            round_trips::<MqttVersion>(other);
            round_trips::<VersionChoice>(other);
            round_trips::<AlertState>(other);
        }
        assert!(serde_json::from_str::<RecordedWord<Transport>>("5").is_err());
        assert_eq!(format!("{:>4}", RecordedWord::from(Transport::Tls)), " tls");
    }
}
